/** A machine whose certificate ran out on a Sunday: it may look for a while where a binding says so, and nothing else is forgiven (RULINGS 18). */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { der, extension, SERVER_AUTH, seq } from "#test/support/certificates";
import { HOUR, MovedClock, YEAR } from "#test/support/clock";
import { certificates, type GatewayPki } from "#test/support/gatewayCertificates";
import { type House, opened, until } from "#test/support/house";
import { type OperatorTls, read, write } from "#test/support/operator";

const POLICY = `policy: test
version: 1
roles:
  hmi:
    - { id: read, allow: read, on: "*" }
    - { id: look, allow: [diagnose, identify], on: plc }
    - { id: write, allow: write, on: plc, table: holding, addresses: 0-99 }
  operator:
    - { include: hmi }
bindings:
  - { role: hmi, identity: "cn:*", kind: machine, expired: read-only 72h }
  - { role: hmi, certificate_role: panel, kind: machine, expired: read-only 72h }
  - { role: operator, identity: "spiffe://plant.example/operator/*", kind: person }
on_deny: { answer: close, close_after: { denials: 1, within: 60s } }
`;

interface Context {
  house: House;
  pki: GatewayPki;
  clock: MovedClock;
}

const expired = suite<Context>("gateway/expired");
expired.before.each(async (context) => {
  context.pki = await certificates();
  context.clock = new MovedClock();
  await opened(context, { ...context.pki.house, policy: POLICY, clock: context.clock, limits: { idleMs: YEAR } });
});
expired.after.each(async ({ house }) => house.close());

const ended = (hours: number) => ({ startsIn: -100 * HOUR, endsIn: -hours * HOUR });

async function refusal(house: House, credentials: OperatorTls): Promise<string> {
  const operator = await house.mutual(credentials).catch(() => null);
  await operator?.gone();
  house.gateway.road.writeTurned();
  return (await house.written("handshake-refused")).at(-1)?.reason;
}

expired(
  "RULINGS 18: a machine with `expired: read-only 72h` looks for 72 h after its end, recorded and alarmed, and changes nothing",
  async (context) => {
    const { house, pki } = context;
    for (const [name, made] of [
      ["hmi-2", pki.ca.issue({ name: "hmi-2", ...ended(71) })],
      ["panel-3", pki.ca.issue({ name: "panel-3", role: "panel", ...ended(1) })],
    ] as const) {
      const hmi = await house.mutual(pki.credentials(made));
      for (const [pdu, starts] of [
        [read(0, 1), "0302"],
        ["08 0000 1234", "0800"],
        ["11", "1103"],
        [write(1, 1), "8601"],
        ["17 0000 0001 0001 0001 02 0001", "9701"],
        [read(0, 1), "0302"],
      ] as const)
        assert.is((await hmi.ask(pdu)).toString("hex").slice(0, 4), starts, `${name}: ${starts}`);
      assert.ok(
        house.gateway.status().warnings.some((line) => line.startsWith(`${name}: its certificate has ended; it may look at plc until `)),
      );
    }
    const session = house.gateway.status().sessions[0];
    assert.equal([session?.certificateDaysLeft, session?.kind], [-3, "machine"]);
    const opens = (await house.written("session")).filter((r) => r.event === "open");
    const until72 = Date.parse(opens[0]?.expired.until) - Date.parse(opens[0]?.expired.since);
    assert.equal([until72, opens[0]?.roles], [72 * HOUR, ["hmi"]]);
    const denied = (await house.written("decision")).filter((r) => r.decision === "deny");
    assert.equal([...new Set(denied.map((r) => r.code))], ["certificateExpired"]);
    assert.match(denied[0]?.words ?? "", /is more than looking, and the certificate of hmi-2 has ended/);
    assert.ok(house.plc.requests.every((adu) => [3, 8, 17].includes(adu[7] as number)));
  },
);

