/**
 * Every write of a soak from three sides: what its sender knows, what the log says, what the devices saw. Adds up, or says where it does not.
 * Pure: it is fed, and asked at the end.
 */
import type { AssetName } from "./documents.ts";

/** What a sender knows of one request. */
export interface Sent {
  readonly serial: number;
  readonly kind: string;
  readonly asset: string;
  readonly mayPass: boolean;
  readonly write: boolean;
  /** Wall milliseconds. */
  readonly sentMs: number;
  readonly answeredMs: number;
  /** `ok`, an exception code, `bad`, `late` or `none`. */
  readonly answer: string;
  readonly digest: number;
}

export interface Arrival {
  readonly serial: number;
  readonly asset: string;
  readonly digest: number;
  readonly atMs: number;
}

/** A decision on one write, as the log holds it. */
export interface Decided {
  readonly seq: number;
  readonly serial: number;
  readonly asset: string;
  readonly allowed: boolean;
  /** Allowed if what a read of the gateway's own shows is such: a denial may take it back. */
  readonly pending: boolean;
  /** Of a denial that takes an allow back. */
  readonly of: number | null;
  readonly atMs: number;
}

export interface Outcome {
  /** Number of its decision. */
  readonly of: number;
  readonly outcome: string;
}

/** One life of the gateway in the log. */
interface Life {
  readonly fromMs: number;
  toMs: number;
  killed: boolean;
  /** Denials the log tells of, each for itself or in a count. */
  denials: number;
}

/** The asset was blocked between these, wall milliseconds. */
export interface Blocked {
  readonly asset: AssetName;
  readonly fromMs: number;
  readonly toMs: number;
}

interface Fate {
  allowSeq: number;
  allowedMs: number;
  denied: boolean;
  outcome: string | null;
}

/** What a complaint is about. */
export const CONCERNS = {
  octets: "zero octets of a denied request at a device",
  once: "no write at a device twice, every acknowledged one there",
  evidence: "every write at a device has its allow in the log",
  fate: "every write has its decision and its outcome",
  answer: "senders were told what happened",
  denials: "denials in the log are as many as senders were told",
  block: "nothing is written to a blocked asset",
} as const;
export type Concern = keyof typeof CONCERNS;

export interface Complaint {
  readonly about: Concern;
  readonly words: string;
}

export interface Account {
  readonly asked: number;
  readonly answered: number;
  readonly deniedToSender: number;
  readonly deniedInLog: number;
  readonly writesSent: number;
  readonly writesAllowed: number;
  readonly arrivals: number;
  readonly acknowledged: number;
  /** Allowed, and what became of them: by outcome, `none` for those a kill overtook. */
  readonly outcomes: Readonly<Record<string, number>>;
  readonly inFlightAtKills: number;
  readonly complaints: readonly Complaint[];
  /** By concern, all of them; the list above is cut. */
  readonly counts: Readonly<Partial<Record<Concern, number>>>;
}

/** A record of what was decided this long before a kill may lack its outcome: the longest way of a write, and the log's own delay. */
const IN_FLIGHT_MS = 5_000;
/** Counted denials are written every ten seconds; a kill takes the last ones with it. */
const COUNTED_MS = 12_000;
/** A device that runs on the same machine notes an arrival so much later at most. */
const LATENESS_MS = 1_000;
/** So many of a concern are told in words. */
const MOST_COMPLAINTS = 20;
/** How a sender can know that nothing was done: a denial, a malformed request, an unreachable device. */
const REFUSED = new Set(["1", "3", "10"]);
const WENT = new Set(["answered", "exception", "unknownException"]);

export class Ledger {
  readonly #latenessMs: number;
  readonly #sent = new Map<number, Sent>();
  readonly #arrivals = new Map<number, number>();
  readonly #fates = new Map<number, Fate>();
  readonly #serialOf = new Map<number, number>();
  readonly #lives: Life[] = [];
  readonly #blocked: Blocked[] = [];
  readonly #complaints: Complaint[] = [];
  readonly #counts: Partial<Record<Concern, number>> = {};
  #asked = 0;
  #answered = 0;
  /** Wall milliseconds at which requests were refused to their sender. */
  readonly #refusedMs: number[] = [];
  readonly #unsureMs: number[] = [];
  #arrived = 0;

  /** @param latenessMs how late any process of the run was at most: limits of time are that much wider */
  constructor(latenessMs = 0) {
    this.#latenessMs = latenessMs;
  }

  /** The gateway was ready. */
  born(atMs: number): void {
    this.#lives.push({ fromMs: atMs, toMs: Number.POSITIVE_INFINITY, killed: false, denials: 0 });
  }

