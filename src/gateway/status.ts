/** A picture of the running gateway, for status and metrics. */
import type { AssetStatus, ListenerStatus, SessionStatus, Status } from "#management/protocol";
import type { Asset } from "./asset.ts";
import type { Gateway } from "./compose.ts";
import type { Session } from "./session.ts";

const DAY_MS = 86_400_000;
/** Certificates with fewer days left are named in the warnings. */
const WARN_DAYS = 30;
/** Of what the evidence complained of. */
const SHOWN_TROUBLES = 5;

export function statusOf(gateway: Gateway): Status {
  const { road, site, policy } = gateway;
  const sessions = [...road.sessions.open].map((session) => sessionStatus(session, road.clock.wall()));
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
    },
    listeners: gateway.listeners.map((listener): ListenerStatus => listener.status()),
    metricsPorts: gateway.web.map(({ port }) => port),
    assets: [...gateway.assets.values()].map(assetStatus),
    sessions,
    denials: Object.fromEntries(road.stats.denials),
    strayReplies: Object.fromEntries(road.stats.strays),
    refusedHandshakes: Object.fromEntries(road.stats.refused),
    requests: road.stats.requests,
    inspection: road.stats.latency(),
    memoryOctets: process.memoryUsage.rss(),
    warnings: warningsOf(gateway, sessions),
  };
}

function assetStatus(asset: Asset): AssetStatus {
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
  };
}

function sessionStatus(session: Session, wallMs: number): SessionStatus {
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
    certificateDaysLeft: session.peer === null ? null : Math.floor((session.peer.notAfter - wallMs) / DAY_MS),
  };
}

function warningsOf(gateway: Gateway, sessions: readonly SessionStatus[]): string[] {
  const { road } = gateway;
  const warnings: string[] = [];
  if (road.audit.state !== "ok")
    warnings.push(`EVIDENCE ${road.audit.state.toUpperCase()}: writes are denied until records can be written`);
  for (const words of road.audit.troubles.slice(-SHOWN_TROUBLES)) warnings.push(`evidence: ${words}`);
  if (road.durability === "none")
    warnings.push("DURABILITY NONE: writes do not wait for their record to be on disk (audit.durable_before: none)");
  for (const asset of gateway.assets.values()) {
    if (asset.device?.state === "down") warnings.push(`${asset.name}: device ${asset.device.key} cannot be reached`);
  }
  for (const session of sessions) {
    const days = session.certificateDaysLeft;
    if (days !== null && days < WARN_DAYS) warnings.push(`${session.name}: certificate ends in ${days} days`);
  }
  warnings.push("hardware: none (keys are files; there is no TPM behind them)");
  return warnings;
}
