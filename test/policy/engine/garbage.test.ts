/** The hot path makes nothing: a hundred thousand decisions by one rule leave no garbage, whatever is written. In a process of its own, with gc(). */
import { execFileSync } from "node:child_process";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";

const garbage = suite("policy/garbage");
const child = path.join(import.meta.dirname, "garbageChild.ts");

/** Octets a decision leaves, by what is decided. */
function measured(): Record<string, number> {
  const flags = ["--disable-warning=ExperimentalWarning", "--expose-gc", "--min-semi-space-size=64"];
  return JSON.parse(execFileSync(process.execPath, [...flags, child], { encoding: "utf8" })) as Record<string, number>;
}

garbage("a decision that one rule allows allocates nothing", () => {
  // Code that the compiler has not come to yet, on a busy machine, makes numbers that it will not make: what is left each time is left.
  const runs = [measured()];
  const least = (name: string): number => Math.min(...runs.map((grown) => grown[name] as number));
  const names = Object.keys(runs[0] as object).filter((name) => name !== "denied");
  while (runs.length < 4 && names.some((name) => least(name) >= 0.5)) runs.push(measured());
  assert.ok(names.length >= 6, names.join());
  // A denial is an object, so the measure itself is shown to see one.
  assert.ok(least("denied") > 20, `a denial leaves ${least("denied")} octets`);
  for (const name of names) assert.ok(least(name) < 0.5, `${name} leaves ${least(name)} octets a decision`);
});

garbage.run();
