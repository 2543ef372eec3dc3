/**
 * What a protocol gives the gateway: frames out of bytes, meaning out of frames, an answer for a denial, and the test whether a reply
 * answers what was asked. The gateway knows no protocol but through this.
 */
import type { DenialCode } from "#events";
import type { Message, OpenFile, Operation, Reading, See, Straightened, Vocabulary } from "#operation";
import type { Result } from "#wire";

/** Addresses of a link layer that has some. */
export interface Link {
  readonly master: number;
  readonly outstation: number;
}

/** At which end of the gateway a stream is: the role of whoever is there comes from that, never from what it says of itself. */
export type End = "session" | "device";

/**
 * Frames in a byte stream, and onto it. After `next()` says "frame" the fields describe it until the following `next` or `feed`.
 *
 *     frame       a whole message
 *     more        octets are wanted
 *     broken      the stream cannot be read on
 *     answer      nothing but `answer`, which is owed to the far end's link layer
 *     passedOver  what stood there is no message and asks for no answer; `broken` says what it was
 */
export interface Framer {
  feed(chunk: Uint8Array): void;
  next(): "frame" | "more" | "broken" | "answer" | "passedOver";
  readonly octets: Uint8Array;
  readonly transactionId: number;
  readonly unitId: number;
  readonly pduAt: number;
  readonly pduLength: number;
  /** Why the stream cannot be read on. */
  readonly broken: { readonly kind: DenialCode } | DenialCode | null;
  /** Of a broken stream what stands where a frame should begin, the first 32 octets at most. */
  readonly brokenOctets: Uint8Array;
  /** What the far end's link layer is owed, whatever `next` said; empty: nothing. */
  readonly answer: Uint8Array;
  /** Write a whole message, framed, at `at`; returns its length in octets. */
  frame(target: Uint8Array, at: number, transactionId: number, unitId: number, pdu: Uint8Array, pduAt: number, pduLength: number): number;
}

/** A decoded request or reply; only the protocol looks inside. Views into the octets it was decoded from. */
export type Request = object;
export type Reply = object;

export interface Malformed {
  readonly kind: DenialCode;
}

/** What a reply says of how it goes on. */
export interface Part {
  readonly isFirst: boolean;
  readonly isLast: boolean;
  /** Whoever gets it is to say that it came; until then the device sends no more of it and forgets nothing. */
  readonly wantsConfirm: boolean;
  /** Nobody asked for it. */
  readonly unsolicited: boolean;
}

/** What hearing a frame in its place makes of it. */
export type Heard =
  /** To be judged. */
  | "request"
  /** The one before again, not yet answered: its answer comes once. */
  | "held"
  /** The one before again, answered: `Conversation.answer` is that answer, empty where it is not kept. */
  | "repeated"
  /** What was sent has come: `Conversation.confirmed`. */
  | "confirm"
  /** Nothing, and nothing is said to it. */
  | "ignored";

/** What one session's requests make of each other: a command follows its selection, a request asked twice acts once. */
export interface Conversation {
  hear(framer: Framer, now: number): Heard;
  readonly answer: Uint8Array;
  readonly confirmed: { readonly transactionId: number; readonly unsolicited: boolean };
  /**
   * May this be done now, and here? Asked once the policy has allowed it.
   *
   * @param wallMs  null: the clock is not to be trusted
   */
  objection(request: Request, transactionId: number, now: number, wallMs: number | null, ownsEvents: boolean): DenialCode | null;
  /** A request that arms the device was answered. @param armed it is armed */
  selected(request: Request, transactionId: number, armed: boolean, sentMs: number): void;
  /** The device asks for a proof before it does this. @returns false: it is no request that one gives proofs for */
  challenged(request: Request, transactionId: number): boolean;
  /** Does something wait for its proof? */
  readonly isChallenged: boolean;
  /** Of a request that brings such a proof: what it is for. Null: nothing waits for one, or this is none. */
  provenBy(request: Request): { readonly request: Request; readonly transactionId: number } | null;
  /** What the handle of a request stands for: a file this session opened. Null: for nothing, or it has none. */
  fileOf(request: Request): OpenFile | null;
  /**
   * A request was answered, and what it asked for is done. Handles come and go with it.
   *
   * @returns the handle that it gave; -1: none
   */
  replied(request: Request, reply: Reply): number;
  /** The device gave this handle to somebody else, or (null) was connected to anew: it may stand for another file now. */
  lost(handle: number | null): void;
  /** The last request was answered so; kept for the case that it is asked again. */
  answered(frames: Uint8Array, length: number): void;
  /** Does it still stand, what was selected? */
  isSelected(now: number): boolean;
}

