/** Inputs worth keeping from one run to the next: `.cache/fuzz/NAME/`, a file each, named by its digest. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";

const FOLDER = path.join(import.meta.dirname, "../../.cache/fuzz");

/** Shortest first: of several that bring the same the longer ones are left out then. */
export function readKept(name: string): readonly Uint8Array[] {
  const folder = path.join(FOLDER, name);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .sort()
    .map((file) => new Uint8Array(readFileSync(path.join(folder, file))))
    .sort((a, b) => a.length - b.length);
}

/** These, and no others. */
export function writeKept(name: string, inputs: readonly Uint8Array[]): void {
  const folder = path.join(FOLDER, name);
  mkdirSync(folder, { recursive: true });
  const files = new Map(inputs.map((input) => [createHash("sha256").update(input).digest("hex").slice(0, 32), input]));
  for (const file of readdirSync(folder)) if (!files.has(file)) rmSync(path.join(folder, file));
  for (const [file, input] of files) writeFileSync(path.join(folder, file), input);
}
