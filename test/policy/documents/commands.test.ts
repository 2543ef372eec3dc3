/** What a rule says of commands and objects (DNP3): what it becomes, and each slip with its place. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { SPACES } from "#dnp3/spaces";
import { sayProblem } from "#documents/problems";
import { compile, finish } from "#policy/compile";
import { lint, sayFinding } from "#policy/lint";
import { loadPolicy } from "#policy/load";
import type { Policy, Rule } from "#policy/model";
import { BOTH, SITE_OF_BOTH } from "./feeder.ts";

/** A policy of one role; its first item starts at 5:7. */
function loaded(...items: readonly string[]): ReturnType<typeof loadPolicy> {
  const text = `policy: p\nversion: 1\nroles:\n  r:\n${items.map((item) => `    - ${item}\n`).join("")}bindings: [{ role: r, identity: "cn:*", kind: person }]\n`;
  return loadPolicy({ file: "p.yaml", text }, SITE_OF_BOTH, BOTH);
}

function policyOf(...items: readonly string[]): Policy {
  const policy = loaded(...items);
  if (!policy.ok) throw new Error(policy.error.map(sayProblem).join("\n"));
  return policy.value;
}

function only(item: string): Rule {
  const [rule, ...more] = policyOf(`{ id: a, on: feeder, ${item} }`).roles.get("r")?.rules ?? [];
  assert.equal(more, []);
  return rule as Rule;
}

const commands = suite("policy/documents/commands");

commands("a rule over operate covers select, goes select-before-operate, and takes the codes that have words", () => {
  const { verbs, vias, control, objects } = only("allow: operate, points: [breaker]");
  assert.equal([verbs, vias, objects], [["operate", "select"], [1], null]);
  assert.equal(control, {
    codes: [0x01, 0x03, 0x04, 0x41, 0x81],
    count: [0, 255],
    onTimeMs: [0, 0xffff_ffff],
    offTimeMs: [0, 0xffff_ffff],
  });
});

commands("control: codes by word and octet, counts and times as one or as a range, in ms or s", () => {
  const { control } = only(
    "allow: operate, points: [breaker], control: { codes: [trip, 0x42], count: 1-3, on_time: 100-1000ms, off_time: 2s }",
  );
  assert.equal(control, { codes: [0x42, 0x81], count: [1, 3], onTimeMs: [100, 1000], offTimeMs: [2000, 2000] });
  assert.equal(only("allow: operate, points: [breaker], control: { codes: 65 }").control?.codes, [0x41]);
});

commands("RULINGS 36: control: queue and clear add their bit to each code, and to each other", () => {
  assert.equal(only("allow: operate, points: [breaker], control: { codes: trip, queue: true }").control?.codes, [0x81, 0x91]);
  assert.equal(only("allow: operate, points: [breaker], control: { codes: trip, clear: true }").control?.codes, [0x81, 0xa1]);
  const both = only("allow: operate, points: [breaker], control: { codes: trip, queue: true, clear: true }");
  assert.equal(both.control?.codes, [0x81, 0x91, 0xa1, 0xb1]);
  assert.equal(only("allow: operate, points: [breaker], control: { codes: trip, queue: false }").control?.codes, [0x81]);
});

commands("via: one way or several; a deny without it is about every way", () => {
  assert.equal(only("allow: operate, points: [breaker], via: direct").vias, [2]);
  assert.equal(only("allow: operate, points: [breaker], via: [direct-no-ack, select-before-operate]").vias, [1, 3]);
  const { vias, control } = only("deny: operate, points: [breaker]");
  assert.equal([vias, control], [null, null]);
  assert.equal(only("deny: operate, points: [breaker], via: direct").vias, [2]);
});

commands("group, variation and indexes: objects, and their points in cells", () => {
  const { objects, scope } = only("allow: read, group: [30, 32], variation: [1, 5], indexes: [0-1, 7]");
  assert.equal(objects, [0x1e01, 0x1e05, 0x2001, 0x2005]);
  assert.equal(scope, {
    is: "addresses",
    space: 5,
    ranges: [
      [0, 7],
      [28, 31],
    ],
  });
  const every = only("allow: read, group: 30");
  assert.equal([every.objects?.length, every.scope], [256, { is: "addresses", space: 5, ranges: [[0, 65535]] }]);
  assert.equal(only("allow: authenticate, group: 120").scope, { is: "device" });
});

