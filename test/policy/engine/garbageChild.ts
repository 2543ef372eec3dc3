/** Octets a decision leaves on the heap, by request; printed as JSON. Run by garbage.test.ts with --expose-gc. */
import { decide } from "#policy/decide";
import type { Facts } from "#policy/decision";
import { placesOf } from "#policy/places";
import { operationsOf, Plant } from "./plant.ts";

const DECISIONS = 100_000;
const plant = new Plant({
  points: {
    setpoint: { at: 40, scale: "0.1", writeMin: "0", writeMax: "6000" },
    flow: { at: 42, type: "float32", writeMin: "-1", writeMax: "1000" },
    level: { at: 44, type: "float64", wordOrder: "little" },
    on: { at: 50, bit: 3 },
    counter: { at: 60, type: "int32" },
  },
  rules: [
    {
      id: "setpoint",
      allow: ["write"],
      points: ["setpoint"],
      values: { min: "0", max: "4000.5", step: "5000", changes: 6 },
      hours: "Mon-Fri 07:00-17:00 UTC",
      rate: { count: 9, windowMs: 1000 },
    },
    { id: "flow", allow: ["write"], points: ["flow"], values: { min: "0.1", max: "40.5", step: "100.25" } },
    { id: "level", allow: ["write"], points: ["level"], values: { set: ["0.5", "12.7"] } },
    { id: "on", allow: ["write"], points: ["on"], values: { set: ["0", "1"] } },
    { id: "counter", allow: ["write"], addresses: [[60, 61]], values: { min: "0", max: "65535" } },
    { id: "read", allow: ["read"] },
  ],
});
const facts: Facts = {
  now: 0.5,
  hoursOpen: Uint8Array.of(1),
  states: new Uint8Array(8).fill(1),
  implausible: new Uint8Array(8),
  present: { cell: () => 0x4120 },
  changes: { count: () => 0 },
  rates: { count: () => 0 },
};
const requests = {
  read: "03 0028 0010",
  setpoint: "06 0028 0123",
  float32: "10 002a 0002 04 41480000",
  float64: "10 002c 0004 08 6666 6666 6666 4029",
  mask: "16 0032 fff7 0008",
  words: "10 003c 0002 04 0001 0002",
  denied: "06 0028 ffff",
};

const table = plant.compiled.tableFor("boiler-1", ["operator"], "certificate");
/** Octets a decision that are none: the measure itself, spread over all of them. */
const CLEAN = 0.5;
const grown: Record<string, number> = {};
for (const [name, pdu] of Object.entries(requests)) {
  const operations = operationsOf(pdu);
  let allowed = 0;
  for (let i = 0; i < 50_000; i++)
    if (decide(table, operations, facts).allowed && placesOf(table.ground, operations, null).count >= 0) allowed += 1;
  if (allowed !== (name === "denied" ? 0 : 50_000)) throw new Error(`${name} was allowed ${allowed} times`);
  // The least of several: until it is compiled, which a busy machine does late, a number with a fraction is an object.
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < (name === "denied" ? 3 : 30) && least >= CLEAN; round++) {
    globalThis.gc?.();
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < DECISIONS; i++) {
      decide(table, operations, facts);
      placesOf(table.ground, operations, null);
    }
    least = Math.min(least, (process.memoryUsage().heapUsed - before) / DECISIONS);
  }
  grown[name] = least;
}
console.log(JSON.stringify(grown));
