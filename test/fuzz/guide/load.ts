/** A target over instrumented code, and what guides its inputs. Call `instrumentAll` before anything of it is loaded. */
import type { Entry } from "../pool.ts";
import type { Target } from "../target.ts";
import { Guide } from "./guide.ts";
import { comparing } from "./hooks.ts";

export interface Guided {
  readonly target: Target;
  readonly guide: Guide<Entry>;
}

/** @param file  of the target, which it exports by its name */
export async function loadGuided(file: URL, name: string): Promise<Guided> {
  const target = await load(file.href, name);
  // The second copy has no part in the ways there are to go.
  return { target, guide: new Guide(await load(comparing(file.href), name)) };
}

async function load(url: string, name: string): Promise<Target> {
  const { [name]: target } = (await import(url)) as Readonly<Record<string, Target>>;
  if (target === undefined) throw new Error(`no target ${name} in ${url}`);
  return target;
}
