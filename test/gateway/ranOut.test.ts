/** Time and papers on a bad day: clocks that were set while nobody looked, certificates and lists that ran out. Whoever may look still looks. */
import tls from "node:tls";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { authority, SERVER_AUTH } from "#test/support/certificates";
import { DAY, HOUR, MovedClock, YEAR } from "#test/support/clock";
import { certificates, type GatewayPki, TLS_POLICY } from "#test/support/gatewayCertificates";
import { type House, opened, until } from "#test/support/house";
import { Operator, type OperatorTls, read, write } from "#test/support/operator";

interface Context {
  house: House;
  pki: GatewayPki;
}

const papers = suite<Context>("gateway/ranOut");
papers.before.each(async (context) => {
  context.pki = await certificates();
});
papers.after.each(async (context) => {
  await context.house?.close();
});

const kind = async (operator: Operator, pdu: Buffer): Promise<string> => (await operator.ask(pdu)).toString("hex").slice(0, 4);
const READ = "0302";
const WRITTEN = "0600";
const DENIED = "8601";

async function refusal(house: House, credentials: OperatorTls): Promise<string> {
  const operator = await house.mutual(credentials).catch(() => null);
  await operator?.gone();
  house.gateway.road.writeTurned();
  return (await house.written("handshake-refused")).at(-1)?.reason;
}

for (const [words, step, state, byDay] of [
  ["a day back", -DAY, "suspect", DENIED],
  ["a year back", -YEAR, "suspect", DENIED],
  ["a day forward", DAY, "believed", WRITTEN],
  ["a year forward", YEAR, "believed", WRITTEN],
] as const) {
  papers(
    `RULINGS 19: started with a clock set ${words}: ${state}; a legitimate reader comes in and reads, \`hours\` are ${byDay === DENIED ? "not evaluated" : "judged by it"}`,
    async (context) => {
      const ca = authority("Plant CA", { endsIn: 10 * YEAR });
      const gateway = ca.issue({ name: "gateway", dns: ["localhost"], extendedKeyUsage: [SERVER_AUTH], endsIn: 10 * YEAR });
      const list = ca.list({ number: 1, startsIn: -2 * YEAR, endsIn: 10 * YEAR });
      const made = ca.issue({ uri: "spiffe://plant.example/operator/alice", startsIn: -2 * YEAR, endsIn: 10 * YEAR });
      const alice = { certificatePem: made.chainPem, keyPem: made.keyPem, caPem: ca.pem };
      const policy = TLS_POLICY.replace(
        "addresses: 0-99 }",
        'addresses: 0-49 }\n    - { id: by-day, allow: write, on: plc, table: holding, addresses: 50-99, hours: "00:00-24:00 UTC" }',
      );
      const clock = new MovedClock();
      const files = { "gateway.pem": gateway.chainPem, "gateway.key": gateway.keyPem, "ca.pem": ca.pem, "ca.crl": list };
      const house = await opened(context, { ...context.pki.house, policy, files, clock });
      const before = await house.mutual(alice);
      assert.equal(
        [await kind(before, read(0, 1)), await kind(before, write(1, 1)), await kind(before, write(50, 1))],
        [READ, WRITTEN, WRITTEN],
      );
      await house.written();
      await house.gateway.close();
      clock.set = step;
      clock.passed = 60_000;
      await house.restart({ clock });
      assert.is(house.gateway.status().clock.state, state);
      const after = await house.mutual(alice);
      assert.equal(
        [await kind(after, read(0, 1)), await kind(after, write(1, 2)), await kind(after, write(50, 2))],
        [READ, WRITTEN, byDay],
      );
      const [denied] = (await house.written("decision")).filter(({ decision }) => decision === "deny");
      assert.is(denied?.code, byDay === DENIED ? "outsideHours" : undefined);
    },
  );
}

