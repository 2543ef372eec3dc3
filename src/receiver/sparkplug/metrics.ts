/** Points and samples as metrics of births and data. */
import type { Quality, Sample } from "../model.ts";
import type { Metric, Property } from "./payload.ts";
import type { Device, Point } from "./points.ts";
import { BAD, codeOfQuality, GOOD, STALE, toField } from "./types.ts";

/** The node's own aliases. `Node Control/Rebirth` has none (Sparkplug 3.0 §5.17). */
export const BDSEQ_ALIAS = 1;
export const LINK_ALIAS = 2;
export const REBIRTH = "Node Control/Rebirth";
export const LINK = "Link/Alive";

/** What every NBIRTH says. */
export function nodeBirth(bdSeq: number, isAlive: boolean, timeMs: number): Metric[] {
  return [
    { ...plain, name: "bdSeq", alias: BDSEQ_ALIAS, timeMs, type: "Int64", value: bdSeq },
    { ...plain, name: REBIRTH, timeMs, type: "Boolean", value: false },
    { ...plain, name: LINK, alias: LINK_ALIAS, timeMs, type: "Boolean", value: isAlive },
  ];
}

/** All an NDEATH says. It is written long before it is read, so it bears no time. */
export function nodeDeath(bdSeq: number): Metric[] {
  return [{ ...plain, name: "bdSeq", type: "Int64", value: bdSeq }];
}

export function linkData(isAlive: boolean, timeMs: number): Metric[] {
  return [{ ...plain, alias: LINK_ALIAS, timeMs, type: "Boolean", value: isAlive }];
}

const plain = { name: null, alias: null, timeMs: null, historical: false, properties: [] } as const;

/** Every point with its last value; null and stale where there is none. Marks them as told. */
export function deviceBirth(device: Device, nowMs: number): Metric[] {
  return [...device.points.values()].map((point) => {
    const { latest } = point;
    const value = latest === null ? null : fitting(point, latest);
    const code = latest === null ? STALE : qualityOf(point, latest);
    point.isTold = true;
    point.toldQuality = code;
    const properties: [string, Property][] = [["Quality", { type: "Int32", value: code }]];
    if (point.unit !== "") properties.push(["engUnit", { type: "String", value: point.unit }]);
    if (point.description !== "") properties.push(["description", { type: "String", value: point.description }]);
    if (latest !== null) properties.push(...toldApart(latest.quality));
    return { ...plain, name: point.name, alias: point.alias, timeMs: latest?.timeMs ?? nowMs, type: point.type, value, properties };
  });
}

/** A change, by its alias alone. Quality goes along where it is not good, or was not until now. Marks a current one as told. */
export function sampleData(point: Point, sample: Sample, historical: boolean): Metric {
  const code = qualityOf(point, sample);
  const properties: [string, Property][] = [];
  if (code !== GOOD || (!historical && point.toldQuality !== GOOD)) properties.push(["Quality", { type: "Int32", value: code }]);
  properties.push(...toldApart(sample.quality));
  if (!historical) {
    point.isTold = true;
    point.toldQuality = code;
  }
  const value = fitting(point, sample);
  return { ...plain, alias: point.alias, timeMs: sample.timeMs, type: point.type, value, historical, properties };
}

/** Is its value none its point's type holds? */
export function isMisfit(point: Point, { value }: Sample): boolean {
  return value !== null && toField(point.type, value) === null;
}

function fitting(point: Point, sample: Sample): Sample["value"] {
  return isMisfit(point, sample) ? null : sample.value;
}

/** A value that cannot be told is bad, whatever was said of it. */
function qualityOf(point: Point, sample: Sample): number {
  return isMisfit(point, sample) ? BAD : codeOfQuality(sample.quality);
}

/** Two qualities of ours share a code with another. */
function toldApart(quality: Quality): [string, Property][] {
  return quality === "comm-lost" || quality === "uncertain" ? [["qualityDetail", { type: "String", value: quality }]] : [];
}
