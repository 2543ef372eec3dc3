/**
 * The words of a policy, in one page: what docs/policy-words.md holds and `penstock policy explain --words` prints. Made from the tables the
 * gateway itself uses; only what a code means is written here.
 */
import { dnp3Vocabulary } from "#dnp3/vocabulary";
import { jsonSchemaOf, type Shape } from "#documents/shape";
import { DENIALS, type DenialCode } from "#events";
import { DEMANDS } from "#gateway/commandRights";
import { modbusVocabulary } from "#modbus/vocabulary";
import type { Space, Verb, Vocabulary } from "#operation";
import { LINTS } from "#policy/lint";
import type { ManageRight } from "#policy/model";
import { BINDING, CASE, CONTROL, MANAGE_WORDS, ON_DENY, ROLE_ITEM, VALUES, VERB_WORDS } from "#policy/schema";

/** Markdown. */
export function policyWords(): string {
  return `${[
    "# Policy words",
    "",
    "Printed by `penstock policy explain --words`. A rule names verbs; it may narrow them to points, addresses, units and functions.",
    "",
    "## Verbs",
    "",
    'In an allow, `"*"` is `read`. In a deny it is every verb.',
    "",
    table(
      ["verb", "means", "Modbus functions", "DNP3 functions"],
      VERB_WORDS.map((verb) => [
        verb,
        VERBS[verb],
        functionsOf(modbusVocabulary, verb) + (verb === "raw" ? AND_THE_REST : ""),
        functionsOf(dnp3Vocabulary, verb),
      ]),
    ),
    "",
    "`link` housekeeping is answered by the gateway and needs no rule; `confirm` follows the right that caused it. Verbs that no function of an asset's protocol carries may stand in a deny.",
    "A rule over `operate` is one over `select` as well.",
    "",
    "## Rights of management",
    "",
    "A rule with `manage:` grants them to persons. On the management port each command asks for one; the local socket takes all.",
    "",
    table(
      ["right", "means", "commands"],
      MANAGE_WORDS.map((right) => [right, RIGHTS[right], commandsOf(right)]),
    ),
    "",
    "## Keys",
    "",
    "Of a rule, which is an item of a role or of `never`:",
    "",
    table(["key", "means"], keysOf(ROLE_ITEM)),
    "",
    "Of `values`, the limits of what a write may put there:",
    "",
    table(["key", "means"], keysOf(VALUES)),
    "",
    "Of `control`, which commands a rule over `operate` grants (DNP3 g12v1). Without it: the codes that have words, any count, any time.",
    "",
    table(["key", "means"], keysOf(CONTROL)),
    "",
    "Of `on_deny`, which may stand at the document, an asset, a role or a rule:",
    "",
    table(["key", "means"], keysOf(ON_DENY)),
    "",
    "Of a binding, which states exactly one of identity, certificate_role and source:",
    "",
    table(["key", "means"], keysOf(BINDING)),
    "",
    "## Cases",
    "",
    "`*.cases.yaml` beside a policy is a list of cases. `penstock policy test` and every reload ask them all, of both ways of deciding.",
    "",
    table(["key", "means"], keysOf(CASE)),
    "",
    "Requests of a Modbus asset: `read PLACE`, `write PLACE = VALUE ...`, `mask PLACE and WORD or WORD`, `readwrite holding A-B write C-D = WORD ...`, `file-read FILE/RECORDS`,",
    "`file-write FILE/RECORD = WORD ...`, `diagnose|control|identify FUNCTION`, `raw FUNCTION = OCTETS`. A place is a table with addresses or the name of a point, whose",
    "values are in engineering units. `by FUNCTION` at the end of read and write chooses among the functions that can do it.",
    "",
    "Requests of a DNP3 asset:",
    "",
    table(["request", "means"], DNP3_REQUESTS),
    "",
    "A place is a table with indexes (`analog-input 0-3`), a group and variation (`g30v5 0-3`, or `g30v5` for all there are), the name of a point, `class 1-3`, `indication 7` or `clock`. A way is `select` (the SELECT), `sbo` (the OPERATE after it), `direct` or",
    "`no-ack`. What becomes of a request in its place (that an OPERATE follows its SELECT, whose the events are, the clock) is no matter of the policy and is not asked.",
    "",
    "## Modbus tables",
    "",
    table(
      ["table", "cells", "written", "modicon digit", "covered by a rule that names no table"],
      modbusVocabulary.spaces.map(({ name, bits, writable, modicon, process }) => [
        name,
        bits === 1 ? "1 bit" : "16 bits",
        writable ? "yes" : "no",
        modicon === null ? "none" : String(modicon),
        process ? "yes" : "file-read and file-write only",
      ]),
    ),
    "",
    "Addresses are written as the asset's `addressing` says. Files are `4`, `4-6`, or records of one file: `4/0-99`.",
    "",
    "## Modbus functions",
    "",
    "A rule names them by number or name. Any other number from 1 to 127 is a function too, kept opaque: it needs `allow: raw`, `opaque: true` and its exact number.",
    "",
    table(
      ["number", "name", "verbs", "effect"],
      modbusVocabulary.functions.map(({ number, name, verbs, effect, opaque }) => [
        sayNumber(number),
        name,
        verbs.join(", "),
        opaque ? `${effect}, opaque` : effect,
      ]),
    ),
    "",
    "## DNP3 tables",
    "",
    table(
      ["table", "holds", "last index", "commanded or written", "verbs", "covered by a rule that names no table"],
      dnp3Vocabulary.spaces.map((space) => [
        space.name,
        space.stride > 1 ? "a number" : !space.process ? "no points" : space.bits === 1 ? "1 bit" : "16 bits",
        String(Math.floor((space.last + 1) / space.stride) - 1),
        commanded(space),
        listed(space.verbs),
        listed(space.wild),
      ]),
    ),
    "",
    "Indexes are counted from 0 unless the asset's `addressing` says otherwise. `class` 0 is a look at everything, 1 to 3 are events. A number stands in points, limits and records as what it is, however it is written on the wire.",
    "What is *not* in the last column is granted only by a rule that names the table or a group, files by name.",
    "",
    "## DNP3 functions",
    "",
    "A rule names them by number or name. `named`: granted only by a rule that lists the function. What the gateway cannot look into needs `allow: raw`, `opaque: true` and function with group: `2/12` is WRITE of group 12, `25/70` OPEN_FILE.",
    "",
    table(
      ["number", "name", "verbs", "effect"],
      dnp3Vocabulary.functions.map(({ number, name, verbs, effect, opaque, named }) => [
        String(number),
        name,
        verbs.join(", "),
        [effect, ...(opaque ? ["opaque"] : []), ...(named ? ["named"] : [])].join(", "),
      ]),
    ),
    "",
    "## DNP3 control codes",
    "",
    "The whole octet counts. All others by number, such as `0x42`; with `queue: true` also with bit 0x10 set, with `clear: true` with 0x20.",
    "",
    table(
      ["word", "octet"],
      Object.entries(dnp3Vocabulary.controlCodes).map(([word, code]) => [word, `0x${code.toString(16).padStart(2, "0")}`]),
    ),
    "",
    "## Denial codes",
    "",
    table(
      ["code", "whose fault", "means"],
      codes().map((code) => [code, DENIALS[code], MEANS[code]]),
    ),
    "",
    "In cases, `noRole` and `unknownRole` say that the bindings gave the claim nothing.",
    "",
    "## Lint codes",
    "",
    table(
      ["code", "level", "means"],
      Object.entries(LINTS).map(([code, [level, means]]) => [code, level, means]),
    ),
  ].join("\n")}\n`;
}

