/**
 * An audit log's directory as one input, and logs to begin with: the same at every run, for an Ed25519 signature is.
 *
 *     0x1e name \n content   0x1e name \n content ...
 */
import { createHash, sign } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import {
  CHECKPOINT_NAME,
  checkpointLine,
  checkpointText,
  DOCUMENTS_NAME,
  FORMAT,
  GENESIS,
  hashLine,
  headerLine,
  type Previous,
  recordFront,
  recordLine,
  SIGNED_PREFIX,
  segmentName,
  segmentOf,
  tornName,
} from "#audit/format";
import { keyId } from "#audit/key";
import { must, octetsOf } from "../target.ts";
import { KNOWN_KEY, KNOWN_PUBLIC_KEY } from "./knownKey.ts";
import { join } from "./modbus.ts";

const RECORD_SEPARATOR = 0x1e;
const LINE_FEED = 10;
const NAME = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}$/;
const DOCUMENT_NAME = /^[0-9a-f]{64}$/;
const MOST_FILES = 16;
/** A checkpoint kept elsewhere: no file of the log. */
export const KEPT = "kept";
/** Where there is a file of this name the hand was a skilled one: it has linked the lines anew. */
export const FORGED = "forged";

export const PUBLIC_PEM = KNOWN_PUBLIC_KEY.export({ type: "spki", format: "pem" }) as string;

export type AuditFiles = ReadonlyMap<string, Uint8Array>;

export function pack(files: AuditFiles): Uint8Array {
  return join(...[...files].map(([name, content]) => join([RECORD_SEPARATOR], octetsOf(`${name}\n`), content)));
}

/** Files of names nobody could have given are left out. */
export function unpack(input: Uint8Array): AuditFiles {
  const files = new Map<string, Uint8Array>();
  for (let at = input.indexOf(RECORD_SEPARATOR); at >= 0 && files.size < MOST_FILES; ) {
    const next = input.indexOf(RECORD_SEPARATOR, at + 1);
    const end = next < 0 ? input.length : next;
    const feed = input.indexOf(LINE_FEED, at);
    const name = feed < 0 || feed > end ? "" : Buffer.from(input.subarray(at + 1, feed)).toString("latin1");
    if (NAME.test(name) && name !== DOCUMENTS_NAME) files.set(name, input.subarray(feed + 1, end));
    at = next;
  }
  return files;
}

/** A directory on the disk that holds exactly what it was last told to. */
export class AuditDirectory {
  readonly path = mkdtempSync(path.join(tmpdir(), "penstock-fuzz-audit-"));
  readonly #documents = path.join(this.path, DOCUMENTS_NAME);
  #filled: AuditFiles = new Map();

