/** Three ways to lie with the log, each tried on a copy, each caught by `audit verify`. */
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { verify } from "#audit/verify";

export interface TamperScene {
  readonly what: string;
  readonly caught: boolean;
  /** What the verifier says. */
  readonly words: string;
}

export async function tamperScenes(directory: string, publicKeyPem: string): Promise<readonly TamperScene[]> {
  const scenes: TamperScene[] = [];
  for (const [what, change] of TAMPERS) {
    const copy = await mkdtemp(path.join(os.tmpdir(), "penstock-tampered-"));
    try {
      await cp(directory, copy, { recursive: true });
      const name = (await readdir(copy)).filter((file) => file.endsWith(".jsonl")).sort()[0] ?? "";
      const file = path.join(copy, name);
      const lines = (await readFile(file, "utf8")).split("\n");
      await writeFile(file, change(lines).join("\n"));
      const report = await verify(copy, publicKeyPem);
      const [first] = report.findings;
      scenes.push({ what, caught: !report.ok, words: first === undefined ? "nothing found" : `${first.what}: ${first.words}` });
    } finally {
      await rm(copy, { recursive: true, force: true });
    }
  }
  return scenes;
}

const DENIAL = '"decision":"deny"';

function first(lines: readonly string[]): number {
  return lines.findIndex((line) => line.includes(DENIAL));
}

/** Lines in, lines out; the first denial is what somebody would like to be rid of. */
const TAMPERS: readonly (readonly [string, (lines: readonly string[]) => readonly string[]])[] = [
  [
    "somebody turns a denial into an allow",
    (lines) => lines.with(first(lines), (lines[first(lines)] as string).replace(DENIAL, '"decision":"allow"')),
  ],
  ["somebody deletes the denial", (lines) => lines.toSpliced(first(lines), 1)],
  ["somebody cuts the log's end off", (lines) => [...lines.slice(0, Math.floor(lines.length / 2)), ""]],
];
