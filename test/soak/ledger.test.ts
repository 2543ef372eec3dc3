/** The soak's own judges on faults that were planted: each must say what it is there to say, and nothing where all is well. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Random } from "#test/fuzz/random";
import { faultsIn } from "./accounting.ts";
import { crowd } from "./crowd.ts";
import { ENVIRONMENT, NODE_FLAGS } from "./gateway.ts";
import { type Steadiness, steadiness } from "./generation.ts";
import { type Account, type Concern, type Decided, Ledger, type Outcome, type Sent } from "./ledger.ts";
import { lineThrough, type Sample } from "./line.ts";
import { planOf } from "./plan.ts";
import { arrivedAs, digest, drawKind, KINDS, type Kind, MOST_SERIAL, makeRequest, type Role, serialOf } from "./requests.ts";
import { killTimes } from "./soak.ts";

const ledgers = suite("soak/ledger");

const BORN = 100_000;
const KILLED = 160_000;
const AGAIN = 161_000;
const ENDED = 200_000;

const sent = (serial: number, changes: Partial<Sent> = {}): Sent => ({
  serial,
  kind: "writeOne",
  asset: "boiler",
  mayPass: true,
  write: true,
  sentMs: BORN + 1_000,
  answeredMs: BORN + 1_010,
  answer: "ok",
  digest: serial,
  ...changes,
});
const decided = (serial: number, changes: Partial<Decided> = {}): Decided => ({
  seq: 10 * serial,
  serial,
  asset: "boiler",
  allowed: true,
  pending: false,
  of: null,
  atMs: BORN + 1_001,
  ...changes,
});
const arrival = (serial: number, changes: Partial<{ asset: string; digest: number; atMs: number }> = {}) => ({
  serial,
  asset: "boiler",
  digest: serial,
  atMs: BORN + 1_005,
  ...changes,
});

/** A run with one kill, in which some writes went well; then what is planted. */
function account(plant: (ledger: Ledger) => void): Account {
  const ledger = new Ledger();
  ledger.born(BORN);
  ledger.ended(KILLED, true);
  ledger.born(AGAIN);
  ledger.ended(ENDED, false);
  ledger.blocked({ asset: "feeder", fromMs: BORN + 10_000, toMs: BORN + 15_000 });
  for (const serial of [1, 2, 3]) {
    ledger.sent(sent(serial));
    ledger.arrived(arrival(serial));
    ledger.decided(decided(serial));
    ledger.outcome({ of: 10 * serial, outcome: "answered" });
  }
  plant(ledger);
  return ledger.close();
}

function allowed(ledger: Ledger, row: Sent, outcome: string | null, arrivals: number, changes: Partial<Decided> = {}): void {
  ledger.sent(row);
  for (let i = 0; i < arrivals; i++) ledger.arrived(arrival(row.serial));
  ledger.decided(decided(row.serial, changes));
  if (outcome !== null) ledger.outcome({ of: 10 * row.serial, outcome } satisfies Outcome);
}

const denial = (serial: number, changes: Partial<Sent> = {}): Sent =>
  sent(serial, { kind: "tooLarge", mayPass: false, answer: "1", ...changes });

const WELL: readonly [string, (ledger: Ledger) => void][] = [
  ["nothing but what went well", () => {}],
  [
    "denied, answered so, counted so",
    (ledger) => {
      ledger.sent(denial(20));
      ledger.decided(decided(20, { allowed: false }));
      ledger.denials(1, BORN + 1_001);
    },
  ],
  [
    "denied, and counted in a flood",
    (ledger) => {
      for (let serial = 20; serial < 60; serial++) ledger.sent(denial(serial));
      ledger.denials(40, BORN + 11_000);
    },
  ],
  ["denied just before a kill, which took the count with it", (ledger) => ledger.sent(denial(20, { answeredMs: KILLED - 8_000 }))],
  [
    "allowed until what stands in the device was read, then denied",
    (ledger) => {
      ledger.sent(denial(20, { kind: "leap" }));
      ledger.decided(decided(20, { pending: true }));
      ledger.decided(decided(20, { seq: 201, allowed: false, of: 200 }));
      ledger.denials(1, BORN + 1_001);
    },
  ],
  [
    "allowed until what stands in the device was read, then denied, and a kill took the record of that",
    (ledger) => {
      ledger.sent(denial(20, { kind: "leap", answeredMs: KILLED - 50 }));
      ledger.decided(decided(20, { pending: true, atMs: KILLED - 100 }));
    },
  ],
  ["the device's exception", (ledger) => allowed(ledger, sent(20, { answer: "6" }), "exception", 1)],
  ["not sent, and the sender was told", (ledger) => allowed(ledger, sent(20, { answer: "10" }), "notSent", 0)],
  ["the device was silent and had it", (ledger) => allowed(ledger, sent(20, { answer: "11" }), "indeterminate", 1)],
  ["the device was silent and never had it", (ledger) => allowed(ledger, sent(20, { answer: "11" }), "indeterminate", 0)],
  ["in flight at a kill, at the device", (ledger) => allowed(ledger, sent(20, { answer: "none" }), null, 1, { atMs: KILLED - 100 })],
  ["in flight at a kill, judged and no more", (ledger) => allowed(ledger, sent(20, { answer: "none" }), null, 0, { atMs: KILLED - 100 })],
  ["in flight at a kill, not yet judged", (ledger) => ledger.sent(sent(20, { answer: "none" }))],
  [
    "an unreachable device, told at once, and a kill took the record",
    (ledger) => ledger.sent(sent(20, { answer: "10", answeredMs: KILLED - 50 })),
  ],
  [
    "written just before a block, noted a little late",
    (ledger) => {
      ledger.sent(sent(20, { asset: "feeder" }));
      ledger.arrived(arrival(20, { asset: "feeder", atMs: BORN + 10_900 }));
      ledger.decided(decided(20, { asset: "feeder" }));
      ledger.outcome({ of: 200, outcome: "answered" });
    },
  ],
];

