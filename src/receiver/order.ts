/**
 * Which of two samples of a point is the newer one: the one that was first offered later. Times do not say it (a device's clock is set back
 * now and then), and offers come again: what was refused must not replace what overtook it.
 */

/** Samples whose turn is remembered, the newest; one that comes again after so many others is taken for a new one. */
const TURNS = 20_000;
/** Points whose current value is guarded; a link that tells of more is not a plant. */
const POINTS = 65_536;

export interface Turn {
  /** A later sample of its point is the current value already. */
  readonly isOvertaken: boolean;
  /** It is the current value now. */
  isCurrent(): void;
}

export class Order {
  #next = 0;
  /** point -> turn of its current value */
  readonly #current = new Map<string, number>();
  /** id -> turn */
  readonly #turns = new Map<string, number>();
  /** The id of turn n is at n % TURNS. */
  readonly #ids: string[] = [];

  offer(point: string, id: string): Turn {
    const turn = this.#turnOf(id);
    return {
      isOvertaken: (this.#current.get(point) ?? -1) > turn,
      isCurrent: () => {
        const current = this.#current.get(point);
        if (current === undefined && this.#current.size >= POINTS) return;
        this.#current.set(point, Math.max(turn, current ?? -1));
      },
    };
  }

  #turnOf(id: string): number {
    const known = this.#turns.get(id);
    if (known !== undefined) return known;
    const turn = this.#next++;
    this.#turns.set(id, turn);
    const oldest = this.#ids[turn % TURNS];
    if (oldest !== undefined) this.#turns.delete(oldest);
    this.#ids[turn % TURNS] = id;
    return turn;
  }
}
