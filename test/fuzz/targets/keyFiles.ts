/**
 * Files of keys and certificates that people put in place, put to each reader that trusts them: the tunnel's papers, the key that signs
 * checkpoints, the public keys of a verifier, the key of a CA. A file that is not what it should be is said to be so, and nothing else; no
 * word of a key is.
 *
 *     certificate (PEM)   ===== key (PEM)   ===== the gateway's CA, or public keys (PEM)
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { keyId, loadSigningKey } from "#audit/key";
import { AuditProblem } from "#audit/problem";
import { readKeys } from "#audit/tally";
import { PkiProblem } from "#identity/problem";
import { openKey } from "#identity/sealedKey";
import { PapersProblem, readPapers } from "#tunnel/papers";
import { accepted, dictionaryOf, gist, must, octetsOf, refused, type Target, textOf } from "../target.ts";
import { mustPrint } from "./documents.ts";
import { KNOWN_KEY, KNOWN_PUBLIC_KEY } from "./knownKey.ts";
import { CERTIFICATES, NOW, papersIn } from "./papers.ts";

const PARTED = "\n=====\n";
const KEY_PEM = KNOWN_KEY.export({ type: "pkcs8", format: "pem" }) as string;
const PUBLIC_PEM = KNOWN_PUBLIC_KEY.export({ type: "spki", format: "pem" }) as string;
const CERTIFICATE_PEM = papersIn("papers.pem")[0]?.pem ?? "";
/** What of a key must not be said, and is no word by chance. */
const SECRET_PART = 16;

interface Folder {
  readonly path: string;
  readonly certificate: string;
  readonly key: string;
  readonly ca: string;
}

let folder: Folder | null = null;

function open(): Folder {
  const made = mkdtempSync(path.join(tmpdir(), "penstock-fuzz-keys-"));
  const fileOf = (name: string): string => path.join(made, name);
  return { path: made, certificate: fileOf("a.pem"), key: fileOf("a.key"), ca: fileOf("ca.pem") };
}

export const keyFiles: Target = {
  name: "keyFiles",
  limitMs: 100,
  inputs: null,
  most: 4_000,
  text: true,
  dictionary: dictionaryOf([
    ...[
      "-----BEGIN ",
      "PRIVATE KEY-----",
      "ENCRYPTED ",
      "CERTIFICATE-----",
      "PUBLIC KEY-----",
      "-----END ",
      "Proc-Type: 4,ENCRYPTED\n",
      "RSA ",
      "EC ",
    ],
    ...["=", "\n", "\r\n", " ", PARTED, "MC4CAQAwBQYDK2VwBCIEIA", "DEK-Info: AES-128-CBC,00\n\n"],
  ]),
  corpus: () =>
    [
      [CERTIFICATE_PEM, KEY_PEM, CERTIFICATE_PEM],
      [CERTIFICATE_PEM, KEY_PEM, PUBLIC_PEM],
      [CERTIFICATES[5]?.pem ?? "", KEY_PEM, CERTIFICATES[0]?.pem ?? ""],
      [CERTIFICATE_PEM, `${KEY_PEM}${CERTIFICATE_PEM}`, `${CERTIFICATES[0]?.pem}${CERTIFICATE_PEM}`],
      [CERTIFICATE_PEM, "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIGb\n-----END ENCRYPTED PRIVATE KEY-----\n", `${PUBLIC_PEM}${PUBLIC_PEM}`],
    ].map((parts) => octetsOf(parts.join(PARTED))),
  run(input) {
    folder ??= open();
    const files = folder;
    const [certificate = "", key = "", ca = ""] = textOf(input).split(PARTED);
    writeFileSync(files.certificate, certificate);
    writeFileSync(files.key, key, { mode: 0o600 });
    writeFileSync(files.ca, ca);
    const papers = said(PapersProblem, key, () => readPapers(files, NOW).subject !== "");
    const signing = said(AuditProblem, key, () => loadSigningKey(files.key).id.length === keyId(KNOWN_PUBLIC_KEY).length);
    const keys = said(AuditProblem, key, () => readKeys(ca).size > 0);
    const opened = said(PkiProblem, key, () => openKey(key, null, files.key).type === "private");
    const words = [papers, signing, keys, opened]
      .map((each) => each ?? "+")
      .join("; ")
      .replaceAll(files.path, "");
    return papers === null ? accepted(gist(words)) : refused(gist(words));
  },
  async close() {
    if (folder !== null) rmSync(folder.path, { recursive: true });
    folder = null;
  },
};

/** @returns null where it is taken, else what is said of it */
function said(problem: new (words: string) => Error, key: string, read: () => boolean): string | null {
  try {
    must(read(), "taken, and there is nothing in it");
    return null;
  } catch (error) {
    if (!(error instanceof problem)) throw error;
    const { message } = error;
    must(message !== "", "refused without a word");
    mustPrint(message);
    for (let at = 0; at + SECRET_PART <= key.length; at += SECRET_PART) {
      const part = key.slice(at, at + SECRET_PART);
      must(!/^[A-Za-z0-9+/]+$/.test(part) || !message.includes(part), "a word of a key is said");
    }
    return message;
  }
}
