/**
 * The journal of stops that passed while their record could not be written (RULINGS 15). Its room on the disk is taken when there is some: a
 * full disk still takes it. It is written in place, never grown, and what is in it goes into the log once that takes records again.
 *
 *     slot, 4096 octets   | entry: a JSON line signed by the audit key, zeros to 3072 | tail: what became of it, likewise signed |
 *     a slot whose first octet is zero is free
 *
 * The stop itself waits for none of this. Until its slot is synced an entry stands in memory alone; `trouble` says when it must stay there.
 *
 * INVARIANT: an entry leaves its slot only after the record that holds it is on the disk. Killed between the two, the next run merges it a
 * second time, under the same id.
 */
import { createHash, createPublicKey, type KeyObject, randomBytes, verify } from "node:crypto";
import { existsSync } from "node:fs";
import { constants, type FileHandle, open } from "node:fs/promises";
import { reasonOf } from "#disk/reason";
import { visible } from "#documents/escape";
import type { SigningKey } from "./key.ts";

/** As many different stops as wait for the log at most: equal ones of one identity are counted in one entry. */
export const JOURNAL_SLOTS = 1_000;
export const SLOT_OCTETS = 4_096;
const ENTRY_OCTETS = 3_072;
const SIGNED_PREFIX = "penstock audit journal 1\n";
/** After a failure the next attempt is made so much later. */
const RETRY_MS = 1_000;
/** Of a slot that does not verify so much is kept to be read by people. */
const SHOWN_OCTETS = 1_024;

/** What became of the stops of one entry. Times are ISO 8601. */
export interface Tail {
  readonly count: number;
  readonly last: string;
  /** Of the last one; null: not known. */
  readonly outcome: string | null;
  readonly exception: number;
  readonly reason: string;
  /** How many of them became what; what is missing is not known. */
  readonly outcomes: Readonly<Record<string, number>>;
}

export interface Kept {
  readonly id: string;
  slot: number;
  readonly entry: Readonly<Record<string, unknown>>;
  tail: Tail;
}

/** A slot that holds something that we did not sign, or that was torn. */
export interface Damaged {
  readonly slot: number;
  readonly sha256: string;
  readonly shown: string;
}

/** Tests hand in one that fails. */
export interface SlotFile {
  readonly size: number;
  read(): Promise<Uint8Array>;
  write(octets: Uint8Array, at: number): Promise<void>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

export type OpenSlots = (file: string) => Promise<SlotFile>;

export class Journal {
  /** Of earlier runs and this one, oldest first: what has not been released. */
  readonly kept = new Map<string, Kept>();
  /** Likewise. */
  readonly damaged: Damaged[] = [];
  readonly file: string;
  readonly #key: SigningKey;
  readonly #slots: OpenSlots;
  readonly #run = randomBytes(4).toString("hex");
  readonly #free = Array.from({ length: JOURNAL_SLOTS }, (_, i) => JOURNAL_SLOTS - 1 - i);
  /** By slot: what of it is to be written. */
  readonly #dirty = new Map<number, "whole" | "tail" | "free">();
  #handle: SlotFile | null = null;
  /** Somebody may need it: its room is taken. */
  #isWanted = false;
  /** What an earlier run left has been read: before it nothing is written. */
  #isRead = false;
  #serial = 0;
  #trouble: string | null = null;
  #busy: Promise<void> | null = null;
  #triedMs = Number.NEGATIVE_INFINITY;

  private constructor(file: string, key: SigningKey, slots: OpenSlots) {
    this.file = file;
    this.#key = key;
    this.#slots = slots;
  }

  /** Read what an earlier run left, if anything. Where that fails the journal works in memory, and goes on trying. */
  static async open(directory: string, key: SigningKey, slots: OpenSlots = openSlots): Promise<Journal> {
    const journal = new Journal(journalOf(directory), key, slots);
    if (existsSync(journal.file)) await journal.prepare();
    return journal;
  }

  /** There are essential rules: take the room for what they may need. */
  async prepare(): Promise<void> {
    this.#isWanted = true;
    await this.#work();
  }

  /** Why entries stand in memory alone; null: they do not. */
  get trouble(): string | null {
    return this.#trouble;
  }

  get full(): boolean {
    return this.#free.length === 0;
  }

  /** @param entry plain data, times and all; @returns null: every slot is taken */
  add(entry: Readonly<Record<string, unknown>>, tail: Tail): Kept | null {
    const slot = this.#free.pop();
    if (slot === undefined) return null;
    this.#serial += 1;
    const kept: Kept = { id: `${this.#run}-${this.#serial}`, slot, entry, tail };
    this.kept.set(kept.id, kept);
    this.#want(slot, "whole");
    return kept;
  }

