/** The passphrase of a CA key: from a file, the environment, or asked on a terminal without echo. Never from the command line, where `ps` shows it. */
import { readFileSync } from "node:fs";
import { stderr, stdin } from "node:process";
import { UsageError } from "../exit.ts";

export interface PassphraseOptions {
  readonly passphraseFile?: string;
}

const VARIABLE = "PENSTOCK_CA_PASSPHRASE";
/** Characters; longer is a pasted file. */
const LONGEST = 1024;

/** What was given without asking anybody; null: nothing was. */
export function givenPassphrase(options: PassphraseOptions): string | null {
  if (options.passphraseFile !== undefined) return fromFile(options.passphraseFile);
  const given = process.env[VARIABLE];
  return given === undefined || given === "" ? null : given;
}

/** The passphrase that opens an existing key; asked for only when this is called. @throws UsageError without a terminal */
export async function knownPassphrase(options: PassphraseOptions): Promise<string> {
  return givenPassphrase(options) ?? ask("Passphrase of the CA key: ");
}

/** A passphrase for a new key; asked twice. @throws UsageError when the two differ, or without a terminal */
export async function newPassphrase(options: PassphraseOptions): Promise<string> {
  const given = givenPassphrase(options);
  if (given !== null) return given;
  const first = await ask("New passphrase for the CA key (12 characters or more): ");
  if ((await ask("The same again: ")) !== first) throw new UsageError(["found two different passphrases; expected the same one twice"]);
  return first;
}

/** The first line of a file. */
function fromFile(file: string): string {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new UsageError([
      `${file}: found ${code === "ENOENT" ? "no such file" : String(code)}; expected a file whose first line is the passphrase`,
    ]);
  }
  const line = (text.split("\n", 1)[0] as string).replace(/\r$/, "");
  if (line === "") throw new UsageError([`${file}:1:1: found an empty line; expected the passphrase`]);
  return line;
}

/** One line typed unseen. */
function ask(question: string): Promise<string> {
  if (!stdin.isTTY) {
    throw new UsageError([`found no passphrase for the CA key and no terminal to ask on; expected --passphrase-file or ${VARIABLE}`]);
  }
  // Unseen before it is asked for: who answers at once must not see it on the screen.
  stdin.setRawMode(true);
  stderr.write(question);
  return new Promise((resolve, reject) => {
    let typed = "";
    const finish = (end: () => void): void => {
      stdin.off("data", take);
      stdin.setRawMode(false);
      stdin.pause();
      stderr.write("\n");
      end();
    };
    const take = (chunk: Buffer): void => {
      for (const character of chunk.toString("utf8")) {
        if (character === "\r" || character === "\n") {
          finish(() => resolve(typed));
          return;
        }
        if (character === "\u0003" || character === "\u0004") {
          finish(() => reject(new UsageError(["no passphrase was given"])));
          return;
        }
        if (character === "\u007f" || character === "\b") typed = [...typed].slice(0, -1).join("");
        else if (typed.length < LONGEST) typed += character;
      }
    };
    stdin.on("data", take);
    stdin.resume();
  });
}
