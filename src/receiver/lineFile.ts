/**
 * Line protocol into a file that something else reads. It grows up to a size and is then renamed to `FILE.1`, what was that to `FILE.2`, and so
 * on; the last is removed. Who renames or removes the file itself (logrotate) gets a new one with the next batch.
 *
 * INVARIANT: a batch is said to be delivered once it is synced. What a failed write left of a line is cut off before the next.
 */
import path from "node:path";
import { type AppendFile, makeDirectories, unlinkIfThere } from "#disk/files";
import { reasonOf } from "#disk/reason";
import { type Disk, realDisk } from "./disk.ts";
import { encodeLine, type LineOptions } from "./lineProtocol.ts";
import type { Sample, Sink } from "./model.ts";
import type { SetAside } from "./setAside.ts";
import { type SinkStatus, SinkTally } from "./sinkTally.ts";

export interface LineFileOptions extends LineOptions {
  readonly name: string;
  readonly file: string;
  /** Before it would be longer than this it is renamed. Default 64 MiB. */
  readonly maxOctets?: number;
  /** Renamed ones that are kept. Default 8. */
  readonly keep?: number;
  readonly aside?: SetAside;
  readonly disk?: Disk;
}

const DEFAULT_OCTETS = 64 * 1024 ** 2;
const DEFAULT_KEEP = 8;
/** An unfinished last line is looked for so far back. */
const TAIL_OCTETS = 64 * 1024;

interface Open {
  readonly handle: AppendFile;
  readonly place: string;
  /** All of whole lines. */
  octets: number;
}

export class LineFile implements Sink {
  readonly name: string;
  readonly #options: LineFileOptions;
  readonly #disk: Disk;
  readonly #tally: SinkTally;
  #open: Open | null = null;
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: LineFileOptions) {
    this.name = options.name;
    this.#options = options;
    this.#disk = options.disk ?? realDisk;
    this.#tally = new SinkTally(options.aside);
  }

  get status(): SinkStatus {
    return this.#tally.status;
  }

  births(): void {}

  link(): void {}

  deliver(samples: readonly Sample[]): Promise<boolean> {
    const delivered = this.#last.then(() => this.#deliver(samples));
    this.#last = delivered;
    return delivered;
  }

  async close(): Promise<void> {
    await this.#last;
    await this.#end();
    await this.#tally.aside.close();
  }

  async #deliver(samples: readonly Sample[]): Promise<boolean> {
    const lines: string[] = [];
    const unfit: Sample[] = [];
    for (const sample of samples) {
      const line = encodeLine(sample, this.#options);
      if (line === null) unfit.push(sample);
      else lines.push(line);
    }
    try {
      await this.#write(Buffer.from(lines.join("")));
    } catch (error) {
      this.#tally.failed(reasonOf(error));
      await this.#cut();
      return false;
    }
    this.#tally.took(lines.length);
    if (unfit.length > 0) await this.#tally.aside.put(unfit, "the time is beyond what line protocol holds");
    return true;
  }

  async #write(octets: Buffer): Promise<void> {
    if (octets.length === 0) return;
    const { file, maxOctets = DEFAULT_OCTETS } = this.#options;
    if (this.#open !== null && (await this.#disk.look(file))?.place !== this.#open.place) await this.#end();
    this.#open ??= await this.#reopen();
    if (this.#open.octets > 0 && this.#open.octets + octets.length > maxOctets) {
      await this.#rotate();
      this.#open = await this.#reopen();
    }
    const { handle } = this.#open;
    await handle.write(octets);
    await handle.sync();
    this.#open.octets += octets.length;
  }

  async #reopen(): Promise<Open> {
    const { file } = this.#options;
    const there = await this.#disk.look(file);
    if (there === null) {
      await makeDirectories(this.#disk, path.dirname(file));
      const handle = await this.#disk.create(file);
      await this.#disk.syncDirectory(path.dirname(file));
      return { handle, place: (await this.#disk.look(file))?.place ?? "", octets: 0 };
    }
    const octets = await this.#wholeLines(file, there.octets);
    if (octets < there.octets) await this.#disk.truncate(file, octets);
    return { handle: await this.#disk.append(file), place: there.place, octets };
  }

  /** Octets up to the last line feed: what an earlier run did not finish was never promised. */
  async #wholeLines(file: string, octets: number): Promise<number> {
    for (let end = octets; end > 0; ) {
      const from = Math.max(0, end - TAIL_OCTETS);
      const feed = Buffer.from(await this.#disk.part(file, from, end - from)).lastIndexOf(0x0a);
      if (feed >= 0) return from + feed + 1;
      end = from;
    }
    return 0;
  }

  async #rotate(): Promise<void> {
    const { file, keep = DEFAULT_KEEP } = this.#options;
    await this.#end();
    await unlinkIfThere(this.#disk, keep === 0 ? file : `${file}.${keep}`);
    for (let n = keep - 1; n >= 0; n--) {
      const from = n === 0 ? file : `${file}.${n}`;
      if ((await this.#disk.look(from)) !== null) await this.#disk.rename(from, `${file}.${n + 1}`);
    }
  }

  /** After a failure; where it fails too, the next open does it. */
  async #cut(): Promise<void> {
    const open = this.#open;
    await this.#end();
    if (open === null) return;
    try {
      if ((await this.#disk.look(this.#options.file))?.place === open.place) await this.#disk.truncate(this.#options.file, open.octets);
    } catch {
      // `#wholeLines` finds the last whole line; what is whole beyond goes twice, which line protocol does not mind.
    }
  }

  async #end(): Promise<void> {
    const open = this.#open;
    this.#open = null;
    await open?.handle.close().catch(() => {});
  }
}
