/**
 * What DESIGN section 11 asks, held against what was measured. A bench tells its figures as it goes; alone it prints them at its end, under
 * `make bench` they stand together at the end of the run. A figure that falls short is said plainly and fails nothing: the machine may be busy.
 */
export type Bound = readonly ["<" | "<=" | ">=", number];

export interface Figure {
  readonly name: string;
  readonly value: number;
  /** "x", "µs", "MB" ... */
  readonly unit: string;
  readonly must: Bound;
  readonly aim: Bound;
}

const told: Figure[] = [];

/** One figure that something is asked of. */
export function hold(name: string, value: number, unit: string, must: Bound, aim: Bound): void {
  const figure = { name, value, unit, must, aim };
  if (process.send === undefined) told.push(figure);
  else process.send(figure);
}

/** At the end of a bench that runs alone. */
export function closing(): void {
  if (told.length > 0) console.log(`\n${table(told)}`);
}

export function table(figures: readonly Figure[]): string {
  const lines = figures.map(({ name, value, unit, must, aim }) => {
    const short = Number.isFinite(value) ? `${value.toFixed(digits(must[1]))} ${unit}` : "not measured";
    return `${name.padEnd(78)} ${short.padStart(12)}   ${say(must, unit).padEnd(13)} ${holds(value, must).padEnd(14)}   ${say(aim, unit).padEnd(13)} ${holds(value, aim)}`;
  });
  return [`${"".padEnd(78)} ${"measured".padStart(12)}   ${"must".padEnd(28)}   aim`, ...lines].join("\n");
}

function holds(value: number, [relation, of]: Bound): string {
  const is = relation === "<" ? value < of : relation === "<=" ? value <= of : value >= of;
  return is ? "holds" : "DOES NOT HOLD";
}

function say([relation, of]: Bound, unit: string): string {
  return `${relation} ${of} ${unit}`;
}

/** As many as show on which side of the bound it lies. */
function digits(of: number): number {
  return of >= 50 ? 0 : of >= 10 ? 1 : 2;
}
