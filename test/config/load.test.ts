import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type LoadedSite, loadSite } from "#config/load";
import { sayProblem } from "#documents/problems";
import type { Space } from "#operation";
import { COIL, DISCRETE, HOLDING, INPUT } from "#test/process/spaces";
import { BOILER_CSV, PUMP_CSV, SITE_YAML } from "./sample.ts";

const load = suite("config/load");

const SPACES: readonly Space[] = [COIL, DISCRETE, INPUT, HOLDING];
const VOCABULARIES = new Map([["modbus-tcp", { spaces: SPACES }]]);
const FILES: Readonly<Record<string, string>> = { "points/boiler-1.csv": BOILER_CSV, "points/pump-1.csv": PUMP_CSV };
const FOLDER = path.resolve("plants/boiler");
const FILE = "plants/boiler/site.yaml";

/** Files of the sample by their place below the site file's folder; others fail as node:fs does. */
function reader(files: Readonly<Record<string, string>>, asked: string[] = []): (file: string) => string {
  return (file) => {
    asked.push(file);
    const text = files[path.relative(FOLDER, file)];
    if (text === undefined) throw Object.assign(new Error(`ENOENT: no such file or directory, open '${file}'`), { code: "ENOENT" });
    return text;
  };
}

function loaded(text = SITE_YAML, files = FILES): LoadedSite {
  const result = loadSite({ file: FILE, text }, reader(files), VOCABULARIES);
  if (!result.ok) throw new Error(result.error.map(sayProblem).join("\n"));
  return result.value;
}

function refused(text: string, files = FILES): readonly string[] {
  const result = loadSite({ file: FILE, text }, reader(files), VOCABULARIES);
  return result.ok ? [] : result.error.map(sayProblem);
}

load("a site is typed, its defaults filled in, its paths absolute from its own folder, its times milliseconds", () => {
  const { site } = loaded();
  assert.is(site.name, "boiler-house");
  assert.is(site.file, FILE);
  assert.equal(
    site.listeners.map(({ name, asset, interface: face, port, tls, from, line }) => [
      name,
      asset,
      face,
      port,
      tls,
      from.map(({ text }) => text),
      line,
    ]),
    [
      ["boiler-1/mutual", "boiler-1", "scada0", 8021, "mutual", [], 3],
      ["boiler-1/none", "boiler-1", "scada0", 5021, "none", ["10.10.5.0/24", "fd00:5::/64"], 4],
      ["burner", "burner-1", "scada0", 0, "mutual", ["10.10.6.0/24"], 5],
    ],
  );
  assert.equal(site.listeners[1]?.from[0], { text: "10.10.5.0/24", address: Uint8Array.of(10, 10, 5, 0), prefix: 24 });
  assert.equal(site.tls, {
    certificate: path.join(FOLDER, "pki/gateway.pem"),
    key: path.join(FOLDER, "pki/gateway.key"),
    ca: [
      {
        name: "plant",
        file: "/etc/penstock/ca.pem",
        mayIdentify: ["spiffe://plant.example/operator/*", "spiffe://plant.example/scada/main", "cn:*", "cn:Pump HMI 3"],
        mayAssertRoles: true,
      },
      { name: "vendor", file: path.join(FOLDER, "pki/vendor.pem"), mayIdentify: ["cn:vendor"], mayAssertRoles: false },
    ],
    crl: [path.join(FOLDER, "pki/ca.crl"), path.join(FOLDER, "pki/vendor.crl")],
    crlGraceMs: 72 * 3_600_000,
  });
  assert.equal(site.audit, {
    directory: "/var/lib/penstock/audit",
    durableBefore: "all",
    retainMs: 30 * 24 * 3_600_000,
    whenFull: "deny-all",
    key: path.join(FOLDER, "keys/audit.pem"),
    maxOctets: 500_000_000,
  });
  assert.equal(site.management, { socket: path.join(FOLDER, "run/penstock.sock"), web: null });
  assert.equal(site.limits, { idleMs: 20 * 60_000 });
  assert.equal([...site.assets.keys()], ["boiler-1", "burner-1", "pump-1"]);
});

load("RULINGS 3 and 12: units, their other ids and unit 0 are one model for policy, facts and records", () => {
  const { assets } = loaded().site;
  const [boiler, burner, pump] = [...assets.values()].map(({ model }) => model);
  assert.equal(boiler?.units, [1, 2]);
  assert.equal(
    [...(boiler?.unitAliases ?? [])],
    [
      [255, 1],
      [100, 1],
      [102, 2],
    ],
  );
  assert.is(boiler?.unitZero, "broadcast");
  assert.is(boiler?.addressing, "one-based");
  assert.equal([...(burner?.unitAliases ?? [])], [[30, 3]]);
  assert.equal([pump?.units, pump?.unitZero, pump?.addressing], [[0], "device", "modicon"]);
});

load("points are read in each asset's addressing and are zero-based from then on", () => {
  const { assets } = loaded().site;
  assert.equal(
    assets.get("boiler-1")?.model.points.map(({ name, unitId, space, first }) => [name, unitId, space, first]),
    [
      ["feed_setpoint", 1, 3, 40],
      ["pump_run", 2, 0, 0],
    ],
  );
  assert.equal(
    assets.get("pump-1")?.model.points.map(({ name, unitId, space, first }) => [name, unitId, space, first]),
    [["level", 0, 2, 0]],
  );
  assert.equal(assets.get("burner-1")?.model.points, []);
  assert.equal([assets.get("boiler-1")?.pointsFile, assets.get("burner-1")?.pointsFile], [path.join(FOLDER, "points/boiler-1.csv"), null]);
});

