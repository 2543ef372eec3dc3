/** DNP3 as the gateway sees it: the codec's functions behind the protocol port. */

import { encodeConfirm, encodeDenial, IIN1, IIN2, STATUS } from "#dnp3/answers";
import { CON, decodeFragment, FIN, FIR, type Fragment, UNS } from "#dnp3/application";
import { FUNCTION, functionRow } from "#dnp3/functions";
import { addressClass } from "#dnp3/link";
import { objectionOf } from "#dnp3/objections";
import { entryOf } from "#dnp3/objects/index";
import { operationsOf } from "#dnp3/operations";
import { isMixed, matchReply, NOT_DONE, readingsOf, statusOf, toldBy } from "#dnp3/replies";
import { showAll } from "#dnp3/shown";
import { SPACES, staticGroupOf } from "#dnp3/spaces";
import { trimReply } from "#dnp3/trim";
import { dnp3Vocabulary } from "#dnp3/vocabulary";
import { DENIALS, type DenialCode } from "#events";
import { err, ok, putU16le } from "#wire";
import { Dnp3Conversation } from "./dnp3Conversation.ts";
import { DNP3_PDU_LIMIT, Dnp3Stream, FRAMED_LIMIT } from "./dnp3Stream.ts";
import type { Protocol } from "./protocol.ts";

/** Said of a reply that has no control status but says in its indications that it was not done. */
const INDICATED = 0x100;
/** Said of a reply of which some commands were carried out and some not. */
const MIXED = 0x200;

/** INVARIANT: the requests and replies handed in are those this protocol decoded, so they are DNP3 fragments. */
export const dnp3Tcp: Protocol = {
  vocabulary: dnp3Vocabulary,
  pduLimit: DNP3_PDU_LIMIT,
  frameLimit: FRAMED_LIMIT,
  transactions: 16,
  framer(end, link) {
    if (link === null) throw new Error("a DNP3 asset without link addresses");
    return new Dnp3Stream(end, link);
  },
  conversation: (isSecure) => new Dnp3Conversation(isSecure),
  isBroadcast: (unitId) => addressClass(unitId) === "broadcast",
  functionCode: (octets, length) => (length > 1 ? (octets[1] as number) : 0),
  decode(octets, at, length) {
    const decoded = decodeFragment(octets, at, length);
    if (!decoded.ok) return decoded;
    const fault = decoded.value.fault ?? objectionOf(decoded.value);
    return fault === null ? ok(decoded.value) : err({ kind: fault });
  },
  message: (request, unit, broadcast, file) => operationsOf(request as Fragment, unit, broadcast, file),
  part(octets, at, length) {
    const control = length > 0 ? (octets[at] as number) : 0;
    const unsolicited = length > 1 && octets[at + 1] === FUNCTION.unsolicitedResponse;
    const isFirst = (control & FIR) !== 0;
    const isLast = (control & FIN) !== 0;
    const wantsConfirm = (control & CON) !== 0;
    if (isFirst && isLast && !wantsConfirm && !unsolicited && (control & UNS) === 0) return null;
    return { isFirst, isLast, wantsConfirm, unsolicited };
  },
  match: (request, octets, at, length) => matchReply(request as Fragment, octets, at, length),
  quirks: [],
  straighten: () => null,
  exceptionOf(reply) {
    const fragment = reply as Fragment;
    const status = statusOf(fragment);
    if (status !== 0) return isMixed(fragment) ? MIXED | status : status;
    const indications = (fragment.iin >> 8) & NOT_DONE;
    return indications === 0 ? 0 : INDICATED | indications;
  },
  isChallenge: (reply) => (reply as Fragment).row.code === FUNCTION.authenticationResponse,
  knownException: (code) => code >= INDICATED || code <= LAST_STATUS || code === UNDEFINED_STATUS,
  leavesDoubt: (exception) => exception >= MIXED || DOUBTFUL.includes(exception),
  readings: (_, reply) => readingsOf(reply as Fragment),
  show: (_, reply, see) => showAll(reply as Fragment, see),
  showTold(octets, at, length, see) {
    const decoded = decodeFragment(octets, at, length);
    if (decoded.ok && decoded.value.fault === null && decoded.value.row.code === FUNCTION.unsolicitedResponse) showAll(decoded.value, see);
  },
  encodeRead(target, at, space, first, last) {
    const group = SPACES[space]?.process === true ? staticGroupOf(space) : undefined;
    const stride = SPACES[space]?.stride ?? 1;
    if (group === undefined) return 0;
    target[at] = FIR | FIN;
    target[at + 1] = FUNCTION.read;
    target[at + 2] = group;
    // Flags must come with it: a value without quality is no fact. Counters and analogs are told as the device likes best.
    target[at + 3] = stride === 1 ? 2 : 0;
    target[at + 4] = TWO_OCTET_RANGE;
    putU16le(target, at + 5, Math.floor(first / stride));
    putU16le(target, at + 7, Math.floor(last / stride));
    return 9;
  },
  told(octets, at, length, unit) {
    const decoded = decodeFragment(octets, at, length);
    if (!decoded.ok || decoded.value.fault !== null || decoded.value.row.code !== FUNCTION.unsolicitedResponse) return null;
    return toldBy(decoded.value, unit);
  },
  asCopy(octets) {
    octets[0] = (octets[0] as number) & ~CON;
  },
  encodeConfirm,
  trim(reply, keeps, target, at, limit) {
    const keepsObject = (object: number, space: number, first: number, last: number): boolean =>
      keeps(entryOf(object >> 8, object & 0xff)?.kind === "event" ? "events" : "read", object, space, first, last);
    return trimReply(reply as Fragment, keepsObject, target, at, limit);
  },
  isSecret: (octets, length) => (length > 1 && octets[1] === FUNCTION.authenticateFile) || mayHoldPassword(octets, length),
  nameInside: () => null,
  answerable(octets, length, unitId, code) {
    if (code === "transactionReused") return "close";
    // A master hears no more of a device that is away than it would without us: its own timeout tells it.
    if (code === "deviceUnreachable" || code === "deviceSilent" || code === "badControl") return "drop";
    if (length < 2 || addressClass(unitId) === "broadcast") return "drop";
    return functionRow(octets[1] as number).silent ? "drop" : "answer";
  },
  encodeDenial(target, at, octets, length, code) {
    const [status, iin1, iin2] = answerFor(code);
    return encodeDenial(target, at, octets, length, status, iin1, iin2);
  },
};

