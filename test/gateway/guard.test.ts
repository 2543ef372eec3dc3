/** Guard reads (RULINGS 8): what depends on the device's present values is judged on what the gateway itself reads just before the write. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { MovedClock } from "#test/support/clock";
import { type AuditRecord, type House, OPEN_POLICY, opened, until } from "#test/support/house";
import { type Operator, read, write } from "#test/support/operator";
import type { Plc } from "#test/support/plc";

const guard = suite<{ house: House }>("gateway/guard");
guard.after.each(async (context) => {
  await context.house?.close();
});

const STEPS = OPEN_POLICY.replace("addresses: 0-99 }", "addresses: 0-99, values: { min: 0, max: 1000, max_step: 5 } }");
const several = (at: number, ...values: number[]): Buffer =>
  Buffer.from([16, 0, at, 0, values.length, 2 * values.length, ...values.flatMap((value) => [value >> 8, value & 0xff])]);
/** The space of holding registers is named by the function that reads it. */
const HOLDING = 3;
const hex = async (answer: Promise<Buffer>): Promise<string> => (await answer).toString("hex");
/** Function and address of what reached the device. */
const arrived = (plc: Plc): string[] => plc.requests.map((adu) => `${adu[7]}@${adu.readUInt16BE(8)}`);

async function codes(house: House): Promise<string[]> {
  return (await house.written("decision")).filter((record) => record.code !== undefined).map((record) => record.code as string);
}

guard("RULINGS 8: a step is measured from what stands in the device, not from what anybody saw", async (context) => {
  const house = await opened(context, { policy: STEPS });
  const operator = await house.plain();
  house.plc.unit(1)[4] = 100;
  assert.is(await hex(operator.ask(write(4, 105))), "0600040069", "nobody had read it");
  house.plc.unit(1)[4] = 200; // at the cabinet
  assert.is(await hex(operator.ask(write(4, 110))), "8601", "105 to 110 is a step of 5, but 200 stands there");
  assert.is(await hex(operator.ask(write(4, 195))), "06000400c3");
  assert.equal(arrived(house.plc), ["3@4", "6@4", "3@4", "3@4", "6@4"], "each write behind a read of its own; the denied one never");
  assert.equal(await codes(house), ["stepTooLarge"]);
});

guard("RULINGS 8: a poisoned last seen value moves no step", async (context) => {
  const house = await opened(context, { policy: STEPS });
  const operator = await house.plain();
  house.plc.unit(1)[4] = 100;
  house.plc.faults = { rewrite: (answer) => Buffer.concat([answer.subarray(0, 9), Buffer.from([0x03, 0x20])]) };
  assert.is(await hex(operator.ask(read(4, 1))), "03020320", "the device said 800, once");
  house.plc.faults = {};
  assert.is(await hex(operator.ask(write(4, 801))), "8601");
  assert.is(house.plc.unit(1)[4], 100);
});

guard(
  "RULINGS 8: what was read stands in the records: pending at the decision, told with the outcome, or with the second decision",
  async (context) => {
    const points = "name,unit_id,table,address,type,unit,access,description,scale\nfeed,1,holding,4,uint16,t/h,rw,feed water,0.1\n";
    const policy = OPEN_POLICY.replace(
      "table: holding, addresses: 0-99 }",
      "points: [feed], values: { min: 0, max: 100, max_step: 0.5 } }",
    );
    const house = await opened(context, { policy, points });
    const operator = await house.plain();
    house.plc.unit(1)[4] = 100;
    await operator.ask(write(4, 105));
    await operator.ask(write(4, 140));
    const records = await house.written();
    const decisions = records.filter(({ kind }) => kind === "decision");
    assert.equal(
      decisions.map(({ decision, code, guardRead, of }) => [decision, code ?? null, guardRead ?? null, of !== undefined]),
      [
        ["allow", null, "pending", false],
        ["allow", null, "pending", false],
        ["deny", "stepTooLarge", null, true],
      ],
    );
    assert.equal(decisions[2]?.operations[0].points[0].before.value, "10.5");
    assert.equal(decisions[2]?.operations[0].points[0].before.source, "guard");
    const outcome = records.find(({ kind }) => kind === "outcome") as AuditRecord;
    assert.equal(outcome.guard, [
      {
        verb: "read",
        unit: 1,
        table: "holding",
        first: 4,
        last: 4,
        place: "4",
        points: [{ name: "feed", unit: "t/h", value: "10" }],
        value: [100],
      },
    ]);
  },
);

