/**
 * Whatever happens in whatever order, `host.ts` finds every message as the specification wants it, nothing that was taken is lost to a host
 * that stayed, and in the end it shows the newest values.
 */
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Sample } from "#receiver/model";
import { IDLE_MS, NAMING_MS, REBIRTH_MS } from "#receiver/sparkplug/edgeNode";
import { point, Rig, sample } from "./rig.ts";

const property = suite("receiver/sparkplug/edgeNode property");

const ASSETS = ["boiler", "tank", "pump"];
const POINTS = ["a", "b", "c"];

type Event =
  | { readonly is: "offer"; readonly many: number; readonly late: boolean }
  | { readonly is: "lose" | "connect" | "open" | "rebirth" | "tick" | "command" | "prove" | "leave" }
  | { readonly is: "state"; readonly online: boolean; readonly behind: number }
  | { readonly is: "link"; readonly isAlive: boolean }
  | { readonly is: "learn"; readonly known: number }
  | { readonly is: "pass"; readonly ms: number };

const event: fc.Arbitrary<Event> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ is: fc.constant("offer" as const), many: fc.integer({ min: 1, max: 6 }), late: fc.boolean() }) },
  { weight: 4, arbitrary: fc.record({ is: fc.constantFrom("lose", "connect", "open", "rebirth", "tick", "command", "prove", "leave") }) },
  { weight: 2, arbitrary: fc.record({ is: fc.constant("state" as const), online: fc.boolean(), behind: fc.integer({ min: 0, max: 2 }) }) },
  { weight: 1, arbitrary: fc.record({ is: fc.constant("link" as const), isAlive: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ is: fc.constant("learn" as const), known: fc.nat(0x1ff) }) },
  { weight: 3, arbitrary: fc.record({ is: fc.constant("pass" as const), ms: fc.constantFrom(1, 50, IDLE_MS, REBIRTH_MS, 20_000) }) },
) as fc.Arbitrary<Event>;

/** Offers in order and again until taken, as whoever owns the samples does. */
class Owner {
  readonly rig: Rig;
  readonly waiting: Sample[] = [];
  readonly taken: Sample[] = [];
  #made = 0;

  constructor(rig: Rig) {
    this.rig = rig;
  }

  make(many: number, late: boolean): void {
    for (let i = 0; i < many; i++) {
      this.rig.pass(1);
      const n = this.#made++;
      const timeMs = late ? this.rig.wallMs - 3_600_000 : this.rig.wallMs;
      const asset = ASSETS[n % ASSETS.length] as string;
      const name = POINTS[(n * 7) % POINTS.length] as string;
      this.waiting.push(sample(asset, name, n, timeMs, { historical: late }));
    }
  }

  offer(): boolean {
    const batch = this.waiting.slice(0, 4);
    if (batch.length === 0 || !this.rig.offer(...batch)) return false;
    this.taken.push(...this.waiting.splice(0, batch.length));
    return true;
  }
}

function run(rig: Rig, owner: Owner, what: Event): void {
  const { node } = rig;
  switch (what.is) {
    case "offer":
      owner.make(what.many, what.late);
      owner.offer();
      break;
    case "lose":
      rig.lose();
      break;
    case "connect":
      if (node.at === "away") rig.connect();
      break;
    case "open":
      if (node.at === "away") rig.connect();
      rig.hear(node.opened(rig.now));
      break;
    case "rebirth":
      rig.rebirth();
      break;
    case "tick":
      rig.tick();
      break;
    case "command":
      rig.command("spBv1.0/plant/DCMD/gw1/boiler", [{ name: "a", value: true }]);
      break;
    case "prove":
      node.proven(rig.ms);
      break;
    case "leave":
      rig.hear(node.leaving(rig.now));
      break;
    case "state":
      rig.state(what.online, rig.wallMs - what.behind);
      break;
    case "link":
      rig.hear(node.link(what.isAlive, rig.now));
      break;
    case "learn": {
      const all = ASSETS.flatMap((asset) => POINTS.map((name) => point(asset, name)));
      rig.learn(...all.filter((_, i) => (what.known & (1 << i)) !== 0));
      break;
    }
    case "pass":
      rig.pass(what.ms).tick();
  }
  if (node.at === "away") assert.not(node.isReady);
}

/** Everything is well from now on: the owner gets rid of all it has. */
function settle(rig: Rig, owner: Owner): void {
  rig.lose().pass(REBIRTH_MS);
  run(rig, owner, { is: "open" });
  rig.state(true, rig.wallMs);
  rig.hear(rig.node.link(true, rig.now));
  for (let i = 0; i < 1_000 && owner.waiting.length > 0; i++) {
    if (!owner.offer()) rig.pass(NAMING_MS).tick();
  }
  assert.is(owner.waiting.length, 0, "all was taken in the end");
  rig.pass(IDLE_MS).tick();
}

for (const primaryHost of [null, "scada"]) {
  property(`any order of events, ${primaryHost === null ? "no" : "with a"} primary host`, () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 120 }), (events) => {
        const rig = new Rig({ primaryHost, doubtfulMs: 5_000 });
        const owner = new Owner(rig);
        for (const what of events) run(rig, owner, what);
        settle(rig, owner);

        const told = new Set(rig.host.history.map(({ metric, value }) => `${metric}=${value}`));
        const lost = owner.taken.filter(({ asset, point: name, value }) => !told.has(`gw1/${asset}/${name}=${value}`));
        assert.equal(lost, [], "each sample that was taken was told");

        const late = new Set(owner.taken.filter(({ historical }) => historical).map(({ value }) => value));
        const shown = rig.host.history.filter(({ historical, value }) => !historical && late.has(value as number));
        assert.equal(shown, [], "what came late is never a current value");

        for (const [metric, { value }] of newest(owner.taken)) {
          assert.is(rig.host.current.get(metric)?.value, value, `${metric} shows the newest`);
        }
      }),
      { numRuns: 400 },
    );
  });
}

property("what a lost session may have swallowed comes again in the next, for a host that heard nothing of it", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 20 }), fc.nat(20), (offers, heardOnly) => {
      const rig = new Rig().learn(...ASSETS.flatMap((asset) => POINTS.map((name) => point(asset, name)))).open();
      const owner = new Owner(rig);
      for (const many of offers) {
        owner.make(many, false);
        while (owner.offer());
      }
      const before = rig.host.history.splice(0).slice(0, heardOnly);
      rig.lose().pass(100_000).open();
      const told = new Set([...before, ...rig.host.history].map(({ value }) => value));
      assert.ok(owner.taken.every(({ value }) => told.has(value)));
    }),
  );
});

property("seq and bdSeq go round and round", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 700 }), { minLength: 1, maxLength: 6 }), fc.nat(300), (lengths, connects) => {
      const rig = new Rig().learn(point("boiler", "a"));
      for (let i = 0; i < connects; i++) rig.connect().lose();
      for (const length of lengths) {
        rig.open();
        for (let i = 0; i < length; i++) rig.pass(1).offer(sample("boiler", "a", i, rig.wallMs));
        rig.pass(REBIRTH_MS).rebirth().lose();
      }
      assert.is(rig.host.nodes.get("gw1")?.willBdSeq, (connects + lengths.length - 1) % 256);
    }),
    { numRuns: 30 },
  );
});

function newest(samples: readonly Sample[]): Map<string, Sample> {
  const map = new Map<string, Sample>();
  for (const each of samples) {
    if (!each.historical) map.set(`gw1/${each.asset}/${each.point}`, each);
  }
  return map;
}

property.run();
