/** `penstock policy test|explain|lint`: the policy tools. They ask the engine the gateway uses, and its naive twin. */
import { readFileSync } from "node:fs";
import { visible } from "#documents/escape";
import { sayProblem, UserProblems } from "#documents/problems";
import { type Documents, readDocuments, VOCABULARIES, whyUnreadable } from "#gateway/documents";
import { deniedPolls } from "#gateway/pollFindings";
import type { Vocabulary } from "#operation";
import { personRoles } from "#policy/bindings";
import {
  type CaseFile,
  judgeRight,
  loadCases,
  readTime,
  readWho,
  runCases,
  sameDecision,
  subjectOf,
  TIME_IS,
  type Who,
} from "#policy/cases";
import { type SeenCell, seenCells, statedFacts } from "#policy/casesFacts";
import { askInWords, isMisread } from "#policy/casesQuestion";
import { decide } from "#policy/decide";
import type { Decision } from "#policy/decision";
import { explain as explainDecision } from "#policy/explain";
import { explainManage } from "#policy/explainManage";
import { type Finding, lint as lintPolicy, sayFinding } from "#policy/lint";
import type { Policy, Rule } from "#policy/model";
import { MANAGE_WORDS } from "#policy/schema";
import { sayDenial } from "#policy/words";
import type { AssetModel } from "#process/points";
import { EXIT } from "./exit.ts";
import { print, printJson, table } from "./output.ts";
import { policyWords } from "./policyWords.ts";

export interface PolicyOptions {
  readonly site: string;
  readonly policy: string;
  readonly json?: boolean;
}

/** @param caseFiles  empty: every `*.cases.yaml` beside the policy */
export async function test(caseFiles: readonly string[], options: PolicyOptions): Promise<number> {
  const { documents } = await readDocuments(options.site, options.policy);
  const { policy, compiled } = documents;
  const files = caseFiles.length === 0 ? documents.cases : caseFiles.map((file) => readCaseFile(file, documents));
  const { verdicts, coverage, failures } = runCases(policy, compiled, VOCABULARIES, files);
  const failed = failures.length;
  const covered = coverage.filter((rule) => rule.covered).length;
  if (options.json === true) {
    printJson({
      ok: failed === 0,
      policy: { name: policy.name, version: policy.version, hash: documents.hash },
      passed: verdicts.length - failed,
      failed,
      cases: verdicts.map(({ of, passed, outcome, expected }) => ({
        file: of.file,
        line: of.line,
        case: of.title,
        passed,
        outcome,
        expected,
      })),
      rules: coverage,
    });
    return failed === 0 ? EXIT.ok : EXIT.fails;
  }
  for (const line of failures) print(line);
  const idle = coverage.filter((rule) => !rule.covered);
  if (idle.length > 0) {
    const rows = idle.map(({ id, line, allowed, denied }) => [`  ${id}`, `line ${line}`, `allowed ${allowed}`, `denied ${denied}`]);
    print("rules that no case shows at work:");
    print(visibleRows(rows));
  }
  const cases = `${verdicts.length - failed} of ${verdicts.length} cases passed`;
  print(`${policy.name} version ${policy.version}: ${cases}, ${covered} of ${coverage.length} rules covered`);
  return failed === 0 ? EXIT.ok : EXIT.fails;
}

function readCaseFile(file: string, { policy }: Documents): CaseFile {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new UserProblems([`${file}: ${whyUnreadable(error)}`]);
  }
  const cases = loadCases({ file, text }, policy, VOCABULARIES);
  if (!cases.ok) throw new UserProblems(cases.error.map(sayProblem));
  return cases.value;
}

export async function lint(options: PolicyOptions): Promise<number> {
  const { documents } = await readDocuments(options.site, options.policy);
  const findings = lintDocuments(documents);
  if (options.json === true) printJson({ ok: !findings.some(isError), findings });
  else {
    for (const finding of findings) print(sayFinding(finding));
    print(`${documents.policy.name} version ${documents.policy.version}: ${sayCounts(findings)}`);
  }
  return findings.some(isError) ? EXIT.fails : EXIT.ok;
}

export function lintDocuments(documents: Documents): Finding[] {
  const { policy, site, compiled } = documents;
  return [...lintPolicy(policy, site, VOCABULARIES, compiled.crowded), ...deniedPolls(documents)];
}

export function isError({ level }: Finding): boolean {
  return level === "error";
}

/** `2 warnings, 1 note`. */
export function sayCounts(findings: readonly Finding[]): string {
  const count = (level: Finding["level"]): string => {
    const n = findings.filter((finding) => finding.level === level).length;
    return n === 0 ? "" : `${n} ${level}${n === 1 ? "" : "s"}`;
  };
  return [count("error"), count("warning"), count("note")].filter((part) => part !== "").join(", ") || "nothing found";
}

export interface ExplainOptions extends PolicyOptions {
  readonly as?: string;
  readonly on?: string;
  readonly unit?: string;
  readonly at?: string;
  readonly seen?: readonly string[];
  readonly manage?: string;
  readonly words?: boolean;
}

