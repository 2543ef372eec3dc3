/** The address spaces of Modbus; a space's number is its position. The four process tables, and the records of the files. */
import type { Space } from "#operation";

export const COIL = 0;
export const DISCRETE = 1;
export const INPUT = 2;
export const HOLDING = 3;
export const FILE = 4;

/** Records of one file: 0..9999 (MODBUS Application Protocol V1.1b3 section 6.14). */
export const RECORDS = 10_000;

/** Address of a record in the `file` space: one line of addresses, 65,536 to a file, so that a range of records is a range of addresses. */
export function fileAddress(file: number, record: number): number {
  return file * 0x10000 + record;
}

export const SPACES: readonly Space[] = [
  table("coil", 1, true, 0),
  table("discrete", 1, false, 1),
  table("input", 16, false, 3),
  table("holding", 16, true, 4),
  {
    name: "file",
    bits: 16,
    stride: 1,
    writable: true,
    process: false,
    verbs: ["file-read", "file-write"],
    wild: ["file-read", "file-write"],
    byName: false,
    last: fileAddress(0xffff, RECORDS - 1),
    modicon: null,
  },
];

function table(name: string, bits: 1 | 16, writable: boolean, modicon: number): Space {
  const verbs = ["read", "write"] as const;
  return { name, bits, stride: 1, writable, process: true, verbs, wild: verbs, byName: false, last: 0xffff, modicon };
}
