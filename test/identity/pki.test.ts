/** The local CA: what it makes is what the gateway and OpenSSL accept, its key is sealed, and a kill at any moment leaves a store that works. */
import { execFileSync, spawn } from "node:child_process";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import os from "node:os";
import path from "node:path";
import tls from "node:tls";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { openCaKeysBeside } from "#identity/caKey";
import { type CreateOptions, type IssueRequest, Pki, PkiProblem } from "#identity/pki";
import { type Peer, type Refusal, TrustStore } from "#identity/trust";
import { selfSigned } from "#test/support/certificates";
import { hasTool, need } from "#test/support/need";
import type { Result } from "#wire";
import { handshake } from "./handshake.ts";

const pki = suite("identity/pki");
const PASSPHRASE = "penstock gate of the boiler";
const DAY = 86_400_000;

let base = "";
let made = 0;
const fresh = (): string => path.join(base, `ca-${++made}`);
pki.before(() => {
  base = mkdtempSync(path.join(os.tmpdir(), "penstock-pki-"));
});
pki.after(() => rmSync(base, { recursive: true, force: true }));

/** Unsealed unless told otherwise, which is quick. */
function create(directory = fresh(), options: Partial<CreateOptions> = {}, clock?: () => number): Promise<Pki> {
  return Pki.create(directory, { name: "Boiler CA", trustDomain: "plant.example", passphrase: null, plainKey: true, ...options }, clock);
}

async function problem(work: () => unknown): Promise<string> {
  try {
    await work();
  } catch (error) {
    assert.instance(error, PkiProblem, String(error));
    return (error as PkiProblem).message;
  }
  return "no problem";
}

const alice: IssueRequest = { kind: "operator", name: "alice", role: "operator" };

function storeOf(ca: Pki): TrustStore {
  const patterns = ["spiffe://plant.example/operator/*", "spiffe://plant.example/historian/*", "spiffe://plant.example/gateway/*", "cn:*"];
  const store = TrustStore.load(
    {
      ca: [{ name: "plant", file: ca.caFile, pem: readFileSync(ca.caFile, "utf8"), mayIdentify: patterns, mayAssertRoles: true }],
      crl: [{ file: ca.listFile, pem: readFileSync(ca.listFile, "utf8") }],
    },
    Date.now(),
  );
  if (!store.ok) throw new Error(store.error.join("\n"));
  return store.value;
}

async function judged(ca: Pki, name: string, keyPem?: string): Promise<Result<Peer, Refusal>> {
  const store = storeOf(ca);
  const cert = readFileSync(path.join(ca.directory, `${name}.pem`), "utf8");
  const key = keyPem ?? readFileSync(path.join(ca.directory, `${name}.key`), "utf8");
  const seen = await handshake({ ca: store.caPem, server: selfSigned({ name: "any" }), client: { cert, key } });
  return store.judge(seen.chain, seen.verdict, Date.now());
}

pki("RULINGS 26: the CA key is sealed by the passphrase; another one opens nothing and changes nothing", async () => {
  const ca = await create(fresh(), { passphrase: PASSPHRASE, plainKey: false });
  const file = path.join(ca.directory, "ca.key");
  const text = readFileSync(file, "utf8");
  assert.match(text, /^-----BEGIN ENCRYPTED PRIVATE KEY-----\n/);
  assert.throws(() => createPrivateKey(text));
  assert.throws(() => createPrivateKey({ key: text, passphrase: "penstock gate of the boilex" }));
  assert.ok(createPrivateKey({ key: text, passphrase: PASSPHRASE }));
  // PBKDF2 rounds as DER: INTEGER 600000.
  assert.ok(Buffer.from(text.replace(/-----.*-----|\n/g, ""), "base64").includes(Buffer.from("02030927c0", "hex")));
  assert.equal(openCaKeysBeside(ca.caFile), []);

  const before = readdirSync(ca.directory).map((name) => [name, readFileSync(path.join(ca.directory, name), "utf8")]);
  assert.match(
    await problem(() => Pki.open(ca.directory, "a wrong passphrase").issue(alice)),
    /ca\.key: the passphrase does not open this key/,
  );
  assert.match(await problem(() => Pki.open(ca.directory).issue(alice)), /ca\.key: the CA key is sealed; its passphrase is needed/);
  assert.equal(
    readdirSync(ca.directory).map((name) => [name, readFileSync(path.join(ca.directory, name), "utf8")]),
    before,
  );
  let asked = 0;
  const again = Pki.open(ca.directory, async () => {
    asked += 1;
    return PASSPHRASE;
  });
  assert.is(again.rows().length, 2, "reading asks for nothing");
  assert.is(asked, 0);
  await again.issue(alice);
  await again.issue({ kind: "operator", name: "bob" });
  assert.is(asked, 1, "asked once a run");
  if (need("openssl", hasTool("openssl"))) {
    assert.match(
      execFileSync("openssl", ["pkey", "-in", file, "-passin", `pass:${PASSPHRASE}`, "-noout", "-text"]).toString(),
      /NIST CURVE: P-256/,
    );
  }
});

