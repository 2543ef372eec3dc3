/** What can be wrong with a PDU or a frame. The words are denial codes (src/events.ts); the errors are made once, so that a flood of bad octets allocates nothing. */
import { err } from "#wire";

export type MalformedKind =
  | "truncated"
  | "trailing"
  | "tooLong"
  | "badFunction"
  | "badSubFunction"
  | "badQuantity"
  | "badByteCount"
  | "addressOverflow"
  | "badCoilValue"
  | "badPadding"
  | "badReference"
  | "badData";

export interface Malformed {
  readonly kind: MalformedKind;
}

/** How a well-formed reply can fail to answer its request. */
export type MismatchKind =
  | "functionMismatch"
  | "subFunctionMismatch"
  | "addressMismatch"
  | "quantityMismatch"
  | "valueMismatch"
  | "maskMismatch"
  | "groupMismatch"
  | "accessMismatch"
  | "objectMismatch"
  | "noReplyExpected";

export const TRUNCATED = err<Malformed>({ kind: "truncated" });
export const TRAILING = err<Malformed>({ kind: "trailing" });
export const TOO_LONG = err<Malformed>({ kind: "tooLong" });
export const BAD_FUNCTION = err<Malformed>({ kind: "badFunction" });
export const BAD_QUANTITY = err<Malformed>({ kind: "badQuantity" });
export const BAD_BYTE_COUNT = err<Malformed>({ kind: "badByteCount" });
export const ADDRESS_OVERFLOW = err<Malformed>({ kind: "addressOverflow" });
export const BAD_COIL_VALUE = err<Malformed>({ kind: "badCoilValue" });
export const BAD_PADDING = err<Malformed>({ kind: "badPadding" });
export const BAD_REFERENCE = err<Malformed>({ kind: "badReference" });
export const BAD_DATA = err<Malformed>({ kind: "badData" });

/** A body of exactly `want` octets: anything else is one of the two ways a length can be wrong. */
export function wrongLength(length: number, want: number): typeof TRUNCATED {
  return length < want ? TRUNCATED : TRAILING;
}
