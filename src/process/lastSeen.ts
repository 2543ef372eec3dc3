/**
 * The raw cells of one asset as replies last showed them. What nobody can vouch for any more (a write on its way, an opaque function) is
 * voided, and then unknown until it is read again. Grows by pages with the addresses really seen: at most 13 octets a cell.
 */
export type Source = 1 | 2 | 3;
/** How a value came to be known. */
export const SOURCES = { 1: "read", 2: "written", 3: "guard" } as const;

const PAGE = 256;
/** Cells of spaces larger than this (files) are not kept. */
const LAST_ADDRESS = 0xffff;

interface Page {
  /** -1: unknown. */
  readonly cells: Int32Array;
  readonly seenMs: Float64Array;
  readonly source: Uint8Array;
}

export class LastSeenCells {
  readonly #pages = new Map<number, Page>();
  #recentKey = -1;
  #recent: Page | null = null;

  /** The raw cell (bit or word) last seen at this place, or -1. */
  cell(unit: number, space: number, address: number): number {
    const page = this.#page(unit, space, address);
    return page === null ? -1 : (page.cells[address % PAGE] as number);
  }

  /** Monotonic milliseconds at which it was seen; 0 where unknown. */
  seenAt(unit: number, space: number, address: number): number {
    const page = this.#page(unit, space, address);
    return page === null || page.cells[address % PAGE] === -1 ? 0 : (page.seenMs[address % PAGE] as number);
  }

  /** How it came to be known; 0 where unknown. */
  sourceOf(unit: number, space: number, address: number): 0 | Source {
    const page = this.#page(unit, space, address);
    return page === null || page.cells[address % PAGE] === -1 ? 0 : (page.source[address % PAGE] as 0 | Source);
  }

  set(unit: number, space: number, address: number, cell: number, seenMs: number, source: Source): void {
    if (address > LAST_ADDRESS) return;
    const page = this.#page(unit, space, address) ?? this.#make(unit, space, address);
    const at = address % PAGE;
    page.cells[at] = cell;
    page.seenMs[at] = seenMs;
    page.source[at] = source;
  }

  void(unit: number, space: number, first: number, last: number): void {
    for (let address = first; address <= last && address <= LAST_ADDRESS; address++) {
      const page = this.#page(unit, space, address);
      if (page === null) address += PAGE - 1 - (address % PAGE);
      else page.cells[address % PAGE] = -1;
    }
  }

  /** Everything of one unit: an opaque function may have changed any of it (RULINGS 5). */
  voidUnit(unit: number): void {
    for (const [key, page] of this.#pages) if (unitOf(key) === unit) page.cells.fill(-1);
  }

  #page(unit: number, space: number, address: number): Page | null {
    const key = keyOf(unit, space, address);
    if (key === this.#recentKey) return this.#recent;
    const page = this.#pages.get(key) ?? null;
    this.#recentKey = key;
    this.#recent = page;
    return page;
  }

  #make(unit: number, space: number, address: number): Page {
    const page = { cells: new Int32Array(PAGE).fill(-1), seenMs: new Float64Array(PAGE), source: new Uint8Array(PAGE) };
    const key = keyOf(unit, space, address);
    this.#pages.set(key, page);
    this.#recentKey = key;
    this.#recent = page;
    return page;
  }
}

/** unit u16, space u8, page number u16. Plain arithmetic: the key may pass 31 bits. */
function keyOf(unit: number, space: number, address: number): number {
  return (unit * 256 + space) * 0x10000 + Math.floor(address / PAGE);
}

function unitOf(key: number): number {
  return Math.floor(key / 0x1000000);
}
