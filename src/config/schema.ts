/**
 * What site.yaml may say, declared once: the check with its messages, the types, and the JSON Schema for editors
 * (`policies/schema/site.schema.json`). load.ts gives it meaning.
 *
 * @source DESIGN section 3; RULINGS 3, 12, 17, 23, 24
 */
import {
  DURATION_IS,
  durationWithin,
  HOST_PORT_IS,
  PREFIX_IS,
  RATE_IS,
  readHostPort,
  readIp,
  readPrefix,
  readRate,
  readSize,
  SIZE_IS,
  sayIp,
} from "#documents/quantities";
import {
  either,
  flag,
  integer,
  jsonSchemaOf,
  keys,
  later,
  listOf,
  matching,
  name,
  named,
  oneOf,
  oneOrList,
  parsed,
  text,
  type Value,
} from "#documents/shape";

export const DEFAULT_SOCKET = "/run/penstock/penstock.sock";
/** Without a log no write passes, so a log this small would stop the plant within minutes. */
const LEAST_LOG_OCTETS = 1_000_000;

const DAY_MS = 24 * 3_600_000;

const duration = (least: string, most: string) => parsed(DURATION_IS, durationWithin(least, most), { examples: [least] });
const file = (what: string) =>
  text(`the path of ${what}`, { max: 4096 }).meta({ description: `path of ${what}, from the site file's folder` });
const unitId = () => integer(0, 255, "a unit id from 0 to 255");

function readAddress(words: string): { readonly words: string } | string {
  const address = readIp(words);
  return address === null ? "an address of this host, such as 10.99.0.1" : { words: sayIp(address) };
}

/** Linux IFNAMSIZ is 16 with its final zero. */
export const INTERFACE = matching(/^(?!\.{1,2}$)[A-Za-z0-9_.:@-]{1,15}$/, "the name of a network interface, such as scada0");

/** A SPIFFE id or a common name; `*` is one whole last segment (RULINGS 17). */
const IDENTITY = matching(
  /^(?:spiffe:\/\/[a-z0-9._-]{1,255}(?:\/(?!\.{1,2}(?:\/|$))[A-Za-z0-9._-]{1,64}){0,16}\/(?:\*|(?!\.{1,2}$)[A-Za-z0-9._-]{1,64})|cn:(?:\*|[^*@/\s](?:[^*@/]{0,62}[^*@/\s])?))$/,
  "spiffe://domain/path/name, cn:name, or either with * as its whole last segment (the domain in lower case)",
);

const LISTENER = keys({
  asset: name("the name of an asset").meta({ description: "the asset behind this listener" }),
  interface: INTERFACE.meta({ description: "network interface it listens on; resolved to its addresses at start" }),
  port: integer(0, 65535, "a port from 0 to 65535 (0: a free one)").optional().meta({
    description: "TCP port; 0 takes a free one, told in status. Before a DNP3 asset 19999 with tls: mutual, else 20000, unless stated",
  }),
  tls: oneOf(["mutual", "none"]).meta({
    description: "mutual: TLS with certificates on both sides; none: plain, only for source bindings",
  }),
  from: oneOrList(parsed(PREFIX_IS, readPrefix), { max: 256 })
    .optional()
    .meta({ description: "address prefixes that are served; others are closed unanswered. Needed with tls: none" }),
  name: name().optional().meta({ description: "name in status and records; asset/tls unless stated" }),
});

const CA = keys({
  name: name().meta({ description: "name in identities (cn:...@name) and records" }),
  file: file("a CA certificate (PEM)"),
  may_identify: listOf(IDENTITY, { min: 1, max: 64 }).meta({ description: "identities this CA may vouch for; others are refused" }),
  may_assert_roles: flag().default(false).meta({ description: "whether its certificates may carry a role" }),
});

const TLS = keys({
  certificate: file("the gateway's certificate (PEM)"),
  key: file("the gateway's private key (PEM)"),
  ca: listOf(CA, { min: 1, max: 16 }),
  crl: oneOrList(file("a revocation list"), { max: 64 }).default([]).meta({ description: "revocation lists, read again on reload" }),
  crl_grace: duration("0s", "3652d")
    .default(3 * DAY_MS)
    .meta({ description: "how long past its nextUpdate a list serves writes and controls too; reads go on after that" }),
});

const UPSTREAM = keys({
  connections: integer(1, 16).default(1).meta({ description: "connections to the device" }),
  outstanding: integer(1, 16).default(1).meta({ description: "requests at the device at once, on each connection" }),
  timeout: duration("10ms", "60s").default(1000).meta({ description: "deadline of a whole reply; silent after that" }),
  connect_delay: duration("0ms", "60s").default(0).meta({ description: "pause after connecting before the first request" }),
  rate: parsed(RATE_IS, readRate).optional().meta({ description: "requests to the device in any window of time, such as 200/s" }),
  mode: oneOf(["shared", "per_session"]).default("shared").meta({ description: "one shared connection, or one for each session" }),
});

