/** Every cap of limits.ts is reached, and what then happens is what its comment says. The last test fails when a cap has no test. */

import net from "node:net";
import path from "node:path";
import tls from "node:tls";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Asset } from "#gateway/asset";
import { LIMITS, type Limits } from "#gateway/limits";
import { askDaemon } from "#management/client";
import type { Answer, Question } from "#management/protocol";
import { all, classes, range } from "#test/peers/dnp3/builders";
import { MovedClock } from "#test/support/clock";
import { FailingDisk } from "#test/support/failingDisk";
import { certificates } from "#test/support/gatewayCertificates";
import { type House, OPEN_POLICY, opened, POINTS, sleep, until } from "#test/support/house";
import { line, ask as manage, portOf } from "#test/support/manager";
import { adu, Operator, read, write } from "#test/support/operator";
import { Substation } from "#test/support/substation";

const limits = suite<{ house: House }>("gateway/limits");
const reached = new Set<keyof Limits>();

function cap(names: (keyof Limits)[], title: string, body: (context: { house: House }) => Promise<void>): void {
  for (const name of names) reached.add(name);
  limits(`${names.join(", ")}: ${title}`, body);
}

limits.after.each(async (context) => {
  await context.house?.close();
});

cap(["sessions"], "one more is refused and recorded, the others go on", async (context) => {
  const house = await opened(context, { limits: { sessions: 2 } });
  const [a, b, c] = [await house.plain(), await house.plain(), await house.plain()];
  await c.gone();
  await a.ask(read(0, 1));
  await b.ask(read(0, 1));
  assert.is((await house.written("handshake-refused"))[0]?.reason, "tooManySessions");
});

limits("sessions_per_identity: one more of the same identity on the asset is refused", async (context) => {
  const house = await opened(context);
  const all = await Promise.all(Array.from({ length: 5 }, () => house.plain()));
  await until(() => all.filter((o) => o.closed).length === 1, "the fifth is refused");
  assert.is((await house.written("handshake-refused"))[0]?.reason, "tooManySessions");
});

cap(["connectionsPerListener"], "one more is closed at once", async (context) => {
  const house = await opened(context, { limits: { connectionsPerListener: 2 }, asset: "    sessions_per_identity: 16" });
  const all = await Promise.all(Array.from({ length: 4 }, () => house.plain().catch(() => null)));
  await until(() => all.filter((o) => o === null || o.closed).length === 2, "two are closed");
  assert.is(house.gateway.status().listeners[0]?.connections, 2);
  assert.is((await house.written("handshake-refused"))[0]?.reason, "tooManyConnections");
});

cap(
  ["storedEvents", "eventRetryMs"],
  "RULINGS 34: one more stays in the device; what the owner does not confirm it is told again",
  async () => {
    const station = await Substation.open({
      device: { unsolicited: true, confirmTimeoutMs: 300 },
      limits: { storedEvents: 1, eventRetryMs: 100 },
    });
    try {
      const owner = await station.scada();
      await owner.request(20, classes(1, 2, 3));
      await owner.close();
      const { unsolicited } = station.house.gateway.assets.get("plc") as Asset;
      await until(() => station.house.gateway.road.sessions.open.size === 0, "the owner is gone");
      station.outstation.update("binary", 0, false);
      await until(() => unsolicited.waiting === 1, "the first is kept");
      station.outstation.update("binary", 1, true);
      await until(() => unsolicited.notKept > 0, "the second is not");
      assert.is(unsolicited.waiting, 1);
      const back = await station.scada({ confirmUnsolicited: false });
      const first = await back.waitForUnsolicited();
      assert.is((await back.waitForUnsolicited()).seq, first.seq);
    } finally {
      await station.close();
    }
  },
);

