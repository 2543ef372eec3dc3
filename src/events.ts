/**
 * Plain data that the road leaves behind: reasons, denial codes, records. Audit, telemetry, management and the console read it.
 * Nothing here decides, waits or writes.
 */

/** Whose fault it is (STYLE): each family has one default answer and one audit wording. */
export type Family = "malformed" | "unsupported" | "misbehaved" | "refused" | "fault";

/** Stable codes of a denied request. The word is the contract: it stands in records, cases, metrics and denial answers. */
export const DENIALS = {
  // malformed: not parseable as what it claims to be. One code per way it can be wrong; the decoder's own detail rides beside it.
  truncated: "malformed",
  trailing: "malformed",
  badQuantity: "malformed",
  badByteCount: "malformed",
  addressOverflow: "malformed",
  badCoilValue: "malformed",
  badPadding: "malformed",
  badReference: "malformed",
  badSubFunction: "malformed",
  badData: "malformed",
  badProtocolId: "malformed",
  badLength: "malformed",
  badFunction: "malformed",
  tooLong: "malformed",
  badCrc: "malformed",
  badStart: "malformed",
  badControl: "malformed",
  badQualifier: "malformed",
  badVariation: "malformed",
  badRange: "malformed",
  badSize: "malformed",
  badOrder: "malformed",
  badStatus: "malformed",
  badName: "malformed",
  duplicateIndex: "malformed",
  // unsupported: well formed, and unknown to us or to the rules by number.
  opaque: "unsupported",
  unknownObject: "unsupported",
  // misbehaved: well formed, wrong now.
  transactionReused: "misbehaved",
  unknownUnit: "misbehaved",
  broadcastRead: "misbehaved",
  queueFull: "misbehaved",
  wrongDestination: "misbehaved",
  wrongSource: "misbehaved",
  notSelected: "misbehaved",
  selectExpired: "misbehaved",
  tooManySelects: "misbehaved",
  timeNotOurs: "misbehaved",
  notYourFile: "misbehaved",
  notChallenged: "misbehaved",
  // refused: policy says no.
  never: "refused",
  forbidden: "refused",
  nothingAllows: "refused",
  empty: "refused",
  functionNotListed: "refused",
  viaNotListed: "refused",
  objectNotListed: "refused",
  fileNotListed: "refused",
  broadcastNotAllowed: "refused",
  outsideHours: "refused",
  stateNotMet: "refused",
  stale: "refused",
  rateExceeded: "refused",
  belowMinimum: "refused",
  aboveMaximum: "refused",
  notInSet: "refused",
  codeNotListed: "refused",
  countOutside: "refused",
  onTimeOutside: "refused",
  offTimeOutside: "refused",
  notEventOwner: "refused",
  replyRefused: "refused",
  stepTooLarge: "refused",
  tooManyChanges: "refused",
  factUnavailable: "refused",
  notANumber: "refused",
  ambiguousMask: "refused",
  split: "refused",
  readOnly: "refused",
  pointLimit: "refused",
  implausible: "refused",
  blocked: "refused",
  unauthenticated: "refused",
  sessionEnded: "refused",
  revocationStale: "refused",
  certificateExpired: "refused",
  // refused on the management port: commands are for persons, and some for the local socket alone.
  notAPerson: "refused",
  socketOnly: "refused",
  // fault: ours or the device's. An internal fault ends as a denial, never as an open gate.
  evidenceUnavailable: "fault",
  deviceUnreachable: "fault",
  deviceSilent: "fault",
  internal: "fault",
} as const satisfies Record<string, Family>;

export type DenialCode = keyof typeof DENIALS;

/**
 * Denied for what the site let lapse, not for what was asked: answered with exception 01 whatever `on_deny` says, and never held against the
 * sender, who goes on reading (RULINGS 18).
 */
export type Lapse = "revocationStale" | "certificateExpired" | "blocked";

export function isLapse(code: DenialCode): code is Lapse {
  return code === "revocationStale" || code === "certificateExpired" || code === "blocked";
}

/** Why a session was never opened, or ended. One stable word each; `refusal` words also name each negative certificate (issue: identity). */
export const SESSION_ENDS = [
  // never opened
  "noClientCertificate",
  "selfSigned",
  "unknownCa",
  "certificateExpired",
  "certificateNotYetValid",
  "certificateRevoked",
  "chainInvalid",
  "chainTooLong",
  "wrongKeyUsage",
  "weakKey",
  "noIdentity",
  "ambiguousIdentity",
  "badIdentity",
  "identityNotAllowedForCa",
  "roleNotAllowedForCa",
  "noRole",
  "twoRoles",
  "twoRoleExtensions",
  "roleExtensionMalformed",
  "roleEmpty",
  "roleOversize",
  "roleWrongType",
  "unknownRole",
  "sourceNotAllowed",
  "handshakeFailed",
  "handshakeTimeout",
  "tooManySessions",
  "tooManyConnections",
  // ended
  "closedByPeer",
  "closedByDenials",
  "closedByPolicy",
  "malformedFraming",
  "misbehaved",
  "idle",
  "slowReader",
  "roleLost",
  "endedByOperator",
  "siteChanged",
  "shutdown",
  "transportError",
  "internalFault",
] as const;
export type SessionEnd = (typeof SESSION_ENDS)[number];

/**
 * What became of a forwarded request. `indeterminate`: the device may or may not have acted; never retried by us. `pending`: it asks for a proof
 * first, and what became of it is told with that.
 */
export type Outcome =
  | "answered"
  | "exception"
  | "unknownException"
  | "indeterminate"
  | "pending"
  | "unacknowledged"
  | "notSent"
  | "unreachable"
  | "silent"
  | "malformedReply";

/** What the gate did with the request. */
export type Action = "forward" | "exception" | "drop" | "close";

/** Who is asking. Made once per session, never per message. */
export interface Subject {
  /** Typed and carrying its issuer: `spiffe:spiffe://plant.example/operator/alice`, `cn:alice@plant`, `source:10.10.5.7`, `self`. */
  readonly identity: string;
  /** What a person reads: `alice`. */
  readonly name: string;
  /** Sorted, at least one. */
  readonly roles: readonly string[];
  readonly kind: "person" | "machine";
  /** `certificate`, or `none` for a source-bound subject (RULINGS 14). */
  readonly assurance: "certificate" | "none";
  /** A source-bound subject may write Modbus only where its binding says `accept_unauthenticated: true`. */
  readonly mayWriteUnauthenticated: boolean;
}
