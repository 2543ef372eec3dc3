/**
 * Is this log what the gateway wrote? Needs the files and the public key, nothing else: no daemon, no clock, no memory of earlier runs.
 *
 * Segments are read once, line by line, in flat memory. Only a segment that does not fit together is read again and laid out whole, to say
 * what was done to it. What cannot be known from the files alone is named in `notChecked` (RULINGS 31).
 */
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { realFiles } from "#disk/files";
import { reasonOf } from "#disk/reason";
import { type Damage, diagnose, type Frame, MOST_DAMAGE, type Row, rowOf, type Tamper } from "./diagnose.ts";
import { listSegments, readCheckpointFile, type SegmentFile } from "./directory.ts";
import {
  CHECKPOINT_NAME,
  type Checkpoint,
  DOCUMENTS_NAME,
  FRONT_OCTETS,
  GENESIS,
  type Header,
  hashLine,
  readFront,
  readHeader,
} from "./format.ts";
import { isJson, type Rest, readLines } from "./lines.ts";
import { AuditProblem } from "./problem.ts";
import { judgeCheckpoint, type Keys, readKeys, Tally } from "./tally.ts";

export interface Finding {
  readonly what: Tamper;
  /** Name within the log's directory. */
  readonly file: string;
  /** From 1; null: the file as a whole. */
  readonly line: number | null;
  readonly seq: number | null;
  /** In plain language. */
  readonly words: string;
}

export interface Report {
  readonly ok: boolean;
  readonly directory: string;
  readonly chain: string | null;
  readonly segments: number;
  readonly octets: number;
  /** Numbered lines that fit. */
  readonly records: number;
  readonly firstSeq: number | null;
  readonly lastSeq: number | null;
  readonly firstTime: string | null;
  readonly lastTime: string | null;
  readonly checkpoints: number;
  readonly newest: Checkpoint | null;
  readonly documents: number;
  /** Lines after the newest good checkpoint: chained, not signed. Whoever can write the files could have written them. */
  readonly unanchored: { readonly records: number; readonly seconds: number };
  /** Numbers below this one were pruned, and a record under a checkpoint says so. */
  readonly prunedThrough: number | null;
  readonly findings: readonly Finding[];
  /** What is worth knowing and no tampering: crashes, repairs, retired segments, what the gateway itself noticed. */
  readonly notes: readonly string[];
  readonly notChecked: readonly string[];
}

export interface VerifyOptions {
  /** A checkpoint's line kept elsewhere (`penstock audit checkpoint`). */
  readonly expect?: string;
  /** The files the public key and the kept checkpoint come from, as messages name them. */
  readonly keyFile?: string;
  readonly expectFile?: string;
}

/** Numbered lines without a checkpoint between them that the writer never exceeds: 1,000, and its own records of one moment. */
const MOST_UNSIGNED = 1_300;
const MOST_ROWS = 2_000_000;

/**
 * @param publicKeyPem Ed25519 in SPKI PEM; several blocks where the key was changed
 * @throws AuditProblem when there is no log to look at, or key or kept checkpoint cannot be read
 */
export async function verify(directory: string, publicKeyPem: string, options: VerifyOptions = {}): Promise<Report> {
  const keys = readKeys(publicKeyPem, options.keyFile);
  const expected = options.expect === undefined ? null : readExpected(options.expect, keys, options.expectFile);
  for (let attempt = 1; ; attempt++) {
    try {
      return await new Verification(directory, keys, expected).run();
    } catch (error) {
      // Pruned under our eyes by a gateway that is running: look again at what there is now.
      if (reasonOf(error) !== "ENOENT" || attempt === 3) throw error;
    }
  }
}

interface Kept {
  readonly line: string;
  readonly checkpoint: Checkpoint;
}

function readExpected(text: string, keys: Keys, file = "the kept checkpoint"): Kept {
  const line = text.trim();
  const judged = judgeCheckpoint(line, keys, null);
  if (judged.is === "unreadable")
    throw new AuditProblem(`${file}:1:1: found no checkpoint; expected the one line \`penstock audit checkpoint\` prints`);
  if (judged.is === "foreign") throw new AuditProblem(`${file}:1:1: found a checkpoint that ${judged.words}`);
  if (judged.is === "unsigned") throw new AuditProblem(`${file}:1:1: found a checkpoint whose signature does not fit: it was altered`);
  return { line, checkpoint: judged.checkpoint };
}