cap(["replyParts"], "RULINGS 22: a device that never ends a reply is not waited for, and others are asked again", async () => {
  const station = await Substation.open({ device: { fragmentSize: 249 }, limits: { replyParts: 5 } });
  try {
    for (let index = 0; index < 200; index++) station.outstation.add("analog", index, index);
    const master = await station.operator("alice", { timeoutMs: 1_500 });
    assert.is((await master.read(all(30, 1))).fragments, 5);
    for (let index = 200; index < 300; index++) station.outstation.add("analog", index, index);
    const cut = master.read(all(30, 1)).then(
      () => assert.unreachable(),
      () => {},
    );
    await until(() => station.asked.length === 2, "asked");
    const bob = await station.operator("bob");
    assert.is((await bob.read(range(1, 2, 0, 0))).iin2, 0);
    await cut;
    const outcomes = (await station.house.written("outcome")).map(({ outcome, reason }) => [outcome, reason]);
    assert.equal(outcomes, [["malformedReply", "outOfSequence"]]);
  } finally {
    await station.close();
  }
});

cap(
  ["halfOpen"],
  "RULINGS 24: handshakes beyond it are closed; strangers have half of it, whoever was here before has a place",
  async (context) => {
    const pki = await certificates();
    const house = await opened(context, { ...pki.house, limits: { halfOpen: 6 } });
    const idle = Array.from({ length: 8 }, () => net.connect(house.port(), "127.0.0.1"));
    for (const socket of idle) socket.on("error", () => {});
    await until(() => idle.filter((s) => s.closed).length === 5, "three stay");
    for (const socket of idle) socket.destroy();
    await until(() => house.gateway.status().listeners[0]?.connections === 0, "the rest is forgotten");
    const operator = await house.mutual(pki.operator);
    await operator.ask(read(0, 1));
    const strangers = Array.from({ length: 4 }, (_, i) =>
      net.connect({ port: house.port(), host: "127.0.0.1", localAddress: `127.0.0.${i + 2}` }),
    );
    for (const socket of strangers) socket.on("error", () => {});
    await until(() => strangers.filter((s) => s.closed).length === 1, "strangers share three");
    const again = await house.mutual(pki.operator);
    await again.ask(read(0, 1));
    for (const socket of strangers) socket.destroy();
  },
);

cap(
  ["halfOpenPerSource"],
  "RULINGS 24: one handshake of an address at a time, the others wait behind it, and no more than that",
  async (context) => {
    const pki = await certificates();
    const house = await opened(context, { ...pki.house, limits: { halfOpen: 64, halfOpenPerSource: 3, handshakeMs: 400 } });
    const idle = Array.from({ length: 5 }, () => net.connect(house.port(), "127.0.0.1"));
    for (const socket of idle) socket.on("error", () => {});
    await until(() => idle.filter((s) => s.closed).length === 2, "three stay");
    const elsewhere = tls.connect({
      port: house.port(),
      host: "127.0.0.1",
      localAddress: "127.0.0.9",
      cert: pki.operator.certificatePem,
      key: pki.operator.keyPem,
      rejectUnauthorized: false,
    } as tls.ConnectionOptions);
    await new Promise((resolve, reject) => elsewhere.once("secureConnect", resolve).once("error", reject));
    elsewhere.destroy();
    idle[0]?.destroy();
    await until(() => idle.every((s) => s.closed), "their time ends as anybody's", 3_000);
    await (await house.mutual(pki.operator)).ask(read(0, 1));
  },
);

cap(["knownSources"], "the address that proved itself longest ago is forgotten", async (context) => {
  const house = await opened(context, { limits: { knownSources: 2 } });
  const { road } = house.gateway;
  for (const source of ["10.0.0.1", "10.0.0.2", "10.0.0.1", "10.0.0.3"]) road.knows(source);
  assert.equal(
    ["10.0.0.1", "10.0.0.2", "10.0.0.3"].map((source) => road.isKnown(source)),
    [true, false, true],
  );
});

cap(["handshakeMs"], "whoever does not prove who it is in time is closed, unanswered", async (context) => {
  const pki = await certificates();
  const house = await opened(context, { ...pki.house, limits: { handshakeMs: 200 } });
  const started = performance.now();
  const socket = net.connect(house.port(), "127.0.0.1");
  let octets = 0;
  socket.on("data", (chunk) => {
    octets += chunk.length;
  });
  socket.on("error", () => {});
  await until(() => socket.closed, "closed");
  assert.ok(performance.now() - started < 2_000);
  assert.is(octets, 0);
  assert.is((await house.written("handshake-refused"))[0]?.reason, "handshakeTimeout");
});

