/** What the gate believes of the plant: nothing a reply, its lateness or a clock can do makes it judge a step by a value that is not there. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Clock } from "#gateway/clock";
import { type House, OPEN_POLICY, opened, sleep, until } from "#test/support/house";
import { read, write } from "#test/support/operator";
import { Plc } from "#test/support/plc";

const facts = suite<{ house: House }>("gateway/attackFacts");
facts.after.each(async (context) => {
  await context.house?.close();
});

const STEPS = OPEN_POLICY.replace("addresses: 0-99 }", "addresses: 0-99, values: { min: 0, max: 65535, max_step: 5 } }").replace(
  "  hmi:\n",
  "  hmi:\n    - { id: free, allow: write, on: plc, table: holding, addresses: 0-99, functions: [16] }\n",
);
/** By function 16, which has no step here. */
const anyStep = (at: number, value: number): Buffer => Buffer.from([16, 0, at, 0, 1, 2, value >> 8, value & 0xff]);
const hex = async (answer: Promise<Buffer>): Promise<string> => (await answer).toString("hex");
const cell = (house: House, at: number): number => house.gateway.assets.get("plc")?.lastSeen.cell(1, 3, at) ?? Number.NaN;

facts("a read that was at the device together with a write is not believed, though it is answered after the write", async (context) => {
  const house = await opened(context, { policy: STEPS, asset: "    upstream: { connections: 2 }" });
  const [writer, reader] = [await house.plain(), await house.plain()];
  house.plc.unit(1)[4] = 10;
  await reader.ask(read(4, 1));
  assert.is(cell(house, 4), 10);
  house.plc.faults = { delayMs: 60 };
  const written = writer.ask(anyStep(4, 50));
  await until(() => house.plc.requests.at(-1)?.[7] === 16, "the write is at the device");
  // The device read the register before it wrote it, and its other connection is slow to say so.
  const before = (answer: Buffer): Buffer => Buffer.concat([answer.subarray(0, 9), Buffer.from([0, 10])]);
  house.plc.faults = { delayMs: 150, rewrite: before };
  const old = reader.ask(read(4, 1));
  assert.is(await hex(written), "1000040001");
  assert.is(await hex(old), "0302000a", "the operator is told what the device said");
  house.plc.faults = {};
  assert.is(cell(house, 4), 50);
  assert.is(await hex(writer.ask(write(4, 12))), "8601", "50 to 12 is no step of 5");
  assert.is(house.plc.unit(1)[4], 50);
});

facts("RULINGS 22: after an exception, a silence or a wrong echo nobody knows what stands there", async (context) => {
  const house = await opened(context, { policy: STEPS, asset: "    upstream: { timeout: 200ms }" });
  const operator = await house.plain();
  for (const fault of [
    { exception: 2 },
    { exception: 4 },
    { exception: 0x55 },
    { rewrite: (answer: Buffer) => Buffer.concat([answer.subarray(0, 8), Buffer.from([0, 9, 0, 9])]) },
    { actSilently: true },
  ]) {
    house.plc.faults = {};
    await until(() => house.gateway.status().assets[0]?.deviceState === "ready", "connected");
    await operator.ask(read(4, 2));
    assert.ok(cell(house, 4) >= 0);
    house.plc.faults = fault;
    await operator.ask(anyStep(4, 7));
    assert.is(cell(house, 4), -1, JSON.stringify(fault));
    assert.ok(cell(house, 5) >= 0, "its neighbour is known");
  }
});

facts("RULINGS 11: a masked write leaves its register unknown; function 23 tells what it read and what it wrote", async (context) => {
  const policy = OPEN_POLICY.replace("addresses: 0-99 }", "addresses: 0-99, functions: [6, 16, 22, 23] }");
  const house = await opened(context, { policy });
  const operator = await house.plain();
  await operator.ask(write(4, 0x00ff));
  assert.is(await hex(operator.ask("16 0004 fff0 0001")), "160004fff00001");
  assert.is(cell(house, 4), -1);
  house.plc.unit(1)[30] = 33;
  assert.is(await hex(operator.ask("17 001e 0001 0028 0001 02 0007")), "17020021");
  assert.equal([cell(house, 30), cell(house, 40)], [33, 7]);
});

