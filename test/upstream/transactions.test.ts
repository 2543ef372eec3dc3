import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Backoff, Pace } from "#upstream/pace";
import { Transactions } from "#upstream/transactions";

const transactions = suite("upstream/transactions");

transactions("ids count up, wrap, and a late id finds nobody", () => {
  const t = new Transactions<string>(2, 16);
  for (let i = 0; i < 15; i++) t.pass();
  assert.is(t.issue("a"), 15);
  assert.is(t.issue("b"), 0);
  assert.ok(t.full);
  assert.is(t.take(15), "a");
  assert.is(t.take(15), null, "the same reply twice");
  assert.is(t.issue("c"), 1);
  assert.is(t.take(7), null, "never asked");
  assert.is(t.open, 2);
});

transactions("one that waits for no reply keeps its place, and no id finds it", () => {
  const t = new Transactions<string>(1, 16);
  t.issue("a");
  assert.is(t.take(0), "a");
  t.hold("a");
  assert.ok(t.full);
  for (let id = 0; id < 16; id++) assert.is(t.take(id), null);
  t.release("b");
  assert.ok(t.full, "another is none of it");
  t.release("a");
  assert.is(t.open, 0);
  assert.is(t.issue("b"), 1, "it used no id up");
  t.take(1);
  t.hold("a");
  assert.is(t.takeAny(), "a", "a connection that ends gives it back");
});

transactions("an id is not given again within 65,536 requests", () => {
  const t = new Transactions<number>(1, 0x10000);
  const seen = new Set<number>();
  for (let i = 0; i < 65_536; i++) {
    const id = t.issue(i);
    assert.not(seen.has(id));
    seen.add(id);
    t.take(id);
  }
});

transactions("a connection that ends gives back everything open", () => {
  const t = new Transactions<string>(3, 16);
  t.issue("a");
  t.issue("b");
  const back = [t.takeAny(), t.takeAny(), t.takeAny()];
  assert.equal(back, ["a", "b", null]);
  assert.is(t.open, 0);
});

transactions.run();

const pace = suite("upstream/pace");

pace("at most count in any window", () => {
  const p = new Pace(2, 1000);
  assert.is(p.wait(0), 0);
  p.spend(0);
  p.spend(10);
  assert.is(p.wait(20), 980);
  assert.is(p.wait(1000), 0);
  p.spend(1000);
  assert.is(p.wait(1000), 10);
});

pace("reconnecting: at once, then doubling to ten seconds, spread by half, and from the start after success", () => {
  const b = new Backoff();
  const waits = Array.from({ length: 10 }, () => b.next(0.999_999));
  assert.equal(
    waits.map(Math.round),
    [0, 100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000].map((w) => w),
  );
  b.succeeded();
  assert.is(b.next(0), 0);
  assert.is(b.next(0), 50);
});

pace.run();
