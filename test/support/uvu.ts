/**
 * uvu with deadlines. The runner resolves `uvu` to this file, so a test file needs to know nothing of it: every test gets a deadline,
 * fails by name when it passes it, and its start and end are told to the runner, which can so name the test in a file that hangs, and knows of
 * those that never ran; there is no way to leave one out but to lack what it needs (need.ts). A hook that fails is a failure: uvu alone would end the suite there, and call what ran a success.
 */
import { type Callback, type Context, type Test, suite as uvuSuite } from "uvu";

const TEST_MS = Number(process.env.PENSTOCK_TEST_MS ?? 60_000);

export function suite<T = Context>(name: string, context?: T): Test<T> {
  const inner = uvuSuite<T>(name, context);
  const timed = (title: string, body: Callback<T>): [string, Callback<T>] => {
    tell({ is: "test" });
    return [title, withDeadline(`${name} "${title}"`, body)];
  };
  const outer = ((title: string, body: Callback<T>) => inner(...timed(title, body))) as Test<T>;
  const before = (hook: Callback<T>): void => inner.before(heard(`${name}, before its tests`, hook, true));
  const after = (hook: Callback<T>): void => inner.after(heard(`${name}, after its tests`, hook, false));
  before.each = (hook: Callback<T>): void => inner.before.each(heard(`${name}, before a test`, hook, true));
  after.each = (hook: Callback<T>): void => inner.after.each(heard(`${name}, after a test`, hook, false));
  Object.assign(outer, { before, after });
  outer.run = inner.run;
  return outer;
}

export type { Context, Test };

function withDeadline<T>(title: string, body: Callback<T>): Callback<T> {
  return async (context) => {
    const started = performance.now();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new Error(`no end after ${TEST_MS} ms; open: ${process.getActiveResourcesInfo().join(", ")}`)),
        TEST_MS,
      );
    });
    tell({ is: "start", title });
    let passed = false;
    try {
      await Promise.race([body(context), late]);
      passed = true;
    } finally {
      clearTimeout(timer);
      tell({ is: "end", title, passed, ms: performance.now() - started });
    }
  };
}

/** @param ends  nothing runs on what this did not make; what cleans up fails and lets the others go on, and the test itself be heard */
function heard<T>(title: string, hook: Callback<T>, ends: boolean): Callback<T> {
  return async (context) => {
    try {
      await hook(context);
    } catch (error) {
      console.log(`\n   FAIL  ${title}`, error);
      tell({ is: "hook failed" });
      if (ends) throw error;
    }
  };
}

export type Tidings =
  /** There is one more that is to run. */
  | { readonly is: "test" }
  | { readonly is: "hook failed" }
  | { readonly is: "start"; readonly title: string }
  | { readonly is: "end"; readonly title: string; readonly passed: boolean; readonly ms: number }
  | { readonly is: "skip"; readonly title: string }
  | { readonly is: "open"; readonly resources: readonly string[] };

function tell(tidings: Tidings): void {
  process.send?.(tidings);
}
