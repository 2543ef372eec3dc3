/** Controls of the outstation test peer: what a SELECT arms, what an OPERATE may do, and the status of each. */
import type { Database } from "./database.ts";
import { type Crob, decodeObject, type Header, IIN2, ObjectFault, readHeaders, setpointType } from "./objects.ts";

export const STATUS = {
  success: 0,
  timeout: 1,
  noSelect: 2,
  formatError: 3,
  notSupported: 4,
  tooManyObjects: 8,
  outOfRange: 12,
} as const;

/** A binary output that was operated. Times in milliseconds; `at` on the monotonic clock. */
export interface Operated extends Crob {
  readonly at: number;
  readonly index: number;
  /** 4, 5 or 6. */
  readonly function: number;
}

/** An analog output that was operated. */
export interface Setpoint {
  readonly at: number;
  readonly index: number;
  readonly value: number;
  readonly variation: number;
  readonly function: number;
}

export interface ControlRequest {
  readonly functionCode: number;
  readonly sequence: number;
  readonly objects: Uint8Array;
  readonly now: number;
}

interface Selection {
  readonly objects: Uint8Array;
  readonly sequence: number;
  readonly until: number;
}

/** The interoperable codes: pulse on, latch on, latch off, close and trip with a pulse. */
const CODES = [0x01, 0x03, 0x04, 0x41, 0x81];
/** What they make of the point; a plain pulse leaves it as it is. */
const STATES: Readonly<Record<number, boolean>> = { 3: true, 4: false, 65: true, 129: false };
const SELECT = 3;
const OPERATE = 4;

export interface ControlOutcome {
  /** The objects as they came, with each status. */
  readonly echo: Uint8Array;
  readonly iin2: number;
}

export interface Acts {
  readonly binary: (operated: Operated, state: boolean | null) => void;
  readonly analog: (setpoint: Setpoint) => void;
}

/** One per connection. */
export class Controls {
  readonly #database: Database;
  readonly #acts: Acts;
  readonly #selectMs: number;
  readonly #most: number;
  #selection: Selection | null = null;

  constructor(database: Database, acts: Acts, selectMs: number, most: number) {
    this.#database = database;
    this.#acts = acts;
    this.#selectMs = selectMs;
    this.#most = most;
  }

  cancel(): void {
    this.#selection = null;
  }

  /** SELECT, OPERATE, DIRECT_OPERATE or the last without an answer. @throws ObjectFault, and then nothing was done */
  take(request: ControlRequest): ControlOutcome {
    const { functionCode, objects, sequence, now } = request;
    const selection = this.#selection;
    this.#selection = null;
    const headers = readHeaders(objects, () => true);
    for (const { group, variation, qualifier } of headers) {
      if (!isControl(group, variation)) throw new ObjectFault(IIN2.objectUnknown, `g${group}v${variation} is no control`);
      if (qualifier !== 0x17 && qualifier !== 0x28) throw new ObjectFault(IIN2.parameter, `qualifier ${qualifier} of a control`);
    }
    if (headers.every(({ items }) => items.length === 0)) throw new ObjectFault(IIN2.parameter, "a control of nothing");
    const refusal = functionCode === OPERATE ? refusalOf(selection, request) : STATUS.success;
    const echo = objects.slice();
    let iin2 = 0;
    let isGood = true;
    let count = 0;
    for (const header of headers)
      for (const item of header.items) {
        count += 1;
        const [status, bits] =
          refusal !== STATUS.success ? [refusal, 0] : count > this.#most ? [STATUS.tooManyObjects, 0] : this.#judge(header, item);
        iin2 |= bits;
        if (status !== STATUS.success) isGood = false;
        // Item data is a view of `objects`: the status is its last octet.
        echo[item.data.byteOffset - objects.byteOffset + item.data.length - 1] = status;
        if (status === STATUS.success && functionCode !== SELECT) this.#act(header, item, request);
      }
    if (functionCode === SELECT && isGood) this.#selection = { objects: objects.slice(), sequence, until: now + this.#selectMs };
    return { echo, iin2 };
  }

  /** The status a control would have, and the bits of IIN2 that go with it. */
  #judge({ group, variation }: Header, { index, data }: Header["items"][number]): readonly [number, number] {
    const { value, status } = decodeObject(group, variation, data);
    const point = this.#database.point(group === 12 ? "binaryOutput" : "analogOutput", index);
    if (point === undefined) return [STATUS.notSupported, IIN2.parameter];
    if (status !== 0) return [STATUS.formatError, 0];
    if (point.refusal !== 0) return [point.refusal, 0];
    if (typeof value === "number")
      return [Number.isFinite(value) && value >= point.least && value <= point.most ? STATUS.success : STATUS.outOfRange, 0];
    return [(point.codes ?? CODES).includes((value as Crob).code) ? STATUS.success : STATUS.notSupported, 0];
  }

  #act({ group, variation }: Header, { index, data }: Header["items"][number], { functionCode, now }: ControlRequest): void {
    const { value } = decodeObject(group, variation, data);
    if (typeof value === "number") this.#acts.analog({ at: now, index, value, variation, function: functionCode });
    else {
      const crob = value as Crob;
      this.#acts.binary({ at: now, index, ...crob, function: functionCode }, crob.count === 0 ? null : (STATES[crob.code] ?? null));
    }
  }
}

function isControl(group: number, variation: number): boolean {
  return (group === 12 && variation === 1) || (group === 41 && setpointType(variation) !== undefined);
}

/** @source IEEE 1815-2012 4.4.3: the next sequence, the same octets, in time */
function refusalOf(selection: Selection | null, { sequence, objects, now }: ControlRequest): number {
  if (selection === null || ((selection.sequence + 1) & 0x0f) !== sequence) return STATUS.noSelect;
  if (Buffer.compare(selection.objects, objects) !== 0) return STATUS.noSelect;
  return now > selection.until ? STATUS.timeout : STATUS.success;
}
