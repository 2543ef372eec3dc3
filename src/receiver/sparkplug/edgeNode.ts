/**
 * One Sparkplug edge node: what a gateway is to the hosts behind the broker. Nothing can be asked of the plant, so it answers for itself, from
 * the last births and values that came over the link. Pure: no socket, no clock; events come in with the time, steps go out.
 *
 *     away ── connecting(server): bdSeq +1, the will ─▶ connecting ── opened ─▶ waiting ── no primary host, or it is online ─▶ born
 *       ▲                                                                          │                                           │
 *       └────────────── lost; the primary host is offline (NDEATH); leaving ───────┴───────────────────────────────────────────┘
 *
 *     born: NBIRTH (seq 0), DBIRTH of every device, then what was doubtful in the last session, as historical; then data as it comes.
 *
 * INVARIANT: seq counts every message since the NBIRTH, whichever device it is of, 255 -> 0. INVARIANT: no data of a device but between its
 * DBIRTH and its DDEATH. INVARIANT: a point's current value never goes back to an older one.
 *
 * @source Sparkplug 3.0 chapters 4 to 6; RULINGS 41
 */

import { Counts } from "../counts.ts";
import type { PointInfo, Sample } from "../model.ts";
import { HostState } from "./hostState.ts";
import { nodeDeath, REBIRTH } from "./metrics.ts";
import { decodePayload } from "./payload.ts";
import type { Point } from "./points.ts";
import { Publisher, ROUND } from "./publisher.ts";
import { Making, type Now, type Outgoing, type Step } from "./step.ts";
import { heardOn, type NodeName, nodeTopic, subscriptions } from "./topics.ts";

export interface EdgeNodeOptions {
  readonly name: NodeName;
  /** Births wait for it; null: they wait for nobody. */
  readonly primaryHost: string | null;
  /** How many brokers there are to go to. */
  readonly servers: number;
  /** So long what was written stays doubtful, whatever the broker says: within it a host may have died unnoticed. */
  readonly doubtfulMs: number;
  /** Of the first CONNECT; the specification says 0. */
  readonly firstBdSeq?: number;
}

/** Births are not sent again sooner, however often they are asked for. */
export const REBIRTH_MS = 1_000;
/** New names, each of which is a DBIRTH, are given no more often. */
export const NAMING_MS = 1_000;
/** Samples of points nobody has told of wait so long for somebody to tell. */
export const GRACE_MS = 10_000;
/** Nothing was offered for so long: nothing is stored any more. */
export const IDLE_MS = 250;
/** With several brokers, the next is tried when the primary host is not seen at this one. */
export const HOST_MS = 30_000;

interface Born {
  readonly at: "born";
  readonly server: number;
  /** Of the newest births. */
  bornMs: number;
  /** Of the session's first. What has an older time was stored while nobody took it. */
  readonly sinceWallMs: number;
  isCatchingUp: boolean;
  /** Since when nothing is offered; null: nothing was taken yet, or something is on its way. */
  idleMs: number | null;
  /** It was asked for again, too soon after the last. Until then nothing is sent. */
  isRebirthDue: boolean;
}

type State =
  | { readonly at: "away" }
  | { readonly at: "connecting"; readonly server: number }
  | { readonly at: "waiting"; readonly server: number; readonly sinceMs: number }
  | Born;

export class EdgeNode {
  readonly name: NodeName;
  readonly subscriptions: readonly string[];
  readonly #options: EdgeNodeOptions;
  readonly #host: HostState | null;
  readonly #publisher: Publisher;
  readonly #commands = new Counts();
  readonly #states = new Counts();
  #state: State = { at: "away" };
  #bdSeq: number;
  #isTold = false;
  #unknownSinceMs: number | null = null;
  #namedMs = Number.NEGATIVE_INFINITY;

  constructor(options: EdgeNodeOptions) {
    this.name = options.name;
    this.#options = options;
    this.subscriptions = subscriptions(options.name, options.primaryHost);
    this.#host = options.primaryHost === null ? null : new HostState();
    this.#publisher = new Publisher(options.name, options.doubtfulMs);
    this.#bdSeq = ((options.firstBdSeq ?? 0) + ROUND - 1) % ROUND;
  }

  get at(): State["at"] {
    return this.#state.at;
  }

  /** Does it take data now? */
  get isReady(): boolean {
    return this.#state.at === "born" && !this.#state.isRebirthDue;
  }

  /** Was anything written that a ping would prove? */
  get isUnproven(): boolean {
    return this.#publisher.doubt.isUnproven;
  }

