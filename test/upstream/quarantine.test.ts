import { suite } from "uvu";
import * as assert from "uvu/assert";
import { QUARANTINE_MS, Quarantine } from "#upstream/quarantine";

const quarantine = suite("upstream/quarantine");

quarantine("RULINGS 22: two timeouts, then silence is answered for 30 s, with one probe a period", () => {
  const places = new Quarantine(8);
  places.silent("a", 0);
  assert.not(places.holds("a", 1));
  places.silent("a", 1_000);
  assert.ok(places.holds("a", 1_001));
  assert.is(places.count(1_001), 1);
  assert.not(places.holds("b", 1_001), "its neighbour is asked");
  assert.ok(places.holds("a", 1_000 + QUARANTINE_MS - 1));
  assert.not(places.holds("a", 1_000 + QUARANTINE_MS), "the probe");
  assert.ok(places.holds("a", 1_001 + QUARANTINE_MS), "one");
});

quarantine("a reply ends it at once; a reply between two timeouts keeps it from beginning", () => {
  const places = new Quarantine(8);
  places.silent("a", 0);
  places.answered("a");
  places.silent("a", 1_000);
  assert.not(places.holds("a", 1_001));
  places.silent("a", 2_000);
  assert.ok(places.holds("a", 2_001));
  places.answered("a");
  assert.not(places.holds("a", 2_002));
});

quarantine("no more places are remembered than allowed: the oldest goes", () => {
  const places = new Quarantine(2);
  for (const place of ["a", "b", "c"]) for (const at of [0, 1]) places.silent(place, at);
  assert.equal(
    ["a", "b", "c"].map((place) => places.holds(place, 2)),
    [false, true, true],
  );
});

quarantine.run();
