/** What a fragment would do, header by header: every function with every kind of header it may carry, in the words of the policy. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { decodeFragment, type Fragment } from "#dnp3/application";
import { FUNCTION, isResponse } from "#dnp3/functions";
import { functionOf, NAMED, nameOf } from "#dnp3/names";
import { objectionOf } from "#dnp3/objections";
import { operationsOf } from "#dnp3/operations";
import { SPACES } from "#dnp3/spaces";
import { dnp3Vocabulary } from "#dnp3/vocabulary";
import type { Operation } from "#operation";
import { f64be, fromHex } from "#wire";

const operations = suite("dnp3/operations");

function decoded(text: string): Fragment {
  const octets = fromHex(text.replaceAll(" ", "")) as Uint8Array;
  const read = decodeFragment(octets, 0, octets.length);
  assert.ok(read.ok && read.value.fault === null, text);
  return (read as { value: Fragment }).value;
}

/** `operate change 4 g12v1 binary-output 3-3 0x81 x1 100/0 via 1`: verb, effect, function, object, cells, value, command, way, user. */
function shown(operation: Operation): string {
  const { verb, effect, function: number, object, target, values, control, via, actor } = operation;
  const place = target.at === "range" ? `${SPACES[target.space]?.name} ${target.first}-${target.last}` : target.at;
  const words = [verb, effect, number > 0xff ? `${number & 0xff}/${number >> 8}` : String(number)];
  if (object !== 0) words.push(`g${object >> 8}v${object & 0xff}`);
  words.push(place);
  if (values.is === "cells")
    words.push(`= ${values.bits === 16 ? f64be(values.octets, values.at) : (values.octets[values.at] as number) & 1}`);
  if (control !== null) words.push(`0x${control.code.toString(16)} x${control.count} ${control.onTimeMs}/${control.offTimeMs}`);
  if (via !== 0) words.push(`via ${via}`);
  if (actor !== 0) words.push(`by ${actor}`);
  return words.join(" ");
}

