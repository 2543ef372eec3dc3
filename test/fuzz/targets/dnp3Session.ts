/**
 * What one master sends, from its octets to the verdicts: link frames, fragments, what they make of each other, what they mean, and a small
 * policy. It does not depend on how the stream is cut, and nothing is done twice, out of its order, or past a denial.
 *
 *     0..1             2..
 *     seed of cuts     the stream
 */
import { loadSite } from "#config/load";
import { decodeFragment, type Fragment } from "#dnp3/application";
import { FUNCTION } from "#dnp3/functions";
import { controlFault, encodeLink, LINK_HEADER, LinkFramer } from "#dnp3/link";
import { type Problem, sayProblem } from "#documents/problems";
import { DENIALS } from "#events";
import { type Compiled, compile, finish } from "#policy/compile";
import { decide } from "#policy/decide";
import type { Facts } from "#policy/decision";
import { loadPolicy } from "#policy/load";
import { dnp3Tcp } from "#session/dnp3";
import { Dnp3Conversation } from "#session/dnp3Conversation";
import { Dnp3Stream } from "#session/dnp3Stream";
import { type Result, sameOctets, toHex } from "#wire";
import { cutsOf } from "../cuts.ts";
import { accepted, must, refused, type Target } from "../target.ts";
import { DNP3_EXCHANGES, FRAGMENTS, framesOf } from "./dnp3.ts";
import { join } from "./modbus.ts";

const LINK = { master: 1, outstation: 10 };
const SITE = `site: test
listeners: [{ asset: feeder, interface: lo, port: 0, tls: none, from: [127.0.0.0/8] }]
assets:
  feeder:
    protocol: dnp3-tcp
    address: 127.0.0.1:20000
    link: { master: 1, outstation: 10 }
    points: points.csv
audit: { directory: audit }
management: { socket: penstock.sock }
`;
const POINTS = `name,unit_id,table,address,type,unit,access,description,scale,write_min,write_max
breaker_52,,binary-output,0,bool,,rw,feeder breaker,,,
lockout,,binary-output,2,bool,,r,lockout relay,,,
setpoint,,analog-output,7,number,kV,rw,voltage set-point,,0,40
`;
const POLICY = `policy: feeder
version: 1
never:
  - { id: lockout, deny: operate, on: feeder, table: binary-output, addresses: 9 }
roles:
  operator:
    - { id: look, allow: [read, time, freeze], on: feeder }
    - { id: events, allow: events, on: feeder, table: class }
    - { id: told, allow: [events, assignClass], on: feeder, table: binary-input }
    - { id: unsolicited, allow: unsolicited, on: feeder }
    - { id: restart-bit, allow: write, on: feeder, table: indication, addresses: 7 }
    - { id: trip, allow: operate, on: feeder, table: binary-output, addresses: 0-20, via: [select-before-operate, direct], control: { codes: [trip, "0x03"], count: 1-2, on_time: 0-1000ms } }
    - { id: volts, allow: operate, on: feeder, points: [setpoint], via: [select-before-operate, direct, direct-no-ack], values: { min: 0, max: 30 } }
    - { id: other-volts, allow: operate, on: feeder, table: analog-output, addresses: 8-9, via: [select-before-operate, direct] }
    - { id: files, allow: file, actions: [open, read, delete], on: feeder, files: ["/logs/*", abcd] }
    - { id: states, allow: raw, on: feeder, functions: [2/10], opaque: true }
bindings:
  - { role: operator, source: 127.0.0.0/8, kind: machine, accept_unauthenticated: true }
`;
const TABLE = compiled().tableFor("feeder", ["operator"], "accepted");
const FACTS: Facts = {
  now: 0,
  hoursOpen: new Uint8Array(0),
  states: new Uint8Array(0),
  present: null,
  implausible: new Uint8Array(0),
  changes: { count: () => 0 },
  rates: { count: () => 0 },
};
/** 00 01 02 03 04 05, as the corpus writes it. */
const WALL_MS = 0x050403020100;
const OPERATING: readonly number[] = [FUNCTION.select, FUNCTION.operate];
const denial = new Uint8Array(4_096);
const frames = new Uint8Array(dnp3Tcp.frameLimit);

