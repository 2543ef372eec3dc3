/**
 * A disk under a gateway's evidence that fails or hangs on demand, and knows what it has: the octets that a sync which ended found written. What
 * is more than that may be gone after a power loss, so nobody may count on it.
 */
import { readFileSync } from "node:fs";
import type { AppendFile } from "#disk/files";
import { InjectedFiles, SystemError } from "#test/audit/injected";

type Operation = "write" | "sync" | "create";

export class FailingDisk extends InjectedFiles {
  /** Error that every one of `on` ends with; null: it is well. */
  fails: string | null = null;
  on: readonly Operation[] = ["write", "sync", "create"];
  /** Operations that failed. */
  failed = 0;
  readonly #written = new Map<string, number>();
  readonly #synced = new Map<string, number>();
  #hang: Promise<void> | null = null;
  #resume = (): void => {};

  constructor() {
    super();
    this.before = ({ op }) => {
      if (this.fails === null || !(this.on as readonly string[]).includes(op)) return;
      this.failed += 1;
      throw new SystemError(this.fails);
    };
  }

  /** From now on no sync ends, until `resume`. */
  hang(): void {
    this.#hang = new Promise((resolve) => {
      this.#resume = resolve;
    });
  }

  resume(): void {
    this.#hang = null;
    this.#resume();
  }

  override async create(file: string): Promise<AppendFile> {
    return this.#watched(file, await super.create(file));
  }

  override async append(file: string): Promise<AppendFile> {
    const octets = (await this.read(file, 0)).length;
    this.#written.set(file, octets);
    this.#synced.set(file, octets);
    return this.#watched(file, await super.append(file));
  }

  /** Every line of the log that no power loss takes, oldest first. */
  get durableLines(): string[] {
    return [...this.#synced]
      .filter(([file]) => file.endsWith(".jsonl"))
      .sort()
      .flatMap(([file, octets]) => readFileSync(file).subarray(0, octets).toString("utf8").split("\n"))
      .filter((line) => line !== "");
  }

  #watched(file: string, inner: AppendFile): AppendFile {
    return {
      write: async (octets) => {
        await inner.write(octets);
        this.#written.set(file, (this.#written.get(file) ?? 0) + octets.length);
      },
      sync: async () => {
        const octets = this.#written.get(file) ?? 0;
        await this.#hang;
        await inner.sync();
        this.#synced.set(file, octets);
      },
      close: () => inner.close(),
    };
  }
}
