/** What the page says against what the sender sends: a reader that was written from the page alone has the same of every frame as ours. */
import { generateKeyPairSync } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { decodeHeader, SALT, SALT_AT } from "#oneway/frame";
import { decodeContent, type OneWayRecord, type SampleRecord } from "#oneway/records";
import { CheckpointSigner } from "#sealing/checkpoints";
import { Opener, Sealer } from "#sealing/frames";
import { idOf as ourIdOf } from "#sealing/ids";
import { readStreamKeys, type StreamKey } from "#sealing/streamKeys";
import { SendProcess } from "#telemetry/process";
import { Sender } from "#telemetry/sender";
import { KEY, recordOf, SETTINGS } from "#test/receiver/link";
import { toHex } from "#wire";
import * as second from "./second.ts";

const STREAM_KEY = new Uint8Array(32).fill(7);
const T0 = Date.parse("2026-11-27T12:00:00Z");
const OWN = generateKeyPairSync("ed25519");
const PRIVATE = OWN.privateKey.export({ type: "pkcs8", format: "pem" }) as string;
const PUBLIC = OWN.publicKey.export({ type: "spki", format: "pem" }) as string;

const VALUES: readonly SampleRecord["value"][] = [
  null,
  false,
  true,
  0,
  -1,
  2_147_483_647,
  -2_147_483_648,
  2_147_483_648,
  0.1,
  -0,
  1e300,
  -5n,
  -(2n ** 63n),
  0n,
  2n ** 64n - 1n,
  "",
  "Kessel läuft 🔥",
];
const QUALITIES = ["good", "stale", "comm-lost", "bad", "uncertain"] as const;

const page = suite("oneway/second");

/** Records of every kind that a sender is fed with, and every form, flag and quality. */
function records(): Uint8Array[] {
  const samples = VALUES.map((value, i) =>
    recordOf((writer) =>
      writer.sample({
        point: second.idOf("boiler", `p${i % 3}`),
        timeMs: T0 + i,
        quality: QUALITIES[i % 5] as SampleRecord["quality"],
        timeOf: i % 2 === 0 ? "device" : "gateway",
        isEvent: i % 3 === 0,
        asker: second.askerIdOf("cn:alice"),
        value,
      }),
    ),
  );
  return [
    recordOf((writer) => writer.birth(0, 3, "")),
    ...[0, 1, 2].map((i) =>
      recordOf((writer) =>
        writer.point({
          id: second.idOf("boiler", `p${i}`),
          asset: "boiler",
          point: `p${i}`,
          type: "float32",
          unit: "°C",
          description: "Fühler",
        }),
      ),
    ),
    recordOf((writer) => writer.asker(second.askerIdOf("cn:alice"), "cn:alice")),
    ...samples,
    ...[0, 1].map((part) =>
      recordOf((writer) => writer.text({ of: "events", number: 9, part, parts: 2, octets: Buffer.from(`{"a":${part}`) })),
    ),
    recordOf((writer) => writer.text({ of: "checkpoints", number: 10, part: 0, parts: 1, octets: Buffer.from("{}") })),
  ];
}

function plain(record: OneWayRecord | Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(record).map(([name, value]) => [name, value instanceof Uint8Array ? toHex(value, 0, value.length) : value]),
  );
}

/** Both readers of one frame. */
function sameOfBoth(octets: Uint8Array, keys: readonly StreamKey[], streamKey: Uint8Array): second.Frame {
  const header = decodeHeader(octets);
  if (!header.ok) throw new Error(header.error);
  const content = new Opener(keys).open(octets, header.value);
  if (typeof content === "string") throw new Error(content);
  const theirs = second.openFrame(octets, streamKey);
  const { kind, sources, repairs, length, ...rest } = header.value;
  assert.equal(
    { ...theirs, content: theirs.content.toString("hex") },
    {
      ...rest,
      kind: kind === 1 ? "source" : "repair",
      k: sources,
      m: repairs,
      salt: toHex(octets, SALT_AT, SALT),
      content: toHex(content, 0, length),
    },
  );
  if (theirs.kind === "repair") return theirs;
  const ours = decodeContent(content);
  if (typeof ours === "string") throw new Error(ours);
  const told = second.readContent(theirs.content);
  assert.is(told.timeMs, ours.timeMs);
  assert.equal(told.records.map(plain), ours.records.map(plain));
  return theirs;
}

page("every field of every record kind and every value form is the same to both; all kinds and forms were there", () => {
  const frames: Uint8Array[] = [];
  const signer = new CheckpointSigner(PRIVATE, SETTINGS.stream, new Uint8Array(16).fill(3));
  const settings = { ...SETTINGS, sources: 5, repairs: 3, depth: 2, content: 400 };
  const sender = new Sender(
    settings,
    new Sealer(KEY, settings.stream, new Uint8Array(16).fill(3)),
    signer,
    { send: (frame) => frames.push(frame.slice()), keep() {}, again: () => null },
    0,
  );
  for (const record of records()) sender.take(record, T0);
  for (let i = 0; i < 160; i++) sender.step(T0 + i * 100, i * 100);
  sender.end();
  for (let i = 160; i < 192; i++) sender.step(T0 + i * 100, i * 100);
  const seen = frames.map((octets) => sameOfBoth(octets, [KEY], STREAM_KEY));
  const all = seen.filter(({ kind }) => kind === "source").flatMap(({ content }) => second.readContent(content).records);
  assert.equal([...new Set(all.map(({ is }) => is))].sort(), [
    "asker",
    "birth",
    "counts",
    "heartbeat",
    "point",
    "sample",
    "signature",
    "text",
  ]);
  const values = all.filter(({ is }) => is === "sample").map(({ value }) => value);
  assert.ok(values.length === VALUES.length && values.every((value, i) => Object.is(value, VALUES[i])), String(values));
  assert.ok(all.some(({ is, isClosed }) => is === "counts" && isClosed === true));
  for (const { is, offered, sent, dropped } of all) if (is === "counts") assert.is(offered, (sent as number) + (dropped as number));
});

