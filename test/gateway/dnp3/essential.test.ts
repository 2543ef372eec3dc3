/** RULINGS 15, 35: a trip that is essential passes on a full disk and in front of a selection of somebody else's, whichever way it is sent. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { verify } from "#audit/verify";
import { crob } from "#test/peers/dnp3/builders";
import type { Master, Reply } from "#test/peers/dnp3/master";
import { parseObjects } from "#test/peers/dnp3/parse";
import { FailingDisk } from "#test/support/failingDisk";
import { until } from "#test/support/house";
import { Substation } from "#test/support/substation";

const [SELECT, DIRECT_OPERATE] = [3, 5] as const;
const TRIP = { code: 0x81, count: 1, onTimeMs: 500, offTimeMs: 0 };
const CLOSE = { ...TRIP, code: 0x41 };

const POLICY = `policy: stops
version: 1
roles:
  operator:
    - { id: look, allow: read, on: plc }
    - { id: trip, allow: operate, on: plc, points: [breaker_52], via: [select-before-operate, direct], control: { codes: [trip] }, essential: true }
    - { id: close, allow: operate, on: plc, points: [breaker_52], via: [select-before-operate, direct], control: { codes: [close] } }
bindings:
  - { role: operator, identity: "spiffe://plant.example/operator/*", kind: person }
`;

const stops = suite<{ station: Substation | null }>("gateway/dnp3/essential");
stops.after.each(async (context) => {
  await context.station?.close();
  context.station = null;
});

const statusOf = ({ objects }: Reply): number | undefined => parseObjects(objects, true)[0]?.items[0]?.status;

async function opening(context: { station: Substation | null }): Promise<{ station: Substation; alice: Master; disk: FailingDisk }> {
  const disk = new FailingDisk();
  const station = await Substation.open({ policy: POLICY, disk: { files: disk } });
  context.station = station;
  return { station, alice: await station.operator(), disk };
}

stops("RULINGS 15: no record can be written: the trip passes, directly and by select before operate, a close does not", async (context) => {
  const { station, alice, disk } = await opening(context);
  assert.is(statusOf(await alice.request(DIRECT_OPERATE, crob(0, CLOSE))), 0);
  disk.fails = "EIO";
  assert.is(
    statusOf(await alice.request(DIRECT_OPERATE, crob(0, CLOSE))),
    10,
    "automation inhibit: its record was on the way when the disk failed",
  );
  await until(() => station.house.gateway.road.audit.state !== "ok", "the log knows");
  assert.is(statusOf(await alice.request(DIRECT_OPERATE, crob(0, CLOSE))), 10);
  assert.is(statusOf(await alice.request(DIRECT_OPERATE, crob(0, TRIP))), 0);
  assert.is(statusOf(await alice.selectOperate(crob(0, TRIP))), 0);
  assert.is(statusOf(await alice.request(SELECT, crob(0, CLOSE))), 10);
  assert.equal(
    station.outstation.operated.map(({ code }) => code),
    [0x41, 0x81, 0x81],
  );
  assert.match(station.house.gateway.status().warnings.join("\n"), /STOPS WITHOUT RECORD: 3/);
  disk.fails = null;
  await until(() => station.house.gateway.status().audit.stops.waiting === 0, "they are in the log");
  const merged = (await station.house.written("decision")).filter(({ journal }) => journal !== undefined);
  assert.equal(
    merged.map(({ name, rule }) => [name, rule]),
    ["directOperate", "select", "operate"].map((name) => [name, "operator/trip"]),
  );
  await station.house.gateway.close();
  const report = await verify(station.house.auditDirectory, readFileSync(path.join(station.house.dir, "audit.key.pub"), "utf8"));
  assert.ok(report.ok, JSON.stringify(report.findings));
});

stops("RULINGS 35: a trip goes in front of what another has selected, whose OPERATE then finds nothing selected", async (context) => {
  const { station, alice } = await opening(context);
  const bob = await station.operator("bob");
  assert.is(statusOf(await bob.request(SELECT, crob(0, CLOSE))), 0);
  assert.is(statusOf(await alice.request(DIRECT_OPERATE, crob(0, TRIP))), 0, "at once, though bob has the device for himself");
  assert.is(statusOf(await bob.request(4, crob(0, CLOSE))), 2);
  assert.equal(
    station.outstation.operated.map(({ code }) => code),
    [0x81],
  );
});

stops.run();
