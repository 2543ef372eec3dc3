/** receive.yaml: refused with places, or a document that contradicts itself nowhere. */
import path from "node:path";
import { loadReceive } from "#config/receive";
import { accepted, dictionaryOf, must, octetsOf, refused, type Target, textOf } from "../target.ts";
import { mustBePlaced } from "./documents.ts";

const FILE = "/far/receive.yaml";
const SOUND = [
  `receiver: far
listen: 10.99.0.2:20700
interface: line0
buffer: 16MiB
state: state
silent: 15s
streams: [{ stream: 7, keys: keys/7, checkpoint_key: keys/7.pem }, { stream: 8, keys: /etc/penstock/8 }]
sinks:
  mqtt: [{ name: broker, servers: ["mqtts://a.example:8883"], tls: { ca: ca.pem }, user: far, password_file: secret }]
  sparkplug: [{ name: plant, servers: ["mqtt://b.example:1883"], group: north, version: 3.1.1 }]
`,
  `receiver: far
listen: "[::1]:20700"
state: s
streams: [{ stream: 0, keys: k }]
sinks:
  line_file: [{ name: lines, file: lines, size: 10MB }]
  line_http: [{ name: influx, url: "https://i.example", org: o, bucket: b }, { name: old, url: "http://o.example", db: d, queue: 2GiB, when_full: refuse }]
  postgres: [{ name: sql, host: db, database: d, user: u, tls: { ca: ca.pem } }]
`,
];

export const receiveDocument: Target = {
  name: "receiveDocument",
  limitMs: 100,
  inputs: null,
  most: 6_000,
  text: true,
  dictionary: dictionaryOf([
    ...["mqtts://a:1", "mqtt://a:1", "tls: { ca: a }", "servers: []", "version: 5", "when_full: drop-oldest", "queue: 1GiB", "silent: 2s"],
    ...["db: d", "org: o", "bucket: b", "group: a/b", "root: +", "stream: 7", "name: lines", "[]", "{}", "null", "0", '""', "-1"],
  ]),
  corpus: () => SOUND.map(octetsOf),
  run(input) {
    const text = textOf(input);
    const loaded = loadReceive({ file: FILE, text });
    if (!loaded.ok) return refused(mustBePlaced(loaded.error, (file) => (file === FILE ? text : undefined)));
    const { document, path: at } = loaded.value;
    must(path.isAbsolute(at(document.state)), "a state that is nowhere");
    const { mqtt, sparkplug, line_http: http, ...rest } = document.sinks;
    const names = [...mqtt, ...sparkplug, ...http, ...Object.values(rest).flat()].map(({ name }) => name);
    must(new Set(names).size === names.length, "two sinks of one name, and of one queue");
    must(new Set(document.streams.map(({ stream }) => stream)).size === document.streams.length, "a stream twice");
    must(document.silent >= 2_000 && document.silent <= 3_600_000, `silent ${document.silent}`);
    for (const { servers, tls } of [...mqtt, ...sparkplug])
      must(
        servers.length > 0 && servers.every((server) => server.startsWith("mqtts:") === (tls !== undefined)),
        "a broker whose secrecy is not what its tls says",
      );
    for (const { org, bucket, db } of http)
      must(
        (db === undefined) === (org !== undefined) && (org === undefined) === (bucket === undefined),
        "neither one server nor the other",
      );
    return accepted(`${names.length} sinks, ${document.streams.length} streams, ${document.interface !== undefined}`);
  },
};
