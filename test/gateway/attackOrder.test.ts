/** The gate under pressure: order, denials that say nothing or close, faults of our own. A denied or unjudged octet never reaches a device. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type House, OPEN_POLICY, opened, until } from "#test/support/house";
import { adu, read, write } from "#test/support/operator";

const order = suite<{ house: House }>("gateway/attackOrder");
order.after.each(async (context) => {
  await context.house?.close();
});

/** From now on nothing more reaches the disk, as far as the road can tell. */
function stall(house: House): { goOn(): void } {
  const { audit } = house.gateway.road;
  const { durable } = audit;
  Object.defineProperty(audit, "durable", { get: () => durable, configurable: true });
  return {
    goOn: () => {
      Reflect.deleteProperty(audit, "durable");
      audit.onProgress?.();
    },
  };
}

const withOnDeny = (onDeny: string): string => `${OPEN_POLICY}on_deny: ${onDeny}\n`;
const DENIED = write(500, 1);

/** Requests of one packet. */
const packet = (...pdus: Buffer[]): Buffer => Buffer.concat(pdus.map((pdu, i) => adu(pdu, 1, i + 1)));

async function idle(house: House): Promise<void> {
  await until(() => house.gateway.road.tickets.inUse === 0, "every ticket is back");
}

order("RULINGS 13: a dropped denial says nothing, holds up nobody and keeps no ticket", async (context) => {
  const house = await opened(context, { policy: withOnDeny("{ answer: drop }") });
  house.plc.faults = { delayMs: 40 };
  const operator = await house.plain();
  operator.socket.write(packet(DENIED, read(1, 1), DENIED, DENIED, write(2, 7), DENIED, read(2, 1)));
  await operator.answerTo(7);
  assert.equal(
    operator.answers.map((a) => [a.transaction, a.pdu.toString("hex")]),
    [
      [2, "03020000"],
      [5, "0600020007"],
      [7, "03020007"],
    ],
  );
  assert.is(house.plc.requests.length, 3);
  await idle(house);
  assert.is((await house.written("decision")).filter((r) => r.action === "drop").length, 4);
});

order(
  "RULINGS 13: a denial that closes waits its turn: what was asked before is answered, what came after is not heard",
  async (context) => {
    const house = await opened(context, { policy: withOnDeny("{ answer: close }") });
    house.plc.faults = { delayMs: 40 };
    const operator = await house.plain();
    operator.socket.write(packet(read(1, 1), write(2, 9), DENIED, write(3, 9)));
    await operator.gone();
    assert.equal(
      operator.answers.map((a) => a.pdu.toString("hex")),
      ["03020000", "0600020009"],
    );
    assert.is(house.plc.unit(1)[3], 0);
    await idle(house);
    assert.is((await house.written("session")).find((r) => r.event === "end")?.reason, "closedByPolicy");
  },
);

order("RULINGS 13: `close_after` counts denied writes; the last one is answered before the end", async (context) => {
  const house = await opened(context, { policy: withOnDeny("{ answer: exception, close_after: { denials: 3, within: 60s } }") });
  const operator = await house.plain();
  for (let i = 0; i < 10; i++) assert.is((await operator.ask(read(0, 1), 9)).toString("hex"), "8301", "denied reads never count");
  operator.socket.write(packet(DENIED, DENIED, DENIED, write(1, 1)));
  await operator.gone();
  assert.equal(
    operator.answers.slice(-3).map((a) => a.pdu.toString("hex")),
    ["8601", "8601", "8601"],
  );
  assert.is(house.plc.octets, 0);
  assert.is((await house.written("session")).find((r) => r.event === "end")?.reason, "closedByDenials");
});

order("RULINGS 13: a full queue is nobody's fault: allowed writes that find no room do not close the session", async (context) => {
  const policy = withOnDeny("{ answer: exception, close_after: { denials: 3, within: 60s } }");
  const house = await opened(context, { policy, limits: { pendingPerSession: 2 } });
  house.plc.faults = { delayMs: 30 };
  const operator = await house.plain();
  operator.socket.write(packet(...Array.from({ length: 7 }, (_, i) => write(i, 1))));
  await operator.answerTo(7);
  assert.ok(operator.answers.filter((a) => a.pdu.toString("hex") === "8606").length >= 4);
  assert.is((await operator.ask(read(0, 1))).toString("hex"), "03020001");
});

order("broken framing ends the session after what is already answered", async (context) => {
  const house = await opened(context);
  const operator = await house.plain();
  operator.socket.write(Buffer.concat([packet(DENIED), Buffer.from("dead00010006010300000001", "hex")]));
  await operator.gone();
  assert.equal(
    operator.answers.map((a) => a.pdu.toString("hex")),
    ["8601"],
  );
  assert.is(house.plc.octets, 0);
  await idle(house);
});

order("a peer that is cut and neither reads nor closes is let go all the same", async (context) => {
  const house = await opened(context, { policy: withOnDeny("{ answer: close }") });
  const operator = await house.plain();
  await operator.ask(read(0, 1));
  operator.socket.pause();
  operator.send(DENIED);
  await until(() => house.gateway.road.sessions.open.size === 0, "ended");
  await until(() => house.gateway.status().listeners[0]?.connections === 0, "its socket is gone", 5_000);
});