const ASKED: readonly (readonly [what: string, octets: string, reply: "many" | "none", done: readonly string[]])[] = [
  ["confirm", "c0 00", "none", ["confirm housekeep 0 device"]],
  ["read: every object of a group", "c0 01 1e0006", "many", ["read observe 1 g30v0 analog-input 0-65535"]],
  ["read: a range of one octet", "c0 01 1e0500 0203", "many", ["read observe 1 g30v5 analog-input 8-15"]],
  ["read: a range of two octets", "c0 01 010101 00010101", "many", ["read observe 1 g1v1 binary-input 256-257"]],
  ["read: a count without indexes", "c0 01 1e0507 0a", "many", ["read observe 1 g30v5 analog-input 0-65535"]],
  ["read: a count of two octets", "c0 01 1e0508 0a00", "many", ["read observe 1 g30v5 analog-input 0-65535"]],
  [
    "read: a list of indexes, neighbours as one",
    "c0 01 010017 04 01020309",
    "many",
    ["read observe 1 g1v0 binary-input 1-3", "read observe 1 g1v0 binary-input 9-9"],
  ],
  [
    "read: a list of two octet indexes",
    "c0 01 1e0028 0200 0300 0000",
    "many",
    ["read observe 1 g30v0 analog-input 12-15", "read observe 1 g30v0 analog-input 0-3"],
  ],
  ["read: a number beyond the last", "c0 01 1e0501 00400040", "many", ["read observe 1 g30v5 analog-input 65536-65536"]],
  ["read: a range across the last", "c0 01 1e0501 fe3f0540", "many", ["read observe 1 g30v5 analog-input 65528-65536"]],
  ["read: index 65535 of bits", "c0 01 010101 ffffffff", "many", ["read observe 1 g1v1 binary-input 65535-65535"]],
  [
    "read: classes",
    "c0 01 3c0206 3c0306 3c0406 3c0106",
    "many",
    [
      "events observe 1 g60v2 class 1-1",
      "events observe 1 g60v3 class 2-2",
      "events observe 1 g60v4 class 3-3",
      "read observe 1 g60v1 class 0-0",
    ],
  ],
  ["read: at most five events of a class", "c0 01 3c0207 05", "many", ["events observe 1 g60v2 class 1-1"]],
  ["read: events of a group", "c0 01 200006", "many", ["events observe 1 g32v0 analog-input 0-65535"]],
  ["read: deadbands", "c0 01 220006", "many", ["read observe 1 g34v0 analog-input 0-65535"]],
  ["read: time", "c0 01 320107 01", "many", ["read observe 1 g50v1 clock 0-0"]],
  ["read: indications", "c0 01 500100 0707", "many", ["read observe 1 g80v1 indication 7-7"]],
  ["read: an attribute", "c0 01 00f200 0000", "many", ["read observe 1 g0v242 attribute 242-242"]],
  ["read: all attributes", "c0 01 00fe00 0000", "many", ["read observe 1 g0v254 attribute 0-255"]],
  ["read: octet strings", "c0 01 6e0006", "many", ["read observe 1 g110v0 octet-string 0-65535"]],
  ["read: a file", "c0 01 46055b 01 0800 01000000 00000000", "many", ["file-read observe 1 g70v5 name"]],
  ["read: authentication", "c0 01 780006", "many", ["authenticate housekeep 1 g120v0 device"]],
  ["read: frozen counters", "c0 01 150006", "many", ["read observe 1 g21v0 frozen-counter 0-65535"]],
  ["write: time", "c0 02 320107 01 000102030405", "many", ["time change 2 g50v1 device"]],
  ["write: time of last recorded", "c0 02 320307 01 000102030405", "many", ["time change 2 g50v3 device"]],
  ["write: indication 7", "c0 02 500100 0707 00", "many", ["write change 2 g80v1 indication 7-7 = 0"]],
  ["write: indications 4 and 7", "c0 02 500100 0407 09", "many", ["write change 2 g80v1 indication 4-7 = 1"]],
  ["write: a deadband", "c0 02 220100 0303 0100", "many", ["configure change 2 g34v1 analog-input 12-15"]],
  ["write: outputs", "c0 02 0a0100 0007 01", "many", ["raw change 2/10 g10v1 device"]],
  ["write: an attribute string", "c0 02 00f700 0000 0102 4142", "many", ["raw change 2 g0v247 device"]],
  ["write: octet string", "c0 02 6e0200 0000 4142", "many", ["raw change 2/110 g110v2 device"]],
  ["write: an analog output status", "c0 02 280100 0000 01 01000000", "many", ["raw change 2/40 g40v1 device"]],
  [
    "select: trip",
    "c0 03 0c0128 0100 0a00 81 01 64000000 c8000000 00",
    "many",
    ["select change 3 g12v1 binary-output 10-10 0x81 x1 100/200 via 1"],
  ],
  [
    "operate: two points",
    "c0 04 0c0117 02 03 81 01 64000000 00000000 00 04 41 02 00000000 00000000 00",
    "many",
    ["operate change 4 g12v1 binary-output 3-3 0x81 x1 100/0 via 1", "operate change 4 g12v1 binary-output 4-4 0x41 x2 0/0 via 1"],
  ],
  [
    "direct operate",
    "c0 05 0c0117 01 03 03 01 00000000 00000000 00",
    "many",
    ["operate change 5 g12v1 binary-output 3-3 0x3 x1 0/0 via 2"],
  ],
  [
    "direct operate, no answer",
    "c0 06 0c0117 01 03 04 01 00000000 00000000 00",
    "none",
    ["operate change 6 g12v1 binary-output 3-3 0x4 x1 0/0 via 3"],
  ],
  ["operate: count without index", "c0 04 0c0107 01 81 01 64000000 00000000 00", "many", ["raw change 4/12 g12v1 device"]],
  [
    "operate: a range",
    "c0 04 0c0100 0303 81 01 64000000 00000000 00",
    "many",
    ["operate change 4 g12v1 binary-output 3-3 0x81 x1 100/0 via 1"],
  ],
  ["operate: i32", "c0 04 290117 01 02 feffffff 00", "many", ["operate change 4 g41v1 analog-output 8-11 = -2 via 1"]],
  ["operate: i16", "c0 04 290217 01 02 feff 00", "many", ["operate change 4 g41v2 analog-output 8-11 = -2 via 1"]],
  ["operate: f32", "c0 04 290317 01 02 0000c03f 00", "many", ["operate change 4 g41v3 analog-output 8-11 = 1.5 via 1"]],
  ["operate: f64", "c0 04 290417 01 02 000000000000f83f 00", "many", ["operate change 4 g41v4 analog-output 8-11 = 1.5 via 1"]],
  [
    "operate: an index beyond the last number",
    "c0 04 290228 0100 0040 0100 00",
    "many",
    ["operate change 4 g41v2 analog-output 65536-65536 = 1 via 1"],
  ],
  ["operate: analogs, count without index", "c0 05 290207 01 0100 00", "many", ["raw change 5/41 g41v2 device"]],
  ["operate: pattern control block", "c0 05 0c0207 01 81 01 64000000 00000000 00", "many", ["raw change 5/12 g12v2 device"]],
  ["operate: pattern mask", "c0 05 0c0300 0007 ff", "many", ["raw change 5/12 g12v3 device"]],
  [
    "operate: a command with a status",
    "c0 04 0c0117 01 03 81 01 64000000 00000000 04",
    "many",
    ["operate change 4 g12v1 binary-output 3-3 0x81 x1 100/0 via 1"],
  ],
  [
    "operate: one index twice",
    "c0 04 0c0117 02 03 81 01 64000000 00000000 00 03 41 01 64000000 00000000 00",
    "many",
    ["operate change 4 g12v1 binary-output 3-3 0x81 x1 100/0 via 1", "operate change 4 g12v1 binary-output 3-3 0x41 x1 100/0 via 1"],
  ],
  ["operate: not a number", "c0 04 290317 01 02 0000c07f 00", "many", ["operate change 4 g41v3 analog-output 8-11 = NaN via 1"]],
  ["operate: nothing", "c0 04", "many", []],
  ["freeze: counters", "c0 07 140006", "many", ["freeze change 7 g20v0 counter 0-65535"]],
  ["freeze: range", "c0 08 140000 0003", "none", ["freeze change 8 g20v0 counter 0-15"]],
  ["freeze and clear", "c0 09 140006", "many", ["freeze change 9 g20v0 counter 0-65535"]],
  ["freeze and clear, no answer", "c0 0a 140006", "none", ["freeze change 10 g20v0 counter 0-65535"]],
  ["freeze: analog inputs", "c0 07 1e0006", "many", ["freeze change 7 g30v0 analog-input 0-65535"]],
  ["freeze: frozen counters", "c0 07 150006", "many", ["freeze change 7 g21v0 frozen-counter 0-65535"]],
  ["freeze: events", "c0 07 160006", "many", ["raw change 7/22 g22v0 device"]],
  ["freeze: class 0", "c0 07 3c0106", "many", ["raw change 7/60 g60v1 device"]],
  [
    "freeze at time",
    "c0 0b 320207 01 000102030405 00000000 140006 1e0006",
    "many",
    ["freeze change 11 g20v0 counter 0-65535", "freeze change 11 g30v0 analog-input 0-65535"],
  ],
  ["freeze at time, no answer", "c0 0c 320207 01 000102030405 00000000 140006", "none", ["freeze change 12 g20v0 counter 0-65535"]],
  ["cold restart", "c0 0d", "many", ["restart change 13 device"]],
  ["warm restart", "c0 0e", "many", ["restart change 14 device"]],
  ["initialize data", "c0 0f", "many", ["configure change 15 device"]],
  ["initialize application", "c0 10 5a015b 01 0000", "many", ["control change 16 device"]],
  ["start application", "c0 11 5a015b 01 0000", "many", ["control change 17 device"]],
  ["stop application", "c0 12 5a015b 01 0000", "many", ["control change 18 device"]],
  ["stop application, without saying which", "c0 12", "many", ["control change 18 device"]],
  ["save configuration", "c0 13", "many", ["configure change 19 device"]],
  ["save configuration of an application", "c0 13 5a015b 01 0000", "many", ["configure change 19 device"]],
  ["enable unsolicited", "c0 14 3c0206 3c0306", "many", ["unsolicited change 20 g60v2 class 1-1", "unsolicited change 20 g60v3 class 2-2"]],
  ["disable unsolicited", "c0 15 3c0406", "many", ["unsolicited change 21 g60v4 class 3-3"]],
  ["enable unsolicited: class 0 has no events", "c0 14 3c0106", "many", ["raw change 20/60 g60v1 device"]],
  ["enable unsolicited: a group", "c0 14 1e0006", "many", ["raw change 20/30 g30v0 device"]],
  [
    "assign class",
    "c0 16 3c0206 1e0006 3c0306 010000 0003",
    "many",
    ["assignClass change 22 g30v0 analog-input 0-65535", "assignClass change 22 g1v0 binary-input 0-3"],
  ],
  ["assign class: what has no points", "c0 16 3c0206 320106", "many", ["raw change 22/50 g50v1 device"]],
  ["delay measurement", "c0 17", "many", ["time observe 23 device"]],
  ["record current time", "c0 18", "many", ["time change 24 device"]],
  [
    "open file",
    "c0 19 46035b 01 1b00 1a00 0100 000102030405 0000 00000000 00000000 0100 0001 0100 41",
    "many",
    ["file-read observe 25 g70v3 name"],
  ],
  ["close file", "c0 1a 46045b 01 0d00 01000000 00000000 0000 0000 00", "many", ["file-read housekeep 26 g70v4 name"]],
  [
    "delete file",
    "c0 1b 46035b 01 1b00 1a00 0100 000102030405 0000 00000000 00000000 0000 0001 0100 41",
    "many",
    ["file-write change 27 g70v3 name"],
  ],
  ["activate configuration", "c0 1f 46085b 01 0100 41", "many", ["configure change 31 device"]],
  ["activate configuration, without saying which", "c0 1f", "many", ["configure change 31 device"]],
  ["authentication request without objects", "c0 20", "many", ["authenticate housekeep 32 device"]],
  ["authentication request, no answer", "c0 21", "none", ["authenticate housekeep 33 device"]],
  [
    "aggressive operate",
    "c0 04 780307 01 01000000 0300 0c0117 01 03 81 01 64000000 00000000 00 78095b 01 0400 01020304",
    "many",
    ["authenticate housekeep 4 g120v3 device by 3", "operate change 4 g12v1 binary-output 3-3 0x81 x1 100/0 via 1 by 3"],
  ],
  [
    "aggressive read",
    "c0 01 780307 01 01000000 0300 3c0106 78095b 01 0400 01020304",
    "many",
    ["authenticate housekeep 1 g120v3 device by 3", "read observe 1 g60v1 class 0-0 by 3"],
  ],
  [
    "aggressive restart",
    "c0 0d 780307 01 01000000 0300 78095b 01 0400 01020304",
    "many",
    ["authenticate housekeep 13 g120v3 device by 3", "restart change 13 device by 3"],
  ],
  ["who asks, the proof, and a command of nothing", "c0 05 780307 01 01000000 0300 78095b 01 0400 01020304", "many", []],
  [
    "who asks, the proof, and a time at which nothing is frozen",
    "c0 0b 780307 01 01000000 0300 320207 01 000102030405 00000000 78095b 01 0400 01020304",
    "many",
    [],
  ],
  [
    "a proof that nobody announced",
    "c0 04 0c0117 01 03 81 01 64000000 00000000 00 78095b 01 0400 01020304",
    "many",
    ["operate change 4 g12v1 binary-output 3-3 0x81 x1 100/0 via 1", "raw change 4/120 g120v9 device"],
  ],
];

