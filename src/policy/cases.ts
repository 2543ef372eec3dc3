/**
 * Cases: questions with expected answers that lie beside a policy, its unit tests.
 *
 *     - as: operator                               a role, a list of roles, an identity, an address; or { identity, certificate_role }
 *       on: boiler-1                               may be left out where there is one asset
 *       request: write feed_setpoint = 41          the words of `policy explain`
 *       seen: { feed_setpoint: 40 }                what stands there
 *       expect: deny
 *       code: aboveMaximum
 *       rule: operator/feed-setpoint
 *
 * Every case is put to both twins: the compiled decision, which the gateway uses, and the naive one, which explains. They must agree.
 */
import { MOST_PROBLEMS, type Problem, quoted, sayProblem } from "#documents/problems";
import { readIp } from "#documents/quantities";
import { checkShape } from "#documents/shape";
import { expectedName, readYaml, type YamlDocument } from "#documents/yaml";
import type { Vocabulary } from "#operation";
import type { AssetModel } from "#process/points";
import { err, ok, type Result } from "#wire";
import { bind, type Claim, personRoles } from "./bindings.ts";
import { countedPlace, type Stated, seenCells, statedFacts } from "./casesFacts.ts";
import { type Asked, askInWords, isMisread } from "./casesQuestion.ts";
import type { Assurance, Compiled } from "./compile.ts";
import { decide } from "./decide.ts";
import type { Decision } from "./decision.ts";
import { explain } from "./explain.ts";
import { explainManage } from "./explainManage.ts";
import type { Source } from "./load.ts";
import { decideManage, manageRulesOf } from "./manage.ts";
import type { ManageRight, ManageRule, Policy, Rule } from "./model.ts";
import { CASES_SHAPE, type CaseDocument } from "./schema.ts";

export interface CaseFile {
  readonly file: string;
  readonly cases: readonly Case[];
}

export interface Case {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** What it is called, else who asks what. */
  readonly title: string;
  readonly who: Who;
  /** Null: the gateway as a whole, where a right of management is asked for. */
  readonly asset: string | null;
  readonly asked: Asked | AskedRight;
  readonly stated: Stated;
  readonly expect: "allow" | "deny";
  /** Null where the case does not say. */
  readonly rule: string | null;
  readonly code: string | null;
}

/** A right of management, in place of a request to the plant. */
export interface AskedRight {
  readonly right: ManageRight;
}

/** Roles, as if they were proven by certificate, and of a person; or a claim, which the bindings turn into roles. */
export type Who = { readonly roles: readonly string[] } | { readonly claim: Claim };

export interface Verdict {
  readonly of: Case;
  readonly passed: boolean;
  /** What came out: `allow by viewer/read-all`, `deny aboveMaximum by operator/feed-setpoint`. */
  readonly outcome: string;
  /** What was expected instead, null where it passed. */
  readonly expected: string | null;
}

/** How the cases used one rule. A rule on several assets is one rule here. */
export interface Coverage {
  readonly id: string;
  readonly line: number;
  readonly effect: "allow" | "deny" | "manage";
  /** Cases in which it allowed. */
  readonly allowed: number;
  /** Cases in which it denied, or came nearest. */
  readonly denied: number;
  /** Was it decisive for what it is there for: an allow (or a right of management) that allowed, a deny that denied? */
  readonly covered: boolean;
}

export interface CaseReport {
  readonly verdicts: readonly Verdict[];
  readonly coverage: readonly Coverage[];
  /** One line per case that failed: `file:line:column: title: found ...; expected ...`. */
  readonly failures: readonly string[];
}

/** @returns the cases, or every problem found (at most MOST_PROBLEMS) */
export function loadCases(
  source: Source,
  policy: Policy,
  vocabularies: ReadonlyMap<string, Vocabulary>,
): Result<CaseFile, readonly Problem[]> {
  const document = readYaml(source.file, source.text);
  if (!document.ok) return document;
  const shaped = checkShape(document.value, CASES_SHAPE);
  if (!shaped.ok) return shaped;
  const reading = new Reading(document.value, policy, vocabularies);
  const cases = shaped.value.flatMap((each, i) => reading.case(each, i) ?? []);
  return reading.problems.length > 0 ? err(reading.problems.slice(0, MOST_PROBLEMS)) : ok({ file: source.file, cases });
}

export function runCases(
  policy: Policy,
  compiled: Compiled,
  vocabularies: ReadonlyMap<string, Vocabulary>,
  files: readonly CaseFile[],
): CaseReport {
  const tally = new Tally(policy);
  const verdicts = files.flatMap(({ cases }) => cases.map((each) => tally.judge(each, judgeCase(policy, compiled, vocabularies, each))));
  const failures = verdicts.flatMap(({ of, outcome, expected }) =>
    expected === null ? [] : [sayProblem({ ...of, found: `${outcome} in case ${quoted(of.title)}`, expected })],
  );
  return { verdicts, coverage: tally.coverage(), failures };
}

