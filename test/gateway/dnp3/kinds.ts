/**
 * Fragments of every kind a master may send, good and bad, under a policy that allows some: what is to become of each is known from how it is
 * made, and a number in it tells it from all others.
 */
import { FUNCTION } from "#test/peers/dnp3/application";
import { analog, classes, crob, crobs, fileCommand, join, range, time } from "#test/peers/dnp3/builders";

export const ASSETS = ["plc", "two", "three"];
export const OUTSTATION = 10;
const [NO_CONFIRM, MUST_CONFIRM] = [0xfffd, 0xfffe];
export const [TRIP, CLOSE, LATCH_ON] = [0x81, 0x41, 0x03];

export const POLICY = `policy: zero
version: 1
never:
  - { id: guarded, deny: operate, on: [${ASSETS.join()}], table: binary-output, addresses: 7 }
roles:
  master:
    - { id: look, allow: read, on: "*" }
    - { id: trip, allow: operate, on: [${ASSETS.join()}], table: binary-output, addresses: 0-3, control: { codes: [trip], count: 1, on_time: 0-1000000ms } }
    - { id: latch, allow: operate, on: [${ASSETS.join()}], table: binary-output, addresses: 4-7, via: [direct, direct-no-ack], control: { codes: [latch_on], count: 1, on_time: 0-1000000ms } }
    - { id: shed, allow: operate, on: [${ASSETS.join()}], table: binary-output, addresses: 8, via: [direct-no-ack], broadcast: true, control: { codes: [latch_on], count: 1, on_time: 0-1000000ms } }
    - { id: volts, allow: operate, on: [${ASSETS.join()}], points: [setpoint], via: [direct], values: { min: 0, max: 1000000 } }
bindings:
  - { role: master, identity: "spiffe://plant.example/operator/*", kind: person }
`;
export const POINTS = "name,unit_id,table,address,type,unit,access,description\nsetpoint,,analog-output,0,number,V,rw,set-point\n";

/**
 * What becomes of a fragment.
 *
 *     passes, passesUnanswered   it arrives, once
 *     denied                     its sender is told so
 *     dropped                    nobody is told anything
 */
export type Fate = "passes" | "passesUnanswered" | "denied" | "dropped";

export interface Asked {
  /** Sequence 0. */
  readonly fragment: Uint8Array;
  readonly destination: number;
  readonly fate: Fate;
}

/** A small deterministic generator: the same run every time. */
export function generator(seed: number): (n: number) => number {
  let state = seed >>> 0;
  return (n) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 0x1_0000_0000) * n);
  };
}

export function asked(fate: Fate, functionCode: number, objects: Uint8Array, destination = OUTSTATION, control = 0xc0): Asked {
  return { fragment: Uint8Array.of(control, functionCode, ...objects), destination, fate };
}

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "hex"));
const u16 = (n: number): number[] => [n & 0xff, (n >> 8) & 0xff];
const u32 = (n: number): number[] => [...u16(n), ...u16(n >>> 16)];

type Maker = (i: number, random: (n: number) => number) => Asked;
export const latch = (i: number, index: number): Uint8Array => crob(index, { code: LATCH_ON, onTimeMs: i }, 2);
const { read, write, select, operate, directOperate, directOperateNoReply: noAck } = FUNCTION;

