/**
 * receive.yaml: what the far end of one-way lines receives, and where it goes (`policies/schema/receive.schema.json`). Names of files are taken
 * from the document's folder.
 */
import path from "node:path";
import type { Problem } from "#documents/problems";
import { DURATION_IS, durationWithin, HOST_PORT_IS, type HostPort, readHostPort, readSize, SIZE_IS } from "#documents/quantities";
import { checkShape, flag, integer, jsonSchemaOf, keys, listOf, matching, name, oneOf, parsed, text, type Value } from "#documents/shape";
import { readYaml, type YamlDocument } from "#documents/yaml";
import { err, ok, type Result } from "#wire";
import { INTERFACE } from "./schema.ts";

const file = (what: string) => text(`the path of ${what}`, { max: 4096 }).meta({ description: `path of ${what}, from this file's folder` });
const size = () => parsed(SIZE_IS, readSize);

const STREAM = keys({
  stream: integer(0, 0xffff_ffff).meta({ description: "number of the stream, as the sender's site has it" }),
  keys: file("the folder of the stream's keys"),
  checkpoint_key: file("the public half of the sender's own key (PEM)").optional(),
});

const QUEUE = {
  name: name().meta({ description: "name of the sink, and of its queue's folder" }),
  queue: size().optional().meta({ description: "disk that what waits for it may take; 1GiB unless stated" }),
  when_full: oneOf(["drop-oldest", "refuse"]).default("drop-oldest").meta({
    description: "what happens when that is full: the oldest goes, or nothing more is taken, for any sink",
  }),
};

const CA = file("the authority of the server's certificate (PEM)");
const OURS = {
  certificate: file("our certificate (PEM)").optional(),
  key: file("its private key (PEM, mode 0600)").optional(),
};
/** Without `ca` the authorities of this machine's Node are believed. */
const TLS = keys({ ca: CA.optional(), ...OURS });

const BROKER_IS = "a broker such as mqtts://broker.example:8883";
const SERVER_IS = "the server, such as https://influx.example:8086";

const BROKER = {
  ...QUEUE,
  servers: listOf(matching(/^mqtts?:\/\/[^\s/@]+$/, BROKER_IS), { min: 1, max: 8 }).meta({
    description: "brokers, gone to in turn, one at a time",
  }),
  version: oneOf(["3.1.1", "5"]).default("5").meta({ description: "of MQTT" }),
  user: text().optional().meta({ description: "whom the broker knows us as" }),
  password_file: file("the file with the password (mode 0600)").optional(),
  tls: keys({ ca: CA, ...OURS }).optional(),
};

