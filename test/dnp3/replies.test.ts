/** Replies: which answer which request, what they show of the process, and what is told unasked. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { decodeFragment, type Fragment } from "#dnp3/application";
import { matchReply, readingsOf, statusOf, toldBy } from "#dnp3/replies";
import { SPACES } from "#dnp3/spaces";
import { f64be, fromHex } from "#wire";

const replies = suite("dnp3/replies");

function hex(text: string): Uint8Array {
  return fromHex(text.replaceAll(" ", "")) as Uint8Array;
}

function decoded(text: string): Fragment {
  const octets = hex(text);
  const read = decodeFragment(octets, 0, octets.length);
  assert.ok(read.ok && read.value.fault === null, text);
  return (read as { value: Fragment }).value;
}

const TRIP = "0c0128 0100 0a00 81 01 64000000 64000000";

/** Request, reply, and why it does not answer; null: it does. */
const PAIRS: readonly [what: string, request: string, reply: string, fault: string | null][] = [
  ["a range, whole", "c001 1e0500 0203", "c081 0000 1e0500 0203 01 0000803f 01 00000040", null],
  ["a range, in part and in another variation", "c001 1e0500 0205", "c081 0000 1e0201 0300 0400 01 0100 01 0200", null],
  ["a range, and one point beside it", "c001 1e0500 0203", "c081 0000 1e0500 0204 01 0000803f 01 00000040 01 00000040", "notAsked"],
  ["a range, behind indexes", "c001 1e0500 0203", "c081 0000 1e0117 02 02 01 01000000 03 01 02000000", null],
  ["a range, one index beside it", "c001 1e0500 0203", "c081 0000 1e0117 02 02 01 01000000 04 01 02000000", "notAsked"],
  ["another group", "c001 1e0500 0203", "c081 0000 010200 0203 81 81", "notAsked"],
  ["nothing at all, with the reason", "c001 1e0500 0203", "c081 0002", null],
  ["nothing at all", "c001 1e0500 0203", "c081 0000", null],
  ["an index list", "c001 010028 0200 0300 0900", "c081 0000 010217 02 03 81 09 01", null],
  ["an index list, as ranges", "c001 010028 0200 0300 0400", "c081 0000 010100 0304 03", null],
  ["an index list, and one between them", "c001 010028 0200 0300 0500", "c081 0000 010100 0305 07", "notAsked"],
  ["an index list, packed by its indexes", "c001 010028 0200 0300 0900", "c081 0000 010217 02 03 81 08 01", "notAsked"],
  ["all of a group", "c001 1e0006", "c081 0000 1e0200 0001 01 0100 01 0200", null],
  ["at most three", "c001 1e0007 03", "c081 0000 1e0200 0001 01 0100 01 0200", null],
  ["class 0: what stands there now", "c001 3c0106", "c081 0000 010200 0001 81 01 1e0200 0000 01 0100", null],
  ["class 0: the time of it", "c001 3c0106", "c081 0000 320107 01 000102030405", null],
  ["class 0 asks for no events", "c001 3c0106", "e081 0000 020117 01 05 81", "notAsked"],
  ["class 1: events, by a common time", "c001 3c0206", "e081 0000 330107 01 000102030405 020317 01 05 81 0100", null],
  ["class 1 asks for no values", "c001 3c0206", "c081 0000 010200 0001 81 01", "notAsked"],
  ["events and values", "c001 3c0206 3c0106", "e081 0000 020117 01 05 81 010200 0001 81 01", null],
  ["events of a group", "c001 020006", "e081 0000 330207 01 000102030405 020317 01 05 81 0100", null],
  ["events of another group", "c001 020006", "e081 0000 200117 01 05 01 01000000", "notAsked"],
  ["the clock", "c001 320107 01", "c081 0000 320107 01 000102030405", null],
  ["attributes", "c001 00f200 0000", "c081 0000 00f200 0000 01 03 414243", null],
  ["a block of a file", "c001 46055b 01 0800 01000000 02000000", "c081 0000 46055b 01 0900 01000000 02000080 61", null],
  ["a block of a file: no points", "c001 46055b 01 0800 01000000 02000000", "c081 0000 010200 0000 81", "notAsked"],
  ["the next part of an answer", "c001 1e0006", "4181 0000 1e0200 0001 01 0100 01 0200", null],
  ["SELECT, as it was", `c103 ${TRIP} 00`, `c181 0000 ${TRIP} 00`, null],
  ["SELECT, with what became of it", `c103 ${TRIP} 00`, `c181 0000 ${TRIP} 04`, null],
  ["OPERATE of another index", `c204 ${TRIP} 00`, `c281 0000 ${TRIP.replace("0a00", "0b00")} 00`, "echoDiffers"],
  ["OPERATE of another code", `c204 ${TRIP} 00`, `c281 0000 ${TRIP.replace("81 01", "41 01")} 00`, "echoDiffers"],
  ["OPERATE with one more command", `c204 ${TRIP} 00`, `c281 0000 ${TRIP} 00 ${TRIP} 00`, "echoDiffers"],
  ["OPERATE that was not done, and why", `c204 ${TRIP} 00`, "c281 0004", null],
  ["OPERATE that was not done: another is", `c204 ${TRIP} 00`, "c281 0010", null],
  ["OPERATE answered by nothing", `c204 ${TRIP} 00`, "c281 0000", "echoDiffers"],
  ["two commands, two statuses", "c105 290217 02 07 0100 00 08 0200 00", "c181 0000 290217 02 07 0100 00 08 0200 0c", null],
  ["two commands in another order", "c105 290217 02 07 0100 00 08 0200 00", "c181 0000 290217 02 08 0200 00 07 0100 00", "echoDiffers"],
  ["a write is answered by nothing", "c102 500100 0707 00", "c181 0000", null],
  ["a write is answered by no points", "c102 500100 0707 00", "c181 0000 010200 0000 81", "notAsked"],
  [
    "a block that is written, and its status",
    "c102 46055b 01 0900 01000000 02000080 61",
    "c181 0000 46065b 01 0900 01000000 02000080 00",
    null,
  ],
  ["restart: when it is back", "c10d", "c181 0000 340207 01 6400", null],
  ["restart: nothing", "c10e", "c181 0000", null],
  ["the delay", "c117", "c181 0000 340207 01 0000", null],
  ["the delay is no time of day", "c117", "c181 0000 320107 01 000102030405", "notAsked"],
  ["a freeze shows nothing", "c107 140006", "c181 0000 140100 0000 01 01000000", "notAsked"],
  ["a challenge in its place", `c103 ${TRIP} 00`, "c183 0000 78015b 01 0c00 04000000 0100 03 01 aabbccdd", null],
  ["a challenge with points", "c001 1e0006", "c183 0000 1e0200 0000 01 0100", "notAsked"],
  ["what is unasked answers nothing", "c001 3c0206", "f082 0000 020117 01 05 81", "notAResponse"],
  ["a request answers nothing", "c001 3c0206", "c001 3c0206", "notAResponse"],
  ["a response that calls itself unsolicited", "c001 3c0206", "d081 0000", "badControl"],
  ["half a head", "c001 3c0206", "c081 00", "truncated"],
  ["objects that go on behind its end", "c001 1e0006", "c081 0000 1e0200 0001 01 0100", "truncated"],
  ["an object there is not", "c001 1e0006", "c081 0000 c80100 0000 00", "unknownObject"],
];

