/** Numbers in octets, little-endian but where the name says otherwise. INVARIANT: the caller has checked that the octets are there; every decoder checks its length first. */

export function u16le(octets: Uint8Array, at: number): number {
  return (octets[at] as number) | ((octets[at + 1] as number) << 8);
}

export function u32le(octets: Uint8Array, at: number): number {
  return u16le(octets, at) + u16le(octets, at + 2) * 0x1_0000;
}

/** Milliseconds since 1970 in DNP3: below 2^48, which a double holds whole. */
export function u48le(octets: Uint8Array, at: number): number {
  return u32le(octets, at) + u16le(octets, at + 4) * 0x1_0000_0000;
}

export function i16le(octets: Uint8Array, at: number): number {
  return (u16le(octets, at) << 16) >> 16;
}

export function i32le(octets: Uint8Array, at: number): number {
  return u32le(octets, at) | 0;
}

/** Every bit pattern is a number here; what is none is told by `Number.isFinite`. */
export function f32le(octets: Uint8Array, at: number): number {
  for (let i = 0; i < 4; i++) FLOAT[i] = octets[at + i] as number;
  return VIEW.getFloat32(0, true);
}

export function f64le(octets: Uint8Array, at: number): number {
  for (let i = 0; i < 8; i++) FLOAT[i] = octets[at + i] as number;
  return VIEW.getFloat64(0, true);
}

export function putU16le(target: Uint8Array, at: number, value: number): void {
  target[at] = value;
  target[at + 1] = value >>> 8;
}

export function putU32le(target: Uint8Array, at: number, value: number): void {
  putU16le(target, at, value & 0xffff);
  putU16le(target, at + 2, value >>> 16);
}

export function putU48le(target: Uint8Array, at: number, value: number): void {
  putU32le(target, at, value >>> 0);
  putU16le(target, at + 4, Math.floor(value / 0x1_0000_0000));
}

export function putF32le(target: Uint8Array, at: number, value: number): void {
  VIEW.setFloat32(0, value, true);
  for (let i = 0; i < 4; i++) target[at + i] = FLOAT[i] as number;
}

export function putF64le(target: Uint8Array, at: number, value: number): void {
  VIEW.setFloat64(0, value, true);
  for (let i = 0; i < 8; i++) target[at + i] = FLOAT[i] as number;
}

/** Most significant octet first: as cells hold a number. */
export function putF64be(target: Uint8Array, at: number, value: number): void {
  VIEW.setFloat64(0, value, false);
  for (let i = 0; i < 8; i++) target[at + i] = FLOAT[i] as number;
}

export function f64be(octets: Uint8Array, at: number): number {
  for (let i = 0; i < 8; i++) FLOAT[i] = octets[at + i] as number;
  return VIEW.getFloat64(0, false);
}

const FLOAT = new Uint8Array(8);
const VIEW = new DataView(FLOAT.buffer);
