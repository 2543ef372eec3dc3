/**
 * How much of the loop handshakes may take: a tenth, and half of that is kept for addresses from which somebody has proven itself (RULINGS 24).
 * Two purses are filled as time passes. A stranger's handshake is paid from one, a known address's from the other, or from the first where
 * that has something left; whoever cannot be paid for waits for its turn. One for all listeners of a loop.
 *
 * What a handshake costs is measured with the certificate in use (`handshakeCost`), not guessed: an RSA key costs ten times an elliptic one.
 */
import { duplexPair } from "node:stream";
import tls from "node:tls";
import { contextOptions, type TlsContext } from "./tlsContext.ts";

/** Of the loop's time. */
const PART = 0.1;
/** Milliseconds of handshakes that may be saved up: so long may a burst of newcomers hold up whoever is in. */
const SAVED_MS = 20;
/** Until it has been measured. Milliseconds. */
const UNMEASURED_MS = 3;
/** Nothing costs less, whatever a coarse clock says. Milliseconds. */
const LEAST_MS = 0.2;

interface Asking {
  readonly start: () => void;
  gone: boolean;
}

/** What somebody waits with; called when it need not wait any more. */
export type Withdraw = () => void;

export class HandshakeShare {
  /** Milliseconds of the loop one handshake takes. */
  costMs = UNMEASURED_MS;
  readonly #now: () => number;
  readonly #known: Asking[] = [];
  readonly #strangers: Asking[] = [];
  #forKnown = SAVED_MS / 2;
  #forAll = SAVED_MS / 2;
  #atMs: number;
  #timer: NodeJS.Timeout | null = null;

  /** @param now monotonic milliseconds */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#atMs = now();
  }

  /** Learn what a handshake costs with this certificate. Until that is known, and where it cannot be, what was known holds. */
  async measure(context: TlsContext): Promise<void> {
    try {
      this.costMs = Math.max(LEAST_MS, await handshakeCost(contextOptions(context)));
    } catch {
      // A certificate with which no handshake succeeds costs nothing: nobody gets in by it, and everybody is told why.
    }
  }

  /** Handshakes that wait for their turn. */
  get waiting(): number {
    return this.#known.length + this.#strangers.length;
  }

  /** `start` is called once it may begin: now, or later. */
  ask(known: boolean, start: () => void): Withdraw {
    const asking: Asking = { start, gone: false };
    const queue = known ? this.#known : this.#strangers;
    queue.push(asking);
    this.look();
    return () => {
      asking.gone = true;
    };
  }

  /** Time has passed: whoever can be paid for begins. */
  look(): void {
    const now = this.#now();
    const saved = Math.max(SAVED_MS / 2, this.costMs);
    const earned = ((now - this.#atMs) * PART) / 2;
    this.#atMs = now;
    this.#forKnown = Math.min(saved, this.#forKnown + earned);
    this.#forAll = Math.min(saved, this.#forAll + earned);
    while (waits(this.#known) && Math.max(this.#forKnown, this.#forAll) >= this.costMs) {
      if (this.#forKnown >= this.costMs) this.#forKnown -= this.costMs;
      else this.#forAll -= this.costMs;
      this.#known.shift()?.start();
    }
    while (waits(this.#strangers) && this.#forAll >= this.costMs) {
      this.#forAll -= this.costMs;
      this.#strangers.shift()?.start();
    }
    this.#comeBack();
  }

  #comeBack(): void {
    if (this.#timer !== null) return;
    const lacking = waits(this.#known) ? this.costMs - Math.max(this.#forKnown, this.#forAll) : this.costMs - this.#forAll;
    if (!waits(this.#known) && !waits(this.#strangers)) return;
    this.#timer = setTimeout(
      () => {
        this.#timer = null;
        this.look();
      },
      Math.max(1, Math.ceil((lacking * 2) / PART)),
    );
    this.#timer.unref();
  }
}

/** Is there anybody still interested at its head? */
function waits(queue: Asking[]): boolean {
  while (queue[0]?.gone === true) queue.shift();
  return queue.length > 0;
}

/** Handshakes that are made to learn what one costs; the quickest counts, for others may have been at work meanwhile. */
const TRIALS = 6;

/**
 * What a handshake under this context costs, milliseconds, both sides of it: ours, and for the client's certificate, which is not there, the
 * other's.
 *
 * @param options as `tls.createServer` takes them
 */
export async function handshakeCost(options: tls.TlsOptions): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < TRIALS; i++) least = Math.min(least, await oneHandshake(options));
  return least;
}

function oneHandshake(options: tls.TlsOptions): Promise<number> {
  const [near, far] = duplexPair();
  // Of the processor's time, not of the day's: at the start of a busy machine that would be many times more, for as long as the process lives.
  const started = process.cpuUsage();
  return new Promise((resolve, reject) => {
    const server = new tls.TLSSocket(near as never, {
      ...options,
      secureContext: tls.createSecureContext(options),
      isServer: true,
      requestCert: false,
    });
    const client = tls.connect({ socket: far, rejectUnauthorized: false, checkServerIdentity: () => undefined });
    const end = (): void => {
      server.destroy();
      client.destroy();
    };
    server.once("secure", () => {
      const { user, system } = process.cpuUsage(started);
      resolve((user + system) / 1_000);
      end();
    });
    for (const side of [server, client])
      side.on("error", (error) => {
        reject(error);
        end();
      });
  });
}
