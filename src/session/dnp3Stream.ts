/**
 * DNP3 link frames and transport segments at one end of the gateway. Towards masters the gateway is the outstation, towards the outstation it
 * is the master; neither end sees the other's link layer, transport sequence or application sequence (docs/adr/0019). What one end says of its
 * own role is never believed: the direction bit must fit the end it came in at.
 *
 *     octets ─▶ link frame ─▶ segment ─▶ fragment, its sequence taken out ─▶ road
 *                  └▶ link status, acknowledgements: answered here
 */

import { SEQUENCE } from "#dnp3/application";
import { addressClass, controlFault, DIR, encodeLink, FCB, LinkFramer, PRIMARY, PRM, SECONDARY } from "#dnp3/link";
import { encodeSegment, FRAGMENT_LIMIT, Reassembler, segmentsOf } from "#dnp3/transport";
import type { DenialCode } from "#events";
import type { End, Framer, Link } from "./protocol.ts";

/** Octets of the longest fragment, framed: eight full segments and a ninth. */
export const FRAMED_LIMIT = 9 * 292;
const SHOWN = 32;

export class Dnp3Stream implements Framer {
  octets: Uint8Array = NOTHING;
  transactionId = 0;
  unitId = 0;
  readonly pduAt = 0;
  pduLength = 0;
  broken: DenialCode | null = null;
  brokenOctets: Uint8Array = NOTHING;
  answer: Uint8Array = NOTHING;
  readonly #end: End;
  readonly #link: Link;
  readonly #frames = new LinkFramer("close");
  readonly #fragments = new Reassembler();
  /** A broadcast is another series than what is meant for this outstation. */
  readonly #broadcasts = new Reassembler();
  readonly #said = new Uint8Array(16);
  readonly #segment = new Uint8Array(250);
  /** Of the segments sent. */
  #sequence = 0;
  /** The far end reset its link, so its confirmed frames count; which FCB is next. */
  #isReset = false;
  #nextFcb = true;

  constructor(end: End, link: Link) {
    this.#end = end;
    this.#link = link;
  }

  feed(chunk: Uint8Array): void {
    this.#frames.feed(chunk);
  }

  next(): "frame" | "more" | "broken" | "answer" | "passedOver" {
    this.answer = NOTHING;
    for (;;) {
      const found = this.#frames.next();
      if (found === "more") return "more";
      if (found !== "frame") return this.#break(this.#frames.fault);
      const made = this.#take();
      if (made !== "nothing") return made;
    }
  }

