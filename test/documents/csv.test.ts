import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { CSV_CAPS, type CsvTable, readCsv } from "#documents/csv";
import { type Problem, sayProblem } from "#documents/problems";

const csv = suite("documents/csv");
const COLUMNS = { required: ["name", "address"], optional: ["scale", "note"] };

function read(text: string): CsvTable {
  const result = readCsv("p.csv", text, COLUMNS);
  if (!result.ok) throw new Error(result.error.map(sayProblem).join("\n"));
  return result.value;
}

function problems(text: string): readonly Problem[] {
  const result = readCsv("p.csv", text, COLUMNS);
  return result.ok ? [] : result.error;
}

csv("rows end with LF or CR LF, the last one with either or nothing; order of columns is free", () => {
  for (const text of ["name,address\na,1\nb,2", "name,address\r\na,1\r\nb,2\r\n", "address,name\n1,a\n2,b\n"]) {
    assert.equal(
      read(text).rows.map((row) => [row.get("name"), row.get("address")]),
      [
        ["a", "1"],
        ["b", "2"],
      ],
    );
  }
});

csv("quotes hold commas, quotes and line ends; spaces around a cell are nothing", () => {
  const [row, next] = read('name,address,note\n"a, b", 1 ,"say ""hi""\non two lines"\nb,2,\n').rows;
  assert.is(row?.get("name"), "a, b");
  assert.is(row?.get("address"), "1");
  assert.is(row?.get("note"), 'say "hi"\non two lines');
  assert.is(row?.has("scale"), false, "a column the file does not have is empty");
  assert.is(next?.has("note"), false);
  assert.equal(next?.at, { line: 4, column: 1 });
});

csv("blank lines and # lines between rows are nothing, also before the header", () => {
  const { rows } = read("# boiler\n\nname,address\n\n# pumps\na,1\n   \nb,#2\n");
  assert.equal(
    rows.map((row) => row.get("address")),
    ["1", "#2"],
  );
  assert.equal(
    rows.map((row) => row.at.line),
    [6, 8],
  );
});

csv("a byte order mark at the very start is what spreadsheets write, and moves no column; anywhere else it is refused", () => {
  assert.is(read("\ufeffname,address\na,1\n").rows.length, 1);
  assert.equal(problems("\ufeffname,adress\na,1\n")[0], {
    file: "p.csv",
    line: 1,
    column: 6,
    found: 'the unknown column "adress"',
    expected: 'the column "address" (did you mean that?)',
  });
  assert.match(problems("name,address\n\ufeffa,1\n")[0]?.found ?? "", /U\+FEFF/);
});

/** One fault each, where it stands. */
const FAULTS: readonly (readonly [text: string, said: string])[] = [
  ["", "1:1: found no header; expected a first row with the columns name,address"],
  ["name\na\n", "1:1: found no column address; expected the columns name,address"],
  ["name,adress\n", '1:6: found the unknown column "adress"; expected the column "address" (did you mean that?)'],
  ["name,address,colour\n", '1:14: found the unknown column "colour"; expected one of the columns: name, address, scale, note'],
  ["name,address,name\n", '1:14: found the column "name" a second time; expected each column once'],
  ["name,address,\n", "1:14: found a column without a name; expected one of the columns: name, address, scale, note"],
  ["name,address\na\n", "2:1: found a row of 1 cells; expected 2 cells, as in the header"],
  ["name,address\na,1,x\n", "2:3: found a row of 3 cells; expected 2 cells, as in the header"],
  ["name,address\na,1\n\nb\n", "4:1: found a row of 1 cells; expected 2 cells, as in the header"],
  ['name,address\nab"c,1\n', "2:3: found a quote inside a cell; expected the whole cell in quotes, quotes in it doubled"],
  ['name,address\n"ab"c,1\n', "2:5: found text after a closing quote; expected a comma or the end of the row"],
  ['name,address\na,"1\n', '2:3: found a quote that is never closed; expected a closing quote (")'],
  ['name,address\n"a\nb"x,1\n', "3:3: found text after a closing quote; expected a comma or the end of the row"],
  ["name,address\na\u202e,1\n", "2:2: found a bidirectional control character (U+202E); expected printable characters only"],
  ["name,address\na,1\rb,2\n", "2:4: found a non-printing character (U+000D); expected printable characters only"],
  ["name,address\na,\u00001\n", "2:3: found a non-printing character (U+0000); expected printable characters only"],
];

