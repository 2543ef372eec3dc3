/** `penstock status`: what a running daemon says of itself. */
import type { Answer, SenderStatus, Status } from "#management/protocol";
import { EXIT } from "./exit.ts";
import { print, printJson, table } from "./output.ts";

/** @param answer to a question for the status, or for metrics */
export function showStatus({ status, metrics }: Answer, json: boolean): number {
  if (metrics !== undefined) process.stdout.write(metrics);
  else if (json) printJson(status);
  else if (status !== undefined) print(forPeople(status));
  return EXIT.ok;
}

function forPeople(s: Status): string {
  const lines = [
    `penstock ${s.version} at ${s.site}: ${s.state}, up ${age(s.uptimeSeconds)}, process ${s.pid}, ${Math.round(s.memoryOctets / 1e6)} MB`,
    `policy ${s.policy.name} version ${s.policy.version} (${s.policy.hash.slice(0, 12)}), loaded ${s.policy.loaded}`,
    `evidence ${s.audit.state}: ${s.audit.durable} records on disk in ${s.audit.directory}, durable before ${s.audit.durableBefore}, hardware ${s.hardware}`,
    `requests ${s.requests}, inspection p50 ${us(s.inspection.p50)} p99 ${us(s.inspection.p99)} p99.9 ${us(s.inspection.p999)} max ${us(s.inspection.max)}`,
    "",
    table([
      ["ASSET", "DEVICE", "STATE", "MODE", "SESSIONS", "WAITING", "AT DEVICE"],
      ...s.assets.map((a) => [a.name, a.device, a.deviceState, a.mode, String(a.sessions), String(a.waiting), String(a.atDevice)]),
    ]),
    "",
    table([
      ["LISTENER", "ASSET", "TLS", "ADDRESS", "CONNECTIONS"],
      ...s.listeners.map((l) => [
        l.name,
        l.asset,
        l.tls,
        l.addresses.map((a) => (a.includes(":") ? `[${a}]:${l.port}` : `${a}:${l.port}`)).join(" "),
        String(l.connections),
      ]),
    ]),
  ];
  if (s.sessions.length > 0) {
    lines.push("", sessionTable(s.sessions));
  }
  const denials = Object.entries(s.denials);
  if (denials.length > 0) lines.push("", table([["DENIED", "COUNT"], ...denials.map(([code, n]) => [code, String(n)])]));
  const refused = Object.entries(s.refusedHandshakes);
  if (refused.length > 0) lines.push("", table([["REFUSED BEFORE A SESSION", "COUNT"], ...refused.map(([why, n]) => [why, String(n)])]));
  const strays = Object.entries(s.strayReplies);
  if (strays.length > 0) lines.push("", table([["STRAY REPLIES", "COUNT"], ...strays.map(([what, n]) => [what, String(n)])]));
  const quirks = s.assets.flatMap(({ name, quirks: { declared, rewritten } }) =>
    declared.map((quirk) => [name, quirk, String(rewritten[quirk] ?? 0)]),
  );
  if (quirks.length > 0) lines.push("", table([["ASSET", "QUIRK", "REPLIES REWRITTEN"], ...quirks]));
  if (s.telemetry !== null) {
    const { points, offered, dropped } = s.telemetry;
    const classes = Object.keys(offered) as (keyof typeof offered)[];
    const rows = classes.map((each) => [each, String(offered[each]), String(dropped[each])]);
    lines.push("", table([[`TELEMETRY (${points} points)`, "OFFERED", "DROPPED"], ...rows]));
    if (s.telemetry.sender !== null) lines.push("", senderTable(s.telemetry.sender));
  }
  if (s.warnings.length > 0) lines.push("", ...s.warnings.map((w) => `! ${w}`));
  return lines.join("\n");
}

function senderTable({ alive, epoch, frames, notSent, waiting, spoolOctets, restarts }: SenderStatus): string {
  const said = (value: number | null): string => (value === null ? "-" : String(value));
  return table([
    ["SENDER", "EPOCH", "FRAMES", "NOT SENT", "WAITING", "SPOOL", "RESTARTS"],
    [
      alive ? "running" : "silent",
      said(epoch),
      said(frames),
      said(notSent),
      waiting === null ? "-" : `${waiting} octets`,
      spoolOctets === null ? "-" : `${(spoolOctets / 1e6).toFixed(1)} MB`,
      String(restarts),
    ],
  ]);
}

export function sessionTable(sessions: Status["sessions"]): string {
  return table([
    ["SESSION", "WHO", "ROLES", "ASSET", "SOURCE", "SINCE", "REQUESTS", "DENIED", "CERTIFICATE"],
    ...sessions.map((each) => [
      each.id,
      each.name,
      each.roles.join("+"),
      each.asset,
      each.source,
      each.since.slice(11, 19),
      String(each.requests),
      String(each.denied),
      sayCertificate(each),
    ]),
  ]);
}

function sayCertificate({ certificateDaysLeft: days, looksUntil }: Status["sessions"][number]): string {
  if (looksUntil !== null) return `ended, looks until ${looksUntil.slice(0, 16)}Z`;
  return days === null ? "none" : `${days} days`;
}

function us(value: number): string {
  return value < 1000 ? `${value.toFixed(1)} µs` : `${(value / 1000).toFixed(2)} ms`;
}

function age(seconds: number): string {
  const days = Math.floor(seconds / 86_400);
  const clock = new Date((seconds % 86_400) * 1000).toISOString().slice(11, 19);
  return days === 0 ? clock : `${days} d ${clock}`;
}
