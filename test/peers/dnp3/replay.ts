/**
 * Recorded traffic through a gateway: the recorded master's fragments go in at one side, the recorded outstation's at the other, in the order
 * of the recording, each once what came before it has come out. Whoever stands at both sides here is nobody of the gateway's own.
 */
import net from "node:net";
import type { Duplex } from "node:stream";
import { CONTROL, FUNCTION } from "./application.ts";
import type { RecordedFragment } from "./recordings.ts";
import { BROADCAST, LINK, Line } from "./wire.ts";

/** A fragment is on its way no longer than this, milliseconds. */
const PATIENCE_MS = 3_000;
const MASTER = 1;
const OUTSTATION = 10;

/** Fragments as they come, each taken once. */
class Inbox {
  readonly #waiting: Uint8Array[] = [];
  #came: (() => void) | null = null;

  put(fragment: Uint8Array): void {
    this.#waiting.push(fragment);
    this.#came?.();
  }

  get length(): number {
    return this.#waiting.length;
  }

  async take(what: string): Promise<Uint8Array> {
    if (this.#waiting.length === 0) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      this.#came = resolve;
      const timer = setTimeout(() => reject(new Error(`not within ${PATIENCE_MS} ms: ${what}`)), PATIENCE_MS);
      await promise.finally(() => clearTimeout(timer));
      this.#came = null;
    }
    return this.#waiting.shift() as Uint8Array;
  }
}

/** One end of the road: what is sent there, and what comes. */
class Side {
  readonly inbox = new Inbox();
  readonly faults: string[] = [];
  readonly line: Line;
  readonly #isMaster: boolean;
  #linkAnswered: (() => void) | null = null;

  constructor(stream: Duplex, isMaster: boolean) {
    this.#isMaster = isMaster;
    this.line = new Line(stream, {
      address: isMaster ? MASTER : OUTSTATION,
      peer: isMaster ? OUTSTATION : MASTER,
      isMaster,
      onFragment: (fragment) => this.inbox.put(fragment),
      onLink: () => this.#linkAnswered?.(),
      onFault: (what) => this.faults.push(what),
    });
  }

  send(fragment: Uint8Array, destination = this.#isMaster ? OUTSTATION : MASTER): void {
    this.line.send(fragment, destination);
  }

  /** Once everything sent before has been heard at the other end: its link answers in its turn. */
  async heard(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#linkAnswered = resolve;
    const timer = setTimeout(() => reject(new Error("the link does not answer")), PATIENCE_MS);
    this.line.link(LINK.requestStatus, this.#isMaster ? OUTSTATION : MASTER);
    await promise.finally(() => clearTimeout(timer));
  }
}

/** The outstation of a recording: it says what it is told to say. */
export class Puppet {
  readonly #server: net.Server;
  readonly #connected = Promise.withResolvers<Side>();

  constructor() {
    this.#server = net.createServer((socket) => {
      socket.setNoDelay(true);
      this.#connected.resolve(new Side(socket, false));
    });
  }

  /** @returns the port on 127.0.0.1 */
  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return (this.#server.address() as net.AddressInfo).port;
  }

  get side(): Promise<Side> {
    return this.#connected.promise;
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    (await this.side).line.close();
    await closed;
  }
}

/** What the gateway has made so far of what its one session was sent. */
export interface Account {
  requests(): number;
  /** By code, how often something was denied. */
  denials(): ReadonlyMap<string, number>;
  /** By word, what came and was for nobody. */
  strays(): ReadonlyMap<string, number>;
}

export interface Replayed {
  /** What did not come out as it went in: why, and which fragments. */
  readonly exceptions: string;
  /** Fragments that came out as they went in. */
  readonly passed: number;
  /** Recorded answers to what was not asked: the gateway gave its own, or none. */
  readonly answeredHere: number;
  readonly excepted: number;
}

/** The sequence taken out: that of each side is the gateway's. */
function apart(fragment: Uint8Array): string {
  return Buffer.from(fragment.with(0, (fragment[0] as number) & ~CONTROL.sequence)).toString("hex");
}

function sequenceOf(fragment: Uint8Array): number {
  return (fragment[0] as number) & CONTROL.sequence;
}

function under(fragment: Uint8Array, sequence: number): Uint8Array {
  return fragment.with(0, ((fragment[0] as number) & ~CONTROL.sequence) | (sequence & CONTROL.sequence));
}

