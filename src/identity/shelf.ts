/**
 * The directory of a local CA. Several files change together or not at all, and a kill at any moment leaves a store that works:
 *
 *     new contents under other names, synced -> index naming the moves, renamed into place (this commits) -> the moves -> index without them
 *
 * Whoever opens the directory next finishes moves that were committed and removes what was not. One process changes it at a time.
 */
import { randomBytes } from "node:crypto";
import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import path from "node:path";
import { type PkiIndex, parseIndex, writeIndex } from "./pkiIndex.ts";
import { PkiProblem } from "./problem.ts";

const INDEX = "index.json";
const LOCK = ".lock";
/** A process writes its number into the lock at once; a lock that stays empty longer than this is a dead one's. */
const JUST_BEGUN_MS = 10_000;
const LEFTOVER = /^\.[0-9a-f]{16}\.tmp$/;

export interface NewFile {
  readonly name: string;
  readonly text: string;
  /** Keys are nobody else's to read. */
  readonly secret: boolean;
}

export class Shelf {
  readonly directory: string;

  constructor(directory: string) {
    this.directory = path.resolve(directory);
  }

  get exists(): boolean {
    return existsSync(this.#at(INDEX));
  }

  /** @throws PkiProblem where there is no CA, or its index is not as we wrote it */
  read(): PkiIndex {
    let text: string;
    try {
      text = readFileSync(this.#at(INDEX), "utf8");
    } catch (error) {
      throw new PkiProblem(`${this.directory}: ${plain(error)}; expected a local CA here (penstock pki init makes one)`);
    }
    return parseIndex(text, this.#at(INDEX));
  }

  /** @throws PkiProblem where it cannot be read */
  readText(name: string): string {
    try {
      return readFileSync(path.resolve(this.directory, name), "utf8");
    } catch (error) {
      throw new PkiProblem(`${path.resolve(this.directory, name)}: ${plain(error)}`);
    }
  }

  has(name: string): boolean {
    return existsSync(this.#at(name));
  }

  /** Make the directory; what a killed `init` left there is removed. */
  prepare(): void {
    try {
      mkdirSync(this.directory, { recursive: true, mode: 0o700 });
      const there = readdirSync(this.directory).filter((name) => name !== LOCK && !LEFTOVER.test(name));
      if (this.exists) throw new PkiProblem(`${this.directory}: found a local CA; expected an empty or new directory`);
      if (there.length > 0) throw new PkiProblem(`${this.directory}: found ${there[0]}; expected an empty or new directory`);
      chmodSync(this.directory, 0o700);
    } catch (error) {
      throw error instanceof PkiProblem ? error : new PkiProblem(`${this.directory}: ${plain(error)}`);
    }
  }

  /** Run `work` alone. A lock whose process is gone is taken over. */
  async alone<T>(work: () => Promise<T>): Promise<T> {
    this.#lock();
    try {
      this.#finish();
      return await work();
    } finally {
      rmSync(this.#at(LOCK), { force: true });
    }
  }

  /** All files and the index, or none of it. Call inside `alone`. */
  commit(index: PkiIndex, files: readonly NewFile[]): void {
    const pending = files.map((file) => ({ from: this.#writeAside(file.text, file.secret), to: file.name }));
    this.#replaceIndex({ ...index, pending });
    if (pending.length === 0) return;
    this.#move(pending);
    this.#replaceIndex({ ...index, pending: [] });
  }

  #finish(): void {
    if (!this.exists) return;
    const index = this.read();
    if (index.pending.length > 0) {
      this.#move(index.pending);
      this.#replaceIndex({ ...index, pending: [] });
    }
    for (const name of readdirSync(this.directory)) if (LEFTOVER.test(name)) rmSync(this.#at(name));
  }

  #move(pending: PkiIndex["pending"]): void {
    for (const { from, to } of pending) if (existsSync(this.#at(from))) renameSync(this.#at(from), this.#at(to));
    this.#syncDirectory();
  }

  #replaceIndex(index: PkiIndex): void {
    const aside = this.#writeAside(writeIndex(index), true);
    renameSync(this.#at(aside), this.#at(INDEX));
    this.#syncDirectory();
  }

  #writeAside(text: string, secret: boolean): string {
    const name = `.${randomBytes(8).toString("hex")}.tmp`;
    writeNew(this.#at(name), text, secret);
    return name;
  }

  #syncDirectory(): void {
    const handle = openSync(this.directory, "r");
    try {
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
  }

  #lock(): void {
    for (let attempt = 0; ; attempt++) {
      try {
        writeNew(this.#at(LOCK), String(process.pid), true);
        return;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw new PkiProblem(`${this.directory}: ${plain(error)}`);
        const stale = attempt < 3 ? this.#staleLock() : null;
        if (stale === null)
          throw new PkiProblem(
            `${this.#at(LOCK)}: another process is changing this CA (${this.#lockText() || "just begun"}); wait for it to end`,
          );
        this.#takeAway(stale);
      }
    }
  }

  /** What stands in a lock whose process is gone; null: it lives, or has only just made the lock and not yet said who it is. */
  #staleLock(): string | null {
    const text = this.#lockText();
    const pid = Number(text);
    try {
      if (text === "") return Date.now() - statSync(this.#at(LOCK)).mtimeMs > JUST_BEGUN_MS ? text : null;
      if (Number.isInteger(pid) && pid > 0) process.kill(pid, 0);
      else return text;
    } catch (error) {
      return ["ESRCH", "ENOENT"].includes((error as NodeJS.ErrnoException).code ?? "") ? text : null;
    }
    return null;
  }

  #lockText(): string {
    try {
      return readFileSync(this.#at(LOCK), "utf8");
    } catch {
      return "";
    }
  }

  /** Of several that find the same dead lock one moves it away; who moved a new one by mistake puts it back. */
  #takeAway(stale: string): void {
    const aside = `.${randomBytes(8).toString("hex")}.tmp`;
    try {
      renameSync(this.#at(LOCK), this.#at(aside));
      if (readFileSync(this.#at(aside), "utf8") === stale) rmSync(this.#at(aside));
      else renameSync(this.#at(aside), this.#at(LOCK));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw new PkiProblem(`${this.directory}: ${plain(error)}`);
    }
  }

  #at(name: string): string {
    return path.join(this.directory, name);
  }
}

/** A file that was not there, synced; 0600 where secret, else 0644. @throws the system's error where it exists */
export function writeNew(file: string, text: string, secret: boolean): void {
  const handle = openSync(file, "wx", secret ? 0o600 : 0o644);
  try {
    writeSync(handle, text);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

/** What the system said, without stack and path. */
export function plain(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  const words: Readonly<Record<string, string>> = {
    ENOENT: "no such file or directory",
    EACCES: "permission denied",
    EPERM: "permission denied",
    ENOTDIR: "not a directory",
    EEXIST: "it exists already",
    ENOSPC: "no space left",
    EROFS: "read-only file system",
  };
  return words[code ?? ""] ?? code ?? message;
}
