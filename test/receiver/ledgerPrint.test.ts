/** What people, scripts and Prometheus read of the ledger. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Ledger } from "#receiver/ledger";
import { ledgerCsv, ledgerJson, ledgerMetrics, ledgerText } from "#receiver/ledgerPrint";
import { wallMillis } from "#wire";

const print = suite("receiver/ledgerPrint");
const T0 = Date.UTC(2026, 10, 20, 10);
const NOW = wallMillis(T0);
const MINUTE = 60_000;

function some(): Ledger {
  const of = new Ledger();
  const closed = (sent: number, droppedAtSource = 0) => ({ offered: sent + droppedAtSource, sent, droppedAtSource, closed: true });
  of.book(7, 1, 0, T0, 90, "received", NOW);
  of.book(7, 1, 0, T0, 8, "repaired", NOW);
  of.tell(7, 1, 0, T0, closed(100, 5), NOW);
  of.book(7, 1, 0, T0, 1, "copy", NOW);
  of.book(7, 1, 0, T0 + 4 * MINUTE, 12, "received", NOW);
  of.tell(7, 1, 0, T0 + 5 * MINUTE, closed(3), NOW);
  of.book(7, 1, 0, T0 + 5 * MINUTE, 4, "copy", NOW);
  of.tell(9, 1, 1, T0, closed(0), NOW);
  return of;
}

print("for people: a table, and what it means in words", () => {
  assert.is(
    ledgerText(some().rows(), (stream) => `pump house (${stream})`),
    `pump house (7), samples
  from (UTC)        state          sent  received  repaired  late  lost  disputed  offered  dropped at source  revision
  2026-11-20 10:00  closed          100        90         8     1     1         0      105                  5         1
  2026-11-20 10:01  nothing known     -         -         -     -     -         -        -                  -         -
  2026-11-20 10:04  open              -        12         0     0     -         0        -                  -         0
  2026-11-20 10:05  closed            3         0         0     4     0         1        3                  0         1

pump house (9), events
  from (UTC)        state   sent  received  repaired  late  lost  disputed  offered  dropped at source  revision
  2026-11-20 10:00  closed     0         0         0     0     0         0        0                  0         0

Closed: the sender said what it sent, and sent = received + repaired + late + lost.
Lost: 1 record sent that has not come. Late arrivals take from it, and raise the row's revision.
Open: of 1 minute the sender has not said to the end what it sent. What is lost there is not known.
Disputed: 1 record came beyond what the sender says it sent: sent + disputed = received + repaired + late + lost. The sender needs to be looked at.
Dropped at source: 5 records never left the sender.
`,
  );
});

print("for people: nothing known, and a memory that was lost", () => {
  assert.is(
    ledgerText([], undefined, { atMs: wallMillis(T0), why: "the journal is gone" }),
    `Nothing is known of this time: no record and no count of the sender came.

On 2026-11-20T10:00:00.000Z the memory of what had come was found lost: the journal is gone. Counts from before may be missing here, and whatever a sender start from before brings is delivered as historical only. Restart the senders to end that.
`,
  );
});

print("for scripts: an object a line", () => {
  const lines = ledgerJson(some().rows(7)).split("\n");
  assert.is(lines.length, 4);
  assert.is(
    lines[1],
    '{"from":"2026-11-20T10:04:00.000Z","stream":7,"class":"samples","span":"minute","minutes":1,"state":"open","offered":null,"droppedAtSource":null,"sent":null,"received":12,"repaired":0,"late":0,"lost":null,"disputed":0,"revision":0}',
  );
});

print("for spreadsheets", () => {
  assert.is(
    ledgerCsv(some().rows(7, T0, T0 + 5 * MINUTE)),
    "from,span,minutes,stream,class,state,offered,droppedAtSource,sent,received,repaired,late,lost,disputed,revision\r\n" +
      "2026-11-20T10:00:00.000Z,minute,1,7,samples,closed,105,5,100,90,8,1,1,0,1\r\n" +
      "2026-11-20T10:04:00.000Z,minute,1,7,samples,open,,,,12,0,0,,0,0\r\n",
  );
});

print("for Prometheus: every line is a comment or a sample, each name typed once", () => {
  const text = ledgerMetrics(some().totals());
  const lines = text.trimEnd().split("\n");
  for (const line of lines)
    assert.match(line, /^(# (HELP|TYPE) penstock_ledger_[a-z_]+ .+|penstock_ledger_[a-z_]+(\{stream="\d+"(,class="[a-z]+")?\})? \d+)$/);
  const types = lines.filter((line) => line.startsWith("# TYPE"));
  assert.is(new Set(types).size, types.length);
  for (const line of [
    'penstock_ledger_sent_total{stream="7",class="samples"} 103',
    'penstock_ledger_received_total{stream="7",class="samples"} 102',
    'penstock_ledger_late_total{stream="7",class="samples"} 5',
    'penstock_ledger_lost{stream="7",class="samples"} 1',
    'penstock_ledger_disputed{stream="7",class="samples"} 1',
    'penstock_ledger_revision_total{stream="7",class="samples"} 2',
    'penstock_ledger_open_minutes{stream="7",class="samples"} 1',
    'penstock_ledger_closed_minutes{stream="9",class="events"} 1',
    'penstock_ledger_contradictions_total{stream="7"} 0',
    "penstock_ledger_memory_lost 0",
  ])
    assert.ok(lines.includes(line), line);
});

print("a sender's clock out of its mind is held within four-digit years", () => {
  const of = new Ledger();
  of.book(7, 1, 0, Number.MAX_SAFE_INTEGER, 1, "received", NOW);
  assert.match(ledgerText(of.rows()), /9999-12-31 23:59 {2}open/);
});

print.run();