load("upstream settings, stated and by default", () => {
  const { assets } = loaded().site;
  assert.equal(assets.get("boiler-1")?.upstream, {
    connections: 1,
    outstanding: 4,
    timeoutMs: 1500,
    connectDelayMs: 50,
    rate: { count: 200, windowMs: 1000 },
    mode: "shared",
  });
  assert.equal(assets.get("pump-1")?.upstream, {
    connections: 1,
    outstanding: 1,
    timeoutMs: 1000,
    connectDelayMs: 0,
    rate: null,
    mode: "shared",
  });
  assert.equal([assets.get("pump-1")?.host, assets.get("pump-1")?.port], ["fd00::12", 1502]);
  assert.equal([assets.get("boiler-1")?.sessionsPerIdentity, assets.get("pump-1")?.sessionsPerIdentity], [2, 4]);
});

load("RULINGS 23: quirks are those that are declared; each asset knows the unit ids of its neighbours at the address", () => {
  const { assets } = loaded().site;
  assert.equal([assets.get("boiler-1")?.quirks, assets.get("pump-1")?.quirks], [[], ["unit-echo", "coil-padding"]]);
  const others = (name: string): number[] => [...(assets.get(name)?.otherUnits ?? [])].sort((a, b) => a - b);
  assert.equal(others("boiler-1"), [3, 30]);
  assert.equal(others("burner-1"), [1, 2, 100, 102, 255]);
  assert.equal(others("pump-1"), []);
});

load("the smallest site: what is not stated is the safe default", () => {
  const text = `site: s
listeners: [{ asset: a, interface: lo, port: 0, tls: none, from: [127.0.0.1] }]
assets: { a: { protocol: modbus-tcp, address: "127.0.0.1:502", units: 1, addressing: zero-based } }
audit: { directory: audit }
`;
  const { site, files } = loaded(text, {});
  assert.equal(site.audit, {
    directory: path.join(FOLDER, "audit"),
    durableBefore: "writes",
    retainMs: 90 * 24 * 3_600_000,
    whenFull: "deny-writes",
    key: path.join(FOLDER, "audit.key"),
    maxOctets: 2_000_000_000,
  });
  assert.equal(site.management, { socket: "/run/penstock/penstock.sock", web: null });
  assert.is(site.tls, null);
  assert.is(site.limits.idleMs, null);
  assert.is(site.assets.get("a")?.mode, "enforce");
  assert.equal(site.listeners[0]?.from[0]?.text, "127.0.0.1/32");
  assert.equal(files, [{ path: FILE, text }]);
});

load("RULINGS 32: every text that was read is handed back, each file once", () => {
  const text = SITE_YAML.replace("addressing: modicon", "addressing: one-based")
    .replace("units: 0\n    unit_zero: device", "units: [1, 2]")
    .replace("points/pump-1.csv", "./points/../points/boiler-1.csv");
  const asked: string[] = [];
  const result = loadSite({ file: FILE, text }, reader(FILES, asked), VOCABULARIES);
  assert.ok(result.ok);
  assert.equal(asked, [path.join(FOLDER, "points/boiler-1.csv")]);
  assert.equal(result.ok && result.value.files, [
    { path: FILE, text },
    { path: path.join(FOLDER, "points/boiler-1.csv"), text: BOILER_CSV },
  ]);
});

/**
 * One fault each: a piece of the sample and what stands there instead. `«` marks where the problem has to be told, and is taken out
 * before the text is read.
 */
