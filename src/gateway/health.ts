/** How the gateway is, in a few numbers, for whoever watches from outside. */
import type { Gateway } from "./compose.ts";

export function healthOf({ version, site, policy, road, assets, startedMs, draining }: Gateway): Record<string, unknown> {
  const now = road.clock.monotonic();
  const { telemetry } = road;
  return {
    site: site.name,
    version,
    state: draining ? "draining" : "enforcing",
    policy: policy.hash,
    uptimeSeconds: Math.floor((now - startedMs) / 1000),
    clock: road.clock.suspicion === null ? "believed" : "suspect",
    audit: { state: road.audit.state, durable: road.audit.durable, waiting: road.audit.waiting },
    sessions: road.sessions.open.size,
    requests: road.stats.requests,
    denied: [...road.stats.denials.values()].reduce((sum, count) => sum + count, 0),
    assets: [...assets.values()].map((asset) => ({
      name: asset.name,
      device: asset.device?.state ?? "per_session",
      sessions: asset.sessions.size,
      waiting: asset.device?.waiting ?? 0,
      blocked: asset.block === null ? null : asset.block.reads ? "everything" : "changes",
      silent: asset.quarantine.count(now),
    })),
    samples: telemetry === null ? null : { ...telemetry.samples.counts },
  };
}