for (const [what, request, reply, fault] of PAIRS) {
  replies(`${what}: ${fault ?? "answers"}`, () => {
    const octets = hex(`ffff ${reply} ff`);
    const matched = matchReply(decoded(request), octets, 2, octets.length - 3);
    assert.is(matched.ok ? null : matched.error.kind, fault);
  });
}

replies("the status of commands is the first that is not success", () => {
  const of = (text: string): number => statusOf(decoded(text));
  assert.is(of(`c181 0000 ${TRIP} 00`), 0);
  assert.is(of(`c181 0000 ${TRIP} 09`), 9);
  assert.is(of("c181 0000 290217 03 07 0100 00 08 0200 0c 09 0200 03"), 12);
  assert.is(of(`c181 0000 ${TRIP} 84`), 4, "bit 7 is none of it");
  assert.is(of("c181 0004"), 0, "of no command");
});

/** `table first-last = value` for each reading; a number out of its four cells, a state out of its bits, "?" where the value cannot be counted on. */
function shown(text: string): string[] {
  return readingsOf(decoded(text)).map(({ target, values }) => {
    if (target.at !== "range") throw new Error("a reading of nowhere");
    const { name, stride } = SPACES[target.space] as (typeof SPACES)[number];
    const place = `${name} ${target.first / stride}${target.last > target.first + stride - 1 ? `-${(target.last + 1) / stride - 1}` : ""}`;
    if (values.is !== "cells") return `${place} = ?`;
    if (stride > 1) return `${place} = ${f64be(values.octets, values.at)}`;
    if (values.bits === 16) return `${place} = ${((values.octets[values.at] as number) << 8) | (values.octets[values.at + 1] as number)}`;
    const count = target.last - target.first + 1;
    const bit = (i: number): number => ((values.octets[values.at + (i >> 3)] as number) >> (i & 7)) & 1;
    return `${place} = ${Array.from({ length: count }, (_, i) => bit(i)).join("")}`;
  });
}

