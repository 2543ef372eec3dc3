/**
 * Sinks that show text from documents and peers. Each kind of sink has its own way to be fooled; every sink goes through its helper here.
 *
 * @source RULINGS 16
 */

/** Everything that prints nothing or moves the cursor: controls, formats (bidirectional, zero width), lone surrogates, line separators. */
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]/gu;

/** Text for a terminal or a log line: one line, every unprintable character shown as `\u{202e}`. */
export function visible(text: string): string {
  return text.replace(UNPRINTABLE, (c) => `\\u{${(c.codePointAt(0) as number).toString(16).padStart(4, "0")}}`);
}

/** JSON for a terminal: what prints nothing or turns the line round stays what it is, written as an escape of JSON's own. */
export function visibleJson(json: string): string {
  return json.replace(UNPRINTABLE, (c) =>
    Array.from({ length: c.length }, (_, i) => `\\u${c.charCodeAt(i).toString(16).padStart(4, "0")}`).join(""),
  );
}

/** Printable text, where tabs and line ends may stay: what a multi-line terminal page is made of. */
export function visibleLines(text: string): string {
  return text.replace(UNPRINTABLE, (c) => (c === "\n" || c === "\t" ? c : visible(c)));
}

/**
 * One CSV cell (RFC 4180), which no spreadsheet takes for a formula: a leading `= + - @`, tab or CR gets a `'` before it, a negative
 * number too.
 */
export function csvCell(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** One CSV row with its line end. */
export function csvRow(cells: readonly string[]): string {
  return `${cells.map(csvCell).join(",")}\r\n`;
}
