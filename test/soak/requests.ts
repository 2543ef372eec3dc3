/**
 * The requests of a soak. Each bears its number in its octets, so that whatever stands in the log or comes to a device can be told to be one
 * request of one sender. Written apart from the gateway's codec.
 *
 *     holding    0-639   a session's own set-point (every tenth), with max_step, and two words of number behind it
 *             1000-1999  one word: the number is in the address and the value; 60000 and above is denied
 *             2000-2099  several words, the first two are the number       2200-2299  by function 23 alone
 *             2400-2499  only while `permit` is below 2                    2600-2699  in every second version of the policy
 *             2900-2999  never                                             5000-      nobody
 *     coil       0-31    thirty-two bits of number
 */
import { crc32 } from "node:zlib";
import type { Random } from "#test/fuzz/random";

export const UNIT = 1;
/** The state point: an input register that the device moves by itself. */
export const PERMIT = 0;
export const PERMIT_LIMIT = 2;
export const STEP = 50;
const WALK = 2_000;
const LEAP = 40_000;
const SINGLES = { first: 1000, count: 1000, most: 60_000 } as const;
export const REGION = { several: 2000, exchange: 2200, state: 2400, sometimes: 2600, never: 2900, nowhere: 5000 } as const;
const LAST_READABLE = 2999;

export type Role = "operator" | "viewer";

export interface Request {
  readonly kind: Kind;
  readonly unit: number;
  readonly pdu: Buffer;
  /** Not denied by its rules, whatever the circumstances. */
  readonly mayPass: boolean;
  readonly write: boolean;
  /** Octets that are no frame, in place of one. */
  readonly broken?: Buffer;
}

/** What a session knows of its own set-point, so that its steps are small. */
export interface Walk {
  readonly address: number;
  /** As it was last read or acknowledged; null: to be read first. */
  value: number | null;
}

interface Making {
  readonly serial: number;
  readonly random: Random;
  readonly walk: Walk;
}

interface KindOf {
  readonly share: number;
  readonly mayPass: boolean;
  /** A viewer is denied it whatever it says. */
  readonly write: boolean;
  readonly make: (making: Making) => Pick<Request, "pdu"> & Partial<Request>;
}

const word = (n: number): [number, number] => [(n >>> 8) & 0xff, n & 0xff];
const number = (serial: number): number[] => [...word(serial >>> 16), ...word(serial)];
const pdu = (...octets: number[]): Pick<Request, "pdu"> => ({ pdu: Buffer.from(octets) });
const single = (serial: number): number[] => [
  ...word(SINGLES.first + (serial % SINGLES.count)),
  ...word(Math.floor(serial / SINGLES.count)),
];
const words = (first: number, ...cells: number[]): Pick<Request, "pdu"> =>
  pdu(16, ...word(first), ...word(cells.length), 2 * cells.length, ...cells.flatMap(word));
const high = (serial: number): number => serial >>> 16;
const low = (serial: number): number => serial & 0xffff;

