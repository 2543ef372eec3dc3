/** RULINGS 10: a restart gives nobody new changes: the windows are counted again from the evidence. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { MovedClock } from "#test/support/clock";
import { type House, OPEN_POLICY, opened, until } from "#test/support/house";
import { coil, read, write } from "#test/support/operator";

const rebuild = suite<{ house: House }>("gateway/rebuild");
rebuild.after.each(async (context) => {
  await context.house?.close();
});

const hex = async (answer: Promise<Buffer>): Promise<string> => (await answer).toString("hex");
const RATED = OPEN_POLICY.replace("table: holding, addresses: 0-99 }", "table: holding, addresses: 0-99, rate: 2/min }");
const CHANGES = OPEN_POLICY.replaceAll("addresses: 0-99 }", "addresses: 0-99, values: { max_changes: 2/min } }");

rebuild("RULINGS 10: `max_changes` counts on over a restart: per place, coils and masked bits too", async (context) => {
  const points = "name,unit_id,table,address,type,unit,access,description,bit\npump,1,holding,8,bit,,rw,,0\nvalve,1,holding,8,bit,,rw,,1\n";
  const policy = CHANGES.replace(
    "bindings:",
    "    - { id: bits, allow: write, on: plc, points: [pump, valve], functions: [22], values: { set: [0, 1], max_changes: 2/min } }\nbindings:",
  ).replace("addresses: 0-99, values: { max_changes: 2/min } }", "addresses: 0-7, values: { max_changes: 2/min } }");
  const house = await opened(context, { policy, points });
  const before = await house.plain();
  const pump = "16 0008 fffe 0001";
  const valve = "16 0008 fffd 0002";
  for (const pdu of [write(1, 1), write(1, 2), write(2, 1), coil(3, true), coil(3, false), Buffer.from(pump.replaceAll(" ", ""), "hex")])
    assert.is((await before.ask(pdu))[0], pdu[0]);
  await before.ask(pump);
  await house.restart();
  const after = await house.plain();
  assert.is(await hex(after.ask(write(1, 3))), "8601");
  assert.is(await hex(after.ask(coil(3, true))), "8501");
  assert.is((await after.ask(pump))[0], 0x96);
  assert.is((await after.ask(valve))[0], 0x16, "its neighbour in the register has its own");
  assert.is(await hex(after.ask(write(2, 2))), "0600020002", "one was left");
  assert.is(await hex(after.ask(write(2, 3))), "8601");
});

rebuild("RULINGS 10: what was not sent, denied after all, or no change, is not counted", async (context) => {
  const policy = OPEN_POLICY.replace(
    "addresses: 0-99 }",
    "addresses: 0-99, values: { min: 0, max: 1000, max_step: 5, max_changes: 2/min } }",
  );
  const house = await opened(context, { policy });
  const before = await house.plain();
  house.plc.unit(1)[1] = 10;
  for (let i = 0; i < 3; i++) assert.is(await hex(before.ask(write(1, 10))), "060001000a", "as it stands");
  assert.is(await hex(before.ask(write(1, 100))), "8601", "too large a step");
  const port = await house.plc.goAway();
  await until(() => house.gateway.status().assets[0]?.deviceState === "down", "away");
  assert.is(await hex(before.ask(write(1, 12))), "860a");
  await house.plc.listen(port);
  await house.restart();
  await until(() => house.gateway.status().assets[0]?.deviceState === "ready", "back");
  const after = await house.plain();
  assert.is(await hex(after.ask(write(1, 12))), "060001000c");
  assert.is(await hex(after.ask(write(1, 13))), "060001000d");
  assert.is(await hex(after.ask(write(1, 14))), "8601");
});

rebuild("RULINGS 10: `rate` counts on over a restart, reads that were counted together included", async (context) => {
  const policy = OPEN_POLICY.replace('{ id: read, allow: read, on: "*" }', '{ id: read, allow: read, on: "*", rate: 3/min }').replace(
    "addresses: 0-99 }",
    "addresses: 0-99, rate: 2/min }",
  );
  const house = await opened(context, { policy });
  const before = await house.plain();
  await before.ask(write(1, 1));
  await before.ask(read(1, 1));
  await before.ask(read(1, 1));
  await house.restart();
  const after = await house.plain();
  assert.is(await hex(after.ask(write(1, 2))), "0600010002");
  assert.is(await hex(after.ask(write(1, 3))), "8601");
  assert.is(await hex(after.ask(read(1, 1))), "03020002");
  assert.is(await hex(after.ask(read(1, 1))), "8301");
});

rebuild("RULINGS 10: a right to manage among the rules is no rule that counts, and a restart knows it", async (context) => {
  const policy = OPEN_POLICY.replace(
    '    - { id: read, allow: read, on: "*" }',
    '    - { id: shift, manage: [view], on: "*" }\n    - { id: read, allow: read, on: "*" }',
  ).replace("addresses: 0-99 }", "addresses: 0-99, rate: 1/min }");
  const house = await opened(context, { policy });
  await (await house.plain()).ask(write(1, 1));
  await house.restart();
  assert.is(await hex((await house.plain()).ask(write(1, 2))), "8601");
});

rebuild("RULINGS 10: what a restart counts again leaves its window when it would have, one after the other", async (context) => {
  const clock = new MovedClock();
  const house = await opened(context, { policy: RATED, clock });
  assert.is(await hex((await house.plain()).ask(write(1, 1))), "0600010001");
  clock.passed += 40_000;
  assert.is(await hex((await house.plain()).ask(write(1, 2))), "0600010002");
  await house.restart({ clock });
  clock.passed += 25_000;
  const after = await house.plain();
  assert.is(await hex(after.ask(write(1, 3))), "0600010003", "the first is 65 s old");
  assert.is(await hex(after.ask(write(1, 4))), "8601", "the second is not");
});

rebuild("RULINGS 10: a wall clock set back between two of them lets a restart forget neither before its time", async (context) => {
  const clock = new MovedClock();
  const house = await opened(context, { policy: RATED, clock });
  assert.is(await hex((await house.plain()).ask(write(1, 1))), "0600010001");
  clock.set = -25_000;
  clock.passed += 10_000;
  assert.is(await hex((await house.plain()).ask(write(1, 2))), "0600010002");
  clock.passed += 10_000;
  await house.restart({ clock });
  clock.passed += 55_000;
  assert.is(await hex((await house.plain()).ask(write(1, 3))), "8601", "the first is dated later than now: it counts from now on");
  clock.passed += 6_000;
  assert.is(await hex((await house.plain()).ask(write(1, 3))), "0600010003");
});

rebuild("RULINGS 10: reads counted together count from the last of them, not from when their count was written", async (context) => {
  const clock = new MovedClock();
  const policy = OPEN_POLICY.replace('{ id: read, allow: read, on: "*" }', '{ id: read, allow: read, on: "*", rate: 2/min }');
  const house = await opened(context, { policy, clock });
  const before = await house.plain();
  for (let i = 0; i < 2; i++) assert.is(await hex(before.ask(read(1, 1))), "03020000");
  clock.passed += 40_000;
  const reads = (): number => house.records("decision").reduce((sum, { count }) => sum + (count ?? 0), 0);
  await until(() => reads() === 2, "their count is written");
  await house.restart({ clock });
  clock.passed += 10_000;
  assert.is(await hex((await house.plain()).ask(read(1, 1))), "8301");
  clock.passed += 11_000;
  const after = await house.plain();
  assert.is(await hex(after.ask(read(1, 1))), "03020000");
});

rebuild.run();
