/** DNP3 secure authentication through the gate: challenges and proofs pass by rule, and what is asked is judged all the same. */
import { writeFileSync } from "node:fs";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Asset } from "#gateway/asset";
import { crob, join, range } from "#test/peers/dnp3/builders";
import { parseObjects } from "#test/peers/dnp3/parse";
import { until } from "#test/support/house";
import { Substation, type SubstationOptions } from "#test/support/substation";

const [SELECT, OPERATE, DIRECT_OPERATE, AUTHENTICATE] = [3, 4, 5, 32] as const;
const [RESPONSE, AUTH_RESPONSE] = [129, 131] as const;
const TRIP = { code: 0x81, count: 1, onTimeMs: 500, offTimeMs: 0 };

const POLICY = `policy: proofs
version: 1
roles:
  operator:
    - { id: look, allow: read, on: plc }
    - { id: trip, allow: operate, on: plc, points: [breaker_52], via: [select-before-operate, direct], control: { codes: [trip] } }
    - { id: proof, allow: authenticate, on: plc }
  silent:
    - { id: trip-alone, allow: operate, on: plc, points: [breaker_52], via: direct, control: { codes: [trip] } }
bindings:
  - { role: operator, identity: "spiffe://plant.example/operator/alice", kind: person }
  - { role: operator, identity: "spiffe://plant.example/operator/bob", kind: person }
  - { role: silent, identity: "spiffe://plant.example/operator/mute", kind: person }
`;

const proofs = suite<{ station: Substation | null }>("gateway/dnp3/proofs");
proofs.after.each(async (context) => {
  await context.station?.close();
  context.station = null;
});

/** Free format, one object. */
const free = (variation: number, ...octets: number[]): Uint8Array =>
  Uint8Array.from([120, variation, 0x5b, 1, octets.length & 0xff, octets.length >> 8, ...octets]);
const CSQ = [1, 0, 0, 0];
const USER = [7, 0];
const CHALLENGE = free(1, ...CSQ, ...USER, 4, 1, 9, 9, 9, 9);
const PROOF = free(2, ...CSQ, ...USER, 1, 2, 3, 4);
const AGGRESSIVE = Uint8Array.from([120, 3, 7, 1, ...CSQ, ...USER]);
const MAC = free(9, 5, 6, 7, 8);

/** It challenges commands and carries them out when a proof comes, echoing what it was asked. */
async function opening(context: { station: Substation | null }, options: SubstationOptions = {}): Promise<Substation> {
  const station = await Substation.open({ policy: POLICY, asset: "    secure_authentication: true", ...options });
  context.station = station;
  let asked: Uint8Array | null = null;
  station.outstation.onRequest = (fragment) => {
    const [control = 0, code = 0] = fragment;
    const sequence = 0xc0 | (control & 0x0f);
    if (code === SELECT || code === OPERATE || code === DIRECT_OPERATE) {
      if (fragment[2] === 120) return Uint8Array.from([sequence, RESPONSE, 0, 0, ...fragment.subarray(2)]);
      asked = fragment.slice(2);
      return Uint8Array.from([sequence, AUTH_RESPONSE, 0, 0, ...CHALLENGE]);
    }
    if (code === AUTHENTICATE && asked !== null) return Uint8Array.from([sequence, RESPONSE, 0, 0, ...asked]);
    return "answer";
  };
  return station;
}

proofs(
  "RULINGS 38: a challenge and its proof pass, their sequence untouched; the outcome is pending until the answer to the proof",
  async (context) => {
    const station = await opening(context);
    const alice = await station.operator("alice");
    const challenge = await alice.request(DIRECT_OPERATE, crob(0, TRIP), { seq: 5 });
    assert.equal([challenge.function, challenge.seq], [AUTH_RESPONSE, 5]);
    const done = await alice.request(AUTHENTICATE, PROOF, { seq: 6 });
    assert.equal([done.function, parseObjects(done.objects, true)[0]?.items[0]?.status], [RESPONSE, 0]);
    assert.equal(
      station.outstation.received.map(({ octets }) => (octets[0] as number) & 0x0f),
      [5, 6],
      "what a proof covers is what was sent",
    );
    const outcomes = await station.house.written("outcome");
    assert.equal(
      outcomes.map(({ outcome, completes }) => [outcome, completes]),
      [
        ["pending", undefined],
        ["answered", outcomes[0]?.of],
      ],
    );
  },
);

