/** The DER reader at the limits of its forms, and every reader of a peer's octets under mutation: nothing is thrown, nothing forged passes. */
import { X509Certificate } from "node:crypto";
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { readCertificate } from "#identity/certificate";
import { readRevocationList } from "#identity/crl";
import { booleanOf, flagsOf, integerHexOf, oidOf, type Tlv, timeOf, tlvAt } from "#identity/der";
import { readRequest } from "#identity/request";
import { TrustStore } from "#identity/trust";
import { authority, cn, der, extension, keyOf, seq, usage, utf8String } from "#test/support/certificates";

const reader = suite("identity/der");
const from = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex.replaceAll(" ", ""), "hex"));
const whole = (octets: Uint8Array): Tlv => tlvAt(octets, 0) as Tlv;

const TLVS: readonly (readonly [string, boolean, string])[] = [
  ["04 00", true, "no content"],
  ["04 01 aa", true, "short length"],
  [`04 81 80 ${"00".repeat(128)}`, true, "one length octet, least value"],
  [`04 82 01 00 ${"00".repeat(256)}`, true, "two length octets, least value"],
  ["", false, "nothing"],
  ["04", false, "no length"],
  ["04 02 aa", false, "content cut"],
  ["04 80 00 00", false, "indefinite length (X.690 10.1)"],
  ["04 81 01 aa", false, "one length octet where none is needed"],
  [`04 82 00 80 ${"00".repeat(128)}`, false, "a leading zero in the length"],
  ["04 84 00 00 00 01 aa", false, "four length octets"],
  ["04 ff", false, "reserved length"],
  ["1f 1f 00", false, "a tag above 30"],
  ["04 81", false, "length octets cut"],
];
for (const [hex, good, why] of TLVS) reader(`element ${hex.slice(0, 24)}: ${why}`, () => assert.is(tlvAt(from(hex), 0) !== null, good));

const OIDS: readonly (readonly [string, string | null, string])[] = [
  ["06 03 55 04 03", "2.5.4.3", "commonName"],
  ["06 0b 2b 06 01 04 01 83 89 0c 86 22 01", "1.3.6.1.4.1.50316.802.1", "the role extension"],
  ["06 03 88 37 03", "2.999.3", "X.690 8.19.5's example"],
  ["06 01 00", "0.0", "least"],
  ["06 00", null, "no arc"],
  ["06 02 80 01", null, "a padded arc"],
  ["06 02 55 84", null, "an unfinished arc"],
  ["06 06 2a ff ff ff ff 7f", null, "an arc above 2^31"],
];
for (const [hex, expected, why] of OIDS) reader(`object identifier ${why}`, () => assert.is(oidOf(from(hex), whole(from(hex))), expected));

reader("integers in their one form", () => {
  for (const [hex, expected] of [
    ["02 01 00", "00"],
    ["02 01 7f", "7f"],
    ["02 02 00 80", "0080"],
    ["02 01 ff", "ff"],
    ["02 02 00 7f", null],
    ["02 02 ff 80", null],
    ["02 00", null],
    [`02 21 01 ${"00".repeat(32)}`, null],
    ["04 01 00", null],
  ] as const) {
    assert.is(integerHexOf(from(hex), whole(from(hex))), expected, hex);
  }
});

reader("booleans and named bits", () => {
  assert.is(booleanOf(from("01 01 ff"), whole(from("01 01 ff"))), true);
  assert.is(booleanOf(from("01 01 00"), whole(from("01 01 00"))), false);
  assert.is(booleanOf(from("01 01 01"), whole(from("01 01 01"))), null, "BER's true");
  assert.is(flagsOf(from("03 02 07 80"), whole(from("03 02 07 80"))), 1);
  assert.is(flagsOf(from("03 02 01 06"), whole(from("03 02 01 06"))), (1 << 5) | (1 << 6));
  assert.is(flagsOf(from("03 01 00"), whole(from("03 01 00"))), 0);
  assert.is(flagsOf(from("03 02 08 80"), whole(from("03 02 08 80"))), null);
});

reader("times, and what is none (RFC 5280 4.1.2.5)", () => {
  const time = (tag: number, text: string): number | null => {
    const octets = der(tag, Buffer.from(text));
    return timeOf(octets, whole(octets));
  };
  assert.is(time(0x17, "261124080000Z"), Date.UTC(2026, 10, 24, 8));
  assert.is(time(0x17, "491231235959Z"), Date.UTC(2049, 11, 31, 23, 59, 59));
  assert.is(time(0x17, "500101000000Z"), Date.UTC(1950, 0, 1));
  assert.is(time(0x18, "20500101000000Z"), Date.UTC(2050, 0, 1));
  assert.is(time(0x18, "99991231235959Z"), Date.UTC(9999, 11, 31, 23, 59, 59));
  for (const bad of [
    "261124080000",
    "2611240800Z",
    "261124080000+0100",
    "260230000000Z",
    "261324080000Z",
    "261124240000Z",
    "261124086000Z",
    "",
  ]) {
    assert.is(time(0x17, bad), null, bad);
  }
  assert.is(time(0x18, "20261124080000.5Z"), null);
  assert.is(time(0x13, "261124080000Z"), null);
});

