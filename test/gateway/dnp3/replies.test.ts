/** What an outstation answers is held against what was asked: anything else is dropped and recorded, and a command is never sent twice for it. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Asset } from "#gateway/asset";
import { classes, crob, crobs, indexes, join, limited, range } from "#test/peers/dnp3/builders";
import type { Master, Reply } from "#test/peers/dnp3/master";
import { parseObjects } from "#test/peers/dnp3/parse";
import type { Verdict } from "#test/peers/dnp3/session";
import { encodeFrame } from "#test/peers/dnp3/wire";
import { type AuditRecord, until } from "#test/support/house";
import { FEEDER_POLICY, Substation, type SubstationOptions } from "#test/support/substation";

const TRIP = { code: 0x81, count: 1, onTimeMs: 500, offTimeMs: 0 };
const [READ, SELECT, OPERATE, DIRECT] = [1, 3, 4, 5] as const;
const [RESPONSE, CHALLENGE] = [0x81, 0x83] as const;
const [FIR, FIN, CON, UNS] = [0x80, 0x40, 0x20, 0x10] as const;
/** Two ways, and a second breaker. */
const POLICY = FEEDER_POLICY.replace("points: [breaker_52]", "points: [breaker_52, breaker_89]").replace(
  "on_time: 100-1000ms }",
  "on_time: 100-1000ms }, via: [select-before-operate, direct]",
);
const QUICK = { policy: POLICY, asset: "    upstream: { timeout: 400ms }" };

const replies = suite<{ station: Substation }>("gateway/dnp3/replies");
replies.after.each(async ({ station }) => {
  await station?.close();
});

async function opening(context: { station: Substation }, options: SubstationOptions = QUICK): Promise<Substation> {
  context.station = await Substation.open(options);
  return context.station;
}

/** An answer of the outstation: whole unless told otherwise, under the sequence of what was asked. */
interface Said {
  readonly control?: number;
  readonly code?: number;
  readonly iin2?: number;
  readonly objects?: Uint8Array;
  /** Added to the sequence. */
  readonly off?: number;
}

function fragment(
  [first = 0]: Uint8Array,
  { control = FIR | FIN, code = RESPONSE, iin2 = 0, objects = NOTHING, off = 0 }: Said,
): Uint8Array {
  return Uint8Array.of(control | ((first + off) & 0x0f), code, 0, iin2, ...objects);
}

const NOTHING = new Uint8Array(0);
const statusOf = ({ objects }: Reply): number | undefined => parseObjects(objects, true)[0]?.items[0]?.status;
const functions = ({ asked }: Substation): number[] => asked.map((octets) => Number.parseInt(octets.slice(0, 2), 16));
const assetOf = ({ house }: Substation): Asset => house.gateway.road.assets.get("plc") as Asset;
/** g30v1, points `first` to `last`, each a number. */
const analogs = (first: number, last: number): Uint8Array =>
  join(range(30, 1, first, last), ...Array.from({ length: last - first + 1 }, () => Uint8Array.of(1, 7, 0, 0, 0)));

/** The next request of this function is answered so, those after it as the outstation likes. */
function once(station: Substation, code: number, answer: (request: Uint8Array) => Verdict): void {
  station.outstation.onRequest = (request) => {
    if (request[1] !== code) return "answer";
    station.outstation.onRequest = null;
    return answer(request);
  };
}

/** Everything that was asked is answered or never will be: what another asks now comes back, and then what this one asks. */
async function settled(station: Substation, master: Master, between: () => void = () => {}): Promise<void> {
  const bob = await station.operator("bob");
  await bob.read(range(1, 2, 0, 0));
  await bob.close();
  between();
  await master.read(range(1, 2, 0, 0));
}

async function outcomes(station: Substation): Promise<AuditRecord[]> {
  return (await station.house.written("outcome")).filter(({ outcome }) => outcome !== undefined);
}

