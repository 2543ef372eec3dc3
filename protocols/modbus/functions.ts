/**
 * The functions of Modbus, one row each. To add one: this row, its layout (decoder and encoder of both directions, operations, match) and its
 * vectors; docs/how-to-add-a-function-code.md walks through it. A code without a row is opaque: kept as octets, denied unless named by number.
 *
 * Verbs and effects are RULINGS 5 and 32 (every verb but the observing ones is a change; reading a file is not an observing verb).
 * Sections are those of the MODBUS Application Protocol Specification V1.1b3.
 */
import type { FunctionEntry } from "./entry.ts";
import { readFiles, writeFiles } from "./files.ts";
import { identify } from "./identification.ts";
import type { NormalReply, Request } from "./messages.ts";
import { numberAt, opaque, subLength } from "./opaque.ts";
import { fifo, readBits, readWords } from "./reads.ts";
import { askingDiagnostics, changingDiagnostics, eventCounter, eventLog, exceptionStatus, serverId } from "./serial.ts";
import { maskWrite, readWrite, writeMany, writeOne } from "./writes.ts";

/** A row as it is written below: answered and looked into unless it says otherwise. */
type Row<Q extends Request, A extends NormalReply> = Omit<FunctionEntry<Q, A>, "silent" | "opaque"> & {
  readonly silent?: boolean;
  readonly opaque?: boolean;
};

function row<Q extends Request, A extends NormalReply>(row: Row<Q, A>): FunctionEntry {
  return { silent: false, opaque: false, ...row };
}

const readCoils = row({
  code: 1,
  sub: null,
  name: "readCoils",
  verbs: ["read"],
  effect: "observe",
  source: "section 6.1",
  ...readBits,
});

const readDiscreteInputs = row({
  code: 2,
  sub: null,
  name: "readDiscreteInputs",
  verbs: ["read"],
  effect: "observe",
  source: "section 6.2",
  ...readBits,
});

const readHoldingRegisters = row({
  code: 3,
  sub: null,
  name: "readHoldingRegisters",
  verbs: ["read"],
  effect: "observe",
  source: "section 6.3",
  ...readWords,
});

const readInputRegisters = row({
  code: 4,
  sub: null,
  name: "readInputRegisters",
  verbs: ["read"],
  effect: "observe",
  source: "section 6.4",
  ...readWords,
});

const writeSingleCoil = row({
  code: 5,
  sub: null,
  name: "writeSingleCoil",
  verbs: ["write"],
  effect: "change",
  source: "section 6.5",
  ...writeOne,
});

const writeSingleRegister = row({
  code: 6,
  sub: null,
  name: "writeSingleRegister",
  verbs: ["write"],
  effect: "change",
  source: "section 6.6",
  ...writeOne,
});

const readExceptionStatus = row({
  code: 7,
  sub: null,
  name: "readExceptionStatus",
  verbs: ["diagnose"],
  effect: "observe",
  source: "section 6.7",
  ...exceptionStatus,
});

const returnQueryData = row({
  code: 8,
  sub: 0,
  name: "returnQueryData",
  verbs: ["diagnose"],
  effect: "observe",
  source: "section 6.8.1",
  ...askingDiagnostics,
});

const restartCommunicationsOption = row({
  code: 8,
  sub: 1,
  name: "restartCommunicationsOption",
  verbs: ["control"],
  effect: "change",
  source: "section 6.8.1",
  ...changingDiagnostics,
});

const returnDiagnosticRegister = row({
  code: 8,
  sub: 2,
  name: "returnDiagnosticRegister",
  verbs: ["diagnose"],
  effect: "observe",
  source: "section 6.8.1",
  ...askingDiagnostics,
});

const changeAsciiInputDelimiter = row({
  code: 8,
  sub: 3,
  name: "changeAsciiInputDelimiter",
  verbs: ["control"],
  effect: "change",
  source: "section 6.8.1",
  ...changingDiagnostics,
});