  ended(atMs: number, killed: boolean): void {
    const life = this.#lives.at(-1);
    if (life === undefined) return;
    life.toMs = atMs;
    life.killed = killed;
  }

  blocked(block: Blocked): void {
    this.#blocked.push(block);
  }

  /** Before any arrival and decision. */
  sent(row: Sent): void {
    this.#asked += 1;
    if (row.answer !== "none") this.#answered += 1;
    if (REFUSED.has(row.answer) && row.answer !== "10") this.#refusedMs.push(row.answeredMs);
    else if (row.answer !== "ok") this.#unsureMs.push(row.answeredMs);
    if (row.mayPass && !row.write) return;
    if (this.#sent.has(row.serial)) this.#complain("fate", `number ${row.serial} was sent twice`);
    this.#sent.set(row.serial, row);
  }

  arrived({ serial, asset, digest, atMs }: Arrival): void {
    this.#arrived += 1;
    const sent = this.#sent.get(serial);
    if (sent === undefined) {
      this.#complain("octets", `write ${serial} came to ${asset} and nobody sent it`);
      return;
    }
    if (!sent.mayPass) this.#complain("octets", `denied octets at ${asset}: ${sent.kind} ${serial}`);
    if (sent.digest !== digest || sent.asset !== asset)
      this.#complain("octets", `write ${serial} came to ${asset} in other octets than were sent to ${sent.asset}`);
    const count = (this.#arrivals.get(serial) ?? 0) + 1;
    this.#arrivals.set(serial, count);
    if (count === 2) this.#complain("once", `write ${serial} (${sent.kind}) came to ${asset} twice`);
    const block = this.#blocked.find(
      (each) => each.asset === asset && atMs > each.fromMs + LATENESS_MS + this.#latenessMs && atMs < each.toMs,
    );
    if (block !== undefined) this.#complain("block", `write ${serial} came to ${asset} ${atMs - block.fromMs} ms after it was blocked`);
  }

  decided({ seq, serial, asset, allowed, pending, of, atMs }: Decided): void {
    const sent = this.#sent.get(serial);
    if (sent === undefined) {
      this.#complain("fate", `record ${seq} tells of write ${serial}, which nobody sent`);
      return;
    }
    if (allowed && !sent.mayPass && !pending) this.#complain("octets", `record ${seq} allows ${sent.kind} ${serial}`);
    if (asset !== sent.asset) this.#complain("fate", `record ${seq} tells of ${asset}; write ${serial} was sent to ${sent.asset}`);
    const fate = this.#fates.get(serial);
    if (fate === undefined)
      this.#fates.set(serial, { allowSeq: allowed ? seq : 0, allowedMs: allowed ? atMs : 0, denied: !allowed, outcome: null });
    else if (!allowed && of === fate.allowSeq) fate.denied = true;
    else if (allowed && of === fate.allowSeq) fate.allowSeq = seq;
    else this.#complain("fate", `record ${seq} is a second decision on write ${serial} and does not name the first`);
    if (allowed) this.#serialOf.set(seq, serial);
  }

  /** @param count how many the record stands for */
  denials(count: number, atMs: number): void {
    const life = this.#lives.findLast(({ fromMs }) => fromMs <= atMs) ?? this.#lives[0];
    if (life !== undefined) life.denials += count;
  }

  /** Outcomes of reads name decisions that are none of ours here: they are passed over. */
  outcome({ of, outcome }: Outcome): void {
    const serial = this.#serialOf.get(of);
    const fate = serial === undefined ? undefined : this.#fates.get(serial);
    if (fate === undefined) return;
    if (fate.outcome !== null) this.#complain("fate", `write ${serial} has two outcomes: ${fate.outcome} and ${outcome}`);
    fate.outcome = outcome;
  }

  close(): Account {
    const outcomes: Record<string, number> = {};
    const total = { writesSent: 0, writesAllowed: 0, acknowledged: 0, inFlightAtKills: 0 };
    for (const sent of this.#sent.values()) {
      if (!sent.write) continue;
      total.writesSent += 1;
      const fate = this.#fates.get(sent.serial) ?? null;
      if (sent.answer === "ok") total.acknowledged += 1;
      if (fate !== null && fate.allowSeq > 0) {
        total.writesAllowed += 1;
        const word = fate.denied ? "denied" : (fate.outcome ?? "none");
        outcomes[word] = (outcomes[word] ?? 0) + 1;
        if (word === "none") total.inFlightAtKills += 1;
      }
      this.#settle(sent, fate, this.#arrivals.get(sent.serial) ?? 0);
    }
    for (const [serial, count] of this.#arrivals) {
      const allowSeq = this.#fates.get(serial)?.allowSeq ?? 0;
      if (allowSeq === 0) this.#complain("evidence", `write ${serial} came to a device ${count} times and the log holds no allow for it`);
    }
    const deniedInLog = this.#settleDenials();
    return {
      asked: this.#asked,
      answered: this.#answered,
      deniedToSender: this.#refusedMs.length,
      deniedInLog,
      ...total,
      arrivals: this.#arrived,
      outcomes,
      complaints: this.#complaints,
      counts: this.#counts,
    };
  }

  #settle(sent: Sent, fate: Fate | null, arrivals: number): void {
    const { serial, kind, answer } = sent;
    const name = `write ${serial} (${kind})`;
    const mostly = fate === null || fate.allowSeq === 0 ? "no allow" : fate.denied ? "a denial" : fate.outcome;
    if (answer === "ok" && arrivals !== 1) this.#complain("once", `${name} was acknowledged and came to the device ${arrivals} times`);
    if (answer === "ok" && (fate === null || fate.allowSeq === 0 || fate.denied))
      this.#complain("answer", `${name} was acknowledged and the log has ${mostly}`);
    if (answer === "ok" && fate !== null && !fate.denied && fate.outcome !== "answered" && fate.outcome !== null)
      this.#complain("answer", `${name} was acknowledged and its outcome is ${fate.outcome}`);
    if (REFUSED.has(answer) && arrivals > 0) this.#complain("answer", `${name} was refused with ${answer} and came to the device`);
    // Denied on what its guard read showed, and a kill took the record of that: nobody waits for it, for nothing is sent.
    const taken = fate?.outcome === null && this.#wasInFlight(sent.answeredMs);
    if (answer === "1" && fate !== null && fate.allowSeq > 0 && !fate.denied && !taken)
      this.#complain("answer", `${name} was refused with 1 and the log has ${fate.outcome}`);
    if (fate === null || fate.allowSeq === 0) {
      // Nobody waits for the record of what will not be sent: a kill may take it.
      const untold = answer === "10" && !this.#wasInFlight(sent.answeredMs);
      if (untold || answer === "4" || answer === "5" || answer === "11")
        this.#complain("fate", `${name} was answered ${answer} and has no record`);
      return;
    }
    if (fate.denied || fate.outcome === "notSent") {
      if (arrivals > 0) this.#complain("fate", `${name} came to the device; the log has ${fate.denied ? "a denial" : "notSent"}`);
    } else if (!sent.mayPass) {
      if (!this.#wasInFlight(fate.allowedMs))
        this.#complain("octets", `${name} is denied to everybody; the log has an allow and ${mostly}`);
    } else if (fate.outcome === null) {
      if (!this.#wasInFlight(fate.allowedMs)) this.#complain("fate", `${name} was allowed and its record has no outcome`);
    } else if (WENT.has(fate.outcome) && arrivals !== 1)
      this.#complain("once", `${name} has the outcome ${fate.outcome} and came to the device ${arrivals} times`);
  }

  #wasInFlight(atMs: number): boolean {
    return this.#lives.some(({ killed, toMs }) => killed && atMs <= toMs && atMs >= toMs - IN_FLIGHT_MS - this.#latenessMs);
  }

  /** Denials are told one by one or counted: life by life their number fits what their senders were told. */
  #settleDenials(): number {
    let all = 0;
    this.#refusedMs.sort((a, b) => a - b);
    this.#unsureMs.sort((a, b) => a - b);
    for (const [i, { fromMs, toMs, killed, denials }] of this.#lives.entries()) {
      all += denials;
      const until = this.#lives[i + 1]?.fromMs ?? Number.POSITIVE_INFINITY;
      const least = between(this.#refusedMs, fromMs, killed ? toMs - COUNTED_MS - this.#latenessMs : toMs);
      const most = between(this.#refusedMs, fromMs, until) + between(this.#unsureMs, fromMs, until);
      if (denials < least || denials > most)
        this.#complain("denials", `life ${i + 1} of the gateway: the log tells of ${denials} denials, the senders of ${least} to ${most}`);
    }
    return all;
  }

  #complain(about: Concern, words: string): void {
    const count = (this.#counts[about] ?? 0) + 1;
    this.#counts[about] = count;
    if (count <= MOST_COMPLAINTS) this.#complaints.push({ about, words });
  }
}

/** How many of a sorted list lie in a span. */
function between(sorted: readonly number[], from: number, to: number): number {
  return below(sorted, to) - below(sorted, from);
}

function below(sorted: readonly number[], limit: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] as number) < limit) low = middle + 1;
    else high = middle;
  }
  return low;
}
