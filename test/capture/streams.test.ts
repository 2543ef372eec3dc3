/** TCP reassembly: order, loss, repetition, reuse, and the caps. */
import * as fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { endpointText } from "#capture/address";
import { LINK, Segment } from "#capture/segment";
import { LIMITS, type Side, type StreamHandler, Streams } from "#capture/streams";
import { ACK, answer, CLIENT, FIN, type Octets, PSH_ACK, RST, SERVER, SYN, segment, type TcpFields } from "./packets.ts";

/** What a handler is told, in words: `c` the client's side, `s` the server's, others by their endpoint. */
class Listener implements StreamHandler<true> {
  readonly told: string[] = [];
  octets(side: Side<true>, octets: Uint8Array, at: number, end: number): void {
    this.told.push(`${nameOf(side)} ${String.fromCharCode(...octets.subarray(at, end))} @${side.stamp.frame}`);
  }
  gap(side: Side<true>, missing: number | null): void {
    this.told.push(`${nameOf(side)} gap ${missing ?? "?"}`);
  }
  end(side: Side<true>): void {
    if (side.started) this.told.push(`${nameOf(side)} end`);
  }
}

function nameOf(side: Side<true>): string {
  const text = endpointText(side.address, side.port);
  return text === "10.0.0.1:40000" ? "c" : text === "10.0.0.2:502" ? "s" : text;
}

function run(frames: readonly (Octets | Uint8Array)[], captured: readonly number[] = []) {
  const listener = new Listener();
  const streams = new Streams<true>(listener);
  const found = new Segment();
  frames.forEach((frame, i) => {
    const octets = Uint8Array.from(frame);
    assert.is(found.read(octets, 0, captured[i] ?? octets.length, octets.length, LINK.ethernet), null);
    streams.take(found, octets, { frame: i + 1, seconds: i, fraction: 0, digits: 6 });
    octets.fill(0xdd); // views must not outlive the call
  });
  return { told: listener.told, streams };
}

const text = (words: string): number[] => [...Buffer.from(words)];
const c = (seq: number, words: string, more: Partial<TcpFields> = {}) => segment({ seq, payload: text(words), ...more });
const s = (seq: number, words: string, more: Partial<TcpFields> = {}) => answer({ seq, payload: text(words), ...more });
const syn = (seq: number) => segment({ seq, flags: SYN });
const synAck = (seq: number, ack: number) => answer({ seq, ack, flags: SYN | ACK });

const test = suite("capture/streams");

test("a whole connection, in order; the SYN says who opened it", () => {
  const { told, streams } = run([syn(99), synAck(499, 100), c(100, "abc"), s(500, "xy", { ack: 103 }), c(103, "def")]);
  assert.equal(told, ["c abc @3", "s xy @4", "c def @5"]);
  streams.end();
  assert.equal(told.slice(3), ["c end", "s end"]);
  assert.is(streams.counts.connections, 1);
});

test("retransmissions, whole and in part, bring nothing twice", () => {
  const { told, streams } = run([syn(99), c(100, "abc"), c(100, "abc"), c(101, "bcde"), c(99, "?"), c(100, "abcdefg")]);
  assert.equal(told, ["c abc @2", "c de @4", "c fg @6"]);
  assert.is(streams.counts.retransmitted, 2);
});

test("octets seen first win, handed on or held", () => {
  const { told } = run([syn(99), c(100, "abc"), c(101, "XXd"), c(107, "hi"), c(105, "fgYZj"), c(104, "VWWWWWk")]);
  // 105..106 "fg" were first at frame 5, 107..108 "hi" at frame 4, 109 "j" at frame 5, 104 "V" and 110 "k" at frame 6.
  assert.is(
    told
      .filter((line) => line.startsWith("c"))
      .map((line) => line.split(" ")[1])
      .join(""),
    "abcdVfghijk",
  );
});

test("reordered segments wait for what stands before them; the frame is the one that made them readable", () => {
  const { told, streams } = run([syn(99), c(106, "ghi"), c(103, "def"), c(100, "abc"), c(109, "j")]);
  assert.equal(told, ["c abc @4", "c def @4", "c ghi @4", "c j @5"]);
  assert.is(streams.counts.reordered, 2);
  assert.is(streams.oldestHeld, Number.POSITIVE_INFINITY);
});

test("what waits is known by its frame", () => {
  const { streams } = run([syn(99), c(100, "a"), c(103, "d"), c(105, "f")]);
  assert.is(streams.oldestHeld, 3);
});

test("loss: the other side's acknowledgement says that a hole will not be filled", () => {
  const { told, streams } = run([
    syn(99),
    synAck(499, 100),
    c(100, "ab"),
    c(104, "ef"),
    s(500, "x", { ack: 102 }),
    s(501, "y", { ack: 106 }),
    c(102, "cd"),
    c(106, "gh"),
  ]);
  assert.equal(told, ["c ab @3", "s x @5", "c gap 2", "c ef @4", "s y @6", "c gh @8"]);
  assert.equal([streams.counts.gaps, streams.counts.missing], [1, 2]);
});

