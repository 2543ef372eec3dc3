/** What the tests of the store share: starts by name, frames in short, and a state as text. */
import * as assert from "uvu/assert";
import type { How } from "#receiver/ledger";
import type { Seen } from "#receiver/seen";
import { type SeenStore, type SeenStoreOptions, SeenStore as Store } from "#receiver/seenStore";
import { Start } from "#receiver/starts";
import { type WallMillis, wallMillis } from "#wire";
import type { MemoryFiles } from "./memoryFiles.ts";

export const DAY = 86_400_000;
export const HOUR = 3_600_000;
export const T0 = Date.UTC(2026, 10, 20);
export const DIRECTORY = "/var/lib/penstock/receiver";
export const JOURNAL = `${DIRECTORY}/journal`;
export const at = (ms: number): WallMillis => wallMillis(T0 + ms);

export function open(files: MemoryFiles, more: Partial<SeenStoreOptions> = {}, now: WallMillis = at(0)): Promise<SeenStore> {
  return Store.open({ directory: DIRECTORY, files, ...more }, now);
}

export function saltOf(name: string | number): string {
  return Buffer.from(String(name).padStart(16, "."), "latin1").toString("hex");
}

export function admitted(store: SeenStore, name: string | number, epoch: number, ms = 0, now: WallMillis = at(ms), stream = 7): Start {
  const start = store.admit(stream, saltOf(name), BigInt(epoch), T0 + ms, now);
  if (!(start instanceof Start)) throw new Error(`${name}: ${start}`);
  return start;
}

export interface Short {
  readonly ms?: number;
  readonly samples?: number;
  readonly how?: How;
  readonly now?: WallMillis;
}

export function take(
  store: SeenStore,
  start: Start,
  seq: number,
  { ms = seq, samples = 1, how = "received", now = at(ms) }: Short = {},
): Seen {
  return store.take(start, { seq, sentMs: T0 + ms, samples, events: 0, checkpoints: 0 }, how, now);
}

/** The whole state, in an order that does not depend on how it came about. */
export function stateOf(store: SeenStore): string {
  const lines: string[] = [];
  for (const part of [...store.starts.parts(), ...store.ledger.parts()])
    for (const [name, each] of Object.entries(part))
      for (const line of each as readonly unknown[]) lines.push(`${name} ${JSON.stringify(line)}`);
  return lines.sort().join("\n");
}

export function addsUp(store: SeenStore): void {
  for (const { state, offered, droppedAtSource, sent, received, repaired, late, lost, disputed } of store.ledger.rows()) {
    if (sent !== null) assert.is(offered, sent + (droppedAtSource as number));
    if (state === "closed") assert.is((sent as number) + disputed, received + repaired + late + (lost as number));
  }
}