  constructor() {
    mkdirSync(this.#documents);
  }

  /** @param touched  somebody else has had a hand in it since */
  fill(files: AuditFiles, touched = false): void {
    const had = touched ? this.read() : this.#filled;
    for (const [name, content] of files) if (name !== KEPT && !isSame(had.get(name), content)) writeFileSync(this.#fileOf(name), content);
    for (const name of had.keys()) if (name !== KEPT && !files.has(name)) rmSync(this.#fileOf(name));
    this.#filled = files;
  }

  read(): AuditFiles {
    const names = readdirSync(this.path).filter((name) => name !== DOCUMENTS_NAME);
    return new Map([...names, ...readdirSync(this.#documents)].map((name) => [name, readFileSync(this.#fileOf(name))]));
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }

  #fileOf(name: string): string {
    return path.join(DOCUMENT_NAME.test(name) ? this.#documents : this.path, name);
  }
}

function isSame(a: Uint8Array | undefined, b: Uint8Array): boolean {
  return a !== undefined && Buffer.compare(a, b) === 0;
}

/**
 * As somebody makes them who has no key, and all else: every line names the one before it, every header the segment before it, and the newest
 * checkpoint lies beside the log.
 */
export function forge(files: AuditFiles): AuditFiles {
  const forged = new Map(files);
  let head: string | null = null;
  let octets = 0;
  let checkpoint = "";
  for (const [name, content] of segmentsOf(files)) {
    const lines = linesIn(content).map((line) => {
      // What stands before the first segment that is there, nobody but its header says.
      const linked: string =
        head === null
          ? line
          : line.replace(/"prev":"[0-9a-f]*"/, `"prev":"${head}"`).replace(/("previous":\{"segment":\d+,"octets":)\d+/, `$1${octets}`);
      head = hashLine(Buffer.from(linked, "latin1"));
      if (linked.includes('"event":"checkpoint"')) checkpoint = linked;
      return `${linked}\n`;
    });
    const written = Buffer.from(lines.join(""), "latin1");
    octets = written.length;
    forged.set(name, written);
  }
  return forged.set(CHECKPOINT_NAME, Buffer.from(`${checkpoint}\n`, "latin1"));
}

/** Complete lines of a file, without line feeds; what follows the last one is left out. */
export function linesIn(content: Uint8Array): readonly string[] {
  return Buffer.from(content).toString("latin1").split("\n").slice(0, -1);
}

/** Segments in their order. */
export function segmentsOf(files: AuditFiles): readonly (readonly [name: string, content: Uint8Array])[] {
  return [...files].filter(([name]) => segmentOf(name) !== null).sort(([a], [b]) => (segmentOf(a) ?? 0) - (segmentOf(b) ?? 0));
}

/** A log as its writer leaves it. */
class Script {
  readonly chain: string;
  readonly segments: string[][] = [];
  readonly documents = new Map<string, Uint8Array>();
  checkpoint = "";
  /** By segment: what a failed write left behind its lines. */
  readonly #left = new Map<number, string>();
  #seq = 0;
  #head = GENESIS;
  #ms = Date.UTC(2026, 10, 24, 8);

  constructor(chain: string) {
    this.chain = chain;
    this.#begin(null);
  }

  record(kind: string, members: Record<string, unknown>): void {
    this.#add(recordLine(recordFront(++this.#seq, this.#now(), kind), this.#head, JSON.stringify(members)));
  }

  document(text: string): void {
    const octets = octetsOf(text);
    const sha256 = createHash("sha256").update(octets).digest("hex");
    this.documents.set(sha256, octets);
    this.record("audit", { event: "document", sha256, octets: octets.length });
  }

  sign(seal = false): void {
    const segment = this.segments.length;
    const text = checkpointText({
      seq: ++this.#seq,
      time: this.#now(),
      prev: this.#head,
      chain: this.chain,
      segment,
      count: this.#lines.length,
      seal,
      uptime: this.#seq * 100,
      counter: null,
      key: keyId(KNOWN_PUBLIC_KEY),
      algorithm: "Ed25519",
    });
    this.checkpoint = checkpointLine(text, sign(null, Buffer.from(SIGNED_PREFIX + text), KNOWN_KEY).toString("base64"));
    this.#add(this.checkpoint);
    if (!seal) return;
    this.#begin({ segment, octets: this.#octets, state: "sealed" });
  }

  /** A write failed: what it left is no evidence, and a new segment goes on. */
  fail(): void {
    const previous = { segment: this.segments.length, octets: this.#octets, state: "retired" } as const;
    this.#left.set(this.segments.length, `{"seq":${this.#seq + 1},"time":"2026-11-24T08`);
    this.#begin(previous);
  }

  /** The last number and hash of a segment that is to be pruned. */
  endOf(segment: number): { readonly segment: number; readonly last: number; readonly hash: string } {
    const line = this.segments[segment - 1]?.at(-1) ?? "";
    return { segment, last: (JSON.parse(line) as { seq: number }).seq, hash: hashLine(line) };
  }

  files(from = 1): Map<string, Uint8Array> {
    const textOf = (lines: readonly string[], i: number): string =>
      lines.map((line) => `${line}\n`).join("") + (this.#left.get(i + 1) ?? "");
    const files = new Map(this.segments.map((lines, i) => [segmentName(i + 1), octetsOf(textOf(lines, i))]));
    for (let pruned = 1; pruned < from; pruned++) files.delete(segmentName(pruned));
    for (const [sha256, octets] of this.documents) files.set(sha256, octets);
    return files.set(CHECKPOINT_NAME, octetsOf(`${this.checkpoint}\n`));
  }

  get #lines(): string[] {
    return this.segments.at(-1) as string[];
  }

  get #octets(): number {
    return this.#lines.reduce((sum, line) => sum + Buffer.byteLength(line) + 1, 0);
  }

  #begin(previous: Previous | null): void {
    this.segments.push([]);
    const { chain } = this;
    const segment = this.segments.length;
    this.#add(
      headerLine({
        after: this.#seq,
        time: this.#now(),
        prev: this.#head,
        format: FORMAT,
        chain,
        segment,
        previous,
        uptime: this.#seq * 100,
      }),
    );
  }

  #add(line: string): void {
    this.#lines.push(line);
    this.#head = hashLine(line);
  }

  #now(): string {
    this.#ms += 1_234;
    return new Date(this.#ms).toISOString();
  }
}

const TORN = '{"seq":4,"time":"2026-11';

function told(chain: string): Script {
  const script = new Script(chain);
  script.record("start", { version: "0.1.0", site: "boiler-house" });
  script.document(`policy: boiler-house\nversion: 12\n${"# who may do what to the boiler\n".repeat(20)}`);
  script.sign();
  script.record("audit", { event: "repair", segment: 1, file: tornName(1, 700, hashLine(TORN)), sha256: hashLine(TORN) });
  script.record("session", {
    event: "open",
    session: "s1",
    who: "cn:alice@plant",
    source: "10.10.5.7:40000",
    roles: ["operator"],
    assurance: "certificate",
  });
  script.record("decision", {
    session: "s1",
    who: "spiffe:spiffe://plant.example/operator/alice",
    asset: "boiler-1",
    decision: "allow",
    rule: "operator/feed-setpoint",
    operations: [
      {
        verb: "write",
        table: "holding",
        first: 40,
        last: 40,
        points: [{ name: "feed_setpoint", unit: "t/h", before: { value: 30, age: 12 }, after: 31.5 }],
        before: { value: [300] },
        after: [315],
      },
    ],
  });
  script.record("outcome", { of: 6, who: "cn:alice@plant", asset: "boiler-1", outcome: "answered", latencyMs: 3.2 });
  script.sign(true);
  script.record("decision", {
    who: "cn:bob@plant",
    asset: "boiler-1",
    decision: "deny",
    code: "nothingAllows",
    words: "bob may not \u00e4ndern",
    count: 3,
  });
  script.record("audit", { event: "trouble", words: "ENOSPC" });
  script.record("audit", { event: "prune", ...script.endOf(1) });
  script.sign();
  script.record("handshake-refused", { source: "10.10.9.9:1", listener: "scada", reason: "unknownCa", words: "" });
  script.fail();
  script.record("handshake-refused", { source: "10.10.9.9:1", listener: "scada", reason: "unknownCa", words: "" });
  script.sign(true);
  script.record("session", { event: "end", session: "s1", who: "cn:alice@plant", reason: "closed", requests: 3, denied: 1 });
  script.record("stop", { reason: "SIGTERM" });
  script.sign();
  return script;
}

const ONE = told("0123456789abcdef0123456789abcdef");
const TWO = told("fedcba9876543210fedcba9876543210");
const SCRIPTS = [ONE, TWO];

/** Each log whole, pruned, cut off in a line, rolled back, mixed with the other, and with a checkpoint kept elsewhere. */
export function auditCorpus(): readonly Uint8Array[] {
  const torn: readonly [string, Uint8Array] = [tornName(1, 700, hashLine(TORN)), octetsOf(TORN)];
  const whole = ONE.files().set(...torn);
  const crashed = new Map(whole);
  const last = segmentsOf(whole).at(-1) as readonly [string, Uint8Array];
  crashed.set(last[0], join(last[1], octetsOf(`{"seq":19,"time":"2026`)));
  // A write failed in segment 2, and the process ended before there was another: a file beside it says where its evidence ends.
  const failed = new Map([...whole].filter(([name]) => ![3, 4].map(segmentName).includes(name)));
  const evidence = evidenceIn(whole).filter((line) => ONE.segments[1]?.includes(Buffer.from(line, "latin1").toString()));
  const octets = evidence.reduce((sum, line) => sum + line.length + 1, 0);
  failed.set(
    `${segmentName(2)}.${octets}.${hashLine(Buffer.from(evidence.at(-1) ?? "", "latin1")).slice(0, 8)}.retired`,
    new Uint8Array(0),
  );
  failed.set(CHECKPOINT_NAME, octetsOf(`${ONE.segments[1]?.[4]}\n`));
  const begun = new Map([...whole].filter(([name]) => name === segmentName(1) || name === torn[0] || DOCUMENT_NAME.test(name)));
  begun.set(segmentName(2), octetsOf('{"after":'));
  return [
    whole,
    TWO.files().set(...torn),
    ONE.files(2),
    crashed,
    failed,
    begun,
    new Map([[FORGED, new Uint8Array(0)], ...whole]),
    new Map([[FORGED, new Uint8Array(0)], ...ONE.files(2)]),
    new Map([...whole].filter(([name]) => name !== segmentName(4))),
    new Map([...whole, [segmentName(2), TWO.files().get(segmentName(2)) as Uint8Array]]),
    new Map([[KEPT, octetsOf(ONE.checkpoint)], ...whole]),
    new Map([[KEPT, octetsOf(ONE.segments[1]?.[4] ?? "")], ...ONE.files(2)]),
  ].map(pack);
}

/** The lines a gateway with this key ever wrote as evidence, in order, by chain. */
export const EVIDENCE: ReadonlyMap<string, readonly string[]> = new Map(
  SCRIPTS.map((script) => [script.chain, evidenceIn(script.files())]),
);

/** The evidence in these files up to the checkpoint of this number. */
export function signedLines(files: AuditFiles, newestSeq: number): readonly string[] {
  const lines = evidenceIn(files);
  const end = lines.findIndex((line) => line.startsWith(`{"seq":${newestSeq},`) && line.includes('"event":"checkpoint"'));
  must(end >= 0, `checkpoint ${newestSeq} is not there`);
  return lines.slice(0, end + 1);
}

/** Complete lines of the segments but for what the next header says is none: what a failed write left. */
function evidenceIn(files: AuditFiles): readonly string[] {
  const segments = segmentsOf(files);
  return segments.flatMap(([, content], i) => {
    const next = segments[i + 1]?.[1];
    const [, octets] = /"octets":(\d+),"state":"retired"/.exec((next === undefined ? undefined : linesIn(next)[0]) ?? "") ?? [];
    return linesIn(octets === undefined ? content : content.subarray(0, Number(octets)));
  });
}