/** What came of a case: the decision, or why there was none; and whether the twins agree. */
export interface Judged {
  readonly allowed: boolean;
  readonly code: string | null;
  readonly rules: readonly number[];
  /** Null: the twins agree, or there was nothing to decide. */
  readonly disagreement: string | null;
}

export function judgeCase(policy: Policy, compiled: Compiled, vocabularies: ReadonlyMap<string, Vocabulary>, each: Case): Judged {
  return "right" in each.asked
    ? judgeRight(policy, compiled, each.who, each.asked.right, each.asset)
    : judgeRequest(policy, compiled, vocabularies, each, each.asked);
}

/** @param asset  null: the gateway as a whole */
export function judgeRight(policy: Policy, { manage }: Compiled, who: Who, right: ManageRight, asset: string | null): Judged {
  const decided = decideManage(policy, manage, who, right, asset);
  const roles = "roles" in who ? who.roles : personRoles(policy, who.claim);
  const explained = typeof roles === "string" ? roles : (explainManage(policy, roles, right, asset).rule?.order ?? "nothingAllows");
  const disagreement = decided === explained ? null : `compiled: ${decided}, explained: ${explained}`;
  if (typeof decided === "string") return { allowed: false, code: decided, rules: [], disagreement };
  return { allowed: true, code: null, rules: [decided], disagreement };
}

function judgeRequest(
  policy: Policy,
  compiled: Compiled,
  vocabularies: ReadonlyMap<string, Vocabulary>,
  { who, asset, stated }: Case,
  { message }: Asked,
): Judged {
  const subject = subjectOf(policy, who);
  if (typeof subject === "string") return { allowed: false, code: subject, rules: [], disagreement: null };
  if (typeof message === "string") return { allowed: false, code: message, rules: [], disagreement: null };
  const model = policy.assets.get(asset ?? "") as AssetModel;
  const facts = statedFacts(stated, model, compiled);
  const vocabulary = vocabularies.get(model.protocol) as Vocabulary;
  const decided = decide(compiled.tableFor(model.name, subject.roles, subject.assurance), message.operations, facts);
  const explained = explain(policy, model.name, subject.roles, subject.assurance, message.operations, facts, vocabulary).decision;
  const same = sameDecision(decided, explained);
  return {
    allowed: decided.allowed,
    code: decided.code,
    rules: decided.rules,
    disagreement: same ? null : `compiled: ${JSON.stringify(decided)}, explained: ${JSON.stringify(explained)}`,
  };
}

export interface CaseSubject {
  readonly roles: readonly string[];
  readonly assurance: Assurance;
}

/** @returns `noRole`, `unknownRole` where the bindings give a claim nothing */
export function subjectOf(policy: Policy, who: Who): CaseSubject | "noRole" | "unknownRole" {
  if ("roles" in who) return { roles: who.roles, assurance: "certificate" };
  const bound = bind(policy, who.claim);
  if (typeof bound === "string") return bound;
  const proven = who.claim.identity !== null || who.claim.certificateRole !== null;
  return { roles: bound.roles, assurance: proven ? "certificate" : bound.mayWriteUnauthenticated ? "accepted" : "none" };
}

export function sameDecision(a: Decision, b: Decision): boolean {
  if (a.allowed !== b.allowed || a.code !== b.code || a.rules.length !== b.rules.length) return false;
  if (!a.rules.every((order, i) => order === b.rules[i])) return false;
  return (
    a.allowed || (a.operation === b.operation && a.unit === b.unit && a.space === b.space && a.address === b.address && a.point === b.point)
  );
}

/** `spiffe://...`, `cn:name@ca` and addresses are claims; other words are roles. */
export function readWho(policy: Policy, words: readonly string[]): Who | { readonly index: number; readonly expected: string } {
  const [first = ""] = words;
  if (words.length === 1) {
    const source = readIp(first);
    if (source !== null) return { claim: { identity: null, certificateRole: null, source } };
    if (first.startsWith("spiffe://") || first.startsWith("cn:")) {
      const identity = typedIdentity(first);
      return identity === null ? { index: 0, expected: CLAIMED } : { claim: { identity, certificateRole: null, source: null } };
    }
  }
  const index = words.findIndex((word) => !policy.roles.has(word));
  if (index < 0) return { roles: [...new Set(words)].sort() };
  return { index, expected: expectedName(words[index] as string, "a role", [...policy.roles.keys()]) };
}

const CLAIMED = "an identity such as spiffe://plant.example/operator/alice or cn:alice@plant, where @ names the authority";

