/**
 * Assets that somebody has closed by command (RULINGS 27): no change passes, or nothing at all. One small file beside the evidence, of mode
 * 0600, written before the command is answered, so that a restart does not open what was closed. Where it cannot be read, the gateway does not
 * start: nobody knows what was to stay closed.
 */
import { readFileSync } from "node:fs";
import path from "node:path";
import { realFiles, writeWhole } from "#disk/files";
import { UserProblems } from "#documents/problems";

export interface Block {
  readonly asset: string;
  /** Reads too. */
  readonly reads: boolean;
  /** An identity, or `uid 1000` of a process at the local socket. */
  readonly by: string;
  /** Wall milliseconds. */
  readonly sinceMs: number;
}

const FORMAT = 1;

export class Blocks {
  readonly #file: string;
  readonly #blocks = new Map<string, Block>();
  /** Still in force, and by the disk no more. */
  readonly #lifting = new Set<Block>();
  /** One write after another: the last command wins on the disk as well. */
  #saved: Promise<void> = Promise.resolve();

  private constructor(file: string, blocks: readonly Block[]) {
    this.#file = file;
    for (const block of blocks) this.#blocks.set(block.asset, block);
  }

  /**
   * @param directory of the evidence
   * @throws UserProblems naming the file
   */
  static open(directory: string): Blocks {
    const file = `${directory}.blocks.json`;
    let text: string;
    try {
      text = readFileSync(file, "utf8");
    } catch (error) {
      const { code = String(error) } = error as NodeJS.ErrnoException;
      if (code === "ENOENT") return new Blocks(file, []);
      throw new UserProblems([`${file}: cannot be read (${code}); it says which assets are blocked`]);
    }
    const blocks = read(text);
    if (blocks === null)
      throw new UserProblems([
        `${file}: is damaged; it says which assets are blocked. Remove it to start with none blocked, then block again`,
      ]);
    return new Blocks(file, blocks);
  }

  of(asset: string): Block | null {
    return this.#blocks.get(asset) ?? null;
  }

  /** In force at once; resolves when a restart would know it, rejects where it cannot be written. */
  set(block: Block): Promise<void> {
    this.#blocks.set(block.asset, block);
    return this.#save();
  }

  /** The disk knows before the gate opens: what cannot be written stays closed. */
  async lift(asset: string): Promise<void> {
    const block = this.#blocks.get(asset);
    if (block === undefined) return;
    this.#lifting.add(block);
    try {
      await this.#save();
      if (this.#blocks.get(asset) === block) this.#blocks.delete(asset);
    } catch (error) {
      // Another command may have written it meanwhile, without this one.
      this.#lifting.delete(block);
      await this.#save().catch(() => {});
      throw error;
    } finally {
      this.#lifting.delete(block);
    }
  }

  #save(): Promise<void> {
    const octets = Buffer.from(
      `${JSON.stringify({ format: FORMAT, blocks: [...this.#blocks.values()].filter((block) => !this.#lifting.has(block)) })}\n`,
    );
    const next = this.#saved.then(() => writeWhole(realFiles, path.dirname(this.#file), path.basename(this.#file), octets));
    this.#saved = next.catch(() => {});
    return next;
  }
}

function read(text: string): Block[] | null {
  try {
    const kept: unknown = JSON.parse(text);
    if (!isObject(kept) || kept.format !== FORMAT || !Array.isArray(kept.blocks)) return null;
    const blocks = kept.blocks.map(readBlock).filter((block) => block !== null);
    return blocks.length === kept.blocks.length ? blocks : null;
  } catch {
    return null;
  }
}

function readBlock(value: unknown): Block | null {
  if (!isObject(value)) return null;
  const { asset, reads, by, uid, sinceMs } = value;
  if (typeof asset !== "string" || typeof reads !== "boolean" || typeof sinceMs !== "number") return null;
  if (typeof by === "string") return { asset, reads, by, sinceMs };
  // As it was written while the socket alone took commands.
  return typeof uid === "number" ? { asset, reads, by: `uid ${uid}`, sinceMs } : null;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