guard("RULINGS 8: two queued steps do not add up, whoever asks and over whatever connection", async (context) => {
  for (const asset of ["", "    upstream: { connections: 2, outstanding: 4 }", "    upstream: { mode: per_session }"]) {
    const house = await opened(context, { policy: STEPS, asset });
    house.plc.unit(1)[4] = 100;
    const operators = await Promise.all([house.plain(), house.plain(), house.plain()]);
    await until(() => house.gateway.status().assets[0]?.deviceState === "ready" || asset.includes("per_session"), "connected");
    house.plc.faults = { delayMs: 10 };
    const told = await Promise.all(operators.flatMap((operator) => [hex(operator.ask(write(4, 105))), hex(operator.ask(write(4, 96)))]));
    const values = house.plc.requests.filter((adu) => adu[7] === 6).map((adu) => adu.readUInt16BE(10));
    let present = 100;
    for (const value of values) {
      assert.ok(Math.abs(value - present) <= 5, `${asset}: ${present} to ${value} in ${values.join(", ")}`);
      present = value;
    }
    assert.is(told.filter((answer) => answer !== "8601").length, values.length);
    assert.ok(values.length >= 3, "the same value again is no step");
    if (asset.includes("per_session")) return;
    await house.close();
  }
});

guard("RULINGS 8: the guard read and its write are one turn: nothing else is at the asset between them", async (context) => {
  const house = await opened(context, { policy: STEPS, asset: "    upstream: { connections: 2, outstanding: 8 }" });
  const [writer, reader, other] = [await house.plain(), await house.plain(), await house.plain()];
  house.plc.unit(1)[4] = 100;
  let open = 0;
  let most = 0;
  const order: string[] = [];
  house.plc.seen = (adu) => {
    open += 1;
    const guarded = adu[7] === 6 || adu.readUInt16BE(8) === 4;
    if (guarded) most = Math.max(most, open);
    order.push(guarded ? `g${adu[7]}` : "r");
    setTimeout(() => {
      open -= 1;
    }, 4);
  };
  house.plc.faults = { delayMs: 5 };
  const asked: Promise<string>[] = [];
  for (let i = 0; i < 8; i++) {
    asked.push(hex(reader.ask(read(50 + i, 1))), hex(other.ask(read(70 + i, 1))));
    if (i % 2 === 0) asked.push(hex(writer.ask(write(4, 101 + i))));
  }
  await Promise.all(asked);
  assert.is(most, 1, order.join(" "));
  assert.is(order.filter((each) => each === "g6").length, 4);
  for (const [i, each] of order.entries()) if (each === "g6") assert.is(order[i - 1], "g3", order.join(" "));
});

for (const [what, faults, code] of [
  ["an exception", { exception: 2 }, "8601"],
  ["silence", { silent: true }, "8601"],
  [
    "a reply of another length",
    { rewrite: (answer: Buffer) => Buffer.concat([answer.subarray(0, 4), Buffer.from([0, 7, 1, 3, 4, 0, 0, 0, 0])]) },
    "8601",
  ],
  ["a connection that ends", { close: true }, "8601"],
] as const)
  guard(
    `RULINGS 8: ${what} in place of the guard read: denied factUnavailable, nothing is written, nobody is cut off for it`,
    async (context) => {
      const clock = new MovedClock();
      const house = await opened(context, {
        policy: STEPS.replace("version: 1\n", "version: 1\non_deny: { close_after: { denials: 2, within: 60s } }\n"),
        asset: "    upstream: { timeout: 10s }",
        clock,
      });
      const operator = await house.plain();
      for (let i = 0; i < 3; i++) {
        await until(() => house.gateway.status().assets[0]?.deviceState === "ready", "connected");
        house.plc.faults = faults;
        const answer = hex(operator.ask(write(4, 1)));
        await until(() => house.plc.requests.length > i, "the guard read is at the device");
        if ("silent" in faults) clock.passed += 10_001;
        assert.is(await answer, code);
        house.plc.faults = {};
      }
      assert.equal(await codes(house), ["factUnavailable", "factUnavailable", "factUnavailable"]);
      assert.match(
        (await house.written("decision")).find((record) => record.code !== undefined)?.words,
        /write holding 4 = 1 depends on what stands there, and the device did not tell it; rule hmi\/write \(policy.yaml:8\)/,
      );
      await until(() => house.gateway.status().assets[0]?.deviceState === "ready", "connected");
      assert.is(await hex(operator.ask(write(4, 1))), "0600040001", "the lane is free again");
      assert.is(house.plc.requests.filter((adu) => adu[7] === 6).length, 1);
    },
  );