/** The keys of a shape with their descriptions, as the JSON Schema has them. */
function keysOf(shape: Shape): string[][] {
  const { properties } = jsonSchemaOf(shape, "") as { readonly properties: Readonly<Record<string, { readonly description?: string }>> };
  return Object.entries(properties).map(([key, { description }]) => [key, description ?? ""]);
}

function codes(): DenialCode[] {
  return Object.keys(DENIALS) as DenialCode[];
}

function functionsOf(vocabulary: Vocabulary, verb: Verb): string {
  const numbers = vocabulary.functions
    .filter(({ verbs }) => verbs.includes(verb))
    .map(({ number }) => (vocabulary === modbusVocabulary ? sayNumber(number) : String(number)));
  return numbers.length === 0 ? "none" : numbers.join(", ");
}

/** What the vocabulary has no row for is `raw` as well. */
const AND_THE_REST = ", and every number without a row of its own, 125 and 126 too";

/** 8/4, 43/14; 8/0 needs its sub-function said as well. */
function sayNumber(number: number): string {
  const code = number & 0xff;
  return number > 0xff || code === 8 || code === 43 ? `${code}/${number >> 8}` : String(code);
}

function commanded({ verbs }: Space): string {
  return verbs.includes("operate") ? "commanded" : verbs.includes("write") ? "written" : "no";
}

