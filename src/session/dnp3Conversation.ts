/** What one master's requests make of each other: retransmissions, confirms, selections (RULINGS 35, 36). */

import { isAggressive, spanAsked, spanOf } from "#dnp3/aggressive";
import { CON, decodeFragment, FIN, FIR, type Fragment, REQUEST_HEADER, UNS } from "#dnp3/application";
import { BAD_NAME, fileRequestOf, openedHandle } from "#dnp3/files";
import { FUNCTION } from "#dnp3/functions";
import { eachItem, fieldOf } from "#dnp3/items";
import { addressClass } from "#dnp3/link";
import { FRAGMENT_LIMIT } from "#dnp3/transport";
import type { DenialCode } from "#events";
import type { OpenFile } from "#operation";
import { copyOctets, sameOctets } from "#wire";
import { FRAMED_LIMIT } from "./dnp3Stream.ts";
import type { Conversation, Framer, Heard } from "./protocol.ts";
import { Selection } from "./selection.ts";

/** A time that is written must be this near to ours, milliseconds (RULINGS 36). */
const CLOCK_MS = 2_000;

export class Dnp3Conversation implements Conversation {
  readonly confirmed = { transactionId: 0, unsolicited: false };
  answer: Uint8Array = NOTHING;
  readonly #selection = new Selection(FRAGMENT_LIMIT);
  /** The request before, its sequence apart. */
  readonly #last = new Uint8Array(FRAGMENT_LIMIT);
  #lastLength = -1;
  #lastSequence = 0;
  /** Where it was sent: to the outstation, or to all of them. */
  #lastUnit = 0;
  #isAnswered = false;
  /** What the outstation wants a proof for. */
  #challenged: { readonly request: object; readonly transactionId: number } | null = null;
  /** By handle, those this session has opened (RULINGS 37). */
  readonly #files = new Map<number, OpenFile>();
  readonly #frames = new Uint8Array(FRAMED_LIMIT);
  #framesLength = 0;
  /** The outstation knows secure authentication. One that does not may take what stands in the proof for something else. */
  readonly #isSecure: boolean;

  constructor(isSecure: boolean) {
    this.#isSecure = isSecure;
  }