guard(
  "RULINGS 20: the session ends while its guard read is at the device: the write is not sent, and the record says so",
  async (context) => {
    const house = await opened(context, { policy: STEPS, asset: "    upstream: { timeout: 20s }" });
    const [gone, stays] = [await house.plain(), await house.plain()];
    const letGo = house.plc.hold();
    gone.send(write(4, 3));
    await until(() => house.plc.requests.length === 1, "the guard read is at the device");
    gone.close();
    await until(() => house.gateway.road.sessions.open.size === 1, "the session is over");
    const next = hex(stays.ask(write(4, 2)));
    letGo();
    assert.is(await next, "0600040002", "the turn is free again");
    assert.equal(arrived(house.plc), ["3@4", "3@4", "6@4"]);
    const outcomes = await house.written("outcome");
    assert.equal(
      outcomes.map(({ outcome, reason }) => [outcome, reason ?? null]),
      [
        ["notSent", "sessionEnded"],
        ["answered", null],
      ],
    );
    assert.is(house.gateway.road.tickets.inUse, 0);
  },
);

guard("a session that waits for its turn and ends gives the turn back", async (context) => {
  const house = await opened(context, { policy: STEPS, asset: "    upstream: { outstanding: 4, timeout: 20s }" });
  const [reader, gone, stays] = [await house.plain(), await house.plain(), await house.plain()];
  const letGo = house.plc.hold();
  const slow = reader.ask(read(50, 1));
  await until(() => house.plc.requests.length === 1, "a read is at the device");
  gone.send(write(4, 3));
  await until(() => house.gateway.assets.get("plc")?.turn !== null, "the write waits for its turn");
  const held = stays.ask(read(60, 1));
  gone.close();
  await until(() => house.gateway.assets.get("plc")?.turn === null, "given back");
  await until(() => house.plc.requests.length === 2, "and the read goes at once");
  letGo();
  await Promise.all([slow, held]);
});

guard("RULINGS 20: the documents change while a guard read is at the device: the write is judged by the new ones", async (context) => {
  const house = await opened(context, { policy: STEPS, asset: "    upstream: { timeout: 20s }" });
  const operator = await house.plain();
  const letGo = house.plc.hold();
  const answer = operator.ask(write(4, 5));
  await until(() => house.plc.requests.length === 1, "the guard read is at the device");
  house.rewrite("policy.yaml", STEPS.replace("version: 1\n", "version: 2\n").replace("max_step: 5", "max_step: 4"));
  assert.equal((await house.gateway.reload()).problems, []);
  letGo();
  assert.is(await hex(answer), "8601");
  assert.equal(arrived(house.plc), ["3@4", "3@4"], "which ask for themselves");
});

guard(
  "RULINGS 20, 27: the asset is blocked while a guard read is at the device: the write is denied `blocked`, and never sent",
  async (context) => {
    const house = await opened(context, { policy: STEPS, asset: "    upstream: { timeout: 20s }" });
    const operator = await house.plain();
    const letGo = house.plc.hold();
    const answer = hex(operator.ask(write(4, 5)));
    await until(() => house.plc.requests.length === 1, "the guard read is at the device");
    assert.equal(await house.gateway.commands.fromSocket({ ask: "block", asset: "plc", reads: false, uid: 1 }), { ok: true });
    letGo();
    assert.is(await answer, "8601");
    assert.equal(arrived(house.plc), ["3@4"]);
    assert.equal(await codes(house), ["blocked"]);
    assert.is(await hex(operator.ask(read(4, 1))), "03020000", "reads are not");
  },
);

