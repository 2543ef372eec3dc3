/**
 * A points file: refused with places, or points that read back the same from a file written anew, share no cell unless it is declared, and
 * that a policy over all of them compiles with.
 *
 *     0                                1..
 *     how addresses are counted        the file
 */
import { SPACES } from "#modbus/spaces";
import { modbusVocabulary } from "#modbus/vocabulary";
import { statedFacts } from "#policy/casesFacts";
import { compile, finish } from "#policy/compile";
import { decide } from "#policy/decide";
import { lint } from "#policy/lint";
import { loadPolicy } from "#policy/load";
import { formatAddress } from "#process/addressing";
import { formatDecimal } from "#process/decimal";
import type { Addressing, AssetModel, Decimal, Point } from "#process/points";
import { POINT_COLUMNS, readPoints } from "#process/pointsFile";
import { decodeCells, encodePoint } from "#process/values";
import { BOILER_CSV, PUMP_CSV } from "../../config/sample.ts";
import { accepted, dictionaryOf, must, octetsOf, refused, type Target, textOf } from "../target.ts";
import { EXAMPLES, mustBePlaced } from "./documents.ts";
import { join } from "./modbus.ts";

const ADDRESSINGS: readonly Addressing[] = ["zero-based", "one-based", "modicon"];
const VOCABULARIES = new Map([["modbus-tcp", modbusVocabulary]]);
const FILE = "points.csv";
const SITE = { listeners: [], management: { web: null }, assets: new Map<string, never>() };
const STATED = { seen: [], changes: [], requests: 0, at: null };
const POLICY = `policy: p
version: 1
roles: { r: [{ id: look, allow: read, on: a }, { id: change, allow: write, on: a }] }
bindings: [{ role: r, certificate_role: r, kind: person }]
`;
const EVERYTHING = `name,unit_id,table,address,type,unit,access,description,bit,length,byte_order,word_order,scale,offset,write_min,write_max,plausible_min,plausible_max,bit_of,alias_of,deadband,min_interval
word,1,holding,10,uint16,,rw,"modes, all of them",,,,,,,,,,,,,,
first,1,holding,10,bit,,rw,lowest,0,,,,,,0,1,,,word,,,
twelfth,1,holding,10,bit,,w,,11,,,,,,1,,,,word,,,
# a comment
again,1,holding,10,uint16,,r,,,,little,,,,,,,,,word,,
level,2,holding,20,float32,m,rw,"a ""level""",,,little,little,-0.1,-1e-3,-5,5.5,-10,10,,,0.01,250ms
count,2,holding,30,uint64,,rw,,,,,little,1e6,,,1e18,,,,,,
tag,3,holding,40,string,,rw,,,8,,,,,,,,,,,,
run,1,coil,7,bool,,rw,,,,,,,,0,1,,,,,,
`;

export const pointsFile: Target = {
  name: "pointsFile",
  limitMs: 100,
  inputs: null,
  most: 4_000,
  text: true,
  dictionary: dictionaryOf([
    ...[
      ",",
      ",,",
      '"',
      '""',
      "\n",
      "\r\n",
      "#",
      "\ufeff",
      "0",
      "1",
      "2",
      "3",
      "-1",
      "65535",
      "40001",
      "465536",
      "00001",
      "1e400",
      "1e-400",
      "-0",
      "0.1",
    ],
    ...[
      "bool",
      "bit",
      "int16",
      "int32",
      "uint64",
      "float32",
      "float64",
      "string",
      "coil",
      "discrete",
      "input",
      "holding",
      "file",
      "r",
      "w",
      "rw",
    ],
    ...["big", "little", "word", "first", "123", "125", ...POINT_COLUMNS.required, ...POINT_COLUMNS.optional],
  ]),
  corpus: () =>
    [EVERYTHING, BOILER_CSV, PUMP_CSV, ...EXAMPLES.flatMap(({ points }) => [...points.values()])].flatMap((text) =>
      [0, 1, 2].map((counting) => join([counting], octetsOf(text))),
    ),
  run(input) {
    const model = modelOf(input[0] ?? 0);
    const text = textOf(input.subarray(1));
    const read = readPoints(FILE, text, model, SPACES);
    if (!read.ok) return refused(mustBePlaced(read.error, (file) => (file === FILE ? text : undefined)));
    const points = read.value;
    const again = readPoints(FILE, written(points, model.addressing), model, SPACES);
    must(again.ok, `written anew it is refused: ${again.ok ? "" : JSON.stringify(again.error[0])}`);
    must(sameText(again.value) === sameText(points), "written anew it reads as other points");
    for (const point of points) {
      mustBeInItsTable(point, model);
      mustHoldItsLimits(point);
    }
    mustShareNothing(points);
    mustCompile({ ...model, points });
    return accepted(`${Math.min(8, points.length)} points, ${[...new Set(points.map(({ type }) => type))].sort().join(" ")}`);
  },
};

