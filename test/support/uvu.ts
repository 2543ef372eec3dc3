/**
 * uvu with deadlines. The runner resolves `uvu` to this file, so a test file needs to know nothing of it: every test gets a deadline,
 * fails by name when it passes it, and its start and end are told to the runner, which can so name the test in a file that hangs.
 */
import { type Callback, type Context, type Test, suite as uvuSuite } from "uvu";

const TEST_MS = Number(process.env.PENSTOCK_TEST_MS ?? 60_000);

export function suite<T = Context>(name: string, context?: T): Test<T> {
  const inner = uvuSuite<T>(name, context);
  const timed = (title: string, body: Callback<T>): [string, Callback<T>] => [title, withDeadline(`${name} "${title}"`, body)];
  const outer = ((title: string, body: Callback<T>) => inner(...timed(title, body))) as Test<T>;
  outer.only = (title, body) => inner.only(...timed(title, body));
  outer.skip = (title?: string, body?: Callback<T>) => {
    tell({ is: "skip", title: `${name} "${title ?? ""}"` });
    inner.skip(title, body);
  };
  outer.before = inner.before;
  outer.after = inner.after;
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

export type Tidings =
  | { readonly is: "start"; readonly title: string }
  | { readonly is: "end"; readonly title: string; readonly passed: boolean; readonly ms: number }
  | { readonly is: "skip"; readonly title: string }
  | { readonly is: "open"; readonly resources: readonly string[] };

function tell(tidings: Tidings): void {
  process.send?.(tidings);
}