function listed(words: readonly string[]): string {
  return words.length === 0 ? "nothing" : words.join(", ");
}

/** What protocols/dnp3/cases.ts reads. */
const DNP3_REQUESTS: readonly (readonly [string, string])[] = [
  ["`read PLACE`", "what stands there now"],
  ["`read events PLACE`, `read class 1-3`", "take events"],
  [
    "`operate PLACE CODE [on TIME] [off TIME] [count N] WAY`",
    "a command: trip, close, pulse_on, latch_on, latch_off or an octet; `on 250ms`, `off 1s`, `count 1`",
  ],
  [
    "`operate PLACE = VALUE [as i16\\|i32\\|f32\\|f64] WAY`",
    "a set-point, written as 16 or 32 bit integer, as float or double (f64 unless stated)",
  ],
  ["`write indication 7 = 0`", "the restart was seen"],
  ["`freeze PLACE`", "counters or analog inputs"],
  ["`unsolicited on\\|off class 1`", "whether events of a class come unasked"],
  ["`assign PLACE class 1`", "put points into a class"],
  ["`configure PLACE`", "the deadband of an analog input"],
  ["`time`, `restart cold\\|warm`", "set the clock; restart"],
  ["`raw FUNCTION [= OCTETS]`", "octets after the function code, for all else and for malformed requests"],
];

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

const VERBS: Readonly<Record<(typeof VERB_WORDS)[number], string>> = {
  read: "look at process values",
  write: "change process values",
  control: "change the state of the device or its communication",
  diagnose: "ask the device about itself, changing nothing",
  identify: "ask what the device is",
  "file-read": "read records of a file",
  "file-write": "write records of a file",
  raw: "a function the gateway cannot look into",
  events: "take events out of the outstation's buffer (DNP3)",
  select: "arm a command (DNP3)",
  operate: "carry out a command (DNP3)",
  freeze: "freeze counters (DNP3)",
  restart: "restart the outstation or its application (DNP3)",
  time: "set the clock (DNP3)",
  configure: "change how the outstation works (DNP3)",
  assignClass: "assign points to event classes (DNP3)",
  unsolicited: "turn unsolicited responses on or off (DNP3)",
  authenticate: "secure authentication (DNP3)",
};

const RIGHTS: Readonly<Record<ManageRight, string>> = {
  view: "look: at the gateway, at who is connected, at what stands in a device",
  "end-session": "cut somebody's session",
  mode: "close an asset, and open it again",
  confirm: "vouch for something: the clock, the points of an asset",
};

/** `status`, `session list`. */
function commandsOf(right: ManageRight): string {
  const commands = Object.values(DEMANDS).flatMap((demand) => (demand?.right === right ? `\`${demand.command}\`` : []));
  return commands.join(", ");
}

