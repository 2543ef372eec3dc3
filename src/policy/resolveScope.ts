/** Where a rule holds on one asset: named points, addresses of a table, or with nothing named all that its verbs can be about. */
import { quoted } from "#documents/problems";
import type { Path } from "#documents/yaml";
import { isWriting, type Space, type Verb, type Vocabulary } from "#operation";
import { parseAddresses } from "#process/addressing";
import type { AssetModel, Point } from "#process/points";
import type { Desk } from "./loadDesk.ts";
import type { Scope } from "./model.ts";
import { filesScope } from "./resolveFiles.ts";
import type { RuleDocument } from "./schema.ts";

export interface Setting {
  readonly asset: AssetModel;
  readonly vocabulary: Vocabulary;
  readonly verbs: readonly Verb[];
  readonly effect: "allow" | "deny";
  /** `"*"`: a deny of every verb, those included that the place does not know. */
  readonly everyVerb: boolean;
  readonly units: readonly number[];
}

/** @returns null where the words name nothing; the desk knows why */
export function resolveScope(desk: Desk, rule: RuleDocument, setting: Setting, path: Path): Scope | null {
  if (rule.points !== undefined && rule.table !== undefined) {
    desk.refuseKey([...path, "table"], "either points or a table with addresses", "both points and table");
    return null;
  }
  if (rule.addresses !== undefined && rule.table === undefined) {
    if (rule.points !== undefined)
      desk.refuseKey([...path, "addresses"], "either points or a table with addresses", "both points and addresses");
    else
      desk.missing(path, "table", `table: the addresses are of, one of: ${setting.vocabulary.spaces.map(({ name }) => name).join(", ")}`);
    return null;
  }
  if (rule.files !== undefined) {
    const other = (["points", "table", "addresses", "group", "indexes"] as const).find((key) => rule[key] !== undefined);
    if ((rule.allow ?? rule.deny)?.includes("file") !== true) {
      desk.refuseKey([...path, "files"], "files only with the verb file");
      return null;
    }
    if (other === undefined) return filesScope(desk, setting, path);
    desk.refuseKey([...path, other], `either ${other} or files`, `both ${other} and files`);
    return null;
  }
  if (setting.effect === "allow" && rule.table === undefined && wantsNames(setting)) {
    desk.missing(path, "files", "files: names of files, for no wildcard grants them");
    return null;
  }
  if (rule.actions !== undefined && (rule.allow ?? rule.deny)?.includes("file") !== true)
    desk.refuseKey([...path, "actions"], "actions only with the verb file");
  if (rule.group !== undefined) return groupScope(desk, rule, rule.group, setting, path);
  if (rule.indexes !== undefined) {
    desk.missing(path, "group", "group: the indexes are of");
    return null;
  }
  if (rule.points !== undefined) return pointsScope(desk, rule.points, setting, path);
  if (rule.table !== undefined) return tableScope(desk, rule.table, rule.addresses, setting, path);
  const idle = setting.effect === "allow" ? setting.verbs.find((verb) => wantsName(setting.vocabulary, verb)) : undefined;
  if (idle !== undefined) {
    desk.refuse(path, `points, a table or a group: on ${setting.asset.name} no wildcard grants ${idle}`, `${idle} without a place`);
    return null;
  }
  const somewhere = setting.verbs.some((verb) => hasPlaces(setting.vocabulary, verb));
  return somewhere ? { is: "process" } : { is: "device" };
}

/** Are its verbs about files, where files go by name? */
function wantsNames({ vocabulary, verbs }: Setting): boolean {
  return vocabulary.spaces.some(({ byName, verbs: known }) => byName && verbs.some((verb) => known.includes(verb)));
}

/** Verbs that act on addresses somewhere. All others are about the device as a whole. */
function hasPlaces({ spaces }: Pick<Vocabulary, "spaces">, verb: Verb): boolean {
  return spaces.some(({ verbs }) => verbs.includes(verb));
}

/** Would a rule that names no place grant nothing of it? */
function wantsName({ spaces }: Vocabulary, verb: Verb): boolean {
  // A deadband is a point's, saving a configuration is about the device.
  return verb !== "configure" && hasPlaces({ spaces }, verb) && !spaces.some(({ wild }) => wild.includes(verb));
}

