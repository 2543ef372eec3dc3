/**
 * The verb `file` of a protocol whose files go by name (DNP3): actions become verbs and functions, `files` the one place where files stand.
 *
 * @source RULINGS 37
 */
import type { Path } from "#documents/yaml";
import type { Verb } from "#operation";
import type { AssetModel } from "#process/points";
import type { Desk } from "./loadDesk.ts";
import type { Scope } from "./model.ts";
import type { Setting } from "./resolveScope.ts";
import { FILE_ACTIONS, type RuleDocument } from "./schema.ts";

type Action = (typeof FILE_ACTIONS)[number];

/** IEEE 1815-2012 table 4-2. Whoever may read or write what is open may close it. */
const [READ, WRITE, OPEN, CLOSE, DELETE, INFO, ABORT] = [1, 2, 25, 26, 27, 28, 30] as const;
const FUNCTIONS: Readonly<Record<Action, readonly number[]>> = {
  open: [OPEN, CLOSE, ABORT],
  read: [READ, CLOSE, ABORT],
  write: [WRITE, CLOSE, ABORT],
  delete: [DELETE],
  list: [INFO],
};
const CHANGING: readonly Action[] = ["write", "delete"];

/** A grant says what it is for; a deny without actions is about all of it. */
export function fileVerbs(desk: Desk, rule: RuleDocument, assets: readonly AssetModel[], path: Path): Verb[] {
  for (const asset of assets)
    if (desk.vocabularies.get(asset.protocol)?.spaces.some(({ byName }) => byName) !== true)
      desk.refuseKey(
        [...path, rule.allow === undefined ? "deny" : "allow"],
        `file-read or file-write: files of ${asset.protocol} have no names`,
      );
  if (rule.actions === undefined && rule.allow !== undefined) desk.missing(path, "actions", "actions: open, read, write, delete or list");
  const actions = rule.actions ?? FILE_ACTIONS;
  const verbs: Verb[] = [];
  if (actions.some((action) => !CHANGING.includes(action))) verbs.push("file-read");
  if (actions.some((action) => CHANGING.includes(action))) verbs.push("file-write");
  return verbs;
}

export function fileFunctions(actions: readonly Action[]): number[] {
  return [...new Set(actions.flatMap((action) => FUNCTIONS[action]))].sort((a, b) => a - b);
}

/** Null: the asset's files have no names; the desk knows. */
export function filesScope(desk: Desk, { vocabulary }: Setting, path: Path): Scope | null {
  const space = vocabulary.spaces.findIndex(({ byName }) => byName);
  if (space >= 0) return { is: "addresses", space, ranges: [[0, 0]] };
  desk.refuseKey([...path, "files"], "no files by name on an asset of this protocol: addresses of the table file");
  return null;
}