pki("RULINGS 26: no passphrase and no other place, no CA; nothing is left behind", async () => {
  const directory = fresh();
  const options = { name: "Boiler CA", trustDomain: "plant.example" };
  assert.match(
    await problem(() => Pki.create(directory, { ...options, passphrase: null })),
    /found no passphrase for the CA key; expected one, or another place/,
  );
  assert.match(await problem(() => Pki.create(directory, { ...options, passphrase: "short" })), /passphrase of 5 characters .*at least 12/);
  assert.match(
    await problem(() => Pki.create(directory, { ...options, passphrase: null, caOut: path.join(directory, "keys") })),
    /expected a directory outside/,
  );
  assert.match(
    await problem(() => Pki.create(directory, { ...options, passphrase: null, caOut: directory })),
    /expected a directory outside/,
  );
  assert.match(
    await problem(() => Pki.create(directory, { ...options, passphrase: null, caOut: path.join(base, "not", "there") })),
    /no such file or directory/,
  );
  assert.equal(readdirSync(directory), []);
});

pki("RULINGS 26: --ca-out writes the key elsewhere, 0600; signing finds it there, or where it is told", async () => {
  const stick = path.join(base, "stick");
  mkdirSync(stick);
  const ca = await create(fresh(), { caOut: stick, plainKey: false });
  assert.equal(readdirSync(stick), ["ca.key"]);
  assert.is(statSync(path.join(stick, "ca.key")).mode & 0o777, 0o600);
  assert.not.ok(existsSync(path.join(ca.directory, "ca.key")));
  assert.equal(openCaKeysBeside(ca.caFile), []);
  await Pki.open(ca.directory).issue(alice);
  const moved = path.join(base, "stick-2");
  execFileSync("mv", [stick, moved]);
  assert.match(
    await problem(() => Pki.open(ca.directory).issue({ kind: "operator", name: "bob" })),
    /stick\/ca\.key: no such file or directory/,
  );
  await Pki.open(ca.directory, null, path.join(moved, "ca.key")).issue({ kind: "operator", name: "bob" });
  const other = await create();
  assert.match(
    await problem(() => Pki.open(ca.directory, null, path.join(other.directory, "ca.key")).issue({ kind: "operator", name: "eve" })),
    /found another key; expected the key of Boiler CA/,
  );
});

pki("RULINGS 26: every open CA key beside its certificate is found, whatever its name", async () => {
  const ca = await create(fresh(), { intermediate: true });
  const at = (name: string): string => path.join(ca.directory, name);
  assert.equal(openCaKeysBeside(ca.caFile), [at("ca.key"), at("root.key")]);
  await ca.issue({ kind: "gateway", name: "gateway" });
  execFileSync("mv", [at("root.key"), at("notes.txt")]);
  assert.equal(openCaKeysBeside(ca.caFile), [at("ca.key"), at("notes.txt")]);
  rmSync(at("notes.txt"));
  rmSync(at("ca.key"));
  assert.equal(openCaKeysBeside(ca.caFile), [], "the gateway's own key is not the CA's");
  assert.equal(openCaKeysBeside(path.join(base, "absent.pem")), []);
});

