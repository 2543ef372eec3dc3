/** What the outstation test peer does for each function code: from the objects of a request to the objects of its answer. */
import { FUNCTION } from "./application.ts";
import type { Controls } from "./controls.ts";
import { type Database, type EventClass, KINDS, type PointEvent, select } from "./database.ts";
import type { FileObject, Files } from "./files.ts";
import { Writer } from "./numbers.ts";
import { decodeObject, type Header, IIN2, layoutOf, ObjectFault, packedBits, readHeaders } from "./objects.ts";
import type { Unit } from "./pack.ts";

const NO_REPLY: readonly number[] = [FUNCTION.directOperateNoReply, FUNCTION.freezeNoReply, FUNCTION.freezeClearNoReply, 12, 33];

export interface Device {
  readonly database: Database;
  readonly files: Files;
  /** Octets of objects that an answer has room for. */
  readonly room: number;
  readonly restartDelayMs: number;
  readonly takesUnsolicited: boolean;
  isRestarted: boolean;
  needsTime: boolean;
  /** Bits 1 to 3: classes that are reported unsolicited. */
  classes: number;
  /** When RECORD_CURRENT_TIME came, on the monotonic clock. */
  recordedAt: number | null;
  /** Milliseconds since 1970 UTC, as the master set them. */
  clock(): number;
  setClock(time: number): void;
  restart(isCold: boolean): void;
}

export interface Request {
  readonly functionCode: number;
  readonly sequence: number;
  readonly objects: Uint8Array;
  /** Milliseconds, monotonic. */
  readonly now: number;
}

export interface Answer {
  readonly units: readonly Unit[];
  readonly iin2: number;
}

const EMPTY: Answer = { units: [], iin2: 0 };

/** @returns null where the function has no reply. Objects that are wrong are an IIN2 bit; then nothing was done. */
export function answer(device: Device, controls: Controls, request: Request): Answer | null {
  let said: Answer;
  try {
    said = act(device, controls, request);
  } catch (error) {
    if (!(error instanceof ObjectFault)) throw error;
    said = { units: [], iin2: error.iin2 };
  }
  return NO_REPLY.includes(request.functionCode) ? null : said;
}

function act(device: Device, controls: Controls, request: Request): Answer {
  const { functionCode, objects } = request;
  switch (functionCode) {
    case FUNCTION.read:
      return read(device, objects);
    case FUNCTION.write:
      return write(device, request);
    case FUNCTION.select:
    case FUNCTION.operate:
    case FUNCTION.directOperate:
    case FUNCTION.directOperateNoReply: {
      if (objects.length > device.room) throw new ObjectFault(IIN2.parameter, "more controls than an answer could echo");
      const { echo, iin2 } = controls.take(request);
      return { units: [whole(echo)], iin2 };
    }
    case FUNCTION.freeze:
    case FUNCTION.freezeNoReply:
    case FUNCTION.freezeClear:
    case FUNCTION.freezeClearNoReply:
      return freeze(device, objects, functionCode >= FUNCTION.freezeClear);
    case FUNCTION.coldRestart:
    case FUNCTION.warmRestart:
      noObjects(objects);
      device.restart(functionCode === FUNCTION.coldRestart);
      return delay(device.restartDelayMs);
    case FUNCTION.enableUnsolicited:
    case FUNCTION.disableUnsolicited:
      return unsolicited(device, objects, functionCode === FUNCTION.enableUnsolicited);
    case FUNCTION.assignClass:
      return assignClass(device, objects);
    case FUNCTION.delayMeasure:
      noObjects(objects);
      return delay(0);
    case FUNCTION.recordTime:
      noObjects(objects);
      device.recordedAt = request.now;
      return EMPTY;
    case FUNCTION.openFile:
      return file(objects, 3, (data) => device.files.open(data));
    case FUNCTION.closeFile:
    case FUNCTION.abortFile:
      return file(objects, 4, (data) => device.files.close(data));
    case FUNCTION.deleteFile:
      return file(objects, 3, (data) => device.files.delete(data));
    case FUNCTION.fileInfo:
      return file(objects, 7, (data) => device.files.info(data));
    default:
      throw new ObjectFault(IIN2.functionUnknown, `function ${functionCode}`);
  }
}

