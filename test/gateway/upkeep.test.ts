/** What runs out, told in time: the gateway's certificate, its CA, its list, and every client of the last ninety days (RULINGS 18). */
import { readFileSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { Writable } from "node:stream";
import pino from "pino";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Memory } from "#gateway/memory";
import { authority, SERVER_AUTH } from "#test/support/certificates";
import { DAY, HOUR, MovedClock, YEAR } from "#test/support/clock";
import { certificates, type GatewayPki } from "#test/support/gatewayCertificates";
import { type House, type HouseOptions, opened, until } from "#test/support/house";
import { read } from "#test/support/operator";

interface Context {
  house: House;
  pki: GatewayPki;
  clock: MovedClock;
}

const upkeep = suite<Context>("gateway/upkeep");
upkeep.before.each(async (context) => {
  context.pki = await certificates();
  context.clock = new MovedClock();
});
upkeep.after.each(async (context) => {
  await context.house?.close();
});

/** A CA of 200 days, its list of 100, a gateway of 50. */
function longLived(context: Context, more: Partial<HouseOptions> = {}): Promise<House> {
  const ca = authority("Plant CA", { endsIn: 200 * DAY });
  const gateway = ca.issue({ name: "gateway", dns: ["localhost"], extendedKeyUsage: [SERVER_AUTH], endsIn: 50 * DAY });
  const files = {
    "gateway.pem": gateway.chainPem,
    "gateway.key": gateway.keyPem,
    "ca.pem": ca.pem,
    "ca.crl": ca.list({ number: 1, endsIn: 100 * DAY }),
  };
  return opened(context, { ...context.pki.house, files, clock: context.clock, limits: { idleMs: 10 * YEAR }, ...more });
}

const marks = (house: House): Readonly<Record<string, number | null>> =>
  Object.fromEntries(house.gateway.status().endings.map(({ what, mark }) => [what, mark]));

