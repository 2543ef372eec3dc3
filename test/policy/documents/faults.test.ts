/** Faulty policies, each with the one line (or lines) a person gets to read: place, what was found, what would be right. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { sayProblem } from "#documents/problems";
import { loadPolicy } from "#policy/load";
import { ASSETS, VOCABULARIES } from "./plant.ts";

/** A policy of one role; its first item starts at 5:7. */
function role(...items: readonly string[]): string {
  return `policy: p\nversion: 1\nroles:\n  r:\n${items.map((item) => `    - ${item}\n`).join("")}bindings: []\n`;
}

/** A policy of one binding, which starts at 5:5. */
function binding(text: string): string {
  return `policy: p\nversion: 1\nroles: { r: [] }\nbindings:\n  - ${text}\n`;
}

const RIGHT_IS = "view, end-session, mode or confirm (stage, approve, revoke and export come with later work)";

const FAULTS: readonly (readonly [title: string, text: string, said: readonly string[]])[] = [
  [
    "RULINGS 16: an anchor",
    "policy: &p x\nversion: 1\nroles: {}\nbindings: []\n",
    ["1:9: found an anchor (&p); expected the value written out where it is meant"],
  ],
  [
    "RULINGS 16: an alias",
    "policy: p\nversion: 1\nroles: *x\nbindings: []\n",
    ["3:8: found an alias (*x); expected the value written out where it is meant, or in quotes if it is text"],
  ],
  [
    "RULINGS 16: a tag",
    "policy: !!str p\nversion: 1\nroles: {}\nbindings: []\n",
    ["1:9: found a tag (!!str); expected a plain value, or in quotes if it is text"],
  ],
  [
    "RULINGS 16: a directive",
    "%YAML 1.1\n---\npolicy: p\n",
    ["1:1: found a directive (%YAML 1.1); expected a document without directives"],
  ],
  [
    "RULINGS 16: a merge key",
    "policy: p\nversion: 1\nroles:\n  <<: {}\nbindings: []\n",
    ["4:3: found a merge key (<<); expected the keys written out where they are meant"],
  ],
  [
    "RULINGS 16: a duplicate key",
    "policy: p\nversion: 1\nversion: 2\nroles: {}\nbindings: []\n",
    ['3:1: found the key "version" a second time; expected each key once; the first is on line 2'],
  ],
  [
    "RULINGS 16: a bidirectional character",
    "policy: p\nversion: 1\n# \u202e\nroles: {}\n",
    ["3:3: found a bidirectional control character (U+202E); expected printable characters only"],
  ],
  [
    "RULINGS 16: a character that prints nothing",
    'policy: "p\u200b"\nversion: 1\n',
    ["1:11: found a non-printing character (U+200B); expected printable characters only"],
  ],
  [
    "RULINGS 16: a name with a space",
    "policy: boiler house\nversion: 1\nroles: { r: [] }\nbindings: []\n",
    ['1:9: found "boiler house"; expected the policy\'s name'],
  ],
  [
    "RULINGS 16: a role name of 65 characters",
    "policy: p\nversion: 1\nroles: { aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa: [] }\nbindings: []\n",
    ['3:10: found "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa..."; expected the name of a role'],
  ],
  ["not YAML at all", "policy: p\n  version: [1\n", ["2:12: found an opening bracket that is never closed; expected its closing bracket"]],
  ["a second document", "policy: p\n---\npolicy: q\n", ["2:1: found a second document; expected one document in a file"]],
  ["an empty file", "", ["1:1: found no value; expected a map with the keys policy, version, never, roles, bindings, on_deny, assets"]],
  ["no version", "policy: p\nroles: { r: [] }\nbindings: []\n", ["1:1: found no version; expected a whole number from 1 to 2147483647"]],
  [
    "version zero",
    "policy: p\nversion: 0\nroles: { r: [] }\nbindings: []\n",
    ["2:10: found 0; expected a whole number from 1 to 2147483647"],
  ],
  [
    "a version with a point",
    "policy: p\nversion: 1.5\nroles: { r: [] }\nbindings: []\n",
    ["2:10: found 1.5; expected a whole number from 1 to 2147483647"],
  ],
  [
    "a version in quotes",
    'policy: p\nversion: "1"\nroles: { r: [] }\nbindings: []\n',
    ['2:10: found "1"; expected a whole number from 1 to 2147483647'],
  ],
  [
    "an unknown key at the top, near a known one",
    "policy: p\nversion: 1\nrols: {}\nroles: { r: [] }\nbindings: []\n",
    ['3:1: found the unknown key "rols"; expected the key "roles" (did you mean that?)'],
  ],
  ["no roles", "policy: p\nversion: 1\nroles: {}\nbindings: []\n", ["3:8: found no role; expected at least one role"]],
  ["roles that are a list", "policy: p\nversion: 1\nroles: [r]\nbindings: []\n", ["3:8: found a list; expected a map of names"]],
  [
    "RULINGS 27: manage is a rule of a role, not a key of the document",
    "policy: p\nversion: 1\nroles: { r: [] }\nbindings: []\nmanage: []\n",
    ['5:1: found the unknown key "manage"; expected one of the keys: policy, version, never, roles, bindings, on_deny, assets'],
  ],
  [
    "RULINGS 14: a right of management whose command is not built, one of none, and none",
    role(
      "{ id: a, manage: [view, approve], on: tank }",
      "{ id: b, manage: stage, on: tank }",
      "{ id: c, manage: [], on: tank }",
      '{ id: d, manage: "*", on: tank }',
    ),
    [
      `5:31: found "approve"; expected ${RIGHT_IS}`,
      `6:24: found "stage"; expected ${RIGHT_IS}`,
      "7:24: found an empty list; expected a list of at least 1",
      `8:24: found "*"; expected ${RIGHT_IS}`,
    ],
  ],
  [
    "RULINGS 27: a rule of management has id, manage and on, and nothing else",
    role(
      "{ manage: view, on: tank }",
      "{ id: b, manage: view }",
      "{ id: c, manage: view, on: nowhere }",
      "{ id: d, manage: [view, view], on: tank }",
      "{ id: e, manage: view, allow: read, on: tank }",
      "{ id: f, manage: view, deny: write, on: tank }",
      "{ id: g, manage: mode, on: tank, points: pump }",
      '{ id: h, manage: mode, on: tank, hours: "01:00-02:00 UTC" }',
      "{ id: i, manage: mode, on: [tank, tank] }",
    ),
    [
      "5:7: found no id; expected an id for the rule: denials, records and cases name it",
      '6:7: found no on; expected the asset the rule is about (on: boiler-1), or on: "*" for the gateway as a whole',
      '7:34: found "nowhere"; expected the name of an asset, one of: tank, well',
      '8:31: found "view" a second time; expected each right once',
      "9:16: found both allow and manage; expected either allow or manage in one rule: one is about the plant, one about the gateway",
      "10:16: found both deny and manage; expected either deny or manage in one rule: one is about the plant, one about the gateway",
      '11:40: found the key "points"; expected id, manage and on alone in a rule that grants rights of management',
      '12:40: found the key "hours"; expected id, manage and on alone in a rule that grants rights of management',
      '13:41: found "tank" a second time; expected each asset once',
    ],
  ],
  [
    "RULINGS 27: under never nothing is granted, rights of management neither; include stands alone",
    "policy: p\nversion: 1\nnever:\n  - { id: a, manage: view, on: tank }\nroles:\n  r:\n    - { include: s, manage: view, on: tank }\n  s: []\nbindings: []\n",
    [
      '4:14: found the key "manage"; expected manage only in roles: it grants, and under never nothing is granted',
      '7:21: found the key "manage" beside include; expected include alone in its item',
    ],
  ],
  [
    "RULINGS 4: an id of a rule of management is no other rule's",
    role("{ id: a, allow: read, on: tank }", "{ id: a, manage: view, on: tank }"),
    ['6:13: found the id "a" a second time; expected each id once; the first is on line 5'],
  ],
  [
    "an unknown key in a rule",
    role("{ id: a, allow: read, on: tank, point: inflow }"),
    ['5:39: found the unknown key "point"; expected the key "points" (did you mean that?)'],
  ],
  ["no id", role("{ allow: read, on: tank }"), ["5:7: found no id; expected an id for the rule: denials, records and cases name it"]],
  ["no on", role("{ id: a, allow: read }"), ['5:7: found no on; expected the asset the rule is about (on: boiler-1), or on: "*"']],
  [
    "neither allow nor deny",
    role("{ id: a, on: tank }"),
    ["5:7: found a rule that neither allows nor denies; expected allow: or deny: with a verb"],
  ],
  [
    "both allow and deny",
    role("{ id: a, allow: read, deny: write, on: tank }"),
    ["5:29: found both allow and deny; expected either allow or deny in one rule"],
  ],
  [
    "an id with a slash",
    role("{ id: a/b, allow: read, on: tank }"),
    ['5:13: found "a/b"; expected a name of 1 to 64 letters, digits, _ . -'],
  ],
  [
    "RULINGS 4: a duplicate id",
    role("{ id: a, allow: read, on: tank }", "{ id: a, allow: read, on: well }"),
    ['6:13: found the id "a" a second time; expected each id once; the first is on line 5'],
  ],
  [
    "RULINGS 4: a duplicate id under never",
    "policy: p\nversion: 1\nnever:\n  - { id: a, deny: raw, on: tank }\n  - { id: a, deny: raw, on: well }\nroles: { r: [] }\nbindings: []\n",
    ['5:11: found the id "a" a second time; expected each id once; the first is on line 4'],
  ],
  [
    "RULINGS 4: never grants nothing",
    "policy: p\nversion: 1\nnever:\n  - { id: a, allow: read, on: tank }\nroles: { r: [] }\nbindings: []\n",
    ['4:14: found the key "allow"; expected deny: under never nothing is granted'],
  ],
  [
    "RULINGS 4: include under never",
    "policy: p\nversion: 1\nnever:\n  - { include: r }\nroles: { r: [] }\nbindings: []\n",
    [
      '4:7: found the unknown key "include"; expected one of the keys: id, allow, deny, manage, on, points, table, addresses, units, functions, broadcast, opaque, values, hours, rate, on_deny, require, state, essential, gap, files, actions, reply, control, via, group, variation, indexes',
    ],
  ],
  [
    "RULINGS 14: require",
    role("{ id: a, allow: read, on: tank, require: { elevation: x } }"),
    ['5:39: found the key "require"; expected no such key yet: require comes with later work'],
  ],
  [
    "RULINGS 9: a state of a point that does not exist",
    role('{ id: a, allow: read, on: tank, state: "tank.levle < 2" }'),
    ['5:46: found "tank.levle"; expected a point of tank "level" (did you mean that?)'],
  ],
  [
    "RULINGS 9: a state of an asset that does not exist",
    role('{ id: a, allow: read, on: tank, state: "tnk.level < 2" }'),
    ['5:46: found "tnk.level"; expected the name of an asset "tank" (did you mean that?)'],
  ],
  [
    "RULINGS 9: a state without a comparison",
    role('{ id: a, allow: read, on: tank, state: "tank.level and tank.inflow < 3" }'),
    [
      '5:46: found "tank.level"; expected one or more conditions joined by "and", such as boiler-1.drum_pressure < 2 and boiler-1.burner = 0',
    ],
  ],
  [
    "RULINGS 9: a state of words",
    role('{ id: a, allow: read, on: tank, state: "tank.level < high" }'),
    ['5:46: found "tank.level < high"; expected a finite decimal number'],
  ],
  [
    "RULINGS 9: max_age of more than ten seconds",
    role('{ id: a, allow: read, on: tank, state: { when: "tank.level < 2", max_age: 11s } }'),
    ['5:81: found "11s"; expected a duration from 100ms to 10s'],
  ],
  [
    "RULINGS 9: a state point that the role may write",
    role("{ id: w, allow: write, on: tank, points: [level] }", '{ id: a, allow: control, on: tank, state: "tank.level < 2" }'),
    [
      '6:7: found a state that depends on "tank.level", which r/w (line 5) lets it write; expected a state of points that "r" may not write',
    ],
  ],
  [
    "RULINGS 9: a state point that the role may write, for it may write everything",
    role("{ id: w, allow: write, on: tank }", '{ id: a, allow: control, on: tank, state: "tank.level < 2" }'),
    [
      '6:7: found a state that depends on "tank.level", which r/w (line 5) lets it write; expected a state of points that "r" may not write',
    ],
  ],
  [
    "RULINGS 15: essential in a rule that reads",
    role("{ id: a, allow: [read, write], on: tank, points: [level], values: { set: [0] }, essential: true }"),
    ['5:87: found the key "essential"; expected essential only where the rule allows write, or operate, and nothing else'],
  ],
  [
    "RULINGS 15: essential in a deny",
    role("{ id: a, deny: write, on: tank, points: [level], essential: true }"),
    ['5:56: found the key "essential"; expected a deny without it: a deny holds whatever is written and however often'],
  ],
  [
    "RULINGS 15: essential everywhere",
    role('{ id: a, allow: write, on: "*", table: coil, addresses: 1, values: { set: [0] }, essential: true }'),
    ['5:34: found "*"; expected the assets by name: an essential rule takes no wildcard'],
  ],
  [
    "RULINGS 15: essential without a place",
    role("{ id: a, allow: write, on: tank, table: coil, values: { set: [0] }, essential: true }"),
    ["5:7: found an essential rule for a whole table; expected points, or addresses of a table: an essential rule names what it stops"],
  ],
  [
    "RULINGS 15: essential over a range",
    role("{ id: a, allow: write, on: tank, table: coil, addresses: [1, 3-4], values: { set: [0] }, essential: true }"),
    ['5:68: found "3-4"; expected addresses one by one: an essential rule takes no range'],
  ],
  [
    "RULINGS 15: essential without a value",
    role("{ id: a, allow: write, on: tank, points: [level], essential: true }"),
    ["5:7: found no such value; expected values: { set: [the one value that stops] }"],
  ],
  [
    "RULINGS 15: essential with two values",
    role("{ id: a, allow: write, on: tank, points: [level], values: { set: [0, 1] }, essential: true }"),
    ["5:65: found several values; expected values: { set: [the one value that stops] }"],
  ],
  [
    "RULINGS 15: essential with bounds",
    role("{ id: a, allow: write, on: tank, points: [level], values: { min: 0, max: 0 }, essential: true }"),
    ['5:67: found the key "min"; expected values: { set: [the one value that stops] }'],
  ],
  [
    "RULINGS 15: an essential rule that waits for something",
    role(
      '{ id: a, allow: write, on: tank, points: [level], values: { set: [0] }, hours: "08:00-16:00 UTC", rate: 1/min, broadcast: true, essential: true }',
    ),
    [
      '5:79: found the key "hours"; expected an essential rule without it: a stop waits for nothing',
      '5:105: found the key "rate"; expected an essential rule without it: a stop waits for nothing',
      '5:118: found the key "broadcast"; expected an essential rule without it: a stop waits for nothing',
    ],
  ],
  [
    "RULINGS 6: a gap without points",
    role("{ id: a, allow: read, on: tank, gap: 4 }"),
    ['5:39: found the key "gap"; expected gap only beside points: a rule over addresses names those it wants'],
  ],
  [
    "RULINGS 6: a gap of more than 16",
    role("{ id: a, allow: read, on: tank, points: [level], gap: 17 }"),
    ["5:61: found 17; expected a whole number from 1 to 16"],
  ],
  [
    "RULINGS 6: a gap in what is written",
    role("{ id: a, allow: write, on: tank, points: [level], gap: 2 }"),
    ['5:57: found the key "gap"; expected gap only where the rule allows read'],
  ],
  [
    "RULINGS 6: a gap in a deny",
    role("{ id: a, deny: read, on: tank, points: [level], gap: 2 }"),
    ['5:55: found the key "gap"; expected a deny without it: a deny holds whatever is written and however often'],
  ],
  [
    "RULINGS 14: via",
    role("{ id: a, allow: read, on: tank, via: direct }"),
    ['5:39: found the key "via"; expected via only where the rule is about operate, on an asset that has such commands'],
  ],
  [
    "RULINGS 14: control",
    role("{ id: a, allow: read, on: tank, control: { codes: [trip] } }"),
    ['5:39: found the key "control"; expected control only where the rule allows operate, on an asset that has such commands'],
  ],
  [
    "RULINGS 14: group and variation",
    role("{ id: a, allow: read, on: tank, group: 12, variation: 1, indexes: 0-3 }"),
    ['5:39: found the key "group"; expected group only on an asset whose protocol has object groups (DNP3)'],
  ],
  [
    "an unknown verb",
    role("{ id: a, allow: wriet, on: tank }"),
    [
      '5:23: found "wriet"; expected a verb (read, write, control, diagnose, identify, file-read, file-write, raw), a list of verbs, or "*"',
    ],
  ],
  [
    "an unknown verb in a list",
    role("{ id: a, allow: [read, execute], on: tank }"),
    [
      '5:30: found "execute"; expected one of: read, write, control, diagnose, identify, file-read, file-write, raw, events, select, operate, freeze, restart, time, configure, assignClass, unsolicited, authenticate, file, *',
    ],
  ],
  ["an empty list of verbs", role("{ id: a, allow: [], on: tank }"), ["5:23: found an empty list; expected a list of at least 1"]],
  ["a verb twice", role("{ id: a, allow: [read, read], on: tank }"), ['5:30: found "read" a second time; expected each verb once']],
  [
    "RULINGS 5: a wildcard among verbs",
    role('{ id: a, deny: ["*", read], on: tank }'),
    ['5:22: found a list; expected "*" alone, or names of verbs'],
  ],
  [
    "RULINGS 5: a verb the protocol does not have",
    role("{ id: a, allow: operate, on: tank }"),
    ['5:23: found "operate"; expected a verb that modbus-tcp has: read, write, diagnose, control, identify, file-read, file-write, raw'],
  ],
  [
    "an unknown asset, near a known one",
    role("{ id: a, allow: read, on: tonk }"),
    ['5:33: found "tonk"; expected the name of an asset "tank" (did you mean that?)'],
  ],
  [
    "an unknown asset in a list",
    role("{ id: a, allow: read, on: [tank, boiler] }"),
    ['5:40: found "boiler"; expected the name of an asset, one of: tank, well'],
  ],
  ["an asset twice", role("{ id: a, allow: read, on: [tank, tank] }"), ['5:40: found "tank" a second time; expected each asset once']],
  [
    "a wildcard among assets",
    role('{ id: a, allow: read, on: ["*", tank] }'),
    ['5:33: found a list; expected "*" alone, or names of assets'],
  ],
  [
    "RULINGS 3: a unit the asset does not have",
    role("{ id: a, allow: read, on: tank, units: [1, 3] }"),
    ["5:50: found 3; expected a unit id of tank: 1, 2"],
  ],
  [
    "RULINGS 3: a unit and its alias are one",
    role("{ id: a, allow: read, on: tank, units: [1, 11] }"),
    ["5:50: found unit 11 a second time; expected each unit once"],
  ],
  ["a unit beyond 255", role("{ id: a, allow: read, on: tank, units: 256 }"), ["5:46: found 256; expected a whole number from 0 to 255"]],
  [
    "an unknown point, near a known one",
    role("{ id: a, allow: write, on: tank, points: [inflaw] }"),
    ['5:49: found "inflaw"; expected a point of tank "inflow" (did you mean that?)'],
  ],
  [
    "an unknown point on one of two assets",
    role('{ id: a, allow: read, on: "*", points: outflow }'),
    ['5:46: found "outflow"; expected a point of well, one of: inflow, pump'],
  ],
  [
    "a point twice",
    role("{ id: a, allow: read, on: tank, points: [inflow, inflow] }"),
    ['5:56: found "inflow" a second time; expected each point once'],
  ],
  [
    "an empty list of points",
    role("{ id: a, allow: read, on: tank, points: [] }"),
    ["5:47: found an empty list; expected a list of at least 1"],
  ],
  [
    "a point that is a number",
    role("{ id: a, allow: read, on: tank, points: 40 }"),
    ["5:47: found 40; expected the name of a point, or a list of names"],
  ],
  [
    "a point of another unit",
    role("{ id: a, allow: write, on: tank, units: 1, points: [second_pump] }"),
    ['5:59: found "second_pump", a point of unit 2; expected a point of unit 1'],
  ],
  [
    "points and a table",
    role("{ id: a, allow: read, on: tank, points: inflow, table: holding }"),
    ["5:55: found both points and table; expected either points or a table with addresses"],
  ],
  [
    "addresses without a table",
    role("{ id: a, allow: read, on: tank, addresses: 40-43 }"),
    ["5:7: found no table; expected table: the addresses are of, one of: coil, discrete, input, holding, file"],
  ],
  [
    "points and addresses",
    role("{ id: a, allow: read, on: tank, points: inflow, addresses: 40 }"),
    ["5:55: found both points and addresses; expected either points or a table with addresses"],
  ],
  [
    "an unknown table",
    role("{ id: a, allow: read, on: tank, table: holdings, addresses: 1 }"),
    ['5:46: found "holdings"; expected a table "holding" (did you mean that?)'],
  ],
  [
    "an address beyond the last",
    role("{ id: a, allow: read, on: tank, table: holding, addresses: 65536 }"),
    ["5:66: found 65536; expected a holding address from 0 to 65535 (zero-based)"],
  ],
  [
    "a range backwards",
    role("{ id: a, allow: read, on: tank, table: holding, addresses: 43-40 }"),
    ['5:66: found "43-40"; expected a range that does not go backwards, such as 40-43'],
  ],
  [
    "an address with a point",
    role("{ id: a, allow: read, on: tank, table: holding, addresses: 4.0 }"),
    ["5:66: found 4.0; expected a holding address from 0 to 65535 (zero-based)"],
  ],
  [
    "an address in another asset's way of counting",
    role("{ id: a, allow: read, on: well, table: holding, addresses: [40001, 2] }"),
    ["5:74: found 2; expected a holding address from 40001 to 49999 or 400001 to 465536 (modicon)"],
  ],
  [
    "a write to a table nobody can write",
    role("{ id: a, allow: write, on: tank, table: input, addresses: 0 }"),
    ["5:40: found a write to the input table; expected a table that can be written: coil, holding"],
  ],
  [
    "a write to a point nobody can write",
    role("{ id: a, allow: write, on: tank, points: wet }"),
    ["5:40: found a write to the discrete table; expected a table that can be written: coil, holding"],
  ],
  [
    "points with a verb about the device",
    role("{ id: a, allow: diagnose, on: tank, points: inflow }"),
    ["5:43: found points of holding; expected no points with diagnose: it is about the device as a whole"],
  ],
  [
    "read of the file table",
    role("{ id: a, allow: read, on: tank, table: file, addresses: 4 }"),
    ["5:39: found table of file; expected read only on coil, discrete, input, holding"],
  ],
  [
    "file-read of a process table",
    role("{ id: a, allow: file-read, on: tank, table: holding, addresses: 4 }"),
    ["5:44: found table of holding; expected file-read only on file"],
  ],
  [
    "a file that does not exist",
    role("{ id: a, allow: file-read, on: tank, table: file, addresses: 0 }"),
    ["5:68: found 0; expected a file or a range of files (4, 4-6), or records of one file (4/0-99), files from 1 to 65535"],
  ],
  [
    "a record that does not exist",
    role("{ id: a, allow: file-read, on: tank, table: file, addresses: 4/0-10000 }"),
    ['5:68: found "4/0-10000"; expected a file or a range of files (4, 4-6), or records of one file (4/0-99), records from 0 to 9999'],
  ],
  [
    "an unknown function name, near a known one",
    role("{ id: a, allow: write, on: tank, functions: [writeSingelRegister] }"),
    ['5:52: found "writeSingelRegister"; expected a function number, or a name "writeSingleRegister" (did you mean that?)'],
  ],
  [
    "function 8 without its sub-function",
    role("{ id: a, allow: diagnose, on: tank, functions: 8 }"),
    [
      "5:54: found 8; expected a function number, or a name, one of: readCoils, readDiscreteInputs, readHoldingRegisters, readInputRegisters, writeSingleCoil, writeSingleRegister, readExceptionStatus, returnQueryData, restartCommunicationsOption, returnDiagnosticRegister, changeAsciiInputDelimiter, forceListenOnlyMode, ...",
    ],
  ],
  [
    "function 128",
    role("{ id: a, allow: read, on: tank, functions: 128 }"),
    [
      "5:50: found 128; expected a function number, or a name, one of: readCoils, readDiscreteInputs, readHoldingRegisters, readInputRegisters, writeSingleCoil, writeSingleRegister, readExceptionStatus, returnQueryData, restartCommunicationsOption, returnDiagnosticRegister, changeAsciiInputDelimiter, forceListenOnlyMode, ...",
    ],
  ],
  [
    "a function of another verb",
    role("{ id: a, allow: write, on: tank, functions: [6, 3] }"),
    ["5:55: found function 3, which is read; expected a function that is write"],
  ],
  [
    "a function twice, by number and name",
    role("{ id: a, allow: write, on: tank, functions: [6, writeSingleRegister] }"),
    ["5:55: found function writeSingleRegister a second time; expected each function once"],
  ],
  [
    "RULINGS 5: an opaque function without raw",
    role("{ id: a, allow: write, on: tank, functions: [90] }"),
    ["5:52: found function 90, which is raw; expected allow: raw with opaque: true"],
  ],
  [
    "RULINGS 5: raw without opaque",
    role("{ id: a, allow: raw, on: tank, functions: [90] }"),
    ["5:7: found a rule that allows raw without opaque: true; expected opaque: true, for nothing in such a request can be judged"],
  ],
  [
    "RULINGS 5: raw without functions",
    role("{ id: a, allow: raw, on: tank, opaque: true }"),
    ["5:7: found a rule that allows raw without functions; expected functions: with the exact number of each function"],
  ],
  [
    "RULINGS 5: raw with points",
    role("{ id: a, allow: raw, on: tank, opaque: true, functions: [90], points: [inflow] }"),
    ['5:69: found the key "points"; expected neither points nor addresses with raw: nobody knows what it touches'],
  ],
  [
    "RULINGS 5: raw with addresses",
    role("{ id: a, allow: raw, on: tank, opaque: true, functions: [90], table: holding, addresses: 1 }"),
    [
      '5:69: found the key "table"; expected neither points nor addresses with raw: nobody knows what it touches',
      '5:85: found the key "addresses"; expected neither points nor addresses with raw: nobody knows what it touches',
    ],
  ],
  [
    "RULINGS 5: raw on every asset",
    role('{ id: a, allow: raw, on: "*", opaque: true, functions: [90] }'),
    ['5:32: found "*"; expected the assets by name: raw takes no wildcard'],
  ],
  [
    "RULINGS 5: raw with a function that is not opaque",
    role("{ id: a, allow: raw, on: tank, opaque: true, functions: [3] }"),
    [
      "5:63: found a list; expected the number of a function that is kept opaque",
      "5:64: found function 3, which is read; expected a function that is raw",
    ],
  ],
  [
    "RULINGS 5: opaque without raw",
    role("{ id: a, allow: read, on: tank, opaque: true }"),
    ['5:39: found the key "opaque"; expected opaque only where the rule allows raw'],
  ],
  [
    "RULINGS 1: values in a deny",
    role("{ id: a, deny: write, on: tank, points: inflow, values: { min: 0, max: 1 } }"),
    ['5:55: found the key "values"; expected a deny without it: a deny holds whatever is written and however often'],
  ],
  [
    "RULINGS 1: rate in a deny",
    role("{ id: a, deny: write, on: tank, rate: 1/s }"),
    ['5:39: found the key "rate"; expected a deny without it: a deny holds whatever is written and however often'],
  ],
  [
    "RULINGS 1: broadcast in a deny",
    role("{ id: a, deny: write, on: tank, broadcast: true }"),
    ['5:39: found the key "broadcast"; expected a deny without it: a deny holds whatever is written and however often'],
  ],
  [
    "RULINGS 1: opaque in a deny",
    role("{ id: a, deny: raw, on: tank, opaque: true }"),
    ['5:37: found the key "opaque"; expected a deny without it: a deny holds whatever is written and however often'],
  ],
  [
    "RULINGS 1: control in a deny",
    role("{ id: a, deny: write, on: tank, control: { codes: [trip] } }"),
    ['5:39: found the key "control"; expected a deny without it: a deny holds whatever is commanded'],
  ],
  [
    "RULINGS 12: broadcast of a read",
    role("{ id: a, allow: read, on: tank, broadcast: true }"),
    ['5:39: found the key "broadcast"; expected broadcast only where something is changed: nobody answers a broadcast'],
  ],
  [
    "RULINGS 12: broadcast where unit 0 is the device",
    role("{ id: a, allow: write, on: well, points: pump, broadcast: true }"),
    ['5:54: found the key "broadcast"; expected no broadcast on well, whose site says unit_zero: device'],
  ],
  [
    "broadcast that is not a truth value",
    role("{ id: a, allow: write, on: tank, broadcast: yes }"),
    ['5:51: found "yes"; expected true or false'],
  ],
  [
    "RULINGS 2: points of two types",
    role("{ id: a, allow: write, on: tank, points: [inflow, level], values: { min: 0, max: 1 } }"),
    [
      '5:73: found values over "inflow" (uint16, t/h) and "level" (int16, mm); expected points of one type and one unit, or a rule for each',
    ],
  ],
  [
    "RULINGS 2: points of two units",
    role("{ id: a, allow: write, on: tank, points: [modes, inflow], values: { set: [1] } }"),
    ['5:73: found values over "inflow" (uint16, t/h) and "modes" (uint16); expected points of one type and one unit, or a rule for each'],
  ],
  [
    "RULINGS 7: min alone",
    role("{ id: a, allow: write, on: tank, points: inflow, values: { min: 0 } }"),
    ["5:64: found no max; expected max beside min: a limit on one side is half a limit"],
  ],
  [
    "RULINGS 7: max alone",
    role("{ id: a, allow: write, on: tank, points: inflow, values: { max: 40, max_step: 2 } }"),
    ["5:64: found no min; expected min beside max: a limit on one side is half a limit"],
  ],
  [
    "RULINGS 7: min above max",
    role("{ id: a, allow: write, on: tank, points: inflow, values: { min: 2, max: 1.5 } }"),
    ["5:79: found 1.5; expected max of at least 2, which is min"],
  ],
  [
    "RULINGS 7: infinity",
    role("{ id: a, allow: write, on: tank, points: pressure, values: { min: 0, max: .inf } }"),
    ["5:81: found .inf; expected a number"],
  ],
  [
    "RULINGS 7: not a number",
    role("{ id: a, allow: write, on: tank, points: pressure, values: { set: [.nan] } }"),
    ["5:74: found .nan; expected a number"],
  ],
  [
    "a limit in quotes",
    role('{ id: a, allow: write, on: tank, points: inflow, values: { min: "0", max: 1 } }'),
    ['5:71: found "0"; expected a number'],
  ],
  [
    "a set member twice",
    role("{ id: a, allow: write, on: tank, points: inflow, values: { set: [1, 1.0] } }"),
    ["5:75: found 1 a second time; expected each value once"],
  ],
  [
    "a set member the point cannot hold",
    role("{ id: a, allow: write, on: tank, points: inflow, values: { set: [0.05] } }"),
    ['5:72: found 0.05; expected a value that "inflow" can hold (uint16, scale 0.1)'],
  ],
  [
    "an empty set",
    role("{ id: a, allow: write, on: tank, points: inflow, values: { set: [] } }"),
    ["5:71: found an empty list; expected a list of at least 1"],
  ],
  [
    "values that say nothing",
    role("{ id: a, allow: write, on: tank, points: inflow, values: {} }"),
    ["5:64: found values without a limit; expected at least one of: min and max, set, max_step, max_changes"],
  ],
  [
    "an unknown key in values",
    role("{ id: a, allow: write, on: tank, points: inflow, values: { maximum: 3 } }"),
    ['5:66: found the unknown key "maximum"; expected one of the keys: min, max, set, max_step, max_changes'],
  ],
  [
    "values without a write",
    role("{ id: a, allow: read, on: tank, points: inflow, values: { min: 0, max: 1 } }"),
    ['5:55: found the key "values"; expected values only where the rule allows write or operate'],
  ],
  [
    "values over every table",
    role("{ id: a, allow: write, on: tank, values: { min: 0, max: 1 } }"),
    [
      "5:50: found min on every table; expected points, or a table with addresses, for the limit to have a meaning",
      "5:58: found max on every table; expected points, or a table with addresses, for the limit to have a meaning",
    ],
  ],
  [
    "RULINGS 3: a raw limit beyond 65535",
    role("{ id: a, allow: write, on: tank, table: holding, addresses: 0-9, values: { min: 0, max: 70000 } }"),
    ["5:95: found 70000; expected a raw word from 0 to 65535: addresses have no unit and no scale"],
  ],
  [
    "RULINGS 3: a raw limit below zero",
    role("{ id: a, allow: write, on: tank, table: holding, addresses: 0-9, values: { min: -1, max: 5 } }"),
    ["5:87: found -1; expected a raw word from 0 to 65535: addresses have no unit and no scale"],
  ],
  [
    "RULINGS 3: a raw limit with a fraction",
    role("{ id: a, allow: write, on: tank, table: holding, addresses: 0-9, values: { min: 0.5, max: 5 } }"),
    ["5:87: found 0.5; expected a raw word from 0 to 65535: addresses have no unit and no scale"],
  ],
  [
    "min and max on a coil",
    role("{ id: a, allow: write, on: tank, table: coil, addresses: 0-9, values: { min: 0, max: 1 } }"),
    [
      "5:79: found min on the coil table; expected set: [0], [1] or [0, 1]",
      "5:87: found max on the coil table; expected set: [0], [1] or [0, 1]",
    ],
  ],
  [
    "a bool that is 2",
    role("{ id: a, allow: write, on: tank, points: pump, values: { set: [0, 2] } }"),
    ["5:73: found 2; expected 0 or 1"],
  ],
  [
    "RULINGS 8: max_step on a bool",
    role("{ id: a, allow: write, on: tank, points: pump, values: { max_step: 1 } }"),
    ['5:64: found max_step on "pump", a bool; expected max_step only on numbers: there is no distance between such values'],
  ],
  [
    "RULINGS 8: max_step on a bit",
    role("{ id: a, allow: write, on: tank, points: auto, values: { max_step: 1 } }"),
    ['5:64: found max_step on "auto", a bit; expected max_step only on numbers: there is no distance between such values'],
  ],
  [
    "RULINGS 8: max_step on text",
    role("{ id: a, allow: write, on: tank, points: tag, values: { max_step: 1 } }"),
    ['5:63: found max_step on "tag", a string; expected max_step only on numbers: there is no distance between such values'],
  ],
  [
    "RULINGS 8: max_step on listed values",
    role("{ id: a, allow: write, on: tank, points: modes, values: { set: [1, 2], max_step: 1 } }"),
    ["5:78: found both max_step and set; expected either max_step or set: listed values are choices, not a scale"],
  ],
  [
    "max_step of zero",
    role("{ id: a, allow: write, on: tank, points: inflow, values: { max_step: 0 } }"),
    ["5:76: found 0; expected a step above zero"],
  ],
  [
    "a limit on text",
    role("{ id: a, allow: write, on: tank, points: tag, values: { set: [1] } }"),
    ['5:63: found set on "tag", a string; expected no limit but max_changes on text'],
  ],
  [
    "max_changes without a time",
    role("{ id: a, allow: write, on: tank, points: inflow, values: { max_changes: 6 } }"),
    ["5:79: found 6; expected a count per time, such as 200/s, 6/min or 10/10s"],
  ],
  [
    "hours without a zone",
    role('{ id: a, allow: read, on: tank, hours: "Mon-Fri 07:00-17:00" }'),
    ['5:46: found "Mon-Fri 07:00-17:00"; expected days, hours and time zone like "Mon-Fri 07:00-17:00 Europe/Berlin"'],
  ],
  [
    "hours in a zone that does not exist",
    role('{ id: a, allow: read, on: tank, hours: "Mon-Fri 07:00-17:00 Europe/Atlantis" }'),
    ['5:46: found time zone "Europe/Atlantis"; expected a name like Europe/Berlin or UTC'],
  ],
  [
    "hours on a day that does not exist",
    role('{ id: a, allow: read, on: tank, hours: "Mo-Fr 07:00-17:00 UTC" }'),
    ['5:46: found days "Mo-Fr"; expected Mon, Tue, Wed, Thu, Fri, Sat, Sun, a range like Mon-Fri or a list like Sat,Sun'],
  ],
  [
    "a rate without a time",
    role("{ id: a, allow: read, on: tank, rate: 10 }"),
    ["5:45: found 10; expected a count per time, such as 200/s, 6/min or 10/10s"],
  ],
  [
    "a rate of nothing",
    role("{ id: a, allow: read, on: tank, rate: 0/s }"),
    ['5:45: found "0/s"; expected a count per time, such as 200/s, 6/min or 10/10s'],
  ],
  [
    "RULINGS 13: an unknown answer",
    role("{ id: a, allow: read, on: tank, on_deny: { answer: ignore } }"),
    ['5:58: found "ignore"; expected one of: exception, drop, close'],
  ],
  [
    "RULINGS 13: exception 5",
    role("{ id: a, allow: read, on: tank, on_deny: { exception: 5 } }"),
    ["5:61: found 5; expected a Modbus exception code from 1 to 4"],
  ],
  [
    "RULINGS 13: an exception code with drop",
    role("{ id: a, allow: read, on: tank, on_deny: { answer: drop, exception: 2 } }"),
    ["5:75: found 2; expected no exception code where the answer is drop"],
  ],
  [
    "RULINGS 13: close_after without a time",
    role("{ id: a, allow: read, on: tank, on_deny: { close_after: { denials: 3 } } }"),
    ["5:63: found no within; expected a duration with its unit, such as 250ms, 1s, 15m, 72h or 90d"],
  ],
  [
    "RULINGS 13: close_after within no time",
    role("{ id: a, allow: read, on: tank, on_deny: { close_after: { denials: 3, within: 0s } } }"),
    ['5:85: found "0s"; expected a time above zero'],
  ],
  [
    "RULINGS 13: an on_deny that says nothing",
    role("{ id: a, allow: read, on: tank, on_deny: {} }"),
    ["5:48: found an on_deny that says nothing; expected answer, exception or close_after"],
  ],
  [
    "RULINGS 13: two on_deny of one role",
    role("{ on_deny: { answer: close } }", "{ on_deny: { answer: drop } }"),
    ["6:7: found a second on_deny; expected one on_deny for a role"],
  ],
  [
    "RULINGS 13: on_deny of an asset nobody has",
    "policy: p\nversion: 1\nroles: { r: [] }\nbindings: []\nassets:\n  tonk: { on_deny: { answer: drop } }\n",
    ['6:3: found "tonk"; expected the name of an asset "tank" (did you mean that?)'],
  ],
  [
    "RULINGS 13: an asset without on_deny",
    "policy: p\nversion: 1\nroles: { r: [] }\nbindings: []\nassets:\n  tank: {}\n",
    ["6:9: found no on_deny; expected on_deny: what differs on this asset"],
  ],
  [
    "RULINGS 4: a role that includes itself",
    role("include: r"),
    ["5:16: found a cycle: r includes r; expected roles that do not include each other"],
  ],
  [
    "RULINGS 4: two roles that include each other",
    "policy: p\nversion: 1\nroles:\n  a:\n    - include: b\n  b:\n    - include: a\nbindings: []\n",
    [
      "5:16: found a cycle: b includes a includes b; expected roles that do not include each other",
      "7:16: found a cycle: a includes b includes a; expected roles that do not include each other",
    ],
  ],
  [
    "RULINGS 4: a cycle of three, told on each",
    "policy: p\nversion: 1\nroles:\n  a: [{ include: b }]\n  b: [{ include: c }]\n  c: [{ include: a }]\nbindings: []\n",
    [
      "4:18: found a cycle: b includes c includes a includes b; expected roles that do not include each other",
      "5:18: found a cycle: c includes a includes b includes c; expected roles that do not include each other",
      "6:18: found a cycle: a includes b includes c includes a; expected roles that do not include each other",
    ],
  ],
  ["an unknown role included", role("include: viewer"), ['5:16: found "viewer"; expected the name of a role, one of: r']],
  [
    "a role included twice",
    "policy: p\nversion: 1\nroles:\n  a: []\n  b:\n    - include: [a, a]\nbindings: []\n",
    ['6:20: found "a" a second time; expected each role once'],
  ],
  [
    "an include with more in its item",
    "policy: p\nversion: 1\nroles:\n  a: []\n  b:\n    - { include: a, id: x }\nbindings: []\n",
    ['6:21: found the key "id" beside include; expected include alone in its item'],
  ],
  [
    "RULINGS 4: an including role that narrows",
    "policy: p\nversion: 1\nroles:\n  a:\n    - { id: w, allow: write, on: tank, points: [inflow, outflow] }\n  b:\n    - include: a\n    - { id: n, deny: write, on: tank, points: outflow }\nbindings: []\n",
    [
      '8:7: found a deny in "b" that takes away from a/w (line 5); expected the deny under never or in "a": a role that includes another only widens it',
    ],
  ],
  [
    "a role named never",
    "policy: p\nversion: 1\nroles: { never: [] }\nbindings: []\n",
    ['3:10: found the key "never"; expected another name: never, default, self have a meaning of their own'],
  ],
  [
    "a role named default",
    "policy: p\nversion: 1\nroles: { default: [] }\nbindings: []\n",
    ['3:10: found the key "default"; expected another name: never, default, self have a meaning of their own'],
  ],
  [
    "a binding for a role nobody wrote",
    binding('{ role: q, identity: "cn:a@ca", kind: person }'),
    ['5:13: found "q"; expected the name of a role, one of: r'],
  ],
  [
    "a binding that names nobody",
    binding("{ role: r, kind: person }"),
    ["5:5: found a binding that names nobody; expected one of: identity, certificate_role, source"],
  ],
  [
    "a binding that names two",
    binding('{ role: r, identity: "cn:a", source: 10.0.0.0/8, kind: machine }'),
    ["5:34: found both identity and source; expected one binding for each"],
  ],
  ["RULINGS 25: no kind", binding('{ role: r, identity: "cn:a" }'), ["5:5: found no kind; expected kind: person or kind: machine"]],
  [
    "RULINGS 25: an unknown kind",
    binding('{ role: r, identity: "cn:a", kind: robot }'),
    ['5:40: found "robot"; expected one of: person, machine'],
  ],
  [
    "RULINGS 25: an address that is a person",
    binding("{ role: r, source: 10.0.0.0/8, kind: person }"),
    ['5:42: found "person"; expected kind: machine, for an address proves no person'],
  ],
  [
    "an identity of no type",
    binding("{ role: r, identity: alice, kind: person }"),
    ['5:26: found "alice"; expected spiffe://domain/path or cn:name[@ca]'],
  ],
  [
    "RULINGS 17: a trust domain in capitals",
    binding('{ role: r, identity: "spiffe://Plant/a", kind: person }'),
    ['5:26: found "spiffe://Plant/a"; expected a trust domain in lower case, such as spiffe://plant.example/operator/*'],
  ],
  [
    "RULINGS 17: no path",
    binding('{ role: r, identity: "spiffe://plant", kind: person }'),
    ['5:26: found "spiffe://plant"; expected a path after the trust domain, such as /operator/*'],
  ],
  [
    "RULINGS 17: a wildcard in the middle",
    binding('{ role: r, identity: "spiffe://plant/*/a", kind: person }'),
    ['5:26: found "spiffe://plant/*/a"; expected * only as one whole last segment'],
  ],
  [
    "RULINGS 17: half a segment wild",
    binding('{ role: r, identity: "spiffe://plant/op*", kind: person }'),
    ['5:26: found "spiffe://plant/op*"; expected * only as one whole last segment'],
  ],
  [
    "RULINGS 17: a wild trust domain",
    binding('{ role: r, identity: "spiffe://*/a", kind: person }'),
    ['5:26: found "spiffe://*/a"; expected a trust domain in lower case, such as spiffe://plant.example/operator/*'],
  ],
  [
    "RULINGS 17: an empty segment",
    binding('{ role: r, identity: "spiffe://plant//a", kind: person }'),
    ['5:26: found "spiffe://plant//a"; expected segments of letters, digits, . _ -'],
  ],
  [
    "RULINGS 17: a segment of two points",
    binding('{ role: r, identity: "spiffe://plant/../a", kind: person }'),
    ['5:26: found "spiffe://plant/../a"; expected segments other than . and ..'],
  ],
  [
    "RULINGS 17: a space in a segment",
    binding('{ role: r, identity: "spiffe://plant/a b", kind: person }'),
    ['5:26: found "spiffe://plant/a b"; expected segments of letters, digits, . _ -'],
  ],
  [
    "RULINGS 17: half a common name wild",
    binding('{ role: r, identity: "cn:al*", kind: person }'),
    ['5:26: found "cn:al*"; expected * only as the whole name, such as cn:*@plant'],
  ],
  [
    "RULINGS 17: an empty authority",
    binding('{ role: r, identity: "cn:alice@", kind: person }'),
    ['5:26: found "cn:alice@"; expected the name of an authority of the site after the @'],
  ],
  [
    "RULINGS 17: two authorities",
    binding('{ role: r, identity: "cn:alice@a@b", kind: person }'),
    ['5:26: found "cn:alice@a@b"; expected the name of an authority of the site after the @'],
  ],
  [
    "a source that is no prefix",
    binding("{ role: r, source: plant }"),
    ['5:24: found "plant"; expected an address prefix, such as 10.10.5.0/24 or fd00:5::/64'],
  ],
  [
    "a source with bits beyond its prefix",
    binding("{ role: r, source: 10.10.5.7/24 }"),
    ['5:24: found "10.10.5.7/24"; expected the prefix 10.10.5.0/24, without bits beyond it, or one address'],
  ],
  [
    "a source with too long a prefix",
    binding("{ role: r, source: 10.10.5.0/33 }"),
    ['5:24: found "10.10.5.0/33"; expected a prefix length from 0 to 32'],
  ],
  [
    "RULINGS 14: accept_unauthenticated with a certificate",
    binding('{ role: r, identity: "cn:a", kind: person, accept_unauthenticated: true }'),
    ['5:48: found the key "accept_unauthenticated"; expected accept_unauthenticated only with source: a certificate is authentication'],
  ],
  [
    "RULINGS 18: expired for a person",
    binding('{ role: r, identity: "cn:a", kind: person, expired: read-only 72h }'),
    ['5:48: found the key "expired"; expected expired only with kind: machine and a certificate: a person renews theirs'],
  ],
  [
    "RULINGS 18: expired of an address",
    binding("{ role: r, source: 10.10.5.0/24, expired: read-only 72h }"),
    ['5:38: found the key "expired"; expected expired only with kind: machine and a certificate: a person renews theirs'],
  ],
  [
    "RULINGS 18: expired that would write",
    binding('{ role: r, identity: "cn:a", kind: machine, expired: 72h }'),
    ['5:58: found "72h"; expected read-only and a duration from 1h to 30d, such as read-only 72h'],
  ],
  [
    "RULINGS 18: expired for ever",
    binding('{ role: r, identity: "cn:a", kind: machine, expired: read-only 365d }'),
    ['5:58: found "read-only 365d"; expected read-only and a duration from 1h to 30d, such as read-only 72h'],
  ],
  [
    "an unknown key in a binding",
    binding('{ role: r, identiy: "cn:a", kind: person }'),
    ['5:16: found the unknown key "identiy"; expected the key "identity" (did you mean that?)'],
  ],
];

const faults = suite("policy/documents/faults");

for (const [title, text, said] of FAULTS) {
  faults(title, () => {
    const loaded = loadPolicy({ file: "p.yaml", text }, ASSETS, VOCABULARIES);
    assert.equal(
      loaded.ok ? "loaded" : loaded.error.map(sayProblem),
      said.map((line) => `p.yaml:${line}`),
    );
  });
}

faults("every problem of a document is told at once, in its order, at most fifty", () => {
  const text = role(...Array.from({ length: 60 }, (_, i) => `{ id: a${i}, allow: read, on: nowhere }`));
  const loaded = loadPolicy({ file: "p.yaml", text }, ASSETS, VOCABULARIES);
  assert.not(loaded.ok);
  if (loaded.ok) return;
  assert.is(loaded.error.length, 50);
  assert.equal(
    loaded.error.map(({ line }) => line),
    Array.from({ length: 50 }, (_, i) => 5 + i),
  );
});

faults.run();