const FAULTS: readonly (readonly [piece: string, instead: string, said: string])[] = [
  // RULINGS 16: the language
  ["site: boiler-house", "site: «&a boiler-house", "found an anchor (&a); expected the value written out where it is meant"],
  ["limits: {", "limits: {«<<: {}, ", "found a merge key (<<); expected the keys written out where they are meant"],
  ["port: 0\n", "port: 0\n    «port: 1\n", 'found the key "port" a second time; expected each key once; the first is on line 7'],
  ["name: burner\n", 'name: "bur«\u202ener"\n', "found a bidirectional control character (U+202E); expected printable characters only"],
  ["limits: { idle: 20m }", "limits: «{ idle: 20m", "found an opening bracket that is never closed; expected its closing bracket"],
  // keys
  ["limits: { idle", "«limit: { idle", 'found the unknown key "limit"; expected the key "limits" (did you mean that?)'],
  [
    "interface: scada0, port: 8021",
    "«intreface: scada0, interface: scada0, port: 8021",
    'found the unknown key "intreface"; expected the key "interface" (did you mean that?)',
  ],
  ["site: boiler-house\n", "«", "found no site; expected a name of 1 to 64 letters, digits, _ . -"],
  ["site: boiler-house", "site: «Boiler House", 'found "Boiler House"; expected a name of 1 to 64 letters, digits, _ . -'],
  ["site: boiler-house", "site:«", "found no value; expected a name of 1 to 64 letters, digits, _ . -"],
  // listeners
  [
    "- { asset: boiler-1, interface: scada0, port: 8021",
    "- { asset: «boiler1, interface: scada0, port: 8021",
    'found "boiler1"; expected the name of an asset "boiler-1" (did you mean that?)',
  ],
  ["asset: boiler-1, interface: scada0, port: 8021", "interface: scada0, port: 8021", "found no asset; expected the name of an asset"],
  [
    "interface: scada0, port: 8021",
    "interface: «10.0.0.1/24, port: 8021",
    'found "10.0.0.1/24"; expected the name of a network interface, such as scada0',
  ],
  [
    "interface: scada0, port: 8021",
    "interface: «averyverylonginterface, port: 8021",
    'found "averyverylonginterface"; expected the name of a network interface, such as scada0',
  ],
  ["port: 8021", "port: «65536", "found 65536; expected a port from 0 to 65535 (0: a free one)"],
  ["port: 8021", "port: «0x1F90x", 'found "0x1F90x"; expected a port from 0 to 65535 (0: a free one)'],
  ["port: 5021", "port: «8021", "found scada0 port 8021; expected a free port: the listener on line 3 has it"],
  ["port: 8021, tls: mutual", "port: 8021, tls: «server", 'found "server"; expected one of: mutual, none'],
  [
    "from: [10.10.5.0/24,",
    "from: [«10.10.5.1/24,",
    'found "10.10.5.1/24"; expected the prefix 10.10.5.0/24, without bits beyond it, or one address',
  ],
  ["from: [10.10.5.0/24,", "from: [«scada,", 'found "scada"; expected an address prefix, such as 10.10.5.0/24 or fd00:5::/64'],
  ["from: 10.10.6.0/24", "from: «[]", "found an empty list; expected a list of at least 1"],
  ["name: burner\n", "name: «the burner\n", 'found "the burner"; expected a name of 1 to 64 letters, digits, _ . -'],
  // tls
  ["  certificate: pki/gateway.pem\n", "", "found no certificate; expected the path of the gateway's certificate (PEM)"],
  ["certificate: pki/gateway.pem", 'certificate: «""', `found ""; expected the path of the gateway's certificate (PEM), not empty`],
  ["name: vendor", "name: «plant", 'found "plant"; expected a name of its own: the CA on line 15 has it'],
  ['may_identify: ["cn:vendor"]', "may_identify: «[]", "found an empty list; expected a list of at least 1"],
  ["may_assert_roles: true", "may_assert_roles: «yes", 'found "yes"; expected true or false'],
  ["crl: [pki/ca.crl,", "crl: [«7,", "found 7; expected the path of a revocation list (a number in quotes is text)"],
  // assets
  [
    "protocol: modbus-tcp\n    address: 10.20.0.11:502\n    units: 3",
    "protocol: «modbus-rtu\n    address: 10.20.0.11:502\n    units: 3",
    'found "modbus-rtu"; expected modbus-tcp or dnp3-tcp (modbus-rtu and dnp3-serial come with later work)',
  ],
  ["  pump-1:", "  «pump 1:", 'found "pump 1"; expected a name of 1 to 64 letters, digits, _ . -'],
  [
    'address: "[FD00:0::12]:1502"',
    "address: «plc-3:502",
    'found "plc-3:502"; expected an address and port, such as 10.20.0.11:502 or [fd00::11]:502 (names are not looked up)',
  ],
  [
    'address: "[FD00:0::12]:1502"',
    "address: «10.20.0.12",
    'found "10.20.0.12"; expected an address and port, such as 10.20.0.11:502 or [fd00::11]:502',
  ],
  ['address: "[FD00:0::12]:1502"', "address: «0.0.0.0:502", 'found "0.0.0.0:502"; expected the address of one device, not of any or many'],
  ["units: [2, 1]", "units: [2, 1, «2]", "found 2; expected each unit once"],
  ["units: [2, 1]", "units: [2, 1, «256]", "found 256; expected a unit id from 0 to 255"],
  ["units: 3", "units: «01", "found 01; expected a unit id from 0 to 255"],
  ["    units: 3\n", "", "found no units; expected a unit id from 0 to 255"],
  ["aliases: 102", "aliases: «1", "found 1; expected another id than those in units: 1 is a unit itself"],
  ["aliases: 102", "aliases: [102, «255]", "found 255; expected each alias once: 255 stands for unit 1 already"],
  ["- { unit: 2, aliases", "- { unit: «5, aliases", "found 5; expected a unit of this asset, one of: 1, 2"],
  [
    "- { unit: 2, aliases: 102 }",
    "- { unit: 2, «alias: 102, aliases: 102 }",
    'found the unknown key "alias"; expected the key "aliases" (did you mean that?)',
  ],
  ["unit_zero: broadcast", "unit_zero: «master", 'found "master"; expected one of: broadcast, device'],
  ["unit_zero: broadcast", "unit_zero: «device", 'found "device"; expected unit 0 in units or unit_aliases, where it is the device'],
  ["units: 0\n    unit_zero: device", "units: «0", "found unit 0; expected unit_zero: device where 0 is a unit: without it 0 is broadcast"],
  ["addressing: one-based", "addressing: «one", 'found "one"; expected one of: zero-based, one-based, modicon'],
  ["points: points/boiler-1.csv", "points: «points/boiler-2.csv", 'found "points/boiler-2.csv"; expected a file that is there'],
  // upstream
  [
    "outstanding: 4, timeout: 1500ms, connect_delay: 50ms, rate: 200/s, mode: shared }\n    sessions",
    "outstanding: «17, timeout: 1500ms, connect_delay: 50ms, rate: 200/s, mode: shared }\n    sessions",
    "found 17; expected a whole number from 1 to 16",
  ],
  [
    "timeout: 1500ms, connect_delay: 50ms, rate: 200/s, mode: shared }\n  pump",
    "timeout: «2s, connect_delay: 50ms, rate: 200/s, mode: shared }\n  pump",
    'found "2s"; expected the same timeout as boiler-1 (line 22): they share 10.20.0.11:502',
  ],
  [
    "timeout: 1500ms, connect_delay: 50ms, rate: 200/s, mode: shared }\n  pump",
    "timeout: «1500, connect_delay: 50ms, rate: 200/s, mode: shared }\n  pump",
    "found 1500; expected a duration with its unit, such as 250ms, 1s, 15m, 72h or 90d",
  ],
  [
    "timeout: 1500ms, connect_delay: 50ms, rate: 200/s, mode: shared }\n  pump",
    "timeout: «2min, connect_delay: 50ms, rate: 200/s, mode: shared }\n  pump",
    'found "2min"; expected a duration from 10ms to 60s',
  ],
  [
    "rate: 200/s, mode: shared }\n  pump",
    "rate: «200, mode: shared }\n  pump",
    "found 200; expected a count per time, such as 200/s, 6/min or 10/10s",
  ],
  ["sessions_per_identity: 2", "sessions_per_identity: «0", "found 0; expected a whole number from 1 to 64"],
  [
    "quirks: [unit-echo, coil-padding]",
    "quirks: [unit-echo, «coils]",
    'found "coils"; expected one of: coil-padding, unit-echo, trailing-octets',
  ],
  ["quirks: [unit-echo, coil-padding]", "quirks: [unit-echo, coil-padding, «unit-echo]", 'found "unit-echo"; expected each quirk once'],
  ["quirks: [unit-echo, coil-padding]", "quirks: «unit-echo", 'found "unit-echo"; expected a list'],
  ["mode: enforce", "mode: «observe", 'found "observe"; expected enforce (observe and shadow come with later work)'],
  // audit, management, limits
  ["  directory: /var/lib/penstock/audit\n", "", "found no directory; expected the path of the folder of the evidence"],
  ["durable_before: all", "durable_before: «some", 'found "some"; expected one of: writes, all, none'],
  ["retain: 30d", "retain: «30", "found 30; expected a duration with its unit, such as 250ms, 1s, 15m, 72h or 90d"],
  ["retain: 30d", "retain: «30m", 'found "30m"; expected a duration from 1h to 3652d'],
  ["when_full: deny-all", "when_full: «allow", 'found "allow"; expected one of: deny-writes, deny-all'],
  [
    "key: keys/audit.pem",
    "key: «/var/lib/penstock/audit/key.pem",
    'found "/var/lib/penstock/audit/key.pem"; expected a file outside the folder of the evidence',
  ],
  ["max_size: 500MB", "max_size: «500", "found 500; expected a size with its unit, such as 500MB, 2GB or 2GiB"],
  ["max_size: 500MB", "max_size: «500kB", 'found "500kB"; expected a size of at least 1MB'],
  [
    "socket: run/penstock.sock",
    `socket: «/${"x".repeat(107)}`,
    "found a path of 108 octets; expected a path of at most 107 octets (Linux)",
  ],
  [
    "socket: run/penstock.sock",
    "«sockets: run/penstock.sock",
    'found the unknown key "sockets"; expected the key "socket" (did you mean that?)',
  ],
  ["socket: run/penstock.sock", "port: «9443", "found 9443; expected no port without the interface it is meant for"],
  [
    "socket: run/penstock.sock",
    "interface: scada0, port: «8021",
    "found scada0 port 8021; expected a free port: the listener on line 3 has it",
  ],
  ["socket: run/penstock.sock", "interface: mgmt0, tls: «none", 'found "none"; expected mutual: metrics are never served without it'],
  ["idle: 20m", "idle: «5s", 'found "5s"; expected a duration from 10s to 24h'],
];

