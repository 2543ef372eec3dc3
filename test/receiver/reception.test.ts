/** From a sender to samples, over a line that loses, repeats, delays and lies: what was sent is told once, or is known to be missing. */
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { encodeHeader, HEADER, KIND, TAG } from "#oneway/frame";
import { RecordWriter } from "#oneway/records";
import type { Sample } from "#receiver/model";
import { NameBook } from "#receiver/names";
import { type Outlet, Reception, type StreamSettings } from "#receiver/reception";
import { SeenStore } from "#receiver/seenStore";
import { CheckpointSigner } from "#sealing/checkpoints";
import { Sealer } from "#sealing/frames";
import { type StreamKey, streamKeyOf } from "#sealing/streamKeys";
import { Sender, type SenderPorts, type SenderSettings } from "#telemetry/sender";
import { millis, wallMillis } from "#wire";
import { KEY, randomOf, recordOf, SETTINGS, sampleOf } from "./link.ts";

const SMALL: SenderSettings = { ...SETTINGS, sources: 8, repairs: 2, depth: 4, content: 400 };
const GROUP = 40;
const T0 = Date.parse("2026-11-27T12:00:00Z");
const STREAM: StreamSettings = { stream: 7, keys: [KEY], checkpointKey: null };

const reception = suite<{ folder: string }>("receiver/reception");
reception.before.each((context) => {
  context.folder = mkdtempSync(path.join(os.tmpdir(), "penstock-reception-"));
});
reception.after.each(({ folder }) => rmSync(folder, { recursive: true }));

const salt = (octet: number): Uint8Array => new Uint8Array(16).fill(octet);

/** A sender whose frames are kept in a list; `data`: those that carry something. */
function sending(
  octet: number,
  settings: Partial<SenderSettings> = {},
  ports: Partial<SenderPorts> = {},
  signer: CheckpointSigner | null = null,
) {
  const frames: Uint8Array[] = [];
  const data: Uint8Array[] = [];
  const all = { ...SMALL, ...settings };
  const sender = new Sender(
    all,
    new Sealer(KEY, all.stream, salt(octet)),
    signer,
    { send: (frame) => frames.push(frame.slice()), keep: (frame) => data.push(frame.slice()), again: () => null, ...ports },
    0,
  );
  return { sender, frames, data };
}

function introduce(sender: Sender, points: number): void {
  sender.take(
    recordOf((writer) => writer.birth(0, points, "gate")),
    T0,
  );
  for (let id = 0; id < points; id++)
    sender.take(
      recordOf((writer) => writer.point({ id, asset: "boiler", point: `p${id}`, type: "int32", unit: "t/h", description: "" })),
      T0,
    );
}

interface Far {
  readonly reception: Reception;
  readonly store: SeenStore;
  readonly got: Sample[];
  readonly texts: string[];
  readonly raised: string[];
  take(frames: readonly Uint8Array[], wallMs?: number): void;
  counts(): Record<string, number>;
  /** So many milliseconds go by. */
  passed(ms: number): void;
  close(): Promise<void>;
}

async function receiving(folder: string, settings: StreamSettings = STREAM): Promise<Far> {
  const store = await SeenStore.open({ directory: path.join(folder, "seen") }, wallMillis(T0));
  const got: Sample[] = [];
  const texts: string[] = [];
  const raised: string[] = [];
  const outlet: Outlet = {
    samples: (samples) => void got.push(...samples),
    text: (of, stream, text, historical) => void texts.push(`${of} ${stream} ${historical ? "late " : ""}${text}`),
    births: () => {},
    raise: ({ is }) => void raised.push(is),
  };
  const names = await NameBook.open(path.join(folder, "names"));
  const far = new Reception([settings], names, store, outlet);
  let now = 0;
  return {
    reception: far,
    store,
    got,
    texts,
    raised,
    take(frames, wallMs = T0) {
      for (const frame of frames) far.take(frame, millis(now++), wallMillis(wallMs));
    },
    counts: () => Object.fromEntries(far.rejected),
    passed(ms) {
      now += ms;
    },
    async close() {
      await names.keep();
      await store.close();
    },
  };
}

