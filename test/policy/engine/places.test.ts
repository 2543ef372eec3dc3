/** Which windows a write takes its place in: all that a rule can ask about, whichever rule allowed it; and nothing where no rule counts. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { modbusVocabulary } from "#modbus/vocabulary";
import { compile, finish } from "#policy/compile";
import { decide } from "#policy/decide";
import { placesOf } from "#policy/places";
import type { AssetModel } from "#process/points";
import { type Asked, operationsOf, Plant } from "./plant.ts";
import { ASSET, Random, ROLES, randomOperations, randomPolicy } from "./random.ts";

const places = suite("policy/places");
const HOLDING = 3;

function unnamed(address: number): number {
  return -1 - (HOLDING * 65536 + address);
}

function taken(plant: Plant, pdu: string, { unit = 1, broadcast = false }: Asked = {}): string[] {
  const { ground } = plant.compiled.tableFor("boiler-1", ["operator"], "certificate");
  const found = placesOf(ground, operationsOf(pdu, unit, broadcast), null);
  return Array.from({ length: found.count }, (_, i) => `${found.units[i]}:${found.places[i]}`);
}

places("RULINGS 10: every place written that some rule counts, once; bits beside their word, an alias as its point", () => {
  const plant = new Plant({
    units: [1, 2],
    unitAliases: [[9, 1]],
    points: {
      p: { at: 40 },
      q: { at: 40, aliasOf: "p" },
      b: { at: 40, bit: 3, bitOf: "p" },
      wide: { at: 41, type: "float32" },
      free: { at: 43 },
      alone: { at: 50, bit: 0 },
    },
    rules: [
      { id: "p", allow: ["write"], points: ["q"], values: { changes: 6 } },
      {
        id: "addresses",
        allow: ["write"],
        addresses: [
          [42, 42],
          [50, 51],
        ],
        values: { changes: 3 },
        units: [1],
      },
      { id: "all", allow: ["read", "write"], broadcast: true },
    ],
  });
  assert.equal(taken(plant, "06 0028 0001"), ["1:0", "1:2"]);
  assert.equal(taken(plant, "06 0028 0001", { unit: 9 }), ["1:0", "1:2"]);
  assert.equal(taken(plant, "06 0028 0001", { unit: 2 }), [], "the points are those of unit 1");
  assert.equal(taken(plant, "16 0028 fff7 0008"), ["1:0", "1:2"]);
  assert.equal(taken(plant, "16 0028 0008 0000"), ["1:0"], "keeps bit 3");
  assert.equal(taken(plant, "10 0028 0004 08 0001 00000000 0001"), ["1:0", "1:2", "1:3"], "the wide value whole, the free one not");
  assert.equal(taken(plant, "10 0032 0003 06 0001 0001 0001"), ["1:5", `1:${unnamed(50)}`, `1:${unnamed(51)}`]);
  assert.equal(taken(plant, "06 0033 0001", { unit: 0, broadcast: true }), [`1:${unnamed(51)}`]);
  assert.equal(taken(plant, "03 0028 0001"), [], "reads change nothing");
  assert.equal(taken(plant, "17 0000 0001 0028 0001 02 0001"), ["1:0", "1:2"]);
});

places("nothing is looked at where no rule counts", () => {
  const plant = new Plant({ points: { p: { at: 40 } }, rules: [{ id: "all", allow: ["write"], values: { min: "0", max: "9" } }] });
  assert.is(plant.compiled.tableFor("boiler-1", ["operator"], "certificate").ground.counted, null);
  assert.equal(taken(plant, "06 0028 0001"), []);
});

places("a write of many places finds room", () => {
  const plant = new Plant({ rules: [{ id: "all", allow: ["write"], values: { changes: 1 } }] });
  assert.is(taken(plant, `0f 0000 07b0 f6 ${"00".repeat(246)}`).length, 1968);
});

places("whatever the decision asks about is among the places the write takes", () => {
  let asked = 0;
  for (let stream = 0; stream < 150; stream++) {
    const random = new Random(77, stream);
    const policy = randomPolicy(random);
    const table = finish(compile(policy, () => modbusVocabulary.spaces)).tableFor(ASSET, ROLES, "certificate");
    for (let i = 0; i < 40; i++) {
      const operations = randomOperations(random, policy.assets.get(ASSET) as AssetModel);
      const counted = new Set<string>();
      decide(table, operations, {
        now: 0,
        hoursOpen: Uint8Array.of(1, 1, 1),
        states: new Uint8Array(8).fill(1),
        implausible: new Uint8Array(8),
        present: { cell: () => 1 },
        rates: { count: () => 0 },
        changes: {
          count(unit, place) {
            counted.add(`${unit}:${place}`);
            return 0;
          },
        },
      });
      const found = placesOf(table.ground, operations, null);
      const all = Array.from({ length: found.count }, (_, at) => `${found.units[at]}:${found.places[at]}`);
      assert.is(new Set(all).size, all.length, "each once");
      for (const place of counted) assert.ok(all.includes(place), `policy ${stream}, request ${i}: ${place} is not in ${all.join(" ")}`);
      asked += counted.size;
    }
  }
  assert.ok(asked > 300, `${asked}`);
});

places.run();