const forceListenOnlyMode = row({
  code: 8,
  sub: 4,
  name: "forceListenOnlyMode",
  verbs: ["control"],
  effect: "change",
  silent: true,
  source: "section 6.8.1",
  ...changingDiagnostics,
});

const clearCountersAndDiagnosticRegister = row({
  code: 8,
  sub: 10,
  name: "clearCountersAndDiagnosticRegister",
  verbs: ["control"],
  effect: "change",
  source: "section 6.8.1",
  ...changingDiagnostics,
});

const returnBusMessageCount = row({
  code: 8,
  sub: 11,
  name: "returnBusMessageCount",
  verbs: ["diagnose"],
  effect: "observe",
  source: "section 6.8.1",
  ...askingDiagnostics,
});

const returnBusCommunicationErrorCount = row({
  code: 8,
  sub: 12,
  name: "returnBusCommunicationErrorCount",
  verbs: ["diagnose"],
  effect: "observe",
  source: "section 6.8.1",
  ...askingDiagnostics,
});

const returnBusExceptionErrorCount = row({
  code: 8,
  sub: 13,
  name: "returnBusExceptionErrorCount",
  verbs: ["diagnose"],
  effect: "observe",
  source: "section 6.8.1",
  ...askingDiagnostics,
});

const returnServerMessageCount = row({
  code: 8,
  sub: 14,
  name: "returnServerMessageCount",
  verbs: ["diagnose"],
  effect: "observe",
  source: "section 6.8.1",
  ...askingDiagnostics,
});

const returnServerNoResponseCount = row({
  code: 8,
  sub: 15,
  name: "returnServerNoResponseCount",
  verbs: ["diagnose"],
  effect: "observe",
  source: "section 6.8.1",
  ...askingDiagnostics,
});

const returnServerNakCount = row({
  code: 8,
  sub: 16,
  name: "returnServerNakCount",
  verbs: ["diagnose"],
  effect: "observe",
  source: "section 6.8.1",
  ...askingDiagnostics,
});

const returnServerBusyCount = row({
  code: 8,
  sub: 17,
  name: "returnServerBusyCount",
  verbs: ["diagnose"],
  effect: "observe",
  source: "section 6.8.1",
  ...askingDiagnostics,
});

const returnBusCharacterOverrunCount = row({
  code: 8,
  sub: 18,
  name: "returnBusCharacterOverrunCount",
  verbs: ["diagnose"],
  effect: "observe",
  source: "section 6.8.1",
  ...askingDiagnostics,
});

const clearOverrunCounterAndFlag = row({
  code: 8,
  sub: 20,
  name: "clearOverrunCounterAndFlag",
  verbs: ["control"],
  effect: "change",
  source: "section 6.8.1",
  ...changingDiagnostics,
});

const getCommEventCounter = row({
  code: 11,
  sub: null,
  name: "getCommEventCounter",
  verbs: ["diagnose"],
  effect: "observe",
  source: "section 6.9",
  ...eventCounter,
});

const getCommEventLog = row({
  code: 12,
  sub: null,
  name: "getCommEventLog",
  verbs: ["diagnose"],
  effect: "observe",
  source: "section 6.10",
  ...eventLog,
});

const writeMultipleCoils = row({
  code: 15,
  sub: null,
  name: "writeMultipleCoils",
  verbs: ["write"],
  effect: "change",
  source: "section 6.11",
  ...writeMany,
});

const writeMultipleRegisters = row({
  code: 16,
  sub: null,
  name: "writeMultipleRegisters",
  verbs: ["write"],
  effect: "change",
  source: "section 6.12",
  ...writeMany,
});

const reportServerId = row({
  code: 17,
  sub: null,
  name: "reportServerId",
  verbs: ["identify"],
  effect: "observe",
  source: "section 6.13",
  ...serverId,
});

const readFileRecord = row({
  code: 20,
  sub: null,
  name: "readFileRecord",
  verbs: ["file-read"],
  effect: "change",
  source: "section 6.14",
  ...readFiles,
});

