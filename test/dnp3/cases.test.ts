/** Requests in words to the fragments they mean, octet for octet, and each slip in words with what would be right. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { parseCase } from "#dnp3/cases";
import { NUMBER_CELLS, SPACES } from "#dnp3/spaces";
import type { CaseContext, Space } from "#operation";
import { putF64be, toHex } from "#wire";

/** Three points: a breaker at binary output 3, a set-point of hundredths at analog output 1, a measurement at analog input 0. */
const POINTS: Readonly<Record<string, readonly [space: number, index: number]>> = { breaker: [2, 3], volts: [7, 1], current: [5, 0] };

const CONTEXT: CaseContext = {
  unit: 7,
  addresses(space, words) {
    const [, first, last = first] = /^([0-9]+)(?:-([0-9]+))?$/.exec(words) ?? [];
    if (first === undefined) return `found "${words}"; expected an index`;
    const { stride } = SPACES[space] as Space;
    return [Number(first) * stride, (Number(last) + 1) * stride - 1];
  },
  point(name, value) {
    const place = POINTS[name];
    if (place === undefined) return `found "${name}"; expected a point`;
    const [space, index] = place;
    const { stride } = SPACES[space] as Space;
    const cells = value === null ? null : new Uint8Array(2 * NUMBER_CELLS);
    if (cells !== null) putF64be(cells, 0, 100 * Number(value));
    return { unit: 7, space, first: index * stride, last: (index + 1) * stride - 1, cells };
  },
};

const cases = suite("dnp3/cases");

/** Application control, function, then object headers: group, variation, qualifier, range or count, objects. */
const ASKED: readonly (readonly [words: string, octets: string])[] = [
  ["read analog-input 0-3", "c0 01 1e000100000300"],
  ["read breaker", "c0 01 0a000103000300"],
  ["read current", "c0 01 1e000100000000"],
  ["read g30v5 2", "c0 01 1e050102000200"],
  ["read class 0", "c0 01 3c0106"],
  ["read class 1", "c0 01 3c0206"],
  ["read class 1-3", "c0 01 3c02063c03063c0406"],
  ["read clock", "c0 01 32010701"],
  ["read indication 7", "c0 01 50010107000700"],
  ["read attribute 242", "c0 01 00f2000000"],
  ["read events analog-input 0-3", "c0 01 200006"],
  ["read events breaker", "c0 01 0b0006"],
  ["read g32v0 0", "c0 01 200006"],
  ["read g20v1", "c0 01 140106"],
  ["read g22v1", "c0 01 160106"],
  ["read g13v1", "c0 01 0d0106"],
  ["read g43v1 0-3", "c0 01 2b0106"],
  ["read events virtual-terminal 1", "c0 01 710006"],
  ["read binary-input 300-301", "c0 01 0100012c012d01"],
  ["operate breaker trip on 250ms sbo", "c0 04 0c0128010003008101fa0000000000000000"],
  ["operate breaker close on 1s off 2s count 3 select", "c0 03 0c0128010003004103e8030000d007000000"],
  ["operate breaker latch_on direct", "c0 05 0c0128010003000301000000000000000000"],
  ["operate breaker 0x42 no-ack", "c0 06 0c0128010003004201000000000000000000"],
  ["operate binary-output 0-1 pulse_on count 2 sbo", "c0 04 0c012802000000010200000000000000000001000102000000000000000000"],
  ["operate volts = 2.5 sbo", "c0 04 290428010001000000000000406f4000"],
  ["operate volts = 2.5 as i16 select", "c0 03 29022801000100fa0000"],
  ["operate volts = -2.5 as i32 direct", "c0 05 2901280100010006ffffff00"],
  ["operate volts = 2.5 as f32 no-ack", "c0 06 2903280100010000007a4300"],
  ["operate analog-output 1 = 7 sbo", "c0 04 290428010001000000000000001c4000"],
  ["operate g41v2 1 = 7 sbo", "c0 04 29022801000100070000"],
  ["operate g12v1 4 trip sbo", "c0 04 0c0128010004008101000000000000000000"],
  ["write indication 7 = 0", "c0 02 500100070700"],
  ["write indication 7 = 1", "c0 02 500100070701"],
  ["freeze counter 0-1", "c0 07 14000100000100"],
  ["freeze current", "c0 07 1e000100000000"],
  ["unsolicited on class 1", "c0 14 3c0206"],
  ["unsolicited off class 1-3", "c0 15 3c02063c03063c0406"],
  ["assign current class 1", "c0 16 3c02061e000100000000"],
  ["assign binary-input 0-3 class 0", "c0 16 3c010601000100000300"],
  ["configure current", "c0 02 22010000000100"],
  ["time", "c0 02 32010701000000000000"],
  ["restart cold", "c0 0d"],
  ["restart warm", "c0 0e"],
  ["raw 25", "c0 19"],
  ["raw write = 0a 01 00 00 07 01", "c0 02 0a0100000701"],
  ["raw directOperate = ", "c0 05"],
  ["raw 2/12 = 0c", "c0 02 0c"],
  ["read events class 1", "c0 01 3c0206"],
  ["read events clock", "c0 01 32010701"],
  ["freeze breaker", "c0 07 0a000103000300"],
  ["unsolicited on class 0", "c0 14 3c0106"],
  ["unsolicited on breaker", "c0 14 0a000103000300"],
];

for (const [words, octets] of ASKED) {
  cases(words, () => {
    const parsed = parseCase(words, CONTEXT);
    assert.ok(typeof parsed !== "string", String(parsed));
    assert.is(typeof parsed === "string" ? parsed : toHex(parsed), octets.replaceAll(" ", ""));
  });
}

