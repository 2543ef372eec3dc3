import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type Problem, sayProblem } from "#documents/problems";
import type { Space } from "#operation";
import type { Addressing, Point } from "#process/points";
import { MOST_POINTS, type PointsModel, readPoints } from "#process/pointsFile";
import { COIL, HOLDING, SPACES } from "./spaces.ts";

const points = suite("process/pointsFile");

const HEAD = "name,unit_id,table,address,type,unit,access,description";
const MODEL: PointsModel = { units: [1, 2], unitAliases: new Map([[7, 1]]), addressing: "zero-based" };

function model(addressing: Addressing): PointsModel {
  return { ...MODEL, addressing };
}

function read(text: string, of: PointsModel = MODEL): readonly Point[] {
  const result = readPoints("p.csv", text, of, SPACES);
  if (!result.ok) throw new Error(result.error.map(sayProblem).join("\n"));
  return result.value;
}

function problems(text: string, of: PointsModel = MODEL): readonly Problem[] {
  const result = readPoints("p.csv", text, of, SPACES);
  return result.ok ? [] : result.error;
}

/** A file whose rows name their own further columns: `x,1,holding,40,uint16,,rw,` with `scale=0.1`. */
type Row = string | readonly [row: string, more: Readonly<Record<string, string>>];

function file(...rows: readonly Row[]): string {
  const columns = [...new Set(rows.flatMap((row) => (typeof row === "string" ? [] : Object.keys(row[1]))))];
  const lines = rows.map((row) => {
    const [base, more] = typeof row === "string" ? [row, {} as Readonly<Record<string, string>>] : row;
    return [base, ...columns.map((column) => more[column] ?? "")].join(",");
  });
  return `${[HEAD, ...columns].join(",")}\n${lines.join("\n")}\n`;
}

points("a file of every type, with every column", () => {
  const text = file(
    ["pump_run,1,coil,3,bool,,rw,Pump runs", { write_min: "0", write_max: "1" }],
    ["alarm,1,discrete,0,bool,,r,", {}],
    ["status,1,holding,10,uint16,,rw,", {}],
    ["status_trip,1,holding,10,bit,,rw,Trip", { bit: "15", bit_of: "status" }],
    [
      "level,1,input,7,int16,cm,r,",
      { byte_order: "little", plausible_min: "-10", plausible_max: "500.5", deadband: "0.5", min_interval: "250ms" },
    ],
    [
      "feed_setpoint,1,holding,40,uint32,t/h,rw,Feed",
      { word_order: "little", byte_order: "big", scale: "0.1", offset: "-5", write_min: "0", write_max: "40.0" },
    ],
    ["feed_alias,1,holding,40,int32,,rw,", { alias_of: "feed_setpoint" }],
    ["counter,2,holding,40,uint64,,r,", {}],
    ["flow,2,input,0,float32,m3/h,r,", { word_order: "little" }],
    ["energy,2,input,2,float64,kWh,r,", { scale: "-1e-3" }],
    ["total,2,input,6,int64,,r,", {}],
    ["serial_no,2,holding,100,string,,w,", { length: "8", byte_order: "little" }],
  );
  const read_ = read(text);
  assert.equal(
    read_.map(({ name, unitId, space, first, last, type, access }) => [name, unitId, space, first, last, type, access]),
    [
      ["pump_run", 1, 0, 3, 3, "bool", "rw"],
      ["alarm", 1, 1, 0, 0, "bool", "r"],
      ["status", 1, 3, 10, 10, "uint16", "rw"],
      ["status_trip", 1, 3, 10, 10, "bit", "rw"],
      ["level", 1, 2, 7, 7, "int16", "r"],
      ["feed_setpoint", 1, 3, 40, 41, "uint32", "rw"],
      ["feed_alias", 1, 3, 40, 41, "int32", "rw"],
      ["counter", 2, 3, 40, 43, "uint64", "r"],
      ["flow", 2, 2, 0, 1, "float32", "r"],
      ["energy", 2, 2, 2, 5, "float64", "r"],
      ["total", 2, 2, 6, 9, "int64", "r"],
      ["serial_no", 2, 3, 100, 107, "string", "w"],
    ],
  );
  assert.equal(read_[5], {
    index: 5,
    name: "feed_setpoint",
    unitId: 1,
    space: 3,
    first: 40,
    last: 41,
    type: "uint32",
    unit: "t/h",
    access: "rw",
    description: "Feed",
    bit: null,
    byteOrder: "big",
    wordOrder: "little",
    scale: { units: 1n, places: 1 },
    offset: { units: -5n, places: 0 },
    writeMin: { units: 0n, places: 0 },
    writeMax: { units: 40n, places: 0 },
    plausibleMin: null,
    plausibleMax: null,
    bitOf: null,
    aliasOf: null,
    deadband: null,
    minInterval: null,
  });
  assert.equal([read_[3]?.bit, read_[3]?.bitOf, read_[6]?.aliasOf], [15, 2, 5]);
  assert.equal(
    [read_[4]?.plausibleMin, read_[4]?.plausibleMax],
    [
      { units: -10n, places: 0 },
      { units: 5005n, places: 1 },
    ],
  );
  assert.equal([read_[4]?.deadband, read_[4]?.minInterval, read_[4]?.byteOrder], [{ units: 5n, places: 1 }, 250, "little"]);
  assert.equal(read_[9]?.scale, { units: -1n, places: 3 });
});

