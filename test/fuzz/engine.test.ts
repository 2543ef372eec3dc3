/** The engine itself, on faults that were planted; what is kept in found/. The targets are run by decoders.test.ts and documents.test.ts. */
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

const PLAN: Plan = { seed: 20_261_126, inputs: 1_000, seconds: 55, heap: false };
const FOUND = path.join(import.meta.dirname, "found");

const engine = suite("fuzz/engine");

function sayFailure({ failure, complaint }: Result): string | null {
  return failure === null ? complaint : `${failure.why}\n${Buffer.from(failure.smaller).toString("hex")}`;
}

engine("what is kept in found/ is of a target there is, says why, and is within its longest", () => {
  for (const name of existsSync(FOUND) ? readdirSync(FOUND) : []) {
    const target = TARGETS.find((each) => each.name === name);
    assert.ok(target, `no target ${name}`);
    for (const { file, octets } of foundInputs(name)) {
      assert.match(readFileSync(file, "utf8"), /^# .{10,}/, file);
      assert.ok(octets.length <= target.most, file);
    }
  }
});

engine("the same seed gives the same inputs, another one others", async () => {
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

engine("nothing is found where nothing is wrong", async () => {
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
  engine(`a target that ${target.name} is found, its input cut down to the one octet that does it, and it fails again`, async () => {
    const { failure } = await fuzz(target, PLAN);
    assert.match(failure?.why ?? "", why);
    assert.equal([...(failure?.smaller ?? [])], [0xee]);
    assert.match((await tryOne(target, Uint8Array.of(0xee))) ?? "", why);
    assert.is(await tryOne(target, Uint8Array.of(0xed)), null);
  });
}

engine("a target that keeps what it is given is found", async () => {
  const { failure, complaint } = await fuzz(PLANTED.leaks, { ...PLAN, heap: true });
  assert.is(failure, null);
  assert.match(complaint ?? "", /memory grew by \d+ octets/);
});

engine("a target that takes everything tests nothing, and so does one that takes nothing", async () => {
  assert.match((await fuzz(PLANTED.takesAll, { ...PLAN, inputs: 10 })).complaint ?? "", /no check is tested/);
  assert.match((await fuzz(PLANTED.takesNothing, { ...PLAN, inputs: 10 })).complaint ?? "", /not one input was accepted/);
});

for (const [fault, stuckMs, why, what] of [
  ["hangs", 500, /one input has taken 500 ms and is not done/, "is never done"],
  ["swallows", 60_000, /the process holds \d+ MB, more than 300/, "takes all memory there is"],
] as const) {
  engine(`a target that ${what} is ended from outside, and its input kept`, async () => {
    const program = path.join(import.meta.dirname, "planted.ts");
    const child = spawn(process.execPath, [...process.execArgv, program, fault, String(stuckMs), "300"], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    let said = "";
    child.stderr.setEncoding("utf8");
    child.stderr.on("data", (chunk: string) => {
      said += chunk;
    });
    const signal = await new Promise((resolve) => child.on("close", (_code, by) => resolve(by)));
    assert.is(signal, "SIGKILL");
    assert.match(said, why);
    const [, input = ""] = new RegExp(`--only ${fault} --replay (\\S+)`).exec(said) ?? [];
    assert.ok(readFileSync(input).includes(0xee));
    rmSync(path.dirname(input), { recursive: true });
  });
}

engine.run();