proofs("RULINGS 35, 38: a selection that was challenged stands once it is proven", async (context) => {
  const station = await opening(context);
  const alice = await station.operator("alice");
  await alice.request(SELECT, crob(0, TRIP), { seq: 1 });
  await alice.request(AUTHENTICATE, PROOF, { seq: 1 });
  const operated = await alice.request(OPERATE, crob(0, TRIP), { seq: 2 });
  assert.is(operated.function, AUTH_RESPONSE);
  assert.is((await alice.request(AUTHENTICATE, PROOF, { seq: 2 })).function, RESPONSE);
  const unproven = await station.house.written("decision");
  assert.ok(unproven.every(({ decision }) => decision === "allow"));
  await alice.request(SELECT, crob(0, TRIP), { seq: 3 });
  const early = await alice.request(OPERATE, crob(0, TRIP), { seq: 4 });
  assert.is(parseObjects(early.objects, true)[0]?.items[0]?.status, 2, "challenged and not proven is not selected");
});

proofs("RULINGS 36: aggressive mode is judged by what stands behind it; its user number is recorded", async (context) => {
  const station = await opening(context);
  const alice = await station.operator("alice");
  const passed = await alice.request(DIRECT_OPERATE, join(AGGRESSIVE, crob(0, TRIP), MAC));
  assert.is(passed.iin2, 0);
  const record = (await station.house.written("decision")).at(-1);
  assert.equal([record?.decision, record?.operations.map(({ actor }: { actor?: number }) => actor)], ["allow", [7, 7]]);
  const before = station.asked.length;
  const denied = await alice.request(DIRECT_OPERATE, join(AGGRESSIVE, crob(1, TRIP), MAC));
  assert.is(station.asked.length, before);
  assert.ok(denied.objects.length > 0);
  assert.is((await station.house.written("decision")).at(-1)?.code, "nothingAllows");
});

proofs(
  "RULINGS 35, 36: select before operate in aggressive mode: who asks and the proof differ, what is asked may not",
  async (context) => {
    const station = await opening(context);
    const alice = await station.operator("alice");
    const around = (sequence: number, objects: Uint8Array): Uint8Array =>
      join(Uint8Array.from([120, 3, 7, 1, sequence, 0, 0, 0, ...USER]), objects, free(9, sequence, sequence, sequence));
    const statusOf = (objects: Uint8Array): unknown => parseObjects(objects, true).map(({ group, items }) => [group, items[0]?.status]);
    station.outstation.onRequest = (fragment) =>
      Uint8Array.from([0xc0 | ((fragment[0] as number) & 0x0f), RESPONSE, 0, 0, ...crob(0, TRIP)]);
    assert.equal(statusOf((await alice.request(SELECT, around(1, crob(0, TRIP)))).objects), [[12, 0]]);
    assert.equal(statusOf((await alice.request(OPERATE, around(2, crob(0, TRIP)))).objects), [[12, 0]]);
    assert.equal(
      station.asked.map((octets) => Number.parseInt(octets.slice(0, 2), 16)),
      [SELECT, OPERATE],
    );
    await alice.request(SELECT, around(3, crob(0, TRIP)));
    const other = await alice.request(OPERATE, around(4, crob(0, { ...TRIP, onTimeMs: 501 })));
    assert.equal(statusOf(other.objects), [[12, 2]], "another pulse was not selected");
    assert.is(station.asked.length, 3);
  },
);

proofs("an echo may leave out who asked and the proof, and nothing else", async (context) => {
  const station = await opening(context, { asset: "    secure_authentication: true\n    upstream: { timeout: 400ms }" });
  const alice = await station.operator("alice", { timeoutMs: 600 });
  let echoed = crob(0, TRIP);
  station.outstation.onRequest = (fragment) => Uint8Array.from([0xc0 | ((fragment[0] as number) & 0x0f), RESPONSE, 0, 0, ...echoed]);
  const asked = join(AGGRESSIVE, crob(0, TRIP), MAC);
  assert.equal((await alice.request(DIRECT_OPERATE, asked)).objects, crob(0, TRIP));
  echoed = crob(0, { ...TRIP, onTimeMs: 501 });
  await alice.request(DIRECT_OPERATE, asked).then(
    () => assert.unreachable(),
    () => {},
  );
  const outcomes = await station.house.written("outcome");
  assert.equal(
    outcomes.map(({ outcome, reason }) => [outcome, reason]),
    [
      ["answered", undefined],
      ["indeterminate", "echoDiffers"],
    ],
  );
});