guard("RULINGS 5, 22: a guarded write that gets no answer leaves its register unknown, though it was read just before", async (context) => {
  const clock = new MovedClock();
  const house = await opened(context, { policy: STEPS, clock, asset: "    upstream: { timeout: 20s }" });
  const operator = await house.plain();
  const cell = (at: number): number | undefined => house.gateway.assets.get("plc")?.lastSeen.cell(1, HOLDING, at);
  house.plc.unit(1).set([100, 7], 4);
  await operator.ask(read(4, 2));
  assert.equal([cell(4), cell(5)], [100, 7]);
  house.plc.faults = { rewrite: (answer, request) => (request[7] === 6 ? null : answer) };
  const answer = hex(operator.ask(write(4, 103)));
  await until(() => house.plc.requests.at(-1)?.[7] === 6, "the write is at the device");
  const meanwhile = cell(4);
  clock.passed += 20_001;
  assert.is(await answer, "860b");
  assert.equal([meanwhile, cell(4), cell(5)], [-1, -1, 7], "not while it is there, and not after");
  assert.equal(arrived(house.plc), ["3@4", "3@4", "6@4"]);
});

guard("RULINGS 20: new documents ask for a guard read of a write that waits: it is made", async (context) => {
  const house = await opened(context, { asset: "    upstream: { timeout: 20s, outstanding: 4 }" });
  const operator = await house.plain();
  const reader = await house.plain();
  const letGo = house.plc.hold();
  const first = operator.ask(read(50, 1));
  const second = operator.ask(write(4, 90));
  const others = reader.ask(read(51, 1));
  await until(() => house.plc.requests.length === 2 && house.gateway.status().assets[0]?.waiting === 1, "the write waits");
  house.rewrite("policy.yaml", STEPS.replace("version: 1\n", "version: 2\n"));
  assert.equal((await house.gateway.reload()).problems, []);
  letGo();
  assert.is(await hex(second), "8601", "0 to 90 is no step of 5");
  await Promise.all([first, others]);
  assert.is(house.plc.requests.filter((adu) => adu[7] === 6).length, 0);
});

guard("RULINGS 10: rewriting what stands there is no change and takes no place in the window", async (context) => {
  const policy = STEPS.replace("max_step: 5 }", "max_step: 5, max_changes: 2/min }");
  const house = await opened(context, { policy });
  const operator = await house.plain();
  house.plc.unit(1)[4] = 10;
  for (let i = 0; i < 5; i++) assert.is(await hex(operator.ask(write(4, 10))), "060004000a");
  assert.is(await hex(operator.ask(write(4, 11))), "060004000b");
  assert.is(await hex(operator.ask(write(4, 12))), "060004000c");
  assert.is(await hex(operator.ask(write(4, 12))), "060004000c", "again the same");
  assert.is(await hex(operator.ask(write(4, 13))), "8601");
  assert.equal(await codes(house), ["tooManyChanges"]);
});

const BITS =
  "name,unit_id,table,address,type,unit,access,description,bit\npump,1,holding,8,bit,,rw,the pump,0\nvalve,1,holding,8,bit,,rw,the valve,1\n";
const PUMP = OPEN_POLICY.replace("table: holding, addresses: 0-99 }", "points: [pump], values: { set: [0, 1] } }");

