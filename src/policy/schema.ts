/**
 * What policy.yaml and *.cases.yaml may say, declared once: the check with its messages, the types, and the JSON Schemas for editors
 * (`policies/schema/`). Names, addresses and numbers get their meaning in resolve.ts, which knows the assets.
 */
import * as z from "zod";
import { DURATION_IS, durationWithin, RATE_IS, readDuration, readRate } from "#documents/quantities";
import {
  either,
  flag,
  integer,
  keys,
  later,
  listOf,
  name,
  named,
  numeric,
  oneOf,
  oneOrList,
  parsed,
  type Shape,
  text,
  type Value,
} from "#documents/shape";
import { DENIALS } from "#events";
import type { Verb } from "#operation";
import { parseDecimal } from "#process/decimal";
import type { ManageRight } from "./model.ts";

/** Verbs a policy may name. `confirm` follows the right that caused it and `link` needs no rule, so neither is a word of a policy. */
export const VERB_WORDS = [
  "read",
  "write",
  "control",
  "diagnose",
  "identify",
  "file-read",
  "file-write",
  "raw",
  "events",
  "select",
  "operate",
  "freeze",
  "restart",
  "time",
  "configure",
  "assignClass",
  "unsolicited",
  "authenticate",
] as const satisfies readonly Verb[];

/** Rights of management that a rule may grant: those whose commands are built (RULINGS 14, 27). */
export const MANAGE_WORDS = ["view", "end-session", "mode", "confirm"] as const satisfies readonly ManageRight[];
const RIGHT_IS = `${MANAGE_WORDS.slice(0, -1).join(", ")} or ${MANAGE_WORDS.at(-1)} (stage, approve, revoke and export come with later work)`;
const RIGHT = oneOf(MANAGE_WORDS, RIGHT_IS);

/** Every verb there is: what `deny: "*"` means. */
export const ALL_VERBS: readonly Verb[] = [...VERB_WORDS, "confirm", "link"];

/** Text that is read once the asset is known; a number is kept as it was written. */
export interface Words {
  readonly words: string;
}

const decimal = () => numeric("a number", parseDecimal);
const duration = () => parsed(DURATION_IS, readDuration);
const rate = () => parsed(RATE_IS, readRate);

const ON_DENY_KEYS = {
  answer: oneOf(["exception", "drop", "close"])
    .optional()
    .meta({ description: "what the sender of a denied request gets; an exception unless stated" }),
  exception: integer(1, 4, "a Modbus exception code from 1 to 4")
    .optional()
    .meta({ description: "the Modbus exception code instead of 1" }),
  close_after: keys({ denials: integer(1, 1000), within: duration() })
    .optional()
    .meta({ description: "end the session after this many denied writes and controls; reads never count" }),
};
export const ON_DENY = keys(ON_DENY_KEYS);

export const VALUES = keys({
  min: decimal().optional().meta({ description: "smallest value, in the point's unit; raw words where addresses are named. Needs max" }),
  max: decimal().optional().meta({ description: "largest value. Needs min" }),
  set: listOf(decimal(), { min: 1, max: 256 }).optional().meta({ description: "the only values allowed" }),
  max_step: decimal()
    .optional()
    .meta({ description: "largest difference to the present value, which the gateway reads just before the write" }),
  max_changes: rate().optional().meta({ description: "changes of the point by anybody, such as 6/min" }),
});

/** One or a list, told in one phrase: a list's own item says more. */
function oneOrMany<T>(expected: string, item: Shape<T>, max: number): Shape<T[]> {
  const one = item.transform((value) => [value]);
  return either(expected, listOf(item, { min: 1, max }), one);
}

const span = (expected: string, read: (words: string) => readonly [number, number] | string) =>
  parsed(expected, read, { type: ["integer", "string"] });
const COUNT_IS = "a count or a range such as 1 or 1-3";
const TIME_IS = "a time or a range such as 500ms or 100-1000ms";

/** @returns smallest and largest, or what would be right */
function readCounts(words: string): readonly [number, number] | string {
  const [, first, last = first] = /^([0-9]{1,3})(?:-([0-9]{1,3}))?$/.exec(words.replace(/\s/g, "")) ?? [];
  const ends = [Number(first), Number(last)] as const;
  return first !== undefined && ends[0] <= ends[1] && ends[1] <= 255 ? ends : COUNT_IS;
}