order("RULINGS 8: two pipelined writes within one step each and not together: the second is denied as it would leave", async (context) => {
  const policy = OPEN_POLICY.replace("addresses: 0-99 }", "addresses: 0-99, values: { min: 0, max: 1000, max_step: 5 } }");
  const house = await opened(context, { policy });
  house.plc.unit(1)[4] = 100;
  const [a, b] = [await house.plain(), await house.plain()];
  const disk = stall(house);
  const answers = [a.ask(write(4, 105)), b.ask(write(4, 97))];
  await until(() => house.gateway.status().assets[0]?.waiting === 2, "both are allowed and wait");
  disk.goOn();
  const told = await Promise.all(answers.map(async (answer) => (await answer).toString("hex")));
  const [made, other] = told[0] === "8601" ? ["0600040061", told[1]] : ["0600040069", told[0]];
  assert.equal(told.toSorted(), [made, "8601"].toSorted());
  assert.is(other, made);
  const denied = (await house.written("decision")).filter((r) => r.code === "stepTooLarge");
  assert.is(denied.length, 1);
  assert.ok(denied[0]?.of > 0, "it was allowed as it came");
});

order("RULINGS 10: pipelined writes take their places as they come; one that is not sent gives its own back, once", async (context) => {
  const policy = OPEN_POLICY.replace("addresses: 0-99 }", "addresses: 0-99, values: { min: 0, max: 1000, max_changes: 2/min } }");
  const house = await opened(context, { policy, asset: "    upstream: { timeout: 300ms }" });
  const [a, b] = [await house.plain(), await house.plain()];
  house.plc.faults = { delayMs: 50 };
  a.socket.write(packet(write(4, 1), write(4, 2), write(4, 3)));
  await a.answerTo(3);
  assert.equal(
    a.answers.map((each) => each.pdu.toString("hex")),
    ["0600040001", "0600040002", "8601"],
  );
  const port = await house.plc.goAway();
  await until(() => house.gateway.status().assets[0]?.deviceState === "down", "the gateway knows");
  for (let i = 0; i < 4; i++) assert.is((await b.ask(write(5, i))).toString("hex"), "860a", "not sent, so not counted");
  await house.plc.listen(port);
  await until(() => house.gateway.status().assets[0]?.deviceState === "ready", "reconnected");
  house.plc.faults = { actSilently: true };
  assert.is((await b.ask(write(5, 1))).toString("hex"), "860b");
  house.plc.faults = {};
  await until(() => house.gateway.status().assets[0]?.deviceState === "ready", "reconnected");
  assert.is((await b.ask(write(5, 2))).toString("hex"), "0600050002");
  assert.is((await b.ask(write(5, 3))).toString("hex"), "8601", "the silent one may have acted: it counts");
});

order("a write behind a disk that stalls is answered 06 when its time is up, and never sent", async (context) => {
  const house = await opened(context, { asset: "    upstream: { timeout: 300ms }" });
  const operator = await house.plain();
  await operator.ask(write(1, 1));
  const { audit } = house.gateway.road;
  const stalledAt = audit.durable;
  const disk = stall(house);
  operator.socket.write(packet(write(2, 2), read(1, 1)));
  assert.is((await operator.answerTo(1, 3_000)).toString("hex"), "8606");
  assert.is((await operator.answerTo(2, 3_000)).toString("hex"), "03020001", "what came behind it goes on");
  disk.goOn();
  await until(() => audit.durable > stalledAt, "the disk is back");
  assert.is((await operator.ask(read(2, 1))).toString("hex"), "03020000");
  const outcome = (await house.written("outcome")).find((r) => r.outcome === "notSent");
  assert.is(outcome?.reason, "evidenceUnavailable");
  await idle(house);
});

/** Put something that throws in the place of a method, once. */
function breakOnce<T extends object, K extends keyof T>(object: T, name: K): void {
  const whole = object[name] as unknown as (...args: unknown[]) => unknown;
  let broken = true;
  Object.defineProperty(object, name, {
    configurable: true,
    writable: true,
    value(this: unknown, ...args: unknown[]) {
      if (!broken) return whole.apply(this, args);
      broken = false;
      throw new Error("a fault of our own");
    },
  });
}

order("a fault while judging is a denial; while judging again, too: not an octet leaves", async (context) => {
  const house = await opened(context);
  const operator = await house.plain();
  const session = [...house.gateway.road.sessions.open][0];
  assert.ok(session !== undefined);
  breakOnce(session.rights, "factsAt");
  assert.is((await operator.ask(write(1, 1))).toString("hex"), "8604");
  let calls = 0;
  const { factsAt } = session.rights;
  Object.defineProperty(session.rights, "factsAt", {
    configurable: true,
    value(...asked: Parameters<typeof factsAt>) {
      calls += 1;
      if (calls === 2) throw new Error("a fault of our own");
      return factsAt.apply(session.rights, asked);
    },
  });
  assert.is((await operator.ask(write(1, 1))).toString("hex"), "8604");
  assert.is(house.plc.octets, 0);
  assert.is((await operator.ask(write(1, 2))).toString("hex"), "0600010002", "the lane is free");
  assert.equal(
    (await house.written("decision")).filter((r) => r.decision === "deny").map((r) => r.code),
    ["internal", "internal"],
  );
  await idle(house);
});

