/** RULINGS 33: however long the documents are, nobody waits for their reading. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type House, OPEN_POLICY, opened, until } from "#test/support/house";
import { read, write } from "#test/support/operator";

const long = suite<{ house: House }>("gateway/reloadLong");
long.after.each(async (context) => {
  await context.house?.close();
});

const RULES = 4_000;
const POINTS = `name,unit_id,table,address,type,unit,access,description\n${Array.from({ length: RULES }, (_, i) => `p${i},1,holding,${i + 100},uint16,,rw,x\n`).join("")}`;
const POLICY = OPEN_POLICY.replace(
  "bindings:",
  `${Array.from({ length: RULES }, (_, i) => `    - { id: r${i}, allow: write, on: plc, points: [p${i}], values: { min: 0, max: ${i + 1} } }\n`).join("")}bindings:`,
);

long("RULINGS 33: while thousands of rules are read, a write at the device is answered in its time, and reads flow", async (context) => {
  const house = await opened(context, { policy: POLICY, points: POINTS, asset: "    upstream: { timeout: 700ms, connections: 2 }" });
  const [writer, reader] = [await house.plain(), await house.plain()];
  house.plc.faults = { delayMs: 150 };
  const reloaded = house.gateway.reload();
  let done = false;
  void reloaded.then(() => {
    done = true;
  });
  let rounds = 0;
  while (!done) {
    assert.is((await writer.ask(write(1, rounds))).toString("hex").slice(0, 6), "060001");
    assert.is((await reader.ask(read(1, 1))).length, 4);
    rounds += 1;
  }
  assert.equal((await reloaded).problems, []);
  assert.ok(rounds >= 2, `${rounds} rounds`);
  assert.equal([...new Set((await house.written("outcome")).map(({ outcome }) => outcome))], ["answered"]);
});

long("a reply that had come while the loop was busy is no silence", async (context) => {
  const house = await opened(context, { asset: "    upstream: { timeout: 200ms }" });
  const operator = await house.plain();
  house.plc.faults = { delayMs: 50 };
  const answer = operator.ask(write(1, 7));
  await until(() => house.plc.requests.length === 1, "at the device");
  // Everything here shares one loop, so the stand-in's reply is let out first and then read by nobody for longer than the deadline.
  house.plc.seen = null;
  const replied = new Promise<void>((resolve) => setTimeout(resolve, 60));
  await replied;
  for (const until = performance.now() + 400; performance.now() < until; );
  assert.is((await answer).toString("hex"), "0600010007");
});

long.run();
