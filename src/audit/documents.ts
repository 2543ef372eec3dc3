/**
 * Documents by their SHA-256, beside the log (RULINGS 32). A document is on the disk before any record that names it: the writer stores what
 * waits here ahead of each batch.
 */
import { hash } from "node:crypto";
import { readdirSync } from "node:fs";
import path from "node:path";
import { type Files, writeWhole } from "#disk/files";
import { DOCUMENTS_NAME } from "./format.ts";

/** Octets of documents that may wait for the writer; a policy text is some 100 KB, a certificate 2 KB. */
const MOST_WAITING = 16 * 1024 * 1024;

export class Documents {
  readonly #files: Files;
  readonly #folder: string;
  readonly #stored: Set<string>;
  /** Those this process has a record of: each process says once what it works with, whatever was pruned or lost of earlier ones' records. */
  readonly #told = new Set<string>();
  readonly #waiting = new Map<string, Uint8Array>();
  #waitingOctets = 0;

  /** @param directory the log's; the folder for documents is there */
  constructor(directory: string, files: Files) {
    this.#files = files;
    this.#folder = path.join(directory, DOCUMENTS_NAME);
    this.#stored = new Set(readdirSync(this.#folder).filter((name) => /^[0-9a-f]{64}$/.test(name)));
  }

  /**
   * @param room false: the disk has none, only the hash is wanted
   * @returns    the hash; `untold` is true once, when it is stored or waits to be: a record is due
   */
  keep(octets: Uint8Array, room: boolean): { readonly sha256: string; readonly untold: boolean } {
    const sha256 = hash("sha256", octets, "hex");
    if (this.#told.has(sha256)) return { sha256, untold: false };
    if (!this.#stored.has(sha256)) {
      if (!room || this.#waitingOctets + octets.length > MOST_WAITING) return { sha256, untold: false };
      // Not `slice`: a Buffer's would share the caller's octets.
      this.#waiting.set(sha256, new Uint8Array(octets));
      this.#waitingOctets += octets.length;
    }
    this.#told.add(sha256);
    return { sha256, untold: true };
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