cap(["pendingPerSession"], "more at once are answered 06; a peer that asks four times as much on is cut", async (context) => {
  const house = await opened(context, { limits: { pendingPerSession: 4 } });
  house.plc.faults = { delayMs: 50 };
  const operator = await house.plain();
  operator.socket.write(Buffer.concat(Array.from({ length: 8 }, (_, i) => adu(read(i, 1), 1, i + 1))));
  await operator.answerTo(8);
  const busy = operator.answers.filter((a) => a.pdu.toString("hex") === "8306").length;
  assert.is(busy, 4, "four wait, four are too many");
  operator.socket.write(Buffer.concat(Array.from({ length: 40 }, (_, i) => adu(read(i, 1), 1, i + 100))));
  await operator.gone();
  assert.is((await house.written("session")).find((r) => r.event === "end")?.reason, "misbehaved");
});

cap(["queuePerDevice"], "beyond it every session is answered 06", async (context) => {
  const house = await opened(context, { limits: { queuePerDevice: 3 } });
  house.plc.faults = { delayMs: 60 };
  const operators = await Promise.all(Array.from({ length: 4 }, () => house.plain()));
  await (operators[0] as Operator).ask(read(0, 1));
  const answers = await Promise.all(operators.flatMap((o) => [o.ask(read(1, 1)), o.ask(read(2, 1))]));
  const busy = answers.filter((a) => a.toString("hex") === "8306").length;
  assert.ok(busy >= 3 && busy <= 5, `${busy} busy`);
  assert.ok(house.gateway.road.stats.denials.get("queueFull"));
});

cap(
  ["queueForStops", "stopWaitMs"],
  "a stop has places of its own in a full queue, and no more; a disk holds it up no longer",
  async (context) => {
    const policy = OPEN_POLICY.replace(
      "hmi:\n",
      "hmi:\n    - { id: stop, allow: write, on: plc, table: coil, addresses: [1, 2, 3, 4], values: { set: [0] }, essential: true }\n",
    );
    const house = await opened(context, {
      policy,
      limits: { queuePerDevice: 2, queueForStops: 2, stopWaitMs: 150 },
      asset: "    upstream: { timeout: 5s }",
    });
    const operator = await house.plain();
    const stop = (at: number): Promise<Buffer> => operator.ask(Buffer.from([5, 0, at, 0, 0]));
    await operator.ask(read(0, 1));
    house.plc.faults = { delayMs: 100 };
    const { length } = house.plc.requests;
    const atDevice = operator.ask(read(3, 1));
    await until(() => house.plc.requests.length > length, "the device is busy");
    const answers = await Promise.all([atDevice, ...[1, 2].map((at) => operator.ask(read(at, 1))), ...[1, 2, 3].map(stop)]);
    assert.equal(
      answers.map((answer) => answer.subarray(0, 1).toString("hex")),
      ["03", "03", "03", "05", "05", "85"],
    );
    house.plc.faults = {};
    const { audit } = house.gateway.road;
    Object.defineProperty(audit, "durable", { get: () => 0 });
    const started = performance.now();
    assert.is((await stop(4)).toString("hex"), "0500040000");
    const took = performance.now() - started;
    assert.ok(took >= 140 && took < 2_000, `${took} ms`);
    Reflect.deleteProperty(audit, "durable");
  },
);

cap(
  ["sessionPauseOctets", "sessionBacklogOctets", "slowReaderMs"],
  "an operator that does not read is no longer read, then cut; memory does not grow",
  async (context) => {
    const house = await opened(context, {
      limits: { sessionPauseOctets: 16 * 1024, sessionBacklogOctets: 64 * 1024, slowReaderMs: 300 },
    });
    const operator = await house.plain();
    await operator.ask(read(0, 1));
    operator.socket.pause();
    const session = [...house.gateway.road.sessions.open][0];
    let most = 0;
    let asking = true;
    const ask = async (): Promise<void> => {
      // It asks at the pace it is served, so that reading is all it can be blamed for.
      for (let i = 1; asking && i < 200_000; i++) {
        operator.socket.write(adu(read(0, 125), 1, i & 0xffff));
        if (i % 8 === 0) await until(() => !asking || house.plc.requests.length >= i - 4 || session?.pausedMs !== 0, "served", 20_000);
        most = Math.max(most, session?.stream.queued ?? 0);
        if (session?.pausedMs !== 0) await sleep(2);
      }
    };
    const loop = ask();
    await until(() => session?.ended !== null, "cut", 20_000);
    asking = false;
    await loop;
    assert.is(session?.ended, "slowReader");
    assert.ok(most <= 64 * 1024 + 4 * 260, `${most} octets queued`);
  },
);