function typedIdentity(words: string): string | null {
  if (/^spiffe:\/\/[^/*]+(?:\/[^/*]+)+$/.test(words)) return `spiffe:${words}`;
  return /^cn:[^@*]+@[^@*]+$/.test(words) ? words : null;
}

/** With its zone: a time without one is another time elsewhere. */
export function readTime(text: string): number | null {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d)?(?:Z|[+-]\d\d:\d\d)$/.test(text)) return null;
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? null : ms;
}

export const TIME_IS = "a time with its zone, such as 2026-11-24T10:00:00Z or 2026-11-24T11:00+01:00";

class Reading {
  readonly problems: Problem[] = [];
  readonly #document: YamlDocument;
  readonly #policy: Policy;
  readonly #vocabularies: ReadonlyMap<string, Vocabulary>;
  readonly #ruleIds: ReadonlySet<string>;

  constructor(document: YamlDocument, policy: Policy, vocabularies: ReadonlyMap<string, Vocabulary>) {
    this.#document = document;
    this.#policy = policy;
    this.#vocabularies = vocabularies;
    this.#ruleIds = new Set([...rulesOf(policy), ...manageRulesOf(policy)].map(({ id }) => id));
  }

  case(each: CaseDocument, i: number): Case | null {
    const before = this.problems.length;
    const { request, manage } = each;
    if (request === undefined) return this.#manageCase(each, i);
    if (manage !== undefined) this.#refuseKey([i, "manage"], "either request or manage in one case", "both request and manage");
    const asset = this.#asset(each, i);
    const who = this.#who(each, i);
    const at = each.at === undefined ? null : readTime(each.at);
    if (each.at !== undefined && at === null) this.#refuse([i, "at"], TIME_IS);
    this.#checkExpected(each, i);
    if (asset === null || who === null) return null;
    const vocabulary = this.#vocabularies.get(asset.protocol) as Vocabulary;
    const asked = askInWords(asset, vocabulary, request, each.unit ?? null);
    if (isMisread(asked)) this.#refuse([i, "request"], asked.expected, asked.found);
    const stated: Stated = {
      seen: Object.entries(each.seen ?? {}).flatMap(([place, { words }]) => {
        const cells = seenCells(this.#policy.assets, asset, vocabulary, place, words, each.unit ?? null);
        if ("found" in cells) this.#refuse([i, "seen", place], cells.expected, cells.found);
        return "found" in cells ? [] : cells;
      }),
      changes: Object.entries(each.changes ?? {}).flatMap(([place, count]) => {
        const counted = countedPlace(asset, vocabulary, place, count, each.unit ?? null);
        if (isMisread(counted)) this.#refuse([i, "changes", place], counted.expected, counted.found);
        return isMisread(counted) ? [] : [counted];
      }),
      requests: each.requests ?? 0,
      at,
    };
    if (this.problems.length > before || isMisread(asked)) return null;
    return { ...this.#caseOf(each, i, request), who, asset: asset.name, asked, stated };
  }

  /** `manage: end-session` in place of a request; without `on` about the gateway as a whole. */
  #manageCase(each: CaseDocument, i: number): Case | null {
    const before = this.problems.length;
    if (each.manage === undefined)
      this.#refuse([i], "request: with a request in words, or manage: with a right", "a case that asks nothing");
    const extra = OF_REQUESTS.find((key) => each[key] !== undefined);
    if (extra !== undefined) this.#refuseKey([i, extra], `no ${extra} beside manage: a right depends on who and where alone`);
    const asset = each.on === undefined ? null : this.#asset(each, i);
    const who = this.#who(each, i);
    this.#checkExpected(each, i);
    if (each.manage === undefined || who === null || this.problems.length > before) return null;
    const named = this.#caseOf(each, i, `manage ${each.manage}${each.on === undefined ? "" : ` on ${each.on}`}`);
    return { ...named, who, asset: asset?.name ?? null, asked: { right: each.manage }, stated: NOTHING_STATED };
  }

  #checkExpected({ expect, code, rule }: CaseDocument, i: number): void {
    if (code !== undefined && expect === "allow") this.#refuse([i, "code"], "a code only where the case expects deny");
    if (rule !== undefined && rule !== "default" && !this.#ruleIds.has(rule))
      this.#refuse([i, "rule"], expectedName(rule, "the id of a rule, or default", [...this.#ruleIds]));
  }

  #caseOf(each: CaseDocument, i: number, asks: string): Pick<Case, "file" | "line" | "column" | "title" | "expect" | "rule" | "code"> {
    return {
      file: this.#document.file,
      ...this.#document.place([i]),
      title: each.name ?? `${sayWho(each)}: ${asks}`,
      expect: each.expect,
      rule: each.rule ?? null,
      code: each.code ?? null,
    };
  }

  #asset(each: CaseDocument, i: number): AssetModel | null {
    const { assets } = this.#policy;
    const names = [...assets.keys()];
    if (each.on === undefined) {
      if (assets.size === 1) return [...assets.values()][0] ?? null;
      this.#refuse([i, "on"], expectedName("", "on: with the name of an asset", names), "no on");
      return null;
    }
    const asset = assets.get(each.on);
    if (asset === undefined) this.#refuse([i, "on"], expectedName(each.on, "the name of an asset", names));
    return asset ?? null;
  }

  #who({ as }: CaseDocument, i: number): Who | null {
    if (Array.isArray(as)) {
      const who = readWho(this.#policy, as);
      if (!("expected" in who)) return who;
      const list = this.#document.node([i, "as"])?.is === "list";
      this.#refuse(list ? [i, "as", who.index] : [i, "as"], who.expected);
      return null;
    }
    const identity = as.identity === undefined ? null : typedIdentity(as.identity);
    if (as.identity !== undefined && identity === null) this.#refuse([i, "as", "identity"], CLAIMED);
    const source = as.source === undefined ? null : readIp(as.source);
    if (as.source !== undefined && source === null) this.#refuse([i, "as", "source"], "an address such as 10.10.5.7");
    if (as.identity === undefined && as.certificate_role === undefined && as.source === undefined)
      this.#refuse([i, "as"], "at least one of: identity, certificate_role, source", "a claim that claims nothing");
    return { claim: { identity, certificateRole: as.certificate_role ?? null, source } };
  }

  #refuse(path: readonly PropertyKey[], expected: string, found?: string): void {
    this.problems.push(this.#document.problem(path, expected, found));
  }

  #refuseKey(path: readonly PropertyKey[], expected: string, found = `the key ${quoted(String(path.at(-1)))}`): void {
    this.problems.push(this.#document.keyProblem(path, expected, found));
  }
}

