/** Certificates, lists and requests made by the openssl command line mean here what they mean there; `s_client` as the peer. */
import { execFile, execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import os from "node:os";
import path from "node:path";
import tls from "node:tls";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type Peer, type Refusal, TrustStore } from "#identity/trust";
import { hasTool, need } from "#test/support/need";
import type { Result } from "#wire";
import { presentedBy } from "./handshake.ts";

const foreign = suite("identity/openssl");

const CONFIG = `
[req]
distinguished_name = dn
prompt = no
[dn]
O = Plant
CN = placeholder
[root]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[middle]
basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid, issuer
[operator]
basicConstraints = CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth
subjectAltName = URI:spiffe://plant.example/operator/\${ENV::WHO}, email:alice@plant.example
1.3.6.1.4.1.50316.802.1 = ASN1:UTF8String:engineer
authorityKeyIdentifier = keyid, issuer
[printable]
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth
subjectAltName = URI:spiffe://plant.example/operator/\${ENV::WHO}
1.3.6.1.4.1.50316.802.1 = ASN1:PRINTABLESTRING:engineer
[server]
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = DNS:localhost
[ca]
default_ca = plant
[plant]
database = index.txt
crlnumber = crlnumber
default_md = sha256
default_crl_days = 30
`;

let dir = "";
const at = (name: string): string => path.join(dir, name);
const text = (name: string): string => readFileSync(at(name), "utf8");
function openssl(...args: string[]): string {
  return execFileSync("openssl", args, { cwd: dir, env: { ...process.env, WHO: "alice" }, stdio: ["ignore", "pipe", "pipe"] }).toString();
}

function certificate(name: string, issuer: string | null, section: string, subject: string, key: readonly string[], days = 30): void {
  openssl("genpkey", ...key, "-out", `${name}.key`);
  openssl("req", "-new", "-config", "a.cnf", "-key", `${name}.key`, "-subj", subject, "-out", `${name}.csr`);
  const by = issuer === null ? ["-key", `${name}.key`] : ["-CA", `${issuer}.pem`, "-CAkey", `${issuer}.key`];
  openssl(
    "x509",
    "-req",
    "-in",
    `${name}.csr`,
    ...by,
    "-days",
    String(days),
    "-sha256",
    "-extfile",
    "a.cnf",
    "-extensions",
    section,
    "-out",
    `${name}.pem`,
  );
}

const P256 = ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"];
const RSA = ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"];

foreign.before(() => {
  dir = mkdtempSync(path.join(os.tmpdir(), "penstock-openssl-"));
  if (!hasTool("openssl")) return;
  writeFileSync(at("a.cnf"), CONFIG);
  writeFileSync(at("index.txt"), "");
  writeFileSync(at("crlnumber"), "0a\n");
  certificate("root", null, "root", "/O=Plant/CN=OpenSSL Root", RSA, 3650);
  certificate("middle", "root", "middle", "/O=Plant/CN=OpenSSL Operators", P256, 365);
  certificate("alice", "middle", "operator", "/O=Plant/CN=Alice A.", P256);
  certificate("rsa", "root", "operator", "/O=Plant/CN=Alice A.", RSA);
  certificate("ed", "middle", "operator", "/CN=alice", ["-algorithm", "ED25519"]);
  certificate("printable", "middle", "printable", "/CN=alice", P256);
  certificate("server", "root", "server", "/CN=localhost", P256);
});
foreign.after(() => rmSync(dir, { recursive: true, force: true }));

function storeOf(crl: readonly string[] = []): TrustStore {
  const ca = {
    name: "plant",
    file: "ca.pem",
    pem: text("root.pem") + text("middle.pem"),
    mayIdentify: ["spiffe://plant.example/operator/*"],
    mayAssertRoles: true,
  };
  const store = TrustStore.load({ ca: [ca], crl: crl.map((pem) => ({ file: "ca.crl", pem })) }, Date.now());
  if (!store.ok) throw new Error(store.error.join("\n"));
  return store.value;
}

