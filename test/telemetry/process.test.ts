/** The sender as a process, without its socket: keys that change by day, ends that are told, disks and keys that fail. */
import { generateKeyPairSync } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { UserProblems } from "#documents/problems";
import { decodeHeader } from "#oneway/frame";
import { NameBook } from "#receiver/names";
import { Reception } from "#receiver/reception";
import { SeenStore } from "#receiver/seenStore";
import { keyInUse, readStreamKeys } from "#sealing/streamKeys";
import { type Keeping, SendProcess, type SendSettings } from "#telemetry/process";
import { recordOf, sampleOf } from "#test/receiver/link";
import { millis, wallMillis } from "#wire";

const DAY = 86_400_000;
const FRAMES = 10;

const sending = suite<{ folder: string }>("telemetry/process");
sending.before.each((context) => {
  context.folder = mkdtempSync(path.join(os.tmpdir(), "penstock-sending-"));
  mkdirSync(path.join(context.folder, "keys"));
});
sending.after.each(({ folder }) => rmSync(folder, { recursive: true }));

const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

function putKey(folder: string, ms: number, octet: number): void {
  writeFileSync(path.join(folder, "keys", `${dayOf(ms)}.key`), `${Buffer.alloc(32, octet).toString("hex")}\n`, { mode: 0o600 });
}

const settingsOf = (folder: string, more: Partial<SendSettings> = {}): SendSettings => ({
  stream: 7,
  gateway: "gate",
  sources: 4,
  repairs: 1,
  depth: 2,
  content: 600,
  carouselShare: 0,
  rate: 1_000,
  keys: path.join(folder, "keys"),
  signingKey: null,
  state: path.join(folder, "state"),
  ...more,
});

function feedPoints(process: SendProcess): void {
  process.feed(recordOf((writer) => writer.birth(0, 1, "gate")));
  process.feed(recordOf((writer) => writer.point({ id: 1, asset: "a", point: "p", type: "int32", unit: "", description: "" })));
}

/** All that a receiver with the folder's keys makes of the frames. */
async function received(folder: string, frames: readonly Uint8Array[]) {
  const store = await SeenStore.open({ directory: path.join(folder, "seen") }, wallMillis(Date.now()));
  const names = await NameBook.open(path.join(folder, "names"));
  const values: unknown[] = [];
  const texts: string[] = [];
  const reception = new Reception([{ stream: 7, keys: readStreamKeys(path.join(folder, "keys")), checkpointKey: null }], names, store, {
    samples: (samples) => void values.push(...samples.map(({ value }) => value)),
    text: (_of, _stream, text) => void texts.push(text),
    births() {},
    raise() {},
  });
  frames.forEach((frame, i) => {
    reception.take(frame, millis(i), wallMillis(Date.now()));
  });
  const rows = store.ledger.rows(7).filter(({ state, sent }) => state === "closed" || sent !== null);
  const contradictions = store.ledger.totals()[0]?.contradictions;
  await store.close();
  return { values, texts, rows, contradictions, rejected: Object.fromEntries(reception.rejected) };
}

sending(
  "a key whose day comes is taken at the next group; one that is put there later too; not a sample is lost by it",
  async ({ folder }) => {
    const midnight = Math.floor(Date.now() / DAY) * DAY;
    putKey(folder, midnight - DAY, 1);
    putKey(folder, midnight, 2);
    const frames: Uint8Array[] = [];
    const before = midnight - 3_000;
    const process = new SendProcess(settingsOf(folder), { send: (frame) => frames.push(frame.slice()) > 0 }, null, before);
    feedPoints(process);
    const began = performance.now();
    let count = 0;
    const run = (fromMs: number, ms: number): void => {
      for (let at = 0; at < ms; at += 5) {
        process.feed(sampleOf(1, count++));
        process.turn(began + fromMs + at, before + fromMs + at);
      }
    };
    process.renew(before);
    run(0, 2_995);
    process.renew(midnight + 5);
    run(3_000, 1_000);
    rmSync(path.join(folder, "keys", `${dayOf(midnight)}.key`));
    putKey(folder, midnight, 2);
    chmodSync(path.join(folder, "keys", `${dayOf(midnight)}.key`), 0o644);
    process.renew(midnight + 1_000);
    run(4_000, 500);
    chmodSync(path.join(folder, "keys", `${dayOf(midnight)}.key`), 0o600);
    await process.close();
    const ids = frames.map((octets) => {
      const header = decodeHeader(octets);
      if (!header.ok) throw new Error(header.error);
      return [header.value.keyId, header.value.sequence] as const;
    });
    const keys = readStreamKeys(path.join(folder, "keys"));
    assert.equal([...new Set(ids.map(([id]) => id))], [keyInUse(keys, before)?.id, keyInUse(keys, midnight)?.id]);
    const changed = ids.findIndex(([id], i) => i > 0 && id !== ids[i - 1]?.[0]);
    assert.ok(changed > 1_000);
    assert.is((ids[changed]?.[1] as number) % FRAMES, 0, "at the border of two groups");
    const { values, rejected } = await received(folder, frames);
    assert.equal(
      values,
      Array.from({ length: count }, (_, i) => i),
    );
    assert.equal(rejected, {});
  },
);

/** One that has a copy ready whenever it is asked. */
class Copies implements Keeping {
  readonly #frames: Uint8Array[] = [];
  flushed = 0;
  closed = 0;
  keeps = true;

  append(_sequence: number, _nowMs: number, octets: Uint8Array): boolean {
    if (this.keeps) this.#frames.push(octets.slice());
    return this.keeps;
  }

  next(): Uint8Array | null {
    return this.#frames[0] ?? null;
  }

