/**
 * From the words of a rule to what the engine knows: verbs, assets, points, addresses, functions and exact limits. A rule that names several
 * assets becomes one rule for each. Every slip is told at the word that slipped; a rule with a slip becomes no rule.
 *
 * @source RULINGS 1, 2, 5, 7, 12, 14
 */
import { quoted } from "#documents/problems";
import type { Path } from "#documents/yaml";
import { type FunctionName, isWriting, type Verb, type Vocabulary } from "#operation";
import type { AssetModel } from "#process/points";
import { parseHours } from "./hours.ts";
import type { Desk } from "./loadDesk.ts";
import { resolveOnDeny } from "./loadOnDeny.ts";
import type { Hours, Rule, State } from "./model.ts";
import { checkCommanded, hasGroups, resolveControl, resolveObjects, resolveReply, resolveVias, withSelect } from "./resolveCommands.ts";
import { fileFunctions, fileVerbs } from "./resolveFiles.ts";
import { resolveScope } from "./resolveScope.ts";
import { resolveValues } from "./resolveValues.ts";
import { ALL_VERBS, type RuleDocument } from "./schema.ts";
import { MOST_AGE_MS, parseState } from "./state.ts";

/** Only an allow has conditions; a deny that could fail to hold would be a hole (RULINGS 1). */
const NOT_IN_DENY = ["values", "rate", "broadcast", "opaque", "essential"] as const;

/** What would keep a stop from being sent, or make it more than one (RULINGS 15). */
const NOT_IN_ESSENTIAL = ["hours", "state", "rate", "broadcast", "opaque"] as const;

/** @param owner  the role, or `never` */
export function resolveRule(desk: Desk, rule: RuleDocument, path: Path, owner: string): Rule[] {
  const before = desk.problems.length;
  const effect = effectOf(desk, rule, path, owner);
  if (rule.id === undefined) desk.missing(path, "id", "an id for the rule: denials, records and cases name it");
  if (rule.on === undefined) desk.missing(path, "on", 'the asset the rule is about (on: boiler-1), or on: "*"');
  if (effect === null || rule.id === undefined || rule.on === undefined) return [];
  const assets = resolveAssets(desk, rule.on, [...path, "on"]);
  const verbs = withSelect(verbsOf(desk, rule, effect, path, assets));
  if (effect === "deny") for (const key of NOT_IN_DENY) if (rule[key] !== undefined) desk.refuseKey([...path, key], NO_CONDITIONS);
  const hours = hoursOf(desk, rule.hours, [...path, "hours"]);
  const state = stateOf(desk, rule, [...path, "state"]);
  if (rule.gap !== undefined) checkGap(desk, rule, verbs, effect, path);
  const onDeny = rule.on_deny === undefined ? null : resolveOnDeny(desk, rule.on_deny, [...path, "on_deny"]);
  if (effect === "allow") checkOpaque(desk, rule, verbs, path);
  if (rule.essential === true && effect === "allow") checkEssential(desk, rule, verbs, path);
  checkBroadcast(desk, rule, verbs, assets, path);
  if (rule.values !== undefined && effect === "allow" && !verbs.some(isWriting))
    desk.refuseKey([...path, "values"], "values only where the rule allows write or operate");
  const place = desk.document.place(path);
  const resolved: Rule[] = [];
  for (const asset of assets) {
    const vocabulary = desk.vocabularies.get(asset.protocol) as Vocabulary;
    const units = unitsOf(desk, rule, asset, path);
    const functions = functionsOf(desk, rule, vocabulary, verbs, effect, path);
    const scope = resolveScope(desk, rule, { asset, vocabulary, verbs, effect, everyVerb: rule.deny?.includes("*") === true, units }, path);
    const vias = resolveVias(desk, rule, vocabulary, verbs, effect, path);
    const objects = resolveObjects(desk, rule, vocabulary, path);
    const control = resolveControl(desk, rule, vocabulary, verbs, effect, path);
    if (scope === null) continue;
    if (rule.control !== undefined && control !== null) checkCommanded(desk, scope, asset, vocabulary, [...path, "control"]);
    const values = rule.values === undefined ? null : resolveValues(desk, rule.values, scope, asset, vocabulary, [...path, "values"]);
    resolved.push({
      order: desk.nextOrder(),
      id: `${owner}/${rule.id}`,
      file: desk.document.file,
      line: place.line,
      column: place.column,
      effect,
      asset: asset.name,
      verbs,
      scope,
      units,
      functions,
      vias,
      objects,
      files: rule.files ?? null,
      control,
      reply: resolveReply(desk, rule, scope, vocabulary, effect, path),
      broadcast: rule.broadcast === true,
      opaque: rule.opaque === true,
      hours,
      state,
      rate: rule.rate ?? null,
      values,
      gap: rule.gap ?? 0,
      essential: rule.essential === true,
      onDeny,
    });
  }
  return desk.problems.length === before ? resolved : [];
}

