/** The objects of a fragment, as the master test peer reads them. Strict: throws an ObjectFault on anything that is not whole and known. */
import { decodeObject, type Extent, IIN2, layoutOf, ObjectFault, readHeaders, type Value } from "./objects.ts";

export interface Item extends Value {
  readonly index: number;
}

export interface ParsedHeader {
  readonly group: number;
  readonly variation: number;
  readonly qualifier: number;
  readonly extent: Extent;
  /** Empty where the header carries no objects. */
  readonly items: readonly Item[];
}

/** Functions of requests whose headers carry no objects: READ, freezes, unsolicited, ASSIGN_CLASS. */
const WITHOUT_OBJECTS = [1, 7, 8, 9, 10, 20, 21, 22];
const COMMON_TIME = 51;

/**
 * @param isResponse    what stands in a response always carries objects
 * @param functionCode  of a request, says whether headers carry objects
 * @returns times are absolute: those told as a distance are added to the common time before them
 */
export function parseObjects(octets: Uint8Array, isResponse: boolean, functionCode = 1): readonly ParsedHeader[] {
  const isBare = !isResponse && WITHOUT_OBJECTS.includes(functionCode);
  let common: number | null = null;
  return readHeaders(octets, (group, variation) => !isBare || (functionCode === 1 && group === 70 && variation === 5)).map((header) => {
    const { group, variation, qualifier, extent, items } = header;
    const isRelative = layoutOf(group, variation)?.time === 2;
    const parsed = items.map(({ index, data }): Item => {
      const value = decodeObject(group, variation, data);
      if (!isRelative) return { index, ...value };
      if (common === null) throw new ObjectFault(IIN2.parameter, `g${group}v${variation} without a common time before it`);
      return { index, ...value, time: common + value.time! };
    });
    if (group === COMMON_TIME) common = Number(parsed[0]?.value);
    return { group, variation, qualifier, extent, items: parsed };
  });
}