commands("RULINGS 36: functions that want to be named are in no rule that does not", () => {
  assert.equal(only("allow: freeze, points: [energy]").functions, [7, 8]);
  assert.equal(only("allow: freeze, points: [energy], functions: [freezeAndClear, 7]").functions, [7, 9]);
  assert.equal(only("deny: freeze, points: [energy]").functions, null);
  assert.equal(only("allow: raw, opaque: true, functions: [2/12, 25/70]").functions, [2 | (12 << 8), 25 | (70 << 8)]);
});

const OPERATE = "id: a, on: feeder, allow: operate";
const BREAKER = `${OPERATE}, points: [breaker]`;
const CODE_IS = "expected a control code, which is a word or an octet from 0 to 255, one of: trip, close, pulse_on, latch_on, latch_off";
const NO_VALUES = "expected control: with the codes that are granted, and rate: values are for numbers";

const FAULTS: readonly (readonly [title: string, item: string, said: string])[] = [
  ["a code that is no word", `{ ${BREAKER}, control: { codes: opne } }`, `5:81: found "opne"; ${CODE_IS}`],
  ["a code beyond an octet", `{ ${BREAKER}, control: { codes: 256 } }`, `5:81: found 256; ${CODE_IS}`],
  [
    "one code by word and by number",
    `{ ${BREAKER}, control: { codes: [trip, 0x81] } }`,
    '5:88: found "0x81" a second time; expected each code once',
  ],
  [
    "control without codes",
    `{ ${BREAKER}, control: { count: 1 } }`,
    "5:72: found no codes; expected a control code: trip, close, pulse_on, latch_on, latch_off, or a number from 0 to 255",
  ],
  [
    "a count backwards",
    `{ ${BREAKER}, control: { codes: trip, count: 3-1 } }`,
    '5:94: found "3-1"; expected a count or a range such as 1 or 1-3',
  ],
  [
    "a count too high",
    `{ ${BREAKER}, control: { codes: trip, count: 256 } }`,
    "5:94: found 256; expected a count or a range such as 1 or 1-3",
  ],
  [
    "a time without its unit",
    `{ ${BREAKER}, control: { codes: trip, on_time: 100 } }`,
    "5:96: found 100; expected a time or a range such as 500ms or 100-1000ms",
  ],
  [
    "a time in minutes",
    `{ ${BREAKER}, control: { codes: trip, off_time: 2m } }`,
    '5:97: found "2m"; expected a time or a range such as 500ms or 100-1000ms',
  ],
  ["queue that is no flag", `{ ${BREAKER}, control: { codes: trip, queue: maybe } }`, '5:94: found "maybe"; expected true or false'],
  ["clear that is no flag", `{ ${BREAKER}, control: { codes: trip, clear: 1 } }`, "5:94: found 1; expected true or false"],
  [
    "an unknown key of control",
    `{ ${BREAKER}, control: { codes: trip, times: 2 } }`,
    '5:87: found the unknown key "times"; expected one of the keys: codes, count, on_time, off_time, queue, clear',
  ],
  [
    "control in a deny",
    "{ id: a, on: feeder, deny: operate, points: [breaker], control: { codes: trip } }",
    '5:62: found the key "control"; expected a deny without it: a deny holds whatever is commanded',
  ],
  [
    "control of a read",
    "{ id: a, on: feeder, allow: read, control: { codes: trip } }",
    '5:41: found the key "control"; expected control only where the rule allows operate, on an asset that has such commands',
  ],
  [
    "control on Modbus",
    "{ id: a, on: tank, allow: write, points: [pump], control: { codes: trip } }",
    '5:56: found the key "control"; expected control only where the rule allows operate, on an asset that has such commands',
  ],
  [
    "control on numbers, where it limits nothing",
    `{ ${OPERATE}, points: [breaker, volts], control: { codes: trip } }`,
    "5:70: found control on the analog-output table; expected values: control is for binary outputs",
  ],
  [
    "control without a place, where it would leave every number free",
    `{ ${OPERATE}, control: { codes: trip } }`,
    "5:44: found control without a place; expected points or a table of binary outputs beside it: it limits no number",
  ],
  [
    "files beside another verb",
    "{ id: a, on: feeder, allow: read, files: [a.log] }",
    '5:41: found the key "files"; expected files only with the verb file',
  ],
  [
    "write where things are commanded",
    "{ id: a, on: feeder, allow: write, points: [breaker] }",
    "5:42: found points of binary-output; expected operate: a binary-output of feeder is commanded (write only on attribute, indication)",
  ],
  [
    "raw by function alone",
    "{ id: a, on: feeder, allow: raw, opaque: true, functions: [2] }",
    "5:65: found a list; expected the number of a function that is kept opaque, with the object group where it has one, such as 2/12",
  ],
  [
    "a stop of a breaker that does not say how",
    `{ ${BREAKER}, essential: true }`,
    "5:7: found no such value; expected control: { codes: [the one code that stops] }, or of a number values: { set: [the one value that stops] }",
  ],
  ["a way that is no word", `{ ${BREAKER}, via: sbo }`, '5:68: found "sbo"; expected select-before-operate, direct or direct-no-ack'],
  ["a way twice", `{ ${BREAKER}, via: [direct, direct] }`, '5:77: found "direct" a second time; expected each way once'],
  [
    "via of a read",
    "{ id: a, on: feeder, allow: read, via: direct }",
    '5:41: found the key "via"; expected via only where the rule is about operate, on an asset that has such commands',
  ],
  ["a group beyond an octet", "{ id: a, on: feeder, allow: read, group: 300 }", "5:48: found 300; expected a whole number from 0 to 255"],
  [
    "a group that is none",
    "{ id: a, on: feeder, allow: read, group: 5 }",
    "5:48: found group 5; expected an object group of the asset's protocol",
  ],
  ["a group twice", "{ id: a, on: feeder, allow: read, group: [30, 30] }", "5:53: found group 30 a second time; expected each group once"],
  [
    "groups of two tables",
    "{ id: a, on: feeder, allow: read, group: [1, 30] }",
    "5:41: found groups of 2 tables; expected groups of one table in one rule",
  ],
  [
    "variation alone",
    "{ id: a, on: feeder, allow: read, variation: 1 }",
    '5:41: found the key "variation"; expected variation only beside group',
  ],
  [
    "a variation twice",
    "{ id: a, on: feeder, allow: read, group: 30, variation: [1, 1] }",
    '5:52: found the key "variation"; expected each variation once',
  ],
  ["indexes alone", "{ id: a, on: feeder, allow: read, indexes: 1 }", "5:7: found no group; expected group: the indexes are of"],
  [
    "an index of a number beyond the last",
    "{ id: a, on: feeder, allow: read, group: 30, indexes: 16384 }",
    "5:61: found 16384; expected an analog-input address from 0 to 16383 (zero-based)",
  ],
  [
    "indexes backwards",
    "{ id: a, on: feeder, allow: read, group: 30, indexes: 3-1 }",
    '5:61: found "3-1"; expected a range that does not go backwards, such as 1-3',
  ],
  [
    "indexes of a group without points",
    "{ id: a, on: feeder, allow: authenticate, group: 120, indexes: 1 }",
    '5:61: found the key "indexes"; expected no indexes with groups that have no points',
  ],
  [
    "group and points",
    "{ id: a, on: feeder, allow: read, group: 30, points: [current] }",
    "5:52: found both points and group; expected either points or group with indexes",
  ],
  [
    "group and table",
    "{ id: a, on: feeder, allow: read, group: 30, table: counter }",
    "5:52: found both table and group; expected either table or group with indexes",
  ],
  [
    "group on Modbus",
    "{ id: a, on: tank, allow: read, group: 30 }",
    '5:39: found the key "group"; expected group only on an asset whose protocol has object groups (DNP3)',
  ],
  [
    "operate over a group of inputs",
    `{ ${OPERATE}, group: 30 }`,
    "5:44: found group of analog-input; expected operate only on binary-output, analog-output",
  ],
  [
    "operate over an input",
    `{ ${OPERATE}, points: [current] }`,
    "5:44: found points of analog-input; expected operate only on binary-output, analog-output",
  ],
  [
    "values on a table of numbers",
    `{ ${OPERATE}, table: analog-output, values: { min: 1, max: 2 } }`,
    "5:74: found values on the analog-output table; expected points of the points file: the unit and scale of a number are stated there",
  ],
  [
    "values on a group of numbers",
    `{ ${OPERATE}, group: 41, indexes: 0, values: { min: 1, max: 2 } }`,
    "5:75: found values on the analog-output table; expected points of the points file: the unit and scale of a number are stated there",
  ],
  [
    "values over two units",
    `{ ${OPERATE}, points: [volts, vars], values: { min: 1, max: 2 } }`,
    '5:75: found values over "volts" (number, kV) and "vars" (number, kvar); expected points of one type and one unit, or a rule for each',
  ],
  [
    "values on a binary output, where they would limit nothing",
    `{ ${BREAKER}, values: { set: [0] } }`,
    `5:71: found values on "breaker" of the binary-output table; ${NO_VALUES}`,
  ],
  [
    "values on a table of binary outputs",
    `{ ${OPERATE}, table: binary-output, values: { max_changes: 1/min } }`,
    `5:74: found values on the binary-output table; ${NO_VALUES}`,
  ],
  [
    "values on whatever can be operated",
    `{ ${OPERATE}, values: { max_changes: 1/min } }`,
    `5:52: found values on every table; ${NO_VALUES}`,
  ],
  [
    "files without names, which no wildcard grants",
    "{ id: a, on: feeder, allow: file, actions: open }",
    "5:7: found no files; expected files: names of files, for no wildcard grants them",
  ],
  [
    "unsolicited over a table of points",
    "{ id: a, on: feeder, allow: unsolicited, table: binary-input }",
    "5:48: found table of binary-input; expected unsolicited only on class",
  ],
  [
    "restart with a table",
    "{ id: a, on: feeder, allow: restart, table: class }",
    "5:44: found table of class; expected no table with restart: it is about the device as a whole",
  ],
  [
    "a function of another verb",
    "{ id: a, on: feeder, allow: freeze, points: [energy], functions: [3] }",
    "5:73: found function 3, which is select; expected a function that is freeze",
  ],
  [
    "raw without its functions",
    "{ id: a, on: feeder, allow: raw, opaque: true }",
    "5:7: found a rule that allows raw without functions; expected functions: with the exact number of each function",
  ],
  [
    "raw with a group",
    "{ id: a, on: feeder, allow: raw, opaque: true, group: 12, functions: [2/12] }",
    '5:54: found the key "group"; expected neither points nor addresses with raw: nobody knows what it touches',
  ],
  [
    "a stop of two codes",
    `{ ${BREAKER}, essential: true, control: { codes: [trip, latch_off] } }`,
    "5:89: found a map; expected control: { codes: [the one code that stops] }",
  ],
  [
    "a stop of a code and its queue bit",
    `{ ${BREAKER}, essential: true, control: { codes: trip, queue: true } }`,
    "5:89: found a map; expected control: { codes: [the one code that stops] }",
  ],
  [
    "a stop over a range of indexes",
    `{ ${OPERATE}, group: 12, indexes: 0-1, essential: true, control: { codes: trip } }`,
    '5:64: found "0-1"; expected indexes one by one: an essential rule takes no range',
  ],
];

