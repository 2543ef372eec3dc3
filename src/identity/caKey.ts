/** Where a CA's private key must not lie: open, beside its certificate, on a box that enforces (RULINGS 26). */
import { createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { readCertificate } from "./certificate.ts";
import { pemBlocks } from "./pem.ts";

/** A key is a few hundred octets to a few kilobytes. */
const MOST_OCTETS = 65_536;

/**
 * Files in the CA file's directory that hold the unsealed private key of one of its CAs (issuing or root), whatever they are called.
 *
 * @param caFile  path of the CA's certificates in PEM; an unreadable one has no keys
 */
export function openCaKeysBeside(caFile: string): string[] {
  const directory = path.dirname(path.resolve(caFile));
  const caKeys = pemBlocks(textOf(caFile) ?? "").flatMap(({ label, der }) => {
    const read = label === "CERTIFICATE" ? readCertificate(der) : null;
    return read?.ok === true && read.value.isCa && read.value.key !== null ? [read.value.key] : [];
  });
  if (caKeys.length === 0) return [];
  return readdirSync(directory)
    .sort()
    .map((name) => path.join(directory, name))
    .filter((file) => {
      const key = openKeyIn(file);
      return key !== null && caKeys.some((each) => each.equals(key));
    });
}

/** The public half of an unsealed private key in a file; null: it holds none. */
function openKeyIn(file: string): KeyObject | null {
  const text = textOf(file);
  if (text === null || !text.includes("PRIVATE KEY-----")) return null;
  try {
    return createPublicKey(createPrivateKey(text));
  } catch {
    return null;
  }
}

/** Null: not a file, not ours to read, or far too large for a key or a certificate. */
function textOf(file: string): string | null {
  try {
    const stat = statSync(file);
    return stat.isFile() && stat.size <= MOST_OCTETS ? readFileSync(file, "utf8") : null;
  } catch {
    return null;
  }
}