for (const [piece, instead, said] of FAULTS) {
  load(`one fault, told where it is: ${JSON.stringify(instead.slice(0, 60))} ${said.slice(0, 60)}`, () => {
    const at = SITE_YAML.indexOf(piece);
    assert.ok(at >= 0 && SITE_YAML.indexOf(piece, at + 1) < 0, `${piece} stands once in the sample`);
    const marked = SITE_YAML.replace(piece, () => instead);
    const text = marked.replace("«", "");
    const [line, ...more] = refused(text);
    assert.equal(more, []);
    const mark = marked.indexOf("«");
    if (mark >= 0) {
      const before = marked.slice(0, mark).split("\n");
      assert.is(line, `${FILE}:${before.length}:${(before.at(-1)?.length ?? 0) + 1}: ${said}`);
    } else {
      assert.is(line?.replace(/:\d+:\d+: /, " "), `${FILE} ${said}`);
    }
  });
}

load("what is missing is told at the map that misses it", () => {
  const without = (piece: string) => refused(SITE_YAML.replace(piece, ""))[0]?.split(" ")[0];
  assert.is(without("  certificate: pki/gateway.pem\n"), `${FILE}:12:3:`);
  assert.is(without("asset: boiler-1, "), `${FILE}:3:5:`);
  assert.is(without("    units: 3\n"), `${FILE}:36:5:`);
  assert.is(without("site: boiler-house\n"), `${FILE}:1:1:`);
});

for (const key of ["telemetry", "hardware", "fail", "until", "serial"]) {
  load(`a key of later work is not taken for a slip: ${key}`, () => {
    const [line] = refused(SITE_YAML.replace("    mode: enforce\n", `    mode: enforce\n    ${key}: { a: 1 }\n`));
    assert.match(line ?? "", new RegExp(`^${FILE}:35:5: found the key "${key}"; expected no such key yet: .* comes with later work$`));
  });
}

