/** Time as the road needs it. Durations and deadlines are monotonic; records and `hours` use the wall. Tests hand in their own. */
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