points("a file without points is fine", () => assert.equal(read(`${HEAD}\n`), []));

points("RULINGS 3: write limits may stand alone, on either side", () => {
  const [low, high] = read(file(["a,1,holding,0,int16,,rw,", { write_min: "-5" }], ["b,1,holding,1,int16,,rw,", { write_max: "5" }]));
  assert.equal(
    [low?.writeMin, low?.writeMax, high?.writeMin, high?.writeMax],
    [{ units: -5n, places: 0 }, null, null, { units: 5n, places: 0 }],
  );
});

type Faulty = readonly [say: string, row: string, more: Readonly<Record<string, string>>, said: string, addressing?: Addressing];

/** One fault each, told at the cell of the column it names. */
const FAULTS: readonly Faulty[] = [
  ["no name", ",1,holding,40,uint16,,rw,", {}, "found no name; expected a name of 1 to 64 letters, digits, _ . -"],
  ["a name with a space", "a b,1,holding,40,uint16,,rw,", {}, 'found name "a b"; expected a name of 1 to 64 letters, digits, _ . -'],
  [
    "a name too long",
    `${"x".repeat(65)},1,holding,40,uint16,,rw,`,
    {},
    `found name "${"x".repeat(57)}..."; expected a name of 1 to 64 letters, digits, _ . -`,
  ],
  ["no unit", "a,,holding,40,uint16,,rw,", {}, "found no unit_id; expected a unit of this asset, one of: 1, 2"],
  ["another unit", "a,3,holding,40,uint16,,rw,", {}, 'found unit_id "3"; expected a unit of this asset, one of: 1, 2'],
  ["an alias of a unit", "a,7,holding,40,uint16,,rw,", {}, 'found unit_id "7"; expected 1: unit 7 is another id of the same unit'],
  ["a unit with zeros", "a,01,holding,40,uint16,,rw,", {}, 'found unit_id "01"; expected a unit of this asset, one of: 1, 2'],
  ["a slip in the table", "a,1,holdng,40,uint16,,rw,", {}, 'found table "holdng"; expected a table "holding" (did you mean that?)'],
  ["another table", "a,1,register,40,uint16,,rw,", {}, 'found table "register"; expected a table, one of: coil, discrete, input, holding'],
  [
    "a table that holds no points",
    "a,1,file,40,uint16,,rw,",
    {},
    'found table "file"; expected a table, one of: coil, discrete, input, holding',
  ],
  ["no address", "a,1,holding,,uint16,,rw,", {}, "found no address; expected a holding address from 0 to 65535 (zero-based)"],
  [
    "an address beyond the table",
    "a,1,holding,65536,uint16,,rw,",
    {},
    'found address "65536"; expected a holding address from 0 to 65535 (zero-based)',
  ],
  [
    "address 0 one-based",
    "a,1,holding,0,uint16,,rw,",
    {},
    'found address "0"; expected a holding address from 1 to 65536 (one-based)',
    "one-based",
  ],
  [
    "a plain number in modicon",
    "a,1,holding,40,uint16,,rw,",
    {},
    'found address "40"; expected a holding address from 40001 to 49999 or 400001 to 465536 (modicon)',
    "modicon",
  ],
  [
    "another table's digit in modicon",
    "a,1,holding,30001,uint16,,rw,",
    {},
    'found address "30001"; expected a holding address from 40001 to 49999 or 400001 to 465536 (modicon)',
    "modicon",
  ],
  [
    "two registers at the last one",
    "a,1,holding,65535,uint32,,rw,",
    {},
    'found address "65535"; expected at most 65534: a uint32 here takes 2 registers',
  ],
  [
    "four registers near the end, one-based",
    "a,1,holding,65534,float64,,rw,",
    {},
    'found address "65534"; expected at most 65533: a float64 here takes 4 registers',
    "one-based",
  ],
  [
    "four registers near the end, modicon",
    "a,1,holding,465534,float64,,rw,",
    {},
    'found address "465534"; expected at most 465533: a float64 here takes 4 registers',
    "modicon",
  ],
  [
    "a string past the end",
    "a,1,holding,65530,string,,rw,",
    { length: "7" },
    'found address "65530"; expected at most 65529: a string here takes 7 registers',
  ],
  [
    "no type",
    "a,1,holding,40,,,rw,",
    {},
    "found no type; expected one of: bit, int16, uint16, int32, uint32, int64, uint64, float32, float64, string",
  ],
  [
    "another type",
    "a,1,holding,40,real,,rw,",
    {},
    'found type "real"; expected one of: bit, int16, uint16, int32, uint32, int64, uint64, float32, float64, string',
  ],
  ["a register type on coils", "a,1,coil,40,uint16,,rw,", {}, 'found type "uint16"; expected bool: a cell of the coil table is one bit'],
  [
    "a bool in registers",
    "a,1,holding,40,bool,,rw,",
    {},
    'found type "bool"; expected a register type: the holding table has no single bits (a bit in a register is type bit)',
  ],
  ["no access", "a,1,holding,40,uint16,,,", {}, "found no access; expected one of: r, w, rw"],
  ["another access", "a,1,holding,40,uint16,,wr,", {}, 'found access "wr"; expected one of: r, w, rw'],
  ["a table nobody can write", "a,1,input,40,uint16,,rw,", {}, 'found access "rw"; expected r: nothing can write the input table'],
  [
    "a unit of measure too long",
    "a,1,holding,40,uint16,kilogram_per_hour,rw,",
    {},
    'found unit "kilogram_per_hour"; expected one line of at most 16 characters',
  ],
  [
    "a description over two lines",
    'a,1,holding,40,uint16,,rw,"x\ny"',
    {},
    'found description "x\\u{000a}y"; expected one line of at most 200 characters',
  ],
  [
    "a bit point without bit",
    "a,1,holding,40,bit,,rw,",
    { bit: "" },
    "found no bit; expected a bit number from 0 (least significant) to 15",
  ],
  ["bit 16", "a,1,holding,40,bit,,rw,", { bit: "16" }, 'found bit "16"; expected a bit number from 0 (least significant) to 15'],
  [
    "a bit of a number",
    "a,1,holding,40,uint16,,rw,",
    { bit: "1" },
    'found bit "1"; expected none: only a point of type bit has one, this is uint16',
  ],
  [
    "a string without length",
    "a,1,holding,40,string,,rw,",
    { length: "" },
    "found no length; expected the registers this string takes, from 1 to 123 (two characters each)",
  ],
  [
    "a string longer than one write",
    "a,1,holding,40,string,,rw,",
    { length: "124" },
    'found length "124"; expected the registers this string takes, from 1 to 123 (two characters each)',
  ],
  [
    "a string longer than one read",
    "a,1,holding,40,string,,r,",
    { length: "126" },
    'found length "126"; expected the registers this string takes, from 1 to 125 (two characters each)',
  ],
  ["a length of a number", "a,1,holding,40,uint32,,rw,", { length: "2" }, 'found length "2"; expected none: a uint32 always takes 2'],
  ["another order", "a,1,holding,40,uint32,,rw,", { word_order: "abcd" }, 'found word_order "abcd"; expected one of: big, little'],
  [
    "word order of one register",
    "a,1,holding,40,uint16,,rw,",
    { word_order: "little" },
    'found word_order "little"; expected big or nothing for a uint16: there is one register, or text, whose order is that of its addresses',
  ],
  [
    "byte order of a bit",
    "a,1,holding,40,bit,,rw,",
    { byte_order: "little", bit: "1" },
    'found byte_order "little"; expected big or nothing for a bit: bits are numbered as the register stands on the wire',
  ],
  [
    "byte order of a coil",
    "a,1,coil,40,bool,,rw,",
    { byte_order: "little" },
    'found byte_order "little"; expected big or nothing for a bool: bits are numbered as the register stands on the wire',
  ],
  ["RULINGS 7: scale 0", "a,1,holding,40,uint16,,rw,", { scale: "0.0" }, 'found scale "0.0"; expected a number that is not 0'],
  [
    "a scale that is no number",
    "a,1,holding,40,uint16,,rw,",
    { scale: "1/10" },
    'found scale "1/10"; expected a finite decimal number, such as 0.1',
  ],
  ["a scale of NaN", "a,1,holding,40,float32,,rw,", { scale: "NaN" }, 'found scale "NaN"; expected a finite decimal number, such as 0.1'],
  ["a scale of a switch", "a,1,coil,40,bool,,rw,", { scale: "1" }, 'found scale "1"; expected none: a bool is not a number'],
  [
    "an offset of a string",
    "a,1,holding,40,string,,rw,",
    { length: "2", offset: "1" },
    'found offset "1"; expected none: a string is not a number',
  ],
  [
    "write limits of a string",
    "a,1,holding,40,string,,rw,",
    { length: "2", write_min: "1" },
    'found write_min "1"; expected none: a string is not a number',
  ],
  [
    "write limits that are none of a switch",
    "a,1,coil,40,bool,,rw,",
    { write_max: "2" },
    'found write_max "2"; expected 0 or 1, the two values of a switch',
  ],
  [
    "write limits the wrong way round",
    "a,1,holding,40,uint16,,rw,",
    { write_min: "5", write_max: "4.9" },
    'found write_max "4.9"; expected write_max at or above write_min, which is 5',
  ],
  [
    "a lower limit above what can be held",
    "a,1,holding,40,uint16,,rw,",
    { scale: "0.01", write_min: "700" },
    'found write_min "700"; expected a limit within what this uint16 can hold: 0 to 655.35',
  ],
  [
    "an upper limit below what can be held",
    "a,1,holding,40,uint16,,rw,",
    { write_max: "-1" },
    'found write_max "-1"; expected a limit within what this uint16 can hold: 0 to 65535',
  ],
  [
    "half a plausible range",
    "a,1,holding,40,uint16,,rw,",
    { plausible_min: "5", plausible_max: "" },
    "found no plausible_max; expected both ends of the plausible range, or none",
  ],
  [
    "a plausible range the wrong way round",
    "a,1,holding,40,uint16,,rw,",
    { plausible_min: "5", plausible_max: "4" },
    'found plausible_max "4"; expected plausible_max at or above plausible_min, which is 5',
  ],
  ["a deadband below zero", "a,1,holding,40,uint16,,rw,", { deadband: "-1" }, 'found deadband "-1"; expected 0 or more'],
  [
    "an interval without unit",
    "a,1,holding,40,uint16,,rw,",
    { min_interval: "250" },
    'found min_interval "250"; expected a duration with its unit, such as 250ms, 1s, 15m, 72h or 90d',
  ],
  ["bit_of on a number", "a,1,holding,40,uint16,,rw,", { bit_of: "b" }, 'found bit_of "b"; expected a point of this file, one of: a'],
  ["bit_of itself", "a,1,holding,40,bit,,rw,", { bit: "1", bit_of: "a" }, 'found bit_of "a"; expected another point than itself'],
  ["alias_of itself", "a,1,holding,40,uint16,,rw,", { alias_of: "a" }, 'found alias_of "a"; expected another point than itself'],
  [
    "both relations",
    "a,1,holding,40,bit,,rw,",
    { bit: "1", bit_of: "b", alias_of: "b" },
    'found alias_of "b"; expected bit_of or alias_of, not both',
  ],
];

