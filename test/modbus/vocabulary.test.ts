/** Words to numbers and octets, and back. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { exceptionName, isKnownException, leavesDoubt } from "#modbus/exceptions";
import { FUNCTIONS, numberOf } from "#modbus/functions";
import { COIL, HOLDING, INPUT } from "#modbus/spaces";
import { umasName } from "#modbus/umas";
import { modbusVocabulary } from "#modbus/vocabulary";
import type { CaseContext } from "#operation";
import { toHex } from "#wire";
import { hex } from "./octets.ts";

const { functionOf, nameOf, functions, spaces, parseCase, operationsOf } = modbusVocabulary;

const words = suite("modbus/vocabulary");

words("the tables, their width, and how the modicon style counts them", () => {
  assert.equal(
    spaces.map(({ name, bits, writable, process, modicon }) => [name, bits, writable, process, modicon]),
    [
      ["coil", 1, true, true, 0],
      ["discrete", 1, false, true, 1],
      ["input", 16, false, true, 3],
      ["holding", 16, true, true, 4],
      ["file", 16, true, false, null],
    ],
  );
});

const NUMBERS: readonly (readonly [string, number | null])[] = [
  ["6", 6],
  ["0x06", 6],
  ["0x5A", 90],
  ["0x6", 6],
  ["8/0x4", 8 | (4 << 8)],
  ["writeSingleRegister", 6],
  ["readWriteMultipleRegisters", 23],
  ["8/4", 8 | (4 << 8)],
  ["8/0", 8],
  ["0x08/0x04", 8 | (4 << 8)],
  ["forceListenOnlyMode", 8 | (4 << 8)],
  ["8/65535", 8 | (65535 << 8)],
  ["43/14", 43 | (14 << 8)],
  ["0x2B/0x0E", 43 | (14 << 8)],
  ["43/255", 43 | (255 << 8)],
  ["canOpenGeneralReference", 43 | (13 << 8)],
  ["umas", 90],
  ["127", 127],
  ["65", 65],
  ["8", null],
  ["43", null],
  ["0", null],
  ["128", null],
  ["255", null],
  ["6/1", null],
  ["90/65", null],
  ["8/65536", null],
  ["43/256", null],
  ["0x", null],
  ["6 ", null],
  ["-6", null],
  ["6.0", null],
  ["", null],
  ["writesingleregister", null],
  ["toString", null],
];

for (const [name, number] of NUMBERS)
  words(`"${name}" is ${number === null ? "no function" : number}`, () => assert.is(functionOf(name), number));

words("every named function is found by its name and by its number in words", () => {
  for (const { number, name } of functions) {
    assert.is(functionOf(name), number);
    assert.is(nameOf(number), name);
    const [code, sub] = [number & 0xff, number >> 8];
    assert.is(functionOf(code === 8 || code === 43 ? `${code}/${sub}` : `${code}`), number);
  }
  assert.is(nameOf(66), "function 66");
  assert.is(nameOf(8 | (9 << 8)), "function 8/9");
  assert.is(nameOf(43 | (15 << 8)), "function 43/15");
});

words("RULINGS 5: opaque functions are named so, and are raw", () => {
  assert.equal(
    functions.filter(({ opaque }) => opaque).map(({ number, verbs, effect }) => [number, verbs.join(" "), effect]),
    [
      [43 | (13 << 8), "raw", "change"],
      [90, "raw", "change"],
    ],
  );
  assert.is(functions.length, FUNCTIONS.length + 1);
  assert.ok(FUNCTIONS.every((entry) => functions.some(({ number }) => number === numberOf(entry))));
});

words("operations of octets, or the code of what is wrong with them", () => {
  const message = operationsOf(hex("06 0028 012c"), 3, false);
  assert.ok(typeof message !== "string");
  if (typeof message !== "string") assert.equal(message.operations[0]?.target, { at: "range", space: HOLDING, first: 40, last: 40 });
  assert.is(operationsOf(hex("06 0028"), 3, false), "truncated");
  assert.is(operationsOf(new Uint8Array(0), 3, false), "truncated");
});

words("exceptions: the standard's are known, and RULINGS 22 says which leave doubt", () => {
  const known = Array.from({ length: 256 }, (_, code) => code).filter(isKnownException);
  assert.equal(known, [1, 2, 3, 4, 5, 6, 7, 8, 10, 11]);
  assert.equal(Array.from({ length: 256 }, (_, code) => code).filter(leavesDoubt), [4, 5, 11]);
  for (const code of known) assert.match(exceptionName(code), /^[a-z][A-Za-z]+$/);
  assert.is(exceptionName(9), "exception 9");
});

words("UMAS is named for people", () => {
  const name = (text: string): string | null => umasName(hex(text), 0, hex(text).length);
  assert.is(name("5a 00 41 ff00"), "UMAS stop PLC");
  assert.is(name("5a 00 23"), "UMAS write variables");
  assert.is(name("5a 00 99"), "UMAS function 0x99");
  assert.is(name("5a 00"), null);
  assert.is(name("06 0041 0000"), null);
});

words.run();

/** A boiler whose documents count from one; the feed setpoint is a scaled word, the totaliser two of them, the burner a coil. */
const context: CaseContext = {
  unit: 1,
  addresses(space, text) {
    const [first, last = first] = text.split("-").map(Number);
    if (first === undefined || last === undefined || Number.isNaN(first) || first < 1 || last < first)
      return `found "${text}"; expected addresses of ${spaces[space]?.name}, from 1`;
    return [first - 1, last - 1];
  },
  point(name, value) {
    const place = {
      feed_setpoint: [HOLDING, 40, 40],
      totaliser: [HOLDING, 50, 51],
      burner: [COIL, 3, 3],
      pressure: [INPUT, 8, 9],
      label: [HOLDING, 60, 62],
    }[name];
    if (place === undefined) return `found "${name}"; expected a point`;
    const [space, first, last] = place as [number, number, number];
    if (value === null) return { unit: 1, space, first, last, cells: null };
    if (space === COIL) return { unit: 1, space, first, last, cells: Uint8Array.of(value === "1" ? 1 : 0) };
    if (name === "label") return { unit: 1, space, first, last, cells: new TextEncoder().encode(value) };
    const raw = Number(value) * 10;
    if (!Number.isInteger(raw)) return `found "${value}"; expected tenths`;
    const cells = new Uint8Array(2 * (last - first + 1));
    new DataView(cells.buffer).setUint16(cells.length - 2, raw);
    return { unit: 1, space, first, last, cells };
  },
};