cap(["sessionBacklogOctets"], "whoever is owed more than that is cut, paused or not", async (context) => {
  const house = await opened(context, {
    limits: { sessionPauseOctets: 1024 * 1024, sessionBacklogOctets: 32 * 1024, slowReaderMs: 60_000 },
  });
  const operator = await house.plain();
  await operator.ask(read(0, 1));
  operator.socket.pause();
  const session = [...house.gateway.road.sessions.open][0];
  for (let i = 1; session?.ended === null && i < 100_000; i++) {
    operator.socket.write(adu(read(0, 125), 1, i & 0xffff));
    if (i % 8 === 0) await until(() => session?.ended !== null || house.plc.requests.length >= i - 4, "served", 20_000);
  }
  assert.is(session?.ended, "slowReader");
  assert.match((await house.written("session")).find((record) => record.event === "end")?.words, /octets unread/);
});

cap(["idleMs"], "a session that asks nothing is ended `idle`", async (context) => {
  const house = await opened(context, { limits: { idleMs: 300 } });
  const operator = await house.plain();
  await operator.ask(read(0, 1));
  await operator.gone(3_000);
  assert.is((await house.written("session")).find((r) => r.event === "end")?.reason, "idle");
});

cap(["readWaitMs"], "a read that waited too long is answered 06 instead of sent", async (context) => {
  const house = await opened(context, { limits: { readWaitMs: 100 } });
  house.plc.faults = { delayMs: 250 };
  const [a, b] = [await house.plain(), await house.plain()];
  const first = a.ask(read(0, 1));
  await sleep(20);
  assert.is((await b.ask(read(1, 1))).toString("hex"), "8306");
  await first;
  assert.is(house.plc.requests.length, 1);
});

cap(["unaskedOctets"], "a device that sends more than it was asked for loses its connection", async (context) => {
  const house = await opened(context, { limits: { unaskedOctets: 100 } });
  const operator = await house.plain();
  await operator.ask(read(0, 1));
  house.plc.shout(Buffer.concat(Array.from({ length: 12 }, (_, i) => adu("03 02 beef", 1, i))));
  await until(() => house.plc.connections === 2, "reconnected");
});

cap(["storms"], "identities beyond it are watched together for a storm of reconnects, and told as several", async (context) => {
  const clock = new MovedClock();
  const house = await opened(context, { clock, limits: { storms: 2, readWindowMs: 3_600_000 } });
  for (let i = 0; i < 44; i++) {
    const operator = await Operator.plain(house.port(), "127.0.0.1", `127.0.0.${2 + (i % 4)}`);
    operator.socket.end();
    await operator.gone();
  }
  await until(() => house.gateway.road.sessions.open.size === 0, "all are gone");
  clock.passed = 10_001;
  await until(() => house.records("session").some(({ event }) => event === "counted"), "counted");
  const [counted, ...more] = (await house.written("session")).filter(({ event }) => event === "counted");
  assert.is(more.length, 0);
  assert.equal([counted?.who, counted?.listener, counted?.count, counted?.sources], [null, null, 2, ["127.0.0.4", "127.0.0.5"]]);
});

cap(["owedRecords"], "what became of more changes than that while the disk failed is not told", async (context) => {
  const disk = new FailingDisk();
  const house = await opened(context, { disk: { files: disk }, limits: { owedRecords: 2 } });
  const operators = await Promise.all(Array.from({ length: 4 }, () => house.plain()));
  await house.written();
  disk.fails = "EIO";
  const answers = await Promise.all(operators.map((operator, i) => operator.ask(write(i, 1))));
  assert.equal(
    answers.map((answer) => answer.toString("hex")),
    ["8606", "8606", "8606", "8606"],
  );
  disk.fails = null;
  await until(() => house.gateway.road.audit.state === "ok", "it goes on");
  await house.gateway.close();
  assert.is(disk.durableLines.filter((line) => line.includes('"outcome":"notSent"')).length, 2);
});