  get counts(): { readonly commandsIgnored: number; readonly statesIgnored: number; readonly misfits: number; readonly refused: number } {
    const counts = [this.#commands, this.#states, this.#publisher.misfits, this.#publisher.refused].map(({ total }) => total);
    const [commandsIgnored = 0, statesIgnored = 0, misfits = 0, refused = 0] = counts;
    return { commandsIgnored, statesIgnored, misfits, refused };
  }

  /** A CONNECT is about to be sent to that broker. @returns its will */
  connecting(server: number): Outgoing {
    this.#bdSeq = (this.#bdSeq + 1) % ROUND;
    this.#host?.forget();
    this.#state = { at: "connecting", server };
    return this.#death();
  }

  /** The session is there, and so are its subscriptions. */
  opened(now: Now): Step {
    const step = new Making();
    if (this.#state.at !== "connecting") return step;
    this.#state = { at: "waiting", server: this.#state.server, sinceMs: now.ms };
    this.#look(step, now);
    return step;
  }

  /** The session is over, whoever ended it. */
  lost(now: Now): Step {
    const step = new Making();
    this.#end(now);
    if (this.#publisher.doubt.leftOut > 0) step.notes.push({ is: "doubtLeftOut", count: this.#publisher.doubt.leftOut });
    this.#publisher.doubt.leftOut = 0;
    return step;
  }

  /** The session is to end: we close. */
  leaving(now: Now): Step {
    const step = new Making();
    this.#leave(step, now);
    return step;
  }

  /** The broker answered a ping that was sent at `sentMs`. */
  proven(sentMs: number): void {
    this.#publisher.doubt.prove(sentMs);
  }

  /** What `data` gave has been written, and nobody offers more yet. */
  written(now: Now): void {
    if (this.#state.at === "born") this.#state.idleMs = now.ms;
  }

  heard(topic: string, octets: Uint8Array, retained: boolean, now: Now): Step {
    const step = new Making();
    const heard = heardOn(topic, this.name);
    if (heard.is === "STATE" && heard.host === this.#options.primaryHost) this.#hearState(step, octets, now);
    if (heard.is === "NCMD") this.#hearCommand(step, "NCMD", octets, retained, now);
    if (heard.is === "DCMD") this.#hearCommand(step, `DCMD ${heard.device}`, octets, retained, now);
    return step;
  }

  /** All points there are. */
  learn(infos: readonly PointInfo[], now: Now): Step {
    const step = new Making();
    this.#isTold = true;
    this.#publisher.tell(step, this.#publisher.points.learn(infos), this.isReady, now);
    return step;
  }

  /** The link to the gateway is silent, or speaks again. */
  link(isAlive: boolean, now: Now): Step {
    const step = new Making();
    if (isAlive === this.#publisher.isAlive) return step;
    this.#publisher.isAlive = isAlive;
    if (this.isReady) this.#publisher.link(step, now);
    return step;
  }

  /** @returns `taken`: they are in the messages (or refused for good, and told of); else offer them again later */
  data(samples: readonly Sample[], now: Now): Step & { readonly taken: boolean } {
    const step = new Making();
    const state = this.#state;
    if (state.at !== "born" || state.isRebirthDue || !this.#name(step, samples, now)) {
      this.remember(samples);
      return Object.assign(step, { taken: false });
    }
    if (state.isCatchingUp && state.idleMs !== null && now.ms - state.idleMs >= IDLE_MS) this.#catchUp(step, state, now);
    state.idleMs = null;
    this.#publisher.data(step, samples, now, (point, sample) => this.#judge(step, state, point, sample, now));
    return Object.assign(step, { taken: true });
  }

  /** Samples that cannot go yet: births that go before they do have what they say. */
  remember(samples: readonly Sample[]): void {
    for (const sample of samples) this.#publisher.remember(sample);
  }

  /** Time has passed. */
  tick(now: Now): Step {
    const step = new Making();
    const state = this.#state;
    if (state.at === "waiting") this.#look(step, now);
    if (state.at !== "born") return step;
    if (state.isRebirthDue && now.ms - state.bornMs >= REBIRTH_MS) this.#births(step, state, now, true);
    if (this.isReady && state.isCatchingUp && state.idleMs !== null && now.ms - state.idleMs >= IDLE_MS) this.#catchUp(step, state, now);
    return step;
  }

  // Sessions

  /** May births go? Is there another broker to look for the host at? */
  #look(step: Making, now: Now): void {
    if (this.#state.at !== "waiting") return;
    const { server, sinceMs } = this.#state;
    if (this.#host !== null && this.#host.isOnline !== true) {
      const isHopeless = this.#host.isOnline === false || now.ms - sinceMs >= HOST_MS;
      if (isHopeless && this.#options.servers > 1) this.#leave(step, now);
      return;
    }
    const born: Born = {
      at: "born",
      server,
      bornMs: now.ms,
      sinceWallMs: now.wallMs,
      isCatchingUp: true,
      idleMs: null,
      isRebirthDue: false,
    };
    this.#state = born;
    this.#births(step, born, now, false);
    const again = this.#publisher.doubt.take();
    if (again.length === 0) return;
    this.#publisher.tell(step, this.#publisher.points.nameThose(again), true, now);
    this.#publisher.data(step, again, now, () => true);
  }

  #births(step: Making, state: Born, now: Now, rebirth: boolean): void {
    state.bornMs = now.ms;
    state.isRebirthDue = false;
    this.#publisher.births(step, this.#bdSeq, now);
    const { points } = this.#publisher;
    step.notes.push({ is: "born", devices: points.devices.size, points: points.size, rebirth });
  }

  /** Nothing is taken any more once this has returned. */
  #leave(step: Making, now: Now): void {
    if (this.#state.at === "away") return;
    step.leave = this.#state.at === "born" ? "farewell" : "drop";
    if (step.leave === "farewell") step.publish.push(this.#death());
    this.#end(now);
  }

  #end(now: Now): void {
    if (this.#state.at === "away") return;
    this.#state = { at: "away" };
    this.#publisher.doubt.lose(now.ms);
    this.#publisher.end();
  }

  #death(): Outgoing {
    return { topic: nodeTopic(this.name, "NDEATH"), payload: { timeMs: null, seq: null, metrics: nodeDeath(this.#bdSeq) }, qos: 1 };
  }

  // What is heard

  #hearState(step: Making, octets: Uint8Array, now: Now): void {
    const { at } = this.#state;
    if (this.#host === null || this.#state.at === "away") return;
    const before = this.#host.isOnline;
    const heard = this.#host.hear(this.#state.server, octets);
    if (heard === "older" || heard === "malformed") {
      const told = this.#states.note(heard, now.ms);
      if (told !== null) step.notes.push({ is: "stateIgnored", why: heard, count: told.count });
      return;
    }
    if (this.#host.isOnline !== before) step.notes.push({ is: heard === "online" ? "hostOnline" : "hostOffline" });
    if (at === "born" && heard === "offline") this.#leave(step, now);
    else this.#look(step, now);
  }

  /** One thing is done on command: births again. All else ends here. */
  #hearCommand(step: Making, verb: string, octets: Uint8Array, retained: boolean, now: Now): void {
    const payload = decodePayload(octets);
    if (!payload.ok || payload.value.metrics.length === 0) {
      this.#ignore(step, `${verb}: not a payload`, now);
      return;
    }
    for (const { name, alias, value } of payload.value.metrics) {
      // One that the broker holds was meant for somebody before us.
      if (verb === "NCMD" && name === REBIRTH && value === true && !retained) this.#askBirths(step, now);
      else this.#ignore(step, `${verb}: ${(name ?? `alias ${alias}`).slice(0, 128)}`, now);
    }
  }

  #ignore(step: Making, command: string, now: Now): void {
    const told = this.#commands.note(command, now.ms);
    if (told !== null) step.notes.push({ is: "commandIgnored", command: told.kind, count: told.count });
  }

  #askBirths(step: Making, now: Now): void {
    if (this.#state.at !== "born" || this.#state.isRebirthDue) return;
    step.notes.push({ is: "rebirthAsked" });
    this.#state.isRebirthDue = true;
    if (now.ms - this.#state.bornMs >= REBIRTH_MS) this.#births(step, this.#state, now, true);
  }

  // Names

  /** Has every sample a name now, or will it never have one? A birth may be on its way that knows better than we would. */
  #name(step: Making, samples: readonly Sample[], now: Now): boolean {
    if (samples.every(({ asset, point }) => this.#publisher.points.find(asset, point) !== null)) return true;
    this.#unknownSinceMs ??= now.ms;
    if (!this.#isTold && now.ms - this.#unknownSinceMs < GRACE_MS) return false;
    if (now.ms - this.#namedMs < NAMING_MS) return false;
    const before = this.#publisher.points.size;
    this.#publisher.tell(step, this.#publisher.points.nameThose(samples), true, now);
    // What is refused once is refused always: there is nothing to wait for.
    if (this.#publisher.points.size > before) this.#namedMs = now.ms;
    return true;
  }

  // Data

  /** Not the current value of its point? One that came on time may be stored since, while nobody took it. */
  #judge(step: Making, state: Born, { asset }: Point, sample: Sample, now: Now): boolean {
    const lag = this.#publisher.points.devices.get(asset)?.lagMs;
    if (sample.historical || lag === undefined) return true;
    if (!this.#publisher.isAlive || (state.isCatchingUp && sample.timeMs + (lag[sample.timeOf] ?? 0) < state.sinceWallMs)) {
      this.#publisher.remember(sample);
      return true;
    }
    if (state.isCatchingUp) this.#catchUp(step, state, now);
    lag[sample.timeOf] = Math.min(lag[sample.timeOf] ?? Number.POSITIVE_INFINITY, now.wallMs - sample.timeMs);
    return false;
  }

  /** All that was stored has gone, as historical; what of it is the newest of its point becomes the current value. */
  #catchUp(step: Making, state: Born, now: Now): void {
    state.isCatchingUp = false;
    this.#publisher.currents(step, now);
  }
}
