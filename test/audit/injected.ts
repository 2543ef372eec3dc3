/** File operations that are recorded, refused or torn on demand; and the disks a power loss may leave of what was recorded. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { type AppendFile, type Files, realFiles } from "#audit/files";

export type Operation =
  | { readonly op: "create" | "append" | "sync" | "unlink"; readonly file: string }
  | { readonly op: "write"; readonly file: string; readonly octets: Uint8Array }
  | { readonly op: "truncate"; readonly file: string; readonly octets: number }
  | { readonly op: "rename"; readonly file: string; readonly to: string }
  | { readonly op: "syncDirectory"; readonly file: string };

export class SystemError extends Error {
  readonly code: string;

  constructor(code: string) {
    super(code);
    this.code = code;
  }
}

/** The real files, seen through. `before` may throw in place of an operation, `partial` cuts the next failing write short. */
export class InjectedFiles implements Files {
  readonly operations: Operation[] = [];
  before: (operation: Operation) => void = () => {};
  /** Octets a refused write leaves in the file all the same. */
  partial = 0;
  /** Really wait for the disk; off where the test is about order, not about this disk. */
  sync = true;

  async #do(operation: Operation): Promise<void> {
    this.before(operation);
    this.operations.push(operation);
  }

  async create(file: string): Promise<AppendFile> {
    await this.#do({ op: "create", file });
    return this.#wrap(file, await realFiles.create(file));
  }

  async append(file: string): Promise<AppendFile> {
    await this.#do({ op: "append", file });
    return this.#wrap(file, await realFiles.append(file));
  }

  async truncate(file: string, octets: number): Promise<void> {
    await this.#do({ op: "truncate", file, octets });
    await realFiles.truncate(file, octets);
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#do({ op: "rename", file: from, to });
    await realFiles.rename(from, to);
  }

  async unlink(file: string): Promise<void> {
    await realFiles.unlink(file);
    await this.#do({ op: "unlink", file });
  }

  async syncDirectory(directory: string): Promise<void> {
    await this.#do({ op: "syncDirectory", file: directory });
    if (this.sync) await realFiles.syncDirectory(directory);
  }

  read(file: string, from: number): Promise<Uint8Array> {
    return realFiles.read(file, from);
  }

  #wrap(file: string, inner: AppendFile): AppendFile {
    return {
      write: async (octets) => {
        try {
          await this.#do({ op: "write", file, octets: octets.slice() });
        } catch (error) {
          if (this.partial > 0) await inner.write(octets.subarray(0, this.partial));
          throw error;
        }
        await inner.write(octets);
      },
      sync: async () => {
        await this.#do({ op: "sync", file });
        if (this.sync) await inner.sync();
      },
      close: () => inner.close(),
    };
  }
}

/** How a power loss treats octets that were written and not synced. */
export type Loss = { readonly kept: number; readonly zeros: boolean };
export const LOSSES: readonly Loss[] = [
  { kept: 0, zeros: false },
  { kept: 1, zeros: false },
  { kept: 0.5, zeros: false },
  { kept: 0.999, zeros: false },
  { kept: 0.4, zeros: true },
  { kept: 0, zeros: true },
];

interface Node {
  synced: Buffer;
  written: Buffer;
}

/**
 * A disk that saw the first `count` operations and lost power: what was synced is there; of octets written since then the stated part; of
 * names made, renamed and removed since their directory's last sync the first `names`, in order.
 *
 * @returns how many name changes were open, so that a caller can try each count
 */
export function diskAfter(operations: readonly Operation[], count: number, loss: Loss, names: number, root: string, image: string): number {
  const live = new Map<string, Node>();
  let durable = new Map<string, Node>();
  let open: ((disk: Map<string, Node>) => void)[] = [];
  const change = (step: (disk: Map<string, Node>) => void): void => {
    step(live);
    open.push(step);
  };
  for (const operation of operations.slice(0, count)) {
    const node = live.get(operation.file);
    switch (operation.op) {
      case "create": {
        const made: Node = { synced: Buffer.alloc(0), written: Buffer.alloc(0) };
        change((disk) => disk.set(operation.file, made));
        break;
      }
      case "write":
        if (node !== undefined) node.written = Buffer.concat([node.written, operation.octets]);
        break;
      case "sync":
        if (node !== undefined) node.synced = node.written;
        break;
      case "truncate":
        if (node !== undefined) node.synced = node.written = node.written.subarray(0, operation.octets);
        break;
      case "rename":
        change((disk) => {
          const moved = disk.get(operation.file);
          disk.delete(operation.file);
          if (moved !== undefined) disk.set(operation.to, moved);
        });
        break;
      case "unlink":
        change((disk) => disk.delete(operation.file));
        break;
      case "syncDirectory":
        // One journal: what was done to names anywhere before is on the disk too.
        durable = new Map(live);
        open = [];
        break;
      case "append":
        break;
    }
  }
  for (const step of open.slice(0, names)) step(durable);
  rmSync(image, { recursive: true, force: true });
  mkdirSync(path.join(image, "documents"), { recursive: true });
  for (const [file, node] of durable) {
    const lost = node.written.length - node.synced.length;
    const kept = Math.floor(lost * loss.kept);
    const octets = Buffer.concat([
      node.synced,
      node.written.subarray(node.synced.length, node.synced.length + kept),
      Buffer.alloc(loss.zeros ? lost - kept : 0),
    ]);
    writeFileSync(path.join(image, path.relative(root, file)), octets);
  }
  return open.length;
}