reception("what was sent is told once, in order, with names, units and a stable id", async ({ folder }) => {
  const { sender, frames } = sending(1);
  const far = await receiving(folder);
  introduce(sender, 3);
  for (let i = 0; i < 90; i++) sender.take(sampleOf(i % 3, i, T0 + i), T0);
  for (let i = 0; i < 2 * GROUP; i++) sender.step(T0 + i);
  far.take(frames);
  assert.equal(
    far.got.map(({ value }) => value),
    Array.from({ length: 90 }, (_, i) => i),
  );
  const [first] = far.got;
  assert.equal(
    { ...first, id: "" },
    { gateway: "gate", asset: "boiler", point: "p0", id: "", value: 0, quality: "good", timeMs: T0, timeOf: "gateway", historical: false },
  );
  assert.match(first?.id ?? "", /^7-(01){16}-\d+-\d+$/);
  assert.is(new Set(far.got.map(({ id }) => id)).size, 90);
  far.take(frames);
  assert.is(far.got.length, 90, "a recording tells nothing");
  await far.close();
});

reception("5 % lost at random, then copies of all: nothing is lost, nothing told twice, and the ledger adds up", async ({ folder }) => {
  const { sender, frames, data } = sending(1, { ...SETTINGS, content: 256 });
  const far = await receiving(folder);
  introduce(sender, 2);
  const many = 100_000;
  let sent = 0;
  for (let ms = 0; sent < many || sender.waiting > 0; ms += 10) {
    for (let i = 0; i < 40 && sent < many; i++) sender.take(sampleOf(sent % 2, sent++, T0 + ms), T0 + ms);
    sender.step(T0 + ms, ms);
  }
  for (let ms = 0; ms < 130_000; ms += 20) sender.step(T0 + 3_600_000 + ms, 3_600_000 + ms);
  const random = randomOf(20_261_127);
  const lossy = (all: readonly Uint8Array[]): Uint8Array[] => all.filter(() => random() >= 0.05);
  far.take(lossy(frames));
  far.reception.tick(millis(10_000_000), wallMillis(T0));
  const early = far.got.length;
  assert.ok(early > 0.97 * many && early < many, `${early} by the code alone`);
  const values = far.got.map(({ value }) => value as number);
  assert.ok(
    values.every((value, i) => i === 0 || value > (values[i - 1] as number)),
    "in order",
  );
  for (let pass = 0; pass < 2; pass++) far.take(lossy(data));
  assert.is(far.got.length, many, "two passes of copies");
  assert.is(new Set(far.got.map(({ id }) => id)).size, many);
  assert.ok(far.got.slice(early).every(({ historical }) => historical));
  const rows = far.store.ledger.rows(7).filter((row) => row.class === "samples" && row.state === "closed");
  assert.ok(rows.length > 0);
  for (const { sent: told, received, repaired, late, lost } of rows) assert.is(told, received + repaired + late + (lost ?? -1));
  assert.is(
    rows.reduce((sum, { sent: told }) => sum + (told ?? 0), 0),
    many,
  );
  assert.is(
    rows.reduce((sum, { lost }) => sum + (lost ?? 0), 0),
    0,
  );
  await far.close();
});

reception("a receiver that was restarted tells nothing again, and takes the stream up where it is", async ({ folder }) => {
  const { sender, frames } = sending(1);
  introduce(sender, 1);
  for (let i = 0; i < 60; i++) sender.take(sampleOf(0, i), T0);
  for (let i = 0; i < 2 * GROUP; i++) sender.step(T0);
  const first = await receiving(folder);
  first.take(frames);
  assert.is(first.got.length, 60);
  await first.close();
  for (let i = 0; i < 20; i++) sender.take(sampleOf(0, 100 + i), T0);
  for (let i = 0; i < 2 * GROUP; i++) sender.step(T0 + 1);
  const second = await receiving(folder);
  second.take(frames);
  assert.equal(
    second.got.map(({ value }) => value),
    Array.from({ length: 20 }, (_, i) => 100 + i),
  );
  assert.is(second.counts().again, 2 * 32);
  await second.close();
});