export const KINDS = {
  readHolding: {
    share: 300,
    mayPass: true,
    write: false,
    make: ({ random }) => pdu(3, ...word(random.below(8) * 100), 0, 1 + random.below(2) * 59),
  },
  readInput: { share: 60, mayPass: true, write: false, make: ({ random }) => pdu(4, ...word(random.below(3)), 0, 2) },
  readCoils: { share: 40, mayPass: true, write: false, make: ({ random }) => pdu(1, ...word(random.below(3) * 8), 0, 24) },
  writeOne: { share: 80, mayPass: true, write: true, make: ({ serial }) => pdu(6, ...single(serial)) },
  writeSeveral: {
    share: 40,
    mayPass: true,
    write: true,
    make: ({ serial, random }) => words(REGION.several + random.below(90), high(serial), low(serial), random.below(65_536)),
  },
  writeCoils: { share: 25, mayPass: true, write: true, make: ({ serial }) => pdu(15, 0, 0, 0, 32, 4, ...number(serial)) },
  maskWrite: {
    share: 15,
    mayPass: true,
    write: true,
    make: ({ serial }) => pdu(22, ...word(SINGLES.first + (serial % SINGLES.count)), 0, 0, ...word(Math.floor(serial / SINGLES.count))),
  },
  exchange: {
    share: 10,
    mayPass: true,
    write: true,
    make: ({ serial, random }) =>
      pdu(23, ...word(random.below(100)), 0, 4, ...word(REGION.exchange + random.below(90)), 0, 2, 4, ...number(serial)),
  },
  step: {
    share: 25,
    mayPass: true,
    write: true,
    make: ({ serial, random, walk }) => words(walk.address, stepFrom(walk.value ?? 0, random), high(serial), low(serial)),
  },
  byState: {
    share: 15,
    mayPass: true,
    write: true,
    make: ({ serial, random }) => words(REGION.state + random.below(90), high(serial), low(serial)),
  },
  sometimes: {
    share: 10,
    mayPass: true,
    write: true,
    make: ({ serial, random }) => words(REGION.sometimes + random.below(90), high(serial), low(serial)),
  },
  tooLarge: {
    share: 80,
    mayPass: false,
    write: true,
    make: ({ serial }) =>
      pdu(6, ...word(SINGLES.first + (serial % SINGLES.count)), ...word(SINGLES.most + Math.floor(serial / SINGLES.count))),
  },
  leap: {
    share: 20,
    mayPass: false,
    write: true,
    make: ({ serial, random, walk }) => words(walk.address, LEAP + random.below(20_000), high(serial), low(serial)),
  },
  nowhere: {
    share: 60,
    mayPass: false,
    write: true,
    make: ({ serial, random }) => words(REGION.nowhere + random.below(60_000), high(serial), low(serial)),
  },
  never: {
    share: 30,
    mayPass: false,
    write: true,
    make: ({ serial, random }) => words(REGION.never + random.below(90), high(serial), low(serial)),
  },
  astride: {
    share: 20,
    mayPass: false,
    write: true,
    make: ({ serial }) => words(REGION.several + 95, high(serial), low(serial), 1, 2, 3, 4, 5, 6),
  },
  exchangeNowhere: {
    share: 10,
    mayPass: false,
    write: true,
    make: ({ serial }) => pdu(23, 0, 0, 0, 2, ...word(REGION.several), 0, 2, 4, ...number(serial)),
  },
  otherUnit: {
    share: 15,
    mayPass: false,
    write: true,
    make: ({ serial, random }) => ({ ...pdu(6, ...single(serial)), unit: 2 + random.below(200) }),
  },
  broadcast: { share: 10, mayPass: false, write: true, make: ({ serial }) => ({ ...pdu(6, ...single(serial)), unit: 0 }) },
  readNowhere: {
    share: 30,
    mayPass: false,
    write: false,
    make: ({ serial }) => pdu(3, ...word(LAST_READABLE + 1 + (serial % 60_000)), 0, 1),
  },
  unknown: {
    share: 30,
    mayPass: false,
    write: false,
    make: ({ serial, random }) => pdu(random.of([9, 65, 72, 90, 100, 110, 127]), ...number(serial)),
  },
  ungranted: {
    share: 20,
    mayPass: false,
    write: false,
    make: ({ serial, random }) => pdu(8, 0, random.of([0, 1, 4, 10]), ...word(serial)),
  },
  file: {
    share: 15,
    mayPass: false,
    write: false,
    make: ({ serial }) => pdu(21, 9, 6, ...word(1 + (serial % 60_000)), ...word(serial % 9_000), 0, 1, ...word(serial)),
  },
  miscounted: {
    share: 15,
    mayPass: false,
    write: false,
    make: ({ serial }) => pdu(16, ...word(REGION.several), 0, 2, 6, ...number(serial)),
  },
  trailing: { share: 10, mayPass: false, write: false, make: ({ serial }) => pdu(6, ...single(serial), serial & 0xff) },
  truncated: { share: 10, mayPass: false, write: false, make: ({ serial }) => pdu(6, ...word(SINGLES.first), serial & 0xff) },
  padded: { share: 5, mayPass: false, write: false, make: ({ serial }) => pdu(15, 0, 0, 0, 3, 1, 0xf8 | (serial & 7)) },
  broken: {
    share: 2,
    mayPass: false,
    write: false,
    make: ({ serial }) => ({ ...pdu(6, ...single(serial)), broken: Buffer.from([0, 1, 0x12, 0x34, 0, 6, UNIT, 6, ...single(serial)]) }),
  },
} as const satisfies Record<string, KindOf>;

