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
import type { PointInfo, Sample } from "../model.ts";
import { Counts } from "./counts.ts";
import { Doubt } from "./doubt.ts";
import { HostState } from "./hostState.ts";
import { deviceBirth, isMisfit, linkData, nodeBirth, nodeDeath, REBIRTH, sampleData } from "./metrics.ts";
import { decodePayload, type Metric } from "./payload.ts";
import { type Device, type Learned, type Point, Points } from "./points.ts";
import { Making, type Now, type Outgoing, type Step } from "./step.ts";
import { deviceTopic, heardOn, type NodeName, nodeTopic, subscriptions } from "./topics.ts";

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

/** seq and bdSeq count 0..255. */
const ROUND = 256;
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
/** Of one message. */
export const METRICS = 500;

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
  readonly #points = new Points();
  readonly #doubt: Doubt;
  readonly #commands = new Counts();
  readonly #states = new Counts();
  readonly #misfits = new Counts();
  readonly #refused = new Counts();
  #state: State = { at: "away" };
  #bdSeq: number;
  #seq = 0;
  #isAlive = true;
  #isTold = false;
  #unknownSinceMs: number | null = null;
  #namedMs = Number.NEGATIVE_INFINITY;

  constructor(options: EdgeNodeOptions) {
    this.name = options.name;
    this.#options = options;
    this.subscriptions = subscriptions(options.name, options.primaryHost);
    this.#host = options.primaryHost === null ? null : new HostState();
    this.#doubt = new Doubt(options.doubtfulMs);
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
    return this.#doubt.isUnproven;
  }

  get counts(): { readonly commandsIgnored: number; readonly statesIgnored: number; readonly misfits: number; readonly refused: number } {
    const counts = [this.#commands, this.#states, this.#misfits, this.#refused].map(({ total }) => total);
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
    if (this.#doubt.leftOut > 0) step.notes.push({ is: "doubtLeftOut", count: this.#doubt.leftOut });
    this.#doubt.leftOut = 0;
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
    this.#doubt.prove(sentMs);
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
    const learned = this.#points.learn(infos);
    if (this.isReady) for (const device of learned.gone) this.#kill(step, device, now);
    this.#tell(step, learned, now);
    return step;
  }

  /** The link to the gateway is silent, or speaks again. */
  link(isAlive: boolean, now: Now): Step {
    const step = new Making();
    if (isAlive === this.#isAlive) return step;
    this.#isAlive = isAlive;
    if (!this.isReady) return step;
    for (const device of this.#points.devices.values()) {
      if (isAlive) this.#bear(step, device, now);
      else this.#kill(step, device, now);
    }
    this.#send(step, nodeTopic(this.name, "NDATA"), linkData(isAlive, now.wallMs), now);
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
    this.#publish(step, samples, now, (point, sample) => this.#judge(step, state, point, sample, now));
    return Object.assign(step, { taken: true });
  }

  /** Samples that cannot go yet: births that go before they do have what they say. */
  remember(samples: readonly Sample[]): void {
    for (const sample of samples) this.#remember(sample);
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
    const again = this.#doubt.take();
    if (again.length === 0) return;
    this.#tell(step, this.#points.nameThose(again), now);
    this.#publish(step, again, now, () => true);
  }

  #births(step: Making, state: Born, now: Now, rebirth: boolean): void {
    state.bornMs = now.ms;
    state.isRebirthDue = false;
    this.#seq = 0;
    for (const device of this.#points.devices.values()) device.isBorn = false;
    this.#send(step, nodeTopic(this.name, "NBIRTH"), nodeBirth(this.#bdSeq, this.#isAlive, now.wallMs), now);
    if (this.#isAlive) for (const device of this.#points.devices.values()) this.#bear(step, device, now);
    step.notes.push({ is: "born", devices: this.#points.devices.size, points: this.#points.size, rebirth });
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
    this.#doubt.lose(now.ms);
    for (const device of this.#points.devices.values()) device.isBorn = false;
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

  /** Tell the hosts what was learned, if they are listening. */
  #tell(step: Making, learned: Learned, now: Now): void {
    if (this.isReady && this.#isAlive) for (const device of learned.changed) this.#bear(step, device, now);
    if (learned.refused > 0) this.#refuse(step, "points", learned.refused, now);
    if (learned.alike.length > 0) step.notes.push({ is: "alike", names: learned.alike });
  }

  #refuse(step: Making, what: "points" | "samples", many: number, now: Now): void {
    const told = this.#refused.note(what, now.ms, many);
    if (told !== null) step.notes.push({ is: "refused", what, count: told.count });
  }

  /** Has every sample a name now, or will it never have one? A birth may be on its way that knows better than we would. */
  #name(step: Making, samples: readonly Sample[], now: Now): boolean {
    if (samples.every(({ asset, point }) => this.#points.find(asset, point) !== null)) return true;
    this.#unknownSinceMs ??= now.ms;
    if (!this.#isTold && now.ms - this.#unknownSinceMs < GRACE_MS) return false;
    if (now.ms - this.#namedMs < NAMING_MS) return false;
    const before = this.#points.size;
    this.#tell(step, this.#points.nameThose(samples), now);
    // What is refused once is refused always: there is nothing to wait for.
    if (this.#points.size > before) this.#namedMs = now.ms;
    return true;
  }

  #bear(step: Making, device: Device, now: Now): void {
    device.isBorn = true;
    this.#send(step, deviceTopic(this.name, "DBIRTH", device.name), deviceBirth(device, now.wallMs), now);
  }

  #kill(step: Making, device: Device, now: Now): void {
    if (!device.isBorn) return;
    device.isBorn = false;
    this.#send(step, deviceTopic(this.name, "DDEATH", device.name), [], now);
  }

  // Data

  /** Not the current value of its point? One that came on time may be stored since, while nobody took it. */
  #judge(step: Making, state: Born, { asset }: Point, sample: Sample, now: Now): boolean {
    const lag = this.#points.devices.get(asset)?.lagMs;
    if (sample.historical || lag === undefined) return true;
    if (!this.#isAlive || (state.isCatchingUp && sample.timeMs + (lag[sample.timeOf] ?? 0) < state.sinceWallMs)) {
      this.#remember(sample);
      return true;
    }
    if (state.isCatchingUp) this.#catchUp(step, state, now);
    lag[sample.timeOf] = Math.min(lag[sample.timeOf] ?? Number.POSITIVE_INFINITY, now.wallMs - sample.timeMs);
    return false;
  }

  /** All that was stored has gone, as historical; what of it is the newest of its point becomes the current value. */
  #catchUp(step: Making, state: Born, now: Now): void {
    state.isCatchingUp = false;
    if (!this.#isAlive) return;
    for (const device of this.#points.devices.values()) {
      if (!device.isBorn) continue;
      const metrics: Metric[] = [];
      const samples: Sample[] = [];
      for (const point of device.points.values()) {
        if (point.isTold || point.latest === null) continue;
        samples.push(point.latest);
        metrics.push(sampleData(point, point.latest, false));
      }
      this.#sendData(step, device, metrics, now);
      this.#doubt.write(samples, now.ms);
    }
  }

  #remember(sample: Sample): void {
    const point = this.#points.find(sample.asset, sample.point);
    if (point === null || sample.historical) return;
    if (point.latest !== null && sample.timeMs < point.latest.timeMs) return;
    if (point.latest?.id === sample.id) return;
    point.latest = sample;
    point.isTold = false;
  }

  /** @param isHistorical asked of each in order */
  #publish(step: Making, samples: readonly Sample[], now: Now, isHistorical: (point: Point, sample: Sample) => boolean): void {
    const byDevice = new Map<Device, Metric[]>();
    const written: Sample[] = [];
    for (const sample of samples) {
      const device = this.#points.devices.get(sample.asset);
      const point = device?.points.get(sample.point);
      if (device === undefined || point === undefined) continue;
      const historical = isHistorical(point, sample);
      if (!historical) point.latest = sample;
      if (isMisfit(point, sample)) this.#noteMisfit(step, point, now);
      const metrics = byDevice.get(device) ?? [];
      byDevice.set(device, metrics);
      metrics.push(sampleData(point, sample, historical));
      written.push(sample);
    }
    const refused = samples.length - written.length;
    if (refused > 0) this.#refuse(step, "samples", refused, now);
    for (const [device, metrics] of byDevice) this.#publishOf(step, device, metrics, now);
    this.#doubt.write(written, now.ms);
  }

  /** A device that is dead is born for what it still had to say. */
  #publishOf(step: Making, device: Device, metrics: Metric[], now: Now): void {
    const wasBorn = device.isBorn;
    if (!wasBorn) this.#bear(step, device, now);
    this.#sendData(step, device, metrics, now);
    if (!wasBorn && !this.#isAlive) this.#kill(step, device, now);
  }

  #sendData(step: Making, device: Device, metrics: Metric[], now: Now): void {
    // In order of their times (Sparkplug 3.0 §5.16), those of one time as they came.
    metrics.sort((a, b) => (a.timeMs ?? 0) - (b.timeMs ?? 0));
    for (let i = 0; i < metrics.length; i += METRICS)
      this.#send(step, deviceTopic(this.name, "DDATA", device.name), metrics.slice(i, i + METRICS), now);
  }

  #noteMisfit(step: Making, { asset, name }: Point, now: Now): void {
    const told = this.#misfits.note(`${asset}/${name}`, now.ms);
    if (told !== null) step.notes.push({ is: "misfit", point: told.kind, count: told.count });
  }

  #send(step: Making, topic: string, metrics: readonly Metric[], now: Now): void {
    step.publish.push({ topic, payload: { timeMs: now.wallMs, seq: this.#seq, metrics }, qos: 0 });
    this.#seq = (this.#seq + 1) % ROUND;
  }
}