reception("a sender that was restarted goes on under another salt; copies of its earlier start are late, not lost", async ({ folder }) => {
  const far = await receiving(folder);
  const one = sending(1);
  introduce(one.sender, 1);
  for (let i = 0; i < 40; i++) one.sender.take(sampleOf(0, i), T0);
  for (let i = 0; i < 2 * GROUP; i++) one.sender.step(T0);
  // Of the first start most was lost.
  far.take(one.frames.slice(0, 1));
  const two = sending(2, { epoch: 2 });
  introduce(two.sender, 1);
  for (let i = 0; i < 5; i++) two.sender.take(sampleOf(0, 100 + i), T0);
  for (let i = 0; i < GROUP; i++) two.sender.step(T0 + 2_000);
  far.take(two.frames);
  const before = far.got.length;
  far.take(one.data);
  assert.is(far.got.length, 45);
  assert.ok(far.got.slice(before).every(({ historical }) => historical));
  assert.equal(far.raised, []);
  await far.close();
});

const forgedWith = (change: (frame: Uint8Array) => Uint8Array): Uint8Array[] => {
  const { sender, frames } = sending(1);
  for (let i = 0; i < 5; i++) sender.step(T0);
  return frames.map(change);
};
const other = streamKeyOf("other.key", 0, new Uint8Array(32).fill(9));
const HOSTILE: readonly (readonly [what: string, frames: () => Uint8Array[], code: string])[] = [
  ["truncated frames", () => forgedWith((frame) => frame.subarray(0, 200)), "badLength"],
  ["corrupted frames", () => forgedWith((frame) => frame.with(100, (frame[100] as number) ^ 1)), "forged"],
  ["frames of another stream", () => forgedWith((frame) => frame.with(4, 9)), "unknownStream"],
  ["frames under another key", () => forgedWith((frame) => frame.with(8, (frame[8] as number) ^ 1)), "unknownKey"],
  ["frames of another version", () => forgedWith((frame) => frame.with(2, 3)), "badVersion"],
  ["datagrams of something else", () => Array.from({ length: 5 }, () => new Uint8Array(100)), "badMagic"],
  ["another salt under their tag", () => forgedWith((frame) => frame.with(20, 99)), "forged"],
];
for (const [what, frames, code] of HOSTILE)
  reception(`${what} are refused by name, and change nothing`, async ({ folder }) => {
    const far = await receiving(folder);
    far.take(frames());
    assert.equal(far.counts(), { [code]: 5 });
    const { sender, frames: good } = sending(1);
    introduce(sender, 1);
    sender.take(sampleOf(0, 1), T0);
    for (let i = 0; i < GROUP; i++) sender.step(T0);
    far.take(good);
    assert.is(far.got.length, 1);
    await far.close();
  });

reception("RULINGS 39: a key that is not the stream's opens nothing; two frames under one sequence retire the key", async ({ folder }) => {
  const far = await receiving(folder, { ...STREAM, keys: [KEY, other] });
  const { sender, frames } = sending(1);
  for (let i = 0; i < GROUP; i++) sender.step(T0);
  far.take(frames.slice(0, 3));
  // Somebody with the key and a sender whose counter went back.
  const again = sending(1);
  introduce(again.sender, 1);
  for (let i = 0; i < 2; i++) again.sender.step(T0 + 1);
  far.take(again.frames.slice(0, 1));
  assert.equal(far.counts(), { nonceReuse: 1 });
  assert.equal(far.raised, ["nonceReuse"]);
  far.take(frames.slice(3, 5));
  assert.is(far.counts().retiredKey, 2);
  await far.close();
});

