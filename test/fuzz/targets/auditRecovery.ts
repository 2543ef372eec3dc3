/**
 * What a start makes of a log's directory somebody or a crash had a hand in. RULINGS 30: only an unfinished last line is cut, its octets are
 * kept, and no complete line is touched.
 */
import * as fs from "node:fs";
import path from "node:path";
import { type Position, recover } from "#audit/recover";
import { type AppendFile, type Files, realFiles } from "#disk/files";
import { accepted, must, refused, type Target } from "../target.ts";
import { AuditDirectory, type AuditFiles, auditCorpus, segmentsOf, unpack } from "./auditFiles.ts";
import { auditLog } from "./auditLog.ts";

const LINE_FEED = 10;
let directory: AuditDirectory | null = null;

/** Nothing is synced: a power cut is not what is tried here (test/audit/power.test.ts), and a disk's patience would be most of the time. */
const UNSYNCED: Files = {
  ...realFiles,
  create: async (file) => new Unsynced(fs.openSync(file, "ax", 0o600)),
  append: async (file) => new Unsynced(fs.openSync(file, "a")),
  truncate: async (file, octets) => fs.truncateSync(file, octets),
  syncDirectory: async () => {},
};

class Unsynced implements AppendFile {
  readonly #descriptor: number;

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  async write(octets: Uint8Array): Promise<void> {
    fs.writeSync(this.#descriptor, octets);
  }

  async sync(): Promise<void> {}

  async close(): Promise<void> {
    fs.closeSync(this.#descriptor);
  }
}

export const auditRecovery: Target = {
  name: "auditRecovery",
  limitMs: 100,
  inputs: null,
  most: 16_000,
  text: true,
  dictionary: auditLog.dictionary,
  corpus: auditCorpus,
  async run(input) {
    directory ??= new AuditDirectory();
    directory.fill(unpack(input), true);
    const before = directory.read();
    const position = await recover(directory.path, UNSYNCED);
    const after = directory.read();
    mustKeepEveryLine(before, after);
    mustBeAPlace(position);
    const again = await recover(directory.path, UNSYNCED);
    must(again.torn.length === 0, "what was cut is cut again");
    must(
      again.seq === position.seq && again.segment === position.segment && again.head === position.head,
      "a second look finds another place",
    );
    const { troubles, torn, open } = position;
    const word = `${torn.length} torn, ${open === null ? "closed" : "open"}, ${troubles.map((words) => words.replace(/\d+/g, "0")).join(", ")}`;
    return troubles.length === 0 ? accepted(word) : refused(word);
  },
  async close() {
    directory?.remove();
    directory = null;
  },
};

function mustKeepEveryLine(before: AuditFiles, after: AuditFiles): void {
  const kept = [...after].filter(([name]) => name.endsWith(".torn")).map(([, octets]) => Buffer.from(octets));
  for (const [name, octets] of segmentsOf(before)) {
    const now = after.get(name) ?? new Uint8Array(0);
    must(now.length <= octets.length && Buffer.compare(now, octets.subarray(0, now.length)) === 0, `${name} is another one`);
    const cut = octets.subarray(now.length);
    must(!cut.includes(LINE_FEED), `a complete line of ${name} was cut`);
    must(cut.length === 0 || kept.some((torn) => torn.equals(cut)), `what was cut from ${name} was not kept`);
  }
  for (const [name, octets] of before) {
    const now = after.get(name);
    must(name.startsWith("audit-") || (now !== undefined && Buffer.compare(now, octets) === 0), `${name} was touched`);
  }
}

function mustBeAPlace({ seq, segment, head, chain, open, uptime, torn }: Position): void {
  must(Number.isSafeInteger(seq) && seq >= 0, `record ${seq}`);
  must(Number.isSafeInteger(segment) && segment >= 0, `segment ${segment}`);
  must(Number.isFinite(uptime), `uptime ${uptime}`);
  must(/^[0-9a-f]{64}$/.test(head) && /^[0-9a-f]{32}$/.test(chain), `head ${head}, chain ${chain}`);
  must(open === null || open.octets === fs.statSync(open.file).size, "it goes on where the file does not end");
  for (const { file } of torn) must(path.basename(file) === file, `${file} lies elsewhere`);
}