for (const key of ["hardware", "single_operator"]) {
  load(`a top-level key of later work is not taken for a slip: ${key}`, () => {
    assert.match(
      refused(`${SITE_YAML}${key}: 72h\n`)[0] ?? "",
      /:59:1: found the key "\w+"; expected no such key yet: .* comes with later work$/,
    );
  });
}

load("poll: points by name, or addresses of a table as the asset counts them", () => {
  const polled = (lines: string): string => SITE_YAML.replace("    mode: enforce\n", `    mode: enforce\n    poll:\n${lines}`);
  const asset = loaded().site.assets.get("boiler-1");
  assert.equal(asset?.poll, []);
  const [first] = asset?.model.points ?? [];
  if (asset === undefined || first === undefined) throw new Error("no points");
  const several = asset.model.units.length > 1;
  const { poll } = loaded(
    polled(
      `      - { every: 500ms, points: ${first.name} }\n      - { every: 1m, table: holding, addresses: [1, 2-3], unit: ${asset.model.units[0]} }\n`,
    ),
  ).site.assets.get("boiler-1") as typeof asset;
  assert.equal(poll[0], {
    everyMs: 500,
    line: 36,
    points: [0],
    ranges: [{ unitId: first.unitId, space: first.space, first: first.first, last: first.last }],
  });
  assert.equal(
    poll[1]?.ranges.map((range) => range.last - range.first + 1),
    [1, 2],
  );
  const why = (lines: string): string => refused(polled(`      - ${lines}\n`))[0] ?? "";
  assert.match(why("{ points: [x] }"), /:36:9: found no every; expected a duration/);
  assert.match(why("{ every: 1ms, points: [x] }"), /found "1ms"; expected a duration from 100ms to 24h$/);
  assert.match(why("{ every: 1s }"), /found neither; expected either points, or a table with addresses$/);
  assert.match(why(`{ every: 1s, points: [${first.name}], table: holding }`), /found both; expected either points, or a table/);
  assert.match(why("{ every: 1s, points: [nobody] }"), /found "nobody"; expected the name of a point, one of: /);
  assert.match(why(`{ every: 1s, points: [${first.name}, ${first.name}] }`), /expected each point once$/);
  assert.match(why(`{ every: 1s, points: [${first.name}], unit: 1 }`), /expected no unit beside points/);
  assert.match(
    why("{ every: 1s, table: file, addresses: 4/1, unit: 1 }"),
    /found "file"; expected the name of a table, one of: coil, discrete, input, holding$/,
  );
  assert.match(why("{ every: 1s, table: holding, unit: 1 }"), /found no addresses; expected addresses of holding/);
  assert.match(why("{ every: 1s, table: holding, addresses: [3-1], unit: 1 }"), /a range that does not go backwards, such as 1-3$/);
  assert.match(why("{ every: 1s, table: holding, addresses: 3, unit: 77 }"), /found 77; expected a unit of this asset, one of: /);
  if (several) assert.match(why("{ every: 1s, table: holding, addresses: 3 }"), /found no unit; expected a unit of this asset, one of: /);
});

load("poll: none where the master alone may ask", () => {
  const asset =
    "  feeder: { protocol: dnp3-tcp, address: 10.0.0.9:20000, link: { master: 1, outstation: 10 }, secure_authentication: true,";
  const [line] = refused(SITE_YAML.replace("assets:\n", `assets:\n${asset} poll: [{ every: 1s, table: counter, addresses: 0 }] }\n`));
  assert.match(line ?? "", /expected no poll on an asset with secure_authentication: it has one master$/);
});

const SEND = `telemetry:
  send:
    stream: 7
    to: 10.99.0.2:20700
    from: 10.99.0.1
    interface: line0
    mac: 02:00:00:00:99:02
    keys: keys/line
    signing_key: keys/own.pem
    state: telemetry
    rate: 400/s
    redundancy: { sources: 8, repairs: 2, depth: 4 }
    content: 1200
    carousel: 20
    spool: 4GiB
    keep: 7d
`;

load("telemetry.send: typed, its paths absolute, its defaults as the page has them", () => {
  const send = loaded(`${SITE_YAML}${SEND}`).site.telemetry?.send;
  assert.equal(send, {
    stream: 7,
    to: { host: "10.99.0.2", port: 20700 },
    from: "10.99.0.1",
    interface: "line0",
    mac: "02:00:00:00:99:02",
    keys: path.join(FOLDER, "keys/line"),
    signingKey: path.join(FOLDER, "keys/own.pem"),
    state: path.join(FOLDER, "telemetry"),
    framesPerSecond: 400,
    sources: 8,
    repairs: 2,
    depth: 4,
    content: 1200,
    carouselShare: 0.2,
    spoolOctets: 4 * 1024 ** 3,
    keepMs: 7 * 86_400_000,
  });
  const short = `${SITE_YAML}telemetry: { send: { stream: 0, to: "[fd00::2]:1", from: "fd00::1", keys: k, state: s } }\n`;
  const { interface: device, mac, signingKey, framesPerSecond, sources, repairs, depth } = loaded(short).site.telemetry?.send ?? {};
  assert.equal([device, mac, signingKey, framesPerSecond, sources, repairs, depth], [null, null, null, 400, 20, 4, 8]);
});

