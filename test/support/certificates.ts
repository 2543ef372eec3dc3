/**
 * Certificates for tests, good ones and any defect on demand, made in this process in about a millisecond each. Written with a DER writer of
 * its own and node:crypto's signatures, so it shares nothing with the code under test and can say what no honest issuer would.
 *
 *     const ca = authority("Plant CA");
 *     const alice = ca.issue({ uri: "spiffe://plant.example/operator/alice", role: "operator" });
 *     tls.connect({ cert: alice.chainPem, key: alice.keyPem, ca: ca.pem })
 */
import { createHash, createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";

export type KeyKind = "p256" | "p384" | "p521" | "secp256k1" | "ed25519" | "ed448" | "rsa1024" | "rsa2048" | "rsa3072";
export type Digest = "md5" | "sha1" | "sha256" | "sha384" | "sha512";

/** DER: one element of `tag` round the given parts. */
export function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  const n = content.length;
  const length = n < 0x80 ? [n] : n < 0x100 ? [0x81, n] : n < 0x10000 ? [0x82, n >> 8, n & 255] : [0x83, n >> 16, (n >> 8) & 255, n & 255];
  return Buffer.concat([Buffer.from([tag, ...length]), content]);
}
export const seq = (...parts: readonly Uint8Array[]): Buffer => der(0x30, ...parts);
export const utf8String = (text: string): Buffer => der(0x0c, Buffer.from(text));
export const printableString = (text: string): Buffer => der(0x13, Buffer.from(text));

export function oid(dotted: string): Buffer {
  const [a = 0, b = 0, ...rest] = dotted.split(".").map(Number);
  const octets: number[] = [];
  for (const arc of [a * 40 + b, ...rest]) {
    const groups = [arc & 0x7f];
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128)) groups.unshift((left & 0x7f) | 0x80);
    octets.push(...groups);
  }
  return der(0x06, Buffer.from(octets));
}

export function integer(hex: string): Buffer {
  const octets = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, "hex");
  return der(0x02, (octets[0] as number) >= 0x80 ? Buffer.concat([Buffer.from([0]), octets]) : octets);
}

export function time(ms: number): Buffer {
  const text = new Date(ms).toISOString().replace(/[-:T]|\.\d+/g, "");
  const year = Number(text.slice(0, 4));
  return year < 1950 || year >= 2050 ? der(0x18, Buffer.from(text)) : der(0x17, Buffer.from(text.slice(2)));
}

/** [OID, string element] pairs, one RDN each. */
export type Subject = readonly (readonly [string, Uint8Array])[];
export const CN = "2.5.4.3";
export const cn = (text: string): Subject => [[CN, utf8String(text)]];
const nameOf = (subject: Subject): Buffer => seq(...subject.map(([type, value]) => der(0x31, seq(oid(type), value))));

export const extension = (id: string, value: Uint8Array, critical = false): Buffer =>
  critical ? seq(oid(id), der(0x01, Buffer.from([0xff])), der(0x04, value)) : seq(oid(id), der(0x04, value));

export const ROLE = "1.3.6.1.4.1.50316.802.1";
export const CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";
export const SERVER_AUTH = "1.3.6.1.5.5.7.3.1";
/** Bits of key usage, most significant first: 0 digitalSignature, 2 keyEncipherment, 5 keyCertSign, 6 cRLSign. */
export function usage(...bits: readonly number[]): Buffer {
  let octet = 0;
  for (const bit of bits) octet |= 0x80 >> bit;
  return der(0x03, Buffer.from([bits.length === 0 ? 0 : 7 - Math.max(...bits), octet]));
}

const RSA_DIGESTS: Record<Digest, string> = {
  md5: "1.2.840.113549.1.1.4",
  sha1: "1.2.840.113549.1.1.5",
  sha256: "1.2.840.113549.1.1.11",
  sha384: "1.2.840.113549.1.1.12",
  sha512: "1.2.840.113549.1.1.13",
};
const EC_DIGESTS: Partial<Record<Digest, string>> = {
  sha1: "1.2.840.10045.4.1",
  sha256: "1.2.840.10045.4.3.2",
  sha384: "1.2.840.10045.4.3.3",
  sha512: "1.2.840.10045.4.3.4",
};

function algorithmOf(key: KeyObject, digest: Digest): Buffer {
  switch (key.asymmetricKeyType) {
    case "rsa":
      return seq(oid(RSA_DIGESTS[digest]), der(0x05));
    case "ec":
      return seq(oid(EC_DIGESTS[digest] as string));
    case "ed448":
      return seq(oid("1.3.101.113"));
    default:
      return seq(oid("1.3.101.112"));
  }
}

function signed(body: Uint8Array, key: KeyObject, digest: Digest): Buffer {
  const edwards = key.asymmetricKeyType?.startsWith("ed") === true;
  const signature = sign(edwards ? null : digest, body, key);
  return seq(body, algorithmOf(key, digest), der(0x03, Buffer.from([0]), signature));
}

const keys = new Map<string, KeyObject>();

