/** Reading and telling: filters, plant language, tables. */
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type Filter, nameOf, readRecords, type StoredRecord } from "#audit/read";
import { CSV_HEADER, csvOf, sayRecord } from "#audit/words";
import { newKey, open, scratch } from "./logs.ts";
import { aShortDay } from "./records.ts";

const read = suite("audit/read");
const directory = path.join(scratch(), "log");
const log = await open(directory, newKey());
const write = await aShortDay(log);
await log.close();

async function records(filter: Filter): Promise<StoredRecord[]> {
  const unreadable = { count: 0 };
  const found: StoredRecord[] = [];
  for await (const record of readRecords(directory, filter, unreadable)) found.push(record);
  assert.is(unreadable.count, 0);
  return found;
}
const told = async (filter: Filter): Promise<string[]> => (await records(filter)).map((record) => sayRecord(record).slice(24));

read("everything, in plant language, in order, without headers and checkpoints", async () => {
  assert.equal(await told({}), [
    `#${write - 2} started: version 0.1.0, site boiler-house`,
    `#${write - 1} alice@boiler-1: session s1 opened from 10.0.0.7, roles operator, assurance certificate`,
    `#${write} alice@boiler-1: write holding 40 (feed_setpoint = 39.5 t/h, was 38.0 t/h): allowed, rule operator/feed-setpoint`,
    `#${write + 1} alice@boiler-1: answered in 4.25 ms, record ${write}`,
    `#${write + 2} denied alice@boiler-1: write holding 40 (feed_setpoint) = 81.2 t/h is above 40; rule operator/feed-setpoint (policy.yaml:31)`,
    `#${write + 3} bob@feeder-7: 120 times read holding 0-9 (pressure): allowed, rule viewer/read-all`,
    `#${write + 4} refused 10.0.0.9 at boiler-1/mutual: certificateExpired (=evil\\u{202e}\\u{001b}[2J)`,
  ]);
});

for (const [words, filter, numbers] of [
  ["who, by name", { who: "bob" }, [3]],
  ["who, as recorded", { who: "spiffe:spiffe://plant.example/operator/alice", kind: "decision" }, [0, 2]],
  ["who, without the type of the identity", { who: "spiffe://plant.example/operator/alice", kind: "decision" }, [0, 2]],
  ["who, a common name under its authority", { who: "bob@plant" }, [3]],
  ["who, never by part of a name", { who: "ali" }, []],
  ["who, never by part of an identity", { who: "plant.example/operator/alice" }, []],
  ["asset", { asset: "feeder-7" }, [3]],
  ["point, with the outcome of the write", { point: "feed_setpoint" }, [0, 1, 2]],
  ["decision deny", { decision: "deny" }, [2]],
  ["decision allow, with outcomes", { decision: "allow" }, [0, 1, 3]],
  ["kind", { kind: "outcome" }, [1]],
  ["all together", { who: "alice", asset: "boiler-1", point: "feed_setpoint", decision: "deny", kind: "decision" }, [2]],
  ["before it began", { untilMs: Date.now() - 3_600_000 }, []],
  ["after it ended", { sinceMs: Date.now() + 3_600_000 }, []],
  ["a time range around it", { sinceMs: Date.now() - 3_600_000, untilMs: Date.now() + 3_600_000, decision: "deny" }, [2]],
] as const satisfies readonly (readonly [string, Filter, readonly number[]])[]) {
  read(`filter: ${words}`, async () => {
    assert.equal(
      (await records(filter)).map(({ seq }) => seq - write),
      [...numbers],
    );
  });
}

read("checkpoints and headers are shown when the log's own kind is asked for", async () => {
  const events = (await records({ kind: "audit" })).map(({ members }) => members.event);
  assert.equal(events, ["segment", "checkpoint", "checkpoint"]);
});

read("RULINGS 16: a table row no spreadsheet and no terminal is fooled by", async () => {
  const rows = (await records({})).map(csvOf);
  const columns = CSV_HEADER.trimEnd().split(",");
  for (const row of rows) assert.ok(row.endsWith("\r\n"));
  const cells = (row: string): Record<string, string> =>
    Object.fromEntries(
      row
        .trimEnd()
        .split(",")
        .map((cell, i) => [columns[i] as string, cell]),
    );
  const allowed = cells(rows[2] as string);
  assert.equal(
    [allowed.seq, allowed.who, allowed.operations, allowed.points, allowed.before, allowed.after, allowed.decision],
    [String(write), "spiffe:spiffe://plant.example/operator/alice", "write holding 40", "feed_setpoint", "38.0", "39.5", "allow"],
  );
  assert.ok((rows[6] as string).includes(",'=evil\\u{202e}\\u{001b}[2J"));
});

read("the name in an identity", () => {
  assert.equal(["spiffe:spiffe://plant.example/operator/alice", "cn:bob@plant", "cn:a@b@plant", "source:10.10.5.7", "self"].map(nameOf), [
    "alice",
    "bob",
    "a@b",
    "source:10.10.5.7",
    "self",
  ]);
});

read.run();
