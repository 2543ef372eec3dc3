/**
 * What no policy can grant: a command that says of itself what became of it, one index told twice, a number that is none. What a device makes of
 * these differs, so none of them leaves.
 *
 * @source RULINGS 35, 36; technical bulletin TB2014-002 (a request with a status is not operated)
 */
import type { Fragment } from "./application.ts";
import { BAD_NAME, fileRequestOf } from "./files.ts";
import { FUNCTION } from "./functions.ts";
import { eachItem, fieldOf } from "./items.ts";
import { numberOf } from "./operations.ts";

export type Objection = "badStatus" | "duplicateIndex" | "notANumber" | "badName";

export function isCommand(code: number): boolean {
  return code >= FUNCTION.select && code <= FUNCTION.directOperateNoAck;
}

/** Of a request; null: there is none. */
export function objectionOf(fragment: Fragment): Objection | null {
  if (!isCommand(fragment.row.code)) return hasBadName(fragment) ? BAD_NAME : null;
  const seen = new Set<number>();
  let objection: Objection | null = null;
  for (const header of fragment.headers) {
    if (header.entry.kind !== "command") continue;
    eachItem(fragment, header, (item) => {
      // The status octet with its bit 7.
      if ((fieldOf(fragment.octets, header, item.at, "status") ?? 0) !== 0) objection ??= "badStatus";
      const place = header.group * 0x1_0000_0000 + item.index;
      if (item.index >= 0 && seen.has(place)) objection ??= "duplicateIndex";
      seen.add(place);
      if (header.group === ANALOG && !Number.isFinite(numberOf(fragment, header, item))) objection ??= "notANumber";
    });
  }
  return objection;
}

function hasBadName(fragment: Fragment): boolean {
  return fragment.headers.some((header) => header.entry.kind === "file" && header.hasData && fileRequestOf(fragment, header) === BAD_NAME);
}

const ANALOG = 41;