/** As FAULTS. */
const SEND_FAULTS: readonly (readonly [piece: string, instead: string, said: string])[] = [
  ["stream: 7", "stream: «4294967296", "found 4294967296; expected a whole number from 0 to 4294967295"],
  ["to: 10.99.0.2:20700", "to: «10.99.0.2", 'found "10.99.0.2"; expected an address and port'],
  ["from: 10.99.0.1", "from: «line0", 'found "line0"; expected an address of this host, such as 10.99.0.1'],
  ["from: 10.99.0.1", "from: «fd00::1", 'found "fd00::1"; expected an address of the same family as the receiver\'s'],
  ["mac: 02:00:00:00:99:02", "mac: «02-00-00-00-99-02", 'found "02-00-00-00-99-02"; expected a hardware address'],
  ["    keys: keys/line\n", "", "found no keys; expected the path of the folder of the stream's keys"],
  ["    state: telemetry\n", "", "found no state; expected the path of the folder of the spool"],
  ["rate: 400/s", "rate: «400", "found 400; expected a count per time"],
  ["rate: 400/s", "rate: «1/min", 'found "1/min"; expected a rate from 1/s to 100000/s'],
  ["rate: 400/s", "rate: «200000/s", 'found "200000/s"; expected '],
  ["content: 1200", "content: «1393", "found 1393; expected a whole number from 256 to 1392"],
  ["carousel: 20", "carousel: «51", "found 51; expected a share from 0 to 50 percent"],
  ["spool: 4GiB", "spool: «4", "found 4; expected a size with its unit"],
  ["keep: 7d", "keep: «1m", 'found "1m"; expected a duration from 1h to 90d'],
  ["sources: 8", "sources: «0", "found 0; expected a whole number from 1 to "],
  ["depth: 4", "depth: «33", "found 33; expected a whole number from 1 to 32"],
  ["signing_key: keys/own.pem", "«signing: keys/own.pem", 'found the unknown key "signing"; expected '],
];

for (const [piece, instead, said] of SEND_FAULTS)
  load(`telemetry.send, one fault, told where it is: ${JSON.stringify(instead)}`, () => {
    const marked = `${SITE_YAML}${SEND.replace(piece, () => instead)}`;
    const [line = "", ...more] = refused(marked.replace("«", ""));
    assert.equal(more, []);
    assert.ok(line.includes(said), line);
    const before = marked.split("«")[0]?.split("\n") ?? [];
    if (instead !== "") assert.ok(line.startsWith(`${FILE}:${before.length}:${(before.at(-1)?.length ?? 0) + 1}: `), line);
  });

load("telemetry: assets whose unnamed addresses are sampled, and when a point is stale", () => {
  assert.is(loaded().site.telemetry, null);
  assert.equal(loaded(`${SITE_YAML}telemetry: {}\n`).site.telemetry, { raw: [], staleMs: 300_000, send: null });
  assert.equal(loaded(`${SITE_YAML}telemetry: { raw: [boiler-1], stale: 90s }\n`).site.telemetry, {
    raw: ["boiler-1"],
    staleMs: 90_000,
    send: null,
  });
  assert.match(refused(`${SITE_YAML}telemetry: { raw: [boiler] }\n`)[0] ?? "", /:59:20: found "boiler"; expected .*boiler-1/);
  assert.match(
    refused(`${SITE_YAML}telemetry: { raw: [boiler-1, boiler-1] }\n`)[0] ?? "",
    /:59:30: found "boiler-1"; expected each asset once$/,
  );
  assert.match(refused(`${SITE_YAML}telemetry: { stale: 10ms }\n`)[0] ?? "", /:59:21: found "10ms"; expected a duration from 1s to 30d$/);
});

load("RULINGS 24: a listener without TLS says whom it serves", () => {
  const [line] = refused(SITE_YAML.replace(', from: [10.10.5.0/24, "fd00:5::/64"]', ""));
  assert.is(line, `${FILE}:4:5: found no from; expected from: the address prefixes a listener without TLS serves, such as [10.10.5.0/24]`);
});

load("RULINGS 24: every listener names its interface", () => {
  const [line] = refused(SITE_YAML.replace("interface: scada0, port: 8021", "port: 8021"));
  assert.is(line, `${FILE}:3:5: found no interface; expected the name of a network interface, such as scada0`);
});

load("a mutual listener needs certificates", () => {
  const text = SITE_YAML.slice(0, SITE_YAML.indexOf("tls:\n")) + SITE_YAML.slice(SITE_YAML.indexOf("assets:\n"));
  assert.equal(refused(text), [
    `${FILE}:3:60: found "mutual"; expected a tls: section with the certificate, key and CAs of a mutual listener`,
    `${FILE}:8:10: found "mutual"; expected a tls: section with the certificate, key and CAs of a mutual listener`,
  ]);
});

load("two listeners of one asset and kind need names of their own", () => {
  const twin = "  - { asset: boiler-1, interface: scada1, port: 8021, tls: mutual }\n";
  const text = SITE_YAML.replace("  - asset: burner-1\n", `${twin}  - asset: burner-1\n`);
  assert.equal(refused(text), [
    `${FILE}:5:5: found a second boiler-1/mutual; expected a name: of its own for this listener: the one on line 3 is called that too`,
  ]);
  assert.equal(refused(text.replace("interface: scada1, port: 8021", "interface: scada1, port: 8021, name: north")), []);
});

