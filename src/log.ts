/** The operational log: for people, never evidence. JSON lines on standard error; one readable line each when that is a terminal. */
import { fstatSync, write, writeSync } from "node:fs";
import pino from "pino";

export type Log = pino.Logger;

const LEVELS: Record<number, string> = { 10: "trace", 20: "debug", 30: "info", 40: "warn", 50: "error", 60: "fatal" };

/** @param terminal whether a person is watching */
export function openLog(level: string, terminal: boolean): Log {
  const sink = terminal ? { write: (line: string) => void process.stderr.write(forPeople(line)) } : standardError();
  return pino({ level, base: null, serializers: { fault: pino.stdSerializers.err } }, sink);
}

/** `12:04:31 warn  device boiler-1 is away (ECONNREFUSED)` */
function forPeople(line: string): string {
  const { level, time, msg, ...rest } = JSON.parse(line) as { level: number; time: number; msg?: string } & Record<string, unknown>;
  const clock = new Date(time).toISOString().slice(11, 19);
  const details = Object.entries(rest)
    .map(([key, value]) => `${key}=${plain(typeof value === "string" ? value : JSON.stringify(value))}`)
    .join(" ");
  return `${clock} ${(LEVELS[level] ?? "log").padEnd(5)} ${msg ?? ""}${details === "" ? "" : `  ${details}`}\n`;
}

/** A peer's words never move the cursor or turn the line round. */
function plain(text: string): string {
  return text.replace(/[^\x20-\x7e]/gu, (c) => `\\u{${(c.codePointAt(0) as number).toString(16)}}`);
}

const STANDARD_ERROR = 2;
/** Characters that may wait for whoever reads; what comes while nobody does is not said. */
const WAITING = 1024 * 1024;

/** Lines that cannot be written (a full disk, a reader that is gone or stuck) are lost, and stop nothing: neither the gateway nor its end. */
function standardError(): pino.DestinationStream {
  const at = fstatSync(STANDARD_ERROR);
  return at.isFIFO() || at.isSocket() ? pipe() : new File();
}

/** The system takes what the reader leaves room for; the rest waits. */
function pipe(): pino.DestinationStream {
  const { stderr } = process;
  stderr.on("error", () => {});
  return { write: (line) => void (stderr.writableLength < WAITING && stderr.write(line)) };
}

/** Written beside the event loop, since a disk may be slow. */
class File {
  #waiting = "";
  #busy = false;

  write(line: string): void {
    if (this.#waiting.length + line.length > WAITING) return;
    this.#waiting += line;
    if (!this.#busy) this.#next();
  }

  /** Last words: pino asks for it after a fatal line. */
  flushSync(): void {
    const octets = Buffer.from(this.#waiting);
    this.#waiting = "";
    try {
      for (let at = 0; at < octets.length; ) at += writeSync(STANDARD_ERROR, octets, at);
    } catch {
      // There is nobody else to tell.
    }
  }

  #next(): void {
    this.#busy = this.#waiting !== "";
    if (!this.#busy) return;
    const octets = Buffer.from(this.#waiting);
    this.#waiting = "";
    this.#write(octets, 0);
  }

  #write(octets: Buffer, at: number): void {
    write(STANDARD_ERROR, octets, at, octets.length - at, null, (error, written) => {
      if (error === null && at + written < octets.length) this.#write(octets, at + written);
      else this.#next();
    });
  }
}
