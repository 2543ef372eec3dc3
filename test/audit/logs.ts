/** Logs for tests: made in a folder of their own, with records that say what they are, and taken apart again. */
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Entry, RecordKind } from "#audit/entry";
import { loadSigningKey, type SigningKey } from "#audit/key";
import { type Log, type LogOptions, openLog } from "#audit/log";

export interface TestClock {
  monotonic(): number;
  wall(): number;
  /** Milliseconds that both clocks have been moved. */
  ahead: number;
}

export function testClock(): TestClock {
  return {
    ahead: 0,
    monotonic() {
      return performance.now() + this.ahead;
    },
    wall() {
      return Date.now() + this.ahead;
    },
  };
}

/** In memory where there is such a place: for tests that sync nothing and make many small files. */
export const MEMORY = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

/** A folder that is removed when the process ends. */
export function scratch(parent = tmpdir()): string {
  const folder = mkdtempSync(path.join(parent, "penstock-audit-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export function newKey(): SigningKey {
  return loadSigningKey(path.join(scratch(), "audit.key"));
}

export const DAY = 86_400_000;

export function open(directory: string, key: SigningKey, more: Partial<LogOptions> = {}): Promise<Log> {
  return openLog({ directory, key, retainMs: 90 * DAY, maxOctets: 1024 ** 3, clock: testClock(), ...more });
}

export class TestEntry implements Entry {
  readonly kind: RecordKind;
  readonly wallMs: number;
  readonly change: boolean;
  readonly fields: Record<string, unknown>;
  timesRendered = 0;

  constructor(fields: Record<string, unknown>, change = false, kind: RecordKind = "decision") {
    this.kind = kind;
    this.wallMs = Date.now();
    this.change = change;
    this.fields = fields;
  }

  members(): Record<string, unknown> {
    return this.fields;
  }

  rendered(): void {
    this.timesRendered++;
  }
}

/** Resolves when `good` holds; looked at whenever the log tells of progress. */
export function until(log: Log, good: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const look = (): void => {
      if (!good()) return;
      log.onProgress = null;
      resolve();
    };
    log.onProgress = look;
    look();
  });
}

/** Looked at again and again for what the log does not tell of; gives up after `ms`. */
export async function eventually(good: () => boolean, ms = 10_000): Promise<boolean> {
  const end = performance.now() + ms;
  while (!good() && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 5));
  return good();
}

/** Every record appended so far is durable. */
export function settled(log: Log): Promise<void> {
  return until(log, () => log.waiting === 0);
}

/** A closed log of `count` small records, sealed every `segmentOctets`. */
export async function makeLog(directory: string, key: SigningKey, count: number, segmentOctets = 4096): Promise<void> {
  const log = await open(directory, key, { segmentOctets });
  for (let i = 1; i <= count; i++) {
    log.append(new TestEntry({ n: i, who: `cn:user${i % 3}@plant`, asset: "boiler-1" }));
    if (i % 4 === 0) await settled(log);
  }
  await log.close();
}

/** A copy without the lock, as a thief or a backup would make it. */
export function copyLog(from: string, to: string): void {
  rmSync(to, { recursive: true, force: true });
  cpSync(from, to, { recursive: true, filter: (file) => path.basename(file) !== "lock" });
}

export function segmentFiles(directory: string): string[] {
  return readdirSync(directory)
    .filter((name) => /^audit-\d+\.jsonl$/.test(name))
    .sort()
    .map((name) => path.join(directory, name));
}

/** Lines without line feeds. */
export function linesOf(file: string): string[] {
  return readFileSync(file, "utf8").split("\n").slice(0, -1);
}

export function allLines(directory: string): Record<string, unknown>[] {
  return segmentFiles(directory).flatMap((file) => linesOf(file).map((line) => JSON.parse(line) as Record<string, unknown>));
}
