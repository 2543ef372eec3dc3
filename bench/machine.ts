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

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** Nearest rank. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? Number.NaN;
}
