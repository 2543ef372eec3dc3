/** receive.yaml: what is sound is typed; each slip is told where it is, what was found, what would be right. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { loadReceive, receiveJsonSchema } from "#config/receive";
import { sayProblem } from "#documents/problems";

const receive = suite("config/receive");
const FILE = "plants/far/receive.yaml";
const SAMPLE = `receiver: far
listen: 10.99.0.2:20700
interface: line0
buffer: 16MiB
state: state
silent: 15s
streams:
  - { stream: 7, keys: keys/7, checkpoint_key: keys/7.pem }
  - { stream: 8, keys: /etc/penstock/8 }
sinks:
  mqtt:
    - { name: broker, servers: ["mqtts://a.example:8883"], tls: { ca: ca.pem, certificate: c.pem, key: c.key }, user: far, password_file: secret }
  sparkplug:
    - { name: plant, servers: ["mqtt://b.example:1883"], group: north, version: 3.1.1 }
  line_file: [{ name: lines, file: lines, size: 10MB }]
  line_http:
    - { name: influx, url: "https://influx.example:8086", org: o, bucket: b, token_file: token }
    - { name: old, url: "http://old.example:8086", db: d, queue: 2GiB, when_full: refuse }
  postgres:
    - { name: sql, host: db.example, database: d, user: u, create_table: true }
`;

function refused(text: string): readonly string[] {
  const result = loadReceive({ file: FILE, text });
  return result.ok ? [] : result.error.map(sayProblem);
}

receive("a sound document is typed, its defaults filled in, its paths taken from its own folder", () => {
  const result = loadReceive({ file: FILE, text: SAMPLE });
  if (!result.ok) throw new Error(result.error.map(sayProblem).join("\n"));
  const { document, path: at } = result.value;
  assert.equal(document.listen, { host: "10.99.0.2", port: 20700 });
  assert.equal([document.receiver, document.buffer, document.silent], ["far", 16 * 1024 ** 2, 15_000]);
  assert.equal(document.streams[0], { stream: 7, keys: "keys/7", checkpoint_key: "keys/7.pem" });
  assert.is(document.sinks.mqtt[0]?.root, "penstock");
  assert.is(document.sinks.mqtt[0]?.version, "5");
  assert.is(document.sinks.mqtt[0]?.when_full, "drop-oldest");
  assert.is(document.sinks.postgres[0]?.port, 5432);
  assert.equal([document.sinks.line_http[1]?.queue, document.sinks.line_http[1]?.when_full], [2 * 1024 ** 3, "refuse"]);
  assert.is(at("keys/7"), path.resolve("plants/far/keys/7"));
  assert.is(at("/etc/penstock/8"), "/etc/penstock/8");
});

receive("the shortest one there is", () => {
  const result = loadReceive({ file: FILE, text: "receiver: a\nlisten: 127.0.0.1:1\nstate: s\nstreams: [{ stream: 0, keys: k }]\n" });
  assert.ok(result.ok);
  if (!result.ok) return;
  const { buffer, silent, sinks } = result.value.document;
  assert.equal([buffer, silent], [8 * 1024 ** 2, 10_000]);
  assert.ok(Object.values(sinks).every((list) => list.length === 0));
});

/** A piece of the sample; what stands there instead, the place marked; what is said. */
const SLIPS: readonly (readonly [piece: string, instead: string, said: string])[] = [
  ["receiver: far", "receiver: «Far End", 'found "Far End"; expected a name of 1 to 64 letters, digits, _ . -'],
  ["buffer: 16MiB", "«bufer: 16MiB", 'found the unknown key "bufer"; expected the key "buffer" (did you mean that?)'],
  ["listen: 10.99.0.2:20700", "listen: «10.99.0.2", 'found "10.99.0.2"; expected '],
  ["listen: 10.99.0.2:20700", "listen: «10.99.0.2:70000", 'found "10.99.0.2:70000"; expected '],
  ["interface: line0", "interface: «line 0", 'found "line 0"; expected the name of a network interface'],
  ["buffer: 16MiB", "buffer: «16", "found 16; expected "],
  ["state: state", 'state: «""', 'found ""; expected the path of the folder of all that must outlast a restart'],
  ["silent: 15s", "silent: «1s", 'found "1s"; expected a duration from 2s to 1h'],
  ["silent: 15s", "silent: «15", "found 15; expected a duration"],
  ["stream: 7,", "stream: «-1,", "found -1; expected a whole number from 0 to 4294967295"],
  ["stream: 8,", "stream: «7,", "found 7; expected each stream once"],
  ["{ stream: 8, keys: /etc/penstock/8 }", "«{ stream: 8 }", "found no keys; expected "],
  ["stream: 8, keys:", "stream: 8, «key: a, keys:", 'found the unknown key "key"; expected '],
  ["name: lines,", "name: «broker,", 'found "broker"; expected a name that no other sink has'],
  ["name: plant,", "name: «plant north,", 'found "plant north"; expected a name of 1 to 64 letters'],
  [
    'servers: ["mqtts://a.example:8883"]',
    'servers: [«"tcp://a.example:8883"]',
    'found "tcp://a.example:8883"; expected a broker such as mqtts://',
  ],
  ['servers: ["mqtts://a.example:8883"]', 'servers: [«"mqtts://u:p@a.example"]', "expected a broker such as mqtts://"],
  ['servers: ["mqtts://a.example:8883"]', "servers: «[]", "expected "],
  [
    'servers: ["mqtts://a.example:8883"]',
    'servers: «["mqtts://a.example:8883", "mqtt://b.example:1883"]',
    "expected all of them mqtts, or none",
  ],
  [" tls: { ca: ca.pem, certificate: c.pem, key: c.key },", "", "expected tls: { ca: ... } with mqtts://, and only then"],
  ["group: north,", "group: north, tls: «{ ca: ca.pem },", "expected tls: { ca: ... } with mqtts://, and only then"],
  ["group: north,", "group: «a/b,", 'found "a/b"; expected a group id without + # /'],
  ["version: 3.1.1", "version: «4", "found 4; expected one of: 3.1.1, 5"],
  [
    "tls: { ca: ca.pem, certificate: c.pem, key: c.key }",
    "tls: «{ ca: ca.pem, key: c.key }",
    "expected certificate and key together, or neither",
  ],
  ["create_table: true", "tls: «{ certificate: c.pem }", "expected certificate and key together, or neither"],
  ['servers: ["mqtt://b.example:1883"]', 'servers: [«"mqtt://b.example:99999"]', "expected a broker such as mqtts://"],
  ["user: far,", 'root: «"plant/",', 'found "plant/"; expected the first levels of every topic'],
  ["user: far,", 'root: «"/plant",', 'found "/plant"; expected the first levels of every topic'],
  ["interface: line0", 'interface: «".."', 'found ".."; expected the name of a network interface'],
  ['url: "https://influx.example:8086"', 'url: «"https://u:p@influx.example"', "expected the server, such as https://"],
  ['url: "https://influx.example:8086"', 'url: «"https://influx.example:99999"', "expected the server, such as https://"],
  ["db: d, queue: 2GiB,", "db: d, tls: «{ ca: ca.pem },", "expected tls: with https://, and only then"],
  ["user: far,", "root: «plant/+,", 'found "plant/+"; expected the first levels of every topic'],
  ["size: 10MB", "size: «10 potatoes", 'found "10 potatoes"; expected '],
  ['url: "https://influx.example:8086"', 'url: «"influx.example"', 'found "influx.example"; expected the server, such as https://'],
  ["org: o, bucket: b, ", "org: o, ", "expected org and bucket (InfluxDB 2 and later), or db"],
  ["db: d,", "db: d, bucket: b,", "expected org and bucket (InfluxDB 2 and later), or db"],
  ["db: d,", "db: d, org: o, bucket: b,", "expected org and bucket (InfluxDB 2 and later), or db"],
  ["when_full: refuse", "when_full: «stop", 'found "stop"; expected one of: drop-oldest, refuse'],
  ["create_table: true", "create_table: «1", "found 1; expected "],
  ["host: db.example,", "host: db.example, port: «0,", "found 0; expected a whole number from 1 to 65535"],
  ["  sparkplug:", "  «sparkplugs:", 'found the unknown key "sparkplugs"; expected the key "sparkplug"'],
];