const root = authority("Plant CA");
const alice = root.issue({ uri: "spiffe://plant.example/operator/alice", name: "alice", role: "operator" });
const list = new Uint8Array(Buffer.from(root.list({ revoked: [alice.serial], number: 3 }).replace(/-----.*-----|\n/g, ""), "base64"));
const loaded = TrustStore.load(
  {
    ca: [
      { name: "plant", file: "ca.pem", pem: root.pem, mayIdentify: ["spiffe://plant.example/operator/*", "cn:*"], mayAssertRoles: true },
    ],
    crl: [],
  },
  Date.now(),
);
const store = loaded.ok ? loaded.value : assert.unreachable(loaded.error.join("\n"));

reader("what we read of a certificate is what node:crypto reads of it", () => {
  for (const made of [
    alice,
    root.made,
    root.issue({ kind: "rsa2048", name: "x" }),
    root.issue({ kind: "ed25519" }),
    root.issue({ serial: "00ff" }),
    root.issue({ endsIn: 40 * 365 * 86_400_000 }),
  ]) {
    const ours = readCertificate(made.der);
    const theirs = new X509Certificate(made.der);
    if (!ours.ok) throw new Error(ours.error);
    assert.is(BigInt(`0x${ours.value.serial}`), BigInt(`0x${theirs.serialNumber}`));
    assert.is(ours.value.notBefore, Date.parse(theirs.validFrom));
    assert.is(ours.value.notAfter, Date.parse(theirs.validTo));
    assert.is(ours.value.isCa, theirs.ca);
    assert.is(ours.value.fingerprint, theirs.fingerprint256.replaceAll(":", "").toLowerCase());
    assert.equal([...(ours.value.extendedKeyUsage ?? [])], theirs.keyUsage ?? []);
    assert.ok(ours.value.key?.equals(theirs.publicKey));
    assert.equal(ours.value.uris.map((uri) => `URI:${uri}`).join(", "), theirs.subjectAltName ?? "");
  }
});

reader("RULINGS 17: every truncation and every single bit flip of a certificate ends in a refusal, never in a throw or a peer", () => {
  for (let cut = 0; cut < alice.der.length; cut++) {
    const judgement = store?.judge([alice.der.subarray(0, cut)], null, Date.now());
    assert.is(judgement?.ok, false, `cut at ${cut}`);
  }
  let peers = 0;
  for (let bit = 0; bit < alice.der.length * 8; bit++) {
    const flipped = Buffer.from(alice.der);
    flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
    if (store?.judge([flipped], null, Date.now()).ok === true) peers += 1;
  }
  assert.is(peers, 0);
});

reader("RULINGS 17: random octets and mutated certificates, lists and requests never throw", () => {
  const seeds = [alice.der, root.made.der, list];
  const mutated = fc
    .tuple(
      fc.constantFrom(...seeds),
      fc.array(fc.tuple(fc.nat(2000), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 6 }),
      fc.option(fc.tuple(fc.nat(2000), fc.uint8Array({ maxLength: 12 }))),
    )
    .map(([seed, changes, insert]) => {
      const octets = Buffer.from(seed);
      for (const [at, value] of changes) octets[at % octets.length] = value;
      if (insert === null) return new Uint8Array(octets);
      const at = insert[0] % octets.length;
      return new Uint8Array(Buffer.concat([octets.subarray(0, at), insert[1], octets.subarray(at)]));
    });
  fc.assert(
    fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 300 })), (octets) => {
      readCertificate(octets);
      readRevocationList(octets);
      readRequest(octets);
      const judgement = store?.judge([octets], null, Date.now());
      if (judgement?.ok === true) assert.is(Buffer.compare(octets, alice.der), 0, "only the certificate itself is accepted");
    }),
    { numRuns: 4000 },
  );
});

reader("RULINGS 17: extensions with hostile content, rightly signed, are refused and never throw", () => {
  const ids = ["2.5.29.14", "2.5.29.15", "2.5.29.17", "2.5.29.19", "2.5.29.30", "2.5.29.37", "1.3.6.1.4.1.50316.802.1"];
  const key = keyOf("p256", "hostile");
  fc.assert(
    fc.property(fc.constantFrom(...ids), fc.uint8Array({ maxLength: 40 }), fc.boolean(), (id, content, critical) => {
      const made = root.issue({ name: "alice", key, keyUsage: null, extensions: [extension(id, content, critical)] });
      const judgement = store?.judge([made.der], null, Date.now());
      if (judgement?.ok === true) assert.is(judgement.value.identity, "cn:alice@plant");
    }),
    { numRuns: 300 },
  );
});

reader("a certificate whose two signature algorithms differ is malformed", () => {
  const inner = seq(der(0x06, Buffer.from("2a8648ce3d040302", "hex")));
  const at = Buffer.from(alice.der).lastIndexOf(inner);
  const changed = Buffer.from(alice.der);
  changed[at + inner.length - 1] = 0x03;
  const read = readCertificate(changed);
  assert.is(read.ok ? "" : read.error, "its signature algorithm");
});

reader("names are compared as they are written: another string type is another name", () => {
  const other = authority("Plant CA", { subject: [["2.5.4.3", der(0x13, Buffer.from("Plant CA"))]], key: root.made.key });
  const made = other.issue({ name: "alice" });
  const judgement = store?.judge([made.der], null, Date.now());
  assert.is(judgement?.ok === false ? judgement.error.reason : "", "unknownCa");
  assert.ok(
    store?.judge([root.issue({ subject: [...cn("alice"), ["2.5.4.10", utf8String("Plant")]], keyUsage: usage(0) }).der], null, Date.now())
      .ok,
  );
});

reader.run();
