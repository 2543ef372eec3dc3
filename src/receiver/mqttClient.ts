/** Session after session with a broker: backs off, goes on to the next broker, and never gives up until it is closed. */
import { type BrokerOptions, type Message, MqttSession, type SessionEvents } from "./mqttSession.ts";

export interface ClientEvents extends SessionEvents {
  /** A CONNECT is about to be sent to that broker. @returns its will */
  connecting(server: number): Message;
  /** Accepted and subscribed. */
  opened(session: MqttSession): void;
  /** Each `connecting` is followed by one of these in the end. @param retryMs when the next comes */
  lost(reason: string, retryMs: number): void;
}

const FIRST_MS = 500;
const LONGEST_MS = 30_000;
/** A session that lasted longer was a good one: the next is tried without delay. */
const GOOD_MS = 5_000;

/** @param random 0..1: many that lost one broker do not come back as one */
export function backoffMs(failures: number, random: number): number {
  return Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(failures, 10)) * (0.5 + random / 2);
}

export class MqttClient {
  /** null: there is none, or it is not subscribed yet. */
  session: MqttSession | null = null;
  readonly #broker: BrokerOptions;
  readonly #clientId: string;
  readonly #filters: readonly string[];
  readonly #events: ClientEvents;
  readonly #random: () => number;
  #isClosed = false;
  #wake: () => void = () => {};
  readonly #running: Promise<void>;

  constructor(broker: BrokerOptions, clientId: string, filters: readonly string[], events: ClientEvents, random: () => number) {
    this.#broker = broker;
    this.#clientId = clientId;
    this.#filters = filters;
    this.#events = events;
    this.#random = random;
    this.#running = this.#run();
  }

  /** No session follows this one. @param withWill the broker is to send the will, too, where it can be asked to */
  async close(withWill: boolean): Promise<void> {
    this.#isClosed = true;
    this.#wake();
    await this.session?.farewell(withWill);
    await this.#running;
  }

  async #run(): Promise<void> {
    // Whoever made this has its events wired before the first of them.
    await Promise.resolve();
    let failures = 0;
    for (let turn = 0; !this.#isClosed; turn++) {
      const server = turn % this.#broker.servers.length;
      const startedMs = performance.now();
      const reason = await this.#one(server);
      failures = performance.now() - startedMs >= GOOD_MS ? 0 : failures + 1;
      const retryMs = this.#isClosed ? 0 : backoffMs(failures, this.#random());
      this.#events.lost(reason, retryMs);
      await this.#rest(retryMs);
    }
  }

  /** @returns why it ended */
  async #one(server: number): Promise<string> {
    const will = this.#events.connecting(server);
    const session = await MqttSession.open(this.#broker, this.#broker.servers[server] as string, this.#clientId, will, this.#events);
    if (typeof session === "string") return session;
    const isIn = !this.#isClosed && (await session.subscribe(this.#filters));
    if (!isIn || this.#isClosed) {
      session.drop();
      const reason = await session.ended;
      return isIn || this.#isClosed ? reason : "not subscribed";
    }
    this.session = session;
    this.#events.opened(session);
    const reason = await session.ended;
    this.session = null;
    return reason;
  }

  #rest(ms: number): Promise<void> {
    if (this.#isClosed) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
