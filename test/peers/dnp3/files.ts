/** Files of the outstation test peer, in memory: names with slashes make directories. @source IEEE 1815-2012 4.4.21 to 4.4.27, Annex A g70 */
import { readNumber, Writer } from "./numbers.ts";
import { IIN2, ObjectFault } from "./objects.ts";

export const FILE_STATUS = {
  ok: 0,
  invalidMode: 2,
  notFound: 3,
  locked: 4,
  tooManyOpen: 5,
  invalidHandle: 6,
  blockSize: 7,
  overrun: 18,
  sequence: 20,
} as const;
export const FILE_MODE = { none: 0, read: 1, write: 2, append: 3 } as const;
const LAST_BLOCK = 0x8000_0000;
const MOST_OPEN = 8;
const MOST_FILES = 256;
const LONGEST_FILE = 1024 * 1024;
const PERMISSIONS = 0o777;
const COMMAND = 26;
const DESCRIPTOR = 20;

interface Open {
  readonly name: string;
  readonly mode: number;
  readonly maxBlock: number;
  readonly requestId: number;
  /** What is read, or what is written so far. */
  octets: Uint8Array;
  block: number;
}

/** The variation and octets of a g70 object. */
export type FileObject = readonly [variation: number, data: Uint8Array];

export class Files {
  readonly stored: Map<string, Uint8Array>;
  readonly #longest: number;
  readonly #open = new Map<number, Open>();
  #nextHandle = 1;

  /** @param longest  octets of a block at most */
  constructor(stored: Map<string, Uint8Array>, longest: number) {
    this.stored = stored;
    this.#longest = longest;
  }

  closeAll(): void {
    this.#open.clear();
  }

