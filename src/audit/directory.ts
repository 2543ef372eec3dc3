/** What lies in a log's directory. */
import { readdir, readFile, stat } from "node:fs/promises";
import path from "node:path";
import { reasonOf } from "#disk/reason";
import { CHECKPOINT_NAME, segmentName, segmentOf } from "./format.ts";

export interface SegmentFile {
  readonly segment: number;
  readonly file: string;
  readonly octets: number;
}

/** Segments in order of their numbers. @throws where the directory cannot be read */
export async function listSegments(directory: string): Promise<SegmentFile[]> {
  const numbers = (await readdir(directory)).map(segmentOf).filter((n) => n !== null);
  const found: SegmentFile[] = [];
  for (const segment of numbers.sort((a, b) => a - b)) {
    const file = path.join(directory, segmentName(segment));
    const octets = await sizeOf(file);
    if (octets !== null) found.push({ segment, file, octets });
  }
  return found;
}

/** null: no file (any more): pruned between listing and looking, or something else under a segment's name. */
async function sizeOf(file: string): Promise<number | null> {
  try {
    const found = await stat(file);
    return found.isFile() ? found.size : null;
  } catch (error) {
    if (reasonOf(error) === "ENOENT") return null;
    throw error;
  }
}

/** The checkpoint file's one line without its line feed; null: no such file. Something else in its place comes back as it is. */
export async function readCheckpointFile(directory: string): Promise<string | null> {
  try {
    const text = await readFile(path.join(directory, CHECKPOINT_NAME), "latin1");
    return text.endsWith("\n") ? text.slice(0, -1) : `${text} (no line feed)`;
  } catch (error) {
    if (reasonOf(error) === "ENOENT") return null;
    throw error;
  }
}