for (const [title, plant] of WELL) ledgers(`well: ${title}`, () => assert.equal(account(plant).complaints, []));

const WRONG: readonly [string, Concern, RegExp, (ledger: Ledger) => void][] = [
  [
    "octets of a denied request came to a device",
    "octets",
    /denied octets at boiler: tooLarge 20/,
    (ledger) => {
      ledger.sent(denial(20));
      ledger.denials(1, BORN + 1_001);
      ledger.arrived(arrival(20));
    },
  ],
  ["what nobody sent came to a device", "octets", /nobody sent it/, (ledger) => ledger.arrived(arrival(77))],
  [
    "a write came in other octets than it was sent",
    "octets",
    /in other octets/,
    (ledger) => {
      ledger.sent(sent(20));
      ledger.arrived(arrival(20, { digest: 5 }));
      ledger.decided(decided(20));
      ledger.outcome({ of: 200, outcome: "answered" });
    },
  ],
  [
    "a write came to another asset",
    "octets",
    /came to feeder in other octets/,
    (ledger) => {
      ledger.sent(sent(20));
      ledger.arrived(arrival(20, { asset: "feeder" }));
      ledger.decided(decided(20));
      ledger.outcome({ of: 200, outcome: "answered" });
    },
  ],
  [
    "the log allows what is denied to everybody",
    "octets",
    /record 200 allows tooLarge 20/,
    (ledger) => {
      ledger.sent(denial(20));
      ledger.decided(decided(20));
      ledger.decided(decided(20, { seq: 201, allowed: false, of: 200 }));
      ledger.denials(1, BORN + 1_001);
    },
  ],
  [
    "a leap that no read took back",
    "octets",
    /leap\) is denied to everybody; the log has an allow and indeterminate/,
    (ledger) => allowed(ledger, denial(20, { kind: "leap", answer: "11" }), "indeterminate", 0, { pending: true }),
  ],
  ["a write came twice", "once", /came to boiler twice/, (ledger) => allowed(ledger, sent(20, { answer: "11" }), "indeterminate", 2)],
  [
    "an acknowledged write never came",
    "once",
    /acknowledged and came to the device 0 times/,
    (ledger) => allowed(ledger, sent(20), "answered", 0),
  ],
  [
    "an outcome `exception` of a write that never came",
    "once",
    /outcome exception and came to the device 0 times/,
    (ledger) => allowed(ledger, sent(20, { answer: "6" }), "exception", 0),
  ],
  [
    "a write came and the log holds no allow",
    "evidence",
    /holds no allow/,
    (ledger) => {
      ledger.sent(sent(20, { answer: "none" }));
      ledger.arrived(arrival(20));
    },
  ],
  [
    "an allow without an outcome, far from any kill",
    "fate",
    /has no outcome/,
    (ledger) => allowed(ledger, sent(20, { answer: "none" }), null, 1),
  ],
  [
    "an allow without an outcome before an orderly end",
    "fate",
    /has no outcome/,
    (ledger) => allowed(ledger, sent(20, { answer: "none" }), null, 1, { atMs: ENDED - 100 }),
  ],
  [
    "two outcomes",
    "fate",
    /has two outcomes: answered and notSent/,
    (ledger) => {
      allowed(ledger, sent(20), "answered", 1);
      ledger.outcome({ of: 200, outcome: "notSent" });
    },
  ],
  [
    "a second decision that does not name the first",
    "fate",
    /does not name the first/,
    (ledger) => {
      allowed(ledger, sent(20), "answered", 1);
      ledger.decided(decided(20, { seq: 201 }));
    },
  ],
  ["a record of what nobody sent", "fate", /tells of write 77, which nobody sent/, (ledger) => ledger.decided(decided(77))],
  [
    "notSent, and it came",
    "fate",
    /came to the device; the log has notSent/,
    (ledger) => allowed(ledger, sent(20, { answer: "none" }), "notSent", 1),
  ],
  [
    "denied at the last moment, and it came",
    "fate",
    /came to the device; the log has a denial/,
    (ledger) => {
      allowed(ledger, sent(20, { answer: "none" }), null, 1);
      ledger.decided(decided(20, { seq: 201, allowed: false, of: 200 }));
    },
  ],
  [
    "denied after an allow, far from any kill, and no record of that",
    "answer",
    /refused with 1 and the log has null/,
    (ledger) => {
      ledger.sent(denial(20, { kind: "leap" }));
      ledger.decided(decided(20, { pending: true }));
    },
  ],
  ["an unreachable device, and no record", "fate", /answered 10 and has no record/, (ledger) => ledger.sent(sent(20, { answer: "10" }))],
  [
    "refused to its sender, and it came",
    "answer",
    /refused with 1 and came/,
    (ledger) => allowed(ledger, sent(20, { answer: "1" }), "indeterminate", 1),
  ],
  [
    "acknowledged, and the log tells of silence",
    "answer",
    /acknowledged and its outcome is indeterminate/,
    (ledger) => allowed(ledger, sent(20), "indeterminate", 1),
  ],
  ["acknowledged, and the log holds nothing", "answer", /acknowledged and the log has no allow/, (ledger) => ledger.sent(sent(20))],
  [
    "more denials told than recorded",
    "denials",
    /life 1 .* tells of 0 denials, the senders of 1 to 1/,
    (ledger) => ledger.sent(denial(20)),
  ],
  [
    "more denials recorded than anybody was told",
    "denials",
    /life 2 .* tells of 3 denials, the senders of 0 to 0/,
    (ledger) => ledger.denials(3, AGAIN + 5_000),
  ],
  [
    "a write to a blocked asset",
    "block",
    /came to feeder 2000 ms after it was blocked/,
    (ledger) => {
      ledger.sent(sent(20, { asset: "feeder" }));
      ledger.arrived(arrival(20, { asset: "feeder", atMs: BORN + 12_000 }));
      ledger.decided(decided(20, { asset: "feeder" }));
      ledger.outcome({ of: 200, outcome: "answered" });
    },
  ],
];

