/**
 * One writer a directory. The lock file names process, its start, the boot and the directory it was made in, so that neither kill -9, a
 * reused process number, a reboot nor a copied directory keeps the next start out.
 */
import { randomBytes } from "node:crypto";
import {
  closeSync,
  ftruncateSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import path from "node:path";
import { reasonOf } from "./reason.ts";

export const LOCK_NAME = "lock";

/** One clear line for whoever started a second one. */
export class InUse extends Error {
  override readonly name = "InUse";
}

export interface Lock {
  release(): void;
}

/** @throws InUse when a living process holds the directory, or no lock can be made in it */
export function lockDirectory(directory: string): Lock {
  const file = path.join(directory, LOCK_NAME);
  const place = statSync(directory);
  const mine = [process.pid, startOf(process.pid), boot(), `${place.dev}:${place.ino}`, randomBytes(8).toString("hex")].join(" ");
  const made = path.join(directory, `${LOCK_NAME}.${process.pid}.${randomBytes(4).toString("hex")}`);
  const mustBeDead = (theirs: string): void => {
    if (lives(theirs, mine)) throw new InUse(`${directory}: process ${theirs.split(" ")[0]} is writing there; one writer a directory`);
  };
  try {
    make(made, mine, file, mustBeDead);
    for (;;) {
      try {
        linkSync(made, file);
        return { release: () => releaseIfMine(file, mine) };
      } catch (error) {
        if (reasonOf(error) !== "EEXIST") throw error;
      }
      const theirs = textOf(file);
      if (theirs === null) continue;
      mustBeDead(theirs);
      const aside = `${made}.stale`;
      if (setAside(file, theirs, aside)) unlinkSync(aside);
    }
  } catch (error) {
    if (error instanceof InUse) throw error;
    throw new InUse(`${directory}: no lock can be made in the directory (${reasonOf(error)})`);
  } finally {
    rmSync(made, { force: true });
  }
}

/**
 * A full disk has no room for a new lock and is no reason not to start: the one a killed process left behind has room, and is written over
 * once nobody can take it for a lock any more.
 */
function make(made: string, mine: string, file: string, mustBeDead: (theirs: string) => void): void {
  try {
    writeFileSync(made, mine, { mode: 0o600 });
    return;
  } catch (error) {
    const theirs = textOf(file);
    if (reasonOf(error) !== "ENOSPC" || theirs === null) throw error;
    mustBeDead(theirs);
    if (!setAside(file, theirs, made)) throw error;
  }
  const fd = openSync(made, "r+");
  try {
    writeSync(fd, mine, 0);
    ftruncateSync(fd, mine.length);
  } finally {
    closeSync(fd);
  }
}

/**
 * Move a dead lock away. Another starter may have taken the lock since we read it: what was moved is looked at again, and put back when it is
 * not the dead one.
 *
 * @returns true when the dead lock stands at `aside` now
 */
function setAside(file: string, theirs: string, aside: string): boolean {
  try {
    renameSync(file, aside);
  } catch (error) {
    if (reasonOf(error) === "ENOENT") return false;
    throw error;
  }
  if (textOf(aside) === theirs) return true;
  try {
    linkSync(aside, file);
  } catch (error) {
    if (reasonOf(error) !== "EEXIST") throw error;
  } finally {
    unlinkSync(aside);
  }
  return false;
}

/** The file stays, and says that nobody holds it: a start on a disk that has filled up meanwhile finds its room (`make`). */
function releaseIfMine(file: string, mine: string): void {
  if (textOf(file) !== mine) return;
  const fd = openSync(file, "r+");
  try {
    writeSync(fd, RELEASED, 0);
    ftruncateSync(fd, RELEASED.length);
  } finally {
    closeSync(fd);
  }
}

/** No process has this number. */
const RELEASED = "0 released";

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
