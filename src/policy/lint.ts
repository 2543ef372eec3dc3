/**
 * What a policy that loads may still have wrong: grants wider than they look, rules that never decide, claims that prove nothing. A finding is
 * for a person to weigh; only `error` fails a check. Codes are stable.
 */
import { visible } from "#documents/escape";
import { isWriting, type Space, type Vocabulary } from "#operation";
import { formatAddresses } from "#process/addressing";
import { compareDecimals, formatDecimal, multiply, parseDecimal } from "#process/decimal";
import type { AssetModel, Decimal, Point } from "#process/points";
import { rangeOf } from "#process/values";
import { mayWrite } from "./bindings.ts";
import { isHollow } from "./bounds.ts";
import { rulesOf } from "./cases.ts";
import type { CrowdedRoles } from "./compile.ts";
import { type EventSite, unownedEvents } from "./lintEvents.ts";
import { overlaps } from "./lintOverlaps.ts";
import { manageRulesOf } from "./manage.ts";
import type { Binding, ManageRule, OnDeny, Policy, Rate, Role, Rule } from "./model.ts";
import { verbsIn } from "./resolve.ts";
import { contains, touches } from "./resolveOverlap.ts";
import { RULES_PER_INTERVAL } from "./table.ts";

/** What each code means, for `policy explain --words` and docs/policy-words.md. */
export const LINTS = {
  crowded: ["error", `more than ${RULES_PER_INTERVAL} rules of one role set over one address`],
  "hollow-values": ["warning", "no value can satisfy the rule: it grants nothing"],
  "no-plausible-range": ["warning", "a number of several registers may be written, and nothing tells when its word order is wrong"],
  "essential-barred": ["warning", "an essential rule that something else can keep from passing"],
  "read-only-point": ["warning", "a write rule on a point that the points file says nobody may write"],
  "write-without-limit": ["warning", "a number may be written to anything its type can hold"],
  overlap: ["warning", "two rules allow writes to one place: the wider one decides"],
  unreachable: ["warning", "a rule that can never decide, because another always does"],
  "role-unused": ["warning", "a role that nobody has"],
  "source-binding": ["warning", "a role by source address, which proves nobody"],
  "source-may-write": ["warning", "writes are accepted from a source address, which proves nobody"],
  "source-cannot-write": ["warning", "a role with write rules by source address: its writes are denied"],
  "source-wide": ["warning", "a source binding that every address matches"],
  "source-not-served": ["warning", "no plain listener serves the source of a binding"],
  "machine-cannot-manage": ["warning", "a machine's role has rules of management: they give it nothing"],
  "events-unowned": ["warning", "events that nobody takes: the asset has no event_owner, or its owner no rule for them"],
  "manage-not-served": ["warning", "rules of management, and no management port to use them at"],
  "poll-denied": ["warning", "a poll of the site that a never rule denies: it binds the gateway's own reads too"],
  "drop-authenticated": ["warning", "a proven sender is left without an answer"],
  "never-idle": ["warning", "a never rule that no request can match"],
  ramp: ["note", "how fast max_step and max_changes together let a value move"],
} as const satisfies Readonly<Record<string, readonly ["error" | "warning" | "note", string]>>;

export type LintCode = keyof typeof LINTS;

export interface Finding {
  readonly code: LintCode;
  readonly level: "error" | "warning" | "note";
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly words: string;
}

/** What of the site a policy is held against. */
export interface LintSite {
  readonly listeners: readonly {
    readonly tls: "mutual" | "none";
    readonly from: readonly { readonly address: Uint8Array; readonly prefix: number }[];
  }[];
  /** `web` null: the local socket alone. */
  readonly management: { readonly web: object | null };
  /** By name; those of protocols that have events. */
  readonly assets: ReadonlyMap<string, EventSite>;
}

/**
 * @param crowded  what compiling found too many rules on
 * @returns        findings in the order of the document
 */
export function lint(
  policy: Policy,
  site: LintSite,
  vocabularies: ReadonlyMap<string, Vocabulary>,
  crowded: readonly CrowdedRoles[] = [],
): Finding[] {
  const linting = new Linting(policy, vocabularies);
  for (const each of crowded) linting.crowded(each);
  for (const rule of rulesOf(policy)) linting.rule(rule);
  linting.pairs();
  linting.unreachable();
  linting.roles();
  linting.management(site);
  linting.events(site);
  for (const binding of policy.bindings) linting.binding(binding, site);
  linting.drops();
  return linting.findings.sort((a, b) => a.line - b.line || a.column - b.column || (a.code < b.code ? -1 : 1));
}