cap(["readCounters"], "reads are counted per range; when there are too many ranges the counts are written out", async (context) => {
  const house = await opened(context, { limits: { readCounters: 2, readWindowMs: 600_000 } });
  const operator = await house.plain();
  for (const first of [0, 0, 1, 2]) await operator.ask(read(first, 1));
  const counted = (await house.written("decision")).map((r) => [r.operations[0].first, r.count]);
  assert.equal(counted, [
    [0, 2],
    [1, 1],
  ]);
});

cap(["readWindowMs"], "counts of reads are written out at the end of each window", async (context) => {
  const house = await opened(context, { limits: { readWindowMs: 300 } });
  const operator = await house.plain();
  await operator.ask(read(7, 1));
  await until(() => house.records("decision").length === 1, "the window ends");
  assert.is(house.records("decision")[0]?.operations[0].first, 7);
});

cap(["drainMs"], "SIGTERM waits for the device no longer than this", async (context) => {
  const house = await opened(context, { limits: { drainMs: 300 }, asset: "    upstream: { timeout: 5s }" });
  house.plc.faults = { silent: true };
  const operator = await house.plain();
  operator.send(write(1, 1));
  await until(() => house.plc.requests.length === 1, "at the device");
  const started = performance.now();
  await house.gateway.close();
  const took = performance.now() - started;
  assert.ok(took > 250 && took < 1_500, `${took} ms`);
});

cap(["guardReads"], "a write that would need more of them is denied, and the device is not asked", async (context) => {
  const policy = OPEN_POLICY.replace("addresses: 0-99 }", "addresses: 0-99, broadcast: true, values: { min: 0, max: 9, max_step: 1 } }");
  const house = await opened(context, { limits: { guardReads: 1 }, policy });
  house.rewrite("site.yaml", house.read("site.yaml").replace("units: [1]", "units: [1, 2]"));
  assert.equal((await house.gateway.reload()).problems, []);
  const operator = await house.plain();
  assert.is((await operator.ask(write(1, 1))).toString("hex"), "0600010001", "one is enough for one unit");
  operator.send(write(1, 1), 0);
  await until(() => house.gateway.status().denials.factUnavailable === 1, "denied");
  assert.is(house.plc.requests.length, 2);
});

cap(["turnedSources"], "the counts of those refused are written out early, and none is lost", async (context) => {
  const house = await opened(context, { limits: { sessions: 1, turnedSources: 2 } });
  const first = await house.plain();
  for (const [host, times] of [
    ["127.0.0.1", 2],
    ["127.0.0.2", 3],
    ["127.0.0.3", 1],
  ] as const)
    for (let i = 0; i < times; i++) await (await fromAddress(house.port(), host)).gone();
  await first.ask(read(0, 1));
  const refused = await house.written("handshake-refused");
  const counts = new Map<string, number>();
  for (const { source, count } of refused) counts.set(source, (counts.get(source) ?? 0) + count);
  assert.equal(
    [...counts],
    [
      ["127.0.0.1", 2],
      ["127.0.0.2", 3],
      ["127.0.0.3", 1],
    ],
  );
});

cap(["ratedIdentities"], "idle ones are forgotten, those whose window still counts are not", async (context) => {
  const policy = OPEN_POLICY.replace("addresses: 0-99 }", "addresses: 0-99, rate: 1/min }");
  const house = await opened(context, { limits: { ratedIdentities: 1 }, policy });
  const first = await house.plain();
  assert.is((await first.ask(write(1, 1))).toString("hex"), "0600010001");
  first.close();
  await until(() => house.gateway.road.sessions.open.size === 0, "gone");
  const other = await fromAddress(house.port(), "127.0.0.2");
  assert.is((await other.ask(write(1, 2))).toString("hex"), "0600010002");
  assert.is((await (await house.plain()).ask(write(1, 3))).toString("hex"), "8601", "its minute is not over");
  other.close();
});