  /** One link frame. `nothing`: the series goes on, or a secondary frame told nothing. */
  #take(): "frame" | "broken" | "answer" | "passedOver" | "nothing" {
    const { control, source, destination, dataLength } = this.#frames;
    const fromSession = this.#end === "session";
    const mine = fromSession ? this.#link.outstation : this.#link.master;
    const theirs = fromSession ? this.#link.master : this.#link.outstation;
    // Only a master broadcasts, and only to outstations.
    const isBroadcast = fromSession && addressClass(destination) === "broadcast";
    if (source !== theirs) return this.#break("wrongSource");
    if (destination !== mine && !isBroadcast) return this.#break("wrongDestination");
    if (((control & DIR) !== 0) !== fromSession) return this.#passOver("badControl");
    if (controlFault(control, dataLength) !== null) return this.#passOver("badControl");
    const code = control & 0x0f;
    if ((control & PRM) === 0) return "nothing";
    if (isBroadcast && code !== PRIMARY.unconfirmedUserData) return this.#passOver("badControl");
    switch (code) {
      case PRIMARY.unconfirmedUserData:
        return this.#segmented(destination, isBroadcast);
      case PRIMARY.confirmedUserData:
        return this.#confirmed(destination, control);
      case PRIMARY.requestLinkStatus:
        return this.#reply(SECONDARY.linkStatus);
      case PRIMARY.resetLinkStates:
        this.#isReset = true;
        this.#nextFcb = true;
        return this.#reply(SECONDARY.ack);
      case PRIMARY.testLinkStates:
        if (!this.#isReset) return this.#reply(SECONDARY.nack);
        if (((control & FCB) !== 0) === this.#nextFcb) this.#nextFcb = !this.#nextFcb;
        return this.#reply(SECONDARY.ack);
      default:
        // RESET_USER_PROCESS is obsolete, and nothing is reset by it here.
        return this.#reply(SECONDARY.notSupported);
    }
  }

  /** Acknowledged once it is taken; the frame before again is acknowledged and not taken twice. */
  #confirmed(destination: number, control: number): "frame" | "broken" | "answer" | "passedOver" | "nothing" {
    if (!this.#isReset) return this.#reply(SECONDARY.nack);
    if (((control & FCB) !== 0) !== this.#nextFcb) return this.#reply(SECONDARY.ack);
    this.#nextFcb = !this.#nextFcb;
    this.#reply(SECONDARY.ack);
    const made = this.#segmented(destination, false);
    return made === "nothing" ? "answer" : made;
  }

  #segmented(destination: number, isBroadcast: boolean): "frame" | "passedOver" | "nothing" {
    const reassembler = isBroadcast ? this.#broadcasts : this.#fragments;
    const taken = reassembler.take(this.#frames.data, 0, this.#frames.dataLength);
    if (taken === "more" || taken === "repeated") return "nothing";
    if (taken !== "fragment") return this.#passOver(taken === "tooLong" ? "tooLong" : "badOrder");
    // Whoever hears it may find that it is no message.
    this.broken = null;
    this.#show();
    this.octets = reassembler.octets;
    this.pduLength = reassembler.length;
    this.unitId = this.#end === "session" ? destination : this.#link.outstation;
    this.transactionId = reassembler.length > 0 ? (this.octets[0] as number) & SEQUENCE : 0;
    // The sequence is ours on the other side.
    if (reassembler.length > 0) this.octets[0] = (this.octets[0] as number) & ~SEQUENCE;
    return "frame";
  }

  #reply(code: number): "answer" {
    const control = (this.#end === "session" ? 0 : DIR) | code;
    const length = encodeLink(this.#said, 0, control, this.#theirs, this.#mine, NOTHING, 0, 0);
    this.answer = this.#said.subarray(0, length);
    return "answer";
  }

  #passOver(code: DenialCode): "passedOver" {
    this.broken = code;
    this.#show();
    return "passedOver";
  }

  /** The link frame at hand. */
  #show(): void {
    this.brokenOctets = this.#frames.octets.subarray(0, Math.min(SHOWN, this.#frames.length));
  }

  #break(code: DenialCode): "broken" {
    this.#passOver(code);
    return "broken";
  }

  get #mine(): number {
    return this.#end === "session" ? this.#link.outstation : this.#link.master;
  }

  get #theirs(): number {
    return this.#end === "session" ? this.#link.master : this.#link.outstation;
  }

  frame(target: Uint8Array, at: number, transactionId: number, unitId: number, pdu: Uint8Array, pduAt: number, pduLength: number): number {
    const first = pdu[pduAt] as number;
    pdu[pduAt] = (first & ~SEQUENCE) | (transactionId & SEQUENCE);
    const control = (this.#end === "session" ? 0 : DIR) | PRM | PRIMARY.unconfirmedUserData;
    const destination = this.#end === "device" && addressClass(unitId) === "broadcast" ? unitId : this.#theirs;
    let to = at;
    const segments = segmentsOf(pduLength);
    for (let i = 0; i < segments; i++) {
      const length = encodeSegment(this.#segment, 0, pdu, pduAt, pduLength, i, this.#sequence);
      to += encodeLink(target, to, control, destination, this.#mine, this.#segment, 0, length);
    }
    this.#sequence = (this.#sequence + segments) & 0x3f;
    pdu[pduAt] = first;
    return to - at;
  }
}

const NOTHING = new Uint8Array(0);
export const DNP3_PDU_LIMIT = FRAGMENT_LIMIT;
