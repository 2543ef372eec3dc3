/** Prometheus text from a status. Made on demand; the road keeps plain counters and knows nothing of it. */
import { Counter, Gauge, Registry } from "prom-client";
import type { Status } from "./protocol.ts";

export async function metricsText(status: Status): Promise<string> {
  const registers = [new Registry()];
  const gauge = (name: string, help: string, labelNames: string[] = []) =>
    new Gauge({ name: `penstock_${name}`, help, labelNames, registers });
  const counter = (name: string, help: string, labelNames: string[] = []) =>
    new Counter({ name: `penstock_${name}`, help, labelNames, registers });

  gauge("info", "Version and policy in force; always 1.", ["version", "site", "policy", "policy_version", "hash", "hardware"]).set(
    {
      version: status.version,
      site: status.site,
      policy: status.policy.name,
      policy_version: String(status.policy.version),
      hash: status.policy.hash,
      hardware: status.hardware,
    },
    1,
  );
  gauge("uptime_seconds", "Seconds since start.").set(status.uptimeSeconds);
  gauge("resident_memory_bytes", "Resident memory.").set(status.memoryOctets);
  counter("requests_total", "Requests inspected since start.").inc(status.requests);
  const denials = counter("denials_total", "Requests denied since start, by code.", ["code"]);
  for (const [code, count] of Object.entries(status.denials)) denials.inc({ code }, count);
  const strays = counter("stray_replies_total", "Device replies that answered nothing, by what was wrong.", ["what"]);
  for (const [what, count] of Object.entries(status.strayReplies)) strays.inc({ what }, count);
  const refused = counter("handshakes_refused_total", "Connections refused before a session, by reason.", ["reason"]);
  for (const [reason, count] of Object.entries(status.refusedHandshakes)) refused.inc({ reason }, count);
  const latency = gauge("inspection_microseconds", "Frame complete to record enqueued, since start.", ["quantile"]);
  for (const quantile of ["p50", "p99", "p999", "max"] as const) latency.set({ quantile }, status.inspection[quantile]);
  gauge("audit_ok", "1 while evidence can be written.").set(status.audit.state === "ok" ? 1 : 0);
  gauge("audit_durable_sequence", "Highest record number on disk.").set(status.audit.durable);
  counter("stops_without_record_total", "Essential stops that passed while their record could not be written.").inc(
    status.audit.stops.passed,
  );
  gauge("stops_waiting", "Of those, how many the log does not have yet.").set(status.audit.stops.waiting);
  gauge("clock_suspect", "1 while the machine's clock is not believed.").set(status.clock.state === "suspect" ? 1 : 0);
  if (status.telemetry !== null) {
    const { points, offered, dropped, faults, sender } = status.telemetry;
    gauge("telemetry_points", "Points that samples may name.").set(points);
    const taken = counter("telemetry_offered_total", "Offered to the sender and taken, by class.", ["class"]);
    for (const [of, count] of Object.entries(offered)) taken.inc({ class: of }, count);
    const lost = counter("telemetry_dropped_total", "Offered to the sender and not taken, by class.", ["class"]);
    for (const [of, count] of Object.entries(dropped)) lost.inc({ class: of }, count);
    counter("telemetry_faults_total", "Faults in telemetry; each cost what it befell.").inc(faults);
    if (sender !== null) {
      const { alive, restarts, epoch, frames, notSent, waiting, spoolOctets } = sender;
      gauge("sender_up", "1 while the sender runs and says so.").set(alive ? 1 : 0);
      counter("sender_restarts_total", "Times the sender was started again.").inc(restarts);
      // What it has not said yet is not there, rather than 0.
      if (epoch !== null) gauge("sender_epoch", "Number of the sender's start.").set(epoch);
      if (frames !== null) counter("sender_frames_total", "Frames that left, of this start of the sender.").inc(frames);
      if (notSent !== null) counter("sender_frames_not_sent_total", "Frames that this host did not let leave, of this start.").inc(notSent);
      if (waiting !== null) gauge("sender_waiting_bytes", "Records that wait for a frame.").set(waiting);
      if (spoolOctets !== null) gauge("sender_spool_bytes", "Frames on the disk, for copies.").set(spoolOctets);
    }
  }
  const days = gauge("days_left", "Days until a certificate ends or a revocation list falls due.", ["what", "name", "fingerprint"]);
  for (const { what, name, fingerprint, daysLeft } of status.endings)
    days.set({ what, name, fingerprint: fingerprint?.slice(0, 16) ?? "" }, daysLeft);
  const stale = gauge("revocation_list_stale", "1 while an overdue or rolled back list denies writes and controls.", ["issuer"]);
  for (const { issuer, state } of status.revocationLists) stale.set({ issuer }, state === "stale" || state === "rolledBack" ? 1 : 0);
  const sessions = gauge("sessions", "Open sessions by asset.", ["asset"]);
  const waiting = gauge("queue_waiting", "Requests waiting for a device.", ["asset"]);
  const atDevice = gauge("requests_at_device", "Requests at a device.", ["asset"]);
  const ready = gauge("device_ready", "1 while the device is connected.", ["asset"]);
  const rewritten = counter("replies_rewritten_total", "Device replies rewritten to the standard's form, by declared quirk.", [
    "asset",
    "quirk",
  ]);
  const needed = counter("replies_dropped_for_quirk_total", "Device replies dropped that an undeclared quirk would explain.", [
    "asset",
    "quirk",
  ]);
  const polls = counter("poll_requests_total", "Requests of the gateway's own polls, by what became of them.", ["asset", "what"]);
  for (const asset of status.assets) {
    for (const [what, count] of Object.entries(asset.polls ?? {})) polls.inc({ asset: asset.name, what }, count);
    for (const quirk of asset.quirks.declared) rewritten.inc({ asset: asset.name, quirk }, asset.quirks.rewritten[quirk] ?? 0);
    for (const [quirk, count] of Object.entries(asset.quirks.needed)) needed.inc({ asset: asset.name, quirk }, count);
    sessions.set({ asset: asset.name }, asset.sessions);
    waiting.set({ asset: asset.name }, asset.waiting);
    atDevice.set({ asset: asset.name }, asset.atDevice);
    ready.set({ asset: asset.name }, asset.deviceState === "down" || asset.deviceState === "connecting" ? 0 : 1);
  }
  return (registers[0] as Registry).metrics();
}
