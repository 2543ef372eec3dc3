/** What a verification says of a point, to the person who asked and to the record: its value, or in plain words why there is none. */
import type { DenialCode } from "#events";
import type { VerifiedPoint } from "#management/protocol";
import { formatAddresses } from "#process/addressing";
import { formatDecimal } from "#process/decimal";
import type { Point } from "#process/points";
import type { Asset } from "./asset.ts";
import type { OwnRead } from "./own.ts";
import { judgePoint } from "./verdicts.ts";

/** A point to be read, or why it was not. */
export interface Seen {
  readonly point: Point;
  cells: Int32Array | null;
  atMs: number;
  why: string | null;
}

/** No command that opens, vouches or shows is done without its record. */
export const UNRECORDED = "it cannot be recorded (see penstock status), and what is not recorded is not done";

/** MODBUS Application Protocol V1.1b3 section 7: a device that keeps silent is answered so in its stead. */
export const TARGET_SILENT = 0x0b;

export function sayWhyNot(read: OwnRead, asset: string): string {
  switch (read.is) {
    case "read":
      return "";
    case "unreadable":
      return "no one request can read all of it";
    case "dropped":
      return "its answer was dropped: it is not in the standard's form; penstock status says which quirk it would take";
    case "ended":
      return read.reason === "siteChanged" ? "the documents were reloaded meanwhile; ask again" : `the reading was cut (${read.reason})`;
    case "denied":
      return DENIED[read.code]?.replace("RULE", read.rule).replace("ASSET", asset) ?? `the gateway did not let it pass (${read.code})`;
    case "exception":
      return EXCEPTIONS[read.code] ?? `the device answers exception ${read.code}`;
  }
}

const NO_ANSWER = "the device does not answer there: is the unit id right, is the device busy?";

const DENIED: Readonly<Partial<Record<DenialCode, string>>> = {
  never: "the policy forbids everybody to read it (RULE)",
  blocked: "the asset is blocked by command, reads too (penstock block ASSET --lift)",
  queueFull: "the device has too much to do for others; try again when it is quieter",
  deviceUnreachable: "the device cannot be reached: is it on, is the cable in, does another master hold its only connection?",
  deviceSilent: NO_ANSWER,
  evidenceUnavailable: UNRECORDED,
};

const EXCEPTIONS: Readonly<Record<number, string>> = {
  1: "the device answers exception 1: it does not read this table",
  2: "the device answers exception 2: it has nothing at this address",
  3: "the device answers exception 3: it does not read so much at once, or not from here",
  4: "the device answers exception 4: it failed in reading it",
  5: "the device answers exception 5: it is still at it",
  6: "the device answers exception 6: it is busy",
  257: "the outstation does not do this (IIN2.0): it does not read so",
  258: "the outstation does not know such objects (IIN2.1): it has no points of this table",
  260: "the outstation has no such point (IIN2.2): is the index right?",
  10: "the device answers exception 10: it is a gateway itself, and has no way to the unit",
  11: NO_ANSWER,
};

export function tellPoint(asset: Asset, { point, cells, atMs, why }: Seen, now: number): VerifiedPoint {
  const { model, protocol } = asset;
  const space = protocol.vocabulary.spaces[point.space];
  const addresses = space === undefined ? String(point.first) : formatAddresses(model.addressing, space, point.first, point.last);
  const { plausibleMin, plausibleMax } = point;
  const isRanged = plausibleMin !== null && plausibleMax !== null;
  const told = {
    name: point.name,
    unitId: point.unitId,
    table: space?.name ?? "",
    address: point.bit === null ? addresses : `${addresses}.${point.bit}`,
    type: point.type,
    unit: point.unit,
    plausible: isRanged ? { min: formatDecimal(plausibleMin), max: formatDecimal(plausibleMax) } : null,
  };
  if (cells === null) return { ...told, words: null, value: null, verdict: "unread", why, otherwise: [], ageMs: null };
  return { ...told, words: [...cells], ...judgePoint(model, point, cells), ageMs: Math.round(now - atMs) };
}

/** Of a point what a record says. */
export function recorded({
  name,
  unitId,
  table,
  address,
  words,
  value,
  unit,
  verdict,
  why,
}: VerifiedPoint): Readonly<Record<string, unknown>> {
  return {
    name,
    unit: unit === "" ? undefined : unit,
    at: `unit ${unitId} ${table} ${address}`,
    words,
    value,
    verdict,
    why: why ?? undefined,
  };
}
