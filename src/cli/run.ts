/** `penstock run`: the daemon. Signals: TERM and INT drain and stop, HUP reads every document again. */
import { execFile } from "node:child_process";
import { startGateway } from "#gateway/compose";
import { openLog } from "#log";
import { EXIT } from "./exit.ts";
import { print } from "./output.ts";

export interface RunOptions {
  readonly site: string;
  readonly policy: string;
  readonly logLevel: string;
  readonly json?: boolean;
}

export async function run(options: RunOptions): Promise<number> {
  const log = openLog(options.logLevel, process.stderr.isTTY === true && options.json !== true);
  const gateway = await startGateway({ siteFile: options.site, policyFile: options.policy, log });
  return new Promise((resolve) => {
    let stopping = false;
    const stop = (signal: string): void => {
      if (stopping) return;
      stopping = true;
      log.info({ signal }, "draining");
      tellSystemd("--stopping");
      void gateway.close().then(
        () => resolve(EXIT.ok),
        (fault: unknown) => {
          log.error({ fault }, "fault while stopping");
          resolve(EXIT.internal);
        },
      );
    };
    process.on("SIGTERM", () => stop("SIGTERM"));
    process.on("SIGINT", () => stop("SIGINT"));
    process.on("SIGHUP", () => void gateway.reload());
    for (const listener of gateway.listeners) {
      const { name, addresses, port, tls } = listener.status();
      log.info({ listener: name, address: addresses.join(" "), port, tls }, "listening");
    }
    print("ready");
    tellSystemd("--ready");
  });
}

/** Node cannot write to systemd's datagram socket; its own tool can. Without NOTIFY_SOCKET nobody waits for it. */
function tellSystemd(word: "--ready" | "--stopping"): void {
  if (process.env.NOTIFY_SOCKET !== undefined) execFile("systemd-notify", [word], () => {});
}