  /** OPEN_FILE with g70v3; answers g70v4. */
  open(object: Uint8Array): FileObject {
    const { name, mode, size, maxBlock, requestId } = readCommand(object);
    const refuse = (status: number): FileObject => commandStatus(0, 0, 0, requestId, status);
    const listing = this.#list(name);
    const stored = this.stored.get(name) ?? (mode === FILE_MODE.read ? listing?.octets : undefined);
    if (mode < FILE_MODE.read || mode > FILE_MODE.append) return refuse(FILE_STATUS.invalidMode);
    if (mode === FILE_MODE.read && stored === undefined) return refuse(FILE_STATUS.notFound);
    if (mode !== FILE_MODE.read && listing !== null) return refuse(FILE_STATUS.invalidMode);
    if ([...this.#open.values()].some((each) => each.name === name && (each.mode !== 1 || mode !== 1))) return refuse(FILE_STATUS.locked);
    if (mode !== FILE_MODE.read && stored === undefined && this.stored.size >= MOST_FILES) return refuse(FILE_STATUS.overrun);
    if (this.#open.size >= MOST_OPEN) return refuse(FILE_STATUS.tooManyOpen);
    const handle = this.#nextHandle;
    this.#nextHandle += 1;
    const octets = mode === FILE_MODE.write ? new Uint8Array(0) : (stored ?? new Uint8Array(0));
    const block = Math.min(maxBlock, this.#longest);
    this.#open.set(handle, { name, mode, maxBlock: block, requestId, octets, block: 0 });
    if (mode !== FILE_MODE.read) this.stored.set(name, octets);
    const told = mode !== FILE_MODE.read ? Math.min(size, octets.length) : (listing?.count ?? octets.length);
    return commandStatus(handle, told, block, requestId, FILE_STATUS.ok);
  }

  /** CLOSE_FILE or ABORT_FILE with g70v4; answers g70v4. */
  close(object: Uint8Array): FileObject {
    if (object.length < 13) throw new ObjectFault(IIN2.parameter, `g70v4 of ${object.length} octets`);
    const handle = readNumber(object, 0, "u32");
    const requestId = readNumber(object, 10, "u16");
    const isOpen = this.#open.delete(handle);
    return commandStatus(handle, 0, 0, requestId, isOpen ? FILE_STATUS.ok : FILE_STATUS.invalidHandle);
  }

  /** DELETE_FILE with g70v3; answers g70v4. */
  delete(object: Uint8Array): FileObject {
    const { name, requestId } = readCommand(object);
    const isOpen = [...this.#open.values()].some((each) => each.name === name);
    const status = isOpen ? FILE_STATUS.locked : this.stored.delete(name) ? FILE_STATUS.ok : FILE_STATUS.notFound;
    return commandStatus(0, 0, 0, requestId, status);
  }

  /** GET_FILE_INFO with g70v7; answers g70v7, or g70v4 where there is no such file. */
  info(object: Uint8Array): FileObject {
    const name = nameIn(object, DESCRIPTOR);
    const requestId = readNumber(object, 18, "u16");
    const listing = this.#list(name);
    const stored = this.stored.get(name);
    if (stored !== undefined) return [7, descriptor(name, 1, stored.length, requestId)];
    if (listing !== null) return [7, descriptor(name, 0, listing.count, requestId)];
    return commandStatus(0, 0, 0, requestId, FILE_STATUS.notFound);
  }

  /** READ with the handle and block of g70v5; answers g70v5, or g70v6 where it cannot. The block before may be read again. */
  read(object: Uint8Array): FileObject {
    const { handle, block, data } = readTransport(object);
    const open = this.#open.get(handle);
    if (data.length > 0) throw new ObjectFault(IIN2.parameter, "a read of g70v5 with data");
    if (open === undefined) return transportStatus(handle, block, FILE_STATUS.invalidHandle);
    if (open.mode !== FILE_MODE.read) return transportStatus(handle, block, FILE_STATUS.invalidMode);
    if (block !== open.block && block !== open.block - 1) return transportStatus(handle, block, FILE_STATUS.sequence);
    const from = block * open.maxBlock;
    const part = open.octets.subarray(from, from + open.maxBlock);
    const isLast = from + part.length >= open.octets.length;
    open.block = isLast ? block : block + 1;
    return [
      5,
      new Writer()
        .number("u32", handle)
        .number("u32", block + (isLast ? LAST_BLOCK : 0))
        .raw(part)
        .take(),
    ];
  }

  /** WRITE with g70v5; answers g70v6. */
  write(object: Uint8Array): FileObject {
    const { handle, block, isLast, data } = readTransport(object);
    const said = block + (isLast ? LAST_BLOCK : 0);
    const open = this.#open.get(handle);
    if (open === undefined) return transportStatus(handle, said, FILE_STATUS.invalidHandle);
    if (open.mode === FILE_MODE.read) return transportStatus(handle, said, FILE_STATUS.invalidMode);
    if (data.length > open.maxBlock) return transportStatus(handle, said, FILE_STATUS.blockSize);
    if (block !== open.block) return transportStatus(handle, said, FILE_STATUS.sequence);
    if (open.octets.length + data.length > LONGEST_FILE) return transportStatus(handle, said, FILE_STATUS.overrun);
    open.block += 1;
    open.octets = Uint8Array.from(Buffer.concat([open.octets, data]));
    this.stored.set(open.name, open.octets);
    return transportStatus(handle, said, FILE_STATUS.ok);
  }

  /** What a directory reads as: a g70v7 for each entry. Null: there is no such directory. */
  #list(name: string): { readonly octets: Uint8Array; readonly count: number } | null {
    const isRoot = ["", ".", "/"].includes(name);
    const prefix = isRoot ? "" : `${name.replace(/\/$/, "")}/`;
    const entries = new Map<string, Uint8Array>();
    for (const [path, octets] of this.stored) {
      if (!path.startsWith(prefix)) continue;
      const [entry = "", ...deeper] = path.slice(prefix.length).split("/");
      entries.set(entry, descriptor(entry, deeper.length === 0 ? 1 : 0, deeper.length === 0 ? octets.length : 0, 0));
    }
    return isRoot || entries.size > 0 ? { octets: Uint8Array.from(Buffer.concat([...entries.values()])), count: entries.size } : null;
  }
}

/** The name at its fixed place, which must end the object. */
function nameIn(object: Uint8Array, at: number): string {
  const isWhole = object.length >= at && readNumber(object, 0, "u16") === at && readNumber(object, 2, "u16") === object.length - at;
  if (!isWhole) throw new ObjectFault(IIN2.parameter, `a file name that does not fill its object of ${object.length} octets`);
  return Buffer.from(object.subarray(at)).toString("utf8");
}

function readCommand(object: Uint8Array): { name: string; mode: number; size: number; maxBlock: number; requestId: number } {
  const name = nameIn(object, COMMAND);
  const [mode, maxBlock, requestId] = [20, 22, 24].map((at) => readNumber(object, at, "u16")) as [number, number, number];
  return { name, mode, size: readNumber(object, 16, "u32"), maxBlock, requestId };
}

function readTransport(object: Uint8Array): { handle: number; block: number; isLast: boolean; data: Uint8Array } {
  if (object.length < 8) throw new ObjectFault(IIN2.parameter, `g70v5 of ${object.length} octets`);
  const block = readNumber(object, 4, "u32");
  return { handle: readNumber(object, 0, "u32"), block: block % LAST_BLOCK, isLast: block >= LAST_BLOCK, data: object.subarray(8) };
}

function commandStatus(handle: number, size: number, maxBlock: number, requestId: number, status: number): FileObject {
  const out = new Writer().number("u32", handle).number("u32", size).number("u16", maxBlock).number("u16", requestId).u8(status);
  return [4, out.take()];
}

function transportStatus(handle: number, block: number, status: number): FileObject {
  return [6, new Writer().number("u32", handle).number("u32", block).u8(status).take()];
}

function descriptor(name: string, type: 0 | 1, size: number, requestId: number): Uint8Array {
  const octets = Buffer.from(name, "utf8");
  const out = new Writer().number("u16", DESCRIPTOR).number("u16", octets.length).number("u16", type).number("u32", size);
  return out.number("u48", 0).number("u16", PERMISSIONS).number("u16", requestId).raw(octets).take();
}
