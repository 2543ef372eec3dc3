/** A site file beside sound points files: refused with places, or a site that contradicts itself nowhere, judged here apart from the loader. */
import path from "node:path";
import { loadSite } from "#config/load";
import type { AssetSite, ListenerSite, Site } from "#config/site";
import { VOCABULARIES } from "#gateway/documents";
import { BOILER_CSV, PUMP_CSV, SITE_YAML } from "../../config/sample.ts";
import { accepted, dictionaryOf, must, octetsOf, refused, type Target, textOf } from "../target.ts";
import { EXAMPLES, mustBePlaced } from "./documents.ts";

/** By base name; the samples' own boiler is another one than the example's. */
const POINTS: ReadonlyMap<string, string> = new Map([
  ...EXAMPLES.flatMap(({ points }) => [...points]),
  ["boiler-house.csv", EXAMPLES[0]?.points.get("boiler-1.csv") ?? ""],
  ["boiler-1.csv", BOILER_CSV],
  ["pump-1.csv", PUMP_CSV],
]);
const FILE = "/plant/site.yaml";

/** Two assets behind one address, every unit id one step from another's. */
const NEIGHBOURS = `site: s
listeners: [{ asset: a, interface: lo, port: 1, tls: none, from: 10.0.0.0/8 }, { asset: b, interface: lo, port: 2, tls: none, from: 10.0.0.0/8 }]
assets:
  a: { protocol: modbus-tcp, address: "10.0.0.1:502", units: [1, 3], unit_aliases: [{ unit: 1, aliases: 5 }], addressing: zero-based }
  b: { protocol: modbus-tcp, address: "10.0.0.1:502", units: [2], unit_aliases: [4, 6], addressing: zero-based }
audit: { directory: audit }
`;

export const siteDocument: Target = {
  name: "siteDocument",
  limitMs: 100,
  inputs: null,
  most: 6_000,
  text: true,
  dictionary: dictionaryOf([
    ...[
      "0",
      "-1",
      "255",
      "256",
      "65536",
      "0x10",
      "null",
      "true",
      "[]",
      "{}",
      '""',
      "*",
      "[1, 1]",
      "[0]",
      "units: [0]",
      "unit_zero: device",
    ],
    ...[
      "tls: none",
      "tls: mutual",
      "from: []",
      "port: 802",
      "[::1]:502",
      "10.20.0.11:502",
      "points: points/fan.csv",
      "points: /",
      "..",
      "1h",
      "0ms",
    ],
    ...[
      "mode: per_session",
      "connections: 16",
      "addressing: modicon",
      "unit_aliases: [2]",
      "name: x",
      "cn:*",
      "spiffe://a/*",
      "observe",
      "socket: /",
    ],
  ]),
  corpus: () =>
    [NEIGHBOURS, SITE_YAML, ...EXAMPLES.map(({ siteText }) => siteText.replace("points/boiler-1.csv", "points/boiler-house.csv"))].map(
      octetsOf,
    ),
  run(input) {
    const text = textOf(input);
    const read = loadSite({ file: FILE, text }, pointsText, VOCABULARIES);
    if (!read.ok) return refused(mustBePlaced(read.error, (file) => (file === FILE ? text : POINTS.get(path.basename(file)))));
    const { site, files } = read.value;
    must(files[0]?.path === FILE && files[0].text === text, "the site file itself is not among the files that were read");
    for (const each of files) must(path.isAbsolute(each.path), `${each.path} is not absolute`);
    mustOwnItsUnits(site);
    for (const asset of site.assets.values()) mustBeWhole(asset);
    mustHaveItsDoor(site);
    for (const listener of site.listeners) mustServeKnown(site, listener);
    const { audit, management } = site;
    must(path.isAbsolute(audit.directory) && !audit.key.startsWith(`${audit.directory}/`), `key ${audit.key} lies in ${audit.directory}`);
    must(Buffer.byteLength(management.socket) <= 107, "a socket path longer than a socket's");
    must(management.web === null || site.tls !== null, "metrics without TLS");
    return accepted(
      `${site.assets.size} assets, ${site.listeners.length} listeners, tls ${site.tls !== null}, web ${management.web !== null}`,
    );
  },
};

function pointsText(file: string): string {
  const text = POINTS.get(path.basename(file));
  if (text === undefined) throw Object.assign(new Error(`no ${file}`), { code: "ENOENT" });
  return text;
}

/** RULINGS 3: behind one address and port each unit id has one owner. */
function mustOwnItsUnits(site: Site): void {
  const owners = new Map<string, string>();
  for (const { name, host, port, model } of site.assets.values())
    for (const unit of [...model.units, ...model.unitAliases.keys()]) {
      const place = `${host} ${port} ${unit}`;
      must(!owners.has(place), `${owners.get(place)} and ${name} both own unit ${unit} at ${host} port ${port}`);
      owners.set(place, name);
    }
}

function mustBeWhole({ name, model, upstream }: AssetSite): void {
  const { units, unitAliases, unitZero, points } = model;
  must(units.length > 0 && units.every((unit, i) => i === 0 || unit > (units[i - 1] as number)), `${name}: units ${units.join(",")}`);
  for (const [alias, unit] of unitAliases) must(units.includes(unit) && !units.includes(alias), `${name}: ${alias} stands for ${unit}`);
  must((units.includes(0) || unitAliases.has(0)) === (unitZero === "device"), `${name}: unit 0 is ${unitZero}`);
  must(
    points.every(({ unitId, index }, i) => units.includes(unitId) && index === i),
    `${name}: a point of no unit`,
  );
  must(upstream.mode === "shared" || upstream.connections === 1, `${name}: ${upstream.connections} connections for each session`);
}

function mustHaveItsDoor(site: Site): void {
  must(new Set(site.listeners.map(({ name }) => name)).size === site.listeners.length, "two listeners of one name");
  const fixed = [...site.listeners, ...(site.management.web === null ? [] : [site.management.web])].filter(({ port }) => port !== 0);
  must(new Set(fixed.map((each) => `${each.interface} ${each.port}`)).size === fixed.length, "two listeners at one door");
}

/** RULINGS 24: without TLS a listener says whom it serves. */
function mustServeKnown(site: Site, { asset, tls, from, name }: ListenerSite): void {
  must(site.assets.has(asset), `${name} serves ${asset}, which is not there`);
  must(tls === "mutual" ? site.tls !== null : from.length > 0, `${name}: tls ${tls} for anybody`);
}
