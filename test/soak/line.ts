/** A straight line through samples, by least squares. */

export interface Sample {
  /** Milliseconds. */
  readonly at: number;
  readonly value: number;
}

export interface Line {
  /** Per hour. */
  readonly slope: number;
  /** Along the line over the time of the samples. */
  readonly growth: number;
  readonly seconds: number;
}

/** Zero for fewer than two samples: there is nothing to see. */
export function lineThrough(samples: readonly Sample[]): Line {
  const count = samples.length;
  const first = samples[0]?.at ?? 0;
  const seconds = ((samples.at(-1)?.at ?? 0) - first) / 1000;
  if (count < 2 || seconds <= 0) return { slope: 0, growth: 0, seconds: 0 };
  const hours = samples.map(({ at }) => (at - first) / 3_600_000);
  const x = mean(hours);
  const y = mean(samples.map(({ value }) => value));
  let together = 0;
  let alone = 0;
  for (let i = 0; i < count; i++) {
    const dx = (hours[i] as number) - x;
    together += dx * ((samples[i] as Sample).value - y);
    alone += dx * dx;
  }
  const slope = together / alone;
  return { slope, growth: (slope * seconds) / 3600, seconds };
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