export const dnp3Session: Target = {
  name: "dnp3Session",
  limitMs: 10,
  inputs: 2_000_000,
  most: 2_000,
  text: false,
  dictionary: [],
  corpus: () => {
    const sent = (fragment: Uint8Array, to = LINK.outstation): Uint8Array => framesOf(fragment, 0xc4, to, LINK.master);
    const requests = [...FRAGMENTS, ...DNP3_EXCHANGES.map(({ request }) => request)];
    const [select, operate] = [DNP3_EXCHANGES[4]?.request as Uint8Array, DNP3_EXCHANGES[5]?.request as Uint8Array];
    const confirm = Uint8Array.of(0xc1, 0);
    return [
      ...requests.map((fragment, i) => join([0, i], sent(fragment))),
      join([1, 0], sent(select), sent(select), sent(operate.with(0, 0xc4)), sent(operate.with(0, 0xc4))),
      join([1, 1], sent(FRAGMENTS[0] as Uint8Array), sent(confirm), sent(select), sent(confirm), sent(operate)),
      join([1, 2], sent(FRAGMENTS[7] as Uint8Array, 0xfffd), sent(FRAGMENTS[0] as Uint8Array, 0xfffe)),
      join([1, 3], linkFrames(0xc0, 0xc9, 0xf2, 0xd2, 0xc1), framesOf(FRAGMENTS[4] as Uint8Array, 0xf3, LINK.outstation, LINK.master)),
      join([1, 4], sent(new Uint8Array(600).fill(7)), sent(FRAGMENTS[5] as Uint8Array)),
    ];
  },
  run(input) {
    const stream = input.subarray(2);
    const chunks = cutsOf(input);
    const whole = new Hearing().hear([stream]);
    const cut = new Hearing().hear(chunks);
    must(whole.join() === cut.join(), `cut into ${chunks.length} it gives ${cut.join(", ")}; whole ${whole.join(", ")}`);
    const words = [...new Set(whole.map((event) => event.split(" ")[0] as string))].slice(0, 4).join(" ");
    return whole.some((event) => event.startsWith("allowed")) ? accepted(words) : refused(words);
  },
};

/** One session without its sockets: everything it is sent is judged, and answered at once. */
class Hearing {
  readonly #stream = new Dnp3Stream("session", LINK);
  readonly #far = new Dnp3Stream("device", LINK);
  readonly #conversation = new Dnp3Conversation(true);
  /** The request before, its sequence put back. */
  #last = "";
  /** What is selected, by what this side has seen: the OPERATE that may follow. */
  #expected = "";
  #events: string[] = [];

  hear(chunks: readonly Uint8Array[]): readonly string[] {
    const stream = this.#stream;
    for (const chunk of chunks) {
      stream.feed(chunk);
      for (let found = stream.next(); found !== "more"; found = stream.next()) {
        mustBeLinkAnswer(stream.answer);
        if (found === "broken" || found === "passedOver") must(stream.broken !== null && stream.broken in DENIALS, "broken without a code");
        if (found === "broken") return [...this.#events, `broken ${stream.broken}`];
        if (found === "frame") this.#fragment();
        else this.#events.push(`${found} ${found === "answer" ? toHex(stream.answer) : stream.broken}`);
      }
    }
    return this.#events;
  }

  #fragment(): void {
    const { octets, pduAt, pduLength, transactionId, unitId } = this.#stream;
    must(pduLength > 0 && ((octets[pduAt] as number) & 0x0f) === 0 && transactionId < dnp3Tcp.transactions, "a sequence that is left in");
    const heard = this.#conversation.hear(this.#stream, 0);
    this.#events.push(`${heard} ${transactionId}`);
    if (heard !== "request") return;
    const pdu = octets.slice(pduAt, pduAt + pduLength);
    const asked = `${transactionId} ${toHex(pdu)}`;
    must(asked !== this.#last, "a request that is heard twice");
    this.#last = asked;
    const expected = this.#expected;
    this.#expected = "";
    const why = this.#judge(pdu, unitId, transactionId, `${transactionId} ${toHex(pdu, 2)}` === expected);
    this.#events.push(why === null ? "allowed" : `denied ${why}`);
    this.#answer(pdu, unitId, transactionId, why);
  }

  /** @param isExpected  an OPERATE would follow its SELECT */
  #judge(pdu: Uint8Array, unitId: number, transactionId: number, isExpected: boolean): string | null {
    const decoded = dnp3Tcp.decode(pdu, 0, pdu.length);
    if (!decoded.ok) return decoded.error.kind;
    const broadcast = dnp3Tcp.isBroadcast(unitId, "device");
    const { operations, reply } = dnp3Tcp.message(decoded.value, LINK.outstation, broadcast, null);
    must(!broadcast || reply === "none", "a broadcast that is to be answered");
    const { code } = (decoded.value as Fragment).row;
    const objection = this.#conversation.objection(decoded.value, transactionId, 0, WALL_MS, (transactionId & 1) === 0);
    if (code === FUNCTION.operate) must((objection === null) === isExpected, `an OPERATE: ${objection}`);
    const decision = decide(TABLE, operations, FACTS);
    const why = decision.allowed ? objection : decision.code;
    if (why !== null) must(why in DENIALS, `an unknown code: ${why}`);
    must(why !== null || !OPERATING.includes(code) || operations.every(({ verb }) => verb !== "raw"), "a command nobody looked into");
    if (why === null && code === FUNCTION.select) {
      this.#conversation.selected(decoded.value, transactionId, true, 0);
      this.#expected = `${(transactionId + 1) % dnp3Tcp.transactions} ${toHex(pdu, 2)}`;
    }
    return why;
  }