function modelOf(counting: number): AssetModel {
  const addressing = ADDRESSINGS[counting % ADDRESSINGS.length] as Addressing;
  return {
    name: "a",
    protocol: "modbus-tcp",
    units: [0, 1, 2, 3],
    unitAliases: new Map([[255, 1]]),
    unitZero: "device",
    addressing,
    points: [],
  };
}

function written(points: readonly Point[], addressing: Addressing): string {
  const nameOf = (index: number | null): string => (index === null ? "" : (points[index] as Point).name);
  const rows = points.map((point) => [
    point.name,
    String(point.unitId),
    SPACES[point.space]?.name ?? "",
    formatAddress(addressing, SPACES[point.space] as (typeof SPACES)[number], point.first),
    point.type,
    point.unit,
    point.access,
    point.description,
    point.bit === null ? "" : String(point.bit),
    point.type === "string" ? String(point.last - point.first + 1) : "",
    point.byteOrder,
    point.wordOrder,
    isScaled(point) ? formatDecimal(point.scale) : "",
    isScaled(point) ? formatDecimal(point.offset) : "",
    ...[point.writeMin, point.writeMax, point.plausibleMin, point.plausibleMax].map(decimalText),
    nameOf(point.bitOf),
    nameOf(point.aliasOf),
    decimalText(point.deadband),
    point.minInterval === null ? "" : `${point.minInterval}ms`,
  ]);
  return [[...POINT_COLUMNS.required, ...POINT_COLUMNS.optional], ...rows]
    .map((cells) => cells.map((cell) => `"${cell.replaceAll('"', '""')}"`).join(","))
    .join("\r\n");
}

/** What is no number has no scale to write. */
function isScaled({ scale, offset }: Point): boolean {
  return formatDecimal(scale) !== "1" || formatDecimal(offset) !== "0";
}

function decimalText(decimal: Decimal | null): string {
  return decimal === null ? "" : formatDecimal(decimal);
}

function sameText(points: readonly Point[]): string {
  return JSON.stringify(points, (_, value: unknown) => (typeof value === "bigint" ? `${value}` : value));
}

function mustBeInItsTable({ name, unitId, space, first, last, type, access }: Point, { units }: AssetModel): void {
  const table = SPACES[space];
  must(table?.process === true && units.includes(unitId), `${name} is in no table of the asset`);
  must(first >= 0 && first <= last && last <= table.last, `${name} is at ${first} to ${last}`);
  must((type === "bool") === (table.bits === 1), `${name}: ${type} in ${table.name}`);
  must(access === "r" || table.writable, `${name}: ${access} in ${table.name}`);
}

/** RULINGS 2: a limit that can be written is written and shown as itself, where the point's type can hold it exactly. */
function mustHoldItsLimits(point: Point): void {
  for (const limit of [point.writeMin, point.writeMax]) {
    if (limit === null || point.type === "float32" || point.type === "float64") continue;
    const cells = encodePoint(point, formatDecimal(limit));
    if (typeof cells === "string") continue;
    const words =
      point.type === "bool"
        ? [cells[0] as number]
        : Array.from({ length: cells.length / 2 }, (_, i) => ((cells[2 * i] as number) << 8) | (cells[2 * i + 1] as number));
    const { text } = decodeCells(point, words);
    must(text === formatDecimal(limit), `${point.name}: ${formatDecimal(limit)} is written as what shows ${text}`);
  }
}

/** RULINGS 3: two writable points share a cell only where one is declared on the other, or both are bits and different ones. */
function mustShareNothing(points: readonly Point[]): void {
  const writable = points.filter(({ access }) => access !== "r");
  for (const [i, a] of writable.entries())
    for (const b of writable.slice(i + 1)) {
      if (a.unitId !== b.unitId || a.space !== b.space || a.last < b.first || b.last < a.first) continue;
      const [first, second] = [originOf(points, a), originOf(points, b)];
      const declared = first.index === second.index || wholeOf(points, first) === second.index || wholeOf(points, second) === first.index;
      must(
        declared || (a.bit !== null && b.bit !== null && (a.bit !== b.bit || a.first !== b.first)),
        `${a.name} and ${b.name} share a cell`,
      );
    }
}

function originOf(points: readonly Point[], point: Point): Point {
  return point.aliasOf === null ? point : (points[point.aliasOf] as Point);
}

function wholeOf(points: readonly Point[], point: Point): number | null {
  return point.bitOf === null ? null : originOf(points, points[point.bitOf] as Point).index;
}

function mustCompile(model: AssetModel): void {
  const loaded = loadPolicy({ file: "policy.yaml", text: POLICY }, new Map([[model.name, model]]), VOCABULARIES);
  must(loaded.ok, `a policy over these points is refused: ${loaded.ok ? "" : JSON.stringify(loaded.error[0])}`);
  const compiled = finish(compile(loaded.value, () => SPACES));
  lint(loaded.value, SITE, VOCABULARIES, compiled.crowded);
  const decision = decide(compiled.tableFor(model.name, ["r"], "certificate"), [], statedFacts(STATED, model, compiled));
  must(!decision.allowed && decision.code === "empty", "a request for nothing is allowed");
}
