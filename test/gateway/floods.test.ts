/**
 * One bad neighbour and one bad day: whoever floods, dawdles or asks what nobody answers costs an operator one turn at the PLC, and no more
 * (DESIGN 10). Told in turns, which are the same on a busy machine.
 */
import { readFileSync } from "node:fs";
import net from "node:net";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { readRecords } from "#audit/read";
import { verify } from "#audit/verify";
import { sayRecord } from "#audit/words";
import { MovedClock } from "#test/support/clock";
import { FailingDisk } from "#test/support/failingDisk";
import { certificates, type GatewayPki } from "#test/support/gatewayCertificates";
import { type AuditRecord, type House, opened, sleep, until } from "#test/support/house";
import { adu, Operator, read, write } from "#test/support/operator";
import { clientHello } from "#test/support/strangers";

interface Context {
  house: House;
  pki: GatewayPki;
}

const floods = suite<Context>("gateway/floods");
floods.before(async (context) => {
  context.pki = await certificates();
});
floods.after.each(async (context) => {
  await context.house?.close();
});

/** A reply may take this long; so long does a turn last that a dead address costs. */
const TIMEOUT_MS = 150;
/** From here on the PLC has nothing, and says nothing. */
const DEAD = 1_000;
const addressOf = (adu: Buffer): number => adu.readUInt16BE(8);
const hex = async (answer: Promise<Buffer>): Promise<string> => (await answer).toString("hex");

/** What may pass between two requests of an operator while its next one is on its way, milliseconds: tick, reconnect, a busy test machine. */
const SLACK_MS = 150;

/** 16 sessions of one viewer and one each of alice and bob, before a PLC that keeps silent where it has nothing. */
async function crowded({ pki }: Context, context: Context): Promise<{ house: House; viewers: Operator[]; alice: Operator; bob: Operator }> {
  const asset = `    sessions_per_identity: 16\n    upstream: { timeout: ${TIMEOUT_MS}ms }`;
  const house = await opened(context, { ...pki.house, asset });
  house.plc.faults = { rewrite: (answer, request) => (addressOf(request) >= DEAD ? null : answer) };
  const hmi = pki.credentials(pki.ca.issue({ name: "hmi-7" }));
  const viewers: Operator[] = [];
  for (let i = 0; i < 16; i++) viewers.push(await house.mutual(hmi));
  return { house, viewers, alice: await house.mutual(pki.operator), bob: await house.mutual(pki.operatorNamed("bob")) };
}

/** Asks again and again, `depth` at once, until it is stopped; then what it still waits for is dropped with its session. */
function asking(operator: Operator, depth: number, pdu: () => Buffer, pauseMs = 0): () => Promise<void> {
  let going = true;
  const one = async (): Promise<void> => {
    while (going) {
      await operator.ask(pdu(), 1, undefined, 30_000);
      if (pauseMs > 0) await sleep(pauseMs);
    }
  };
  const all = Promise.allSettled(Array.from({ length: depth }, one));
  return async () => {
    going = false;
    operator.close();
    await all;
  };
}

/** How often each of the others was served between two requests of alice (7), most of each: one letter a request, `v` the viewer, `b` bob. */
function between(requests: readonly Buffer[]): { viewer: number; bob: number; order: string } {
  const order = requests.map((adu) => (addressOf(adu) >= DEAD ? "v" : addressOf(adu) === 7 ? "A" : "b")).join("");
  const most = (who: string): number =>
    Math.max(
      ...order
        .slice(order.indexOf("A"), order.lastIndexOf("A"))
        .split("A")
        .map((others) => others.split(who).length - 1),
    );
  return { viewer: most("v"), bob: most("b"), order };
}

