/** `penstock run`: the daemon. Signals: TERM and INT drain and stop, HUP reads every document again. */
import { execFile } from "node:child_process";
import { startGateway } from "#gateway/compose";
import { type Log, openLog } from "#log";
import { PipeOffer } from "#telemetry/pipe";
import { EXIT } from "./exit.ts";
import { print, printJson } from "./output.ts";
import { SenderChild } from "./senderChild.ts";

/** So long the last lines of the log may take, milliseconds. */
const LAST_WORDS_MS = 1_000;

export interface RunOptions {
  readonly site: string;
  readonly policy: string;
  readonly logLevel: string;
  readonly json?: boolean;
}

export async function run(options: RunOptions): Promise<number> {
  const log = openLog(options.logLevel, process.stderr.isTTY === true && options.json !== true);
  endOnFault(log);
  // What is announced while it starts may have changed after it was read. One listener for good: a signal between two would be lost.
  let reload: (() => void) | null = null;
  let announced = false;
  process.on("SIGHUP", () => {
    if (reload === null) announced = true;
    else reload();
  });
  let sender: SenderChild | null = null;
  const gateway = await startGateway({
    siteFile: options.site,
    policyFile: options.policy,
    log,
    telemetry: ({ telemetry }) => {
      if (telemetry?.send == null) return null;
      const offer = new PipeOffer(telemetry.send.content);
      sender = new SenderChild(telemetry.send, options.site, offer, log);
      sender.start();
      return offer;
    },
    sender: () => sender?.look() ?? null,
  });
  reload = () => void gateway.reload();
  return new Promise((resolve) => {
    let stopping = false;
    const stop = (signal: string): void => {
      if (stopping) return;
      stopping = true;
      log.info({ signal }, "draining");
      tellSystemd("STOPPING=1");
      void gateway
        .close()
        .then(() => sender?.stop())
        .then(
          () => resolve(EXIT.ok),
          (fault: unknown) => {
            log.error({ fault }, "fault while stopping");
            resolve(EXIT.internal);
          },
        )
        // Lines that nobody reads keep nobody from ending.
        .finally(() => setTimeout(() => process.exit(), LAST_WORDS_MS).unref());
    };
    process.on("SIGTERM", () => stop("SIGTERM"));
    process.on("SIGINT", () => stop("SIGINT"));
    if (announced) void gateway.reload();
    const listeners = gateway.listeners.map((listener) => {
      const { name, asset, addresses, port, tls } = listener.status();
      log.info({ listener: name, address: addresses.join(" "), port, tls }, "listening");
      return { name, asset, addresses, port, tls };
    });
    // Whoever waited for it may be gone, and a full disk behind it is no fault of the gateway's.
    process.stdout.removeAllListeners("error").on("error", () => {});
    if (options.json === true) printJson({ event: "ready", listeners, managementPorts: gateway.web.map(({ port }) => port) });
    else print("ready");
    tellSystemd("READY=1");
  });
}

/**
 * A fault that nobody caught leaves a state that nobody designed, so nothing is judged in it: the gate shuts with the process, and says why.
 * A rejection that nobody handles comes here too. What is on the disk verifies; the next start takes up the chain.
 */
function endOnFault(log: Log): void {
  process.on("uncaughtException", (fault: unknown) => {
    log.fatal({ fault }, "a fault that nobody caught; the gateway ends");
    process.exit(EXIT.internal);
  });
}

/** Node cannot write to systemd's datagram socket; its own tool can. Without NOTIFY_SOCKET nobody waits for it. */
function tellSystemd(word: "READY=1" | "STOPPING=1"): void {
  if (process.env.NOTIFY_SOCKET !== undefined) execFile("systemd-notify", [word], () => {});
}