/** Objects of a kind are points of one table; what has no points is about the device as a whole. */
function groupScope(desk: Desk, rule: RuleDocument, groups: readonly number[], setting: Setting, path: Path): Scope | null {
  const other = (["points", "table", "addresses"] as const).find((key) => rule[key] !== undefined);
  if (other !== undefined) {
    desk.refuseKey([...path, other], `either ${other} or group with indexes`, `both ${other} and group`);
    return null;
  }
  // Told where the groups are read.
  if (groups.some((group) => setting.vocabulary.spaceOfGroup(group) === undefined)) return null;
  const spaces = new Set(groups.flatMap((group) => setting.vocabulary.spaceOfGroup(group) ?? []));
  const [space] = spaces;
  if (space === undefined) {
    if (rule.indexes !== undefined) desk.refuseKey([...path, "indexes"], "no indexes with groups that have no points");
    return { is: "device" };
  }
  const found = setting.vocabulary.spaces[space] as Space;
  if (spaces.size > 1) {
    desk.refuseKey([...path, "group"], "groups of one table in one rule", `groups of ${spaces.size} tables`);
    return null;
  }
  checkVerbs(desk, setting, found, [...path, "group"]);
  return { is: "addresses", space, ranges: rangesOf(desk, rule.indexes, found, setting, [...path, "indexes"]) };
}

function pointsScope(desk: Desk, names: readonly string[], setting: Setting, path: Path): Scope | null {
  const { asset, units, vocabulary } = setting;
  const at = [...path, "points"];
  const byName = desk.pointsOf(asset);
  const found = new Set<Point>();
  names.forEach((word, i) => {
    const point = byName.get(word);
    if (point === undefined) desk.unknown(at, i, word, `a point of ${asset.name}`, [...byName.keys()]);
    else if (found.has(point)) desk.refuseItem(at, i, "each point once", `${quoted(word)} a second time`);
    else if (!units.includes(point.unitId))
      desk.refuseItem(at, i, `a point of unit ${units.join(", ")}`, `${quoted(word)}, a point of unit ${point.unitId}`);
    else {
      found.add(point);
      checkVerbs(desk, setting, vocabulary.spaces[point.space], at);
    }
  });
  return found.size === 0 ? null : { is: "points", points: [...found].map(({ index }) => index).sort((a, b) => a - b) };
}

function tableScope(desk: Desk, table: string, addresses: RuleDocument["addresses"], setting: Setting, path: Path): Scope | null {
  const { vocabulary } = setting;
  const space = vocabulary.spaces.findIndex(({ name }) => name === table);
  const found = vocabulary.spaces[space];
  if (found === undefined) {
    desk.unknown(
      [...path, "table"],
      0,
      table,
      "a table",
      vocabulary.spaces.map(({ name }) => name),
    );
    return null;
  }
  checkVerbs(desk, setting, found, [...path, "table"]);
  if (found.byName && setting.effect === "allow") {
    desk.refuseKey([...path, "table"], "files: names of files, for no wildcard grants them");
    return null;
  }
  const ranges = rangesOf(desk, addresses, found, setting, [...path, "addresses"]);
  return ranges.length === 0 ? null : { is: "addresses", space, ranges };
}

/** The whole table where none are stated. */
function rangesOf(
  desk: Desk,
  stated: RuleDocument["addresses"],
  space: Space,
  { asset }: Setting,
  path: Path,
): (readonly [number, number])[] {
  if (stated === undefined) return [[0, space.last]];
  const ranges: (readonly [number, number])[] = [];
  stated.forEach(({ words }, i) => {
    const range = parseAddresses(asset.addressing, space, words);
    if (typeof range === "string") desk.refuseItem(path, i, range);
    else ranges.push(range);
  });
  return ranges;
}

/** Named places must be places the verbs can reach; an allow of what never happens is a mistake its author wants to hear of. */
function checkVerbs(desk: Desk, setting: Setting, space: Space | undefined, path: Path): void {
  const { verbs, effect, everyVerb, vocabulary } = setting;
  if (space === undefined || everyVerb) return;
  const key = String(path.at(-1));
  for (const verb of verbs) {
    if (verb === "raw" && effect === "allow") continue; // told where raw is judged
    if (!space.verbs.includes(verb)) {
      const device = !hasPlaces(vocabulary, verb);
      desk.refuseKey(
        path,
        device ? `no ${key} with ${verb}: it is about the device as a whole` : elsewhere(setting, space, verb),
        `${key} of ${space.name}`,
      );
      return;
    }
    if (effect === "allow" && isWriting(verb) && !space.writable)
      desk.refuseKey(path, `a table that can be written: ${writable(vocabulary)}`, `a write to the ${space.name} table`);
  }
}

/** Where the verb can be about, and what is said in its place of what is commanded. */
function elsewhere({ asset, vocabulary }: Setting, space: Space, verb: Verb): string {
  const tables = vocabulary.spaces.filter(({ verbs }) => verbs.includes(verb)).map(({ name }) => name);
  const expected = `${verb} only on ${tables.join(", ")}`;
  return isWriting(verb) && verb !== "operate" && space.verbs.includes("operate")
    ? `operate: a ${space.name} of ${asset.name} is commanded (${expected})`
    : expected;
}

function writable({ spaces }: Vocabulary): string {
  return spaces
    .filter((space) => space.writable && space.process)
    .map(({ name }) => name)
    .join(", ");
}