load("RULINGS 3: two assets share no unit of one address and port, by no name of it", () => {
  const told = (from: string, to: string) => refused(SITE_YAML.replace(from, to));
  const expected = (unit: number) => [
    `${FILE}:37:14: found "10.20.0.11:502"; expected another address or unit: unit ${unit} at 10.20.0.11:502 is boiler-1 (line 22)`,
  ];
  assert.equal(told("units: 3", "units: 2"), expected(2));
  assert.equal(told("units: 3", "units: 255"), expected(255), "another's alias");
  assert.equal(told("unit_aliases: [30]", "unit_aliases: [1]"), expected(1), "an alias that is another's unit");
  assert.equal(told("unit_aliases: [30]", "unit_aliases: [102]"), expected(102), "an alias that is another's alias");
  assert.equal(
    told("address: 10.20.0.11:502\n    units: 3", "address: 10.20.0.11:503\n    units: 2"),
    [],
    "another port is another device",
  );
});

load("RULINGS 3: one address in two spellings is one device", () => {
  const text = SITE_YAML.replace("address: 10.20.0.11:502\n    units: 3", 'address: "[fd00::0012]:1502"\n    units: 0').replace(
    "unit_aliases: [30]",
    "unit_zero: device",
  );
  assert.ok(
    refused(text).some((line) => line.includes("unit 0 at [fd00::12]:1502 is burner-1 (line 35)")),
    refused(text).join("\n"),
  );
});

load("assets on one device share its settings, also those by default", () => {
  const upstream =
    "    upstream: { connections: 1, outstanding: 4, timeout: 1500ms, connect_delay: 50ms, rate: 200/s, mode: shared }\n  pump-1:";
  assert.equal(refused(SITE_YAML.replace(upstream, "  pump-1:")), [
    `${FILE}:37:14: found another outstanding (by default); expected the same outstanding as boiler-1 (line 22): they share 10.20.0.11:502`,
  ]);
});

load("per_session has no shared connections to count", () => {
  const line = "    points: points/pump-1.csv\n";
  assert.equal(refused(SITE_YAML.replace(line, `${line}    upstream: { connections: 2, mode: per_session }\n`)), [
    `${FILE}:49:30: found 2; expected 1: with mode: per_session each session has a connection of its own`,
  ]);
});

load("RULINGS 17: what a CA may identify has the form of a SPIFFE id or a common name", () => {
  const told = (identity: string) => refused(SITE_YAML.replace('["cn:vendor"]', `[${JSON.stringify(identity)}]`)).length;
  const good = ["spiffe://a.b/c", "spiffe://a/b/*", "spiffe://a-b_c.d/x.y/Z_1", "cn:a", "cn:*", "cn:Müller 3"];
  const bad = [
    "",
    "*",
    "alice",
    "spiffe://",
    "spiffe://A.b/c",
    "spiffe://a",
    "spiffe://a/",
    "spiffe://a/b/",
    "spiffe://a//b",
    "spiffe://a/../b",
    "spiffe://a/b/..",
    "spiffe://a/*/b",
    "spiffe://a/b*",
    "spiffe://a/b?c",
    "spiffe://a:1/b",
    "https://a/b",
    "cn:",
    "cn: a",
    "cn:a*",
    "cn:a@plant",
    `cn:${"x".repeat(65)}`,
  ];
  for (const identity of good) assert.is(told(identity), 0, identity);
  for (const identity of bad) assert.is(told(identity), 1, identity);
});

load("another id of an asset of several units says of which", () => {
  const text = SITE_YAML.replace("units: 3", "units: [3, 4]");
  assert.equal(refused(text), [`${FILE}:39:20: found 30; expected { unit, aliases }: this asset has several units`]);
});

load("problems of a points file name that file as its owner would", () => {
  const files = { ...FILES, "points/boiler-1.csv": BOILER_CSV.replace("holding,41", "holding,0") };
  assert.equal(refused(SITE_YAML, files), [
    'plants/boiler/points/boiler-1.csv:2:25: found address "0"; expected a holding address from 1 to 65536 (one-based)',
  ]);
});

const THROWN = [
  ["ENOENT", "a file that is there"],
  ["EACCES", "a file this user may read"],
  ["EISDIR", "a file, not a folder"],
  ["ENOTDIR", "a path through folders"],
  ["ERR_ENCODING_INVALID_ENCODED_DATA", "a text file in UTF-8"],
  ["EIO", "a file that can be read (EIO)"],
] as const;

for (const [code, expected] of THROWN) {
  load(`a points file that cannot be read (${code}) is a problem at points:`, () => {
    const read = (): never => {
      throw Object.assign(new Error("secret detail"), { code });
    };
    const result = loadSite({ file: FILE, text: SITE_YAML }, read, VOCABULARIES);
    assert.equal(!result.ok && result.error.map(sayProblem), [
      `${FILE}:31:13: found "points/boiler-1.csv"; expected ${expected}`,
      `${FILE}:48:13: found "points/pump-1.csv"; expected ${expected}`,
    ]);
  });
}

load("an error without a code is a fault of ours and not hidden", () => {
  const read = (): never => {
    throw new TypeError("bug");
  };
  assert.throws(() => loadSite({ file: FILE, text: SITE_YAML }, read, VOCABULARIES), /bug/);
});

load("a build without the protocol says so", () => {
  const result = loadSite({ file: FILE, text: SITE_YAML }, reader(FILES), new Map());
  assert.match((!result.ok && result.error.map(sayProblem)[0]) || "", /:23:15: found "modbus-tcp"; expected a protocol of this build/);
});

load("a points file by an absolute path is named so", () => {
  const text = SITE_YAML.replace("points/boiler-1.csv", path.join(FOLDER, "points/boiler-1.csv"));
  assert.equal(refused(text, { ...FILES, "points/boiler-1.csv": BOILER_CSV.replace("41", "0") }), [
    `${FOLDER}/points/boiler-1.csv:2:25: found address "0"; expected a holding address from 1 to 65536 (one-based)`,
  ]);
});

