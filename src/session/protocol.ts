/**
 * What a protocol gives the gateway: frames out of bytes, meaning out of frames, an answer for a denial, and the test whether a reply
 * answers what was asked. The gateway knows no protocol but through this.
 */
import type { DenialCode } from "#events";
import type { Message, Reading, Straightened, Vocabulary } from "#operation";
import type { Result } from "#wire";

/** Frames in a byte stream. After `next()` says "frame" the fields describe it until the following `next` or `feed`. */
export interface Framer {
  feed(chunk: Uint8Array): void;
  next(): "frame" | "more" | "broken";
  readonly octets: Uint8Array;
  readonly transactionId: number;
  readonly unitId: number;
  readonly pduAt: number;
  readonly pduLength: number;
  /** Why the stream cannot be read on. */
  readonly broken: { readonly kind: DenialCode } | DenialCode | null;
  /** Of a broken stream what stands where a frame should begin, the first 32 octets at most. */
  readonly brokenOctets: Uint8Array;
}

/** A decoded request or reply; only the protocol looks inside. Views into the octets it was decoded from. */
export type Request = object;
export type Reply = object;

export interface Malformed {
  readonly kind: DenialCode;
}

export interface Protocol {
  readonly vocabulary: Vocabulary;
  /** Largest frame, octets. */
  readonly frameLimit: number;
  framer(): Framer;
  decode(octets: Uint8Array, at: number, length: number): Result<Request, Malformed>;
  /** What the request would do. */
  message(request: Request, unit: number, broadcast: boolean): Message;
  /** Does this reply answer that request? The error is a stable word for the record. */
  match(request: Request, octets: Uint8Array, at: number, length: number): Result<Reply, { readonly kind: string }>;
  /** Habits in which a device's replies may stray from the standard's form and still be told for what they are (RULINGS 23), with words for a person. */
  readonly quirks: readonly { readonly name: string; readonly words: string }[];
  /**
   * For a reply that does not answer as it stands, or that carries another unit than was asked: does it in the standard's form? Null: no.
   *
   * @param asked  the unit the request was for
   * @param unit   the unit the reply carries
   */
  straighten(request: Request, asked: number, unit: number, octets: Uint8Array, at: number, length: number): Straightened<Reply> | null;
  /** The exception code of a reply, 0 for a normal one. */
  exceptionOf(reply: Reply): number;
  /** An exception code the standard does not name is passed on and recorded `unknownException`. */
  knownException(code: number): boolean;
  /** True for replies after which the device may or may not have acted (RULINGS 22). */
  leavesDoubt(exception: number): boolean;
  readings(request: Request, reply: Reply): readonly Reading[];
  /** Write the PDU that reads these cells at `at`; returns its length in octets, 0 where no one request reads them. */
  encodeRead(target: Uint8Array, at: number, space: number, first: number, last: number): number;
  /** What people who know the device call a request that is kept as octets; for words only. null: nothing is known. */
  nameInside(octets: Uint8Array, at: number, length: number): string | null;
  /** True when the function can be named in an exception reply at all. */
  canAnswer(functionCode: number): boolean;
  /** Write a whole frame (header and PDU) at `at`; returns its length in octets. */
  frame(target: Uint8Array, at: number, transactionId: number, unitId: number, pdu: Uint8Array, pduAt: number, pduLength: number): number;
  /** Write a whole exception frame at `at`; returns its length in octets. */
  exception(target: Uint8Array, at: number, transactionId: number, unitId: number, functionCode: number, code: number): number;
}