pki("modes: the directory 0700, keys and index 0600, certificates and lists readable, whatever the umask", async () => {
  const mask = process.umask(0);
  try {
    const ca = await create(fresh(), { intermediate: true });
    await ca.issue(alice);
    await ca.renew("alice");
    const modeOf = (name: string): string => (statSync(path.join(ca.directory, name)).mode & 0o777).toString(8);
    assert.is(modeOf("."), "700");
    for (const name of readdirSync(ca.directory)) assert.is(modeOf(name), /\.(pem|crl)$/.test(name) ? "644" : "600", name);
    assert.equal(readdirSync(ca.directory).sort(), ["alice.key", "alice.pem", "ca.crl", "ca.key", "ca.pem", "index.json", "root.key"]);
  } finally {
    process.umask(mask);
  }
});

for (const intermediate of [false, true]) {
  pki(`what is issued is accepted in a real handshake, as it was asked for${intermediate ? ", under an intermediate" : ""}`, async () => {
    const ca = await create(fresh(), { intermediate });
    await ca.issue(alice);
    await ca.issue({ kind: "operator", name: "carol", uri: null });
    await ca.issue({ kind: "historian", name: "hist-1", box: "gate-1" });
    await ca.issue({ kind: "gateway", name: "gate-1", dns: ["gate-1.plant.example"], ips: ["10.10.5.2", "fd00::2"] });
    const peer = async (name: string): Promise<Peer> => {
      const judgement = await judged(ca, name);
      if (!judgement.ok) throw new Error(`${name}: ${judgement.error.reason}: ${judgement.error.words}`);
      return judgement.value;
    };
    const a = await peer("alice");
    assert.is(a.identity, "spiffe:spiffe://plant.example/operator/alice");
    assert.is(a.certificateRole, "operator");
    assert.ok(Math.abs(a.notAfter - Date.now() - 365 * DAY) < 60_000);
    assert.is((await peer("carol")).identity, "cn:carol@plant");
    assert.is((await peer("hist-1")).identity, "spiffe:spiffe://plant.example/historian/hist-1");
    const gate = await judged(ca, "gate-1");
    assert.is(gate.ok ? "" : gate.error.reason, "wrongKeyUsage", "a stolen gateway key makes no operator");
  });
}