const CASES: readonly (readonly [string, string])[] = [
  ["read holding 41", "03 0028 0001"],
  ["read holding 41-44", "03 0028 0004"],
  ["read coil 4", "01 0003 0001"],
  ["read discrete 1-16", "02 0000 0010"],
  ["read input 9", "04 0008 0001"],
  ["read feed_setpoint", "03 0028 0001"],
  ["read totaliser", "03 0032 0002"],
  ["read pressure", "04 0008 0002"],
  ["read burner", "01 0003 0001"],
  ["read holding 1247 by readFifoQueue", "18 04de"],
  ["read holding 41 by 3", "03 0028 0001"],
  ["write holding 41 = 300", "06 0028 012c"],
  ["write holding 41=0x012C", "06 0028 012c"],
  ["write holding 41 = 300 by writeMultipleRegisters", "10 0028 0001 02 012c"],
  ["write holding 41 = 300 by 16", "10 0028 0001 02 012c"],
  ["write holding 41-42 = 1 2", "10 0028 0002 04 0001 0002"],
  ["write coil 4 = on", "05 0003 ff00"],
  ["write coil 4 = 0", "05 0003 0000"],
  ["write coil 4 = off by 15", "0f 0003 0001 01 00"],
  ["write coil 4-6 = 1 0 on", "0f 0003 0003 01 05"],
  ["write coil 1-9 = 0 0 0 0 0 0 0 0 1", "0f 0000 0009 02 0001"],
  ["write feed_setpoint = 12.5", "06 0028 007d"],
  ["write feed_setpoint = 12.5 by 16", "10 0028 0001 02 007d"],
  ["write totaliser = 3", "10 0032 0002 04 0000 001e"],
  ["write burner = 1", "05 0003 ff00"],
  ["write label = a= b c", "10 003c 0003 06 613d20622063"],
  ["write label = a by q", "10 003c 0003 06 612062792071"],
  ["write label = a= b c by 16", "10 003c 0003 06 613d20622063"],
  ["mask holding 5 and 0x00F2 or 0x0025", "16 0004 00f2 0025"],
  ["mask feed_setpoint and 65520 or 3", "16 0028 fff0 0003"],
  ["readwrite holding 4-9 write 15-17 = 255 255 255", "17 0003 0006 000e 0003 06 00ff 00ff 00ff"],
  ["file-read 4/1-2 3/9-10", "14 0e 06 0004 0001 0002 06 0003 0009 0002"],
  ["file-read 65535/9999", "14 07 06 ffff 270f 0001"],
  [`file-write 4/7 = ${"1 ".repeat(122)}`, `15 fb 06 0004 0007 007a ${"0001".repeat(122)}`],
  ["file-read 4/1", "14 07 06 0004 0001 0001"],
  ["file-write 4/7 = 0x06AF 0x04BE 0x100D", "15 0d 06 0004 0007 0003 06af 04be 100d"],
  ["file-write 4/7-9 = 0x06AF 0x04BE 0x100D", "15 0d 06 0004 0007 0003 06af 04be 100d"],
  ["diagnose 8/0", "08 0000 0000"],
  ["diagnose 8/0 = a537", "08 0000 a537"],
  ["diagnose getCommEventLog", "0c"],
  ["diagnose 7", "07"],
  ["control 8/1", "08 0001 0000"],
  ["control 8/1 = ff 00", "08 0001 ff00"],
  ["control forceListenOnlyMode", "08 0004 0000"],
  ["identify", "2b 0e 01 00"],
  ["identify 17", "11"],
  ["identify 43/14 = 04 81", "2b 0e 04 81"],
  ["raw 90 = 00 41 ff00", "5a 00 41 ff00"],
  ["raw 90", "5a"],
  [`raw 90 = ${"00".repeat(252)}`, `5a ${"00".repeat(252)}`],
  ["raw 43/13 = 01", "2b 0d 01"],
  ["raw 8/9 = 0000", "08 0009 0000"],
  ["raw 3 = 0000 007e", "03 0000 007e"],
];