papers(
  "RULINGS 18: the gateway's own certificate ended: it starts, says so, and whoever does not mind works; renewed, a careful client comes in",
  async (context) => {
    const { pki } = context;
    const own = (startsIn: number, endsIn: number): Record<string, string> => {
      const made = pki.ca.issue({
        name: "gateway",
        dns: ["localhost"],
        ips: ["127.0.0.1"],
        extendedKeyUsage: [SERVER_AUTH],
        startsIn,
        endsIn,
      });
      return { "gateway.pem": made.chainPem, "gateway.key": made.keyPem };
    };
    const house = await opened(context, { ...pki.house, files: { ...pki.house.files, ...own(-2 * DAY, -HOUR) } });
    assert.ok(house.gateway.status().warnings.some((line) => /^the gateway's certificate .* ended on /.test(line)));
    const careful = await house.mutual(pki.operator).catch((error: NodeJS.ErrnoException) => error.code);
    assert.is(careful, "CERT_HAS_EXPIRED", "the client's own word");
    const { certificatePem: cert, keyPem: key } = pki.operatorNamed("bob");
    const socket = tls.connect({ port: house.port(), host: "127.0.0.1", cert, key, rejectUnauthorized: false });
    await new Promise((resolve, reject) => socket.once("secureConnect", resolve).once("error", reject));
    const bob = new Operator(socket);
    assert.equal([await kind(bob, read(0, 1)), await kind(bob, write(1, 1))], [READ, WRITTEN]);
    for (const [name, text] of Object.entries(own(-HOUR, DAY))) house.rewrite(name, text);
    assert.equal((await house.gateway.reload()).problems, []);
    const alice = await house.mutual(pki.operator);
    assert.is(await kind(alice, read(0, 1)), READ);
    assert.is(await kind(bob, read(0, 1)), READ, "and who was in is in");
    bob.close();
  },
);

papers(
  "RULINGS 18: the list of an intermediate is missing: no start with it; without it its clients are refused, and all others read",
  async (context) => {
    const { pki } = context;
    const shop = pki.ca.intermediate("Shop floor CA");
    const carol = pki.credentials(shop.issue({ uri: "spiffe://plant.example/operator/carol" }));
    const both = { ...pki.house.files, "ca.pem": pki.ca.pem + shop.pem };
    const start = await opened(context, { ...pki.house, files: both }).catch((error: Error) => error.message);
    assert.match(String(start), /found no revocation list of CN=Shop floor CA/);
    const house = await opened(context, pki.house);
    const alice = await house.mutual(pki.operator);
    assert.is(await refusal(house, carol), "chainInvalid");
    house.rewrite("ca.pem", both["ca.pem"]);
    assert.match((await house.gateway.reload()).problems.join("\n"), /found no revocation list of CN=Shop floor CA/);
    assert.equal([await kind(alice, read(0, 1)), await kind(alice, write(1, 1))], [READ, WRITTEN], "she never noticed");
    assert.is(await kind(await house.mutual(pki.operator), read(0, 1)), READ, "and comes in again");
    assert.is(await refusal(house, carol), "chainInvalid");
    house.rewrite("ca.crl", pki.ca.list({ number: 2 }) + shop.list({ number: 1 }));
    assert.equal((await house.gateway.reload()).problems, []);
    assert.is(await kind(await house.mutual(carol), read(0, 1)), READ);
  },
);

papers(
  "RULINGS 18, 19: everything at once - list overdue, HMI's and gateway's certificate ended, clock set: whoever may look looks, nobody changes",
  async (context) => {
    const { pki } = context;
    const clock = new MovedClock();
    const policy = TLS_POLICY.replace('identity: "cn:*", kind: machine', 'identity: "cn:*", kind: machine, expired: read-only 72h');
    const old = pki.ca.issue({ name: "gateway", dns: ["localhost"], extendedKeyUsage: [SERVER_AUTH], startsIn: -2 * DAY, endsIn: -HOUR });
    const files = {
      ...pki.house.files,
      "gateway.pem": old.chainPem,
      "gateway.key": old.keyPem,
      "ca.crl": pki.ca.list({ number: 1, startsIn: -9 * DAY, endsIn: -8 * DAY }),
    };
    const house = await opened(context, { ...pki.house, policy, files, clock });
    const enter = async ({ certificatePem: cert, keyPem: key }: OperatorTls): Promise<Operator> => {
      const socket = tls.connect({ port: house.port(), host: "127.0.0.1", cert, key, rejectUnauthorized: false });
      await new Promise((resolve, reject) => socket.once("secureConnect", resolve).once("error", reject));
      return new Operator(socket);
    };
    const hmi = await enter(pki.credentials(pki.ca.issue({ name: "hmi-2", startsIn: -9 * DAY, endsIn: -HOUR })));
    const alice = await enter(pki.operator);
    clock.set = -DAY;
    await until(() => house.gateway.road.clock.suspicion !== null, "the clock is suspect");
    const bob = await enter(pki.operatorNamed("bob"));
    for (const operator of [hmi, alice, bob]) {
      for (let i = 0; i < 5; i++) {
        assert.is(await kind(operator, read(0, 1)), READ);
        assert.is(await kind(operator, write(1, 1)), DENIED);
      }
    }
    assert.is(house.plc.requests.filter((adu) => adu[7] === 6).length, 0);
    const starts = ["CLOCK SUSPECT", "REVOCATION LIST STALE", "the gateway's certificate", "hmi-2: its certificate has ended"];
    const { warnings } = house.gateway.status();
    for (const start of starts)
      assert.ok(
        warnings.some((line) => line.startsWith(start)),
        `${start}: ${warnings.join("\n")}`,
      );
    for (const operator of [hmi, alice, bob]) operator.close();
  },
);

papers.run();