const TWO_OCTET_RANGE = 0x01;
const LAST_STATUS = 18;
const UNDEFINED_STATUS = 127;
/** Hardware error, downstream failure, undefined: it may have begun. */
const DOUBTFUL: readonly number[] = [STATUS.hardwareError, 18, UNDEFINED_STATUS];

/** Status of commands, and the indications of everything else. */
function answerFor(code: DenialCode): readonly [status: number, iin1: number, iin2: number] {
  switch (code) {
    case "notSelected":
      return [STATUS.noSelect, 0, IIN2.parameterError];
    case "selectExpired":
      return [STATUS.timeout, 0, IIN2.parameterError];
    case "tooManySelects":
      return [STATUS.tooManyOperations, 0, IIN2.alreadyExecuting];
    case "queueFull":
      return [STATUS.tooManyOperations, 0, IIN2.alreadyExecuting];
    case "blocked":
      return [STATUS.blocked, 0, IIN2.noFunction];
    case "evidenceUnavailable":
      return [STATUS.automationInhibit, IIN1.deviceTrouble, IIN2.noFunction];
    case "internal":
      return [STATUS.hardwareError, IIN1.deviceTrouble, IIN2.noFunction];
    case "unknownObject":
    case "objectNotListed":
      return [STATUS.notAuthorized, 0, IIN2.unknownObject];
    case "badFunction":
      return [STATUS.notAuthorized, 0, IIN2.noFunction];
    case "timeNotOurs":
      return [STATUS.notAuthorized, 0, IIN2.parameterError];
    default:
      return DENIALS[code] === "malformed" ? [STATUS.formatError, 0, IIN2.parameterError] : [STATUS.notAuthorized, 0, IIN2.noFunction];
  }
}

/** Do the two octets stand anywhere that begin g70v2? What else has them keeps its octets to itself, too. */
function mayHoldPassword(octets: Uint8Array, length: number): boolean {
  for (let i = 2; i + 1 < length; i++) if (octets[i] === 70 && octets[i + 1] === 2) return true;
  return false;
}
