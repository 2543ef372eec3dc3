/** Every refusal with its own reason, on real certificates and OpenSSL's own verdict on them from a real handshake. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { SessionEnd } from "#events";
import { type Peer, type Refusal, type TrustSource, TrustStore } from "#identity/trust";
import {
  authority,
  CLIENT_AUTH,
  CN,
  cn,
  der,
  extension,
  integer,
  type Made,
  oid,
  printableString,
  rsaPublicKey,
  SERVER_AUTH,
  selfSigned,
  seq,
  usage,
  utf8String,
} from "#test/support/certificates";
import type { Result } from "#wire";
import { handshake, type Offer } from "./handshake.ts";

const trust = suite("identity/trust");

const URI = "spiffe://plant.example/operator/alice";
const root = authority("Plant CA");
const middle = root.intermediate("Plant Operators");
const gateway = root.issue({ name: "gateway", dns: ["localhost"], extendedKeyUsage: [SERVER_AUTH] });
const PATTERNS = ["spiffe://plant.example/operator/*", "spiffe://plant.example/scada/main", "cn:*"];

interface SourceOptions {
  readonly ca?: string;
  readonly mayIdentify?: readonly string[];
  readonly mayAssertRoles?: boolean;
  readonly crl?: readonly string[];
  readonly more?: TrustSource["ca"];
}

function source(options: SourceOptions = {}): TrustSource {
  const { ca = root.pem, mayIdentify = PATTERNS, mayAssertRoles = true, crl = [], more = [] } = options;
  return {
    ca: [{ name: "plant", file: "ca.pem", pem: ca, mayIdentify, mayAssertRoles }, ...more],
    crl: crl.map((pem, i) => ({ file: `${i}.crl`, pem })),
  };
}

function storeOf(options: SourceOptions = {}): TrustStore {
  const store = TrustStore.load(source(options), Date.now());
  if (!store.ok) throw new Error(store.error.join("\n"));
  return store.value;
}

const plant = storeOf();

/** What the store says of `made` after a real handshake with it. */
async function judged(made: Made, store = plant, offer: Partial<Offer> = {}): Promise<Result<Peer, Refusal>> {
  const seen = await handshake({ ca: store.caPem, server: gateway, client: { cert: made.chainPem, key: made.keyPem }, ...offer });
  assert.is(Buffer.compare(seen.chain[0] as Uint8Array, made.der), 0, "the certificate presented is the one judged");
  // What the client sent, not what this release of Node shows of it.
  return store.judge(made.chain, seen.verdict, Date.now());
}

async function refused(made: Made, reason: SessionEnd, words: RegExp, store = plant, offer: Partial<Offer> = {}): Promise<void> {
  const verdict = await judged(made, store, offer);
  assert.not.ok(verdict.ok, "it must be refused");
  if (verdict.ok) return;
  assert.is(verdict.error.reason, reason, verdict.error.words);
  assert.match(verdict.error.words, words);
}

async function accepted(made: Made, store = plant, offer: Partial<Offer> = {}): Promise<Peer> {
  const verdict = await judged(made, store, offer);
  if (!verdict.ok) throw new Error(`${verdict.error.reason}: ${verdict.error.words}`);
  return verdict.value;
}

trust("a good certificate gives identity, name, role, CA, end and fingerprint, over TLS 1.2 and 1.3", async () => {
  const alice = root.issue({ uri: URI, name: "ignored", role: "operator" });
  for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
    const peer = await accepted(alice, plant, { version });
    assert.is(peer.identity, `spiffe:${URI}`);
    assert.is(peer.name, "alice");
    assert.is(peer.certificateRole, "operator");
    assert.is(peer.ca, "plant");
    assert.is(peer.fingerprint, alice.fingerprint);
    assert.ok(Math.abs(peer.notAfter - Date.now() - 86_400_000) < 60_000);
    assert.is(peer.serials.length, 1);
    assert.is(peer.serials[0]?.serial, alice.serial);
    assert.is(plant.stillGood(peer, Date.now()), null);
  }
});