for (const [title, item, said] of FAULTS) {
  commands(title, () => {
    const policy = loaded(item);
    assert.not(policy.ok, item);
    if (!policy.ok) assert.equal(policy.error.map(sayProblem), [`p.yaml:${said}`]);
  });
}

function findings(...items: readonly string[]): string[] {
  return findingsFor(null, ...items);
}

/** @param eventOwner of the feeder; null: it has none */
function findingsFor(eventOwner: string | null, ...items: readonly string[]): string[] {
  const policy = policyOf(...items);
  const compiled = finish(compile(policy, () => SPACES));
  const site = { listeners: [], management: { web: {} }, assets: new Map([["feeder", { eventOwner }]]) };
  return lint(policy, site, BOTH, compiled.crowded).map((finding) => sayFinding(finding).replace("p.yaml:", ""));
}

commands("lint: rules for other codes, ways or objects neither hide nor double each other", () => {
  const trip = "{ id: trip, on: feeder, allow: operate, points: [breaker], control: { codes: trip, count: 1 } }";
  const close = "{ id: close, on: feeder, allow: operate, points: [breaker], control: { codes: close, count: 1 } }";
  const direct = "{ id: direct, on: feeder, allow: operate, points: [breaker], via: direct, control: { codes: trip, count: 1 } }";
  const first = "{ id: first, on: feeder, allow: read, group: 20, variation: 1 }";
  const second = "{ id: second, on: feeder, allow: read, group: 20, variation: 5 }";
  assert.equal(findings(trip, close, direct, first, second), []);
});