function read(device: Device, objects: Uint8Array): Answer {
  const { database } = device;
  const units: Unit[] = [];
  const taken = new Set<PointEvent>();
  let iin2 = 0;
  const headers = readHeaders(objects, (group, variation) => group === 70 && variation === 5);
  if (headers.length === 0) throw new ObjectFault(IIN2.parameter, "a read of nothing");
  const events = (header: Header, wanted: (event: PointEvent) => boolean, variation: number): void => {
    const { extent } = header;
    if (extent.is !== "all" && extent.is !== "count") throw refused(header);
    const found = database.select(wanted, variation, extent.is === "all" ? Infinity : extent.count, taken);
    for (const { event } of found) taken.add(event!);
    units.push(...found);
  };
  for (const header of headers) {
    const { group, variation, extent, items } = header;
    const ofStatic = database.kindOfStatic(group);
    const ofEvent = database.kindOfEvent(group);
    const isKnown = variation === 0 || layoutOf(group, variation) !== undefined || packedBits(group, variation) !== undefined;
    if (group === 60 && variation === 1) {
      if (extent.is !== "all") throw refused(header);
      for (const kind of KINDS) units.push(...database.statics(kind, extent, 0).units);
    } else if (group === 60 && variation >= 2 && variation <= 4) events(header, (event) => event.eventClass === variation - 1, 0);
    else if (ofStatic !== undefined && isKnown) {
      const found = database.statics(ofStatic, extent, variation);
      units.push(...found.units);
      if (!found.isWhole) iin2 |= IIN2.parameter;
    } else if (ofEvent !== undefined && isKnown) events(header, ({ kind }) => kind === ofEvent, variation);
    else if (group === 50 && variation === 1) units.push(whole(counted(50, 1).number("u48", device.clock()).take()));
    else if (group === 70 && variation === 5 && items.length === 1) units.push(sized(device.files.read(items[0]!.data)));
    else throw new ObjectFault(IIN2.objectUnknown, `a read of g${group}v${variation}`);
  }
  return { units, iin2 };
}

function write(device: Device, { objects, now }: Request): Answer {
  const headers = readHeaders(objects, () => true);
  if (headers.length === 0) throw new ObjectFault(IIN2.parameter, "a write of nothing");
  // Judged whole before any of it is done.
  const acts = headers.map((header) => writeOf(device, header, now));
  return { units: acts.flatMap((done) => done() ?? []), iin2: 0 };
}

function writeOf(device: Device, header: Header, now: number): () => Unit | undefined {
  const { group, variation, items } = header;
  const [first] = items;
  const value = first === undefined ? 0 : decodeObject(group, variation, first.data).value;
  switch (`${group}v${variation}`) {
    case "80v1":
      if (items.length !== 1 || first?.index !== 7 || value !== false) throw refused(header);
      return () => {
        device.isRestarted = false;
        return undefined;
      };
    case "50v1":
    case "50v3": {
      const since = variation === 1 ? now : device.recordedAt;
      if (items.length !== 1 || header.extent.is !== "count" || since === null) throw refused(header);
      return () => {
        device.setClock(Number(value) + now - since);
        device.recordedAt = null;
        device.needsTime = false;
        return undefined;
      };
    }
    case "34v1":
    case "34v2":
    case "34v3": {
      const points = items.map(({ index }) => device.database.point("analog", index));
      if (points.includes(undefined)) throw refused(header);
      return () => {
        for (const [i, point] of points.entries()) point!.deadband = Number(decodeObject(group, variation, items[i]!.data).value);
        return undefined;
      };
    }
    case "70v5":
      if (first === undefined) throw refused(header);
      return () => sized(device.files.write(first.data));
    default:
      throw new ObjectFault(IIN2.objectUnknown, `a write of g${group}v${variation}`);
  }
}

