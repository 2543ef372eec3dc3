/**
 * New documents for a running gateway, all or nothing (RULINGS 33). Everything that can fail is done first: reading, compiling, cases,
 * certificates, new listeners. Then one swap, in one turn of the loop: sessions that keep their rights stay up under the new policy, others
 * are narrowed or cut, and whatever was judged before is judged again as it leaves.
 */
import type { AssetSite, ListenerSite, Site } from "#config/site";
import { UserProblems } from "#documents/problems";
import { readYaml } from "#documents/yaml";
import type { Subject } from "#events";
import { protocolOf } from "#session/protocols";
import { inPrefix, parseIp } from "#transport/interfaces";
import { subjectOfLapsed, subjectOfPeer, subjectOfSource } from "./admit.ts";
import { Asset } from "./asset.ts";
import type { Gateway } from "./compose.ts";
import { Device } from "./device.ts";
import { deviceContext } from "./dial.ts";
import type { Documents } from "./documents.ts";
import { loadDocumentsBeside } from "./documentsThread.ts";
import { Listener } from "./listener.ts";
import { PolicyInForce } from "./policy.ts";
import { Rights } from "./rights.ts";
import type { Road } from "./road.ts";
import type { Session } from "./session.ts";
import { Trust } from "./trust.ts";

export interface ReloadResult {
  readonly changed: boolean;
  /** Empty: the documents are in force. Else nothing changed, and these lines say why. */
  readonly problems: readonly string[];
}

export async function reload(gateway: Gateway): Promise<ReloadResult> {
  const { road } = gateway;
  try {
    const documents = await loadDocumentsBeside(gateway.documents.siteFile, gateway.documents.policyFile);
    mayFollow(gateway, documents);
    const opened = await openListeners(gateway, documents, loadTrust(gateway, documents));
    const changed = documents.hash !== gateway.policy.hash || !sameFiles(documents, gateway.documents);
    bringIn(gateway, documents, opened);
    noteDocuments(road, documents);
    road.log.info(
      { policy: documents.hash, version: documents.policy.version },
      changed ? "documents reloaded" : "documents are unchanged",
    );
    gateway.refusedReload = null;
    return { changed, problems: [] };
  } catch (error) {
    const problems = error instanceof UserProblems ? error.lines : [`internal fault: ${error instanceof Error ? error.message : error}`];
    road.records.note("config", { event: "refused", problems, policy: gateway.policy.hash });
    road.log.error({ problems }, "documents refused; the old ones stay in force");
    gateway.refusedReload = { wallMs: road.clock.wall(), problems };
    return { changed: false, problems };
  }
}

/** Which texts are in force under which hash; the texts themselves are stored by theirs (RULINGS 32). */
export function noteDocuments(road: Road, documents: Documents): void {
  road.records.surely("config", {
    event: "loaded",
    policy: documents.hash,
    version: documents.policy.version,
    files: documents.files.map((file) => ({ file: file.path, sha256: road.audit.keep(file.octets) })),
  });
}

/**
 * All that could fail has been tried. Certificates and revocation lists are read once more: a list that came while listeners were being bound
 * must not give way to the one from before.
 */
function bringIn(gateway: Gateway, documents: Documents, opened: readonly Listener[]): void {
  const { road } = gateway;
  try {
    if (gateway.draining) throw new UserProblems(["the gateway is stopping; nothing was reloaded"]);
    swap(gateway, documents, loadTrust(gateway, documents), opened);
  } catch (error) {
    for (const listener of opened) if (!gateway.listeners.includes(listener)) listener.close();
    for (const session of [...road.sessions.open]) if (session.rights.policy !== gateway.policy) road.sessions.endFaulty(session, error);
    throw error;
  }
}

function loadTrust({ road, trust }: Gateway, { site }: Documents): Trust | null {
  for (const { tls } of site.assets.values()) if (tls !== null) deviceContext(tls);
  return site.tls === null ? null : Trust.load(site.tls, road.clock.steady(), trust);
}

/** The CRL file was written: believe the new one at once, for new peers and for those already in. A bad one keeps the old, and is told once. */
export function reloadTrust(gateway: Gateway): void {
  const { road, site, trust } = gateway;
  if (site.tls === null || trust === null) return;
  try {
    gateway.trust = Trust.load(site.tls, road.clock.steady(), trust);
    gateway.trust.rolledBack = gateway.memory.rolledBack(gateway.trust.store.lists);
    renew(gateway);
    gateway.trust.watch([...road.sessions.open], road.clock.steady());
    road.records.note("config", { event: "revocationLoaded", files: site.tls.crl });
    road.log.info({ files: site.tls.crl }, "revocation lists reloaded");
  } catch (error) {
    const problems = error instanceof UserProblems ? error.lines : [`internal fault: ${error instanceof Error ? error.message : error}`];
    const words = problems.join("\n");
    const told = trust.refused?.words === words;
    trust.refused = { words, triedMs: road.clock.monotonic() };
    if (told) return;
    road.records.note("config", { event: "revocationRefused", problems });
    road.log.error({ problems }, "revocation lists refused; the old ones stay in force");
  }
}

