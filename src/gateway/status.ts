/** A picture of the running gateway, for status and metrics. */
import { UNWRITTEN } from "#audit/entry";
import type {
  AssetStatus,
  ClockStatus,
  EndingStatus,
  ListenerStatus,
  ListStatus,
  SessionStatus,
  Status,
  TelemetryStatus,
} from "#management/protocol";
import { RAW_POINTS } from "#telemetry/samples";
import type { Asset } from "./asset.ts";
import type { GateClock } from "./clock.ts";
import type { Gateway } from "./compose.ts";
import type { Polls } from "./polls.ts";
import type { Session } from "./session.ts";
import type { Telemetry } from "./telemetry.ts";
import { endingsOf, listsOf, sayEnding, sayList } from "./upkeep.ts";

const DAY_MS = 86_400_000;
/** Of what runs out. */
const SHOWN_ENDINGS = 20;
/** Points that one warning names. */
const SHOWN_POINTS = 8;
/** A sender that says nothing for so long is not running, whatever there is of it; it speaks once a second. */
const SENDER_SILENT_S = 10;
/** Of what the evidence complained of. */
const SHOWN_TROUBLES = 5;

export function statusOf(gateway: Gateway): Status {
  const { road, site, policy } = gateway;
  const nowMs = road.clock.steady();
  const sessions = [...road.sessions.open].map((session) => sessionStatus(session, nowMs));
  const endings = endingsOf(gateway.trust, gateway.memory.clients, nowMs);
  const lists = listsOf(gateway.trust, nowMs);
  return {
    version: gateway.version,
    site: site.name,
    pid: process.pid,
    state: gateway.draining ? "draining" : "enforcing",
    uptimeSeconds: Math.floor((road.clock.monotonic() - gateway.startedMs) / 1000),
    hardware: "none",
    policy: {
      name: policy.policy.name,
      version: policy.policy.version,
      hash: policy.hash,
      loaded: new Date(policy.loadedWallMs).toISOString(),
    },
    audit: {
      directory: site.audit.directory,
      state: road.audit.state,
      durable: road.audit.durable,
      durableBefore: road.durability,
      whenFull: road.whenFull,
      stops: { passed: road.stops.passed, waiting: road.stops.journal.kept.size, trouble: road.stops.journal.trouble },
    },
    clock: clockStatus(road.clock),
    endings,
    revocationLists: lists,
    listeners: gateway.listeners.map((listener): ListenerStatus => listener.status()),
    managementPorts: gateway.web.map(({ port }) => port),
    assets: [...gateway.assets.values()].map((asset) => assetStatus(asset, gateway.polls, gateway.road.clock.monotonic())),
    sessions,
    denials: Object.fromEntries(road.stats.denials),
    strayReplies: Object.fromEntries(road.stats.strays),
    refusedHandshakes: Object.fromEntries(road.stats.refused),
    requests: road.stats.requests,
    inspection: road.stats.latency(),
    memoryOctets: process.memoryUsage.rss(),
    telemetry: road.telemetry === null ? null : telemetryStatus(road.telemetry),
    warnings: warningsOf(gateway, sessions, endings, lists),
  };
}

function telemetryStatus({ samples, events, checkpoints, faults, sender }: Telemetry): TelemetryStatus {
  const { counts, pointCount } = samples;
  return {
    points: pointCount,
    offered: { samples: counts.offered, events: events.offered, checkpoints: checkpoints.offered },
    dropped: { samples: counts.dropped, events: events.dropped, checkpoints: checkpoints.dropped },
    repeated: counts.repeated,
    leftOut: counts.leftOut,
    faults,
    sender: sender(),
  };
}

function clockStatus({ suspicion }: GateClock): ClockStatus {
  if (suspicion === null) return { state: "believed", why: null, since: null };
  return { state: "suspect", why: suspicion.words, since: new Date(suspicion.sinceMs).toISOString() };
}

/** @param now monotonic milliseconds */
function assetStatus(asset: Asset, polls: Polls, now: number): AssetStatus {
  const { site, device } = asset;
  const own = device === null ? [...asset.sessions].map((session) => session.device) : [device];
  return {
    name: asset.name,
    protocol: site.protocol,
    mode: site.mode,
    device: `${site.host}:${site.port}`,
    deviceState: device === null ? "per_session" : device.state,
    sessions: asset.sessions.size,
    waiting: own.reduce((sum, each) => sum + each.waiting, 0),
    atDevice: own.reduce((sum, each) => sum + each.atDevice, 0),
    blocked: asset.block === null ? null : asset.block.reads ? "everything" : "changes",
    silent: asset.quarantine.count(now),
    polls: polls.countsOf(asset.name),
    quirks: {
      declared: asset.quirks.declared,
      rewritten: asset.quirks.counts("rewritten"),
      needed: asset.quirks.counts("needed"),
      dropped: asset.quirks.dropped,
    },
    implausible: asset.layout.model.points.filter(({ index }) => asset.implausible[index] === 1).map(({ name }) => name),
  };
}

