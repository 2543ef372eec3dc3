/** `penstock inspect FILE`: a capture decoded, one line a message (DESIGN 9). */
import { visible } from "#documents/escape";
import { EXIT } from "./exit.ts";
import { JSON_FORMAT } from "./inspect/json.ts";
import { Lines } from "./inspect/lines.ts";
import { CaptureReader } from "./inspect/read.ts";
import { summaryOf } from "./inspect/summary.ts";
import { complain } from "./output.ts";

export interface InspectOptions {
  /** TCP ports that carry Modbus, besides 502. */
  readonly port: readonly number[];
  /** TCP and UDP ports that carry DNP3, besides 20000. */
  readonly dnp3Port?: readonly number[];
  readonly json?: boolean;
}

/** Where the words go. */
export interface Sinks {
  /** File descriptor of the lines. */
  readonly output: number;
  /** A remark of one line. */
  say(line: string): void;
}

const STANDARD: Sinks = { output: 1, say: complain };
const PROGRESS_MS = 500;

/**
 * Writes lines to standard output, what was passed over and where a damaged file ends to standard error.
 *
 * @returns 0; 2 where the file cannot be read, is no capture, or is damaged (what stands before the damage is shown).
 */
export async function inspectCommand(file: string, options: InspectOptions, sinks: Sinks = STANDARD): Promise<number> {
  const shown = visible(file);
  let reader: CaptureReader | null = null;
  try {
    const format = options.json ? JSON_FORMAT : (await import("./inspect/text.ts")).TEXT_FORMAT;
    const frameText = options.json ? (await import("./inspect/dnp3Json.ts")).dnp3Json : (await import("./inspect/dnp3Text.ts")).dnp3Text;
    const lines = new Lines(sinks.output, format, () => reader?.oldestHeld ?? 0);
    reader = new CaptureReader(
      file,
      { modbus: options.port, dnp3: options.dnp3Port ?? [] },
      (row) => lines.add(row),
      (frame) => lines.addText(frame.stamp.frame, frameText(frame)),
    );
    return await run(reader, lines, (words) => sinks.say(`${shown}: ${words}`));
  } catch (error) {
    const { code, syscall } = error as NodeJS.ErrnoException;
    if (code === undefined || syscall === undefined) throw error;
    sinks.say(
      syscall === "write" ? `standard output cannot be written (${code})` : `${shown}: ${PROBLEMS[code] ?? `cannot be read (${code})`}`,
    );
    return EXIT.usage;
  } finally {
    reader?.close();
  }
}

async function run(reader: CaptureReader, lines: Lines, say: (words: string) => void): Promise<number> {
  const progress = new Progress(reader);
  for (let more = true; more && !lines.closed; ) {
    more = reader.step();
    lines.settle();
    if (lines.full || (!more && reader.frames > 0)) await lines.flush();
    progress.tick();
  }
  progress.end();
  if (lines.closed) return EXIT.ok;
  const summary = summaryOf(reader);
  if (summary !== null) say(summary);
  if (reader.broken === null) return EXIT.ok;
  say(`octet ${reader.broken.at}: ${reader.broken.what}`);
  return EXIT.usage;
}

/** One line on standard error that overwrites itself, where a person is watching. */
class Progress {
  readonly #reader: CaptureReader;
  readonly #watched = process.stderr.isTTY === true && process.stdout.isTTY !== true;
  #next = performance.now() + PROGRESS_MS;

  constructor(reader: CaptureReader) {
    this.#reader = reader;
  }

  tick(): void {
    if (!this.#watched || performance.now() < this.#next) return;
    this.#next = performance.now() + PROGRESS_MS;
    const { size, octetsRead, frames } = this.#reader;
    process.stderr.write(`\r\x1b[K${size > 0 ? `${Math.floor((100 * octetsRead) / size)} %, ` : ""}${frames} frames`);
  }

  end(): void {
    if (this.#watched) process.stderr.write("\r\x1b[K");
  }
}

const PROBLEMS: Readonly<Record<string, string>> = {
  ENOENT: "no such file",
  EACCES: "may not be read (permission denied)",
  EISDIR: "is a directory; expected a pcap or pcapng file",
};
