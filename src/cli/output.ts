/** Where words go: results to standard output, progress to standard error and only when a person is watching. */
import { EXIT } from "./exit.ts";

let isCut = false;

/**
 * A reader that has left (`| head`) ends nothing: what was asked is done, and the exit code is the command's own. Output that cannot be
 * written (a full disk) is a fault: whoever reads the file must not take a part of it for the whole.
 */
export function mindReaders(): void {
  process.stderr.on("error", () => {});
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE" || isCut) return;
    isCut = true;
    process.exitCode = EXIT.internal;
    complain(`standard output cannot be written (${error.code ?? error.message})`);
  });
}

/** How the process ends, after a command that ended with `code`. */
export function exitCodeOf(code: number): number {
  return isCut ? EXIT.internal : code;
}

/** Lines a terminal can show: nothing in them moves the cursor or turns the line round. */
export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

export function progress(line: string): void {
  if (process.stderr.isTTY) process.stderr.write(`${line}\n`);
}

export function complain(line: string): void {
  process.stderr.write(`penstock: ${line}\n`);
}

/** Columns padded to their widest cell; for people, never parsed. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, cell.length);
    });
  }
  return rows.map((row) => row.map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd(widths[i] ?? 0))).join("  ")).join("\n");
}
