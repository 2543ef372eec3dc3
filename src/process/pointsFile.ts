/**
 * points.csv: the plant engineer's list of what stands where. One row is one named point.
 *
 *     name,unit_id,table,address,type,unit,access,description      always there; unit and description may be empty
 *     bit           of a bit point: 0 (least significant) to 15
 *     length        of a string: registers it takes, two characters each
 *     byte_order    big (as on the wire, the default) or little: octets swapped within each register
 *     word_order    big (most significant register first, the default) or little
 *     scale,offset  engineering = raw * scale + offset; exact decimals, 1 and 0 where empty
 *     write_min,write_max            engineering units, bind every role; either may stand alone
 *     plausible_min,plausible_max    engineering units, both or none
 *     bit_of,alias_of                name of the point this is a bit of, or another name of (same cells)
 *     deadband,min_interval          for telemetry: engineering units, a duration
 *
 * @source RULINGS 3 and 7; addresses are in the asset's addressing (addressing.ts)
 */
import { CSV_CAPS, type CsvRow, type CsvTable, readCsv } from "#documents/csv";
import { MOST_PROBLEMS, type Problem, quoted } from "#documents/problems";
import { DURATION_IS, readDuration } from "#documents/quantities";
import { isName } from "#documents/shape";
import { expectedName } from "#documents/yaml";
import type { Space } from "#operation";
import { err, ok, type Result } from "#wire";
import { formatAddress, formatAddresses, parseAddress } from "./addressing.ts";
import { compareDecimals, DECIMAL_IS, formatDecimal, ONE, parseDecimal, ZERO } from "./decimal.ts";
import { type AssetModel, type Decimal, POINT_TYPES, type Point, type PointType } from "./points.ts";
import { isNumber, REGISTERS, rangeOf } from "./values.ts";

/** What the points need to know of their asset. */
export interface PointsModel extends Pick<AssetModel, "units" | "unitAliases" | "addressing"> {
  /** The device has one unit by its nature, so a point need not say which. */
  readonly hasOneUnit?: boolean;
}

export const POINT_COLUMNS = {
  required: ["name", "unit_id", "table", "address", "type", "unit", "access", "description"],
  optional: [
    "bit",
    "length",
    "byte_order",
    "word_order",
    "scale",
    "offset",
    "write_min",
    "write_max",
    "plausible_min",
    "plausible_max",
    "bit_of",
    "alias_of",
    "deadband",
    "min_interval",
  ],
} as const;

/** Of tables of registers. A number that says with each value how it is written has a table of its own, and no other type stands there. */
const REGISTER_TYPES = POINT_TYPES.filter((type) => type !== "number" && type !== "bool");

/** Points of one asset. A large PLC has some thousands; more is another file's content. */
export const MOST_POINTS = 20_000;
/** Registers one request can write whole, and one reply can show whole (MODBUS V1.1b3 §6.12, §6.3). */
const LONGEST_WRITTEN = 123;
const LONGEST_READ = 125;
/** Names that may stand on one address: sixteen bits, their register, and aliases of these. */
const MOST_ON_ADDRESS = 64;
const MOST_UNIT = 16;
const MOST_DESCRIPTION = 200;

/** @returns the points in the order of the file, or every problem found (at most MOST_PROBLEMS) */
export function readPoints(
  file: string,
  text: string,
  model: PointsModel,
  spaces: readonly Space[],
): Result<readonly Point[], readonly Problem[]> {
  const table = readCsv(file, text, POINT_COLUMNS, { ...CSV_CAPS, rows: MOST_POINTS });
  if (!table.ok) return table;
  const reading = new Reading(model, spaces);
  const points = reading.points(table.value);
  return reading.problems.length > 0 ? err(reading.problems.sort((a, b) => a.line - b.line || a.column - b.column)) : ok(points);
}

/** A point whose declared relations are still names. */
interface Row {
  readonly row: CsvRow;
  readonly point: Point;
}

class Reading {
  readonly problems: Problem[] = [];
  readonly #model: PointsModel;
  readonly #spaces: readonly Space[];

