/** A token, password or private key in a file of its own, which nobody else may read. Read again at each use: it may be renewed while we run. */
import * as fs from "node:fs";
import { reasonOf } from "#disk/reason";

const LONGEST = 4_096;
const LONGEST_KEY = 65_536;

/**
 * @returns the one line, without what ends it
 * @throws Error in one line that says what would be right, without anything of the secret
 */
export function readSecret(file: string): string {
  const text = readPrivate(file, LONGEST).replace(/\r?\n$/, "");
  if (text === "" || !/^[^\p{Cc}]+$/u.test(text)) throw new Error(`${file}: expected one line with the secret`);
  return text;
}

/** @returns PEM. @throws as `readSecret` */
export function readPrivateKey(file: string): string {
  const pem = readPrivate(file, LONGEST_KEY);
  if (!/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(pem)) throw new Error(`${file}: found no private key; expected PEM`);
  return pem;
}

function readPrivate(file: string, longest: number): string {
  let descriptor: number;
  try {
    descriptor = fs.openSync(file, "r");
  } catch (error) {
    throw new Error(`${file}: cannot be read (${reasonOf(error)})`);
  }
  try {
    const stat = fs.fstatSync(descriptor);
    if (!stat.isFile()) throw new Error(`${file}: found no file; expected one of mode 0600`);
    if ((stat.mode & 0o077) !== 0) {
      const found = (stat.mode & 0o777).toString(8).padStart(4, "0");
      throw new Error(`${file}: may be read by others (mode ${found}); expected 0600: chmod 600 ${file}`);
    }
    if (stat.size > longest) throw new Error(`${file}: found ${stat.size} octets; expected at most ${longest}`);
    return fs.readFileSync(descriptor, "utf8");
  } finally {
    fs.closeSync(descriptor);
  }
}
