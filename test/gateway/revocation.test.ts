/** Revocation lists on a bad day: missing, overdue, rolled back. Nobody who may read is locked out, and nothing revoked comes back (RULINGS 18). */
import { Writable } from "node:stream";
import pino from "pino";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Authority } from "#test/support/certificates";
import { certificates, type GatewayPki, TLS_POLICY } from "#test/support/gatewayCertificates";
import { type House, type HouseOptions, opened, sleep, until } from "#test/support/house";
import { type Operator, type OperatorTls, read, write } from "#test/support/operator";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** Every denial of a policy would end the session. */
const STRICT = `policy: test
version: 1
roles:
  operator:
    - { id: read, allow: read, on: "*" }
    - { id: look, allow: diagnose, on: plc }
    - { id: write, allow: write, on: plc, table: holding, addresses: 0-99 }
    - { id: control, allow: control, on: plc }
bindings:
  - { role: operator, identity: "spiffe://plant.example/operator/*", kind: person }
on_deny: { answer: close, close_after: { denials: 1, within: 60s } }
`;

interface Context {
  house: House;
  pki: GatewayPki;
}

const revocation = suite<Context>("gateway/revocation");
revocation.before.each(async (context) => {
  context.pki = await certificates();
});
revocation.after.each(async (context) => {
  await context.house?.close();
});

/** @param list of the site's CA; @param grace `tls.crl_grace` */
function opening(context: Context, list: string, grace: string | null, more: Partial<HouseOptions> = {}): Promise<House> {
  const { house } = context.pki;
  const site = grace === null ? (house.site ?? "") : `${house.site}\n  crl_grace: ${grace}`;
  return opened(context, { ...house, site, policy: STRICT, ...more, files: { ...house.files, "ca.crl": list } });
}

const answer = async (operator: Operator, pdu: Buffer | string): Promise<string> => (await operator.ask(pdu)).toString("hex").slice(0, 4);

async function refused(house: House, credentials: OperatorTls, reason: string): Promise<void> {
  const operator = await house.mutual(credentials).catch(() => null);
  await operator?.gone();
  house.gateway.road.writeTurned();
  assert.is((await house.written("handshake-refused")).at(-1)?.reason, reason);
}

const warnings = (house: House, start: string): readonly string[] =>
  house.gateway.status().warnings.filter((line) => line.startsWith(start));

/** What a person would see in the operational log. */
function listening(): { log: pino.Logger; lines: string[] } {
  const lines: string[] = [];
  const sink = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk));
      done();
    },
  });
  return { log: pino({ level: "warn" }, sink), lines };
}

revocation(
  "RULINGS 18: past its nextUpdate a list still applies and everything goes on, with an alarm in status, log and evidence",
  async (context) => {
    const { pki } = context;
    const mallory = pki.operatorNamed("mallory");
    const { log, lines } = listening();
    const list = pki.ca.list({ number: 1, revoked: [mallory.made.serial], startsIn: -30 * DAY, endsIn: -71 * HOUR });
    const house = await opening(context, list, null, { log });
    const alice = await house.mutual(pki.operator);
    assert.equal([await answer(alice, read(0, 1)), await answer(alice, write(1, 1))], ["0302", "0600"], "72 h of grace unless stated");
    await refused(house, mallory, "certificateRevoked");
    await until(() => lines.some((line) => line.includes("REVOCATION LIST OVERDUE")), "logged");
    const [warning] = warnings(house, "REVOCATION LIST OVERDUE");
    assert.match(
      warning ?? "",
      /CN=Plant CA .*ca\.crl.* was due .*; it still applies; without a new one writes and controls are denied from /,
    );
    assert.is(house.gateway.status().revocationLists[0]?.state, "overdue");
    const told = (await house.written("config")).filter((r) => r.event === "revocationOverdue");
    assert.equal([told.length, told[0]?.issuer], [1, "CN=Plant CA"]);
  },
);