for (const [what, octets, reply, done] of ASKED) {
  operations(what, () => {
    const message = operationsOf(decoded(octets), 7, false);
    assert.equal(message.operations.map(shown), done);
    assert.is(message.reply, reply);
    assert.ok(message.operations.every(({ unit, broadcast }) => unit === 7 && !broadcast));
    assert.is(operationsOf(decoded(octets), 7, true).reply, "none", "nobody answers a broadcast");
  });
}

operations("every function a master can send is asked about, and carries the verbs that the words of a policy say", () => {
  const asked = new Map<number, Set<string>>();
  for (const [, octets] of ASKED)
    for (const { function: number, verb } of operationsOf(decoded(octets), 7, false).operations)
      asked.set(number & 0xff, (asked.get(number & 0xff) ?? new Set()).add(verb));
  const left = Object.values(FUNCTION).filter((code) => !isResponse(code) && !asked.has(code));
  assert.equal(left, [FUNCTION.getFileInfo, FUNCTION.authenticateFile, FUNCTION.abortFile], "of files, three like the others");
  for (const { number, verbs } of NAMED)
    for (const verb of asked.get(number) ?? [])
      assert.ok(verbs.some((each) => each === verb) || verb === "raw" || verb === "authenticate", `${number} ${verb}`);
});