cap(["webConnections"], "one more to the management port is closed", async (context) => {
  const pki = await certificates();
  const house = await opened(context, { ...pki.house, management: "interface: lo, port: 0", limits: { webConnections: 2 } });
  const sockets = Array.from({ length: 3 }, () => net.connect(house.gateway.status().managementPorts[0] ?? 0, "127.0.0.1"));
  for (const socket of sockets) socket.on("error", () => {});
  await until(() => sockets.filter((socket) => socket.closed).length === 1, "one is closed");
  for (const socket of sockets) socket.destroy();
});

cap(["webPatienceMs"], "whoever does not finish its handshake with the management port is closed", async (context) => {
  const pki = await certificates();
  const house = await opened(context, { ...pki.house, management: "interface: lo, port: 0", limits: { webPatienceMs: 200 } });
  const socket = net.connect(house.gateway.status().managementPorts[0] ?? 0, "127.0.0.1");
  socket.on("error", () => {});
  await until(() => socket.closed, "closed", 3_000);
});

cap(["webHeaderOctets"], "a longer metrics request is refused", async (context) => {
  const pki = await certificates();
  const house = await opened(context, { ...pki.house, management: "interface: lo, port: 0", limits: { webHeaderOctets: 512 } });
  const port = house.gateway.status().managementPorts[0] ?? 0;
  const ask = (padding: number): Promise<string> =>
    new Promise((resolve, reject) => {
      const { certificatePem: cert, keyPem: key } = pki.operator;
      const socket = tls.connect({ port, host: "127.0.0.1", cert, key, rejectUnauthorized: false }, () =>
        socket.write(`GET /metrics HTTP/1.1\r\nhost: x\r\nx: ${"y".repeat(padding)}\r\nconnection: close\r\n\r\n`),
      );
      let said = "";
      socket.on("data", (chunk) => {
        said += chunk;
      });
      socket.on("error", reject);
      socket.on("close", () => resolve(said));
    });
  assert.match(await ask(10), /^HTTP\/1.1 200/);
  assert.match(await ask(600), /^HTTP\/1.1 431/);
});

cap(["webHalfOpen"], "strangers have half of its handshakes, whoever was here before has a place", async (context) => {
  const pki = await certificates();
  const house = await opened(context, { ...pki.house, management: "interface: lo, port: 0", limits: { webHalfOpen: 4 } });
  const strangers = Array.from({ length: 5 }, (_, i) =>
    net.connect({ port: portOf(house), host: "127.0.0.1", localAddress: `127.0.0.${i + 2}` }),
  );
  for (const socket of strangers) socket.on("error", () => {});
  await until(() => strangers.filter((socket) => socket.closed).length === 3, "two stay");
  for (const socket of strangers) socket.destroy();
  assert.is((await house.written("handshake-refused"))[0]?.reason, "tooManyConnections");
});

cap(["webHalfOpenPerSource"], "one address has so many handshakes with it under way, and no more", async (context) => {
  const pki = await certificates();
  const house = await opened(context, { ...pki.house, management: "interface: lo, port: 0", limits: { webHalfOpenPerSource: 2 } });
  const strangers = Array.from({ length: 3 }, () =>
    net.connect({ port: portOf(house), host: "127.0.0.1", localAddress: "127.0.0.2" }).on("error", () => {}),
  );
  await until(() => strangers.filter((socket) => socket.closed).length === 1, "two stay");
  const other = await line(house, pki.operator, "GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n");
  await other.gone;
  assert.match(other.text(), /^HTTP\/1.1 200/);
  for (const socket of strangers) socket.destroy();
});

cap(["webPerIdentity"], "one more of the same identity is closed unanswered and recorded, another's is answered", async (context) => {
  const pki = await certificates();
  const house = await opened(context, { ...pki.house, management: "interface: lo, port: 0", limits: { webPerIdentity: 2 } });
  const open = [await line(house, pki.operator), await line(house, pki.operator)];
  const third = await line(house, pki.operator, "GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n");
  await third.gone;
  assert.is(third.text(), "");
  assert.is((await house.written("handshake-refused"))[0]?.reason, "tooManySessions");
  const other = await line(house, pki.operatorNamed("bob"), "GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n");
  await other.gone;
  assert.match(other.text(), /^HTTP\/1.1 200/);
  open[0]?.socket.destroy();
  await open[0]?.gone;
  await until(() => house.gateway.web[0]?.connections === 1, "its place is free");
  const again = await line(house, pki.operator, "GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n");
  await again.gone;
  assert.match(again.text(), /^HTTP\/1.1 200/);
});

