/**
 * A master to test with: asks, gathers and confirms, and can be told to do each of it wrong. Written apart from the gateway's codec.
 *
 * @source IEEE 1815-2012
 */
import net from "node:net";
import type { Duplex } from "node:stream";
import { CONTROL, FUNCTION, RESPONSE_HEAD } from "./application.ts";
import { LINK, Line, record } from "./wire.ts";

export interface MasterOptions {
  readonly address?: number;
  readonly outstation?: number;
  readonly timeoutMs?: number;
  /** Confirm each fragment of an answer that asks for it. */
  readonly autoConfirm?: boolean;
  /** Confirm unsolicited responses. */
  readonly confirmUnsolicited?: boolean;
  /** Write octet by octet. */
  readonly drip?: boolean;
  /** Entries of each log at most; the oldest go. */
  readonly keep?: number;
}

export interface Reply {
  /** Of the first fragment: that of the request. */
  readonly seq: number;
  readonly function: number;
  /** Indications of the last fragment. */
  readonly iin1: number;
  readonly iin2: number;
  /** Those of all fragments. */
  readonly objects: Uint8Array;
  readonly fragments: number;
  /** The last fragment asked for a CONFIRM. */
  readonly con: boolean;
}

export interface RequestOptions {
  readonly seq?: number;
  readonly timeoutMs?: number;
}

interface Waiting {
  readonly seq: number;
  readonly parts: Uint8Array[];
  /** The sequence of the fragment that comes next. */
  next: number;
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: Error) => void;
}

export class Master {
  /** Unsolicited responses that nobody has taken yet, in order. */
  readonly unsolicited: Reply[] = [];
  /** Every fragment that came. */
  readonly received: Uint8Array[] = [];
  /** Responses that nobody waits for. */
  readonly strays: Uint8Array[] = [];
  /** What was dropped, and why. */
  readonly faults: string[] = [];
  octetsIn = 0;
  autoConfirm: boolean;
  confirmUnsolicited: boolean;
  /** Sequence of the next request. */
  seq = 0;

  readonly #line: Line;
  readonly #outstation: number;
  readonly #timeoutMs: number;
  readonly #keep: number;
  readonly #waiting: Waiting[] = [];
  readonly #links: ((linkFunction: number) => void)[] = [];
  #unsolicitedCame: (() => void)[] = [];
  readonly #closed = Promise.withResolvers<void>();

  constructor(stream: Duplex, options: MasterOptions = {}) {
    const { address = 1, outstation = 10, timeoutMs = 5_000, drip = false, keep = Infinity } = options;
    this.#keep = keep;
    this.#outstation = outstation;
    this.#timeoutMs = timeoutMs;
    this.autoConfirm = options.autoConfirm ?? true;
    this.confirmUnsolicited = options.confirmUnsolicited ?? true;
    this.#line = new Line(stream, {
      address,
      peer: outstation,
      isMaster: true,
      drip,
      onFragment: (fragment) => this.#take(fragment),
      onLink: (linkFunction) => {
        const asked = this.#links.shift();
        if (asked === undefined) this.#record(this.faults, `link function ${linkFunction} that nobody asked for`);
        else asked(linkFunction);
      },
      onFault: (what) => this.#record(this.faults, what),
      onOctets: ({ length }) => {
        this.octetsIn += length;
      },
      onEnd: () => {
        this.#closed.resolve();
        for (const { reject, seq } of this.#waiting.splice(0))
          reject(new Error(`the connection ended before the answer to request ${seq}`));
        for (const told of this.#unsolicitedCame.splice(0)) told();
      },
    });
  }

  static async connect(port: number, options: MasterOptions = {}, host = "127.0.0.1"): Promise<Master> {
    const socket = net.connect(port, host);
    socket.setNoDelay(true);
    await new Promise<void>((resolve, reject) => socket.once("connect", resolve).once("error", reject));
    return new Master(socket, options);
  }