/** What a denied request gets. `drop`: it is never answered. */
export type Answerable = "answer" | "drop" | "close";

export interface Protocol {
  readonly vocabulary: Vocabulary;
  /** Largest message without its frame, and with it, octets. */
  readonly pduLimit: number;
  readonly frameLimit: number;
  /** Transaction ids on one connection to a device: 0 up to one below. */
  readonly transactions: number;
  framer(end: End, link: Link | null): Framer;
  /** null: requests have nothing to do with each other. */
  conversation(isSecure: boolean): Conversation | null;
  /** Is a message to this unit id one to all units? */
  isBroadcast(unitId: number, unitZero: "broadcast" | "device"): boolean;
  /** The function code of a request; 0 when there is none. */
  functionCode(octets: Uint8Array, length: number): number;
  decode(octets: Uint8Array, at: number, length: number): Result<Request, Malformed>;
  /** What the request would do. @param file what its handle stands for; null: it has none, or for nothing */
  message(request: Request, unit: number, broadcast: boolean, file: OpenFile | null): Message;
  /** Of a message from a device; null: it is whole, and asks nothing. */
  part(octets: Uint8Array, at: number, length: number): Part | null;
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
  /** Does the device ask for a proof before it does what was asked? */
  isChallenge(reply: Reply): boolean;
  /** An exception code the standard does not name is passed on and recorded `unknownException`. */
  knownException(code: number): boolean;
  /** True for replies after which the device may or may not have acted (RULINGS 22). */
  leavesDoubt(exception: number): boolean;
  /** What a reply shows; a place that is shown without a value is unknown from now on. */
  readings(request: Request, reply: Reply): readonly Reading[];
  /** All that a reply tells of the process, events and doubtful values too, in its order. Nothing for one that refuses. */
  show(request: Request, reply: Reply, see: See): void;
  /** The same of what a device tells unasked; nothing where it is no such thing. */
  showTold(octets: Uint8Array, at: number, length: number, see: See): void;
  /** Write the PDU that reads these cells at `at`; returns its length in octets, 0 where no one request reads them. */
  encodeRead(target: Uint8Array, at: number, space: number, first: number, last: number): number;
  /** What something a device tells unasked is about, as taking these events; null: it is no such thing. */
  told(octets: Uint8Array, at: number, length: number, unit: number): readonly Operation[] | null;
  /** Make of it one that nobody is to confirm. */
  asCopy(octets: Uint8Array): void;
  /** Write the PDU that confirms a message of the device. 0: there is no such thing. */
  encodeConfirm(target: Uint8Array, at: number, transactionId: number, unsolicited: boolean): number;
  /**
   * Write a reply anew without the points that `keeps` does not, at `at`.
   *
   * @returns its length in octets (-1: there is no room), and how many points were left out; null: this protocol's replies tell what was asked alone
   */
  trim(
    reply: Reply,
    keeps: (verb: "read" | "events", object: number, space: number, first: number, last: number) => boolean,
    target: Uint8Array,
    at: number,
    limit: number,
  ): { readonly length: number; readonly dropped: number } | null;
  /** Does it hold something that must reach no record and no log (a password)? */
  isSecret(octets: Uint8Array, length: number): boolean;
  /** What people who know the device call a request that is kept as octets; for words only. null: nothing is known. */
  nameInside(octets: Uint8Array, at: number, length: number): string | null;
  /** Can the sender of such a request be told why it is not done? */
  answerable(octets: Uint8Array, length: number, unitId: number, code: DenialCode): Answerable;
  /**
   * Write the PDU that answers a denied request at `at`; returns its length in octets, 0 where nothing is said.
   *
   * @param stated  the exception code the policy states; 0: none
   */
  encodeDenial(target: Uint8Array, at: number, octets: Uint8Array, length: number, code: DenialCode, stated: number): number;
}
