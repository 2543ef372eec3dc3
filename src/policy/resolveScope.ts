/** Where a rule holds on one asset: named points, addresses of a table, or with nothing named all that its verbs can be about. */
import { quoted } from "#documents/problems";
import type { Path } from "#documents/yaml";
import type { Space, Verb, Vocabulary } from "#operation";
import { parseAddresses } from "#process/addressing";
import type { AssetModel, Point } from "#process/points";
import type { Desk } from "./loadDesk.ts";
import type { Scope } from "./model.ts";
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

/** Verbs that act on addresses of the process tables, and those on files. All others are about the device as a whole. */
const ADDRESS_VERBS: readonly Verb[] = ["read", "write"];
const FILE_VERBS: readonly Verb[] = ["file-read", "file-write"];

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
  if (rule.points !== undefined) return pointsScope(desk, rule.points, setting, path);
  if (rule.table !== undefined) return tableScope(desk, rule.table, rule.addresses, setting, path);
  const somewhere = setting.verbs.some((verb) => ADDRESS_VERBS.includes(verb) || FILE_VERBS.includes(verb));
  return somewhere ? { is: "process" } : { is: "device" };
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
  const { asset, vocabulary } = setting;
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
  if (addresses === undefined) return { is: "addresses", space, ranges: [[0, found.last]] };
  const ranges: (readonly [number, number])[] = [];
  addresses.forEach(({ words }, i) => {
    const range = parseAddresses(asset.addressing, found, words);
    if (typeof range === "string") desk.refuseItem([...path, "addresses"], i, range);
    else ranges.push(range);
  });
  return ranges.length === 0 ? null : { is: "addresses", space, ranges };
}

/** Named places must be places the verbs can reach; an allow of what never happens is a mistake its author wants to hear of. */
function checkVerbs(desk: Desk, { verbs, effect, everyVerb, vocabulary }: Setting, space: Space | undefined, path: Path): void {
  if (space === undefined || everyVerb) return;
  const key = String(path.at(-1));
  for (const verb of verbs) {
    if (verb === "raw" && effect === "allow") continue; // told where raw is judged
    if (!(space.process ? ADDRESS_VERBS : FILE_VERBS).includes(verb)) {
      const device = !ADDRESS_VERBS.includes(verb) && !FILE_VERBS.includes(verb);
      desk.refuseKey(
        path,
        device ? `no ${key} with ${verb}: it is about the device as a whole` : `another table for ${verb}`,
        `${key} of ${space.name}`,
      );
      return;
    }
    if (effect === "allow" && verb === "write" && !space.writable)
      desk.refuseKey(path, `a table that can be written: ${writable(vocabulary)}`, `a write to the ${space.name} table`);
  }
}

function writable({ spaces }: Vocabulary): string {
  return spaces
    .filter((space) => space.writable && space.process)
    .map(({ name }) => name)
    .join(", ");
}
