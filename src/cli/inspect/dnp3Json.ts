/**
 * A DNP3 link frame as one line of JSON; keys and their order are DESIGN 9. Most of it is numbers and words of ours, so the line is put together
 * as text; what a peer may have written goes through JSON's own escapes and ours.
 */
import { endpointText } from "#capture/address";
import { CON, FIN, FIR, type Fragment, type ObjectHeader, SEQUENCE, UNS } from "#dnp3/application";
import { isResponse } from "#dnp3/functions";
import { eachItem, readField } from "#dnp3/items";
import { sizeOfField } from "#dnp3/objects/entry";
import { FIR as FIRST, FIN as LAST } from "#dnp3/transport";
import { visibleJson } from "#documents/escape";
import { toHex } from "#wire";
import { bodyOf, isSecret } from "./bodies.ts";
import type { LinkLine } from "./dnp3Frames.ts";
import { timeText } from "./json.ts";

type Side = LinkLine["side"];

export function dnp3Json(line: LinkLine): string {
  const { side, stamp, control, source, destination, crcOk, transport, fragment, malformed } = line;
  const link = `{"control":${control},"source":${source},"destination":${destination},"function":${control & 0x0f},"crcOk":${crcOk}}`;
  const segment =
    transport < 0 ? "null" : `{"fir":${(transport & FIRST) !== 0},"fin":${(transport & LAST) !== 0},"seq":${transport & 0x3f}}`;
  const application = fragment === null ? "null" : applicationOf(fragment);
  const objects = fragment === null ? "null" : objectsOf(fragment);
  const fault = malformed === null ? "null" : `"${malformed}"`;
  return `{"frame":${stamp.frame},"time":${timeText(stamp)},${endsOf(side)},"link":${link},"transport":${segment},"application":${application},"objects":${objects},"malformed":${fault}}\n`;
}

/** A side stands in many lines. */
const ENDS = new WeakMap<Side, string>();

function endsOf(side: Side): string {
  let ends = ENDS.get(side);
  if (ends === undefined) {
    const { address, port, peer } = side;
    ends = `"src":"${endpointText(address, port)}","dst":"${endpointText(peer.address, peer.port)}","protocol":"dnp3"`;
    ENDS.set(side, ends);
  }
  return ends;
}

function applicationOf({ control, row, iin }: Fragment): string {
  const flags = `"fir":${(control & FIR) !== 0},"fin":${(control & FIN) !== 0},"con":${(control & CON) !== 0},"uns":${(control & UNS) !== 0}`;
  return `{"function":${row.code},"seq":${control & SEQUENCE},${flags},"iin":${isResponse(row.code) ? iin : "null"}}`;
}

function objectsOf(fragment: Fragment): string {
  let text = "";
  for (const header of fragment.headers) text += `${text === "" ? "" : ","}${objectOf(fragment, header)}`;
  return `[${text}]`;
}

function objectOf(fragment: Fragment, header: ObjectHeader): string {
  const { group, variation, code, first, last, count, qualifier } = header;
  const range = `"first":${first < 0 ? "null" : first},"last":${last < 0 ? "null" : last},"count":${qualifier.range === "all" ? "null" : count}`;
  return `{"group":${group},"variation":${variation},"qualifier":${code},${range},"values":${header.hasData ? valuesOf(fragment, header) : "null"}}`;
}

/**
 * Bits as numbers; all else by the names of its fields, with the index where there is one, what is behind them, and what is opaque as hex. Of
 * a count that only says how many are meant nothing is made.
 */
function valuesOf(fragment: Fragment, header: ObjectHeader): string {
  const { octets } = fragment;
  const { group, variation } = header;
  const { layout } = header.entry;
  let values = "";
  const add = (value: string): void => {
    values = values === "" ? value : `${values},${value}`;
  };
  eachItem(fragment, header, ({ index, at, length, bits }) => {
    if (layout.is === "packed") {
      add(String(bits));
      return;
    }
    let members = index < 0 ? "" : `"index":${index}`;
    const put = (member: string): void => {
      members = members === "" ? member : `${members},${member}`;
    };
    let from = at;
    if (layout.is === "fields" || layout.is === "sized")
      for (const field of layout.fields) {
        const number = readField(octets, from, field);
        put(`"${field[0]}":${Number.isFinite(number) ? number : "null"}`);
        from += sizeOfField(field);
      }
    const body = layout.is === "fields" ? null : bodyOf(group, variation, octets.subarray(at, at + length));
    if (body !== null) {
      // Its members may be fields again, told better.
      add(visibleJson(JSON.stringify({ ...JSON.parse(`{${members}}`), ...body })));
      return;
    }
    if (isSecret(group, variation)) put('"octets":null');
    else if (from < at + length || layout.is !== "fields") put(`"octets":"${toHex(octets, from, at + length - from)}"`);
    add(`{${members}}`);
  });
  return `[${values}]`;
}
