/** A request in words, about one asset: what it would do. For cases and `policy explain`. */
import { quoted } from "#documents/problems";
import { expectedName } from "#documents/yaml";
import type { CaseContext, Message, Vocabulary } from "#operation";
import { parseAddresses } from "#process/addressing";
import type { AssetModel, Point } from "#process/points";
import { encodePoint } from "#process/values";

export interface Asked {
  readonly unit: number;
  readonly broadcast: boolean;
  /** What it would do, or the code of what is malformed about it. */
  readonly message: Message | string;
}

/** What is wrong with words, as a problem says it. */
export interface Misread {
  readonly found: string;
  readonly expected: string;
}

/** @param unit  null: the unit of the point that is named, else the asset's first */
export function askInWords(asset: AssetModel, vocabulary: Vocabulary, words: string, unit: number | null): Asked | Misread {
  const context = new Context(asset, vocabulary, unit);
  const request = vocabulary.parseCase(words, context);
  if (typeof request === "string") return misread(request, words);
  const asked = unit ?? context.namedUnit ?? asset.units[0] ?? 1;
  const broadcast = asked === 0 && asset.unitZero === "broadcast";
  return { unit: asked, broadcast, message: vocabulary.operationsOf(request, asked, broadcast) };
}

/** `found X; expected Y` in its two halves. */
export function misread(said: string, words: string): Misread {
  const at = said.indexOf("; expected ");
  if (!said.startsWith("found ") || at < 0) return { found: quoted(words), expected: said };
  return { found: said.slice("found ".length, at), expected: said.slice(at + "; expected ".length) };
}

export function isMisread<T extends object>(result: T | Misread): result is Misread {
  return "found" in result;
}

class Context implements CaseContext {
  readonly unit: number;
  /** Unit of the point the words named. */
  namedUnit: number | null = null;
  readonly #asset: AssetModel;
  readonly #vocabulary: Vocabulary;
  readonly #stated: number | null;

  constructor(asset: AssetModel, vocabulary: Vocabulary, stated: number | null) {
    this.#asset = asset;
    this.#vocabulary = vocabulary;
    this.#stated = stated;
    this.unit = stated ?? asset.units[0] ?? 1;
  }

  addresses(space: number, words: string): readonly [number, number] | string {
    const known = this.#vocabulary.spaces[space];
    if (known === undefined) return `found ${quoted(words)}; expected an address of a table`;
    const range = parseAddresses(this.#asset.addressing, known, words);
    return typeof range === "string" ? `found ${quoted(words)}; expected ${range}` : range;
  }

  point(name: string, value: string | null): ReturnType<CaseContext["point"]> {
    const point = pointNamed(this.#asset, name);
    if (point === null) {
      const known = this.#asset.points.map((candidate) => candidate.name);
      return `found ${quoted(name)}; expected ${expectedName(name, `a table and its addresses, or a point of ${this.#asset.name}`, known)}`;
    }
    const stated = this.#stated === null ? null : (this.#asset.unitAliases.get(this.#stated) ?? this.#stated);
    const everyUnit = stated === 0 && this.#asset.unitZero === "broadcast";
    if (stated !== null && !everyUnit && stated !== point.unitId)
      return `found ${quoted(name)} asked of unit ${stated}; expected unit ${point.unitId}, where it is`;
    this.namedUnit = point.unitId;
    const place = { unit: point.unitId, space: point.space, first: point.first, last: point.last };
    if (value === null) return { ...place, cells: null };
    const cells = encodePoint(point, value);
    return typeof cells === "string" ? `found ${quoted(value)}; expected a value of ${name}: ${cells}` : { ...place, cells };
  }
}

export function pointNamed(asset: AssetModel, name: string): Point | null {
  return asset.points.find((point) => point.name === name) ?? null;
}
