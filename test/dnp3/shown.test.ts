/** What a fragment tells for telemetry: values of any quality, events, times. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { decodeFragment, type Fragment } from "#dnp3/application";
import { readingsOf } from "#dnp3/replies";
import { qualityOf, showAll } from "#dnp3/shown";
import { SPACES } from "#dnp3/spaces";
import { f64be, fromHex } from "#wire";

const shown = suite("dnp3/shown");

function decoded(text: string): Fragment {
  const octets = fromHex(text.replaceAll(" ", "")) as Uint8Array;
  const read = decodeFragment(octets, 0, octets.length);
  assert.ok(read.ok && read.value.fault === null, text);
  return (read as { value: Fragment }).value;
}

/** `analog-input 3 = 1.5 good`, an event with `!`, its time behind `@`. */
function told(objects: string, head = "c081 0000"): string[] {
  const words: string[] = [];
  showAll(decoded(`${head} ${objects}`), ({ space, first, last, octets, at, bits, quality, timeMs, isEvent }) => {
    const { name, stride } = SPACES[space] as (typeof SPACES)[number];
    for (let cell = first, i = 0; cell <= last; cell += stride, i++) {
      const value = bits === 1 ? ((octets[at + (i >> 3)] as number) >> (i & 7)) & 1 : stride === 4 ? f64be(octets, at) : octets[at + 1];
      words.push(`${isEvent ? "!" : ""}${name} ${cell / stride} = ${value} ${quality}${timeMs === null ? "" : ` @${timeMs}`}`);
    }
  });
  return words;
}

/** Some time, little-endian. */
const TIME = "00606e877401";
const TIME_MS = Number.parseInt((TIME.match(/../g) as string[]).reverse().join(""), 16);

const SHOWN: readonly (readonly [what: string, objects: string, expected: readonly string[]])[] = [
  ["packed bits", "010100 0002 05", ["binary-input 0 = 1 good", "binary-input 1 = 0 good", "binary-input 2 = 1 good"]],
  ["packed double bits", "030100 0001 06", ["double-bit-input 0 = 2 good", "double-bit-input 1 = 1 good"]],
  ["a state in its flags", "010200 0001 81 01", ["binary-input 0 = 1 good", "binary-input 1 = 0 good"]],
  ["offline, and it has a value", "1e0200 0000 00 0500", ["analog-input 0 = 5 bad"]],
  ["communication lost", "1e0200 0000 05 0500", ["analog-input 0 = 5 comm-lost"]],
  ["communication lost, and offline", "1e0200 0000 04 0500", ["analog-input 0 = 5 comm-lost"]],
  ["restart", "1e0200 0000 03 0500", ["analog-input 0 = 5 uncertain"]],
  ["forced, there and here", "1e0200 0001 09 0500 11 0600", ["analog-input 0 = 5 uncertain", "analog-input 1 = 6 uncertain"]],
  ["over-range, reference error", "1e0200 0001 21 ff7f 41 0600", ["analog-input 0 = 32767 uncertain", "analog-input 1 = 6 uncertain"]],
  ["a chattering contact", "010200 0000 a1", ["binary-input 0 = 1 uncertain"]],
  ["a counter that rolled over, one set anew", "140200 0001 21 0100 41 0200", ["counter 0 = 1 good", "counter 1 = 2 good"]],
  ["a frozen counter, with its time", `150500 0000 01 05000000 ${TIME}`, [`frozen-counter 0 = 5 good @${TIME_MS}`]],
  ["no flags: online", "1e0400 0000 0700", ["analog-input 0 = 7 good"]],
  ["an event without a time", "200217 01 05 01 0700", ["!analog-input 5 = 7 good"]],
  ["an event with its time", `020217 01 05 81 ${TIME}`, [`!binary-input 5 = 1 good @${TIME_MS}`]],
  ["an event with a time nobody set", "020217 01 05 81 000000000000", ["!binary-input 5 = 1 good"]],
  [
    "events by a common time",
    `330107 01 ${TIME} 020317 02 05 81 0a00 06 01 e803`,
    [`!binary-input 5 = 1 good @${TIME_MS + 10}`, `!binary-input 6 = 0 good @${TIME_MS + 1000}`],
  ],
  ["by one that is not synchronized", `330207 01 ${TIME} 020317 01 05 81 0a00`, [`!binary-input 5 = 1 uncertain @${TIME_MS + 10}`]],
  [
    "by the one before it, each",
    `330107 01 ${TIME} 020317 01 05 81 0100 330107 01 010000000000 040317 01 05 81 0200`,
    [`!binary-input 5 = 1 good @${TIME_MS + 1}`, "!double-bit-input 5 = 2 good @3"],
  ],
  ["by none: no time", "020317 01 05 81 0100", ["!binary-input 5 = 1 good"]],
  [
    "an absolute time stays what it is beside a common one",
    `330207 01 010000000000 020217 01 05 81 ${TIME}`,
    [`!binary-input 5 = 1 good @${TIME_MS}`],
  ],
  ["an event of a double", `200817 01 03 01 000000000000f83f ${TIME}`, [`!analog-input 3 = 1.5 good @${TIME_MS}`]],
  ["an output's event", "2a0117 01 03 01 05000000", ["!analog-output 3 = 5 good"]],
  ["who commanded it is no value", `0d0217 01 05 80 ${TIME} 2b0117 01 03 00 05000000`, []],
  ["by how much a counter grew is no value", "140300 0000 01 05000000 160417 01 03 01 0500", []],
  ["a command's echo is none", "0c0117 01 05 81 01 64000000 64000000 00", []],
  ["strings and statistics are no process", "6e0300 0000 616263 790100 0000 01 0100 05000000", []],
  ["no index, no place", "1e0207 02 01 0100 01 0200", []],
  ["an index no table reaches", "1e0201 ff3f 0040 01 0100 01 0200", ["analog-input 16383 = 1 good"]],
];

for (const [what, objects, expected] of SHOWN) shown(what, () => assert.equal(told(objects), expected));

shown("what comes unasked is told alike", () => {
  assert.equal(told(`020217 01 05 81 ${TIME}`, "f082 0000"), [`!binary-input 5 = 1 good @${TIME_MS}`]);
});

/** A static object with flags, of each table. */
const WITH_FLAGS: readonly (readonly [space: number, head: string, value: string])[] = [
  [0, "010200", ""],
  [1, "030200", ""],
  [2, "0a0200", ""],
  [3, "140100", "01000000"],
  [4, "150100", "01000000"],
  [5, "1e0100", "01000000"],
  [6, "1f0100", "01000000"],
  [7, "280100", "01000000"],
];

shown("of any flags: good is what is judged by, and nothing else", () => {
  for (const [space, head, value] of WITH_FLAGS)
    for (let flags = 0; flags < 256; flags++) {
      const [reading] = readingsOf(decoded(`c081 0000 ${head} 0505 ${flags.toString(16).padStart(2, "0")} ${value}`));
      assert.is(qualityOf(space, flags) === "good", reading?.values.is === "cells", `${head} ${flags.toString(16)}`);
    }
});

shown.run();
