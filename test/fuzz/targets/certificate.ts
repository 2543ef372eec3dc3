/**
 * A certificate in DER: refused with a phrase, or read as OpenSSL reads it where OpenSSL does. The site believes it only where its issuer
 * signed those very octets.
 */
import { X509Certificate } from "node:crypto";
import { type Certificate, readCertificate } from "#identity/certificate";
import { identityOf, roleOf } from "#identity/claims";
import { TrustStore } from "#identity/trust";
import { accepted, gist, must, octetsOf, refused, type Target } from "../target.ts";
import { join } from "./modbus.ts";
import { CA_COUNT, CERTIFICATES, NOW, signedPart, within } from "./papers.ts";

const SIGNED: ReadonlySet<string> = new Set(CERTIFICATES.map(({ der }) => signedPart(der)));
const loaded = TrustStore.load(
  {
    ca: CERTIFICATES.slice(0, CA_COUNT).map(({ pem }, i) => ({
      name: `ca${i}`,
      file: `ca${i}.pem`,
      pem,
      mayIdentify: ["spiffe://plant.example/operator/*", "cn:*"],
      mayAssertRoles: true,
    })),
    crl: [],
  },
  NOW,
);
if (!loaded.ok) throw new Error(loaded.error.join("\n"));
const store = loaded.value;

export const certificate: Target = {
  name: "certificate",
  limitMs: 10,
  inputs: null,
  most: 2_400,
  text: false,
  dictionary: [
    Uint8Array.of(0x30, 0x80),
    Uint8Array.of(0x30, 0x82, 0xff, 0xff),
    Uint8Array.of(0x30, 0x00),
    Uint8Array.of(0x81, 0x80),
    Uint8Array.of(0x06, 0x03, 0x55, 0x1d, 0x11),
    Uint8Array.of(0x06, 0x03, 0x55, 0x1d, 0x1e),
    Uint8Array.of(0x01, 0x01, 0xff),
    Uint8Array.of(0x02, 0x02, 0x00, 0x80),
    Uint8Array.of(0x1f, 0x81, 0x01),
    Uint8Array.of(0x86, 0x01, 0x00),
    // UTCTime on both sides of the century's turn (RFC 5280 4.1.2.5.1).
    join([0x17, 0x0d], octetsOf("491231235959Z")),
    join([0x17, 0x0d], octetsOf("500101000000Z")),
  ],
  corpus: () => CERTIFICATES.map(({ der }) => der),
  run(input) {
    const read = readCertificate(input);
    const judged = store.judge([input], null, NOW);
    if (!read.ok) {
      must(read.error !== "" && !judged.ok, "unreadable, and believed");
      return refused(read.error);
    }
    const { value } = read;
    must(within(input, value.der) && within(input, value.signed) && within(input, value.signature), "octets from elsewhere");
    must(value.isCa || value.pathLength === null || value.pathLength >= 0, "a path length below zero");
    mustBePrintable(value.subjectWords);
    mustBePrintable(value.issuerWords);
    mustAgree(value, input);
    const claim = identityOf(value);
    const role = roleOf(value);
    must(claim.ok || claim.error.words !== "", "refused without a word");
    must(role.ok || role.error.words !== "", "refused without a word");
    if (!judged.ok) {
      mustBePrintable(judged.error.words);
      return accepted(`read, ${judged.error.reason}${claim.ok ? "" : ` ${claim.error.reason}`}${role.ok ? "" : ` ${role.error.reason}`}`);
    }
    must(SIGNED.has(signedPart(input)), "believed, and nobody signed it");
    must(claim.ok && judged.value.identity.includes(claim.value.name), "believed under a name it does not claim");
    must(store.stillGood(judged.value, NOW) === null, "believed, and no longer good at once");
    return accepted(`believed, ${gist(judged.value.identity)}`);
  },
};

function mustBePrintable(words: string): void {
  must(!/[^\x20-\x7e]/.test(words), `words that are not safe to print: ${JSON.stringify(words)}`);
}

/** OpenSSL takes more than we do and less; where both take it, it is the same certificate. */
function mustAgree(ours: Certificate, der: Uint8Array): void {
  let theirs: X509Certificate;
  try {
    theirs = new X509Certificate(der);
  } catch {
    return;
  }
  must(theirs.raw.equals(ours.der), "OpenSSL reads other octets");
  must(
    BigInt.asIntN(256, signed(ours.serial)) === theirsSerial(theirs.serialNumber),
    `serial ${ours.serial}, OpenSSL has ${theirs.serialNumber}`,
  );
  const [from, to] = [Date.parse(theirs.validFrom), Date.parse(theirs.validTo)];
  if (!Number.isNaN(from)) must(from === ours.notBefore, `begins ${ours.notBefore}, OpenSSL has ${theirs.validFrom}`);
  if (!Number.isNaN(to)) must(to === ours.notAfter, `ends ${ours.notAfter}, OpenSSL has ${theirs.validTo}`);
  if (ours.extendedKeyUsage !== null && ours.doubled === null)
    must(ours.extendedKeyUsage.join() === (theirs.keyUsage ?? []).join(), `for ${ours.extendedKeyUsage}, OpenSSL has ${theirs.keyUsage}`);
}

/** The content of an INTEGER in two's complement. */
function signed(hex: string): bigint {
  return BigInt.asIntN(4 * hex.length, BigInt(`0x${hex}`));
}

function theirsSerial(hex: string): bigint {
  return hex.startsWith("-") ? -BigInt(`0x${hex.slice(1)}`) : BigInt(`0x${hex}`);
}