/** Objects of a response, and what they show. */
const READINGS: readonly [what: string, objects: string, shown: readonly string[]][] = [
  ["binary inputs, packed", "010100 030b f901", ["binary-input 3-11 = 100111111"]],
  ["binary inputs with flags", "010200 0203 81 01", ["binary-input 2 = 1", "binary-input 3 = 0"]],
  ["binary inputs behind indexes", "010228 0200 0001 81 0200 01", ["binary-input 256 = 1", "binary-input 2 = 0"]],
  ["double bits, packed", "030100 0004 e402", ["0 = 0", "1 = 1", "2 = 2", "3 = 3", "4 = 2"].map((each) => `double-bit-input ${each}`)],
  ["double bits with flags", "030200 0001 81 41", ["double-bit-input 0 = 2", "double-bit-input 1 = 1"]],
  ["binary outputs, packed", "0a0100 0002 05", ["binary-output 0-2 = 101"]],
  ["binary outputs with flags", "0a0200 0909 81", ["binary-output 9 = 1"]],
  ["counters, 32 bits", "140100 0000 01 ffffffff", ["counter 0 = 4294967295"]],
  ["counters, 16 bits", "140200 0000 01 ffff", ["counter 0 = 65535"]],
  ["counters without flags", "140500 0000 02000000 140600 0101 0300", ["counter 0 = 2", "counter 1 = 3"]],
  ["a counter that rolled over, and one set anew", "140200 0001 21 0100 41 0200", ["counter 0 = 1", "counter 1 = 2"]],
  ["frozen counters", "150100 0000 01 05000000 150a00 0101 0600", ["frozen-counter 0 = 5", "frozen-counter 1 = 6"]],
  ["frozen counters with their time", "150500 0000 01 05000000 000102030405", ["frozen-counter 0 = 5"]],
  ["analog inputs, 32 bits", "1e0100 0000 01 feffffff", ["analog-input 0 = -2"]],
  ["analog inputs, 16 bits", "1e0200 0000 01 feff", ["analog-input 0 = -2"]],
  ["analog inputs without flags", "1e0300 0000 feffffff 1e0400 0101 0100", ["analog-input 0 = -2", "analog-input 1 = 1"]],
  [
    "analog inputs, single and double",
    "1e0500 0000 01 0000c03f 1e0600 0101 01 000000000000e03f",
    ["analog-input 0 = 1.5", "analog-input 1 = 0.5"],
  ],
  [
    "frozen analog inputs",
    "1f0100 0000 01 feffffff 1f0700 0101 01 0000c03f",
    ["frozen-analog-input 0 = -2", "frozen-analog-input 1 = 1.5"],
  ],
  ["analog outputs", "280100 0000 01 05000000 280200 0101 01 0600", ["analog-output 0 = 5", "analog-output 1 = 6"]],
  [
    "analog outputs, single and double",
    "280300 0000 01 0000c03f 280400 0101 01 000000000000e03f",
    ["analog-output 0 = 1.5", "analog-output 1 = 0.5"],
  ],
  ["events tell of a past", "020117 01 05 81 200117 01 05 01 01000000 2a0117 01 05 01 01000000", []],
  ["strings and statistics are no process", "6e0300 0000 616263 790100 0000 01 0100 05000000", []],
  ["a command's echo is none", "0c0117 01 05 81 01 64000000 64000000 00", []],
  ["no index, no place", "1e0207 02 01 0100 01 0200", []],
  ["an index no table reaches", "1e0201 ff3f 0040 01 0100 01 0200", ["analog-input 16383 = 1"]],
];

