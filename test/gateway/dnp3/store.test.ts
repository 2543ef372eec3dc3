/** RULINGS 34: what a device tells while its event owner is away is kept, and the device is told so only once it is on the disk. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type AppendFile, type Files, realFiles } from "#disk/files";
import { encodeLink } from "#dnp3/link";
import type { Asset } from "#gateway/asset";
import { EventStore } from "#gateway/eventStore";
import { classes, range } from "#test/peers/dnp3/builders";
import type { Master } from "#test/peers/dnp3/master";
import { parseObjects } from "#test/peers/dnp3/parse";
import { until } from "#test/support/house";
import { FEEDER_POLICY, Substation, type SubstationOptions } from "#test/support/substation";

const ENABLE_UNSOLICITED = 20;
/** REQUEST_LINK_STATUS, from the outstation and from the master. */
const LINK_STATUS_REQUEST = frameOf(0x49, 1, 10);
const LINK_STATUS_REQUEST_OF_MASTER = frameOf(0xc9, 10, 1);

function frameOf(control: number, destination: number, source: number): Uint8Array {
  const frame = new Uint8Array(10);
  encodeLink(frame, 0, control, destination, source, new Uint8Array(0), 0, 0);
  return frame;
}

const store = suite<{ station: Substation | null }>("gateway/dnp3/store");
store.after.each(async (context) => {
  await context.station?.close();
  context.station = null;
});

async function opening(context: { station: Substation | null }, options: SubstationOptions = {}): Promise<Substation> {
  context.station = await Substation.open({ device: { unsolicited: true, confirmTimeoutMs: 400 }, ...options });
  return context.station;
}

/** The owner turns them on, and leaves. */
async function leaving(station: Substation): Promise<void> {
  const scada = await station.scada();
  assert.is((await scada.request(ENABLE_UNSOLICITED, classes(1, 2, 3))).iin2, 0);
  await scada.close();
  await until(() => station.house.gateway.road.sessions.open.size === 0, "the owner is gone");
}

const confirmsOf = ({ outstation }: Substation): number => outstation.received.filter(({ octets }) => octets[1] === 0).length;

const indexIn = (objects: Uint8Array): number | undefined => parseObjects(objects, true)[0]?.items[0]?.index;

async function told(master: Master, count: number): Promise<(number | undefined)[]> {
  const indexes: (number | undefined)[] = [];
  while (indexes.length < count) indexes.push(indexIn((await master.waitForUnsolicited()).objects));
  return indexes;
}

store(
  "kept on the disk, and the device goes on answering others; the owner has them in order when it is back, over a restart too",
  async (context) => {
    const station = await opening(context);
    await leaving(station);
    const before = confirmsOf(station);
    for (const index of [0, 1, 2]) {
      station.outstation.update("binary", index, index % 2 !== 0);
      await until(() => confirmsOf(station) === before + index + 1, "the device is told that it came");
      const kept = readFileSync(path.join(station.house.dir, "audit.events", "plc.jsonl"), "utf8");
      assert.is(kept.trim().split("\n").length, index + 1, "on the disk by then");
    }
    const alice = await station.operator();
    assert.is((await alice.read(range(1, 2, 0, 0))).iin2, 0);
    assert.match(station.house.gateway.status().warnings.join("\n"), /EVENTS WAIT: 3 responses of plc/);
    await station.house.restart();
    const scada = await station.scada();
    assert.equal(await told(scada, 3), [0, 1, 2]);
    await until(() => station.house.gateway.assets.get("plc")?.unsolicited.waiting === 0, "all of it was had");
    await until(() => readFileSync(path.join(station.house.dir, "audit.events", "plc.jsonl"), "utf8") === "", "the file begins anew");
    station.outstation.update("binary", 3, true);
    assert.equal(await told(scada, 1), [3], "what comes now goes straight there");
    const counted = await station.house.written("outcome");
    assert.ok(counted.length >= 0);
  },
);

store("an owner that does not confirm is told again, under the same number, and nothing after it before it has", async (context) => {
  const station = await opening(context, { limits: { eventRetryMs: 150 } });
  await leaving(station);
  const before = confirmsOf(station);
  station.outstation.update("binary", 0, false);
  await until(() => confirmsOf(station) === before + 1, "kept");
  station.outstation.update("binary", 1, true);
  await until(() => confirmsOf(station) === before + 2, "kept");
  const scada = await station.scada({ confirmUnsolicited: false });
  const first = await scada.waitForUnsolicited();
  const again = await scada.waitForUnsolicited();
  assert.equal([again.seq, indexIn(again.objects)], [first.seq, 0]);
  scada.confirm((first.seq + 1) % 16, true);
  scada.confirm(first.seq, true);
  const second = await waitFor(scada, 1);
  assert.is(second.seq, (first.seq + 1) % 16);
  assert.is(station.house.gateway.assets.get("plc")?.unsolicited.waiting, 1);
});