guard("RULINGS 11: a rule on a bit lets functions 6 and 16 write its word where every other bit stays as it is", async (context) => {
  const house = await opened(context, { policy: PUMP, points: BITS });
  const operator = await house.plain();
  house.plc.unit(1)[8] = 0x8002;
  assert.is(await hex(operator.ask(write(8, 0x8003))), "0600088003");
  assert.is(await hex(operator.ask(several(8, 0x8002))), "1000080001");
  assert.is(await hex(operator.ask(write(8, 0x8001))), "8601", "the valve would close");
  assert.is(await hex(operator.ask(write(8, 0x0003))), "8601", "a bit without a name would fall");
  house.plc.unit(1)[8] = 0x8003;
  assert.is(await hex(operator.ask(write(8, 0x8003))), "0600088003");
  assert.is(house.plc.unit(1)[8], 0x8003);
  assert.equal(await codes(house), ["nothingAllows", "nothingAllows"]);
  assert.is(await hex(operator.ask(write(9, 0))), "8601", "beside the word nothing is granted");
  assert.is(house.plc.requests.filter((adu) => adu[7] === 3).length, 5, "and nothing is read for it");
});

guard("RULINGS 11: a deny on one bit stands, whether the bit would change or not", async (context) => {
  const policy = PUMP.replace("bindings:", "    - { id: no-valve, deny: write, on: plc, points: [valve] }\nbindings:");
  const house = await opened(context, { policy, points: BITS });
  const operator = await house.plain();
  assert.is(await hex(operator.ask(write(8, 1))), "8601");
  assert.equal(await codes(house), ["forbidden"]);
  assert.is(house.plc.octets, 0);
});

guard("a broadcast is judged on what every unit holds; more units than reads are allowed: denied", async (context) => {
  const policy = STEPS.replace("max_step: 5 }", "max_step: 5 }, broadcast: true");
  const units = (last: number): string => `    units: [${Array.from({ length: last }, (_, i) => i + 1).join(", ")}]`;
  const house = await opened(context, { policy });
  house.rewrite("site.yaml", house.read("site.yaml").replace("    units: [1]", units(3)));
  assert.equal((await house.gateway.reload()).problems, []);
  const operator = await house.plain();
  for (const unit of [1, 2, 3]) house.plc.unit(unit)[4] = 100;
  operator.send(write(4, 103), 0);
  await until(() => house.plc.requests.length === 4, "three reads and the broadcast");
  assert.equal(
    house.plc.requests.map((adu) => [adu[6], adu[7]]),
    [
      [1, 3],
      [2, 3],
      [3, 3],
      [0, 6],
    ],
  );
  house.plc.unit(2)[4] = 200;
  operator.send(write(4, 103), 0);
  await until(() => house.gateway.status().denials.stepTooLarge === 1, "denied");
  assert.is(house.plc.requests.filter((adu) => adu[7] === 6).length, 1);
  house.rewrite("site.yaml", house.read("site.yaml").replace(units(3), units(17)));
  assert.equal((await house.gateway.reload()).problems, []);
  const next = await house.plain();
  next.send(write(4, 103), 0);
  await until(() => house.gateway.status().denials.factUnavailable === 1, "denied");
});

const PRESSURE =
  "name,unit_id,table,address,type,unit,access,description\npressure,1,input,7,uint16,bar,r,drum pressure\nfeed,1,holding,4,uint16,,rw,feed\n";
const INTERLOCK = (state: string): string =>
  OPEN_POLICY.replace("table: holding, addresses: 0-99 }", `points: [feed], state: ${state}, values: { min: 0, max: 1000 } }`);

function pressures(plc: Plc, unit = 1): Uint16Array {
  const inputs = plc.inputs.get(unit) ?? new Uint16Array(65_536);
  plc.inputs.set(unit, inputs);
  return inputs;
}

guard("RULINGS 9: a state is read in the write's own turn, and judged on that", async (context) => {
  const house = await opened(context, { policy: INTERLOCK('"plc.pressure < 2"'), points: PRESSURE });
  const operator = await house.plain();
  pressures(house.plc)[7] = 1;
  assert.is(await hex(operator.ask(write(4, 10))), "060004000a");
  pressures(house.plc)[7] = 2;
  assert.is(await hex(operator.ask(write(4, 11))), "8601");
  assert.equal(arrived(house.plc), ["4@7", "6@4", "4@7"]);
  const denied = (await house.written("decision")).find(({ code }) => code !== undefined) as AuditRecord;
  assert.is(denied.code, "stateNotMet");
  assert.match(denied.words, /write holding 4 \(feed\) = 11 is allowed only while plc.pressure < 2; rule hmi\/write/);
  assert.equal(denied.guard[0].points, [{ name: "pressure", unit: "bar", value: "2" }]);
});

