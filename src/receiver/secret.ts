/** A token or password in a file of its own, which nobody else may read. Read again at each use: it may be renewed while we run. */
import * as fs from "node:fs";
import { reasonOf } from "#disk/reason";
import { err, ok, type Result } from "#wire";

const LONGEST = 4_096;

/** @returns the text without what ends its line; else one line that says what would be right, without anything of the secret */
export function readSecret(file: string): Result<string, string> {
  try {
    const descriptor = fs.openSync(file, "r");
    try {
      const { mode, size } = fs.fstatSync(descriptor);
      if ((mode & 0o077) !== 0) {
        const found = (mode & 0o777).toString(8).padStart(4, "0");
        return err(`${file}: may be read by others (mode ${found}); expected 0600: chmod 600 ${file}`);
      }
      if (size > LONGEST) return err(`${file}: found ${size} octets; expected a secret of at most ${LONGEST}`);
      const text = fs.readFileSync(descriptor, "utf8").replace(/\r?\n$/, "");
      return text !== "" && /^[^\p{Cc}]+$/u.test(text) ? ok(text) : err(`${file}: expected one line with the secret`);
    } finally {
      fs.closeSync(descriptor);
    }
  } catch (error) {
    return err(`${file}: cannot be read (${reasonOf(error)})`);
  }
}
