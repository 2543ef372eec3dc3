/** Commands that ask a running daemon over its management socket. */

import { readSite } from "#gateway/documents";
import { askDaemon } from "#management/client";
import { EXIT } from "./exit.ts";
import { complain, print, printJson } from "./output.ts";
import { showStatus } from "./status.ts";

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

/** `--socket`, else the one the site file names. @throws UsageError when there is no readable site file */
function socketOf(options: AskOptions): string {
  return options.socket ?? readSite(options.site).management.socket;
}