trust("a common name carries the CA that vouched for it, UTF8String or PrintableString", async () => {
  assert.is((await accepted(root.issue({ name: "alice" }))).identity, "cn:alice@plant");
  const printable = root.issue({
    subject: [
      ["2.5.4.10", utf8String("Plant")],
      [CN, printableString("bob-2")],
    ],
  });
  const peer = await accepted(printable);
  assert.is(peer.identity, "cn:bob-2@plant");
  assert.is(peer.name, "bob-2");
  assert.is(peer.certificateRole, null);
});

for (const kind of ["p256", "p384", "ed25519", "rsa2048", "rsa3072"] as const) {
  trust(`RULINGS 17: a ${kind} key is accepted, under a CA of the same kind too`, async () => {
    assert.is((await accepted(root.issue({ uri: URI, kind }))).name, "alice");
    const ca = authority(`CA ${kind}`, { kind });
    const peer = await accepted(ca.issue({ uri: URI, kind }), storeOf({ ca: ca.pem }), { ca: [ca.pem] });
    assert.is(peer.ca, "plant");
  });
}

trust("RULINGS 17: intermediates, presented or held; four certificates and no more", async () => {
  const two = middle.intermediate("Shift B");
  const three = two.intermediate("Shift B night");
  const peer = await accepted(middle.issue({ uri: URI, endsIn: 7_200_000 }));
  assert.is(peer.serials.length, 2);
  assert.is(peer.serials[1]?.serial, middle.made.serial);
  assert.is((await accepted(two.issue({ uri: URI }))).serials.length, 3);
  await refused(three.issue({ uri: URI }), "chainTooLong", /more than 4 certificates/);
  // A held intermediate need not be presented.
  const holding = storeOf({ ca: root.pem + middle.pem });
  const alice = middle.issue({ uri: URI });
  const seen = await handshake({ ca: holding.caPem, server: gateway, client: { cert: alice.pem, key: alice.keyPem } });
  assert.is(seen.verdict, null);
  assert.ok(holding.judge(seen.chain, seen.verdict, Date.now()).ok);
});

trust("an intermediate's end is the peer's end where it comes first", async () => {
  const short = root.intermediate("Short", { endsIn: 5_000_000 });
  const peer = await accepted(short.issue({ uri: URI }));
  assert.ok(Math.abs(peer.notAfter - Date.now() - 5_000_000) < 60_000);
  assert.is(plant.stillGood(peer, peer.notAfter)?.reason, "certificateExpired");
  assert.is(plant.stillGood(peer, peer.notAfter - 1), null);
});

