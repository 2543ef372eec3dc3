/**
 * Reads of the gateway's own, for people who ask what stands in a device (RULINGS 7). They take the road like anybody's, as the subject `self`:
 * judged (`never` binds them), recorded, queued fairly beside operators, paced, held back by a block; and one at a time. Only the two ends
 * differ: the requests are made here, and the answers stay here.
 */
import type { DenialCode, SessionEnd, Subject } from "#events";
import { SELF } from "#policy/self";
import type { Framer } from "#session/protocol";
import type { ByteStream } from "#transport/stream";
import type { Asset } from "./asset.ts";
import { Device } from "./device.ts";
import { keepCells } from "./guard.ts";
import type { House } from "./house.ts";
import { Rights } from "./rights.ts";
import { Session } from "./session.ts";
import type { Ticket } from "./ticket.ts";

/** Cells of one unit and table. */
export interface Range {
  /** As it is asked on the wire. */
  readonly unitId: number;
  readonly space: number;
  readonly first: number;
  readonly last: number;
}

export type OwnRead =
  /** Raw cells, and when they came, monotonic milliseconds. */
  | { readonly is: "read"; readonly cells: Int32Array; readonly atMs: number }
  | { readonly is: "denied"; readonly code: DenialCode; readonly rule: string }
  | { readonly is: "exception"; readonly code: number }
  /** Its answer was not in the standard's form. */
  | { readonly is: "dropped" }
  | { readonly is: "ended"; readonly reason: SessionEnd }
  /** Too much for one request. */
  | { readonly is: "unreadable" };

/** What became of a read whose values others see as they pass. */
export type Shown =
  | { readonly is: "shown" }
  | { readonly is: "exception"; readonly code: number }
  | Extract<OwnRead, { is: "denied" | "dropped" | "ended" | "unreadable" }>;

const SUBJECT: Subject = {
  identity: SELF,
  name: SELF,
  roles: [SELF],
  kind: "machine",
  assurance: "none",
  mayWriteUnauthenticated: false,
};

export class OwnReads {
  readonly #house: House;
  readonly #asset: Asset;
  readonly #yields: boolean;
  readonly #pdu = new Uint8Array(16);
  readonly #out = new Uint8Array(64);
  /** The gateway as one who asks: requests are framed as a master's. */
  readonly #framer: Framer;
  #session: OwnSession | null = null;
  #transactionId = 0;

  /** @param yields  it waits while anybody else has something waiting for the device */
  constructor(house: House, asset: Asset, yields = false) {
    this.#house = house;
    this.#yields = yields;
    this.#asset = asset;
    this.#framer = asset.protocol.framer("device", asset.site.link);
  }

  /** Can one request read all of it? */
  fits({ space, first, last }: Range): boolean {
    return this.#asset.protocol.encodeRead(this.#pdu, 0, space, first, last) > 0;
  }

