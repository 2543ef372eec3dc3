/**
 * The code once more, slowly and otherwise: the field bit by bit, repair shards from the coefficients as they are defined, sources by Gaussian
 * elimination over plain numbers. Shares nothing with protocols/oneway.
 */

/** Polynomials over GF(2), multiplied as on paper and reduced by x^8 + x^4 + x^3 + x^2 + 1 from the top. */
export function times(a: number, b: number): number {
  let product = 0;
  for (let bit = 0; bit < 8; bit++) if ((b >> bit) & 1) product ^= a << bit;
  for (let bit = 14; bit >= 8; bit--) if ((product >> bit) & 1) product ^= 0x11d << (bit - 8);
  return product;
}

/** By looking for it. */
export function reciprocal(a: number): number {
  for (let b = 1; b < 256; b++) if (times(a, b) === 1) return b;
  throw new Error("zero has none");
}

export function coefficient(row: number, source: number): number {
  return reciprocal((255 - row) ^ source);
}

/** All k + m shards of the sources, octet by octet. */
export function encoded(sources: readonly (readonly number[])[], m: number): number[][] {
  const length = sources[0]?.length ?? 0;
  const repair = Array.from({ length: m }, (_, row) => {
    const factors = sources.map((_, j) => coefficient(row, j));
    return Array.from({ length }, (_, i) => sources.reduce((sum, source, j) => sum ^ times(factors[j] as number, source[i] as number), 0));
  });
  return [...sources.map((source) => [...source]), ...repair];
}

/** The sources out of any k shards: as many equations as unknowns, solved. Null where they have no one solution, or are too few. */
export function decoded(shards: readonly (readonly number[] | null)[], k: number): number[][] | null {
  const equations: { left: number[]; right: number[] }[] = [];
  shards.forEach((shard, index) => {
    if (shard === null || equations.length === k) return;
    const left = Array.from({ length: k }, (_, j) => (index < k ? Number(index === j) : coefficient(index - k, j)));
    equations.push({ left, right: [...shard] });
  });
  if (equations.length < k) return null;
  for (let column = 0; column < k; column++) {
    const found = equations.findIndex(({ left }, i) => i >= column && left[column] !== 0);
    if (found < 0) return null;
    const [pivot] = equations.splice(found, 1);
    if (pivot === undefined) return null;
    const factor = reciprocal(pivot.left[column] as number);
    const scaled = { left: pivot.left.map((each) => times(each, factor)), right: pivot.right.map((each) => times(each, factor)) };
    equations.splice(column, 0, scaled);
    equations.forEach((equation, i) => {
      const by = equation.left[column] as number;
      if (i === column || by === 0) return;
      equation.left = equation.left.map((each, j) => each ^ times(by, scaled.left[j] as number));
      equation.right = equation.right.map((each, j) => each ^ times(by, scaled.right[j] as number));
    });
  }
  return equations.map(({ right }) => right);
}

/** Numbers that look random and are the same every time: 0 <= n < 1. Three words that mix and one that counts. */
export function randomFrom(seed: number): () => number {
  let [a, b, c, count] = [seed | 0, 0x3c6ef372, 0x2545f491, 1];
  const next = (): number => {
    const sum = (a + b + count) | 0;
    count = (count + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return (sum >>> 0) / 2 ** 32;
  };
  for (let i = 0; i < 16; i++) next();
  return next;
}
