/**
 * A device that takes what it is sent and reads none of it. What waits for a reply has its deadline; a broadcast waits for none, so its octets
 * themselves are watched: nothing is sent behind octets that are stuck, and a device that does not take them in time loses its connection.
 */
import pino from "pino";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { dial } from "#gateway/dial";
import { type House, opened, sleep, until } from "#test/support/house";
import { read, write } from "#test/support/operator";
import type { ByteStream, StreamHandler } from "#transport/stream";
import { connectTcp } from "#transport/tcp";

/** A real connection that can be full: then what is written stays here, as it would where the kernel takes no more. */
class Full implements ByteStream {
  readonly #inner: ByteStream;
  readonly #held: Uint8Array[] = [];
  #handler: StreamHandler | null = null;
  full = false;

  constructor(inner: ByteStream) {
    this.#inner = inner;
  }

  get remoteAddress(): string {
    return this.#inner.remoteAddress;
  }
  get remotePort(): number {
    return this.#inner.remotePort;
  }
  get queued(): number {
    return this.#inner.queued + this.#held.reduce((sum, { length }) => sum + length, 0);
  }
  /** Calls of `write` since it is full. */
  get writes(): number {
    return this.#held.length;
  }

  start(handler: StreamHandler): void {
    this.#handler = handler;
    this.#inner.start(handler);
  }
  write(octets: Uint8Array, length = octets.length): void {
    if (this.full) this.#held.push(octets.slice(0, length));
    else this.#inner.write(octets, length);
  }
  /** The device reads again. */
  empty(): void {
    this.full = false;
    for (const octets of this.#held.splice(0)) this.#inner.write(octets);
    this.#handler?.drained();
  }
  end(): void {
    this.#inner.end();
  }
  destroy(): void {
    this.#inner.destroy();
  }
  pause(): void {
    this.#inner.pause();
  }
  resume(): void {
    this.#inner.resume();
  }
}

const POLICY = `policy: test
version: 1
roles:
  hmi:
    - { id: read, allow: read, on: plc }
    - { id: all, allow: write, on: plc, table: holding, addresses: 0-9, broadcast: true }
bindings:
  - { role: hmi, source: 127.0.0.0/8, kind: machine, accept_unauthenticated: true }
`;
const TIMEOUT_MS = 1_500;

const unread = suite<{ house: House; streams: Full[]; said: string[] }>("gateway/unread");
unread.before.each(async (context) => {
  context.streams = [];
  context.said = [];
  const log = pino({ level: "warn" }, { write: (line: string) => void context.said.push(line) });
  const house = await opened(context, { policy: POLICY, asset: `    upstream: { timeout: ${TIMEOUT_MS}ms }`, log });
  const port = await house.plc.goAway();
  await until(() => house.gateway.status().assets[0]?.deviceState === "down", "the gateway knows");
  Object.assign(house.gateway.road, {
    connect: ((host, onPort, timeoutMs, _tls, connected, failed) =>
      connectTcp(
        host,
        onPort,
        timeoutMs,
        (stream) => {
          const full = new Full(stream);
          context.streams.push(full);
          connected(full);
        },
        failed,
      )) satisfies typeof dial,
  });
  await house.plc.listen(port);
  await until(() => house.gateway.status().assets[0]?.deviceState === "ready", "reconnected");
});
unread.after.each(async ({ house }) => house?.close());

const broadcasts = (house: House): number => house.plc.requests.filter((adu) => adu[6] === 0).length;

unread(
  "nothing is sent behind octets that are stuck; after the deadline the connection is replaced, and what waited goes on",
  async (context) => {
    const { house, streams } = context;
    const operator = await house.plain();
    const [stream] = streams as [Full];
    stream.full = true;
    operator.send(write(5, 9), 0);
    await until(() => stream.writes === 1, "the broadcast is on its way");
    const answer = operator.ask(read(6, 1));
    await sleep(TIMEOUT_MS / 3);
    assert.equal([stream.writes, streams.length], [1, 1], "the read waits behind it");
    await until(() => streams.length === 2, "a new connection");
    assert.ok(
      context.said.some((line) => line.includes('"why":"does not read"')),
      context.said.join(""),
    );
    await answer.catch(() => {});
    assert.is((await operator.ask(read(6, 1))).toString("hex"), "03020000");
    assert.is(broadcasts(house), 0, "it is not sent again");
    assert.is((await house.written("outcome")).filter(({ outcome }) => outcome === "unacknowledged").length, 1);
  },
);

unread("a device that reads again in time keeps its connection, and gets what waited, once", async ({ house, streams }) => {
  const operator = await house.plain();
  const [stream] = streams as [Full];
  stream.full = true;
  operator.send(write(5, 9), 0);
  await until(() => stream.writes === 1, "the broadcast is on its way");
  const answer = operator.ask(read(5, 1));
  await sleep(TIMEOUT_MS / 3);
  assert.is(stream.writes, 1);
  stream.empty();
  assert.is((await answer).toString("hex"), "03020000", "a broadcast is for units 1 and up, and this PLC keeps unit 0 apart");
  await sleep(TIMEOUT_MS);
  assert.equal([streams.length, broadcasts(house)], [1, 1]);
  assert.is((await operator.ask(read(6, 1))).toString("hex"), "03020000");
});

unread.run();