const NO_CONDITIONS = "a deny without it: a deny holds whatever is written and however often";

function effectOf(desk: Desk, rule: RuleDocument, path: Path, owner: string): "allow" | "deny" | null {
  if (rule.allow !== undefined && rule.deny !== undefined) {
    desk.refuseKey([...path, "deny"], "either allow or deny in one rule", "both allow and deny");
    return null;
  }
  if (rule.allow === undefined && rule.deny === undefined) {
    desk.refuse(path, "allow: or deny: with a verb", "a rule that neither allows nor denies");
    return null;
  }
  if (owner === "never" && rule.allow !== undefined) {
    desk.refuseKey([...path, "allow"], "deny: under never nothing is granted");
    return null;
  }
  return rule.allow !== undefined ? "allow" : "deny";
}

/** The assets named, each once, in the order of the site where `"*"`. */
export function resolveAssets(desk: Desk, words: readonly string[], path: Path): AssetModel[] {
  if (words.includes("*")) {
    if (words.length > 1) desk.refuse(path, '"*" alone, or names of assets');
    return [...desk.assets.values()];
  }
  const assets = new Set<AssetModel>();
  words.forEach((word, i) => {
    const asset = desk.assets.get(word);
    if (asset === undefined) desk.unknown(path, i, word, "the name of an asset", [...desk.assets.keys()]);
    else if (assets.has(asset)) desk.refuseItem(path, i, "each asset once", `${quoted(word)} a second time`);
    else assets.add(asset);
  });
  return [...assets];
}

/** Ascending. `"*"` in a deny is every verb, in an allow it is read (RULINGS 5). */
function verbsOf(desk: Desk, rule: RuleDocument, effect: "allow" | "deny", path: Path, assets: readonly AssetModel[]): Verb[] {
  const words = (effect === "allow" ? rule.allow : rule.deny) ?? [];
  const at = [...path, effect];
  if (words.includes("*")) {
    if (words.length > 1) desk.refuse(at, '"*" alone, or names of verbs');
    return effect === "allow" ? ["read"] : [...ALL_VERBS].sort();
  }
  const verbs = new Set<Verb>();
  words.forEach((word, i) => {
    if (word === "file") {
      if (i > 0 || words.length > 1) desk.refuseItem(at, i, "file alone: what it is about is said by actions");
      for (const verb of fileVerbs(desk, rule, assets, path)) verbs.add(verb);
      return;
    }
    const verb = word as Verb;
    if (verbs.has(verb)) desk.refuseItem(at, i, "each verb once", `${quoted(verb)} a second time`);
    verbs.add(verb);
    if (effect === "deny") return;
    // A deny of what an asset cannot do harms nobody; a grant of it is a mistake.
    for (const asset of assets) {
      const known = verbsIn(desk.vocabularies.get(asset.protocol) as Vocabulary);
      if (!known.has(verb)) {
        desk.refuseItem(at, i, `a verb that ${asset.protocol} has: ${[...known].join(", ")}`);
        return;
      }
    }
  });
  return [...verbs].sort();
}

/** The verbs some function of the protocol carries; `raw` stands for the functions without a row. */
export function verbsIn(vocabulary: Vocabulary): Set<Verb> {
  return new Set<Verb>([...vocabulary.functions.flatMap(({ verbs }) => verbs), "raw"]);
}

function hoursOf(desk: Desk, text: string | undefined, path: Path): Hours | null {
  if (text === undefined) return null;
  const hours = parseHours(text);
  if (typeof hours !== "string") return hours;
  const [found, expected] = hours.replace(/^found /, "").split("; expected ");
  desk.refuse(path, expected ?? "hours", found);
  return null;
}

