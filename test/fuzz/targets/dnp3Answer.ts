/**
 * A reply held against a request, what it shows, and what the request would be told were it denied.
 *
 *     0..1                          2..n      n+1..
 *     length of request, u16 big    request   reply
 */
import { decodeFragment, type Fragment, RESPONSE_HEADER } from "#dnp3/application";
import { FUNCTION } from "#dnp3/functions";
import { matchReply, NOT_DONE, readingsOf, statusOf, toldBy } from "#dnp3/replies";
import { FRAGMENT_LIMIT } from "#dnp3/transport";
import { DENIALS, type DenialCode } from "#events";
import type { Target as Place } from "#operation";
import { dnp3Tcp } from "#session/dnp3";
import { sameOctets, u16 } from "#wire";
import { accepted, must, refused, type Target } from "../target.ts";
import { DNP3_EXCHANGES, FRAGMENTS } from "./dnp3.ts";
import { join } from "./modbus.ts";

const CODES = Object.keys(DENIALS) as DenialCode[];
const MATCHED_FAULTS = ["notAResponse", "notAsked", "echoDiffers"];
const amid = new Uint8Array(4_096 + 22);
const AT = 11;
const denial = new Uint8Array(4_096);

export const dnp3Answer: Target = {
  name: "dnp3Answer",
  limitMs: 10,
  inputs: 10_000_000,
  most: 4_096,
  text: false,
  dictionary: [],
  corpus: () => [
    ...DNP3_EXCHANGES.flatMap(({ request, reply }, i) => {
      const other = DNP3_EXCHANGES[(i + 1) % DNP3_EXCHANGES.length]?.reply ?? reply;
      return [joined(request, reply), joined(request, other), joined(request, [0xc0, 0x81, 0, 1])];
    }),
    ...FRAGMENTS.map((fragment) => joined(fragment, fragment)),
  ],
  run(input) {
    const asked = input.length < 2 ? 0 : Math.min(u16(input, 0), input.length - 2, FRAGMENT_LIMIT);
    const from = Math.min(input.length, 2 + asked);
    const length = Math.min(input.length - from, FRAGMENT_LIMIT);
    amid.fill(0xa5);
    amid.set(input.subarray(from, from + length), AT);
    const request = decodeFragment(input, 2, asked);
    const told = asked < 2 ? "" : mustAnswer(input.subarray(2, 2 + asked), CODES[(input[0] ?? 0) % CODES.length] as DenialCode);
    const reply = decodeFragment(amid, AT, length);
    if (reply.ok && reply.value.fault === null) mustShow(reply.value, length);
    if (!request.ok || request.value.fault !== null) return refused(`no request ${told}`);
    const matched = matchReply(request.value, amid, AT, length);
    if (!matched.ok) {
      const { kind } = matched.error;
      must(kind in DENIALS || MATCHED_FAULTS.includes(kind), `an unknown code: ${kind}`);
      return refused(`${request.value.row.code} ${kind}`);
    }
    const { row, headers } = matched.value;
    must(row.code === FUNCTION.response || row.code === FUNCTION.authenticationResponse, "it is answered by what is no response");
    return accepted(`${request.value.row.code} ${statusOf(matched.value) === 0} ${headers.map(({ group }) => group).join(" ")}`);
  },
};

function joined(request: Uint8Array, reply: Uint8Array | readonly number[]): Uint8Array {
  return join([request.length >> 8, request.length & 0xff], request, reply);
}

/** What is shown stands in the table it is said to be of, and has its cells. */
function mustShow(reply: Fragment, length: number): void {
  for (const { target, values } of readingsOf(reply)) {
    mustStand(target);
    if (values.is !== "cells" || target.at !== "range") continue;
    const count = target.last - target.first + 1;
    const octets = values.bits === 1 ? Math.ceil(count / 8) : 2 * count;
    const end = values.octets === amid ? AT + length : values.octets.length;
    must(values.at + octets <= end, "a reading outside its message");
  }
  for (const { target, verb } of toldBy(reply, 1) ?? []) {
    must(verb === "events", `something unasked for is told as ${verb}`);
    must(target.at === "range" && target.first <= target.last, "what is told of stands nowhere");
  }
}

function mustStand(target: Place): void {
  const space = target.at === "range" ? dnp3Tcp.vocabulary.spaces[target.space] : undefined;
  must(space !== undefined && target.at === "range", "a reading of no table");
  must(target.first >= 0 && target.first <= target.last && target.last <= space.last, "a reading beyond its table");
}

/**
 * An answer to what is denied is a good response that fits where a fragment does, says that it was not done, and is one that a gateway further
 * on passes for the request.
 *
 * @returns what came of it, in a word
 */
function mustAnswer(request: Uint8Array, code: DenialCode): string {
  if (dnp3Tcp.answerable(request, request.length, 10, code) !== "answer") return "silence";
  const length = dnp3Tcp.encodeDenial(denial, 0, request, request.length, code, 0);
  must(length >= RESPONSE_HEADER && length <= FRAGMENT_LIMIT, `a denial of ${length} octets`);
  const decoded = decodeFragment(denial, 0, length);
  must(decoded.ok && decoded.value.fault === null, "a denial that cannot be read");
  must(decoded.value.row.code === FUNCTION.response && decoded.value.control === 0xc0, "a denial that is no whole response");
  const { headers, iin } = decoded.value;
  const asked = decodeFragment(request, 0, request.length);
  if (headers.length === 0) must(iin >> 8 !== 0, "a denial that reads like success");
  else {
    const [from, to] = asked.ok ? endsOf(asked.value) : [0, 0];
    must(length === to - from + RESPONSE_HEADER, "a denial of another length than what it echoes");
    must(statusOf(decoded.value) !== 0, "a denial whose commands read like success");
    must(asked.ok && matchReply(asked.value, denial, 0, length).ok, "a denial that does not echo what it denies");
    must(sameOctets(denial, RESPONSE_HEADER, request, from, 3), "a denial of other objects");
  }
  return headers.length === 0 ? `indicated ${((iin >> 8) & NOT_DONE) !== 0}` : "echoed";
}

/** Where the objects stand that are asked about: between who asks and the proof, where a request begins with the first (SAv5). */
function endsOf({ headers, length }: Fragment): readonly [from: number, to: number] {
  const [first, last] = [headers[0], headers.at(-1)];
  if (first?.group !== 120 || first.variation !== 3 || first === last) return [2, length];
  const isProof = last?.group === 120 && last.variation === 9;
  return [first.end, isProof ? last.at : length];
}
