/** `penstock inspect` as a person meets it: words, exit codes, pipes. */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { setTimeout as pause } from "node:timers/promises";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { datagram, ethernet, ipv4, type Octets, pcap, readRequest, segment, tcp } from "../capture/packets.ts";
import { decodeText, inspect, inspectArguments, linesOf, withFile } from "./run.ts";

const ask = (n: number): number[] => segment({ seq: 1 + 12 * n, payload: readRequest(n, n) });
const FRAMES = [ask(0), ask(1), ask(2)];

/** A capture of `count` requests whose lines are far more than a pipe holds. */
function long(count: number): Uint8Array {
  return pcap(Array.from({ length: count }, (_, n) => segment({ seq: 1 + 12 * n, payload: readRequest(n & 0xffff, n & 0xffff) })));
}

const test = suite("inspect/command");

const REFUSED: readonly (readonly [name: string, file: string, words: string])[] = [
  ["no such file", "/nonexistent.pcap", "penstock: /nonexistent.pcap: no such file\n"],
  ["a folder", tmpdir(), `penstock: ${tmpdir()}: is a directory; expected a pcap or pcapng file\n`],
  [
    "no capture",
    import.meta.filename,
    `penstock: ${import.meta.filename}: octet 0: found 0x2f2a2a20; expected the magic number of a pcap or pcapng file\n`,
  ],
  ["a name that moves the cursor", "/no\x1b[2Jsuch", "penstock: /no\\u{001b}[2Jsuch: no such file\n"],
];

for (const [name, file, words] of REFUSED) {
  test(`${name}: one line, exit 2`, () => {
    assert.equal(inspect(file, true), { status: 2, out: "", err: words });
  });
}

test("a capture with nothing to remark: lines and not a word more", () =>
  withFile(pcap(FRAMES), (file) => {
    const { status, out, err } = inspect(file, true);
    assert.equal([status, err, linesOf(out).length], [0, "", 3]);
  }));

test("a damaged capture: what stands before the damage, then where it is, exit 2", async () => {
  const { status, text, said } = await decodeText(pcap(FRAMES).subarray(0, -1));
  assert.is(status, 2);
  assert.is(linesOf(text).length, 2);
  assert.equal(said, ["FILE: octet 188: the file ends inside a packet (82 octets needed, 81 there)"]);
});

test("what was passed over is said in one line", async () => {
  const frames: Octets[] = [
    ...FRAMES,
    segment({ seq: 1 + 36 + 5, payload: readRequest(9, 9) }),
    segment({ seq: 1, to: [[10, 0, 0, 2], 80], payload: [1] }),
    ethernet(ipv4([0], { protocol: 1 })),
    datagram({ to: [[10, 0, 0, 2], 53], payload: [0] }),
    ethernet([], { type: 0x0806 }),
    ethernet(ipv4(tcp({ seq: 1 }), { fragment: 0x2000 })),
    [1, 2, 3],
  ];
  const { status, said } = await decodeText(pcap(frames));
  assert.is(status, 0);
  assert.equal(said, [
    "FILE: 4 messages in 10 frames; frames passed over: 1 on other TCP ports, 2 other IP, 1 not IP, 1 IP fragment, 1 damaged or cut short; 1 gap (5 octets lost)",
  ]);
});

test("a link type that is not read is named", async () => {
  const { status, said } = await decodeText(pcap(FRAMES, { link: 105 }));
  assert.is(status, 0);
  assert.equal(said, ["FILE: 0 messages in 3 frames; frames passed over: 3 of unknown link type 105"]);
});