revocation(
  "RULINGS 18: after crl_grace writes and controls are denied revocationStale; reads and new sessions go on; a new list ends it",
  async (context) => {
    const { pki } = context;
    const { log, lines } = listening();
    const house = await opening(context, pki.ca.list({ number: 1, startsIn: -2 * DAY, endsIn: -HOUR }), "59m", { log });
    for (const who of ["first", "second"]) {
      const operator = await house.mutual(pki.operatorNamed(who));
      assert.is(await answer(operator, read(0, 1)), "0302", `${who} reads`);
      assert.is(await answer(operator, "08 0000 1234"), "0800", `${who} diagnoses`);
      assert.is(await answer(operator, write(1, 1)), "8601", "01, whatever on_deny says");
      assert.is(await answer(operator, "17 0000 0001 0001 0001 02 0001"), "9701", "the read half of it too");
      assert.is(await answer(operator, "08 0001 0000"), "8801", "a control");
      assert.is(await answer(operator, read(0, 1)), "0302", `${who} is never cut off for it`);
    }
    const reached = new Set(house.plc.requests.map((adu) => adu.subarray(7, 10).toString("hex")));
    assert.equal([...reached].sort(), ["030000", "080000"], "no octet of what was denied reached the device");
    const denied = (await house.written("decision")).filter((r) => r.decision === "deny");
    assert.equal([...new Set(denied.map((r) => r.code))], ["revocationStale"]);
    assert.match(denied[0]?.words ?? "", /changes something, and the site's revocation list is overdue/);
    assert.is(warnings(house, "REVOCATION LIST STALE").length, 1);
    assert.ok(lines.some((line) => line.includes("REVOCATION LIST STALE")));
    assert.ok((await house.written("config")).some((r) => r.event === "revocationStale"));

    const third = await house.mutual(pki.operatorNamed("third"));
    assert.is(await answer(third, write(1, 1)), "8601");
    house.rewrite("ca.crl", pki.ca.list({ number: 2 }));
    await until(() => house.gateway.status().revocationLists[0]?.state === "current", "the new list is taken up");
    assert.is(await answer(third, write(1, 1)), "0600", "the same session writes again");
    assert.is(house.gateway.status().warnings.filter((line) => line.includes("REVOCATION LIST")).length, 0);
  },
);

/** Coil 7 off is a stop. */
const STOPPING = STRICT.replace(
  "bindings:",
  "    - { id: stop, allow: write, on: plc, table: coil, addresses: 7, values: { set: [0] }, essential: true }\nbindings:",
);
const STOP = "05 0007 0000";

revocation("RULINGS 18: after crl_grace a stop is denied revocationStale too, though an essential rule allows it", async (context) => {
  const { pki } = context;
  const house = await opening(context, pki.ca.list({ number: 1, startsIn: -2 * DAY, endsIn: -HOUR }), "59m", { policy: STOPPING });
  const operator = await house.mutual(pki.operator);
  assert.is(await answer(operator, STOP), "8501");
  assert.is(house.plc.octets, 0);
  const denied = (await house.written("decision")).filter((r) => r.decision === "deny");
  assert.equal(
    denied.map((r) => r.code),
    ["revocationStale"],
  );
  house.rewrite("ca.crl", pki.ca.list({ number: 2 }));
  await until(() => house.gateway.status().revocationLists[0]?.state === "current", "the new list is taken up");
  assert.is(await answer(operator, STOP), "0500");
});

for (const [what, pdu, denied] of [
  ["a write", write(2, 2), "8601"],
  ["a stop", STOP, "8501"],
] as const)
  revocation(`RULINGS 18: ${what} that waited while the grace ended is not sent`, async (context) => {
    const { pki } = context;
    const house = await opening(context, pki.ca.list({ number: 1 }), "0s", { asset: "    upstream: { timeout: 20s }", policy: STOPPING });
    const [alice, bob] = [await house.mutual(pki.operator), await house.mutual(pki.operatorNamed("bob"))];
    const letGo = house.plc.hold();
    const first = alice.ask(write(1, 1));
    await until(() => house.plc.requests.length === 1, "the first is at the device");
    const second = bob.ask(pdu);
    await until(() => house.gateway.status().assets[0]?.waiting === 1, "the second waits");
    house.rewrite("ca.crl", pki.ca.list({ number: 2, startsIn: -DAY, endsIn: -HOUR }));
    await until(() => house.gateway.status().revocationLists[0]?.state === "stale", "it is taken up");
    letGo();
    assert.equal([(await first).toString("hex"), (await second).toString("hex")], ["0600010001", denied]);
    assert.is(house.plc.requests.length, 1);
    assert.is((await house.written("decision")).at(-1)?.code, "revocationStale");
  });

revocation("RULINGS 18: only a certificate whose own lists are overdue is held back; an address has none", async (context) => {
  const { pki } = context;
  const shop = pki.ca.intermediate("Shop floor CA");
  const listeners = `${pki.house.listeners}\n  - { asset: plc, interface: lo, port: 0, tls: none, from: [127.0.0.0/8] }`;
  const policy = STRICT.replace(
    "bindings:",
    "bindings:\n  - { role: operator, source: 127.0.0.0/8, accept_unauthenticated: true }",
  ).replace(/.*control, on: plc.*\n/, "");
  const lists = pki.ca.list({ number: 1 }) + shop.list({ number: 1, startsIn: -DAY, endsIn: -HOUR });
  const files = { ...pki.house.files, "ca.pem": pki.ca.pem + shop.pem, "ca.crl": lists };
  const site = `${pki.house.site}\n  crl_grace: 0s`;
  const house = await opened(context, { ...pki.house, site, policy, listeners, files });
  const carol = await house.mutual(pki.credentials(shop.issue({ uri: "spiffe://plant.example/operator/carol" })));
  assert.is(await answer(carol, write(1, 1)), "8601");
  assert.is(await answer(await house.mutual(pki.operator), write(1, 1)), "0600");
  assert.is(await answer(await house.plain(1), write(1, 1)), "0600");
});

/** A house of two CAs whose lists stand in one file, in which the intermediate has revoked `bad`. */
async function twoIssuers(context: Context): Promise<{ house: House; shop: Authority; bad: OperatorTls; good: OperatorTls }> {
  const { pki } = context;
  const shop = pki.ca.intermediate("Shop floor CA");
  const [bad, good] = ["bad", "good"].map((name) => pki.credentials(shop.issue({ uri: `spiffe://plant.example/operator/${name}` })));
  const lists = pki.ca.list({ number: 1 }) + shop.list({ number: 1, revoked: [bad?.made.serial ?? ""] });
  const files = { ...pki.house.files, "ca.pem": pki.ca.pem + shop.pem, "ca.crl": lists };
  const house = await opened(context, { ...pki.house, policy: STRICT, files });
  return { house, shop, bad: bad as OperatorTls, good: good as OperatorTls };
}

revocation(
  "RULINGS 18: a set without the list of an issuer in use is refused by file and by reload: the old one is kept, with an alarm",
  async (context) => {
    const { house, shop, bad, good } = await twoIssuers(context);
    const { pki } = context;
    const live = await house.mutual(good);
    house.rewrite("ca.crl", pki.ca.list({ number: 2 }));
    await until(() => warnings(house, "REVOCATION LISTS REFUSED").length > 0, "alarm");
    assert.match(warnings(house, "REVOCATION LISTS REFUSED")[0] ?? "", /found no revocation list of CN=Shop floor CA/);
    const { problems } = await house.gateway.reload();
    assert.match(problems.join("\n"), /found no revocation list of CN=Shop floor CA/);
    assert.ok(house.gateway.status().warnings.some((line) => line.startsWith("the reload of ")));
    await refused(house, bad, "certificateRevoked");
    assert.is(await answer(live, write(1, 1)), "0600", "who is in goes on");
    assert.is(await answer(await house.mutual(good), write(1, 1)), "0600", "and who is good comes in");
    assert.is((await house.written("config")).filter((r) => r.event === "revocationRefused").length, 1, "recorded once");
    house.rewrite("ca.crl", pki.ca.list({ number: 2 }) + shop.list({ number: 2 }));
    await until(() => warnings(house, "REVOCATION LISTS REFUSED").length === 0, "a whole set ends the alarm");
    assert.equal((await house.gateway.reload()).problems, []);
    assert.not(house.gateway.status().warnings.some((line) => line.startsWith("the reload of ")));
  },
);

for (const [words, before, after] of [
  ["a lower number", { number: 7 }, { number: 6, startsIn: -60_000 }],
  ["the same number from before", { number: 7, startsIn: -HOUR }, { number: 7, startsIn: -2 * HOUR }],
  ["no number and an earlier time", { startsIn: -HOUR }, { startsIn: -2 * HOUR }],
] as const) {
  revocation(`RULINGS 18: a list rolled back (${words}) is refused by file and by reload, alarmed, and revives nobody`, async (context) => {
    const { pki } = context;
    const mallory = pki.operatorNamed("mallory");
    const house = await opening(context, pki.ca.list({ ...before, revoked: [mallory.made.serial] }), null);
    const live = await house.mutual(pki.operator);
    await refused(house, mallory, "certificateRevoked");
    house.rewrite("ca.crl", pki.ca.list(after));
    await until(() => warnings(house, "REVOCATION LISTS REFUSED").length > 0, "alarm");
    assert.match(
      warnings(house, "REVOCATION LISTS REFUSED")[0] ?? "",
      /while revocation list .* is in force; expected one that is not older/,
    );
    await refused(house, mallory, "certificateRevoked");
    assert.match((await house.gateway.reload()).problems.join(), /expected one that is not older/);
    house.rewrite("other.crl", pki.ca.list(after));
    house.rewrite("site.yaml", house.read("site.yaml").replace("crl: [ca.crl]", "crl: [other.crl]"));
    assert.match(
      (await house.gateway.reload()).problems.join(),
      /other\.crl:1:1: found revocation list .*; expected one that is not older/,
    );
    await refused(house, mallory, "certificateRevoked");
    assert.is(await answer(live, write(1, 1)), "0600");
  });
}

revocation(
  "RULINGS 18: dropping every list by a reload is a rollback too; a CA that is gone, or has a new key, has nothing to follow",
  async (context) => {
    const { pki } = context;
    const house = await opening(context, pki.ca.list({ number: 7 }), null);
    const site = house.read("site.yaml");
    house.rewrite("site.yaml", site.replace("  crl: [ca.crl]\n", ""));
    assert.match((await house.gateway.reload()).problems.join(), /found no revocation list of CN=Plant CA any more; expected one/);
    const { authority } = await import("#test/support/certificates");
    const next = authority("Plant CA");
    house.rewrite("site.yaml", site);
    house.rewrite("ca.pem", next.pem);
    house.rewrite("ca.crl", next.list({ number: 1 }));
    await sleep(600);
    house.rewrite("policy.yaml", TLS_POLICY.replace("version: 1", "version: 2"));
    assert.equal((await house.gateway.reload()).problems, []);
  },
);

revocation.run();
