/** RULINGS 1 to 5: what rules mean. Requests are PDUs in hex; every question goes to the compiled form and to its naive twin. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { SELF, selfRule } from "#policy/self";
import { COIL, FILE, HOLDING, Plant } from "./plant.ts";

const rulings = suite("policy/rulings");

rulings("RULINGS 1: a deny matches where it touches any address, an allow must cover all", () => {
  const plant = new Plant({
    rules: [
      { id: "all", allow: ["read", "write"] },
      { id: "not-42", deny: ["write"], addresses: [[42, 42]] },
    ],
  });
  assert.is(plant.ask("10 0028 0002 04 0001 0001"), "allowed operator/all");
  assert.is(plant.ask("10 0028 0003 06 0001 0001 0001"), "forbidden operator/not-42");
  assert.is(plant.decide("10 0028 0003 06 0001 0001 0001").address, 42);
  assert.is(plant.ask("10 002a 0003 06 0001 0001 0001"), "forbidden operator/not-42");
  assert.is(plant.ask("03 0028 0003"), "allowed operator/all", "it denies writing, not reading");
  assert.is(plant.ask("17 0028 0003 0028 0003 06 0001 0001 0001"), "forbidden operator/not-42", "FC 23 writes as well");
  const half = new Plant({ rules: [{ id: "some", allow: ["read"], addresses: [[40, 42]] }] });
  assert.is(half.ask("03 0028 0003"), "allowed operator/some");
  assert.is(half.ask("03 0028 0004"), "nothingAllows");
  assert.is(half.decide("03 0028 0004").address, 43);
});

rulings("RULINGS 1: a deny that cannot be evaluated matches; an allow that cannot be evaluated grants nothing", () => {
  const plant = new Plant({
    rules: [
      { id: "shift", allow: ["write"], hours: "Mon-Fri 07:00-17:00 Europe/Berlin" },
      { id: "any", allow: ["read"] },
      { id: "quiet", deny: ["read"], addresses: [[9, 9]], hours: "22:00-06:00 Europe/Berlin" },
    ],
  });
  const at = (shift: number, quiet: number): object => ({ facts: { hoursOpen: Uint8Array.of(shift, quiet) } });
  assert.is(plant.ask("06 0001 0001", at(1, 0)), "allowed operator/shift");
  assert.is(plant.ask("06 0001 0001", at(0, 0)), "outsideHours operator/shift");
  assert.is(plant.ask("06 0001 0001", at(2, 0)), "outsideHours operator/shift");
  assert.is(plant.ask("03 0009 0001", at(1, 0)), "allowed operator/any");
  assert.is(plant.ask("03 0009 0001", at(1, 1)), "forbidden operator/quiet");
  assert.is(plant.ask("03 0009 0001", at(1, 2)), "forbidden operator/quiet");
  assert.is(plant.ask("06 0001 0001", { facts: { hoursOpen: new Uint8Array(0) } }), "outsideHours operator/shift", "no facts at all");
  assert.is(plant.ask("03 0009 0001", { facts: { hoursOpen: new Uint8Array(0) } }), "forbidden operator/quiet");
});

rulings(
  "RULINGS 2: a write is judged point by point, each covered whole by one rule; the block has the verdict of its single writes",
  () => {
    const plant = new Plant({
      points: { setpoint: { at: 40 }, flow: { at: 41, type: "float32" }, limit: { at: 43 } },
      rules: [
        { id: "setpoint", allow: ["write"], points: ["setpoint"], values: { min: "0", max: "40" } },
        { id: "flow", allow: ["write"], points: ["flow"], values: { min: "0", max: "1.5" } },
        { id: "limit", allow: ["write"], points: ["limit"], values: { min: "0", max: "10" } },
      ],
    });
    assert.is(plant.ask("10 0028 0004 08 0028 3fc00000 000a"), "allowed operator/setpoint operator/flow operator/limit");
    assert.is(plant.ask("10 0028 0004 08 0029 3fc00000 000a"), "aboveMaximum operator/setpoint");
    assert.is(plant.ask("10 0028 0004 08 0028 3fc00001 000a"), "aboveMaximum operator/flow");
    assert.is(plant.decide("10 0028 0004 08 0028 3fc00001 000a").point, 1);
    assert.is(plant.ask("10 0028 0005 0a 0028 3fc00000 000a 0000"), "nothingAllows", "44 has no name and no rule");
  },
);

rulings("RULINGS 2: two rules that cover half a value each do not cover it", () => {
  const points = { flow: { at: 40, type: "uint32" } } as const;
  const halves = new Plant({
    points,
    rules: [
      { id: "low", allow: ["write"], addresses: [[30, 40]] },
      { id: "high", allow: ["write"], addresses: [[41, 50]] },
    ],
  });
  assert.is(halves.ask("10 0028 0002 04 0001 0001"), "nothingAllows");
  assert.is(halves.ask("10 0027 0001 02 0001"), "allowed operator/low");
  const words = new Plant({
    points,
    rules: [
      { id: "small", allow: ["write"], addresses: [[30, 50]], values: { min: "0", max: "9" } },
      { id: "large", allow: ["write"], addresses: [[30, 50]], values: { min: "10", max: "99" } },
    ],
  });
  assert.is(words.ask("10 0028 0002 04 0001 0002"), "allowed operator/small");
  assert.is(words.ask("10 0028 0002 04 000a 000b"), "allowed operator/large");
  assert.is(words.ask("10 0028 0002 04 0001 000b"), "aboveMaximum operator/small", "one word by each is neither's whole");
  assert.is(
    words.ask("10 001f 0002 04 0001 000b"),
    "allowed operator/small operator/large",
    "where nothing has a name each word stands for itself",
  );
});

rulings("RULINGS 2: a value of several registers is written whole or not at all", () => {
  const plant = new Plant({ points: { flow: { at: 40, type: "float32" } }, rules: [{ id: "all", allow: ["write"] }] });
  assert.is(plant.ask("06 0028 0001"), "split");
  assert.is(plant.ask("10 0029 0002 04 0001 0001"), "split");
  assert.is(plant.ask("10 0027 0003 06 0001 0001 0001"), "allowed operator/all");
  assert.is(plant.ask("16 0028 fff0 0001"), "split", "under a mask too");
});

rulings("RULINGS 2: what has no part is denied", () => {
  const plant = new Plant({ rules: [{ id: "all", allow: ["read", "write"] }] });
  assert.is(plant.ask([]), "empty");
  assert.is(plant.ask("16 0028 ffff 0000"), "empty", "a mask that keeps every bit");
});

rulings("RULINGS 3: write_min, write_max and access bind every role, through addresses and aliases too", () => {
  const plant = new Plant({
    points: {
      setpoint: { at: 40, scale: "0.1", writeMin: "5", writeMax: "40" },
      percent: { at: 40, aliasOf: "setpoint", scale: "0.25", writeMax: "50" },
      measured: { at: 41, access: "r" },
    },
    roles: {
      operator: [{ id: "named", allow: ["write"], points: ["percent"] }],
      engineer: [{ id: "everything", allow: ["read", "write"] }],
    },
  });
  assert.is(plant.ask("06 0028 0032", { roles: ["operator"] }), "allowed operator/named", "5.0 and 12.5 %");
  assert.is(plant.ask("06 0028 0031", { roles: ["engineer"] }), "pointLimit", "4.9 is below the write_min of setpoint");
  assert.is(plant.ask("06 0028 0031", { roles: ["operator"] }), "pointLimit", "the rule names the alias, the limit stands in the point");
  assert.is(plant.ask("06 0028 00c8", { roles: ["engineer"] }), "allowed engineer/everything");
  assert.is(plant.ask("06 0028 00c9", { roles: ["engineer"] }), "pointLimit", "50.25 % is above the write_max of the alias");
  assert.is(plant.decide("06 0028 00c9", { roles: ["engineer"] }).point, 1);
  assert.is(plant.ask("10 0028 0002 04 0064 0000", { roles: ["engineer"] }), "readOnly");
  assert.is(plant.decide("10 0028 0002 04 0064 0000", { roles: ["engineer"] }).point, 2);
});

rulings("RULINGS 3: a write satisfies every point it touches, a bit's limit too", () => {
  const plant = new Plant({
    points: {
      mode: { at: 40, writeMax: "100" },
      locked: { at: 40, bit: 4, bitOf: "mode", access: "r" },
      on: { at: 40, bit: 0, bitOf: "mode", writeMin: "1" },
    },
    rules: [{ id: "all", allow: ["write"] }],
  });
  assert.is(plant.ask("06 0028 0001"), "readOnly", "FC 6 touches all sixteen bits");
  assert.is(plant.ask("16 0028 fffd 0002"), "pointLimit", "some kept bits could make it more than 100");
  assert.is(plant.ask("16 0028 0010 0003"), "allowed operator/all", "at most 19, bit 4 kept, bit 0 set");
  assert.is(plant.ask("16 0028 0010 0002"), "pointLimit", "clears bit 0");
});

rulings("RULINGS 3: units are judged apart, aliases as their unit, others not at all", () => {
  const plant = new Plant({
    units: [1, 2],
    unitAliases: [[201, 1]],
    points: { a: { at: 40, unitId: 1, writeMax: "10" }, b: { at: 40, unitId: 2 } },
    rules: [
      { id: "first", allow: ["write"], units: [1] },
      { id: "b", allow: ["write"], points: ["b"] },
    ],
  });
  assert.is(plant.ask("06 0028 000a", { unit: 1 }), "allowed operator/first");
  assert.is(plant.ask("06 0028 000b", { unit: 201 }), "pointLimit");
  assert.is(plant.decide("06 0028 000b", { unit: 201 }).unit, 1);
  assert.is(plant.ask("06 0028 000b", { unit: 2 }), "allowed operator/b");
  assert.is(plant.ask("06 0029 000b", { unit: 2 }), "nothingAllows");
  assert.is(plant.ask("06 0028 0001", { unit: 3 }), "unknownUnit");
  assert.is(plant.ask("06 0028 0001", { unit: 0 }), "unknownUnit");
});

rulings("RULINGS 3: raw limits are unsigned words", () => {
  const plant = new Plant({ rules: [{ id: "raw", allow: ["write"], addresses: [[0, 9]], values: { min: "0", max: "40000" } }] });
  assert.is(plant.ask("06 0001 9c40"), "allowed operator/raw");
  assert.is(plant.ask("06 0001 9c41"), "aboveMaximum operator/raw");
  assert.is(plant.ask("06 0001 ffff"), "aboveMaximum operator/raw", "not -1");
});

rulings("RULINGS 4: never beats every allow and every other reason, for whoever asks", () => {
  const plant = new Plant({
    points: { trip: { at: 7, space: COIL, access: "r" } },
    never: [{ id: "trip", deny: ["write"], points: ["trip"] }],
    rules: [
      { id: "all", allow: ["read", "write"] },
      { id: "also", deny: ["write"], table: COIL, addresses: [[0, 99]] },
    ],
  });
  assert.is(plant.ask("05 0007 ff00"), "never never/trip");
  assert.is(plant.ask("0f 0000 0009 02 ff01"), "forbidden operator/also", "the first place of the block decides");
  assert.is(plant.ask("05 0007 ff00", { roles: [] }), "never never/trip", "without any role");
  assert.is(plant.ask("05 0007 ff00", { roles: ["self"] }), "never never/trip");
  assert.is(plant.ask("05 0007 ff00", { assurance: "none" }), "never never/trip");
  assert.is(plant.ask("01 0007 0001"), "allowed operator/all");
});

rulings("RULINGS 7: the gateway's own subject may read the process tables by one rule of its own, and do nothing else", () => {
  const plant = new Plant({ points: { setpoint: { at: 40 } }, rules: [{ id: "all", allow: ["read", "write", "diagnose", "identify"] }] });
  assert.equal(selfRule(plant.model).verbs, ["read"]);
  const others = [
    "05 0007 ff00",
    "06 0028 0001",
    "0f 0000 0008 01 ff",
    "10 0028 0001 02 0001",
    "16 0028 ff00 0001",
    "17 0028 0001 0028 0001 02 0001",
    "07",
    "08 0000 a537",
    "08 0001 0000",
    "11",
    "2b 0e 01 00",
    "14 07 06 0001 0000 0001",
    "15 09 06 0003 0000 0001 0abc",
    "5a 00 02",
  ];
  for (const read of ["01", "02", "03", "04"])
    assert.match(plant.ask(`${read} 0028 0001`, { roles: [SELF], assurance: "none" }), /^allowed/);
  for (const other of others) assert.is(plant.ask(other, { roles: [SELF] }), other === "5a 00 02" ? "opaque" : "nothingAllows", other);
});

rulings("RULINGS 4: several roles are one set of rules, and a rule they share counts once", () => {
  const plant = new Plant({
    roles: { viewer: [{ id: "read", allow: ["read"] }], operator: [{ id: "write", allow: ["write"] }] },
    include: { operator: "viewer" },
  });
  assert.is(plant.ask("17 0001 0001 0002 0001 02 0007", { roles: ["operator", "viewer"] }), "allowed viewer/read operator/write");
  assert.is(plant.ask("17 0001 0001 0002 0001 02 0007", { roles: ["operator"] }), "allowed viewer/read operator/write");
  assert.is(plant.ask("17 0001 0001 0002 0001 02 0007", { roles: ["viewer"] }), "nothingAllows");
});

rulings("RULINGS 5: an allow with nothing named is the process tables: no files, no attributes, no opaque functions, no broadcast", () => {
  const plant = new Plant({ rules: [{ id: "all", allow: ["read", "write"] }] });
  assert.is(plant.ask("18 0028"), "allowed operator/all", "FC 24 reads");
  assert.is(plant.ask("14 07 06 0001 0000 0001"), "nothingAllows");
  assert.is(plant.ask("2b 0e 01 00"), "nothingAllows");
  assert.is(plant.ask("11"), "nothingAllows");
  assert.is(plant.ask("07"), "nothingAllows");
  assert.is(plant.ask("08 0001 0000"), "nothingAllows");
  assert.is(plant.ask("5a 00 02"), "opaque");
  assert.is(plant.ask("06 0001 0001", { unit: 0, broadcast: true }), "broadcastNotAllowed operator/all");
});

rulings("RULINGS 5: each verb is its functions, and functions narrow it", () => {
  const plant = new Plant({
    rules: [
      { id: "diagnose", allow: ["diagnose"], device: true },
      { id: "clear", allow: ["control"], device: true, functions: [8 | (10 << 8)] },
      { id: "identify", allow: ["identify"], device: true },
      { id: "files", allow: ["file-read"] },
      { id: "file-3", allow: ["file-write"], table: FILE, addresses: [[0x30000, 0x30009]] },
      { id: "coils", allow: ["write"], table: COIL, addresses: [[0, 9]], functions: [5] },
      { id: "exchange", allow: ["write"], table: HOLDING, addresses: [[0, 9]], functions: [23] },
    ],
  });
  assert.is(plant.ask("07"), "allowed operator/diagnose");
  assert.is(plant.ask("08 0000 a537"), "allowed operator/diagnose");
  assert.is(plant.ask("08 000a 0000"), "allowed operator/clear");
  assert.is(plant.ask("08 0001 0000"), "functionNotListed operator/clear");
  assert.is(plant.ask("2b 0e 01 00"), "allowed operator/identify");
  assert.is(plant.ask("14 07 06 0001 0000 0001"), "allowed operator/files");
  assert.is(plant.ask("15 09 06 0003 0000 0001 0abc"), "allowed operator/file-3");
  assert.is(plant.ask("15 09 06 0004 0000 0001 0abc"), "nothingAllows");
  assert.is(plant.ask("05 0001 ff00"), "allowed operator/coils");
  assert.is(plant.ask("0f 0001 0001 01 01"), "functionNotListed operator/coils");
  assert.is(plant.ask("06 0001 0001"), "functionNotListed operator/exchange");
  assert.is(plant.ask("17 0001 0001 0002 0001 02 0007"), "nothingAllows", "the read half of FC 23 wants its own right");
});

rulings("RULINGS 5: an opaque function passes by its exact number only", () => {
  const plant = new Plant({
    rules: [
      { id: "umas", allow: ["raw"], device: true, opaque: true, functions: [90] },
      { id: "not-said", allow: ["raw"], device: true, functions: [65] },
      { id: "canopen", allow: ["raw"], device: true, opaque: true, functions: [43 | (13 << 8)], units: [1] },
    ],
  });
  assert.is(plant.ask("5a 00 02"), "allowed operator/umas");
  assert.is(plant.ask("41 ff"), "opaque", "opaque: true is missing");
  assert.is(plant.ask("42 ff"), "opaque");
  assert.is(plant.ask("2b 0d 01 02"), "allowed operator/canopen");
  assert.is(plant.ask("2b 0c 01 02"), "opaque");
  const denied = new Plant({
    never: [{ id: "nothing-opaque", deny: ["raw"], device: true }],
    rules: [{ id: "umas", allow: ["raw"], device: true, opaque: true, functions: [90] }],
  });
  assert.is(denied.ask("5a 00 02"), "never never/nothing-opaque");
});

rulings.run();
