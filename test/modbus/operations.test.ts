/** What policy sees: verbs and effects of every function (RULINGS 5), masked writes (RULINGS 11), broadcast (RULINGS 12), places and values. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { FUNCTIONS, numberOf } from "#modbus/functions";
import { decodeRequest, matchReply, operationsOf, readingsOf } from "#modbus/pdu";
import { COIL, DISCRETE, FILE, HOLDING, INPUT, SPACES } from "#modbus/spaces";
import type { Message, Operation, Reading, Values } from "#operation";
import { REQUESTS } from "#test/vectors/modbus/requests";
import { amid, hex } from "./octets.ts";

const operations = suite("modbus/operations");

function message(text: string, unit = 1, broadcast = false): Message {
  const octets = hex(text);
  const { all, at } = amid(octets);
  const request = decodeRequest(all, at, octets.length);
  if (!request.ok) throw new Error(`${text}: ${request.error.kind}`);
  return operationsOf(request.value, unit, broadcast);
}

const only = (text: string): Operation => {
  const { operations: list } = message(text);
  assert.is(list.length, 1);
  return list[0] as Operation;
};

/** The cells of a write as numbers, read as the engine reads them. */
function cellsOf(values: Values, count: number): number[] {
  if (values.is !== "cells") throw new Error(values.is);
  const { octets, at, bits } = values;
  return Array.from({ length: count }, (_, i) =>
    bits === 1
      ? ((octets[at + (i >> 3)] as number) >> (i & 7)) & 1
      : ((octets[at + 2 * i] as number) << 8) | (octets[at + 2 * i + 1] as number),
  );
}

/** RULINGS 5 and 32, written out: verbs, effect. */
const RULED: readonly (readonly [number: number, verbs: string, effect: string])[] = [
  [1, "read", "observe"],
  [2, "read", "observe"],
  [3, "read", "observe"],
  [4, "read", "observe"],
  [5, "write", "change"],
  [6, "write", "change"],
  [7, "diagnose", "observe"],
  [8 | (0 << 8), "diagnose", "observe"],
  [8 | (1 << 8), "control", "change"],
  [8 | (2 << 8), "diagnose", "observe"],
  [8 | (3 << 8), "control", "change"],
  [8 | (4 << 8), "control", "change"],
  [8 | (10 << 8), "control", "change"],
  [8 | (11 << 8), "diagnose", "observe"],
  [8 | (12 << 8), "diagnose", "observe"],
  [8 | (13 << 8), "diagnose", "observe"],
  [8 | (14 << 8), "diagnose", "observe"],
  [8 | (15 << 8), "diagnose", "observe"],
  [8 | (16 << 8), "diagnose", "observe"],
  [8 | (17 << 8), "diagnose", "observe"],
  [8 | (18 << 8), "diagnose", "observe"],
  [8 | (20 << 8), "control", "change"],
  [11, "diagnose", "observe"],
  [12, "diagnose", "observe"],
  [15, "write", "change"],
  [16, "write", "change"],
  [17, "identify", "observe"],
  [20, "file-read", "change"],
  [21, "file-write", "change"],
  [22, "write", "change"],
  [23, "read write", "change"],
  [24, "read", "observe"],
  [43 | (13 << 8), "raw", "change"],
  [43 | (14 << 8), "identify", "observe"],
];

operations("RULINGS 5: the verbs and effect of every row", () => {
  assert.equal(
    FUNCTIONS.map((entry) => [numberOf(entry), entry.verbs.join(" "), entry.effect]),
    RULED.map((row) => [...row]),
  );
});

operations("RULINGS 5: every request does what its row says, as one operation a verb", () => {
  const rows = new Map(RULED.map(([number, verbs, effect]) => [number, { verbs, effect }]));
  for (const [text, meaning] of REQUESTS) {
    const number = (meaning as { function: number }).function;
    const row = rows.get(number) ?? { verbs: "raw", effect: "change" };
    const { operations: list } = message(text);
    assert.is([...new Set(list.map(({ verb }) => verb))].join(" "), row.verbs, text);
    assert.ok(
      list.some(({ effect }) => effect === row.effect),
      text,
    );
    for (const one of list) {
      assert.equal([one.function, one.unit, one.broadcast, one.via, one.object, one.actor], [number, 1, false, 0, 0, 0], text);
      assert.is(one.effect, one.verb === "read" || one.verb === "diagnose" || one.verb === "identify" ? "observe" : "change", text);
    }
  }
});