/** `openssl s_client` connects with what is given; the listening side judges. */
async function judged(store: TrustStore, client: readonly string[]): Promise<Result<Peer, Refusal>> {
  const server = tls.createServer({
    ca: [...store.caPem],
    cert: text("server.pem"),
    key: text("server.key"),
    requestCert: true,
    rejectUnauthorized: false,
  });
  const judgement = new Promise<Result<Peer, Refusal>>((resolve, reject) => {
    server.on("tlsClientError", reject);
    server.on("secureConnection", (socket) => {
      socket.on("error", () => {});
      resolve(store.judge(presentedBy(socket), socket.authorized ? null : String(socket.authorizationError), Date.now()));
      socket.destroy();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const child = execFile("openssl", ["s_client", "-connect", `127.0.0.1:${port}`, "-quiet", ...client], { cwd: dir });
  const ended = new Promise((resolve) => child.on("close", resolve));
  try {
    return await judgement;
  } finally {
    child.stdin?.end();
    child.kill();
    await ended;
    await new Promise((resolve) => server.close(resolve));
  }
}

foreign("s_client with certificates made by openssl: EC under an intermediate, RSA, Ed25519; TLS 1.2 and 1.3", async () => {
  if (!need("openssl", hasTool("openssl"))) return;
  const store = storeOf();
  for (const name of ["alice", "rsa", "ed"]) {
    for (const version of ["-tls1_2", "-tls1_3"]) {
      const judgement = await judged(store, ["-cert", `${name}.pem`, "-key", `${name}.key`, "-cert_chain", "middle.pem", version]);
      if (!judgement.ok) throw new Error(`${name} ${version}: ${judgement.error.reason} ${judgement.error.words}`);
      const { identity, certificateRole, serials } = judgement.value;
      assert.is(identity, "spiffe:spiffe://plant.example/operator/alice");
      assert.is(certificateRole, "engineer");
      const serial = openssl("x509", "-in", `${name}.pem`, "-noout", "-serial").trim().split("=")[1] as string;
      assert.is(BigInt(`0x${serials[0]?.serial}`), BigInt(`0x${serial}`));
    }
  }
});

foreign("RULINGS 17: s_client refused: a PrintableString role, a server's certificate, none at all", async () => {
  if (!need("openssl", hasTool("openssl"))) return;
  const store = storeOf();
  for (const [client, reason] of [
    [["-cert", "printable.pem", "-key", "printable.key"], "roleWrongType"],
    [["-cert", "server.pem", "-key", "server.key"], "wrongKeyUsage"],
    [[], "noClientCertificate"],
  ] as const) {
    const judgement = await judged(store, client);
    assert.is(judgement.ok ? "accepted" : judgement.error.reason, reason);
  }
});

foreign("RULINGS 18: a list written by `openssl ca` revokes, empty and full, and needs its sister", async () => {
  if (!need("openssl", hasTool("openssl"))) return;
  const lists = (issuer: string): string => {
    openssl(
      "ca",
      "-config",
      "a.cnf",
      "-name",
      "plant",
      "-gencrl",
      "-cert",
      `${issuer}.pem`,
      "-keyfile",
      `${issuer}.key`,
      "-out",
      `${issuer}.crl`,
    );
    return text(`${issuer}.crl`);
  };
  const rootList = lists("root");
  const before = storeOf([rootList, lists("middle")]);
  const client = ["-cert", "alice.pem", "-key", "alice.key", "-cert_chain", "middle.pem"];
  const good = await judged(before, client);
  assert.ok(good.ok);
  openssl(
    "ca",
    "-config",
    "a.cnf",
    "-name",
    "plant",
    "-revoke",
    "alice.pem",
    "-crl_reason",
    "keyCompromise",
    "-cert",
    "middle.pem",
    "-keyfile",
    "middle.key",
  );
  const after = storeOf([rootList, lists("middle")]);
  const bad = await judged(after, client);
  assert.is(bad.ok ? "" : bad.error.reason, "certificateRevoked");
  assert.is(good.ok ? after.stillGood(good.value, Date.now())?.reason : "", "certificateRevoked");
  const lacking = TrustStore.load(
    {
      ca: [{ name: "plant", file: "ca.pem", pem: text("root.pem") + text("middle.pem"), mayIdentify: ["cn:*"], mayAssertRoles: true }],
      crl: [{ file: "middle.crl", pem: text("middle.crl") }],
    },
    Date.now(),
  );
  assert.match(lacking.ok ? "" : lacking.error.join(), /no revocation list of CN=OpenSSL Root/);
});

foreign.run();
