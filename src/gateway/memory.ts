/**
 * What a later run must know and no document says: the clients that were here, which revocation lists were in force, and how long the clock
 * has been doubted. One small file beside the evidence (`audit.seen.json` for a log in `audit`), of mode 0600: of a client it holds name,
 * fingerprint, end, last sight and address, of a list who signed it, number and date. It is no evidence and gives nobody a right. Where it is lost or cannot be
 * written the gateway goes on without: of the clock it then knows what the last record says.
 */
import { readFileSync, statSync } from "node:fs";
import path from "node:path";
import { realFiles, writeWhole } from "#disk/files";

/** One certificate of a client. Times are wall milliseconds by `GateClock.steady`. */
export interface Seen {
  /** Typed identity: `cn:hmi-2@plant`. */
  readonly name: string;
  /** SHA-256 of the certificate, hex. */
  readonly fingerprint: string;
  readonly notAfter: number;
  readonly seenMs: number;
  /** Where it was last; null: not known. */
  readonly address: string | null;
}

/** As its certificate has it. */
interface Client {
  readonly identity: string;
  readonly fingerprint: string;
  readonly notAfter: number;
}

/** A revocation list that was in force; of two the one with the larger number is newer, where both have one, else the later one. */
export interface SeenList {
  /** SHA-256 of the issuer's name and key, hex. */
  readonly signer: string;
  readonly number: bigint | null;
  /** Wall milliseconds, as it says. */
  readonly thisUpdate: number;
}

/** Signers whose lists are remembered: far more than a site names. */
const MOST_LISTS = 64;

/** Certificates remembered; of more the ones longest out of sight are forgotten. As many as there may be sessions. */
const MOST_CLIENTS = 1_024;
/** A client that has not been here for so long is forgotten (RULINGS 18). */
const FORGET_MS = 90 * 86_400_000;
/** A client that stays is noted anew this often. */
const AGAIN_MS = 3_600_000;
/** While the clock is suspect, how long it has gone on is written down this often. */
const CLOCK_MS = 60_000;
/** The file is written at most this often. */
const SAVE_MS = 5_000;
/** MOST_CLIENTS of the longest names and then some. */
const MOST_OCTETS = 1024 * 1024;
const FORMAT = 1;

export class Memory {
  /** Why it could not be read or written, for people; null: it could. */
  trouble: string | null = null;
  readonly #file: string;
  /** By fingerprint, the one longest out of sight first. */
  readonly #clients = new Map<string, Seen>();
  /** By signer, the newest that was in force. */
  readonly #lists = new Map<string, SeenList>();
  #clockMs: number | null;
  #dirty = false;
  #saving: Promise<void> | null = null;
  #savedMs = Number.NEGATIVE_INFINITY;

  private constructor(
    file: string,
    clients: readonly Seen[],
    clockMs: number | null,
    trouble: string | null,
    lists: readonly SeenList[] = [],
  ) {
    this.#file = file;
    for (const list of lists) this.#lists.set(list.signer, list);
    this.#clockMs = clockMs;
    this.trouble = trouble;
    for (const client of clients) this.#clients.set(client.fingerprint, client);
  }

  /** @param directory of the evidence */
  static open(directory: string): Memory {
    const file = `${directory}.seen.json`;
    try {
      if (statSync(file).size > MOST_OCTETS) return new Memory(file, [], null, `${file} is too large to be ours; it was not read`);
      const kept = read(readFileSync(file, "utf8"));
      if (kept === null) return new Memory(file, [], null, `${file} is damaged; the clients in it are forgotten`);
      return new Memory(file, kept.clients, kept.clockMs, null, kept.lists);
    } catch (error) {
      const { code = String(error) } = error as NodeJS.ErrnoException;
      return new Memory(file, [], null, code === "ENOENT" ? null : `${file} cannot be read (${code})`);
    }
  }

  get clients(): Iterable<Seen> {
    return this.#clients.values();
  }

  /** What `GateClock.keep` said when this was last written. */
  get clockMs(): number | null {
    return this.#clockMs;
  }

