/** A clock that steps, by a day or a year, either way: who stays, who comes in, what is granted, and what ends it (RULINGS 19). */
import { existsSync } from "node:fs";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type Clock, GateClock } from "#gateway/clock";
import { askDaemon } from "#management/client";
import { der, extension, SERVER_AUTH, seq } from "#test/support/certificates";
import { DAY, HOUR, MovedClock, YEAR } from "#test/support/clock";
import { penstock } from "#test/support/daemon";
import { certificates, type GatewayPki } from "#test/support/gatewayCertificates";
import { type House, type HouseOptions, opened, sleep, until } from "#test/support/house";
import { type Operator, type OperatorTls, read, write } from "#test/support/operator";

/** Register 40 whenever, 50 by a rule with hours that are always open, 60 except in hours that never are. */
const POLICY = `policy: test
version: 1
roles:
  operator:
    - { id: read, allow: read, on: plc }
    - { id: write, allow: write, on: plc, table: holding, addresses: 40-49 }
    - { id: by-day, allow: write, on: plc, table: holding, addresses: 50-59, hours: "00:00-24:00 UTC" }
    - { id: not-then, deny: write, on: plc, table: holding, addresses: 60-69, hours: "HOURS UTC" }
    - { id: else, allow: write, on: plc, table: holding, addresses: 60-69 }
bindings:
  - { role: operator, identity: "spiffe://plant.example/operator/*", kind: person }
`;

const ALLOWED = "06";
const DENIED = "86";

interface Context {
  house: House;
  pki: GatewayPki;
  clock: MovedClock;
}

const clocks = suite<Context>("gateway/clock");
clocks.before(async (context) => {
  context.pki = await certificates();
});
clocks.before.each((context) => {
  context.clock = new MovedClock();
});
clocks.after.each(async (context) => {
  await context.house?.close();
});

/** The deny rule's hours lie an hour from now on for an hour: closed in every test. */
function policyAt(wallMs: number): string {
  const at = (ms: number): string => new Date(ms).toISOString().slice(11, 16);
  return POLICY.replace("HOURS", `${at(wallMs + 6 * HOUR)}-${at(wallMs + 7 * HOUR)}`);
}

function opening(context: Context, more: Partial<HouseOptions> = {}): Promise<House> {
  const { clock, pki } = context;
  return opened(context, { ...pki.house, policy: policyAt(clock.wall()), clock, limits: { idleMs: 100 * YEAR }, ...more });
}

const verdict = async (operator: Operator, pdu: Buffer): Promise<string> => (await operator.ask(pdu)).toString("hex").slice(0, 2);

/** The gateway has looked at its clock since. */
const suspect = (house: House): Promise<void> => until(() => house.gateway.road.clock.suspicion !== null, "the clock is suspect");

async function isRefused(house: House, credentials: OperatorTls): Promise<string> {
  const before = (await house.written("handshake-refused")).length;
  const operator = await house.mutual(credentials).catch(() => null);
  await operator?.gone();
  house.gateway.road.writeTurned();
  const after = await house.written("handshake-refused");
  assert.ok(after.length > before, "refused and recorded");
  return after.at(-1)?.reason;
}