/** Number `i` stands in an on-time, a value, an index or a name. So often of a hundred, and what is made then. */
export const KINDS: readonly (readonly [share: number, make: Maker])[] = [
  [12, (i) => asked("passes", read, range(30, 1, i % 16_000, (i % 16_000) + (i % 300)))],
  [12, (i) => asked("passes", read, join(range(1, 2, i % 65_000, 65_000 + (i % 500)), range(20, 0, i % 9_000, 9_000)))],
  [1, (i, random) => asked("passes", directOperate, latch(i, 4 + random(3)))],
  [1, (i) => asked("passes", directOperate, analog(1, 0, i))],
  [1, (i, random) => asked("passesUnanswered", noAck, latch(i, 4 + random(3)))],
  [1, (i) => asked("passesUnanswered", noAck, latch(i, 8), NO_CONFIRM)],
  [1, (i) => asked("passes", read, join(...Array.from({ length: 40 + (i % 200) }, (_, k) => range(30, 1, i % 16_000, 16_000 + k))))],
  [1, (i) => asked("denied", directOperate, join(...Array.from({ length: 20 + (i % 60) }, (_, k) => latch(i, 4 + k))))],
  [5, (i) => asked("denied", directOperate, latch(i, 100 + (i % 60_000)))],
  [3, (i) => asked("denied", directOperate, latch(i, 7))],
  [3, (i) => asked("denied", directOperate, latch(2_000_000 + i, 5))],
  [3, (i) => asked("denied", directOperate, crob(4, { code: CLOSE, onTimeMs: i }))],
  [2, (i) => asked("denied", directOperate, crob(4, { code: LATCH_ON, count: 2, onTimeMs: i }))],
  [3, (i) => asked("denied", directOperate, crob(0, { code: TRIP, onTimeMs: i }))],
  [2, (i) => asked("denied", directOperate, join(latch(i, 4), analog(1, 0, 2_000_000 + i)))],
  [2, (i) => asked("denied", select, crob(20, { code: TRIP, onTimeMs: i }))],
  [3, (i) => asked("denied", operate, crob(0, { code: TRIP, onTimeMs: i }))],
  [3, (i) => asked("denied", directOperate, analog(1, 0, 1_000_001 + i))],
  [2, (i) => asked("denied", directOperate, analog(3, 0, i % 2 === 0 ? Number.NaN : Number.NEGATIVE_INFINITY))],
  [2, (i) => asked("denied", directOperate, analog(2, 1 + (i % 60_000), i % 30_000, 2))],
  [2, (i) => asked("denied", directOperate, crob(4, { code: LATCH_ON, onTimeMs: i, status: 1 + (i % 255) }))],
  [
    2,
    (i) =>
      asked(
        "denied",
        directOperate,
        crobs([
          [4, { code: LATCH_ON, onTimeMs: i }],
          [4, { code: LATCH_ON, onTimeMs: i + 1 }],
        ]),
      ),
  ],
  [3, (i) => asked("dropped", noAck, latch(i, 100 + (i % 60_000)))],
  [2, (i) => asked("dropped", noAck, crob(0, { code: TRIP, onTimeMs: i }))],
  [2, (i) => asked("dropped", noAck, latch(i, 4), MUST_CONFIRM)],
  [1, (i) => asked("dropped", read, range(30, 1, i % 16_000, 16_000), NO_CONFIRM)],
  [2, (i) => asked("denied", FUNCTION.openFile, fileCommand(`secret-${i}`, { mode: 1 }))],
  [1, (i) => asked("denied", FUNCTION.deleteFile, fileCommand(`secret-${i}`, { mode: 0 }))],
  [2, (i) => asked("denied", 34 + (i % 90), Uint8Array.from(u32(i)))],
  [1, (i) => asked("denied", FUNCTION.coldRestart, Uint8Array.from(i % 2 === 0 ? [] : u32(i)))],
  [1, (i) => asked("denied", FUNCTION.freezeClear, range(20, 0, i % 16_000, 16_000))],
  [1, (i) => asked("denied", FUNCTION.assignClass, join(classes(2), range(30, 0, i % 16_000, 16_000)))],
  [1, (i) => asked("denied", i % 2 === 0 ? FUNCTION.enableUnsolicited : FUNCTION.disableUnsolicited, classes(1, 2, 3))],
  [1, (i) => asked("denied", read, join(range(30, 1, i % 16_000, 16_000), classes(1)))],
  [1, (i) => asked("denied", write, time(Date.now() - 10_000 - i))],
  [1, (i) => asked("denied", write, Uint8Array.of(34, 1, 0x28, 1, 0, ...u16(i), ...u16(i)))],
  [1, (i) => asked("denied", write, Uint8Array.of(10, 1, 0x01, ...u16(i % 60_000), ...u16(i % 60_000), 1))],
  [2, (i) => asked("denied", read, Uint8Array.of(200, i & 0xff, 0x01, ...u16(i), ...u16(i)))],
  [2, (i) => asked("denied", directOperate, latch(i, 4).subarray(0, 6 + (i % 11)))],
  [1, (i) => asked("denied", directOperate, Uint8Array.of(...latch(i, 4), i & 0xff))],
  [1, (i) => asked("denied", read, Uint8Array.of(30, 1, 0x0a + (i % 6), ...u16(i)))],
  [1, (i) => asked("dropped", read, range(30, 1, i % 16_000, 16_000), OUTSTATION, 0xd0)],
  [2, (i) => asked("dropped", directOperate, latch(i, 4), OUTSTATION, i % 2 === 0 ? 0x80 : 0x40)],
  [1, (i) => asked("dropped", FUNCTION.response + (i % 3), Uint8Array.of(0, 0, ...latch(i, 4)))],
  [1, (i) => asked("dropped", FUNCTION.confirm, Uint8Array.from(u32(i)))],
  [2, (i) => asked("denied", 32, hex(`78015b010c00${Buffer.from(u32(i)).toString("hex")}0100030100000000`))],
];

const SHARES = KINDS.reduce((sum, [share]) => sum + share, 0);

export function make(i: number, random: (n: number) => number): Asked {
  let at = random(SHARES);
  for (const [share, maker] of KINDS) {
    if (at < share) return maker(i, random);
    at -= share;
  }
  throw new Error("beyond all kinds");
}
