/** The tunnel as a program: what it is told, what it says, how it ends. */
import { visible } from "#documents/escape";
import { parseIp } from "#transport/interfaces";
import { isLocalOnly, openTunnel, type Tunnel, type TunnelEvent } from "#tunnel/connect";
import { PapersProblem } from "#tunnel/papers";
import { EXIT, UsageError } from "../exit.ts";
import { hostPort } from "../hostPort.ts";
import { complain, print, printJson, progress } from "../output.ts";

export interface ConnectOptions {
  readonly certificate: string;
  readonly key: string;
  readonly ca: string;
  readonly listen: string;
  readonly gatewayName?: string;
  readonly anyLocalUser?: boolean;
  readonly bindBeyondLoopback?: boolean;
  readonly json?: boolean;
}

/** From here on a person is told that the certificate ends. */
const WARN_DAYS = 30;
/** Equal complaints within this long become one with a count, milliseconds. */
const QUIET_MS = 10_000;

/** Runs until SIGTERM or SIGINT. @throws UsageError */
export async function connect(gateway: string, options: ConnectOptions): Promise<number> {
  const to = hostPort(gateway, "<gateway:port>", 1);
  const at = hostPort(options.listen, "--listen", 0);
  if (parseIp(at.host) === null)
    throw new UsageError([`--listen: found "${visible(options.listen)}"; expected an address and a port, as 127.0.0.1:1502`]);
  if (!isLocalOnly(at.host) && options.bindBeyondLoopback !== true) {
    throw new UsageError([
      `--listen: found ${at.host}, which other computers may reach; expected a loopback address`,
      "whoever reaches that port acts with your certificate; --bind-beyond-loopback allows it",
    ]);
  }
  const uid = process.getuid?.();
  if (uid === undefined && options.anyLocalUser !== true)
    throw new UsageError(["this system does not tell users apart; --any-local-user serves all"]);
  const say = options.json === true ? printJson : sayToPerson;
  const quiet = new Quiet((event) => say(event));
  const tunnel = await open(
    {
      gatewayHost: to.host,
      gatewayPort: to.port,
      gatewayName: options.gatewayName ?? to.host,
      papers: { certificate: options.certificate, key: options.key, ca: options.ca },
      listenHost: at.host,
      listenPort: at.port,
      anyLocalUser: options.anyLocalUser === true,
      uid: uid ?? -1,
    },
    (event) => quiet.tell(event),
  );
  const where = tunnel.address.includes(":") ? `[${tunnel.address}]:${tunnel.port}` : `${tunnel.address}:${tunnel.port}`;
  const daysLeft = Math.floor((tunnel.notAfterMs - Date.now()) / 86_400_000);
  if (options.json === true) {
    const anyLocalUser = options.anyLocalUser === true;
    printJson({
      event: "ready",
      listen: where,
      gateway,
      subject: tunnel.subject,
      daysLeft,
      anyLocalUser,
      beyondLoopback: !isLocalOnly(at.host),
    });
  } else {
    if (daysLeft < WARN_DAYS) complain(`the certificate ${visible(tunnel.subject)} ${sayEnd(daysLeft, tunnel.notAfterMs)}`);
    if (options.anyLocalUser === true) complain(`whoever reaches ${where} acts as ${visible(tunnel.subject)}`);
    print(`ready ${where}`);
  }
  await stopped();
  await tunnel.close();
  quiet.flush();
  return EXIT.ok;
}

function sayEnd(daysLeft: number, notAfterMs: number): string {
  if (daysLeft >= 0) return `ends in ${daysLeft} days`;
  return `ended on ${new Date(notAfterMs).toISOString().slice(0, 10)}: the gateway may let it look, or refuse it; have it renewed (penstock pki renew)`;
}

async function open(options: Parameters<typeof openTunnel>[0], tell: (event: TunnelEvent) => void): Promise<Tunnel> {
  try {
    return await openTunnel(options, tell);
  } catch (error) {
    if (error instanceof PapersProblem) throw new UsageError([visible(error.message)]);
    const code = (error as NodeJS.ErrnoException).code;
    const words = code === undefined ? undefined : BIND_ERRORS[code];
    if (words === undefined) throw error;
    throw new UsageError([`--listen: ${options.listenHost}:${options.listenPort} cannot be used: ${words}`]);
  }
}

const BIND_ERRORS: Readonly<Record<string, string>> = {
  EADDRINUSE: "another program listens there (another penstock connect?)",
  EACCES: "ports below 1024 need a privilege; take a higher one",
  EADDRNOTAVAIL: "this computer has no such address",
};

function stopped(): Promise<void> {
  return new Promise((resolve) => {
    process.once("SIGTERM", () => resolve());
    process.once("SIGINT", () => resolve());
  });
}

function sayToPerson(event: TunnelEvent & { readonly repeated?: number }): void {
  const more = event.repeated === undefined ? "" : ` (${event.repeated} more times in the last seconds)`;
  switch (event.event) {
    case "connected":
      progress(`${event.from} connected`);
      return;
    case "closed":
      progress(`${event.from} closed, ${event.toGateway} octets to the gateway, ${event.fromGateway} from it`);
      return;
    case "cut":
      complain(`${event.from} cut: ${visible(event.words)}${more}`);
      return;
    case "failed":
      complain(`${visible(event.words)}${more}`);
      return;
    case "refused":
      complain(`${event.from} refused: ${visible(event.words)}${more}`);
  }
}

/** An HMI that tries again and again says the same each time: once is enough, and a count. */
class Quiet {
  readonly #say: (event: TunnelEvent & { readonly repeated?: number }) => void;
  /** By event and reason, of which there are few. */
  readonly #lately = new Map<string, { readonly until: number; held: TunnelEvent | null; count: number }>();

  constructor(say: (event: TunnelEvent & { readonly repeated?: number }) => void) {
    this.#say = say;
  }

  tell(event: TunnelEvent): void {
    if (event.event === "connected" || event.event === "closed") {
      this.#say(event);
      return;
    }
    const key = `${event.event} ${event.reason}`;
    const now = performance.now();
    const said = this.#lately.get(key);
    if (said !== undefined && now < said.until) {
      said.held = event;
      said.count += 1;
      return;
    }
    this.#lately.set(key, { until: now + QUIET_MS, held: null, count: 0 });
    this.#say(said !== undefined && said.count > 0 ? { ...event, repeated: said.count } : event);
  }

  /** What was held back and not said. */
  flush(): void {
    for (const { held, count } of this.#lately.values()) if (held !== null) this.#say({ ...held, repeated: count });
    this.#lately.clear();
  }
}
