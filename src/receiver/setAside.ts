/**
 * What a server refuses for good: it is offered no more, and kept for a person in a file of bounded size, in the queue's own form with the
 * reason before it. Whatever is taken and what is not goes through `deliverParts`, which finds the few among many that are at fault.
 *
 *     # 2026-11-22T09:30:00.000Z 1 sample: 400 field type conflict
 *     5f3c0a91 [["8f3a.17","plant-1",...]]
 */
import path from "node:path";
import { type AppendFile, makeDirectories } from "#disk/files";
import { visible } from "#documents/escape";
import { type Disk, realDisk } from "./disk.ts";
import type { Sample } from "./model.ts";
import { encodeSamples } from "./sampleLines.ts";

const DEFAULT_OCTETS = 16 * 1024 ** 2;
const REASON_LENGTH = 300;

export class SetAside {
  readonly #file: string | null;
  readonly #maxOctets: number;
  readonly #disk: Disk;
  #handle: AppendFile | null = null;
  #octets = 0;
  #count = 0;
  #unkept = 0;
  #reason: string | null = null;

  /** @param file null: they are only counted */
  constructor(file: string | null, maxOctets = DEFAULT_OCTETS, disk: Disk = realDisk) {
    this.#file = file;
    this.#maxOctets = maxOctets;
    this.#disk = disk;
  }

  /** Samples of this run. */
  get count(): number {
    return this.#count;
  }

  /** Of those: what was not written, since the file is full or cannot be written. */
  get unkept(): number {
    return this.#unkept;
  }

  /** Of the last ones; null: there were none. */
  get reason(): string | null {
    return this.#reason;
  }

  /** Counted in any case; written where there is room. Never rejects. */
  async put(samples: readonly Sample[], reason: string): Promise<void> {
    const words = visible(reason).slice(0, REASON_LENGTH);
    this.#count += samples.length;
    this.#reason = words;
    try {
      const head = `# ${new Date().toISOString()} ${samples.length} sample${samples.length === 1 ? "" : "s"}: ${words}\n`;
      await this.#write(Buffer.concat([Buffer.from(head), encodeSamples(samples).octets]));
    } catch {
      this.#unkept += samples.length;
      await this.close();
    }
  }

  async close(): Promise<void> {
    const handle = this.#handle;
    this.#handle = null;
    await handle?.close().catch(() => {});
  }

  async #write(octets: Buffer): Promise<void> {
    if (this.#file === null) throw new Error("nowhere to put them");
    this.#handle ??= await this.#open(this.#file);
    if (this.#octets + octets.length > this.#maxOctets) throw new Error("full");
    this.#octets += octets.length;
    await this.#handle.write(octets);
    await this.#handle.sync();
  }

  async #open(file: string): Promise<AppendFile> {
    const there = await this.#disk.look(file);
    this.#octets = there?.octets ?? 0;
    if (there !== null) return this.#disk.append(file);
    await makeDirectories(this.#disk, path.dirname(file));
    return this.#disk.create(file);
  }
}

/** What became of samples that were sent. */
export type Sent =
  | { readonly is: "taken" }
  /** Nobody knows, or not now: the same again later. */
  | { readonly is: "later"; readonly reason: string }
  /** Something in it will never be taken. */
  | { readonly is: "refused"; readonly reason: string };

export const TAKEN: { readonly is: "taken" } = { is: "taken" };

/** Sends for one batch: enough to find several bad ones among a thousand. What is refused after them is set aside as it is. */
const MOST_SENDS = 64;

/**
 * Send all; where that is refused, halves of it, until what is at fault stands alone. Sending twice must do no harm. Nothing is set aside
 * before everything else was taken: what is left for later is left whole.
 *
 * @returns what became of the batch: taken (with what was set aside), or later
 */
export async function deliverParts(
  samples: readonly Sample[],
  send: (part: readonly Sample[]) => Promise<Sent>,
  aside: SetAside,
): Promise<Exclude<Sent, { is: "refused" }>> {
  const waiting: (readonly Sample[])[] = [samples];
  const refused: { readonly part: readonly Sample[]; readonly reason: string }[] = [];
  for (let sends = 0; waiting.length > 0; ) {
    const part = waiting.pop() as readonly Sample[];
    if (part.length === 0) continue;
    const sent = await send(part);
    sends += 1;
    if (sent.is === "later") return sent;
    if (sent.is === "taken") continue;
    if (part.length === 1 || sends + waiting.length >= MOST_SENDS) refused.push({ part, reason: sent.reason });
    else {
      const half = part.length >> 1;
      // The first half first: what is newer comes after what is older.
      waiting.push(part.slice(half), part.slice(0, half));
    }
  }
  for (const { part, reason } of refused) await aside.put(part, reason);
  return TAKEN;
}
