/** What a capture held that gave no line, in words. */
import type { Dnp3Counts } from "./dnp3Frames.ts";
import type { CaptureReader } from "./read.ts";
import { type Direction, REQUEST, RESPONSE, UNKNOWN } from "./row.ts";

/** null where every frame was read and understood. */
export function summaryOf(reader: CaptureReader): string | null {
  const { skipped, streamCounts: streams, messageCounts: messages, dnp3Counts: dnp3, unknownLinks } = reader;
  const frames = list([
    count(skipped.otherPort, "on other TCP ports", "on other TCP ports"),
    count(skipped.notTcp, "other IP", "other IP"),
    count(skipped.notIp, "not IP", "not IP"),
    count(skipped.fragment, "IP fragment", "IP fragments"),
    count(skipped.damaged, "damaged or cut short", "damaged or cut short"),
    count(skipped.linkType, `of unknown link type ${[...unknownLinks].join(", ")}`, `of unknown link type ${[...unknownLinks].join(", ")}`),
  ]);
  const losses = list([
    count(streams.gaps, `gap (${streams.missing} octets lost)`, `gaps (${streams.missing} octets lost)`),
    count(streams.cut, "segment cut by the snapshot length", "segments cut by the snapshot length"),
    count(messages.incomplete, "message incomplete", "messages incomplete"),
    count(messages.foreignOctets, "octet that is no Modbus", "octets that are no Modbus"),
    count(dnp3.foreign, "place with octets that are no DNP3", "places with octets that are no DNP3"),
    count(dnp3.cut, "datagram cut by the snapshot length", "datagrams cut by the snapshot length"),
    count(streams.evicted, "connection forgotten to make room", "connections forgotten to make room"),
  ]);
  const tls = tlsOf(dnp3);
  if (frames === "" && losses === "" && tls === "") return null;
  const sentences = [`${messages.messages + dnp3.frames} messages in ${reader.frames} frames`];
  if (frames !== "") sentences.push(`frames passed over: ${frames}`);
  if (losses !== "") sentences.push(losses);
  if (tls !== "") sentences.push(tls);
  return sentences.join("; ");
}

/** `2 TLS connections on DNP3 ports, not decoded: 12 records (3456 octets) to the server, 9 records (1200 octets) from it`. */
function tlsOf({ tls, records }: Dnp3Counts): string {
  if (tls === 0) return "";
  const said = (of: Direction, where: string): string =>
    `${records[of].records} ${records[of].records === 1 ? "record" : "records"} (${records[of].octets} octets) ${where}`;
  const ways = [said(REQUEST, "to the server"), said(RESPONSE, "from it")];
  if (records[UNKNOWN].octets > 0) ways.push(said(UNKNOWN, "of unknown direction"));
  return `${count(tls, "TLS connection", "TLS connections")} on DNP3 ports, not decoded: ${ways.join(", ")}`;
}

function count(n: number, one: string, many: string): string | null {
  return n === 0 ? null : `${n} ${n === 1 ? one : many}`;
}

function list(parts: readonly (string | null)[]): string {
  return parts.filter((part) => part !== null).join(", ");
}
