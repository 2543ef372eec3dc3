/** What a denied person reads of a DNP3 request. The sentences are the product: they are written out whole. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { dnp3Vocabulary } from "#dnp3/vocabulary";
import { askInWords } from "#policy/casesQuestion";
import { explain } from "#policy/explain";
import { loadPolicy } from "#policy/load";
import type { Policy } from "#policy/model";
import { sayDenial } from "#policy/words";
import { BOTH, FEEDER, SITE_OF_BOTH } from "./feeder.ts";

const TEXT = `policy: p
version: 1
roles:
  r:
    - { id: trip, allow: operate, on: feeder, points: [breaker], control: { codes: trip, count: 1, on_time: 100-1000ms, off_time: 0ms } }
    - { id: close, allow: operate, on: feeder, points: [breaker], control: { codes: close }, hours: "Mon-Fri 06:00-20:00 Europe/Berlin" }
    - { id: volts, allow: operate, on: feeder, points: [volts], via: [direct], values: { min: 19, max: 21 } }
    - { id: energy, allow: read, on: feeder, group: 20, variation: 1 }
bindings: []
`;

function policy(): Policy {
  const loaded = loadPolicy({ file: "p.yaml", text: TEXT }, SITE_OF_BOTH, BOTH);
  assert.ok(loaded.ok);
  return (loaded as { value: Policy }).value;
}

function say(request: string): string {
  const asked = askInWords(FEEDER, dnp3Vocabulary, request, null);
  if ("found" in asked || typeof asked.message === "string") throw new Error(request);
  const { operations } = asked.message;
  const facts = {
    now: 0,
    hoursOpen: Uint8Array.of(0),
    implausible: new Uint8Array(8),
    states: new Uint8Array(0),
    present: { cell: () => -1 },
    changes: { count: () => 0 },
    rates: { count: () => 0 },
  };
  const { decision } = explain(policy(), "feeder", ["r"], "certificate", operations, facts, dnp3Vocabulary);
  const rule =
    policy()
      .roles.get("r")
      ?.rules.find(({ order }) => order === decision.rules[0]) ?? null;
  return sayDenial({ subject: { name: "alice" }, asset: FEEDER, vocabulary: dnp3Vocabulary, operations, decision, rule });
}

const SAID: readonly (readonly [request: string, said: string])[] = [
  [
    "operate breaker latch_off on 250ms sbo",
    "operate binary-output 0 (breaker) latch_off is not allowed: the rule lists trip; rule r/trip (p.yaml:5)",
  ],
  [
    "operate breaker 0x91 on 250ms sbo",
    "operate binary-output 0 (breaker) code 0x91 is not allowed: the rule lists trip; rule r/trip (p.yaml:5)",
  ],
  [
    "operate breaker close on 250ms sbo",
    "operate binary-output 0 (breaker) close is outside Mon-Fri 06:00-20:00 Europe/Berlin; rule r/close (p.yaml:6)",
  ],
  [
    "operate breaker trip on 250ms count 3 sbo",
    "operate binary-output 0 (breaker) trip has a count of 3, and the rule allows 1; rule r/trip (p.yaml:5)",
  ],
  [
    "operate breaker trip on 2s select",
    "select binary-output 0 (breaker) trip is on for 2000 ms, and the rule allows 100 to 1000 ms; rule r/trip (p.yaml:5)",
  ],
  [
    "operate breaker trip on 250ms off 1ms sbo",
    "operate binary-output 0 (breaker) trip is off for 1 ms, and the rule allows 0 ms; rule r/trip (p.yaml:5)",
  ],
  [
    "operate breaker trip on 250ms direct",
    "operate binary-output 0 (breaker) trip is sent by direct, and the rule lists select-before-operate; rule r/trip (p.yaml:5)",
  ],
  ["operate earthing trip on 250ms sbo", "operate binary-output 2 (earthing) trip is read-only in the points file; default"],
  ["operate volts = 21.5 direct", "operate analog-output 0 (volts) = 21.5 kV is above 21; rule r/volts (p.yaml:7)"],
  [
    "operate volts = 20 sbo",
    "operate analog-output 0 (volts) = 20 kV is sent by select-before-operate, and the rule lists direct; rule r/volts (p.yaml:7)",
  ],
  ["operate analog-output 5 = 2.5 sbo", "operate analog-output 5 = 2.5 is allowed by no rule; default"],
  ["read g20v2 0", "read counter 0 (energy) is asked for as g20v2, and the rule lists other objects; rule r/energy (p.yaml:8)"],
  ["restart cold", "restart by function 13 (coldRestart) is allowed by no rule; default"],
];

const words = suite("policy/documents/commandWords");

for (const [request, said] of SAID) {
  words(request, () => {
    assert.is(say(request), `denied alice@feeder: ${said}`);
  });
}

words.run();