pki("a client that knows only the root believes the gateway by its name, and no operator in its place", async () => {
  const ca = await create(fresh(), { intermediate: true });
  await ca.issue({ kind: "gateway", name: "gate-1", dns: ["gate-1.plant.example"], ips: ["127.0.0.1"] });
  await ca.issue(alice);
  const connect = async (name: string, servername: string): Promise<string> => {
    const server = tls.createServer({
      cert: readFileSync(path.join(ca.directory, `${name}.pem`)),
      key: readFileSync(path.join(ca.directory, `${name}.key`)),
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const root = readFileSync(ca.caFile, "utf8")
      .split(/(?<=-----END CERTIFICATE-----\n)/)
      .at(-1) as string;
    const client = tls.connect({
      host: "127.0.0.1",
      port: (server.address() as AddressInfo).port,
      ...(servername === "" ? {} : { servername }),
      ca: root,
    });
    const said = await new Promise<string>((resolve) => {
      client.on("secureConnect", () => resolve("believed"));
      client.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    });
    client.destroy();
    await new Promise((resolve) => server.close(resolve));
    return said;
  };
  assert.is(await connect("gate-1", "gate-1.plant.example"), "believed");
  assert.is(await connect("gate-1", ""), "believed");
  assert.is(await connect("gate-1", "gate-2.plant.example"), "ERR_TLS_CERT_ALTNAME_INVALID");
  assert.is(await connect("alice", "gate-1.plant.example"), "INVALID_PURPOSE");
});

pki("`openssl verify -x509_strict` with all lists accepts what we issue, and refuses what we revoked", async () => {
  if (!need("openssl", hasTool("openssl"))) return;
  const ca = await create(fresh(), { intermediate: true });
  await ca.issue(alice);
  await ca.issue({ kind: "gateway", name: "gateway", dns: ["gateway"] });
  const verify = (name: string, purpose: string): string => {
    const args = [
      "verify",
      "-x509_strict",
      "-CAfile",
      "ca.pem",
      "-crl_check_all",
      "-CRLfile",
      "ca.crl",
      "-purpose",
      purpose,
      `${name}.pem`,
    ];
    try {
      return execFileSync("openssl", args, { cwd: ca.directory, stdio: ["ignore", "pipe", "pipe"] })
        .toString()
        .trim();
    } catch (error) {
      return (error as { stderr: Buffer }).stderr.toString();
    }
  };
  assert.is(verify("alice", "sslclient"), "alice.pem: OK");
  assert.is(verify("gateway", "sslserver"), "gateway.pem: OK");
  assert.match(verify("gateway", "sslclient"), /unsuitable certificate purpose/);
  const list = (): string =>
    execFileSync("openssl", ["crl", "-in", "ca.crl", "-noout", "-crlnumber", "-issuer", "-CAfile", "ca.pem"], {
      cwd: ca.directory,
      stdio: ["ignore", "pipe", "pipe"],
    }).toString();
  assert.match(list(), /crlNumber=(0x)?0?1\b/);
  await ca.revoke("alice", "keyCompromise");
  assert.match(list(), /crlNumber=(0x)?0?2\b/);
  assert.match(verify("alice", "sslclient"), /certificate revoked/);
});

pki("a request gives its key and nothing else: its names, role and purposes are not taken over", async () => {
  if (!need("openssl", hasTool("openssl"))) return;
  const ca = await create();
  const dir = path.join(base, "csr");
  mkdirSync(dir);
  writeFileSync(
    path.join(dir, "c.cnf"),
    "[req]\ndistinguished_name=dn\n[dn]\n[x]\nsubjectAltName=URI:spiffe://plant.example/operator/root\nbasicConstraints=CA:TRUE\n1.3.6.1.4.1.50316.802.1=ASN1:UTF8String:engineer\n",
  );
  const request = (name: string, ...key: string[]): string => {
    execFileSync(
      "openssl",
      [
        "req",
        "-new",
        "-nodes",
        "-config",
        "c.cnf",
        "-reqexts",
        "x",
        "-subj",
        "/CN=Mallory",
        ...key,
        "-keyout",
        `${name}.key`,
        "-out",
        `${name}.csr`,
      ],
      { cwd: dir, stdio: "ignore" },
    );
    return readFileSync(path.join(dir, `${name}.csr`), "utf8");
  };
  const carol = request("carol", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384");
  const issued = await ca.issue({ kind: "operator", name: "carol", role: "viewer", requestPem: carol });
  assert.is(issued.keyFile, null);
  assert.is(issued.requested, "CN=Mallory");
  assert.not.ok(existsSync(path.join(ca.directory, "carol.key")));
  const judgement = await judged(ca, "carol", readFileSync(path.join(dir, "carol.key"), "utf8"));
  assert.is(judgement.ok ? judgement.value.identity : judgement.error.words, "spiffe:spiffe://plant.example/operator/carol");
  assert.is(judgement.ok ? judgement.value.certificateRole : "", "viewer");
  assert.is(new X509Certificate(readFileSync(issued.certificateFile)).ca, false);

  await ca.issue({ kind: "operator", name: "dave", requestPem: request("dave", "-newkey", "ed25519") });
  await ca.issue({ kind: "operator", name: "erin", requestPem: request("erin", "-newkey", "rsa:2048") });
  const refused = async (requestPem: string): Promise<string> => problem(() => ca.issue({ kind: "operator", name: "mallory", requestPem }));
  const der = Buffer.from(carol.replace(/-----.*-----|\n/g, ""), "base64");
  der[der.indexOf("Mallory")] = 0x4e;
  assert.match(
    await refused(`-----BEGIN CERTIFICATE REQUEST-----\n${der.toString("base64")}\n-----END CERTIFICATE REQUEST-----\n`),
    /it is not signed by its own key/,
  );
  assert.match(await refused(request("weak", "-newkey", "rsa:1024")), /RSA key of 1024 bits/);
  assert.match(await refused(request("old", "-sha1", "-newkey", "rsa:2048")), /signed by SHA-1 with RSA/);
  assert.match(await refused(request("p521", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-521")), /secp521r1/);
  assert.match(await refused("nothing"), /no PEM block; expected one certificate request/);
  assert.match(await refused(readFileSync(ca.caFile, "utf8")), /certificate; expected one certificate request/);
  assert.match(await refused(carol + carol), /expected one certificate request/);

  const renewed = await ca.renew("carol");
  const keyOf = (file: string): string =>
    new X509Certificate(readFileSync(file)).publicKey.export({ type: "spki", format: "pem" }).toString();
  assert.is(renewed.keyFile, null);
  assert.is(keyOf(renewed.certificateFile), execFileSync("openssl", ["pkey", "-in", "carol.key", "-pubout"], { cwd: dir }).toString());
});

pki("renew: the same claims under a new serial, with a new key or the same; the earlier one stays good until revoked", async () => {
  const ca = await create();
  const first = await ca.issue({ ...alice, role: "engineer" });
  const cert = readFileSync(first.certificateFile, "utf8");
  const key = readFileSync(first.keyFile as string, "utf8");
  const second = await ca.renew("alice");
  assert.not.equal(second.entry.serial, first.entry.serial);
  assert.not.equal(readFileSync(first.keyFile as string, "utf8"), key);
  const now = await judged(ca, "alice");
  assert.is(now.ok ? now.value.certificateRole : "", "engineer");
  const withOld = async (): Promise<string> => {
    const store = storeOf(ca);
    const seen = await handshake({ ca: store.caPem, server: selfSigned({ name: "any" }), client: { cert, key } });
    const judgement = store.judge(seen.chain, seen.verdict, Date.now());
    return judgement.ok ? "good" : judgement.error.reason;
  };
  assert.is(await withOld(), "good");
  const kept = readFileSync(first.keyFile as string, "utf8");
  const third = await ca.renew("alice", { sameKey: true, lifetimeMs: 10 * DAY });
  assert.is(readFileSync(first.keyFile as string, "utf8"), kept);
  assert.ok(Math.abs(Date.parse(third.entry.notAfter) - Date.now() - 10 * DAY) < 60_000);
  assert.ok((await judged(ca, "alice")).ok);
  assert.equal(
    ca.entries().map(({ replacedBy }) => replacedBy),
    [second.entry.serial, third.entry.serial, null],
  );
  const revoked = await ca.revoke("alice");
  assert.is(revoked.length, 3, "a revoked person has no earlier certificate left");
  assert.is(await withOld(), "certificateRevoked");
  const gone = await judged(ca, "alice");
  assert.is(gone.ok ? "" : gone.error.reason, "certificateRevoked");
  assert.match(await problem(() => ca.renew("alice")), /alice was revoked 20/);
  assert.ok((await ca.issue(alice)).entry.serial, "and may be given a new one");
});

pki("revoked stays revoked: over restarts, further lists, and with the time it was first revoked", async () => {
  const ca = await create();
  const { entry } = await ca.issue(alice);
  const bob = await ca.issue({ kind: "operator", name: "bob" });
  const [first] = await ca.revoke(entry.serial.toUpperCase(), "privilegeWithdrawn");
  assert.is(first?.revoked?.reason, "privilegeWithdrawn");
  assert.match(
    await problem(() => ca.revoke("alice")),
    /found no certificate in force of alice; expected one of: alice, bob, or a serial number/,
  );
  for (let i = 0; i < 3; i++) await Pki.open(ca.directory).writeLists();
  await Pki.open(ca.directory).revoke("bob");
  const store = storeOf(ca);
  assert.is(store.lists[0]?.revoked, 2);
  assert.equal(ca.entries().find(({ serial }) => serial === entry.serial)?.revoked, first?.revoked);
  assert.is(ca.entries().find(({ serial }) => serial === bob.entry.serial)?.revoked?.reason, "unspecified");
  assert.is(ca.rows().find(({ what }) => what === "list")?.serial, "6", "each list has the next number");
});

pki("RULINGS 26: stolen-box revokes everything whose key lay on that machine, in one step, and nothing else", async () => {
  const ca = await create();
  await ca.issue({ kind: "gateway", name: "gate-1" });
  await ca.issue({ kind: "gateway", name: "gate-2" });
  await ca.issue({ kind: "historian", name: "hist-1", box: "gate-1" });
  await ca.issue({ kind: "operator", name: "panel", box: "gate-1" });
  await ca.issue(alice);
  await ca.renew("gate-1");
  const gone = await ca.stolenBox("gate-1");
  assert.equal(gone.map(({ name }) => name).sort(), ["gate-1", "gate-1", "hist-1", "panel"]);
  assert.ok(gone.every(({ revoked }) => revoked?.reason === "keyCompromise"));
  assert.is(storeOf(ca).lists[0]?.revoked, 4);
  assert.ok((await judged(ca, "alice")).ok);
  const panel = await judged(ca, "panel");
  assert.is(panel.ok ? "" : panel.error.reason, "certificateRevoked");
  assert.match(await problem(() => ca.stolenBox("gate-9")), /on a box named gate-9; expected one of: gate-1, gate-2/);
});

pki("a root locked away: daily work needs only the issuing key, and the root's list is kept", async () => {
  const ca = await create(fresh(), { intermediate: true });
  const rootKey = readFileSync(path.join(ca.directory, "root.key"), "utf8");
  rmSync(path.join(ca.directory, "root.key"));
  const daily = Pki.open(ca.directory);
  await daily.issue(alice);
  await daily.revoke("alice");
  assert.equal(
    storeOf(ca).lists.map(({ issuer, revoked }) => [issuer, revoked]),
    [
      ["CN=Boiler CA", 1],
      ["CN=Boiler CA Root", 0],
    ],
  );
  const numbers = (): string[] => ca.rows().flatMap((row) => (row.what === "list" ? [`${row.name} ${row.serial}`] : []));
  assert.equal(numbers().sort(), ["CN=Boiler CA 2", "CN=Boiler CA Root 1"]);
  writeFileSync(path.join(ca.directory, "root.key"), rootKey, { mode: 0o600 });
  await Pki.open(ca.directory).writeLists();
  assert.equal(numbers().sort(), ["CN=Boiler CA 3", "CN=Boiler CA Root 2"]);
});

pki("list: days left, and the states they lead to", async () => {
  let now = Date.now();
  const ca = await create(fresh(), {}, () => now);
  await ca.issue(alice);
  await ca.issue({ kind: "operator", name: "brief", lifetimeMs: 20 * DAY });
  await ca.issue({ kind: "operator", name: "renewed" });
  await ca.renew("renewed");
  await ca.issue({ kind: "operator", name: "bad" });
  await ca.revoke("bad");
  const states = (): Record<string, string> =>
    Object.fromEntries(
      ca
        .rows()
        .map((row) => [
          row.what === "certificate" ? `${row.name} ${row.serial.slice(0, 0)}${row.state}` : row.what,
          `${row.state} ${row.daysLeft}`,
        ]),
    );
  assert.equal(states(), {
    ca: "good 3651",
    list: "good 29",
    "alice good": "good 364",
    "brief ends soon": "ends soon 19",
    "renewed replaced": "replaced 364",
    "renewed good": "good 364",
    "bad revoked": "revoked 364",
  });
  now += 25 * DAY;
  assert.is(states()["brief ended"], "ended -6");
  assert.is(states().list, "ends soon 4");
  now += 320 * DAY;
  assert.is(states()["alice ends soon"], "ends soon 19");
  now += 30 * DAY;
  assert.is(states()["renewed replaced"], "replaced -11", "what gave way to another is nobody's to renew");
});

pki("nothing outlives its CA", async () => {
  const ca = await create(fresh(), { lifetimeMs: 40 * DAY });
  const { entry } = await ca.issue(alice);
  assert.is(entry.notAfter, ca.rows()[0]?.ends);
});

pki("one clear line for each mistake", async () => {
  const ca = await create();
  await ca.issue(alice);
  const told = (request: Partial<IssueRequest>): Promise<string> => problem(() => ca.issue({ kind: "operator", name: "bob", ...request }));
  assert.match(await told({ name: "alice" }), /alice already has a certificate \(operator, serial [0-9a-f]{32}, until 20/);
  assert.match(await told({ name: "../alice" }), /found the name "\.\.\/alice"/);
  assert.match(await told({ name: ".hidden" }), /not starting with a dot/);
  assert.match(await told({ name: "al\u202eice" }), /"al\\u\{202e\}ice"/);
  assert.match(await told({ name: "ca" }), /the name ca, which the CA's own files bear/);
  assert.match(await told({ role: "a b" }), /found the role "a b"/);
  assert.match(await told({ uri: "spiffe://Plant.example/x" }), /expected a SPIFFE id/);
  assert.match(await told({ dns: ["no_such"] }), /"no_such"; expected a DNS name/);
  assert.match(await told({ dns: ["10.0.0.1"] }), /expected a DNS name/);
  assert.match(await told({ ips: ["10.0.0.256"] }), /expected an IP address/);
  assert.match(await told({ box: "a/b" }), /found a box named "a\/b"/);
  assert.match(await problem(() => ca.renew("nobody")), /no certificate of nobody; expected one of: alice/);
  assert.match(await problem(() => create(ca.directory)), /found a local CA; expected an empty or new directory/);
  assert.match(await problem(() => create(base)), /expected an empty or new directory/);
  assert.match(await problem(() => create(fresh(), { trustDomain: "Plant" })), /found trust domain "Plant"/);
  assert.match(await problem(() => create(fresh(), { name: "a,b" })), /found a CA named "a,b"/);
  assert.match(await problem(() => Pki.open(path.join(base, "nowhere"))), /no such file or directory; expected a local CA here/);
  const index = path.join(ca.directory, "index.json");
  const text = readFileSync(index, "utf8");
  writeFileSync(index, "{");
  assert.match(await problem(() => Pki.open(ca.directory)), /index\.json:1:1: found no JSON/);
  writeFileSync(index, text.replace('"version": 1', '"version": 2'));
  assert.match(await problem(() => Pki.open(ca.directory)), /found version that is not as penstock wrote it/);
});

pki("two at once: in one process they wait, another process is told, and a dead one's lock is taken over", async () => {
  const ca = await create();
  const names = Array.from({ length: 6 }, (_, i) => `op-${i}`);
  await Promise.all(names.map((name) => ca.issue({ kind: "operator", name })));
  assert.equal(
    ca.entries().map(({ name }) => name),
    names,
  );
  const lock = path.join(ca.directory, ".lock");
  const living = spawn("sleep", ["60"], { stdio: "ignore" });
  writeFileSync(lock, String(living.pid));
  assert.match(await problem(() => ca.issue(alice)), new RegExp(`another process is changing this CA \\(${living.pid}\\)`));
  living.kill("SIGKILL");
  await new Promise((resolve) => living.on("close", resolve));
  await ca.issue(alice);
  assert.not.ok(existsSync(lock));
  writeFileSync(lock, "");
  assert.match(await problem(() => ca.writeLists()), /just begun/);
  utimesSync(lock, new Date(Date.now() - 11_000), new Date(Date.now() - 11_000));
  await ca.writeLists();
  assert.not.ok(existsSync(lock));
});

pki("a change that was committed and not finished is finished by the next; one that was not is removed", async () => {
  const ca = await create();
  await ca.issue(alice);
  const index = path.join(ca.directory, "index.json");
  const at = (name: string): string => path.join(ca.directory, name);
  const before = {
    index: readFileSync(index, "utf8"),
    pem: readFileSync(at("alice.pem"), "utf8"),
    key: readFileSync(at("alice.key"), "utf8"),
  };
  await ca.renew("alice");
  const after = {
    index: readFileSync(index, "utf8"),
    pem: readFileSync(at("alice.pem"), "utf8"),
    key: readFileSync(at("alice.key"), "utf8"),
  };
  const moves = [
    { from: ".0000000000000001.tmp", to: "alice.pem" },
    { from: ".0000000000000002.tmp", to: "alice.key" },
  ];
  // Killed after the commit, before (0) or between (1) the two moves: certificate and key belong together again.
  for (const done of [0, 1]) {
    writeFileSync(index, JSON.stringify({ ...JSON.parse(after.index), pending: moves }));
    writeFileSync(at("alice.pem"), done === 0 ? before.pem : after.pem);
    if (done === 0) writeFileSync(at(".0000000000000001.tmp"), after.pem);
    writeFileSync(at("alice.key"), before.key);
    writeFileSync(at(".0000000000000002.tmp"), after.key);
    await Pki.open(ca.directory).writeLists();
    assert.is(readFileSync(at("alice.pem"), "utf8"), after.pem);
    assert.is(readFileSync(at("alice.key"), "utf8"), after.key);
    assert.equal(JSON.parse(readFileSync(index, "utf8")).pending, []);
  }
  // Killed before the commit: nothing happened.
  writeFileSync(at(".00000000000000aa.tmp"), "half a ke");
  await Pki.open(ca.directory).writeLists();
  assert.not.ok(existsSync(at(".00000000000000aa.tmp")));
  assert.ok((await judged(ca, "alice")).ok);
});

pki.run();
