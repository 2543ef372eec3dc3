/** What a denied person reads. The sentences are the product: they are written out whole. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { DENIALS, type DenialCode } from "#events";
import { modbusVocabulary } from "#modbus/vocabulary";
import type { Decision } from "#policy/decision";
import { explain } from "#policy/explain";
import { sayDenial } from "#policy/words";
import { type Asked, COIL, operationsOf, Plant, seen } from "./plant.ts";

const words = suite("policy/words");

function say(plant: Plant, pdu: string, asked: Asked = {}, name = "alice"): string {
  const decision = plant.decide(pdu, asked);
  const operations = operationsOf(pdu, asked.unit ?? plant.model.units[0], asked.broadcast ?? false);
  const rules = [...plant.policy.never, ...[...plant.policy.roles.values()].flatMap((role) => role.rules)];
  const rule = rules.find(({ order }) => order === decision.rules[0]) ?? null;
  return sayDenial({ subject: { name }, asset: plant.model, vocabulary: modbusVocabulary, operations, decision, rule });
}

const BOILER = {
  points: {
    feed_setpoint: { at: 40, scale: "0.1", unit: "t/h", writeMin: "0", writeMax: "100" },
    steam_flow: { at: 42, type: "float32", unit: "t/h" },
    mode: { at: 44 },
    burner_enable: { at: 44, bit: 3, bitOf: "mode" },
    drum_level: { at: 45, access: "r", unit: "mm" },
    drum_trip: { at: 7, space: COIL, type: "bool" },
  },
  never: [{ id: "trip", deny: ["write"], points: ["drum_trip"] }],
  rules: [
    {
      id: "feed-setpoint",
      allow: ["write"],
      points: ["feed_setpoint"],
      functions: [6],
      values: { min: "5", max: "40", step: "2", changes: 6 },
    },
    {
      id: "steam",
      allow: ["write"],
      points: ["steam_flow"],
      hours: "Mon-Fri 07:00-17:00 Europe/Berlin",
      rate: { count: 60, windowMs: 60_000 },
    },
    { id: "mode", allow: ["write"], points: ["mode"], functions: [6, 22], values: { set: ["0", "1", "2"] } },
    { id: "scratch", allow: ["write"], addresses: [[100, 199]], values: { min: "0", max: "400" } },
    { id: "not-150", deny: ["write"], addresses: [[150, 150]] },
    { id: "all", allow: ["read"] },
  ],
} as const;
const boiler = new Plant(BOILER);

words("what is about the device as a whole is named by its function once", () => {
  const looking = new Plant({ ...BOILER, rules: [{ id: "look", allow: ["diagnose"], device: true, functions: [8] }] });
  assert.is(
    say(looking, "07"),
    "denied alice@boiler-1: diagnose by function 7 (readExceptionStatus) is not allowed: the rule lists 8; rule operator/look (policy.yaml:32)",
  );
});

words("DESIGN 2: the sentence of the manual", () => {
  assert.is(
    say(boiler, "06 0028 032c"),
    "denied alice@boiler-1: write holding 40 (feed_setpoint) = 81.2 t/h is above 40; rule operator/feed-setpoint (policy.yaml:32)",
  );
});

words("every denial of a rule in words of the plant", () => {
  const shut = { facts: { hoursOpen: Uint8Array.of(0) } };
  const cases: readonly (readonly [string, string, Asked?])[] = [
    ["06 0028 0031", "write holding 40 (feed_setpoint) = 4.9 t/h is below 5; rule operator/feed-setpoint (policy.yaml:32)"],
    [
      "06 0028 0064",
      "write holding 40 (feed_setpoint) = 10 t/h depends on what stands there, and the device did not tell it; rule operator/feed-setpoint (policy.yaml:32)",
    ],
    [
      "06 0028 0064",
      "write holding 40 (feed_setpoint) = 10 t/h is a step of more than 2 t/h from the present value; rule operator/feed-setpoint (policy.yaml:32)",
      { facts: seen({ 40: 40 }) },
    ],
    [
      "06 0028 0064",
      "write holding 40 (feed_setpoint) = 10 t/h is one change too many: at most 6/min, whoever makes them; rule operator/feed-setpoint (policy.yaml:32)",
      { facts: { ...seen({ 40: 101 }), changes: { count: () => 6 } } },
    ],
    [
      "10 0028 0001 02 0064",
      "write holding 40 (feed_setpoint) = 10 t/h by function 16 (writeMultipleRegisters) is not allowed: the rule lists 6; rule operator/feed-setpoint (policy.yaml:32)",
    ],
    ["06 0028 03e9", "write holding 40 (feed_setpoint) = 100.1 t/h is above 100, its write_max in the points file; default"],
    [
      "10 002a 0002 04 41480000",
      "write holding 42-43 (steam_flow) = 12.5 t/h is outside Mon-Fri 07:00-17:00 Europe/Berlin; rule operator/steam (policy.yaml:33)",
      shut,
    ],
    [
      "10 002a 0002 04 41480000",
      "write holding 42-43 (steam_flow) = 12.5 t/h is asked too often: at most 60/min; rule operator/steam (policy.yaml:33)",
      { facts: { rates: { count: () => 60 } } },
    ],
    ["10 002a 0002 04 7fc00000", "write holding 42-43 (steam_flow) = NaN t/h is not a number; default"],
    [
      "06 002a 4148",
      "write holding 42-43 (steam_flow) writes only a part of the value: holding 42-43 is written whole or not at all; default",
    ],
    ["06 002c 0007", "write holding 44 (mode) = 7 is none of 0, 1, 2; rule operator/mode (policy.yaml:34)"],
    [
      "16 002c fffc 0000",
      "write holding 44 (mode) = 0x0000 under mask 0xfffc is none of 0, 1, 2 for some value it can come to; rule operator/mode (policy.yaml:34)",
    ],
    [
      "16 002c 00f0 0030",
      "write holding 44.3 (burner_enable) = 0x0030 under mask 0x00f0 sets bits that its mask keeps, which devices understand differently; default",
    ],
    ["16 002c ffff 0000", "write holding 44 (mode) = 0x0000 under mask 0xffff would change nothing; default"],
    ["06 002d 0001", "write holding 45 (drum_level) = 1 mm is read-only in the points file; default"],
    ["06 0064 0191", "write holding 100 = 401 is above 400; rule operator/scratch (policy.yaml:35)"],
    ["06 0096 0001", "write holding 150 = 1 is forbidden; rule operator/not-150 (policy.yaml:36)"],
    ["06 012c 0001", "write holding 300 = 1 is allowed by no rule; default"],
    ["05 0007 ff00", "write coil 7 (drum_trip) = 1 is forbidden to everyone; rule never/trip (policy.yaml:31)"],
    ["03 0028 0001", "read unit 9 holding 40 is for unit 9, which the asset does not have (it has 1); default", { unit: 9 }],
    [
      "03 0028 0001",
      "broadcast read unit 0 holding 40 is a broadcast, and nobody answers a broadcast; default",
      { unit: 0, broadcast: true },
    ],
    [
      "06 0064 0001",
      "broadcast write holding 100 = 1 is a broadcast, and the rule does not allow broadcasts; rule operator/scratch (policy.yaml:35)",
      { unit: 0, broadcast: true },
    ],
    ["06 0064 0001", "write holding 100 = 1 needs a certificate, and alice has shown none; default", { assurance: "none" }],
    ["08 0001 0000", "control by function 8/1 (restartCommunicationsOption) is allowed by no rule; default"],
    ["2b 0e 01 00", "identify by function 43/14 (readDeviceIdentification) is allowed by no rule; default"],
    ["5a 00 02", "raw by function 90 (umas) cannot be looked into, and no rule names its number; default"],
    ["41 ff", "raw by function 65 cannot be looked into, and no rule names its number; default"],
  ];
  for (const [pdu, sentence, asked] of cases) assert.is(say(boiler, pdu, asked), `denied alice@boiler-1: ${sentence}`);
});

words("limits of raw words are shown as raw words, whatever point stands there", () => {
  const plant = new Plant({
    points: { flow: { at: 40, scale: "0.1", unit: "t/h" }, total: { at: 50, type: "uint32" } },
    rules: [{ id: "raw", allow: ["write"], addresses: [[0, 99]], values: { min: "0", max: "400" } }],
  });
  assert.is(
    say(plant, "06 0028 0191"),
    "denied alice@boiler-1: write holding 40 (flow) = 401 is above 400 as a raw word; rule operator/raw (policy.yaml:31)",
  );
  assert.is(
    say(plant, "10 0032 0002 04 0001 0191"),
    "denied alice@boiler-1: write holding 50-51 (total) = 1 401 is above 400 as raw words; rule operator/raw (policy.yaml:31)",
  );
});

words("addresses are the asset's own, units are named where there are several", () => {
  const units = [1, 2];
  const point = { at: 39, unitId: 2 };
  const of = (addressing: "one-based" | "modicon"): string =>
    say(new Plant({ units, addressing, points: { p: point } }), "06 0027 0001", { unit: 2 });
  assert.is(of("one-based"), "denied alice@boiler-1: write unit 2 holding 40 (p) = 1 is allowed by no rule; default");
  assert.is(of("modicon"), "denied alice@boiler-1: write unit 2 holding 40040 (p) = 1 is allowed by no rule; default");
});

words("nothing of a sender moves a terminal's cursor", () => {
  assert.is(
    say(boiler, "03 0028 0001", { roles: [] }, "al\u001b[2Jice\u202e"),
    "denied al\\u{001b}[2Jice\\u{202e}@boiler-1: read holding 40 (feed_setpoint) is allowed by no rule; default",
  );
});

words("every code has a sentence", () => {
  const operations = operationsOf("06 0028 0001");
  const decision: Decision = { allowed: false, code: null, rules: [], operation: 0, unit: 1, space: 3, address: 40, point: 0 };
  const sentences = new Set<string>();
  for (const code of Object.keys(DENIALS) as DenialCode[])
    for (const asked of [operations, []]) {
      const sentence = sayDenial({
        subject: { name: "alice" },
        asset: boiler.model,
        vocabulary: modbusVocabulary,
        operations: asked,
        decision: { ...decision, code },
        rule: null,
      });
      assert.match(sentence, /^denied alice@boiler-1: .+; default$/);
      assert.not.match(sentence, /undefined|null|NaN|\[object/);
      if (asked.length > 0) sentences.add(sentence);
    }
  assert.is(sentences.size, Object.keys(DENIALS).length, "each its own");
});

words("explain says of every rule why it did or did not match", () => {
  const verdicts = (pdu: string, asked: Asked = {}): Record<string, string> => {
    const facts = {
      now: 0,
      hoursOpen: Uint8Array.of(1),
      states: new Uint8Array(8).fill(1),
      implausible: new Uint8Array(8),
      present: { cell: () => 100 },
      changes: { count: () => 0 },
      rates: { count: () => 0 },
      ...asked.facts,
    };
    const { considered } = explain(boiler.policy, "boiler-1", ["operator"], "certificate", operationsOf(pdu), facts, modbusVocabulary);
    return Object.fromEntries(considered.map(({ rule, verdict }) => [rule.id, verdict]));
  };
  assert.equal(verdicts("06 0028 032c"), {
    "never/trip": "does not touch holding 40 (feed_setpoint)",
    "operator/not-150": "does not touch holding 40 (feed_setpoint)",
    "operator/feed-setpoint": "covers holding 40 (feed_setpoint), but the value is above its max",
    "operator/steam": "does not cover holding 40 (feed_setpoint)",
    "operator/mode": "does not cover holding 40 (feed_setpoint)",
    "operator/scratch": "does not cover holding 40 (feed_setpoint)",
    "operator/all": "is about read, not write",
  });
  const allowed = verdicts("06 0028 0064");
  assert.is(allowed["operator/feed-setpoint"], "allows holding 40 (feed_setpoint)");
  assert.is(verdicts("05 0007 ff00")["never/trip"], "forbids coil 7 (drum_trip)");
  assert.is(verdicts("03 0028 0003")["operator/all"], "allows holding 40 (feed_setpoint) to holding 42 (steam_flow)");
});

words.run();
