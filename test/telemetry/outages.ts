/** A line of constant shares under a clock of its own, with the real spool and carousel: what goes when, and what an outage of the receiver costs. */
import { Carousel } from "#telemetry/carousel";
import { Spool } from "#telemetry/spool";
import { MemoryFiles } from "./memoryFiles.ts";
import { DIRECTORY, T0 } from "./spools.ts";

const HOUR = 3_600_000;
/** Between two live frames. */
const FRAME_MS = 10_000;

export interface Outage {
  /** Frames that were sent in it for the first time. */
  readonly missed: number;
  /** Of them, those that never came again. */
  readonly lost: number;
  /** Since its end: when the last of the others had come. */
  readonly healMs: number;
}

export class Line {
  /** By live frame: when it went again. Milliseconds since the line began, as everywhere here. */
  readonly copies: number[][] = [];

  /** @param ratio frames of the carousel for one live frame */
  static async run(hours: number, ratio: number): Promise<Line> {
    const line = new Line();
    const spool = await Spool.open({ directory: DIRECTORY, maxAgeMs: 25 * HOUR, bufferOctets: 64 * 1024, files: new MemoryFiles() }, T0);
    const carousel = new Carousel(spool);
    let credit = 0;
    for (let atMs = 0; atMs < hours * HOUR; atMs += FRAME_MS) {
      const octets = Buffer.alloc(4);
      octets.writeUInt32BE(line.copies.length);
      spool.append(line.copies.length, T0 + atMs, octets);
      line.copies.push([]);
      await spool.flush(T0 + atMs);
      for (credit += ratio; credit >= 1; credit--)
        await line.#again(carousel, atMs + Math.floor((FRAME_MS * (ratio - credit + 1)) / (ratio + 1)));
    }
    return line;
  }

  async #again(carousel: Carousel, atMs: number): Promise<void> {
    for (let tried = 0; tried < 5; tried++) {
      const octets = carousel.next(T0 + atMs);
      if (octets !== null) {
        this.copies[Buffer.from(octets).readUInt32BE(0)]?.push(atMs);
        return;
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** What an outage would have cost: the line knows of none, so it is looked for afterwards. */
  outage(fromMs: number, forMs: number): Outage {
    const endMs = fromMs + forMs;
    const missed = this.copies.slice(Math.ceil(fromMs / FRAME_MS), Math.ceil(endMs / FRAME_MS));
    const again = missed.flatMap((copies) => copies.find((atMs) => atMs >= endMs) ?? []);
    return { missed: missed.length, lost: missed.length - again.length, healMs: Math.max(0, ...again.map((atMs) => atMs - endMs)) };
  }
}