const MQTT = keys({
  ...BROKER,
  root: matching(/^(?!\/)[^+#\s\p{C}]{1,200}(?<!\/)$/u, "the first levels of every topic, such as plant/north")
    .default("penstock")
    .meta({ description: "the first level of every topic" }),
});
const SPARKPLUG = keys({
  ...BROKER,
  group: matching(/^[^+#/\s\p{C}]{1,100}$/u, "a group id without + # /").meta({ description: "Sparkplug's group id" }),
  primary_host: matching(/^[^+#/\s\p{C}]{1,100}$/u, "a host id without + # /")
    .optional()
    .meta({ description: "host application without which nothing is published" }),
});
const LINE_FILE = keys({
  ...QUEUE,
  file: file("the file that lines are appended to"),
  measurement: text().optional().meta({ description: "name of the measurement; as the sink has it unless stated" }),
  size: size().optional().meta({ description: "from which on the file is set aside and another begun" }),
});
const LINE_HTTP = keys({
  ...QUEUE,
  url: matching(/^https?:\/\/[^\s@]+$/, SERVER_IS).meta({ description: "the server" }),
  org: text().optional().meta({ description: "organisation (InfluxDB 2 and later)" }),
  bucket: text().optional().meta({ description: "bucket of it" }),
  db: text().optional().meta({ description: "database (InfluxDB 1, VictoriaMetrics and others)" }),
  token_file: file("the file with the token (mode 0600)").optional(),
  tls: TLS.optional(),
  measurement: text().optional().meta({ description: "name of the measurement; as the sink has it unless stated" }),
});
const POSTGRES = keys({
  ...QUEUE,
  host: text("a host, or the folder of a local socket").meta({ description: "host, or the folder of a local socket" }),
  port: integer(1, 65535).default(5432).meta({ description: "port of the server" }),
  database: text().meta({ description: "name of the database" }),
  user: text().meta({ description: "role that may insert" }),
  password_file: file("the file with the password (mode 0600)").optional(),
  tls: keys({
    ca: CA.optional(),
    server_name: text().optional().meta({ description: "name in its certificate, where it is not the host's" }),
    ...OURS,
  }).optional(),
  create_table: flag().default(false).meta({ description: "make the table where there is none" }),
});

export const RECEIVE = keys({
  receiver: name().meta({ description: "name of this receiver" }),
  listen: parsed(HOST_PORT_IS, readHostPort).meta({ description: "address and port that frames come to" }),
  interface: INTERFACE.optional().meta({ description: "interface that frames come in by, and nothing else" }),
  buffer: size()
    .default(8 * 1024 ** 2)
    .meta({ description: "octets of the kernel's buffer: what comes while this process is not running" }),
  state: file("the folder of all that must outlast a restart"),
  silent: parsed(DURATION_IS, durationWithin("2s", "1h"))
    .default(10_000)
    .meta({ description: "without a frame for so long people are told" }),
  streams: listOf(STREAM, { min: 1, max: 64 }),
  page: parsed(HOST_PORT_IS, readHostPort).optional().meta({ description: "address and port of the page; there is none unless stated" }),
  page_open: flag().default(false).meta({ description: "the page may be at an address that others reach: whoever does may read it" }),
  sinks: keys({
    mqtt: listOf(MQTT, { max: 16 }).default([]),
    sparkplug: listOf(SPARKPLUG, { max: 16 }).default([]),
    line_file: listOf(LINE_FILE, { max: 16 }).default([]),
    line_http: listOf(LINE_HTTP, { max: 16 }).default([]),
    postgres: listOf(POSTGRES, { max: 16 }).default([]),
  }).default({ mqtt: [], sparkplug: [], line_file: [], line_http: [], postgres: [] }),
});

export type ReceiveDocument = Value<typeof RECEIVE>;

/** For editors: JSON Schema 2020-12 of receive.yaml. */
export function receiveJsonSchema(): Readonly<Record<string, unknown>> {
  return jsonSchemaOf(RECEIVE, "Penstock receive.yaml");
}

export interface ReceiveSite {
  readonly document: ReceiveDocument;
  /** A path of the document, absolute. */
  path(file: string): string;
}

/** @returns the document, or every problem found in it */
export function loadReceive(source: { readonly file: string; readonly text: string }): Result<ReceiveSite, readonly Problem[]> {
  const read = readYaml(source.file, source.text);
  if (!read.ok) return read;
  const checked = checkShape(read.value, RECEIVE);
  if (!checked.ok) return checked;
  const problems = problemsOf(read.value, checked.value);
  if (problems.length > 0) return err(problems);
  const folder = path.dirname(path.resolve(source.file));
  return ok({ document: checked.value, path: (each) => path.resolve(folder, each) });
}

/** @returns what was expected of the page's address; null: it may be there */
export function pageProblem({ host }: HostPort, isOpen: boolean): string | null {
  return isOpen || isLoopback(host) ? null : "an address of loopback such as 127.0.0.1:8090, or page_open: true beside it";
}

export function isLoopback(host: string): boolean {
  return host === "::1" || /^127(?:\.\d{1,3}){3}$/.test(host);
}

function problemsOf(document: YamlDocument, { streams, sinks, page, page_open: isOpen }: ReceiveDocument): Problem[] {
  const problems: Problem[] = [];
  const wrong = page === undefined ? null : pageProblem(page, isOpen);
  if (wrong !== null) problems.push(document.problem(["page"], wrong));
  const numbers = new Set<number>();
  streams.forEach(({ stream }, i) => {
    if (numbers.has(stream)) problems.push(document.problem(["streams", i, "stream"], "each stream once"));
    numbers.add(stream);
  });
  const names = new Set<string>();
  for (const [kind, list] of Object.entries(sinks))
    list.forEach((sink, i) => {
      if (names.has(sink.name)) problems.push(document.problem(["sinks", kind, i, "name"], "a name that no other sink has"));
      names.add(sink.name);
      const { certificate, key } = ("tls" in sink ? sink.tls : undefined) ?? {};
      if ((certificate === undefined) !== (key === undefined))
        problems.push(document.problem(["sinks", kind, i, "tls"], "certificate and key together, or neither"));
    });
  for (const kind of ["mqtt", "sparkplug"] as const)
    sinks[kind].forEach(({ servers, tls }, i) => {
      servers.forEach((server, n) => {
        if (!URL.canParse(server)) problems.push(document.problem(["sinks", kind, i, "servers", n], BROKER_IS));
      });
      const secure = servers.filter((server) => server.startsWith("mqtts:")).length;
      if (secure > 0 && secure < servers.length)
        problems.push(document.problem(["sinks", kind, i, "servers"], "all of them mqtts, or none"));
      else if (secure > 0 !== (tls !== undefined))
        problems.push(
          document.problem(["sinks", kind, i, secure > 0 ? "servers" : "tls"], "tls: { ca: ... } with mqtts://, and only then"),
        );
    });
  sinks.line_http.forEach(({ url, tls, org, bucket, db }, i) => {
    if (!URL.canParse(url)) problems.push(document.problem(["sinks", "line_http", i, "url"], SERVER_IS));
    if (tls !== undefined && !url.startsWith("https:"))
      problems.push(document.problem(["sinks", "line_http", i, "tls"], "tls: with https://, and only then"));
    const isWhole = db === undefined ? org !== undefined && bucket !== undefined : org === undefined && bucket === undefined;
    if (!isWhole) problems.push(document.problem(["sinks", "line_http", i], "org and bucket (InfluxDB 2 and later), or db"));
  });
  return problems;
}
