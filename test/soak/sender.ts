/** One session of a soak: connects, asks, notes what became of it, and comes again when it is cut. */
import { setTimeout as sleep } from "node:timers/promises";
import type { TLSSocket } from "node:tls";
import type { Random } from "#test/fuzz/random";
import { adu, Operator, read } from "#test/support/operator";
import type { Papers, SessionPlan } from "./messages.ts";
import { drawKind, makeRequest, type Request, UNIT, type Walk } from "./requests.ts";

/** What the sessions of a process share. */
export interface Office {
  /** Of a listener; null: nobody listens just now. */
  port(listener: SessionPlan["listener"]): number | null;
  papers(who: string): Papers | null;
  /** Wall milliseconds since when this certificate opens nothing; null: it does. */
  revokedMs(serial: string): number | null;
  /** Is this, shown on a connection made at that wall millisecond, the gateway's certificate of today? */
  isGateways(serial: string, connectedMs: number): boolean;
  nextSerial(): number;
  /** Resolves when it is this session's turn; null: it is over. */
  turn(): Promise<boolean>;
  note(entry: Noted): void;
  wrong(words: string): void;
  readonly stopping: boolean;
  /** How late this process came to something in the last minute, at most. */
  readonly latenessMs: number;
}

export interface Noted {
  readonly serial: number;
  readonly request: Request;
  readonly asset: string;
  readonly who: string;
  readonly sentMs: number;
  readonly answeredMs: number;
  /** `ok`, an exception code, `bad` (no answer to what was asked), `late` (none in time) or `none` (the connection ended before). */
  readonly answer: string;
}

/** Nobody waits longer than this for a word: far beyond the longest a read may wait and its time at the device. */
const PATIENCE_MS = 60_000;
const AT_ONCE = 4;
const RETRY_MS = 150;
/** After a certificate has ended or was revoked the session goes within a second; so much more for a busy machine, and thrice what it is late by. */
const GRACE_MS = 3_000;
const LATE_TIMES = 3;
/** Every third session keeps its connection until the gateway ends it. */
const LAZY = 3;

export class Sender {
  readonly #office: Office;
  readonly #plan: SessionPlan;
  readonly #random: Random;
  readonly #lazy: boolean;
  readonly #walk: Walk;
  #operator: Operator | null = null;
  #papers: Papers | null = null;
  connects = 0;
  renewals = 0;
  cutAtEnd = 0;
  turnedAway = 0;

  constructor(office: Office, plan: SessionPlan, index: number, random: Random) {
    this.#office = office;
    this.#plan = plan;
    this.#random = random;
    this.#lazy = index % LAZY === 0;
    this.#walk = { address: 10 * index, value: null };
  }

  get connected(): boolean {
    return this.#operator?.closed === false;
  }

