/** Last seen cells against a plain map. */
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { LastSeenCells } from "#process/lastSeen";

const seen = suite("process/lastSeen");

seen("unknown until seen; then the cell, when, and how it came to be known", () => {
  const cells = new LastSeenCells();
  assert.equal([cells.cell(1, 3, 40), cells.seenAt(1, 3, 40), cells.sourceOf(1, 3, 40)], [-1, 0, 0]);
  cells.set(1, 3, 40, 0, 1_000, 1);
  assert.equal([cells.cell(1, 3, 40), cells.seenAt(1, 3, 40), cells.sourceOf(1, 3, 40)], [0, 1_000, 1]);
  cells.set(1, 3, 40, 0xffff, 2_000, 2);
  assert.equal([cells.cell(1, 3, 40), cells.seenAt(1, 3, 40), cells.sourceOf(1, 3, 40)], [0xffff, 2_000, 2]);
  cells.void(1, 3, 40, 40);
  assert.equal([cells.cell(1, 3, 40), cells.seenAt(1, 3, 40), cells.sourceOf(1, 3, 40)], [-1, 0, 0]);
});

seen("an address beyond the process tables is not kept", () => {
  const cells = new LastSeenCells();
  cells.set(1, 4, 0x1_0000, 7, 1, 1);
  assert.is(cells.cell(1, 4, 0x1_0000), -1);
  assert.is(cells.cell(1, 5, 0), -1, "nor does it turn up in the next space");
});

/** Addresses round the edges of pages and spaces, few enough to collide. */
const address = fc.constantFrom(0, 1, 254, 255, 256, 257, 511, 512, 32_767, 32_768, 65_279, 65_280, 65_534, 65_535);
const unit = fc.constantFrom(0, 1, 2, 247, 255);
const space = fc.constantFrom(0, 1, 3, 255);
const act = fc.oneof(
  fc.record({ is: fc.constant("set" as const), unit, space, address, cell: fc.integer({ min: 0, max: 0xffff }), at: fc.nat() }),
  fc.record({ is: fc.constant("void" as const), unit, space, address, to: address }),
  fc.record({ is: fc.constant("voidUnit" as const), unit }),
);

seen("property: it holds what a map would, whatever is set and voided in whichever order", () => {
  fc.assert(
    fc.property(fc.array(act, { maxLength: 60 }), (acts) => {
      const cells = new LastSeenCells();
      const model = new Map<string, { cell: number; at: number }>();
      for (const each of acts) {
        if (each.is === "set") {
          cells.set(each.unit, each.space, each.address, each.cell, each.at, 1);
          model.set(`${each.unit} ${each.space} ${each.address}`, { cell: each.cell, at: each.at });
        } else if (each.is === "voidUnit") {
          cells.voidUnit(each.unit);
          for (const key of model.keys()) if (key.startsWith(`${each.unit} `)) model.delete(key);
        } else {
          cells.void(each.unit, each.space, each.address, each.to);
          for (const key of [...model.keys()]) {
            const [u, s, a] = key.split(" ").map(Number) as [number, number, number];
            if (u === each.unit && s === each.space && a >= each.address && a <= each.to) model.delete(key);
          }
        }
      }
      for (const u of [0, 1, 2, 247, 255])
        for (const s of [0, 1, 3, 255])
          for (const a of [0, 1, 2, 254, 255, 256, 257, 511, 512, 513, 32_767, 32_768, 65_279, 65_280, 65_534, 65_535]) {
            const known = model.get(`${u} ${s} ${a}`);
            assert.is(cells.cell(u, s, a), known?.cell ?? -1, `${u} ${s} ${a}`);
            assert.is(cells.seenAt(u, s, a), known?.at ?? 0);
          }
    }),
    { numRuns: 300, seed: 4711 },
  );
});

seen.run();
