/** Who may come in, and for how long: real handshakes, each refusal with its own recorded reason, live sessions cut when their ground goes. */
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { authority, printableString, SERVER_AUTH, selfSigned, utf8String } from "#test/support/certificates";
import { certificates, type GatewayPki, TLS_POLICY } from "#test/support/gatewayCertificates";
import { House, until } from "#test/support/house";
import { Operator, type OperatorTls, read, write } from "#test/support/operator";

const identity = suite<{ house: House; pki: GatewayPki }>("gateway/identity");

identity.before.each(async (context) => {
  context.pki = await certificates();
  context.house = await House.open(context.pki.house);
});
identity.after.each(async ({ house }) => house.close());

/** Whatever TLS 1.3 lets the client believe, no protocol octet is answered. */
async function refused(house: House, credentials: OperatorTls): Promise<void> {
  let operator: Operator;
  try {
    operator = await house.mutual(credentials);
  } catch {
    return;
  }
  operator.send(read(0, 1));
  await operator.gone(3_000);
  assert.is(operator.answers.length, 0);
}

identity("a person by SPIFFE name, a machine by common name, a role by the certificate's extension", async ({ house, pki }) => {
  const alice = await house.mutual(pki.operator);
  assert.is((await alice.ask(write(1, 1))).toString("hex"), "0600010001");
  const hmi = await house.mutual(pki.credentials(pki.ca.issue({ name: "hmi-2" })));
  assert.is((await hmi.ask(read(1, 1))).toString("hex"), "03020001");
  assert.is((await hmi.ask(write(1, 2))).toString("hex"), "8601");
  const bob = await house.mutual(pki.operatorNamed("bob", { role: "viewer" }));
  assert.is((await bob.ask(write(1, 2))).toString("hex"), "8601", "RULINGS 4: the certificate's role is the only one");
  const opened = (await house.written("session")).filter((r) => r.event === "open");
  assert.equal(
    opened.map((r) => [r.who, r.roles, r.subject, r.assurance]),
    [
      ["spiffe:spiffe://plant.example/operator/alice", ["operator"], "person", "certificate"],
      ["cn:hmi-2@plant", ["viewer"], "machine", "certificate"],
      ["spiffe:spiffe://plant.example/operator/bob", ["viewer"], "person", "certificate"],
    ],
  );
});

identity("RULINGS 32: the certificate of every session is stored by its hash, which the record names", async ({ house, pki }) => {
  await (await house.mutual(pki.operator)).ask(read(0, 1));
  const [record] = (await house.written("session")).filter((r) => r.event === "open");
  const stored = readFileSync(path.join(house.auditDirectory, "documents", record?.certificate));
  assert.equal(stored, new X509Certificate(pki.operator.certificatePem).raw);
});

identity("a chain with an intermediate is good where its revocation list is known, and refused where it is not", async ({ house, pki }) => {
  const shop = pki.ca.intermediate("Shop floor CA");
  const carol = pki.credentials(shop.issue({ uri: "spiffe://plant.example/operator/carol" }));
  await refused(house, carol);
  house.rewrite("ca.pem", pki.ca.pem + shop.pem);
  house.rewrite("shop.crl", shop.list({ number: 1 }));
  house.rewrite("site.yaml", house.read("site.yaml").replace("crl: [ca.crl]", "crl: [ca.crl, shop.crl]"));
  house.rewrite("policy.yaml", TLS_POLICY.replace("version: 1", "version: 2"));
  assert.equal((await house.gateway.reload()).problems, []);
  assert.is((await (await house.mutual(carol)).ask(read(0, 1))).toString("hex"), "03020000");
  house.rewrite("shop.crl", shop.list({ number: 2, revoked: [carol.made.serial] }));
  await until(() => house.gateway.road.sessions.open.size === 0, "a revocation by the intermediate cuts it");
});