/** @returns milliseconds, smallest and largest, or what would be right */
function readTimes(words: string): readonly [number, number] | string {
  const [, first, last = first, unit] = /^([0-9]{1,10})(?:-([0-9]{1,10}))?(ms|s)$/.exec(words.replace(/\s/g, "")) ?? [];
  const each = unit === "s" ? 1000 : 1;
  const ends = [Number(first) * each, Number(last) * each] as const;
  return first !== undefined && ends[0] <= ends[1] && ends[1] <= 0xffff_ffff ? ends : TIME_IS;
}

/** Of commands (DNP3). A code is a word people use, or the exact octet. */
export const CONTROL = keys({
  codes: oneOrList(
    parsed("a control code: trip, close, pulse_on, latch_on, latch_off, or a number from 0 to 255", (words): Words => ({ words }), {
      type: ["integer", "string"],
    }),
    { max: 32 },
  ).meta({ description: "trip, close, pulse_on, latch_on, latch_off, or exact octets" }),
  count: span(COUNT_IS, readCounts).optional().meta({ description: "how often the output is to be operated; any count unless stated" }),
  on_time: span(TIME_IS, readTimes).optional().meta({ description: "how long it is on, such as 100-1000ms; any time unless stated" }),
  off_time: span(TIME_IS, readTimes).optional().meta({ description: "how long it is off between; any time unless stated" }),
  queue: flag().optional().meta({ description: "the queue bit may be set" }),
  clear: flag().optional().meta({ description: "the clear bit may be set" }),
});
export type ControlDocument = Value<typeof CONTROL>;

export const VIA_WORDS = ["select-before-operate", "direct", "direct-no-ack"] as const;
const VIA_IS = "select-before-operate, direct or direct-no-ack";

export const FILE_ACTIONS = ["open", "read", "write", "delete", "list"] as const;
const ACTIONS_ARE = "open, read, write, delete or list";
/** Printable, without a backslash, and of no part that leads up (RULINGS 37). */
const FILE_NAME = text("a file's name, * for any run of characters within a part").refine(
  (name) => /^[\x20-\x5b\x5d-\x7e]{1,255}$/.test(name) && !name.split("/").includes(".."),
  { error: () => "a file's name of printable characters, without .. and backslash, * for any run of characters within a part" },
);

const COMMANDS = {
  files: oneOrMany("the name of a file, or a list of names", FILE_NAME, 256)
    .optional()
    .meta({ description: "file names, * for any run of characters within a part (DNP3)" }),
  actions: oneOrMany(ACTIONS_ARE, oneOf(FILE_ACTIONS, ACTIONS_ARE), FILE_ACTIONS.length)
    .optional()
    .meta({ description: "what a rule over the verb file is about: open, read, write, delete, list (DNP3)" }),
  reply: oneOf(["whole", "trim", "refuse"]).optional().meta({
    description:
      "what the reply to a class may carry: whole unless stated; trim: points the role may not read are cut out; refuse: then nothing (DNP3)",
  }),
  control: CONTROL.optional().meta({ description: "which commands a rule that allows operate grants (DNP3)" }),
  via: oneOrMany(VIA_IS, oneOf(VIA_WORDS, VIA_IS), VIA_WORDS.length)
    .optional()
    .meta({ description: "how commands may be sent; select-before-operate alone unless stated (DNP3)" }),
  group: oneOrList(integer(0, 255), { max: 32 }).optional().meta({ description: "object groups the rule is about (DNP3)" }),
  variation: oneOrList(integer(0, 255), { max: 32 })
    .optional()
    .meta({ description: "variations of these groups; every one unless stated" }),
  indexes: oneOrList(
    parsed("an index or a range such as 3 or 0-3", (words): Words => ({ words }), { type: ["integer", "string"] }),
    { max: 1000 },
  )
    .optional()
    .meta({ description: "points of these groups, as the asset counts them" }),
};

const VERB = oneOf([...VERB_WORDS, "file", "*"]);
const verbs = () => oneOrMany(`a verb (${VERB_WORDS.slice(0, 8).join(", ")}), a list of verbs, or "*"`, VERB, 32);