reception("two senders with one stream id: the one that began first is refused by name, and the operators are told", async ({ folder }) => {
  const far = await receiving(folder);
  const [old, young] = [sending(1, { epoch: 5 }), sending(2, { epoch: 6 })];
  for (const { sender } of [old, young]) introduce(sender, 1);
  for (let i = 0; i < GROUP; i++) old.sender.step(T0);
  for (let i = 0; i < GROUP; i++) young.sender.step(T0 + 1_000);
  far.take(old.frames);
  far.take(young.frames);
  for (let i = 0; i < 3; i++) old.sender.take(sampleOf(0, i), T0);
  old.frames.length = 0;
  for (let i = 0; i < GROUP; i++) old.sender.step(T0 + 60_000);
  far.take(old.frames);
  assert.ok((far.counts().twoSenders ?? 0) > 30);
  assert.is(far.got.length, 0);
  assert.ok(far.raised.includes("twoSenders"));
  await far.close();
});

reception("a key that was put into the folder after the start is found; who sends under none makes us look seldom", async ({ folder }) => {
  let looks = 0;
  const found: StreamKey[] = [];
  const far = await receiving(folder, {
    ...STREAM,
    keys: [other],
    renew: () => {
      looks += 1;
      return looks === 1 ? null : [other, ...found];
    },
  });
  const { sender, frames } = sending(1);
  introduce(sender, 1);
  sender.take(sampleOf(0, 1), T0);
  for (let i = 0; i < GROUP; i++) sender.step(T0);
  far.take(frames.slice(0, 30));
  assert.equal([looks, far.counts()], [1, { unknownKey: 30 }]);
  found.push(KEY);
  far.passed(6_000);
  far.take(frames);
  assert.is(far.got.length, 1);
  assert.is(looks, 2);
  await far.close();
});

reception("a frame of the sender's that is not in order is refused by name", async ({ folder }) => {
  const far = await receiving(folder);
  const sealer = new Sealer(KEY, 7, salt(1));
  const content = new Uint8Array(SMALL.content);
  content[6] = 77;
  const frame = new Uint8Array(HEADER + content.length + TAG);
  const header = {
    kind: KIND.source,
    stream: 7,
    keyId: KEY.id,
    epoch: 1,
    sequence: 0,
    sources: 8,
    repairs: 2,
    depth: 4,
    length: content.length,
  };
  encodeHeader(frame, header, salt(1));
  sealer.seal(frame, header, content);
  far.take([frame]);
  assert.equal(far.counts(), { badKind: 1 });
  await far.close();
});

reception("frames of one start that say another code or length are refused by name, whoever sealed them", async ({ folder }) => {
  const far = await receiving(folder);
  const { sender, frames } = sending(1);
  for (let i = 0; i < 3; i++) sender.step(T0);
  far.take(frames);
  const sealer = new Sealer(KEY, 7, salt(1));
  const others = [{ length: 1300 }, { length: 300 }, { sources: 9 }, { repairs: 3 }, { depth: 5 }].map((change, i) => {
    const header = {
      kind: KIND.source,
      stream: 7,
      keyId: KEY.id,
      epoch: 1,
      sequence: 3 + i,
      sources: 8,
      repairs: 2,
      depth: 4,
      length: SMALL.content,
      ...change,
    };
    const frame = new Uint8Array(HEADER + header.length + TAG);
    const content = new Uint8Array(header.length);
    new RecordWriter(content).begin(content, T0);
    sealer.seal(frame, header, content);
    return frame;
  });
  far.take(others);
  assert.equal(far.counts(), { otherCode: 5 });
  await far.close();
});

