/** The tables of a Modbus device as a vocabulary tells of them, written down once more so that these tests need no protocol. */
import type { Space } from "#operation";

export const COIL: Space = {
  name: "coil",
  bits: 1,
  stride: 1,
  writable: true,
  process: true,
  verbs: ["read", "write"],
  wild: ["read", "write"],
  byName: false,
  last: 65535,
  modicon: 0,
};
export const DISCRETE: Space = {
  name: "discrete",
  bits: 1,
  stride: 1,
  writable: false,
  process: true,
  verbs: ["read", "write"],
  wild: ["read", "write"],
  byName: false,
  last: 65535,
  modicon: 1,
};
export const INPUT: Space = {
  name: "input",
  bits: 16,
  stride: 1,
  writable: false,
  process: true,
  verbs: ["read", "write"],
  wild: ["read", "write"],
  byName: false,
  last: 65535,
  modicon: 3,
};
export const HOLDING: Space = {
  name: "holding",
  bits: 16,
  stride: 1,
  writable: true,
  process: true,
  verbs: ["read", "write"],
  wild: ["read", "write"],
  byName: false,
  last: 65535,
  modicon: 4,
};
export const FILE: Space = {
  name: "file",
  bits: 16,
  stride: 1,
  writable: true,
  process: false,
  verbs: ["file-read", "file-write"],
  wild: ["file-read", "file-write"],
  byName: false,
  last: 65535,
  modicon: null,
};
export const SPACES: readonly Space[] = [COIL, DISCRETE, INPUT, HOLDING, FILE];