  get isOpen(): boolean {
    return this.#line.isOpen;
  }

  /** Resolves when the connection has ended, by whom ever. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  close(): Promise<void> {
    this.#line.close();
    return this.closed;
  }

  /** Ask and wait for the whole answer. Rejects when it has not come in time, or the connection ends. */
  request(functionCode: number, objects: Uint8Array = new Uint8Array(0), options: RequestOptions = {}): Promise<Reply> {
    const ms = options.timeoutMs ?? this.#timeoutMs;
    const { promise, resolve, reject } = Promise.withResolvers<Reply>();
    const seq = options.seq ?? this.seq;
    const waiting: Waiting = { seq, next: seq, parts: [], resolve, reject };
    this.#waiting.push(waiting);
    this.send(functionCode, objects, seq);
    const timer = setTimeout(() => {
      const at = this.#waiting.indexOf(waiting);
      if (at >= 0) this.#waiting.splice(at, 1);
      const what = waiting.parts.length === 0 ? "no answer" : `only ${waiting.parts.length} fragments`;
      const faults = this.faults.length === 0 ? "" : `; dropped: ${this.faults.slice(-3).join(", ")}`;
      reject(new Error(`${what} to function ${functionCode}, request ${seq}, within ${ms} ms${faults}`));
    }, ms);
    return promise.finally(() => clearTimeout(timer));
  }

  /** Ask and do not wait. `destination`: another address than the outstation's, a broadcast for instance. @returns its sequence */
  send(functionCode: number, objects: Uint8Array = new Uint8Array(0), seq = this.seq, destination = this.#outstation): number {
    this.seq = (seq + 1) & CONTROL.sequence;
    this.#line.send(Uint8Array.of(CONTROL.fir | CONTROL.fin | seq, functionCode, ...objects), destination);
    return seq;
  }

  sendFragment(octets: Uint8Array, destination = this.#outstation): void {
    this.#line.send(octets, destination);
  }

  sendRaw(octets: Uint8Array): void {
    this.#line.write(octets);
  }

  confirm(seq: number, uns = false): void {
    this.sendFragment(Uint8Array.of(CONTROL.fir | CONTROL.fin | (uns ? CONTROL.uns : 0) | seq, FUNCTION.confirm));
  }

  read(objects: Uint8Array, options?: RequestOptions): Promise<Reply> {
    return this.request(FUNCTION.read, objects, options);
  }

  write(objects: Uint8Array, options?: RequestOptions): Promise<Reply> {
    return this.request(FUNCTION.write, objects, options);
  }

  /** SELECT, then the same objects in OPERATE with the next sequence. Rejects when the SELECT is not echoed as it went. */
  async selectOperate(objects: Uint8Array, options?: RequestOptions): Promise<Reply> {
    const selected = await this.request(FUNCTION.select, objects, options);
    if (Buffer.compare(selected.objects, objects) !== 0) throw new Error(`SELECT was answered ${hex(selected.objects)}`);
    const { timeoutMs } = options ?? {};
    return this.request(FUNCTION.operate, objects, timeoutMs === undefined ? {} : { timeoutMs });
  }