  hear(framer: Framer, _now: number): Heard {
    const { octets, pduAt, pduLength, transactionId, unitId } = framer;
    const isBroadcast = addressClass(unitId) === "broadcast";
    if (pduLength < REQUEST_HEADER) return "ignored";
    const control = octets[pduAt] as number;
    const code = octets[pduAt + 1] as number;
    // A request is whole and not unsolicited; what is not gets no answer, not even that it is wrong (IEEE 1815-2012 clause 4.2.2).
    if ((control & (FIR | FIN)) !== (FIR | FIN)) return "ignored";
    if (code === FUNCTION.confirm) {
      if (pduLength !== REQUEST_HEADER || (control & CON) !== 0 || isBroadcast) return "ignored";
      this.confirmed.transactionId = transactionId;
      this.confirmed.unsolicited = (control & UNS) !== 0;
      return "confirm";
    }
    if ((control & UNS) !== 0 || code >= FUNCTION.response) return "ignored";
    if (unitId === this.#lastUnit && this.#isLast(octets, pduAt, pduLength, transactionId)) {
      if (!this.#isAnswered) return "held";
      this.answer = this.#frames.subarray(0, this.#framesLength);
      return "repeated";
    }
    copyOctets(octets, pduAt, this.#last, 0, pduLength);
    this.#lastLength = pduLength;
    this.#lastSequence = transactionId;
    this.#lastUnit = unitId;
    this.#isAnswered = false;
    this.#framesLength = 0;
    if (code === FUNCTION.authenticationRequest) return "request";
    this.#challenged = null;
    // Whatever becomes of it, be it malformed: what does not carry out the selection ends it.
    const { at, length } = spanOf(octets, pduAt, pduLength);
    if (code !== FUNCTION.operate || isBroadcast || !this.#selection.isNext(octets, at, length, transactionId)) this.#selection.cancel();
    return "request";
  }

  #isLast(octets: Uint8Array, at: number, length: number, sequence: number): boolean {
    return sequence === this.#lastSequence && length === this.#lastLength && sameOctets(octets, at, this.#last, 0, length);
  }

  objection(request: object, transactionId: number, now: number, wallMs: number | null, ownsEvents: boolean): DenialCode | null {
    const fragment = request as Fragment;
    const { code } = fragment.row;
    if (code === FUNCTION.operate) {
      const { at, length } = spanAsked(fragment);
      return this.#selection.operate(fragment.octets, at, length, transactionId, now);
    }
    // Who knows what the device takes it for? It may wait for one that we have not seen.
    if (isProof(fragment) && this.provenBy(fragment) === null) return "notChallenged";
    const handle = handleOf(fragment);
    if (handle >= 0 && !this.#files.has(handle)) return "notYourFile";
    if (!this.#isSecure && isAggressive(fragment)) return "unknownObject";
    if (!ownsEvents && isOwners(fragment)) return "notEventOwner";
    return code === FUNCTION.write && !isTimely(fragment, wallMs) ? "timeNotOurs" : null;
  }

  selected(request: object, transactionId: number, armed: boolean, sentMs: number): void {
    const { octets, at, length } = request as Fragment;
    // Whatever was asked meanwhile has ended it.
    const isLast = this.#challenged?.request === request || this.#isLast(octets, at, length, transactionId);
    if (!armed || !isLast) {
      this.#selection.cancel();
      return;
    }
    // Who asks, and the proof of it, are others with each request; what was selected is what stands between them.
    const asked = spanAsked(request as Fragment);
    this.#selection.select(octets, asked.at, asked.length, transactionId, sentMs);
  }

  answered(frames: Uint8Array, length: number): void {
    this.#isAnswered = true;
    this.#framesLength = Math.min(length, this.#frames.length);
    copyOctets(frames, 0, this.#frames, 0, this.#framesLength);
  }

  challenged(request: object, transactionId: number): boolean {
    const { octets, at, length, row } = request as Fragment;
    // Talk about keys is answered so as well, and asks for no proof.
    if (row.code === FUNCTION.authenticationRequest || row.code === FUNCTION.authenticationRequestNoAck) return false;
    // Its octets are a slot's, which others will have by the time the proof comes.
    const copy = decodeFragment(octets.slice(at, at + length), 0, length);
    this.#challenged = copy.ok ? { request: copy.value, transactionId } : null;
    return copy.ok;
  }

  get isChallenged(): boolean {
    return this.#challenged !== null;
  }

  provenBy(request: object): { readonly request: object; readonly transactionId: number } | null {
    const fragment = request as Fragment;
    return fragment.row.code === FUNCTION.authenticationRequest && isProof(fragment) ? this.#challenged : null;
  }

  fileOf(request: object): OpenFile | null {
    const handle = handleOf(request as Fragment);
    return handle < 0 ? null : (this.#files.get(handle) ?? null);
  }

  replied(request: object, reply: object): number {
    const fragment = request as Fragment;
    const { code } = fragment.row;
    if (code === FUNCTION.closeFile || code === FUNCTION.abortFile) this.#files.delete(handleOf(fragment));
    if (code !== FUNCTION.openFile) return -1;
    const handle = openedHandle(reply as Fragment);
    const [header] = fragment.headers;
    const asked = header === undefined ? null : fileRequestOf(fragment, header);
    if (handle < 0 || asked === null || asked === BAD_NAME || asked.name === null) return -1;
    this.#files.set(handle, { name: asked.name, writes: asked.act === "openForWriting" });
    const [oldest] = this.#files.keys();
    if (this.#files.size > MOST_FILES && oldest !== undefined) this.#files.delete(oldest);
    return handle;
  }

  lost(handle: number | null): void {
    if (handle === null) this.#files.clear();
    else this.#files.delete(handle);
  }

  isSelected(now: number): boolean {
    return this.#selection.stands(now);
  }
}

const NOTHING = new Uint8Array(0);
const AUTHENTICATION = 120;
/** What proves it: the reply to a challenge. */
const REPLY = 2;
/** Open at once by one session; devices have fewer. */
const MOST_FILES = 64;

/** Does it answer a challenge? */
function isProof({ row, headers }: Fragment): boolean {
  const isAuthentication = row.code === FUNCTION.authenticationRequest || row.code === FUNCTION.authenticationRequestNoAck;
  return isAuthentication && headers.some(({ group, variation }) => group === AUTHENTICATION && variation === REPLY);
}

/** Of the first header that has one; -1: none has. */
function handleOf(fragment: Fragment): number {
  for (const header of fragment.headers) {
    if (header.entry.kind !== "file" || !header.hasData) continue;
    const asked = fileRequestOf(fragment, header);
    if (asked !== null && asked !== BAD_NAME && asked.handle >= 0) return asked.handle;
  }
  return -1;
}

/** Events, whether they come unasked, and the indications are one identity's (RULINGS 34). */
function isOwners({ row, headers }: Fragment): boolean {
  if (row.code === FUNCTION.enableUnsolicited || row.code === FUNCTION.disableUnsolicited) return true;
  if (row.code !== FUNCTION.read && row.code !== FUNCTION.write) return false;
  return headers.some(
    ({ entry }) =>
      entry.kind === "event" ||
      (entry.kind === "class" && entry.variation > 1) ||
      (entry.kind === "indications" && row.code === FUNCTION.write),
  );
}

function isTimely(fragment: Fragment, wallMs: number | null): boolean {
  let timely = true;
  for (const header of fragment.headers) {
    if (header.entry.kind !== "time") continue;
    eachItem(fragment, header, ({ at }) => {
      const time = fieldOf(fragment.octets, header, at, "time");
      timely &&= time === undefined || (wallMs !== null && Math.abs(time - wallMs) <= CLOCK_MS);
    });
  }
  return timely;
}
