/**
 * What a disk may hold after a power loss, given the calls that were made until then. Only what the calls promise is taken for granted:
 *
 *     octets  what a sync that ended found written is there; of octets written since, the first so many, or zeros in their place
 *     names   what a directory's sync that ended found done is there; of names made, moved and removed since, any part (a move is one thing)
 *
 * A call counts from its start on (it may have been done) and is a promise only from its end on.
 */

import { hash } from "node:crypto";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";

export type Call =
  | { readonly op: "makeDirectory" | "create" | "append" | "sync" | "unlink" | "syncDirectory"; readonly file: string }
  | { readonly op: "write"; readonly file: string; readonly octets: Uint8Array }
  | { readonly op: "truncate"; readonly file: string; readonly octets: number }
  | { readonly op: "rename"; readonly file: string; readonly to: string };

export type Event =
  | { readonly is: "start" | "end"; readonly call: Call }
  /** The log said that every record up to this number is on the disk. */
  | { readonly is: "told"; readonly durable: number };

/** Of the octets of a file that were written and not synced. */
export interface Loss {
  /** How many are there. */
  readonly kept: (open: number) => number;
  /** The rest is zeros, not missing. */
  readonly zeros: boolean;
}

const NOTHING: Loss = { kept: () => 0, zeros: false };
const EVERYTHING: Loss = { kept: (open) => open, zeros: false };

interface Written {
  readonly call: Call;
  ended: boolean;
}

class Inode {
  readonly directory: boolean;
  durable: Buffer;
  open: Written[] = [];

  constructor(directory: boolean, durable: Buffer = Buffer.alloc(0)) {
    this.directory = directory;
    this.durable = durable;
  }

  get openOctets(): number {
    return this.open.reduce((sum, { call }) => sum + (call.op === "write" ? call.octets.length : 0), 0);
  }

  settle(count: number): void {
    for (const { call } of this.open.splice(0, count)) this.durable = applied(this.durable, call);
  }

  content(loss: Loss): Buffer {
    if (loss === NOTHING) return this.durable;
    const { kept, zeros } = loss;
    const most = Math.floor(kept(this.openOctets));
    let whole = this.durable;
    for (const { call } of this.open) whole = applied(whole, call);
    const lost = this.openOctets - most;
    const octets = Buffer.from(whole.subarray(0, whole.length - lost));
    return zeros ? Buffer.concat([octets, Buffer.alloc(lost)]) : octets;
  }
}

function applied(octets: Buffer, call: Call): Buffer {
  if (call.op === "write") return Buffer.concat([octets, call.octets]);
  return call.op === "truncate" ? octets.subarray(0, call.octets) : octets;
}

interface Naming {
  readonly call: Call;
  readonly directory: string;
  readonly apply: (names: Map<string, Inode>) => void;
  ended: boolean;
}

export interface Image {
  /** Octets by path; null: a directory. */
  readonly files: ReadonlyMap<string, Buffer | null>;
  readonly digest: string;
  readonly words: string;
}

export class Disk {
  readonly #live = new Map<string, Inode>();
  readonly #durable = new Map<string, Inode>();
  #open: Naming[] = [];
  readonly #covered = new Map<Call, number | Naming[]>();
  /** What the log said last. */
  told = 0;

  /** @param base what is there, synced, before the first call; null: a directory */
  constructor(base: ReadonlyMap<string, Buffer | null>) {
    for (const [file, octets] of base) {
      const inode = new Inode(octets === null, octets ?? Buffer.alloc(0));
      this.#live.set(file, inode);
      this.#durable.set(file, inode);
    }
  }

  see(event: Event): void {
    if (event.is === "told") this.told = event.durable;
    else if (event.is === "start") this.#start(event.call);
    else this.#end(event.call);
  }

