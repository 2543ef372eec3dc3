/**
 * How a command reaches a running daemon: over the local socket of its site, or, with `--gateway`, over the management port of a gateway
 * elsewhere, as the person whose certificate it is.
 */
import { visible } from "#documents/escape";
import { readSite } from "#gateway/documents";
import { askDaemon } from "#management/client";
import { askPort } from "#management/portClient";
import type { Answer, Ask } from "#management/protocol";
import { type Papers, PapersProblem, readPapers } from "#tunnel/papers";
import { sayEnd, sayFailure } from "#tunnel/words";
import { UsageError } from "./exit.ts";
import { hostPort } from "./hostPort.ts";

export interface WayOptions {
  readonly site: string;
  readonly socket?: string;
  readonly gateway?: string;
  readonly gatewayName?: string;
  readonly certificate?: string;
  readonly key?: string;
  readonly ca?: string;
  readonly json?: boolean;
}

const PATIENCE_MS = 10_000;

/** Never rejects but for what was given: what went wrong on the way is the answer's `error`. @throws UsageError */
export async function askGateway(options: WayOptions, ask: Ask, patienceMs = PATIENCE_MS): Promise<Answer> {
  if (options.gateway !== undefined) return askElsewhere(options.gateway, options, ask, patienceMs);
  const stray = (["certificate", "key", "ca", "gatewayName"] as const).find((name) => options[name] !== undefined);
  if (stray !== undefined)
    throw new UsageError([`found ${flagOf(stray)} without --gateway; expected both, or neither: the local socket needs none`]);
  return askDaemon(options.socket ?? readSite(options.site).management.socket, { ...ask, uid: process.getuid?.() ?? 0 }, patienceMs);
}

async function askElsewhere(gateway: string, options: WayOptions, ask: Ask, timeoutMs: number): Promise<Answer> {
  const { socket, certificate, key, ca } = options;
  if (socket !== undefined) throw new UsageError(["found --gateway and --socket; expected one of them"]);
  if (certificate === undefined || key === undefined || ca === undefined)
    throw new UsageError([
      "found --gateway without all of --certificate, --key and --ca; expected the person's own, and the gateway's authority",
    ]);
  const { host, port } = hostPort(gateway, "--gateway", 1);
  const papers = papersOf({ certificate, key, ca });
  const answer = await askPort({ host, port, context: papers.context, serverName: options.gatewayName ?? host, timeoutMs }, ask);
  if (!("failed" in answer)) return answer;
  return { ok: false, error: visible(sayUnanswered(answer.failed, gateway, papers.subject, timeoutMs)) };
}

function papersOf(files: Parameters<typeof readPapers>[0]): Papers {
  try {
    return readPapers(files, Date.now());
  } catch (error) {
    if (error instanceof PapersProblem) throw new UsageError([visible(error.message)]);
    throw error;
  }
}

function sayUnanswered(failed: string, gateway: string, subject: string, timeoutMs: number): string {
  if (failed === "closed") return sayEnd(null, gateway, subject);
  if (failed === "noAnswer") return `what answers at ${gateway} is no management port of a Penstock gateway`;
  return sayFailure(failed, gateway, timeoutMs);
}

function flagOf(name: string): string {
  return name === "gatewayName" ? "--gateway-name" : `--${name}`;
}