/** @param nowMs wall milliseconds, steady */
function sessionStatus(session: Session, nowMs: number): SessionStatus {
  const { subject } = session;
  return {
    id: session.id,
    who: subject.identity,
    name: subject.name,
    kind: subject.kind,
    roles: subject.roles,
    asset: session.asset.name,
    listener: session.listener,
    source: `${session.stream.remoteAddress}:${session.stream.remotePort}`,
    since: new Date(session.openedWallMs).toISOString(),
    requests: session.requests,
    denied: session.denied,
    pending: session.pending.size,
    certificateDaysLeft: session.peer === null ? null : Math.floor((session.peer.notAfter - nowMs) / DAY_MS),
    looksUntil: session.lapsesMs === null ? null : new Date(session.lapsesMs).toISOString(),
  };
}

function warningsOf(
  gateway: Gateway,
  sessions: readonly SessionStatus[],
  endings: readonly EndingStatus[],
  lists: readonly ListStatus[],
): string[] {
  const { road } = gateway;
  const warnings: string[] = [];
  if (road.audit.state !== "ok")
    warnings.push(`EVIDENCE ${road.audit.state.toUpperCase()}: writes are denied until records can be written`);
  const { journal } = road.stops;
  if (journal.kept.size > 0)
    warnings.push(`STOPS WITHOUT RECORD: ${journal.kept.size} in the journal, which go into the log once it takes records again`);
  if (journal.trouble !== null)
    warnings.push(
      `the journal for stops cannot be written (${journal.trouble}): while no evidence can be written either, a restart forgets them`,
    );
  const { suspicion } = road.clock;
  if (suspicion !== null)
    warnings.push(`CLOCK SUSPECT: ${suspicion.words}; \`hours\` grant nothing until it is right and confirmed (penstock clock confirm)`);
  for (const { name, unsolicited, site } of gateway.assets.values())
    if (unsolicited.waiting > 0)
      warnings.push(`EVENTS WAIT: ${unsolicited.waiting} responses of ${name} for its event owner, ${site.eventOwner ?? "nobody"}`);
  for (const list of lists) if (list.state !== "current") warnings.push(sayList(list));
  const refused = gateway.trust?.refused ?? null;
  if (refused !== null)
    for (const line of refused.words.split("\n")) warnings.push(`REVOCATION LISTS REFUSED, the old ones stay in force: ${line}`);
  const troubles = road.audit.troubles.filter((words) => road.audit.state !== "ok" || !words.startsWith(UNWRITTEN));
  for (const words of troubles.slice(-SHOWN_TROUBLES)) warnings.push(`evidence: ${words}`);
  if (road.durability === "none")
    warnings.push("DURABILITY NONE: writes do not wait for their record to be on disk (audit.durable_before: none)");
  for (const asset of gateway.assets.values()) {
    if (asset.device?.state === "down") warnings.push(`${asset.name}: device ${asset.device.key} cannot be reached`);
    if (asset.block !== null) {
      const since = new Date(asset.block.sinceMs).toISOString();
      warnings.push(
        `${asset.name}: BLOCKED to ${asset.block.reads ? "everything" : "every change"} since ${since} by ${asset.block.by} (penstock block ${asset.name} --lift)`,
      );
    }
    const quirky = asset.quirks.say();
    if (quirky !== null) warnings.push(`${asset.name}: ${quirky}`);
    const { implausible, silent } = assetStatus(asset, gateway.polls, road.clock.monotonic());
    if (implausible.length > 0)
      warnings.push(`${asset.name}: check word order: ${list(implausible)} shows what cannot be; writes to it are denied`);
    if (silent > 0) warnings.push(`${asset.name}: keeps silent at ${silent} places, which are answered 0B in its stead`);
  }
  for (const { name, asset, looksUntil } of sessions)
    if (looksUntil !== null) warnings.push(`${name}: its certificate has ended; it may look at ${asset} until ${looksUntil}`);
  const ending = endings.filter(({ tell }) => tell);
  for (const each of ending.slice(0, SHOWN_ENDINGS)) warnings.push(sayEnding(each));
  if (ending.length > SHOWN_ENDINGS) warnings.push(`${ending.length - SHOWN_ENDINGS} more certificates end soon: status --json has them`);
  if (road.telemetry === null && gateway.site.telemetry !== null)
    warnings.push("TELEMETRY: the site asks for it, and nobody sends it: nothing leaves");
  const sender = road.telemetry?.sender() ?? null;
  if (sender !== null && sender.silentSeconds >= SENDER_SILENT_S)
    warnings.push(`TELEMETRY: the sender is not running: no word of it for ${sender.silentSeconds} s, and nothing leaves (see the log)`);
  if (road.telemetry !== null && road.telemetry.faults > 0)
    warnings.push(`telemetry: ${road.telemetry.faults} faults since the start, each of which cost what it befell (see the log)`);
  if (road.telemetry !== null && road.telemetry.samples.counts.leftOut > 0)
    warnings.push(`telemetry: more unnamed addresses are read than are sampled (${RAW_POINTS} of an asset); name those that matter`);
  if (gateway.memory.trouble !== null) warnings.push(gateway.memory.trouble);
  const { refusedReload } = gateway;
  if (refusedReload !== null)
    warnings.push(`the reload of ${new Date(refusedReload.wallMs).toISOString()} was refused: ${refusedReload.problems[0] ?? ""}`);
  warnings.push("hardware: none (keys are files; there is no TPM behind them)");
  return warnings;
}

function list(names: readonly string[]): string {
  const shown = names.slice(0, SHOWN_POINTS).join(", ");
  return names.length > SHOWN_POINTS ? `${shown} and ${names.length - SHOWN_POINTS} more` : shown;
}
