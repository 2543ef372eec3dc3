/** Records shaped as the gateway writes them (DESIGN 5), for readers' tests. */
import type { Log } from "#audit/log";
import { settled, TestEntry } from "./logs.ts";

const ALICE = { session: "s1", who: "spiffe:spiffe://plant.example/operator/alice", roles: ["operator"], asset: "boiler-1" };
const BOB = { session: "s2", who: "cn:bob@plant", roles: ["viewer"], asset: "feeder-7" };

/** A short day: alice writes and is refused, bob reads. @returns the number of alice's write */
export async function aShortDay(log: Log): Promise<number> {
  log.append(new TestEntry({ version: "0.1.0", site: "boiler-house" }, false, "start"));
  log.append(new TestEntry({ event: "open", ...ALICE, assurance: "certificate", source: "10.0.0.7" }, false, "session"));
  const write = log.append(
    new TestEntry({
      ...ALICE,
      unit: 1,
      transaction: 7,
      function: 6,
      name: "writeSingleRegister",
      effect: "change",
      operations: [
        {
          verb: "write",
          unit: 1,
          table: "holding",
          first: 40,
          last: 40,
          after: [395],
          before: { value: [380], ageMs: 12, source: "read" },
          points: [{ name: "feed_setpoint", unit: "t/h", before: { value: "38.0", ageMs: 12, source: "read" }, after: "39.5" }],
        },
      ],
      decision: "allow",
      rule: "operator/feed-setpoint",
      action: "forward",
      latencyUs: 3.1,
    }),
  );
  log.append(new TestEntry({ of: write, ...ALICE, unit: 1, function: 6, outcome: "answered", latencyMs: 4.25 }, false, "outcome"));
  log.append(
    new TestEntry({
      ...ALICE,
      unit: 1,
      function: 6,
      effect: "change",
      operations: [
        {
          verb: "write",
          unit: 1,
          table: "holding",
          first: 40,
          last: 40,
          after: [812],
          points: [{ name: "feed_setpoint", unit: "t/h", before: null, after: "81.2" }],
        },
      ],
      decision: "deny",
      code: "aboveMaximum",
      rule: "operator/feed-setpoint",
      words: "denied alice@boiler-1: write holding 40 (feed_setpoint) = 81.2 t/h is above 40; rule operator/feed-setpoint (policy.yaml:31)",
      action: "exception",
    }),
  );
  log.append(
    new TestEntry({
      ...BOB,
      unit: 1,
      function: 3,
      effect: "observe",
      decision: "allow",
      rule: "viewer/read-all",
      action: "forward",
      count: 120,
      operations: [{ verb: "read", unit: 1, table: "holding", first: 0, last: 9, points: ["pressure"] }],
    }),
  );
  log.append(
    new TestEntry(
      { listener: "boiler-1/mutual", source: "10.0.0.9", reason: "certificateExpired", words: "=evil\u202e\u001b[2J" },
      false,
      "handshake-refused",
    ),
  );
  await settled(log);
  return write;
}