  became(kept: Kept, tail: Tail): void {
    kept.tail = tail;
    if (this.#dirty.get(kept.slot) !== "whole") this.#want(kept.slot, "tail");
  }

  /** The log has it. */
  release(kept: Kept): void {
    if (this.kept.delete(kept.id)) this.#want(kept.slot, "free");
  }

  /** The log has been told of it. */
  forget(damaged: Damaged): void {
    this.damaged.splice(this.damaged.indexOf(damaged), 1);
    this.#want(damaged.slot, "free");
  }

  /** Time is looked at: what failed is tried again. @param now monotonic milliseconds */
  tick(now: number): void {
    if ((this.#dirty.size === 0 && (this.#handle !== null || !this.#isWanted)) || now - this.#triedMs < RETRY_MS) return;
    this.#triedMs = now;
    void this.#work();
  }

  async close(): Promise<void> {
    await this.#work();
    await this.#handle?.close().catch(() => {});
    this.#handle = null;
  }

  #want(slot: number, what: "whole" | "tail" | "free"): void {
    if (slot === NOWHERE) return;
    this.#dirty.set(slot, what);
    // While it fails, `tick` paces the attempts.
    if (this.#trouble === null) void this.#work();
  }

  #work(): Promise<void> {
    this.#busy ??= this.#write().finally(() => {
      this.#busy = null;
    });
    return this.#busy;
  }

