/**
 * A denial in the words of the plant, for the sender's log, the record and the console:
 *
 *     denied alice@boiler-1: write holding 40 (feed_setpoint) = 81.2 t/h is above 40; rule operator/feed-setpoint (policy.yaml:31)
 *            who   asset     what was asked, as the asset's documents write it   why        the rule, or `default`
 */
import { visible } from "#documents/escape";
import type { DenialCode, Subject } from "#events";
import { DENIALS } from "#events";
import { isWriting, type Operation, type Space, type Vocabulary } from "#operation";
import { formatAddress, formatAddresses } from "#process/addressing";
import { compareDecimals, formatDecimal, parseDecimal } from "#process/decimal";
import type { AssetModel, Decimal, Point } from "#process/points";
import { decodePoint } from "#process/values";
import { f64be } from "#wire";
import type { Decision } from "./decision.ts";
import type { ControlLimits, Rate, Rule } from "./model.ts";
import { VIA_WORDS } from "./schema.ts";
import { type Cells, cellAt } from "./shape.ts";

export interface Denial {
  readonly subject: Pick<Subject, "name">;
  readonly asset: AssetModel;
  readonly vocabulary: Vocabulary;
  readonly operations: readonly Operation[];
  readonly decision: Decision;
  /** The rule that denied, or came nearest; null where none did. */
  readonly rule: Rule | null;
  /** Nobody knows what time it is. */
  readonly timeless?: boolean;
}

/** One line, safe to print anywhere. */
export function sayDenial(denial: Denial): string {
  const { subject, asset, rule } = denial;
  const because = rule === null ? "default" : `rule ${rule.id} (${fileName(rule.file)}:${rule.line})`;
  return visible(`denied ${subject.name}@${asset.name}: ${sayRequest(denial)}; ${because}`);
}

/** `6/min`, `60/s`, `5/90s`. */
export function sayRate({ count, windowMs }: Rate): string {
  const unit = WINDOWS.find(([ms]) => ms === windowMs);
  if (unit !== undefined) return `${count}/${unit[1]}`;
  return windowMs % 1000 === 0 ? `${count}/${windowMs / 1000}s` : `${count}/${windowMs}ms`;
}

const WINDOWS = [
  [1_000, "s"],
  [60_000, "min"],
  [3_600_000, "h"],
  [86_400_000, "d"],
] as const;

function sayRequest(denial: Denial): string {
  const { decision, operations } = denial;
  const code = decision.code ?? "internal";
  const operation = operations[decision.operation];
  if (DENIALS[code] === "malformed") return `the request is malformed (${code})`;
  if (operation === undefined) return ASKS_NOTHING[code] ?? `the request is denied (${code})`;
  return `${sayWhat(denial, operation)} ${sayWhy(denial, operation, code)}`;
}

/** Of a request that came to no operation. */
const ASKS_NOTHING: Partial<Record<DenialCode, string>> = {
  empty: "the request asks for nothing",
  transactionReused: "the request has the transaction id of one that is still open",
  queueFull: "the request came while too many others wait",
  evidenceUnavailable: "the request cannot be recorded, and what is not recorded is not done",
  deviceUnreachable: "the device cannot be reached",
  deviceSilent: "the device does not answer",
  notEventOwner: "the request is the event owner's alone",
  notSelected: "the OPERATE does not follow its SELECT with the next sequence and the same octets",
  selectExpired: "the OPERATE came later than two seconds after its SELECT",
  tooManySelects: "the SELECT is one too many: three were never operated",
  timeNotOurs: "the time is not within two seconds of the gateway's, or that is suspect",
  sessionEnded: "the session has ended",
  internal: "the gateway failed to judge the request",
};

