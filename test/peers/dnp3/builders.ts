/** Objects of requests, for the master test peer: each function gives the octets of one header with its items; `join` puts several together. */
import { type NumberType, Writer } from "./numbers.ts";
import { type Crob, setpointType } from "./objects.ts";

export function join(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(parts));
}

/** g60, everything of these classes: `classes(1, 2, 3, 0)` is an integrity poll. */
export function classes(...numbers: readonly (0 | 1 | 2 | 3)[]): Uint8Array {
  return Uint8Array.from(numbers.flatMap((number) => [60, number + 1, 0x06]));
}

/** Every object of a group. */
export function all(group: number, variation: number): Uint8Array {
  return Uint8Array.of(group, variation, 0x06);
}

/** Points `first` to `last`. */
export function range(group: number, variation: number, first: number, last: number): Uint8Array {
  const out = new Writer().u8(group, variation, last > 0xff ? 0x01 : 0x00);
  const width = last > 0xff ? "u16" : "u8";
  return out.number(width, first).number(width, last).take();
}

/** At most so many objects. */
export function limited(group: number, variation: number, count: number): Uint8Array {
  const isWide = count > 0xff;
  return new Writer()
    .u8(group, variation, isWide ? 0x08 : 0x07)
    .number(isWide ? "u16" : "u8", count)
    .take();
}

export type IndexWidth = 1 | 2;

/** Points by their indexes, without objects. */
export function indexes(group: number, variation: number, list: readonly number[], width: IndexWidth = 1): Uint8Array {
  return listed(
    group,
    variation,
    list.map((index) => [index, new Uint8Array(0)]),
    width,
  );
}

/** Objects behind their indexes. */
export function listed(
  group: number,
  variation: number,
  items: readonly (readonly [index: number, object: Uint8Array])[],
  width: IndexWidth,
): Uint8Array {
  const type: NumberType = width === 1 ? "u8" : "u16";
  const out = new Writer().u8(group, variation, width === 1 ? 0x17 : 0x28).number(type, items.length);
  for (const [index, object] of items) out.number(type, index).raw(object);
  return out.take();
}

export interface CrobRequest extends Partial<Crob> {
  readonly code: number;
  readonly status?: number;
}

/** g12v1 for one point; a pulse of 100 ms unless told otherwise. */
export function crob(index: number, request: CrobRequest, width: IndexWidth = 1): Uint8Array {
  return crobs([[index, request]], width);
}

/** g12v1 for several points under one header. */
export function crobs(list: readonly (readonly [index: number, request: CrobRequest])[], width: IndexWidth = 1): Uint8Array {
  const items = list.map(([index, { code, count = 1, onTimeMs = 100, offTimeMs = 100, status = 0 }]) => {
    const object = new Writer().u8(code, count).number("u32", onTimeMs).number("u32", offTimeMs).u8(status).take();
    return [index, object] as const;
  });
  return listed(12, 1, items, width);
}

/** g41: variation 1 is i32, 2 i16, 3 f32, 4 f64. */
export function analog(variation: number, index: number, value: number, width: IndexWidth = 1, status = 0): Uint8Array {
  const type = setpointType(variation);
  if (type === undefined) throw new RangeError(`there is no g41v${variation}`);
  return listed(41, variation, [[index, new Writer().number(type, value).u8(status).take()]], width);
}

/** g50v1, the time of day; with `variation` 3 the time at the RECORD_CURRENT_TIME before. */
export function time(ms: number, variation: 1 | 3 = 1): Uint8Array {
  return new Writer().u8(50, variation, 0x07, 1).number("u48", ms).take();
}

/** g80v1: the restart bit becomes 0. */
export function clearRestart(): Uint8Array {
  return Uint8Array.of(80, 1, 0x00, 7, 7, 0);
}

/** g34: what an analog input must change by. */
export function deadband(variation: 1 | 2 | 3, index: number, value: number): Uint8Array {
  const type = ({ 1: "u16", 2: "u32", 3: "f32" } as const)[variation];
  return listed(34, variation, [[index, new Writer().number(type, value).take()]], 1);
}

/** An object of g70 in the free format. */
function sized(variation: number, object: Uint8Array): Uint8Array {
  return new Writer().u8(70, variation, 0x5b, 1).number("u16", object.length).raw(object).take();
}

export interface FileCommand {
  /** 0 to delete, 1 read, 2 write, 3 append. */
  readonly mode: number;
  readonly size?: number;
  readonly maxBlock?: number;
  readonly requestId?: number;
}

/** g70v3, for OPEN_FILE and DELETE_FILE. */
export function fileCommand(name: string, { mode, size = 0, maxBlock = 1024, requestId = 1 }: FileCommand): Uint8Array {
  const octets = Buffer.from(name, "utf8");
  const out = new Writer().number("u16", 26).number("u16", octets.length).number("u48", 0).number("u16", 0).number("u32", 0);
  out.number("u32", size).number("u16", mode).number("u16", maxBlock).number("u16", requestId).raw(octets);
  return sized(3, out.take());
}

/** g70v4, for CLOSE_FILE and ABORT_FILE. */
export function fileClose(handle: number, requestId = 1): Uint8Array {
  const out = new Writer().number("u32", handle).number("u32", 0).number("u16", 0).number("u16", requestId).u8(0);
  return sized(4, out.take());
}

/** g70v5: for READ without data, for WRITE with. */
export function fileBlock(handle: number, block: number, data: Uint8Array = new Uint8Array(0), isLast = false): Uint8Array {
  const out = new Writer().number("u32", handle).number("u32", block + (isLast ? 0x8000_0000 : 0));
  return sized(5, out.raw(data).take());
}

/** g70v7, for GET_FILE_INFO. */
export function fileInfo(name: string, requestId = 1): Uint8Array {
  const octets = Buffer.from(name, "utf8");
  const out = new Writer().number("u16", 20).number("u16", octets.length).number("u16", 0).number("u32", 0);
  return sized(7, out.number("u48", 0).number("u16", 0).number("u16", requestId).raw(octets).take());
}
