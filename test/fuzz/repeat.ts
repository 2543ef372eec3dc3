/** Inputs that broke something: where they are put, how they are run again, and those that did once (`found/NAME/*.hex`). */
import { existsSync, mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fromHex } from "#wire";

/** A file of its own for a failing input. */
export function inputFile(name: string): string {
  return path.join(mkdtempSync(path.join(tmpdir(), "penstock-fuzz-")), `${name}.input`);
}

export function sayRepeat(name: string, file: string): string {
  return `     again: node test/fuzz/run.ts --only ${name} --replay ${file}`;
}

export interface Found {
  readonly file: string;
  readonly octets: Uint8Array;
}

/** Hex in lines; what follows `#` says what it once broke. */
export function foundInputs(name: string): readonly Found[] {
  const folder = path.join(import.meta.dirname, "found", name);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((file) => file.endsWith(".hex"))
    .sort()
    .map((file) => ({ file: path.join(folder, file), octets: readHexFile(path.join(folder, file)) }));
}

export function readHexFile(file: string): Uint8Array {
  const text = readFileSync(file, "utf8").replace(/#.*$/gm, "");
  const octets = fromHex(text.replace(/\s/g, ""));
  if (octets === null) throw new Error(`${file} is not hex`);
  return octets;
}
