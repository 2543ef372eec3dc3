/** The few file operations that evidence, stores and the spool are written with. Tests hand in their own to record, delay, tear and fail them. */
import * as fs from "node:fs";
import path from "node:path";
import { reasonOf } from "./reason.ts";

export interface AppendFile {
  /** All octets, or an error after which nothing may be said of the file beyond its last sync. */
  write(octets: Uint8Array): Promise<void>;
  /** fdatasync: octets and size are on the disk. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

export interface Files {
  /** A directory of mode 0700; one that is there stays as it is. */
  makeDirectory(directory: string): Promise<void>;
  /** A new, empty file of mode 0600, open for appending. @throws EEXIST */
  create(file: string): Promise<AppendFile>;
  /** An existing file, open for appending. */
  append(file: string): Promise<AppendFile>;
  /** Cut an existing file to `octets`, synced. */
  truncate(file: string, octets: number): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  unlink(file: string): Promise<void>;
  /** Names made, renamed and removed in the directory are on the disk. */
  syncDirectory(directory: string): Promise<void>;
  /** The octets from `from` to the file's end. */
  read(file: string, from: number): Promise<Uint8Array>;
  /** The same, as many as `into` takes. @returns how many there were */
  readInto(file: string, from: number, into: Uint8Array): Promise<number>;
  /** The regular files of a directory, in no order. */
  list(directory: string): Promise<FoundFile[]>;
}

export interface FoundFile {
  readonly name: string;
  readonly octets: number;
}

export const realFiles: Files = {
  async makeDirectory(directory) {
    await fs.promises.mkdir(directory, { recursive: true, mode: 0o700 });
  },
  async create(file) {
    return new RealFile(await fs.promises.open(file, "ax", 0o600));
  },
  async append(file) {
    return new RealFile(await fs.promises.open(file, fs.constants.O_WRONLY | fs.constants.O_APPEND));
  },
  async truncate(file, octets) {
    const handle = await fs.promises.open(file, "r+");
    try {
      await handle.truncate(octets);
      await handle.sync();
    } finally {
      await handle.close();
    }
  },
  rename: (from, to) => fs.promises.rename(from, to),
  unlink: (file) => fs.promises.unlink(file),
  async syncDirectory(directory) {
    const handle = await fs.promises.open(directory, "r");
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  },
  async read(file, from) {
    const handle = await fs.promises.open(file, "r");
    try {
      const { size } = await handle.stat();
      const octets = new Uint8Array(Math.max(0, size - from));
      return octets.subarray(0, await fill(handle, from, octets));
    } finally {
      await handle.close();
    }
  },
  async readInto(file, from, into) {
    const handle = await fs.promises.open(file, "r");
    try {
      return await fill(handle, from, into);
    } finally {
      await handle.close();
    }
  },
  async list(directory) {
    const names = await fs.promises.readdir(directory);
    const found = await Promise.all(names.map((name) => look(directory, name)));
    return found.filter((file) => file !== null);
  },
};

async function fill(handle: fs.promises.FileHandle, from: number, into: Uint8Array): Promise<number> {
  let filled = 0;
  while (filled < into.length) {
    const { bytesRead } = await handle.read(into, filled, into.length - filled, from + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return filled;
}

/** null: something else than a file, or gone between listing and looking. */
async function look(directory: string, name: string): Promise<FoundFile | null> {
  try {
    const found = await fs.promises.stat(path.join(directory, name));
    return found.isFile() ? { name, octets: found.size } : null;
  } catch (error) {
    if (reasonOf(error) === "ENOENT") return null;
    throw error;
  }
}

/** Where missing it is made, name by name, each synced: with its directory a whole log would be lost. */
export async function makeDirectories(files: Files, directory: string): Promise<void> {
  if (fs.existsSync(directory)) return;
  const above = path.dirname(directory);
  await makeDirectories(files, above);
  await files.makeDirectory(directory);
  await files.syncDirectory(above);
}

/**
 * A whole file or none: written and synced under another name, then renamed.
 *
 * @param keepName sync the new name too; without it a power loss may bring the earlier file back, whole
 */
export async function writeWhole(files: Files, directory: string, name: string, octets: Uint8Array, keepName = true): Promise<void> {
  const made = path.join(directory, `${name}.new`);
  await unlinkIfThere(files, made);
  const file = await files.create(made);
  try {
    await file.write(octets);
    await file.sync();
  } finally {
    await file.close();
  }
  await files.rename(made, path.join(directory, name));
  if (keepName) await files.syncDirectory(directory);
}

export async function syncFile(files: Files, file: string): Promise<void> {
  const open = await files.append(file);
  try {
    await open.sync();
  } finally {
    await open.close();
  }
}

export async function unlinkIfThere(files: Files, file: string): Promise<void> {
  try {
    await files.unlink(file);
  } catch (error) {
    if (reasonOf(error) !== "ENOENT") throw error;
  }
}

/** Callbacks of node:fs under one promise each: two thread pool trips a batch and nothing else. */
class RealFile implements AppendFile {
  readonly #handle: fs.promises.FileHandle;

  constructor(handle: fs.promises.FileHandle) {
    this.#handle = handle;
  }

  write(octets: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      const more = (from: number): void => {
        fs.write(this.#handle.fd, octets, from, octets.length - from, null, (error, written) => {
          if (error !== null) reject(error);
          else if (from + written === octets.length) resolve();
          else more(from + written);
        });
      };
      more(0);
    });
  }

  sync(): Promise<void> {
    return new Promise((resolve, reject) => {
      fs.fdatasync(this.#handle.fd, (error) => (error === null ? resolve() : reject(error)));
    });
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}