order("a fault after a request found its place in the queue: it is denied, and does not leave from there", async (context) => {
  const house = await opened(context);
  const operator = await house.plain();
  const session = [...house.gateway.road.sessions.open][0];
  assert.ok(session !== undefined);
  breakOnce(session.device.queue, "enroll");
  assert.is((await operator.ask(write(1, 1))).toString("hex"), "8604");
  assert.is((await operator.ask(write(2, 2))).toString("hex"), "0600020002");
  assert.equal([house.plc.unit(1)[1], house.plc.requests.length], [0, 1]);
  assert.is((await operator.ask(read(1, 1))).toString("hex"), "03020000");
  assert.is(session.device.waiting, 0);
  await idle(house);
});

order("a fault while a reply is passed on withholds it, frees the lane, and leaves the others alone", async (context) => {
  const house = await opened(context);
  const [a, b] = [await house.plain(), await house.plain()];
  const asset = house.gateway.assets.get("plc");
  assert.ok(asset !== undefined);
  Object.defineProperty(asset, "protocol", { value: { ...asset.protocol }, configurable: true });
  breakOnce(asset.protocol, "match");
  assert.is((await a.ask(write(1, 1))).toString("hex"), "8604");
  assert.is((await b.ask(write(1, 2))).toString("hex"), "0600010002");
  assert.is((await a.ask(read(1, 1))).toString("hex"), "03020002");
  await idle(house);
});

order("a fault in reading a session's octets ends that session, recorded; the daemon and the others live", async (context) => {
  const house = await opened(context);
  const [a, b] = [await house.plain(), await house.plain()];
  await b.ask(read(0, 1));
  await a.ask(read(0, 1));
  const session = [...house.gateway.road.sessions.open].find((each) => each.stream.remotePort === a.socket.localPort);
  assert.ok(session !== undefined);
  breakOnce(session, "openRequest");
  a.send(write(1, 1));
  await a.gone();
  assert.is((await b.ask(read(1, 1))).toString("hex"), "03020000");
  assert.is((await house.written("session")).find((r) => r.event === "end")?.reason, "internalFault");
  assert.is(house.gateway.road.tickets.inUse, 1, "of the ticket in the middle of the fault nobody can say who still looks at it");
});

order("a fault in the look around, and one in letting a peer in, kill nobody", async (context) => {
  const house = await opened(context);
  breakOnce(house.gateway.road.sessions, "watch");
  const a = await house.plain();
  assert.is((await a.ask(read(0, 1))).toString("hex"), "03020000");
  breakOnce(house.gateway.road.sessions, "countOf");
  const refused = await house.plain();
  await refused.gone();
  const b = await house.plain();
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.is((await b.ask(write(0, 3))).toString("hex"), "0600000003");
});

order("a record that cannot be told does not stop the log, nor the write it was for", async (context) => {
  const house = await opened(context);
  const operator = await house.plain();
  const asset = house.gateway.assets.get("plc");
  assert.ok(asset !== undefined);
  breakOnce(asset.layout, "pointsIn");
  assert.is((await operator.ask(write(1, 1))).toString("hex"), "0600010001");
  assert.is((await operator.ask(write(1, 2))).toString("hex"), "0600010002");
  const records = await house.written("decision");
  assert.equal([records.length, records.filter((r) => "unrenderable" in r).length], [2, 1]);
});

order("the operator is gone at every moment of a write's way: nothing leaks, nothing answers another", async (context) => {
  const house = await opened(context, {
    asset: "    sessions_per_identity: 64\n    upstream: { timeout: 300ms, outstanding: 4, connections: 2 }",
  });
  house.plc.faults = { delayMs: 5 };
  const steady = await house.plain();
  for (let i = 0; i < 40; i++) {
    const operator = await house.plain();
    operator.socket.write(packet(write(50, i), read(51, 2), write(500, 1), write(52, i), read(1, 1)));
    setTimeout(() => operator.socket.resetAndDestroy(), i % 14);
    house.plc.unit(1)[9] = i;
    assert.is((await steady.ask(read(9, 1))).toString("hex"), `0302${i.toString(16).padStart(4, "0")}`);
  }
  await until(() => house.gateway.road.sessions.open.size === 1, "they are gone");
  await idle(house);
  const asset = house.gateway.assets.get("plc");
  assert.equal([asset?.changesAtDevice, asset?.device?.waiting, asset?.device?.atDevice], [0, 0, 0]);
  const records = await house.written();
  const changes = records.filter((r) => r.kind === "decision" && r.decision === "allow" && r.effect === "change");
  const outcomes = new Set(records.filter((r) => r.kind === "outcome").map((r) => r.of));
  assert.equal(
    changes.filter((r) => !outcomes.has(r.seq)).map((r) => r.seq),
    [],
    "every allowed write says what became of it",
  );
});

order.run();
