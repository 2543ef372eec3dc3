/** The operational log: for people, never evidence. JSON lines on standard error; one readable line each when that is a terminal. */
import pino from "pino";

export type Log = pino.Logger;

const LEVELS: Record<number, string> = { 10: "trace", 20: "debug", 30: "info", 40: "warn", 50: "error", 60: "fatal" };

/** @param terminal whether a person is watching */
export function openLog(level: string, terminal: boolean): Log {
  const sink = terminal
    ? { write: (line: string) => void process.stderr.write(forPeople(line)) }
    : pino.destination({ dest: 2, sync: false });
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
