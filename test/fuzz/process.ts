/** Starts one.ts and waits for it, until its time is up. */
import { fork } from "node:child_process";
import path from "node:path";
import type { Coverage } from "./guide/guide.ts";

/** Beside the time it searches: loading, the corpus, making a failing input smaller, and a machine that does other things as well. */
const GRACE_S = 120;
/** Of the heap, which the watchdog does not let it come to: it has the input, where the end of the heap leaves nothing. */
const HEAP_MB = 4_096;

export interface Errand {
  /** The file among targets/, and what it exports. */
  readonly name: string;
  readonly seed: number;
  /** Null: as many as there is time for. */
  readonly inputs: number | null;
  readonly seconds: number;
  readonly heap: boolean;
  /** Go on from what other runs have kept, and keep what this one finds. */
  readonly isKept: boolean;
}

export interface Report {
  readonly name: string;
  readonly inputs: number;
  readonly mutated: number;
  readonly accepted: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly longestMs: number;
  readonly words: number;
  readonly coverage: Coverage;
  readonly corpus: number;
  readonly failure: { readonly why: string; readonly file: string; readonly octets: number; readonly from: number } | null;
  readonly complaint: string | null;
}

/** Said when a target and its second copy are there. */
export const LOADED = "loaded";

/** @returns in words, why there is no report */
export function send(errand: Errand, graceSeconds = GRACE_S): Promise<Report | string> {
  return new Promise((resolve) => {
    const register = new URL("./guide/register.ts", import.meta.url).href;
    const child = fork(path.join(import.meta.dirname, "one.ts"), [], {
      execArgv: ["--disable-warning=ExperimentalWarning", `--max-old-space-size=${HEAP_MB}`, "--import", register],
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    });
    const started = performance.now();
    let report: Report | null = null;
    let isLate = false;
    let stage = "it has not begun";
    let said = "";
    const deadline = setTimeout(
      () => {
        isLate = true;
        child.kill("SIGKILL");
      },
      1000 * (errand.seconds + graceSeconds),
    );
    child.stderr?.setEncoding("utf8");
    child.stderr?.on("data", (text: string) => {
      said += text;
    });
    child.on("message", (message) => {
      if (message === LOADED) stage = `it was loaded after ${((performance.now() - started) / 1000).toFixed(1)} s`;
      else report = message as Report;
    });
    child.on("close", (code, signal) => {
      clearTimeout(deadline);
      if (report !== null && code === 0) resolve(report);
      else resolve(`${errand.name}: ${isLate ? `no end, and ${stage}` : `ended by ${signal ?? `exit ${code}`}`}\n${said}`);
    });
    child.send(errand);
  });
}
