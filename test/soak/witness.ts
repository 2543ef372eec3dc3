/** Looks into the log's files, as they are now, for the record of a write that has just come to a device. */
import { closeSync, fstatSync, openSync, readdirSync, readSync } from "node:fs";
import path from "node:path";
import type { Write } from "./requests.ts";

/** So much of the log's end is looked at; what was decided a timeout ago still stands in it. */
const TAIL_OCTETS = 2 * 1024 * 1024;

export class Witness {
  asked = 0;
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Is there an allow for it? */
  holds({ function: code, first, cells }: Write): boolean {
    this.asked += 1;
    const place = `"first":${first},`;
    const after = `"after":[${cells.join(",")}]`;
    const found = (line: string): boolean =>
      line.includes(after) && line.includes(place) && line.includes(`"function":${code},`) && line.includes('"decision":"allow"');
    const segments = readdirSync(this.#directory)
      .filter((name) => name.endsWith(".jsonl"))
      .sort();
    return segments.slice(-2).some((name) => tailOf(path.join(this.#directory, name)).split("\n").some(found));
  }
}

function tailOf(file: string): string {
  const descriptor = openSync(file, "r");
  try {
    const { size } = fstatSync(descriptor);
    const octets = Buffer.alloc(Math.min(size, TAIL_OCTETS));
    readSync(descriptor, octets, 0, octets.length, size - octets.length);
    return octets.toString("latin1");
  } finally {
    closeSync(descriptor);
  }
}