const STATE = keys({
  when: text("conditions").meta({ description: "conditions joined by and" }),
  max_age: parsed("a duration from 100ms to 10s", durationWithin("100ms", "10s"))
    .optional()
    .meta({ description: "how old a value of another asset may be; 10s unless stated" }),
});

const RULE_KEYS = {
  id: name().optional().meta({ description: "names the rule in denials, records and cases; once per role" }),
  allow: verbs().optional().meta({ description: 'what the rule grants; "*" is read' }),
  deny: verbs().optional().meta({ description: 'what the rule forbids; "*" is everything. Beats every allow' }),
  manage: oneOrMany(RIGHT_IS, RIGHT, MANAGE_WORDS.length)
    .optional()
    .meta({ description: "in place of allow: what a person may do to the gateway itself. With id and on alone" }),
  on: oneOrList(text('the name of an asset, a list of them, or "*"')).optional().meta({ description: "where the rule holds" }),
  points: oneOrMany("the name of a point, or a list of names", name("the name of a point"), 1000)
    .optional()
    .meta({ description: "names from the asset's points file" }),
  table: text("the name of a table").optional().meta({ description: "a table of the asset's protocol, such as holding or analog-output" }),
  addresses: oneOrList(
    parsed("an address or a range such as 40 or 40-43", (words): Words => ({ words }), { type: ["integer", "string"] }),
    { max: 1000 },
  )
    .optional()
    .meta({ description: "addresses of the table, as the asset counts them" }),
  units: oneOrList(integer(0, 255), { max: 256 }).optional().meta({ description: "unit ids; every unit of the asset unless stated" }),
  functions: oneOrList(
    parsed("a function number or name such as 6, 43/14 or writeSingleRegister", (words): Words => ({ words }), {
      type: ["integer", "string"],
    }),
    { max: 256 },
  )
    .optional()
    .meta({ description: "numbers or standard names; every function of the verb unless stated" }),
  broadcast: flag().optional().meta({ description: "the rule also grants broadcasts" }),
  opaque: flag().optional().meta({ description: "the rule grants functions that the gateway cannot look into" }),
  values: VALUES.optional().meta({ description: "what a write may put there" }),
  hours: text("hours").optional().meta({ description: 'when the rule holds, such as "Mon-Fri 07:00-17:00 Europe/Berlin"' }),
  rate: rate().optional().meta({ description: "messages of one identity that the rule allows, such as 10/min" }),
  on_deny: ON_DENY.optional().meta({ description: "answer where this rule is the reason" }),
  require: later("require"),
  state: either('conditions such as "boiler-1.drum_pressure < 2"', text("conditions"), STATE)
    .optional()
    .meta({ description: "process values the rule depends on, such as boiler-1.drum_pressure < 2 and boiler-1.burner = 0" }),
  essential: flag().optional().meta({
    description: "a stop: one fixed value at named places. It passes even while no evidence can be written, kept in a journal until it can",
  }),
  gap: integer(1, 16)
    .optional()
    .meta({ description: "registers between the points of a read rule that may be read along, at most so many at a time" }),
  ...COMMANDS,
};

const RULE = keys(RULE_KEYS);
/** An item of a role: a rule, an include, or the role's on_deny. One shape, so that a slip in a rule is told as a slip in a rule. */
export const ROLE_ITEM = keys({
  include: oneOrMany("the name of a role, or a list of names", name("the name of a role"), 100)
    .optional()
    .meta({ description: "all rules of another role" }),
  ...RULE_KEYS,
});

const EXPIRED_IS = "read-only and a duration from 1h to 30d, such as read-only 72h";
const expiredMs = durationWithin("1h", "30d");

/** @returns milliseconds */
function readExpired(words: string): number | string {
  const [, duration] = /^read-only (\S+)$/.exec(words) ?? [];
  const ms = duration === undefined ? EXPIRED_IS : expiredMs(duration);
  return typeof ms === "string" ? EXPIRED_IS : ms;
}

