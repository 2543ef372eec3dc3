/** The machine beside the figure. */
import { readFileSync } from "node:fs";
import os from "node:os";

export function machine(): string {
  const cpu = os.cpus()[0]?.model.trim() ?? "unknown processor";
  const load = os.loadavg().map((n) => n.toFixed(2));
  let kernel = os.release();
  try {
    kernel = readFileSync("/proc/sys/kernel/osrelease", "utf8").trim();
  } catch {}
  return `${os.availableParallelism()} x ${cpu}, ${Math.round(os.totalmem() / 2 ** 30)} GiB, Linux ${kernel}, Node ${process.version}, load ${load.join(" ")}`;
}

/** Said first where others are at work: what they take shows in the tails. Empty on a quiet machine. */
export function warning(): string {
  const [load = 0] = os.loadavg();
  return load <= 1
    ? ""
    : `WARNING: load ${load.toFixed(2)} before it began: the tails (p99, p99.9) mean nothing, and ratios of p50 little.\n`;
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** Nearest rank. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? Number.NaN;
}