function stateOf(desk: Desk, { state }: RuleDocument, path: Path): State | null {
  if (state === undefined) return null;
  const [text, at] = typeof state === "string" ? [state, path] : [state.when, [...path, "when"]];
  const conditions = parseState(text, desk.assets);
  if ("found" in conditions) {
    desk.refuse(at, conditions.expected, conditions.found);
    return null;
  }
  return { text, conditions, maxAgeMs: typeof state === "string" ? MOST_AGE_MS : (state.max_age ?? MOST_AGE_MS) };
}

/** Registers that are read along lie between named ones: a rule over addresses names what it wants (RULINGS 6). */
function checkGap(desk: Desk, rule: RuleDocument, verbs: readonly Verb[], effect: "allow" | "deny", path: Path): void {
  const at = [...path, "gap"];
  if (effect === "deny") desk.refuseKey(at, NO_CONDITIONS);
  else if (rule.points === undefined) desk.refuseKey(at, "gap only beside points: a rule over addresses names those it wants");
  else if (!verbs.includes("read")) desk.refuseKey(at, "gap only where the rule allows read");
}

/** What the gateway cannot look into is granted only function by function, said aloud (RULINGS 5). */
function checkOpaque(desk: Desk, rule: RuleDocument, verbs: readonly Verb[], path: Path): void {
  if (!verbs.includes("raw")) {
    if (rule.opaque === true) desk.refuseKey([...path, "opaque"], "opaque only where the rule allows raw");
    return;
  }
  if (rule.opaque !== true)
    desk.refuse(path, "opaque: true, for nothing in such a request can be judged", "a rule that allows raw without opaque: true");
  if (rule.functions === undefined)
    desk.refuse(path, "functions: with the exact number of each function", "a rule that allows raw without functions");
  for (const key of ["points", "table", "addresses", "group", "indexes"] as const)
    if (rule[key] !== undefined) desk.refuseKey([...path, key], "neither points nor addresses with raw: nobody knows what it touches");
  if (rule.on?.includes("*")) desk.refuse([...path, "on"], "the assets by name: raw takes no wildcard");
}

/** In the direction of a stop only: one fixed value, at places named one by one, whatever the hour and the process (RULINGS 15). */
function checkEssential(desk: Desk, rule: RuleDocument, verbs: readonly Verb[], path: Path): void {
  const at = [...path, "essential"];
  if (!verbs.every(isWriting)) desk.refuseKey(at, "essential only where the rule allows write, or operate, and nothing else");
  if (rule.on?.includes("*")) desk.refuse([...path, "on"], "the assets by name: an essential rule takes no wildcard");
  if (rule.points === undefined && rule.addresses === undefined && rule.indexes === undefined)
    desk.refuse(path, "points, or addresses of a table: an essential rule names what it stops", "an essential rule for a whole table");
  for (const key of ["addresses", "indexes"] as const)
    rule[key]?.forEach(({ words }, i) => {
      if (!/^[0-9]+$/.test(words)) desk.refuseItem([...path, key], i, `${key} one by one: an essential rule takes no range`);
    });
  if (rule.control !== undefined && rule.values === undefined) {
    const { codes, queue, clear } = rule.control;
    if (codes.length !== 1 || queue === true || clear === true) desk.refuse([...path, "control"], ONE_CODE);
    checkNotIn(desk, rule, path);
    return;
  }
  const { set, ...others } = rule.values ?? {};
  const other = Object.entries(others).find(([, value]) => value !== undefined)?.[0];
  if (other !== undefined) desk.refuseKey([...path, "values", other], ONE_VALUE);
  else if (set?.length !== 1) {
    // A breaker is told what to do, a number what to be; which it is, its points say, and they are not read yet.
    const expected = rule.values === undefined && verbs.includes("operate") ? `${ONE_CODE}, or of a number ${ONE_VALUE}` : ONE_VALUE;
    desk.refuse(rule.values === undefined ? path : [...path, "values"], expected, set === undefined ? "no such value" : "several values");
  }
  checkNotIn(desk, rule, path);
}

function checkNotIn(desk: Desk, rule: RuleDocument, path: Path): void {
  for (const key of NOT_IN_ESSENTIAL)
    if (rule[key] !== undefined && rule[key] !== false)
      desk.refuseKey([...path, key], "an essential rule without it: a stop waits for nothing");
}