/** A private key; the same one for the same kind and label, so that slow kinds are made once a process. */
export function keyOf(kind: KeyKind, label = ""): KeyObject {
  const known = keys.get(`${kind}/${label}`);
  if (known !== undefined) return known;
  const made = makeKey(kind);
  keys.set(`${kind}/${label}`, made);
  return made;
}

/** An RSA public key of any size, at once: nobody has its private half. */
export function rsaPublicKey(bits: number): KeyObject {
  const modulus = randomBytes(bits / 8);
  modulus[0] = (modulus[0] as number) | 0x80;
  modulus[modulus.length - 1] = (modulus.at(-1) as number) | 1;
  return createPublicKey({ key: { kty: "RSA", n: modulus.toString("base64url"), e: "AQAB" }, format: "jwk" });
}

function makeKey(kind: KeyKind): KeyObject {
  if (kind.startsWith("rsa")) return generateKeyPairSync("rsa", { modulusLength: Number(kind.slice(3)) }).privateKey;
  if (kind === "ed25519") return generateKeyPairSync("ed25519").privateKey;
  if (kind === "ed448") return generateKeyPairSync("ed448").privateKey;
  const curves: Record<string, string> = { p256: "P-256", p384: "P-384", p521: "P-521", secp256k1: "secp256k1" };
  return generateKeyPairSync("ec", { namedCurve: curves[kind] as string }).privateKey;
}

export function pem(label: string, octets: Uint8Array): string {
  return `-----BEGIN ${label}-----\n${(
    Buffer.from(octets)
      .toString("base64")
      .match(/.{1,64}/g) ?? []
  ).join("\n")}\n-----END ${label}-----\n`;
}

export interface CertificateOptions {
  /** Common name. */
  readonly name?: string;
  /** In place of the common name alone. */
  readonly subject?: Subject;
  readonly uri?: string;
  readonly uris?: readonly string[];
  readonly dns?: readonly string[];
  readonly ips?: readonly string[];
  /** As a UTF8String. */
  readonly role?: string;
  /** Content of each role extension, raw. */
  readonly roles?: readonly Uint8Array[];
  /** Offsets from now, milliseconds. Default: valid from an hour ago for a day. */
  readonly startsIn?: number;
  readonly endsIn?: number;
  /** Null leaves the extension out. Default: digitalSignature; for a CA keyCertSign and cRLSign. */
  readonly keyUsage?: Uint8Array | null;
  /** Null leaves the extension out. Default: clientAuth; for a CA none. */
  readonly extendedKeyUsage?: readonly string[] | null;
  readonly isCa?: boolean;
  readonly pathLength?: number;
  /** A public one makes a certificate whose holder nobody is. */
  readonly key?: KeyObject;
  readonly kind?: KeyKind;
  /** Of the signature over it. */
  readonly digest?: Digest;
  readonly serial?: string;
  /** Appended as they are. */
  readonly extensions?: readonly Uint8Array[];
  /** False makes an X.509 version 1 certificate without extensions. */
  readonly v3?: boolean;
}

export interface Made {
  readonly der: Buffer;
  readonly pem: string;
  /** With the intermediates, root left out: what a TLS peer presents. */
  readonly chainPem: string;
  readonly chain: readonly Buffer[];
  readonly key: KeyObject;
  readonly keyPem: string;
  /** Lower-case hex. */
  readonly serial: string;
  readonly fingerprint: string;
}

export interface RevocationOptions {
  readonly revoked?: readonly string[];
  readonly number?: number;
  readonly startsIn?: number;
  /** Null: no nextUpdate. Default: in a day. */
  readonly endsIn?: number | null;
  readonly key?: KeyObject;
  readonly digest?: Digest;
  readonly extensions?: readonly Uint8Array[];
  readonly entryExtensions?: readonly Uint8Array[];
  readonly issuer?: Subject;
}

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

export class Authority {
  readonly subject: Subject;
  readonly made: Made;
  readonly #parent: Authority | null;

  constructor(subject: Subject, parent: Authority | null, options: CertificateOptions) {
    this.subject = subject;
    this.#parent = parent;
    const key = options.key ?? makeKey(options.kind ?? "p256");
    const signer = parent ?? { subject, made: { key } };
    this.made = certificate({ endsIn: 30 * DAY, subject, isCa: true, ...options, key }, signer.subject, signer.made.key, parent);
  }

  get pem(): string {
    return this.made.pem;
  }

  /** Roots and intermediates are told apart by who presents them: a root is never presented. */
  get presented(): readonly Buffer[] {
    return this.#parent === null ? [] : [this.made.der, ...this.#parent.presented];
  }

  intermediate(name: string, options: CertificateOptions = {}): Authority {
    return new Authority(cn(name), this, options);
  }

  issue(options: CertificateOptions = {}): Made {
    const key = options.key ?? (options.kind?.startsWith("rsa") === true ? keyOf(options.kind) : makeKey(options.kind ?? "p256"));
    return certificate({ ...options, key }, this.subject, this.made.key, this);
  }