for (const [title, about, words, plant] of WRONG)
  ledgers(`found: ${title}`, () => {
    const { complaints, counts } = account(plant);
    assert.ok(
      complaints.some((complaint) => complaint.about === about && words.test(complaint.words)),
      JSON.stringify(complaints),
    );
    assert.ok((counts[about] ?? 0) > 0);
  });

ledgers("no check is idle: each concern has a fault planted for it", () => {
  const planted = new Set(WRONG.map(([, about]) => about));
  assert.equal([...planted].sort(), ["answer", "block", "denials", "evidence", "fate", "octets", "once"]);
});

const series = (value: (seconds: number) => number, seconds = 600): Sample[] =>
  Array.from({ length: seconds }, (_, at) => ({ at: 1000 * at, value: value(at) }));

function watched(memory: (seconds: number) => number, descriptors: (seconds: number) => number = () => 120): Steadiness {
  const { flatness } = planOf(3600, 1, 64, 450);
  return steadiness({ memory: series(memory), anonymous: series(memory), descriptors: series(descriptors) }, flatness);
}

ledgers("memory: a saw that comes back is flat, its slope and peak are told", () => {
  const { complaints, memory, peakMb } = watched((at) => 110 + (at % 7));
  assert.equal(complaints, []);
  assert.ok(Math.abs(memory.slope) < 5, String(memory.slope));
  assert.is(peakMb, 116);
});

ledgers("memory: warming up is no growth, a leak of 2 MB a minute is", () => {
  assert.equal(watched((at) => (at < 300 ? 60 + at / 6 : 110)).complaints, []);
  const { complaints, memory } = watched((at) => 80 + at / 30);
  assert.match(complaints[0] ?? "", /memory grows: 10\.0 MB in 299 s \(120\.0 MB\/h\)/);
  assert.ok(Math.abs(memory.slope - 120) < 0.001);
});

ledgers("memory: 150 MB at the end is too much, a peak before that is not", () => {
  assert.match(watched(() => 150).complaints[0] ?? "", /resident memory is 150\.0 MB at the end/);
  assert.equal(watched((at) => (at === 20 ? 160 : 140)).complaints, []);
});