const writeFileRecord = row({
  code: 21,
  sub: null,
  name: "writeFileRecord",
  verbs: ["file-write"],
  effect: "change",
  source: "section 6.15",
  ...writeFiles,
});

const maskWriteRegister = row({
  code: 22,
  sub: null,
  name: "maskWriteRegister",
  verbs: ["write"],
  effect: "change",
  source: "section 6.16",
  ...maskWrite,
});

const readWriteMultipleRegisters = row({
  code: 23,
  sub: null,
  name: "readWriteMultipleRegisters",
  verbs: ["read", "write"],
  effect: "change",
  source: "section 6.17",
  ...readWrite,
});

const readFifoQueue = row({
  code: 24,
  sub: null,
  name: "readFifoQueue",
  verbs: ["read"],
  effect: "observe",
  source: "section 6.18",
  ...fifo,
});

const canOpenGeneralReference = row({
  code: 43,
  sub: 13,
  name: "canOpenGeneralReference",
  verbs: ["raw"],
  effect: "change",
  opaque: true,
  source: "section 6.20",
  ...opaque,
});

const readDeviceIdentification = row({
  code: 43,
  sub: 14,
  name: "readDeviceIdentification",
  verbs: ["identify"],
  effect: "observe",
  source: "section 6.21",
  ...identify,
});

/** Any function without a row of its own. Its number is in the request, not here. */
const unknown = row({
  code: 0,
  sub: null,
  name: "unknown",
  verbs: ["raw"],
  effect: "change",
  opaque: true,
  source: "section 5.1",
  ...opaque,
});

/** In the order of their numbers as people read them: code, then sub-function. */
export const FUNCTIONS: readonly FunctionEntry[] = [
  readCoils,
  readDiscreteInputs,
  readHoldingRegisters,
  readInputRegisters,
  writeSingleCoil,
  writeSingleRegister,
  readExceptionStatus,
  returnQueryData,
  restartCommunicationsOption,
  returnDiagnosticRegister,
  changeAsciiInputDelimiter,
  forceListenOnlyMode,
  clearCountersAndDiagnosticRegister,
  returnBusMessageCount,
  returnBusCommunicationErrorCount,
  returnBusExceptionErrorCount,
  returnServerMessageCount,
  returnServerNoResponseCount,
  returnServerNakCount,
  returnServerBusyCount,
  returnBusCharacterOverrunCount,
  clearOverrunCounterAndFlag,
  getCommEventCounter,
  getCommEventLog,
  writeMultipleCoils,
  writeMultipleRegisters,
  reportServerId,
  readFileRecord,
  writeFileRecord,
  maskWriteRegister,
  readWriteMultipleRegisters,
  readFifoQueue,
  canOpenGeneralReference,
  readDeviceIdentification,
];

/** Code | sub-function << 8, as in `Operation.function`. */
export function numberOf(entry: FunctionEntry): number {
  return entry.code | ((entry.sub ?? 0) << 8);
}

const BY_NUMBER: ReadonlyMap<number, FunctionEntry> = new Map(FUNCTIONS.map((entry) => [numberOf(entry), entry]));
/** The short way for functions that have no sub-functions. */
const BY_CODE: readonly (FunctionEntry | null)[] = Array.from({ length: 0x80 }, (_, code) =>
  subLength(code) === 0 ? (BY_NUMBER.get(code) ?? unknown) : null,
);

/** The row of a function number. */
export function entryOf(number: number): FunctionEntry {
  return BY_CODE[number] ?? BY_NUMBER.get(number) ?? unknown;
}

/** The row of the PDU at `at`, whose code is 1..127; null where the PDU ends before its sub-function. */
export function entryAt(octets: Uint8Array, at: number, length: number): FunctionEntry | null {
  const code = octets[at] as number;
  const simple = BY_CODE[code];
  if (simple != null) return simple;
  return length < 1 + subLength(code) ? null : (BY_NUMBER.get(numberAt(octets, at)) ?? unknown);
}
