/** What the lines that fit add up to: checkpoints with good signatures, and what the log says of itself under them. */
import { createPublicKey, type KeyObject, verify as verifySignature } from "node:crypto";
import { type Checkpoint, type Front, readCheckpoint, signedText } from "./format.ts";
import { ALGORITHM, keyId } from "./key.ts";
import { AuditProblem } from "./problem.ts";

export type Keys = ReadonlyMap<string, KeyObject>;

const PEM = /-----BEGIN PUBLIC KEY-----[\s\S]*?-----END PUBLIC KEY-----/g;

/**
 * Public keys by their id. Several PEM blocks may stand in one text: a log outlives a key.
 *
 * @param file as messages name it
 * @throws AuditProblem when there is none, or one that is not Ed25519
 */
export function readKeys(pem: string, file = "the public key"): Keys {
  const keys = new Map<string, KeyObject>();
  for (const { 0: block, index } of pem.matchAll(PEM)) {
    const at = `${file}:${pem.slice(0, index).split("\n").length}:1`;
    let key: KeyObject;
    try {
      key = createPublicKey(block);
    } catch {
      throw new AuditProblem(`${at}: found a public key that cannot be read; expected Ed25519 in SPKI PEM`);
    }
    if (key.asymmetricKeyType !== "ed25519")
      throw new AuditProblem(`${at}: found a public key of type ${key.asymmetricKeyType}; expected Ed25519`);
    keys.set(keyId(key), key);
  }
  if (keys.size === 0) {
    const found = pem.includes("PRIVATE KEY") ? "a private key, which belongs to the gateway alone" : "no public key";
    throw new AuditProblem(`${file}:1:1: found ${found}; expected Ed25519 in SPKI PEM (-----BEGIN PUBLIC KEY-----), as audit.key.pub`);
  }
  return keys;
}

/** What is wrong with a checkpoint's line on its own, else the checkpoint. */
export type Judged =
  | { readonly is: "good"; readonly checkpoint: Checkpoint }
  | { readonly is: "unreadable" }
  | { readonly is: "unsigned"; readonly checkpoint: Checkpoint }
  | { readonly is: "foreign"; readonly words: string };

/** @param chain the chain it should belong to, null where not known yet */
export function judgeCheckpoint(line: string, keys: Keys, chain: string | null): Judged {
  const checkpoint = readCheckpoint(line);
  if (checkpoint === null || checkpoint.algorithm !== ALGORITHM) return { is: "unreadable" };
  if (chain !== null && checkpoint.chain !== chain) return { is: "foreign", words: `belongs to chain ${checkpoint.chain}` };
  const key = keys.get(checkpoint.key);
  if (key === undefined) return { is: "foreign", words: `is signed by key ${checkpoint.key}, which is not the key given` };
  const signature = Buffer.from(checkpoint.signature, "base64");
  // A signature has one spelling: what was written, to the octet.
  const spelt = signature.toString("base64") === checkpoint.signature;
  const signed = spelt && verifySignature(null, Buffer.from(signedText(line)), key, signature);
  return signed ? { is: "good", checkpoint } : { is: "unsigned", checkpoint };
}

export interface Prune {
  readonly segment: number;
  readonly last: number;
  readonly hash: string;
}

export interface Repair {
  readonly segment: number;
  readonly file: string;
  readonly sha256: string;
}

export class Tally {
  /** Numbered lines. */
  records = 0;
  checkpoints = 0;
  firstTime: string | null = null;
  lastTime: string | null = null;
  newest: Checkpoint | null = null;
  /** Most numbered lines between two good checkpoints, or after the last. */
  longestUnsigned = 0;
  /** Under a good checkpoint, and not yet. */
  readonly prunes: Prune[] = [];
  readonly #prunesUnsigned: Prune[] = [];
  readonly repairs: Repair[] = [];
  /** Octets by SHA-256. */
  readonly documents = new Map<string, number>();
  readonly troubles: string[] = [];
  /** Hashes of the lines with the numbers asked for. */
  readonly watched: Map<number, string | null>;
  #unsigned = 0;

  /** @param watch numbers whose lines' hashes are wanted */
  constructor(watch: readonly number[]) {
    this.watched = new Map(watch.map((number) => [number, null]));
  }

  /** What was added up so far, to go back to. */
  copy(): Tally {
    const copy = new Tally([]);
    for (const [number, hash] of this.watched) copy.watched.set(number, hash);
    copy.records = this.records;
    copy.checkpoints = this.checkpoints;
    copy.firstTime = this.firstTime;
    copy.lastTime = this.lastTime;
    copy.newest = this.newest;
    copy.longestUnsigned = this.longestUnsigned;
    copy.prunes.push(...this.prunes);
    copy.#prunesUnsigned.push(...this.#prunesUnsigned);
    copy.repairs.push(...this.repairs);
    for (const [sha256, octets] of this.documents) copy.documents.set(sha256, octets);
    copy.troubles.push(...this.troubles);
    copy.#unsigned = this.#unsigned;
    return copy;
  }

  /** A line that fits. @param text asked for only where an audit line is looked into */
  line(front: Front, hash: string, text: () => string): void {
    this.firstTime ??= front.time;
    this.lastTime = front.time;
    if (front.header) return;
    this.records++;
    if (this.watched.has(front.number)) this.watched.set(front.number, hash);
    this.longestUnsigned = Math.max(this.longestUnsigned, ++this.#unsigned);
    if (front.event === "" || front.event === "checkpoint") return;
    const said = read(text());
    switch (front.event) {
      case "prune":
        this.#prunesUnsigned.push({ segment: Number(said.segment), last: Number(said.last), hash: String(said.hash) });
        break;
      case "repair":
        this.repairs.push({ segment: Number(said.segment), file: String(said.file), sha256: String(said.sha256) });
        break;
      case "document":
        this.documents.set(String(said.sha256), Number(said.octets));
        break;
      case "trouble":
        this.troubles.push(`record ${front.number}: ${String(said.words)}`);
        break;
    }
  }

  good(checkpoint: Checkpoint): void {
    this.checkpoints++;
    this.newest = checkpoint;
    this.#unsigned = 0;
    this.prunes.push(...this.#prunesUnsigned.splice(0));
  }
}

function read(line: string): Record<string, unknown> {
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return {};
  }
}