/** One request in words, judged; exit 1 where it is denied. */
export async function explain(words: string, options: ExplainOptions): Promise<number> {
  if (options.words === true) {
    if (options.json === true) printJson({ words: policyWords() });
    else process.stdout.write(policyWords());
    return EXIT.ok;
  }
  if (options.manage !== undefined) return explainRight(options.manage, words, options);
  if (words === "") throw new UserProblems(["found no request; expected one in words, such as: write holding 40 = 300"]);
  const { documents } = await readDocuments(options.site, options.policy);
  const question = readQuestion(words, options, documents);
  const { policy, compiled } = documents;
  const { asset, vocabulary, who, at } = question;
  const subject = subjectOf(policy, who);
  if (typeof subject === "string") return tell(options, question, null, subject, []);
  const { message } = question.asked;
  if (typeof message === "string") return tell(options, question, subject.roles, message, []);
  const facts = statedFacts({ seen: question.seen, changes: [], requests: 0, at }, asset, compiled);
  const decided = decide(compiled.tableFor(asset.name, subject.roles, subject.assurance), message.operations, facts);
  const { decision, considered } = explainDecision(
    policy,
    asset.name,
    subject.roles,
    subject.assurance,
    message.operations,
    facts,
    vocabulary,
  );
  if (!sameDecision(decided, decision))
    throw new Error(`the two ways of deciding differ: ${JSON.stringify(decided)} and ${JSON.stringify(decision)}`);
  const rule = considered.find((each) => each.rule.order === decision.rules[0])?.rule ?? null;
  const said = decision.allowed
    ? sayAllowed(
        question,
        considered.map((each) => each.rule),
        decision,
      )
    : sayDenial({ subject: { name: question.name }, asset, vocabulary, operations: message.operations, decision, rule });
  return tell(options, question, subject.roles, decision, considered, said);
}

/** `--manage end-session`: a right of management instead of a request; on the asset of `--on`, or on the gateway as a whole. */
async function explainRight(word: string, request: string, options: ExplainOptions): Promise<number> {
  const right = MANAGE_WORDS.find((each) => each === word);
  if (right === undefined) throw new UserProblems([visible(`--manage: found "${word}"; expected one of: ${MANAGE_WORDS.join(", ")}`)]);
  if (request !== "") throw new UserProblems(["found a request beside --manage; expected one of them"]);
  for (const option of ["unit", "at"] as const)
    if (options[option] !== undefined)
      throw new UserProblems([`found --${option} beside --manage; a right depends on who and where alone`]);
  if ((options.seen ?? []).length > 0) throw new UserProblems(["found --seen beside --manage; a right depends on who and where alone"]);
  const { documents } = await readDocuments(options.site, options.policy);
  const { policy, compiled } = documents;
  const { name, who } = readAs(options, policy);
  const asset = options.on === undefined ? null : assetOf(options.on, policy.assets).name;
  const { allowed, code, rules, disagreement } = judgeRight(policy, compiled, who, right, asset);
  if (disagreement !== null) throw new Error(`the two ways of deciding differ: ${disagreement}`);
  const roles = "roles" in who ? who.roles : personRoles(policy, who.claim);
  const { considered } = typeof roles === "string" ? { considered: [] } : explainManage(policy, roles, right, asset);
  const where = asset === null ? "the gateway as a whole" : asset;
  const by = considered.find(({ rule }) => rule.order === rules[0])?.rule;
  const said =
    by === undefined
      ? `denied ${name}: ${right} on ${where}; ${NO_RIGHT[code ?? ""] ?? code}`
      : `allowed ${name}: ${right} on ${where}; by ${by.id} (line ${by.line})`;
  if (options.json === true) {
    const told = considered.map(({ rule, verdict }) => ({
      id: rule.id,
      line: rule.line,
      effect: "manage",
      decisive: rule === by,
      verdict,
    }));
    printJson({ allowed, code, words: said, as: name, roles: typeof roles === "string" ? null : roles, manage: right, asset, rules: told });
    return allowed ? EXIT.ok : EXIT.fails;
  }
  if (considered.length > 0) print(visibleRows(considered.map(({ rule, verdict }) => [`  line ${rule.line}`, "manage", rule.id, verdict])));
  print(visible(said));
  if (code !== null) print(`code ${code}`);
  return allowed ? EXIT.ok : EXIT.fails;
}

interface Question {
  readonly words: string;
  /** As the option named them. */
  readonly name: string;
  readonly who: Who;
  readonly asset: AssetModel;
  readonly vocabulary: Vocabulary;
  readonly asked: Exclude<ReturnType<typeof askInWords>, { readonly found: string }>;
  readonly seen: readonly SeenCell[];
  /** Wall time, milliseconds. */
  readonly at: number;
}

