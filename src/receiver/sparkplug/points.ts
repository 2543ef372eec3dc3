/** What an edge node knows of its devices (our assets) and their points: aliases, types, and the last value of each. */
import type { PointInfo, Sample } from "../model.ts";
import { isId } from "./topics.ts";
import { type DataType, typeOfPoint, typeOfValue } from "./types.ts";

/** Of one node. A link that tells of more is not a plant. */
export const POINTS = 65_536;
export const DEVICES = 1024;
/** Characters of a text that goes along with a point. */
const TEXT = 512;
/** Aliases below are the node's own metrics'. */
const FIRST_ALIAS = 16;

export interface Point {
  readonly asset: string;
  readonly name: string;
  readonly type: DataType;
  readonly unit: string;
  readonly description: string;
  readonly alias: number;
  /** The newest that is no late one; null: none came yet. */
  latest: Sample | null;
  /** Was it told as the current value, in this session's births or since? */
  isTold: boolean;
  /** The code of quality the host has as current. */
  toldQuality: number;
}

export class Device {
  readonly name: string;
  readonly points = new Map<string, Point>();
  /** Was born in this session and has not died. */
  isBorn = false;
  /** By how much our clock is past the times its samples bear, as little as was seen; null: none was seen live yet. */
  readonly lagMs: { device: number | null; gateway: number | null } = { device: null, gateway: null };

  constructor(name: string) {
    this.name = name;
  }
}

export interface Learned {
  /** Devices whose births are to go (again). */
  readonly changed: readonly Device[];
  /** Devices that are no more. */
  readonly gone: readonly Device[];
  /** Points that were not taken: no name for Sparkplug, or beyond what one node may have. */
  readonly refused: number;
  /** Names that differ by the case of letters alone (Sparkplug 3.0 §5.2 asks for none). */
  readonly alike: readonly string[];
}

export class Points {
  readonly devices = new Map<string, Device>();
  #count = 0;
  /** None is given twice: a host may hold what it meant. */
  #nextAlias = FIRST_ALIAS;

  get size(): number {
    return this.#count;
  }

  find(asset: string, point: string): Point | null {
    return this.devices.get(asset)?.points.get(point) ?? null;
  }

  /** All there are, in place of what was known. */
  learn(infos: readonly PointInfo[]): Learned {
    const told = new Map<string, Map<string, PointInfo>>();
    for (const info of infos) {
      const points = told.get(info.asset) ?? new Map<string, PointInfo>();
      told.set(info.asset, points.set(info.point, info));
    }
    const changed = new Set<Device>();
    const gone: Device[] = [];
    for (const device of this.devices.values()) {
      const points = told.get(device.name);
      for (const name of device.points.keys()) {
        if (points?.has(name)) continue;
        device.points.delete(name);
        this.#count--;
        changed.add(device);
      }
      if (device.points.size > 0) continue;
      this.devices.delete(device.name);
      changed.delete(device);
      gone.push(device);
    }
    let refused = 0;
    for (const points of told.values()) {
      for (const info of points.values()) {
        const device = this.#learnOne(info);
        if (device === "refused") refused++;
        else if (device !== "known") changed.add(device);
      }
    }
    return { changed: [...changed], gone, refused, alike: this.#alike() };
  }

  /** Points of which there are samples and nothing else is known: what their values show. */
  nameThose(samples: readonly Sample[]): Learned {
    const changed = new Set<Device>();
    let refused = 0;
    for (const { gateway, asset, point, value } of samples) {
      if (this.find(asset, point) !== null) continue;
      const type = POINT_TYPES[typeOfValue(value)] ?? "number";
      const device = this.#learnOne({ gateway, asset, point, type, unit: "", description: "" });
      if (device === "refused") refused++;
      else if (device !== "known") changed.add(device);
    }
    return { changed: [...changed], gone: [], refused, alike: [] };
  }

  #learnOne(info: PointInfo): Device | "known" | "refused" {
    const type = typeOfPoint(info.type) ?? "Double";
    const unit = short(info.unit);
    const description = short(info.description);
    const known = this.find(info.asset, info.point);
    if (known !== null && known.type === type && known.unit === unit && known.description === description) return "known";
    const device = this.devices.get(info.asset) ?? new Device(info.asset);
    const isRoom = known !== null || (this.#count < POINTS && (this.devices.has(device.name) || this.devices.size < DEVICES));
    if (!isRoom || !isId(info.asset) || info.point === "" || !info.point.isWellFormed()) return "refused";
    if (known === null) this.#count++;
    // A value of another type is none of this one's.
    const latest = known?.type === type ? known.latest : null;
    const alias = known?.alias ?? this.#nextAlias++;
    const point: Point = { asset: info.asset, name: info.point, type, unit, description, alias, latest, isTold: false, toldQuality: 0 };
    device.points.set(point.name, point);
    this.devices.set(device.name, device);
    return device;
  }

  #alike(): string[] {
    const alike: string[] = [];
    const look = (names: Iterable<string>, of: string): void => {
      const seen = new Map<string, string>();
      for (const name of names) {
        const other = seen.get(name.toLowerCase());
        if (other !== undefined && alike.length < 8) alike.push(`${of}${other}, ${of}${name}`);
        seen.set(name.toLowerCase(), name);
      }
    };
    look(this.devices.keys(), "");
    for (const device of this.devices.values()) look(device.points.keys(), `${device.name}/`);
    return alike;
  }
}

const POINT_TYPES: Partial<Record<DataType, string>> = { Boolean: "bool", String: "string", Int64: "int64", UInt64: "uint64" };

function short(text: string): string {
  return text.toWellFormed().slice(0, TEXT);
}