commands("lint: what another rule grants already adds nothing", () => {
  const any = "{ id: any, on: feeder, allow: operate, points: [breaker] }";
  const trip = "{ id: trip, on: feeder, allow: operate, points: [breaker], control: { codes: trip, count: 1 } }";
  assert.equal(findings(any, trip), [
    "6:7: warning overlap: r/trip and r/any (line 5) both let r write binary-output 0 of feeder",
    "6:7: warning unreachable: r/trip adds nothing: r/any (line 5) allows all of it already",
  ]);
  const longer = "{ id: longer, on: feeder, allow: operate, points: [breaker], control: { codes: trip, count: 1-2 } }";
  assert.equal(
    findings(trip, longer).filter((line) => line.includes("unreachable")),
    [],
    "the wider one second",
  );
});

commands("lint: a grant without a place is not about tables that want to be named", () => {
  const look = "{ id: look, on: feeder, allow: read }";
  const info = "{ id: info, on: feeder, allow: read, table: attribute, addresses: 242-243 }";
  assert.equal(findings(look, info), []);
  const input = "{ id: input, on: feeder, allow: read, table: binary-input }";
  assert.equal(findings(look, input), ["6:7: warning unreachable: r/input adds nothing: r/look (line 5) allows all of it already"]);
  const never = "{ id: none, on: feeder, deny: read }";
  assert.equal(findings(never, info), ["6:7: warning unreachable: r/info never decides: r/none (line 5) denies all of it"]);
});