floods(
  "DESIGN 10: 16 sessions of one viewer read ever new dead addresses: between two requests of an operator each other identity has one turn",
  async (context) => {
    const { house, viewers, alice, bob } = await crowded(context, context);
    let address = DEAD;
    const stops = viewers.map((viewer) => asking(viewer, 4, () => read(++address, 1)));
    stops.push(asking(bob, 8, () => read(500, 1)));
    await until(() => house.plc.requests.length > 4, "they are at it");
    // Three at once: one of hers always waits, so that the order at the PLC is the queue's alone.
    const first = house.plc.requests.length;
    await Promise.all(Array.from({ length: 18 }, (_, i) => sleep(i < 3 ? 0 : 1).then(() => alice.ask(read(7, 1), 1, undefined, 30_000))));
    const { viewer, bob: bobs, order } = between(house.plc.requests.slice(first));
    assert.equal([viewer, bobs], [1, 1], order);
    // One at a time, as an HMI asks: she waits for what is at the PLC, and for nobody else of theirs.
    const took: number[] = [];
    for (let i = 0; i < 12; i++) {
      const started = performance.now();
      assert.is(await hex(alice.ask(read(7, 1))), "03020000");
      took.push(performance.now() - started);
    }
    for (const stop of stops) await stop();
    const worst = Math.max(...took);
    console.log(`order ${order}; alice waited ${took.map((ms) => ms.toFixed(0)).join(" ")} ms, a dead turn is ${TIMEOUT_MS} ms`);
    assert.ok(worst <= TIMEOUT_MS + SLACK_MS, `${worst.toFixed(0)} ms`);
  },
);

floods(
  "RULINGS 22: 16 sessions of one viewer poll the same dead addresses: two timeouts each, whoever waited behind them, then nobody feels it",
  async (context) => {
    const { house, viewers, alice, bob } = await crowded(context, context);
    const dead = (): Buffer[] => house.plc.requests.filter((adu) => addressOf(adu) >= DEAD);
    // Each session has all four in the queue before the first is known to be dead.
    const stops = viewers.map((viewer) => {
      let next = 0;
      return asking(viewer, 4, () => read(DEAD + (next++ & 3), 1), 20);
    });
    await until(() => dead().length === 8, "two of each");
    await until(
      () => (house.gateway.road.stats.denials.get("deviceSilent") ?? 0) > 500,
      "the viewers are answered locally, again and again",
    );
    stops.push(asking(bob, 1, () => read(500, 1), 5));
    const first = house.plc.requests.length;
    for (let i = 0; i < 50; i++) assert.is(await hex(alice.ask(read(7, 1))), "03020000");
    assert.is(dead().length, 8, "no dead address is asked a third time");
    assert.is(between(house.plc.requests.slice(first)).viewer, 0);
    assert.is(house.gateway.status().assets[0]?.silent, 4);
    for (const stop of stops) await stop();
  },
);

/** Octets one by one, so many milliseconds apart, for as long as the socket takes them. */
function drip(socket: net.Socket, octets: Buffer, everyMs: number): void {
  let at = 0;
  const timer = setInterval(() => {
    if (at < octets.length && socket.writable) socket.write(octets.subarray(at, ++at));
    else clearInterval(timer);
  }, everyMs);
}

