/** The object tables (one file per group) by group and variation. */
import type { Layout, ObjectEntry, ObjectGroup } from "./entry.ts";
import { g0 } from "./g00.ts";
import { g1 } from "./g01.ts";
import { g2 } from "./g02.ts";
import { g3 } from "./g03.ts";
import { g4 } from "./g04.ts";
import { g10 } from "./g10.ts";
import { g11 } from "./g11.ts";
import { g12 } from "./g12.ts";
import { g13 } from "./g13.ts";
import { g20 } from "./g20.ts";
import { g21 } from "./g21.ts";
import { g22 } from "./g22.ts";
import { g23 } from "./g23.ts";
import { g30 } from "./g30.ts";
import { g31 } from "./g31.ts";
import { g32 } from "./g32.ts";
import { g33 } from "./g33.ts";
import { g34 } from "./g34.ts";
import { g40 } from "./g40.ts";
import { g41 } from "./g41.ts";
import { g42 } from "./g42.ts";
import { g43 } from "./g43.ts";
import { g50 } from "./g50.ts";
import { g51 } from "./g51.ts";
import { g52 } from "./g52.ts";
import { g60 } from "./g60.ts";
import { g70 } from "./g70.ts";
import { g80 } from "./g80.ts";
import { g81 } from "./g81.ts";
import { g82 } from "./g82.ts";
import { g83 } from "./g83.ts";
import { g85 } from "./g85.ts";
import { g86 } from "./g86.ts";
import { g87 } from "./g87.ts";
import { g88 } from "./g88.ts";
import { g90 } from "./g90.ts";
import { g91 } from "./g91.ts";
import { g101 } from "./g101.ts";
import { g102 } from "./g102.ts";
import { g110 } from "./g110.ts";
import { g111 } from "./g111.ts";
import { g112 } from "./g112.ts";
import { g113 } from "./g113.ts";
import { g120 } from "./g120.ts";
import { g121 } from "./g121.ts";
import { g122 } from "./g122.ts";

export const GROUPS: readonly ObjectGroup[] = [
  g0,
  g1,
  g2,
  g3,
  g4,
  g10,
  g11,
  g12,
  g13,
  g20,
  g21,
  g22,
  g23,
  g30,
  g31,
  g32,
  g33,
  g34,
  g40,
  g41,
  g42,
  g43,
  g50,
  g51,
  g52,
  g60,
  g70,
  g80,
  g81,
  g82,
  g83,
  g85,
  g86,
  g87,
  g88,
  g90,
  g91,
  g101,
  g102,
  g110,
  g111,
  g112,
  g113,
  g120,
  g121,
  g122,
];

const BY_NUMBER: readonly (ObjectGroup | null)[] = Array.from(
  { length: 256 },
  (_, group) => GROUPS.find((each) => each.group === group) ?? null,
);

/** null: the group is in no table. */
export function groupOf(group: number): ObjectGroup | null {
  return BY_NUMBER[group] as ObjectGroup | null;
}

/** By group << 8 | variation, as they are asked for. */
const ENTRIES = new Map<number, ObjectEntry | null>();

/** null: unknown. Variation 0 of a known group asks for whichever the device likes, and has no data. */
export function entryOf(group: number, variation: number): ObjectEntry | null {
  const key = (group << 8) | variation;
  let entry = ENTRIES.get(key);
  if (entry === undefined) {
    entry = makeEntry(group, variation);
    ENTRIES.set(key, entry);
  }
  return entry;
}

function makeEntry(number: number, variation: number): ObjectEntry | null {
  const group = groupOf(number);
  if (group === null) return null;
  const { kind, table, source } = group;
  if (variation === 0) return { group: number, variation, name: group.name, kind, table, source, layout: { is: "nothing" } };
  const found = group.variations[variation];
  const layout: Layout | null = found?.layout ?? group.others;
  const name = found === undefined ? group.name : `${group.name} ${found.name}`;
  return layout === null ? null : { group: number, variation, name, kind, table, source, layout };
}
