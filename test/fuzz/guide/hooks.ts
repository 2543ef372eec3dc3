/**
 * From here on the rooms (protocols/, src/) and the planted faults are loaded as instrumented code: `file.ts` counts the ways it goes,
 * `file.ts?comparisons`, and all that it imports of the repository, tells what it compares. They share nothing but tally.ts.
 */
import { registerHooks } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { instrument } from "./instrument.ts";

const ROOT = path.resolve(import.meta.dirname, "../../..");
const INSTRUMENTED = ["protocols", "src", "test/fuzz/planted"].map((room) => path.join(ROOT, room) + path.sep);
const MODULES = path.join(ROOT, "node_modules") + path.sep;
const COMPARISONS = "?comparisons";
const tally = new URL("./tally.ts", import.meta.url).href;

export function instrumentAll(): void {
  registerHooks({
    resolve(specifier, context, next) {
      const found = next(specifier, context);
      if (!context.parentURL?.endsWith(COMPARISONS) || found.url === tally || !isOfRepository(found.url)) return found;
      return { ...found, url: found.url + COMPARISONS };
    },
    load(url, context, next) {
      const loaded = next(url, context);
      if (!url.startsWith("file:") || !INSTRUMENTED.some((room) => fileURLToPath(url).startsWith(room))) return loaded;
      const source = Buffer.from((loaded.source ?? "") as Uint8Array | string).toString();
      return {
        format: "module",
        source: instrument(source, url.endsWith(COMPARISONS) ? "comparisons" : "ways", tally),
        shortCircuit: true,
      };
    },
  });
}

/** The file's second copy. */
export function comparing(url: string): string {
  return url + COMPARISONS;
}

function isOfRepository(url: string): boolean {
  if (!url.startsWith("file:")) return false;
  const file = fileURLToPath(url);
  return file.startsWith(ROOT + path.sep) && !file.startsWith(MODULES);
}
