/**
 * Places of a device that keep silent (RULINGS 22). A place that timed out twice is answered in the device's stead for a while, with one probe
 * a period: a poll of dead addresses must not cost everybody else a timeout each. Only for reads: no change is ever held back by it. Pure; time
 * is an argument, monotonic milliseconds.
 */
interface Silence {
  timeouts: number;
  /** Answered in its stead until then; the next request after it is the probe. */
  untilMs: number;
}

/** Timeouts without a reply between them. */
const TIMEOUTS = 2;
export const QUARANTINE_MS = 30_000;

export class Quarantine {
  readonly #silences = new Map<string, Silence>();
  readonly #most: number;

  /** @param most places remembered; beyond it the oldest is forgotten, and costs a timeout again */
  constructor(most: number) {
    this.#most = most;
  }

  /** Nothing is remembered: nobody need ask. */
  get empty(): boolean {
    return this.#silences.size === 0;
  }

  /** The device is a new one, or was away and came back: what was silent may speak. */
  clear(): void {
    this.#silences.clear();
  }

  /** Places that are answered in the device's stead now. */
  count(now: number): number {
    let count = 0;
    for (const silence of this.#silences.values()) if (isHeld(silence, now)) count += 1;
    return count;
  }

  /** Is this place answered in the device's stead now? */
  isHeld(place: string, now: number): boolean {
    const silence = this.#silences.get(place);
    return silence !== undefined && isHeld(silence, now);
  }

  /** Is this place not to be asked, by a request whose turn it is? When its time is over one passes as the probe, and the time starts anew. */
  holds(place: string, now: number): boolean {
    const silence = this.#silences.get(place);
    if (silence === undefined || silence.timeouts < TIMEOUTS) return false;
    if (now < silence.untilMs) return true;
    silence.untilMs = now + QUARANTINE_MS;
    return false;
  }

  silent(place: string, now: number): void {
    const silence = this.#silences.get(place) ?? { timeouts: 0, untilMs: 0 };
    this.#silences.delete(place);
    silence.timeouts += 1;
    if (silence.timeouts >= TIMEOUTS) silence.untilMs = now + QUARANTINE_MS;
    if (this.#silences.size >= this.#most) {
      const [oldest] = this.#silences.keys();
      if (oldest !== undefined) this.#silences.delete(oldest);
    }
    this.#silences.set(place, silence);
  }

  answered(place: string): void {
    if (this.#silences.size > 0) this.#silences.delete(place);
  }
}

function isHeld({ timeouts, untilMs }: Silence, now: number): boolean {
  return timeouts >= TIMEOUTS && now < untilMs;
}
