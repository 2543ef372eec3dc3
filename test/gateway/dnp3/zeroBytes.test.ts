/**
 * Zero bytes of a denied fragment reach an outstation: 100,000 mixed fragments over many sessions and three outstations. Every fragment is told
 * from all others by a number in it, what may pass is worked out by the test from how it made it, and each outstation keeps every octet it was
 * sent, to be read once all is over.
 */
import type net from "node:net";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { FUNCTION } from "#test/peers/dnp3/application";
import { crob, range } from "#test/peers/dnp3/builders";
import { certificates, type GatewayPki } from "#test/support/gatewayCertificates";
import { House, type HouseOptions, until } from "#test/support/house";
import { ASSETS, type Asked, asked, generator, KINDS, latch, make, OUTSTATION, POINTS, POLICY, TRIP } from "./kinds.ts";
import { Asker, count, FROM_MASTER, FROM_OUTSTATION, isDenial, keyOf, MASTER, Tap } from "./tap.ts";

const TOTAL = 100_000;
const SESSIONS_PER_ASSET = 6;
/** Half of the sequence numbers: what is late of one batch is none of the next. */
const AT_ONCE = 8;
const { read, select, operate, directOperate } = FUNCTION;

interface Station {
  readonly port: number;
  readonly tap: Tap;
  readonly allowed: Map<string, number>;
  sent: number;
  denied: number;
  dropped: number;
  toldSo: number;
}

const zero = suite("gateway/dnp3/zero bytes");

zero("of 100,000 mixed fragments not one octet of a denied one reaches an outstation, and what is allowed arrives once", async () => {
  const before = process.cpuUsage();
  const taps = await Promise.all(ASSETS.map(async () => new Tap()));
  const ports = await Promise.all(taps.map((tap) => tap.listen()));
  const pki = await certificates();
  const house = await House.open(optionsOf(ports, pki));
  const stations = taps.map((tap, a): Station => {
    return { port: house.port(a), tap, allowed: new Map(), sent: 0, denied: 0, dropped: 0, toldSo: 0 };
  });
  const sockets: net.Socket[] = [];
  const opened: Opened = async (station, name) => {
    const asker = await Asker.open(station.port, pki.operatorNamed(name));
    sockets.push(asker.socket);
    return asker;
  };
  try {
    await Promise.all(
      stations.flatMap((station, a) => [
        ...Array.from({ length: SESSIONS_PER_ASSET }, async (_, s) =>
          mixed(station, await opened(station, `mixed-${s}`), generator(1_000 * a + s), s),
        ),
        (async () => commanding(station, await opened(station, "commanding")))(),
        (async () => wrong(station, opened))(),
        (async () => spoofed(station, opened))(),
      ]),
    );
    await until(() => house.gateway.road.tickets.inUse === 0, "everything is answered");
    const sum = { sent: 0, passed: 0, denied: 0, dropped: 0, toldSo: 0 };
    for (const { tap, allowed, sent, denied, dropped, toldSo } of stations) {
      await until(() => tap.fragments >= sizeOf(allowed), "all that may has arrived");
      const arrived = tap.account();
      for (const [key, times] of arrived) {
        assert.is(times, allowed.get(key) ?? 0, `arrived: ${Buffer.from(key, "latin1").toString("hex")}`);
        sum.passed += times;
      }
      for (const [key, times] of allowed) assert.is(arrived.get(key) ?? 0, times, `once: ${Buffer.from(key, "latin1").toString("hex")}`);
      sum.sent += sent;
      sum.denied += denied;
      sum.dropped += dropped;
      sum.toldSo += toldSo;
    }
    const { user, system } = process.cpuUsage(before);
    console.log(`${JSON.stringify(sum)}, 0 octets of what was denied at an outstation; ${((user + system) / 1e6).toFixed(1)} s of CPU`);
    assert.ok(sum.sent >= TOTAL && sum.passed > TOTAL / 4 && sum.denied + sum.dropped > TOTAL / 2, JSON.stringify(sum));
    assert.is(sum.toldSo, sum.denied, "whoever is denied is told so");
  } finally {
    for (const socket of sockets) socket.destroy();
    await house.close();
    for (const tap of taps) await tap.close();
  }
});