/** A segment's first line, and whether the second vouches for it. */
interface Opening {
  readonly header: Header | null;
  readonly vouched: boolean;
}

/** How the lines of a segment ended. */
interface End {
  /** The last line was found altered. */
  readonly doubt: boolean;
  readonly damaged: boolean;
  readonly rest: Rest;
  /** Offset of the last line, null where there is none. */
  readonly lastLineAt: number | null;
}

interface Exit {
  readonly head: string;
  readonly seq: number;
  readonly octets: number;
  readonly state: "sealed" | "retired" | "broken";
  readonly time: string;
}

class Verification {
  readonly #directory: string;
  readonly #keys: Keys;
  readonly #expected: Kept | null;
  readonly #findings: Finding[] = [];
  readonly #notes: string[] = [];
  readonly #notChecked: string[] = [];
  #tally = new Tally([]);
  #chain: string | null = null;
  #head = GENESIS;
  #seq: number | null = 0;
  #firstSeq: number | null = null;
  #prunedThrough: number | null = null;
  /** The last segment is another's: where this log ends is not known. */
  #lost = false;

  constructor(directory: string, keys: Keys, expected: Kept | null) {
    this.#directory = directory;
    this.#keys = keys;
    this.#expected = expected;
  }

  async run(): Promise<Report> {
    // The checkpoint file first: a log that is being written is then never shorter than what we hold against it.
    const beside = await this.#besideLog();
    const segments = await this.#segments();
    if (segments.length === 0 && beside === null) throw new AuditProblem(`${this.#directory}: found no segment of an audit log`);
    const watch = [beside, this.#expected].filter((kept) => kept !== null && kept !== "damaged").map((kept) => kept.checkpoint.seq);
    this.#tally = new Tally(watch);
    const openings: Opening[] = [];
    for (const { file } of segments) openings.push(await openingOf(file));
    this.#chain = chainOf(openings, beside, this.#expected);
    for (let i = 0; i < segments.length; i++) await this.#segment(segments, openings, i);
    if (segments.length > 0) this.#pruned(segments, openings[0] as Opening);
    this.#againstBeside(beside, segments);
    this.#againstExpected(segments);
    if (this.#tally.longestUnsigned > MOST_UNSIGNED) {
      this.#find(
        "deletion",
        segments.at(-1),
        null,
        null,
        `${this.#tally.longestUnsigned} records without a checkpoint between them: checkpoints were taken out`,
      );
    }
    const documents = await this.#documents();
    await this.#repairs(segments);
    for (const words of this.#tally.troubles) this.#notes.push(`the gateway noticed at ${words}`);
    return this.#report(segments, documents);
  }

  async #segments(): Promise<SegmentFile[]> {
    try {
      return await listSegments(this.#directory);
    } catch (error) {
      throw new AuditProblem(`${this.#directory}: cannot be read (${reasonOf(error)})`);
    }
  }

  async #besideLog(): Promise<Kept | "damaged" | null> {
    let line: string | null;
    try {
      line = await readCheckpointFile(this.#directory);
    } catch (error) {
      throw new AuditProblem(`${this.#directory}: cannot be read (${reasonOf(error)})`);
    }
    if (line === null) return null;
    const judged = judgeCheckpoint(line, this.#keys, null);
    if (judged.is === "good") return { line, checkpoint: judged.checkpoint };
    const words = judged.is === "foreign" ? `the checkpoint ${judged.words}` : "the checkpoint beside the log was altered";
    this.#findings.push({ what: judged.is === "foreign" ? "splice" : "edit", file: CHECKPOINT_NAME, line: 1, seq: null, words });
    return "damaged";
  }

  async #segment(segments: readonly SegmentFile[], openings: readonly Opening[], i: number): Promise<void> {
    const here = segments[i] as SegmentFile;
    const { header, vouched } = openings[i] as Opening;
    const last = i === segments.length - 1;
    this.#enter(segments, openings, i);
    const next = segments[i + 1];
    const exit = next === undefined ? null : exitOf(here, next, openings[i + 1] as Opening, this.#chain);
    const foreign = header !== null && vouched && (header.chain !== this.#chain || header.segment !== here.segment);
    this.#lost = foreign;
    if (foreign) this.#foreignSegment(here, header, segments, openings);
    else {
      const limit = exit === null || exit.state === "broken" ? Number.POSITIVE_INFINITY : exit.octets;
      const stated = exit?.state === "broken" ? null : exit;
      const frame: Frame = { head: this.#head, seq: this.#seq, exit: stated, chain: this.#chain, segment: here.segment };
      const retired = exit?.state === "retired";
      const end = await this.#lines(here, limit, frame, retired);
      this.#firstSeq ??= header === null ? null : header.after + 1;
      if (exit !== null) this.#leave(here, exit, end);
      else if (last) await this.#tail(here, end.rest, end.lastLineAt);
    }
    if (exit === null) return;
    if (exit.state === "broken")
      this.#notes.push(
        `segment ${here.segment} was found broken by the gateway at ${exit.time}; it began a new chain behind the last line that fitted`,
      );
    this.#head = exit.head;
    this.#seq = exit.seq;
  }

  /** What stands before this segment. */
  #enter(segments: readonly SegmentFile[], openings: readonly Opening[], i: number): void {
    const here = segments[i] as SegmentFile;
    const { header, vouched } = openings[i] as Opening;
    const before = segments[i - 1];
    if (before === undefined) {
      if (header !== null && vouched && header.previous !== null) {
        this.#head = header.prev;
        this.#seq = header.after;
      } else if (header === null && here.segment > 1) this.#seq = null;
      return;
    }
    if (here.segment === before.segment + 1) return;
    const [from, to] = [before.segment + 1, here.segment - 1];
    this.#find(
      "deletion",
      before,
      null,
      (this.#seq ?? 0) + 1,
      from === to ? `segment ${from} after it is missing` : `segments ${from} to ${to} after it are missing`,
    );
    this.#head = header?.prev ?? this.#head;
    this.#seq = header?.after ?? null;
  }

  #foreignSegment(here: SegmentFile, header: Header, segments: readonly SegmentFile[], openings: readonly Opening[]): void {
    if (header.chain !== this.#chain) {
      this.#find("splice", here, 1, null, `the segment belongs to another log (chain ${header.chain}, not ${this.#chain})`);
      return;
    }
    const home = segments.findIndex(({ segment }) => segment === header.segment);
    const copied = home >= 0 && openings[home]?.header?.segment === header.segment;
    this.#find(
      copied ? "splice" : "reorder",
      here,
      1,
      null,
      `the file holds segment ${header.segment}${copied ? ", which stands in its own place too" : ""}`,
    );
  }

