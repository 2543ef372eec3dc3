/**
 * Time as the gateway needs it (RULINGS 19). Durations and deadlines are monotonic. The wall clock may be set by anybody who can reach the
 * machine's clock, or lost with its battery: a step makes it `suspect`, and until somebody confirms it nothing is granted on its word.
 *
 *     wall     what the machine's clock says: the time in records
 *     steady   what it said while it was believed, gone on by monotonic time: what live sessions and revocation lists are judged by
 *     strict   the later of the two: what newcomers are judged by
 *
 * INVARIANT: `steady` never steps while the clock is suspect, and follows a believed clock by 30 s at most between two looks.
 */
export interface Clock {
  /** Milliseconds, never steps; sub-millisecond fractions. */
  monotonic(): number;
  /** Milliseconds since 1970; may step. */
  wall(): number;
}

export const systemClock: Clock = {
  monotonic: () => performance.now(),
  wall: () => Date.now(),
};

/** Why the clock is not believed. */
export interface Suspicion {
  readonly why: "step" | "start";
  /** When, by `steady`. */
  readonly sinceMs: number;
  readonly words: string;
}

/** Milliseconds the wall clock may move against the monotonic one. */
const STEP_MS = 30_000;
/** What of that is taken for drift and forgotten: a second an hour. Steps that follow each other faster add up. */
const DRIFT = 1_000 / 3_600_000;

export class GateClock implements Clock {
  /** Called when the suspicion comes, goes, or gets a further step as its reason. */
  onChange: (() => void) | null = null;
  readonly #clock: Clock;
  #suspicion: Suspicion | null = null;
  /** `steady` less the monotonic clock. */
  #steady: number;
  /** The wall clock less the monotonic one, as it was when last nothing was wrong with it; drift allowed for. */
  #reference: number;
  #lookedMs: number;
  /** The wall clock as `wallAt` last read it, and when. */
  #read = 0;
  #readMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#lookedMs = clock.monotonic();
    this.#reference = clock.wall() - this.#lookedMs;
    this.#steady = this.#reference;
  }

  monotonic(): number {
    return this.#clock.monotonic();
  }

  wall(): number {
    return this.#clock.wall();
  }

  /** The same at the monotonic time `now`, which is now: where a millisecond does not matter, for reading the clock costs as much as a decision. */
  wallAt(now: number): number {
    if (now - this.#readMs >= 1 || now < this.#readMs) {
      this.#readMs = now;
      this.#read = this.wall();
    }
    return this.#read;
  }

  get suspicion(): Suspicion | null {
    return this.#suspicion;
  }

  /** Wall milliseconds at the monotonic time `now`. */
  steady(now = this.monotonic()): number {
    return now + this.#steady;
  }

  /** The same, and null while nobody may rely on it: what `hours` are judged by. */
  believed(now: number): number | null {
    return this.#suspicion === null ? now + this.#steady : null;
  }

  strict(): number {
    this.look();
    return Math.max(this.wall(), this.steady());
  }

  /**
   * Once, when the evidence is open.
   *
   * @param lastMs  wall time of the last record of an earlier run; null: there is none
   * @param kept    what `keep` gave in an earlier run that ended with a suspect clock; null: it did not. Records from such a time prove nothing
   */
  begin(lastMs: number | null, kept: number | null): void {
    const least = Math.max(lastMs ?? Number.NEGATIVE_INFINITY, kept ?? Number.NEGATIVE_INFINITY);
    const wall = this.wall();
    if (wall >= least) return;
    this.#steady = (kept ?? least) - this.monotonic();
    this.#doubt("start", `it says ${iso(wall)}, which is before ${iso(least)}, a time it has already shown`);
  }

  /** What a later run must know of this one; null: nothing. */
  keep(): number | null {
    return this.#suspicion === null ? null : this.steady();
  }

  /** Did the wall clock step since the last look? Several times a second, and before anything is granted for what it says. */
  look(): void {
    const now = this.monotonic();
    const offset = this.wall() - now;
    const moved = offset - this.#reference;
    if (Math.abs(moved) > STEP_MS) {
      this.#reference = offset;
      this.#doubt("step", `it stepped ${say(moved)}, from ${iso(now + offset - moved)} to ${iso(now + offset)}`);
    } else {
      this.#reference += Math.sign(moved) * Math.min(Math.abs(moved), (now - this.#lookedMs) * DRIFT);
      if (this.#suspicion === null) this.#steady = offset;
    }
    this.#lookedMs = now;
  }

  /** Somebody vouches for what the machine's clock says now. @returns what it had been suspected for; null: it was believed already */
  confirm(): Suspicion | null {
    const was = this.#suspicion;
    if (was === null) return null;
    this.#lookedMs = this.monotonic();
    this.#reference = this.wall() - this.#lookedMs;
    this.#steady = this.#reference;
    this.#suspicion = null;
    this.onChange?.();
    return was;
  }

  #doubt(why: Suspicion["why"], words: string): void {
    this.#suspicion = { why, sinceMs: this.steady(), words };
    this.onChange?.();
  }
}

function say(ms: number): string {
  const seconds = Math.round(Math.abs(ms) / 1000);
  const whole =
    seconds < 7_200 ? `${seconds} s` : seconds < 172_800 ? `${Math.round(seconds / 3_600)} h` : `${Math.round(seconds / 86_400)} days`;
  return `${whole} ${ms < 0 ? "back" : "forward"}`;
}

/** A clock may say anything; a time no calendar has is told as its number. */
function iso(ms: number): string {
  const time = new Date(ms);
  return Number.isNaN(time.getTime()) ? `${ms} ms` : time.toISOString().replace(/\.\d+Z$/, "Z");
}
