/** `penstock check` at a desk: the one-way line's keys, and what it will take. */
import { generateKeyPairSync } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { checkSending, type KeyFindings } from "#cli/check";
import type { SendSite } from "#config/site";

const NOW = Date.parse("2026-11-27T12:00:00Z");

const checking = suite<{ folder: string }>("cli/checkSending");
checking.before.each((context) => {
  context.folder = mkdtempSync(path.join(os.tmpdir(), "penstock-desk-"));
  mkdirSync(path.join(context.folder, "keys"));
});
checking.after.each(({ folder }) => rmSync(folder, { recursive: true }));

function putKey(folder: string, day: string): void {
  writeFileSync(path.join(folder, "keys", `${day}.key`), `${"5a".repeat(32)}\n`, { mode: 0o600 });
}

function checked(folder: string, more: Partial<SendSite> = {}): KeyFindings {
  const send: SendSite = {
    stream: 7,
    to: { host: "127.0.0.1", port: 20_700 },
    from: "127.0.0.1",
    interface: null,
    mac: null,
    keys: path.join(folder, "keys"),
    signingKey: null,
    state: path.join(folder, "state"),
    framesPerSecond: 400,
    sources: 20,
    repairs: 4,
    depth: 8,
    content: 1_200,
    carouselShare: 0.2,
    spoolOctets: 1e9,
    keepMs: 1e9,
    ...more,
  };
  const { refused, notes } = checkSending({ file: "site.yaml", telemetry: { raw: [], staleMs: 1, send } }, NOW);
  const short = (lines: readonly string[]): string[] => lines.map((line) => line.replaceAll(folder, ""));
  return { refused: short(refused), notes: short(notes) };
}

const LINE = "site.yaml: note: the one-way line takes 4.1 Mbit/s, always; 32 frames in a row may be lost (80 ms)";

checking("sound keys: what the line takes is told, and nothing else", ({ folder }) => {
  putKey(folder, "2026-11-27");
  assert.equal(checked(folder), { refused: [], notes: [LINE] });
  assert.equal(checkSending({ file: "site.yaml", telemetry: null }, NOW), { refused: [], notes: [] });
  assert.equal(checkSending({ file: "site.yaml", telemetry: { raw: [], staleMs: 1, send: null } }, NOW), { refused: [], notes: [] });
});

checking("keys that are absent, open to others, none, or of a day to come", ({ folder }) => {
  const expected = "expected files named by the day they are used from, such as 2026-11-27.key";
  assert.equal(checked(folder).refused, [`/keys:1:1: found no key; ${expected}`]);
  assert.equal(checked(folder, { keys: path.join(folder, "none") }).refused, [
    "/none:1:1: found a folder that cannot be read (ENOENT); expected the folder of the stream's keys",
  ]);
  putKey(folder, "2026-12-01");
  assert.equal(checked(folder), {
    refused: [],
    notes: ["/keys: note: the first key's day comes in 4 days; until then it is used all the same", LINE],
  });
  chmodSync(path.join(folder, "keys", "2026-12-01.key"), 0o640);
  assert.equal(checked(folder).refused, ["/keys/2026-12-01.key:1:1: found a key that others may read; expected mode 0600"]);
});

checking("the sender's own key is Ed25519, private, and there", ({ folder }) => {
  putKey(folder, "2026-11-27");
  const signingKey = path.join(folder, "own.pem");
  const put = (pem: string | Buffer): void => writeFileSync(signingKey, pem, { mode: 0o600 });
  const expected = "expected a private Ed25519 key (PEM), such as openssl genpkey -algorithm ed25519 makes";
  assert.equal(checked(folder, { signingKey }).refused, [`/own.pem:1:1: found a file that cannot be read (ENOENT); ${expected}`]);
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  put(publicKey.export({ type: "spki", format: "pem" }));
  assert.equal(checked(folder, { signingKey }).refused, [`/own.pem:1:1: found no private key in plain PEM; ${expected}`]);
  put(generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ type: "pkcs8", format: "pem" }));
  assert.equal(checked(folder, { signingKey }).refused, [`/own.pem:1:1: found a key of type ec; ${expected}`]);
  put(privateKey.export({ type: "pkcs8", format: "pem" }));
  assert.equal(checked(folder, { signingKey }).refused, []);
});

checking("what a person should look at: a line that is full, no repairs, an interface that is elsewhere", ({ folder }) => {
  putKey(folder, "2026-11-27");
  const { refused, notes } = checked(folder, { framesPerSecond: 10_000, repairs: 0, interface: "elsewhere0" });
  assert.equal(refused, []);
  assert.equal(notes, [
    "site.yaml: note: the one-way line takes 103.0 Mbit/s, always; 0 frames in a row may be lost (0 ms)",
    "site.yaml: note: that is more than a line of 100 Mbit/s carries with room to spare",
    "site.yaml: note: telemetry.send has no repairs: what a frame lost held comes by the carousel alone",
    'site.yaml: note: the interface "elsewhere0" of telemetry.send has no address on this machine',
  ]);
});

checking.run();
