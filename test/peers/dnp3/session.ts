/** One connection of the outstation test peer: its requests, the series of fragments that answers one, and what a repeated request gets. */
import type { Duplex } from "node:stream";
import { CONTROL, FUNCTION } from "./application.ts";
import type { Controls } from "./controls.ts";
import type { PointEvent } from "./database.ts";
import { type Packed, pack } from "./pack.ts";
import { answer, type Device, type Request } from "./requests.ts";
import { BROADCAST, Line } from "./wire.ts";

/** No request is longer. */
const LONGEST_REQUEST = 2048;

/**
 * What becomes of a request. "mute": done, and not answered; "silent": neither. Octets: the application fragment that answers it
 * instead, nothing is done.
 */
export type Verdict = "answer" | "mute" | "silent" | "close" | Uint8Array;

/** What a session needs of the outstation it belongs to. */
export interface Host {
  readonly address: number;
  readonly master: number | null;
  readonly confirmTimeoutMs: number;
  readonly drip: boolean;
  readonly device: Device;
  /** Milliseconds before an answer leaves. */
  readonly delayMs: number;
  octets(octets: Uint8Array): void;
  fragment(octets: Uint8Array): void;
  fault(what: string): void;
  verdict(fragment: Uint8Array): Verdict;
  /** Do something later, unless what is returned is called, or the outstation closed, before. */
  after(ms: number, act: () => void): () => void;
  /** A broadcast came, to this address. */
  broadcast(destination: number): void;
  /** The fragment that answers, with the indications of now. `beside`: events that it and those before it in its series tell. */
  compose(head: ResponseHead, objects: Uint8Array, beside: ReadonlySet<PointEvent>): Uint8Array;
  /** A response with CON was confirmed. */
  confirmed(events: ReadonlySet<PointEvent>): void;
  /** An unsolicited response waits for its CONFIRM on this session. */
  isReporting(session: Session): boolean;
  reportConfirmed(session: Session, sequence: number): void;
  /** There may be something to report, or room for it. */
  offer(): void;
  left(session: Session): void;
}

export interface ResponseHead {
  readonly functionCode: number;
  /** Application control without CON. */
  readonly control: number;
  readonly isConfirmed: boolean;
  readonly iin2: number;
}

/** The fragments of an answer: made one by one, as those before are confirmed. */
interface Series {
  readonly packed: readonly Packed[];
  readonly sequence: number;
  readonly iin2: number;
  readonly source: number;
  readonly sent: Uint8Array[];
  /** The fragment sent last. */
  at: number;
  /** That one waits for its CONFIRM: ends the waiting. */
  stop: (() => void) | null;
}

export class Session {
  readonly line: Line;
  /** Where requests come from. */
  master: number;
  readonly #host: Host;
  readonly #controls: Controls;
  #last: { readonly fragment: Uint8Array; readonly series: Series | null } | null = null;
  #series: Series | null = null;
  /** A READ that came while an unsolicited response waits for its CONFIRM. */
  #deferred: { readonly fragment: Uint8Array; readonly source: number; readonly isMute: boolean } | null = null;

  constructor(stream: Duplex, host: Host, controls: Controls) {
    this.#host = host;
    this.#controls = controls;
    this.master = host.master ?? 1;
    this.line = new Line(stream, {
      address: host.address,
      peer: host.master,
      isMaster: false,
      drip: host.drip,
      onFragment: (fragment, source, destination) => this.#take(fragment, source, destination),
      onFault: (what) => host.fault(what),
      onOctets: (octets) => host.octets(octets),
      onEnd: () => {
        this.#abandon();
        host.left(this);
      },
    });
  }

  /** An answer waits for a CONFIRM. */
  get isAnswering(): boolean {
    return this.#series?.stop != null;
  }

  /** The outstation restarts: what was selected is forgotten. */
  forget(): void {
    this.#controls.cancel();
  }

  /** No unsolicited response waits any more. */
  resume(): void {
    const deferred = this.#deferred;
    this.#deferred = null;
    if (deferred !== null) this.#do(deferred.fragment, deferred.source, deferred.isMute);
  }

  get hasDeferred(): boolean {
    return this.#deferred !== null;
  }

