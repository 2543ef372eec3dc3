/**
 * An outstation to test against: strict, whole enough to be a real peer, and with an exact log of what reached it. Its faults are set by the
 * test. Written apart from the gateway's codec, so that the two cannot share a mistake.
 *
 *     stream ─▶ Line ─▶ Session ─▶ answer ─▶ pack ─▶ fragments, each confirmed ─▶ Line
 *               link,    series,    function   runs under
 *               segments repeats    codes      headers          Reports: the same for unsolicited responses
 *
 * @source IEEE 1815-2012
 */
import net from "node:net";
import type { Duplex } from "node:stream";
import { CONTROL, RESPONSE_HEAD } from "./application.ts";
import { Controls, type Operated, type Setpoint } from "./controls.ts";
import { Database, type Kind, type Point, type PointOptions, type PointValue } from "./database.ts";
import { Files } from "./files.ts";
import { Writer } from "./numbers.ts";
import { IIN2 } from "./objects.ts";
import { Reports } from "./reports.ts";
import type { Device } from "./requests.ts";
import { type Host, Session, type Verdict } from "./session.ts";
import { BROADCAST, record } from "./wire.ts";

export interface OutstationOptions {
  readonly address?: number;
  /** The master's address; null: any. */
  readonly master?: number | null;
  /** Octets of an answer's fragment at most; the longest octet string must fit one. */
  readonly fragmentSize?: number;
  /** Octets of a file block at most. */
  readonly blockSize?: number;
  readonly selectTimeoutMs?: number;
  readonly confirmTimeoutMs?: number;
  /** False: no null response at the start, functions 20 and 21 are not supported. */
  readonly unsolicited?: boolean;
  /** Events kept at most; the oldest go. */
  readonly eventCapacity?: number;
  /** Controls of one request at most. */
  readonly mostControls?: number;
  readonly restartDelayMs?: number;
  readonly needsTime?: boolean;
  /** Entries of each log at most; the oldest go. */
  readonly keep?: number;
  /** Write octet by octet. */
  readonly drip?: boolean;
  /** Milliseconds before an answer leaves, at first. */
  readonly delayMs?: number;
}

/** An application fragment, and when it came: milliseconds, monotonic. */
export interface Received {
  readonly at: number;
  readonly octets: Uint8Array;
}

export class Outstation {
  readonly database: Database;
  readonly files: Map<string, Uint8Array> = new Map();
  /** Every fragment that came, whole and addressed to us. */
  readonly received: Received[] = [];
  /** Every octet that came, of any connection. */
  octetsIn = 0;
  /** Binary outputs, and analog ones, in the order they were operated. */
  readonly operated: Operated[] = [];
  readonly setpoints: Setpoint[] = [];
  /** What was dropped, and why. */
  readonly faults: string[] = [];
  /** Asked for every request, repeated ones too, not for CONFIRM. */
  onRequest: ((fragment: Uint8Array) => Verdict) | null = null;
  /** Milliseconds before an answer leaves. */
  delayMs: number;
  /** Bits that every response carries beside its own. */
  readonly indications = { iin1: 0, iin2: 0 };

  readonly #options: Required<OutstationOptions>;
  readonly #server: net.Server;
  /** The newest last. */
  readonly #sessions: Session[] = [];
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #device: Device;
  readonly #host: Host;
  readonly #reports: Reports;
  #clockOffset = Date.now() - performance.now();
  /** A broadcast came, and is to be told: once, or until it is confirmed. */
  #broadcast: "none" | "once" | "confirm" = "none";