for (const [text, said] of FAULTS) {
  csv(`${JSON.stringify(text)} is refused at ${said.slice(0, said.indexOf(" found"))}`, () => {
    assert.equal(problems(text).map(sayProblem), [`p.csv:${said}`]);
  });
}

csv("a problem with a cell stands at the cell, or at the row that lacks it", () => {
  const [row] = read("name,address,note\na,  x1,\n").rows;
  assert.is(row && sayProblem(row.problem("address", "a number")), 'p.csv:2:5: found address "x1"; expected a number');
  assert.is(row && sayProblem(row.problem("note", "a note")), "p.csv:2:8: found no note; expected a note");
  assert.is(row && sayProblem(row.problem("scale", "a scale")), "p.csv:2:1: found no scale; expected a scale");
});

csv("caps: octets, rows, columns and cells, each reached and each one more refused", () => {
  const caps = { octets: 60, rows: 2, columns: 3, cell: 10 };
  const first = (text: string) => {
    const result = readCsv("p.csv", text, COLUMNS, caps);
    return result.ok ? "ok" : result.error[0]?.found;
  };
  assert.is(first("name,address\na,1\nb,2\n"), "ok");
  assert.is(first("name,address\na,1\nb,2\nc,3\n"), "more than 2 rows");
  assert.is(first("name,address,note\n"), "ok");
  assert.is(first("name,address,note,scale\n"), "more than 3 cells in a row");
  assert.is(first("name,address\n0123456789,1\n"), "ok");
  assert.is(first("name,address\n0123456789a,1\n"), "a cell of 11 characters");
  assert.is(first('name,address\n"0123456789a",1\n'), "a cell of 11 characters");
  assert.is(first(`name,address\n${"#".repeat(46)}\n`), "ok");
  assert.is(first(`name,address\n${"#".repeat(47)}\n`), "61 octets");
});

csv("property: cells that are written by RFC 4180 are read back", () => {
  const cell = fc.string({ unit: "grapheme-ascii", maxLength: 20 }).map((text) => text.trim());
  const row = fc.tuple(
    cell.filter((text) => text !== "" && !text.startsWith("#")),
    cell,
  );
  fc.assert(
    fc.property(fc.array(row, { maxLength: 10 }), fc.boolean(), fc.boolean(), (rows, crlf, always) => {
      const end = crlf ? "\r\n" : "\n";
      const write = (text: string) => (always || /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
      const text = ["name,address", ...rows.map((cells) => cells.map(write).join(","))].join(end);
      assert.equal(
        read(text).rows.map((each) => [each.get("name"), each.get("address")]),
        rows,
      );
    }),
    { numRuns: 500 },
  );
});

csv("property: no text makes the reader throw, and each problem stands inside the text", () => {
  const shards = fc.array(
    fc.oneof(
      fc.constantFrom("name", "address", ",", "\n", "\r\n", '"', '""', " ", "#", "\r", "\ufeff", "\u0000", "x"),
      fc.string({ maxLength: 4 }),
    ),
    { maxLength: 40 },
  );
  fc.assert(
    fc.property(shards, fc.boolean(), (parts, headed) => {
      const text = `${headed ? "name,address\n" : ""}${parts.join("")}`;
      const lines = text.split("\n");
      for (const { line, column } of problems(text)) {
        assert.ok(line >= 1 && line <= lines.length && column >= 1 && column <= (lines[line - 1]?.length ?? 0) + 1, `${line}:${column}`);
      }
    }),
    { numRuns: 3000 },
  );
});

const LARGE: readonly (readonly [name: string, part: string])[] = [
  ["commas", ","],
  ["quotes", '"'],
  ["doubled quotes in one cell", '""'],
  ["rows", "x,y\n"],
  ["blank lines", "\n"],
  ["spaces", " "],
  ["line ends in quotes", "\n\n"],
];

for (const [name, part] of LARGE) {
  csv(`a file as large as the caps allow is done within bounded time: ${name}`, () => {
    const head = part === '""' || part === "\n\n" ? 'name,address\n"' : "name,address\n";
    const text = head + part.repeat(Math.floor((CSV_CAPS.octets - head.length) / part.length));
    const started = process.cpuUsage();
    readCsv("p.csv", text, COLUMNS);
    const { user, system } = process.cpuUsage(started);
    assert.ok((user + system) / 1e6 < 15, `${(user + system) / 1e6} s of CPU`);
  });
}

csv.run();
