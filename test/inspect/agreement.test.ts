/**
 * `inspect --json` against tshark over every Modbus capture, field by field, in order, both ways: what tshark shows and we do not is a
 * disagreement, and what we show and tshark does not is one. All of them stand in disagreements.json with a reason; one that no longer occurs fails.
 * captures.expected.json holds what agreed, so that the captures are checked where tshark is not installed.
 *
 * To write captures.expected.json anew after a change that is meant: PENSTOCK_WRITE_EXPECTED=1. Needs tshark to agree first.
 */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { hasTool, need, needCaptures, shared } from "../support/need.ts";
import { decodeFile, type Line, linesOf } from "./run.ts";
import { type Seen, tsharkMessages } from "./tshark.ts";

const FOLDER = path.join(shared, "captures/modbus");
const EXPECTED = path.join(import.meta.dirname, "captures.expected.json");
const DISAGREEMENTS = path.join(import.meta.dirname, "disagreements.json");

interface Expected {
  readonly messages: number;
  readonly malformed: number;
  readonly exceptions: number;
  /** "FC request", "FC response": how many. */
  readonly functions: Readonly<Record<string, number>>;
  /** SHA-256 of the lines. */
  readonly lines: string;
}

/** `at`: "frame/place in frame field: ours | tshark's". */
interface Disagreement {
  readonly capture: string;
  readonly reason: string;
  readonly at: readonly string[];
}

type Facts = Partial<Omit<Seen, "frame" | "time" | "transaction" | "unit">>;

const hex = (octets: readonly number[]): string => octets.map((octet) => octet.toString(16).padStart(2, "0")).join("");
const words = (values: readonly number[]): string => values.map((value) => value.toString(16).padStart(4, "0")).join("");

function packed(bits: readonly number[]): string {
  const octets = new Array<number>(Math.ceil(bits.length / 8)).fill(0);
  bits.forEach((bit, i) => {
    octets[i >> 3] = (octets[i >> 3] as number) | (bit << (i & 7));
  });
  return hex(octets);
}

/** What tshark would show of a message that says what our line says. */
function factsOf(line: Line): Facts {
  const { function: code, first: reference, count, exception } = line;
  const values = line.values ?? [];
  const asks = line.direction !== "response";
  if (exception !== null) return { exception };
  switch (code) {
    case 1:
    case 2:
      return asks ? { reference, bitCount: count } : { byteCount: Math.ceil(values.length / 8), bits: values };
    case 3:
    case 4:
      return asks ? { reference, wordCount: count } : { byteCount: 2 * values.length, registers: values };
    case 5:
      return { reference, data: values[0] === 1 ? "ff00" : "0000" };
    case 6:
      return { reference, data: words(values) };
    case 7:
      return asks ? {} : { data: hex(values) };
    case 8:
      return { diagnostic: line.sub, data: words(values) };
    case 15:
      return asks
        ? { reference, bitCount: count, byteCount: Math.ceil(values.length / 8), data: packed(values) }
        : { reference, bitCount: count };
    case 16:
      return asks ? { reference, wordCount: count, byteCount: 2 * values.length, registers: values } : { reference, wordCount: count };
    case 17:
      // tshark shows the byte count as data.
      return asks ? {} : { data: hex([values.length, ...values]) };
    case 22:
      return { reference, and: values[0] ?? null, or: values[1] ?? null };
    case 23:
      return asks
        ? {
            readReference: line.read?.first ?? null,
            readWordCount: line.read?.count ?? null,
            writeReference: reference,
            writeWordCount: count,
            byteCount: 2 * values.length,
            data: words(values),
          }
        : { byteCount: 2 * values.length, data: words(values) };
    case 24:
      return asks ? { reference } : { wordCount: count, byteCount: 2 + 2 * values.length, data: words(values) };
    case 43:
      return { mei: line.sub };
    default:
      return {};
  }
}

const FIELDS = [
  "exception",
  "reference",
  "wordCount",
  "bitCount",
  "byteCount",
  "registers",
  "bits",
  "diagnostic",
  "and",
  "or",
  "mei",
  "data",
  "readReference",
  "readWordCount",
  "writeReference",
  "writeWordCount",
] as const satisfies readonly (keyof Facts)[];

