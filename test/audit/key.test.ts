/** The signing key: made once, for its owner only. */
import { createHash, createPublicKey, generateKeyPairSync } from "node:crypto";
import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { loadSigningKey } from "#audit/key";
import { scratch } from "./logs.ts";

const keys = suite("audit/key");
const root = scratch();

keys("made where missing: mode 0600, the public key beside it, the same key again at the next start", () => {
  const file = path.join(root, "new", "audit.key");
  const key = loadSigningKey(file);
  assert.is(statSync(file).mode & 0o777, 0o600);
  assert.is(readFileSync(`${file}.pub`, "utf8"), key.publicPem);
  const spki = createPublicKey(key.publicPem).export({ type: "spki", format: "der" });
  assert.is(key.id, createHash("sha256").update(spki).digest("hex").slice(0, 16));
  assert.is(loadSigningKey(file).id, key.id);
  assert.equal(readdirSync(path.dirname(file)).sort(), ["audit.key", "audit.key.pub"]);
});

keys("refused: a key its group or others can read, another kind of key, no key", () => {
  const file = path.join(root, "audit.key");
  loadSigningKey(file);
  for (const mode of [0o640, 0o604, 0o620, 0o601]) {
    chmodSync(file, mode);
    assert.throws(() => loadSigningKey(file), /found mode 6\d\d; expected 600/);
  }
  const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ type: "pkcs8", format: "pem" });
  writeFileSync(path.join(root, "rsa"), rsa, { mode: 0o600 });
  assert.throws(() => loadSigningKey(path.join(root, "rsa")), /found a key of type rsa; expected Ed25519/);
  writeFileSync(path.join(root, "none"), "nothing", { mode: 0o600 });
  assert.throws(() => loadSigningKey(path.join(root, "none")), /found no private key/);
  assert.throws(() => loadSigningKey("/dev/null/audit.key"), /AuditProblem|cannot be/);
});

keys.run();