  #take(fragment: Uint8Array, source: number, destination: number): void {
    const host = this.#host;
    host.fragment(fragment);
    const isBroadcast = destination >= BROADCAST.dontConfirm;
    const fault = faultOf(fragment, isBroadcast);
    if (fault !== null) host.fault(fault);
    else if (fragment[1] === FUNCTION.confirm) this.#confirm(fragment[0]!);
    else {
      this.master = source;
      const verdict = host.verdict(fragment);
      if (verdict instanceof Uint8Array) this.#send(verdict, source);
      else if (verdict === "close") this.line.close();
      else if (verdict !== "silent" && isBroadcast) this.#obey(fragment, destination);
      else if (verdict !== "silent") this.#request(fragment, source, verdict === "mute");
    }
  }

  /** A broadcast: done, and never answered. */
  #obey(fragment: Uint8Array, destination: number): void {
    this.#host.broadcast(destination);
    this.#last = null;
    this.#abandon();
    if (fragment[1] !== FUNCTION.read && fragment[1] !== FUNCTION.select) this.#act(fragment);
  }

  #request(fragment: Uint8Array, source: number, isMute: boolean): void {
    if (this.#last !== null && Buffer.compare(this.#last.fragment, fragment) === 0) {
      if (!isMute) this.#repeat(this.#last.series);
      return;
    }
    this.#abandon();
    this.#last = { fragment, series: null };
    if (fragment[1] === FUNCTION.read && this.#host.isReporting(this)) {
      this.#controls.cancel();
      this.#deferred = { fragment, source, isMute };
    } else this.#do(fragment, source, isMute);
  }

  #act(fragment: Uint8Array): ReturnType<typeof answer> {
    const [control = 0, functionCode = 0] = fragment;
    const isControl = functionCode >= FUNCTION.select && functionCode <= FUNCTION.directOperateNoReply;
    if (!isControl) this.#controls.cancel();
    const request: Request = {
      functionCode,
      sequence: control & CONTROL.sequence,
      objects: fragment.subarray(2),
      now: performance.now(),
    };
    return answer(this.#host.device, this.#controls, request);
  }

  #do(fragment: Uint8Array, source: number, isMute: boolean): void {
    const said = this.#act(fragment);
    // It may have enabled a class, or begun anew.
    this.#host.offer();
    if (said === null) return;
    const { room, needsTime } = this.#host.device;
    const packed = pack(said.units, room, !needsTime);
    const sequence = fragment[0]! & CONTROL.sequence;
    const series: Series = { packed, sequence, iin2: said.iin2, source, sent: [], at: 0, stop: null };
    this.#last = { fragment, series };
    if (isMute) return;
    this.#series = series;
    this.#sendPart(series);
  }

  #sendPart(series: Series): void {
    const { at, packed, sent, source } = series;
    sent[at] ??= this.#compose(series, packed[at]!, at);
    const fragment = sent[at]!;
    series.stop = null;
    if ((fragment[0]! & CONTROL.con) !== 0) {
      const { confirmTimeoutMs, delayMs } = this.#host;
      series.stop = this.#host.after(confirmTimeoutMs + delayMs, () => {
        this.#abandon();
        this.#host.offer();
      });
    } else {
      this.#series = null;
      this.#host.offer();
    }
    this.#send(fragment, source);
  }

  #compose(series: Series, { objects, events }: Packed, at: number): Uint8Array {
    const isLast = at === series.packed.length - 1;
    const control = (at === 0 ? CONTROL.fir : 0) | (isLast ? CONTROL.fin : 0) | ((series.sequence + at) & CONTROL.sequence);
    const isConfirmed = !isLast || events.size > 0;
    const told = new Set(series.packed.slice(0, at + 1).flatMap((each) => [...each.events]));
    return this.#host.compose({ functionCode: FUNCTION.response, control, isConfirmed, iin2: series.iin2 }, objects, told);
  }

  /** The same request once more: the answer that was stored, from its beginning. */
  #repeat(series: Series | null): void {
    if (series === null) return;
    this.#abandon();
    this.#series = series;
    series.at = 0;
    this.#sendPart(series);
  }

  #confirm(control: number): void {
    const sequence = control & CONTROL.sequence;
    const series = this.#series;
    if ((control & CONTROL.uns) !== 0) this.#host.reportConfirmed(this, sequence);
    if ((control & CONTROL.uns) !== 0 || series === null || series.stop === null) return;
    if ((series.sent[series.at]![0]! & CONTROL.sequence) !== sequence) return;
    series.stop();
    series.stop = null;
    this.#host.confirmed(series.packed[series.at]!.events);
    if (series.at === series.packed.length - 1) {
      this.#series = null;
      this.#host.offer();
      return;
    }
    series.at += 1;
    this.#sendPart(series);
  }

  /** Another request, or no CONFIRM in time: the rest is not sent, events stay. */
  #abandon(): void {
    this.#series?.stop?.();
    if (this.#series !== null) this.#series.stop = null;
    this.#series = null;
    this.#deferred = null;
  }

  #send(fragment: Uint8Array, destination: number): void {
    const { delayMs } = this.#host;
    if (delayMs <= 0) this.line.send(fragment, destination);
    else this.#host.after(delayMs, () => this.line.send(fragment, destination));
  }
}

/** Why a fragment is dropped. @source IEEE 1815-2012 4.2.2.4: a request is one fragment, and never unsolicited */
function faultOf(fragment: Uint8Array, isBroadcast: boolean): string | null {
  const [control = 0, functionCode] = fragment;
  if (functionCode === undefined) return "a fragment of one octet";
  if (fragment.length > LONGEST_REQUEST) return `a fragment of ${fragment.length} octets`;
  if ((control & (CONTROL.fir | CONTROL.fin)) !== (CONTROL.fir | CONTROL.fin)) return "a request in parts";
  if (functionCode === FUNCTION.confirm) return isBroadcast || fragment.length > 2 ? "a CONFIRM that is none" : null;
  return (control & CONTROL.uns) !== 0 || functionCode >= FUNCTION.response ? "a fragment that is no request" : null;
}
