/** `close_after`: denied writes and controls of one session within a time (RULINGS 13). */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { DenialWindow } from "#session/denials";

const denials = suite("session/denials");

denials("RULINGS 13: the third within the time is one too many; older ones are forgiven", () => {
  const window = new DenialWindow();
  assert.equal(
    [0, 1_000, 61_001, 61_002].map((now) => window.note(now, 3, 60_000)),
    [false, false, false, false],
  );
  assert.ok(window.note(61_003, 3, 60_000), "61,001, 61,002 and this one");
});

denials("a count of one closes at the first", () => {
  assert.ok(new DenialWindow().note(5, 1, 1));
});

denials("RULINGS 13: a rule with a count of its own does not wipe out what another rule counts", () => {
  const window = new DenialWindow();
  const often = (now: number): boolean => window.note(now, 10, 3_600_000);
  const quick = (now: number): boolean => window.note(now, 3, 10);
  let closed = false;
  // Five denials under the patient rule, then one under the quick one, and again: the hour holds far more than ten.
  for (let i = 0; i < 30 && !closed; i++) closed = i % 6 === 5 ? quick(i * 1_000) : often(i * 1_000);
  assert.ok(closed);
});

denials.run();