/** The words of every protocol there is, as it names its quirks. */
const QUIRKS = ["coil-padding", "unit-echo", "trailing-octets"] as const;

/** Endpoints alone (IEEE 1815-2012 clause 9.2.5.2): the last sixteen are reserved, self and broadcasts. */
const linkAddress = () => integer(0, 65519, "a link address from 0 to 65519");

const POLL = keys({
  every: duration("100ms", "24h").meta({ description: "from one read to the next" }),
  points: oneOrList(name("the name of a point"), { max: 10_000 }).optional().meta({ description: "names from the asset's points file" }),
  table: text("the name of a table").optional().meta({ description: "a table of the asset's protocol, such as holding or analog-input" }),
  addresses: oneOrList(
    parsed("an address or a range such as 40 or 40-43", (words): { readonly words: string } => ({ words }), {
      type: ["integer", "string"],
    }),
    { max: 1000 },
  )
    .optional()
    .meta({ description: "addresses of the table, as the asset counts them" }),
  unit: unitId().optional().meta({ description: "the unit they are asked of; needed where the asset has several (Modbus)" }),
});

const ASSET = keys({
  protocol: oneOf(["modbus-tcp", "dnp3-tcp"], "modbus-tcp or dnp3-tcp (modbus-rtu and dnp3-serial come with later work)").meta({
    description: "what the device speaks",
  }),
  address: parsed(HOST_PORT_IS, readHostPort).meta({ description: "where the device listens" }),
  units: oneOrList(unitId(), { max: 256 }).optional().meta({ description: "unit ids of the device; others are denied (Modbus)" }),
  unit_aliases: either(
    "other unit ids of the asset's one unit, or a list of { unit, aliases }",
    listOf(unitId(), { min: 1, max: 256 }),
    listOf(keys({ unit: unitId(), aliases: oneOrList(unitId(), { max: 256 }) }), { min: 1, max: 256 }),
  )
    .optional()
    .meta({ description: "further ids the device answers to, judged as the same unit" }),
  unit_zero: oneOf(["broadcast", "device"])
    .optional()
    .meta({ description: "what unit id 0 means to this device; a broadcast unless stated" }),
  addressing: oneOf(["zero-based", "one-based", "modicon"]).optional().meta({
    description: "how points, policy and cases of this asset count addresses; DNP3 counts from zero unless stated",
  }),
  points: file("a points file (CSV)").optional().meta({ description: "the named points" }),
  upstream: UPSTREAM.optional(),
  sessions_per_identity: integer(1, 64).default(4).meta({ description: "sessions one identity may hold on this asset" }),
  quirks: listOf(oneOf(QUIRKS), { max: 16 })
    .default([])
    .meta({ description: "habits of the device's replies that are rewritten to the standard's form, and counted" }),
  mode: oneOf(["enforce"], "enforce (observe and shadow come with later work)")
    .default("enforce")
    .meta({ description: "enforce: what no rule allows does not reach the device" }),
  until: later("observe mode"),
  fail: later("read-only and open failure"),
  poll: listOf(POLL, { min: 1, max: 64 }).optional().meta({ description: "what the gateway reads by itself, again and again" }),
  telemetry: later("telemetry"),
  hardware: later("hardware ports"),
  serial: later("serial lines"),
  tls: keys({
    certificate: file("the gateway's certificate towards the device (PEM)"),
    key: file("its private key (PEM)"),
    ca: oneOrList(file("a CA certificate (PEM)"), { max: 16 }).meta({ description: "authorities of the device's certificate" }),
    name: text("the name or address the device's certificate carries")
      .optional()
      .meta({ description: "the name or address the device's certificate carries; its address unless stated" }),
    crl: oneOrList(file("a revocation list (PEM)"), { max: 16 })
      .default([])
      .meta({ description: "revocation lists of those authorities, one of every CA; read anew for every connection" }),
  })
    .optional()
    .meta({ description: "mutual TLS towards the device; plain unless stated" }),
  link: keys({
    master: linkAddress().meta({ description: "of the masters" }),
    outstation: linkAddress().meta({ description: "of the device" }),
  })
    .optional()
    .meta({ description: "link addresses: the masters', which the gateway has towards the device too, and the device's (DNP3)" }),
  secure_authentication: flag().optional().meta({
    description: "the device asks for DNP3 secure authentication: one session at a time, whose sequence numbers stay; nothing is trimmed",
  }),
  event_owner: text("an identity such as spiffe://plant.example/scada/main or cn:scada@plant")
    .optional()
    .meta({ description: "the one identity that takes events, and has unsolicited responses (DNP3)" }),
});