/** Where the cell of a column starts in the second line of a file whose cells hold no comma. */
function placeOf(text: string, column: string): string {
  const [header = "", row = ""] = text.split("\n");
  const index = header.split(",").indexOf(column);
  return `2:${row.split(",").slice(0, index).join(",").length + (index === 0 ? 1 : 2)}`;
}

for (const [say, row, more, said, addressing = "zero-based"] of FAULTS) {
  points(`${say} is told at its cell`, () => {
    const text = file([row, more]);
    const [, column = ""] = /^found (?:no )?(\w+)/.exec(said) ?? [];
    assert.equal(problems(text, model(addressing)).map(sayProblem), [`p.csv:${placeOf(text, column)}: ${said}`]);
  });
}

/** Tables whose numbers say with each value how they are written. */
const TYPED_SPACES: readonly Space[] = [
  { ...COIL, name: "binary-output" },
  { ...HOLDING, name: "analog-output", stride: 4 },
  { ...HOLDING, name: "counter", stride: 4, writable: false },
];

points("what a table cannot hold is told with what it can", () => {
  const wrong = (row: string): readonly string[] => {
    const result = readPoints("p.csv", `${HEAD}\n${row}\n`, MODEL, TYPED_SPACES);
    return result.ok ? [] : result.error.map(sayProblem);
  };
  assert.equal(wrong("a,1,analog-output,1,float32,kV,rw,"), [
    'p.csv:2:21: found type "float32"; expected number: a value of the analog-output table says itself how it is written',
  ]);
  assert.equal(wrong("a,1,counter,1,bool,,r,"), [
    'p.csv:2:15: found type "bool"; expected number: a value of the counter table says itself how it is written',
  ]);
  assert.equal(wrong("a,1,binary-output,1,number,,rw,"), [
    'p.csv:2:21: found type "number"; expected bool: a cell of the binary-output table is one bit',
  ]);
  assert.equal(wrong("a,1,binary-output,1,relay,,rw,"), [
    'p.csv:2:21: found type "relay"; expected bool: a cell of the binary-output table is one bit',
  ]);
  assert.equal(wrong("a,1,analog-output,1,number,kV,rw,"), []);
});

