/** RULINGS 29: which denials are records of their own and which are counted, by a clock that is handed in. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { DenialFloods, type Flood, KINDS, KINDS_OF_ONE, TOLD, WINDOW_MS } from "#audit/floods";

const floods = suite("audit/floods");

class Table {
  readonly floods = new DenialFloods();
  readonly written: Flood[] = [];
  told = 0;
  room = true;

  deny(now: number, { who = "cn:bob@plant", code = "nothingAllows", asset = "boiler-1", fn = 6 } = {}): boolean {
    const own = this.floods.note(who, code, asset, fn, `function ${fn}`, now, now + 1e12, this.room);
    if (own) this.told++;
    return own;
  }

  drain(now: number): void {
    this.floods.drain(now, (flood) => {
      if (this.room) this.written.push({ ...flood, count: flood.count });
      return this.room;
    });
  }

  get counted(): number {
    return this.written.reduce((sum, { count }) => sum + count, 0);
  }
}

floods("RULINGS 29: 20 denials of a kind in 10 s are records, a flood one count every 10 s, and none is lost", () => {
  const table = new Table();
  let denied = 0;
  for (let now = 0; now < 60_000; now += 10) {
    assert.is(table.deny(now), denied < TOLD, `${now} ms`);
    denied++;
    if (now % 250 === 0) table.drain(now);
  }
  assert.is(table.written.length, 5, "a count every 10 s");
  table.drain(75_000);
  assert.is(table.written.length, 6);
  assert.is(table.told + table.counted, denied);
  const [first, second] = table.written as [Flood, Flood];
  assert.equal([first.identity, first.code, first.asset, first.function], ["cn:bob@plant", "nothingAllows", "boiler-1", 6]);
  assert.is(first.fromWallMs, 1e12 + 200);
  assert.ok(first.toWallMs < second.fromWallMs && first.toWallMs - first.fromWallMs <= WINDOW_MS + 250);
});

floods("RULINGS 29: any 10 s hold at most 20 records of a kind; whoever is denied less often is told of each time", () => {
  const slow = new Table();
  for (let now = 0; now < 600_000; now += WINDOW_MS / TOLD) assert.ok(slow.deny(now), `${now} ms`);
  // Bursts on both sides of any border a fixed window would have.
  const bursts = new Table();
  const own: number[] = [];
  for (let at = 0; at < 100_000; at += 7_000) {
    for (let i = 0; i < 15; i++) if (bursts.deny(at + i)) own.push(at + i);
  }
  for (const from of own) assert.ok(own.filter((at) => at >= from && at < from + WINDOW_MS).length <= TOLD, `from ${from}`);
  // After a quiet 10 s the next one is told of again.
  assert.ok(bursts.deny(200_000));
});

floods("RULINGS 29: identity, code, asset and function each make another kind", () => {
  const table = new Table();
  for (let i = 0; i < 100; i++) table.deny(i);
  assert.is(table.told, TOLD);
  for (const other of [{ who: "cn:eve@plant" }, { code: "never" }, { asset: "feeder-7" }, { fn: 16 }]) {
    for (let i = 0; i < TOLD; i++) assert.ok(table.deny(100, other), JSON.stringify(other));
    assert.not(table.deny(100, other), JSON.stringify(other));
  }
});

floods(
  "RULINGS 29: the table is capped: one identity's kinds beyond its own, and everybody's beyond the last, are counted as several",
  () => {
    const table = new Table();
    for (let fn = 0; fn < 10_000; fn++) table.deny(fn / 100, { who: "cn:eve@plant", fn });
    assert.is(table.floods.size, KINDS_OF_ONE + 1);
    assert.is(table.told, KINDS_OF_ONE + TOLD, "each new kind once, and 20 of the several");
    assert.ok(table.deny(100, { who: "cn:alice@plant" }), "nobody else is pushed out");
    table.drain(20_000);
    assert.equal(
      table.written.map(({ identity, code, asset, function: fn, count }) => [identity, code, asset, fn, count]),
      [["cn:eve@plant", null, null, null, 10_000 - KINDS_OF_ONE - TOLD]],
    );
    const crowd = new Table();
    for (let n = 0; n < 3 * KINDS; n++) crowd.deny(n / 1000, { who: `source:${n}` });
    assert.is(crowd.floods.size, KINDS + 1);
    assert.is(crowd.told, KINDS + TOLD);
    crowd.drain(30_000);
    assert.equal(
      crowd.written.map(({ identity, count }) => [identity, count]),
      [[null, 2 * KINDS - TOLD]],
    );
    crowd.drain(60_000);
    assert.is(crowd.floods.size, 0, "what was quiet is forgotten");
    for (let fn = 0; fn < KINDS_OF_ONE; fn++) assert.ok(crowd.deny(70_000, { fn }));
    assert.is(crowd.floods.size, KINDS_OF_ONE, "and its places are free again");
  },
);

floods("a count for which there is no room goes on", () => {
  const table = new Table();
  for (let i = 0; i < 50; i++) table.deny(i);
  table.room = false;
  table.drain(15_000);
  for (let i = 0; i < 5; i++) table.deny(15_000 + i);
  table.room = true;
  table.drain(16_000);
  assert.is(table.told + table.counted, 55);
});

floods.run();