/** `write holding 40 (feed_setpoint) = 81.2 t/h`, `broadcast write unit 3 coil 7 = 1`, `control by function 8/4 (forceListenOnlyMode)`. */
function sayWhat({ asset, vocabulary, decision, rule }: Denial, operation: Operation): string {
  const verb = `${operation.broadcast ? "broadcast " : ""}${operation.verb}`;
  const space = vocabulary.spaces[decision.space];
  if (space === undefined || decision.address < 0) return `${verb} by ${sayFunction(vocabulary, operation.function)}`;
  const unit = asset.units.length === 1 && asset.units[0] === decision.unit ? "" : `unit ${decision.unit} `;
  const point = asset.points[decision.point];
  const place = point === undefined ? formatAddress(asset.addressing, space, decision.address) : sayPlace(asset, space, point);
  if (operation.target.at === "name") return `${verb} file ${operation.target.name}`;
  const said = `${verb} ${unit}${space.name} ${place}`;
  if (operation.control !== null) return `${said} ${sayCode(vocabulary, operation.control.code)}`;
  if (space.stride > 1 && point === undefined) return `${said}${sayNumber(operation, decision)}`;
  const value = isRaw(decision.code, rule) ? sayRaw(operation, decision, point ?? null) : sayValue(operation, decision, point ?? null);
  return `${said}${value === null ? "" : ` = ${value}`}`;
}

/** A number where no point has a name: a double in its cells. */
function sayNumber({ target, values }: Operation, { address }: Decision): string {
  if (target.at !== "range" || values.is !== "cells") return "";
  return ` = ${f64be(values.octets, values.at + 2 * (address - target.first))}`;
}

function sayCode({ controlCodes }: Vocabulary, code: number): string {
  return Object.keys(controlCodes).find((word) => controlCodes[word] === code) ?? `code 0x${code.toString(16).padStart(2, "0")}`;
}

/** `40 (feed_setpoint)`, `40-41 (flow)`, `40.3 (burner_enable)`. */
function sayPlace(asset: AssetModel, space: Space, point: Point): string {
  const addresses = formatAddresses(asset.addressing, space, point.first, point.last);
  return `${addresses}${point.bit === null ? "" : `.${point.bit}`} (${point.name})`;
}

/** 6, 43/14: as policy and standard write it; and its name. */
function sayFunction(vocabulary: Vocabulary, number: number): string {
  const code = number & 0xff;
  const sub = number >> 8;
  const name = vocabulary.nameOf(number);
  const text = sub === 0 ? String(code) : `${code}/${sub}`;
  return name === `function ${text}` ? name : `function ${text} (${name})`;
}

/** The written value in engineering units, with its unit; of a masked write the mask; null where nothing or only a part was written. */
function sayValue({ verb, target, values }: Operation, { address, code }: Decision, point: Point | null): string | null {
  if (!isWriting(verb) || target.at !== "range" || values.is !== "cells" || code === "split") return null;
  const isOwnBit = point?.type === "bit" && (values.keep & (1 << (point.bit ?? 0))) === 0;
  if (values.keep !== 0 && (!isOwnBit || code === "ambiguousMask")) {
    return `${hex(cellAt(values, address - target.first))} under mask ${hex(values.keep)}`;
  }
  if (point === null) return String(cellAt(values, address - target.first));
  if (point.first < target.first || point.last > target.last) return null;
  const { text } = shownValue(point, values, target.first);
  return point.unit === "" ? text : `${text} ${point.unit}`;
}

/** The words of the value as they travel, each by itself. */
function sayRaw(operation: Operation, decision: Decision, point: Point | null): string | null {
  const { target, values } = operation;
  if (point === null || point.first === point.last || target.at !== "range" || values.is !== "cells")
    return sayValue(operation, decision, null);
  const words: number[] = [];
  for (let address = point.first; address <= point.last; address++) words.push(cellAt(values, address - target.first));
  return words.join(" ");
}

function shownValue(point: Point, cells: Cells, first: number): { readonly text: string } {
  return decodePoint(point, cells.octets, cells.at, point.first - first);
}