type Maker = (pki: GatewayPki) => OperatorTls;
const alice = { uri: "spiffe://plant.example/operator/alice" };
const negatives: [string, Maker][] = [
  ["certificateExpired", (p) => p.operatorNamed("x", { startsIn: -7_200_000, endsIn: -3_600_000 })],
  ["certificateNotYetValid", (p) => p.operatorNamed("x", { startsIn: 3_600_000 })],
  ["unknownCa", (p) => p.credentials(authority("Another CA").issue(alice))],
  ["selfSigned", (p) => p.credentials(selfSigned(alice))],
  ["twoRoleExtensions", (p) => p.operatorNamed("x", { roles: [utf8String("viewer"), utf8String("operator")] })],
  ["twoRoles", (p) => p.operatorNamed("x", { roles: [Buffer.concat([utf8String("viewer"), utf8String("operator")])] })],
  ["roleWrongType", (p) => p.operatorNamed("x", { roles: [printableString("operator")] })],
  ["roleEmpty", (p) => p.operatorNamed("x", { roles: [utf8String("")] })],
  ["roleOversize", (p) => p.operatorNamed("x", { roles: [utf8String("r".repeat(300))] })],
  ["roleExtensionMalformed", (p) => p.operatorNamed("x", { roles: [Buffer.from("operator")] })],
  ["unknownRole", (p) => p.operatorNamed("x", { role: "janitor" })],
  ["noRole", (p) => p.credentials(p.ca.issue({ uri: "spiffe://plant.example/scada/main" }))],
  ["wrongKeyUsage", (p) => p.operatorNamed("x", { extendedKeyUsage: [SERVER_AUTH] })],
  [
    "ambiguousIdentity",
    (p) => p.credentials(p.ca.issue({ uris: ["spiffe://plant.example/operator/a", "spiffe://plant.example/operator/b"] })),
  ],
  ["identityNotAllowedForCa", (p) => p.credentials(p.ca.issue({ uri: "spiffe://other.example/operator/a" }))],
];

for (const [reason, make] of negatives) {
  identity(`refused with its own reason: ${reason}`, async ({ house, pki }) => {
    await refused(house, make(pki));
    await until(() => house.gateway.road.stats.refused.size > 0, "counted");
    const records = await house.written("handshake-refused");
    // Two role extensions and a wrong claim have each one stable word; what is recorded is that word.
    const got = records[0]?.reason;
    assert.is(got, reason, records[0]?.words);
    assert.is(house.plc.octets, 0);
  });
}

identity("refused with its own reason: noClientCertificate", async ({ house, pki }) => {
  const { default: tls } = await import("node:tls");
  const socket = tls.connect({ port: house.port(), host: "127.0.0.1", ca: pki.ca.pem, checkServerIdentity: () => undefined });
  socket.on("error", () => {});
  await until(() => socket.closed, "closed");
  await until(() => house.gateway.road.stats.refused.size > 0, "counted");
  assert.is((await house.written("handshake-refused"))[0]?.reason, "noClientCertificate");
});

identity("revoked: a new connection is refused, and a live one is ended within 1 s of the list being written", async ({ house, pki }) => {
  const mallory = pki.operatorNamed("mallory");
  const live = await house.mutual(mallory);
  await live.ask(read(0, 1));
  const other = await house.mutual(pki.operator);
  const started = performance.now();
  house.rewrite("ca.crl", pki.ca.list({ number: 2, revoked: [mallory.made.serial] }));
  await live.gone(3_000);
  const took = performance.now() - started;
  assert.ok(took < 1_000, `${took} ms`);
  await refused(house, mallory);
  assert.is((await other.ask(read(0, 1))).toString("hex"), "03020000");
  await until(() => house.gateway.road.stats.refused.size > 0, "counted");
  const records = await house.written();
  assert.is(records.find((r) => r.kind === "session" && r.event === "end")?.reason, "certificateRevoked");
  assert.is(records.find((r) => r.kind === "handshake-refused")?.reason, "certificateRevoked");
});