floods(
  "DESIGN 10: slow peers at a mutual listener each end as stated - handshakeTimeout, idle, slowReader - or are served, and an operator has every other turn",
  async (context) => {
    const { pki } = context;
    const limits = { handshakeMs: 1_000, idleMs: 2_500, slowReaderMs: 700 };
    const house = await opened(context, { ...pki.house, limits });
    const hello = await clientHello();
    const strangers = [21, 22, 23].map((n) => {
      const socket = net.connect({ port: house.port(), host: "127.0.0.1", localAddress: `127.0.0.${n}` });
      return socket.on("error", () => {}).resume();
    });
    const [half, dripping] = strangers as [net.Socket, net.Socket, net.Socket];
    half.write(hello.subarray(0, hello.length >> 1));
    drip(dripping, hello, 40);
    const alice = await house.mutual(pki.operator);
    const [slow, held, deaf] = await Promise.all(["slow", "held", "deaf"].map((name) => house.mutual(pki.operatorNamed(name))));
    assert.ok(slow && held && deaf);
    const stop = asking(alice, 6, () => read(7, 1));
    const served = slow.answerTo(5);
    drip(slow.socket, adu(write(9, 3), 1, 5), 150);
    held.socket.write(adu(write(9, 4), 1, 6).subarray(0, 9));
    // It asks at the pace it is served, so that not reading is all it can be blamed for.
    deaf.socket.pause();
    let theirs = 0;
    const askMuch = (): unknown =>
      deaf.socket.write(Buffer.concat(Array.from({ length: 8 }, (_, n) => adu(read(0, 125), 1, (theirs + n) & 0xffff))));
    house.plc.seen = (request) => {
      if (request.readUInt16BE(10) !== 125) return;
      theirs += 1;
      if (theirs % 8 === 0 && !deaf.closed) askMuch();
    };
    askMuch();
    assert.is((await served).toString("hex"), "0600090003", "an octet at a time is a frame all the same");
    await Promise.all([held.gone(), until(() => strangers.every((socket) => socket.closed), "strangers are cut")]);
    const isCut = (): boolean => ![...house.gateway.road.sessions.open].some(({ identity }) => identity.endsWith("/deaf"));
    await until(isCut, "whoever does not read is cut");
    deaf.close();
    await stop();
    house.gateway.road.writeTurned();
    const records = await house.written();
    const reasons = records.filter(({ kind }) => kind === "handshake-refused").map(({ reason }) => reason);
    assert.equal(reasons, ["handshakeTimeout", "handshakeTimeout", "handshakeTimeout"]);
    const endOf = (name: string): string => records.find(({ event, who }) => event === "end" && who.endsWith(`/${name}`))?.reason;
    assert.equal([endOf("held"), endOf("deaf")], ["idle", "slowReader"]);
    assert.equal(
      house.plc.requests.filter((request) => request[7] === 6).map((request) => request.readUInt16BE(10)),
      [3],
      "half a frame is no frame",
    );
    const order = house.plc.requests
      .filter((request) => request[7] === 3)
      .map((request) => (addressOf(request) === 7 ? "A" : "d"))
      .join("");
    const asked = order.split("A").length - 1;
    const most = Math.max(
      ...order
        .slice(order.indexOf("A"), order.lastIndexOf("A"))
        .split("A")
        .map((others) => others.length),
    );
    console.log(
      `alice was answered ${asked} times, the one that does not read ${order.length - asked} times, at most ${most} between two of hers`,
    );
    assert.is(most, 1);
  },
);

/** Connects, asks once, and goes in good order. */
async function comeAndGo(house: House, from: string, pdu: Buffer, answered: string): Promise<void> {
  const operator = await Operator.plain(house.port(), "127.0.0.1", from);
  assert.is((await hex(operator.ask(pdu))).slice(0, answered.length), answered);
  operator.socket.end();
  await operator.gone();
}