const ASKED = range(30, 1, 0, 1);
const READS: readonly (readonly [what: string, said: Said, why: string])[] = [
  ["a request in place of a response", { code: READ, objects: classes(1) }, "notAResponse"],
  ["a function nobody has", { code: 0x99 }, "notAResponse"],
  ["a challenge that asks for nothing", { code: CHALLENGE }, "notAsked"],
  ["a challenge with points", { code: CHALLENGE, objects: analogs(0, 1) }, "notAsked"],
  ["unsolicited, and it does not say so", { control: FIR | FIN | UNS, objects: analogs(0, 1) }, "badControl"],
  ["a point more than asked", { objects: analogs(0, 2) }, "notAsked"],
  ["the same points twice", { objects: join(analogs(0, 1), analogs(0, 1)) }, "notAsked"],
  ["another point, by its index", { objects: Uint8Array.of(30, 1, 0x17, 1, 3, 1, 7, 0, 0, 0) }, "notAsked"],
  ["another group", { objects: Uint8Array.of(1, 2, 0, 0, 0, 1) }, "notAsked"],
  [
    "events beside what was asked",
    { control: FIR | FIN | CON, objects: join(analogs(0, 1), Uint8Array.of(2, 1, 0x17, 1, 1, 1)) },
    "notAsked",
  ],
  ["objects that are cut short", { objects: analogs(0, 1).subarray(0, 9) }, "truncated"],
  ["a range that ends before it begins", { objects: Uint8Array.of(30, 1, 0, 1, 0) }, "badRange"],
  ["a qualifier nobody has", { objects: Uint8Array.of(30, 1, 0x77, 1) }, "badQualifier"],
  ["an object nobody has", { objects: Uint8Array.of(99, 1, 0, 0, 0, 1) }, "unknownObject"],
  ["the last part without a first", { control: FIN, objects: analogs(0, 1) }, "outOfSequence"],
  ["a part of the middle", { control: 0, objects: analogs(0, 1) }, "outOfSequence"],
];

for (const [what, said, why] of READS)
  replies(`a reply is what was asked, or is dropped and recorded: ${what}`, async (context) => {
    const station = await opening(context);
    const master = await station.operator();
    once(station, READ, (request) => fragment(request, said));
    master.send(READ, ASKED);
    await until(() => station.asked.length === 1, "asked");
    await settled(station, master);
    assert.is(master.received.length, 1, "nothing of it came");
    assert.equal(
      station.outstation.received.map(({ octets }) => octets[1]),
      [READ, READ, READ],
      "nobody said that it came",
    );
    const told = (await outcomes(station)).map(({ outcome, reason }) => [outcome, reason]);
    assert.equal(told, [["malformedReply", why]]);
    assert.is(station.house.gateway.road.stats.strays.get("malformed"), 1);
  });

replies("a reply with another sequence answers nothing: it is a stray, and the request goes unanswered", async (context) => {
  const station = await opening(context);
  const master = await station.operator();
  for (const off of [1, 15]) {
    once(station, READ, (request) => fragment(request, { objects: analogs(0, 1), off }));
    master.send(READ, ASKED);
    const { length } = station.asked;
    await until(() => station.asked.length === length + 1, "asked");
    await settled(station, master);
  }
  assert.is(master.received.length, 2, "the two that were well answered");
  const records = await station.house.written("outcome");
  assert.equal(records.filter(({ outcome }) => outcome === "silent").length, 2);
  assert.ok(records.some(({ event, what }) => event === "strayReply" && what === "unsolicited"));
});

replies("of a class or a number of objects no more may come than was asked for", async (context) => {
  const station = await opening(context);
  const master = await station.operator();
  const [exact, more] = [analogs(0, 1), analogs(0, 2)];
  once(station, READ, (request) => fragment(request, { objects: exact }));
  assert.equal((await master.read(limited(30, 1, 2))).objects, exact);
  once(station, READ, (request) => fragment(request, { objects: more }));
  master.send(READ, limited(30, 1, 2));
  await settled(station, master);
  assert.equal(
    (await outcomes(station)).map(({ outcome, reason }) => [outcome, reason]),
    [["malformedReply", "notAsked"]],
  );
});