  constructor(model: PointsModel, spaces: readonly Space[]) {
    this.#model = model;
    this.#spaces = spaces;
  }

  points(table: CsvTable): readonly Point[] {
    const rows: Row[] = [];
    const byName = new Map<string, Row>();
    for (const row of table.rows) {
      if (this.problems.length >= MOST_PROBLEMS) return [];
      const point = this.#point(row, rows.length);
      if (point === null) continue;
      const earlier = byName.get(point.name);
      if (earlier !== undefined) {
        this.#wrong(row, "name", `each name once in an asset; the first is on line ${earlier.row.at.line}`);
        continue;
      }
      const read = { row, point };
      rows.push(read);
      byName.set(point.name, read);
    }
    if (this.problems.length > 0) return [];
    const related = rows.map((read) => this.#relate(read, byName));
    if (this.problems.length > 0) return [];
    this.#overlaps(related);
    return related.map(({ point }) => point);
  }

  /** One row on its own. Every cell is judged, so that one reading shows all that is wrong with it. */
  #point(row: CsvRow, index: number): Point | null {
    const before = this.problems.length;
    const name = row.get("name");
    if (!isName(name)) this.#wrong(row, "name", "a name of 1 to 64 letters, digits, _ . -");
    const unitId = this.#unitId(row);
    const space = this.#space(row);
    const type = this.#type(row, space === null ? null : (this.#spaces[space] as Space));
    const access = this.#oneOf(row, "access", ["r", "w", "rw"], null);
    if (space !== null && access !== null && access !== "r" && !(this.#spaces[space] as Space).writable) {
      this.#wrong(row, "access", `r: nothing can write the ${(this.#spaces[space] as Space).name} table`);
    }
    const place = space === null ? null : this.#place(row, space, type, access);
    const hasOrder = type !== null && type !== "bool" && type !== "bit" && type !== "number";
    const byteOrder = this.#order(row, "byte_order", type, hasOrder);
    const wordOrder = this.#order(row, "word_order", type, hasOrder && isNumber(type) && REGISTERS[type as "int16"] > 1);
    const numbers = this.#numbers(row, type);
    const unit = this.#words(row, "unit", MOST_UNIT);
    const description = this.#words(row, "description", MOST_DESCRIPTION);
    const minInterval = this.#duration(row, "min_interval");
    const bit = this.#bit(row, type);
    if (this.problems.length > before || unitId === null || space === null || type === null || access === null || place === null)
      return null;
    const [first, last] = place;
    const point: Point = {
      index,
      name,
      unitId,
      space,
      first,
      last,
      type,
      unit,
      access,
      description,
      bit,
      byteOrder,
      wordOrder,
      ...numbers,
      bitOf: null,
      aliasOf: null,
      minInterval,
    };
    this.#limitsInRange(row, point);
    return point;
  }

  /** Limits that leave no value to write are a wrong scale or a wrong type. */
  #limitsInRange(row: CsvRow, point: Point): void {
    if (!isNumber(point.type) || (point.writeMin === null && point.writeMax === null)) return;
    const [low, high] = rangeOf(point);
    const held = `what this ${point.type} can hold: ${formatDecimal(low)} to ${formatDecimal(high)}`;
    if (point.writeMin !== null && compareDecimals(point.writeMin, high) > 0) this.#wrong(row, "write_min", `a limit within ${held}`);
    if (point.writeMax !== null && compareDecimals(point.writeMax, low) < 0) this.#wrong(row, "write_max", `a limit within ${held}`);
  }

