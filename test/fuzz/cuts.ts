/**
 * A stream in pieces, as a network would bring it: one octet, some, or many at a time.
 *
 *     0..1             2..
 *     seed of cuts     the stream
 */
import { Random } from "./random.ts";

/** @returns views into `input`, in order; together its stream */
export function cutsOf(input: Uint8Array): Uint8Array[] {
  const stream = input.subarray(2);
  const random = new Random(((input[0] ?? 0) << 8) | (input[1] ?? 0), "cuts");
  const chunks: Uint8Array[] = [];
  for (let at = 0; at < stream.length; ) {
    const size = 1 + random.below(random.of([1, 3, 8, 300]));
    chunks.push(stream.subarray(at, at + size));
    at += size;
  }
  return chunks;
}