  #start(call: Call): void {
    const inode = this.#live.get(call.file);
    switch (call.op) {
      case "makeDirectory":
      case "create": {
        const made = new Inode(call.op === "makeDirectory");
        this.#name(call, (names) => names.set(call.file, made));
        break;
      }
      case "unlink":
        if (inode !== undefined) this.#name(call, (names) => names.delete(call.file));
        break;
      case "rename":
        if (inode === undefined) break;
        this.#name(call, (names) => {
          if (names.get(call.file) === inode) names.delete(call.file);
          names.set(call.to, inode);
        });
        break;
      case "write":
      case "truncate":
        inode?.open.push({ call, ended: false });
        break;
      case "sync":
        this.#covered.set(call, inode?.open.filter(({ ended }) => ended).length ?? 0);
        break;
      case "syncDirectory":
        this.#covered.set(
          call,
          this.#open.filter(({ directory, ended }) => ended && directory === call.file),
        );
        break;
    }
  }

  #name(call: Call, apply: Naming["apply"]): void {
    apply(this.#live);
    this.#open.push({ call, directory: path.dirname(call.file), apply, ended: false });
  }

  #end(call: Call): void {
    const inode = this.#live.get(call.file);
    const covered = this.#covered.get(call);
    switch (call.op) {
      case "sync":
        inode?.settle(covered as number);
        break;
      case "truncate":
        inode?.settle(inode.open.length);
        break;
      case "syncDirectory":
        for (const naming of covered as Naming[]) naming.apply(this.#durable);
        this.#open = this.#open.filter((naming) => !(covered as Naming[]).includes(naming));
        break;
      default:
        for (const done of [...this.#open, ...(inode?.open ?? [])]) if (done.call === call) done.ended = true;
    }
  }

  /** The process is gone, the machine is not: whatever call it made is made. @returns what a new process finds */
  kill(): Image["files"] {
    for (const naming of this.#open) naming.ended = true;
    const found = new Map<string, Buffer | null>();
    for (const [file, inode] of this.#live) {
      for (const written of inode.open) written.ended = true;
      found.set(file, inode.directory ? null : inode.content(EVERYTHING));
    }
    return found;
  }

  /** Of `images` the two in which the least is left: names and octets lost, and octets alone. */
  *poorest(): Generator<Image> {
    const all = (1 << Math.min(this.#open.length, 30)) - 1;
    yield this.#image(0, () => NOTHING, "nothing");
    yield this.#image(all, () => NOTHING, "nothing");
  }

  /**
   * Disks a power loss now may leave.
   *
   * @param torn try the newest write torn at each of these octets, by its length
   */
  *images(torn: (octets: Uint8Array) => Iterable<number>): Generator<Image> {
    const all = (1 << Math.min(this.#open.length, 30)) - 1;
    for (const names of this.#parts(all)) {
      yield this.#image(names, () => NOTHING, "nothing");
      yield this.#image(names, () => EVERYTHING, "everything");
    }
    for (const part of [0.4, 0.999]) {
      yield this.#image(all, () => ({ kept: (open) => open * part, zeros: false }), `${part}`);
      yield this.#image(all, () => ({ kept: (open) => open * part, zeros: true }), `${part} and zeros`);
    }
    yield this.#image(all, () => ({ kept: () => 0, zeros: true }), "zeros");
    for (const inode of this.#live.values()) {
      const newest = inode.open.at(-1);
      if (newest === undefined || newest.ended || newest.call.op !== "write") continue;
      const { octets } = newest.call;
      for (const at of torn(octets)) {
        const loss: Loss = { kept: (open) => open - octets.length + at, zeros: false };
        for (const others of [NOTHING, EVERYTHING])
          yield this.#image(all, (each) => (each === inode ? loss : others), `torn at ${at} of ${octets.length}`);
      }
    }
  }

  /** Which of the open names are there, as bits: every choice where they are few; else none, all, one alone, all but one, the first so many. */
  #parts(all: number): Set<number> {
    const count = this.#open.length;
    if (count <= 4) return new Set(Array.from({ length: all + 1 }, (_, n) => n));
    const parts = new Set([0, all]);
    for (let i = 0; i < Math.min(count, 30); i++) {
      parts.add(1 << i);
      parts.add(all & ~(1 << i));
      parts.add((1 << i) - 1);
    }
    return parts;
  }

  #image(names: number, loss: (inode: Inode) => Loss, words: string): Image {
    const disk = new Map(this.#durable);
    this.#open.forEach((naming, i) => {
      if ((names & (1 << Math.min(i, 30))) !== 0) naming.apply(disk);
    });
    const files = new Map<string, Buffer | null>();
    const there = (file: string): boolean => !this.#live.has(file) || (disk.get(file)?.directory === true && there(path.dirname(file)));
    for (const [file, inode] of [...disk].sort(([a], [b]) => (a < b ? -1 : 1))) {
      if (there(path.dirname(file))) files.set(file, inode.directory ? null : inode.content(loss(inode)));
    }
    let summary = "";
    for (const [file, octets] of files) summary += `${file} ${octets === null ? "/" : hash("sha256", octets)}\n`;
    return { files, digest: hash("sha256", summary), words: `names ${names.toString(2)} of ${this.#open.length}, ${words}` };
  }
}

/** Put an image under `to` instead of `from`. */
export function putDown(files: Image["files"], from: string, to: string): void {
  rmSync(to, { recursive: true, force: true });
  mkdirSync(to, { recursive: true });
  for (const [file, octets] of files) {
    const place = path.join(to, path.relative(from, file));
    if (octets === null) mkdirSync(place, { recursive: true });
    else writeFileSync(place, octets);
  }
}