  #type(row: CsvRow, space: Space | null): PointType | null {
    if (space === null) return this.#oneOf(row, "type", POINT_TYPES, null);
    const { name: table, bits, stride } = space;
    const found = POINT_TYPES.find((type) => type === row.get("type"));
    if (bits === 1) return found === "bool" ? found : this.#wrong(row, "type", `bool: a cell of the ${table} table is one bit`);
    if (stride === 4)
      return found === "number" ? found : this.#wrong(row, "type", `number: a value of the ${table} table says itself how it is written`);
    if (found !== "bool") return this.#oneOf(row, "type", REGISTER_TYPES, null);
    return this.#wrong(row, "type", `a register type: the ${table} table has no single bits (a bit in a register is type bit)`);
  }

  #unitId(row: CsvRow): number | null {
    const { units, unitAliases, hasOneUnit } = this.#model;
    const words = row.get("unit_id");
    if (words === "" && hasOneUnit === true) return units[0] as number;
    const unit = /^(?:0|[1-9][0-9]{0,4})$/.test(words) ? Number(words) : -1;
    if (units.includes(unit)) return unit;
    const canonical = unitAliases.get(unit);
    const listed = units.length === 1 ? `${units[0]}` : `one of: ${units.join(", ")}`;
    return this.#wrong(
      row,
      "unit_id",
      canonical === undefined ? `a unit of this asset, ${listed}` : `${canonical}: unit ${unit} is another id of the same unit`,
    );
  }

  #space(row: CsvRow): number | null {
    const table = row.get("table");
    const space = this.#spaces.findIndex((candidate) => candidate.name === table && candidate.process);
    if (space >= 0) return space;
    const known = this.#spaces.filter((candidate) => candidate.process).map((candidate) => candidate.name);
    return this.#wrong(row, "table", expectedName(table, "a table", known));
  }

  /** First and last cell. */
  #place(row: CsvRow, spaceNumber: number, type: PointType | null, access: Point["access"] | null): readonly [number, number] | null {
    const space = this.#spaces[spaceNumber] as Space;
    const first = parseAddress(this.#model.addressing, space, row.get("address"));
    if (type === null || access === null) return typeof first === "string" ? this.#wrong(row, "address", first) : null;
    const registers = type === "string" ? this.#length(row, access) : REGISTERS[type];
    if (type !== "string" && row.has("length")) this.#wrong(row, "length", `none: a ${type} always takes ${registers}`);
    if (typeof first === "string") return this.#wrong(row, "address", first);
    if (registers === null) return null;
    const last = first + registers - 1;
    if (last <= space.last) return [first, last];
    const highest = formatAddress(this.#model.addressing, space, space.last - registers + 1);
    return this.#wrong(row, "address", `at most ${highest}: a ${type} here takes ${registers} registers`);
  }

  #length(row: CsvRow, access: Point["access"]): number | null {
    const most = access === "r" ? LONGEST_READ : LONGEST_WRITTEN;
    const words = row.get("length");
    const length = /^[1-9][0-9]{0,2}$/.test(words) ? Number(words) : 0;
    if (length >= 1 && length <= most) return length;
    return this.#wrong(row, "length", `the registers this string takes, from 1 to ${most} (two characters each)`);
  }

  #bit(row: CsvRow, type: PointType | null): number | null {
    const words = row.get("bit");
    if (type === "bit") {
      if (/^(?:[0-9]|1[0-5])$/.test(words)) return Number(words);
      return this.#wrong(row, "bit", "a bit number from 0 (least significant) to 15");
    }
    if (words !== "" && type !== null) this.#wrong(row, "bit", `none: only a point of type bit has one, this is ${type}`);
    return null;
  }

  #order(row: CsvRow, column: "byte_order" | "word_order", type: PointType | null, hasOne: boolean): "big" | "little" {
    const order = this.#oneOf(row, column, ["big", "little"], "big");
    if (order === "little" && type !== null && !hasOne) {
      const why =
        column === "byte_order"
          ? "bits are numbered as the register stands on the wire"
          : "there is one register, or text, whose order is that of its addresses";
      this.#wrong(row, column, `big or nothing for a ${type}: ${why}`);
    }
    return order ?? "big";
  }

  #numbers(
    row: CsvRow,
    type: PointType | null,
  ): Pick<Point, "scale" | "offset" | "writeMin" | "writeMax" | "plausibleMin" | "plausibleMax" | "deadband"> {
    const numeric = type === null || isNumber(type);
    const scale = this.#decimal(row, "scale", numeric ? null : type);
    if (scale !== null && scale.units === 0n) this.#wrong(row, "scale", "a number that is not 0");
    const offset = this.#decimal(row, "offset", numeric ? null : type);
    const limited = type === "string" ? type : null;
    const writeMin = this.#limit(row, "write_min", limited, numeric);
    const writeMax = this.#limit(row, "write_max", limited, numeric);
    const plausibleMin = this.#decimal(row, "plausible_min", numeric ? null : type);
    const plausibleMax = this.#decimal(row, "plausible_max", numeric ? null : type);
    this.#ascending(row, "write_min", writeMin, "write_max", writeMax);
    this.#ascending(row, "plausible_min", plausibleMin, "plausible_max", plausibleMax);
    if (row.has("plausible_min") !== row.has("plausible_max")) {
      const missing = row.has("plausible_min") ? "plausible_max" : "plausible_min";
      this.#wrong(row, missing, "both ends of the plausible range, or none");
    }
    const deadband = this.#decimal(row, "deadband", numeric ? null : type);
    if (deadband !== null && deadband.units < 0n) this.#wrong(row, "deadband", "0 or more");
    return { scale: scale ?? ONE, offset: offset ?? ZERO, writeMin, writeMax, plausibleMin, plausibleMax, deadband };
  }

  /** Limits of a switch are 0 and 1: a coil that may only be set has write_min 1. */
  #limit(row: CsvRow, column: string, without: PointType | null, numeric: boolean): Decimal | null {
    const limit = this.#decimal(row, column, without);
    if (limit !== null && !numeric && without === null && formatDecimal(limit) !== "0" && formatDecimal(limit) !== "1") {
      this.#wrong(row, column, "0 or 1, the two values of a switch");
    }
    return limit;
  }

  #decimal(row: CsvRow, column: string, without: PointType | null): Decimal | null {
    if (!row.has(column)) return null;
    if (without !== null) return this.#wrong(row, column, `none: a ${without} is not a number`);
    const value = parseDecimal(row.get(column));
    return typeof value === "string" ? this.#wrong(row, column, value === DECIMAL_IS ? `${value}, such as 0.1` : value) : value;
  }

  #ascending(row: CsvRow, low: string, min: Decimal | null, high: string, max: Decimal | null): void {
    if (min === null || max === null || compareDecimals(min, max) <= 0) return;
    this.#wrong(row, high, `${high} at or above ${low}, which is ${formatDecimal(min)}`);
  }

  #duration(row: CsvRow, column: string): number | null {
    if (!row.has(column)) return null;
    const value = readDuration(row.get(column));
    return typeof value === "string" ? this.#wrong(row, column, DURATION_IS) : value;
  }

  #words(row: CsvRow, column: string, most: number): string {
    const words = row.get(column);
    if (words.length > most || /[\n\r\t]/.test(words)) this.#wrong(row, column, `one line of at most ${most} characters`);
    return words;
  }

  #oneOf<const W extends string>(row: CsvRow, column: string, words: readonly W[], otherwise: W | null): W | null {
    const found = row.get(column);
    if (found === "" && otherwise !== null) return otherwise;
    return words.find((word) => word === found) ?? this.#wrong(row, column, `one of: ${words.join(", ")}`);
  }

  /** From names to points: `bit_of` and `alias_of`. */
  #relate(read: Row, byName: ReadonlyMap<string, Row>): Row {
    const { row, point } = read;
    if (row.has("bit_of") && row.has("alias_of")) {
      this.#wrong(row, "alias_of", "bit_of or alias_of, not both");
      return read;
    }
    const bitOf = this.#other(read, "bit_of", byName);
    const aliasOf = this.#other(read, "alias_of", byName);
    if (bitOf !== null) {
      if (point.type !== "bit") this.#wrong(row, "bit_of", `none: only a point of type bit is a bit of another, this is ${point.type}`);
      else if (bitOf.type === "bit") this.#wrong(row, "bit_of", `a point of whole registers: ${bitOf.name} is a bit itself`);
      else if (!isInside(point, bitOf))
        this.#wrong(row, "bit_of", `a point over ${this.#sayPlace(point)}: ${bitOf.name} is at ${this.#sayPlace(bitOf)}`);
    }
    if (aliasOf !== null) {
      const first = byName.get(aliasOf.name) as Row;
      if (first.row.has("alias_of"))
        this.#wrong(row, "alias_of", `${quoted(first.row.get("alias_of"))}, of which ${aliasOf.name} is an alias itself`);
      else if (!isSameCells(point, aliasOf))
        this.#wrong(row, "alias_of", `a point at ${this.#sayPlace(point)}: ${aliasOf.name} is at ${this.#sayPlace(aliasOf)}`);
    }
    return { row, point: { ...point, bitOf: bitOf?.index ?? null, aliasOf: aliasOf?.index ?? null } };
  }

  #other({ row, point }: Row, column: "bit_of" | "alias_of", byName: ReadonlyMap<string, Row>): Point | null {
    if (!row.has(column)) return null;
    const other = byName.get(row.get(column))?.point;
    if (other === undefined) return this.#wrong(row, column, expectedName(row.get(column), "a point of this file", [...byName.keys()]));
    return other.index === point.index ? this.#wrong(row, column, "another point than itself") : other;
  }

  /** RULINGS 3: writable points share no cell unless one is declared on the other. */
  #overlaps(rows: readonly Row[]): void {
    const points = rows.map(({ point }) => point);
    const writable = rows.filter(({ point }) => point.access !== "r");
    writable.sort(({ point: a }, { point: b }) => a.unitId - b.unitId || a.space - b.space || a.first - b.first || a.index - b.index);
    let open: Row[] = [];
    for (const read of writable) {
      const { point, row } = read;
      open = open.filter(({ point: other }) => other.unitId === point.unitId && other.space === point.space && other.last >= point.first);
      if (open.length >= MOST_ON_ADDRESS) {
        this.#wrong(row, "address", `at most ${MOST_ON_ADDRESS} points on one address`);
        return;
      }
      for (const other of open) {
        if (this.problems.length >= MOST_PROBLEMS) return;
        if (isDistinctBits(point, other.point) || isDeclared(points, point, other.point)) continue;
        this.#clash(read, other);
      }
      open.push(read);
    }
  }

  /** Told at the row that comes later in the file. */
  #clash(a: Row, b: Row): void {
    const [earlier, later] = a.point.index < b.point.index ? [a, b] : [b, a];
    const shared = this.#sayPlace({
      ...later.point,
      first: Math.max(a.point.first, b.point.first),
      last: Math.min(a.point.last, b.point.last),
    });
    const why = `a place of its own: ${shared} is ${earlier.point.name}'s (line ${earlier.row.at.line}); else bit_of or alias_of says what it is`;
    this.#wrong(later.row, "address", why);
  }

  #sayPlace({ space, first, last }: Pick<Point, "space" | "first" | "last">): string {
    const table = this.#spaces[space] as Space;
    return `${table.name} ${formatAddresses(this.#model.addressing, table, first, last)}`;
  }

  #wrong(row: CsvRow, column: string, expected: string): null {
    if (this.problems.length < MOST_PROBLEMS) this.problems.push(row.problem(column, expected));
    return null;
  }
}

function isInside(inner: Point, outer: Point): boolean {
  return inner.unitId === outer.unitId && inner.space === outer.space && inner.first >= outer.first && inner.last <= outer.last;
}

function isSameCells(a: Point, b: Point): boolean {
  return a.unitId === b.unitId && a.space === b.space && a.first === b.first && a.last === b.last && a.bit === b.bit;
}

function isDistinctBits(a: Point, b: Point): boolean {
  return a.bit !== null && b.bit !== null && (a.first !== b.first || a.bit !== b.bit);
}

/** One is another name of the other, or a bit of it, under any of their names. */
function isDeclared(points: readonly Point[], a: Point, b: Point): boolean {
  const [first, second] = [originalOf(points, a), originalOf(points, b)];
  return first.index === second.index || wholeOf(points, first) === second.index || wholeOf(points, second) === first.index;
}

function originalOf(points: readonly Point[], point: Point): Point {
  return point.aliasOf === null ? point : (points[point.aliasOf] as Point);
}

function wholeOf(points: readonly Point[], point: Point): number | null {
  return point.bitOf === null ? null : originalOf(points, points[point.bitOf] as Point).index;
}
