/** A class is read whole, without what its reader may not see, or not at all: as the rule says. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { classes } from "#test/peers/dnp3/builders";
import { parseObjects } from "#test/peers/dnp3/parse";
import { Substation } from "#test/support/substation";

const trim = suite<{ station: Substation | null }>("gateway/dnp3/trim");
trim.after.each(async (context) => {
  await context.station?.close();
  context.station = null;
});

const policy = (reply: string): string => `policy: narrow
version: 1
roles:
  operator:
    - { id: class-0, allow: read, on: plc, table: class, addresses: 0${reply} }
    - { id: some, allow: read, on: plc, table: analog-input, addresses: [0, "2-3"] }
    - { id: breaker, allow: read, on: plc, points: [breaker_52] }
bindings:
  - { role: operator, identity: "spiffe://plant.example/operator/*", kind: person }
`;

/** group: indexes */
async function toldBy(
  context: { station: Substation | null },
  reply: string,
  fragmentSize = 2048,
): Promise<Record<number, number[]> | number> {
  context.station = await Substation.open({ policy: policy(reply), device: { fragmentSize } });
  for (let index = 4; index < 40; index++) context.station.outstation.add("analog", index, index);
  const master = await context.station.operator();
  const { objects, iin2 } = await master.read(classes(0));
  if (iin2 !== 0) return iin2;
  const told: Record<number, number[]> = {};
  for (const { group, items } of parseObjects(objects, true)) told[group] = [...(told[group] ?? []), ...items.map(({ index }) => index)];
  return told;
}

trim("as it comes, where the rule says nothing", async (context) => {
  const told = await toldBy(context, "");
  assert.equal(Object.keys(told), ["1", "10", "20", "30", "40"]);
});

trim("reply: trim cuts out what no other rule lets its reader see", async (context) => {
  assert.equal(await toldBy(context, ", reply: trim"), { 10: [0], 30: [0, 2, 3] });
  assert.is(context.station?.house.gateway.road.stats.strays.get("trimmed"), 46);
});

trim("reply: trim over a reply of several fragments", async (context) => {
  assert.equal(await toldBy(context, ", reply: trim", 100), { 10: [0], 30: [0, 2, 3] });
});

trim("reply: refuse lets nothing through that holds such a point, and says so", async (context) => {
  assert.is(await toldBy(context, ", reply: refuse"), 1);
  const denied = (await context.station?.house.written("decision"))?.at(-1);
  assert.equal([denied?.decision, denied?.code, denied?.rule], ["deny", "replyRefused", "operator/class-0"]);
  assert.match(denied?.words, /is answered with a point that the role may not read/);
});

trim.run();