/** The request that was sent last, as it was recorded and as it came out. */
interface Asked {
  readonly recorded: Uint8Array;
  /** Null: it did not come out. */
  readonly atDevice: Uint8Array | null;
  isAnswered: boolean;
}

export class Replay {
  readonly #master: Side;
  readonly #outstation: Side;
  readonly #account: Account;
  /** By reason, the numbers of the fragments. */
  readonly #exceptions = new Map<string, number[]>();
  #passed = 0;
  #number = 0;
  #asked: Asked | null = null;
  /** Recorded before the answer to the one before: asked once that has come. */
  readonly #held: RecordedFragment[] = [];
  /** What the master was told last: solicited, and not. */
  #told: Uint8Array | null = null;
  #unasked: { readonly recorded: Uint8Array; readonly told: Uint8Array } | null = null;
  /** Answers that were recorded, and that the gateway gave itself. */
  #given = 0;
  #answeredHere = 0;

  constructor(master: Duplex, outstation: Side, account: Account) {
    this.#master = new Side(master, true);
    this.#outstation = outstation;
    this.#account = account;
  }

  /** @throws when something comes out otherwise than it went in, or does not come and nothing says why */
  async run(fragments: readonly RecordedFragment[]): Promise<Replayed> {
    const given = givenUp(fragments);
    for (const fragment of fragments) {
      this.#number = fragment.number;
      if (given.has(fragment)) this.#except("has no answer");
      else if (!fragment.isFromMaster) await this.#answered(fragment.octets);
      else if (fragment.octets[1] === FUNCTION.confirm) await this.#confirmed(fragment.octets);
      else await this.#request(fragment);
    }
    await this.#settled();
    this.#same([this.#held.length, this.#master.inbox.length, this.#outstation.inbox.length].join(), "0,0,0", "nothing is left over");
    this.#same([...this.#master.faults, ...this.#outstation.faults].join("; "), "", "nothing is wrong at either side");
    const exceptions = [...this.#exceptions].map(([why, numbers]) => `${why} ${runs(numbers)}`).join(", ");
    const excepted = [...this.#exceptions.values()].reduce((sum, { length }) => sum + length, 0);
    return { exceptions, excepted, passed: this.#passed, answeredHere: this.#answeredHere };
  }

  /** Whatever either side said has come to the other, if it comes at all. */
  async #settled(): Promise<void> {
    await this.#outstation.heard();
    await this.#master.heard();
  }

  async #request(fragment: RecordedFragment): Promise<void> {
    const { octets, destination } = fragment;
    const asked = this.#asked;
    const isOpen = asked !== null && asked.atDevice !== null && !asked.isAnswered && !UNANSWERED.includes(asked.recorded[1] as number);
    if (isOpen && toHex(octets) !== toHex(asked.recorded)) {
      this.#held.push(fragment);
      return;
    }
    const requests = this.#account.requests();
    const denials = new Map(this.#account.denials());
    const isBroadcast = destination >= BROADCAST.dontConfirm;
    this.#master.send(octets, isBroadcast ? destination : OUTSTATION);
    await this.#master.heard();
    const denied = [...this.#account.denials()].find(([code, count]) => count > (denials.get(code) ?? 0));
    if (denied === undefined && this.#account.requests() === requests) {
      this.#except("retransmission");
      if (asked?.isAnswered !== true) return;
      this.#given += 1;
      this.#same(toHex(await this.#master.inbox.take("the stored answer")), toHex(this.#told ?? NOTHING), "the answer that was stored");
      return;
    }
    this.#given = 0;
    if (denied !== undefined) {
      this.#except(denied[0]);
      this.#asked = { recorded: octets, atDevice: null, isAnswered: true };
      // What is denied is answered, but for what is never answered.
      this.#told = this.#master.inbox.length === 0 ? null : await this.#master.inbox.take("a denial");
      return;
    }
    const atDevice = await this.#outstation.inbox.take(`request ${toHex(octets)}`);
    this.#same(apart(atDevice), apart(octets), "a request");
    this.#asked = { recorded: octets, atDevice, isAnswered: isBroadcast };
    this.#told = null;
    this.#passed += 1;
  }

  async #answered(octets: Uint8Array): Promise<void> {
    if (octets[1] === FUNCTION.unsolicited) {
      this.#outstation.send(octets);
      await this.#settled();
      if (this.#master.inbox.length === 0) {
        this.#except("nobody may be told");
        return;
      }
      const told = await this.#master.inbox.take(`unsolicited ${toHex(octets)}`);
      this.#same(apart(told), apart(octets), "an unsolicited response");
      this.#unasked = { recorded: octets, told };
      this.#passed += 1;
      return;
    }
    const asked = this.#asked;
    if (asked === null) {
      this.#except("answers nothing");
      return;
    }
    if (this.#given > 0 || asked.atDevice === null) {
      this.#answeredHere += 1;
      this.#given = Math.max(0, this.#given - 1);
      return;
    }
    const dropped = this.#account.strays().get("malformed") ?? 0;
    this.#outstation.send(under(octets, sequenceOf(asked.atDevice) + sequenceOf(octets) - sequenceOf(asked.recorded)));
    await this.#settled();
    asked.isAnswered = ((octets[0] as number) & CONTROL.fin) !== 0;
    if ((this.#account.strays().get("malformed") ?? 0) > dropped) this.#except("reply dropped");
    else {
      const told = await this.#master.inbox.take(`answer ${toHex(octets)}`);
      this.#same(toHex(told), toHex(octets), "an answer, its sequence too");
      this.#told = told;
      this.#passed += 1;
    }
    const next = asked.isAnswered ? this.#held.shift() : undefined;
    if (next === undefined) return;
    const number = this.#number;
    this.#number = next.number;
    await this.#request(next);
    this.#number = number;
  }

  async #confirmed(octets: Uint8Array): Promise<void> {
    const isUnsolicited = ((octets[0] as number) & CONTROL.uns) !== 0;
    const strays = this.#account.strays().get("confirm") ?? 0;
    // What was unasked for came under a sequence of the gateway's own.
    const shift = isUnsolicited && this.#unasked !== null ? sequenceOf(this.#unasked.told) - sequenceOf(this.#unasked.recorded) : 0;
    this.#master.send(under(octets, sequenceOf(octets) + shift));
    await this.#master.heard();
    if ((this.#account.strays().get("confirm") ?? 0) > strays) {
      this.#except("confirm for nobody");
      return;
    }
    const atDevice = await this.#outstation.inbox.take(`confirm ${toHex(octets)}`);
    this.#same(apart(atDevice), apart(octets), "a confirm");
    this.#passed += 1;
  }

  #except(why: string): void {
    this.#exceptions.set(why, [...(this.#exceptions.get(why) ?? []), this.#number]);
  }

  #same(came: string, went: string, what: string): void {
    if (came !== went) throw new Error(`fragment ${this.#number}, ${what}: ${came} where ${went} is wanted`);
  }
}

/** Requests that the recorded outstation did not answer, and the master gave up for another. */
function givenUp(fragments: readonly RecordedFragment[]): ReadonlySet<RecordedFragment> {
  const found = new Set<RecordedFragment>();
  /** By sequence, oldest first. */
  const open = new Map<number, RecordedFragment[]>();
  let last: RecordedFragment | null = null;
  for (const fragment of fragments) {
    const { octets, isFromMaster, destination } = fragment;
    const [control = 0, functionCode = 0] = octets;
    if (!isFromMaster && functionCode !== FUNCTION.unsolicited && (control & CONTROL.fir) !== 0) open.get(sequenceOf(octets))?.shift();
    if (!isFromMaster || functionCode === FUNCTION.confirm) continue;
    const isRepeated = last !== null && toHex(last.octets) === toHex(octets);
    last = fragment;
    if (isRepeated || destination >= BROADCAST.dontConfirm || UNANSWERED.includes(functionCode)) continue;
    open.set(sequenceOf(octets), [...(open.get(sequenceOf(octets)) ?? []), fragment]);
  }
  for (const each of [...open.values()].flat()) if (last !== null && toHex(each.octets) !== toHex(last.octets)) found.add(each);
  return found;
}

/** 1 2 3 7 as "1-3 7". */
function runs(numbers: readonly number[]): string {
  const found: [first: number, last: number][] = [];
  for (const number of numbers) {
    const run = found.at(-1);
    if (run !== undefined && number === run[1] + 1) run[1] = number;
    else found.push([number, number]);
  }
  return found.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(" ");
}

const NOTHING = new Uint8Array(0);
/** Functions without an answer. */
const UNANSWERED: readonly number[] = [FUNCTION.directOperateNoReply, FUNCTION.freezeNoReply, FUNCTION.freezeClearNoReply];

function toHex(octets: Uint8Array): string {
  return Buffer.from(octets).toString("hex");
}