for (const [piece, instead, said] of SLIPS)
  receive(`one slip, told where it is: ${JSON.stringify(instead.slice(0, 60))} ${said.slice(0, 60)}`, () => {
    assert.is(SAMPLE.split(piece).length, 2, `${piece} stands once in the sample`);
    const marked = SAMPLE.replace(piece, () => instead);
    const [line = "", ...more] = refused(marked.replace("«", ""));
    assert.equal(more, []);
    assert.ok(line.includes(said), line);
    assert.match(line, /^plants\/far\/receive\.yaml:\d+:\d+: found \S.*; expected \S/);
    const at = marked.indexOf("«");
    const before = marked.slice(0, at).split("\n");
    if (at >= 0) assert.ok(line.startsWith(`${FILE}:${before.length}:${(before.at(-1)?.length ?? 0) + 1}: `), line);
  });

receive("several slips are told at once, in the order of the document", () => {
  const lines = refused(SAMPLE.replace("silent: 15s", "silent: soon").replace("stream: 8", "stream: eight").replace("port", "prt"));
  assert.equal(
    lines.map((line) => line.split(":")[1]),
    ["6", "9"],
  );
});

receive("policies/schema/receive.schema.json is what the loader checks (make schemas writes it)", () => {
  const written = readFileSync(path.resolve(import.meta.dirname, "../../policies/schema/receive.schema.json"), "utf8");
  assert.ok(written === `${JSON.stringify(receiveJsonSchema(), null, 2)}\n`, "stale: run make schemas");
});

interface Json {
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Json>>;
  readonly items?: Json;
}

receive("every key that holds a value is described for whoever writes it", () => {
  const bare: string[] = [];
  const walk = ({ properties = {} }: Json, at: string): void => {
    for (const [key, inner] of Object.entries(properties)) {
      if (inner.description === undefined && inner.properties === undefined && inner.items?.properties === undefined)
        bare.push(`${at}/${key}`);
      walk(inner, `${at}/${key}`);
      if (inner.items !== undefined) walk(inner.items, `${at}/${key}[]`);
    }
  };
  walk(receiveJsonSchema() as Json, "");
  assert.equal(bare, []);
});

receive.run();
