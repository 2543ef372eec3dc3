/**
 * One writer a directory. The lock file names process, its start, the boot and the directory it was made in, so that neither kill -9, a
 * reused process number, a reboot nor a copied directory keeps the next start out.
 */
import { randomBytes } from "node:crypto";
import { linkSync, readFileSync, renameSync, statSync, unlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { AuditProblem, reasonOf } from "./problem.ts";

export const LOCK_NAME = "lock";

export interface Lock {
  release(): void;
}

/** @throws AuditProblem when a living process holds the directory */
export function lockDirectory(directory: string): Lock {
  const file = path.join(directory, LOCK_NAME);
  const place = statSync(directory);
  const mine = [process.pid, startOf(process.pid), boot(), `${place.dev}:${place.ino}`, randomBytes(8).toString("hex")].join(" ");
  const made = path.join(directory, `${LOCK_NAME}.${process.pid}.${randomBytes(4).toString("hex")}`);
  writeFileSync(made, mine, { mode: 0o600 });
  try {
    for (;;) {
      try {
        linkSync(made, file);
        return { release: () => releaseIfMine(file, mine) };
      } catch (error) {
        if (reasonOf(error) !== "EEXIST") throw error;
      }
      const theirs = textOf(file);
      if (theirs === null) continue;
      if (lives(theirs, mine))
        throw new AuditProblem(`${directory}: process ${theirs.split(" ")[0]} is writing this log; one writer a directory`);
      breakStale(file, theirs, `${made}.stale`);
    }
  } finally {
    unlinkSync(made);
  }
}

/** Another starter may have taken the lock since we read it: what was moved away is looked at again, and put back when it is not the dead one. */
function breakStale(file: string, theirs: string, aside: string): void {
  try {
    renameSync(file, aside);
  } catch (error) {
    if (reasonOf(error) === "ENOENT") return;
    throw error;
  }
  try {
    if (textOf(aside) !== theirs) linkSync(aside, file);
  } catch (error) {
    if (reasonOf(error) !== "EEXIST") throw error;
  } finally {
    unlinkSync(aside);
  }
}

function releaseIfMine(file: string, mine: string): void {
  if (textOf(file) === mine) unlinkSync(file);
}

function lives(theirs: string, mine: string): boolean {
  const [pid, start, theirBoot, place] = theirs.split(" ");
  const [, , ourBoot, ourPlace] = mine.split(" ");
  const number = Number(pid);
  if (!Number.isInteger(number) || number <= 0 || theirBoot !== ourBoot || place !== ourPlace) return false;
  return exists(number) && startOf(number) === start;
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return reasonOf(error) === "EPERM";
  }
}

/**
 * Clock ticks since boot at which the process started: field 22 of /proc/PID/stat (the name before it may hold spaces and brackets).
 * A dead process that nobody has reaped yet (field 3 is Z or X) has ended.
 */
function startOf(pid: number): string {
  const stat = textOf(`/proc/${pid}/stat`);
  const fields = stat?.slice(stat.lastIndexOf(")") + 2).split(" ") ?? [];
  if (fields[0] === "Z" || fields[0] === "X") return "ended";
  return fields[19] ?? "-";
}

function boot(): string {
  return textOf("/proc/sys/kernel/random/boot_id")?.trim() ?? "-";
}

function textOf(file: string): string | null {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return null;
  }
}