test("loss: an acknowledgement within several holes gives up those before it alone", () => {
  const { told } = run([syn(99), c(102, "c"), c(105, "f"), answer({ seq: 1, ack: 103, flags: ACK }), c(103, "de")]);
  assert.equal(told, ["c gap 2", "c c @2", "c de @5", "c f @5"]);
});

test("loss at the end of the capture", () => {
  const { told, streams } = run([syn(99), c(103, "d"), synAck(499, 100), s(503, "z"), c(107, "h")]);
  assert.equal(told, []);
  streams.end();
  assert.equal(told, ["c gap 3", "c d @2", "s gap 3", "s z @4", "c gap 3", "c h @5", "c end", "s end"]);
});

test("a start in the middle: a gap, then what is seen first", () => {
  const { told } = run([c(5_000, "abc"), s(9_000, "xyz", { ack: 5_003 }), c(5_003, "d"), c(4_990, "old")]);
  assert.equal(told, ["c gap ?", "c abc @1", "s gap ?", "s xyz @2", "c d @3"]);
});

test("a SYN that was not captured: its answer tells where the other side begins", () => {
  const { told } = run([synAck(499, 100), c(102, "c"), c(100, "ab")]);
  assert.equal(told, ["c ab @3", "c c @3"]);
});

test("sequence numbers wrap", () => {
  const { told } = run([syn(0xffff_fffc), c(0xffff_fffd, "abcde"), c(3, "gh"), c(0xffff_fffe, "bcdef"), c(1, "ef"), c(5, "i")]);
  assert.equal(told, ["c abcde @2", "c f @4", "c gh @4", "c i @6"]);
});

test("a new SYN on the same addresses is a new connection; the same SYN again is not", () => {
  const { told, streams } = run([syn(99), syn(99), c(100, "ab"), c(104, "ef"), syn(7_000), c(7_001, "new"), synAck(1, 7_001), s(2, "x")]);
  assert.equal(told, ["c ab @3", "c gap 2", "c ef @4", "c end", "c new @6", "s x @8"]);
  assert.is(streams.counts.connections, 2);
});

test("after RST and FIN late copies are known as such, and what was held comes out", () => {
  const { told } = run([
    syn(99),
    c(100, "ab"),
    c(104, "ef"),
    answer({ seq: 1, flags: RST }),
    c(100, "ab"),
    c(106, "", { flags: FIN | ACK }),
    c(104, "ef"),
  ]);
  assert.equal(told, ["c ab @2", "c gap 2", "c ef @3"]);
});

test("octets on a FIN and on a SYN count", () => {
  const { told } = run([segment({ seq: 99, flags: SYN, payload: text("ab") }), c(102, "cd", { flags: FIN | PSH_ACK })]);
  assert.equal(told, ["c ab @1", "c cd @2"]);
});

test("numbers far off are another connection whose SYN was lost", () => {
  const { told } = run([syn(99), c(100, "ab"), c(104, "ef"), c(3_000_000_000, "new"), c(3_000_000_003, "er")]);
  assert.equal(told, ["c ab @2", "c gap 2", "c ef @3", "c gap ?", "c new @4", "c er @5"]);
});

test("a segment cut by the snapshot length: its octets, then a gap", () => {
  const frames = [syn(99), c(100, "abcd"), c(104, "ef")];
  const whole = (frames[1] as number[]).length;
  const { told, streams } = run(frames, [54, whole - 3, whole - 2]);
  assert.equal(told, ["c a @2", "c gap 3", "c ef @3"]);
  assert.is(streams.counts.cut, 1);
  const none = run(frames, [54, whole - 4]);
  assert.equal(none.told, ["c gap 4", "c ef @3"]);
});

test("connections that share a port or an address are not mixed", () => {
  const second = { from: [CLIENT, 40_001], to: [SERVER, 502] } as const;
  const third = { from: [SERVER, 40_000], to: [CLIENT, 502] } as const;
  const { told } = run([
    syn(99),
    segment({ ...second, seq: 99, flags: SYN }),
    c(100, "a"),
    segment({ ...second, seq: 100, payload: text("b") }),
    segment({ ...third, seq: 1, payload: text("c") }),
  ]);
  assert.equal(told, ["c a @3", "10.0.0.1:40001 b @4", "10.0.0.2:40000 gap ?", "10.0.0.2:40000 c @5"]);
});

test("packets to itself do no harm", () => {
  const self = { from: [CLIENT, 502], to: [CLIENT, 502] } as const;
  const { told } = run([segment({ ...self, seq: 1, payload: text("a") }), segment({ ...self, seq: 2, payload: text("b") })]);
  assert.equal(
    told.filter((line) => !line.includes("gap")).map((line) => line.split(" ")[1]),
    ["a", "b"],
  );
});

