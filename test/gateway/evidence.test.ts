/** What the log holds of a day at the gate: before and after, the device's word, reads counted, evidence that cannot be written. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type House, opened, until } from "#test/support/house";
import { coil, read, write } from "#test/support/operator";

const POINTS = `name,unit_id,table,address,type,unit,access,description,scale,word_order
feed_setpoint,1,holding,40,int16,t/h,rw,Feed water set-point,0.1,
flow,1,holding,50,float32,m3/h,rw,Flow set-point,,little
pump,1,coil,3,bool,,rw,Pump,,
`;

const evidence = suite<{ house: House }>("gateway/evidence");
evidence.after.each(async (context) => {
  await context.house?.close();
});

evidence(
  "a write's record holds the values before (with age and source) and after, in engineering units; the outcome names it",
  async (context) => {
    const house = await opened(context, { points: POINTS });
    const operator = await house.plain();
    house.plc.unit(1)[40] = 250;
    await operator.ask(write(40, 300));
    await operator.ask(read(40, 1));
    await operator.ask(write(40, 310));
    house.plc.faults = { delayMs: 80 };
    await operator.ask(write(40, 320));
    const writes = (await house.written("decision")).filter((r) => r.function === 6);
    const told = writes.map((r) => r.operations[0]);
    assert.is(told[0].points[0].before, null, "nothing was known before the first");
    assert.is(told[0].points[0].after, "30");
    assert.is(told[1].points[0].before.value, "30");
    assert.is(told[1].points[0].before.source, "read");
    assert.ok(told[1].points[0].before.ageMs >= 0);
    assert.is(told[1].points[0].after, "31");
    assert.is(told[2].points[0].before.source, "written");
    assert.equal([told[2].table, told[2].first, told[2].points[0].name, told[2].points[0].unit], ["holding", 40, "feed_setpoint", "t/h"]);
    const outcomes = house.records("outcome");
    assert.equal(
      outcomes.map((r) => r.of),
      writes.map((r) => r.seq),
    );
    assert.equal(
      outcomes.map((r) => r.outcome),
      ["answered", "answered", "answered"],
    );
    const took = outcomes.map((r) => r.latencyMs);
    assert.ok(
      took.every((ms, i) => ms >= (i === 2 ? 79 : 0) && ms < 5_000),
      `${took} ms`,
    );
    for (const key of [
      "seq",
      "time",
      "kind",
      "prev",
      "session",
      "who",
      "roles",
      "asset",
      "unit",
      "function",
      "rule",
      "policy",
      "latencyUs",
      "action",
    ])
      assert.ok(key in (writes[0] as object), key);
  },
);

evidence("floats, coils and words in the device's own order are told as the point means them", async (context) => {
  const house = await opened(context, { points: POINTS });
  const operator = await house.plain();
  const float = Buffer.alloc(4);
  float.writeFloatBE(12.5);
  await operator.ask(Buffer.concat([Buffer.from([16, 0, 50, 0, 2, 4]), float.subarray(2), float.subarray(0, 2)]));
  await operator.ask(coil(3, true));
  const told = (await house.written("decision")).map((r) => r.operations[0].points[0]);
  assert.equal(
    told.map((p) => [p.name, p.after]),
    [
      ["flow", "12.5"],
      ["pump", "1"],
    ],
  );
});

evidence("reads are counted per session, function and range; changes and denials never", async (context) => {
  const house = await opened(context, { limits: { readWindowMs: 200 } });
  const operator = await house.plain();
  for (let i = 0; i < 20; i++) await operator.ask(read(0, 10));
  for (let i = 0; i < 3; i++) await operator.ask(write(1, i));
  for (let i = 0; i < 3; i++) await operator.ask(write(100, i));
  await until(
    () =>
      house
        .records("decision")
        .filter((r) => r.count !== undefined)
        .reduce((sum, r) => sum + r.count, 0) === 20,
    "the window is written",
  );
  const decisions = await house.written("decision");
  assert.is(decisions.filter((r) => r.function === 6 && r.decision === "allow").length, 3);
  assert.is(decisions.filter((r) => r.decision === "deny").length, 3);
});

evidence("RULINGS 32: policy, site, points and the session's certificate are stored by their hash", async (context) => {
  const house = await opened(context);
  await house.written();
  const stored = (text: string): Buffer =>
    readFileSync(path.join(house.auditDirectory, "documents", createHash("sha256").update(text).digest("hex")));
  for (const file of ["policy.yaml", "site.yaml", "points.csv"]) assert.is(stored(house.read(file)).toString(), house.read(file));
});

evidence("durable_before: all makes reads wait for their own record; none is shouted in status", async (context) => {
  const house = await opened(context, { audit: "durable_before: all" });
  const operator = await house.plain();
  let durableThen = -1;
  house.plc.seen = () => {
    durableThen = house.gateway.road.audit.durable;
  };
  await operator.ask(read(0, 1));
  const record = (await house.written("decision"))[0];
  assert.is(record?.function, 3);
  assert.ok(durableThen >= record?.seq);
  await house.close();
  const none = await opened(context, { audit: "durable_before: none" });
  assert.ok(none.gateway.status().warnings.some((w) => w.includes("DURABILITY NONE")));
});

for (const [whenFull, readAnswer] of [
  ["deny-writes", "03020000"],
  ["deny-all", "8306"],
] as const) {
  evidence(`when_full: ${whenFull}`, async (context) => {
    const house = await opened(context, { audit: `when_full: ${whenFull}` });
    const operator = await house.plain();
    await operator.ask(write(1, 1));
    const { audit } = house.gateway.road;
    Object.defineProperty(audit, "state", { get: () => "full", configurable: true });
    const { append } = audit;
    audit.append = (entry) => {
      entry.rendered();
      return -1;
    };
    assert.is((await operator.ask(write(1, 2))).toString("hex"), "8606");
    assert.is((await operator.ask(read(0, 1))).toString("hex"), readAnswer);
    assert.is(house.plc.requests.filter((r) => r[7] === 6).length, 1);
    audit.append = append;
    delete (audit as { state?: string }).state;
  });
}

evidence("a policy reload and its hash stand in the log, and later decisions name the new hash", async (context) => {
  const house = await opened(context);
  const operator = await house.plain();
  const first = house.gateway.policy.hash;
  await operator.ask(write(1, 1));
  house.rewrite("policy.yaml", house.read("policy.yaml").replace("version: 1", "version: 2"));
  assert.equal((await house.gateway.reload()).problems, []);
  const second = house.gateway.policy.hash;
  assert.not.equal(first, second);
  await operator.ask(write(1, 2));
  const records = await house.written();
  assert.ok(records.some((r) => r.kind === "config" && r.event === "loaded" && r.policy === second));
  assert.equal(
    records.filter((r) => r.function === 6 && r.kind === "decision").map((r) => r.policy),
    [first, second],
  );
});

evidence.run();