async function waitFor(master: Master, index: number): ReturnType<Master["waitForUnsolicited"]> {
  for (;;) {
    const reply = await master.waitForUnsolicited();
    if (indexIn(reply.objects) === index) return reply;
  }
}

store(
  "a store that is full, or a disk that takes nothing: the device is told nothing, and tells it again until there is room",
  async (context) => {
    const station = await opening(context, { limits: { storedEvents: 1, eventRetryMs: 100 } });
    await leaving(station);
    const before = confirmsOf(station);
    station.outstation.update("binary", 0, false);
    await until(() => confirmsOf(station) === before + 1, "the first is kept");
    station.outstation.update("binary", 1, true);
    await until(() => (station.house.gateway.assets.get("plc")?.unsolicited.notKept ?? 0) >= 1, "the second is not");
    assert.is(confirmsOf(station), before + 1);
    const scada = await station.scada();
    assert.equal((await told(scada, 2)).sort(), [0, 1]);
  },
);

store("nobody's events are kept for nobody: without an event owner the device keeps them", async (context) => {
  const station = await opening(context, { eventOwner: null });
  await until(() => confirmsOf(station) === 1, "that it has started is confirmed: it tells no event");
  assert.not.ok(readdirSync(station.house.dir).includes("audit.events"));
});

store(
  "DESIGN 10: a device that floods with what nobody confirms is cut; one that tells it now and then, or keeps its link alive, is not",
  async (context) => {
    const station = await opening(context, { eventOwner: null, device: { unsolicited: false } });
    const { device } = station.house.gateway.assets.get("plc") as Asset;
    await until(() => device?.state === "ready", "connected");
    const event = (sequence: number): Uint8Array => Uint8Array.from([0xf0 | sequence, 0x82, 0, 0, 2, 1, 0x17, 1, 0, 0x81]);
    const alice = await station.operator();
    for (let i = 0; i < 600; i++) station.outstation.sendRaw(LINK_STATUS_REQUEST);
    assert.is((await alice.read(range(1, 2, 0, 0))).iin2, 0, "6,000 octets of link layer are no flood");
    assert.is(station.house.gateway.road.stats.strays.get("flood"), undefined);
    // On and on: what stands behind the first in one piece of a stream is not counted with it.
    await until(() => {
      for (let i = 0; i < 100; i++) station.outstation.sendFragment(event(i % 16));
      return (station.house.gateway.road.stats.strays.get("flood") ?? 0) > 0;
    }, "it is cut");
    await until(() => device?.state === "ready", "and is there again");
    assert.is((await alice.read(range(1, 2, 0, 0))).iin2, 0);
  },
);

store("a master that asks and does not read is cut: its link's answers too are counted", async (context) => {
  const station = await opening(context, { limits: { sessionPauseOctets: 2_000, sessionBacklogOctets: 4_000, slowReaderMs: 300 } });
  const alice = await station.operator();
  await alice.read(range(1, 2, 0, 0));
  const session = [...station.house.gateway.road.sessions.open].at(-1);
  const queued = { get: () => 5_000 };
  Object.defineProperty(session?.stream, "queued", queued);
  alice.sendRaw(LINK_STATUS_REQUEST_OF_MASTER);
  await until(() => station.house.gateway.road.sessions.open.size === 0, "it is cut");
  assert.is((await station.house.written("session")).at(-1)?.reason, "slowReader");
});

store("what the owner may not be told for want of a right stays, and keeps nothing behind it from the owner", async (context) => {
  const policy = FEEDER_POLICY.replace(/.*told-analog.*\n/, "");
  const station = await opening(context, { policy });
  await leaving(station);
  const before = confirmsOf(station);
  station.outstation.update("analog", 0, 77);
  await until(() => confirmsOf(station) === before + 1, "the first is kept");
  for (const index of [0, 1]) {
    station.outstation.update("binary", index, index === 1);
    await until(() => confirmsOf(station) === before + 2 + index, "and those behind it");
  }
  const scada = await station.scada();
  assert.equal(await told(scada, 2), [0, 1]);
  const { unsolicited } = station.house.gateway.assets.get("plc") as Asset;
  await until(() => unsolicited.waiting === 1, "both were had");
  await scada.close();
  writeFileSync(path.join(station.house.dir, "policy.yaml"), FEEDER_POLICY);
  await station.house.restart();
  const again = await station.scada();
  const { objects } = await again.waitForUnsolicited();
  assert.is(parseObjects(objects, true)[0]?.group, 32, "what stayed is the analog one, over a restart too");
});

