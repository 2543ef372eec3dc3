/** RULINGS 36: what passes by its own named rule alone. A role with every ordinary right is denied it, and not one octet of it leaves. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { crob, deadband, join, range } from "#test/peers/dnp3/builders";
import type { Verdict } from "#test/peers/dnp3/session";
import { Substation } from "#test/support/substation";

const [READ, WRITE, DIRECT, SELECT, AUTHENTICATE] = [1, 2, 5, 3, 32] as const;
const TIMES = { count: 1, onTimeMs: 100, offTimeMs: 0 };

/** Alice has every verb that may stand without a name; bob the one rule of a case besides. */
const policy = (rule: string): string => `policy: named
version: 1
roles:
  ordinary:
    - { id: look, allow: "*", on: "*" }
    - { id: command, allow: operate, on: plc, table: binary-output, via: [select-before-operate, direct, direct-no-ack] }
    - { id: set, allow: operate, on: plc, table: analog-output, via: [select-before-operate, direct, direct-no-ack] }
    - { id: freeze, allow: freeze, on: plc, table: counter }
    - { id: indications, allow: write, on: plc, table: indication }
  named:
    - { include: ordinary }
    - { id: named, on: plc, ${rule} }
bindings:
  - { role: ordinary, identity: "spiffe://plant.example/operator/alice", kind: person }
  - { role: named, identity: "spiffe://plant.example/operator/bob", kind: person }
`;

const octets = (...list: number[]): Uint8Array => Uint8Array.from(list);
const zeros = (count: number): number[] => Array.from({ length: count }, () => 0);
/** g12v2, a pattern of 11 octets as in g12v1, and g12v3, the mask of the points it is for. */
const PATTERN = join(octets(12, 2, 7, 1, 0x81, 1, 100, ...zeros(8)), octets(12, 3, 0, 0, 7, 1));
/** A time and an interval, then all counters. */
const AT_TIME = octets(50, 2, 7, 1, ...zeros(10), 20, 0, 6);

const NAMED: readonly (readonly [what: string, code: number, objects: Uint8Array, rule: string])[] = [
  [
    "a control code that has no word",
    DIRECT,
    crob(0, { ...TIMES, code: 0x42 }),
    "allow: operate, table: binary-output, via: direct, control: { codes: [0x42] }",
  ],
  [
    "a trip with the queue bit",
    DIRECT,
    crob(0, { ...TIMES, code: 0x91 }),
    "allow: operate, table: binary-output, via: direct, control: { codes: trip, queue: true }",
  ],
  [
    "a trip with the clear bit",
    DIRECT,
    crob(0, { ...TIMES, code: 0xa1 }),
    "allow: operate, table: binary-output, via: direct, control: { codes: trip, clear: true }",
  ],
  ["a pattern control block", DIRECT, PATTERN, "allow: raw, opaque: true, functions: [5/12]"],
  ["a pattern that is selected", SELECT, PATTERN, "allow: raw, opaque: true, functions: [3/12]"],
  ["WRITE of binary outputs", WRITE, octets(10, 1, 0, 0, 7, 1), "allow: raw, opaque: true, functions: [2/10]"],
  ["WRITE of a command", WRITE, crob(0, { ...TIMES, code: 0x81 }), "allow: raw, opaque: true, functions: [2/12]"],
  ["WRITE of a set-point", WRITE, octets(41, 1, 0x17, 1, 0, ...zeros(5)), "allow: raw, opaque: true, functions: [2/41]"],
  ["WRITE of a deadband", WRITE, deadband(1, 0, 5), "allow: configure, table: analog-input"],
  ["counters frozen and cleared", 9, octets(20, 0, 6), "allow: freeze, table: counter, functions: [9]"],
  ["counters frozen and cleared, no answer", 10, octets(20, 0, 6), "allow: freeze, table: counter, functions: [10]"],
  ["counters frozen at a time", 11, AT_TIME, "allow: freeze, table: counter, functions: [11]"],
  ["counters frozen at a time, no answer", 12, AT_TIME, "allow: freeze, table: counter, functions: [12]"],
  ...[82, 83, 85, 86, 87, 88, 90, 91].map((group): (typeof NAMED)[number] => [
    `READ of group ${group}`,
    READ,
    octets(group, 1, 6),
    `allow: raw, opaque: true, functions: [1/${group}]`,
  ]),
  ["READ of device attributes", READ, range(0, 254, 0, 0), "allow: read, table: attribute"],
  ["talk about session keys (SAv5)", AUTHENTICATE, octets(120, 4, 7, 1, 1, 0), "allow: authenticate"],
];

const named = suite<{ station: Substation | null }>("gateway/dnp3/named");
named.after.each(async (context) => {
  await context.station?.close();
  context.station = null;
});

for (const [what, code, objects, rule] of NAMED) {
  named(`RULINGS 36: ${what} passes by a rule of its own, and by no other`, async (context) => {
    const station = await Substation.open({
      policy: policy(rule),
      asset: "    upstream: { timeout: 200ms }",
      limits: { readWindowMs: 200 },
    });
    context.station = station;
    // What it makes of it is no matter here.
    station.outstation.onRequest = (): Verdict => "silent";
    const [alice, bob] = [await station.operator("alice"), await station.operator("bob")];
    alice.send(code, objects);
    bob.send(code, objects);
    const decisions = async (): Promise<unknown[]> =>
      (await station.house.written("decision")).map(({ who, decision }) => [String(who).split("/").at(-1), decision]);
    await until(async () => station.asked.length > 0 && (await decisions()).length >= (code === READ ? 1 : 2));
    assert.equal(station.asked, [Buffer.from([code, ...objects]).toString("hex")], "bob's, and it alone");
    assert.ok((await decisions()).some((each) => JSON.stringify(each) === '["alice","deny"]'));
  });
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 5_000;
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error("not within 5000 ms: it is decided and asked");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

named.run();