for (const [what, objects, expected] of READINGS) {
  replies(`what is shown: ${what}`, () => {
    assert.equal(shown(`c081 0000 ${objects}`), expected);
  });
}

/** Bits of the flags with which a value cannot be counted on, by group: offline is 00. */
const BAD: readonly [group: string, value: string, bad: readonly number[], good: readonly number[]][] = [
  ["0102", "", [0x00, 0x80, 0x03, 0x05, 0x09, 0x11, 0x21, 0x41], [0x01, 0x81]],
  ["0302", "", [0x00, 0xc0, 0x03, 0x05, 0x09, 0x11, 0x21], [0x01, 0x41, 0x81, 0xc1]],
  ["0a02", "", [0x00, 0x80, 0x03, 0x05, 0x09, 0x11], [0x01, 0x81]],
  ["1401", "01000000", [0x00, 0x03, 0x05, 0x09, 0x11], [0x01, 0x21, 0x41, 0x81]],
  ["1501", "01000000", [0x00, 0x03, 0x05, 0x09, 0x11], [0x01, 0x21, 0x41]],
  ["1e01", "01000000", [0x00, 0x03, 0x05, 0x09, 0x11, 0x21, 0x41], [0x01]],
  ["1f01", "01000000", [0x00, 0x03, 0x05, 0x09, 0x11, 0x21, 0x41], [0x01]],
  ["2801", "01000000", [0x00, 0x03, 0x05, 0x09, 0x11, 0x21, 0x41], [0x01]],
];

for (const [group, value, bad, good] of BAD) {
  replies(`group ${Number.parseInt(group.slice(0, 2), 16)}: a value that cannot be counted on is told without one, under its flags`, () => {
    for (const flags of [...bad, ...good]) {
      const [reading] = readingsOf(decoded(`c081 0000 ${group}00 0505 ${flags.toString(16).padStart(2, "0")} ${value}`));
      assert.is(reading?.values.is, bad.includes(flags) ? "none" : "cells", `flags ${flags.toString(16)}`);
      assert.is(reading?.flags, flags);
    }
  });
}

replies("as many points as a fragment holds are all shown", () => {
  // Double bits, four to an octet.
  const points = 4 * (2_048 - 11);
  const octets = new Uint8Array(2_048).fill(0b11_10_01_00);
  octets.set([0xc0, 0x81, 0, 0, 3, 1, 0x01, 0, 0, (points - 1) & 0xff, (points - 1) >> 8]);
  const read = decodeFragment(octets, 0, octets.length);
  assert.ok(read.ok && read.value.fault === null);
  const readings = readingsOf((read as { value: Fragment }).value);
  assert.is(readings.length, points);
  for (const [i, { values }] of readings.entries()) assert.is(values.is === "cells" ? values.octets[values.at + 1] : -1, i & 3);
});

replies("what is told unasked, as taking those events", () => {
  const told = (text: string): unknown =>
    toldBy(decoded(text), 10)?.map(({ verb, effect, unit, object, target }) => [verb, effect, unit, object, target]) ?? null;
  const at = (space: number, first: number, last = first): object => ({ at: "range", space, first, last });
  assert.equal(told("f082 8000"), [], "that it has started");
  assert.equal(told("f082 0000 330107 01 000102030405 020317 02 05 81 0100 06 01 0200"), [
    ["events", "observe", 10, 0x0203, at(0, 5)],
    ["events", "observe", 10, 0x0203, at(0, 6)],
  ]);
  assert.equal(told("f082 0000 200128 0100 0200 01 01000000"), [["events", "observe", 10, 0x2001, at(5, 8, 11)]]);
  assert.equal(told("f082 0000 010200 0001 81 01"), [
    ["events", "observe", 10, 0x0102, at(0, 0)],
    ["events", "observe", 10, 0x0102, at(0, 1)],
  ]);
  assert.equal(told("f082 0000 320107 01 000102030405"), [], "a time of day");
  assert.equal(told("f082 0000 0d0117 01 05 00"), [["events", "observe", 10, 0x0d01, at(2, 5)]], "a command somebody gave");
  assert.is(told("f082 0000 0c0117 01 05 81 01 64000000 64000000 00"), null, "a command is no event");
  assert.is(told("f082 0000 500100 0707 00"), null, "nor are indications");
  assert.is(told("f082 0000 020107 01 81"), null, "nor is what is of no point");
});

replies.run();
