/**
 * Documents by their SHA-256, beside the log (RULINGS 32). A document is on the disk before any record that names it: the writer stores what
 * waits here ahead of each batch.
 */
import { hash } from "node:crypto";
import { mkdirSync, readdirSync } from "node:fs";
import path from "node:path";
import { type Files, writeWhole } from "./files.ts";
import { DOCUMENTS_NAME } from "./format.ts";

/** Octets of documents that may wait for the writer; a policy text is some 100 KB, a certificate 2 KB. */
const MOST_WAITING = 16 * 1024 * 1024;

export class Documents {
  readonly #files: Files;
  readonly #folder: string;
  readonly #stored: Set<string>;
  readonly #waiting = new Map<string, Uint8Array>();
  #waitingOctets = 0;

  constructor(directory: string, files: Files) {
    this.#files = files;
    this.#folder = path.join(directory, DOCUMENTS_NAME);
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    this.#stored = new Set(readdirSync(this.#folder).filter((name) => /^[0-9a-f]{64}$/.test(name)));
  }

  /**
   * @param room false: the disk has none, only the hash is wanted
   * @returns    the hash; `added` is false for a document that is stored, waits already, or finds no room
   */
  keep(octets: Uint8Array, room: boolean): { readonly sha256: string; readonly added: boolean } {
    const sha256 = hash("sha256", octets, "hex");
    const added = room && !this.#stored.has(sha256) && !this.#waiting.has(sha256) && this.#waitingOctets + octets.length <= MOST_WAITING;
    if (added) {
      // Not `slice`: a Buffer's would share the caller's octets.
      this.#waiting.set(sha256, new Uint8Array(octets));
      this.#waitingOctets += octets.length;
    }
    return { sha256, added };
  }

  get waiting(): boolean {
    return this.#waiting.size > 0;
  }

  /** Store what waits. What fails goes on waiting. @returns octets written */
  async store(): Promise<number> {
    let written = 0;
    for (const [sha256, octets] of this.#waiting) {
      await writeWhole(this.#files, this.#folder, sha256, octets);
      this.#stored.add(sha256);
      this.#waiting.delete(sha256);
      this.#waitingOctets -= octets.length;
      written += octets.length;
    }
    return written;
  }
}
