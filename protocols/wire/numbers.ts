/** Units live in types: a `Millis` is monotonic or wall-clock milliseconds as its name says, never a bare number of something. */
declare const brand: unique symbol;
type Branded<Name extends string> = number & { readonly [brand]: Name };

/** Milliseconds on the monotonic clock (never steps). Durations and deadlines use these. */
export type Millis = Branded<"millis">;
/** Milliseconds since 1970-01-01T00:00:00Z on the wall clock (may step). Records and `hours` use these. */
export type WallMillis = Branded<"wallMillis">;

export const millis = (n: number): Millis => n as Millis;
export const wallMillis = (n: number): WallMillis => n as WallMillis;