proofs("aggressive mode around a READ and a restart: judged by what stands between", async (context) => {
  const station = await opening(context);
  const alice = await station.operator("alice");
  station.outstation.onRequest = (fragment) =>
    Uint8Array.from([0xc0 | ((fragment[0] as number) & 0x0f), RESPONSE, 0, 0, ...range(10, 2, 0, 0), 1]);
  assert.is((await alice.read(join(AGGRESSIVE, range(10, 2, 0, 0), MAC))).iin2, 0);
  const before = station.asked.length;
  await alice.request(DIRECT_OPERATE, join(AGGRESSIVE, MAC));
  assert.is((await station.house.written("decision")).at(-1)?.code, "empty", "to be allowed to say who one is allows nothing");
  assert.is((await alice.request(13, join(AGGRESSIVE, MAC))).iin2, 1);
  assert.is(station.asked.length, before);
  const decisions = (await station.house.written("decision")).map(({ function: code, decision, code: why }) => [code, decision, why]);
  assert.equal(decisions.at(-1), [13, "deny", "nothingAllows"]);
});

proofs(
  "RULINGS 36: an outstation that does not know of proofs is sent none around anything: it might read them as objects",
  async (context) => {
    const station = await opening(context, { asset: "" });
    const alice = await station.operator("alice");
    // What an outstation that leaves out g120 would read as class 1 and class 2.
    const disguised = Uint8Array.from([120, 3, 7, 1, 60, 2, 6, 60, 3, 6]);
    const denied = await alice.read(join(disguised, range(1, 2, 0, 0)));
    assert.equal([denied.iin2, station.asked.length], [2, 0]);
    assert.is((await station.house.written("decision")).at(-1)?.code, "unknownObject");
  },
);

proofs("RULINGS 38: what nobody answers keeps its sequence too: a proof covers it", async (context) => {
  const station = await opening(context);
  const alice = await station.operator("alice");
  alice.send(33, Uint8Array.of(120, 4, 7, 1, ...USER), 9);
  await until(() => station.outstation.received.length === 1, "asked");
  await alice.request(DIRECT_OPERATE, join(AGGRESSIVE, crob(0, TRIP), MAC), { seq: 3 });
  assert.equal(
    station.outstation.received.map(({ octets }) => (octets[0] as number) & 0x0f),
    [9, 3],
  );
});

proofs("RULINGS 38: a proof is judged as what it is for, by what holds when it comes: a block", async (context) => {
  const station = await opening(context);
  const alice = await station.operator("alice");
  await alice.request(DIRECT_OPERATE, crob(0, TRIP));
  (station.house.gateway.assets.get("plc") as Asset).block = { asset: "plc", reads: false, by: "uid 0", sinceMs: 0 };
  const before = station.asked.length;
  assert.is((await alice.request(AUTHENTICATE, PROOF)).iin2, 1);
  assert.is(station.asked.length, before, "it did not leave");
  assert.is((await station.house.written("decision")).at(-1)?.code, "blocked");
});

proofs(
  "RULINGS 38: new documents between a challenge and its proof bind the proof; without them its record names what is done",
  async (context) => {
    const station = await opening(context);
    const alice = await station.operator("alice");
    await alice.request(DIRECT_OPERATE, crob(0, TRIP));
    assert.is((await alice.request(AUTHENTICATE, PROOF)).function, RESPONSE);
    const proof = (await station.house.written("decision")).at(-1);
    assert.equal(
      [proof?.effect, proof?.rule, proof?.operations.map(({ verb }: { verb: string }) => verb)],
      ["change", ["operator/trip", "operator/proof"], ["authenticate", "operate"]],
    );
    await alice.request(DIRECT_OPERATE, crob(0, TRIP));
    writeFileSync(
      path.join(station.house.dir, "policy.yaml"),
      POLICY.replace("version: 1", "version: 2").replace("codes: [trip]", "codes: [close]"),
    );
    await station.house.gateway.reload();
    const before = station.asked.length;
    await alice.request(AUTHENTICATE, PROOF);
    assert.is(station.asked.length, before, "it did not leave");
    assert.is((await station.house.written("decision")).at(-1)?.code, "codeNotListed");
  },
);