for (const [words, step] of [
  ["a day back", -DAY],
  ["a year back", -YEAR],
  ["a day forward", DAY],
  ["a year forward", YEAR],
] as const) {
  clocks(
    `RULINGS 19: ${words}: live sessions go on, \`hours\` cannot be evaluated, status and a record say so, confirm ends it`,
    async (context) => {
      const { clock, pki } = context;
      const house = await opening(context);
      const alice = await house.mutual(pki.operatorNamed("alice", { endsIn: 30 * DAY }));
      for (const register of [40, 50, 60]) assert.is(await verdict(alice, write(register, 1)), ALLOWED, `${register} before`);
      clock.set = step;
      await suspect(house);
      await sleep(600);
      assert.is(await verdict(alice, read(0, 1)), "03", "she still reads");
      assert.is(await verdict(alice, write(40, 2)), ALLOWED, "and writes what needs no time of day");
      assert.is(await verdict(alice, write(50, 2)), DENIED, "an allow with hours grants nothing");
      assert.is(await verdict(alice, write(60, 2)), DENIED, "a deny with hours matches");
      const status = house.gateway.status();
      assert.is(status.clock.state, "suspect");
      assert.match(status.clock.why ?? "", step < 0 ? /stepped .* back/ : /stepped .* forward/);
      assert.ok(status.warnings.some((line) => line.startsWith("CLOCK SUSPECT")));
      assert.is(status.sessions[0]?.certificateDaysLeft, 29, "days are counted by the time before the step");
      const answer = await askDaemon(path.join(house.dir, "penstock.sock"), { ask: "clockConfirm", uid: 4711 });
      assert.match(answer.clock?.was ?? "", /stepped/);
      if (step < 20 * DAY) {
        for (const register of [40, 50]) assert.is(await verdict(alice, write(register, 3)), ALLOWED, `${register} once confirmed`);
        assert.is(house.gateway.status().clock.state, "believed");
      } else {
        await alice.gone();
        assert.is(
          (await house.written("session")).at(-1)?.reason,
          "certificateExpired",
          "whoever confirms that it is a year later ends her",
        );
      }
      const told = (await house.written("clock")).map(({ event, uid, who }) => [event, uid ?? null, who ?? null]);
      assert.equal(told, [
        ["suspect", null, null],
        ["confirmed", 4711, "local-root"],
      ]);
    },
  );
}

clocks(
  "RULINGS 19: newcomers are judged by the later of the clock and what it has shown: back, no ended certificate lives again",
  async (context) => {
    const { clock, pki } = context;
    clock.passed = 2 * HOUR;
    const house = await opening(context);
    const ended = pki.operatorNamed("ended", { endsIn: HOUR });
    const good = pki.operatorNamed("good", { endsIn: 30 * DAY });
    assert.is(await isRefused(house, ended), "certificateExpired");
    for (const step of [-DAY, -YEAR]) {
      clock.set = step;
      await suspect(house);
      assert.is(await isRefused(house, ended), "certificateExpired", `${step / DAY} days`);
      assert.is(await verdict(await house.mutual(good), read(0, 1)), "03", "a legitimate reader comes in");
    }
  },
);

clocks(
  "RULINGS 19: forward, newcomers are judged by the clock; who is good then comes in, and when it is set right everybody does",
  async (context) => {
    const { clock, pki } = context;
    const house = await opening(context);
    const month = pki.operatorNamed("month", { endsIn: 30 * DAY });
    const decade = pki.operatorNamed("decade", { endsIn: 10 * YEAR });
    clock.set = DAY;
    await suspect(house);
    assert.is(await verdict(await house.mutual(month), read(0, 1)), "03");
    clock.set = YEAR;
    // No wait: a step is noticed before anybody is let in.
    assert.is(await isRefused(house, month), "certificateExpired");
    clock.set = 0;
    assert.is(await verdict(await house.mutual(month), read(0, 1)), "03", "set right, and not even confirmed");
    assert.is(house.gateway.status().clock.state, "suspect");
    clock.set = YEAR;
    // The authority of the test lasts a month, so this one is refused for its sake.
    assert.is(await isRefused(house, decade), "certificateExpired");
  },
);

clocks("RULINGS 19: a live session ends at its certificate's end by monotonic time, whatever the clock was set to", async (context) => {
  const { clock, pki } = context;
  const house = await opening(context);
  const brief = await house.mutual(pki.operatorNamed("brief", { endsIn: HOUR }));
  clock.set = -YEAR;
  await suspect(house);
  clock.passed = HOUR - 60_000;
  await sleep(400);
  assert.is(await verdict(brief, read(0, 1)), "03");
  clock.passed = HOUR + 1_000;
  await brief.gone();
  assert.is((await house.written("session")).at(-1)?.reason, "certificateExpired");
});

