/**
 * Strict CSV with a header, positions and caps. One row is one line of the file unless a quoted cell holds line ends.
 *
 *     const read = readCsv(file, text, { required: ["name", "address"], optional: ["scale"] });
 *     for (const row of read.value.rows) row.get("scale")   // "" where the cell is empty or the column is not there
 *     row.problem("scale", "a number that is not 0")          // at the cell
 *
 * Separator is the comma, quotes are doubled inside quotes, rows end with LF or CR LF. A byte order mark at the very start is what a
 * spreadsheet's "CSV UTF-8" writes, and is skipped. Blank rows and, between the rows, lines that start with `#` are skipped.
 *
 * @source RFC 4180; RULINGS 16
 */
import { err, ok, type Result } from "#wire";
import { characterProblem } from "./characters.ts";
import { MOST_PROBLEMS, nearest, type Problem, quoted } from "./problems.ts";
import type { Place } from "./yaml.ts";

export interface CsvCaps {
  readonly octets: number;
  readonly rows: number;
  readonly columns: number;
  /** UTF-16 units in one cell. */
  readonly cell: number;
}

export const CSV_CAPS: CsvCaps = { octets: 4 * 1024 * 1024, rows: 20_000, columns: 64, cell: 1024 };

export interface CsvColumns {
  readonly required: readonly string[];
  readonly optional: readonly string[];
}

export class CsvRow {
  readonly #file: string;
  readonly #columns: ReadonlyMap<string, number>;
  readonly #cells: readonly Cell[];
  /** Where the row starts. */
  readonly at: Place;

  constructor(file: string, columns: ReadonlyMap<string, number>, cells: readonly Cell[]) {
    this.#file = file;
    this.#columns = columns;
    this.#cells = cells;
    this.at = (cells[0] as Cell).at;
  }

  /** The cell without spaces around it. "" where it is empty or the file has no such column. */
  get(column: string): string {
    return this.#cell(column)?.text ?? "";
  }

  has(column: string): boolean {
    return this.get(column) !== "";
  }

  /** A problem at a cell, or at the row where the file has no such column. */
  problem(column: string, expected: string, found?: string): Problem {
    const cell = this.#cell(column);
    const shown = cell === null || cell.text === "" ? `no ${column}` : `${column} ${quoted(cell.text)}`;
    return { file: this.#file, ...(cell?.at ?? this.at), found: found ?? shown, expected };
  }

  #cell(column: string): Cell | null {
    const index = this.#columns.get(column);
    return index === undefined ? null : (this.#cells[index] ?? null);
  }
}

export interface CsvTable {
  readonly columns: readonly string[];
  readonly rows: readonly CsvRow[];
}

interface Cell {
  readonly at: Place;
  readonly text: string;
}

/** @returns the rows, or every problem found, at most MOST_PROBLEMS; a broken quote ends the reading */
export function readCsv(file: string, text: string, columns: CsvColumns, caps: CsvCaps = CSV_CAPS): Result<CsvTable, readonly Problem[]> {
  const octets = new TextEncoder().encode(text).length;
  if (octets > caps.octets) {
    return err([{ file, line: 1, column: 1, found: `${octets} octets`, expected: `at most ${caps.octets} octets in one file` }]);
  }
  const marked = text.startsWith("\ufeff");
  const body = marked ? text.slice(1) : text;
  const character = characterProblem(body, file);
  if (character !== null) return err([character]);
  const cutting = new Cutting(file, body, caps);
  const rows = cutting.rows();
  const header = rows.shift();
  if (cutting.problems.length > 0) return err(cutting.problems);
  if (header === undefined) {
    return err([{ file, line: 1, column: 1, found: "no header", expected: `a first row with the columns ${columns.required.join(",")}` }]);
  }
  const problems = headerProblems(file, header, columns);
  if (problems.length > 0) return err(problems.slice(0, MOST_PROBLEMS));
  const places = new Map(header.map((cell, index) => [cell.text, index]));
  for (const row of rows) {
    if (row.length === header.length) continue;
    const at = row[Math.min(row.length, header.length) - 1]?.at ?? { line: 1, column: 1 };
    problems.push({ file, ...at, found: `a row of ${row.length} cells`, expected: `${header.length} cells, as in the header` });
    if (problems.length >= MOST_PROBLEMS) break;
  }
  if (problems.length > 0) return err(problems);
  return ok({ columns: header.map((cell) => cell.text), rows: rows.map((row) => new CsvRow(file, places, row)) });
}

function headerProblems(file: string, header: readonly Cell[], { required, optional }: CsvColumns): Problem[] {
  const known = [...required, ...optional];
  const problems: Problem[] = [];
  const seen = new Set<string>();
  for (const { at, text } of header) {
    if (seen.has(text)) problems.push({ file, ...at, found: `the column ${quoted(text)} a second time`, expected: "each column once" });
    else if (!known.includes(text)) {
      const near = nearest(text, known);
      const expected = near === null ? `one of the columns: ${known.join(", ")}` : `the column ${quoted(near)} (did you mean that?)`;
      problems.push({ file, ...at, found: text === "" ? "a column without a name" : `the unknown column ${quoted(text)}`, expected });
    }
    seen.add(text);
  }
  const missing = required.filter((column) => !seen.has(column));
  // A misspelt column was told above; telling that it is missing too says the same thing twice.
  if (missing.length > 0 && problems.length === 0) {
    const at = header[0]?.at ?? { line: 1, column: 1 };
    problems.push({ file, ...at, found: `no column ${missing.join(", ")}`, expected: `the columns ${required.join(",")}` });
  }
  return problems;
}

/** From text to rows of cells. Each character is looked at once. */
class Cutting {
  readonly problems: Problem[] = [];
  readonly #file: string;
  readonly #text: string;
  readonly #caps: CsvCaps;
  #at = 0;
  #line = 1;
  #lineStart = 0;