function optionsOf(ports: readonly number[], pki: GatewayPki): HouseOptions {
  const upstream = "    sessions_per_identity: 16\n    upstream: { timeout: 30s }\n";
  const more = ASSETS.slice(1).map(
    (name, i) =>
      `  ${name}:\n    protocol: dnp3-tcp\n    address: 127.0.0.1:${ports[i + 1]}\n    link: { master: ${MASTER}, outstation: ${OUTSTATION} }\n    points: points.csv\n${upstream}`,
  );
  return {
    ...pki.house,
    policy: POLICY,
    points: POINTS,
    listeners: ASSETS.map((asset) => `  - { asset: ${asset}, interface: lo, port: 0, tls: mutual }`).join("\n"),
    asset: `${upstream}${more.join("")}`,
    outstation: { port: ports[0] as number, owner: null },
  };
}

function sizeOf(allowed: ReadonlyMap<string, number>): number {
  return [...allowed.values()].reduce((sum, each) => sum + each, 0);
}

/** It is sent: what is to become of it is written down. */
function expect(station: Station, { fragment, destination, fate }: Asked): void {
  station.sent += 1;
  if (fate === "denied") station.denied += 1;
  else if (fate === "dropped") station.dropped += 1;
  else count(station.allowed, keyOf(fragment, destination));
}

/** Of every kind, several at a time, now and then one twice. */
async function mixed(station: Station, asker: Asker, random: (n: number) => number, s: number): Promise<void> {
  const share = Math.ceil(TOTAL / ASSETS.length / SESSIONS_PER_ASSET);
  for (let done = 0; done < share; done += AT_ONCE) {
    const base = (done / AT_ONCE) % 2 === 0 ? 0 : AT_ONCE;
    const batch = Array.from({ length: AT_ONCE }, (_, k) => make((done + k) * SESSIONS_PER_ASSET + s, random));
    // The last is answered, and so everything before it is done with.
    if (batch.at(-1)?.fate !== "denied")
      batch[AT_ONCE - 1] = (KINDS[0] as (typeof KINDS)[number])[1]((done + AT_ONCE) * SESSIONS_PER_ASSET + s, random);
    const frames = batch.flatMap((each, k) => {
      expect(station, each);
      const times = random(10) === 0 ? 2 : 1;
      station.sent += times - 1;
      return Array.from({ length: times }, () => asker.frame(each, base + k));
    });
    asker.answers.clear();
    asker.socket.write(Buffer.concat(frames));
    const answered = batch.flatMap(({ fate }, k) => (fate === "passes" || fate === "denied" ? [base + k] : []));
    await asker.answered(answered);
    batch.forEach(({ fate, fragment }, k) => {
      const answer = asker.answers.get(base + k);
      if (fate === "denied" && answer !== undefined && isDenial(answer)) station.toldSo += 1;
      if (fate === "passes") assert.ok(answer !== undefined && !isDenial(answer), `denied: ${Buffer.from(fragment).toString("hex")}`);
    });
    if (random(4) > 0) continue;
    // Its answer came, and it is asked again all the same.
    station.sent += 1;
    asker.socket.write(asker.frame(batch.at(-1) as Asked, base + AT_ONCE - 1));
  }
}

/** SELECT and OPERATE as they should be, and the OPERATE once more. */
async function commanding(station: Station, asker: Asker): Promise<void> {
  for (let i = 0; i < 150; i++) {
    const objects = crob(i % 4, { code: TRIP, onTimeMs: 100_000 + i });
    const pair = [asked("passes", select, objects), asked("passes", operate, objects)];
    for (const [k, each] of pair.entries()) {
      expect(station, each);
      const answer = await asker.ask(each, (2 * i + k) % 16);
      assert.ok(answer !== undefined && !isDenial(answer), `${k === 0 ? "SELECT" : "OPERATE"} ${i}`);
    }
    station.sent += 1;
    asker.socket.write(asker.frame(pair[1] as Asked, (2 * i + 1) % 16));
  }
}

/** @param name  whose certificate it has */
type Opened = (station: Station, name: string) => Promise<Asker>;