  async run(): Promise<void> {
    while (!this.#office.stopping) {
      const operator = await this.#connect();
      if (operator === null) {
        await sleep(RETRY_MS + this.#random.below(RETRY_MS));
        continue;
      }
      this.#operator = operator;
      this.#walk.value = null;
      while (!operator.closed && !this.#office.stopping && !this.#renewed() && (await this.#office.turn())) await this.#ask(operator);
      this.#parted(operator);
      operator.close();
      this.#operator = null;
    }
  }

  async #connect(): Promise<Operator | null> {
    const port = this.#office.port(this.#plan.listener);
    if (port === null) return null;
    const { from, listener, who } = this.#plan;
    try {
      if (listener.endsWith("-plain")) {
        const operator = await Operator.plain(port, "127.0.0.1", from);
        this.connects += 1;
        return operator;
      }
      const papers = this.#office.papers(who);
      if (papers === null) return null;
      const operator = await Operator.mutual(port, papers, "127.0.0.1", from);
      this.connects += 1;
      this.#papers = papers;
      const shown = (operator.socket as TLSSocket).getPeerCertificate().serialNumber?.toLowerCase() ?? "";
      if (!this.#office.isGateways(shown, Date.now()))
        this.#office.wrong(`the gateway shows ${shown}, which is not its certificate of today`);
      return operator;
    } catch {
      return null;
    }
  }

  /** It has newer papers, and is not one that waits until the gateway ends the old ones. */
  #renewed(): boolean {
    if (this.#papers === null || this.#lazy) return false;
    const now = this.#office.papers(this.#plan.who);
    if (now === null || now.serial === this.#papers.serial) return false;
    this.renewals += 1;
    return true;
  }

  #parted({ closed }: Operator): void {
    if (this.#papers === null || !closed) return;
    if (this.#office.revokedMs(this.#papers.serial) !== null) this.turnedAway += 1;
    else if (Date.now() >= this.#papers.endsMs && Date.now() < this.#papers.endsMs + GRACE_MS) this.cutAtEnd += 1;
  }

  /** A few requests at once, and what becomes of each. */
  async #ask(operator: Operator): Promise<void> {
    if (this.#walk.value === null) await this.#look(operator);
    const batch: { serial: number; request: Request; answer: Promise<string> }[] = [];
    const frames: Buffer[] = [];
    const sentMs = Date.now();
    let stepping = false;
    const count = 1 + this.#random.below(AT_ONCE);
    for (let k = 0; k < count && !operator.closed; k++) {
      const kind = drawKind(this.#random);
      // One step at a time, and none while it is not known from where.
      if (kind === "step" && (stepping || this.#walk.value === null)) continue;
      stepping ||= kind === "step";
      const serial = this.#office.nextSerial();
      const request = makeRequest(kind, serial, this.#plan.role, this.#random, this.#walk);
      const transaction = serial & 0xffff;
      frames.push(request.broken ?? adu(request.pdu, request.unit, transaction));
      batch.push({ serial, request, answer: this.#answerTo(operator, request, transaction) });
      // Nothing is read behind what is no frame.
      if (request.broken !== undefined) break;
    }
    operator.socket.write(Buffer.concat(frames));
    for (const { serial, request, answer } of batch) {
      const word = await answer;
      this.#office.note({ serial, request, asset: this.#plan.asset, who: this.#plan.who, sentMs, answeredMs: Date.now(), answer: word });
      if (request.kind === "step") this.#walk.value = word === "ok" ? request.pdu.readUInt16BE(6) : null;
      this.#judge(request, word);
    }
    operator.answers.length = 0;
  }

  async #answerTo(operator: Operator, request: Request, transaction: number): Promise<string> {
    try {
      const answer = await operator.answerTo(transaction, PATIENCE_MS);
      if (answer.length === 2 && answer[0] === ((request.pdu[0] as number) | 0x80)) return String(answer[1]);
      return answers(request.pdu, answer) ? "ok" : "bad";
    } catch {
      return operator.closed ? "none" : "late";
    }
  }

  #judge(request: Request, word: string): void {
    const { who } = this.#plan;
    if (word === "bad" || word === "late") this.#office.wrong(`${who}: ${request.kind} ${request.pdu.toString("hex")}: ${word}`);
    if (word === "none" || this.#papers === null) return;
    const now = Date.now() - LATE_TIMES * this.#office.latenessMs;
    const revoked = this.#office.revokedMs(this.#papers.serial);
    if (revoked !== null && now > revoked + GRACE_MS)
      this.#office.wrong(`${who} is answered ${now - revoked} ms after its certificate was revoked`);
    if (now > this.#papers.endsMs + GRACE_MS)
      this.#office.wrong(`${who} is answered ${now - this.#papers.endsMs} ms after its certificate ended`);
  }

  /** Where does its set-point stand? Not one of the counted requests. */
  async #look(operator: Operator): Promise<void> {
    try {
      const answer = await operator.ask(read(this.#walk.address, 1), UNIT, 0xffff - (this.#office.nextSerial() & 0xff), PATIENCE_MS);
      if (answer[0] === 3 && answer.length === 4) this.#walk.value = answer.readUInt16BE(2);
    } catch {
      // Cut meanwhile: asked again on the next connection.
    }
  }
}

/** Does the reply answer the request, by the standard's layouts? */
function answers(request: Buffer, reply: Buffer): boolean {
  const code = request[0] as number;
  if (reply[0] !== code) return false;
  switch (code) {
    case 1:
      return reply.length === 2 + Math.ceil(request.readUInt16BE(3) / 8);
    case 3:
    case 4:
    case 23:
      return reply.length === 2 + 2 * request.readUInt16BE(3);
    case 6:
    case 22:
      return reply.equals(request);
    case 15:
    case 16:
      return reply.equals(request.subarray(0, 5));
    default:
      return false;
  }
}