replies("points that were asked for apart may come together: each of them was asked for, and none beside them", async (context) => {
  const station = await opening(context);
  const master = await station.operator();
  const apart = join(range(30, 1, 0, 0), range(30, 1, 3, 3), range(30, 1, 1, 2));
  once(station, READ, (request) => fragment(request, { objects: analogs(0, 3) }));
  assert.equal((await master.read(apart)).objects, analogs(0, 3));
  const listed = Uint8Array.of(30, 1, 0x17, 2, 3, 1, 7, 0, 0, 0, 0, 1, 7, 0, 0, 0);
  once(station, READ, (request) => fragment(request, { objects: listed }));
  assert.equal((await master.read(apart)).objects, listed);
  once(station, READ, (request) => fragment(request, { objects: analogs(0, 2) }));
  assert.equal((await master.read(indexes(30, 1, [2, 1, 0]))).objects, analogs(0, 2));
  for (const objects of [analogs(0, 4), Uint8Array.of(30, 1, 0x07, 1, 1, 7, 0, 0, 0)]) {
    once(station, READ, (request) => fragment(request, { objects }));
    master.send(READ, apart);
    await settled(station, master);
  }
  assert.equal(
    (await outcomes(station)).map(({ reason }) => reason),
    ["notAsked", "notAsked"],
  );
});

replies("a reply that begins anew after its first part is dropped: what a master has is one reply, or a part of it", async (context) => {
  const station = await opening(context);
  const master = await station.operator();
  once(station, READ, (request) => {
    station.outstation.sendFragment(fragment(request, { control: FIR, objects: analogs(0, 0) }));
    return fragment(request, { objects: analogs(1, 1), off: 1 });
  });
  master.send(READ, ASKED);
  await settled(station, master);
  assert.equal(
    master.received.map(([control]) => (control as number) & (FIR | FIN)),
    [FIR, FIR | FIN],
  );
  assert.equal(
    (await outcomes(station)).map(({ outcome, reason }) => [outcome, reason]),
    [["malformedReply", "outOfSequence"]],
  );
});

replies("a part that comes before the one before it was confirmed is a stray", async (context) => {
  const station = await opening(context);
  const master = await station.operator("alice", { autoConfirm: false });
  once(station, READ, (request) => {
    station.outstation.sendFragment(fragment(request, { control: FIR | CON, objects: analogs(0, 0) }));
    return fragment(request, { control: FIN, objects: analogs(1, 1), off: 1 });
  });
  master.send(READ, ASKED);
  await until(() => station.house.gateway.road.stats.strays.get("unsolicited") === 1, "a stray");
  await master.linkStatus();
  assert.is(master.received.length, 1);
});

const COMMANDS: readonly (readonly [what: string, said: Said, why: string])[] = [
  ["another code", { objects: crob(0, { ...TRIP, code: 0x41 }) }, "echoDiffers"],
  ["another time", { objects: crob(0, { ...TRIP, offTimeMs: 1 }) }, "echoDiffers"],
  ["another point", { objects: crob(1, TRIP) }, "echoDiffers"],
  ["another index width", { objects: crob(0, TRIP, 2) }, "echoDiffers"],
  ["one more", { objects: join(crob(0, TRIP), crob(1, TRIP)) }, "echoDiffers"],
  ["nothing, and no word why", {}, "echoDiffers"],
  ["a measurement", { objects: analogs(0, 0) }, "echoDiffers"],
  ["cut short", { objects: crob(0, TRIP).subarray(0, 9) }, "truncated"],
  ["no response", { code: DIRECT, objects: crob(0, TRIP) }, "notAResponse"],
  ["a part without a first", { control: FIN, objects: crob(0, TRIP) }, "outOfSequence"],
];

for (const [what, said, why] of COMMANDS)
  replies(`an echo is the command with its status, or it is indeterminate and never sent again: ${what}`, async (context) => {
    const station = await opening(context);
    const master = await station.operator();
    once(station, DIRECT, (request) => fragment(request, said));
    const { seq } = master;
    master.send(DIRECT, crob(0, TRIP));
    await until(() => station.asked.length === 1, "asked");
    await settled(station, master, () => master.send(DIRECT, crob(0, TRIP), seq));
    assert.equal(functions(station), [DIRECT, READ, READ]);
    assert.is(master.received.length, 1);
    const told = (await outcomes(station)).map(({ outcome, reason }) => [outcome, reason]);
    assert.equal(told, [["indeterminate", why]]);
  });