test("lines for people: a head, aligned columns, plain words", async () => {
  const echo = [0, 2, 0, 0, 0, 6, 7, 6, 0, 1, 0, 2];
  const denied = [0, 3, 0, 0, 0, 3, 7, 0x83, 2];
  const bad = [0, 4, 0, 0, 0, 6, 7, 3, 0, 1, 0, 0];
  const server = { from: [[10, 0, 0, 2], 502], to: [[10, 0, 0, 1], 40_000] } as const;
  const { text } = await decodeText(
    pcap([segment({ seq: 1, payload: echo }), segment({ ...server, seq: 1, payload: denied }), segment({ seq: 13, payload: bad })]),
    { json: false },
  );
  const gap = (words: string, width: number): string => words.padEnd(width);
  const row = (frame: number, from: string, to: string, what: string, transaction: number, message: string): string =>
    `${String(frame).padStart(8)}  2023-11-14 22:13:${19 + frame}.00000${frame}  ${gap(from, 21)}  ${gap(to, 21)}  ${gap(what, 8)}  ${String(transaction).padStart(5)}     7  ${message}`;
  assert.equal(text.split("\n"), [
    "   frame  time (UTC)                  from                   to                     what      trans  unit  message",
    row(1, "10.0.0.1:40000", "10.0.0.2:502", "request", 2, "writeSingleRegister 1 = 2"),
    row(2, "10.0.0.2:502", "10.0.0.1:40000", "response", 3, "readHoldingRegisters exception 2 illegalDataAddress"),
    row(3, "10.0.0.1:40000", "10.0.0.2:502", "request", 4, "readHoldingRegisters 1 MALFORMED badQuantity"),
    "",
  ]);
});

test("head closes the pipe: quiet, exit 0", () =>
  withFile(long(20_000), async (file) => {
    const child = spawn(process.execPath, inspectArguments(file, true), { stdio: ["ignore", "pipe", "pipe"] });
    let complaints = "";
    child.stderr.on("data", (words: Buffer) => {
      complaints += words;
    });
    child.stdout.once("data", () => child.stdout.destroy());
    const [status] = await once(child, "close");
    assert.equal([status, complaints], [0, ""]);
  }));

test("a reader that dawdles gets every line, and holds us up", () =>
  withFile(long(20_000), async (file) => {
    const child = spawn(process.execPath, inspectArguments(file, true), { stdio: ["ignore", "pipe", "inherit"] });
    const closed = once(child, "close");
    let text = "";
    let pauses = 0;
    for await (const piece of child.stdout) {
      text += piece;
      if (pauses++ < 20) await pause(10);
      if (pauses === 20) assert.is(child.exitCode, null);
    }
    const [status] = await closed;
    assert.is(status, 0);
    const lines = linesOf(text);
    assert.is(lines.length, 20_000);
    assert.ok(lines.every((line, i) => line.frame === i + 1));
  }));

test("memory stays flat over ever new connections, holes and halves of messages", () =>
  withFile(storm(), (file) => {
    const sizes = JSON.parse(
      execFileSync(process.execPath, ["--expose-gc", "--input-type=module", "-e", MEASURE, file], { encoding: "utf8" }),
    ) as number[];
    assert.is(sizes.length, 4);
    // After the first time round every table is full.
    const [, full, ...later] = sizes as [number, number, number, number];
    for (const size of later) assert.ok(size < 1.15 * full, `${sizes.map((n) => `${Math.round(n / 1024)} KiB`).join(", ")}`);
  }));

/** 36,000 frames, 18,000 connections: each begins in the middle, loses octets, and ends in half a message. */
function storm(): Uint8Array {
  const frames: Octets[] = [];
  for (let n = 0; n < 18_000; n++) {
    const from = [[172, 16, n >> 8, n & 255], 1_024 + n] as const;
    frames.push(segment({ from, seq: 1, payload: readRequest(1, 1) }), segment({ from, seq: 20, payload: [0, 3, 0, 0, 0, 6, 1] }));
  }
  return pcap(frames);
}

/** Reads the capture four times over as one file, each time with other addresses; prints what is in use after each. */
const MEASURE = `
  const { readFileSync, writeFileSync, appendFileSync } = await import("node:fs");
  const { CaptureReader } = await import("#cli/inspect/read");
  const octets = readFileSync(process.argv[1]);
  const path = process.argv[1] + ".long";
  writeFileSync(path, octets.subarray(0, 24));
  for (let time = 0; time < 4; time++) {
    for (let at = 24; at < octets.length; at += 16 + octets.readUInt32LE(at + 8)) octets[at + 16 + 26] = 20 + time;
    appendFileSync(path, octets.subarray(24));
  }
  const reader = new CaptureReader(path, { modbus: [], dnp3: [] }, () => {}, () => {});
  const sizes = [];
  for (let at = 36_000; at <= 144_000; at += 36_000) {
    while (reader.frames < at - 256 && reader.step());
    gc();
    gc();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    sizes.push(heapUsed + arrayBuffers);
  }
  console.log(JSON.stringify(sizes));`;

test.run();