clocks("RULINGS 19: a start before the last record is suspect, and OpenSSL, whose clock is that one, locks nobody out", async (context) => {
  const { clock, pki } = context;
  clock.passed = 2 * DAY;
  const house = await opening(context);
  // OpenSSL goes by the real clock, to which this one begins tomorrow.
  const tomorrow = pki.operatorNamed("tomorrow", { startsIn: DAY, endsIn: 20 * DAY });
  assert.is(await isRefused(house, tomorrow), "certificateNotYetValid", "while the clock is believed OpenSSL's word is the floor");
  const dead = new MovedClock();
  dead.passed = 2 * DAY;
  dead.set = -YEAR;
  await house.restart({ clock: dead });
  assert.is(house.gateway.status().clock.state, "suspect");
  assert.match(house.gateway.status().clock.why ?? "", /which is before/);
  assert.is(await verdict(await house.mutual(tomorrow), read(0, 1)), "03");
  assert.is(await verdict(await house.mutual(tomorrow), write(50, 1)), DENIED, "and hours are not evaluated");
  assert.is(await isRefused(house, pki.operatorNamed("ended", { startsIn: -3 * DAY, endsIn: -HOUR })), "certificateExpired");
  assert.is(
    await isRefused(house, pki.operatorNamed("server", { startsIn: DAY, endsIn: 20 * DAY, extendedKeyUsage: [SERVER_AUTH] })),
    "wrongKeyUsage",
  );
  const records = await house.written("clock");
  assert.equal([records.at(-1)?.event, records.at(-1)?.why], ["suspect", "start"]);
});

clocks(
  "RULINGS 19: a restart under the stepped clock changes nothing; one past everything it has shown ends it, and is recorded",
  async (context) => {
    const { clock, pki } = context;
    clock.passed = 2 * HOUR;
    const house = await opening(context);
    const ended = pki.operatorNamed("ended", { endsIn: HOUR });
    clock.set = -YEAR;
    await suspect(house);
    await house.written();
    await house.restart({ clock });
    assert.is(house.gateway.status().clock.state, "suspect", "the last record is a year old too, and proves nothing");
    assert.is(await isRefused(house, ended), "certificateExpired");
    clock.set = 0;
    clock.passed += 60_000;
    await house.restart({ clock });
    assert.is(house.gateway.status().clock.state, "believed");
    assert.is((await house.written("clock")).at(-1)?.event, "believed");
    await house.restart({ clock });
    assert.is((await house.written("clock")).at(-1)?.event, "believed", "told once");
  },
);

clocks(
  "RULINGS 19: a year forward, stopped, set right, started: suspect by its own records, and a legitimate reader comes in",
  async (context) => {
    const { clock, pki } = context;
    const house = await opening(context);
    clock.set = YEAR;
    await suspect(house);
    await house.written();
    await house.gateway.close();
    clock.set = 0;
    clock.passed += 60_000;
    await house.restart({ clock });
    assert.is(house.gateway.status().clock.state, "suspect");
    const alice = await house.mutual(pki.operatorNamed("alice", { endsIn: 30 * DAY }));
    assert.is(await verdict(alice, read(0, 1)), "03");
  },
);

clocks("RULINGS 19: a verdict of OpenSSL that is not of time stays the floor, however suspect the clock", async (context) => {
  const { clock, pki } = context;
  const names = extension("2.5.29.30", seq(der(0xa0, seq(der(0x86, Buffer.from(".other.example"))))), true);
  const narrow = pki.ca.intermediate("Narrow CA", { extensions: [names] });
  const files = {
    ...pki.house.files,
    "ca.pem": pki.ca.pem + narrow.pem,
    "ca.crl": pki.ca.list({ number: 1 }) + narrow.list({ number: 1 }),
  };
  const house = await opening(context, { files });
  const carol = pki.credentials(narrow.issue({ uri: "spiffe://plant.example/operator/carol", endsIn: 20 * DAY }));
  assert.is(await isRefused(house, carol), "chainInvalid");
  clock.set = DAY;
  await suspect(house);
  assert.is(await isRefused(house, carol), "chainInvalid");
  assert.match((await house.written("handshake-refused")).at(-1)?.words, /OpenSSL refuses its chain/);
});