  async flush(): Promise<boolean> {
    this.flushed += 1;
    return this.keeps;
  }

  async close(): Promise<boolean> {
    this.closed += 1;
    return this.keeps;
  }

  stats(): object {
    return { copies: this.#frames.length };
  }
}

for (const [what, share, content] of [
  ["no copies", 0, 600],
  ["copies that want half of the line", 0.5, 600],
  ["records of which one fits a frame", 0.5, 300],
] as const)
  sending(`close: what waits leaves, counts are told as closed, and the ledger is closed by it (${what})`, async ({ folder }) => {
    putKey(folder, Date.now() - DAY, 1);
    const frames: Uint8Array[] = [];
    const spool = new Copies();
    const process = new SendProcess(
      settingsOf(folder, { carouselShare: share, content }),
      { send: (frame) => frames.push(frame.slice()) > 0 },
      spool,
      Date.now(),
    );
    feedPoints(process);
    for (let i = 0; i < 500; i++) {
      process.feed(sampleOf(1, i));
      process.feed(
        recordOf((writer) => writer.text({ of: "events", number: i, part: 0, parts: 1, octets: Buffer.from(`"${"x".repeat(180)}"`) })),
      );
    }
    process.feed(recordOf((writer) => writer.counts({ of: "events", minute: 0, offered: 0, sent: 0, dropped: 9, isClosed: false })));
    const closing = process.close();
    assert.is(process.close(), closing, "it is done once");
    await closing;
    assert.is(spool.closed, 1);
    const status = process.status();
    assert.is(status.waiting, 0);
    const { values, texts, rows, contradictions } = await received(folder, frames);
    assert.is(values.length, 500);
    assert.is(texts.length, 500);
    assert.is(contradictions, 0);
    assert.ok(rows.length >= 2 && rows.every(({ state }) => state === "closed"));
    const sum = (of: string, field: "sent" | "droppedAtSource" | "lost" | "received"): number =>
      rows.filter((row) => row.class === of).reduce((total, row) => total + (row[field] ?? 0), 0);
    assert.equal([sum("samples", "sent"), sum("samples", "received"), sum("samples", "lost")], [500, 500, 0]);
    assert.equal([sum("events", "sent"), sum("events", "droppedAtSource"), sum("events", "lost")], [500, 9, 0]);
  });

sending(
  "a spool that keeps nothing and a line that takes nothing hold nothing up, and what did not leave is counted",
  async ({ folder }) => {
    putKey(folder, Date.now() - DAY, 1);
    const spool = new Copies();
    spool.keeps = false;
    const process = new SendProcess(settingsOf(folder), { send: () => false }, spool, Date.now());
    feedPoints(process);
    process.feed(sampleOf(1, 1));
    await process.close();
    const { notSent, frames, copies, full } = process.status();
    assert.ok(frames > 0 && full > 0);
    assert.is(notSent, frames);
    assert.is(copies, 0);
  },
);

const PRIVATE = (type: "ed25519" | "x25519"): string => {
  const { privateKey } = type === "ed25519" ? generateKeyPairSync("ed25519") : generateKeyPairSync("x25519");
  return privateKey.export({ type: "pkcs8", format: "pem" }) as string;
};

function refused(folder: string, more: Partial<SendSettings> = {}): string {
  try {
    new SendProcess(settingsOf(folder, more), { send: () => true }, null, Date.now());
  } catch (error) {
    if (error instanceof UserProblems) return error.lines.join().replaceAll(folder, "");
    throw error;
  }
  return "";
}

sending("keys that are none are a person's to put right, and take no start's number", ({ folder }) => {
  const own = path.join(folder, "own.pem");
  const signed = { signingKey: own };
  assert.match(refused(folder), /^\/keys:1:1: found no key; expected files named by the day/);
  assert.match(refused(folder, { keys: path.join(folder, "none") }), /^\/none:1:1: found a folder that cannot be read \(ENOENT\)/);
  putKey(folder, Date.now(), 1);
  assert.match(refused(folder, signed), /^\/own\.pem:1:1: found a file that cannot be read \(ENOENT\); expected a private Ed25519 key/);
  writeFileSync(own, "none", { mode: 0o600 });
  assert.match(refused(folder, signed), /^\/own\.pem:1:1: found no private key in plain PEM/);
  writeFileSync(own, PRIVATE("x25519"));
  assert.match(refused(folder, signed), /^\/own\.pem:1:1: found a key of type x25519/);
  writeFileSync(own, PRIVATE("ed25519"));
  chmodSync(own, 0o640);
  assert.match(refused(folder, signed), /^\/own\.pem:1:1: found a private key that others may read; expected mode 0600/);
  chmodSync(path.join(folder, "keys", `${dayOf(Date.now())}.key`), 0o604);
  assert.match(refused(folder), /found a key that others may read/);
  assert.not(existsSync(path.join(folder, "state")));
});

sending("a disk of the state that is full: no start, and it is said", ({ folder }) => {
  putKey(folder, Date.now(), 1);
  mkdirSync(path.join(folder, "state"));
  symlinkSync("/dev/full", path.join(folder, "state", "epoch.new"));
  assert.match(refused(folder), /^\/state:1:1: found a folder that cannot be written \(ENOSPC\)/);
});

sending("with keys of days to come alone, the first of them is used: better than none", ({ folder }) => {
  putKey(folder, Date.now() + 5 * DAY, 1);
  putKey(folder, Date.now() + 9 * DAY, 2);
  const process = new SendProcess(settingsOf(folder), { send: () => true }, null, Date.now());
  assert.is(process.status().keyId, readStreamKeys(path.join(folder, "keys"))[0]?.id);
});

sending.run();
