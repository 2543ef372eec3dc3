/** What may be pruned, and what of it remains to be said (RULINGS 32). */
import { type Header, readHeader } from "./format.ts";
import { firstLine } from "./lines.ts";

/**
 * The header after an old segment, when that segment ended longer ago than `retainMs` by the wall clock and by accumulated uptime both: a
 * clock set forward prunes nothing. It holds the old segment's last number and hash.
 *
 * @param next the segment after it
 */
export async function prunable(segment: number, next: string, retainMs: number, wallMs: number, uptimeMs: number): Promise<Header | null> {
  const header = readHeader((await firstLine(next)) ?? "");
  if (header === null || header.previous?.segment !== segment) return null;
  return wallMs - Date.parse(header.time) > retainMs && uptimeMs - header.uptime > retainMs ? header : null;
}