operations("RULINGS 5: opaque functions are raw, on the device, without values; 90, 125 and 126 whole", () => {
  for (const text of ["5a 00 41 ff00", "41 01", "7d", "7e 01", "2b 0d 01", "08 0005 0000", "2b 0f"]) {
    const one = only(text);
    assert.equal([one.verb, one.effect, one.target, one.values], ["raw", "change", { at: "device" }, { is: "none" }]);
  }
  assert.is(only("5a 00 41 ff00").function, 90, "a rule for 90 is for all of it");
});

const PLACES: readonly (readonly [string, number, number, number])[] = [
  ["01 0013 0013", COIL, 19, 37],
  ["02 00c4 0016", DISCRETE, 196, 217],
  ["03 006b 0003", HOLDING, 107, 109],
  ["04 0008 0001", INPUT, 8, 8],
  ["05 00ac ff00", COIL, 172, 172],
  ["06 0001 0003", HOLDING, 1, 1],
  ["0f 0013 000a 02 cd01", COIL, 19, 28],
  ["10 0001 0002 04 000a 0102", HOLDING, 1, 2],
  ["16 0004 00f2 0025", HOLDING, 4, 4],
  ["14 07 06 0004 0001 0002", FILE, 4 * 65536 + 1, 4 * 65536 + 2],
  ["15 0d 06 0004 0007 0003 06af 04be 100d", FILE, 4 * 65536 + 7, 4 * 65536 + 9],
  ["14 07 06 ffff 270f 0001", FILE, 65535 * 65536 + 9999, 65535 * 65536 + 9999],
];

operations("every place is the one on the wire, zero-based", () => {
  for (const [text, space, first, last] of PLACES) assert.equal(only(text).target, { at: "range", space, first, last }, text);
  assert.is(SPACES[FILE]?.last, 65535 * 65536 + 9999);
});

operations("every written value reaches policy, whichever function carries it", () => {
  assert.equal(cellsOf(only("05 00ac ff00").values, 1), [1]);
  assert.equal(cellsOf(only("05 00ac 0000").values, 1), [0]);
  assert.equal(cellsOf(only("06 0001 8003").values, 1), [0x8003]);
  assert.equal(cellsOf(only("0f 0013 000a 02 cd01").values, 10), [1, 0, 1, 1, 0, 0, 1, 1, 1, 0]);
  assert.equal(cellsOf(only("10 0001 0002 04 000a 0102").values, 2), [10, 0x102]);
  assert.equal(cellsOf(only("15 0d 06 0004 0007 0003 06af 04be 100d").values, 3), [0x6af, 0x4be, 0x100d]);
});

operations("FC 23 is a read and a write, each with its own range; the function is 23 in both", () => {
  const { operations: list } = message("17 0003 0006 000e 0003 06 00ff 01ff 02ff");
  assert.equal(
    list.map(({ verb, effect, function: number, target }) => ({ verb, effect, number, target })),
    [
      { verb: "read", effect: "observe", number: 23, target: { at: "range", space: HOLDING, first: 3, last: 8 } },
      { verb: "write", effect: "change", number: 23, target: { at: "range", space: HOLDING, first: 14, last: 16 } },
    ],
  );
  assert.equal(cellsOf((list[1] as Operation).values, 3), [0xff, 0x1ff, 0x2ff]);
});

