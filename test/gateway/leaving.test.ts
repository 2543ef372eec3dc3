/** What a request meets between its decision and the device: hours that close, a session that ends, a turn that comes too late; and under which id it leaves. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { MovedClock } from "#test/support/clock";
import { certificates, type GatewayPki, TLS_POLICY } from "#test/support/gatewayCertificates";
import { type AuditRecord, type House, type HouseOptions, OPEN_POLICY, opened, sleep, until } from "#test/support/house";
import { adu, read, write } from "#test/support/operator";

interface Context {
  house: House;
  pki: GatewayPki;
}

const leaving = suite<Context>("gateway/leaving");
leaving.before(async (context) => {
  context.pki = await certificates();
});
leaving.after.each(async (context) => {
  await context.house?.close();
});

const hex = async (answer: Promise<Buffer>): Promise<string> => (await answer).toString("hex");
const PATIENT = "    upstream: { timeout: 60s }";

/** alice's write waits behind bob's, which is at a slow device; then `meanwhile` comes. The records of what became of hers. */
async function waiting(
  context: Context,
  more: Partial<HouseOptions>,
  meanwhile: (house: House) => Promise<void> | void,
): Promise<{ answer: string; records: AuditRecord[] }> {
  const { pki } = context;
  const house = await opened(context, { ...pki.house, asset: PATIENT, ...more });
  const [alice, bob] = [await house.mutual(pki.operator), await house.mutual(pki.operatorNamed("bob"))];
  await bob.ask(read(0, 1));
  house.plc.faults = { delayMs: 1_500 };
  const first = bob.ask(write(1, 1));
  await until(() => house.plc.requests.length === 2, "bob's is at the device");
  const second = hex(alice.ask(write(50, 2))).catch((error: Error) => error.message);
  await until(() => house.gateway.status().assets[0]?.waiting === 1, "alice's waits");
  const [decision] = (await house.written("decision")).filter(({ operations }) => operations[0].first === 50);
  assert.is(decision?.decision, "allow");
  await meanwhile(house);
  assert.is(await hex(first), "0600010001");
  const answer = await second;
  house.plc.faults = {};
  await bob.ask(read(0, 1));
  assert.not(
    house.plc.requests.some((request) => request[7] === 6 && request.readUInt16BE(8) === 50),
    "not an octet of it left",
  );
  const records = (await house.written()).filter(({ of }) => of === decision?.seq);
  return { answer, records };
}

/** `hours` that close half a minute from now by the clock. */
function closing(): { clock: MovedClock; hours: string } {
  const clock = new MovedClock();
  const into = clock.wall() % 60_000;
  clock.passed = 90_000 - into;
  const closes = new Date(clock.wall() + 30_000).toISOString().slice(11, 16);
  return { clock, hours: `${closes === "00:00" ? "12:00-24:00" : `00:00-${closes}`} UTC` };
}

leaving("RULINGS 20: its `hours` close while a write waits: denied as it would leave", async (context) => {
  const { clock, hours } = closing();
  const policy = TLS_POLICY.replace(
    "addresses: 0-99 }",
    `addresses: 0-49 }\n    - { id: by-day, allow: write, on: plc, table: holding, addresses: 50-99, hours: "${hours}" }`,
  );
  const { answer, records } = await waiting(context, { policy, clock }, () => {
    clock.passed += 31_000;
  });
  assert.is(answer, "8601");
  assert.equal(
    records.map(({ kind, decision, code }) => [kind, decision, code]),
    [["decision", "deny", "outsideHours"]],
  );
});

leaving("RULINGS 20: a read that waited a while is judged again as it leaves: its `hours` have closed", async (context) => {
  const { clock, hours } = closing();
  const policy = OPEN_POLICY.replace(
    '{ id: read, allow: read, on: "*" }',
    `{ id: read, allow: read, on: plc, table: holding, addresses: 0-49 }
    - { id: by-day, allow: read, on: plc, table: holding, addresses: 50-99, hours: "${hours}" }`,
  );
  const house = await opened(context, { policy, clock, asset: PATIENT, limits: { readWaitMs: 120_000 } });
  const [alice, bob] = [await house.plain(), await house.plain()];
  assert.is(await hex(alice.ask(read(50, 1))), "03020000", "they are open");
  const letGo = house.plc.hold();
  const first = hex(bob.ask(read(1, 1)));
  await until(() => house.plc.requests.length === 2, "bob's is at the device");
  const second = hex(alice.ask(read(50, 1)));
  await until(() => house.gateway.status().assets[0]?.waiting === 1, "alice's waits");
  clock.passed += 31_000;
  letGo();
  assert.equal([await first, await second], ["03020000", "8301"]);
  assert.is(house.plc.requests.length, 2, "not an octet of it left");
  const denied = (await house.written("decision")).filter(({ decision }) => decision === "deny");
  assert.equal(
    denied.map(({ code }) => code),
    ["outsideHours"],
  );
});