reception("texts that take several frames come whole; those that a lost frame took a part of do not", async ({ folder }) => {
  const far = await receiving(folder);
  const { sender, frames } = sending(1);
  const text = JSON.stringify({ words: "x".repeat(900) });
  const octets = Buffer.from(text);
  for (let part = 0; part < 4; part++)
    sender.take(
      recordOf((writer) => writer.text({ of: "events", number: 1, part, parts: 4, octets: octets.subarray(part * 300, part * 300 + 300) })),
      T0,
    );
  sender.take(
    recordOf((writer) => writer.text({ of: "checkpoints", number: 1, part: 0, parts: 1, octets: Buffer.from("{}") })),
    T0,
  );
  for (let i = 0; i < GROUP; i++) sender.step(T0);
  far.take(frames);
  assert.equal(far.texts, [`events 7 ${text}`, "checkpoints 7 {}"]);
  await far.close();
});

reception("samples of points that no birth has told yet wait for it", async ({ folder }) => {
  const far = await receiving(folder);
  const { sender, frames } = sending(1);
  sender.take(sampleOf(0, 1), T0);
  for (let i = 0; i < GROUP; i++) sender.step(T0);
  far.take(frames);
  assert.is(far.got.length, 0);
  introduce(sender, 1);
  frames.length = 0;
  for (let i = 0; i < GROUP; i++) sender.step(T0);
  far.take(frames);
  assert.equal(
    far.got.map(({ point, value, historical }) => [point, value, historical]),
    [["p0", 1, true]],
  );
  await far.close();
});

reception(
  "the sender's checkpoints hold, over repaired contents too; where something is missing nothing is said; another's are refuted",
  async ({ folder }) => {
    const mine = generateKeyPairSync("ed25519");
    const pem = mine.privateKey.export({ type: "pkcs8", format: "pem" });
    const run = async (lost: (i: number) => boolean, key = mine.publicKey, octet = 1): Promise<Far> => {
      const far = await receiving(path.join(folder, `${octet}`), { ...STREAM, checkpointKey: key });
      const { sender, frames } = sending(octet, {}, {}, new CheckpointSigner(pem, 7, salt(octet)));
      for (let i = 0; i < 10 * GROUP; i++) sender.step(T0 + 100 * i);
      far.take(frames.filter((_, i) => !lost(i)));
      await far.close();
      return far;
    };
    const whole = await run(() => false);
    assert.equal(whole.reception.proven, { verified: 3, unverifiable: 0, refuted: 0 });
    const repaired = await run((i) => i % GROUP === 7, mine.publicKey, 2);
    assert.equal(repaired.reception.proven, { verified: 3, unverifiable: 0, refuted: 0 });
    const holed = await run((i) => i >= 44 && i < 70, mine.publicKey, 3);
    assert.is(holed.reception.proven.refuted, 0);
    assert.ok(holed.reception.proven.unverifiable > 0);
    const foreign = await run(() => false, generateKeyPairSync("ed25519").publicKey, 4);
    assert.is(foreign.reception.proven.refuted, 3);
    assert.ok(foreign.raised.includes("refuted"));
  },
);

reception("a new key's day: the sender changes between groups, and nothing is lost", async ({ folder }) => {
  const far = await receiving(folder, { ...STREAM, keys: [KEY, other] });
  const frames: Uint8Array[] = [];
  const sealer = new Sealer(KEY, 7, salt(1));
  const sender = new Sender(SMALL, sealer, null, { send: (frame) => frames.push(frame.slice()), keep() {}, again: () => null }, 0);
  introduce(sender, 1);
  for (let i = 0; i < 4 * GROUP; i++) {
    if (i === 2 * GROUP) sealer.use(other);
    sender.take(sampleOf(0, i), T0);
    sender.step(T0);
  }
  far.take(frames);
  assert.equal(
    far.got.map(({ value }) => value),
    Array.from({ length: 4 * GROUP - 8 }, (_, i) => i),
  );
  assert.equal(far.counts(), {});
  await far.close();
});

reception.run();
