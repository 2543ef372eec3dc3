/**
 * What the site knows of a device's habits (RULINGS 23), and how many replies took them. Asked only for a reply that does not answer as it
 * stands: with a quirk the site declares it passes in the standard's form, with one it does not declare it is dropped and `status` names it.
 */
import type { Straightened } from "#operation";
import type { Framer, Protocol, Request } from "#session/protocol";
import type { Layout } from "./layout.ts";

export class Quirks {
  /** By index of the protocol's: replies rewritten since the quirks were declared. */
  readonly rewritten: number[];
  /** By index: of the replies dropped since then those that would have needed it. */
  readonly needed: number[];
  /** Replies dropped for want of a declared quirk. */
  dropped = 0;
  readonly #protocol: Protocol;
  #declared = 0;

  constructor(protocol: Protocol, declared: readonly string[]) {
    this.#protocol = protocol;
    this.rewritten = protocol.quirks.map(() => 0);
    this.needed = protocol.quirks.map(() => 0);
    this.declare(declared);
  }

  /** Others than before: what was dropped until now says nothing of what is to be added. */
  declare(names: readonly string[]): void {
    const declared = this.#protocol.quirks.reduce((bits, { name }, i) => (names.includes(name) ? bits | (1 << i) : bits), 0);
    if (declared === this.#declared) return;
    this.#declared = declared;
    this.rewritten.fill(0);
    this.needed.fill(0);
    this.dropped = 0;
  }

  /**
   * The reply in the framer in the standard's form, where it is one at all: null where it answers in no way. Counted either way.
   *
   * @param asked       the unit the request was for
   * @param otherUnits  unit ids of other assets behind the address
   */
  straighten(request: Request, asked: number, framer: Framer, layout: Layout, otherUnits: readonly number[]): Straightened | null {
    const { unitId } = framer;
    if (unitId !== asked && isAnother(unitId, asked, layout, otherUnits)) return null;
    const straight = this.#protocol.straighten(request, asked, unitId, framer.octets, framer.pduAt, framer.pduLength);
    if (straight === null) return null;
    const passes = this.passes(straight);
    if (!passes) this.dropped += 1;
    const counts = passes ? this.rewritten : this.needed;
    for (let i = 0; i < counts.length; i++) if ((straight.quirks & (1 << i)) !== 0) counts[i] = (counts[i] as number) + 1;
    return straight;
  }

  /** The site declares everything it took. */
  passes({ quirks }: Straightened): boolean {
    return (quirks & ~this.#declared) === 0;
  }

  namesOf({ quirks }: Straightened): readonly string[] {
    return this.#protocol.quirks.filter((_, i) => (quirks & (1 << i)) !== 0).map(({ name }) => name);
  }

  get declared(): readonly string[] {
    return this.#protocol.quirks.filter((_, i) => (this.#declared & (1 << i)) !== 0).map(({ name }) => name);
  }

  /** How often, by name; what never happened is left out. */
  counts(of: "rewritten" | "needed"): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#protocol.quirks.map(({ name }, i) => [name, this[of][i] as number]).filter(([, count]) => count !== 0));
  }

  /** What was dropped, why, and the line of site.yaml that would let it pass; null: nothing was. */
  say(): string | null {
    if (this.dropped === 0) return null;
    const needed = this.#protocol.quirks.filter((_, i) => this.needed[i] !== 0);
    const line = this.#protocol.quirks.filter((quirk, i) => needed.includes(quirk) || (this.#declared & (1 << i)) !== 0);
    const habits = needed.map(({ words }) => words).join(" and ");
    const where = this.#declared === 0 ? "add to" : "set in";
    const names = line.map(({ name }) => name).join(", ");
    return `${this.dropped} ${this.dropped === 1 ? "reply" : "replies"} dropped: the device ${habits}; if that is how it is, ${where} site.yaml: quirks: [${names}]`;
  }
}

/** An id that has a meaning of its own at the address is never taken for the one that was asked. */
function isAnother(unitId: number, asked: number, layout: Layout, otherUnits: readonly number[]): boolean {
  if (otherUnits.includes(unitId)) return true;
  const { units, unitAliases } = layout.model;
  return (units.includes(unitId) || unitAliases.has(unitId)) && layout.canonicalUnit(unitId) !== layout.canonicalUnit(asked);
}