const ONE_CODE = "control: { codes: [the one code that stops] }";
const ONE_VALUE = "values: { set: [the one value that stops] }";

function checkBroadcast(desk: Desk, rule: RuleDocument, verbs: readonly Verb[], assets: readonly AssetModel[], path: Path): void {
  if (rule.broadcast !== true || rule.allow === undefined) return;
  const at = [...path, "broadcast"];
  if (verbs.every((verb) => verb === "read" || verb === "diagnose" || verb === "identify"))
    desk.refuseKey(at, "broadcast only where something is changed: nobody answers a broadcast");
  const device = assets.find((asset) => asset.unitZero === "device");
  if (device !== undefined) desk.refuseKey(at, `no broadcast on ${device.name}, whose site says unit_zero: device`);
}

/** Canonical, ascending; every unit where none is named. */
function unitsOf(desk: Desk, rule: RuleDocument, asset: AssetModel, path: Path): number[] {
  if (rule.units === undefined) return [...asset.units];
  const units = new Set<number>();
  rule.units.forEach((word, i) => {
    const unit = asset.unitAliases.get(word) ?? word;
    if (!asset.units.includes(unit)) desk.refuseItem([...path, "units"], i, `a unit id of ${asset.name}: ${asset.units.join(", ")}`);
    else if (units.has(unit)) desk.refuseItem([...path, "units"], i, "each unit once", `unit ${word} a second time`);
    units.add(unit);
  });
  return [...units].sort((a, b) => a - b);
}

function functionsOf(
  desk: Desk,
  rule: RuleDocument,
  vocabulary: Vocabulary,
  verbs: readonly Verb[],
  effect: "allow" | "deny",
  path: Path,
): number[] | null {
  const isFile = (rule.allow ?? rule.deny)?.includes("file") === true;
  if (isFile && rule.functions !== undefined) {
    desk.refuseKey([...path, "functions"], "actions in place of functions, with the verb file");
    return null;
  }
  if (isFile) return rule.actions === undefined ? null : fileFunctions(rule.actions);
  if (rule.functions === undefined) return effect === "allow" ? unlessNamed(vocabulary, verbs) : null;
  const at = [...path, "functions"];
  const numbers = new Set<number>();
  rule.functions.forEach(({ words }, i) => {
    const number = vocabulary.functionOf(words);
    if (number === null) {
      desk.unknown(
        at,
        i,
        words,
        "a function number, or a name",
        vocabulary.functions.map(({ name }) => name),
      );
      return;
    }
    if (numbers.has(number)) desk.refuseItem(at, i, "each function once", `function ${words} a second time`);
    numbers.add(number);
    const row = vocabulary.functions.find((candidate) => candidate.number === number);
    const carried = verbsOfFunction(row);
    if (carried.some((verb) => verbs.includes(verb))) return;
    const told = `function ${words}, which is ${carried.join(" and ")}`;
    const opaque = carried.includes("raw") && effect === "allow";
    desk.refuseItem(at, i, opaque ? "allow: raw with opaque: true" : `a function that is ${verbs.join(" or ")}`, told);
  });
  if (effect === "allow" && verbs.includes("raw") && ![...numbers].some((number) => isOpaque(vocabulary, number)))
    desk.refuse(
      at,
      `the number of a function that is kept opaque${hasGroups(vocabulary) ? ", with the object group where it has one, such as 2/12" : ""}`,
    );
  return [...numbers].sort((a, b) => a - b);
}

/** Functions that want to be named are in no rule that does not; null: the verbs have none such. */
function unlessNamed({ functions }: Vocabulary, verbs: readonly Verb[]): number[] | null {
  const carried = functions.filter((row) => row.verbs.some((verb) => verbs.includes(verb)));
  if (!carried.some(({ named }) => named)) return null;
  return carried.flatMap(({ number, named }) => (named ? [] : [number])).sort((a, b) => a - b);
}

/** A function without a row of its own is kept as octets. */
function verbsOfFunction(row: FunctionName | undefined): readonly Verb[] {
  return row === undefined || row.opaque ? ["raw"] : row.verbs;
}

function isOpaque(vocabulary: Vocabulary, number: number): boolean {
  return vocabulary.functions.find((row) => row.number === number)?.opaque ?? true;
}