  /** Read the lines; lay the segment out only when one does not fit. */
  async #lines(here: SegmentFile, limit: number, frame: Frame, retired: boolean): Promise<End> {
    const earlier = this.#tally.copy();
    let fits = frame.seq !== null;
    let count = 0;
    let lastLineAt = 0;
    let head = frame.head;
    let seq = frame.seq ?? 0;
    const rest = await readLines(here.file, limit, (octets, offset, whole) => {
      const front = whole ? readFront(octets.toString("latin1", 0, FRONT_OCTETS)) : null;
      const number = front?.header === true ? front.number : (front?.number ?? 0) - 1;
      fits &&= front !== null && front.header === (count === 0) && front.prev === head && number === seq;
      if (!fits || front === null) return false;
      const hash = hashLine(octets);
      if (front.header) fits = readHeader(octets.toString("utf8"))?.chain === this.#chain;
      else if (front.event === "checkpoint") {
        const judged = judgeCheckpoint(octets.toString("utf8"), this.#keys, this.#chain);
        fits = judged.is === "good" && judged.checkpoint.segment === here.segment && judged.checkpoint.count === count;
        if (fits && judged.is === "good") this.#tally.good(judged.checkpoint);
      }
      this.#tally.line(front, hash, () => octets.toString("utf8"));
      if (!front.header) seq++;
      head = hash;
      lastLineAt = offset;
      count++;
      return fits;
    });
    if (fits) {
      this.#head = head;
      this.#seq = seq;
      return { doubt: false, damaged: false, rest, lastLineAt: count === 0 ? null : lastLineAt };
    }
    this.#tally = earlier;
    const rows: Row[] = [];
    // Lines put in push the end outwards: it is read as far as it goes, unless it is known to hold what is no evidence.
    const after = await readLines(here.file, retired ? limit : Number.POSITIVE_INFINITY, (octets, offset, whole) => {
      rows.push(rowOf(octets, whole));
      lastLineAt = offset;
      return rows.length < MOST_ROWS;
    });
    const found = diagnose(rows, frame, this.#keys, this.#tally);
    for (const damage of found.damage) this.#findDamage(here, damage);
    if (found.damage.length === 0) this.#find("edit", here, null, null, "the segment does not fit together");
    this.#head = found.head;
    this.#seq = found.seq;
    return { doubt: found.doubt, damaged: true, rest: after, lastLineAt };
  }

  /** The next segment's header says how this one ended. */
  #leave(here: SegmentFile, exit: Exit, { doubt, damaged }: End): void {
    const seq = this.#seq ?? 0;
    if (seq < exit.seq) {
      const missing = seq + 1 === exit.seq ? `record ${exit.seq} is` : `records ${seq + 1} to ${exit.seq} are`;
      this.#find("truncation", here, null, seq + 1, `${missing} missing from the segment's end`);
    } else if (seq > exit.seq)
      this.#find("splice", here, null, exit.seq + 1, `records ${exit.seq + 1} to ${seq} were added behind the segment's end`);
    else if (this.#head !== exit.head && !doubt && exit.state !== "broken") {
      this.#find("edit", here, null, seq, "the segment's last line was altered: it is not the one the next segment names");
    }
    const beyond = here.octets - exit.octets;
    if (beyond > 0 && exit.state === "retired")
      this.#notes.push(
        `${beyond} octets of segment ${here.segment} after a failed write are not evidence; what they held was written again`,
      );
    else if (beyond > 0 && exit.state === "sealed" && !damaged)
      this.#find("splice", here, null, null, `${beyond} octets stand behind the segment's end`);
    else if (beyond > 0 && exit.state === "broken" && !damaged)
      this.#find("edit", here, null, seq, `the ${beyond} octets behind the last line that fitted were found altered by the gateway`);
  }

  /** What follows the last line feed of the log: the mark of a crash, or of a hand. */
  async #tail(here: SegmentFile, rest: Rest, lastLineAt: number | null): Promise<void> {
    if (rest.length > 0) {
      if (isTorn(rest.octets, this.#seq ?? 0)) {
        this.#notes.push(
          `${rest.length} octets of an unfinished last line in segment ${here.segment}: a crash or a line being written; never called durable`,
        );
      } else this.#find("edit", here, null, (this.#seq ?? 0) + 1, `${rest.length} octets after the last line are no line of this log`);
      return;
    }
    if (lastLineAt !== null && this.#findings.length === 0 && !(await isJsonLine(here.file, lastLineAt)))
      this.#find("edit", here, null, this.#seq, "the last line was altered");
  }

  /** Segments missing at the beginning need a prune record under a checkpoint. */
  #pruned(segments: readonly SegmentFile[], { header }: Opening): void {
    const first = segments[0] as SegmentFile;
    if (header?.previous === null || (header === null && first.segment === 1)) return;
    if (header !== null && (header.segment !== first.segment || header.chain !== this.#chain)) return;
    const prune = this.#tally.prunes.find(({ segment }) => segment === first.segment - 1);
    if (header !== null && prune !== undefined && prune.last === header.after && prune.hash === header.prev) {
      this.#prunedThrough = prune.last;
      return;
    }
    if (header === null && prune !== undefined) return;
    this.#find(
      "deletion",
      first,
      null,
      null,
      `the segments before it are missing, and no prune record under a checkpoint names segment ${first.segment - 1}`,
    );
  }

  #againstBeside(beside: Kept | "damaged" | null, segments: readonly SegmentFile[]): void {
    if (beside === "damaged") return;
    if (beside === null) {
      if (this.#tally.records > 1)
        this.#findings.push({
          what: "deletion",
          file: CHECKPOINT_NAME,
          line: null,
          seq: null,
          words: "the checkpoint beside the log is missing",
        });
      else this.#notChecked.push("truncation: there is no checkpoint beside the log yet");
      return;
    }
    const { checkpoint, line } = beside;
    const last = this.#seq ?? 0;
    if (checkpoint.chain !== this.#chain) {
      this.#findings.push({
        what: "splice",
        file: CHECKPOINT_NAME,
        line: 1,
        seq: null,
        words: `it belongs to another log (chain ${checkpoint.chain}, not ${this.#chain})`,
      });
    } else if (checkpoint.seq > last && this.#lost) {
      return;
    } else if (checkpoint.seq > last) {
      this.#find(
        "truncation",
        segments.at(-1),
        null,
        last + 1,
        `the log ends at record ${last}; the checkpoint beside it, of ${checkpoint.time}, names record ${checkpoint.seq}`,
      );
    } else if (
      this.#tally.watched.get(checkpoint.seq) !== hashLine(line) &&
      this.#findings.length === 0 &&
      checkpoint.seq > (this.#prunedThrough ?? 0)
    ) {
      this.#find(
        "rollback",
        segments.at(-1),
        null,
        checkpoint.seq,
        `record ${checkpoint.seq} is not the one the checkpoint beside the log signed: the log was rolled back and written on`,
      );
    }
  }

  #againstExpected(segments: readonly SegmentFile[]): void {
    if (this.#expected === null) {
      this.#notChecked.push(
        "rollback: an older copy of the whole directory would look like this; pass a checkpoint kept elsewhere with --expect",
      );
      return;
    }
    const { checkpoint, line } = this.#expected;
    const last = this.#seq ?? 0;
    const cut = this.#findings.some(({ what }) => what === "truncation");
    if (checkpoint.chain !== this.#chain) {
      this.#find(
        "rollback",
        segments.at(-1),
        null,
        null,
        `this is not the log the kept checkpoint was taken from (chain ${checkpoint.chain}, not ${this.#chain})`,
      );
    } else if (checkpoint.seq > last) {
      if (!cut && !this.#lost)
        this.#find(
          "rollback",
          segments.at(-1),
          null,
          last + 1,
          `the log ends at record ${last}; the kept checkpoint, of ${checkpoint.time}, names record ${checkpoint.seq}: an older copy was put back`,
        );
    } else if (checkpoint.seq <= (this.#prunedThrough ?? 0)) {
      this.#notChecked.push(`rollback: the kept checkpoint (record ${checkpoint.seq}) lies in the pruned part`);
    } else if (this.#tally.watched.get(checkpoint.seq) !== hashLine(line) && this.#findings.length === 0) {
      this.#find(
        "rollback",
        segments.at(-1),
        null,
        checkpoint.seq,
        `record ${checkpoint.seq} is not the one the kept checkpoint signed: the log was rolled back and written on`,
      );
    }
  }

  /** @returns how many documents are stored */
  async #documents(): Promise<number> {
    const folder = path.join(this.#directory, DOCUMENTS_NAME);
    const names = (await namesIn(folder)).filter((name) => /^[0-9a-f]{64}$/.test(name));
    const stored = new Set(names);
    for (const sha256 of this.#tally.documents.keys()) {
      if (!stored.has(sha256))
        this.#findings.push({
          what: "deletion",
          file: `${DOCUMENTS_NAME}/${sha256}`,
          line: null,
          seq: null,
          words: "the document is missing",
        });
    }
    for (const name of names) {
      if (hashLine(await readFile(path.join(folder, name))) !== name) {
        this.#findings.push({
          what: "edit",
          file: `${DOCUMENTS_NAME}/${name}`,
          line: null,
          seq: null,
          words: "the document was altered: its hash is not its name",
        });
      }
    }
    return names.length;
  }

  async #repairs(segments: readonly SegmentFile[]): Promise<void> {
    const first = segments[0]?.segment ?? 1;
    for (const { segment, file, sha256 } of this.#tally.repairs) {
      if (segment < first) continue;
      const octets = await contentOf(path.join(this.#directory, path.basename(file)));
      if (octets === null)
        this.#findings.push({ what: "deletion", file, line: null, seq: null, words: "the bytes cut off after a crash are missing" });
      else if (hashLine(octets) !== sha256)
        this.#findings.push({ what: "edit", file, line: null, seq: null, words: "the bytes cut off after a crash were altered" });
      else this.#notes.push(`an unfinished last line of segment ${segment} was cut after a crash and kept as ${file}`);
    }
  }

  #findDamage(here: SegmentFile, damage: Damage): void {
    this.#find(damage.what, here, damage.line, damage.seq, damage.words);
  }

  #find(what: Tamper, where: SegmentFile | undefined, line: number | null, seq: number | null, words: string): void {
    if (this.#findings.length >= MOST_DAMAGE) return;
    this.#findings.push({ what, file: where === undefined ? "." : path.basename(where.file), line, seq, words });
  }

  #report(segments: readonly SegmentFile[], documents: number): Report {
    const { records, checkpoints, newest, firstTime, lastTime } = this.#tally;
    const seconds = newest === null || lastTime === null ? 0 : (Date.parse(lastTime) - Date.parse(newest.time)) / 1000;
    return {
      ok: this.#findings.length === 0,
      directory: this.#directory,
      chain: this.#chain,
      segments: segments.length,
      octets: segments.reduce((sum, { octets }) => sum + octets, 0),
      records,
      firstSeq: this.#firstSeq,
      lastSeq: this.#seq,
      firstTime,
      lastTime,
      checkpoints,
      newest,
      documents,
      unanchored: { records: Math.max(0, (this.#seq ?? 0) - (newest?.seq ?? 0)), seconds: Math.max(0, seconds) },
      prunedThrough: this.#prunedThrough,
      findings: this.#findings,
      notes: this.#notes,
      notChecked: this.#notChecked,
    };
  }
}

async function openingOf(file: string): Promise<Opening> {
  let header: Header | null = null;
  let hash = "";
  let vouched = true;
  let count = 0;
  await readLines(file, Number.POSITIVE_INFINITY, (octets, _, whole) => {
    if (count++ === 0) {
      header = whole ? readHeader(octets.toString("utf8")) : null;
      hash = hashLine(octets);
      return true;
    }
    vouched = readFront(octets.toString("latin1", 0, FRONT_OCTETS))?.prev === hash;
    return false;
  });
  return { header, vouched };
}

/** What the header of the next segment, where it is ours and unaltered, says of this one's end. */
function exitOf(here: SegmentFile, next: SegmentFile, { header, vouched }: Opening, chain: string | null): Exit | null {
  if (header === null || !vouched || header.chain !== chain || header.segment !== next.segment) return null;
  const { previous, prev, after, time } = header;
  if (previous === null || previous.segment !== here.segment) return null;
  return { head: prev, seq: after, octets: previous.octets, state: previous.state, time };
}

/** The chain most headers name; a checkpoint speaks only where there is no header. */
function chainOf(openings: readonly Opening[], beside: Kept | "damaged" | null, expected: Kept | null): string | null {
  const votes = new Map<string, number>();
  for (const { header } of openings) if (header !== null) votes.set(header.chain, (votes.get(header.chain) ?? 0) + 1);
  const signed = beside !== null && beside !== "damaged" ? beside.checkpoint.chain : (expected?.checkpoint.chain ?? null);
  if (signed !== null && (votes.size === 0 || votes.has(signed))) return signed;
  return [...votes].sort((a, b) => b[1] - a[1])[0]?.[0] ?? null;
}

/** The beginning of the line that would have come next, perhaps with zeros where the disk never wrote. */
function isTorn(rest: Buffer, seq: number): boolean {
  const written = rest.subarray(0, rest.findLastIndex((octet) => octet !== 0) + 1).toString("latin1");
  const front = `{"seq":${seq + 1},"time":"`;
  if (!(written.startsWith(front) || front.startsWith(written) || '{"after":'.startsWith(written) || written.startsWith('{"after":')))
    return false;
  return !isJson(written.slice(0, -1));
}

async function isJsonLine(file: string, offset: number): Promise<boolean> {
  return isJson(Buffer.from(await realFiles.read(file, offset)).toString("utf8"));
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (reasonOf(error) === "ENOENT") return [];
    throw error;
  }
}

/** Null: there is no such file. A line that was tampered with may name anything, a folder too. */
async function contentOf(file: string): Promise<Buffer | null> {
  try {
    return await readFile(file);
  } catch (error) {
    if (NO_SUCH_FILE.includes(reasonOf(error))) return null;
    throw error;
  }
}

const NO_SUCH_FILE: readonly string[] = ["ENOENT", "EISDIR", "ENAMETOOLONG", "ENOTDIR", "ERR_INVALID_ARG_VALUE"];
