/**
 * Unsolicited responses kept for an event owner that is away (RULINGS 34): the device is told that they came once they are on the disk, and goes
 * on answering others; the owner has them, in order, when it is back. One line for each, and one for each that the owner has had.
 *
 *     {"put":"f08200000202170105c1..."}      octets of the fragment, its sequence 0
 *     {"had":1}                              the first of those that wait then
 */
import { mkdirSync, readFileSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import path from "node:path";
import { fromHex, toHex } from "#wire";

export class EventStore {
  readonly #file: string;
  readonly #most: number;
  readonly #waiting: Uint8Array[];
  #handle: FileHandle | null = null;
  /** What is written goes one after the other. */
  #last: Promise<unknown> = Promise.resolve();
  /** The last line was cut short: what is written next begins a line of its own. */
  #isTorn: boolean;
  /** Put and not yet on the disk. */
  #underWay = 0;

  constructor(file: string, most: number, text: string) {
    this.#file = file;
    this.#most = most;
    this.#waiting = waitingIn(text);
    this.#isTorn = text !== "" && !text.endsWith("\n");
  }

  /** @param directory made where it is missing; a line that was cut short is one that the device still has */
  static open(directory: string, asset: string, most: number): EventStore {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const file = path.join(directory, `${asset}.jsonl`);
    return new EventStore(file, most, textOf(file));
  }

  /** On the disk, and those that go there. */
  get size(): number {
    return this.#waiting.length + this.#underWay;
  }

  /** Of those on the disk, oldest first; null: there are not so many. */
  at(index: number): Uint8Array | null {
    return this.#waiting[index] ?? null;
  }

  /** @returns false where there is no room, or no disk: the device keeps it. Never rejects. */
  async put(octets: Uint8Array): Promise<boolean> {
    if (this.size >= this.#most) return false;
    this.#underWay += 1;
    const written = await this.#write(`{"put":"${toHex(octets, 0, octets.length)}"}\n`);
    this.#underWay -= 1;
    if (written) this.#waiting.push(octets);
    return written;
  }

  /** The owner has had this one of them. Were this lost it would get it again. */
  had(octets: Uint8Array | null): void {
    const index = octets === null ? -1 : this.#waiting.indexOf(octets);
    if (index < 0) return;
    this.#waiting.splice(index, 1);
    if (this.#waiting.length === 0 && this.#underWay === 0) this.#last = this.#last.then(() => this.#empty());
    else void this.#write(`{"had":${index + 1}}\n`);
  }

  async close(): Promise<void> {
    await this.#last;
    await this.#handle?.close();
    this.#handle = null;
  }

  #write(line: string): Promise<boolean> {
    const written = this.#last.then(async () => {
      try {
        this.#handle ??= await open(this.#file, "a", 0o600);
        await this.#handle.appendFile(this.#isTorn ? `\n${line}` : line);
        // What failed may have left a part of it.
        this.#isTorn = false;
        await this.#handle.datasync();
        return true;
      } catch {
        this.#isTorn = true;
        return false;
      }
    });
    this.#last = written;
    return written;
  }

  /** Everything was had: the file begins anew. */
  async #empty(): Promise<void> {
    if (this.#waiting.length > 0 || this.#underWay > 0) return;
    try {
      await this.#handle?.truncate(0);
    } catch {
      // It is read to the same end as it stands.
    }
  }
}

function waitingIn(text: string): Uint8Array[] {
  const waiting: Uint8Array[] = [];
  for (const line of text.split("\n")) {
    const [, put, had] = /^\{(?:"put":"([0-9a-f]+)"|"had":([1-9][0-9]{0,5}))\}$/.exec(line) ?? [];
    const octets = put === undefined ? null : fromHex(put);
    if (octets !== null) waiting.push(octets);
    else if (had !== undefined) waiting.splice(Number(had) - 1, 1);
  }
  return waiting;
}

function textOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw error;
  }
}