  /** A revocation list in PEM. */
  list(options: RevocationOptions = {}): string {
    const key = options.key ?? this.made.key;
    const digest = options.digest ?? "sha256";
    const now = Date.now();
    const ends = options.endsIn === undefined ? DAY : options.endsIn;
    const extras = options.entryExtensions ?? [];
    const rest = Buffer.concat([time(now - 60_000), ...(extras.length > 0 ? [seq(...extras)] : [])]);
    const entries = (options.revoked ?? []).map((serial) => seq(integer(serial), rest));
    const number = options.number === undefined ? [] : [extension("2.5.29.20", integer(options.number.toString(16)))];
    const extensions = [...number, ...(options.extensions ?? [])];
    const body = seq(
      integer("01"),
      algorithmOf(key, digest),
      nameOf(options.issuer ?? this.subject),
      time(now + (options.startsIn ?? -HOUR)),
      ...(ends === null ? [] : [time(now + ends)]),
      ...(entries.length > 0 ? [seq(Buffer.concat(entries))] : []),
      ...(extensions.length > 0 ? [der(0xa0, seq(...extensions))] : []),
    );
    return pem("X509 CRL", signed(body, key, digest));
  }
}

export function authority(name: string, options: CertificateOptions = {}): Authority {
  return new Authority(options.subject ?? cn(name), null, options);
}

/** Signed by its own key. */
export function selfSigned(options: CertificateOptions = {}): Made {
  const key = options.key ?? makeKey(options.kind ?? "p256");
  const subject = options.subject ?? cn(options.name ?? "alice");
  return certificate({ ...options, key, subject }, subject, key, null);
}

function certificate(options: CertificateOptions, issuer: Subject, signer: KeyObject, by: Authority | null): Made {
  const key = options.key as KeyObject;
  const digest = options.digest ?? "sha256";
  const serial = options.serial ?? `4${randomBytes(16).toString("hex").slice(1)}`;
  const now = Date.now();
  const subject =
    options.subject ?? (options.name === undefined && (options.uri ?? options.uris) !== undefined ? [] : cn(options.name ?? "alice"));
  const v3 = options.v3 !== false;
  const body = seq(
    ...(v3 ? [der(0xa0, integer("02"))] : []),
    integer(serial),
    algorithmOf(signer, digest),
    nameOf(issuer),
    seq(time(now + (options.startsIn ?? -HOUR)), time(now + (options.endsIn ?? DAY))),
    nameOf(subject),
    publicKeyOf(key),
    ...(v3 ? [der(0xa3, seq(...extensionsOf(options, key)))] : []),
  );
  const octets = signed(body, signer, digest);
  const chain = [octets, ...(by?.presented ?? [])];
  return {
    der: octets,
    pem: pem("CERTIFICATE", octets),
    chainPem: chain.map((each) => pem("CERTIFICATE", each)).join(""),
    chain,
    key,
    keyPem: key.type === "public" ? "" : key.export({ type: "pkcs8", format: "pem" }).toString(),
    serial,
    fingerprint: createHash("sha256").update(octets).digest("hex"),
  };
}

function publicKeyOf(key: KeyObject): Buffer {
  const half = key.type === "public" ? key : createPublicKey(key.export({ type: "pkcs8", format: "pem" }));
  return half.export({ type: "spki", format: "der" });
}

function extensionsOf(options: CertificateOptions, key: KeyObject): Buffer[] {
  const isCa = options.isCa === true;
  const list: Buffer[] = [];
  const limit = options.pathLength === undefined ? [] : [integer(options.pathLength.toString(16))];
  if (isCa) list.push(extension("2.5.29.19", seq(der(0x01, Buffer.from([0xff])), ...limit), true));
  const keyUsage = options.keyUsage === undefined ? (isCa ? usage(5, 6) : usage(0)) : options.keyUsage;
  if (keyUsage !== null) list.push(extension("2.5.29.15", keyUsage, true));
  const purposes = options.extendedKeyUsage === undefined ? (isCa ? null : [CLIENT_AUTH]) : options.extendedKeyUsage;
  if (purposes !== null) list.push(extension("2.5.29.37", seq(...purposes.map(oid))));
  const names = [
    ...(options.uris ?? (options.uri === undefined ? [] : [options.uri])).map((uri) => der(0x86, Buffer.from(uri, "latin1"))),
    ...(options.dns ?? []).map((name) => der(0x82, Buffer.from(name))),
    ...(options.ips ?? []).map((ip) => der(0x87, Buffer.from(ip.split(".").map(Number)))),
  ];
  if (names.length > 0) list.push(extension("2.5.29.17", seq(...names)));
  list.push(extension("2.5.29.14", der(0x04, createHash("sha1").update(publicKeyOf(key)).digest())));
  const roles = options.roles ?? (options.role === undefined ? [] : [utf8String(options.role)]);
  for (const role of roles) list.push(extension(ROLE, role));
  return [...list, ...((options.extensions ?? []) as Buffer[])];
}
