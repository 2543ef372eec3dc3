export { crc16 } from "./crc16.ts";
export { crcDnp } from "./crcDnp.ts";
export { fromHex, toHex } from "./hex.ts";
export {
  f32le,
  f64be,
  f64le,
  i16le,
  i32le,
  putF32le,
  putF64be,
  putF64le,
  putU16le,
  putU32le,
  putU48le,
  u16le,
  u32le,
  u48le,
} from "./little.ts";
export type { Millis, WallMillis } from "./numbers.ts";
export { millis, wallMillis } from "./numbers.ts";
export { copyOctets, putU16, sameOctets, u16 } from "./octets.ts";
export type { Result } from "./result.ts";
export { err, ok } from "./result.ts";
