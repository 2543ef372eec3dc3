/** The device's side of the gate: away, silent, late, lying, flooding. What does not answer the request never reaches an operator. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { MovedClock } from "#test/support/clock";
import { type House, OPEN_POLICY, opened, sleep, until } from "#test/support/house";
import { adu, type Operator, read, write } from "#test/support/operator";
import { Plc } from "#test/support/plc";

const device = suite<{ house: House }>("gateway/device");
const QUICK = "    upstream: { timeout: 200ms }";
/** The space of holding registers is named by the function that reads it. */
const HOLDING = 3;

device.after.each(async (context) => {
  await context.house?.close();
});

device("a device that is away is answered 0x0A, a write is recorded notSent, and it is tried again until it is back", async (context) => {
  const house = await opened(context);
  const operator = await house.plain();
  await operator.ask(read(0, 1));
  const port = await house.plc.goAway();
  await until(() => house.gateway.status().assets[0]?.deviceState === "down", "the gateway knows");
  assert.is((await operator.ask(read(0, 1))).toString("hex"), "830a");
  assert.is((await operator.ask(write(1, 1))).toString("hex"), "860a");
  const outcome = (await house.written("outcome")).find((r) => r.outcome === "notSent");
  assert.is(outcome?.reason, "deviceUnreachable");
  await house.plc.listen(port);
  await until(() => house.gateway.status().assets[0]?.deviceState === "ready", "reconnected");
  assert.is((await operator.ask(read(0, 1))).toString("hex"), "03020000");
  assert.is(house.plc.unit(1)[1], 0, "the write of the dead time was not kept for later");
});

device("a silent device: 0x0B, the write is indeterminate, never sent twice, and the connection is replaced", async (context) => {
  const house = await opened(context, { asset: QUICK });
  const operator = await house.plain();
  house.plc.faults = { actSilently: true };
  assert.is((await operator.ask(write(3, 33))).toString("hex"), "860b");
  assert.is((await operator.ask(read(3, 1))).toString("hex"), "830b");
  house.plc.faults = {};
  await until(() => house.gateway.status().assets[0]?.deviceState === "ready", "reconnected");
  assert.is((await operator.ask(read(3, 1))).toString("hex"), "03020021");
  const writes = house.plc.requests.filter((r) => r[7] === 6);
  assert.is(writes.length, 1, "sent once");
  const outcomes = await house.written("outcome");
  assert.equal(
    outcomes.map((r) => r.outcome),
    ["indeterminate", "silent"],
  );
  assert.is(house.plc.connections, 3);
});

device("a late reply finds nobody: it does not answer the next read", async (context) => {
  const house = await opened(context, { asset: QUICK });
  const operator = await house.plain();
  house.plc.unit(1)[1] = 0x1111;
  house.plc.unit(1)[2] = 0x2222;
  house.plc.faults = { delayMs: 260 };
  assert.is((await operator.ask(read(1, 1))).toString("hex"), "830b");
  house.plc.faults = {};
  for (let i = 0; i < 20; i++) {
    assert.is((await operator.ask(read(2, 1))).toString("hex"), "03022222");
    await sleep(10);
  }
});

const lies: [string, (answer: Buffer, request: Buffer) => Buffer | Buffer[] | null, "silent" | "answered"][] = [
  ["another transaction id", (a) => patched(a, 1, 0x7f), "silent"],
  ["another unit", (a) => patched(a, 6, 9), "silent"],
  ["another function", (a) => patched(a, 7, 4), "silent"],
  ["a byte count that is not what was asked", (a) => Buffer.concat([lengthened(a, 2), Buffer.from([0, 0])]), "silent"],
  ["a reply cut short", (a) => lengthened(a.subarray(0, a.length - 1), -1), "silent"],
  ["the answer twice", (a) => [a, a], "answered"],
  ["an answer nobody asked for before it", (a) => [patched(a, 1, 0x7f), a], "answered"],
];

