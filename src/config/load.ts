/**
 * site.yaml and the points files it names, into typed values: defaults filled in, paths absolute, everything that one document can
 * contradict itself in found. Touches no file itself: `read` is handed in.
 */
import path from "node:path";
import { MOST_PROBLEMS, type Problem } from "#documents/problems";
import { checkShape } from "#documents/shape";
import { type Path, readYaml, type YamlDocument } from "#documents/yaml";
import type { Space } from "#operation";
import { parseAddresses } from "#process/addressing";
import type { Addressing, Point } from "#process/points";
import { type PointsModel, readPoints } from "#process/pointsFile";
import { err, ok, type Result } from "#wire";
import { type AssetDocument, DEFAULT_SOCKET, SITE, type SiteDocument } from "./schema.ts";
import type { AssetSite, AuditSite, ListenerSite, ManagementSite, PollSite, SendSite, Site, TlsSite, UpstreamSite } from "./site.ts";

export interface LoadedSite {
  readonly site: Site;
  /** Every text that was read, in the order of reading: the site file under the name it was given, points files by absolute path. */
  readonly files: readonly { readonly path: string; readonly text: string }[];
}

/** Where metrics are served unless the site says otherwise. */
const MANAGEMENT_PORT = 9443;
/** sun_path of Linux unix(7) is 108 octets with its final zero. */
const LONGEST_SOCKET = 107;

/**
 * @param source        the site file: `file` as messages name it; relative paths in it are taken from its folder
 * @param read          gives the text of a file, or throws an error with a Node code (ENOENT, EACCES, ...)
 * @param vocabularies  the address spaces of every protocol there is
 * @returns             the site, or every problem found in the site file or, where that is sound, in its points files
 */
export function loadSite(
  source: { readonly file: string; readonly text: string },
  read: (path: string) => string,
  vocabularies: ReadonlyMap<string, { readonly spaces: readonly Space[] }>,
): Result<LoadedSite, readonly Problem[]> {
  const document = readYaml(source.file, source.text);
  if (!document.ok) return document;
  const checked = checkShape(document.value, SITE);
  if (!checked.ok) return checked;
  const loading = new Loading(document.value, checked.value, source, read, vocabularies);
  const site = loading.site();
  loading.problems.sort((a, b) => a.line - b.line || a.column - b.column);
  const problems = [...loading.problems, ...loading.pointsProblems];
  if (problems.length > 0) return err(problems.slice(0, MOST_PROBLEMS));
  return ok({ site, files: loading.files });
}

class Loading {
  /** Of the site file. */
  readonly problems: Problem[] = [];
  readonly pointsProblems: Problem[] = [];
  readonly files: { readonly path: string; readonly text: string }[];
  readonly #document: YamlDocument;
  readonly #wanted: SiteDocument;
  readonly #file: string;
  readonly #folder: string;
  readonly #read: (path: string) => string;
  readonly #vocabularies: ReadonlyMap<string, { readonly spaces: readonly Space[] }>;
  readonly #texts = new Map<string, string>();

  constructor(
    document: YamlDocument,
    wanted: SiteDocument,
    source: { readonly file: string; readonly text: string },
    read: (path: string) => string,
    vocabularies: ReadonlyMap<string, { readonly spaces: readonly Space[] }>,
  ) {
    this.#document = document;
    this.#wanted = wanted;
    this.#file = source.file;
    this.#folder = path.dirname(path.resolve(source.file));
    this.#read = read;
    this.#vocabularies = vocabularies;
    this.files = [{ path: source.file, text: source.text }];
  }

