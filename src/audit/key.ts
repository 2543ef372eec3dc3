/** The gateway's own Ed25519 key, which signs checkpoints. A file key; a hardware key later stands behind the same shape. */
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { closeSync, fsyncSync, linkSync, mkdirSync, openSync, readFileSync, statSync, unlinkSync, writeSync } from "node:fs";
import path from "node:path";
import { reasonOf } from "#disk/reason";
import { AuditProblem } from "./problem.ts";

export const ALGORITHM = "Ed25519";

export interface SigningKey {
  /** First 16 hex digits of the SHA-256 of the public key's SPKI octets. */
  readonly id: string;
  readonly publicPem: string;
  /** Signs in the thread pool: a signature never holds up the road. */
  sign(text: string): Promise<Buffer>;
}

/**
 * The private key at `file` (PKCS#8 PEM). Where there is none it is made, mode 0600, and its public key written beside it as `<file>.pub`.
 *
 * @throws AuditProblem when the file is no Ed25519 key, or its group or others may read it
 */
export function loadSigningKey(file: string): SigningKey {
  const pem = readPrivate(file) ?? make(file);
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch {
    throw new AuditProblem(`${file}: found no private key; expected an Ed25519 key in PKCS#8 PEM without passphrase`);
  }
  if (key.asymmetricKeyType !== "ed25519") {
    throw new AuditProblem(`${file}: found a key of type ${key.asymmetricKeyType}; expected Ed25519`);
  }
  const publicKey = createPublicKey(key);
  return {
    id: keyId(publicKey),
    publicPem: publicKey.export({ type: "spki", format: "pem" }) as string,
    sign: (text) =>
      new Promise((resolve, reject) => {
        sign(null, Buffer.from(text), key, (error, signature) => (error === null ? resolve(signature) : reject(error)));
      }),
  };
}

export function keyId(publicKey: KeyObject): string {
  return createHash("sha256")
    .update(publicKey.export({ type: "spki", format: "der" }))
    .digest("hex")
    .slice(0, 16);
}

function readPrivate(file: string): string | null {
  let mode: number;
  try {
    mode = statSync(file).mode;
  } catch (error) {
    if (reasonOf(error) === "ENOENT") return null;
    throw new AuditProblem(`${file}: cannot be read (${reasonOf(error)})`);
  }
  if ((mode & 0o077) !== 0) {
    throw new AuditProblem(`${file}: found mode ${(mode & 0o777).toString(8)}; expected 600: a signing key others can read proves nothing`);
  }
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new AuditProblem(`${file}: cannot be read (${reasonOf(error)})`);
  }
}

/** Written whole and synced under another name, then linked: a crash leaves no half key, and of two starters one key wins. */
function make(file: string): string {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const pem = privateKey.export({ type: "pkcs8", format: "pem" }) as string;
  const made = `${file}.${process.pid}.new`;
  try {
    mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
    writeSynced(made, pem, 0o600);
    try {
      linkSync(made, file);
    } catch (error) {
      if (reasonOf(error) !== "EEXIST") throw error;
      return readFileSync(file, "utf8");
    } finally {
      unlinkSync(made);
    }
    writeSynced(`${file}.pub`, publicKey.export({ type: "spki", format: "pem" }) as string, 0o644);
    const directory = openSync(path.dirname(file), "r");
    fsyncSync(directory);
    closeSync(directory);
  } catch (error) {
    const why = reasonOf(error) === "ENOENT" ? `there is no folder ${path.dirname(file)}` : reasonOf(error);
    throw new AuditProblem(`${file}: the audit key cannot be made there (${why})`);
  }
  return pem;
}

function writeSynced(file: string, text: string, mode: number): void {
  const fd = openSync(file, "w", mode);
  try {
    writeSync(fd, text);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