/** A folder of its own, and what opens its file anew. */
async function inFolder(test: (file: string, opened: (letBe?: number, files?: Files) => EventStore) => Promise<void>): Promise<void> {
  const dir = mkdtempSync(path.join(os.tmpdir(), "penstock-events-"));
  const file = path.join(dir, "a.jsonl");
  const opened = (letBe?: number, files?: Files): EventStore =>
    new EventStore(file, 10, existsSync(file) ? readFileSync(file, "utf8") : "", files, letBe);
  await test(file, opened);
  rmSync(dir, { recursive: true });
}

const keptIn = (kept: EventStore): (number | undefined)[] => Array.from({ length: kept.size }, (_, i) => kept.at(i)?.at(-1));

store("a line that was cut short is none, one the owner has had is not told again", () =>
  inFolder(async (file, opened) => {
    writeFileSync(file, '{"put":1,"octets":"f08200000a"}\n{"put":2,"octets":"f08200000b"}\n{"had":1}\n{"put":3,"octets":"f0820');
    const kept = opened();
    assert.equal([kept.size, kept.at(0)], [1, Uint8Array.of(0xf0, 0x82, 0, 0, 0x0b)]);
    assert.ok(await kept.put(Uint8Array.of(1)));
    kept.had(kept.at(0));
    await kept.put(Uint8Array.of(2));
    await kept.put(Uint8Array.of(3));
    kept.had(kept.at(1));
    await kept.close();
    const again = opened();
    assert.equal(keptIn(again), [1, 3], "what was put behind a line that was cut short is a line of its own");
    await again.close();
  }),
);

store("one that the owner may not have stays, and what was had behind it does not fill the disk", () =>
  inFolder(async (file, opened) => {
    const kept = opened(2_000);
    await kept.put(Uint8Array.of(0x77));
    let longest = 0;
    for (let i = 0; i < 1_000; i++) {
      await kept.put(Uint8Array.of(i & 0xff));
      kept.had(kept.at(1));
      longest = Math.max(longest, statSync(file).size);
    }
    await kept.put(Uint8Array.of(0x88));
    await kept.close();
    assert.ok(longest < 2_500, `${longest} octets of a file that may have 2,000`);
    assert.ok(longest > 1_800, "and it is not written anew each time");
    const again = opened();
    assert.equal(keptIn(again), [0x77, 0x88]);
    assert.equal(readdirSync(path.dirname(file)), ["a.jsonl"]);
    await again.close();
  }),
);

store("what could not be written of what was had takes no other with it; a disk that writes nothing anew ends what is put", () =>
  inFolder(async (file, opened) => {
    let fails = false;
    const failing: Files = {
      ...realFiles,
      append: async (name) => {
        const real = await realFiles.append(name);
        return { ...bound(real), write: async (octets) => (fails ? Promise.reject(new Error("ENOSPC")) : real.write(octets)) };
      },
      create: async (name) => (name.endsWith(".new") ? Promise.reject(new Error("ENOSPC")) : realFiles.create(name)),
    };
    writeFileSync(file, "");
    const kept = opened(300, failing);
    for (const octet of [1, 2, 3]) await kept.put(Uint8Array.of(octet));
    fails = true;
    kept.had(kept.at(1));
    assert.not(await kept.put(Uint8Array.of(4)));
    fails = false;
    kept.had(kept.at(1));
    let put = 0;
    while ((await kept.put(Uint8Array.of(5))) && put < 1_000) {
      kept.had(kept.at(1));
      put += 1;
    }
    assert.ok(put > 10 && put < 1_000, `${put} until no more is taken`);
    await kept.close();
    const again = opened();
    assert.equal(keptIn(again), [1, 2], "what was had and not written is told again, what nobody had stays");
    await again.close();
  }),
);

function bound(file: AppendFile): AppendFile {
  return { write: (octets) => file.write(octets), sync: () => file.sync(), close: () => file.close() };
}

store.run();
