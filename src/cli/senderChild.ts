/** The gateway's sender: started with it, started again when it ends, and never waited for. */
import { type ChildProcess, spawn } from "node:child_process";
import type { SendSite } from "#config/site";
import type { Log } from "#log";
import type { SenderStatus } from "#management/protocol";
import type { Pipe, PipeOffer } from "#telemetry/pipe";
import { senderCommand } from "./send.ts";

/** After an end it is tried again in so long, milliseconds, each time longer. */
const AGAIN_MS = { first: 500, most: 30_000 };
/** One that ran so long ended by accident, not for good. */
const SETTLED_MS = 60_000;
/** It says how it is once a second; after so long without that it counts as gone. */
const SILENT_MS = 10_000;
/** How long a sender may take to keep what it has when the gateway ends. */
const LAST_MS = 3_000;

export class SenderChild {
  /** What it said last. */
  status: Readonly<Record<string, unknown>> | null = null;
  readonly #settings: SendSite;
  readonly #site: string;
  readonly #offer: PipeOffer;
  readonly #log: Log;
  #child: ChildProcess | null = null;
  #waitMs = AGAIN_MS.first;
  #timer: NodeJS.Timeout | null = null;
  #isOver = false;
  #restarts = -1;
  #heardMs = performance.now();

  constructor(settings: SendSite, site: string, offer: PipeOffer, log: Log) {
    this.#settings = settings;
    this.#site = site;
    this.#offer = offer;
    this.#log = log;
  }

  start(): void {
    const { file, args } = senderCommand(this.#settings, this.#site);
    const child = spawn(file, args, { stdio: ["pipe", "pipe", "pipe"] });
    const startedMs = performance.now();
    this.#child = child;
    this.#restarts += 1;
    const { stdin, stdout, stderr } = child;
    // One that is gone takes nothing; its exit says why.
    stdin.on("error", () => {});
    const pipe: Pipe = {
      write: (octets) => void stdin.write(octets),
      get queued() {
        return stdin.writable ? stdin.writableLength : Number.POSITIVE_INFINITY;
      },
    };
    this.#offer.attach(pipe);
    lines(stdout, (line) => this.#heard(line));
    lines(stderr, (line) => this.#log.warn({ line }, "the sender says"));
    child.once("error", (fault) => this.#log.error({ fault }, "the sender cannot be started"));
    child.once("close", (code, signal) => {
      this.#offer.attach(null);
      this.#child = null;
      this.status = null;
      if (this.#isOver) return;
      if (performance.now() - startedMs >= SETTLED_MS) this.#waitMs = AGAIN_MS.first;
      this.#log.error({ code, signal, againMs: this.#waitMs }, "the sender ended; it is started again");
      this.#timer = setTimeout(() => this.start(), this.#waitMs);
      this.#waitMs = Math.min(AGAIN_MS.most, 2 * this.#waitMs);
    });
  }

  #heard(line: string): void {
    try {
      const said: unknown = JSON.parse(line);
      if (typeof said !== "object" || said === null) throw new Error("no object");
      this.status = said as Record<string, unknown>;
      this.#heardMs = performance.now();
    } catch {
      this.#log.warn({ line }, "the sender says");
    }
  }

  /** For people and metrics. */
  look(nowMs = performance.now()): SenderStatus {
    const silentMs = Math.max(0, nowMs - this.#heardMs);
    const { epoch, frames, notSent, waiting, spool } = this.status ?? {};
    return {
      alive: this.status !== null && silentMs < SILENT_MS,
      silentSeconds: Math.floor(silentMs / 1_000),
      restarts: Math.max(0, this.#restarts),
      epoch: numberOf(epoch),
      frames: numberOf(frames),
      notSent: numberOf(notSent),
      waiting: numberOf(waiting),
      spoolOctets: typeof spool === "object" && spool !== null ? numberOf((spool as { octets?: unknown }).octets) : null,
    };
  }

  /** It keeps what it has, and ends. */
  async stop(): Promise<void> {
    this.#isOver = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#offer.flush();
    const child = this.#child;
    if (child === null) return;
    const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
    child.stdin?.end();
    const late = setTimeout(() => child.kill("SIGKILL"), LAST_MS);
    await ended;
    clearTimeout(late);
  }
}

function numberOf(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

/** Longest line that is kept; what a process says without an end is not. */
const LONGEST_LINE = 64 * 1024;

function lines(stream: NodeJS.ReadableStream, take: (line: string) => void): void {
  let rest = "";
  stream.on("data", (octets) => {
    const parts = (rest + String(octets)).split("\n");
    rest = (parts.pop() ?? "").slice(0, LONGEST_LINE);
    for (const part of parts) take(part);
  });
}