floods(
  "RULINGS 29: a client that comes and goes 300 times is 20 sessions and a count; whoever changes something is told by itself",
  async (context) => {
    const clock = new MovedClock();
    // A session that is open when reads are written is told by itself; here none is to be.
    const house = await opened(context, { clock, limits: { readWindowMs: 3_600_000 } });
    const { sessions } = house.gateway.road;
    for (let i = 0; i < 300; i++) await comeAndGo(house, "127.0.0.2", read(i % 3, 1), "0302");
    await comeAndGo(house, "127.0.0.2", write(7, 77), "0600");
    await comeAndGo(house, "127.0.0.2", write(700, 77), "8601");
    const cut = await Operator.plain(house.port(), "127.0.0.1", "127.0.0.2");
    await cut.ask(read(0, 1));
    for (const session of sessions.open) sessions.end(session, "endedByOperator", "");
    await cut.gone();
    await comeAndGo(house, "127.0.0.3", read(0, 1), "0302");
    await until(() => sessions.open.size === 0, "all are gone");
    clock.passed = 10_001;
    await until(() => house.records("session").some(({ event }) => event === "counted"), "counted");
    const records = await house.written();
    const told = records.filter(({ kind, event, who }) => kind === "session" && event !== "counted" && who === "source:127.0.0.2");
    const opens = told.filter(({ event }) => event === "open");
    const ends = told.filter(({ event }) => event === "end");
    assert.is(opens.length, 23, "20, the one that wrote, the one that was denied and the one that was cut");
    assert.equal(ends.map(({ session }) => session).sort(), opens.map(({ session }) => session).sort());
    assert.equal(
      opens.map(({ opened: late }) => late !== undefined),
      opens.map((_, i) => i >= 20),
    );
    const wrote = records.find(({ function: fn, decision }) => fn === 6 && decision === "allow");
    const first = opens[20] ?? {};
    assert.is(wrote?.session, first.session);
    assert.ok(first.seq < wrote?.seq, "who it was stands before what it did");
    assert.is(ends.at(-1)?.reason, "endedByOperator");
    const [counted, ...more] = records.filter(({ event }) => event === "counted");
    assert.is(more.length, 0);
    assert.equal(
      [counted?.who, counted?.asset, counted?.sources, counted?.count, counted?.ended, counted?.requests, counted?.denied],
      ["source:127.0.0.2", "plc", ["127.0.0.2"], 283, { closedByPeer: 280 }, 280, 0],
    );
    const reads = records.filter(({ kind, function: fn, who }) => kind === "decision" && fn === 3 && who === "source:127.0.0.2");
    assert.is(
      reads.reduce((sum, { count }) => sum + count, 0),
      301,
      "no read is lost",
    );
    assert.equal(
      reads
        .filter(({ session }) => session === undefined)
        .map(({ operations, count }) => [operations[0].first, count])
        .sort(),
      [
        [0, 93],
        [1, 93],
        [2, 94],
      ],
    );
    assert.is(records.filter(({ kind, who }) => kind === "session" && who === "source:127.0.0.3").length, 2, "another identity is told");
    assert.ok(records.length < 100, `${records.length} records`);
    const said: string[] = [];
    for await (const record of readRecords(house.auditDirectory, {}, { count: 0 })) said.push(sayRecord(record));
    assert.ok(
      said.some((line) => line.endsWith("@plc: 283 more sessions opened from 127.0.0.2, 280 ended: closedByPeer; 280 requests, 0 denied")),
      "in plant language",
    );
    const report = await verify(house.auditDirectory, readFileSync(`${house.dir}/audit.key.pub`, "utf8"));
    assert.ok(report.ok, JSON.stringify(report.findings));
  },
);

floods("RULINGS 29: a counted session that stays longer than the count of its opening is counted when it ends", async (context) => {
  const clock = new MovedClock();
  const house = await opened(context, { clock });
  const { sessions, records } = house.gateway.road;
  for (let i = 0; i < 20; i++) await comeAndGo(house, "127.0.0.2", read(0, 1), "0302");
  const stays = await Operator.plain(house.port(), "127.0.0.1", "127.0.0.2");
  await until(() => sessions.open.size === 1, "it is in");
  const counted = (): unknown[] =>
    house.records("session").flatMap(({ event, count, ended }) => (event === "counted" ? [[count, ended]] : []));
  clock.passed += 10_001;
  await until(() => counted().length === 1, "its opening is counted");
  clock.passed += 10_001;
  records.floods(clock.monotonic());
  stays.close();
  await until(() => sessions.open.size === 0, "it is gone");
  clock.passed += 10_001;
  await until(() => counted().length === 2, "its end is counted");
  assert.equal(counted(), [
    [1, {}],
    [0, { closedByPeer: 1 }],
  ]);
});

floods(
  "RULINGS 29: denials while nothing can be written are counted, every one, and the count is told once something can be",
  async (context) => {
    const [disk, clock] = [new FailingDisk(), new MovedClock()];
    const house = await opened(context, { clock, disk: { files: disk } });
    const { audit, records } = house.gateway.road;
    const operator = await house.plain();
    await operator.ask(read(0, 1));
    disk.fails = "EIO";
    void records.note("management", { event: "test" });
    await until(() => audit.state !== "ok", "the log knows");
    for (let i = 0; i < 50; i++) assert.is(await hex(operator.ask(write(700, i))), "8601");
    clock.passed += 10_001;
    records.floods(clock.monotonic());
    disk.fails = null;
    const told = (): AuditRecord[] => house.records("decision").filter(({ decision }) => decision === "deny");
    await until(() => told().length > 0, "told");
    await house.written();
    assert.equal(
      told().map(({ who, asset, code, function: fn, count }) => [who, asset, code, fn, count]),
      [["source:127.0.0.1", "plc", "nothingAllows", 6, 50]],
    );
  },
);

floods.run();