const MEANS: Readonly<Record<DenialCode, string>> = {
  truncated: "the request ends before its own layout does",
  trailing: "octets follow the end of the request",
  badQuantity: "a quantity outside the standard's limits",
  badByteCount: "a byte count that does not fit the quantity or the octets",
  addressOverflow: "the range passes the last address",
  badCoilValue: "a coil value other than 0x0000 and 0xFF00",
  badPadding: "unused bits that are not 0",
  badReference: "a file, record or reference type the standard does not have",
  badSubFunction: "a sub-function the standard does not have",
  badData: "data the function does not allow",
  badProtocolId: "a protocol id other than 0",
  badLength: "a length field outside 2 to 254",
  badFunction: "a function that the standard does not have (Modbus: 0, or 128 and above)",
  tooLong: "a frame, or a DNP3 fragment, longer than the standard allows",
  badCrc: "the check sum of a frame or one of its blocks is wrong",
  badStart: "no frame begins where one should (DNP3)",
  badControl: "a fragment that is not whole, or calls itself unsolicited (DNP3)",
  badQualifier: "a qualifier the standard does not have, or not for this (DNP3)",
  badVariation: "variation 0 with data, or a class in the wrong place (DNP3)",
  badRange: "a range that goes backwards, or more times than one (DNP3)",
  badSize: "a size too small for what it must hold (DNP3)",
  badOrder: "a freeze without its time, a point without its class, or transport segments out of turn (DNP3)",
  badStatus: "a command that says of itself what became of it (DNP3)",
  badName: "a file name with `..`, a backslash, or what is no printable ASCII, or lengths that do not fit it (DNP3)",
  duplicateIndex: "one index twice among the commands of a fragment (DNP3)",
  opaque: "a function the gateway cannot look into, and no rule names its number",
  unknownObject: "a group or variation in no table (DNP3)",
  wrongDestination: "a frame for another outstation than the listener's (DNP3)",
  wrongSource: "a frame from another address than the master's (DNP3)",
  notSelected: "an OPERATE that does not follow its SELECT with the next sequence and the same octets (DNP3)",
  selectExpired: "an OPERATE later than two seconds after its SELECT (DNP3)",
  tooManySelects: "three selections in a minute were never operated: no further ones for a minute (DNP3)",
  notChallenged: "a proof for which the device did not ask, or not any more (DNP3 secure authentication)",
  notYourFile: "a file handle that this session did not open (DNP3)",
  timeNotOurs: "a time more than two seconds from the gateway's trusted clock (DNP3)",
  transactionReused: "a transaction id that is still open",
  unknownUnit: "a unit id the asset does not have",
  broadcastRead: "a read sent to everybody, which nobody answers",
  queueFull: "too many requests wait for the device",
  never: "a rule under `never` forbids it",
  forbidden: "a deny rule of the role forbids it",
  nothingAllows: "no rule allows it",
  empty: "the request asks for nothing",
  functionNotListed: "the rule that came nearest lists other functions",
  viaNotListed: "the rule that came nearest lists other ways of operating (DNP3)",
  fileNotListed: "the rule that came nearest lists other files (DNP3)",
  objectNotListed: "the rule that came nearest lists other groups or variations (DNP3)",
  codeNotListed: "the control code is none of the rule's (DNP3)",
  countOutside: "the count of the command is outside the rule's (DNP3)",
  onTimeOutside: "the on-time of the command is outside the rule's (DNP3)",
  offTimeOutside: "the off-time of the command is outside the rule's (DNP3)",
  replyRefused: "the reply tells a point that the role may not read, and the rule says `reply: refuse` (DNP3)",
  notEventOwner: "only the asset's `event_owner` takes events, turns unsolicited responses on or off and writes indications (DNP3)",
  broadcastNotAllowed: "the rule that came nearest does not allow broadcasts",
  outsideHours: "outside the hours of the rule, or the time is not known",
  blocked: "the asset was blocked by command (penstock block)",
  implausible: "the device shows a value out of the point's plausible range: its word order is wrong, or the point is another",
  stateNotMet: "the state of the rule does not hold",
  stale: "the state of the rule depends on a value of another asset that was last seen too long ago",
  rateExceeded: "the identity has used up the rate of the rule",
  belowMinimum: "the value is below min",
  aboveMaximum: "the value is above max",
  notInSet: "the value is none of the set",
  stepTooLarge: "further from the present value than max_step",
  tooManyChanges: "the point has changed max_changes times already",
  factUnavailable: "the rule needs the present value, and the device did not tell it",
  notANumber: "NaN or an infinity",
  ambiguousMask: "a mask write that devices understand differently (or-mask bits that the and-mask keeps)",
  split: "only a part of a value that takes several registers",
  readOnly: "the points file says nobody may write it",
  pointLimit: "outside write_min and write_max of the points file",
  unauthenticated: "the verb needs a certificate, and none was shown",
  sessionEnded: "the session ended before the request left",
  revocationStale: "it would change something, and the revocation list its certificate is held against is overdue beyond `crl_grace`",
  certificateExpired: "the certificate has ended; by an `expired: read-only` binding its session may look and nothing else",
  notAPerson: "a command on the management port, and no binding of a person names who gave it",
  socketOnly: "a command that is taken over the local socket alone",
  evidenceUnavailable: "the record of the decision could not be written",
  deviceUnreachable: "no connection to the device",
  deviceSilent: "the device did not answer in time",
  internal: "a fault of the gateway; it denies",
};