export type Kind = keyof typeof KINDS;
const NAMES = Object.keys(KINDS) as Kind[];
const SHARES = NAMES.reduce((sum, name) => sum + KINDS[name].share, 0);
/** The numbers above this do not fit every kind of request. */
export const MOST_SERIAL = SINGLES.count * (65_536 - SINGLES.most) - 1;

export function drawKind(random: Random): Kind {
  let at = random.below(SHARES);
  for (const name of NAMES) {
    at -= KINDS[name].share;
    if (at < 0) return name;
  }
  return "readHolding";
}

export function makeRequest(kind: Kind, serial: number, role: Role, random: Random, walk: Walk): Request {
  const { mayPass, write, make } = KINDS[kind] as KindOf;
  return { kind, unit: UNIT, write, ...make({ serial, random, walk }), mayPass: mayPass && (role === "operator" || !write) };
}

/** The whole request as one number: what came is what was sent, octet for octet. */
export function digest(unit: number, octets: Uint8Array): number {
  return crc32(octets, unit);
}

function stepFrom(value: number, random: Random): number {
  const next = value + random.below(2 * STEP + 1) - STEP;
  return Math.min(WALK, Math.max(0, next));
}

/** A write as devices, records and senders agree on it. Cells are words, of coils bits. */
export interface Write {
  readonly function: number;
  readonly first: number;
  readonly cells: readonly number[];
}

/** The number a write bears; null: none of ours. */
export function serialOf({ function: code, first, cells }: Write): number | null {
  if (code === 6 || code === 22) {
    const [value = 0] = cells;
    if (first < SINGLES.first || first >= SINGLES.first + SINGLES.count) return null;
    return (value >= SINGLES.most ? value - SINGLES.most : value) * SINGLES.count + (first - SINGLES.first);
  }
  if (code === 15) {
    if (cells.length !== 32) return null;
    let serial = 0;
    for (let octet = 0; octet < 4; octet++) {
      let bits = 0;
      for (let bit = 0; bit < 8; bit++) bits |= (cells[8 * octet + bit] as number) << bit;
      serial = serial * 256 + bits;
    }
    return serial;
  }
  if (code !== 16 && code !== 23) return null;
  const at = code === 16 && first < SINGLES.first ? 1 : 0;
  return cells.length < at + 2 ? null : (cells[at] as number) * 65_536 + (cells[at + 1] as number);
}

export type Arrived = { readonly is: "read" } | { readonly is: "write"; readonly write: Write } | { readonly is: "foreign" };

/** What came to a device: a read that the rules allow, a write, or neither. */
export function arrivedAs(unit: number, octets: Buffer): Arrived {
  if (unit !== UNIT || octets.length < 5) return { is: "foreign" };
  const code = octets[0] as number;
  const first = octets.readUInt16BE(1);
  const count = octets.readUInt16BE(3);
  switch (code) {
    case 1:
    case 3:
    case 4:
      return octets.length === 5 && first + count - 1 <= LAST_READABLE ? { is: "read" } : { is: "foreign" };
    case 6:
      return octets.length === 5 ? { is: "write", write: { function: code, first, cells: [count] } } : { is: "foreign" };
    case 22:
      return octets.length === 7 && count === 0
        ? { is: "write", write: { function: code, first, cells: [octets.readUInt16BE(5)] } }
        : { is: "foreign" };
    case 15:
      if (octets.length !== 6 + Math.ceil(count / 8)) return { is: "foreign" };
      return {
        is: "write",
        write: { function: code, first, cells: Array.from({ length: count }, (_, i) => ((octets[6 + (i >> 3)] as number) >> (i & 7)) & 1) },
      };
    case 16:
      return octets.length === 6 + 2 * count
        ? { is: "write", write: { function: code, first, cells: cellsAt(octets, 6, count) } }
        : { is: "foreign" };
    case 23: {
      if (octets.length < 10 || first + count - 1 > LAST_READABLE) return { is: "foreign" };
      const written = octets.readUInt16BE(7);
      if (octets.length !== 10 + 2 * written) return { is: "foreign" };
      return { is: "write", write: { function: code, first: octets.readUInt16BE(5), cells: cellsAt(octets, 10, written) } };
    }
    default:
      return { is: "foreign" };
  }
}

function cellsAt(octets: Buffer, at: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => octets.readUInt16BE(at + 2 * i));
}