  constructor(file: string, text: string, caps: CsvCaps) {
    this.#file = file;
    this.#text = text;
    this.#caps = caps;
  }

  rows(): Cell[][] {
    const rows: Cell[][] = [];
    while (this.#at < this.#text.length && this.problems.length === 0) {
      if (this.#skipLine()) continue;
      const row = this.#row();
      if (rows.length > this.#caps.rows) {
        this.#problem((row[0] as Cell).at, `more than ${this.#caps.rows} rows`, `at most ${this.#caps.rows} rows`);
        break;
      }
      rows.push(row);
    }
    return rows;
  }

  /** Blank lines and comments. */
  #skipLine(): boolean {
    let end = this.#text.indexOf("\n", this.#at);
    if (end < 0) end = this.#text.length;
    const first = this.#text[this.#at];
    if (first !== "#" && this.#text.slice(this.#at, end).trim() !== "") return false;
    this.#at = end;
    this.#lineEnd();
    return true;
  }

  #row(): Cell[] {
    const row: Cell[] = [];
    for (;;) {
      const cell = this.#text[this.#at] === '"' ? this.#quoted() : this.#bare();
      if (cell.text.length > this.#caps.cell) {
        this.#problem(cell.at, `a cell of ${cell.text.length} characters`, `at most ${this.#caps.cell}`);
      }
      row.push(cell);
      if (row.length > this.#caps.columns) this.#problem(cell.at, `more than ${this.#caps.columns} cells in a row`, "fewer");
      if (this.problems.length > 0) return row;
      if (this.#text[this.#at] !== ",") break;
      this.#at += 1;
    }
    this.#lineEnd();
    return row;
  }

  #bare(): Cell {
    const start = this.#at;
    while (this.#at < this.#text.length && !this.#ends(this.#text[this.#at] as string)) this.#at += 1;
    const raw = this.#text.slice(start, this.#at);
    const text = raw.trim();
    const at = this.#place(start + (raw.length - raw.trimStart().length));
    const quote = raw.indexOf('"');
    if (quote >= 0) this.#problem(this.#place(start + quote), "a quote inside a cell", "the whole cell in quotes, quotes in it doubled");
    return { at: text === "" ? this.#place(start) : at, text };
  }

  #quoted(): Cell {
    const start = this.#at + 1;
    const at = this.#place(this.#at);
    const parts: string[] = [];
    for (let from = start; ; from = this.#at + 1) {
      const close = this.#text.indexOf('"', from);
      if (close < 0) {
        this.#problem(at, "a quote that is never closed", 'a closing quote (")');
        return { at, text: "" };
      }
      parts.push(this.#text.slice(from, close));
      this.#at = close + 1;
      if (this.#text[this.#at] !== '"') break;
    }
    this.#countLines(start, this.#at);
    if (this.#at < this.#text.length && !this.#ends(this.#text[this.#at] as string)) {
      this.#problem(this.#place(this.#at), "text after a closing quote", "a comma or the end of the row");
    }
    return { at, text: parts.join('"').trim() };
  }

  #ends(character: string): boolean {
    return character === "," || character === "\n" || character === "\r";
  }

  /** Step over LF or CR LF (a lone CR was refused before), or be at the end. */
  #lineEnd(): void {
    if (this.#text[this.#at] === "\r") this.#at += 1;
    if (this.#text[this.#at] !== "\n") return;
    this.#at += 1;
    this.#line += 1;
    this.#lineStart = this.#at;
  }

  #countLines(from: number, to: number): void {
    for (let end = this.#text.indexOf("\n", from); end >= 0 && end < to; end = this.#text.indexOf("\n", end + 1)) {
      this.#line += 1;
      this.#lineStart = end + 1;
    }
  }

  #place(index: number): Place {
    return { line: this.#line, column: index - this.#lineStart + 1 };
  }

  #problem(at: Place, found: string, expected: string): void {
    this.problems.push({ file: this.#file, ...at, found, expected });
  }
}
