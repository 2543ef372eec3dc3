/** A DNP3 link frame as one line of JSON; keys and their order are DESIGN 9. */
import { endpointText } from "#capture/address";
import { CON, FIN, FIR, type Fragment, type ObjectHeader, SEQUENCE, UNS } from "#dnp3/application";
import { isResponse } from "#dnp3/functions";
import { eachItem, readField } from "#dnp3/items";
import { sizeOfField } from "#dnp3/objects/entry";
import { FIR as FIRST, FIN as LAST } from "#dnp3/transport";
import { visibleJson } from "#documents/escape";
import { toHex } from "#wire";
import { bodyOf, isSecret, type Said } from "./bodies.ts";
import type { LinkLine } from "./dnp3Frames.ts";
import { timeText } from "./json.ts";

/** Of a count that only says how many are meant nothing is made. */
type Value = number | null | Readonly<Record<string, Said>>;

export function dnp3Json(line: LinkLine): string {
  const { side, stamp, control, source, destination, crcOk, transport, fragment, malformed } = line;
  const rest = {
    src: endpointText(side.address, side.port),
    dst: endpointText(side.peer.address, side.peer.port),
    protocol: "dnp3",
    link: { control, source, destination, function: control & 0x0f, crcOk },
    transport: transport < 0 ? null : { fir: (transport & FIRST) !== 0, fin: (transport & LAST) !== 0, seq: transport & 0x3f },
    application: fragment === null ? null : applicationOf(fragment),
    objects: fragment === null ? null : fragment.headers.map((header) => objectOf(fragment, header)),
    malformed,
  };
  return `{"frame":${stamp.frame},"time":${timeText(stamp)},${visibleJson(JSON.stringify(rest).slice(1))}\n`;
}

function applicationOf({ control, row, iin }: Fragment): Readonly<Record<string, number | boolean | null>> {
  return {
    function: row.code,
    seq: control & SEQUENCE,
    fir: (control & FIR) !== 0,
    fin: (control & FIN) !== 0,
    con: (control & CON) !== 0,
    uns: (control & UNS) !== 0,
    iin: isResponse(row.code) ? iin : null,
  };
}

function objectOf(fragment: Fragment, header: ObjectHeader): Readonly<Record<string, unknown>> {
  const { group, variation, code, first, last, count, qualifier } = header;
  return {
    group,
    variation,
    qualifier: code,
    first: first < 0 ? null : first,
    last: last < 0 ? null : last,
    count: qualifier.range === "all" ? null : count,
    values: header.hasData ? valuesOf(fragment, header) : null,
  };
}

/** Bits as numbers; all else by the names of its fields, with the index where there is one, what is behind them, and what is opaque as hex. */
function valuesOf(fragment: Fragment, header: ObjectHeader): readonly Value[] {
  const { octets } = fragment;
  const { group, variation } = header;
  const { layout } = header.entry;
  const values: Value[] = [];
  eachItem(fragment, header, ({ index, at, length, bits }) => {
    if (layout.is === "packed") {
      values.push(bits);
      return;
    }
    const value: Record<string, Said> = index < 0 ? {} : { index };
    let from = at;
    for (const field of layout.is === "fields" || layout.is === "sized" ? layout.fields : []) {
      const number = readField(octets, from, field);
      value[field[0]] = Number.isFinite(number) ? number : null;
      from += sizeOfField(field);
    }
    const body = bodyOf(group, variation, octets.subarray(at, at + length));
    if (body !== null) Object.assign(value, body);
    else if (isSecret(group, variation)) value.octets = null;
    else if (from < at + length || layout.is !== "fields") value.octets = toHex(octets, from, at + length - from);
    values.push(value);
  });
  return values;
}
