/** How long a soak lasts and how much of everything happens in it: all times follow from its length. */

export interface Plan {
  readonly seed: number;
  readonly seconds: number;
  /** So much longer it may last until everything has happened, on a machine that is busy with others. */
  readonly patienceMs: number;
  readonly sessions: number;
  /** Requests a second over all sessions, as far as devices and restarts let them. */
  readonly rate: number;
  /** Answered requests without which the run has not shown enough. */
  readonly least: number;
  /** Milliseconds from the start in which the gateway is killed every few seconds; after that now and then, and not at all in the last half. */
  readonly stormMs: number;
  readonly stormKills: number;
  /** Between kills after the storm. */
  readonly killMs: number;
  /** From then on the gateway is left alone, so that its memory can be watched. */
  readonly quietFromMs: number;
  readonly reloadMs: number;
  /** How long an operator's certificate is good. It is renewed after half of that. */
  readonly certificateMs: number;
  readonly gatewayCertificateMs: number;
  readonly revokeMs: number;
  readonly endSessionMs: number;
  readonly blockMs: number;
  readonly blockedForMs: number;
  /** A start after a kill: median, and the most it may take of a processor (DESIGN 10: under 2 s). */
  readonly startMs: number;
  readonly flatness: Flatness;
}

/** What counts as flat, of the second half of the last generation. */
export interface Flatness {
  /** Growth along the fitted line over that time, MB. */
  readonly growthMb: number;
  /** The largest resident memory in its last tenth, MB. */
  readonly mostMb: number;
  /** Growth of open file descriptors along the fitted line. */
  readonly descriptors: number;
}

const HOUR_S = 3600;
/** A run of an hour asks this many requests at least (issue 3); a shorter one its share, less what starting and ending take. */
const HOURLY = 1_000_000;
const START_S = 10;

export function planOf(seconds: number, seed: number, sessions: number, rate: number): Plan {
  const ms = seconds * 1000;
  const long = seconds >= 600;
  return {
    seed,
    seconds,
    patienceMs: long ? 0 : 60_000,
    sessions,
    rate,
    least: Math.round((HOURLY * (seconds >= HOUR_S ? 1 : Math.max(0, 0.8 * (seconds - START_S)) / HOUR_S) * rate) / DEFAULT_RATE),
    stormMs: ms / 4,
    stormKills: Math.max(1, Math.round((200 * seconds) / HOUR_S)),
    killMs: between(ms / 20, 4_000, 180_000),
    quietFromMs: ms / 2,
    reloadMs: between(ms / 10, 2_500, 30_000),
    certificateMs: between(ms / 3, 8_000, 300_000),
    gatewayCertificateMs: between(ms / 4, 4_000, 300_000),
    revokeMs: between(ms / 4, 5_000, 240_000),
    endSessionMs: between(ms / 12, 3_000, 45_000),
    blockMs: between(ms / 6, 4_000, 90_000),
    blockedForMs: between(ms / 60, 2_500, 4_000),
    // Few starts on a machine that may be busy with others: no median.
    startMs: long ? 2_000 : 10_000,
    flatness: { growthMb: long ? 6 : 25, mostMb: 150, descriptors: long ? 4 : 20 },
  };
}

export const DEFAULT_SESSIONS = 64;
export const DEFAULT_RATE = 450;

function between(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}
