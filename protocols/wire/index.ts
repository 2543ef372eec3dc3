export type { Millis, WallMillis } from "./numbers.ts";
export { millis, wallMillis } from "./numbers.ts";
export type { Result } from "./result.ts";
export { err, ok } from "./result.ts";