identity("a bad revocation list keeps the old one and says so", async ({ house, pki }) => {
  const live = await house.mutual(pki.operator);
  house.rewrite("ca.crl", "not a list");
  await until(() => house.records("config").some((r) => r.event === "revocationRefused"), "recorded");
  assert.is((await live.ask(read(0, 1))).toString("hex"), "03020000");
});

identity("a live session ends within 1 s of its certificate's end, and says why", async ({ house, pki }) => {
  const brief = await house.mutual(pki.operatorNamed("brief", { endsIn: 2_500 }));
  await brief.ask(read(0, 1));
  const ends = performance.now() + 2_500;
  await brief.gone(6_000);
  const late = performance.now() - ends;
  assert.ok(late > -1_100 && late < 1_000, `${late} ms after its end`);
  assert.is((await house.written("session")).find((r) => r.event === "end")?.reason, "certificateExpired");
});

identity("a reload that takes the role away ends the live session; one that narrows it keeps it", async ({ house, pki }) => {
  const dave = await house.mutual(pki.operatorNamed("dave"));
  assert.is((await dave.ask(write(1, 1))).toString("hex"), "0600010001");
  house.rewrite("policy.yaml", TLS_POLICY.replace("version: 1", "version: 2").replace("addresses: 0-99", "addresses: 50-99"));
  assert.equal((await house.gateway.reload()).problems, []);
  assert.is((await dave.ask(write(1, 2))).toString("hex"), "8601");
  assert.is((await dave.ask(write(50, 2))).toString("hex"), "0600320002");
  house.rewrite("policy.yaml", TLS_POLICY.replace("version: 1", "version: 3").replace(/ {2}- \{ role: operator, identity.*\n/, ""));
  const started = performance.now();
  assert.equal((await house.gateway.reload()).problems, []);
  await dave.gone(3_000);
  assert.ok(performance.now() - started < 1_000);
  assert.is((await house.written("session")).find((r) => r.event === "end")?.reason, "roleLost");
});

identity("RULINGS 24: a mutual listener with `from` closes other addresses before a handshake", async ({ house, pki }) => {
  house.rewrite("site.yaml", house.read("site.yaml").replace("tls: mutual }", "tls: mutual, from: [10.0.0.0/8] }"));
  house.rewrite("policy.yaml", TLS_POLICY.replace("version: 1", "version: 2"));
  assert.equal((await house.gateway.reload()).problems, []);
  const tried = await house.mutual(pki.operator).catch((error: Error) => error);
  assert.ok(tried instanceof Error);
  assert.is((await house.written("handshake-refused"))[0]?.reason, "sourceNotAllowed");
});

identity("no resumption: a client that offers its session is asked for its certificate again", async ({ house, pki }) => {
  const { default: tls } = await import("node:tls");
  for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
    const options = {
      port: house.port(),
      host: "127.0.0.1",
      cert: pki.operator.certificatePem,
      key: pki.operator.keyPem,
      ca: pki.ca.pem,
      minVersion: version,
      maxVersion: version,
      checkServerIdentity: () => undefined,
    };
    let session: Buffer | undefined;
    const first = tls.connect(options);
    first.on("session", (s: Buffer) => {
      session = s;
    });
    first.on("error", () => {});
    await new Promise((resolve) => first.once("secureConnect", resolve));
    const operator = new Operator(first);
    await operator.ask(read(0, 1));
    session ??= first.getSession();
    operator.close();
    const second = tls.connect({ ...options, ...(session === undefined ? {} : { session }) });
    second.on("error", () => {});
    await new Promise((resolve) => second.once("secureConnect", resolve));
    assert.is(second.isSessionReused(), false, version);
    second.destroy();
  }
});

identity("the gateway shows no protocol octet to a peer that has not proven itself", async ({ house }) => {
  const plain = await house.plain();
  plain.send(read(0, 1));
  await plain.gone(6_000);
  assert.is(plain.answers.length, 0);
  assert.is(house.plc.octets, 0);
});

identity.run();