facts("RULINGS 3: facts are kept per unit; an alias is its unit; another asset on the same device is another world", async (context) => {
  const plc = new Plc();
  await plc.listen();
  const house = await opened(context, {
    plc,
    policy: `policy: test
version: 1
roles:
  hmi:
    - { id: read, allow: read, on: "*" }
    - { id: one, allow: write, on: plc, table: holding, addresses: 0-99, values: { min: 0, max: 65535, max_step: 5 } }
    - { id: two, allow: write, on: two, table: holding, addresses: 0-99, values: { min: 0, max: 65535, max_step: 5 } }
bindings:
  - { role: hmi, source: 127.0.0.0/8, kind: machine, accept_unauthenticated: true }
`,
    listeners:
      "  - { asset: plc, interface: lo, port: 0, tls: none, from: [127.0.0.0/8] }\n  - { asset: two, interface: lo, port: 0, tls: none, from: [127.0.0.0/8] }",
    asset: `    unit_aliases: [11]
  two:
    protocol: modbus-tcp
    address: 127.0.0.1:${plc.port}
    units: [2]
    addressing: zero-based
    points: points.csv`,
  });
  const [one, two] = [await house.plain(0), await house.plain(1)];
  house.plc.unit(1)[4] = 100;
  house.plc.unit(2)[4] = 200;
  assert.is(house.plc.connections, 1, "one device, one connection");
  house.plc.unit(11)[4] = 100;
  await one.ask(read(4, 1), 11);
  assert.is(await hex(two.ask(write(4, 101), 2)), "8601", "unit 2 has not been seen");
  await two.ask(read(4, 1), 2);
  assert.is(await hex(two.ask(write(4, 101), 2)), "8601", "200 to 101 is no step of 5");
  assert.is(await hex(two.ask(write(4, 201), 2)), "06000400c9");
  assert.is(await hex(one.ask(write(4, 103), 1)), "0600040067");
});

facts("rates are counted per identity over all its sessions, and stay when one goes", async (context) => {
  const policy = OPEN_POLICY.replace("addresses: 0-99 }", "addresses: 0-99, rate: 3/min }");
  const house = await opened(context, { policy });
  const [a, b] = [await house.plain(), await house.plain()];
  assert.is(await hex(a.ask(write(1, 1))), "0600010001");
  assert.is(await hex(b.ask(write(1, 2))), "0600010002");
  a.close();
  await until(() => house.gateway.road.sessions.open.size === 1, "gone");
  assert.is(await hex(b.ask(write(1, 3))), "0600010003");
  const c = await house.plain();
  assert.is(await hex(c.ask(write(1, 4))), "8601");
  assert.is((await house.written("decision")).at(-1)?.code, "rateExceeded");
});

class SteppedClock implements Clock {
  offsetMs = 0;
  monotonic(): number {
    return performance.now();
  }
  wall(): number {
    return Date.now() + this.offsetMs;
  }
}
const YEAR = 366 * 86_400_000;

facts("RULINGS 19: a wall clock that jumps a year either way moves no deadline and no window, and stops nothing", async (context) => {
  const clock = new SteppedClock();
  const policy = OPEN_POLICY.replace("addresses: 0-99 }", "addresses: 0-99, values: { min: 0, max: 65535, max_changes: 2/min } }");
  const house = await opened(context, {
    policy,
    clock,
    limits: { idleMs: 60_000, readWindowMs: 100 },
    asset: "    upstream: { timeout: 300ms }",
  });
  const operator = await house.plain();
  await operator.ask(write(4, 1));
  for (const offset of [YEAR, -YEAR, 0, -Date.now()]) {
    clock.offsetMs = offset;
    await sleep(300);
    assert.is(await hex(operator.ask(read(4, 1))), "03020001");
    assert.is(
      await hex(operator.ask(write(9, 1))),
      offset === YEAR || offset === -YEAR ? "0600090001" : "8601",
      "two a minute, by no wall",
    );
  }
  assert.is(house.gateway.road.sessions.open.size, 1, "nobody is idle for it");
  house.plc.faults = { silent: true };
  const started = performance.now();
  assert.is(await hex(operator.ask(write(5, 1))), "860b");
  assert.ok(performance.now() - started < 2_000);
  clock.offsetMs = 0;
  const outcome = (await house.written("outcome")).find((r) => r.outcome === "indeterminate");
  assert.ok(outcome?.latencyMs >= 300 && outcome?.latencyMs < 2_000);
});

facts.run();