  async #write(): Promise<void> {
    if (this.#dirty.size === 0 && !this.#isWanted) return;
    try {
      const handle = this.#handle ?? (await this.#reopen());
      while (this.#dirty.size > 0) await this.#batch(handle);
      this.#trouble = null;
    } catch (error) {
      this.#trouble = reasonOf(error);
      await this.#handle?.close().catch(() => {});
      this.#handle = null;
    }
  }

  async #reopen(): Promise<SlotFile> {
    const handle = await this.#slots(this.file);
    this.#handle = handle;
    if (!this.#isRead) this.#adopt(readSlots(await handle.read(), this.#key));
    this.#isRead = true;
    await takeRoom(handle);
    // After a failure nobody knows what of them the disk has.
    for (const { id, slot } of this.kept.values()) if (slot !== NOWHERE && id.startsWith(this.#run)) this.#dirty.set(slot, "whole");
    return handle;
  }

  /** What is new by now makes room for what was there. */
  #adopt(found: readonly (Kept | Damaged)[]): void {
    const taken = new Set(found.map(({ slot }) => slot));
    this.#free.splice(0, this.#free.length, ...this.#free.filter((slot) => !taken.has(slot)));
    for (const kept of this.kept.values()) {
      if (!taken.has(kept.slot)) continue;
      this.#dirty.delete(kept.slot);
      kept.slot = this.#free.pop() ?? NOWHERE;
    }
    for (const each of found)
      if ("id" in each) this.kept.set(each.id, each);
      else this.damaged.push(each);
  }

  /** What is wanted now is written and synced; whatever of it failed, is wanted still. */
  async #batch(handle: SlotFile): Promise<void> {
    const batch = [...this.#dirty];
    this.#dirty.clear();
    try {
      for (const [slot, what] of batch) {
        const kept = what === "free" ? undefined : [...this.kept.values()].find((each) => each.slot === slot);
        if (kept === undefined) await handle.write(new Uint8Array(SLOT_OCTETS), slot * SLOT_OCTETS);
        else {
          if (what === "whole") await handle.write(await this.#entryOctets(kept), slot * SLOT_OCTETS);
          await handle.write(await this.#tailOctets(kept), slot * SLOT_OCTETS + ENTRY_OCTETS);
        }
      }
      await handle.sync();
    } catch (error) {
      for (const [slot, what] of batch) {
        const since = this.#dirty.get(slot);
        if (since === undefined || (since === "tail" && what === "whole")) this.#dirty.set(slot, what);
      }
      throw error;
    }
    // Only now may somebody else have the slot: not before it is known to be empty on the disk.
    for (const [slot, what] of batch) if (what === "free" && !this.#dirty.has(slot)) this.#free.push(slot);
  }

  async #entryOctets({ id, slot, entry }: Kept): Promise<Uint8Array> {
    for (const less of [[], ["operations", "words"], Object.keys(entry).filter((key) => !LEAST.includes(key))]) {
      const left = Object.fromEntries(Object.entries(entry).filter(([key]) => !less.includes(key)));
      const line = await this.#signed({ id, slot, entry: less.length === 0 ? left : { ...left, cut: true } });
      if (line.length <= ENTRY_OCTETS) return padded(line, ENTRY_OCTETS);
    }
    throw new Error("an entry of the journal is too long for its slot");
  }

  async #tailOctets({ id, tail }: Kept): Promise<Uint8Array> {
    return padded(await this.#signed({ id, tail: { ...tail, reason: tail.reason.slice(0, 100) } }), SLOT_OCTETS - ENTRY_OCTETS);
  }

  async #signed(what: Record<string, unknown>): Promise<Buffer> {
    const text = JSON.stringify(what);
    const signature = (await this.#key.sign(SIGNED_PREFIX + text)).toString("base64");
    return Buffer.from(`${signature} ${text}\n`);
  }
}

/** Of an entry that does not fit its slot this is kept; the session's own record says who it was. */
const LEAST: readonly string[] = ["passed", "session", "asset", "unit", "function", "octets", "rule", "policy"];

/** An entry for which the file had no slot left, once it could be read: it stands in memory alone. */
const NOWHERE = -1;

/** Beside the log, as what else a restart must know. */
export function journalOf(directory: string): string {
  return `${directory}.journal`;
}

/** How many slots hold something; null: there is no journal. For those who only look. */
export async function entriesWaiting(directory: string): Promise<number | null> {
  let handle: FileHandle;
  try {
    handle = await open(journalOf(directory), "r");
  } catch (error) {
    if (reasonOf(error) === "ENOENT") return null;
    throw error;
  }
  try {
    const octets = await handle.readFile();
    let count = 0;
    for (let at = 0; at < octets.length; at += SLOT_OCTETS) if (octets[at] !== 0) count += 1;
    return count;
  } finally {
    await handle.close();
  }
}

async function takeRoom(handle: SlotFile): Promise<void> {
  const whole = JOURNAL_SLOTS * SLOT_OCTETS;
  if (handle.size >= whole) return;
  // Zeros that are written take room; a hole would not.
  await handle.write(new Uint8Array(whole - handle.size), handle.size);
  await handle.sync();
}

function readSlots(octets: Uint8Array, signing: SigningKey): (Kept | Damaged)[] {
  const key = createPublicKey(signing.publicPem);
  const found: (Kept | Damaged)[] = [];
  for (let slot = 0; slot < JOURNAL_SLOTS; slot++) {
    const at = slot * SLOT_OCTETS;
    const here = octets.subarray(at, at + SLOT_OCTETS);
    if (here.length === 0 || here[0] === 0) continue;
    found.push(readSlot(slot, here, key) ?? damagedSlot(slot, here));
  }
  return found.sort((a, b) => timeOf(a).localeCompare(timeOf(b)));
}

function readSlot(slot: number, octets: Uint8Array, key: KeyObject): Kept | null {
  const first = readLine(octets.subarray(0, ENTRY_OCTETS), key);
  if (first === null || typeof first.id !== "string" || first.slot !== slot || !isObject(first.entry)) return null;
  const second = readLine(octets.subarray(ENTRY_OCTETS), key);
  const tail = second?.id === first.id && isTail(second.tail) ? second.tail : null;
  return { id: first.id, slot, entry: first.entry, tail: tail ?? { ...UNTOLD, last: String(first.entry.passed) } };
}

const UNTOLD: Tail = { count: 1, last: "", outcome: null, exception: 0, reason: "", outcomes: {} };

function readLine(octets: Uint8Array, key: KeyObject): Record<string, unknown> | null {
  const end = octets.indexOf(LINE_FEED);
  const line = Buffer.from(octets.subarray(0, Math.max(0, end))).toString("utf8");
  const space = line.indexOf(" ");
  const text = line.slice(space + 1);
  const signature = Buffer.from(line.slice(0, Math.max(0, space)), "base64");
  if (!verify(null, Buffer.from(SIGNED_PREFIX + text), key, signature)) return null;
  const read: unknown = JSON.parse(text);
  return isObject(read) ? read : null;
}

const LINE_FEED = 0x0a;

function damagedSlot(slot: number, octets: Uint8Array): Damaged {
  const end = octets.findLastIndex((octet) => octet !== 0);
  const shown = visible(Buffer.from(octets.subarray(0, Math.min(end + 1, SHOWN_OCTETS))).toString("latin1"));
  return { slot, sha256: createHash("sha256").update(octets).digest("hex"), shown };
}

function timeOf(found: Kept | Damaged): string {
  return "id" in found ? String(found.entry.passed) : "";
}

function isTail(value: unknown): value is Tail {
  return (
    isObject(value) &&
    typeof value.count === "number" &&
    typeof value.last === "string" &&
    (value.outcome === null || typeof value.outcome === "string") &&
    typeof value.exception === "number" &&
    typeof value.reason === "string" &&
    isObject(value.outcomes)
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function padded(line: Uint8Array, length: number): Uint8Array {
  if (line.length > length) throw new Error("a line of the journal is too long for its place");
  const octets = new Uint8Array(length);
  octets.set(line);
  return octets;
}

export async function openSlots(file: string): Promise<SlotFile> {
  const handle = await open(file, constants.O_RDWR | constants.O_CREAT, 0o600);
  const { size } = await handle.stat();
  return {
    size,
    read: () => handle.readFile(),
    async write(octets, at) {
      for (let from = 0; from < octets.length; ) from += (await handle.write(octets, from, octets.length - from, at + from)).bytesWritten;
    },
    sync: () => handle.datasync(),
    close: () => handle.close(),
  };
}
