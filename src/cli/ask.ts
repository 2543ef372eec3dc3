/** Commands that ask a running daemon, or tell it something. */

import { visible } from "#documents/escape";
import type { Answer } from "#management/protocol";
import { EXIT, UsageError } from "./exit.ts";
import { complain, print, printJson } from "./output.ts";
import { sessionTable, showStatus } from "./status.ts";
import { askGateway, type WayOptions } from "./way.ts";

export async function status(options: WayOptions & { readonly metrics?: boolean }): Promise<number> {
  const wantsMetrics = options.metrics === true;
  if (wantsMetrics && options.gateway !== undefined)
    throw new UsageError(["found --metrics and --gateway; metrics of a gateway elsewhere are at https://HOST:PORT/metrics"]);
  const answer = await askGateway(options, { ask: wantsMetrics ? "metrics" : "status" });
  return answer.ok ? showStatus(answer, options.json === true) : refused(answer, options);
}

export async function reload(options: WayOptions): Promise<number> {
  const answer = await askGateway(options, { ask: "reload" }, RELOAD_MS);
  const ok = answer.ok && answer.reload?.problems.length === 0;
  if (options.json === true) printJson({ ...answer, ok });
  else if (!answer.ok) return refused(answer);
  else if (ok) print(answer.reload?.changed === true ? "reloaded" : "nothing had changed");
  for (const line of answer.reload?.problems ?? []) complain(line);
  return ok ? EXIT.ok : EXIT.fails;
}

/** Documents of ten thousand rules are read and compiled in seconds. */
const RELOAD_MS = 60_000;

export async function confirmClock(options: WayOptions): Promise<number> {
  const answer = await askGateway(options, { ask: "clockConfirm" });
  if (options.json === true) printJson(answer);
  else if (!answer.ok || answer.clock === undefined) return refused(answer);
  else if (answer.clock.was === null) print(`the clock was not suspect; it says ${answer.clock.says}`);
  else print(`confirmed: the clock says ${answer.clock.says} and is believed from now on`);
  return answer.ok ? EXIT.ok : EXIT.fails;
}

/** Sessions alone; `status` shows them among all else. */
export async function listSessions(options: WayOptions): Promise<number> {
  const answer = await askGateway(options, { ask: "sessions" });
  if (!answer.ok || answer.sessions === undefined) return refused(answer, options);
  const { sessions } = answer;
  if (options.json === true) printJson({ sessions });
  else print(sessions.length === 0 ? "nobody is connected" : sessionTable(sessions));
  return EXIT.ok;
}

export async function endSession(session: string, options: WayOptions): Promise<number> {
  return tell(await askGateway(options, { ask: "endSession", session }), `session ${session} has ended`, options);
}

export async function blockAsset(
  asset: string,
  options: WayOptions & { readonly reads?: boolean; readonly lift?: boolean },
): Promise<number> {
  if (options.lift === true && options.reads === true) throw new UsageError(["found --lift and --reads; expected one of them"]);
  const answer = await askGateway(
    options,
    options.lift === true ? { ask: "unblock", asset } : { ask: "block", asset, reads: options.reads === true },
  );
  const closed = options.reads === true ? "nothing passes" : "no write and no control passes; reads do";
  return tell(answer, options.lift === true ? `${asset} is open again` : `${asset} is blocked: ${closed}`, options);
}

export function tell(answer: Answer, words: string, options: WayOptions): number {
  if (options.json === true) printJson(answer);
  else if (answer.ok) print(visible(words));
  else complain(visible(answer.error ?? NO_REASON));
  return answer.ok ? EXIT.ok : failed(answer);
}

/** @param options with `json` the answer is an object too */
export function refused(answer: Answer, options: { readonly json?: boolean } = {}): number {
  if (options.json === true) printJson(answer);
  complain(visible(answer.error ?? NO_REASON));
  return failed(answer);
}

function failed({ mistaken }: Answer): number {
  return mistaken === true ? EXIT.usage : EXIT.fails;
}

const NO_REASON = "the daemon refused";