const REFUSED: readonly (readonly [string, Made, SessionEnd, RegExp, number?])[] = [
  ["expired", root.issue({ uri: URI, endsIn: -1000 }), "certificateExpired", /alice ended 20/],
  ["not yet valid", root.issue({ uri: URI, startsIn: 3_600_000 }), "certificateNotYetValid", /alice begins 20/],
  ["an expired intermediate", root.intermediate("Old", { endsIn: -1000 }).issue({ uri: URI }), "certificateExpired", /CN=Old ended/],
  ["another CA", authority("Other CA").issue({ uri: URI }), "unknownCa", /issued by CN=Other CA, which is no CA of this site/],
  ["a CA of the same name with another key", authority("Plant CA").issue({ uri: URI }), "unknownCa", /is not signed by its key/],
  ["self-signed", selfSigned({ uri: URI }), "selfSigned", /signed by itself/],
  ["self-signed under the CA's name", selfSigned({ subject: cn("Plant CA"), uri: URI }), "unknownCa", /not signed by its key/],
  ["no purpose", root.issue({ uri: URI, extendedKeyUsage: null }), "wrongKeyUsage", /states no purpose/],
  ["a server's purpose", root.issue({ uri: URI, extendedKeyUsage: [SERVER_AUTH] }), "wrongKeyUsage", /not for clients/],
  ["any purpose", root.issue({ uri: URI, extendedKeyUsage: ["2.5.29.37.0"] }), "wrongKeyUsage", /not for clients/],
  ["a key that may not sign", root.issue({ uri: URI, keyUsage: usage(2) }), "wrongKeyUsage", /lacks digitalSignature/],
  ["a leaf that may sign certificates", root.issue({ uri: URI, keyUsage: usage(0, 5) }), "wrongKeyUsage", /keyCertSign/],
  ["a CA's certificate", middle.made, "wrongKeyUsage", /is a CA's own certificate/],
  ["an X.509 version 1 certificate", root.issue({ name: "alice", v3: false }), "wrongKeyUsage", /states no purpose/],
  ["RSA 1024", root.issue({ uri: URI, kind: "rsa1024" }), "weakKey", /RSA key of 1024 bits/, 0],
  ["P-521", root.issue({ uri: URI, kind: "p521" }), "weakKey", /secp521r1/],
  ["Ed448", root.issue({ uri: URI, kind: "ed448" }), "weakKey", /ed448/],
  ["SHA-1 over it", root.issue({ uri: URI, digest: "sha1" }), "weakKey", /ECDSA with SHA-1/, 0],
  [
    "a weak intermediate",
    root.intermediate("Weak", { kind: "rsa1024" }).issue({ uri: URI }),
    "weakKey",
    /CN=Weak has an RSA key of 1024 bits/,
    0,
  ],
  ["an intermediate that is no CA", root.intermediate("Not a CA", { isCa: false }).issue({ uri: URI }), "chainInvalid", /is no CA/],
  [
    "an intermediate without keyCertSign",
    root.intermediate("No sign", { keyUsage: usage(6) }).issue({ uri: URI }),
    "chainInvalid",
    /may not sign certificates/,
  ],
  [
    "too many CAs below one",
    root.intermediate("Last", { pathLength: 0 }).intermediate("Beyond").issue({ uri: URI }),
    "chainInvalid",
    /allows 0 CAs below it; there are 1/,
  ],
  [
    "a critical extension nobody knows",
    root.issue({ uri: URI, extensions: [extension("1.2.3.4", seq(), true)] }),
    "chainInvalid",
    /critical extension 1\.2\.3\.4/,
  ],
  [
    "a critical role",
    root.issue({ uri: URI, extensions: [extension("1.3.6.1.4.1.50316.802.1", utf8String("operator"), true)] }),
    "chainInvalid",
    /critical extension 1\.3\.6\.1\.4\.1\.50316/,
  ],
  ["no name at all", root.issue({ subject: [] }), "noIdentity", /neither a SPIFFE id nor a common name/],
  ["only an organization", root.issue({ subject: [["2.5.4.10", utf8String("Plant")]] }), "noIdentity", /neither/],
  ["two SPIFFE ids", root.issue({ uris: [URI, "spiffe://plant.example/operator/bob"] }), "ambiguousIdentity", /2 URI names/],
  ["a SPIFFE id and another URI", root.issue({ uris: [URI, "urn:plant:alice"] }), "ambiguousIdentity", /2 URI names/],
  ["a URI that is no SPIFFE id", root.issue({ uri: "https://plant.example/operator/alice" }), "badIdentity", /is no SPIFFE id/],
  [
    "two common names",
    root.issue({
      subject: [
        [CN, utf8String("alice")],
        [CN, utf8String("bob")],
      ],
    }),
    "ambiguousIdentity",
    /2 common names/,
  ],
  ["a common name with a space", root.issue({ name: "alice smith" }), "badIdentity", /"alice smith" is no name/],
  ["a common name with a NUL", root.issue({ name: "alice\0.plant" }), "badIdentity", /alice\\u\{0000\}/],
  ["a common name of 65", root.issue({ name: "a".repeat(65) }), "badIdentity", /is no name/],
  ["an empty common name", root.issue({ name: "" }), "badIdentity", /is no name/],
  [
    "a BMPString common name",
    root.issue({ subject: [[CN, der(0x1e, Buffer.from("\0a\0b"))]] }),
    "badIdentity",
    /no UTF8String or PrintableString/,
  ],
  [
    "an identity beyond its CA",
    root.issue({ uri: "spiffe://plant.example/scada/other" }),
    "identityNotAllowedForCa",
    /plant may not identify spiffe:\/\/plant\.example\/scada\/other/,
  ],
  ["one segment more than the pattern", root.issue({ uri: `${URI}/x` }), "identityNotAllowedForCa", /may not identify/],
  [
    "one segment less than the pattern",
    root.issue({ uri: "spiffe://plant.example/operator" }),
    "identityNotAllowedForCa",
    /may not identify/,
  ],
  [
    "another trust domain",
    root.issue({ uri: "spiffe://plant.example.evil/operator/alice" }),
    "identityNotAllowedForCa",
    /may not identify/,
  ],
  [
    "two role extensions",
    root.issue({ uri: URI, roles: [utf8String("viewer"), utf8String("operator")] }),
    "twoRoleExtensions",
    /2 role extensions/,
  ],
  [
    "the same role twice",
    root.issue({ uri: URI, roles: [utf8String("viewer"), utf8String("viewer")] }),
    "twoRoleExtensions",
    /2 role extensions/,
  ],
  [
    "two roles in one extension",
    root.issue({ uri: URI, roles: [Buffer.concat([utf8String("viewer"), utf8String("operator")])] }),
    "twoRoles",
    /holds two roles/,
  ],
  ["an empty role", root.issue({ uri: URI, role: "" }), "roleEmpty", /role is empty/],
  ["a role of 65 octets", root.issue({ uri: URI, role: "r".repeat(65) }), "roleOversize", /65 octets/],
  ["a PrintableString role", root.issue({ uri: URI, roles: [printableString("operator")] }), "roleWrongType", /PrintableString/],
  ["an IA5String role", root.issue({ uri: URI, roles: [der(0x16, Buffer.from("operator"))] }), "roleWrongType", /IA5String/],
  ["a list of roles", root.issue({ uri: URI, roles: [seq(utf8String("viewer"), utf8String("operator"))] }), "roleWrongType", /SEQUENCE/],
  ["raw octets for a role", root.issue({ uri: URI, roles: [Buffer.from("operator")] }), "roleExtensionMalformed", /raw octets/],
  ["no octets for a role", root.issue({ uri: URI, roles: [Buffer.alloc(0)] }), "roleExtensionMalformed", /raw octets/],
  [
    "octets after the role",
    root.issue({ uri: URI, roles: [Buffer.concat([utf8String("operator"), Buffer.from([0])])] }),
    "roleExtensionMalformed",
    /octets follow/,
  ],
  ["a role with a comma", root.issue({ uri: URI, role: "viewer,operator" }), "roleExtensionMalformed", /is no name/],
  [
    "a role that is no UTF-8",
    root.issue({ uri: URI, roles: [der(0x0c, Buffer.from([0xc3, 0x28]))] }),
    "roleExtensionMalformed",
    /no UTF-8/,
  ],
];

for (const [what, made, reason, words, level] of REFUSED) {
  trust(`RULINGS 17: refused with its own reason: ${what} (${reason})`, () =>
    refused(made, reason, words, plant, level === undefined ? {} : { level }),
  );
}

for (const uri of [
  "spiffe://Plant.example/operator/alice",
  "spiffe://plant.example:8443/operator/alice",
  "spiffe://user@plant.example/operator/alice",
  "spiffe://plant.example/operator/al%69ce",
  "spiffe://plant.example/operator/alice?x",
  "spiffe://plant.example/operator/alice#x",
  "spiffe://plant.example/operator/alice/",
  "spiffe://plant.example//alice",
  "spiffe://plant.example/operator/..",
  "spiffe://plant.example/operator/./alice",
  "spiffe://plant.example",
  "spiffe://plant.example/",
  "spiffe:///operator/alice",
  "SPIFFE://plant.example/operator/alice",
  "spiffe://plant.example/operator/alice smith",
  "spiffe://plant.example/operator/al\u00efce",
  `spiffe://plant.example/operator/${"a".repeat(240)}`,
]) {
  trust(`RULINGS 17: no SPIFFE id: ${uri.slice(0, 60)}`, () => refused(root.issue({ uri }), "badIdentity", /is no SPIFFE id/));
}

trust("RULINGS 17: no certificate, too many, too large", async () => {
  const seen = await handshake({ ca: plant.caPem, server: gateway, client: null });
  assert.equal(seen.chain, []);
  const none = plant.judge(seen.chain, seen.verdict, Date.now());
  assert.is(none.ok ? "" : none.error.reason, "noClientCertificate");
  const alice = root.issue({ uri: URI });
  const many = plant.judge([alice.der, root.made.der, root.made.der, root.made.der, root.made.der], null, Date.now());
  assert.is(many.ok ? "" : many.error.reason, "chainTooLong");
  const big = root.issue({ uri: URI, extensions: [extension("1.2.3.4", der(0x04, Buffer.alloc(16_384)))] });
  const large = plant.judge(big.chain, null, Date.now());
  assert.is(large.ok ? "" : large.error.reason, "chainTooLong");
  assert.match(large.ok ? "" : large.error.words, /octets of certificates; accepted are 16384/);
});

trust("RULINGS 17: keys and signatures that OpenSSL would take over no wire are refused too", () => {
  for (const [made, words] of [
    [root.issue({ uri: URI, kind: "secp256k1" }), /secp256k1/],
    [root.issue({ uri: URI, key: rsaPublicKey(4608) }), /RSA key of 4608 bits/],
    [authority("Plant RSA", { kind: "rsa2048" }).issue({ uri: URI, digest: "md5" }), /MD5 with RSA/],
  ] as const) {
    const verdict = plant.judge(made.chain, null, Date.now());
    assert.is(verdict.ok ? "" : verdict.error.reason, "weakKey");
    assert.match(verdict.ok ? "" : verdict.error.words, words);
  }
});

trust("RULINGS 17: OpenSSL's verdict is the floor: nothing passes that it refused, whatever we think", () => {
  const alice = root.issue({ uri: URI });
  assert.ok(plant.judge(alice.chain, null, Date.now()).ok);
  for (const [verdict, reason] of [
    ["CERT_HAS_EXPIRED", "certificateExpired"],
    ["INVALID_PURPOSE", "wrongKeyUsage"],
    ["UNABLE_TO_GET_ISSUER_CERT_LOCALLY", "unknownCa"],
    ["CERT_SIGNATURE_FAILURE", "chainInvalid"],
    ["UNSPECIFIED", "chainInvalid"],
    ["a code of tomorrow", "chainInvalid"],
    ["", "chainInvalid"],
  ] as const) {
    const judgement = plant.judge(alice.chain, verdict, Date.now());
    assert.is(judgement.ok ? "" : judgement.error.reason, reason, verdict);
  }
});

trust("RULINGS 17: name constraints are OpenSSL's to judge, and its verdict refuses", async () => {
  const permitted = seq(der(0xa0, seq(der(0x86, Buffer.from("other.example")))));
  const narrow = authority("Narrow", { extensions: [extension("2.5.29.30", permitted, true)] });
  await refused(narrow.issue({ uri: URI }), "chainInvalid", /OpenSSL refuses its chain/, storeOf({ ca: narrow.pem }));
});

trust("RULINGS 17: each CA says only what it may: identities, roles", async () => {
  const vendor = authority("Vendor CA");
  const more = [{ name: "vendor", file: "vendor.pem", pem: vendor.pem, mayIdentify: ["cn:vendor-1"], mayAssertRoles: false }];
  const both = storeOf({ more });
  assert.is((await accepted(vendor.issue({ name: "vendor-1" }), both)).identity, "cn:vendor-1@vendor");
  await refused(vendor.issue({ name: "alice" }), "identityNotAllowedForCa", /vendor may not identify cn:alice/, both);
  await refused(vendor.issue({ uri: URI }), "identityNotAllowedForCa", /vendor may not identify/, both);
  await refused(
    vendor.issue({ name: "vendor-1", role: "engineer" }),
    "roleNotAllowedForCa",
    /vendor may not assert roles; it asserts engineer/,
    both,
  );
  assert.is((await accepted(root.issue({ name: "alice" }), both)).identity, "cn:alice@plant");
});

trust("RULINGS 17: two CAs under one root are told apart by the nearest held certificate, not by what is presented", async () => {
  const vendors = root.intermediate("Vendors");
  const more = [{ name: "vendor", file: "vendor.pem", pem: vendors.pem, mayIdentify: ["cn:*"], mayAssertRoles: false }];
  const both = storeOf({ more });
  const eve = vendors.issue({ name: "eve" });
  assert.is((await accepted(eve, both)).identity, "cn:eve@vendor");
  await refused(vendors.issue({ uri: URI }), "identityNotAllowedForCa", /vendor may not identify/, both);
  // A second certificate for the same intermediate, presented in place of the held one, changes nothing.
  const twin = root.issue({ subject: cn("Vendors"), isCa: true, keyUsage: usage(5, 6), extendedKeyUsage: null, key: vendors.made.key });
  const judgement = both.judge([eve.der, twin.der], null, Date.now());
  assert.is(judgement.ok ? judgement.value.ca : "", "vendor");
});

trust("revoked: leaf and intermediate, by issuer and serial", async () => {
  const alice = root.issue({ uri: URI });
  const bob = root.issue({ uri: "spiffe://plant.example/operator/bob" });
  const store = storeOf({ crl: [root.list({ revoked: [alice.serial], number: 7 })] });
  await refused(alice, "certificateRevoked", new RegExp(`serial ${alice.serial}\\) was revoked 20.* by CN=Plant CA`), store);
  assert.is((await accepted(bob, store)).name, "bob");
  const operators = middle.issue({ uri: URI });
  const wide = { ca: root.pem + middle.pem };
  await refused(
    operators,
    "certificateRevoked",
    /CN=Plant Operators \(serial/,
    storeOf({ ...wide, crl: [root.list({ revoked: [middle.made.serial] }), middle.list()] }),
  );
  await refused(
    operators,
    "certificateRevoked",
    /alice \(serial/,
    storeOf({ ...wide, crl: [root.list(), middle.list({ revoked: [operators.serial] })] }),
  );
  // The same serial of another issuer is another certificate.
  assert.ok((await accepted(operators, storeOf({ ...wide, crl: [root.list({ revoked: [operators.serial] }), middle.list()] }))).name);
});

trust("a live peer is held against the store of the day: revocation, CA gone, CA narrowed, expiry", async () => {
  const alice = root.issue({ uri: URI, role: "operator" });
  const peer = await accepted(alice);
  const now = Date.now();
  const reason = (options: SourceOptions): string => storeOf(options).stillGood(peer, now)?.reason ?? "good";
  assert.is(reason({}), "good");
  assert.is(reason({ crl: [root.list()] }), "good");
  assert.is(reason({ crl: [root.list({ revoked: [alice.serial] })] }), "certificateRevoked");
  assert.is(reason({ ca: authority("New CA").pem }), "unknownCa");
  assert.is(reason({ ca: authority("Plant CA").pem }), "unknownCa", "the name alone is not the CA");
  assert.is(reason({ mayIdentify: ["cn:*"] }), "identityNotAllowedForCa");
  assert.is(reason({ mayAssertRoles: false }), "roleNotAllowedForCa");
  assert.is(plant.stillGood(peer, peer.notAfter)?.reason, "certificateExpired");
  const renewed = authority("Plant CA", { key: root.made.key, endsIn: 40 * 86_400_000 });
  assert.is(reason({ ca: renewed.pem }), "good", "a CA renewed with its key is the same CA");
  const narrow: TrustSource = source();
  const moved = TrustStore.load({ ...narrow, ca: narrow.ca.map((ca) => ({ ...ca, name: "other" })) }, now);
  assert.is(moved.ok ? moved.value.stillGood(peer, now)?.reason : "", "unknownCa", "another name is another CA");
});

trust("a live peer under an intermediate: its root and the intermediate are looked at too", async () => {
  const alice = middle.issue({ uri: URI });
  const wide = { ca: root.pem + middle.pem };
  const peer = await accepted(alice, storeOf(wide));
  const now = Date.now();
  const reason = (options: SourceOptions): string => storeOf(options).stillGood(peer, now)?.reason ?? "good";
  assert.is(reason({}), "good", "presented then, not held now");
  assert.is(reason({ ...wide, crl: [root.list(), middle.list()] }), "good");
  assert.is(reason({ ...wide, crl: [root.list({ revoked: [middle.made.serial] }), middle.list()] }), "certificateRevoked");
  assert.is(reason({ ...wide, crl: [root.list(), middle.list({ revoked: [alice.serial] })] }), "certificateRevoked");
  assert.is(reason({ crl: [root.list()] }), "chainInvalid", "nobody here can say whether it was revoked");
});

trust("a live peer whose root was replaced above a kept intermediate must come again", async () => {
  const peer = await accepted(middle.issue({ uri: URI }), storeOf({ ca: root.pem + middle.pem }));
  const next = authority("Next CA");
  const crossed = next.intermediate("Plant Operators", { key: middle.made.key });
  const refusal = storeOf({ ca: next.pem + crossed.pem }).stillGood(peer, Date.now());
  assert.is(refusal?.reason, "unknownCa");
});

trust("RULINGS 18: a list past its nextUpdate still applies, and nothing is handed to OpenSSL", async () => {
  const alice = root.issue({ uri: URI });
  const bob = root.issue({ uri: "spiffe://plant.example/operator/bob" });
  const store = storeOf({ crl: [root.list({ revoked: [alice.serial], startsIn: -7_200_000, endsIn: -3_600_000 })] });
  assert.equal(store.crlPem, []);
  await refused(alice, "certificateRevoked", /was revoked/, store);
  assert.ok((await accepted(bob, store)).name);
  assert.is(store.lists[0]?.revoked, 1);
  assert.ok((store.lists[0]?.nextUpdate ?? Number.POSITIVE_INFINITY) < Date.now());
});

trust("RULINGS 18: of two lists by one CA the newer one applies", async () => {
  const alice = root.issue({ uri: URI });
  const old = root.list({ number: 9 });
  const young = root.list({ number: 10, revoked: [alice.serial] });
  for (const crl of [[old, young], [young, old], [old + young]])
    await refused(alice, "certificateRevoked", /was revoked/, storeOf({ crl }));
});

function problems(options: SourceOptions & { readonly crlFile?: string }): string {
  const load = TrustStore.load(source(options), Date.now());
  return load.ok ? "" : load.error.join("\n");
}

trust("RULINGS 18: lists are verified when they are loaded; a set without one CA's list is refused", () => {
  const wide = { ca: root.pem + middle.pem };
  assert.match(
    problems({ ...wide, crl: [root.list()] }),
    /no revocation list of CN=Plant Operators \(CA plant\); expected one of every CA, or none/,
  );
  assert.match(
    problems({ crl: [authority("Other").list()] }),
    /^0\.crl:1:1: found a revocation list of CN=Other; expected one signed by a CA of this site$/,
  );
  assert.match(problems({ crl: [authority("Plant CA").list()] }), /list of CN=Plant CA that its key did not sign/);
  assert.match(problems({ crl: [root.list({ digest: "sha1" })] }), /signed by ECDSA with SHA-1; expected SHA-256/);
  assert.match(
    problems({ crl: [root.list({ extensions: [extension("2.5.29.27", integer("01"), true)] })] }),
    /partial, a delta or indirect \(critical extension 2\.5\.29\.27\)/,
  );
  assert.match(
    problems({ crl: [root.list({ extensions: [extension("2.5.29.28", seq(der(0x84, Buffer.from([0xff]))), true)] })] }),
    /only whole lists are read/,
  );
  const foreign = root.list({ revoked: ["0102"], entryExtensions: [extension("2.5.29.29", seq(), true)] });
  assert.match(problems({ crl: [foreign] }), /of another issuer/);
  assert.match(problems({ crl: [root.pem] }), /^0\.crl:1:1: found a certificate; expected revocation lists only$/);
  assert.match(problems({ crl: ["nothing"] }), /found no revocation list/);
  const list = root.list({ revoked: ["0102"] });
  assert.match(
    problems({ crl: [`# comment\n\n${list}${root.pem}`] }),
    new RegExp(`^0\\.crl:${3 + list.split("\n").length - 1}:1: found a certificate`),
  );
  const unsigning = authority("No lists", { keyUsage: usage(5) });
  assert.match(problems({ ca: unsigning.pem, crl: [unsigning.list()] }), /its key did not sign/, "a CA without cRLSign has no lists");
});

trust("a list of 50,000 serials is read, one more is refused", () => {
  const many = Array.from({ length: 50_000 }, (_, i) => (0x40000000 + i).toString(16));
  assert.is(storeOf({ crl: [root.list({ revoked: many })] }).lists[0]?.revoked, 50_000);
  assert.match(problems({ crl: [root.list({ revoked: [...many, "01"] })] }), /more than 50000/);
});

trust("CA files: one clear line for each mistake", () => {
  assert.match(problems({ ca: "" }), /^ca\.pem:1:1: found no certificate; expected the CA's certificates in PEM$/);
  assert.match(problems({ ca: root.pem + root.made.keyPem }), /^ca\.pem:\d+:1: found a private key; expected certificates only$/);
  assert.match(problems({ ca: root.issue({ name: "alice" }).pem }), /CN=alice, which is no CA/);
  assert.match(problems({ ca: authority("Weak", { kind: "rsa1024" }).pem }), /CN=Weak with an RSA key of 1024 bits/);
  assert.match(problems({ ca: middle.pem }), /CN=Plant Operators without its root/);
  assert.match(problems({ ca: root.pem.replace("MII", "MIJ") }), /malformed/);
  for (const pattern of [
    "*",
    "spiffe://*",
    "spiffe://plant.example/oper*",
    "spiffe://plant.example/*/alice",
    "cn:scada-*",
    "cn:",
    "alice",
    "spiffe://Plant.example/*",
    "spiffe://plant.example/operator/**",
  ]) {
    assert.match(problems({ mayIdentify: [pattern] }), /found may_identify/, pattern);
  }
  assert.is(problems({ mayIdentify: ["spiffe://plant.example/*", "cn:*", "cn:alice", "spiffe://plant.example/a/b/*"] }), "");
  const again = (pem: string, name = "second"): TrustSource["ca"] => [
    { name, file: "second.pem", pem, mayIdentify: ["cn:*"], mayAssertRoles: true },
  ];
  assert.match(problems({ more: again(root.pem) }), /already stands under CA plant; expected each CA certificate under one name/);
  assert.match(problems({ more: again(authority("Plant CA").pem) }), /a name CA plant bears too/);
  assert.match(problems({ more: again(authority("B").pem, "plant") }), /a second CA named plant/);
});

trust("a renewed CA: both certificates are held, the one in force vouches", async () => {
  const old = authority("Turning CA", { endsIn: -1000, startsIn: -7_200_000 });
  const young = authority("Turning CA", { key: old.made.key });
  for (const ca of [old.pem + young.pem, young.pem + old.pem]) {
    assert.is((await accepted(old.issue({ uri: URI }), storeOf({ ca }))).ca, "plant");
  }
  await refused(old.issue({ uri: URI }), "certificateExpired", /CN=Turning CA ended/, storeOf({ ca: old.pem }));
});

trust("a critical subject alternative name with an empty subject, as RFC 5280 asks for, is fine", async () => {
  const names = seq(der(0x86, Buffer.from(URI)));
  const made = root.issue({ subject: [], extensions: [extension("2.5.29.17", names, true)] });
  assert.is((await accepted(made)).identity, `spiffe:${URI}`);
  const twice = root.issue({ uri: URI, extensions: [extension("2.5.29.17", names)] });
  const judgement = plant.judge(twice.chain, null, Date.now());
  assert.is(judgement.ok ? "" : judgement.error.reason, "chainInvalid");
});

trust("the purpose may be one of several, and unknown plain extensions are nobody's business", async () => {
  const made = root.issue({
    uri: URI,
    extendedKeyUsage: [SERVER_AUTH, CLIENT_AUTH],
    keyUsage: usage(0, 2),
    extensions: [extension("1.2.3.4", seq(oid("1.2.3")))],
  });
  assert.is((await accepted(made)).name, "alice");
  assert.is((await accepted(root.issue({ uri: URI, keyUsage: null }))).name, "alice");
});

trust.run();
