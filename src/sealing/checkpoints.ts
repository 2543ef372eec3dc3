/**
 * Checkpoints of a stream: the sender signs, every so often, what it sent since the last time, so that whoever holds its public key alone can tell
 * later that this sender, and not somebody who has the stream's key, said it. The digest is over the contents of the sources, in order, as the
 * receiver has them whether they came or were repaired.
 */
import { createHash, createPrivateKey, createPublicKey, type Hash, type KeyObject, sign, verify } from "node:crypto";
import type { SignatureRecord } from "#oneway/records";
import { putU32le, putU48le } from "#wire";

/** Contents signed together, and for how long one waits. */
const MOST_CONTENTS = 1_000;
const EVERY_MS = 10_000;
const DOMAIN = Buffer.from("penstock/one-way/1/checkpoint\0");

/** The first octets of SHA-256 over the public key (SPKI). */
export function checkpointKeyId(key: KeyObject): Uint8Array {
  return createHash("sha256")
    .update(key.export({ type: "spki", format: "der" }))
    .digest()
    .subarray(0, 8);
}

function toSign(stream: number, salt: Uint8Array, first: number, last: number, digest: Uint8Array): Uint8Array {
  const octets = new Uint8Array(DOMAIN.length + 4 + salt.length + 12 + digest.length);
  octets.set(DOMAIN);
  putU32le(octets, DOMAIN.length, stream);
  octets.set(salt, DOMAIN.length + 4);
  putU48le(octets, DOMAIN.length + 4 + salt.length, first);
  putU48le(octets, DOMAIN.length + 10 + salt.length, last);
  octets.set(digest, DOMAIN.length + 16 + salt.length);
  return octets;
}

export class CheckpointSigner {
  readonly #key: KeyObject;
  readonly #keyId: Uint8Array;
  readonly #stream: number;
  readonly #salt: Uint8Array;
  #hash: Hash = createHash("sha256");
  #first = -1;
  #last = -1;
  #count = 0;
  #sinceMs = 0;

  /** @param key a private Ed25519 key, or its PEM */
  constructor(key: KeyObject | string | Buffer, stream: number, salt: Uint8Array) {
    this.#key = typeof key === "string" || Buffer.isBuffer(key) ? createPrivateKey(key) : key;
    this.#keyId = checkpointKeyId(createPublicKey(this.#key));
    this.#stream = stream;
    this.#salt = salt;
  }

  note(sequence: number, content: Uint8Array, nowMs: number): void {
    if (this.#count === 0) {
      this.#first = sequence;
      this.#sinceMs = nowMs;
    }
    this.#hash.update(content);
    this.#last = sequence;
    this.#count += 1;
  }

  /** @returns null: it is too early */
  due(nowMs: number): SignatureRecord | null {
    if (this.#count === 0 || (this.#count < MOST_CONTENTS && nowMs - this.#sinceMs < EVERY_MS)) return null;
    const digest = this.#hash.digest();
    const [first, last] = [this.#first, this.#last];
    this.#hash = createHash("sha256");
    this.#count = 0;
    return {
      first,
      last,
      digest,
      keyId: this.#keyId,
      signature: sign(null, toSign(this.#stream, this.#salt, first, last, digest), this.#key),
    };
  }
}

/** @param digest of what the receiver has from first to last */
export function verifyCheckpoint(
  key: KeyObject,
  stream: number,
  salt: Uint8Array,
  { first, last, signature }: SignatureRecord,
  digest: Uint8Array,
): boolean {
  return verify(null, toSign(stream, salt, first, last, digest), key, signature);
}