/** OPERATEs that do not follow their SELECT: nobody leaves more than three selections unused, or selects no more. */
async function wrong(station: Station, opened: Opened): Promise<void> {
  let asker: Asker | null = null;
  for (let i = 0; i < 20; i++) {
    const base = 8 * (i % 2);
    if (base === 0 || asker === null) asker = await opened(station, `wrong-${i}`);
    const objects = crob(i % 4, { code: TRIP, onTimeMs: 300_000 + i });
    const other = crob(i % 4, { code: TRIP, onTimeMs: 400_000 + i });
    const steps: readonly (readonly [asked: Asked, sequence: number])[] = (
      [
        [[asked("denied", operate, other), 1]],
        [[asked("denied", operate, objects), 2]],
        [[asked("denied", operate, objects), 0]],
        [
          [asked("passes", read, range(30, 1, i, 500)), 1],
          [asked("denied", operate, objects), 2],
        ],
        [
          [asked("passes", operate, objects), 1],
          [asked("denied", operate, objects), 2],
        ],
      ] as const
    )[i % 5] as readonly (readonly [Asked, number])[];
    for (const [each, sequence] of [[asked("passes", select, objects), 0] as const, ...steps]) {
      expect(station, each);
      const answer = await asker.ask(each, base + sequence);
      assert.ok(answer !== undefined, "an answer");
      assert.is(isDenial(answer), each.fate === "denied", Buffer.from(each.fragment).toString("hex"));
      if (each.fate === "denied") station.toldSo += 1;
    }
  }
  const greedy = await opened(station, "greedy");
  for (let i = 0; i < 8; i++) {
    const each = asked(i < 3 ? "passes" : "denied", select, crob(0, { code: TRIP, onTimeMs: 500_000 + i }));
    expect(station, each);
    const answer = await greedy.ask(each, i);
    assert.ok(answer !== undefined && isDenial(answer) === i >= 3, `SELECT ${i} that is not operated`);
    if (i >= 3) station.toldSo += 1;
    const between = asked("passes", read, range(30, 1, i, 600));
    expect(station, between);
    await greedy.ask(between, 8 + i);
  }
}

type Spoof = readonly [source: number, destination: number, control: number, damage: number];
/** Frames that no master of this outstation sends: its session is over. */
const ENDING: readonly Spoof[] = [
  [2, OUTSTATION, FROM_MASTER, 0],
  [MASTER, 11, FROM_MASTER, 0],
  [OUTSTATION, MASTER, FROM_MASTER, 0],
  [MASTER, OUTSTATION, FROM_MASTER, 1],
];
/** Frames that are passed over: of an outstation, with FCV, without it, with data where none stands, of a function there is not. */
const PASSED_OVER: readonly Spoof[] = [
  [MASTER, OUTSTATION, FROM_OUTSTATION, 0],
  [MASTER, OUTSTATION, 0xd4, 0],
  [MASTER, OUTSTATION, 0xf3, 0],
  [MASTER, OUTSTATION, 0xc9, 0],
  [MASTER, OUTSTATION, 0x80, 0],
  [MASTER, OUTSTATION, 0xc5, 0],
];

async function spoofed(station: Station, opened: Opened): Promise<void> {
  const sent = (asker: Asker, i: number, [source, destination, control, damage]: Spoof): void => {
    const bad = { ...asked("dropped", directOperate, latch(600_000 + i, 4)), destination };
    expect(station, bad);
    const frame = asker.frame(bad, 3, source, control);
    frame[frame.length - 1] = (frame[frame.length - 1] as number) ^ damage;
    asker.socket.write(frame);
  };
  const steady = await opened(station, "steady");
  for (let i = 0; i < 60; i++) {
    sent(steady, i, PASSED_OVER[i % PASSED_OVER.length] as Spoof);
    const good = asked("passes", read, range(30, 1, i, 700));
    expect(station, good);
    const answer = await steady.ask(good, 4 + (i % 2));
    assert.ok(answer !== undefined && !isDenial(answer), "the next one passes");
  }
  for (let i = 60; i < 72; i++) {
    const asker = await opened(station, "spoofing");
    sent(asker, i, ENDING[i % ENDING.length] as Spoof);
    await asker.closed;
  }
}

zero.run();