  site(): Site {
    const wanted = this.#wanted;
    const assets = new Map<string, AssetSite>();
    for (const [name, asset] of Object.entries(wanted.assets)) assets.set(name, this.#asset(name, asset));
    if (assets.size === 0) this.#wrong(["assets"], "at least one asset");
    this.#sharedDevices(assets);
    return {
      name: wanted.site,
      file: this.#file,
      listeners: this.#listeners(),
      tls: this.#tls(),
      assets: withOtherUnits(assets),
      audit: this.#audit(),
      management: this.#management(),
      limits: { idleMs: wanted.limits?.idle ?? null },
      telemetry: this.#telemetry(assets),
    };
  }

  #telemetry(assets: ReadonlyMap<string, AssetSite>): Site["telemetry"] {
    const { telemetry } = this.#wanted;
    if (telemetry === undefined) return null;
    const { raw, stale, send } = telemetry;
    for (const [index, asset] of raw.entries()) {
      const at = ["telemetry", "raw", index];
      if (!assets.has(asset)) this.problems.push(this.#document.unknown(at, "the name of an asset", [...assets.keys()]));
      else if (raw.indexOf(asset) !== index) this.#wrong(at, "each asset once");
    }
    return { raw, staleMs: stale, send: send === undefined ? null : this.#send(["telemetry", "send"], send) };
  }

  #send(at: Path, wanted: NonNullable<NonNullable<SiteDocument["telemetry"]>["send"]>): SendSite {
    const { stream, to, from, mac = null, rate, redundancy, content, carousel, spool, keep } = wanted;
    if (to.host.includes(":") !== from.words.includes(":")) this.#wrong([...at, "from"], "an address of the same family as the receiver's");
    const framesPerSecond = (1_000 * rate.count) / rate.windowMs;
    if (framesPerSecond < 1 || framesPerSecond > 100_000) this.#wrong([...at, "rate"], "a rate from 1/s to 100000/s");
    return {
      stream,
      to: { host: to.host, port: to.port },
      from: from.words,
      interface: wanted.interface ?? null,
      mac,
      keys: this.#path(wanted.keys),
      signingKey: wanted.signing_key === undefined ? null : this.#path(wanted.signing_key),
      state: this.#path(wanted.state),
      framesPerSecond,
      ...redundancy,
      content,
      carouselShare: carousel / 100,
      spoolOctets: spool,
      keepMs: keep,
    };
  }

  #listeners(): readonly ListenerSite[] {
    const { listeners, assets, tls: identities } = this.#wanted;
    const names = new Map<string, number>();
    const ports = new Map<string, number>();
    return listeners.map((wanted, index) => {
      const at = ["listeners", index];
      const { asset, tls, from = [] } = wanted;
      const port = this.#listenerPort(at, wanted);
      const name = wanted.name ?? `${asset}/${tls}`;
      if (!Object.hasOwn(assets, asset))
        this.problems.push(this.#document.unknown([...at, "asset"], "the name of an asset", Object.keys(assets)));
      if (tls === "none" && from.length === 0) {
        this.#wrong([...at, "from"], "from: the address prefixes a listener without TLS serves, such as [10.10.5.0/24]");
      }
      if (tls === "mutual" && identities === undefined) {
        this.#wrong([...at, "tls"], "a tls: section with the certificate, key and CAs of a mutual listener");
      }
      const twin = names.get(name);
      if (twin !== undefined) {
        this.#wrong(
          at,
          `a name: of its own for this listener: the one on line ${this.#line(["listeners", twin])} is called that too`,
          `a second ${name}`,
        );
      }
      names.set(name, index);
      const door = `${wanted.interface} port ${port}`;
      const taken = port === 0 ? undefined : ports.get(door);
      if (taken !== undefined) {
        this.#wrong([...at, "port"], `a free port: the listener on line ${this.#line(["listeners", taken])} has it`, door);
      }
      ports.set(door, index);
      return { name, asset, interface: wanted.interface, port, tls, from, line: this.#line(at) };
    });
  }

  /** DNP3 has ports of its own: 20000, and by custom 19999 within TLS (IANA `dnp` and `dnp-sec`). */
  #listenerPort(at: Path, { asset, tls, port }: SiteDocument["listeners"][number]): number {
    if (port !== undefined) return port;
    if (this.#wanted.assets[asset]?.protocol === "dnp3-tcp") return tls === "mutual" ? 19999 : 20000;
    this.#wrong([...at, "port"], "a port from 0 to 65535 (0: a free one)");
    return 0;
  }

  #tls(): TlsSite | null {
    const { tls } = this.#wanted;
    if (tls === undefined) return null;
    const names = new Map<string, number>();
    for (const [index, { name }] of tls.ca.entries()) {
      const twin = names.get(name);
      if (twin !== undefined)
        this.#wrong(["tls", "ca", index, "name"], `a name of its own: the CA on line ${this.#line(["tls", "ca", twin])} has it`);
      names.set(name, index);
    }
    return {
      certificate: this.#path(tls.certificate),
      key: this.#path(tls.key),
      ca: tls.ca.map(({ name, file, may_identify, may_assert_roles }) => ({
        name,
        file: this.#path(file),
        mayIdentify: may_identify,
        mayAssertRoles: may_assert_roles,
      })),
      crl: tls.crl.map((file) => this.#path(file)),
      crlGraceMs: tls.crl_grace,
    };
  }

  #asset(name: string, wanted: AssetDocument): AssetSite {
    const at = ["assets", name];
    const { protocol, address } = wanted;
    const link = this.#link(at, wanted);
    const isModbus = link === null;
    const units = isModbus ? this.#units(at, wanted) : [link.outstation];
    const addressing = isModbus || wanted.addressing === "one-based" ? (wanted.addressing ?? "zero-based") : "zero-based";
    const unitZero = wanted.unit_zero ?? "broadcast";
    // What only Modbus has was told already, and is no ground for more.
    const unitAliases = isModbus ? this.#unitAliases(at, wanted, units) : new Map<number, number>();
    if (isModbus && wanted.unit_zero === "device" && !units.includes(0) && !unitAliases.has(0)) {
      this.#wrong([...at, "unit_zero"], "unit 0 in units or unit_aliases, where it is the device");
    }
    if (unitZero === "broadcast" && isModbus && (units.includes(0) || unitAliases.has(0))) {
      this.#wrong(
        [...at, units.includes(0) ? "units" : "unit_aliases"],
        "unit_zero: device where 0 is a unit: without it 0 is broadcast",
        "unit 0",
      );
    }
    const model = { units, unitAliases, addressing };
    const pointsFile = wanted.points === undefined ? null : this.#path(wanted.points);
    const points = pointsFile === null ? [] : this.#points([...at, "points"], pointsFile, { ...model, hasOneUnit: !isModbus }, protocol);
    return {
      name,
      protocol,
      host: address.host,
      port: address.port,
      model: { name, protocol, ...model, unitZero, points },
      pointsFile,
      upstream: this.#upstream(at, wanted),
      sessionsPerIdentity: wanted.sessions_per_identity,
      quirks: this.#quirks(at, wanted),
      otherUnits: [],
      tls: this.#deviceTls(wanted),
      link,
      secureAuthentication: wanted.secure_authentication === true,
      eventOwner: this.#eventOwner(at, wanted),
      mode: wanted.mode,
      poll: this.#poll(at, wanted, { units, unitAliases, addressing, points }, protocol),
    };
  }

  #poll(
    at: Path,
    { poll = [], secure_authentication: isSecure = false }: AssetDocument,
    of: Polled,
    protocol: string,
  ): readonly PollSite[] {
    const spaces = this.#vocabularies.get(protocol)?.spaces ?? [];
    // What comes between a challenge and its proof ends it, and sequences are the master's (RULINGS 38).
    if (isSecure && poll.length > 0) this.#wrong([...at, "poll"], "no poll on an asset with secure_authentication: it has one master");
    return poll.map((wanted, index): PollSite => {
      const here = [...at, "poll", index];
      const { every: everyMs, points, table, addresses, unit } = wanted;
      const line = this.#line(here);
      if ((points === undefined) === (table === undefined))
        this.#wrong(here, "either points, or a table with addresses", points === undefined ? "neither" : "both");
      if (points !== undefined) {
        for (const key of ["addresses", "unit"] as const)
          if (wanted[key] !== undefined) this.#wrong([...here, key], `no ${key} beside points, which stand where the points file says`);
        const found = this.#polledPoints([...here, "points"], points, of.points);
        const ranges = found.map(({ unitId, space, first, last }) => ({ unitId, space, first, last }));
        return { everyMs, line, points: found.map((point) => point.index), ranges };
      }
      if (table === undefined) return { everyMs, line, points: [], ranges: [] };
      const ranges = this.#polledRanges(here, table, addresses, this.#polledUnit(here, unit, of), of, spaces);
      return { everyMs, line, points: pointsWithin(ranges, of), ranges };
    });
  }

  #polledPoints(at: Path, names: readonly string[], points: readonly Point[]): readonly Point[] {
    const listed = this.#document.node(at)?.is === "list";
    return names.flatMap((each, index) => {
      const here = listed ? [...at, index] : at;
      const point = points.find(({ name: known }) => known === each);
      if (point === undefined)
        this.problems.push(
          this.#document.unknown(
            here,
            "the name of a point",
            points.map(({ name: known }) => known),
          ),
        );
      else if (names.indexOf(each) !== index) this.#wrong(here, "each point once");
      return point === undefined ? [] : [point];
    });
  }

  #polledUnit(at: Path, unit: number | undefined, { units, unitAliases }: Polled): number {
    if (unit === undefined) {
      if (units.length > 1) this.#wrong([...at, "unit"], `a unit of this asset, one of: ${units.join(", ")}`);
      return units[0] ?? 0;
    }
    if (!units.includes(unit) && !unitAliases.has(unit)) this.#wrong([...at, "unit"], `a unit of this asset, one of: ${units.join(", ")}`);
    return unit;
  }

  #polledRanges(
    at: Path,
    table: string,
    addresses: readonly { readonly words: string }[] | undefined,
    unitId: number,
    { addressing }: Polled,
    spaces: readonly Space[],
  ): PollSite["ranges"] {
    const shown = spaces.filter(({ process }) => process);
    const space = spaces.findIndex(({ name: known, process }) => process && known === table);
    const found = spaces[space];
    if (found === undefined) {
      this.problems.push(
        this.#document.unknown(
          [...at, "table"],
          "the name of a table",
          shown.map(({ name: known }) => known),
        ),
      );
      return [];
    }
    if (addresses === undefined) {
      this.#wrong([...at, "addresses"], `addresses of ${table}, such as 40 or 40-43`);
      return [];
    }
    const listed = this.#document.node([...at, "addresses"])?.is === "list";
    return addresses.flatMap(({ words }, index) => {
      const range = parseAddresses(addressing, found, words);
      if (typeof range !== "string") return [{ unitId, space, first: range[0], last: range[1] }];
      this.#wrong(listed ? [...at, "addresses", index] : [...at, "addresses"], range);
      return [];
    });
  }

  /** Of a DNP3 asset; null: it is another. What only the other protocol has is a mistake. */
  #link(at: Path, wanted: AssetDocument): AssetSite["link"] {
    const { link, protocol } = wanted;
    const isDnp3 = protocol === "dnp3-tcp";
    for (const key of isDnp3 ? MODBUS_KEYS : DNP3_KEYS)
      if (wanted[key] !== undefined && !(Array.isArray(wanted[key]) && wanted[key].length === 0))
        this.#wrong([...at, key], `no ${key} on an asset that speaks ${protocol}`);
    if (!isDnp3) {
      if (wanted.addressing === undefined && !isMislabelled(wanted))
        this.#wrong([...at, "addressing"], "one of: zero-based, one-based, modicon");
      return null;
    }
    if (wanted.addressing === "modicon") this.#wrong([...at, "addressing"], "zero-based or one-based: DNP3 has no modicon numbers");
    if (link === undefined) this.#wrong([...at, "link"], "link: { master: 1, outstation: 10 }, the link addresses");
    else if (link.master === link.outstation) this.#wrong([...at, "link", "outstation"], "another address than the master's");
    return link ?? { master: 0, outstation: 1 };
  }

  #deviceTls({ tls, address }: AssetDocument): AssetSite["tls"] {
    if (tls === undefined) return null;
    const { certificate, key, name = address.host } = tls;
    const [ca, crl] = [tls.ca, tls.crl].map((files) => files.map((file) => this.#path(file))) as [string[], string[]];
    return { certificate: this.#path(certificate), key: this.#path(key), ca, name, crl };
  }

  #eventOwner(at: Path, { event_owner: owner }: AssetDocument): string | null {
    if (owner === undefined) return null;
    if (!/^(?:spiffe:\/\/[a-z0-9.-]+\/[A-Za-z0-9._/-]+|cn:[^*]+)$/.test(owner))
      this.#wrong([...at, "event_owner"], "one identity, without a wildcard, such as spiffe://plant.example/scada/main or cn:scada@plant");
    return owner;
  }

  /** Ascending. */
  #units(at: Path, wanted: AssetDocument): readonly number[] {
    const { units } = wanted;
    if (units === undefined) {
      if (!isMislabelled(wanted)) this.#wrong([...at, "units"], "a unit id from 0 to 255");
      return [];
    }
    for (const [index, unit] of units.entries()) {
      if (units.indexOf(unit) !== index) this.#wrong([...at, "units", index], "each unit once");
    }
    return [...new Set(units)].sort((a, b) => a - b);
  }

  #unitAliases(at: Path, { unit_aliases: wanted }: AssetDocument, units: readonly number[]): ReadonlyMap<number, number> {
    const aliases = new Map<number, number>();
    for (const [index, item] of (wanted ?? []).entries()) {
      const here = [...at, "unit_aliases", index];
      if (typeof item === "number") {
        if (units.length === 0) continue;
        if (units.length === 1) this.#unitAlias(here, item, units[0] as number, units, aliases);
        else this.#wrong(here, "{ unit, aliases }: this asset has several units");
        continue;
      }
      if (!units.includes(item.unit)) this.#wrong([...here, "unit"], `a unit of this asset, one of: ${units.join(", ")}`);
      const listed = this.#document.node([...here, "aliases"])?.is === "list";
      for (const [i, alias] of item.aliases.entries()) {
        this.#unitAlias(listed ? [...here, "aliases", i] : [...here, "aliases"], alias, item.unit, units, aliases);
      }
    }
    return aliases;
  }

  #unitAlias(at: Path, alias: number, unit: number, units: readonly number[], aliases: Map<number, number>): void {
    if (units.includes(alias)) this.#wrong(at, `another id than those in units: ${alias} is a unit itself`);
    else if (aliases.has(alias)) this.#wrong(at, `each alias once: ${alias} stands for unit ${aliases.get(alias)} already`);
    aliases.set(alias, unit);
  }

  #quirks(at: Path, { quirks }: AssetDocument): readonly string[] {
    for (const [index, quirk] of quirks.entries()) {
      if (quirks.indexOf(quirk) !== index) this.#wrong([...at, "quirks", index], "each quirk once");
    }
    return quirks;
  }

  #points(at: Path, file: string, model: PointsModel, protocol: string): readonly Point[] {
    const spaces = this.#vocabularies.get(protocol)?.spaces;
    if (spaces === undefined) {
      this.#wrong([...at.slice(0, -1), "protocol"], `a protocol of this build, one of: ${[...this.#vocabularies.keys()].join(", ")}`);
      return [];
    }
    const text = this.#text(at, file);
    if (text === null) return [];
    const points = readPoints(this.#sayFile(at), text, model, spaces);
    if (points.ok) return points.value;
    this.pointsProblems.push(...points.error);
    return [];
  }

  #text(at: Path, file: string): string | null {
    const known = this.#texts.get(file);
    if (known !== undefined) return known;
    try {
      const text = this.#read(file);
      this.#texts.set(file, text);
      this.files.push({ path: file, text });
      return text;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === undefined) throw error;
      this.#wrong(at, UNREADABLE[code] ?? `a file that can be read (${code})`);
      return null;
    }
  }

  #upstream(at: Path, { upstream, protocol }: AssetDocument): UpstreamSite {
    const mode = upstream?.mode ?? "shared";
    if (protocol === "dnp3-tcp" && upstream !== undefined) {
      // One master towards the outstation, one request at a time: so its sequences and its confirms are in order (docs/adr/0019).
      for (const key of ["connections", "outstanding"] as const)
        if (upstream[key] !== 1)
          this.#wrong([...at, "upstream", key], "1: an outstation has one master, and answers one request at a time");
      if (mode === "per_session") this.#wrong([...at, "upstream", "mode"], "shared: an outstation has one master");
    }
    if (mode === "per_session" && upstream !== undefined && upstream.connections !== 1) {
      this.#wrong([...at, "upstream", "connections"], "1: with mode: per_session each session has a connection of its own");
    }
    return {
      connections: upstream?.connections ?? 1,
      outstanding: upstream?.outstanding ?? 1,
      timeoutMs: upstream?.timeout ?? 1000,
      connectDelayMs: upstream?.connect_delay ?? 0,
      rate: upstream?.rate ?? null,
      mode,
    };
  }

  /** RULINGS 3: behind one address and port each unit id has one owner, and one connection serves them all in one way. */
  #sharedDevices(assets: ReadonlyMap<string, AssetSite>): void {
    const devices = new Map<string, AssetSite>();
    const owners = new Map<string, string>();
    for (const asset of assets.values()) {
      const at = ["assets", asset.name];
      const device = addressOf(asset);
      const first = devices.get(device);
      if (first === undefined) devices.set(device, asset);
      else if (first.link !== null || asset.link !== null)
        this.#wrong(
          [...at, "address"],
          `another address: ${first.name} (line ${this.#keyLine(["assets", first.name])}) is there, and an outstation has its own`,
        );
      else if (JSON.stringify(asset.tls) !== JSON.stringify(first.tls))
        this.#wrong(
          [...at, "address"],
          `the same tls as ${first.name} (line ${this.#keyLine(["assets", first.name])}): they share ${device}`,
        );
      else this.#sameUpstream(at, asset, first, device);
      for (const unit of idsOf(asset)) {
        const owner = owners.get(`${device} ${unit}`);
        if (owner !== undefined && owner !== asset.name) {
          this.#wrong(
            [...at, "address"],
            `another address or unit: unit ${unit} at ${device} is ${owner} (line ${this.#keyLine(["assets", owner])})`,
          );
        }
        owners.set(`${device} ${unit}`, asset.name);
      }
    }
  }

  #sameUpstream(at: Path, asset: AssetSite, first: AssetSite, device: string): void {
    const key = UPSTREAM_KEYS.find(([, field]) => JSON.stringify(asset.upstream[field]) !== JSON.stringify(first.upstream[field]));
    if (key === undefined) return;
    const [word] = key;
    const stated = this.#document.node([...at, "upstream", word]) !== null;
    const place = stated ? [...at, "upstream", word] : [...at, "address"];
    const expected = `the same ${word} as ${first.name} (line ${this.#keyLine(["assets", first.name])}): they share ${device}`;
    this.#wrong(place, expected, stated ? undefined : `another ${word} (by default)`);
  }

  #audit(): AuditSite {
    const { audit } = this.#wanted;
    const directory = this.#path(audit.directory);
    const key = audit.key === undefined ? `${directory}.key` : this.#path(audit.key);
    // Whoever copies the evidence out must not carry the key away with it.
    if (key === directory || key.startsWith(`${directory}${path.sep}`))
      this.#wrong(["audit", "key"], "a file outside the folder of the evidence");
    return {
      directory,
      durableBefore: audit.durable_before,
      retainMs: audit.retain,
      whenFull: audit.when_full,
      key,
      maxOctets: audit.max_size,
    };
  }

  #management(): ManagementSite {
    const socket = this.#path(this.#wanted.management?.socket ?? DEFAULT_SOCKET);
    const octets = Buffer.byteLength(socket);
    if (octets > LONGEST_SOCKET)
      this.#wrong(["management", "socket"], `a path of at most ${LONGEST_SOCKET} octets (Linux)`, `a path of ${octets} octets`);
    return { socket, web: this.#web() };
  }

  #web(): ManagementSite["web"] {
    const management = this.#wanted.management;
    if (management?.interface === undefined) {
      if (management?.port !== undefined) this.#wrong(["management", "port"], "no port without the interface it is meant for");
      return null;
    }
    if (this.#wanted.tls === undefined) this.#wrong(["management", "interface"], "no interface in a site without a tls section");
    const port = management.port ?? MANAGEMENT_PORT;
    const taken = this.#wanted.listeners.findIndex((listener) => listener.interface === management.interface && listener.port === port);
    if (port !== 0 && taken >= 0) {
      const door = `${management.interface} port ${port}`;
      this.#wrong(["management", "port"], `a free port: the listener on line ${this.#line(["listeners", taken])} has it`, door);
    }
    return { interface: management.interface, port, line: this.#line(["management", "interface"]) };
  }

  /** A points file as a person who named the site file would name it. */
  #sayFile(at: Path): string {
    const node = this.#document.node(at);
    const words = node?.is === "text" ? node.text : "";
    return path.isAbsolute(words) ? words : path.join(path.dirname(this.#file), words);
  }

  #path(words: string): string {
    return path.resolve(this.#folder, words);
  }

  #line(at: Path): number {
    return this.#document.line(at);
  }

  #keyLine(at: Path): number {
    return this.#document.keyPlace(at).line;
  }

  #wrong(at: Path, expected: string, found?: string): void {
    this.problems.push(this.#document.problem(at, expected, found));
  }
}