proofs("RULINGS 10, 38: a challenged command and its proof are one change", async (context) => {
  const policy = POLICY.replace(
    "control: { codes: [trip] } }\n    - { id: proof",
    "control: { codes: [trip] }, rate: 1/min }\n    - { id: proof",
  );
  const station = await opening(context, { policy });
  const alice = await station.operator("alice");
  await alice.request(DIRECT_OPERATE, crob(0, TRIP));
  assert.is((await alice.request(AUTHENTICATE, PROOF)).function, RESPONSE);
  assert.is(parseObjects((await alice.request(DIRECT_OPERATE, crob(0, TRIP))).objects, true)[0]?.items[0]?.status, 9);
  assert.is((await station.house.written("decision")).at(-1)?.code, "rateExceeded");
});

proofs("RULINGS 38: a proof that nobody asked for, or not any more, does not pass", async (context) => {
  const station = await opening(context);
  const alice = await station.operator("alice");
  assert.is((await alice.request(AUTHENTICATE, PROOF)).iin2, 1);
  assert.is(station.asked.length, 0);
  await alice.request(DIRECT_OPERATE, crob(0, TRIP));
  // Malformed: and yet something else.
  await alice.request(1, Uint8Array.of(60, 1, 0x0a));
  const before = station.asked.length;
  await alice.request(AUTHENTICATE, PROOF);
  assert.is(station.asked.length, before);
  assert.is((await station.house.written("decision")).at(-1)?.code, "notChallenged");
});

proofs("RULINGS 38: a proof that meets silence tells of what it is for, and is not sent again", async (context) => {
  const station = await opening(context, { asset: "    secure_authentication: true\n    upstream: { timeout: 300ms }" });
  const alice = await station.operator("alice", { timeoutMs: 600 });
  await alice.request(DIRECT_OPERATE, crob(0, TRIP));
  station.outstation.onRequest = () => "silent";
  await alice.request(AUTHENTICATE, PROOF).then(
    () => assert.unreachable(),
    () => {},
  );
  const outcomes = await station.house.written("outcome");
  assert.equal(
    outcomes.map(({ outcome, completes }) => [outcome, completes]),
    [
      ["pending", undefined],
      ["indeterminate", outcomes[0]?.of],
    ],
  );
  assert.is(station.asked.length, 2);
});

proofs("RULINGS 36: without the right to authenticate neither a proof nor aggressive mode passes", async (context) => {
  const station = await opening(context);
  const mute = await station.operator("mute");
  await mute.request(DIRECT_OPERATE, crob(0, TRIP));
  const before = station.asked.length;
  assert.is((await mute.request(AUTHENTICATE, PROOF)).iin2, 1);
  await mute.request(DIRECT_OPERATE, join(AGGRESSIVE, crob(0, TRIP), MAC));
  assert.is(station.asked.length, before);
});

proofs("RULINGS 38: one session at a time; the next has the device once that one is gone", async (context) => {
  const station = await opening(context);
  const alice = await station.operator("alice");
  await alice.read(range(10, 2, 0, 0));
  const bob = await station.operator("bob", { timeoutMs: 500 });
  await bob.read(range(10, 2, 0, 0)).then(
    () => assert.unreachable(),
    () => {},
  );
  assert.is((await station.house.written("handshake-refused"))[0]?.reason, "tooManySessions");
  await alice.close();
  const again = await station.operator("bob");
  assert.is((await again.read(range(10, 2, 0, 0))).iin2, 0);
});

proofs("RULINGS 38: whoever leaves without the proof that was wanted has its command recorded as not known to be done", async (context) => {
  const station = await opening(context);
  const alice = await station.operator("alice");
  await alice.request(DIRECT_OPERATE, crob(0, TRIP));
  await alice.close();
  await until(() => station.house.gateway.road.sessions.open.size === 0, "she is gone");
  const outcomes = await station.house.written("outcome");
  assert.equal(
    outcomes.map(({ outcome, reason, of }) => [outcome, reason, of]),
    [
      ["pending", undefined, outcomes[0]?.of],
      ["indeterminate", "unproven", outcomes[0]?.of],
    ],
  );
});

proofs("a proof that is answered with what was not asked for is dropped", async (context) => {
  const station = await opening(context);
  const alice = await station.operator("alice", { timeoutMs: 400 });
  await alice.request(DIRECT_OPERATE, crob(0, TRIP));
  station.outstation.onRequest = (fragment) => Uint8Array.from([0xc0 | ((fragment[0] as number) & 0x0f), RESPONSE, 0, 0, ...crob(1, TRIP)]);
  await alice.request(AUTHENTICATE, PROOF).then(
    () => assert.unreachable(),
    () => {},
  );
});

proofs.run();