load("a site without an asset guards nothing", () => {
  const text = `${SITE_YAML.slice(0, SITE_YAML.indexOf("  boiler-1:"))}${SITE_YAML.slice(SITE_YAML.indexOf("audit:"))}`.replace(
    "assets:\n",
    "assets: {}\n",
  );
  assert.match(refused(text).at(-1) ?? "", /^plants\/boiler\/site\.yaml:21:9: found a map; expected at least one asset$/);
});

load("metrics over the network: port 9443 unless stated, never without certificates", () => {
  const stated = (management: string) => SITE_YAML.replace("socket: run/penstock.sock", management);
  assert.equal(loaded(stated("interface: mgmt0")).site.management, {
    socket: "/run/penstock/penstock.sock",
    web: { interface: "mgmt0", port: 9443, line: 57 },
  });
  assert.is(loaded(stated("interface: mgmt0, port: 0, tls: mutual")).site.management.web?.port, 0);
  const text = `site: s
listeners: [{ asset: a, interface: lo, port: 0, tls: none, from: [127.0.0.1] }]
assets: { a: { protocol: modbus-tcp, address: "127.0.0.1:502", units: 1, addressing: zero-based } }
audit: { directory: audit }
management: { interface: mgmt0 }
`;
  assert.equal(refused(text), [`${FILE}:5:26: found "mgmt0"; expected no interface in a site without a tls section`]);
});

load("all problems are told together, those of the site file first", () => {
  const text = SITE_YAML.replace("units: [2, 1]", "units: [2, 1, 2]")
    .replace("name: vendor", "name: plant")
    .replace("port: 5021", "port: 8021");
  assert.equal(
    refused(text, { ...FILES, "points/pump-1.csv": PUMP_CSV.replace("30001", "3") }).map((line) => line.split(" ")[0]),
    [`${FILE}:4:49:`, `${FILE}:19:15:`, `${FILE}:25:19:`, "plants/boiler/points/pump-1.csv:2:15:"],
  );
});

load("a DNP3 asset: what it needs, what it has not, and its ports", () => {
  const dnp3 = (asset: string, listener = "") =>
    SITE_YAML.replace("listeners:\n", `listeners:\n  - { asset: feeder, interface: scada0, tls: mutual${listener} }\n`).replace(
      "assets:\n",
      `assets:\n  feeder: { protocol: dnp3-tcp, address: 10.20.0.17:20000${asset} }\n`,
    );
  const loaded = (text: string) => {
    const site = loadSite({ file: FILE, text }, reader(FILES), new Map([...VOCABULARIES, ["dnp3-tcp", { spaces: [] }]]));
    if (!site.ok) return site.error.map(({ found, expected }) => `${found}; ${expected}`);
    return site.value.site;
  };
  const good = loaded(dnp3(", link: { master: 1, outstation: 10 }, event_owner: 'spiffe://plant.example/scada/main'"));
  if (Array.isArray(good)) throw new Error(good.join("\n"));
  const { assets, listeners } = good as LoadedSite["site"];
  const feeder = assets.get("feeder");
  assert.equal(
    [feeder?.link, feeder?.eventOwner, feeder?.model.units],
    [{ master: 1, outstation: 10 }, "spiffe://plant.example/scada/main", [10]],
  );
  assert.is(listeners[0]?.port, 19999, "by custom, within TLS");
  const faults: readonly (readonly [string, string])[] = [
    ["", "no link; link: { master: 1, outstation: 10 }, the link addresses"],
    [", link: { master: 10, outstation: 10 }", "10; another address than the master's"],
    [", link: { master: 1, outstation: 65520 }", "65520; a link address from 0 to 65519"],
    [", link: { master: 1, outstation: 10 }, units: 3", "3; no units on an asset that speaks dnp3-tcp"],
    [", link: { master: 1, outstation: 10 }, addressing: modicon", '"modicon"; zero-based or one-based: DNP3 has no modicon numbers'],
    [
      ", link: { master: 1, outstation: 10 }, upstream: { outstanding: 2 }",
      "2; 1: an outstation has one master, and answers one request at a time",
    ],
    [
      ", link: { master: 1, outstation: 10 }, event_owner: 'spiffe://plant.example/scada/*'",
      '"spiffe://plant.example/scada/*"; one identity, without a wildcard, such as spiffe://plant.example/scada/main or cn:scada@plant',
    ],
  ];
  for (const [asset, said] of faults) assert.equal(loaded(dnp3(asset, ", port: 0")), [said], asset);
  const link = ", link: { master: 1, outstation: 10 }";
  for (const [asset, key] of [
    [", unit_zero: device", "unit_zero"],
    [", unit_aliases: [{ unit: 3, aliases: [4] }]", "unit_aliases"],
  ] as const) {
    const [said, ...more] = loaded(dnp3(`${link}${asset}`, ", port: 0")) as string[];
    assert.ok(said?.endsWith(`; no ${key} on an asset that speaks dnp3-tcp`), said);
    assert.equal(more, [], "what is not there is no ground for more");
  }
  const mislabelled = dnp3(link, ", port: 0").replace("feeder: { protocol: dnp3-tcp", "feeder: { protocol: modbus-tcp");
  assert.equal(
    (loaded(mislabelled) as string[]).map((line) => line.split("; ")[1]),
    ["no link on an asset that speaks modbus-tcp"],
  );
});

load.run();