guard("RULINGS 9: a state that cannot be read is not met; a deny by it holds", async (context) => {
  const policy = INTERLOCK('"plc.pressure < 2"').replace(
    "bindings:",
    '    - { id: low, deny: write, on: plc, points: [feed], state: "plc.pressure > 5" }\nbindings:',
  );
  const house = await opened(context, { policy, points: PRESSURE });
  const operator = await house.plain();
  pressures(house.plc)[7] = 1;
  assert.is(await hex(operator.ask(write(4, 10))), "060004000a");
  pressures(house.plc)[7] = 9;
  assert.is(await hex(operator.ask(write(4, 10))), "8601");
  house.plc.faults = { exception: 2 };
  assert.is(await hex(operator.ask(write(4, 10))), "8601");
  assert.equal(await codes(house), ["forbidden", "factUnavailable"]);
});

guard(
  "RULINGS 1 and 9: another rule without a state decides where the state is not met, and may ask for a read of its own",
  async (context) => {
    const policy = INTERLOCK('"plc.pressure < 2"').replace(
      "bindings:",
      "    - { id: slow, allow: write, on: plc, points: [feed], values: { min: 0, max: 1000, max_step: 1 } }\nbindings:",
    );
    const house = await opened(context, { policy, points: PRESSURE });
    const operator = await house.plain();
    pressures(house.plc)[7] = 5;
    house.plc.unit(1)[4] = 100;
    assert.is(await hex(operator.ask(write(4, 101))), "0600040065");
    assert.is(await hex(operator.ask(write(4, 109))), "8601");
    assert.equal(arrived(house.plc), ["4@7", "3@4", "6@4", "4@7", "3@4"]);
  },
);

guard("RULINGS 9: a read under a state waits for its turn like a write", async (context) => {
  const policy = OPEN_POLICY.replace(
    '{ id: read, allow: read, on: "*" }',
    '{ id: read, allow: read, on: plc, points: [feed], state: "plc.pressure < 2" }',
  );
  const house = await opened(context, { policy, points: PRESSURE, asset: "    upstream: { outstanding: 8 }" });
  const operator = await house.plain();
  house.plc.unit(1)[4] = 77;
  pressures(house.plc)[7] = 1;
  assert.is(await hex(operator.ask(read(4, 1))), "0302004d");
  pressures(house.plc)[7] = 2;
  assert.is(await hex(operator.ask(read(4, 1))), "8301");
  assert.equal(arrived(house.plc), ["4@7", "3@4", "4@7"]);
});

guard("RULINGS 22: a guard read that gets no answer says nothing of the place the read asks for: it is asked again", async (context) => {
  const clock = new MovedClock();
  const policy = OPEN_POLICY.replace(
    '{ id: read, allow: read, on: "*" }',
    '{ id: read, allow: read, on: plc, points: [feed], state: "plc.pressure < 2" }',
  );
  const house = await opened(context, { policy, points: PRESSURE, clock, asset: "    upstream: { timeout: 20s }" });
  const operator = await house.plain();
  house.plc.unit(1)[4] = 77;
  pressures(house.plc)[7] = 1;
  for (let asked = 1; asked <= 2; asked++) {
    await until(() => house.gateway.status().assets[0]?.deviceState === "ready", "connected");
    house.plc.faults = { silent: true };
    const answer = hex(operator.ask(read(4, 1)));
    await until(() => house.plc.requests.length === asked, "the guard read is at the device");
    clock.passed += 20_001;
    assert.is(await answer, "8301");
  }
  await until(() => house.gateway.status().assets[0]?.deviceState === "ready", "connected");
  house.plc.faults = {};
  assert.is(await hex(operator.ask(read(4, 1))), "0302004d");
  assert.equal(arrived(house.plc), ["4@7", "4@7", "4@7", "3@4"]);
  assert.equal(await codes(house), ["factUnavailable", "factUnavailable"]);
});