const LISTS = new Set(["registers", "bits"]);

function compare(lines: readonly Line[], seen: readonly Seen[]): string[] {
  const found: string[] = [];
  const byFrame = Map.groupBy(seen, (message) => message.frame);
  const ours = Map.groupBy(lines, (line) => line.frame);
  for (const frame of new Set([...byFrame.keys(), ...ours.keys()])) {
    const left = ours.get(frame) ?? [];
    const right = byFrame.get(frame) ?? [];
    for (let i = 0; i < Math.max(left.length, right.length); i++) {
      const at = `${frame}/${i}`;
      const line = left[i];
      const message = right[i];
      if (line === undefined || message === undefined) {
        found.push(`${at}: ${line === undefined ? "tshark" : "ours"} alone`);
        continue;
      }
      for (const field of ["transaction", "unit", "function"] as const) {
        if (line[field] !== message[field]) found.push(`${at} ${field}: ${line[field]} | ${message[field]}`);
      }
      if (line.time !== Number(message.time)) found.push(`${at} time: ${line.time} | ${message.time}`);
      const facts = factsOf(line);
      for (const field of FIELDS) {
        const want = JSON.stringify(facts[field] ?? (LISTS.has(field) ? [] : null));
        const got = JSON.stringify(message[field]);
        if (want !== got) found.push(`${at} ${field}: ${short(want)} | ${short(got)}`);
      }
    }
  }
  return found;
}

function short(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}...` : text;
}

function summary(text: string, lines: readonly Line[]): Expected {
  const functions: Record<string, number> = {};
  for (const { function: code, direction } of lines) functions[`${code} ${direction}`] = (functions[`${code} ${direction}`] ?? 0) + 1;
  return {
    messages: lines.length,
    malformed: lines.filter((line) => line.malformed !== null).length,
    exceptions: lines.filter((line) => line.exception !== null).length,
    functions: Object.fromEntries(Object.entries(functions).sort(([a], [b]) => a.localeCompare(b, "en", { numeric: true }))),
    lines: createHash("sha256").update(text).digest("hex"),
  };
}

const test = suite("inspect/agreement");
const captures = needCaptures() ? readdirSync(FOLDER).sort() : [];
const expected = JSON.parse(readFileSync(EXPECTED, "utf8")) as Record<string, Expected>;
const disagreements = JSON.parse(readFileSync(DISAGREEMENTS, "utf8")) as readonly Disagreement[];
const withTshark = captures.length > 0 && need("tshark", hasTool("tshark"));
const written: Record<string, Expected> = {};

for (const capture of captures) {
  test(capture, async () => {
    const file = path.join(FOLDER, capture);
    const { status, text } = await decodeFile(file);
    assert.is(status, 0);
    const lines = linesOf(text);
    assert.ok(lines.length > 0);
    const order = lines.map((line) => line.frame);
    assert.equal(
      order,
      order.toSorted((a, b) => a - b),
      "capture order",
    );
    if (withTshark) {
      const known = disagreements.filter((entry) => entry.capture === capture).flatMap((entry) => entry.at);
      assert.equal(compare(lines, tsharkMessages(file)).sort(), known.toSorted());
    }
    written[capture] = summary(text, lines);
    if (process.env.PENSTOCK_WRITE_EXPECTED !== "1") assert.equal(written[capture], expected[capture]);
  });
}

if (captures.length > 0) {
  test("the committed lists name no other capture and give every reason", () => {
    if (process.env.PENSTOCK_WRITE_EXPECTED === "1" && withTshark) writeFileSync(EXPECTED, `${JSON.stringify(written, null, 2)}\n`);
    else assert.equal(Object.keys(expected).sort(), captures);
    for (const { capture, reason, at } of disagreements) {
      assert.ok(captures.includes(capture), capture);
      assert.ok(reason.length > 20 && at.length > 0, capture);
    }
  });
}

test.run();
