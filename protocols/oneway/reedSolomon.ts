/**
 * Reed-Solomon over GF(256), for erasures: `k` source shards and `m` repair shards of one length, and any `k` of them give the sources back.
 *
 *     shard     0 .. k-1     the source octets as they are
 *               k .. k+m-1   repair: octet i of repair row r is the sum over all j of octet i of source j times 1 / (x[r] + y[j]),
 *                            where x[r] = 255 - r and y[j] = j
 *
 * It repairs what is known to be missing and finds no errors. Shards must be authenticated before they get here: one forged or damaged
 * shard among those that are used corrupts every shard of the block that is repaired, and nothing here would notice.
 *
 * Why any k suffice: k + m is at most 255, so all x and y are distinct and the coefficients are a Cauchy matrix. With e sources missing, e
 * repair shards give e equations in them, whose matrix is made of rows and columns of it, and so is a Cauchy matrix too. Its determinant is
 * the product of all differences of its x, of all differences of its y, and of its coefficients: no factor is zero, so it has an inverse.
 *
 * A coefficient depends on its row and its source alone, not on k and m. So a block that is closed early needs nothing of its own: zeros stand
 * for the sources that never came, at both ends. One array of them will do for all, and counts as present.
 *
 * The field: polynomials over GF(2) modulo x^8 + x^4 + x^3 + x^2 + 1; a sum is an exclusive or.
 *
 * @source the form is that of Blömer et al., "An XOR-Based Erasure-Resilient Coding Scheme", TR-95-048, 1995; x and y are ours
 */

/** Shards of one block: what the two ends count with one octet. */
export const SHARD_LIMIT = 255;
/** What x^8 is congruent to. */
const REDUCED = 0x1d;
/** Octets taken at a time: every frame in one piece, and the sums stay in the processor's nearest cache. */
const PIECE = 2048;
/** Products by one coefficient of each of four rows, packed into a word: 256 of them. */
const TABLE_BITS = 8;

export class ReedSolomon {
  readonly k: number;
  readonly m: number;
  /**
   * For each four repair rows and each source a table: the source's octet to its products in the four rows, the first row lowest. One look-up
   * serves four repair shards. Last a table of zeros. k x ceil(m / 4) KiB: 20 for 20 + 4, 4 MiB at most.
   */
  readonly #tables: Int32Array;
  readonly #zeros: number;
  /** Four sums in a word, for each octet of a piece. */
  readonly #sums = new Int32Array(PIECE);
  readonly #all: Uint8Array;
  /** Of one repair: sources that are there, sources that are not, and rows of repair shards that stand in for them. */
  readonly #there: Uint8Array;
  readonly #missing: Uint8Array;
  readonly #rows: Uint8Array;
  /** Repair shards of four rows. */
  readonly #four = new Uint8Array(4);
  /** Logarithms of what each row and each missing source give to every coefficient of the inverse. */
  readonly #ofRow: Uint8Array;
  readonly #ofMissing: Uint8Array;
  /** What the repair shards hold of missing sources alone: for each four rows a piece of words. */
  readonly #rests: readonly Int32Array[];
  /** Tables of four columns of the inverse. */
  readonly #inverse = new Int32Array(4 << TABLE_BITS);