commands("lint: files of other names are other files", () => {
  const logs = "{ id: logs, on: feeder, allow: file, actions: [open, read], files: [log/*] }";
  const one = "{ id: one, on: feeder, allow: file, actions: [open, read], files: [cfg/a] }";
  assert.equal(findings(logs, one), []);
  const again = "{ id: again, on: feeder, allow: file, actions: read, files: [log/*] }";
  assert.equal(findings(logs, again), ["6:7: warning unreachable: r/again adds nothing: r/logs (line 5) allows all of it already"]);
});

commands("RULINGS 34: lint: events that nobody takes, for there is no owner or it has no rule for them", () => {
  const events = "{ id: events, on: feeder, allow: events, table: class, addresses: 1-3 }";
  const unasked = "{ id: unasked, on: feeder, allow: unsolicited, table: class, addresses: 1-3 }";
  const look = "{ id: look, on: feeder, allow: read }";
  assert.equal(findingsFor(null, events, look), [
    "5:7: warning events-unowned: r/events grants events of feeder, and the site names no event_owner there: nobody takes them",
  ]);
  assert.equal(findingsFor("cn:scada", events, look), []);
  assert.equal(findingsFor("cn:scada", look, unasked), []);
  assert.equal(findingsFor("cn:scada", look), [
    "1:1: warning events-unowned: the event_owner of feeder, cn:scada, has r, without a rule for events or unsolicited: its events pile up",
  ]);
  assert.equal(findingsFor("spiffe://plant.example/scada/main", events), [
    "1:1: warning events-unowned: the event_owner of feeder, spiffe://plant.example/scada/main, has no role: its events pile up",
  ]);
});

commands.run();