clocks("RULINGS 19: the gateway prunes nothing while its clock is suspect", async (context) => {
  const { clock } = context;
  const house = await opening(context, { audit: "retain: 1h" });
  const first = path.join(house.auditDirectory, "audit-00000001.jsonl");
  const hours = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) {
      clock.passed += HOUR + 60_001;
      await sleep(250);
      await house.written();
    }
  };
  clock.set = DAY;
  await suspect(house);
  await hours(4);
  assert.ok(existsSync(first));
  await askDaemon(path.join(house.dir, "penstock.sock"), { ask: "clockConfirm", uid: 0 });
  await hours(1);
  await until(() => !existsSync(first), "pruned once the clock is confirmed");
});

clocks("RULINGS 19: ages of values seen are told by monotonic time", async (context) => {
  const { clock, pki } = context;
  const house = await opening(context);
  const alice = await house.mutual(pki.operatorNamed("alice", { endsIn: 30 * DAY }));
  await alice.ask(read(40, 1));
  clock.passed = 10_000;
  clock.set = YEAR;
  await alice.ask(write(40, 2));
  const [record] = (await house.written("decision")).filter((r) => r.function === 6);
  const { ageMs } = record?.operations[0].before ?? {};
  assert.ok(ageMs >= 10_000 && ageMs < 20_000, `${ageMs} ms`);
});

clocks("penstock clock confirm: says what it confirms, records who asked, and that there was nothing to confirm", async (context) => {
  const { clock } = context;
  const house = await opening(context);
  const ask = (): Promise<{ code: number | null; stdout: string }> =>
    penstock(["clock", "confirm", "--socket", path.join(house.dir, "penstock.sock")]);
  clock.set = DAY;
  await suspect(house);
  const first = await ask();
  assert.equal(
    [first.code, first.stdout.replace(/\d{4}-[\dT:.-]+Z/, "TIME")],
    [0, "confirmed: the clock says TIME and is believed from now on\n"],
  );
  assert.match((await ask()).stdout, /^the clock was not suspect; it says /);
  const records = (await house.written("clock")).filter(({ event }) => event === "confirmed");
  assert.equal(
    records.map(({ uid, was }) => [uid, was === null]),
    [
      [process.getuid?.(), false],
      [process.getuid?.(), true],
    ],
  );
});

/** A gate's clock over two numbers. */
function stepped(): { at: { wall: number; mono: number }; clock: GateClock; look(): boolean } {
  const at = { wall: 1e12, mono: 0 };
  const raw: Clock = { monotonic: () => at.mono, wall: () => at.wall };
  const clock = new GateClock(raw);
  const look = (): boolean => {
    clock.look();
    return clock.suspicion !== null;
  };
  return { at, clock, look };
}

clocks("RULINGS 19: 30 s is no step and more is one; small steps in a row add up; drift of a second an hour does not", () => {
  for (const sign of [-1, 1]) {
    const { at, look } = stepped();
    at.wall += sign * 30_000;
    assert.not(look());
    at.wall += sign;
    assert.ok(look());
  }
  const creeping = stepped();
  for (let i = 0; i < 2; i++) {
    creeping.at.wall -= 20_000;
    creeping.at.mono += 250;
    creeping.look();
  }
  assert.ok(creeping.clock.suspicion !== null);
  const drifting = stepped();
  for (let hour = 0; hour < 1000; hour++) {
    drifting.at.mono += HOUR;
    drifting.at.wall += HOUR - 900;
    assert.not(drifting.look(), `${hour}`);
  }
});

clocks("RULINGS 19: while suspect the time goes on by monotonic steps, and each further step is told", () => {
  const { at, clock, look } = stepped();
  let told = 0;
  clock.onChange = () => {
    told += 1;
  };
  at.wall -= YEAR;
  assert.ok(look());
  assert.is(clock.steady(), 1e12);
  at.mono += 5_000;
  at.wall += 5_000;
  look();
  assert.equal([clock.steady(), clock.strict(), clock.believed(at.mono), told], [1e12 + 5_000, 1e12 + 5_000, null, 1]);
  at.wall += 2 * YEAR;
  assert.equal([clock.strict(), clock.steady(), told], [at.wall, 1e12 + 5_000, 2]);
  clock.confirm();
  assert.equal([clock.steady(), clock.believed(at.mono), told], [at.wall, at.wall, 3]);
});

clocks.run();