const OBJECTIONS: readonly (readonly [what: string, octets: string, code: string])[] = [
  ["operate: a command with a status", "c0 04 0c0117 01 03 81 01 64000000 00000000 04", "badStatus"],
  ["operate: one index twice", "c0 04 0c0117 02 03 81 01 64000000 00000000 00 03 41 01 64000000 00000000 00", "duplicateIndex"],
  ["operate: not a number", "c0 04 290317 01 02 0000c07f 00", "notANumber"],
  ["select: a status too", "c0 03 0c0117 01 03 81 01 64000000 00000000 80", "badStatus"],
  ["one index twice under two headers", "c0 04 290117 01 02 00000000 00 290217 01 02 0000 00", "duplicateIndex"],
  ["an infinity", "c0 05 290417 01 02 000000000000f07f 00", "notANumber"],
];

for (const [what, octets, code] of OBJECTIONS) {
  operations(`RULINGS 35, 36: no policy can grant: ${what}`, () => {
    assert.is(objectionOf(decoded(octets)), code);
    const request = fromHex(octets.replaceAll(" ", "")) as Uint8Array;
    assert.is(dnp3Vocabulary.operationsOf(request, 7, false), code);
  });
}

operations("one index may be of a breaker and of a set-point", () => {
  assert.is(objectionOf(decoded("c0 04 0c0117 01 02 81 01 64000000 00000000 00 290217 01 02 0000 00")), null);
});

operations("functions by number, by name, and of a group where the gateway cannot look into it", () => {
  const named = ["5", "0x05", "directOperate", "2/12", "0x02/12", "25/70"].map(functionOf);
  assert.equal(named, [5, 5, 5, 2 | (12 << 8), 2 | (12 << 8), 25 | (70 << 8)]);
  assert.equal(["34", "129", "response", "2/5", "2/256", "2/0", "", "write/12", "-1", "5 "].map(functionOf), new Array(10).fill(null));
  assert.equal([5, 2 | (12 << 8)].map(nameOf), ["directOperate", "write of group 12"]);
});

operations.run();