/** Who connects from now on meets the certificates in force. */
function renew({ road, trust, listeners, web }: Gateway): void {
  if (trust === null) return;
  void road.handshakes.measure(trust.context);
  for (const listener of listeners) listener.renew(trust);
  for (const server of web) server.renewContext(trust.context);
}

/** @throws UserProblems for what a running gateway cannot take over */
function mayFollow(gateway: Gateway, next: Documents): void {
  const now = gateway.documents;
  const problems: string[] = [];
  if (next.policy.version < now.policy.version)
    problems.push(
      `${placeOf(next, next.policyFile, "version")}: found version ${next.policy.version} while version ${now.policy.version} is in force; expected a version that is not lower`,
    );
  if (next.policy.version === now.policy.version && next.policy.name === now.policy.name && textOf(next) !== textOf(now))
    problems.push(
      `${placeOf(next, next.policyFile, "version")}: the policy changed but its version is still ${next.policy.version}; expected a higher version`,
    );
  for (const [key, word] of FIXED_AUDIT)
    if (next.site.audit[key] !== now.site.audit[key])
      problems.push(`${placeOf(next, next.siteFile, "audit", word)}: audit.${word} changed; that takes a restart`);
  if (next.site.limits.idleMs !== now.site.limits.idleMs)
    problems.push(`${placeOf(next, next.siteFile, "limits", "idle")}: limits.idle changed; that takes a restart`);
  for (const { name, interface: on, port, tls, line } of next.site.listeners)
    if (port !== 0 && now.site.listeners.some((old) => old.interface === on && old.port === port && old.tls !== tls))
      problems.push(`${next.siteFile}:${line}:1: listener ${name} on port ${port} changed to \`tls: ${tls}\`; that takes a restart`);
  const [managedFrom, managedTo] = [sayManagement(now), sayManagement(next)];
  if (managedFrom !== managedTo)
    problems.push(
      `${placeOf(next, next.siteFile, "management")}: found management at ${managedTo}; expected ${managedFrom}, as it is: to change it takes a restart`,
    );
  if (problems.length > 0) throw new UserProblems(problems);
}

function sayManagement({ site: { management } }: Documents): string {
  const { socket, web } = management;
  return web === null ? socket : `${socket} and ${web.interface} port ${web.port}`;
}

/** What the evidence was opened with, and how the site calls it. */
const FIXED_AUDIT = [
  ["directory", "directory"],
  ["key", "key"],
  ["retainMs", "retain"],
  ["maxOctets", "max_size"],
] as const;

/** `policy.yaml:2:10`: where the value stands, or what is nearest above it where it is not stated any more. */
function placeOf(documents: Documents, file: string, ...path: readonly string[]): string {
  const octets = documents.files.find((each) => each.path === file)?.octets;
  const read = readYaml(file, octets?.toString("utf8") ?? "");
  const { line, column } = read.ok ? read.value.place(path) : { line: 1, column: 1 };
  return `${file}:${line}:${column}`;
}

function textOf(documents: Documents): string {
  return documents.files.find((file) => file.path === documents.policyFile)?.octets.toString("latin1") ?? "";
}

function sameFiles(a: Documents, b: Documents): boolean {
  return (
    a.files.length === b.files.length &&
    a.files.every((file, i) => b.files[i]?.path === file.path && b.files[i]?.octets.equals(file.octets))
  );
}

/** Bind what is new while the old still serves; what fails to bind refuses the whole reload. */
async function openListeners(gateway: Gateway, documents: Documents, trust: Trust | null): Promise<Listener[]> {
  const opened: Listener[] = [];
  try {
    for (const site of documents.site.listeners) {
      if (gateway.listeners.some((listener) => sameBinding(listener.site, site))) continue;
      const listener = new Listener(gateway, site, trust);
      await listener.open();
      opened.push(listener);
    }
  } catch (error) {
    for (const listener of opened) listener.close();
    throw error;
  }
  return opened;
}

function swap(gateway: Gateway, documents: Documents, trust: Trust | null, opened: readonly Listener[]): void {
  const { road } = gateway;
  for (const session of road.sessions.open) {
    session.refundUnsent();
    // Counted under the old rules: written while it is known what they were called.
    road.writeReads(session);
  }
  gateway.documents = documents;
  gateway.site = documents.site;
  gateway.trust = trust;
  if (trust !== null) trust.rolledBack = gateway.memory.rolledBack(trust.store.lists);
  gateway.policy = new PolicyInForce(documents.policy, documents.compiled, documents.hash, gateway.policy.epoch + 1, road.clock.wall());
  if (gateway.policy.hasStops) void road.stops.journal.prepare();
  road.durability = documents.site.audit.durableBefore;
  road.whenFull = documents.site.audit.whenFull;
  swapListeners(gateway, opened);
  swapAssets(gateway);
  road.telemetry?.follow(gateway.site, gateway.assets);
  renew(gateway);
  for (const session of [...road.sessions.open]) rebind(gateway, session);
  gateway.polls.follow(gateway.assets);
  trust?.watch([...road.sessions.open], road.clock.steady());
  for (const device of road.devices) road.wants(device);
  road.turn(road.clock.monotonic());
}

