/** Keys of streams and what is sealed with them: who has not got the key can neither read nor make a frame. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { UserProblems } from "#documents/problems";
import { type FrameHeader, HEADER, KIND, TAG } from "#oneway/frame";
import { Opener, Sealer } from "#sealing/frames";
import { keyInUse, readStreamKeys, type StreamKey, streamKeyOf } from "#sealing/streamKeys";

const sealing = suite("sealing/frames");

const key = (octet: number, fromMs = 0): StreamKey => streamKeyOf(`${octet}.key`, fromMs, new Uint8Array(32).fill(octet));
const salt = (octet: number): Uint8Array => new Uint8Array(16).fill(octet);
const CONTENT = Uint8Array.from({ length: 256 }, (_, i) => i);

function headerOf(of: StreamKey, sequence: number, stream = 7): FrameHeader {
  return { kind: KIND.source, stream, keyId: of.id, epoch: 1, sequence, sources: 20, repairs: 4, depth: 8, length: CONTENT.length };
}

function sealed(sealer: Sealer, header: FrameHeader, content = CONTENT): Uint8Array {
  const frame = new Uint8Array(HEADER + content.length + TAG);
  sealer.seal(frame, header, content);
  return frame;
}

sealing("what was sealed is opened, and nothing of it shows", () => {
  const header = headerOf(key(1), 0);
  const frame = sealed(new Sealer(key(1), 7, salt(1)), header);
  assert.is(Buffer.from(frame).includes(Buffer.from(CONTENT.subarray(10, 30))), false);
  assert.equal(new Uint8Array(new Opener([key(2), key(1)]).open(frame, header) as Uint8Array), CONTENT);
});

sealing("every octet of a frame is authenticated", () => {
  const header = headerOf(key(1), 3);
  const frame = sealed(new Sealer(key(1), 7, salt(1)), header);
  const opener = new Opener([key(1)]);
  for (let at = 0; at < frame.length; at++) {
    const changed = frame.with(at, (frame[at] as number) ^ 1);
    assert.is(opener.open(changed, header), "forged", `octet ${at}`);
  }
  assert.not.type(opener.open(frame, header), "string");
});

sealing("another key, stream, salt or sequence opens nothing", () => {
  const header = headerOf(key(1), 0);
  const frame = sealed(new Sealer(key(1), 7, salt(1)), header);
  assert.is(new Opener([key(2)]).open(frame, header), "unknownKey");
  const opener = new Opener([key(1)]);
  assert.is(opener.open(frame, { ...header, stream: 8 }), "forged");
  assert.is(opener.open(frame, { ...header, sequence: 1 }), "forged");
  assert.is(opener.open(sealed(new Sealer(key(1), 7, salt(2)), header).with(16, 1), header), "forged");
});

sealing("RULINGS 39: one start seals no sequence twice, nor one of before, nor under another key's name", () => {
  const sealer = new Sealer(key(1), 7, salt(1));
  sealed(sealer, headerOf(key(1), 5));
  for (const sequence of [5, 4, 0]) assert.throws(() => sealed(sealer, headerOf(key(1), sequence)), /a second time/);
  assert.throws(() => sealed(sealer, headerOf(key(2), 6)), /a second time/);
  sealer.use(key(2));
  assert.not.type(new Opener([key(2)]).open(sealed(sealer, headerOf(key(2), 6)), headerOf(key(2), 6)), "string");
});

sealing("RULINGS 39: two starts with one key and one sequence share neither key nor stream of octets", () => {
  const header = headerOf(key(1), 0);
  const [a, b] = [salt(1), salt(2)].map((each) => sealed(new Sealer(key(1), 7, each), header)) as [Uint8Array, Uint8Array];
  const same = CONTENT.filter((_, i) => a[HEADER + i] === b[HEADER + i]).length;
  assert.ok(same < 16, `${same} octets of 256 are the same`);
});

sealing("a retired key opens nothing any more; who forges pushes no start out", () => {
  const header = headerOf(key(1), 0);
  const frame = sealed(new Sealer(key(1), 7, salt(1)), header);
  const opener = new Opener([key(1)]);
  for (let i = 0; i < 500; i++) assert.is(opener.open(frame.with(16, i & 0xff).with(17, 2 + (i >> 8)), header), "forged");
  assert.not.type(opener.open(frame, header), "string");
  opener.retire(key(1).id);
  assert.is(opener.open(frame, header), "retiredKey");
});

/** A folder of key files: name and content. */
function folderOf(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), "penstock-keys-"));
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(folder, name), text, { mode: 0o600 });
  return folder;
}

sealing("keys are files by the day they are used from; the newest whose day has come is in use", () => {
  const folder = folderOf({ "2026-12-01.key": `${"b".repeat(64)}\n`, "2026-11-01.key": "a".repeat(64), "notes.txt": "" });
  const keys = readStreamKeys(folder);
  assert.equal(
    keys.map(({ file }) => path.basename(file)),
    ["2026-11-01.key", "2026-12-01.key"],
  );
  const inUse = (day: string): string | undefined => keyInUse(keys, Date.parse(day))?.file.slice(-14);
  assert.equal(["2026-10-31", "2026-11-01", "2026-11-30T23:59:59Z", "2026-12-01"].map(inUse), [
    undefined,
    "2026-11-01.key",
    "2026-11-01.key",
    "2026-12-01.key",
  ]);
  rmSync(folder, { recursive: true });
});

const FAULTS: readonly (readonly [what: string, files: Readonly<Record<string, string>>, said: RegExp])[] = [
  ["none", {}, /found no key; expected files named by the day/],
  ["a name that is no day", { "today.key": "a".repeat(64) }, /today\.key:1:1: found a name that is no day/],
  ["a day that is none", { "2026-13-01.key": "a".repeat(64) }, /found a name that is no day/],
  ["too short", { "2026-11-01.key": "a".repeat(63) }, /found no key; expected 64 hex digits/],
  ["other letters", { "2026-11-01.key": "g".repeat(64) }, /found no key; expected 64 hex digits/],
  ["one key under two days", { "2026-11-01.key": "a".repeat(64), "2026-12-01.key": "A".repeat(64) }, /found the same key as/],
];
for (const [what, files, said] of FAULTS)
  sealing(`a folder with keys that are none is refused in one line, and no digit of them is told: ${what}`, () => {
    const folder = folderOf(files);
    try {
      readStreamKeys(folder);
      assert.unreachable();
    } catch (error) {
      if (!(error instanceof UserProblems)) throw error;
      assert.is(error.lines.length, 1);
      assert.match(error.lines[0] as string, said);
      assert.not.match(error.lines[0] as string, /aaaa|gggg/);
    }
    rmSync(folder, { recursive: true });
  });

sealing("a key that others may read is refused", () => {
  const folder = folderOf({ "2026-11-01.key": "a".repeat(64) });
  chmodSync(path.join(folder, "2026-11-01.key"), 0o640);
  assert.throws(() => readStreamKeys(folder), /found a key that others may read; expected mode 0600/);
  assert.throws(() => readStreamKeys(path.join(folder, "none")), /found a folder that cannot be read \(ENOENT\)/);
  rmSync(folder, { recursive: true });
});

sealing.run();
