/** The sender's own key, from its file: what signs checkpoints of a stream. */
import { createPrivateKey, type KeyObject } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { badFile } from "./badFile.ts";

const EXPECTED = "a private Ed25519 key (PEM), such as openssl genpkey -algorithm ed25519 makes";

/** @throws UserProblems where it is absent, another key or none, or others may read it */
export function readSigningKey(file: string): KeyObject {
  let pem: Buffer;
  try {
    pem = readFileSync(file);
  } catch (error) {
    throw badFile(file, `a file that cannot be read (${(error as NodeJS.ErrnoException).code ?? "?"})`, EXPECTED);
  }
  if ((statSync(file).mode & 0o077) !== 0) throw badFile(file, "a private key that others may read", "mode 0600");
  const key = keyOf(pem);
  if (key === null) throw badFile(file, "no private key in plain PEM", EXPECTED);
  if (key.asymmetricKeyType !== "ed25519") throw badFile(file, `a key of type ${key.asymmetricKeyType ?? "?"}`, EXPECTED);
  return key;
}

function keyOf(pem: Buffer): KeyObject | null {
  try {
    return createPrivateKey(pem);
  } catch {
    return null;
  }
}