function sayWhy(denial: Denial, operation: Operation, code: DenialCode): string {
  const { asset, vocabulary, decision, rule, subject } = denial;
  const values = rule?.values ?? null;
  const point = asset.points[decision.point] ?? null;
  const raw = !isRaw(code, rule) || point === null ? "" : point.first === point.last ? " as a raw word" : " as raw words";
  switch (code) {
    case "belowMinimum":
      return `is below ${decimal(values?.min)}${raw}${masked(operation)}`;
    case "aboveMaximum":
      return `is above ${decimal(values?.max)}${raw}${masked(operation)}`;
    case "notInSet":
      return `is none of ${list(values?.set ?? [])}${raw}${masked(operation)}`;
    case "stepTooLarge":
      return `is a step of more than ${decimal(values?.maxStep)}${raw === "" ? unitOf(point) : raw} from the present value`;
    case "factUnavailable":
      return "depends on what stands there, and the device did not tell it";
    case "tooManyChanges":
      return `is one change too many: at most ${rate(values?.maxChanges)}, whoever makes them`;
    case "pointLimit":
      return point === null ? "is outside the limits of the point" : sayLimit(point, operation);
    case "implausible":
      return "is where the device shows a value that cannot be: check the word order of the point";
    case "notANumber":
      return "is not a number";
    case "ambiguousMask":
      return "sets bits that its mask keeps, which devices understand differently";
    case "split":
      return `writes only a part of the value: ${point === null ? "it" : sayExtent(asset, vocabulary, point)} is written whole or not at all`;
    case "readOnly":
      return "is read-only in the points file";
    case "never":
      return "is forbidden to everyone";
    case "forbidden":
      return "is forbidden";
    case "nothingAllows":
      return "is allowed by no rule";
    case "empty":
      return "would change nothing";
    case "functionNotListed":
      // What is about the device as a whole has been named by its function already.
      return `${operation.target.at === "device" ? "" : `by ${sayFunction(vocabulary, operation.function)} `}is not allowed: the rule lists ${functions(rule)}`;
    case "viaNotListed":
      return `is sent by ${VIA_WORDS[operation.via - 1] ?? "another way"}, and the rule lists ${(rule?.vias ?? []).map((via) => VIA_WORDS[via - 1]).join(", ")}`;
    case "notChallenged":
      return "proves what nobody asked a proof for";
    case "notYourFile":
      return "is about a file that this session has not opened";
    case "fileNotListed":
      return `is none of the files the rule lists: ${(rule?.files ?? []).join(", ")}`;
    case "replyRefused":
      return "is answered with a point that the role may not read, and the rule refuses such an answer";
    case "objectNotListed":
      return `is asked for as g${operation.object >> 8}v${operation.object & 0xff}, and the rule lists other objects`;
    case "codeNotListed":
      return `is not allowed: the rule lists ${(rule?.control?.codes ?? []).map((each) => sayCode(vocabulary, each)).join(", ")}`;
    case "countOutside":
      return `has a count of ${operation.control?.count ?? 0}, and the rule allows ${span(rule?.control?.count)}`;
    case "onTimeOutside":
      return `is on for ${operation.control?.onTimeMs ?? 0} ms, and the rule allows ${span(rule?.control?.onTimeMs)} ms`;
    case "offTimeOutside":
      return `is off for ${operation.control?.offTimeMs ?? 0} ms, and the rule allows ${span(rule?.control?.offTimeMs)} ms`;
    case "broadcastNotAllowed":
      return "is a broadcast, and the rule does not allow broadcasts";
    case "outsideHours":
      if (denial.timeless === true)
        return `cannot be told to be within ${rule?.hours?.text ?? "the hours of the rule"}: the clock is suspect`;
      return rule?.hours == null ? "is outside the hours of the rule" : `is outside ${rule.hours.text}`;
    case "stateNotMet":
      return `is allowed only while ${rule?.state?.text ?? "the state of the rule holds"}`;
    case "stale":
      return `is allowed only while ${rule?.state?.text ?? "the state of the rule holds"}, and that was last seen too long ago`;
    case "rateExceeded":
      return `is asked too often: at most ${rate(rule?.rate)}`;
    case "revocationStale":
      return "changes something, and the site's revocation list is overdue";
    case "blocked":
      return "is for an asset that was blocked by command";
    case "certificateExpired":
      return `is more than looking, and the certificate of ${subject.name} has ended`;
    case "unauthenticated":
      return `needs a certificate, and ${subject.name} has shown none`;
    case "unknownUnit":
      return `is for unit ${decision.unit}, which the asset does not have (it has ${asset.units.join(", ")})`;
    case "broadcastRead":
      return "is a broadcast, and nobody answers a broadcast";
    case "opaque":
      return "cannot be looked into, and no rule names its number";
    default:
      return `is denied: ${ASKS_NOTHING[code] ?? code}`;
  }
}

