/** File operations that are recorded, refused or torn on demand. */
import { type AppendFile, type Files, type FoundFile, realFiles } from "#disk/files";
import type { Call, Event } from "./disk.ts";

export class SystemError extends Error {
  readonly code: string;

  constructor(code: string) {
    super(code);
    this.code = code;
  }
}

/** The real files, seen through. `before` may throw in place of a call, `partial` cuts a refused write short. */
export class InjectedFiles implements Files {
  readonly operations: Call[] = [];
  /** The same with their ends, and whatever else a test adds: what a disk has seen. */
  readonly events: Event[] = [];
  before: (call: Call) => void = () => {};
  /** Octets a refused write leaves in the file all the same. */
  partial = 0;
  /** Really wait for the disk; off where the test is about order, not about this disk. */
  sync = true;
  /** Milliseconds each sync of a file takes besides. */
  delayMs = 0;

  /** Recorded as begun and as done; one that is refused is neither. */
  async #do<T>(call: Call, run: () => Promise<T>): Promise<T> {
    this.before(call);
    this.operations.push(call);
    this.events.push({ is: "start", call });
    const result = await run();
    this.events.push({ is: "end", call });
    return result;
  }

  makeDirectory(file: string): Promise<void> {
    return this.#do({ op: "makeDirectory", file }, () => realFiles.makeDirectory(file));
  }

  async create(file: string): Promise<AppendFile> {
    return this.#wrap(file, await this.#do({ op: "create", file }, () => realFiles.create(file)));
  }

  async append(file: string): Promise<AppendFile> {
    return this.#wrap(file, await this.#do({ op: "append", file }, () => realFiles.append(file)));
  }

  truncate(file: string, octets: number): Promise<void> {
    return this.#do({ op: "truncate", file, octets }, () => realFiles.truncate(file, octets));
  }

  rename(from: string, to: string): Promise<void> {
    return this.#do({ op: "rename", file: from, to }, () => realFiles.rename(from, to));
  }

  unlink(file: string): Promise<void> {
    return this.#do({ op: "unlink", file }, () => realFiles.unlink(file));
  }

  syncDirectory(file: string): Promise<void> {
    return this.#do({ op: "syncDirectory", file }, async () => {
      if (this.sync) await realFiles.syncDirectory(file);
    });
  }

  read(file: string, from: number): Promise<Uint8Array> {
    return realFiles.read(file, from);
  }

  readInto(file: string, from: number, into: Uint8Array): Promise<number> {
    return realFiles.readInto(file, from, into);
  }

  list(directory: string): Promise<FoundFile[]> {
    return realFiles.list(directory);
  }

  #wrap(file: string, inner: AppendFile): AppendFile {
    return {
      write: async (octets) => {
        try {
          await this.#do({ op: "write", file, octets: octets.slice() }, () => inner.write(octets));
        } catch (error) {
          if (this.partial > 0) {
            const part = octets.slice(0, this.partial);
            this.events.push({ is: "start", call: { op: "write", file, octets: part } });
            await inner.write(part);
          }
          throw error;
        }
      },
      sync: () =>
        this.#do({ op: "sync", file }, async () => {
          if (this.delayMs > 0) await new Promise((resolve) => setTimeout(resolve, this.delayMs));
          if (this.sync) await inner.sync();
        }),
      close: () => inner.close(),
    };
  }
}