  /** Never rejects. The road answers everything in time, so this does. */
  async read(range: Range): Promise<OwnRead> {
    const length = this.#encode(range);
    if (length === 0) return { is: "unreadable" };
    const fate = await this.#ask(range.unitId, length);
    if (fate === "ended") return { is: "ended", reason: this.#session?.ended ?? "shutdown" };
    if (fate.denied !== null) return { is: "denied", code: fate.denied, rule: fate.rule };
    if (fate.dropped) return { is: "dropped" };
    // Where the protocol has no word for a device that keeps silent, nothing is said.
    if (fate.frame.length === 0) return { is: "denied", code: "deviceSilent", rule: "default" };
    return answerIn(this.#asset, this.#pdu.subarray(0, length), fate.frame, range, this.#house.road.clock.monotonic());
  }

  /** Ask for it without keeping what comes: telemetry, and whatever else learns from replies, sees it pass. As `read`, never rejects. */
  async show(range: Range): Promise<Shown> {
    const length = this.#encode(range);
    if (length === 0) return { is: "unreadable" };
    const fate = await this.#ask(range.unitId, length);
    if (fate === "ended") return { is: "ended", reason: this.#session?.ended ?? "shutdown" };
    if (fate.denied !== null) return { is: "denied", code: fate.denied, rule: fate.rule };
    if (fate.dropped) return { is: "dropped" };
    if (fate.parts > 0) return { is: "shown" };
    if (fate.frame.length === 0) return { is: "denied", code: "deviceSilent", rule: "default" };
    const exception = exceptionIn(this.#asset, this.#pdu.subarray(0, length), fate.frame);
    return exception === 0 ? { is: "shown" } : { is: "exception", code: exception };
  }

  #encode({ space, first, last }: Range): number {
    return this.#asset.protocol.encodeRead(this.#pdu, 0, space, first, last);
  }

  #ask(unitId: number, length: number): Promise<Fate | "ended"> {
    const { protocol } = this.#asset;
    this.#transactionId = (this.#transactionId + 1) % protocol.transactions;
    const octets = this.#framer.frame(this.#out, 0, this.#transactionId, unitId, this.#pdu, 0, length);
    // A denial may have closed it, or be about to, as a policy says.
    if (this.#session?.listens !== true) {
      this.close();
      this.#session = this.#open();
    }
    return this.#session.ask(this.#out.subarray(0, octets));
  }

  close(): void {
    if (this.#session !== null) this.#house.road.sessions.end(this.#session, "closedByPeer", "");
  }

  #open(): OwnSession {
    const { road, policy } = this.#house;
    const rights = new Rights(SUBJECT, policy, this.#asset, road.clock, road.ratesFor(SELF, this.#asset.name, policy));
    const device = this.#asset.device ?? new Device(road, this.#asset);
    if (this.#asset.device === null) device.open();
    const session = new OwnSession(
      road,
      road.sessions.nextId(),
      this.#asset,
      device,
      new Nowhere(),
      SELF,
      rights,
      null,
      road.clock.monotonic(),
    );
    session.yields = this.#yields;
    road.sessions.begin(session, null);
    return session;
  }
}

function answerIn({ protocol, site }: Asset, pdu: Uint8Array, frame: Uint8Array, { space, first, last }: Range, nowMs: number): OwnRead {
  const request = protocol.decode(pdu, 0, pdu.length);
  const framer = protocol.framer("device", site.link);
  framer.feed(frame);
  if (!request.ok || framer.next() !== "frame") return { is: "denied", code: "internal", rule: "default" };
  const matched = protocol.match(request.value, framer.octets, framer.pduAt, framer.pduLength);
  if (!matched.ok) return { is: "denied", code: "internal", rule: "default" };
  const exception = protocol.exceptionOf(matched.value);
  if (exception !== 0) return { is: "exception", code: exception };
  const cells = new Int32Array(last - first + 1).fill(-1);
  keepCells({ space, first, last, cells }, protocol.readings(request.value, matched.value));
  return { is: "read", cells, atMs: nowMs };
}

/** The exception that a reply passed on carries; 0: none. */
function exceptionIn({ protocol, site }: Asset, pdu: Uint8Array, frame: Uint8Array): number {
  const request = protocol.decode(pdu, 0, pdu.length);
  const framer = protocol.framer("device", site.link);
  framer.feed(frame);
  if (!request.ok || framer.next() !== "frame") return 0;
  const matched = protocol.match(request.value, framer.octets, framer.pduAt, framer.pduLength);
  return matched.ok ? protocol.exceptionOf(matched.value) : 0;
}

/** Ranges that touch as one, as far as one request holds them. */
export function joined(own: OwnReads, ranges: readonly Range[]): { readonly range: Range; readonly parts: readonly Range[] }[] {
  const sorted = [...ranges].sort((a, b) => a.unitId - b.unitId || a.space - b.space || a.first - b.first || a.last - b.last);
  const found: { range: Range; parts: readonly Range[] }[] = [];
  for (const each of sorted) {
    const before = found.at(-1);
    if (before !== undefined) {
      const { range } = before;
      const touches = range.unitId === each.unitId && range.space === each.space && each.first <= range.last + 1;
      const both = { ...range, last: Math.max(range.last, each.last) };
      if (touches && own.fits(both)) {
        found[found.length - 1] = { range: both, parts: [...before.parts, each] };
        continue;
      }
    }
    found.push({ range: each, parts: [each] });
  }
  return found;
}

/** What became of a request. */
interface Fate {
  /** Why the road did not pass it on; null: it did. */
  readonly denied: DenialCode | null;
  readonly rule: string;
  readonly dropped: boolean;
  /** Parts of the reply that were passed on as they came. */
  readonly parts: number;
  /** The answer as an operator would get it. */
  readonly frame: Uint8Array;
}

class OwnSession extends Session {
  #done: ((fate: Fate | "ended") => void) | null = null;

  ask(frame: Uint8Array): Promise<Fate | "ended"> {
    return new Promise((resolve) => {
      this.#done = resolve;
      (this.stream as Nowhere).over = () => resolve("ended");
      this.received(frame);
    });
  }

  /** What comes in parts goes on once somebody says that each came; no event is among them, for none was asked for. */
  override tell(frames: Uint8Array, length: number): void {
    super.tell(frames, length);
    queueMicrotask(() => this.#confirm());
  }

  #confirm(): void {
    const ticket = this.awaiting;
    if (ticket === null || this.ended !== null) return;
    const { protocol, site } = this.asset;
    const id = (ticket.transactionId + ticket.parts - 1) % protocol.transactions;
    const length = protocol.encodeConfirm(CONFIRM, 0, id, false);
    const octets = protocol.framer("device", site.link).frame(CONFIRM_FRAME, 0, id, ticket.unitId, CONFIRM, 0, length);
    this.received(CONFIRM_FRAME.subarray(0, octets));
  }

  override settle(ticket: Ticket): void {
    const rule = this.rights.policy.ruleName(ticket.decision?.rules[0] ?? -1);
    const fate = {
      denied: ticket.denied,
      rule,
      dropped: ticket.replyDropped,
      parts: ticket.parts,
      frame: ticket.answer.slice(0, ticket.answerLength),
    };
    super.settle(ticket);
    this.#done?.(fate);
  }
}

const CONFIRM = new Uint8Array(4);
const CONFIRM_FRAME = new Uint8Array(64);

/** The far end of the gateway's own session: what is said there has been heard already. */
class Nowhere implements ByteStream {
  readonly remoteAddress = SELF;
  readonly remotePort = 0;
  readonly queued = 0;
  over: (() => void) | null = null;

  start(): void {}
  write(): void {}
  pause(): void {}
  resume(): void {}

  end(): void {
    this.over?.();
  }

  destroy(): void {
    this.over?.();
  }
}