export const BINDING = keys({
  role: name("the name of a role").meta({ description: "what the claim gets" }),
  identity: text("an identity such as spiffe://plant.example/operator/* or cn:alice@plant")
    .optional()
    .meta({ description: "spiffe://domain/path or cn:name[@ca]; * is one whole last segment" }),
  certificate_role: text("a role as the certificate's extension has it", { max: 64 })
    .optional()
    .meta({ description: "role of the Modbus/TCP Security extension of the certificate" }),
  source: text("an address prefix such as 10.10.5.0/24")
    .optional()
    .meta({ description: "prefix of a plain listener's clients, who prove nothing" }),
  kind: oneOf(["person", "machine"]).optional().meta({ description: "person or machine; needed but for a source, which is a machine" }),
  accept_unauthenticated: flag().optional().meta({ description: "accept writes of a source that proved nothing" }),
  expired: parsed(EXPIRED_IS, readExpired, { examples: ["read-only 72h"] })
    .optional()
    .meta({ description: "for machines: how long after its end a certificate still gets a session that reads, such as read-only 72h" }),
});

export const POLICY_SHAPE = keys({
  policy: name("the policy's name"),
  version: integer(1, 2_147_483_647).meta({ description: "raised with every change; a lower one is refused on reload" }),
  never: listOf(RULE).optional().meta({ description: "denies that bind everybody" }),
  roles: named(name("the name of a role"), listOf(ROLE_ITEM)),
  bindings: listOf(BINDING),
  on_deny: ON_DENY.optional(),
  assets: named(name("the name of an asset"), keys({ on_deny: ON_DENY.optional() }))
    .optional()
    .meta({ description: "what differs per asset" }),
});

export type PolicyDocument = Value<typeof POLICY_SHAPE>;
export type RuleDocument = Value<typeof RULE>;
export type RoleItem = Value<typeof ROLE_ITEM>;
export type BindingDocument = Value<typeof BINDING>;
export type OnDenyDocument = Value<typeof ON_DENY>;
export type ValuesDocument = Value<typeof VALUES>;

const scalarWords = (expected: string) => parsed(expected, (words): Words => ({ words }), { type: ["number", "string", "boolean"] });
/** A point's name, or a table and an address of it. */
const PLACE = z.string().regex(/^[A-Za-z0-9_.-]{1,64}(?: [0-9]{1,6})?$/, { error: "a point, or an address such as holding 40" });
const CLAIM = keys({
  identity: text("an identity such as spiffe://plant.example/operator/alice or cn:alice@plant").optional(),
  certificate_role: text("a role as a certificate has it", { max: 64 }).optional(),
  source: text("an address such as 10.10.5.7").optional(),
});

const CODE_IS = "a denial code such as aboveMaximum (penstock policy explain --words lists them)";
export const CASE = keys({
  name: text("what the case is about").optional().meta({ description: "what the case is about" }),
  as: either("a role, a list of roles, an identity, or a claim", oneOrList(text("a role or an identity"), { max: 32 }), CLAIM).meta({
    description: "role(s); or who: spiffe://..., cn:name@ca, an address; or { identity, certificate_role, source }",
  }),
  on: name("the name of an asset").optional().meta({ description: "needed where there is more than one asset" }),
  unit: integer(0, 255).optional().meta({ description: "unit id asked for; 0 is a broadcast unless the asset says otherwise" }),
  request: text("a request in words such as write holding 40 = 300")
    .optional()
    .meta({ description: "in words, such as write holding 40 = 300 or write feed_setpoint = 31.5" }),
  manage: RIGHT.optional().meta({
    description: "in place of a request: a right of management, on the asset of `on`, or on the gateway as a whole without it",
  }),
  expect: oneOf(["allow", "deny"]).meta({ description: "allow or deny" }),
  rule: text("the id of a rule such as operator/feed-setpoint").optional().meta({ description: "the rule that decides, or default" }),
  code: z
    .enum(["noRole", "unknownRole", ...(Object.keys(DENIALS) as (keyof typeof DENIALS)[])], { error: () => CODE_IS })
    .optional()
    .meta({ description: "the denial code" }),
  at: text("a time such as 2026-11-24T10:00:00Z").optional().meta({ description: "wall time; without it no `hours` can be told" }),
  seen: named(PLACE, scalarWords("a value")).optional().meta({ description: "values that stand in the device, by point or address" }),
  changes: named(PLACE, integer(0, 1_000_000)).optional().meta({ description: "changes already counted, by point or address" }),
  requests: integer(0, 1_000_000).optional().meta({ description: "messages already counted by `rate`" }),
});
export const CASES_SHAPE = listOf(CASE, { max: 10_000 });
export type CaseDocument = Value<typeof CASE>;
