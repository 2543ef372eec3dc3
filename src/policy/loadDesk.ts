/** What every part of the loader works with: the document, what it may speak of, and the list of what is wrong with it. */
import { MOST_PROBLEMS, type Problem, quoted } from "#documents/problems";
import { expectedName, type Path, type YamlDocument } from "#documents/yaml";
import type { Vocabulary } from "#operation";
import type { AssetModel, Point } from "#process/points";

/** Found in the order of the loader, told in the order of the document: more are kept than are told. */
const KEPT = 10 * MOST_PROBLEMS;

export class Desk {
  readonly document: YamlDocument;
  readonly assets: ReadonlyMap<string, AssetModel>;
  /** By protocol. INVARIANT: every asset's protocol has one. */
  readonly vocabularies: ReadonlyMap<string, Vocabulary>;
  readonly problems: Problem[] = [];
  readonly #points = new Map<string, ReadonlyMap<string, Point>>();
  #order = 0;

  constructor(document: YamlDocument, assets: ReadonlyMap<string, AssetModel>, vocabularies: ReadonlyMap<string, Vocabulary>) {
    this.document = document;
    this.assets = assets;
    this.vocabularies = vocabularies;
  }

  /** By name. Thousands of rules ask for the same. */
  pointsOf(asset: AssetModel): ReadonlyMap<string, Point> {
    let points = this.#points.get(asset.name);
    if (points === undefined) {
      points = new Map(asset.points.map((point) => [point.name, point]));
      this.#points.set(asset.name, points);
    }
    return points;
  }

  nextOrder(): number {
    return this.#order++;
  }

  /** The value at the path is wrong; `found` is read from the document unless given. */
  refuse(path: Path, expected: string, found?: string): void {
    this.#add(this.document.problem(path, expected, found));
  }

  /** The key at the end of the path should not be there. */
  refuseKey(path: Path, expected: string, found?: string): void {
    this.#add(this.document.keyProblem(path, expected, found ?? `the key ${quoted(String(path.at(-1)))}`));
  }

  missing(path: Path, key: string, expected: string): void {
    this.#add(this.document.problem([...path, key], expected, `no ${key}`));
  }

  /** Item `index` of a value that may be written as a list or, alone, without one. */
  refuseItem(path: Path, index: number, expected: string, found?: string): void {
    this.refuse(this.itemPath(path, index), expected, found);
  }

  unknown(path: Path, index: number, word: string, kind: string, known: readonly string[]): void {
    this.refuseItem(path, index, expectedName(word, kind, known));
  }

  /** A key that names nothing. */
  unknownKey(path: Path, kind: string, known: readonly string[]): void {
    this.refuseKey(path, expectedName(String(path.at(-1)), kind, known), quoted(String(path.at(-1))));
  }

  /** At a rule as a whole. */
  refuseAt(rule: { readonly line: number; readonly column?: number }, expected: string, found: string): void {
    this.#add({ file: this.document.file, line: rule.line, column: rule.column ?? 1, found, expected });
  }

  /** Ids are unique in their role: remembers one, or refuses its twin. */
  once(ids: Map<string, number>, id: string | undefined, path: Path): void {
    if (id === undefined) return;
    const earlier = ids.get(id);
    if (earlier === undefined) ids.set(id, this.document.line(path));
    else this.refuse(path, `each id once; the first is on line ${earlier}`, `the id ${quoted(id)} a second time`);
  }

  itemPath(path: Path, index: number): Path {
    return this.document.node(path)?.is === "list" ? [...path, index] : path;
  }

  /** A rule on several assets says the same of each: once is enough. */
  #add(problem: Problem): void {
    const { line, column, found, expected } = problem;
    if (this.problems.length >= KEPT) return;
    const said = (p: Problem): boolean => p.line === line && p.column === column && p.found === found && p.expected === expected;
    if (!this.problems.some(said)) this.problems.push(problem);
  }
}