for (const [what, rewrite, outcome] of lies) {
  device(`a lying device: ${what}`, async (context) => {
    const house = await opened(context, { asset: QUICK });
    const operator = await house.plain();
    house.plc.unit(1)[5] = 0x5555;
    await operator.ask(read(5, 1));
    house.plc.faults = { rewrite };
    const answer = (await operator.ask(read(5, 1))).toString("hex");
    assert.is(answer, outcome === "answered" ? "03025555" : "830b");
    house.plc.faults = {};
    await until(() => house.gateway.status().assets[0]?.deviceState === "ready", "ready again");
    await sleep(20);
    assert.is((await operator.ask(read(5, 1))).toString("hex"), "03025555");
    assert.is(operator.answers.length, 3, "each request answered once");
    const strays = house.gateway.road.stats.strays;
    assert.ok([...strays.values()].reduce((sum, n) => sum + n, 0) >= 1, "counted");
    const recorded = (await house.written("outcome")).filter((r) => r.event === "strayReply" || r.outcome === "malformedReply");
    assert.ok(recorded.length >= 1, "recorded");
  });
}

device("a write whose echo is wrong is indeterminate, and its values are unknown afterwards", async (context) => {
  const house = await opened(context, { asset: "    upstream: { timeout: 2s }" });
  const operator = await house.plain();
  await operator.ask(read(5, 1));
  house.plc.faults = { rewrite: (a) => patched(a, 11, 0x77) };
  assert.is((await operator.ask(write(5, 6))).toString("hex"), "860b");
  house.plc.faults = {};
  const outcome = (await house.written("outcome")).find((r) => r.outcome === "indeterminate");
  assert.ok(outcome);
  const asset = house.gateway.assets.get("plc");
  assert.is(
    asset?.lastSeen.cell(
      1,
      asset.protocol.vocabulary.spaces.findIndex((s) => s.name === "holding"),
      5,
    ),
    -1,
  );
});

device(
  "RULINGS 22: an exception is passed on; 04, 05 and 0B to a write are indeterminate and void what was known; unknown codes are told so",
  async (context) => {
    const house = await opened(context, { asset: QUICK });
    const operator = await house.plain();
    const told: string[] = [];
    for (const exception of [1, 2, 3, 4, 5, 6, 7, 8, 0x0a, 0x0b, 0x63]) {
      house.plc.faults = {};
      await operator.ask(read(1, 1));
      assert.ok((house.gateway.assets.get("plc")?.lastSeen.cell(1, HOLDING, 1) ?? -1) >= 0, "it is known");
      house.plc.faults = { exception };
      assert.is((await operator.ask(write(1, exception))).toString("hex"), `86${exception.toString(16).padStart(2, "0")}`);
      assert.is(house.gateway.assets.get("plc")?.lastSeen.cell(1, HOLDING, 1), -1, "nobody knows what stands there now");
    }
    for (const r of await house.written("outcome")) told.push(`${r.exception} ${r.outcome}`);
    assert.equal(told, [
      "1 exception",
      "2 exception",
      "3 exception",
      "4 indeterminate",
      "5 indeterminate",
      "6 exception",
      "7 exception",
      "8 exception",
      "10 exception",
      "11 indeterminate",
      "99 unknownException",
    ]);
  },
);

device(
  "a device that drips its answer octet by octet is a device that answers; one slower than the deadline is silent",
  async (context) => {
    const house = await opened(context, { asset: "    upstream: { timeout: 400ms }" });
    const operator = await house.plain();
    house.plc.faults = { dripMs: 8 };
    assert.is((await operator.ask(read(0, 1))).toString("hex"), "03020000");
    house.plc.faults = { dripMs: 60 };
    assert.is((await operator.ask(read(0, 1))).toString("hex"), "830b");
  },
);

