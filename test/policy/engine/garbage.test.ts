/** The hot path makes nothing: a hundred thousand decisions by one rule leave no garbage, whatever is written. In a process of its own, with gc(). */
import { execFileSync } from "node:child_process";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";

const garbage = suite("policy/garbage");
const child = path.join(import.meta.dirname, "garbageChild.ts");

garbage("a decision that one rule allows allocates nothing", () => {
  const output = execFileSync(
    process.execPath,
    ["--disable-warning=ExperimentalWarning", "--expose-gc", "--min-semi-space-size=64", child],
    { encoding: "utf8" },
  );
  const grown = JSON.parse(output) as Record<string, number>;
  const names = Object.keys(grown);
  assert.ok(names.includes("denied") && names.length >= 7, output);
  // A denial is an object, so the measure itself is shown to see one.
  assert.ok((grown.denied as number) > 20, `a denial leaves ${grown.denied} octets`);
  for (const name of names)
    if (name !== "denied") assert.ok((grown[name] as number) < 0.5, `${name} leaves ${grown[name]} octets a decision`);
});

garbage.run();