  constructor(options: OutstationOptions = {}) {
    this.#options = {
      address: 10,
      master: 1,
      fragmentSize: 2048,
      blockSize: 1024,
      selectTimeoutMs: 5_000,
      confirmTimeoutMs: 5_000,
      unsolicited: true,
      eventCapacity: 1_000,
      mostControls: 64,
      restartDelayMs: 100,
      needsTime: true,
      keep: Infinity,
      drip: false,
      delayMs: 0,
      ...options,
    };
    this.delayMs = this.#options.delayMs;
    this.database = new Database(this.#options.eventCapacity);
    this.#device = this.#newDevice();
    this.#host = this.#newHost();
    this.#reports = new Reports(this.#host, () => this.#sessions.at(-1));
    this.#server = net.createServer((socket) => {
      socket.setNoDelay(true);
      this.attach(socket);
    });
  }

  /** @returns the port on 127.0.0.1 */
  async listen(port = 0): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(port, "127.0.0.1", resolve);
    });
    return (this.#server.address() as net.AddressInfo).port;
  }

  /** Serve a stream, of TLS for instance; unsolicited responses go to the newest. */
  attach(stream: Duplex): void {
    const { selectTimeoutMs, mostControls, keep } = this.#options;
    const acts = {
      binary: (operated: Operated, state: boolean | null): void => {
        record(this.operated, operated, keep);
        if (state !== null) this.update("binaryOutput", operated.index, state);
      },
      analog: (setpoint: Setpoint): void => {
        record(this.setpoints, setpoint, keep);
        this.update("analogOutput", setpoint.index, setpoint.value);
      },
    };
    this.#sessions.push(new Session(stream, this.#host, new Controls(this.database, acts, selectTimeoutMs, mostControls)));
    this.#reports.offer();
  }

  /** Connections end and no timer is left. */
  async close(): Promise<void> {
    const isClosed = this.#server.listening ? new Promise<void>((resolve) => this.#server.close(() => resolve())) : null;
    for (const { line } of this.#sessions.splice(0)) line.close();
    await isClosed;
    this.#reports.close();
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  /** A point, new or in the place of another. It makes no event. */
  add(kind: Kind, index: number, value: PointValue, options: PointOptions = {}): void {
    this.database.add(kind, index, value, options);
  }

  point(kind: Kind, index: number): Point | undefined {
    return this.database.point(kind, index);
  }

  /** A new value, and an event of the point's class. `time` in milliseconds since 1970 UTC, now by the outstation's clock. */
  update(kind: Kind, index: number, value: PointValue, { flags, time }: { readonly flags?: number; readonly time?: number } = {}): void {
    if (this.database.update(kind, index, value, time ?? this.clock(), flags)) this.#reports.offer();
  }

  /** Milliseconds since 1970 UTC, as the master set it. */
  clock(): number {
    return Math.round(performance.now() + this.#clockOffset);
  }

  get isRestarted(): boolean {
    return this.#device.isRestarted;
  }

  get needsTime(): boolean {
    return this.#device.needsTime;
  }

  get connections(): number {
    return this.#sessions.length;
  }

  /** Octets to the newest connection as they are. */
  sendRaw(octets: Uint8Array): void {
    this.#sessions.at(-1)?.line.write(octets);
  }

  /** An application fragment to the newest connection as it is. */
  sendFragment(fragment: Uint8Array): void {
    const session = this.#sessions.at(-1);
    session?.line.send(fragment, session.master);
  }

  #newDevice(): Device {
    const { fragmentSize, blockSize, needsTime, unsolicited, restartDelayMs } = this.#options;
    return {
      database: this.database,
      // Beside a block stand the heads of fragment and object.
      files: new Files(this.files, Math.min(blockSize, fragmentSize - 18)),
      room: fragmentSize - RESPONSE_HEAD,
      restartDelayMs,
      takesUnsolicited: unsolicited,
      isRestarted: true,
      needsTime,
      classes: 0,
      recordedAt: null,
      clock: () => this.clock(),
      setClock: (time) => {
        this.#clockOffset = time - performance.now();
      },
      restart: () => this.#restart(),
    };
  }

  #newHost(): Host {
    const { address, master, confirmTimeoutMs, drip, keep } = this.#options;
    const delay = (): number => this.delayMs;
    return {
      address,
      master,
      confirmTimeoutMs,
      drip,
      device: this.#device,
      get delayMs(): number {
        return delay();
      },
      octets: ({ length }) => {
        this.octetsIn += length;
      },
      fragment: (octets) => record(this.received, { at: performance.now(), octets }, keep),
      fault: (what) => record(this.faults, what, keep),
      verdict: (fragment) => this.onRequest?.(fragment) ?? "answer",
      after: (ms, act) => {
        const timer = setTimeout(() => {
          this.#timers.delete(timer);
          act();
        }, ms);
        this.#timers.add(timer);
        return () => {
          clearTimeout(timer);
          this.#timers.delete(timer);
        };
      },
      broadcast: (destination) => {
        this.#broadcast = destination === BROADCAST.mustConfirm ? "confirm" : "once";
      },
      compose: (head, objects, beside) => {
        const isConfirmed = head.isConfirmed || this.#broadcast === "confirm";
        const { isRestarted, needsTime } = this.#device;
        const told = (this.#broadcast === "none" ? 0 : 1) | (needsTime ? 0x10 : 0) | (isRestarted ? 0x80 : 0);
        const iin1 = this.database.pending(beside) | told | this.indications.iin1;
        const iin2 = head.iin2 | (this.database.hasOverflowed ? IIN2.overflow : 0) | this.indications.iin2;
        if (this.#broadcast === "once") this.#broadcast = "none";
        const control = head.control | (isConfirmed ? CONTROL.con : 0);
        return new Writer().u8(control, head.functionCode, iin1, iin2).raw(objects).take();
      },
      confirmed: (events) => {
        this.database.confirmed(events);
        this.#broadcast = "none";
      },
      isReporting: (session) => this.#reports.isWaiting(session),
      reportConfirmed: (session, sequence) => this.#reports.confirmed(session, sequence),
      offer: () => this.#reports.offer(),
      left: (session) => {
        const at = this.#sessions.indexOf(session);
        if (at >= 0) this.#sessions.splice(at, 1);
        this.#reports.left(session);
      },
    };
  }

  #restart(): void {
    const device = this.#device;
    device.isRestarted = true;
    device.needsTime = this.#options.needsTime;
    device.classes = 0;
    device.recordedAt = null;
    device.files.closeAll();
    for (const session of this.#sessions) session.forget();
    this.#reports.restart();
  }
}
