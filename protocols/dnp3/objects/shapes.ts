/** Variations that several groups have alike: what is counted and measured differs, how it is told of does not. */
import { FLAGS, fields, type ObjectGroup, RELATIVE_TIME, TIME } from "./entry.ts";

type Variations = ObjectGroup["variations"];

/** Groups 2 and 4: the state stands in the flags. */
export const STATE_EVENTS: Variations = {
  1: { name: "withoutTime", layout: fields(FLAGS) },
  2: { name: "withAbsoluteTime", layout: fields(FLAGS, TIME) },
  3: { name: "withRelativeTime", layout: fields(FLAGS, RELATIVE_TIME) },
};

/** Groups 20 to 23; the delta ones are obsolete. */
export const COUNTERS_WITH_FLAG: Variations = {
  1: { name: "32BitWithFlag", layout: fields(FLAGS, ["value", "u32"]) },
  2: { name: "16BitWithFlag", layout: fields(FLAGS, ["value", "u16"]) },
  3: { name: "32BitDeltaWithFlag", layout: fields(FLAGS, ["value", "u32"]) },
  4: { name: "16BitDeltaWithFlag", layout: fields(FLAGS, ["value", "u16"]) },
};

/** Groups 21 to 23. */
export const COUNTERS_WITH_TIME: Variations = {
  5: { name: "32BitWithFlagAndTime", layout: fields(FLAGS, ["value", "u32"], TIME) },
  6: { name: "16BitWithFlagAndTime", layout: fields(FLAGS, ["value", "u16"], TIME) },
  7: { name: "32BitDeltaWithFlagAndTime", layout: fields(FLAGS, ["value", "u32"], TIME) },
  8: { name: "16BitDeltaWithFlagAndTime", layout: fields(FLAGS, ["value", "u16"], TIME) },
};

/** Groups 32, 33, 42 and 43. @param first what stands before the value: flags, or what became of a command */
export function analogEvents(first: typeof FLAGS): Variations {
  return {
    1: { name: "32BitWithoutTime", layout: fields(first, ["value", "i32"]) },
    2: { name: "16BitWithoutTime", layout: fields(first, ["value", "i16"]) },
    3: { name: "32BitWithTime", layout: fields(first, ["value", "i32"], TIME) },
    4: { name: "16BitWithTime", layout: fields(first, ["value", "i16"], TIME) },
    5: { name: "singlePrecisionWithoutTime", layout: fields(first, ["value", "f32"]) },
    6: { name: "doublePrecisionWithoutTime", layout: fields(first, ["value", "f64"]) },
    7: { name: "singlePrecisionWithTime", layout: fields(first, ["value", "f32"], TIME) },
    8: { name: "doublePrecisionWithTime", layout: fields(first, ["value", "f64"], TIME) },
  };
}