device("a flood of unsolicited replies reaches nobody, is counted, and costs the device its connection", async (context) => {
  const house = await opened(context);
  const operator = await house.plain();
  await operator.ask(read(0, 1));
  const junk = Buffer.concat(Array.from({ length: 500 }, (_, i) => adu("03 02 beef", 1, i)));
  house.plc.shout(junk);
  await until(() => house.plc.connections >= 2, "reconnected");
  assert.is(operator.answers.length, 1);
  assert.ok((house.gateway.road.stats.strays.get("unsolicited") ?? 0) > 100);
  assert.is(house.gateway.road.stats.strays.get("flood"), 1);
  const records = (await house.written("outcome")).filter((r) => r.event === "strayReply");
  assert.ok(records.length < 10, `${records.length} records for a flood`);
});

device("octets that are no frames cost the device its connection and whoever waits is told", async (context) => {
  const house = await opened(context);
  const operator = await house.plain();
  house.plc.faults = { rewrite: () => Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n") };
  assert.is((await operator.ask(read(0, 1))).toString("hex"), "830b");
  house.plc.faults = {};
  await until(() => house.gateway.status().assets[0]?.deviceState === "ready", "ready again");
  assert.is((await operator.ask(read(0, 1))).toString("hex"), "03020000");
});

device("`outstanding` requests are at the device at once, never more; `connections` are used", async (context) => {
  const plc = new Plc();
  await plc.listen();
  plc.faults = { delayMs: 30 };
  let open = 0;
  let most = 0;
  plc.seen = () => {
    open += 1;
    most = Math.max(most, open);
    setTimeout(() => {
      open -= 1;
    }, 25);
  };
  const house = await opened(context, { plc, asset: "    upstream: { connections: 2, outstanding: 3 }" });
  const operators = await Promise.all(Array.from({ length: 4 }, () => house.plain()));
  await Promise.all(operators.flatMap((o) => Array.from({ length: 5 }, (_, i) => o.ask(read(i, 1)))));
  assert.is(most, 6);
  assert.is(plc.connections, 2);
});

device("`rate` holds the device to its pace", async (context) => {
  const house = await opened(context, { asset: "    upstream: { rate: 10/200ms, outstanding: 4 }" });
  const operator = await house.plain();
  const times: number[] = [];
  house.plc.seen = () => times.push(performance.now());
  for (let i = 0; i < 3; i++) await Promise.all(Array.from({ length: 10 }, (_, at) => operator.ask(read(at, 1))));
  assert.is(times.length, 30);
  for (let i = 10; i < times.length; i++) assert.ok((times[i] as number) - (times[i - 10] as number) > 180, `request ${i}`);
});

device("`connect_delay` gives the device its breath after a connection", async (context) => {
  const plc = new Plc();
  await plc.listen();
  let connected = 0;
  const timer = setInterval(() => {
    if (plc.connections > 0 && connected === 0) connected = performance.now();
  }, 1);
  let first = 0;
  plc.seen = () => {
    first ||= performance.now();
  };
  const house = await opened(context, { plc, asset: "    upstream: { connect_delay: 150ms }" });
  const operator = await house.plain();
  await operator.ask(read(0, 1));
  clearInterval(timer);
  assert.ok(first - connected > 130, `${first - connected} ms`);
});

device("`per_session` gives each session its own connection, and closes it with the session", async (context) => {
  const house = await opened(context, { asset: "    upstream: { mode: per_session }" });
  const [a, b] = [await house.plain(), await house.plain()];
  await Promise.all([a.ask(read(0, 1)), b.ask(read(0, 1))]);
  assert.is(house.plc.connections, 2);
  a.close();
  await until(() => house.plc.sockets.size === 1, "the session's own connection is closed");
  assert.is((await b.ask(read(0, 1))).toString("hex"), "03020000");
});

device("DESIGN 11: `per_session`: the reply to a change wakes the other connections, the reply to a read nobody", async (context) => {
  const house = await opened(context, { asset: "    upstream: { mode: per_session }" });
  const [a, b] = [await house.plain(), await house.plain()];
  const asset = house.gateway.assets.get("plc");
  if (asset === undefined) throw new Error("no asset");
  let woken = 0;
  const { wake } = asset;
  asset.wake = () => {
    woken += 1;
    wake.call(asset);
  };
  await Promise.all([a.ask(read(0, 1)), b.ask(read(1, 1)), a.ask(read(2, 1))]);
  assert.is(woken, 0);
  house.plc.faults = { delayMs: 5 };
  const told = await Promise.all([a.ask(write(3, 1)), b.ask(write(3, 2)), a.ask(write(3, 3))]);
  assert.equal(
    told.map((answer) => answer.toString("hex")),
    ["0600030001", "0600030002", "0600030003"],
  );
  assert.is(woken, 3);
});

device("RULINGS 12: a broadcast needs its right, is acknowledged by nobody, and voids what was known", async (context) => {
  const policy = `policy: test
version: 1
roles:
  hmi:
    - { id: read, allow: read, on: plc }
    - { id: all, allow: write, on: plc, table: holding, addresses: 0-9, broadcast: true }
    - { id: one, allow: write, on: plc, table: holding, addresses: 10-19 }
bindings:
  - { role: hmi, source: 127.0.0.0/8, kind: machine, accept_unauthenticated: true }
`;
  const house = await opened(context, { policy });
  const operator = await house.plain();
  const asset = house.gateway.assets.get("plc");
  const holding = asset?.protocol.vocabulary.spaces.findIndex((s) => s.name === "holding") ?? -1;
  await operator.ask(read(5, 1));
  assert.is(asset?.lastSeen.cell(1, holding, 5), 0);
  operator.send(write(5, 9), 0);
  assert.is((await operator.ask(write(12, 9), 0)).toString("hex"), "8601", "no right to broadcast there");
  assert.is((await operator.ask(read(6, 1), 0)).toString("hex"), "8301", "a broadcast read is nothing");
  assert.is(asset?.lastSeen.cell(1, holding, 5), -1);
  assert.is(house.plc.requests.filter((r) => r[6] === 0).length, 1);
  const outcome = (await house.written("outcome")).find((r) => r.outcome === "unacknowledged");
  assert.ok(outcome);
});

function patched(octets: Buffer, at: number, value: number): Buffer {
  const copy = Buffer.from(octets);
  copy[at] = value;
  return copy;
}

function lengthened(octets: Buffer, by: number): Buffer {
  const copy = Buffer.from(octets);
  copy.writeUInt16BE(copy.readUInt16BE(4) + by, 4);
  return copy;
}

device("RULINGS 22: a range that timed out twice is answered 0B at once for a while, and nobody else waits for it", async (context) => {
  const house = await opened(context, { asset: "    upstream: { timeout: 150ms }" });
  const [viewer, other] = [await house.plain(), await house.plain()];
  const ready = (): Promise<void> => until(() => house.gateway.status().assets[0]?.deviceState === "ready", "connected");
  house.plc.faults = { rewrite: (answer, request) => (request.readUInt16BE(8) === 50 ? null : answer) };
  for (let i = 0; i < 2; i++) {
    await ready();
    assert.is((await viewer.ask(read(50, 1))).toString("hex"), "830b");
  }
  await ready();
  const asked = house.plc.requests.length;
  const started = performance.now();
  for (let i = 0; i < 20; i++) assert.is((await viewer.ask(read(50, 1))).toString("hex"), "830b");
  assert.is((await other.ask(read(51, 1))).toString("hex"), "03020000");
  assert.is(
    (await other.ask(write(50, 7))).toString("hex").slice(0, 4),
    "860b",
    "a write is never held back; this one meets the same silence",
  );
  assert.ok(performance.now() - started < 1_500, "no timeout each");
  assert.is(house.plc.requests.length, asked + 2);
  const denied = (await house.written("decision")).filter(({ code }) => code === "deviceSilent");
  assert.ok(denied.length >= 1);
});

const PATIENT = "    upstream: { timeout: 20s }";
const ready = (house: House): Promise<void> => until(() => house.gateway.status().assets[0]?.deviceState === "ready", "connected");

/** A read that the device leaves unanswered, for as long as it may take. */
async function unanswered(house: House, clock: MovedClock, operator: Operator, at: number): Promise<void> {
  await ready(house);
  const before = house.plc.requests.length;
  house.plc.faults = { silent: true };
  const answer = operator.ask(read(at, 1));
  await until(() => house.plc.requests.length > before, "it is at the device");
  clock.passed += 20_001;
  assert.is((await answer).toString("hex"), "830b");
  house.plc.faults = {};
  await ready(house);
}

device("RULINGS 22: a range that answers between two timeouts is not silent, and is asked", async (context) => {
  const clock = new MovedClock();
  const house = await opened(context, { asset: PATIENT, clock });
  const operator = await house.plain();
  for (let i = 0; i < 3; i++) {
    await unanswered(house, clock, operator, 50);
    assert.is((await operator.ask(read(50, 1))).toString("hex"), "03020000");
  }
  assert.is(house.gateway.status().denials.deviceSilent, undefined);
});

device("RULINGS 22: a device that was away and came back is asked for everything anew, what was silent too", async (context) => {
  const clock = new MovedClock();
  const house = await opened(context, { asset: PATIENT, clock });
  const operator = await house.plain();
  for (let i = 0; i < 2; i++) await unanswered(house, clock, operator, 50);
  assert.is((await operator.ask(read(50, 1))).toString("hex"), "830b");
  assert.is(house.gateway.status().denials.deviceSilent, 1, "answered in its stead");
  const { road } = house.gateway;
  const { deviceChanged } = road;
  const away: string[] = [];
  road.deviceChanged = (which, what, why) => {
    if (what === "away") away.push(why);
    deviceChanged.call(road, which, what, why);
  };
  const port = await house.plc.goAway();
  await until(() => away.length >= 2, "it could not be reached");
  await house.plc.listen(port);
  await ready(house);
  assert.is((await operator.ask(read(50, 1))).toString("hex"), "03020000");
});

device(
  "RULINGS 8: `per_session`: whoever waits for the asset to itself and loses its own connection gives the asset back to the others",
  async (context) => {
    const clock = new MovedClock();
    const policy = OPEN_POLICY.replace(
      "addresses: 0-99 }",
      `addresses: 0-9, values: { min: 0, max: 1000, max_step: 5 } }
    - { id: free, allow: write, on: plc, table: holding, addresses: 10-99 }`,
    );
    const house = await opened(context, { policy, clock, asset: "    upstream: { mode: per_session, timeout: 20s }" });
    const sessions: Operator[] = [];
    for (let i = 0; i < 3; i++) {
      sessions.push(await house.plain());
      await sessions[i]?.ask(read(0, 1));
    }
    const [loser, reader, writer] = sessions as [Operator, Operator, Operator];
    const [lost] = house.plc.sockets;
    // A connection that lived a while is made anew at once.
    clock.passed += 2_000;
    const letGo = house.plc.hold();
    const reading = reader.ask(read(50, 1));
    await until(() => house.plc.requests.length === 4, "a read is at the device");
    const losing = loser.ask(write(4, 3)).catch((error: Error) => error.message);
    const asset = house.gateway.assets.get("plc");
    await until(() => asset?.turn !== null, "the write waits for the asset to itself");
    let tried = 0;
    Object.assign(house.gateway.road, {
      // What is sent there is lost on the way: neither yes nor no.
      connect: () => {
        tried += 1;
      },
    });
    lost?.destroy();
    await until(() => tried === 1, "its connection is being made anew");
    letGo();
    const answer = await writer.ask(write(20, 7), 1, 77, 5_000).catch(() => "none");
    loser.close();
    assert.is(await losing, "connection closed", "it waited all the while");
    await until(() => house.gateway.road.sessions.open.size === 2, "it is gone");
    assert.is(answer.toString("hex"), "0600140007");
    assert.is((await reading).toString("hex"), "03020000");
  },
);

device.run();