/** A house of `plc`, whose feed may be written while level of asset `two`, unit 2 of the same device, is below 2; one operator of each. */
async function neighbours(
  context: { house: House },
  level: string,
): Promise<{ house: House; one: Operator; two: Operator; clock: MovedClock }> {
  const clock = new MovedClock();
  const house = await opened(context, {
    clock,
    points: PRESSURE,
    policy: OPEN_POLICY.replace(
      "table: holding, addresses: 0-99 }",
      `points: [feed], state: { when: "two.level < 2", max_age: 10s }, values: { min: 0, max: 1000 } }`,
    ).replace("bindings:", "    - { id: two, allow: write, on: two, table: holding, addresses: 20 }\nbindings:"),
    listeners:
      "  - { asset: plc, interface: lo, port: 0, tls: none, from: [127.0.0.0/8] }\n  - { asset: two, interface: lo, port: 0, tls: none, from: [127.0.0.0/8] }",
    files: { "two.csv": level },
    asset: "  two:\n    protocol: modbus-tcp\n    address: 127.0.0.1:1\n    units: [2]\n    addressing: zero-based\n    points: two.csv",
  });
  house.rewrite("site.yaml", house.read("site.yaml").replace("127.0.0.1:1\n", `127.0.0.1:${house.plc.port}\n`));
  assert.equal((await house.gateway.reload()).problems, []);
  return { house, clock, one: await house.plain(0), two: await house.plain(1) };
}

guard("RULINGS 9: the state of another asset is what its replies last showed: nothing written, nothing too old", async (context) => {
  const level = "name,unit_id,table,address,type,unit,access,description\nlevel,2,holding,9,uint16,m,r,level\n";
  const { house, clock, one, two } = await neighbours(context, level);
  house.plc.unit(2)[9] = 1;
  assert.is(await hex(one.ask(write(4, 10))), "8601", "nobody has seen it");
  await two.ask(read(9, 1), 2);
  assert.is(await hex(one.ask(write(4, 10))), "060004000a");
  clock.passed += 10_001;
  assert.is(await hex(one.ask(write(4, 11))), "8601", "too old");
  house.plc.unit(2)[9] = 3;
  await two.ask(read(9, 1), 2);
  assert.is(await hex(one.ask(write(4, 12))), "8601");
  assert.equal(await codes(house), ["factUnavailable", "stale", "stateNotMet"]);
});

/** -50, which is below 2 and no pressure. */
const IMPOSSIBLE = [0xc248, 0x0000];
const ONE = [0x3f80, 0x0000];

guard("RULINGS 9: a state by a value that cannot be is not met, however it compares: the asset's own point", async (context) => {
  const points = `name,unit_id,table,address,type,unit,access,description,plausible_min,plausible_max
pressure,1,input,7,float32,bar,r,drum pressure,0,25
feed,1,holding,4,uint16,,rw,feed,,
`;
  const house = await opened(context, { policy: INTERLOCK('"plc.pressure < 2"'), points });
  const operator = await house.plain();
  pressures(house.plc).set(ONE, 7);
  assert.is(await hex(operator.ask(write(4, 10))), "060004000a");
  pressures(house.plc).set(IMPOSSIBLE, 7);
  assert.is(await hex(operator.ask(write(4, 11))), "8601");
  pressures(house.plc).set(ONE, 7);
  assert.is(await hex(operator.ask(write(4, 12))), "060004000c", "it can be again");
  assert.equal(arrived(house.plc), ["4@7", "6@4", "4@7", "4@7", "6@4"]);
  assert.equal(await codes(house), ["factUnavailable"]);
});

