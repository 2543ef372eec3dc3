/** Every target for a second or so, what broke something once, and the engine itself on faults that were planted. `make fuzz` is the long run. */
import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { fuzz, type Plan, type Result, tryOne } from "./engine.ts";
import { PLANTED } from "./planted.ts";
import { foundInputs } from "./repeat.ts";
import type { Target } from "./target.ts";
import { TARGETS } from "./targets.ts";

const SEED = 20_261_126;
/** Part of the full run: its numbers are weighed by how long an input takes. */
const SHARE = 250;
const PLAN: Plan = { seed: SEED, inputs: 1_000, seconds: 55, heap: false };
const FOUND = path.join(import.meta.dirname, "found");

const short = suite("fuzz/short");

function sayFailure({ failure, complaint }: Result): string | null {
  return failure === null ? complaint : `${failure.why}\n${Buffer.from(failure.smaller).toString("hex")}`;
}

for (const target of TARGETS) {
  const inputs = Math.ceil(target.inputs / SHARE);
  short(`${target.name}: ${foundInputs(target.name).length} found, ${inputs} mutated inputs`, async () => {
    const result = await fuzz(target, { ...PLAN, inputs });
    assert.is(sayFailure(result), null);
    assert.is(result.mutated, inputs);
  });
}

short("what is kept in found/ is of a target there is, says why, and is within its longest", () => {
  for (const name of existsSync(FOUND) ? readdirSync(FOUND) : []) {
    const target = TARGETS.find((each) => each.name === name);
    assert.ok(target, `no target ${name}`);
    for (const { file, octets } of foundInputs(name)) {
      assert.match(readFileSync(file, "utf8"), /^# .{10,}/, file);
      assert.ok(octets.length <= target.most, file);
    }
  }
});

short("the same seed gives the same inputs, another one others", async () => {
  const seen = async (seed: number): Promise<string> => {
    const inputs: string[] = [];
    const target: Target = {
      ...PLANTED.sound,
      run: (input) => {
        inputs.push(Buffer.from(input).toString("hex"));
        return PLANTED.sound.run(input);
      },
    };
    await fuzz(target, { ...PLAN, inputs: 50, seed });
    return [...new Set(inputs)].join();
  };
  const [first, again, other] = [await seen(1), await seen(1), await seen(2)];
  assert.is(again, first);
  assert.is.not(other, first);
});

short("nothing is found where nothing is wrong", async () => {
  const result = await fuzz(PLANTED.sound, { ...PLAN, heap: true });
  assert.is(sayFailure(result), null);
  assert.is(result.mutated, PLAN.inputs);
  assert.equal([...result.words.keys()].sort(), ["even", "odd"]);
});

for (const [target, why] of [
  [PLANTED.throws, /cannot read what is not there/],
  [PLANTED.rejects, /too late/],
  [PLANTED.writes, /wrote into the octets/],
  [PLANTED.slow, /took \d+\.\d ms of CPU.*at most 10/],
] as const) {
  short(`a target that ${target.name} is found, its input cut down to the one octet that does it, and it fails again`, async () => {
    const { failure } = await fuzz(target, PLAN);
    assert.match(failure?.why ?? "", why);
    assert.equal([...(failure?.smaller ?? [])], [0xee]);
    assert.match((await tryOne(target, Uint8Array.of(0xee))) ?? "", why);
    assert.is(await tryOne(target, Uint8Array.of(0xed)), null);
  });
}

short("a target that keeps what it is given is found", async () => {
  const { failure, complaint } = await fuzz(PLANTED.leaks, { ...PLAN, heap: true });
  assert.is(failure, null);
  assert.match(complaint ?? "", /memory grew by \d+ octets/);
});

short("a target that takes everything tests nothing, and so does one that takes nothing", async () => {
  assert.match((await fuzz(PLANTED.takesAll, { ...PLAN, inputs: 10 })).complaint ?? "", /no check is tested/);
  assert.match((await fuzz(PLANTED.takesNothing, { ...PLAN, inputs: 10 })).complaint ?? "", /not one input was accepted/);
});

short("a target that is never done is ended from outside, and its input kept", async () => {
  const child = spawn(process.execPath, [...process.execArgv, path.join(import.meta.dirname, "planted.ts"), "hangs", "500"], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  child.stderr.setEncoding("utf8");
  child.stderr.on("data", (chunk: string) => {
    said += chunk;
  });
  const signal = await new Promise((resolve) => child.on("close", (_code, by) => resolve(by)));
  assert.is(signal, "SIGKILL");
  assert.match(said, /FAIL hangs: one input has taken 500 ms and is not done/);
  const [, file = ""] = /--only hangs --replay (\S+)/.exec(said) ?? [];
  assert.ok(readFileSync(file).includes(0xee));
  rmSync(path.dirname(file), { recursive: true });
});

short.run();