upkeep("RULINGS 18: days left of gateway, authority and list drive status and log at 30, 14, 7 and 1", async (context) => {
  const lines: string[] = [];
  const sink = new Writable({ write: (chunk, _, done) => done(lines.push(String(chunk)) > 0 ? null : null) });
  const house = await longLived(context, { log: pino({ level: "info" }, sink) });
  const expected: [number, string, number | null, RegExp][] = [
    [19, "gateway", null, /^$/],
    [21, "gateway", 30, /^the gateway's certificate CN=gateway ends in 2[89] days/],
    [36.5, "gateway", 14, /ends in 13 days/],
    [43.5, "gateway", 7, /ends in 6 days/],
    [49.5, "gateway", 1, /ends within a day/],
    [51, "gateway", 0, /ended on/],
    [71, "list", 30, /^the revocation list of CN=Plant CA is due in 2[89] days/],
    [99.5, "list", 1, /is due within a day/],
    [171, "authority", 30, /^the authority CN=Plant CA \(plant\) ends in 2[89] days/],
    [199.5, "authority", 1, /ends within a day/],
  ];
  for (const [days, what, mark, words] of expected) {
    context.clock.passed = days * DAY;
    lines.length = 0;
    assert.is(marks(house)[what], mark, `${what} on day ${days}`);
    const told = house.gateway.status().warnings.find((line) => line.includes(" CN=") && words.test(line)) ?? "";
    assert.match(told, words, `${what} on day ${days}`);
    if (mark !== null) await until(() => lines.some((line) => line.includes(told)), `logged: ${told}`);
  }
});

upkeep(
  "RULINGS 18: what is made for thirty days is not called late on its first one; the mark stands in status --json",
  async (context) => {
    const { pki } = context;
    const files = { ...pki.house.files, "ca.crl": pki.ca.list({ number: 1, startsIn: -HOUR / 12, endsIn: 30 * DAY }) };
    const house = await opened(context, { ...pki.house, files, clock: context.clock });
    const list = () => house.gateway.status().endings.find(({ what }) => what === "list");
    assert.equal([list()?.mark, list()?.tell], [30, false]);
    context.clock.passed = 17 * DAY;
    assert.equal([list()?.mark, list()?.tell], [14, true]);
  },
);

upkeep(
  "RULINGS 18: every client of the last 90 days is told, over a restart, until it comes with a certificate that lasts longer",
  async (context) => {
    const { clock } = context;
    const { pki } = context;
    const house = await opened(context, { ...pki.house, clock, limits: { idleMs: 10 * YEAR } });
    const names = () =>
      house.gateway
        .status()
        .endings.filter(({ what }) => what === "client")
        .map(({ name, daysLeft, mark, tell }) => [name, daysLeft, mark, tell]);
    const hmi = pki.ca.issue({ name: "hmi-2", endsIn: 10.5 * DAY });
    const operator = await house.mutual(pki.credentials(hmi));
    await operator.ask(read(0, 1));
    operator.close();
    await house.restart({ clock });
    assert.equal(names(), [["cn:hmi-2@plant", 10, 14, true]]);
    assert.ok(house.gateway.status().warnings.some((line) => line.startsWith("the certificate of cn:hmi-2@plant ends in 10 days")));
    clock.passed = 89 * DAY;
    await until(() => names()[0]?.[1] === -79, "it is over, and remembered");
    clock.passed = 91 * DAY;
    await until(() => names().length === 0, "out of sight for ninety days");
    clock.passed = 0;
    await house.restart({ clock: new MovedClock() });
  },
);

upkeep("RULINGS 18: a certificate that gave way to a longer one is told no more; one that is still in use is", async (context) => {
  const { clock, pki } = context;
  const house = await opened(context, { ...pki.house, clock });
  const come = async (endsIn: number): Promise<void> => {
    const operator = await house.mutual(pki.credentials(pki.ca.issue({ name: "hmi-2", endsIn })));
    await operator.ask(read(0, 1));
    operator.close();
    await until(() => house.gateway.road.sessions.open.size === 0, "gone");
  };
  const days = () =>
    house.gateway
      .status()
      .endings.filter(({ what }) => what === "client")
      .map(({ daysLeft }) => daysLeft);
  await come(3.5 * DAY);
  assert.equal(days(), [3]);
  clock.passed = HOUR;
  await come(29.5 * DAY);
  assert.equal(days(), [29]);
  clock.passed = 2 * HOUR;
  await come(2.5 * DAY);
  assert.equal(days(), [2, 29], "the old key is still about");
});

upkeep(
  "RULINGS 18: the file beside the log holds name, fingerprint, end and last sight, is for its owner, and nothing hangs on it",
  async (context) => {
    const { pki, clock } = context;
    const house = await opened(context, { ...pki.house, clock });
    const alice = pki.operatorNamed("alice");
    await (await house.mutual(alice)).ask(read(0, 1));
    const file = path.join(house.dir, "audit.seen.json");
    await house.gateway.close();
    assert.is(statSync(file).mode & 0o777, 0o600);
    const { seen, ...rest } = JSON.parse(readFileSync(file, "utf8"));
    const { lists, ...others } = rest;
    assert.equal(others, { format: 1, clock: null });
    assert.equal(Object.keys(lists[0]), ["signer", "number", "thisUpdate"]);
    assert.equal(Object.keys(seen[0]), ["name", "fingerprint", "notAfter", "lastSeen", "address"]);
    assert.is(seen[0].address, "127.0.0.1");
    assert.equal(
      [seen.length, seen[0].name, seen[0].fingerprint],
      [1, "spiffe:spiffe://plant.example/operator/alice", alice.made.fingerprint],
    );
    for (const junk of ["{", "[]", '{"format":1,"clock":null,"seen":[{"name":"\\u001b[2J"}]}', "x".repeat(2_000_000)]) {
      await house.gateway.close();
      writeFileSync(file, junk);
      await house.restart({ clock });
      assert.match(house.gateway.status().warnings.join("\n"), /audit\.seen\.json is (damaged|too large)/);
      assert.is((await (await house.mutual(alice)).ask(read(0, 1))).toString("hex").slice(0, 4), "0302");
    }
  },
);

upkeep("RULINGS 18: it holds 1,024 certificates; of more the ones longest out of sight are forgotten", async (context) => {
  const house = await opened(context, { clock: context.clock });
  const memory = Memory.open(path.join(house.dir, "other"));
  const longest = `spiffe:spiffe://${"d".repeat(120)}/${"s".repeat(60)}/${"t".repeat(60)}`;
  for (let i = 0; i < 1_100; i++)
    memory.saw(
      { identity: `${longest}${i}`, fingerprint: i.toString(16).padStart(64, "0"), notAfter: 1e12 },
      "fd00:1234:5678:9abc:def0:1234:5678:9abc%scada0",
      1e12 + i,
      true,
    );
  await memory.save();
  assert.is(memory.trouble, null);
  const kept = [...Memory.open(path.join(house.dir, "other")).clients];
  assert.equal([kept.length, kept[0]?.name], [1_024, `${longest}76`]);
  assert.ok(statSync(path.join(house.dir, "other.seen.json")).size < 1_000_000);
});

upkeep("RULINGS 24: whoever was here within the day is no stranger after a restart", async (context) => {
  const { pki, clock } = context;
  const house = await opened(context, { ...pki.house, clock });
  await (await house.mutual(pki.operator)).ask(read(0, 1));
  clock.passed = 20 * HOUR;
  await house.restart({ clock });
  assert.ok(house.gateway.road.isKnown("127.0.0.1"));
  clock.passed = 25 * HOUR;
  assert.not(house.gateway.road.isKnown("127.0.0.1"));
});

upkeep("a memory that cannot be written is told, and stops nothing", async (context) => {
  const house = await opened(context, { clock: context.clock });
  const memory = Memory.open(path.join(house.dir, "no-such-folder/audit"));
  memory.saw({ identity: "cn:a@plant", fingerprint: "0".repeat(64), notAfter: 1e12 }, "10.10.5.7", 1e12, true);
  await memory.save();
  assert.match(memory.trouble ?? "", /cannot be written \(ENOENT\)/);
});

upkeep("an ended gateway certificate is told, and locks nobody out from our side", async (context) => {
  const house = await longLived(context);
  context.clock.passed = 51 * DAY;
  assert.ok(house.gateway.status().warnings.some((line) => line.startsWith("the gateway's certificate CN=gateway ended on ")));
  await house.restart({ clock: context.clock });
  assert.is(house.gateway.status().state, "enforcing");
});

upkeep.run();
