/**
 * Application function codes: names, whether the outstation answers, and what follows the object headers. A code without a
 * name is a denial.
 *
 * @source IEEE 1815-2012 table 4-2
 */

/** What stands behind the object headers of a request. */
export type Objects =
  /** There are no object headers at all. */
  | "none"
  /** Headers alone: which objects are meant. */
  | "headers"
  /** Headers, each with its objects. */
  | "data"
  /** Headers alone, but for a file's block: READ names that with its handle (g70v5). */
  | "headersOrFile"
  /** A time and interval (g50v2, with data), then the headers it is about. */
  | "timeThenHeaders"
  /** A class (g60), then the headers that are put into it, and again. */
  | "classThenHeaders";

export interface FunctionRow {
  readonly code: number;
  readonly name: string;
  /** The standard has a name for it. */
  readonly isKnown: boolean;
  /** Never answered, whatever it asks: whoever answers tells a stranger that somebody is there. */
  readonly silent: boolean;
  readonly objects: Objects;
}

export const FUNCTION = {
  confirm: 0,
  read: 1,
  write: 2,
  select: 3,
  operate: 4,
  directOperate: 5,
  directOperateNoAck: 6,
  immediateFreeze: 7,
  immediateFreezeNoAck: 8,
  freezeAndClear: 9,
  freezeAndClearNoAck: 10,
  freezeAtTime: 11,
  freezeAtTimeNoAck: 12,
  coldRestart: 13,
  warmRestart: 14,
  initializeData: 15,
  initializeApplication: 16,
  startApplication: 17,
  stopApplication: 18,
  saveConfiguration: 19,
  enableUnsolicited: 20,
  disableUnsolicited: 21,
  assignClass: 22,
  delayMeasurement: 23,
  recordCurrentTime: 24,
  openFile: 25,
  closeFile: 26,
  deleteFile: 27,
  getFileInfo: 28,
  authenticateFile: 29,
  abortFile: 30,
  activateConfiguration: 31,
  authenticationRequest: 32,
  authenticationRequestNoAck: 33,
  response: 129,
  unsolicitedResponse: 130,
  authenticationResponse: 131,
} as const;

const OBJECTS: Readonly<Record<keyof typeof FUNCTION, Objects>> = {
  confirm: "none",
  read: "headersOrFile",
  write: "data",
  select: "data",
  operate: "data",
  directOperate: "data",
  directOperateNoAck: "data",
  immediateFreeze: "headers",
  immediateFreezeNoAck: "headers",
  freezeAndClear: "headers",
  freezeAndClearNoAck: "headers",
  freezeAtTime: "timeThenHeaders",
  freezeAtTimeNoAck: "timeThenHeaders",
  coldRestart: "none",
  warmRestart: "none",
  initializeData: "none",
  initializeApplication: "data",
  startApplication: "data",
  stopApplication: "data",
  saveConfiguration: "data",
  enableUnsolicited: "headers",
  disableUnsolicited: "headers",
  assignClass: "classThenHeaders",
  delayMeasurement: "none",
  recordCurrentTime: "none",
  openFile: "data",
  closeFile: "data",
  deleteFile: "data",
  getFileInfo: "data",
  authenticateFile: "data",
  abortFile: "data",
  activateConfiguration: "data",
  authenticationRequest: "data",
  authenticationRequestNoAck: "data",
  response: "data",
  unsolicitedResponse: "data",
  authenticationResponse: "data",
};

const SILENT: readonly number[] = [
  FUNCTION.confirm,
  FUNCTION.directOperateNoAck,
  FUNCTION.immediateFreezeNoAck,
  FUNCTION.freezeAndClearNoAck,
  FUNCTION.freezeAtTimeNoAck,
  FUNCTION.authenticationRequestNoAck,
];

const ROWS: readonly FunctionRow[] = (() => {
  const rows = Array.from({ length: 256 }, (_, code): FunctionRow => {
    return { code, name: `function ${code}`, isKnown: false, silent: false, objects: "none" };
  });
  for (const [name, code] of Object.entries(FUNCTION) as [keyof typeof FUNCTION, number][])
    rows[code] = { code, name, isKnown: true, silent: SILENT.includes(code), objects: OBJECTS[name] };
  return rows;
})();

export function functionRow(code: number): FunctionRow {
  return ROWS[code] as FunctionRow;
}

export function isResponse(code: number): boolean {
  return code >= FUNCTION.response && code <= FUNCTION.authenticationResponse;
}