test("cap: pieces held for one side", () => {
  const frames = [syn(99)];
  for (let i = 0; i <= LIMITS.sidePieces; i++) frames.push(c(102 + 2 * i, "x"));
  const { told } = run(frames);
  assert.is(told.filter((line) => line.startsWith("c gap")).length, LIMITS.sidePieces);
  assert.is(told.at(-1), `c x @${LIMITS.sidePieces + 1}`);
});

test("cap: octets held for one side", () => {
  const big = "x".repeat(60_000);
  const frames = [syn(99)];
  for (let i = 0; i < 6; i++) frames.push(c(102 + 60_001 * i, big));
  const { told } = run(frames);
  assert.ok(told.length >= 8 && told[0] === "c gap 2", told.map((line) => line.slice(0, 9)).join());
});

test("cap: frames a hole may wait", () => {
  const frames = [syn(99), c(102, "c")];
  for (let i = 0; i < LIMITS.frames; i++) frames.push(segment({ from: [CLIENT, 50_000], to: [SERVER, 502], seq: 1, flags: ACK }));
  assert.equal(run(frames.slice(0, -1)).told, []);
  assert.equal(run(frames).told, ["c gap 2", "c c @2"]);
});

/** Frames of the `n`th other client. */
const other = (n: number, seq: number, words: string): number[] =>
  segment({ from: [[11, 0, 0, n], 1000], to: [SERVER, 502], seq, payload: text(words) });

test("cap: pieces held for all sides", () => {
  const frames = [syn(99), c(102, "c")];
  // 32 single octets, then one segment over all of them, is 64 pieces in 34 frames.
  for (let n = 0; n < 66; n++) {
    frames.push(other(n, 1, "a"));
    for (let i = 0; i < 32; i++) frames.push(other(n, 10 + 2 * i, "x"));
    frames.push(other(n, 9, "y".repeat(64)));
  }
  assert.ok(frames.length < LIMITS.frames);
  const gaps = (told: readonly string[]): string[] => told.filter((line) => line.includes("gap") && !line.endsWith("?"));
  const { told } = run(frames);
  const given = told.indexOf("c gap 2");
  assert.ok(given > 60, `given up after ${given} lines`);
  assert.equal(gaps(told)[0], "c gap 2");
});

test("cap: octets held for all sides", () => {
  const frames: (Octets | Uint8Array)[] = [syn(99), c(102, "c")];
  const big = Uint8Array.from(other(0, 0, "x".repeat(60_000)));
  for (let n = 0; n < 36; n++) {
    frames.push(other(n, 1, "a"));
    for (let i = 0; i < 4; i++) {
      const frame = big.slice();
      frame[29] = n; // last octet of the client's address
      new DataView(frame.buffer).setUint32(38, 10 + 60_001 * i); // sequence number
      frames.push(frame);
    }
  }
  // Two lines tell of each client's first octet: the oldest hole is given up between the 30th and the last.
  const given = run(frames).told.indexOf("c gap 2");
  assert.ok(given > 60, `given up after ${given} lines`);
});

test("cap: connections; the one longest quiet goes, and what it held comes out", () => {
  const open = (i: number) => segment({ from: [[11, 0, i >> 8, i & 255], 1000], to: [SERVER, 502], seq: 5, flags: SYN });
  const frames = [syn(99), c(102, "c")];
  for (let i = 0; i < LIMITS.connections - 1; i++) frames.push(open(i));
  const over = run([...frames, open(LIMITS.connections)]);
  assert.is(over.streams.counts.evicted, 1);
  assert.equal(over.told.slice(-3), ["c gap 2", "c c @2", "c end"].slice(-3));
});

test("any order, any cut into segments, with copies: the same octets", () => {
  const words = Array.from({ length: 60 }, (_, i) => String.fromCharCode(33 + i)).join("");
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(59), fc.integer({ min: 1, max: 20 })), { maxLength: 30 }),
      fc.nat(0xffff_ffff),
      fc.infiniteStream(fc.nat(1000)),
      (copies, start, order) => {
        const pieces = [];
        for (let at = 0; at < 60; at += 7) pieces.push([at, Math.min(60, at + 7)] as const);
        for (const [at, length] of copies) pieces.push([at, Math.min(60, at + length)] as const);
        const keyed = pieces.map((piece) => [order.next().value as number, piece] as const).sort((a, b) => a[0] - b[0]);
        const frames = [syn(start), ...keyed.map(([, [from, to]]) => c(start + 1 + from, words.slice(from, to)))];
        const { told } = run(frames);
        assert.is(told.map((line) => line.slice(2, line.lastIndexOf(" @"))).join(""), words);
      },
    ),
    { numRuns: 200 },
  );
});

test.run();
