/** Texts that took several frames, put together again. Few are under way at once; one that never becomes whole makes room for another. */
import type { TextPart } from "#oneway/records";

const MOST_UNDER_WAY = 64;

export class TextParts {
  readonly #underWay = new Map<string, (Uint8Array | undefined)[]>();

  /** @returns the text, once all of it is there; null: it is not, or it is no UTF-8 */
  take(start: number, { of, number, part, parts, octets }: TextPart): string | null {
    if (parts === 1) return textOf([octets]);
    const key = `${start} ${of} ${number}`;
    const known = this.#underWay.get(key) ?? new Array<Uint8Array | undefined>(parts).fill(undefined);
    if (known.length !== parts) return null;
    known[part] = octets.slice();
    if (!known.includes(undefined)) {
      this.#underWay.delete(key);
      return textOf(known as Uint8Array[]);
    }
    this.#underWay.set(key, known);
    const [oldest] = this.#underWay.keys();
    if (this.#underWay.size > MOST_UNDER_WAY && oldest !== undefined) this.#underWay.delete(oldest);
    return null;
  }
}

function textOf(parts: readonly Uint8Array[]): string | null {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(parts));
  } catch {
    return null;
  }
}
