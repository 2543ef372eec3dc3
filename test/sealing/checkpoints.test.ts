/** Checkpoints: what the sender signed is what the receiver has, or it is not. */
import { createHash, generateKeyPairSync } from "node:crypto";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { SignatureRecord } from "#oneway/records";
import { CheckpointSigner, checkpointKeyId, verifyCheckpoint } from "#sealing/checkpoints";

const checkpoints = suite("sealing/checkpoints");
const { privateKey, publicKey } = generateKeyPairSync("ed25519");
const PEM = privateKey.export({ type: "pkcs8", format: "pem" });
const SALT = new Uint8Array(16).fill(3);
const content = (octet: number): Uint8Array => new Uint8Array(64).fill(octet);

function digestOf(octets: readonly number[]): Uint8Array {
  const hash = createHash("sha256");
  for (const octet of octets) hash.update(content(octet));
  return hash.digest();
}

checkpoints("every ten seconds, or every thousand contents: what came between, in order", () => {
  const signer = new CheckpointSigner(PEM, 7, SALT);
  assert.is(signer.due(0), null, "nothing was sent");
  for (const octet of [1, 2, 3]) signer.note(octet, content(octet), octet);
  assert.is(signer.due(9_999), null);
  const first = signer.due(10_001) as SignatureRecord;
  assert.equal([first.first, first.last], [1, 3]);
  assert.ok(verifyCheckpoint(publicKey, 7, SALT, first, digestOf([1, 2, 3])));
  assert.equal(first.keyId, checkpointKeyId(publicKey));
  for (let i = 0; i < 1_000; i++) signer.note(10 + i, content(i & 0xff), 10_002);
  assert.equal((signer.due(10_002) as SignatureRecord).last, 1_009);
});

checkpoints("another content, order, stretch, salt, stream or key: it does not hold", () => {
  const signer = new CheckpointSigner(PEM, 7, SALT);
  for (const octet of [1, 2]) signer.note(octet, content(octet), 0);
  const signed = signer.due(20_000) as SignatureRecord;
  const digest = digestOf([1, 2]);
  assert.ok(verifyCheckpoint(publicKey, 7, SALT, signed, digest));
  assert.not(verifyCheckpoint(publicKey, 7, SALT, signed, digestOf([2, 1])));
  assert.not(verifyCheckpoint(publicKey, 7, SALT, { ...signed, last: 3 }, digest));
  assert.not(verifyCheckpoint(publicKey, 8, SALT, signed, digest));
  assert.not(verifyCheckpoint(publicKey, 7, new Uint8Array(16), signed, digest));
  assert.not(verifyCheckpoint(generateKeyPairSync("ed25519").publicKey, 7, SALT, signed, digest));
});

checkpoints.run();