/** What is wrong, and a piece of what the reason says. */
const NO_CASES: readonly (readonly [string, RegExp])[] = [
  ["", /expected read, write/],
  ["reed holding 41", /found "reed"; expected read, write/],
  ["read", /expected coil, discrete, input or holding/],
  ["read holding", /found "holding"; expected a point/],
  ["read registers 41", /expected coil, discrete, input or holding/],
  ["read file 41", /expected coil, discrete, input or holding/],
  ["read holding 0", /found "0"; expected addresses of holding, from 1/],
  ["read holding 41 42", /expected coil/],
  ["read holding 41 = 3", /found "=" after read/],
  ["read holding 1-126", /badQuantity/],
  ["read holding 65536-65537", /addressOverflow/],
  ["read coil 4 by 3", /cannot read this; expected 1/],
  ["read holding 41-42 by 24", /cannot read this/],
  ["read holding 41 by nonsense", /found "by nonsense"; expected a function/],
  ["write holding 41 = 1 by 8", /found "by 8"; expected a function/],
  ["write label = a= b c by 6", /cannot write this; expected 16/],
  ["read no_such_point", /found "no_such_point"/],
  ["write holding 41", /no "="/],
  ["write holding 41 =", /found 0 values for 1/],
  ["write holding 41 = 1 = 2", /found "="; expected a word/],
  ["write holding 41 = 65536", /expected a word/],
  ["write holding 41 = -1", /expected a word/],
  ["write holding 41 = 1.5", /expected a word/],
  ["write holding 41 = 1 2", /found 2 values for 1 addresses/],
  ["write holding 41-42 = 1", /found 1 values for 2 addresses/],
  ["write holding 41-42 = 1 2 by 6", /cannot write this; expected 16/],
  ["write holding 41 = 1 by 5", /cannot write this; expected 6 or 16/],
  ["write input 9 = 1", /expected coil or holding/],
  ["write coil 4 = 2", /expected on, off, 1 or 0/],
  ["write pressure = 1", /expected coil or holding/],
  ["write feed_setpoint = 12.55", /found "12.55"; expected tenths/],
  [`write holding 1-124 = ${"1 ".repeat(124)}`, /one request can carry/],
  ["mask holding 5 and 1", /expected mask PLACE and WORD or WORD/],
  ["mask holding 5-6 and 1 or 2", /expected one holding register/],
  ["mask holding 5 and 1 nor 2", /expected mask PLACE and WORD or WORD/],
  ["mask holding 5 nand 1 or 2", /expected mask PLACE and WORD or WORD/],
  ["mask coil 5 and 1 or 2", /expected one holding register/],
  ["mask holding 5 and x or 2", /expected a word/],
  ["mask holding 5 and 1 or 2 by 22", /expected it after read or write/],
  ["readwrite holding 4 write 15", /expected readwrite holding/],
  ["readwrite coil 4 write 15 = 1", /expected readwrite holding/],
  ["readwrite holding 4 write 15-16 = 1", /found 1 values for 2/],
  ["readwrite holding 1-126 write 15 = 1", /badQuantity/],
  ["file-read", /found 0 groups/],
  ["file-read 4", /expected FILE\/RECORD/],
  ["file-read 0/1", /badReference/],
  ["file-read 4/9-1", /expected FILE\/RECORD/],
  ["file-read 65536/1", /expected FILE\/RECORD/],
  ["file-read 4/0-124", /badQuantity/],
  [`file-write 4/7 = ${"1 ".repeat(123)}`, /one request can carry/],
  ["file-write 4/1", /no "="/],
  ["file-write 4/1-3 = 1 2", /found 2 values for 3 records/],
  ["file-write 4/9999 = 1 2", /addressOverflow/],
  ["diagnose 8", /expected the number or name of a function/],
  ["diagnose", /expected the number or name/],
  ["diagnose 8/1", /found 8\/1 after diagnose/],
  ["diagnose 90", /found 90 after diagnose/],
  ["control 8/0", /found 8\/0 after control/],
  ["control 8/4 = 0001", /badData/],
  ["identify 3", /found 3 after identify/],
  ["identify 43/14 = 05 00", /badData/],
  ["raw", /expected the number or name/],
  ["raw 128", /expected the number or name/],
  ["raw 90 = 0", /pairs of hex digits/],
  [`raw 90 = ${"00".repeat(253)}`, /at most 252/],
  ["broadcast write holding 41 = 1", /found "broadcast"/],
];

const cases = suite("modbus/cases");

for (const [text, want] of CASES)
  cases(text, () => {
    const got = parseCase(text, context);
    assert.is(typeof got === "string" ? got : toHex(got), toHex(hex(want)));
  });

for (const [text, why] of NO_CASES)
  cases(`not: ${text.slice(0, 60)}`, () => {
    const got = parseCase(text, context);
    assert.type(got, "string", typeof got === "string" ? "" : toHex(got));
    assert.match(got as string, why);
    assert.match(got as string, /^found .+; expected .+/);
  });

cases.run();