const ENDS: readonly (readonly [what: string, (station: Substation) => Verdict])[] = [
  ["silence", () => "silent"],
  ["silence, and it was done", () => "mute"],
  ["the end of the connection", () => "close"],
  [
    "half a frame, and the end of the connection",
    (station) => {
      station.outstation.sendRaw(encodeFrame(0x44, 1, 10, Uint8Array.of(0xc0, 0xc0, RESPONSE, 0, 0)).subarray(0, 12));
      return "close";
    },
  ],
  [
    "octets that are no frame",
    (station) => {
      station.outstation.sendRaw(Uint8Array.of(0x05, 0x64, 1, 2, 3, 4, 5, 6, 7, 8));
      return "silent";
    },
  ],
  [
    "a frame for another master",
    (station) => {
      station.outstation.sendRaw(encodeFrame(0x44, 2, 10, Uint8Array.of(0xc0, 0xc0, RESPONSE, 0, 0)));
      return "silent";
    },
  ],
  ["a part of an answer", () => fragment(Uint8Array.of(0), { control: FIR, objects: crob(0, TRIP) })],
  ["a part that is to be confirmed", () => fragment(Uint8Array.of(0), { control: FIR | CON, objects: crob(0, TRIP) })],
];

for (const [what, answer] of ENDS)
  replies(`a command that meets ${what} is indeterminate: recorded, answered by nobody, never sent again`, async (context) => {
    const station = await opening(context);
    const master = await station.operator();
    once(station, DIRECT, () => answer(station));
    const { seq } = master;
    master.send(DIRECT, crob(0, TRIP));
    await until(() => station.asked.length === 1, "asked");
    await until(() => assetOf(station).changesAtDevice === 0, "its time is over");
    await until(() => assetOf(station).device?.state === "ready", "connected anew");
    await settled(station, master, () => master.send(DIRECT, crob(0, TRIP), seq));
    assert.equal(functions(station), [DIRECT, READ, READ]);
    assert.is(master.received.length, 1);
    assert.equal(
      (await outcomes(station)).map(({ outcome }) => outcome),
      ["indeterminate"],
    );
  });

replies("RULINGS 35: neither a SELECT nor an OPERATE is repeated for an echo that is wrong; the SELECT arms nothing", async (context) => {
  const station = await opening(context);
  const master = await station.operator();
  once(station, SELECT, (request) => fragment(request, { objects: crob(1, TRIP) }));
  master.send(SELECT, crob(0, TRIP));
  await until(() => station.asked.length === 1, "asked");
  assert.is(statusOf(await master.request(OPERATE, crob(0, TRIP))), 2);
  await master.request(SELECT, crob(0, TRIP));
  once(station, OPERATE, (request) => fragment(request, { objects: crob(1, TRIP) }));
  master.send(OPERATE, crob(0, TRIP));
  await settled(station, master);
  assert.equal(functions(station), [SELECT, SELECT, OPERATE, READ, READ]);
  const told = (await outcomes(station)).map(({ name, function: code, outcome, reason }) => [name ?? code, outcome, reason]);
  assert.equal(told, [
    [SELECT, "indeterminate", "echoDiffers"],
    [SELECT, "answered", undefined],
    [OPERATE, "indeterminate", "echoDiffers"],
  ]);
});

replies("what the outstation refuses is passed on as it says it: a status for each command, or a word for all of them", async (context) => {
  const station = await opening(context);
  const master = await station.operator();
  const both = crobs([
    [0, TRIP],
    [1, TRIP],
  ]);
  const echo = both.slice();
  echo[echo.length - 1] = 7;
  once(station, DIRECT, (request) => fragment(request, { objects: echo }));
  assert.equal((await master.request(DIRECT, both)).objects, echo);
  once(station, DIRECT, (request) => fragment(request, { iin2: 4 }));
  assert.is((await master.request(DIRECT, crob(0, TRIP))).iin2, 4);
  for (const status of [6, 18, 127]) {
    const doubtful = crob(0, { ...TRIP, status });
    once(station, DIRECT, (request) => fragment(request, { objects: doubtful }));
    assert.is(statusOf(await master.request(DIRECT, crob(0, TRIP))), status);
  }
  assert.equal(
    (await outcomes(station)).map(({ outcome }) => outcome),
    ["indeterminate", "exception", "indeterminate", "indeterminate", "indeterminate"],
    "one breaker tripped and one not is neither done nor refused",
  );
});