const AUDIT = keys({
  directory: file("the folder of the evidence"),
  durable_before: oneOf(["writes", "all", "none"]).default("writes").meta({ description: "what waits until its record is on disk" }),
  retain: duration("1h", "3652d")
    .default(90 * DAY_MS)
    .meta({ description: "how long records are kept" }),
  when_full: oneOf(["deny-writes", "deny-all"])
    .default("deny-writes")
    .meta({ description: "what is denied while evidence cannot be written" }),
  key: file("the key that signs checkpoints")
    .optional()
    .meta({ description: "Ed25519 private key (PEM); directory.key beside the folder unless stated" }),
  max_size: parsed(SIZE_IS, leastLog).default(2e9).meta({ description: "disk space the evidence may take" }),
});

const MANAGEMENT = keys({
  socket: file("a local socket").default(DEFAULT_SOCKET).meta({ description: "local management socket (mode 0600)" }),
  interface: INTERFACE.optional().meta({ description: "interface that serves metrics; the socket alone unless stated" }),
  port: integer(0, 65535, "a port from 0 to 65535 (0: a free one)")
    .optional()
    .meta({ description: "TCP port of metrics; 9443 unless stated" }),
  tls: oneOf(["mutual"], "mutual: metrics are never served without it").default("mutual").meta({ description: "always mutual" }),
});

const REDUNDANCY = keys({
  sources: integer(1, 200).default(20).meta({ description: "sources of a block" }),
  repairs: integer(0, 50).default(4).meta({ description: "repair frames of a block: so many of it may be lost" }),
  depth: integer(1, 32).default(8).meta({ description: "blocks that are sent in turn: repairs x depth frames in a row may be lost" }),
});

const SEND = keys({
  stream: integer(0, 0xffff_ffff).meta({ description: "number of the stream, as the receiver has it" }),
  to: parsed(HOST_PORT_IS, readHostPort).meta({ description: "address and port of the receiver" }),
  from: parsed("an address of this host, such as 10.99.0.1", readAddress).meta({ description: "the address it is sent from" }),
  interface: INTERFACE.optional().meta({ description: "interface it leaves by; as the route says unless stated" }),
  mac: matching(/^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/, "a hardware address such as 02:00:00:00:99:02")
    .optional()
    .meta({ description: "hardware address of the receiver or the next hop, so that nobody is asked for it" }),
  keys: file("the folder of the stream's keys"),
  signing_key: file("the key that signs the sender's checkpoints (PEM, Ed25519)").optional(),
  state: file("the folder of the spool").meta({ description: "folder of the spool, made 0700" }),
  rate: parsed(RATE_IS, readRate, { examples: ["400/s"] })
    .default({ count: 400, windowMs: 1_000 })
    .meta({ description: "frames that leave, whatever there is to say" }),
  redundancy: REDUNDANCY.default({ sources: 20, repairs: 4, depth: 8 }),
  content: integer(256, 1392).default(1200).meta({ description: "octets of every frame's content" }),
  carousel: integer(0, 50, "a share from 0 to 50 percent")
    .default(20)
    .meta({ description: "percent of the rate for copies of earlier frames" }),
  spool: parsed(SIZE_IS, readSize, { examples: ["4GiB"] })
    .default(4 * 1024 ** 3)
    .meta({ description: "disk that the spool may take" }),
  keep: duration("1h", "90d")
    .default(7 * DAY_MS)
    .meta({ description: "how long frames stay in it" }),
});

const TELEMETRY = keys({
  raw: listOf(name("the name of an asset"), { max: 1024 })
    .default([])
    .meta({ description: "assets of which unnamed addresses are sampled too, as they stand on the wire" }),
  stale: duration("1s", "30d")
    .default(5 * 60_000)
    .meta({ description: "a point that nobody has read for so long is told to be stale" }),
  send: SEND.optional().meta({ description: "the one-way line by which it leaves" }),
});

export const SITE = keys({
  site: name().meta({ description: "name of the plant or cell" }),
  listeners: listOf(LISTENER, { min: 1, max: 256 }),
  tls: TLS.optional(),
  assets: named(name(), ASSET).meta({ description: "the devices behind this gateway, by name" }),
  audit: AUDIT,
  management: MANAGEMENT.optional(),
  limits: keys({
    idle: duration("10s", "24h").optional().meta({ description: "a session without a request for so long is cut" }),
  }).optional(),
  telemetry: TELEMETRY.optional(),
  hardware: later("hardware ports"),
  single_operator: later("approvals by two persons"),
});

export type SiteDocument = Value<typeof SITE>;
export type AssetDocument = Value<typeof ASSET>;

/** For editors: JSON Schema 2020-12 of site.yaml. */
export function siteJsonSchema(): Readonly<Record<string, unknown>> {
  return jsonSchemaOf(SITE, "Penstock site.yaml");
}

function leastLog(words: string): number | string {
  const octets = readSize(words);
  return typeof octets === "string" || octets >= LEAST_LOG_OCTETS ? octets : `a size of at least ${LEAST_LOG_OCTETS / 1e6}MB`;
}
