/**
 * What an edge node says while it is born, and the one count over all of it: births and deaths of devices, data, and which of it is current.
 * Pure: time comes in as an argument, messages go into the step that is being made.
 */
import { Counts } from "../counts.ts";
import type { Sample } from "../model.ts";
import { Doubt } from "./doubt.ts";
import { deviceBirth, isMisfit, linkData, nodeBirth, sampleData } from "./metrics.ts";
import type { Metric } from "./payload.ts";
import { type Device, type Learned, type Point, Points } from "./points.ts";
import type { Making, Now } from "./step.ts";
import { deviceTopic, type NodeName, nodeTopic } from "./topics.ts";

/** seq and bdSeq count 0..255. */
export const ROUND = 256;
/** Of one message. */
export const METRICS = 500;

export class Publisher {
  readonly name: NodeName;
  readonly points = new Points();
  readonly doubt: Doubt;
  readonly misfits = new Counts();
  readonly refused = new Counts();
  /** Does the link to the gateway speak? */
  isAlive = true;
  #seq = 0;

  constructor(name: NodeName, doubtfulMs: number) {
    this.name = name;
    this.doubt = new Doubt(doubtfulMs);
  }

  births(step: Making, bdSeq: number, now: Now): void {
    this.#seq = 0;
    this.end();
    this.#send(step, nodeTopic(this.name, "NBIRTH"), nodeBirth(bdSeq, this.isAlive, now.wallMs), now);
    if (this.isAlive) for (const device of this.points.devices.values()) this.#bear(step, device, now);
  }

  /** Nobody is born any more. */
  end(): void {
    for (const device of this.points.devices.values()) device.isBorn = false;
  }

  /** Every device is born, or dies, with the link to the gateway. */
  link(step: Making, now: Now): void {
    for (const device of this.points.devices.values()) {
      if (this.isAlive) this.#bear(step, device, now);
      else this.#kill(step, device, now);
    }
    this.#send(step, nodeTopic(this.name, "NDATA"), linkData(this.isAlive, now.wallMs), now);
  }

  /** @param isHeard false: births are still to come, and will say it */
  tell(step: Making, learned: Learned, isHeard: boolean, now: Now): void {
    if (isHeard) for (const device of learned.gone) this.#kill(step, device, now);
    if (isHeard && this.isAlive) for (const device of learned.changed) this.#bear(step, device, now);
    if (learned.refused > 0) this.#refuse(step, "points", learned.refused, now);
    if (learned.alike.length > 0) step.notes.push({ is: "alike", names: learned.alike });
  }

  /** Of each point the newest on time, if no host has it as current yet. */
  currents(step: Making, now: Now): void {
    if (!this.isAlive) return;
    for (const device of this.points.devices.values()) {
      if (!device.isBorn) continue;
      const metrics: Metric[] = [];
      const samples: Sample[] = [];
      for (const point of device.points.values()) {
        if (point.isTold || point.latest === null) continue;
        samples.push(point.latest);
        metrics.push(sampleData(point, point.latest, false));
      }
      this.#sendData(step, device, metrics, now);
      this.doubt.write(samples, now.ms);
    }
  }

  /** It is not told as current, but may be the newest. */
  remember(sample: Sample): void {
    const point = this.points.find(sample.asset, sample.point);
    if (point === null || sample.historical) return;
    if (point.latest !== null && (sample.timeMs < point.latest.timeMs || point.latest.id === sample.id)) return;
    point.latest = sample;
    point.isTold = false;
  }

  /** @param isHistorical asked of each in order */
  data(step: Making, samples: readonly Sample[], now: Now, isHistorical: (point: Point, sample: Sample) => boolean): void {
    const byDevice = new Map<Device, Metric[]>();
    const written: Sample[] = [];
    for (const sample of samples) {
      const device = this.points.devices.get(sample.asset);
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
    this.doubt.write(written, now.ms);
  }

  /** A device that is dead is born for what it still had to say. */
  #publishOf(step: Making, device: Device, metrics: Metric[], now: Now): void {
    const wasBorn = device.isBorn;
    if (!wasBorn) this.#bear(step, device, now);
    this.#sendData(step, device, metrics, now);
    if (!wasBorn && !this.isAlive) this.#kill(step, device, now);
  }

  #sendData(step: Making, device: Device, metrics: Metric[], now: Now): void {
    // In order of their times (Sparkplug 3.0 §5.16), those of one time as they came.
    metrics.sort((a, b) => (a.timeMs ?? 0) - (b.timeMs ?? 0));
    for (let i = 0; i < metrics.length; i += METRICS)
      this.#send(step, deviceTopic(this.name, "DDATA", device.name), metrics.slice(i, i + METRICS), now);
  }

  #noteMisfit(step: Making, { asset, name }: Point, now: Now): void {
    const told = this.misfits.note(`${asset}/${name}`, now.ms);
    if (told !== null) step.notes.push({ is: "misfit", point: told.kind, count: told.count });
  }

  #send(step: Making, topic: string, metrics: readonly Metric[], now: Now): void {
    step.publish.push({ topic, payload: { timeMs: now.wallMs, seq: this.#seq, metrics }, qos: 0 });
    this.#seq = (this.#seq + 1) % ROUND;
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

  #refuse(step: Making, what: "points" | "samples", many: number, now: Now): void {
    const told = this.refused.note(what, now.ms, many);
    if (told !== null) step.notes.push({ is: "refused", what, count: told.count });
  }
}