/** A rule that names addresses limits raw words, whatever point stands there (RULINGS 3). */
function isRaw(code: DenialCode | null, rule: Rule | null): boolean {
  const judgesValue = code === "belowMinimum" || code === "aboveMaximum" || code === "notInSet" || code === "stepTooLarge";
  return judgesValue && rule !== null && rule.scope.is !== "points";
}

/** `is above 40, the write_max of the point`. The rule has no part in it. */
function sayLimit(point: Point, { target, values }: Operation): string {
  const { writeMin, writeMax } = point;
  const limits = `outside ${writeMin === null ? "" : `write_min ${formatDecimal(writeMin)}`}${writeMin !== null && writeMax !== null ? " to " : ""}${
    writeMax === null ? "" : `write_max ${formatDecimal(writeMax)}`
  } of the points file`;
  if (target.at !== "range" || values.is !== "cells" || values.keep !== 0) return `may come out ${limits}`;
  const value = parseDecimal(shownValue(point, values, target.first).text);
  if (typeof value === "string") return `is ${limits}`;
  if (writeMin !== null && compareDecimals(value, writeMin) < 0)
    return `is below ${formatDecimal(writeMin)}, its write_min in the points file`;
  if (writeMax !== null && compareDecimals(value, writeMax) > 0)
    return `is above ${formatDecimal(writeMax)}, its write_max in the points file`;
  return `is ${limits}`;
}

function sayExtent(asset: AssetModel, vocabulary: Vocabulary, point: Point): string {
  const space = vocabulary.spaces[point.space];
  return space === undefined ? point.name : `${space.name} ${formatAddresses(asset.addressing, space, point.first, point.last)}`;
}

/** Of a masked write the device makes the value: some of what it can come to breaks the limit. */
function masked({ values }: Operation): string {
  return values.is === "cells" && values.keep !== 0 ? " for some value it can come to" : "";
}

function functions(rule: Rule | null): string {
  const named = (rule?.functions ?? []).map((number) => (number > 0xff ? `${number & 0xff}/${number >> 8}` : String(number)));
  return named.length === 0 ? "none" : named.join(", ");
}

function list(set: readonly Decimal[]): string {
  const shown = set.slice(0, MEMBERS).map(formatDecimal).join(", ");
  return set.length > MEMBERS ? `${shown} and ${set.length - MEMBERS} more` : shown;
}

function decimal(value: Decimal | null | undefined): string {
  return value == null ? "what the rule states" : formatDecimal(value);
}

function rate(value: Rate | null | undefined): string {
  return value == null ? "what the rule states" : sayRate(value);
}

function span(limits: ControlLimits["count"] | undefined): string {
  const [least, most] = limits ?? [0, 0];
  return least === most ? String(least) : `${least} to ${most}`;
}

function unitOf(point: Point | null): string {
  return point === null || point.unit === "" ? "" : ` ${point.unit}`;
}

function hex(word: number): string {
  return `0x${word.toString(16).padStart(4, "0")}`;
}

/** Of a path, what stands beside the line number. */
function fileName(file: string): string {
  return file.slice(Math.max(file.lastIndexOf("/"), file.lastIndexOf("\\")) + 1);
}

const MEMBERS = 8;
