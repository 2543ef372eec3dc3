/** The contract of a ByteStream, held by every kind of stream: plain TCP and TLS, the end that connected and the end that was accepted. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { ByteStream } from "#transport/stream";
import { Ear, type Pair, pause, tcpPair, tlsPair, until } from "./ends.ts";
import { Papers } from "./papers.ts";

const papers = new Papers();
const ca = papers.issue("ca", { ca: true });
const gateway = papers.issue("gateway", { by: "ca", use: "serverAuth", names: "IP:127.0.0.1" });
const operator = papers.issue("operator", { by: "ca", use: "clientAuth" });
const server = { certificatePem: gateway.certificatePem, keyPem: gateway.keyPem, caPem: [ca.certificatePem] };
const client = { certificatePem: operator.certificatePem, keyPem: operator.keyPem, caPem: [ca.certificatePem] };

const KINDS: readonly [string, () => Promise<Pair>][] = [
  ["tcp", tcpPair],
  ["tls", () => tlsPair(server, client)],
];
/** More than kernel buffers of both ends hold together. */
const FLOOD = 24 * 1024 * 1024;

for (const [kind, pairOf] of KINDS) {
  for (const side of ["near", "far"] as const) {
    const streams = suite(`transport/${kind} ${side}`);
    /** `mine` is the end under test, `theirs` the other. */
    const ends = async (body: (mine: ByteStream, theirs: ByteStream) => Promise<void>): Promise<void> => {
      const pair = await pairOf();
      try {
        await body(pair[side], pair[side === "near" ? "far" : "near"]);
      } finally {
        pair.close();
      }
    };

    streams("what is written arrives, in order, however it is cut", () =>
      ends(async (mine, theirs) => {
        const ear = new Ear();
        theirs.start(ear);
        mine.start(new Ear());
        const sent = pattern(10_000, 7);
        for (let at = 0, n = 1; at < sent.length; at += n, n = (n * 5 + 3) % 700 || 1) mine.write(sent.subarray(at, at + n));
        await until("all octets", () => ear.octets >= sent.length);
        assert.equal(ear.all.compare(sent), 0);
      }),
    );

    streams("the caller's buffer is free when write returns, even while the peer does not read", () =>
      ends(async (mine, theirs) => {
        const ear = new Ear();
        mine.start(new Ear());
        const buffer = new Uint8Array(2_080);
        const expected: Buffer[] = [];
        for (let i = 0; mine.queued < 64 * 1024 && expected.length < 20_000; i++) {
          const length = 1 + ((i * 37) % buffer.length);
          buffer.fill(i & 0xff);
          mine.write(buffer.subarray(0, length));
          buffer.fill(0xee);
          expected.push(Buffer.alloc(length, i & 0xff));
          if (i % 50 === 0) await pause(0);
        }
        assert.ok(mine.queued >= 64 * 1024, "the peer's silence shows in `queued`");
        theirs.start(ear);
        const all = Buffer.concat(expected);
        await until("all octets", () => ear.octets >= all.length);
        assert.equal(ear.all.compare(all), 0);
      }),
    );

    streams("a megabyte each way at once arrives intact", () =>
      ends(async (mine, theirs) => {
        const [a, b] = [new Ear(), new Ear()];
        mine.start(a);
        theirs.start(b);
        const [there, back] = [pattern(1_048_576, 3), pattern(1_048_576, 11)];
        for (let at = 0; at < there.length; at += 1_500) {
          mine.write(there.subarray(at, at + 1_500));
          theirs.write(back.subarray(at, at + 1_500));
          if (at % 60_000 === 0) await pause(0);
        }
        await until("both megabytes", () => a.octets >= back.length && b.octets >= there.length);
        assert.equal(b.all.compare(there), 0);
        assert.equal(a.all.compare(back), 0);
      }),
    );

    streams("drained comes when nothing is queued any more, and not before", () =>
      ends(async (mine, theirs) => {
        const [a, b] = [new Ear(), new Ear()];
        b.keep = false;
        const atDrain: number[] = [];
        a.drained = () => atDrain.push(mine.queued);
        mine.start(a);
        const block = new Uint8Array(256 * 1024);
        for (let sent = 0; sent < FLOOD; sent += block.length) mine.write(block);
        await pause(100);
        assert.ok(mine.queued > 0);
        assert.equal(atDrain, []);
        theirs.start(b);
        await until("drained", () => atDrain.length > 0);
        assert.equal(new Set(atDrain), new Set([0]));
        await until("all octets", () => b.octets === FLOOD);
      }),
    );

    streams("one write too large for the kernel is followed by one drained", () =>
      ends(async (mine, theirs) => {
        const [a, b] = [new Ear(), new Ear()];
        b.keep = false;
        mine.start(a);
        mine.write(new Uint8Array(FLOOD));
        assert.ok(mine.queued > 0);
        theirs.start(b);
        await until("all octets", () => b.octets === FLOOD);
        await until("drained", () => a.drains > 0);
        assert.equal([a.drains, mine.queued], [1, 0]);
      }),
    );

    streams("end of a paused stream is an end in good order too, without waiting for the deadline", () =>
      ends(async (mine, theirs) => {
        const [a, b] = [new Ear(), new Ear()];
        mine.start(a);
        theirs.start(b);
        mine.pause();
        theirs.write(new Uint8Array(5_000));
        await pause(30);
        mine.write(new Uint8Array(10));
        mine.end();
        await until("both closed", () => a.ends.length > 0 && b.ends.length > 0, 1_500);
        assert.equal([a.octets, b.octets], [0, 10]);
        assert.equal([a.ends, b.ends], [[null], [null]]);
      }),
    );

    streams("nothing is received before start, nor while paused, and nothing is lost by it", () =>
      ends(async (mine, theirs) => {
        const [a, b] = [new Ear(), new Ear()];
        theirs.start(b);
        theirs.write(new Uint8Array(100).fill(1));
        await pause(50);
        mine.start(a);
        await until("first octets", () => a.octets === 100);
        mine.pause();
        await pause(20);
        theirs.write(new Uint8Array(100).fill(2));
        await pause(50);
        assert.is(a.octets, 100);
        mine.resume();
        await until("second octets", () => a.octets === 200);
      }),
    );

    streams("paused inside received, the rest of the batch waits and comes in its order", () =>
      ends(async (mine, theirs) => {
        const sent = Uint8Array.from({ length: 200_000 }, (_, i) => (i * 7 + (i >> 8)) & 0xff);
        const got = new Uint8Array(sent.length);
        let count = 0;
        let paused = false;
        let whilePaused = 0;
        mine.start({
          received(octets) {
            if (paused) whilePaused += 1;
            got.set(octets, count);
            count += octets.length;
            paused = true;
            mine.pause();
            setTimeout(() => {
              paused = false;
              mine.resume();
            }, 1);
          },
          drained() {},
          closed() {},
        });
        theirs.start(new Ear());
        for (let at = 0; at < sent.length; at += 20_000) theirs.write(sent.subarray(at, at + 20_000));
        await until("all octets", () => count === sent.length, 20_000);
        assert.is(whilePaused, 0);
        assert.is(Buffer.compare(got, sent), 0);
      }),
    );

    streams("DESIGN 11: reading takes no memory: every read is into the same buffer", () =>
      ends(async (mine, theirs) => {
        const buffers: ArrayBufferLike[] = [];
        mine.start({ received: ({ buffer }) => void buffers.push(buffer), drained() {}, closed() {} });
        theirs.start(new Ear());
        for (let i = 1; i <= 3; i++) {
          theirs.write(new Uint8Array(12 * i));
          await until("octets", () => buffers.length === i);
        }
        assert.is(new Set(buffers).size, 1);
      }),
    );

    streams("write sends so many octets as it is told, from the start", () =>
      ends(async (mine, theirs) => {
        const a = new Ear();
        theirs.start(a);
        mine.start(new Ear());
        const octets = Uint8Array.of(1, 2, 3, 4, 5, 6);
        mine.write(octets, 4);
        mine.write(octets, 0);
        mine.write(octets, 1);
        await until("octets", () => a.octets === 5);
        assert.is(Buffer.concat(a.chunks).toString("hex"), "0102030401");
      }),
    );

    streams("a paused end stops the peer: what it writes stays with it", () =>
      ends(async (mine, theirs) => {
        const a = new Ear();
        a.keep = false;
        mine.start(a);
        theirs.start(new Ear());
        mine.pause();
        const block = new Uint8Array(256 * 1024);
        for (let sent = 0; sent < FLOOD; sent += block.length) theirs.write(block);
        await pause(200);
        const held = theirs.queued;
        assert.ok(held > FLOOD / 4, `${held} octets wait at the sender`);
        await pause(100);
        assert.is(theirs.queued, held);
        mine.resume();
        await until("all octets", () => a.octets === FLOOD);
      }),
    );

    streams("end sends what is queued, then closes both ends in good order", () =>
      ends(async (mine, theirs) => {
        const [a, b] = [new Ear(), new Ear()];
        mine.start(a);
        const block = pattern(64 * 1024, 5);
        for (let i = 0; i < 128; i++) mine.write(block);
        mine.end();
        mine.write(new Uint8Array(1)); // comes too late, and is forgotten
        theirs.start(b);
        await until("both closed", () => a.ends.length > 0 && b.ends.length > 0);
        assert.is(b.octets, 128 * block.length);
        assert.equal([a.ends, b.ends], [[null], [null]]);
      }),
    );

    streams("after end, octets of the peer are forgotten and do not reset the connection", () =>
      ends(async (mine, theirs) => {
        const [a, b] = [new Ear(), new Ear()];
        mine.start(a);
        theirs.start(b);
        theirs.write(new Uint8Array(50));
        mine.write(new Uint8Array(10));
        mine.end();
        theirs.write(new Uint8Array(50));
        await until("both closed", () => a.ends.length > 0 && b.ends.length > 0);
        assert.is(b.octets, 10);
        assert.is(a.octets, 0);
        assert.equal(b.ends, [null]);
      }),
    );

    streams("end gives up on a peer that does not read", () =>
      ends(async (mine, _theirs) => {
        const a = new Ear();
        mine.start(a);
        for (let sent = 0; sent < FLOOD; sent += 1_048_576) mine.write(new Uint8Array(1_048_576));
        const started = performance.now();
        mine.end();
        await until("closed", () => a.ends.length > 0);
        assert.equal(a.ends, ["ETIMEDOUT"]);
        const took = performance.now() - started;
        assert.ok(took > 1_500 && took < 4_000, `${took} ms`);
      }),
    );

    streams("destroy tells closed before it returns, and nothing comes after it, at either end", () =>
      ends(async (mine, theirs) => {
        const [a, b] = [new Ear(), new Ear()];
        mine.start(a);
        theirs.start(b);
        for (let i = 0; i < 20; i++) theirs.write(new Uint8Array(1_000));
        await until("something", () => a.octets > 0);
        mine.write(new Uint8Array(1_000));
        mine.destroy();
        assert.equal(a.ends, [null]);
        const seen = a.octets;
        for (let i = 0; i < 20; i++) theirs.write(new Uint8Array(1_000));
        mine.write(new Uint8Array(10));
        mine.destroy();
        mine.end();
        await until("the peer knows", () => b.ends.length > 0);
        await pause(20);
        assert.is(a.octets, seen);
        assert.equal([a.ends.length, b.ends.length], [1, 1]);
        assert.equal([...a.afterwards, ...b.afterwards], []);
      }),
    );

    streams("destroyed inside received, the rest of the batch is not delivered", () =>
      ends(async (mine, theirs) => {
        const a = new Ear();
        const received = a.received.bind(a);
        a.received = (octets) => {
          received(octets);
          mine.destroy();
        };
        theirs.start(new Ear());
        for (let i = 0; i < 50; i++) theirs.write(new Uint8Array(2_000));
        await pause(20);
        mine.start(a);
        await pause(50);
        assert.is(a.chunks.length, 1);
        assert.equal([a.ends, a.afterwards], [[null], []]);
      }),
    );

    streams("a stream that ended before it was started says so once it is", () =>
      ends(async (mine, theirs) => {
        theirs.start(new Ear());
        mine.destroy();
        const a = new Ear();
        mine.start(a);
        await until("closed", () => a.ends.length > 0);
        await pause(20);
        assert.equal(a.ends, [null]);
      }),
    );

    streams("far addresses are what the other end has", () =>
      ends(async (mine) => {
        assert.is(mine.remoteAddress, "127.0.0.1");
        assert.ok(mine.remotePort > 0);
      }),
    );

    if (kind === "tls" && side === "far") streams.after(() => papers.remove());
    streams.run();
  }
}

/** Octets without a short period, so that a lost or doubled piece shows. */
function pattern(length: number, seed: number): Buffer {
  const octets = Buffer.alloc(length);
  for (let i = 0, x = seed; i < length; i++) {
    x = (Math.imul(x, 1_103_515_245) + 12_345) >>> 0;
    octets[i] = x >>> 24;
  }
  return octets;
}