/** What only a request can depend on. */
const OF_REQUESTS = ["unit", "at", "seen", "changes", "requests"] as const;
const NOTHING_STATED: Stated = { seen: [], changes: [], requests: 0, at: null };

function sayWho({ as }: CaseDocument): string {
  return Array.isArray(as) ? as.join("+") : (as.identity ?? as.certificate_role ?? as.source ?? "nobody");
}

/** Every rule of a policy once, in the order of the document. */
export function rulesOf(policy: Policy): Rule[] {
  const rules = new Map<number, Rule>();
  for (const rule of policy.never) rules.set(rule.order, rule);
  for (const role of policy.roles.values()) for (const rule of role.rules) rules.set(rule.order, rule);
  return [...rules.values()].sort((a, b) => a.order - b.order);
}

class Tally {
  readonly #byOrder = new Map<number, Rule | ManageRule>();
  readonly #counts = new Map<string, { readonly rule: Rule | ManageRule; allowed: number; denied: number }>();

  constructor(policy: Policy) {
    for (const rule of [...rulesOf(policy), ...manageRulesOf(policy)].sort((a, b) => a.order - b.order)) {
      this.#byOrder.set(rule.order, rule);
      if (!this.#counts.has(rule.id)) this.#counts.set(rule.id, { rule, allowed: 0, denied: 0 });
    }
  }

  judge(of: Case, judged: Judged): Verdict {
    const ids = [...new Set(judged.rules.flatMap((order) => this.#byOrder.get(order)?.id ?? []))];
    for (const id of ids) {
      const count = this.#counts.get(id);
      if (count === undefined) continue;
      if (judged.allowed) count.allowed += 1;
      else count.denied += 1;
    }
    const by = ids.length === 0 ? "default" : ids.join(", ");
    const outcome = judged.allowed ? `allow by ${by}` : `deny ${judged.code} by ${by}`;
    const agrees =
      of.expect === (judged.allowed ? "allow" : "deny") &&
      (of.code === null || of.code === judged.code) &&
      (of.rule === null || (of.rule === "default" ? ids.length === 0 : ids.includes(of.rule)));
    if (judged.disagreement !== null)
      return { of, passed: false, outcome, expected: `both ways of deciding to agree (a fault of ours): ${judged.disagreement}` };
    return { of, passed: agrees, outcome, expected: agrees ? null : sayExpected(of) };
  }

  coverage(): Coverage[] {
    return [...this.#counts.values()].map(({ rule, allowed, denied }) => {
      const effect = "rights" in rule ? "manage" : rule.effect;
      return { id: rule.id, line: rule.line, effect, allowed, denied, covered: effect === "deny" ? denied > 0 : allowed > 0 };
    });
  }
}

function sayExpected({ expect, code, rule }: Case): string {
  return `${expect}${code === null ? "" : ` ${code}`}${rule === null ? "" : ` by ${rule}`}`;
}