replies("RULINGS 38: a command that is met by a challenge was not carried out, and a SELECT arms nothing", async (context) => {
  const station = await opening(context);
  const master = await station.operator();
  // g120v1: user 1, four octets to be proven with.
  const challenge = Uint8Array.of(120, 1, 0x5b, 1, 12, 0, 0, 0, 0, 0, 1, 0, 4, 1, 1, 2, 3, 4);
  for (const code of [DIRECT, SELECT]) {
    once(station, code, (request) => fragment(request, { code: CHALLENGE, objects: challenge }));
    assert.is((await master.request(code, crob(0, TRIP))).function, CHALLENGE);
  }
  assert.is(statusOf(await master.request(OPERATE, crob(0, TRIP))), 2);
  assert.equal(functions(station), [DIRECT, SELECT]);
  const decisions = (await station.house.written("decision")).map(({ seq }) => seq);
  assert.equal(
    (await outcomes(station)).map(({ outcome, reason, of }) => [outcome, reason, decisions.indexOf(of)]),
    [
      ["pending", undefined, 0],
      ["indeterminate", "unproven", 0],
      ["pending", undefined, 1],
      ["indeterminate", "unproven", 1],
    ],
    "who asks for another thing gives no proof any more",
  );
});

replies("an outstation that talks unasked is not listened to for long: dropped, recorded once, and connected to anew", async (context) => {
  const station = await opening(context);
  const master = await station.operator();
  await master.read(ASKED);
  const before = assetOf(station).device;
  const stray = Uint8Array.of(FIR | FIN | 9, RESPONSE, 0, 0, ...analogs(0, 9));
  for (let i = 0; i < 100; i++) station.outstation.sendFragment(stray);
  await until(() => station.house.gateway.road.stats.strays.get("flood") === 1, "a flood");
  assert.is((await master.read(range(30, 1, 2, 3))).iin2, 0);
  assert.is(assetOf(station).device, before);
  assert.is(master.received.length, 2);
  const strays = (await station.house.written("outcome")).filter(({ event }) => event === "strayReply");
  assert.equal([...new Set(strays.map(({ what }) => what))].sort(), ["flood", "unsolicited"]);
  assert.ok(strays.length <= 4, "the others are counted");
});

replies("an outstation that only asks whether its master is there, for days, is no flood", async (context) => {
  const station = await opening(context);
  const master = await station.operator();
  await master.read(ASKED);
  const ask = Buffer.concat(Array.from({ length: 50 }, () => encodeFrame(0x49, 1, 10)));
  for (let i = 0; i < 10; i++) station.outstation.sendRaw(ask);
  await master.read(ASKED);
  assert.is(station.house.gateway.road.stats.strays.get("flood"), undefined);
  assert.is(station.outstation.faults.length, 0);
});

replies("malformed replies to reads fill no log: after twenty they are counted", async (context) => {
  const station = await opening(context, { ...QUICK, limits: { readWindowMs: 3_600_000 } });
  const master = await station.operator();
  for (let i = 0; i < 30; i++) {
    once(station, READ, (request) => fragment(request, { objects: analogs(0, 2) }));
    master.send(READ, ASKED);
    await until(() => station.asked.length === i + 1, "asked");
  }
  await settled(station, master);
  assert.is((await outcomes(station)).filter(({ outcome }) => outcome === "malformedReply").length, 20);
});

replies(
  "a fault of ours while a reply is passed on: it is withheld, and what became of a command is recorded as not known",
  async (context) => {
    const station = await opening(context);
    const alice = await station.operator();
    const { protocol } = assetOf(station);
    const faulty = { ...protocol, exceptionOf: (): number => assert.unreachable("a fault") as never };
    Object.defineProperty(assetOf(station), "protocol", { value: faulty, configurable: true });
    assert.is(statusOf(await alice.request(DIRECT, crob(0, TRIP))), 6, "hardware error: it may have begun");
    assert.is((await alice.read(range(30, 1, 0, 0))).iin1 & 0x40, 0x40, "device trouble");
    Object.defineProperty(assetOf(station), "protocol", { value: protocol, configurable: true });
    const outcomes = (await station.house.written("outcome")).map(({ outcome, reason }) => [outcome, reason]);
    assert.equal(outcomes, [["indeterminate", "internal"]], "once");
    assert.is((await alice.read(range(30, 1, 0, 0))).iin2, 0, "and all goes on");
  },
);

replies.run();