function swapListeners(gateway: Gateway, opened: readonly Listener[]): void {
  const kept = gateway.listeners.filter((listener) => {
    const stays = gateway.site.listeners.some((site) => sameBinding(listener.site, site));
    if (!stays) listener.close();
    return stays;
  });
  gateway.listeners.splice(0, gateway.listeners.length, ...kept, ...opened);
}

function swapAssets(gateway: Gateway): void {
  const { road } = gateway;
  const gone = new Map<string, Asset>();
  for (const asset of [...gateway.assets.values()]) {
    const next = gateway.site.assets.get(asset.name);
    if (next !== undefined && sameDevice(asset.site, next)) continue;
    for (const session of [...asset.sessions])
      road.sessions.end(session, "siteChanged", next === undefined ? "the asset was removed" : "its device changed");
    gateway.assets.delete(asset.name);
    gone.set(asset.name, asset);
    void asset.unsolicited.close();
    if (![...gateway.assets.values()].some((other) => other.device === asset.device)) asset.device?.retire();
  }
  for (const site of gateway.site.assets.values()) {
    const asset = gateway.assets.get(site.name) ?? new Asset(site, protocolOf(site.protocol), gone.get(site.name) ?? null);
    gateway.assets.set(site.name, asset);
    asset.follow(site, gateway.policy);
    asset.block = gateway.blocks.of(site.name);
    asset.unsolicited.keepIn(eventsOf(gateway.site), road.limits.storedEvents);
    if (site.upstream.mode === "shared" && asset.device === null) asset.device = deviceFor(gateway, asset);
  }
  for (const site of gateway.site.listeners) {
    const listener = gateway.listeners.find((each) => sameBinding(each.site, site));
    listener?.serve(site, gateway.assets.get(site.asset) as Asset);
  }
}

/** The folder of what waits for event owners: beside the evidence, and none of it. */
export function eventsOf({ audit }: Site): string {
  return `${audit.directory}.events`;
}

/** Assets at one address share a device. */
export function deviceFor(gateway: Gateway, asset: Asset): Device {
  const key = `${asset.site.host}:${asset.site.port}`;
  for (const other of gateway.assets.values())
    if (other.device !== null && other.device.key === key && !other.device.retired) return other.device;
  const device = new Device(gateway.road, asset);
  device.open();
  return device;
}

/** A session under the new policy: as it was, with less, or ended because nothing is left. */
function rebind(gateway: Gateway, session: Session): void {
  const { road, policy } = gateway;
  if (!isServed(gateway, session)) {
    road.sessions.end(session, "siteChanged", "no listener would let it in any more");
    return;
  }
  const subject = subjectNow(gateway, session);
  if (typeof subject === "string") {
    road.sessions.end(session, "roleLost", "the policy gives this identity no role any more");
    return;
  }
  session.rights = new Rights(subject, policy, session.asset, road.clock, road.ratesFor(subject.identity, session.asset.name, policy));
}

function subjectNow(gateway: Gateway, session: Session): Subject | "noRole" | "unknownRole" {
  const { peer, lapsesMs } = session;
  if (peer === null) return subjectOfSource(gateway, session.stream.remoteAddress);
  if (lapsesMs === null) return subjectOfPeer(gateway, peer);
  const lapsed = subjectOfLapsed(gateway, peer, gateway.road.clock.steady());
  if (lapsed === null) return "noRole";
  session.lapsesMs = lapsed.untilMs;
  return lapsed.subject;
}

/**
 * Is there still a listener of this kind for this asset, and for this address where that is all that is known? The gateway's own session comes
 * from nowhere, so none serves it: what it reads is asked for anew under the new documents.
 */
function isServed(gateway: Gateway, session: Session): boolean {
  const source = session.peer === null ? parseIp(session.stream.remoteAddress) : null;
  return gateway.site.listeners.some(({ asset, tls, from }) => {
    if (asset !== session.asset.name) return false;
    if (session.peer !== null) return tls === "mutual";
    return tls === "none" && source !== null && from.some((prefix) => inPrefix(source, prefix));
  });
}

/** Bound alike, a listener stays bound, and serves what its line says now. Two on free ports are told apart by their names. */
function sameBinding(a: ListenerSite, b: ListenerSite): boolean {
  const facts = ({ name, interface: on, port, tls }: ListenerSite): string => JSON.stringify([on, port, tls, port === 0 ? name : null]);
  return facts(a) === facts(b);
}

/** What a device's connections are made with; everything else of an asset can change under them. */
function sameDevice(a: AssetSite, b: AssetSite): boolean {
  const facts = ({ host, port, protocol, upstream, link, tls, secureAuthentication }: AssetSite): string =>
    JSON.stringify([host, port, protocol, upstream, link, tls, secureAuthentication]);
  return facts(a) === facts(b);
}
