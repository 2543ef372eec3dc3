/** What a test needs from outside. Missing: the test is skipped by name, or fails where PENSTOCK_REQUIRE_ALL=1 (CI). */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";

const root = path.resolve(import.meta.dirname, "../..");

/** Folder of the shared material (captures). */
export const shared: string = path.resolve(root, process.env.PENSTOCK_SHARED ?? "../shared");

export function hasTool(name: string): boolean {
  try {
    execFileSync("sh", ["-c", `command -v ${name}`], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** True when `what` is there; else prints why the test does nothing, or throws where everything is required. */
export function need(what: string, present: boolean): boolean {
  if (present) return true;
  if (process.env.PENSTOCK_REQUIRE_ALL === "1") throw new Error(`${what} is missing and PENSTOCK_REQUIRE_ALL=1`);
  process.send?.({ is: "skip", title: what });
  console.log(`SKIP: ${what} is missing`);
  return false;
}

export function needCaptures(): boolean {
  return need("shared/captures", existsSync(path.join(shared, "captures")));
}
