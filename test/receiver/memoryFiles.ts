/** A disk in memory that can be full, fail amid a write, and lose power: what was not synced is then there in part, or not. */
import path from "node:path";
import type { AppendFile, Files, FoundFile } from "#disk/files";
import { SystemError } from "../audit/injected.ts";

interface Inode {
  octets: Buffer;
  synced: number;
}

export class MemoryFiles implements Files {
  #live = new Map<string, Inode>();
  #durable = new Map<string, Inode>();
  /** Writing calls so far; one that throws is not made. */
  calls = 0;
  before: (op: string, file: string) => void = () => {};
  /** Octets a refused write leaves. */
  partial = 0;

  /** @param part of what was not synced is there, 0..1, names and octets */
  crash(part: () => number): void {
    const names = new Map(this.#durable);
    for (const [file, inode] of this.#live) if (names.get(file) !== inode && part() > 0.5) names.set(file, inode);
    for (const file of this.#durable.keys()) if (!this.#live.has(file) && part() > 0.5) names.delete(file);
    this.#live = new Map();
    for (const [file, { octets, synced }] of names) {
      const kept = synced + Math.floor((octets.length - synced) * part());
      this.#live.set(file, { octets: Buffer.from(octets.subarray(0, kept)), synced: kept });
    }
    this.#durable = new Map(this.#live);
    this.before = () => {};
  }

  octets(file: string): Buffer | null {
    return this.#live.get(file)?.octets ?? null;
  }

  put(file: string, octets: Uint8Array): void {
    const inode = { octets: Buffer.from(octets), synced: octets.length };
    this.#live.set(file, inode);
    this.#durable.set(file, inode);
  }

  remove(file: string): void {
    this.#live.delete(file);
    this.#durable.delete(file);
  }

  removeAll(files: readonly string[]): void {
    for (const file of files) this.remove(file);
  }

  async makeDirectory(): Promise<void> {}

  async create(file: string): Promise<AppendFile> {
    this.#call("create", file);
    if (this.#live.has(file)) throw new SystemError("EEXIST");
    const inode = { octets: Buffer.alloc(0), synced: 0 };
    this.#live.set(file, inode);
    return this.#open(file, inode);
  }

  async append(file: string): Promise<AppendFile> {
    this.#call("append", file);
    return this.#open(file, this.#there(file));
  }

  async truncate(file: string, octets: number): Promise<void> {
    this.#call("truncate", file);
    const inode = this.#there(file);
    inode.octets = inode.octets.subarray(0, octets);
    inode.synced = octets;
  }

  async rename(from: string, to: string): Promise<void> {
    this.#call("rename", from);
    const inode = this.#there(from);
    this.#live.delete(from);
    this.#live.set(to, inode);
  }

  async unlink(file: string): Promise<void> {
    this.#there(file);
    this.#call("unlink", file);
    this.#live.delete(file);
  }

  async readInto(file: string, from: number, into: Uint8Array): Promise<number> {
    return this.#there(file).octets.copy(into, 0, from);
  }

  async list(directory: string): Promise<FoundFile[]> {
    const here = [...this.#live].filter(([file]) => path.dirname(file) === directory);
    return here.map(([file, { octets }]) => ({ name: path.basename(file), octets: octets.length }));
  }

  async syncDirectory(directory: string): Promise<void> {
    this.#call("syncDirectory", directory);
    const here = (file: string): boolean => path.dirname(file) === directory;
    for (const file of [...this.#durable.keys()]) if (here(file) && !this.#live.has(file)) this.#durable.delete(file);
    for (const [file, inode] of this.#live) if (here(file)) this.#durable.set(file, inode);
  }

  async read(file: string, from: number): Promise<Uint8Array> {
    return Buffer.from(this.#there(file).octets.subarray(from));
  }

  #there(file: string): Inode {
    const inode = this.#live.get(file);
    if (inode === undefined) throw new SystemError("ENOENT");
    return inode;
  }

  #call(op: string, file: string): void {
    this.calls += 1;
    this.before(op, file);
  }

  #open(file: string, inode: Inode): AppendFile {
    return {
      write: async (octets) => {
        try {
          this.#call("write", file);
        } catch (error) {
          inode.octets = Buffer.concat([inode.octets, octets.subarray(0, this.partial)]);
          throw error;
        }
        inode.octets = Buffer.concat([inode.octets, octets]);
      },
      sync: async () => {
        this.#call("sync", file);
        inode.synced = inode.octets.length;
      },
      close: async () => {},
    };
  }
}