points("RULINGS 7: a float's limits are held against what the float can hold", () => {
  assert.equal(problems(file(["a,1,holding,40,float32,,rw,", { write_min: "3.4e38" }])), []);
  assert.match(
    problems(file(["a,1,holding,40,float32,,rw,", { write_min: "3.5e38" }]))[0]?.expected ?? "",
    /^a limit within what this float32 can hold: -3\.4028235e\+38 to 3\.4028235e\+38$/,
  );
  assert.equal(problems(file(["a,1,holding,40,float64,,rw,", { write_min: "3.5e38" }])), []);
  assert.equal(problems(file(["a,1,holding,40,float32,,rw,", { scale: "-10", write_min: "3.5e38" }])), []);
});

points("columns: each required one is there, each one once, each one known", () => {
  assert.match(problems("name,unit_id\n")[0]?.found ?? "", /^no column table, address, type, unit, access, description$/);
  assert.is(problems(`${HEAD},scal\n`)[0]?.expected, 'the column "scale" (did you mean that?)');
  assert.is(problems(`${HEAD},name\n`)[0]?.found, 'the column "name" a second time');
});

points("a name stands once in an asset, also on another unit", () => {
  const said = problems(file("a,1,holding,1,uint16,,rw,", "b,1,holding,2,uint16,,rw,", "a,2,holding,3,uint16,,rw,")).map(sayProblem);
  assert.equal(said, ['p.csv:4:1: found name "a"; expected each name once in an asset; the first is on line 2']);
});