  /** @throws RangeError unless 1 <= k, 0 <= m and k + m <= 255, all whole */
  constructor(k: number, m: number) {
    if (!Number.isInteger(k) || !Number.isInteger(m) || k < 1 || m < 0 || k + m > SHARD_LIMIT)
      throw new RangeError(`no code of ${k} + ${m} shards`);
    this.k = k;
    this.m = m;
    const most = Math.min(k, m);
    const tables = k * Math.ceil(m / 4);
    this.#zeros = tables << TABLE_BITS;
    this.#tables = new Int32Array((tables + 1) << TABLE_BITS);
    for (let first = 0, at = 0; first < m; first += 4)
      for (let j = 0; j < k; j++, at += 1 << TABLE_BITS) {
        let factors = 0;
        for (let row = first; row < Math.min(first + 4, m); row++) factors |= inverseOf(x(row) ^ j) << (8 * (row - first));
        fillTable(this.#tables, at, factors);
      }
    this.#all = Uint8Array.from({ length: k }, (_, j) => j);
    this.#there = new Uint8Array(k);
    this.#missing = new Uint8Array(most);
    this.#rows = new Uint8Array(most);
    this.#ofRow = new Uint8Array(most);
    this.#ofMissing = new Uint8Array(most);
    this.#rests = Array.from({ length: Math.ceil(m / 4) }, () => new Int32Array(PIECE));
  }

  /**
   * Write the repair shards of a block.
   *
   * @param shards  k + m, the sources first; only the last m are written. They may be longer than `length`.
   * @param length  octets of each that count
   * @throws RangeError where a shard is missing or shorter: a fault of ours
   */
  encode(shards: readonly Uint8Array[], length: number): void {
    for (let i = 0; i < this.k + this.m; i++) expectLength(shards, i, length);
    for (let from = 0; from < length; from += PIECE) {
      const count = Math.min(PIECE, length - from);
      for (let first = 0; first < this.m; first += 4) {
        this.#sum(this.#sums, shards, this.#all, this.k, first, from, count);
        const a = this.k + first;
        const last = this.k + this.m - 1;
        spillFour(
          this.#sums,
          shards[a] as Uint8Array,
          shards[a + 1 > last ? a : a + 1] as Uint8Array,
          shards[a + 2 > last ? a : a + 2] as Uint8Array,
          shards[a + 3 > last ? a : a + 3] as Uint8Array,
          from,
          count,
        );
      }
    }
  }

  /**
   * Write the source shards of a block that are missing; repair shards are left as they are.
   *
   * @param shards   k + m, the sources first. A missing source is an array to write to; what stands for a missing repair shard is not looked at.
   * @param present  for each shard whether it is there; not changed
   * @param length   octets of each that count
   * @returns        whether all sources stand there now: false where fewer than k shards are present, and then nothing is written
   * @throws RangeError where a source, or a repair shard that is present, is missing or shorter: a fault of ours
   */
  repair(shards: readonly Uint8Array[], present: ArrayLike<boolean | number>, length: number): boolean {
    const missing = this.#takeStock(shards, present, length);
    if (missing <= 0) return missing === 0;
    this.#invert(missing);
    for (let from = 0; from < length; from += PIECE) {
      const count = Math.min(PIECE, length - from);
      this.#restsOf(shards, missing, from, count);
      for (let first = 0; first < missing; first += 4) {
        this.#sumRests(missing, first, count);
        const gap = this.#missing;
        const a = shards[gap[first] as number] as Uint8Array;
        spillFour(
          this.#sums,
          a,
          first + 1 < missing ? (shards[gap[first + 1] as number] as Uint8Array) : a,
          first + 2 < missing ? (shards[gap[first + 2] as number] as Uint8Array) : a,
          first + 3 < missing ? (shards[gap[first + 3] as number] as Uint8Array) : a,
          from,
          count,
        );
      }
    }
    return true;
  }

  /** Tell apart what is there and what is not, and choose the rows. @returns sources missing, or -1 if too few repair shards are there */
  #takeStock(shards: readonly Uint8Array[], present: ArrayLike<boolean | number>, length: number): number {
    let there = 0;
    for (let j = 0; j < this.k; j++) {
      expectLength(shards, j, length);
      if (present[j]) this.#there[there++] = j;
      else if (j - there < this.#missing.length) this.#missing[j - there] = j;
      else return -1;
    }
    const missing = this.k - there;
    let rows = 0;
    for (let row = 0; row < this.m && rows < missing; row++) {
      if (!present[this.k + row]) continue;
      expectLength(shards, this.k + row, length);
      this.#rows[rows++] = row;
    }
    return rows === missing ? missing : -1;
  }

  /** The sums of four rows over the sources of a list. */
  #sum(
    sums: Int32Array,
    shards: readonly Uint8Array[],
    list: Uint8Array,
    listed: number,
    firstRow: number,
    from: number,
    count: number,
  ): void {
    const base = (firstRow >> 2) * this.k;
    sums.fill(0, 0, count);
    for (let i = 0; i < listed; i += 2) {
      const a = list[i] as number;
      const isPair = i + 1 < listed;
      // Behind the last: itself, times zero.
      const b = isPair ? (list[i + 1] as number) : a;
      const tableA = (base + a) << TABLE_BITS;
      const tableB = isPair ? (base + b) << TABLE_BITS : this.#zeros;
      addTwo(sums, this.#tables, tableA, tableB, shards[a] as Uint8Array, shards[b] as Uint8Array, from, from + count);
    }
  }

  /**
   * What is left of the chosen repair shards without the sources that are there, four rows in a word. In the place of a row that is not chosen
   * stands anything: its column of the inverse is zero.
   */
  #restsOf(shards: readonly Uint8Array[], missing: number, from: number, count: number): void {
    const repair = this.#four;
    for (let i = 0; i < missing; ) {
      const four = (this.#rows[i] as number) >> 2;
      repair.fill(this.k + (this.#rows[i] as number));
      for (; i < missing && (this.#rows[i] as number) >> 2 === four; i++) {
        const row = this.#rows[i] as number;
        repair[row & 3] = this.k + row;
      }
      const rests = this.#rests[four] as Int32Array;
      this.#sum(rests, shards, this.#there, this.k - missing, four << 2, from, count);
      addFour(
        rests,
        shards[repair[0] as number] as Uint8Array,
        shards[repair[1] as number] as Uint8Array,
        shards[repair[2] as number] as Uint8Array,
        shards[repair[3] as number] as Uint8Array,
        from,
        count,
      );
    }
  }

  /** Four missing sources, from the `first`, out of what is left of the repair shards. */
  #sumRests(missing: number, first: number, count: number): void {
    this.#sums.fill(0, 0, count);
    for (let i = 0; i < missing; ) {
      const four = (this.#rows[i] as number) >> 2;
      for (let column = 0; column < 4; column++) {
        let factors = 0;
        if (i < missing && this.#rows[i] === 4 * four + column) {
          for (let output = first; output < Math.min(first + 4, missing); output++)
            factors |= this.#inverseAt(output, i) << (8 * (output - first));
          i++;
        }
        fillTable(this.#inverse, column << TABLE_BITS, factors);
      }
      addRests(this.#sums, this.#inverse, this.#rests[four] as Int32Array, count);
    }
  }

  /**
   * The inverse of a Cauchy matrix is known without elimination. With all c over the chosen rows, or the missing sources:
   *
   *     inverse[b][a] = prod (x[a] + y[c]) / prod, c not a, (x[a] + x[c])     of the row a
   *                   * prod (x[c] + y[b]) / prod, c not b, (y[b] + y[c])     of the missing source b
   *                   / (x[a] + y[b])
   */
  #invert(size: number): void {
    for (let a = 0; a < size; a++) {
      let ofRow = 0;
      let ofMissing = 0;
      for (let c = 0; c < size; c++) {
        ofRow += logOf(this.#x(a) ^ this.#y(c));
        ofMissing += logOf(this.#x(c) ^ this.#y(a));
        if (c === a) continue;
        ofRow += ORDER - logOf(this.#x(a) ^ this.#x(c));
        ofMissing += ORDER - logOf(this.#y(a) ^ this.#y(c));
      }
      this.#ofRow[a] = ofRow % ORDER;
      this.#ofMissing[a] = ofMissing % ORDER;
    }
  }

  #inverseAt(missing: number, row: number): number {
    const divisor = logOf(this.#x(row) ^ this.#y(missing));
    return powerOf(((this.#ofRow[row] as number) + (this.#ofMissing[missing] as number) + ORDER - divisor) % ORDER);
  }

  #x(chosen: number): number {
    return x(this.#rows[chosen] as number);
  }

  #y(missing: number): number {
    return this.#missing[missing] as number;
  }
}

function x(row: number): number {
  return 255 - row;
}

function expectLength(shards: readonly Uint8Array[], index: number, length: number): void {
  const has = shards[index]?.length ?? 0;
  if (has < length || shards[index] === undefined) throw new RangeError(`shard ${index} has ${has} of ${length} octets`);
}

/** Add to each sum the products of the octets of two shards, `from` to `end`. Two at a time: for more there are too few registers. */
function addTwo(
  sums: Int32Array,
  tables: Int32Array,
  tableA: number,
  tableB: number,
  a: Uint8Array,
  b: Uint8Array,
  from: number,
  end: number,
): void {
  for (let at = from; at < end; at++) {
    const i = at & (PIECE - 1);
    sums[i] = (sums[i] as number) ^ (tables[tableA | (a[at] as number)] as number) ^ (tables[tableB | (b[at] as number)] as number);
  }
}

/** Add to the four sums of each word the octets of a shard each. */
function addFour(sums: Int32Array, a: Uint8Array, b: Uint8Array, c: Uint8Array, d: Uint8Array, from: number, count: number): void {
  for (let i = 0; i < count; i++) {
    const at = from + i;
    sums[i] = (sums[i] as number) ^ ((a[at] as number) | ((b[at] as number) << 8) | ((c[at] as number) << 16) | ((d[at] as number) << 24));
  }
}

/** Add to each sum the products of the four octets of a word. */
function addRests(sums: Int32Array, tables: Int32Array, rests: Int32Array, count: number): void {
  for (let i = 0; i < count; i++) {
    const four = rests[i] as number;
    sums[i] =
      (sums[i] as number) ^
      (tables[four & 0xff] as number) ^
      (tables[0x100 | ((four >>> 8) & 0xff)] as number) ^
      (tables[0x200 | ((four >>> 16) & 0xff)] as number) ^
      (tables[0x300 | (four >>> 24)] as number);
  }
}

/** The four sums of each word to a shard each. Where fewer are wanted the first stands for the others, and is written last. */
function spillFour(sums: Int32Array, a: Uint8Array, b: Uint8Array, c: Uint8Array, d: Uint8Array, from: number, count: number): void {
  for (let i = 0; i < count; i++) {
    const four = sums[i] as number;
    const at = from + i;
    d[at] = four >>> 24;
    c[at] = four >>> 16;
    b[at] = four >>> 8;
    a[at] = four;
  }
}

/** All 256 products by four factors at once: those of the single bits by doubling, the others are sums of them. */
function fillTable(tables: Int32Array, at: number, factors: number): void {
  let product = factors;
  tables[at] = 0;
  for (let bit = 1; bit < 256; bit <<= 1) {
    for (let rest = 0; rest < bit; rest++) tables[at + bit + rest] = (tables[at + rest] as number) ^ product;
    product = ((product & 0x7f7f7f7f) << 1) ^ (((product >>> 7) & 0x01010101) * REDUCED);
  }
}

/** Of the multiplicative group, which 2 generates. */
const ORDER = 255;
const POWERS = new Uint8Array(ORDER);
const LOGS = new Uint8Array(256);
for (let exponent = 0, value = 1; exponent < ORDER; exponent++) {
  POWERS[exponent] = value;
  LOGS[value] = exponent;
  value = ((value << 1) & 0xff) ^ ((value >> 7) * REDUCED);
}

function powerOf(exponent: number): number {
  return POWERS[exponent] as number;
}

function logOf(value: number): number {
  return LOGS[value] as number;
}

function inverseOf(value: number): number {
  return powerOf((ORDER - logOf(value)) % ORDER);
}
