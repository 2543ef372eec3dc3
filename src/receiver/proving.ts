/** Checkpoints of the sender, held against what came: from one signature to the next, if nothing between them is missing. */
import { createHash, type Hash, type KeyObject } from "node:crypto";
import type { SignatureRecord } from "#oneway/records";
import { verifyCheckpoint } from "#sealing/checkpoints";

export interface Proven {
  verified: number;
  /** Something between them is missing, or it is another key's: nothing can be said. */
  unverifiable: number;
  /** They do not hold: somebody who has the stream's key sent this, and not the sender. */
  refuted: number;
}

export class Proving {
  readonly #key: KeyObject | null;
  readonly #stream: number;
  readonly #salt: Uint8Array;
  readonly #proven: Proven;
  #hash: Hash = createHash("sha256");
  #first = -1;
  #last = -1;
  #sources: (sequence: number) => number;
  #isBroken = false;

  /** @param next the sequence of the source behind this one */
  constructor(key: KeyObject | null, stream: number, salt: Uint8Array, proven: Proven, next: (sequence: number) => number) {
    this.#key = key;
    this.#stream = stream;
    this.#salt = salt;
    this.#proven = proven;
    this.#sources = next;
  }

  /** A content in its order, with the signature it holds. @returns false: it is refuted */
  content(sequence: number, octets: Uint8Array, signature: SignatureRecord | null): boolean {
    if (this.#key === null) return true;
    const isGood = signature === null || this.#check(this.#key, signature);
    if (this.#last >= 0 && this.#sources(this.#last) !== sequence) this.#isBroken = true;
    if (this.#first < 0) this.#first = sequence;
    this.#hash.update(octets);
    this.#last = sequence;
    return isGood;
  }

  #check(key: KeyObject, signature: SignatureRecord): boolean {
    const digest = this.#hash.digest();
    const isWhole = !this.#isBroken && this.#first === signature.first && this.#last === signature.last;
    this.#hash = createHash("sha256");
    this.#first = this.#last = -1;
    this.#isBroken = false;
    if (!isWhole) {
      this.#proven.unverifiable += 1;
      return true;
    }
    const holds = Buffer.compare(digest, signature.digest) === 0 && verifyCheckpoint(key, this.#stream, this.#salt, signature, digest);
    if (holds) this.#proven.verified += 1;
    else this.#proven.refuted += 1;
    return holds;
  }
}