ledgers("descriptors: one more every half minute is found", () => {
  assert.match(
    watched(
      () => 100,
      (at) => 120 + Math.floor(at / 30),
    ).complaints[0] ?? "",
    /file descriptors grow: \d+\.\d in 299 s/,
  );
  assert.equal(
    watched(
      () => 100,
      (at) => 120 + (at % 3),
    ).complaints,
    [],
  );
});

ledgers("memory that was never looked at is no flat memory", () => {
  const { flatness } = planOf(60, 1, 64, 450);
  assert.match(steadiness({ memory: [], anonymous: [], descriptors: [] }, flatness).complaints[0] ?? "", /sampled 0 times/);
});

ledgers("the line through points on a line is that line", () => {
  const { slope, growth, seconds } = lineThrough([0, 1, 2, 3].map((i) => ({ at: i * 1_800_000, value: 5 + i })));
  assert.ok(Math.abs(slope - 2) < 1e-9 && Math.abs(growth - 3) < 1e-9);
  assert.is(seconds, 5400);
});

ledgers("a fault in the gateway's log is told from what it has to say", () => {
  const said = [
    '{"level":50,"time":1,"ends":"2026","msg":"a certificate ends"}',
    '{"level":50,"time":2,"fault":{"message":"x"},"msg":"fault while judging"}',
    '{"level":60,"time":3,"msg":"the gateway ends"}',
    "FATAL ERROR: out of memory",
    "",
  ].join("\n");
  assert.is(faultsIn(said).length, 3);
});

ledgers("a write's number is found again in its octets, whoever looks and whatever it is", () => {
  const random = new Random(7, "requests");
  const walk = { address: 120, value: 300 };
  for (const serial of [1, 2, 999, 1000, 65_535, 65_536, 1_234_567, MOST_SERIAL]) {
    for (const kind of Object.keys(KINDS) as Kind[]) {
      for (const role of ["operator", "viewer"] satisfies Role[]) {
        const { pdu, unit, write, mayPass } = makeRequest(kind, serial, role, random, walk);
        const arrived = arrivedAs(unit, pdu);
        const name = `${kind} ${serial}: ${pdu.toString("hex")}`;
        if (mayPass) assert.is(arrived.is, write ? "write" : "read", name);
        else assert.is.not(arrived.is, "read", name);
        if (write && arrived.is === "write") assert.is(serialOf(arrived.write), serial, name);
        if (write && role === "viewer") assert.is(mayPass, false, name);
      }
    }
  }
});

ledgers("no two writes of a run are alike, and every kind is drawn", () => {
  const random = new Random(8, "requests");
  const seen = new Set<string>();
  const kinds = new Set<Kind>();
  let writes = 0;
  for (let serial = 1; serial <= 20_000; serial++) {
    const kind = drawKind(random);
    kinds.add(kind);
    const { pdu, unit, write } = makeRequest(kind, serial, "operator", random, { address: 0, value: 0 });
    if (!write) continue;
    writes += 1;
    seen.add(`${unit} ${pdu.toString("hex")}`);
  }
  assert.is(seen.size, writes);
  assert.is(kinds.size, Object.keys(KINDS).length);
  assert.is.not(digest(1, Buffer.from([6, 0, 1])), digest(2, Buffer.from([6, 0, 1])));
});

ledgers("a crowd has everybody, however small it is; the whole one is sixty-four", () => {
  const kinds = (count: number): number => new Set(crowd(count).map(({ who, listener }) => `${who} ${listener}`)).size;
  assert.is(kinds(14), 14);
  assert.is(kinds(64), 14);
  assert.is(crowd(1_000).length, 64);
});

ledgers("an hour has two hundred kills and more, none in its last half", () => {
  const plan = planOf(3600, 1, 64, 450);
  const times = killTimes(plan, new Random(1, "kills"));
  assert.ok(times.length >= 200, String(times.length));
  assert.ok(times.every((at, i) => at < plan.quietFromMs && at >= (times[i - 1] ?? 0)));
  assert.is(plan.least, 1_000_000);
});

ledgers("the gateway is started as the service of docs/operating.md starts it", () => {
  const text = readFileSync(path.resolve(import.meta.dirname, "../../docs/operating.md"), "utf8");
  const unit = /```ini\n# \/etc\/systemd\/system\/penstock\.service\n(.*?)```/s.exec(text)?.[1] ?? "";
  for (const [name, value] of Object.entries(ENVIRONMENT)) assert.match(unit, new RegExp(`^Environment=${name}=${value}$`, "m"));
  assert.match(unit, new RegExp(`^ExecStart=\\S+/node ${NODE_FLAGS.join(" ")} \\S+/penstock\\.mjs run `, "m"));
});

ledgers.run();