operations("RULINGS 11: FC 22 is its OR mask as the cell, and keeps the bits of its AND mask", () => {
  const { values } = only("16 0004 00f2 0025");
  assert.equal(cellsOf(values, 1), [0x25]);
  assert.is(values.is === "cells" && values.keep, 0xf2);
  const ambiguous = only("16 0004 00ff 0001").values;
  assert.is(ambiguous.is === "cells" && (ambiguous.keep & 1) === 1, true, "overlapping masks stay visible to policy");
  for (const text of ["05 00ac ff00", "06 0001 0003", "0f 0013 000a 02 cd01", "10 0001 0001 02 000a", "15 09 06 0004 0007 0001 06af"]) {
    const plain = only(text).values;
    assert.is(plain.is === "cells" && plain.keep, 0, `${text} keeps nothing`);
  }
});

operations("RULINGS 12: a broadcast says so in every operation, and nothing is answered to it", () => {
  for (const [text] of REQUESTS) {
    const asked = message(text, 0, true);
    assert.is(asked.reply, "none", text);
    for (const one of asked.operations) assert.equal([one.broadcast, one.unit], [true, 0], text);
  }
});

operations("only 8/4 goes unanswered when it is addressed to one device", () => {
  for (const [text, meaning] of REQUESTS) {
    const isListenOnly = (meaning as { function: number }).function === (8 | (4 << 8));
    assert.is(message(text).reply, isListenOnly ? "none" : "one", text);
  }
});

operations("FC 24 reads all 32 registers its queue may lie in, clipped at the last address", () => {
  assert.equal(only("18 04de").target, { at: "range", space: HOLDING, first: 1246, last: 1277 });
  assert.equal(only("18 fff0").target, { at: "range", space: HOLDING, first: 0xfff0, last: 0xffff });
});

operations("FC 20 and 21: one operation a group", () => {
  const { operations: list } = message("14 0e 06 0004 0001 0002 06 0003 0009 0002");
  assert.equal(
    list.map(({ target }) => target),
    [
      { at: "range", space: FILE, first: 4 * 65536 + 1, last: 4 * 65536 + 2 },
      { at: "range", space: FILE, first: 3 * 65536 + 9, last: 3 * 65536 + 10 },
    ],
  );
});

operations.run();

const readings = suite("modbus/readings");

function read(asked: string, answered: string): readonly Reading[] {
  const question = hex(asked);
  const octets = hex(answered);
  const { all, at } = amid(octets);
  const request = decodeRequest(question, 0, question.length);
  if (!request.ok) throw new Error(request.error.kind);
  const reply = matchReply(request.value, all, at, octets.length);
  if (!reply.ok) throw new Error(reply.error.kind);
  return readingsOf(request.value, reply.value);
}

const READ: readonly (readonly [string, string, number, number, readonly number[]])[] = [
  ["01 0013 000a", "01 02 cd01", COIL, 19, [1, 0, 1, 1, 0, 0, 1, 1, 1, 0]],
  ["02 00c4 0003", "02 01 05", DISCRETE, 196, [1, 0, 1]],
  ["03 006b 0003", "03 06 022b 0000 0064", HOLDING, 107, [555, 0, 100]],
  ["04 0008 0001", "04 02 000a", INPUT, 8, [10]],
  ["17 0003 0002 000e 0001 02 00ff", "17 04 00fe 0acd", HOLDING, 3, [0xfe, 0xacd]],
];

readings("a read shows the cells it asked for", () => {
  for (const [asked, answered, space, first, cells] of READ) {
    const list = read(asked, answered);
    assert.is(list.length, 1);
    const [reading] = list;
    assert.equal([reading?.object, reading?.flags, reading?.sourceTime], [0, 0, null]);
    assert.equal(reading?.target, { at: "range", space, first, last: first + cells.length - 1 });
    assert.equal(reading === undefined ? [] : cellsOf(reading.values, cells.length), [...cells]);
  }
});

readings("writes, queues, files, diagnostics and exceptions show nothing of the process tables", () => {
  for (const [asked, answered] of [
    ["06 0001 0003", "06 0001 0003"],
    ["18 04de", "18 0006 0002 01b8 1284"],
    ["14 07 06 0004 0001 0001", "14 04 03 06 0dfe"],
    ["08 000b 0000", "08 000b 0108"],
    ["03 006b 0003", "83 02"],
    ["5a 00", "5a 00"],
  ] as const)
    assert.equal(read(asked, answered), []);
});

readings.run();