function freeze({ database, clock }: Device, objects: Uint8Array, isCleared: boolean): Answer {
  const headers = readHeaders(objects, () => false);
  const chosen = headers.map((header) => {
    if (header.group !== 20 || header.variation !== 0) throw new ObjectFault(IIN2.objectUnknown, `a freeze of g${header.group}`);
    if (header.extent.is !== "all" && header.extent.is !== "range") throw refused(header);
    return select(database.indexes("counter"), header.extent, (index) => database.point("counter", index) !== undefined);
  });
  if (chosen.length === 0) throw new ObjectFault(IIN2.parameter, "a freeze of nothing");
  for (const index of chosen.flatMap(({ indexes }) => indexes)) {
    const counter = database.point("counter", index)!;
    if (database.point("frozenCounter", index) !== undefined)
      database.update("frozenCounter", index, counter.value, clock(), counter.flags);
    if (isCleared) counter.value = 0;
  }
  return { units: [], iin2: chosen.every(({ isWhole }) => isWhole) ? 0 : IIN2.parameter };
}

function unsolicited(device: Device, objects: Uint8Array, isEnabled: boolean): Answer {
  if (!device.takesUnsolicited) throw new ObjectFault(IIN2.functionUnknown, "no unsolicited responses");
  let bits = 0;
  for (const header of readHeaders(objects, () => false)) {
    if (header.group !== 60 || header.variation < 2 || header.variation > 4)
      throw new ObjectFault(IIN2.objectUnknown, `g${header.group}v${header.variation} is no class of events`);
    if (header.extent.is !== "all") throw refused(header);
    bits |= 1 << (header.variation - 1);
  }
  device.classes = isEnabled ? device.classes | bits : device.classes & ~bits;
  return EMPTY;
}

/** A class, then the headers of the points that go to it; and again. */
function assignClass({ database }: Device, objects: Uint8Array): Answer {
  let eventClass: EventClass | null = null;
  let isWhole = true;
  let isOpen = true;
  const acts: (() => void)[] = [];
  for (const header of readHeaders(objects, () => false)) {
    const { group, variation, extent } = header;
    if (group === 60) {
      if (variation < 1 || variation > 4 || extent.is !== "all" || (eventClass !== null && isOpen)) throw refused(header);
      eventClass = (variation - 1) as EventClass;
      isOpen = true;
      continue;
    }
    const kind = database.kindOfStatic(group);
    if (kind === undefined || variation !== 0) throw new ObjectFault(IIN2.objectUnknown, `g${group}v${variation} has no class`);
    if (eventClass === null || (extent.is !== "all" && extent.is !== "range")) throw refused(header);
    const chosen = select(database.indexes(kind), extent, () => false);
    const to = eventClass;
    isOpen = false;
    isWhole &&= chosen.isWhole;
    acts.push(() => {
      for (const index of chosen.indexes) database.point(kind, index)!.eventClass = to;
    });
  }
  if (acts.length === 0 || isOpen) throw new ObjectFault(IIN2.parameter, "a class without points");
  for (const each of acts) each();
  return { units: [], iin2: isWhole ? 0 : IIN2.parameter };
}

function file(objects: Uint8Array, variation: number, done: (data: Uint8Array) => FileObject): Answer {
  const [header, more] = readHeaders(objects, () => true);
  if (header === undefined || more !== undefined) throw new ObjectFault(IIN2.parameter, "not one file object");
  if (header.group !== 70 || header.variation !== variation)
    throw new ObjectFault(IIN2.objectUnknown, `g${header.group}v${header.variation} where g70v${variation} stands`);
  const [item] = header.items;
  if (item === undefined) throw refused(header);
  return { units: [sized(done(item.data))], iin2: 0 };
}

function noObjects(objects: Uint8Array): void {
  if (objects.length > 0) throw new ObjectFault(IIN2.parameter, "objects where there are none");
}

function refused({ group, variation, qualifier }: Header): ObjectFault {
  return new ObjectFault(IIN2.parameter, `g${group}v${variation} with qualifier ${qualifier}`);
}

function delay(ms: number): Answer {
  return { units: [whole(counted(52, 2).number("u16", ms).take())], iin2: 0 };
}

function counted(group: number, variation: number): Writer {
  return new Writer().u8(group, variation, 0x07, 1);
}

function whole(data: Uint8Array): Unit {
  return { group: 0, variation: 0, index: 0, form: "whole", data };
}

function sized([variation, data]: FileObject): Unit {
  return whole(new Writer().u8(70, variation, 0x5b, 1).number("u16", data.length).raw(data).take());
}
