/** How often this sender has begun: it orders its starts. Kept in a file; where that is lost the clock stands in, which has counted further. */
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import path from "node:path";
import { badFile } from "#sealing/badFile";

const MOST = 0xffff_ffff;

/**
 * The next one, on the disk before the first frame of it is made.
 *
 * @throws UserProblems where it cannot be written: a start that is not told apart from the one before must not be
 */
export function nextEpoch(folder: string, wallMs: number): number {
  try {
    return written(folder, wallMs);
  } catch (error) {
    const found = `a folder that cannot be written (${(error as NodeJS.ErrnoException).code ?? String(error)})`;
    throw badFile(folder, found, "room for what must outlast a start");
  }
}

function written(folder: string, wallMs: number): number {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const file = path.join(folder, "epoch");
  const epoch = Math.min(MOST, Math.max(epochIn(file) + 1, Math.floor(wallMs / 1_000)));
  const made = openSync(`${file}.new`, "w", 0o600);
  try {
    writeSync(made, `${epoch}\n`);
    fsyncSync(made);
  } finally {
    closeSync(made);
  }
  renameSync(`${file}.new`, file);
  const directory = openSync(folder, "r");
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
  return epoch;
}

function epochIn(file: string): number {
  try {
    const text = readFileSync(file, "latin1").trim();
    const epoch = /^\d{1,10}$/.test(text) ? Number(text) : 0;
    // A number behind which there is none is damage: all starts from then on would be the same one.
    return epoch < MOST ? epoch : 0;
  } catch {
    return 0;
  }
}