points("every fault of every row is told, in the order of the file, at most fifty", () => {
  const said = problems(file(["a b,9,holdng,40,uint16,,rw,", { scale: "0" }], ["c,1,holding,x,uint8,,rw,", { scale: "1" }])).map(
    ({ line, column }) => `${line}:${column}`,
  );
  assert.equal(said, ["2:1", "2:5", "2:7", "2:29", "3:13", "3:15"]);
  assert.is(problems(file(...Array.from({ length: 80 }, () => "a b,1,holding,40,uint16,,rw,"))).length, 50);
});

/** Rows, and at which line and with what the second of two writable points over one cell is refused; null where it may stand. */
type Overlap = readonly [say: string, rows: readonly Row[], said: RegExp | null];
const OVERLAPS: readonly Overlap[] = [
  [
    "two writable points on one register",
    ["a,1,holding,40,uint16,,rw,", "b,1,holding,40,int16,,w,"],
    /^p\.csv:3:13: .*expected a place of its own: holding 40 is a's \(line 2\)/,
  ],
  [
    "the tail of one in the head of another",
    ["b,1,holding,41,uint16,,rw,", "a,1,holding,40,float32,,rw,"],
    /^p\.csv:3:13: .*holding 41 is b's \(line 2\)/,
  ],
  [
    "a long string over others",
    ["a,1,holding,50,uint16,,rw,", ["s,1,holding,40,string,,rw,", { length: "20" }]],
    /^p\.csv:3:13: .*holding 50 is a's/,
  ],
  ["two coils", ["a,1,coil,40,bool,,rw,", "b,1,coil,40,bool,,rw,"], /^p\.csv:3:10: .*coil 40 is a's/],
  ["another unit", ["a,1,holding,40,uint16,,rw,", "b,2,holding,40,uint16,,rw,"], null],
  ["another table", ["a,1,holding,40,uint16,,rw,", "b,1,coil,40,bool,,rw,"], null],
  ["neighbours", ["a,1,holding,40,uint32,,rw,", "b,1,holding,42,uint32,,rw,"], null],
  ["one of them read only", ["a,1,holding,40,uint16,,rw,", "b,1,holding,40,uint32,,r,"], null],
  ["an alias", ["a,1,holding,40,uint32,,rw,", ["b,1,holding,40,float32,,rw,", { alias_of: "a" }]], null],
  [
    "an alias declared before what it is an alias of",
    [["b,1,holding,40,float32,,rw,", { alias_of: "a" }], "a,1,holding,40,uint32,,rw,"],
    null,
  ],
  [
    "two aliases of one point",
    ["a,1,holding,40,uint32,,rw,", ["b,1,holding,40,int32,,rw,", { alias_of: "a" }], ["c,1,holding,40,float32,,rw,", { alias_of: "a" }]],
    null,
  ],
  ["a bit of a register", ["a,1,holding,40,uint16,,rw,", ["b,1,holding,40,bit,,rw,", { bit: "3", bit_of: "a" }]], null],
  ["a bit of one register of a long point", ["a,1,holding,40,uint32,,rw,", ["b,1,holding,41,bit,,rw,", { bit: "3", bit_of: "a" }]], null],
  [
    "a bit of a register's alias",
    [
      "a,1,holding,40,uint16,,rw,",
      ["c,1,holding,40,int16,,rw,", { alias_of: "a" }],
      ["b,1,holding,40,bit,,rw,", { bit: "3", bit_of: "c" }],
    ],
    null,
  ],
  [
    "an alias of a bit of a register",
    [
      "a,1,holding,40,uint16,,rw,",
      ["b,1,holding,40,bit,,rw,", { bit: "3", bit_of: "a" }],
      ["c,1,holding,40,bit,,rw,", { bit: "3", alias_of: "b" }],
    ],
    null,
  ],
  [
    "a bit that does not say whose",
    ["a,1,holding,40,uint16,,rw,", ["b,1,holding,40,bit,,rw,", { bit: "3" }]],
    /^p\.csv:3:13: .*holding 40 is a's/,
  ],
  [
    "bits of a register that has no name",
    [
      ["a,1,holding,40,bit,,rw,", { bit: "2" }],
      ["b,1,holding,40,bit,,rw,", { bit: "3" }],
    ],
    null,
  ],
  [
    "one bit twice",
    [
      ["a,1,holding,40,bit,,rw,", { bit: "3" }],
      ["b,1,holding,40,bit,,rw,", { bit: "3" }],
    ],
    /^p\.csv:3:13: .*holding 40 is a's/,
  ],
  [
    "one bit of a register twice",
    [
      "r,1,holding,40,uint16,,rw,",
      ["a,1,holding,40,bit,,rw,", { bit: "3", bit_of: "r" }],
      ["b,1,holding,40,bit,,rw,", { bit: "3", bit_of: "r" }],
    ],
    /^p\.csv:4:13: .*holding 40 is a's \(line 3\)/,
  ],
];

for (const [say, rows, said] of OVERLAPS) {
  points(`RULINGS 3: writable points over one cell: ${say} ${said === null ? "may stand" : "is refused"}`, () => {
    const found = problems(file(...rows)).map(sayProblem);
    assert.is(found.length, said === null ? 0 : 1, found.join("\n"));
    if (said !== null) assert.match(found[0] ?? "", said);
  });
}

points("RULINGS 3: an overlap is told in the addressing of the document", () => {
  const rows = (address: string) => file(`a,1,holding,${address},uint32,,rw,`, `b,1,holding,${address},uint32,,rw,`);
  assert.match(problems(rows("40"), model("one-based"))[0]?.expected ?? "", /holding 40-41 is a's/);
  assert.match(problems(rows("40040"), model("modicon"))[0]?.expected ?? "", /holding 40040-40041 is a's/);
});

const RELATIONS: readonly (readonly [say: string, rows: readonly Row[], said: string])[] = [
  [
    "bit_of of a number",
    ["a,1,holding,40,uint16,,rw,", ["b,1,holding,41,uint16,,rw,", { bit_of: "a" }]],
    "none: only a point of type bit is a bit of another, this is uint16",
  ],
  [
    "bit_of a bit",
    [
      ["a,1,holding,40,bit,,rw,", { bit: "1" }],
      ["b,1,holding,40,bit,,rw,", { bit: "2", bit_of: "a" }],
    ],
    "a point of whole registers: a is a bit itself",
  ],
  [
    "bit_of a point elsewhere",
    ["a,1,holding,40,uint16,,rw,", ["b,1,holding,41,bit,,rw,", { bit: "2", bit_of: "a" }]],
    "a point over holding 41: a is at holding 40",
  ],
  [
    "bit_of a point of another unit",
    ["a,2,holding,41,uint16,,rw,", ["b,1,holding,41,bit,,rw,", { bit: "2", bit_of: "a" }]],
    "a point over holding 41: a is at holding 41",
  ],
  [
    "alias_of a longer point",
    ["a,1,holding,40,uint32,,rw,", ["b,1,holding,40,uint16,,rw,", { alias_of: "a" }]],
    "a point at holding 40: a is at holding 40-41",
  ],
  [
    "alias_of another bit",
    [
      ["a,1,holding,40,bit,,rw,", { bit: "1" }],
      ["b,1,holding,40,bit,,rw,", { bit: "2", alias_of: "a" }],
    ],
    "a point at holding 40: a is at holding 40",
  ],
  [
    "alias_of an alias",
    ["a,1,holding,40,uint16,,rw,", ["b,1,holding,40,uint16,,rw,", { alias_of: "a" }], ["c,1,holding,40,uint16,,rw,", { alias_of: "b" }]],
    '"a", of which b is an alias itself',
  ],
  [
    "a slip in the name",
    ["feed,1,holding,40,uint16,,rw,", ["b,1,holding,40,uint16,,rw,", { alias_of: "feeed" }]],
    'a point of this file "feed" (did you mean that?)',
  ],
];

for (const [say, rows, said] of RELATIONS) {
  points(`${say} is refused`, () =>
    assert.equal(
      problems(file(...rows)).map(({ expected }) => expected),
      [said],
    ),
  );
}

points("more than 64 points on one address are refused, also as aliases", () => {
  const rows = (n: number) =>
    file(
      "a,1,holding,40,uint16,,rw,",
      ...Array.from({ length: n }, (_, i): [string, Record<string, string>] => [`a${i},1,holding,40,uint16,,rw,`, { alias_of: "a" }]),
    );
  assert.equal(problems(rows(63)), []);
  assert.equal(
    problems(rows(64)).map(({ expected }) => expected),
    ["at most 64 points on one address"],
  );
});

points("a file of as many points as there may be is read within bounded time, one more is refused", () => {
  const rows = Array.from({ length: MOST_POINTS }, (_, i) => `p${i},1,holding,${i},uint16,,rw,`);
  const started = process.cpuUsage();
  assert.is(read(file(...rows)).length, MOST_POINTS);
  assert.match(problems(file(...rows, "x,2,holding,0,uint16,,rw,"))[0]?.found ?? "", /more than 20000 rows/);
  const { user, system } = process.cpuUsage(started);
  assert.ok((user + system) / 1e6 < 15, `${(user + system) / 1e6} s of CPU`);
});

points("property: no row makes the reader throw, and each problem stands inside the text", () => {
  const cell = fc.oneof(
    fc.constantFrom(
      "a",
      "b",
      "1",
      "2",
      "7",
      "holding",
      "coil",
      "input",
      "40",
      "65535",
      "40001",
      "uint16",
      "uint32",
      "bit",
      "bool",
      "string",
      "rw",
      "r",
      "0.1",
      "0",
      "-1",
      "",
    ),
    fc.string({ unit: "grapheme-ascii", maxLength: 6 }).map((text) => text.replace(/[",]/g, "")),
  );
  const columns = `${HEAD},bit,length,byte_order,word_order,scale,offset,write_min,write_max,bit_of,alias_of`;
  const row = fc.array(cell, { minLength: 18, maxLength: 18 }).map((cells) => cells.join(","));
  fc.assert(
    fc.property(fc.array(row, { maxLength: 6 }), fc.constantFrom<Addressing>("zero-based", "one-based", "modicon"), (rows, addressing) => {
      const text = `${columns}\n${rows.join("\n")}\n`;
      const lines = text.split("\n");
      for (const { line, column } of problems(text, model(addressing))) {
        assert.ok(line >= 1 && line <= lines.length && column >= 1 && column <= (lines[line - 1]?.length ?? 0) + 1, `${line}:${column}`);
      }
    }),
    { numRuns: 1000 },
  );
});

points.run();
