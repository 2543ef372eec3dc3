/**
 * Decisions, sessions, health and checkpoints of the evidence, as they came: one line each, in a file of its kind and day.
 *
 *     events-2026-11-27.jsonl        {"stream":7,"historical":false,"record":{...}}
 *
 * What was added is on the disk once `flush` is true, and then counts as here. Files of days long past go.
 */
import path from "node:path";
import { type AppendFile, type Files, makeDirectories, realFiles } from "#disk/files";
import { reasonOf } from "#disk/reason";

export type TextClass = "events" | "checkpoints";

const DAY_MS = 86_400_000;
/** Events are for people and monitors; checkpoints prove a log that is kept no longer (`audit: retain`). */
const KEEP_DAYS = 90;
const NAME = /^(?:events|checkpoints)-(\d{4}-\d{2}-\d{2})\.jsonl$/;

export class TextFiles {
  readonly #directory: string;
  readonly #files: Files;
  readonly #lines = new Map<string, string[]>();
  readonly #open = new Map<string, AppendFile>();
  #prunedDay = "";

  constructor(directory: string, files: Files = realFiles) {
    this.#directory = directory;
    this.#files = files;
  }

  add(of: TextClass, stream: number, text: string, historical: boolean, nowMs: number): void {
    const name = `${of}-${dayOf(nowMs)}.jsonl`;
    const line = `${JSON.stringify({ stream, historical, record: parsed(text) })}\n`;
    const lines = this.#lines.get(name);
    if (lines === undefined) this.#lines.set(name, [line]);
    else lines.push(line);
  }

  /** @returns why it is not on the disk; null: it is. What was not written is tried again with the next */
  async flush(nowMs: number): Promise<string | null> {
    try {
      await this.#prune(nowMs);
      for (const [name, lines] of this.#lines) {
        const file = await this.#fileOf(name);
        await file.write(Buffer.from(lines.join("")));
        await file.sync();
        this.#lines.delete(name);
      }
      return null;
    } catch (error) {
      await this.close();
      return `${this.#directory}: events cannot be written (${reasonOf(error)})`;
    }
  }

  async close(): Promise<void> {
    for (const file of this.#open.values()) await file.close().catch(() => {});
    this.#open.clear();
  }

  async #fileOf(name: string): Promise<AppendFile> {
    const known = this.#open.get(name);
    if (known !== undefined) return known;
    // Those of yesterday are not written any more.
    if (this.#open.size >= 4) await this.close();
    await makeDirectories(this.#files, this.#directory);
    const file = path.join(this.#directory, name);
    let opened: AppendFile;
    try {
      opened = await this.#files.append(file);
    } catch (error) {
      if (reasonOf(error) !== "ENOENT") throw error;
      opened = await this.#files.create(file);
      await this.#files.syncDirectory(this.#directory);
    }
    this.#open.set(name, opened);
    return opened;
  }

  /** Once a day. */
  async #prune(nowMs: number): Promise<void> {
    const today = dayOf(nowMs);
    if (today === this.#prunedDay) return;
    this.#prunedDay = today;
    const oldest = dayOf(nowMs - KEEP_DAYS * DAY_MS);
    await makeDirectories(this.#files, this.#directory);
    for (const { name } of await this.#files.list(this.#directory)) {
      const day = NAME.exec(name)?.[1];
      if (day !== undefined && day < oldest) await this.#files.unlink(path.join(this.#directory, name));
    }
  }
}

function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