  /** What it is told is read at the far end as it was written, and is told again where the same is asked again. */
  #answer(pdu: Uint8Array, unitId: number, transactionId: number, why: string | null): void {
    const isAnswered = why !== null && dnp3Tcp.answerable(pdu, pdu.length, unitId, why as keyof typeof DENIALS) === "answer";
    const length = isAnswered ? dnp3Tcp.encodeDenial(denial, 0, pdu, pdu.length, why as keyof typeof DENIALS, 0) : 0;
    const framed = length === 0 ? 0 : this.#stream.frame(frames, 0, transactionId, unitId, denial, 0, length);
    this.#conversation.answered(frames, framed);
    if (framed === 0) return;
    this.#far.feed(frames.subarray(0, framed));
    must(this.#far.next() === "frame", "an answer that is no frame at the far end");
    const { octets, pduAt, pduLength } = this.#far;
    must(this.#far.transactionId === transactionId && pduLength === length, "an answer under another sequence");
    must(sameOctets(octets, pduAt, denial, 0, length), "an answer that is another at the far end");
    const read = decodeFragment(octets, pduAt, pduLength);
    must(read.ok && read.value.fault === null && this.#far.next() === "more", "an answer that cannot be read");
  }
}

/** A whole secondary frame, or nothing. */
function mustBeLinkAnswer(octets: Uint8Array): void {
  if (octets.length === 0) return;
  const framer = new LinkFramer("close");
  framer.feed(octets);
  must(framer.next() === "frame" && framer.length === octets.length, "what is said to the link is no frame");
  must(controlFault(framer.control, framer.dataLength) === null && (framer.control & 0xc0) === 0, "what is said to the link is no answer");
  must(framer.destination === LINK.master && framer.source === LINK.outstation, "what is said to the link is said to another");
}

function linkFrames(...controls: readonly number[]): Uint8Array {
  const frame = new Uint8Array(LINK_HEADER);
  return join(
    ...controls.map((control) => frame.slice(0, encodeLink(frame, 0, control, LINK.outstation, LINK.master, new Uint8Array(0), 0, 0))),
  );
}

function compiled(): Compiled {
  const vocabularies = new Map([["dnp3-tcp", dnp3Tcp.vocabulary]]);
  const { site } = sound(loadSite({ file: "site.yaml", text: SITE }, () => POINTS, vocabularies));
  const assets = new Map([...site.assets].map(([name, { model }]) => [name, model]));
  const policy = sound(loadPolicy({ file: "policy.yaml", text: POLICY }, assets, vocabularies));
  return finish(compile(policy, () => dnp3Tcp.vocabulary.spaces));
}

function sound<T>(read: Result<T, readonly Problem[]>): T {
  if (!read.ok) throw new Error(read.error.map(sayProblem).join("\n"));
  return read.value;
}
