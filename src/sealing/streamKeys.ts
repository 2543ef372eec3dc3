/**
 * Keys of one-way streams. A stream's keys are files in one folder, each named by the day it is used from; the sender takes the newest whose day
 * has come, the receiver all of them, so a key is changed by putting the next one there on both sides beforehand.
 *
 *     2026-11-27.key      64 hex digits, mode 0600
 *
 * A frame's key is derived from the stream's, for each start of the sender: by its salt, which every frame carries (RULINGS 39).
 */
import { createSecretKey, hkdfSync, type KeyObject } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { badFile } from "./badFile.ts";

export interface StreamKey {
  readonly file: string;
  /** From when it is used, milliseconds since 1970. */
  readonly fromMs: number;
  /** What frames name it by. */
  readonly id: number;
  readonly key: KeyObject;
}

const NAME = /^(\d{4}-\d{2}-\d{2})\.key$/;
const KEY = /^[0-9a-f]{64}\n?$/i;
/** Keys in one folder: ten years of monthly ones. */
const MOST_KEYS = 128;

/**
 * @returns ascending by day
 * @throws UserProblems where the folder holds none, or one of them is no key, or others may read it
 */
export function readStreamKeys(folder: string): readonly StreamKey[] {
  const names = namesIn(folder);
  const keys = names.map((name) => readKey(path.join(folder, name)));
  if (keys.length === 0) throw badFile(folder, "no key", "files named by the day they are used from, such as 2026-11-27.key");
  for (const key of keys) {
    const twin = keys.find(({ id, file }) => id === key.id && file !== key.file);
    if (twin !== undefined) throw badFile(key.file, `the same key as ${path.basename(twin.file)}`, "a key of its own");
  }
  return keys.sort((a, b) => a.fromMs - b.fromMs);
}

/** The newest whose day has come; null: none has. */
export function keyInUse(keys: readonly StreamKey[], nowMs: number): StreamKey | null {
  return keys.findLast(({ fromMs }) => fromMs <= nowMs) ?? null;
}

/** @param octets 32 of them */
export function streamKeyOf(file: string, fromMs: number, octets: Uint8Array): StreamKey {
  const key = createSecretKey(octets);
  return { file, fromMs, key, id: new DataView(hkdfSync("sha256", key, NO_SALT, "penstock/one-way/1/key-id", 4)).getUint32(0, true) };
}

/** Of one start of one stream's sender. */
export function frameKeyOf({ key }: StreamKey, stream: number, salt: Uint8Array): KeyObject {
  return createSecretKey(new Uint8Array(hkdfSync("sha256", key, salt, `penstock/one-way/1/frames/${stream}`, 32)));
}

const NO_SALT = new Uint8Array(0);

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => name.endsWith(".key"))
      .sort()
      .slice(-MOST_KEYS);
  } catch (error) {
    throw badFile(
      folder,
      `a folder that cannot be read (${(error as NodeJS.ErrnoException).code ?? "?"})`,
      "the folder of the stream's keys",
    );
  }
}

function readKey(file: string): StreamKey {
  const [, day] = NAME.exec(path.basename(file)) ?? [];
  const fromMs = day === undefined ? Number.NaN : Date.parse(`${day}T00:00:00Z`);
  if (!Number.isFinite(fromMs)) throw badFile(file, "a name that is no day", "the day it is used from, such as 2026-11-27.key");
  if ((statSync(file).mode & 0o077) !== 0) throw badFile(file, "a key that others may read", "mode 0600");
  const text = readFileSync(file, "latin1");
  if (!KEY.test(text)) throw badFile(file, "no key", "64 hex digits, such as penstock send --new-key makes");
  return streamKeyOf(file, fromMs, Buffer.from(text.trim(), "hex"));
}
