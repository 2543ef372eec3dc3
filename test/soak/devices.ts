/** The simulated devices of a soak, a process of its own: they keep what came, octet for octet where it is a write, and have a hard life. */
import { createWriteStream, type WriteStream } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { Random } from "#test/fuzz/random";
import { Plc } from "#test/support/plc";
import { ASSETS, type AssetName, DEVICE_HOST } from "./documents.ts";
import { nextTrouble, type Trouble } from "./faults.ts";
import { Lateness } from "./lateness.ts";
import type { DeviceCounts, FromDevices, ToDevices } from "./messages.ts";
import { arrivedAs, digest, PERMIT, PERMIT_LIMIT, REGION, STEP, serialOf, UNIT, type Write } from "./requests.ts";
import { Witness } from "./witness.ts";

const PERMIT_MS = 4_000;
const SHOUT_MS = 5;
/** One write in so many is looked for in the log as it comes. */
const LOOK_EVERY = 25;
const COUNTS_MS = 1_000;

const say = (message: FromDevices): void => void process.send?.(message);

class Device {
  readonly asset: AssetName;
  readonly plc = new Plc();
  reads = 0;
  writes = 0;
  foreign = 0;
  framed = 0;
  port = 0;
  readonly #out: WriteStream;
  readonly #witness: Witness;
  /** What the last read of `permit` showed; null: nobody has read it since the device started. */
  #shown: number | null = null;

  constructor(asset: AssetName, out: WriteStream, witness: Witness) {
    this.asset = asset;
    this.#out = out;
    this.#witness = witness;
    this.plc.keep = false;
    this.plc.seen = (frame) => this.#seen(frame);
  }

  async open(): Promise<void> {
    this.port = await this.plc.listen(this.port, DEVICE_HOST);
  }

  get inputs(): Uint16Array {
    let cells = this.plc.inputs.get(UNIT);
    if (cells === undefined) {
      cells = new Uint16Array(65_536);
      this.plc.inputs.set(UNIT, cells);
    }
    return cells;
  }

  /** Everything it held is gone. */
  forget(): void {
    this.plc.unit(UNIT).fill(0);
    this.plc.bits(UNIT).fill(0);
    this.#shown = null;
  }

  #seen(frame: Buffer): void {
    this.framed += frame.length;
    const unit = frame[6] as number;
    const pdu = frame.subarray(7);
    const arrived = arrivedAs(unit, pdu);
    if (arrived.is === "read") {
      this.reads += 1;
      if (pdu[0] === 4 && pdu.readUInt16BE(1) <= PERMIT) this.#shown = this.inputs[PERMIT] as number;
      return;
    }
    const serial = arrived.is === "write" ? serialOf(arrived.write) : null;
    if (arrived.is === "foreign" || serial === null) {
      this.foreign += 1;
      say({ is: "wrong", words: `octets nobody was allowed to send came to ${this.asset}: ${frame.toString("hex")}` });
      return;
    }
    this.writes += 1;
    this.#out.write(`${serial} ${this.asset} ${digest(unit, pdu)} ${Date.now()}\n`);
    this.#judge(arrived.write, serial);
    if (this.writes % LOOK_EVERY === 1 && !this.#witness.holds(arrived.write))
      say({ is: "wrong", words: `write ${serial} came to ${this.asset} before its record was in the log` });
  }

  /** The rules on what stands in the device, as the device sees them. */
  #judge({ first, cells }: Write, serial: number): void {
    const to = cells[0] as number;
    if (first < 640 && cells.length === 3) {
      const from = this.plc.unit(UNIT)[first] as number;
      if (Math.abs(to - from) > STEP) say({ is: "wrong", words: `write ${serial} to ${this.asset} is a step from ${from} to ${to}` });
    }
    if (first >= REGION.state && first < REGION.state + 100 && (this.#shown === null || this.#shown >= PERMIT_LIMIT))
      say({ is: "wrong", words: `write ${serial} came to ${this.asset} though permit was last shown as ${this.#shown}` });
  }
}

// Nobody is left to work for.
process.once("disconnect", () => process.exit());
process.on("message", (message: ToDevices) => {
  if (message.is === "plan") void live(message);
});

async function live({ plan, file, audit }: Extract<ToDevices, { is: "plan" }>): Promise<void> {
  const out = createWriteStream(file);
  const witness = new Witness(audit);
  const devices = ASSETS.map((asset) => new Device(asset, out, witness));
  const lateness = new Lateness();
  const faults: Record<string, number> = {};
  for (const device of devices) await device.open();
  say({ is: "ports", ports: Object.fromEntries(devices.map(({ asset, port }) => [asset, port])) as Record<AssetName, number> });
  const counts = (): DeviceCounts => ({
    reads: sum(devices, ({ reads }) => reads),
    writes: sum(devices, ({ writes }) => writes),
    foreign: sum(devices, ({ foreign }) => foreign),
    octets: sum(devices, ({ plc }) => plc.octets),
    framed: sum(devices, ({ framed }) => framed),
    connections: sum(devices, ({ plc }) => plc.connections),
    faults,
    lookedUp: witness.asked,
    latenessMs: lateness.mostMs,
  });
  const calm = new AbortController();
  const told = setInterval(() => say({ is: "counts", counts: counts() }), COUNTS_MS);
  const moved = setInterval(() => {
    for (const { inputs } of devices) inputs[PERMIT] = inputs[PERMIT] === 0 ? 5 : 0;
  }, PERMIT_MS);
  const lives = devices.map((device) => suffer(device, new Random(plan.seed, `device ${device.asset}`), faults, calm.signal));
  process.on("message", (message: ToDevices) => {
    if (message.is === "calm") calm.abort();
    if (message.is !== "stop") return;
    calm.abort();
    clearInterval(told);
    clearInterval(moved);
    void Promise.all(lives)
      .then(() => Promise.all(devices.map(({ plc }) => plc.close())))
      .then(() => new Promise((resolve) => out.end(resolve)))
      .then(() => {
        say({ is: "done", counts: counts() });
        process.disconnect();
      });
  });
}

/** Well, ill, well, ill, until it is to be calm. */
async function suffer(device: Device, random: Random, faults: Record<string, number>, calm: AbortSignal): Promise<void> {
  const pause = (ms: number): Promise<unknown> => sleep(ms, undefined, { signal: calm }).catch(() => {});
  while (!calm.aborted) {
    const trouble = nextTrouble(random);
    await pause(trouble.wellMs);
    if (calm.aborted) return;
    faults[trouble.name] = (faults[trouble.name] ?? 0) + 1;
    await fall(device, trouble, pause);
    device.plc.faults = {};
  }
}

async function fall(device: Device, { illMs, faults, also }: Trouble, pause: (ms: number) => Promise<unknown>): Promise<void> {
  device.plc.faults = faults;
  if (also === undefined) return void (await pause(illMs));
  if (also === "shout") {
    const shouting = setInterval(() => device.plc.shout(Buffer.from([0xff, 0xfe, 0, 0, 0, 5, UNIT, 3, 2, 0, 7])), SHOUT_MS);
    await pause(illMs);
    clearInterval(shouting);
    return;
  }
  await device.plc.goAway();
  if (also === "restart") device.forget();
  await pause(illMs);
  await device.open();
}

function sum(devices: readonly Device[], of: (device: Device) => number): number {
  return devices.reduce((total, device) => total + of(device), 0);
}
