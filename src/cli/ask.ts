/** Commands that ask a running daemon over its management socket. */

import { readSite } from "#gateway/documents";
import { askDaemon } from "#management/client";
import type { Answer } from "#management/protocol";
import { EXIT, UsageError } from "./exit.ts";
import { complain, print, printJson } from "./output.ts";
import { sessionTable, showStatus } from "./status.ts";

export interface AskOptions {
  readonly site: string;
  readonly socket?: string;
  readonly json?: boolean;
  readonly metrics?: boolean;
}

export async function status(options: AskOptions): Promise<number> {
  return showStatus({ socket: socketOf(options), json: options.json === true, metrics: options.metrics === true });
}

export async function reload(options: AskOptions): Promise<number> {
  const answer = await askDaemon(socketOf(options), { ask: "reload" });
  if (options.json === true) printJson(answer);
  else if (!answer.ok) complain(answer.error ?? "the daemon refused");
  else if (answer.reload?.problems.length === 0) print(answer.reload.changed ? "reloaded" : "nothing had changed");
  for (const line of answer.reload?.problems ?? []) complain(line);
  return answer.ok && answer.reload?.problems.length === 0 ? EXIT.ok : EXIT.fails;
}

export async function confirmClock(options: AskOptions): Promise<number> {
  const answer = await askDaemon(socketOf(options), { ask: "clockConfirm", uid: process.getuid?.() ?? 0 });
  if (options.json === true) printJson(answer);
  else if (!answer.ok || answer.clock === undefined) complain(answer.error ?? "the daemon refused");
  else if (answer.clock.was === null) print(`the clock was not suspect; it says ${answer.clock.says}`);
  else print(`confirmed: the clock says ${answer.clock.says} and is believed from now on`);
  return answer.ok ? EXIT.ok : EXIT.fails;
}

/** Sessions alone; `status` shows them among all else. */
export async function listSessions(options: AskOptions): Promise<number> {
  const answer = await askDaemon(socketOf(options), { ask: "status" });
  if (!answer.ok || answer.status === undefined) {
    complain(answer.error ?? "the daemon refused");
    return EXIT.fails;
  }
  const { sessions } = answer.status;
  if (options.json === true) printJson({ sessions });
  else print(sessions.length === 0 ? "nobody is connected" : sessionTable(sessions));
  return EXIT.ok;
}

export async function endSession(session: string, options: AskOptions): Promise<number> {
  const answer = await askDaemon(socketOf(options), { ask: "endSession", session, uid: process.getuid?.() ?? 0 });
  return tell(answer, `session ${session} has ended`, options);
}

export async function blockAsset(
  asset: string,
  options: AskOptions & { readonly reads?: boolean; readonly lift?: boolean },
): Promise<number> {
  const uid = process.getuid?.() ?? 0;
  if (options.lift === true && options.reads === true) throw new UsageError(["found --lift and --reads; expected one of them"]);
  const answer = await askDaemon(
    socketOf(options),
    options.lift === true ? { ask: "unblock", asset, uid } : { ask: "block", asset, reads: options.reads === true, uid },
  );
  const closed = options.reads === true ? "nothing passes" : "no write and no control passes; reads do";
  return tell(answer, options.lift === true ? `${asset} is open again` : `${asset} is blocked: ${closed}`, options);
}

function tell(answer: Answer, words: string, options: AskOptions): number {
  if (options.json === true) printJson(answer);
  else if (answer.ok) print(words);
  else complain(answer.error ?? "the daemon refused");
  return answer.ok ? EXIT.ok : EXIT.fails;
}

/** `--socket`, else the one the site file names. @throws UsageError when there is no readable site file */
function socketOf(options: AskOptions): string {
  return options.socket ?? readSite(options.site).management.socket;
}
