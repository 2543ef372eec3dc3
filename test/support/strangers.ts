/** Strangers at a mutual TLS listener, in a process of their own so that what they cost is the gateway's alone. */
import { type ChildProcess, fork } from "node:child_process";
import net from "node:net";
import tls from "node:tls";

export interface Figures {
  /** Connections begun since they were told to flood. */
  readonly begun: number;
  /** Of them: those the gateway still holds open. */
  readonly open: number;
}

/** What they are told to do. The half-open ones come from 250 addresses of 127.0.1.0/24, the others from as many of 127.0.2.0/24. */
export interface Flood {
  readonly port: number;
  /** A ClientHello as a client sends it, base64. */
  readonly hello: string;
  readonly certificatePem: string;
  readonly keyPem: string;
  /** Connections that are begun at once and say nothing, or a ClientHello and then nothing. */
  readonly halfOpen: number;
  /** Unproven connections a second besides: handshakes without a certificate and with somebody's own; half of them half-open, where there are such. */
  readonly aSecond: number;
}

type Question = { readonly flood: Flood } | { readonly figures: true } | { readonly quiet: true };

export class Strangers {
  readonly #child: ChildProcess;

  constructor() {
    this.#child = fork(import.meta.filename, [], { execArgv: ["--disable-warning=ExperimentalWarning"] });
  }

  get pid(): number {
    return this.#child.pid as number;
  }

  /** Resolves when all of the half-open ones are connected or turned away. */
  flood(order: Flood): Promise<Figures> {
    return this.#ask({ flood: order });
  }

  figures(): Promise<Figures> {
    return this.#ask({ figures: true });
  }

  /** Resolves when all are gone. */
  quiet(): Promise<Figures> {
    return this.#ask({ quiet: true });
  }

  close(): void {
    this.#child.kill("SIGKILL");
  }

  #ask(question: Question): Promise<Figures> {
    return new Promise((resolve, reject) => {
      const gone = (): void => reject(new Error("the strangers are gone"));
      this.#child.once("exit", gone);
      this.#child.once("message", (figures) => {
        this.#child.removeListener("exit", gone);
        resolve(figures as Figures);
      });
      this.#child.send(question);
    });
  }
}

/** A ClientHello as Node's client makes it. */
export function clientHello(): Promise<Buffer> {
  return new Promise((resolve) => {
    const server = net.createServer((socket) => {
      socket.on("error", () => {});
      socket.once("data", (octets) => {
        socket.destroy();
        server.close(() => resolve(octets));
      });
    });
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as net.AddressInfo;
      tls.connect({ host: "127.0.0.1", port, rejectUnauthorized: false }).on("error", () => {});
    });
  });
}

/** So many are begun in one go: a process that lags behind gives up what it missed. */
const AT_ONCE = 5;

/** The other process. */
class Crowd {
  readonly #sockets = new Set<net.Socket>();
  #begun = 0;
  #more: NodeJS.Timeout | null = null;

  figures(): Figures {
    return { begun: this.#begun, open: this.#sockets.size };
  }

  async flood({ port, hello, certificatePem, keyPem, halfOpen, aSecond }: Flood): Promise<void> {
    const octets = Buffer.from(hello, "base64");
    const greet = (socket: net.Socket): unknown => socket.write(octets);
    this.#begun = 0;
    for (let i = 0; i < halfOpen; i += 50) {
      const settled = Array.from({ length: 50 }, (_, n) => {
        const socket = this.#connect(port, `127.0.1.${1 + ((i + n) % 250)}`, (i + n) % 2 === 0 ? null : greet);
        return new Promise((resolve) => socket.once("connect", resolve).once("close", resolve));
      });
      await Promise.all(settled);
    }
    const own = { cert: certificatePem, key: keyPem };
    const started = performance.now();
    let n = 0;
    let missed = 0;
    // By the clock, not by the timer, as far as this process gets its turns.
    this.#more = setInterval(() => {
      const due = Math.floor(((performance.now() - started) / 1_000) * aSecond) - missed;
      missed += Math.max(0, due - n - AT_ONCE);
      for (const last = Math.min(due, n + AT_ONCE); n < last; n++) {
        const from = `127.0.2.${1 + (n % 250)}`;
        if (halfOpen > 0 && n % 4 < 2) this.#connect(port, from, n % 4 === 0 ? null : greet);
        else this.#shake(port, from, n % 2 === 0 ? {} : own);
      }
    }, 5);
  }

  async quiet(): Promise<void> {
    if (this.#more !== null) clearInterval(this.#more);
    const closed = [...this.#sockets].map((socket) => new Promise((resolve) => socket.once("close", resolve)));
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(closed);
  }

  #connect(port: number, localAddress: string, greet: ((socket: net.Socket) => unknown) | null): net.Socket {
    const socket = net.connect({ host: "127.0.0.1", port, localAddress });
    if (greet !== null) socket.once("connect", () => greet(socket));
    return this.#hold(socket);
  }

  #shake(port: number, localAddress: string, own: { cert?: string; key?: string }): void {
    const options = { host: "127.0.0.1", port, localAddress, rejectUnauthorized: false, ...own };
    this.#hold(tls.connect(options as tls.ConnectionOptions));
  }

  #hold<T extends net.Socket>(socket: T): T {
    this.#begun += 1;
    this.#sockets.add(socket);
    socket.on("error", () => {});
    socket.resume();
    socket.once("close", () => this.#sockets.delete(socket));
    return socket;
  }
}

if (process.argv[1] === import.meta.filename && process.send !== undefined) {
  const crowd = new Crowd();
  process.on("message", async (question: Question) => {
    if ("flood" in question) await crowd.flood(question.flood);
    else if ("quiet" in question) await crowd.quiet();
    process.send?.(crowd.figures());
  });
  process.on("disconnect", () => process.exit());
}