const MISREAD: readonly (readonly [words: string, said: string])[] = [
  [
    "operate binary-output 3 65 sbo",
    "found no control code; expected trip, close, pulse_on, latch_on, latch_off, or an octet such as 0x41",
  ],
  ["", 'found ""; expected read, operate, write, freeze, unsolicited, assign, configure, time, restart or raw'],
  ["look at it", 'found "look"; expected read, operate, write, freeze, unsolicited, assign, configure, time, restart or raw'],
  ["read", 'found ""; expected a table and its indexes, a group and variation such as g30v5, or the name of a point'],
  ["read nothing", 'found "nothing"; expected a point'],
  ["read analog-input", 'found "analog-input"; expected a point'],
  ["read analog-input x", 'found "x"; expected an index'],
  [
    "read analog-input 0-3 more",
    'found "analog-input 0-3 more"; expected a table and its indexes, a group and variation such as g30v5, or the name of a point',
  ],
  ["read g5v1 0", "found g5v1, which is in no table; expected a group and variation such as g30v5"],
  ["read g30 0", 'found "g30 0"; expected a table and its indexes, a group and variation such as g30v5, or the name of a point'],
  ["read events indication 7", "found no events of indication; expected another table"],
  ["operate breaker trip", 'found "operate breaker trip"; expected it to end in sbo, select, direct or no-ack'],
  ["operate breaker sbo", "found no control code; expected trip, close, pulse_on, latch_on, latch_off, or an octet such as 0x41"],
  ["operate breaker open sbo", "found no control code; expected trip, close, pulse_on, latch_on, latch_off, or an octet such as 0x41"],
  ["operate breaker trip on 250 sbo", 'found "on 250"; expected on 500ms, off 500ms or count 1'],
  ["operate breaker trip count 1ms sbo", 'found "count 1ms"; expected on 500ms, off 500ms or count 1'],
  ["operate breaker trip on sbo", 'found "on"; expected on 500ms, off 500ms or count 1'],
  ["operate breaker trip for 1s sbo", 'found "for 1s"; expected on 500ms, off 500ms or count 1'],
  ["operate breaker trip count 256 sbo", 'found "count 256"; expected at most 255'],
  ["operate current trip sbo", "found analog-input; expected a binary output"],
  ["operate volts = 2.5 as i64 sbo", 'found "2.5 as i64"; expected a value, and how it is written: as i16, i32, f32 or f64'],
  ["operate volts = 2.5 in f32 sbo", 'found "2.5 in f32"; expected a value, and how it is written: as i16, i32, f32 or f64'],
  ["operate volts = sbo", 'found ""; expected a value, and how it is written: as i16, i32, f32 or f64'],
  ["operate volts = 1 2 sbo", 'found "1 2"; expected a value, and how it is written: as i16, i32, f32 or f64'],
  ["operate current = 1 sbo", "found analog-input; expected an analog output"],
  ["operate analog-output 1 = x sbo", 'found "x"; expected a number'],
  ["operate analog-output 1 = 70000 as i16 sbo", "found 70000, as it is on the wire; expected a whole number of 16 bits, or as f32 or f64"],
  ["operate volts = 400 as i16 sbo", "found 40000, as it is on the wire; expected a whole number of 16 bits, or as f32 or f64"],
  ["operate volts = 0.001 as i16 sbo", "found 0.1, as it is on the wire; expected a whole number of 16 bits, or as f32 or f64"],
  ["operate breaker trip on 5000000000ms sbo", 'found "on 5000000000ms"; expected at most 4294967295ms'],
  ["operate breaker 256 sbo", "found no control code; expected trip, close, pulse_on, latch_on, latch_off, or an octet such as 0x41"],
  ["write indication 7", 'found no "="; expected write indication 7 = 0'],
  ["write indication 7 = 2", "found another write; expected write indication 7 = 0"],
  ["write indication 6-7 = 0", "found another write; expected write indication 7 = 0"],
  ["write breaker = 0", "found another write; expected write indication 7 = 0"],
  ["write nothing = 0", 'found "nothing"; expected a point'],
  ["write indication 7 = 0 0", "found another write; expected write indication 7 = 0"],
  ["freeze nothing", 'found "nothing"; expected a point'],
  ["unsolicited class 1", "found other words; expected unsolicited on class 1"],
  ["assign current", "found other words; expected assign PLACE class 1"],
  ["assign current class 4", "found other words; expected assign PLACE class 1"],
  ["assign nothing class 1", 'found "nothing"; expected a point'],
  ["assign current class", "found other words; expected assign PLACE class 1"],
  ["configure analog-input 0-1", "found another place; expected one analog input, of index 0 to 255"],
  ["configure analog-input 300", "found another place; expected one analog input, of index 0 to 255"],
  ["configure breaker", "found another place; expected one analog input, of index 0 to 255"],
  ["time now", "found words after time; expected time alone"],
  ["restart", "found other words; expected restart cold or restart warm"],
  ["restart hot", "found other words; expected restart cold or restart warm"],
  ["restart cold now", "found other words; expected restart cold or restart warm"],
  ["raw nothing", 'found "raw nothing"; expected the number or name of a function, such as 25'],
  ["raw 129", 'found "raw 129"; expected the number or name of a function, such as 25'],
  ["raw 1 = 0", 'found "0"; expected octets as pairs of hex digits'],
  ["raw", 'found "raw "; expected the number or name of a function, such as 25'],
];

for (const [words, said] of MISREAD) {
  cases(`no request: ${words === "" ? "nothing" : words}`, () => {
    assert.is(parseCase(words, CONTEXT), said);
  });
}

cases.run();