/** What of an asset a poll is about. */
interface Polled {
  readonly units: readonly number[];
  readonly unitAliases: ReadonlyMap<number, number>;
  readonly addressing: Addressing;
  readonly points: readonly Point[];
}

/** Places in the points file of those that ranges show. */
function pointsWithin(ranges: PollSite["ranges"], { points, unitAliases }: Polled): number[] {
  const unitOf = (id: number): number => unitAliases.get(id) ?? id;
  return points
    .filter((point) =>
      ranges.some(
        ({ unitId, space, first, last }) =>
          unitOf(unitId) === unitOf(point.unitId) && space === point.space && first <= point.first && point.last <= last,
      ),
    )
    .map(({ index }) => index);
}

function addressOf({ host, port }: AssetSite): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

function idsOf({ model }: AssetSite): readonly number[] {
  return [...model.units, ...model.unitAliases.keys()];
}

/** Each asset with the unit ids of its neighbours behind the same address. */
function withOtherUnits(assets: ReadonlyMap<string, AssetSite>): ReadonlyMap<string, AssetSite> {
  const ids = new Map<string, number[]>();
  for (const asset of assets.values()) {
    const device = addressOf(asset);
    ids.set(device, [...(ids.get(device) ?? []), ...idsOf(asset)]);
  }
  const others = (asset: AssetSite): readonly number[] => {
    const own = new Set(idsOf(asset));
    return (ids.get(addressOf(asset)) ?? []).filter((unit) => !own.has(unit));
  };
  return new Map([...assets].map(([name, asset]) => [name, { ...asset, otherUnits: others(asset) }]));
}

const UNREADABLE: Readonly<Record<string, string>> = {
  ENOENT: "a file that is there",
  EACCES: "a file this user may read",
  EISDIR: "a file, not a folder",
  ENOTDIR: "a path through folders",
  ERR_ENCODING_INVALID_ENCODED_DATA: "a text file in UTF-8",
};

const MODBUS_KEYS = ["units", "unit_aliases", "unit_zero", "quirks"] as const satisfies readonly (keyof AssetDocument)[];
/** One that names what DNP3 has is told that, not all that Modbus would need. */
function isMislabelled(wanted: AssetDocument): boolean {
  return wanted.protocol === "modbus-tcp" && DNP3_KEYS.some((key) => wanted[key] !== undefined);
}

const DNP3_KEYS = ["link", "event_owner", "secure_authentication"] as const satisfies readonly (keyof AssetDocument)[];

const UPSTREAM_KEYS = [
  ["mode", "mode"],
  ["connections", "connections"],
  ["outstanding", "outstanding"],
  ["timeout", "timeoutMs"],
  ["connect_delay", "connectDelayMs"],
  ["rate", "rate"],
] as const satisfies readonly (readonly [string, keyof UpstreamSite])[];
