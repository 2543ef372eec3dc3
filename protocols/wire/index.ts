export { crc16 } from "./crc16.ts";
export { fromHex, toHex } from "./hex.ts";
export type { Millis, WallMillis } from "./numbers.ts";
export { millis, wallMillis } from "./numbers.ts";
export { copyOctets, putU16, sameOctets, u16 } from "./octets.ts";
export type { Result } from "./result.ts";
export { err, ok } from "./result.ts";