/** `policy.yaml:31:7: warning write-without-limit: ...`, safe to print. */
export function sayFinding({ file, line, column, level, code, words }: Finding): string {
  return visible(`${file}:${line}:${column}: ${level} ${code}: ${words}`);
}

class Linting {
  readonly findings: Finding[] = [];
  readonly #policy: Policy;
  readonly #vocabularies: ReadonlyMap<string, Vocabulary>;
  readonly #said = new Set<string>();

  constructor(policy: Policy, vocabularies: ReadonlyMap<string, Vocabulary>) {
    this.#policy = policy;
    this.#vocabularies = vocabularies;
  }

  crowded({ rules, roles, asset, space, address, unit }: CrowdedRoles): void {
    const model = this.#policy.assets.get(asset) as AssetModel;
    const table = this.#spaces(model)[space];
    const place = table === undefined ? "the device" : `${table.name} ${formatAddresses(model.addressing, table, address, address)}`;
    const names = rules.map(({ id }) => id).join(", ");
    const words = `${rules.length} rules of ${roles.join("+")} lie over ${place} of ${asset}, unit ${unit} (${names}); at most ${RULES_PER_INTERVAL} may`;
    this.#find("crowded", rules.at(-1) as Rule, words);
  }

  rule(rule: Rule): void {
    const model = this.#policy.assets.get(rule.asset);
    if (model === undefined) return;
    if (rule.effect === "deny") {
      if (rule.id.startsWith("never/")) this.#neverIdle(rule, model);
      return;
    }
    if (!rule.verbs.some(isWriting)) return;
    const points = pointsOf(rule, model);
    if (rule.essential) this.#barred(rule, model, points ?? []);
    for (const point of points ?? []) {
      if (point.access === "r") this.#find("read-only-point", rule, `${rule.id} allows writes to ${point.name}, whose access is r`);
    }
    const unsure = (points ?? []).filter(
      (point) => point.access !== "r" && isNumeric(point) && point.last > point.first && point.plausibleMin === null,
    );
    if (unsure.length > 0)
      this.#find(
        "no-plausible-range",
        rule,
        `${rule.id} writes ${names(unsure)}; give it plausible_min and plausible_max in the points file`,
      );
    this.#values(rule, model, points);
  }

  /** A stop that a deny or a doubtful reading can hold back is none (RULINGS 15). */
  #barred(rule: Rule, model: AssetModel, points: readonly Point[]): void {
    const holders = [...this.#policy.roles.values()].filter(({ rules }) => rules.includes(rule));
    const denies = [...this.#policy.never, ...holders.flatMap(({ rules }) => rules.filter(({ effect }) => effect === "deny"))];
    const deny = denies.find((other) => touches(other, rule, model));
    if (deny !== undefined) this.#find("essential-barred", rule, `${rule.id} is denied where ${deny.id} (line ${deny.line}) touches it`);
    const wide = points.filter((point) => isNumeric(point) && point.last > point.first);
    if (wide.length > 0)
      this.#find(
        "essential-barred",
        rule,
        `${rule.id} stops by ${names(wide)}, a number of several registers: it is denied while its last reading is implausible; a coil or one register is not`,
        "wide",
      );
  }

  #values(rule: Rule, model: AssetModel, points: readonly Point[] | null): void {
    const { values, id } = rule;
    const limited = values !== null && (values.min !== null || values.set !== null);
    const writable = (points ?? []).filter((point) => point.access !== "r");
    if (!limited) {
      const open = writable.filter((point) => isNumeric(point) && (point.writeMin === null || point.writeMax === null));
      if (open.length > 0)
        this.#find(
          "write-without-limit",
          rule,
          `${id} lets ${names(open)} be written to anything; give it values, or write_min and write_max`,
        );
      if (points === null && this.#overRegisters(rule, model))
        this.#find(
          "write-without-limit",
          rule,
          `${id} lets registers that it does not name be written to anything; name points or give it values`,
        );
    }
    if (values === null) return;
    for (const point of points === null ? [null] : writable) {
      const place = point?.name ?? "its addresses";
      if (isHollow(values, point)) this.#find("hollow-values", rule, `${id}: no value that ${place} can hold lies between min and max`);
      else if (point !== null && isBeyond(values.min, values.max, point))
        this.#find("hollow-values", rule, `${id}: min and max lie outside what ${place} can hold or may be written to`);
      if (values.maxStep !== null && values.maxChanges !== null)
        this.#find("ramp", rule, `${id} permits a ramp of ${sayRamp(values.maxStep, values.maxChanges, point?.unit ?? "")} on ${place}`);
    }
  }

  /** Does a rule without points reach registers? Coils have two values and need no limit. */
  #overRegisters({ scope }: Rule, model: AssetModel): boolean {
    if (scope.is === "process") return true;
    return scope.is === "addresses" && this.#spaces(model)[scope.space]?.bits === 16;
  }

  #neverIdle(rule: Rule, model: AssetModel): void {
    const vocabulary = this.#vocabularies.get(model.protocol);
    if (vocabulary === undefined) return;
    const known = verbsIn(vocabulary);
    if (!rule.verbs.some((verb) => known.has(verb)))
      this.#find("never-idle", rule, `${rule.id}: nothing that ${model.protocol} can ask is ${rule.verbs.join(" or ")}`);
    else if (rule.verbs.every(isWriting) && pointsOf(rule, model)?.every((point) => point.access === "r"))
      this.#find("never-idle", rule, `${rule.id}: the points file lets nobody write there as it is`);
    else if (this.#isReadOnlyTable(rule, model)) this.#find("never-idle", rule, `${rule.id}: no request can write that table`);
  }

  #isReadOnlyTable({ scope, verbs }: Rule, model: AssetModel): boolean {
    return scope.is === "addresses" && verbs.every(isWriting) && this.#spaces(model)[scope.space]?.writable === false;
  }

  /** Two allow rules one subject can hold, over one place that both let be written. */
  pairs(): void {
    for (const { name, model, rules } of this.#held())
      for (const { first, second, space, from, to } of overlaps(rules, model, this.#spaces(model))) {
        // A stop beside the rule for everyday values is what it is for.
        if (first.essential || second.essential || sameConditions(first, second)) continue;
        const table = this.#spaces(model)[space] as Space;
        const place = `${table.name} ${formatAddresses(model.addressing, table, from, to)}`;
        this.#find(
          "overlap",
          second,
          `${second.id} and ${first.id} (line ${first.line}) both let ${name} write ${place} of ${model.name}`,
          `${first.order}`,
        );
      }
  }

  /** A rule that another one, which asks for nothing more, always decides before it. */
  unreachable(): void {
    for (const never of this.#policy.never)
      this.#shadowed(
        never,
        this.#policy.never.filter((other) => other.order < never.order),
      );
    for (const { model, rules } of this.#held()) {
      const never = this.#policy.never.filter((rule) => rule.asset === model.name);
      const denies = rules.filter((rule) => rule.effect === "deny");
      const open = new Wider(rules.filter((rule) => rule.effect === "allow" && isUnconditional(rule)));
      const denying = new Wider([...never, ...denies]);
      for (const rule of rules) {
        const isDeny = rule.effect === "deny";
        const before = denying.of(rule).filter((other) => !isDeny || other.id.startsWith("never/") || other.order < rule.order);
        const wider = isDeny || rule.essential ? [] : open.of(rule).filter((other) => !isUnconditional(rule) || other.order < rule.order);
        this.#shadowed(rule, before, wider);
      }
    }
  }

  #shadowed(rule: Rule, denies: readonly Rule[], allows: readonly Rule[] = []): void {
    const model = this.#policy.assets.get(rule.asset);
    if (model === undefined) return;
    const spaces = this.#spaces(model);
    const deny = denies.find((other) => other !== rule && contains(other, rule, model, spaces));
    if (deny !== undefined) {
      this.#find("unreachable", rule, `${rule.id} never decides: ${deny.id} (line ${deny.line}) denies all of it`);
      return;
    }
    const allow = allows.find(
      (other) => (other.broadcast || !rule.broadcast) && (other.opaque || !rule.opaque) && contains(other, rule, model, spaces),
    );
    if (allow !== undefined)
      this.#find("unreachable", rule, `${rule.id} adds nothing: ${allow.id} (line ${allow.line}) allows all of it already`);
  }

  roles(): void {
    const { roles, bindings } = this.#policy;
    const held = new Set(bindings.map(({ role }) => role));
    const rulesIn = (role: Role): readonly (Rule | ManageRule)[] => [...role.rules, ...role.manage];
    for (const [name, role] of roles) {
      if (held.has(name)) continue;
      const rules = rulesIn(role);
      const own = rules.find((rule) => rule.id.startsWith(`${name}/`));
      const included = [...roles].some(([other, each]) => other !== name && own !== undefined && rulesIn(each).includes(own));
      if (included) continue;
      const at = own ?? rules[0];
      this.#find("role-unused", at ?? { line: 1 }, `no binding gives the role ${name}, and no role includes it`, name);
    }
  }

  /** Rights that nobody can use are not the ones their author meant to give (RULINGS 27). */
  management({ management }: LintSite): void {
    const [rule] = manageRulesOf(this.#policy);
    if (rule === undefined || management.web !== null) return;
    this.#find("manage-not-served", rule, `${rule.id} grants ${rule.rights.join(", ")}, and the site's management names no interface`);
  }

  events({ assets }: LintSite): void {
    for (const model of this.#policy.assets.values()) {
      const site = assets.get(model.name);
      if (site === undefined || !this.#spaces(model).some(({ verbs }) => verbs.includes("events"))) continue;
      for (const { rule, words } of unownedEvents(this.#policy, model, site))
        this.#find("events-unowned", rule ?? { line: 1 }, words, rule === null ? model.name : "");
    }
  }

  binding(binding: Binding, site: LintSite): void {
    const { source, role, kind, acceptUnauthenticated } = binding;
    const manage = this.#policy.roles.get(role)?.manage ?? [];
    if (kind === "machine" && manage.length > 0) {
      const ids = manage.map(({ id, line }) => `${id} (line ${line})`).join(", ");
      this.#find("machine-cannot-manage", binding, `${role} has ${ids}, and a machine manages nothing: only kind: person does`);
    }
    if (source === null) return;
    if (acceptUnauthenticated) {
      const words = mayWrite(this.#policy, role)
        ? `anybody in ${source.text} may write as ${role}`
        : `${role} has no write rule, so nothing is accepted`;
      this.#find("source-may-write", binding, `${words}: nobody is proven there`);
    } else if (mayWrite(this.#policy, role))
      this.#find(
        "source-cannot-write",
        binding,
        `${role} has write rules, but writes from ${source.text} are denied without accept_unauthenticated`,
      );
    else this.#find("source-binding", binding, `anybody in ${source.text} is ${role}: an address proves nobody`);
    if (source.prefix === 0) this.#find("source-wide", binding, `${source.text} is every address`);
    const served = site.listeners.some(({ tls, from }) => tls === "none" && from.some((prefix) => prefixesTouch(prefix, source)));
    if (!served) this.#find("source-not-served", binding, `no listener of the site with tls: none serves ${source.text}`);
  }

  /** Silence tells a proven sender nothing: its client waits, and asks again. */
  drops(): void {
    const { bindings, roles, onDeny, assetOnDeny } = this.#policy;
    const proven = new Set(bindings.filter(({ source }) => source === null).map(({ role }) => role));
    if (proven.size === 0) return;
    const drops = (each: OnDeny | null): boolean => each?.answer === "drop";
    const fix = "answer exception, or close";
    if (drops(onDeny))
      this.#find("drop-authenticated", { line: 1 }, `denials of proven senders are dropped everywhere; ${fix}`, "document");
    for (const [asset, each] of assetOnDeny)
      if (drops(each)) this.#find("drop-authenticated", { line: 1 }, `denials of proven senders are dropped on ${asset}; ${fix}`, asset);
    for (const name of proven) {
      const role = roles.get(name);
      if (drops(role?.onDeny ?? null))
        this.#find(
          "drop-authenticated",
          role?.rules[0] ?? { line: 1 },
          `denials of ${name}, whose holders are proven, are dropped; ${fix}`,
          name,
        );
      for (const rule of role?.rules ?? [])
        if (drops(rule.onDeny)) this.#find("drop-authenticated", rule, `${rule.id} drops denials of proven senders; ${fix}`);
    }
  }

  /** What one role has on one asset. Several roles of one subject are their bindings' business. */
  *#held(): Iterable<{ readonly name: string; readonly model: AssetModel; readonly rules: readonly Rule[] }> {
    for (const [name, role] of this.#policy.roles)
      for (const model of this.#policy.assets.values()) {
        const rules = role.rules.filter((rule) => rule.asset === model.name);
        if (rules.length > 0) yield { name, model, rules };
      }
  }

  #spaces(model: AssetModel): readonly Space[] {
    return this.#vocabularies.get(model.protocol)?.spaces ?? [];
  }

  /** Each finding once, though a rule stands on several assets and in several roles. */
  #find(code: LintCode, at: { readonly line: number; readonly column?: number }, words: string, about = ""): void {
    const { line, column = 1 } = at;
    const key = `${code} ${line} ${column} ${about === "" ? words : about}`;
    if (this.#said.has(key)) return;
    this.#said.add(key);
    this.findings.push({ code, level: LINTS[code][0], file: this.#policy.file, line, column, words });
  }
}

/** Rules by what they could contain: one that names points contains only rules that name one of them. */
class Wider {
  readonly #byPoint = new Map<number, Rule[]>();
  readonly #others: Rule[] = [];

  constructor(rules: readonly Rule[]) {
    for (const rule of rules) {
      if (rule.scope.is !== "points") this.#others.push(rule);
      else
        for (const point of rule.scope.points) {
          const list = this.#byPoint.get(point);
          if (list === undefined) this.#byPoint.set(point, [rule]);
          else list.push(rule);
        }
    }
    // A rule without names is wide, and few are; where there are very many, what the first say is enough to read.
    this.#others.splice(MOST_WIDE);
  }

  of({ scope }: Rule): Rule[] {
    const [point] = scope.is === "points" ? scope.points : [];
    return [...this.#others, ...(point === undefined ? [] : (this.#byPoint.get(point) ?? []))];
  }
}

const MOST_WIDE = 256;

/** The points a rule names; null where it names none. */
function pointsOf({ scope, units }: Rule, model: AssetModel): readonly Point[] | null {
  if (scope.is !== "points") return null;
  return scope.points.map((index) => model.points[index] as Point).filter((point) => units.includes(point.unitId));
}

function isNumeric(point: Point): boolean {
  return point.type !== "bool" && point.type !== "bit" && point.type !== "string";
}

function names(points: readonly Point[]): string {
  const shown = points.slice(0, 4).map(({ name }) => name);
  return points.length > 4 ? `${shown.join(", ")} and ${points.length - 4} more` : shown.join(", ");
}

/** Nothing between min and max can be held by the point, or passes its write limits. */
function isBeyond(min: Decimal | null, max: Decimal | null, point: Point): boolean {
  if (min === null || max === null || !isNumeric(point)) return false;
  const [low, high] = rangeOf(point);
  const below = (a: Decimal, b: Decimal | null): boolean => b !== null && compareDecimals(a, b) < 0;
  const above = (a: Decimal, b: Decimal | null): boolean => b !== null && compareDecimals(a, b) > 0;
  return below(max, low) || above(min, high) || below(max, point.writeMin) || above(min, point.writeMax);
}

/** `12 t/h per min`: in the unit of the window where it is a whole one, else per window. */
function sayRamp(step: Decimal, changes: Rate, unit: string): string {
  const most = formatDecimal(multiply(step, parseDecimal(String(changes.count)) as Decimal));
  const window = WINDOWS.find(([ms]) => changes.windowMs % ms === 0) ?? [1, "ms"];
  const count = changes.windowMs / window[0];
  return `${most}${unit === "" ? "" : ` ${unit}`} per ${count === 1 ? "" : `${count} `}${window[1]}`;
}

const WINDOWS: readonly (readonly [number, string])[] = [
  [86_400_000, "d"],
  [3_600_000, "h"],
  [60_000, "min"],
  [1_000, "s"],
];

/** It asks for nothing but its place: whatever lies within it is allowed. */
function isUnconditional(rule: Rule): boolean {
  return rule.values === null && rule.hours === null && rule.state === null && rule.rate === null;
}

/** Rules that ask the same of a value grant together what each grants alone. */
function sameConditions(a: Rule, b: Rule): boolean {
  const conditions = ({ values, hours, state, rate, functions, vias, objects, control, broadcast }: Rule): string =>
    JSON.stringify([values, hours?.text, state?.text, state?.maxAgeMs, rate, functions, vias, objects, control, broadcast], (_, value) =>
      typeof value === "bigint" ? String(value) : value,
    );
  return conditions(a) === conditions(b);
}

function prefixesTouch(
  a: { readonly address: Uint8Array; readonly prefix: number },
  b: { readonly address: Uint8Array; readonly prefix: number },
): boolean {
  if (a.address.length !== b.address.length) return false;
  for (let bit = 0; bit < Math.min(a.prefix, b.prefix); bit++) {
    const mask = 0x80 >> (bit & 7);
    if ((((a.address[bit >> 3] as number) ^ (b.address[bit >> 3] as number)) & mask) !== 0) return false;
  }
  return true;
}