  /** The oldest unsolicited response that was not taken yet, now or when it comes. */
  async waitForUnsolicited(timeoutMs = this.#timeoutMs): Promise<Reply> {
    const until = performance.now() + timeoutMs;
    for (;;) {
      const next = this.unsolicited.shift();
      if (next !== undefined) return next;
      if (!this.isOpen) throw new Error("the connection ended before an unsolicited response");
      const left = until - performance.now();
      if (left <= 0) throw new Error(`no unsolicited response within ${timeoutMs} ms`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#unsolicitedCame.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  /** @returns the secondary function that answers REQUEST_LINK_STATUS: 11 */
  linkStatus(timeoutMs?: number): Promise<number> {
    return this.link(LINK.requestStatus, undefined, { ...(timeoutMs === undefined ? {} : { timeoutMs }) });
  }

  /** A primary link frame, and the secondary function that answers it. `isRepeat`: with the FCB of the one before. */
  link(
    linkFunction: number,
    data?: Uint8Array,
    { timeoutMs = this.#timeoutMs, isRepeat = false }: { readonly timeoutMs?: number; readonly isRepeat?: boolean } = {},
  ): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    this.#links.push(resolve);
    const timer = setTimeout(() => {
      const at = this.#links.indexOf(resolve);
      if (at >= 0) this.#links.splice(at, 1);
      reject(new Error(`no answer to link function ${linkFunction} within ${timeoutMs} ms`));
    }, timeoutMs);
    this.#line.link(linkFunction, this.#outstation, data, isRepeat);
    return promise.finally(() => clearTimeout(timer));
  }

  #record<T>(log: T[], entry: T): void {
    record(log, entry, this.#keep);
  }

  #take(fragment: Uint8Array): void {
    this.#record(this.received, fragment);
    const [control = 0, functionCode] = fragment;
    const isUnsolicited = functionCode === FUNCTION.unsolicited;
    const isResponse = functionCode === FUNCTION.response || functionCode === FUNCTION.authResponse;
    if (fragment.length < RESPONSE_HEAD || (!isUnsolicited && !isResponse)) this.#record(this.faults, `no response: ${hex(fragment)}`);
    else if (isUnsolicited !== ((control & CONTROL.uns) !== 0)) this.#record(this.faults, `UNS is wrong: ${hex(fragment)}`);
    else if (isUnsolicited) this.#takeUnsolicited(fragment);
    else this.#takeAnswer(fragment);
  }

  #takeUnsolicited(fragment: Uint8Array): void {
    const control = fragment[0]!;
    if ((control & (CONTROL.fir | CONTROL.fin)) !== (CONTROL.fir | CONTROL.fin)) {
      this.#record(this.faults, `an unsolicited response in parts: ${hex(fragment)}`);
      return;
    }
    const reply = replyOf([fragment]);
    if (this.confirmUnsolicited && reply.con) this.confirm(reply.seq, true);
    this.#record(this.unsolicited, reply);
    for (const told of this.#unsolicitedCame.splice(0)) told();
  }

  #takeAnswer(fragment: Uint8Array): void {
    const control = fragment[0]!;
    const seq = control & CONTROL.sequence;
    const isFirst = (control & CONTROL.fir) !== 0;
    // A first fragment with the request's own sequence begins the answer anew.
    const at = this.#waiting.findIndex((each) => (isFirst ? each.seq === seq : each.parts.length > 0 && each.next === seq));
    const waiting = this.#waiting[at];
    if (waiting === undefined) {
      this.#record(this.strays, fragment);
      return;
    }
    if (isFirst) waiting.parts.length = 0;
    waiting.parts.push(fragment);
    waiting.next = (seq + 1) & CONTROL.sequence;
    if (this.autoConfirm && (control & CONTROL.con) !== 0) this.confirm(seq);
    if ((control & CONTROL.fin) === 0) return;
    this.#waiting.splice(at, 1);
    // The fragments of an answer count as the master's requests do.
    if (waiting.parts.length > 1 && this.#waiting.length === 0) this.seq = waiting.next;
    waiting.resolve(replyOf(waiting.parts));
  }
}

function replyOf(fragments: readonly Uint8Array[]): Reply {
  const last = fragments[fragments.length - 1]!;
  return {
    seq: fragments[0]![0]! & CONTROL.sequence,
    function: last[1]!,
    iin1: last[2]!,
    iin2: last[3]!,
    objects: Uint8Array.from(Buffer.concat(fragments.map((each) => each.subarray(RESPONSE_HEAD)))),
    fragments: fragments.length,
    con: (last[0]! & CONTROL.con) !== 0,
  };
}

function hex(octets: Uint8Array): string {
  return Buffer.from(octets).toString("hex");
}
