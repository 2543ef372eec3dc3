/**
 * Files in memory that are killed, lose power, fill up and fail. After a power loss only what was promised is there: octets that a sync found
 * written, names that a directory's sync found made; of the rest any part, or zeros in its place.
 */
import path from "node:path";
import type { AppendFile, Files, FoundFile } from "#disk/files";
import { SystemError } from "#test/audit/injected";

class Inode {
  octets: Buffer = Buffer.alloc(0);
  /** So many of them are synced. */
  synced = 0;
}

export type Operation = "create" | "write" | "sync" | "truncate" | "unlink" | "rename" | "syncDirectory" | "readInto";

export class MemoryFiles implements Files {
  readonly live = new Map<string, Inode>();
  #durable = new Map<string, Inode>();
  /** Octets all files may take. */
  room = Number.POSITIVE_INFINITY;
  /** The next of these fails once, with EIO; a write leaves half of itself. */
  fails: Operation | null = null;
  /** So many operations are still done; then the process is no more. */
  left = Number.POSITIVE_INFINITY;
  readonly done = new Map<Operation, number>();

  get octets(): number {
    return [...this.live.values()].reduce((sum, { octets }) => sum + octets.length, 0);
  }

  /** @param random 0 to 1; null: only the process is gone, not the machine */
  crash(random: (() => number) | null): MemoryFiles {
    const next = new MemoryFiles();
    next.room = this.room;
    for (const [name, inode] of this.#names(random)) {
      const kept = new Inode();
      kept.octets = Buffer.from(random === null ? inode.octets : afterPowerLoss(inode, random));
      kept.synced = kept.octets.length;
      next.live.set(name, kept);
      next.#durable.set(name, kept);
    }
    this.left = 0;
    return next;
  }

  #names(random: (() => number) | null): Map<string, Inode> {
    if (random === null) return this.live;
    const names = new Map<string, Inode>();
    for (const name of new Set([...this.live.keys(), ...this.#durable.keys()])) {
      const inode = random() < 0.5 ? this.live.get(name) : this.#durable.get(name);
      if (inode !== undefined) names.set(name, inode);
    }
    return names;
  }

  async #do(operation: Operation): Promise<void> {
    await null;
    if (this.left-- <= 0) throw new SystemError("KILLED");
    this.done.set(operation, (this.done.get(operation) ?? 0) + 1);
    if (this.fails !== operation || operation === "write") return;
    this.fails = null;
    throw new SystemError("EIO");
  }

  #inode(file: string): Inode {
    const inode = this.live.get(file);
    if (inode === undefined) throw new SystemError("ENOENT");
    return inode;
  }

  async makeDirectory(): Promise<void> {}

  async create(file: string): Promise<AppendFile> {
    await this.#do("create");
    if (this.live.has(file)) throw new SystemError("EEXIST");
    this.live.set(file, new Inode());
    return this.append(file);
  }

  async append(file: string): Promise<AppendFile> {
    const inode = this.#inode(file);
    return {
      write: async (octets) => {
        await this.#do("write");
        this.#write(inode, octets);
      },
      sync: async () => {
        const length = inode.octets.length;
        await this.#do("sync");
        inode.synced = length;
      },
      close: async () => {},
    };
  }

  #write(inode: Inode, octets: Uint8Array): void {
    const most = this.fails === "write" ? octets.length >>> 1 : Math.max(0, this.room - this.octets);
    inode.octets = Buffer.concat([inode.octets, octets.subarray(0, most)]);
    if (most >= octets.length) return;
    const code = this.fails === "write" ? "EIO" : "ENOSPC";
    this.fails = null;
    throw new SystemError(code);
  }

  async truncate(file: string, octets: number): Promise<void> {
    await this.#do("truncate");
    const inode = this.#inode(file);
    inode.octets = inode.octets.subarray(0, octets);
    inode.synced = inode.octets.length;
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#do("rename");
    this.live.set(to, this.#inode(from));
    this.live.delete(from);
  }

  async unlink(file: string): Promise<void> {
    await this.#do("unlink");
    this.#inode(file);
    this.live.delete(file);
  }

  async syncDirectory(): Promise<void> {
    const names = new Map(this.live);
    await this.#do("syncDirectory");
    this.#durable = names;
  }

  async read(file: string, from: number): Promise<Uint8Array> {
    return Buffer.from(this.#inode(file).octets.subarray(from));
  }

  async readInto(file: string, from: number, into: Uint8Array): Promise<number> {
    await this.#do("readInto");
    const octets = this.#inode(file).octets.subarray(from, from + into.length);
    into.set(octets);
    return octets.length;
  }

  async list(directory: string): Promise<FoundFile[]> {
    await null;
    return [...this.live]
      .filter(([file]) => path.dirname(file) === directory)
      .map(([file, { octets }]) => ({ name: path.basename(file), octets: octets.length }));
  }
}

function afterPowerLoss({ octets, synced }: Inode, random: () => number): Buffer {
  const kept = synced + Math.floor(random() * (octets.length - synced + 1));
  if (random() < 0.5) return octets.subarray(0, kept);
  const zeros = Buffer.from(octets);
  return zeros.fill(0, kept);
}
