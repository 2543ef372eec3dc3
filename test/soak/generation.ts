/** One life of the gateway's process: how it started, what it took of the machine, how it ended. */
import { readdirSync, readFileSync } from "node:fs";
import { type Line, lineThrough, type Sample } from "./line.ts";
import type { Flatness } from "./plan.ts";

/** The kernel counts by 1024, we by a million. */
const KB_IN_MB = 1_000_000 / 1024;

export class Generation {
  readonly pid: number;
  /** Wall milliseconds. */
  readonly startedMs: number;
  /** From the process's start to `ready`, by the clock on the wall and by what it took of a processor. */
  readonly readyMs: number;
  readonly readyCpuMs: number;
  /** Wall milliseconds of a kill -9; null: it was not killed. */
  killedMs: number | null = null;
  readonly memory: Sample[] = [];
  /** Of it what is no file's: heap, stacks, buffers. */
  readonly anonymous: Sample[] = [];
  readonly descriptors: Sample[] = [];

  constructor(pid: number, startedMs: number, readyMs: number) {
    this.pid = pid;
    this.readyCpuMs = processorMs(pid);
    this.startedMs = startedMs;
    this.readyMs = readyMs;
  }

  /** Look at the process; nothing is noted once it is gone. */
  sample(nowMs: number): void {
    try {
      const status = readFileSync(`/proc/${this.pid}/status`, "latin1");
      const descriptors = readdirSync(`/proc/${this.pid}/fd`).length;
      this.memory.push({ at: nowMs, value: kilobytes(status, "VmRSS") / KB_IN_MB });
      this.anonymous.push({ at: nowMs, value: kilobytes(status, "RssAnon") / KB_IN_MB });
      this.descriptors.push({ at: nowMs, value: descriptors });
    } catch {
      // Killed meanwhile.
    }
  }
}

/** Ticks of user and kernel, which Linux counts a hundred a second. */
const TICK_MS = 10;

function processorMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

function kilobytes(status: string, name: string): number {
  const found = new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(status);
  if (found === null) throw new Error(`/proc has no ${name}`);
  return Number(found[1]);
}

export interface Steadiness {
  readonly memory: Line;
  readonly anonymous: Line;
  readonly descriptors: Line;
  readonly peakMb: number;
  /** The largest in the last tenth. */
  readonly endMb: number;
  readonly endAnonymousMb: number;
  readonly endDescriptors: number;
  readonly complaints: readonly string[];
}

/** Over the second half of what was sampled. */
export function steadiness(generation: Pick<Generation, "memory" | "anonymous" | "descriptors">, allowed: Flatness): Steadiness {
  const memory = lineThrough(half(generation.memory));
  const descriptors = lineThrough(half(generation.descriptors));
  const endMb = most(tenth(generation.memory));
  const complaints: string[] = [];
  if (generation.memory.length < 4) complaints.push(`memory was sampled ${generation.memory.length} times`);
  if (memory.growth > allowed.growthMb)
    complaints.push(
      `memory grows: ${memory.growth.toFixed(1)} MB in ${memory.seconds.toFixed(0)} s (${memory.slope.toFixed(1)} MB/h), more than ${allowed.growthMb} MB`,
    );
  if (endMb >= allowed.mostMb)
    complaints.push(`resident memory is ${endMb.toFixed(1)} MB at the end; less than ${allowed.mostMb} MB is a must`);
  if (descriptors.growth > allowed.descriptors)
    complaints.push(
      `file descriptors grow: ${descriptors.growth.toFixed(1)} in ${descriptors.seconds.toFixed(0)} s, more than ${allowed.descriptors}`,
    );
  return {
    memory,
    anonymous: lineThrough(half(generation.anonymous)),
    descriptors,
    peakMb: most(generation.memory),
    endMb,
    endAnonymousMb: most(tenth(generation.anonymous)),
    endDescriptors: generation.descriptors.at(-1)?.value ?? 0,
    complaints,
  };
}

const half = (samples: readonly Sample[]): readonly Sample[] => samples.slice(Math.floor(samples.length / 2));
const tenth = (samples: readonly Sample[]): readonly Sample[] => samples.slice(Math.floor(0.9 * samples.length));
const most = (samples: readonly Sample[]): number => samples.reduce((high, { value }) => Math.max(high, value), 0);
