/** What a capture held that gave no line, in words. */
import type { CaptureReader } from "./read.ts";

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
    count(streams.evicted, "connection forgotten to make room", "connections forgotten to make room"),
  ]);
  if (frames === "" && losses === "") return null;
  const sentences = [`${messages.messages + dnp3.frames} messages in ${reader.frames} frames`];
  if (frames !== "") sentences.push(`frames passed over: ${frames}`);
  if (losses !== "") sentences.push(losses);
  return sentences.join("; ");
}

function count(n: number, one: string, many: string): string | null {
  return n === 0 ? null : `${n} ${n === 1 ? one : many}`;
}

function list(parts: readonly (string | null)[]): string {
  return parts.filter((part) => part !== null).join(", ");
}
