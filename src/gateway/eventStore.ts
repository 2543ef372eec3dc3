/**
 * Unsolicited responses kept for an event owner that is away (RULINGS 34): the device is told that they came once they are on the disk, and goes
 * on answering others; the owner has them, in order, when it is back. One line for each, and one for each that the owner has had. Once most of
 * the file is of what was had, it is written anew.
 *
 *     {"put":7,"octets":"f08200000202170105c1..."}      octets of the fragment, its sequence 0
 *     {"had":7}
 */
import { mkdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { type AppendFile, type Files, realFiles, writeWhole } from "#disk/files";
import { fromHex, toHex } from "#wire";

/** Octets of a file that are let be, however little of it still waits. */
const LET_BE = 1024 * 1024;
/** Times that. Where it cannot be written anew nothing more is put: the device keeps its events. */
const AT_MOST = 8;

interface Waiting {
  readonly number: number;
  readonly octets: Uint8Array;
}

export class EventStore {
  readonly #directory: string;
  readonly #name: string;
  readonly #most: number;
  readonly #letBe: number;
  readonly #files: Files;
  readonly #waiting: Waiting[];
  #handle: AppendFile | null = null;
  #number: number;
  /** Of the file, and of the lines in it that still wait. */
  #octets: number;
  #live: number;
  /** What is written goes one after the other. */
  #last: Promise<unknown> = Promise.resolve();
  /** The last line was cut short: what is written next begins a line of its own. */
  #isTorn: boolean;
  /** Put and not yet on the disk. */
  #underWay = 0;

  constructor(file: string, most: number, text: string, files: Files = realFiles, letBe = LET_BE) {
    this.#directory = path.dirname(file);
    this.#name = path.basename(file);
    this.#most = most;
    this.#letBe = letBe;
    this.#files = files;
    const { waiting, highest } = readLines(text);
    this.#waiting = waiting;
    this.#number = highest;
    this.#octets = text.length;
    this.#live = waiting.reduce((sum, each) => sum + lineOf(each).length, 0);
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
    return this.#waiting[index]?.octets ?? null;
  }

  /** @returns false where there is no room, or no disk: the device keeps it. Never rejects. */
  async put(octets: Uint8Array): Promise<boolean> {
    if (this.size >= this.#most || this.#octets >= AT_MOST * this.#letBe + 2 * this.#live) return false;
    this.#underWay += 1;
    this.#number += 1;
    const each = { number: this.#number, octets };
    return this.#write(lineOf(each), (written) => {
      this.#underWay -= 1;
      if (!written) return;
      this.#waiting.push(each);
      this.#live += lineOf(each).length;
    });
  }

  /** The owner has had this one of them. Were this lost it would get it again. */
  had(octets: Uint8Array | null): void {
    const index = octets === null ? -1 : this.#waiting.findIndex((each) => each.octets === octets);
    const each = this.#waiting[index];
    if (each === undefined) return;
    this.#waiting.splice(index, 1);
    this.#live -= lineOf(each).length;
    if (this.#waiting.length === 0 && this.#underWay === 0) this.#last = this.#last.then(() => this.#anew());
    else void this.#write(`{"had":${each.number}}\n`, () => {});
  }

  async close(): Promise<void> {
    await this.#last;
    await this.#handle?.close();
    this.#handle = null;
  }

  #write(line: string, then: (written: boolean) => void): Promise<boolean> {
    const written = this.#last.then(async () => {
      const isWritten = await this.#append(this.#isTorn ? `\n${line}` : line);
      then(isWritten);
      if (this.#octets > this.#letBe + 2 * this.#live) await this.#anew();
      return isWritten;
    });
    this.#last = written;
    return written;
  }

  async #append(text: string): Promise<boolean> {
    try {
      this.#handle ??= await this.#open();
      this.#octets += text.length;
      await this.#handle.write(Buffer.from(text));
      // What failed may have left a part of it.
      this.#isTorn = false;
      await this.#handle.sync();
      return true;
    } catch {
      this.#isTorn = true;
      return false;
    }
  }

  async #open(): Promise<AppendFile> {
    const file = path.join(this.#directory, this.#name);
    try {
      return await this.#files.append(file);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
      const made = await this.#files.create(file);
      await this.#files.syncDirectory(this.#directory);
      return made;
    }
  }

  /** What still waits, and nothing of what was had. Where that fails the file stays as it is, and is read to the same end. */
  async #anew(): Promise<void> {
    const text = this.#waiting.map(lineOf).join("");
    const handle = this.#handle;
    // However far it came: what is written next must not go to a file that has no name any more.
    this.#handle = null;
    try {
      await handle?.close();
      await writeWhole(this.#files, this.#directory, this.#name, Buffer.from(text));
      this.#octets = text.length;
      this.#isTorn = false;
    } catch {
      // The next line tries again.
    }
  }
}

function lineOf({ number, octets }: Waiting): string {
  return `{"put":${number},"octets":"${toHex(octets, 0, octets.length)}"}\n`;
}

function readLines(text: string): { readonly waiting: Waiting[]; readonly highest: number } {
  const waiting = new Map<number, Waiting>();
  let highest = 0;
  for (const line of text.split("\n")) {
    const [, put, hex, had] = /^\{(?:"put":([1-9][0-9]{0,14}),"octets":"([0-9a-f]+)"|"had":([1-9][0-9]{0,14}))\}$/.exec(line) ?? [];
    const number = Number(put ?? had ?? 0);
    highest = Math.max(highest, number);
    const octets = hex === undefined ? null : fromHex(hex);
    if (octets !== null) waiting.set(number, { number, octets });
    else waiting.delete(number);
  }
  return { waiting: [...waiting.values()], highest };
}

function textOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw error;
  }
}
