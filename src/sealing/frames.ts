/** Frames sealed and opened: AES-256-GCM over the content, the header authenticated with it. */
import { createCipheriv, createDecipheriv, type KeyObject } from "node:crypto";
import { encodeHeader, type FrameHeader, HEADER, NONCE, putNonce, SALT, SALT_AT, TAG } from "#oneway/frame";
import { toHex } from "#wire";
import { frameKeyOf, type StreamKey } from "./streamKeys.ts";

const CIPHER = "aes-256-gcm";
const OPTIONS = { authTagLength: TAG } as const;

/** One start of one sender: no sequence is sealed twice (a second time is a fault of ours, and throws). */
export class Sealer {
  readonly #stream: number;
  readonly #salt: Uint8Array;
  readonly #nonce = new Uint8Array(NONCE);
  #key: StreamKey;
  #frameKey: KeyObject;
  #next = 0;

  constructor(key: StreamKey, stream: number, salt: Uint8Array) {
    this.#stream = stream;
    this.#salt = salt;
    this.#key = key;
    this.#frameKey = frameKeyOf(key, stream, salt);
  }

  get keyId(): number {
    return this.#key.id;
  }

  /** From the next frame on. The sequence goes on: it is another key. */
  use(key: StreamKey): void {
    this.#key = key;
    this.#frameKey = frameKeyOf(key, this.#stream, this.#salt);
  }

  /** @param frame gets header, sealed content and tag: HEADER + content + TAG octets */
  seal(frame: Uint8Array, header: FrameHeader, content: Uint8Array): void {
    // Two contents under one nonce give the key away: this is not left to whoever counts.
    if (header.sequence < this.#next || header.keyId !== this.#key.id) throw new Error(`sequence ${header.sequence} a second time`);
    this.#next = header.sequence + 1;
    encodeHeader(frame, header, this.#salt);
    putNonce(this.#nonce, header.sequence);
    const cipher = createCipheriv(CIPHER, this.#frameKey, this.#nonce, OPTIONS);
    cipher.setAAD(frame.subarray(0, HEADER));
    frame.set(cipher.update(content), HEADER);
    cipher.final();
    frame.set(cipher.getAuthTag(), HEADER + content.length);
  }
}

export type OpenFault =
  /** No key of that name. */
  | "unknownKey"
  /** Not sealed by who has the key, or changed on its way. */
  | "forged"
  /** Its key was given away by two contents under one sequence (RULINGS 39). */
  | "retiredKey";

/** Starts whose keys are kept derived. Only those that sealed something good are: who forges cannot push them out. */
const MOST_STARTS = 64;

export class Opener {
  #keys: readonly StreamKey[];
  readonly #retired = new Set<number>();
  readonly #derived = new Map<string, KeyObject>();
  readonly #nonce = new Uint8Array(NONCE);

  constructor(keys: readonly StreamKey[]) {
    this.#keys = keys;
  }

  /** Keys as they are in their folder now. One that was retired stays so. */
  renew(keys: readonly StreamKey[]): void {
    this.#keys = keys;
  }

  retire(keyId: number): void {
    this.#retired.add(keyId);
  }

  /** @returns the content, octets of its own */
  open(octets: Uint8Array, header: FrameHeader): Uint8Array | OpenFault {
    const key = this.#keys.find(({ id }) => id === header.keyId);
    if (key === undefined) return "unknownKey";
    if (this.#retired.has(header.keyId)) return "retiredKey";
    const start = `${header.keyId} ${header.stream} ${toHex(octets, SALT_AT, SALT)}`;
    const known = this.#derived.get(start);
    const frameKey = known ?? frameKeyOf(key, header.stream, octets.subarray(SALT_AT, SALT_AT + SALT));
    putNonce(this.#nonce, header.sequence);
    try {
      const decipher = createDecipheriv(CIPHER, frameKey, this.#nonce, OPTIONS);
      decipher.setAAD(octets.subarray(0, HEADER));
      decipher.setAuthTag(octets.subarray(HEADER + header.length));
      const content = decipher.update(octets.subarray(HEADER, HEADER + header.length));
      decipher.final();
      if (known === undefined) this.#keep(start, frameKey);
      return content;
    } catch {
      return "forged";
    }
  }

  #keep(start: string, key: KeyObject): void {
    this.#derived.set(start, key);
    const [oldest] = this.#derived.keys();
    if (this.#derived.size > MOST_STARTS && oldest !== undefined) this.#derived.delete(oldest);
  }
}