const LOOKERS = `policy: test
version: 1
roles:
  looker: [{ id: look, manage: view, on: "*" }]
bindings:
  - { role: looker, identity: "spiffe://plant.example/operator/*", kind: person }
`;

cap(["viewCounters"], "the counts of those who look are written out early, and none is lost", async (context) => {
  const pki = await certificates();
  const limits = { viewCounters: 2, readWindowMs: 600_000 };
  const house = await opened(context, { ...pki.house, policy: LOOKERS, management: "interface: lo, port: 0", limits });
  const [a, b, c] = [pki.operatorNamed("a"), pki.operatorNamed("b"), pki.operatorNamed("c")];
  for (const who of [a, a, b, c]) assert.ok((await manage(house, who, { ask: "status" })).ok);
  const looks = (await house.written("management")).filter(({ asked }) => asked === "status");
  assert.equal(
    looks.map(({ who, count }) => [who.at(-1), count]),
    [
      ["a", 2],
      ["b", 1],
    ],
  );
});

cap(["verifiedPoints"], "more points are told in further answers, each with its record", async (context) => {
  const points = Array.from({ length: 5 }, (_, i) => `p${i},1,holding,${i},uint16,,r,\n`).join("");
  const house = await opened(context, { points: POINTS + points, limits: { verifiedPoints: 2 } });
  const ask = (from: number): Promise<Answer> =>
    askDaemon(path.join(house.dir, "penstock.sock"), { ask: "pointsVerify", asset: "plc", points: null, from, uid: 0 });
  const shown: (readonly [string, number | null | undefined])[] = [];
  for (let from: number | null = 0; from !== null; ) {
    const { verification }: Answer = await ask(from);
    shown.push([verification?.points.map(({ name }) => name).join(" ") ?? "", verification?.next]);
    from = verification?.next ?? null;
  }
  assert.equal(shown, [
    ["p0 p1", 2],
    ["p2 p3", 4],
    ["p4", null],
  ]);
  assert.is((await house.written("management")).filter(({ asked }) => asked === "points verify").length, 3);
});

cap(
  ["verifications", "verificationsOfOne"],
  "whose oldest is forgotten cannot sign it off any more; nobody loses his to another",
  async (context) => {
    const limits = { verificationsOfOne: 2, verifications: 4 };
    const house = await opened(context, { points: `${POINTS}p,1,holding,0,uint16,,r,\n`, limits });
    const ask = (question: Question, uid: number): Promise<Answer> =>
      askDaemon(path.join(house.dir, "penstock.sock"), { ...question, uid });
    const ids: [string, number][] = [];
    for (const uid of [1, 2, 2, 2, 3, 4, 5])
      ids.push([(await ask({ ask: "pointsVerify", asset: "plc", points: null, from: 0 }, uid)).verification?.id ?? "", uid]);
    const signed: (number | null)[] = [];
    for (const [verification, uid] of ids) signed.push((await ask({ ask: "pointsSignOff", verification }, uid)).ok ? uid : null);
    assert.equal(signed, [null, null, null, 2, 3, 4, 5]);
  },
);

/** A client of another address of this machine: another identity. */
async function fromAddress(port: number, localAddress: string): Promise<Operator> {
  const socket = net.connect({ port, host: "127.0.0.1", localAddress });
  await new Promise((resolve, reject) => socket.once("connect", resolve).once("error", reject));
  return new Operator(socket);
}

limits("frame size: a length beyond 254 ends the connection before anything is gathered", async (context) => {
  const house = await opened(context);
  const operator = await house.plain();
  operator.socket.write(Buffer.from("000100000fff01", "hex"));
  await operator.gone();
  assert.is((await house.written("decision"))[0]?.code, "badLength");
});

limits("every cap in limits.ts has a test above", () => {
  assert.equal([...reached].sort(), Object.keys(LIMITS).sort());
});

limits.run();