/** @throws UserProblems naming the option that is wrong */
function readQuestion(words: string, options: ExplainOptions, { policy }: Documents): Question {
  const asset = assetOf(options.on, policy.assets);
  const vocabulary = VOCABULARIES.get(asset.protocol) as Vocabulary;
  const { name, who } = readAs(options, policy);
  const unit = options.unit === undefined ? null : Number(options.unit);
  if (unit !== null && !(/^[0-9]{1,3}$/.test(options.unit ?? "") && unit <= 255))
    throw new UserProblems([visible(`--unit: found "${options.unit}"; expected a unit id from 0 to 255`)]);
  const at = options.at === undefined ? Date.now() : readTime(options.at);
  if (at === null) throw new UserProblems([visible(`--at: found "${options.at}"; expected ${TIME_IS}`)]);
  const asked = askInWords(asset, vocabulary, words, unit);
  if (isMisread(asked)) throw new UserProblems([visible(`request: found ${asked.found}; expected ${asked.expected}`)]);
  const seen = (options.seen ?? []).flatMap((text) => {
    const [place = "", value = "", ...more] = text.split("=").map((side) => side.trim());
    if (value === "" || more.length > 0)
      throw new UserProblems([visible(`--seen: found "${text}"; expected point=value, such as feed_setpoint=20`)]);
    const cells = seenCells(policy.assets, asset, vocabulary, place, value, unit);
    if ("found" in cells) throw new UserProblems([visible(`--seen: found ${cells.found}; expected ${cells.expected}`)]);
    return cells;
  });
  return { words, name, who, asset, vocabulary, asked, seen, at };
}

/** @throws UserProblems */
function readAs({ as }: ExplainOptions, policy: Policy): { readonly name: string; readonly who: Who } {
  if (as === undefined)
    throw new UserProblems([
      `--as: found nothing; expected a role (${[...policy.roles.keys()].join(", ")}), several joined by +, or an identity`,
    ]);
  const names = /^(?:spiffe:|cn:)|[:/]/.test(as) ? [as] : as.split("+");
  const who = readWho(policy, names);
  if ("expected" in who) throw new UserProblems([visible(`--as: found "${names[who.index]}"; expected ${who.expected}`)]);
  return { name: as, who };
}

function assetOf(name: string | undefined, assets: ReadonlyMap<string, AssetModel>): AssetModel {
  const known = [...assets.keys()].join(", ");
  const only = assets.size === 1 ? [...assets.values()][0] : undefined;
  const asset = name === undefined ? only : assets.get(name);
  if (asset === undefined)
    throw new UserProblems([visible(`--on: found ${name === undefined ? "nothing" : `"${name}"`}; expected one of: ${known}`)]);
  return asset;
}

function sayAllowed({ name, asset, words }: Question, rules: readonly Rule[], decision: Decision): string {
  const by = decision.rules.flatMap((order) => {
    const rule = rules.find((each) => each.order === order);
    return rule === undefined ? [] : [`${rule.id} (line ${rule.line})`];
  });
  return visible(`allowed ${name}@${asset.name}: ${words}; by ${by.join(", ")}`);
}

const NOBODY = {
  noRole: "no binding of the policy matches",
  unknownRole: "no binding of the policy knows the role of the certificate",
} as const;

/** Why somebody may not manage. */
const NO_RIGHT: Readonly<Record<string, string>> = {
  ...NOBODY,
  notAPerson: "no binding of a person names who asks, and only persons manage",
  nothingAllows: "no rule grants it",
};

/** @param outcome  a decision, or the code of why there was nothing to decide */
function tell(
  options: ExplainOptions,
  question: Question,
  roles: readonly string[] | null,
  outcome: Decision | string,
  considered: readonly { readonly rule: Rule; readonly verdict: string }[],
  said = "",
): number {
  const allowed = typeof outcome !== "string" && outcome.allowed;
  const code = typeof outcome === "string" ? outcome : outcome.code;
  const why =
    outcome === "noRole" || outcome === "unknownRole"
      ? `denied ${question.name}@${question.asset.name}: ${NOBODY[outcome]}`
      : typeof outcome === "string"
        ? `denied ${question.name}@${question.asset.name}: the request is malformed (${outcome})`
        : said;
  if (options.json === true) {
    const { unit, broadcast } = question.asked;
    const deciding = new Set(typeof outcome === "string" ? [] : outcome.rules);
    printJson({
      allowed,
      code,
      words: why,
      as: question.name,
      roles,
      asset: question.asset.name,
      unit,
      broadcast,
      at: new Date(question.at).toISOString(),
      rules: considered.map(({ rule, verdict }) => ({
        id: rule.id,
        line: rule.line,
        effect: rule.effect,
        decisive: deciding.has(rule.order),
        verdict,
      })),
    });
    return allowed ? EXIT.ok : EXIT.fails;
  }
  const asked = question.asked.broadcast ? "broadcast" : `unit ${question.asked.unit}`;
  print(visible(`${question.name} on ${question.asset.name}, ${asked}, at ${new Date(question.at).toISOString()}: ${question.words}`));
  if (considered.length > 0)
    print(visibleRows(considered.map(({ rule, verdict }) => [`  line ${rule.line}`, rule.effect, rule.id, verdict])));
  print(visible(why));
  if (code !== null) print(`code ${code}`);
  return allowed ? EXIT.ok : EXIT.fails;
}

function visibleRows(rows: readonly (readonly string[])[]): string {
  return table(rows.map((row) => row.map(visible)));
}