leaving("RULINGS 20: its sender's certificate is revoked while a write waits: the session ends, notSent is recorded", async (context) => {
  const { pki } = context;
  const serial = (pki.operator as ReturnType<GatewayPki["credentials"]>).made.serial;
  const { answer, records } = await waiting(context, {}, async (house) => {
    house.rewrite("ca.crl", pki.ca.list({ number: 2, revoked: [serial] }));
    await until(() => house.gateway.road.sessions.open.size === 1, "alice is out");
  });
  assert.is(answer, "connection closed");
  assert.equal(
    records.map(({ kind, outcome, reason }) => [kind, outcome, reason]),
    [["outcome", "notSent", "sessionEnded"]],
  );
});

leaving(
  "RULINGS 20: a write that waits longer than `upstream.timeout` for its turn is answered 06, and recorded notSent",
  async (context) => {
    const house = await opened(context, { asset: "    upstream: { timeout: 300ms, rate: 1/s }" });
    const operator = await house.plain();
    assert.is(await hex(operator.ask(write(1, 1))), "0600010001");
    const started = performance.now();
    assert.is(await hex(operator.ask(write(2, 2))), "8606");
    assert.ok(performance.now() - started < 950, "it is not held until the turn comes");
    assert.is(house.plc.requests.length, 1);
    const outcome = (await house.written("outcome")).find(({ outcome: each }) => each === "notSent");
    assert.is(outcome?.reason, "queueFull");
  },
);

leaving(
  "RULINGS 22: our transaction ids are not reused within 65,000 requests: broadcasts, guard reads and reconnects take theirs",
  async (context) => {
    const policy = OPEN_POLICY.replace(
      "    - { id: write, allow: write, on: plc, table: holding, addresses: 0-99 }\n",
      `    - { id: all, allow: write, on: plc, table: holding, addresses: 0-9, broadcast: true }
    - { id: step, allow: write, on: plc, table: holding, addresses: 10-19, values: { min: 0, max: 65535, max_step: 5 } }
`,
    );
    const house = await opened(context, { policy, asset: "    upstream: { timeout: 5s, outstanding: 16 }" });
    const { plc } = house;
    plc.keep = false;
    const last = new Int32Array(65_536).fill(-1);
    let count = 0;
    let nearest = Number.POSITIVE_INFINITY;
    plc.seen = (request) => {
      const id = request.readUInt16BE(0);
      if ((last[id] as number) >= 0) nearest = Math.min(nearest, count - (last[id] as number));
      last[id] = count;
      count += 1;
    };
    const operators = await Promise.all(Array.from({ length: 4 }, () => house.plain()));
    const [one] = operators;
    for (let round = 0; count < 70_000; round++) {
      await Promise.all(
        operators.map((operator) => {
          // Many in one packet: this is about ids, not about speed.
          const frames = Array.from({ length: 16 }, (_, n) => adu(read(n, 1), 1, n + 1));
          const answered = operator.answerTo(16);
          operator.socket.write(Buffer.concat(frames));
          return answered;
        }),
      );
      for (const operator of operators) operator.answers.length = 0;
      if (round % 64 !== 0) continue;
      one?.send(write(1, 1), 0, 1_000);
      assert.is(await hex(one?.ask(write(10, round % 5)) as Promise<Buffer>), `06000a000${round % 5}`);
      if (round % 256 !== 0) continue;
      const { connections } = plc;
      for (const socket of plc.sockets) socket.destroy();
      await until(() => plc.connections > connections && house.gateway.status().assets[0]?.deviceState === "ready", "connected again");
    }
    assert.ok(count >= 70_000 && nearest >= 65_000, `the same id after ${nearest} requests`);
    assert.ok(nearest < Number.POSITIVE_INFINITY, "it went round");
  },
);

for (const [dies, die] of [
  ["hangs", { silent: true }],
  ["closes what is asked of it", { close: true }],
] as const)
  leaving(`RULINGS 20: a dead PLC that ${dies} and revives gets none of the commands that waited for it`, async (context) => {
    const house = await opened(context, { asset: "    sessions_per_identity: 8\n    upstream: { timeout: 300ms }" });
    const operators = await Promise.all(Array.from({ length: 6 }, () => house.plain()));
    await operators[0]?.ask(read(0, 1));
    house.plc.faults = die;
    const before = house.plc.requests.length;
    const answers = await Promise.all(operators.map((operator, i) => hex(operator.ask(write(10 + i, 1)))));
    assert.ok(
      answers.every((answer) => /^86(06|0a|0b)$/.test(answer)),
      answers.join(),
    );
    const sent = house.plc.requests.slice(before).filter((request) => request[7] === 6).length;
    house.plc.faults = {};
    let again = "";
    for (let i = 0; i < 200 && again !== "0600320007"; i++) {
      again = await hex((operators[0] as (typeof operators)[number]).ask(write(50, 7)));
      if (again !== "0600320007") await sleep(20);
    }
    assert.is(again, "0600320007", "it is asked again");
    const late = house.plc.requests.slice(before + sent).filter((request) => request[7] === 6 && request.readUInt16BE(8) < 50);
    assert.equal(late, [], "none of what was answered for it comes after");
    const outcomes = (await house.written("outcome")).filter(({ function: fn, unit }) => fn === 6 && unit === 1);
    const told = Object.groupBy(outcomes, ({ outcome }) => outcome as string);
    assert.is(told.indeterminate?.length, sent, "what it had, and nobody knows what it did with");
    assert.ok((told.notSent?.length ?? 0) >= 1, "the rest never left");
  });

leaving.run();