page("any k shards of a block, by arithmetic of its own, are its sources", () => {
  const frames: Uint8Array[] = [];
  const settings = { ...SETTINGS, sources: 5, repairs: 3, depth: 2, content: 256 };
  const sender = new Sender(
    settings,
    new Sealer(KEY, settings.stream, new Uint8Array(16).fill(4)),
    null,
    { send: (frame) => frames.push(frame.slice()), keep() {}, again: () => null },
    0,
  );
  for (const record of records()) sender.take(record, T0);
  for (let i = 0; i < 16; i++) sender.step(T0 + i, i);
  const opened = frames.map((octets) => second.openFrame(octets, STREAM_KEY));
  for (const block of [0, 1]) {
    const shards = new Map(
      opened
        .map((frame) => [second.placeOf(frame), frame.content] as const)
        .filter(([at]) => at.block === block)
        .map(([at, content]) => [at.shard, content]),
    );
    assert.is(shards.size, 8);
    const sources = [0, 1, 2, 3, 4].map((shard) => (shards.get(shard) as Buffer).toString("hex"));
    for (let lost = 0; lost < 256; lost++) {
      const left = new Map([...shards].filter(([shard]) => (lost & (1 << shard)) === 0));
      if (left.size !== 5) continue;
      assert.equal(
        second.sourcesOf(left, 5).map((octets) => octets.toString("hex")),
        sources,
      );
    }
  }
});

page("a signature is over what the page says, and over nothing else", () => {
  const frames: Uint8Array[] = [];
  const salt = new Uint8Array(16).fill(5);
  const settings = { ...SETTINGS, sources: 4, repairs: 1, depth: 2, content: 300 };
  const signer = new CheckpointSigner(PRIVATE, settings.stream, salt);
  const sender = new Sender(
    settings,
    new Sealer(KEY, settings.stream, salt),
    signer,
    { send: (frame) => frames.push(frame.slice()), keep() {}, again: () => null },
    0,
  );
  for (const record of records()) sender.take(record, T0);
  for (let i = 0; i < 60; i++) sender.step(T0 + i * 1_000, i * 1_000);
  const sources = frames.map((octets) => second.openFrame(octets, STREAM_KEY)).filter(({ kind }) => kind === "source");
  const signatures = sources
    .flatMap(({ content }) => second.readContent(content).records)
    .filter(({ is }) => is === "signature") as unknown as second.Signature[];
  assert.ok(signatures.length > 2);
  const [first] = sources as [second.Frame];
  for (const signature of signatures) {
    const signed = sources
      .filter(({ sequence }) => sequence >= signature.first && sequence <= signature.last)
      .map(({ content }) => content);
    assert.ok(second.isSigned(signature, first, signed, PUBLIC));
    assert.not(second.isSigned(signature, { ...first, stream: 8 }, signed, PUBLIC));
    assert.not(second.isSigned({ ...signature, last: signature.last + 1 }, first, signed, PUBLIC));
    assert.not(second.isSigned(signature, first, signed.slice(1), PUBLIC));
  }
});

page("frames of the sender's process, with a key from its folder; ids are as the page says", async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), "penstock-second-"));
  try {
    mkdirSync(path.join(folder, "keys"));
    writeFileSync(path.join(folder, "keys", "2026-01-01.key"), `${Buffer.from(STREAM_KEY).toString("hex")}\n`, { mode: 0o600 });
    writeFileSync(path.join(folder, "own.pem"), PRIVATE, { mode: 0o600 });
    const frames: Uint8Array[] = [];
    const { epoch: _, ...settings } = { ...SETTINGS, sources: 4, repairs: 2, depth: 2, content: 300 };
    const sending = new SendProcess(
      {
        ...settings,
        rate: 1_000,
        keys: path.join(folder, "keys"),
        signingKey: path.join(folder, "own.pem"),
        state: path.join(folder, "state"),
      },
      { send: (frame) => frames.push(frame.slice()) > 0 },
      null,
      T0,
    );
    for (const record of records()) sending.feed(record);
    await sending.close();
    const keys = readStreamKeys(path.join(folder, "keys"));
    assert.is(keys[0]?.id, second.keyIdOf(STREAM_KEY));
    for (const octets of frames) sameOfBoth(octets, keys, STREAM_KEY);
    assert.is(second.openFrame(frames[0] as Uint8Array, STREAM_KEY).epoch, Math.floor(T0 / 1_000));
  } finally {
    rmSync(folder, { recursive: true });
  }
  assert.is(second.idOf("boiler", "level"), ourIdOf("boiler", "level"));
  assert.is(second.askerIdOf("cn:alice"), ourIdOf("cn:alice"));
});

page("one octet that is another one, wherever it is, and it is no frame", () => {
  const frames: Uint8Array[] = [];
  const settings = { ...SETTINGS, content: 256 };
  new Sender(
    settings,
    new Sealer(KEY, 7, new Uint8Array(16)),
    null,
    { send: (frame) => frames.push(frame.slice()), keep() {}, again: () => null },
    0,
  ).step(T0);
  const [frame] = frames as [Uint8Array];
  for (let at = 0; at < frame.length; at++) {
    const changed = frame.slice();
    changed[at] = (changed[at] as number) ^ 1;
    assert.throws(() => second.openFrame(changed, STREAM_KEY));
    const header = decodeHeader(changed);
    assert.ok(!header.ok || typeof new Opener([KEY]).open(changed, header.value) === "string");
  }
});

page.run();