expired("RULINGS 18: its time over, a person, another fault: refused as ever", async ({ house, pki }) => {
  const machine = (options: object): OperatorTls => pki.credentials(pki.ca.issue({ name: "hmi-2", ...ended(1), ...options }));
  assert.is(await refusal(house, machine(ended(72.01))), "certificateExpired");
  assert.is(await refusal(house, pki.operatorNamed("alice", ended(1))), "certificateExpired", "a person");
  assert.is(await refusal(house, machine({ extendedKeyUsage: [SERVER_AUTH] })), "certificateExpired", "not for clients either");
  assert.is(
    await refusal(house, machine({ uri: "spiffe://plant.example/scada/main", name: undefined })),
    "certificateExpired",
    "nor known",
  );
  const revoked = pki.ca.issue({ name: "hmi-4", ...ended(1) });
  house.rewrite("ca.crl", pki.ca.list({ number: 2, revoked: [revoked.serial] }));
  await until(() => house.gateway.status().revocationLists[0]?.number === "2", "loaded");
  assert.is(await refusal(house, pki.credentials(revoked)), "certificateRevoked");
  assert.is(house.plc.octets, 0);
});

expired(
  "RULINGS 18: an ended authority is no ended certificate, and behind OpenSSL's one word nothing else may hide",
  async ({ house, pki }) => {
    const late = pki.ca.intermediate("Late CA", ended(1));
    // OpenSSL names what it finds last, the end, though the names are not those this CA may use.
    const names = extension("2.5.29.30", seq(der(0xa0, seq(der(0x86, Buffer.from(".other.example"))))), true);
    const narrow = pki.ca.intermediate("Narrow CA", { extensions: [names] });
    const servers = pki.ca.intermediate("Server CA", { extendedKeyUsage: [SERVER_AUTH] });
    house.rewrite("ca.pem", pki.ca.pem + late.pem + narrow.pem + servers.pem);
    house.rewrite("ca.crl", [pki.ca, late, narrow, servers].map((ca) => ca.list({ number: 2 })).join(""));
    house.rewrite("policy.yaml", `${POLICY.replace("version: 1", "version: 2")}`);
    assert.equal((await house.gateway.reload()).problems, []);
    for (const ca of [late, narrow, servers]) {
      const credentials = pki.credentials(
        ca.issue({ name: "hmi-2", uri: "spiffe://plant.example/operator/hmi", role: "panel", ...ended(1) }),
      );
      assert.is(await refusal(house, credentials), "certificateExpired");
    }
    const words = (await house.written("handshake-refused")).map((r) => r.words).join("\n");
    assert.match(words, /ended/);
    assert.is(house.gateway.road.sessions.open.size, 0);
  },
);

expired("RULINGS 18: the session ends when its 72 h are over", async ({ house, pki, clock }) => {
  const hmi = await house.mutual(pki.credentials(pki.ca.issue({ name: "hmi-2", ...ended(1) })));
  clock.passed = 71 * HOUR - 60_000;
  assert.is((await hmi.ask(read(0, 1))).toString("hex").slice(0, 4), "0302");
  clock.passed = 71 * HOUR + 1_000;
  await hmi.gone();
  assert.is((await house.written("session")).at(-1)?.reason, "certificateExpired");
});

expired("RULINGS 18: a reload keeps it, cuts it short, or takes the leave away", async ({ house, pki }) => {
  const hmi = await house.mutual(pki.credentials(pki.ca.issue({ name: "hmi-2", ...ended(2) })));
  const reload = async (version: number, leave: string): Promise<void> => {
    house.rewrite("policy.yaml", POLICY.replace("version: 1", `version: ${version}`).replaceAll(", expired: read-only 72h", leave));
    assert.equal((await house.gateway.reload()).problems, []);
  };
  await reload(2, ", expired: read-only 3h");
  assert.equal([(await hmi.ask(read(0, 1))).toString("hex").slice(0, 4), (await hmi.ask(write(1, 1))).toString("hex")], ["0302", "8601"]);
  const left = Date.parse(house.gateway.status().sessions[0]?.looksUntil ?? "") - Date.now();
  assert.ok(left > 0.9 * HOUR && left < 1.1 * HOUR, `${left} ms`);
  await reload(3, "");
  await hmi.gone();
  assert.is((await house.written("session")).at(-1)?.reason, "roleLost");
});

expired("a machine whose certificate ends while it is here is ended, comes again and looks", async ({ house, pki, clock }) => {
  const credentials = pki.credentials(pki.ca.issue({ name: "hmi-2", endsIn: HOUR }));
  const hmi = await house.mutual(credentials);
  assert.is((await hmi.ask(write(1, 1))).toString("hex"), "0600010001");
  clock.passed = HOUR + 1_000;
  await hmi.gone();
  const again = await house.mutual(credentials);
  assert.equal([(await again.ask(read(1, 1))).toString("hex"), (await again.ask(write(1, 2))).toString("hex")], ["03020001", "8601"]);
});

expired.run();