guard("RULINGS 9: a state by a value that cannot be is not met, however it compares: a point of another asset", async (context) => {
  const level = `name,unit_id,table,address,type,unit,access,description,plausible_min,plausible_max
level,2,holding,9,float32,m,r,level,0,25
`;
  const { house, one, two } = await neighbours(context, level);
  house.plc.unit(2).set(ONE, 9);
  await two.ask(read(9, 2), 2);
  assert.is(await hex(one.ask(write(4, 10))), "060004000a");
  house.plc.unit(2).set(IMPOSSIBLE, 9);
  await two.ask(read(9, 2), 2);
  assert.is(await hex(one.ask(write(4, 11))), "8601");
  house.plc.unit(2).set(ONE, 9);
  await two.ask(read(9, 2), 2);
  assert.is(await hex(one.ask(write(4, 12))), "060004000c", "it can be again");
  assert.equal(await codes(house), ["factUnavailable"]);
});

guard("RULINGS 7: while a wide point shows what cannot be, nobody writes it, and status says to check the word order", async (context) => {
  const points =
    "name,unit_id,table,address,type,unit,access,description,plausible_min,plausible_max\nflow,1,holding,4,float32,m3/h,rw,flow,0,500\n";
  const house = await opened(context, { points });
  const operator = await house.plain();
  const set = "10 0004 0002 04 4120 0000"; // 10.0
  assert.is(await hex(operator.ask(set)), "1000040002", "nothing was read yet");
  house.plc.unit(1).set([0x0000, 0x4120], 4); // 10.0 with its words swapped
  await operator.ask(read(4, 1));
  assert.is(await hex(operator.ask(set)), "1000040002", "a part of it tells nothing");
  house.plc.unit(1).set([0x0000, 0x4120], 4);
  await operator.ask(read(4, 2));
  assert.is(await hex(operator.ask(set)), "9001");
  assert.equal(house.gateway.status().assets[0]?.implausible, ["flow"]);
  assert.match(house.gateway.status().warnings.join(), /plc: check word order: flow/);
  house.plc.unit(1).set([0x43fa, 0x0000], 4); // 500
  await operator.ask(read(3, 4));
  assert.is(await hex(operator.ask(set)), "1000040002");
  assert.equal(house.gateway.status().assets[0]?.implausible, []);
  assert.equal(await codes(house), ["implausible"]);
});

guard("RULINGS 6: registers between two points may be read along, never alone, and never against a never", async (context) => {
  const points =
    "name,unit_id,table,address,type,unit,access,description\na,1,holding,4,uint16,,r,a\nb,1,holding,7,uint16,,r,b\nc,1,holding,12,uint16,,r,c\n";
  const policy = OPEN_POLICY.replace('{ id: read, allow: read, on: "*" }', "{ id: read, allow: read, on: plc, points: [a, b, c], gap: 2 }");
  const house = await opened(context, { policy, points });
  const operator = await house.plain();
  assert.is((await operator.ask(read(4, 4))).length, 10);
  for (const [first, count] of [
    [5, 1],
    [4, 2],
    [5, 3],
    [4, 9],
    [7, 6],
  ] as const)
    assert.is(await hex(operator.ask(read(first, count))), "8301", `${first} ${count}`);
  house.rewrite(
    "policy.yaml",
    policy.replace("version: 1\n", "version: 2\nnever:\n  - { id: hole, deny: read, on: plc, table: holding, addresses: 5 }\n"),
  );
  assert.equal((await house.gateway.reload()).problems, []);
  assert.is(await hex(operator.ask(read(4, 4))), "8301");
  assert.is((await codes(house)).at(-1), "never");
});

guard("RULINGS 8: a fault of ours inside the denial of a guarded request takes it off the asset once, not twice", async (context) => {
  const house = await opened(context, { policy: STEPS });
  const operator = await house.plain();
  house.plc.unit(1)[4] = 100;
  const { records, assets } = house.gateway.road;
  const denied = records.denied.bind(records);
  let planted = 0;
  records.denied = (...what) => {
    if (planted++ === 0) throw new Error("planted");
    denied(...what);
  };
  assert.is(await hex(operator.ask(write(4, 200))), "8604", "an inner fault is a denial");
  assert.is(planted, 2);
  const asset = assets.get("plc");
  assert.equal([asset?.changesAtDevice, asset?.turn], [0, null]);
  assert.is(await hex(operator.ask(write(4, 104))), "0600040068", "and the next goes");
  assert.equal(arrived(house.plc), ["3@4", "3@4", "6@4"]);
});

guard.run();