  /**
   * @param nowMs wall milliseconds, steady
   * @param came  it is here anew; else it stays, perhaps at several addresses
   */
  saw({ identity, fingerprint, notAfter }: Client, address: string, nowMs: number, came: boolean): void {
    const before = this.#clients.get(fingerprint);
    if (before !== undefined && !(came && before.address !== address) && Math.abs(nowMs - before.seenMs) < AGAIN_MS) return;
    this.#clients.delete(fingerprint);
    this.#clients.set(fingerprint, { name: identity, fingerprint, notAfter, seenMs: nowMs, address });
    const [oldest] = this.#clients.keys();
    if (this.#clients.size > MOST_CLIENTS && oldest !== undefined) this.#clients.delete(oldest);
    this.#dirty = true;
  }

  /** These come into force. @returns signers whose list is older than one that was, which stays the one to be held against */
  rolledBack(lists: Iterable<SeenList>): Set<string> {
    const older = new Set<string>();
    for (const { signer, number, thisUpdate } of lists) {
      const before = this.#lists.get(signer);
      if (before !== undefined && isOlder({ signer, number, thisUpdate }, before)) {
        older.add(signer);
        continue;
      }
      if (before?.number === number && before.thisUpdate === thisUpdate) continue;
      if (before === undefined && this.#lists.size >= MOST_LISTS) continue;
      this.#lists.set(signer, { signer, number, thisUpdate });
      this.#dirty = true;
    }
    return older;
  }

  /** @param clockMs what `GateClock.keep` says */
  doubtClock(clockMs: number | null): void {
    const same = clockMs === null || this.#clockMs === null ? clockMs === this.#clockMs : clockMs - this.#clockMs < CLOCK_MS;
    if (same) return;
    this.#clockMs = clockMs;
    this.#dirty = true;
  }

  /** Time is looked at. @param now monotonic; @param nowMs wall, steady */
  tick(now: number, nowMs: number): void {
    for (const { fingerprint, seenMs } of this.#clients.values()) {
      if (nowMs - seenMs <= FORGET_MS) break;
      this.#clients.delete(fingerprint);
      this.#dirty = true;
    }
    if (!this.#dirty || this.#saving !== null || now - this.#savedMs < SAVE_MS) return;
    this.#savedMs = now;
    void this.save();
  }

  /** What is known now is on the disk, or `trouble` says why not. Never rejects. */
  async save(): Promise<void> {
    await this.#saving;
    if (!this.#dirty) return;
    this.#dirty = false;
    this.#saving = this.#write();
    await this.#saving;
    this.#saving = null;
  }

  async #write(): Promise<void> {
    try {
      await writeWhole(realFiles, path.dirname(this.#file), path.basename(this.#file), Buffer.from(this.#text()));
      this.trouble = null;
    } catch (error) {
      this.#dirty = true;
      this.trouble = `${this.#file} cannot be written (${(error as NodeJS.ErrnoException).code ?? error}); a restart forgets which certificates were seen`;
    }
  }

  #text(): string {
    const seen = [...this.#clients.values()].map(({ name, fingerprint, notAfter, seenMs, address }) => ({
      name,
      fingerprint,
      notAfter: iso(notAfter),
      lastSeen: iso(seenMs),
      address,
    }));
    const lists = [...this.#lists.values()].map(({ signer, number, thisUpdate }) => ({
      signer,
      number: number === null ? null : String(number),
      thisUpdate: iso(thisUpdate),
    }));
    return `${JSON.stringify({ format: FORMAT, clock: this.#clockMs === null ? null : iso(this.#clockMs), lists, seen }, null, 1)}\n`;
  }
}

function isOlder(list: SeenList, than: SeenList): boolean {
  return list.number !== null && than.number !== null ? list.number < than.number : list.thisUpdate < than.thisUpdate;
}

interface Remembered {
  readonly clients: readonly Seen[];
  readonly lists: readonly SeenList[];
  readonly clockMs: number | null;
}

function read(text: string): Remembered | null {
  try {
    const { format, clock, seen, lists = [] } = JSON.parse(text) as Record<string, unknown>;
    if (format !== FORMAT || !Array.isArray(seen) || seen.length > MOST_CLIENTS) return null;
    if (!Array.isArray(lists) || lists.length > MOST_LISTS) return null;
    const clients = seen.map(readSeen).filter((each) => each !== null);
    const clockMs = clock === null ? null : ms(clock);
    if (clients.length !== seen.length || Number.isNaN(clockMs)) return null;
    const known = lists.map(readList).filter((each) => each !== null);
    if (known.length !== lists.length) return null;
    return { clients: clients.sort((a, b) => a.seenMs - b.seenMs), lists: known, clockMs };
  } catch {
    return null;
  }
}

function readSeen(value: unknown): Seen | null {
  const { name, fingerprint, notAfter, lastSeen, address = null } = value as Record<string, unknown>;
  if (typeof name !== "string" || !/^[\x21-\x7e]{1,400}$/.test(name)) return null;
  if (typeof fingerprint !== "string" || !/^[0-9a-f]{64}$/.test(fingerprint)) return null;
  if (address !== null && (typeof address !== "string" || !/^[0-9A-Fa-f:.%a-z]{2,64}$/.test(address))) return null;
  const seen = { name, fingerprint, notAfter: ms(notAfter), seenMs: ms(lastSeen), address };
  return Number.isNaN(seen.notAfter) || Number.isNaN(seen.seenMs) ? null : seen;
}

function readList(value: unknown): SeenList | null {
  const { signer, number, thisUpdate } = value as Record<string, unknown>;
  if (typeof signer !== "string" || !/^[0-9a-f]{64}$/.test(signer)) return null;
  if (number !== null && (typeof number !== "string" || !/^-?[0-9]{1,50}$/.test(number))) return null;
  const list = { signer, number: number === null ? null : BigInt(number), thisUpdate: ms(thisUpdate) };
  return Number.isNaN(list.thisUpdate) ? null : list;
}

function ms(value: unknown): number {
  return typeof value === "string" ? Date.parse(value) : Number.NaN;
}

function iso(value: number): string {
  return new Date(value).toISOString();
}
