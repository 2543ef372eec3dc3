/**
 * `penstock send`: the sender of the one-way line, as a process of its own; what this host has to be told for it; a new key. The gateway starts it
 * with records on its standard input; it says how it is once a second, a JSON object a line.
 */
import { execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { SendSite, Site } from "#config/site";
import { UserProblems } from "#documents/problems";
import { readSite } from "#gateway/documents";
import { SocketLine } from "#hardware/oneway/device";
import { handOver, SOCKET_FD } from "#hardware/oneway/handOver";
import { Carousel, healMs } from "#telemetry/carousel";
import { sayStep, senderSteps } from "#telemetry/isolation";
import { type Keeping, SendProcess } from "#telemetry/process";
import { Spool } from "#telemetry/spool";
import { EXIT } from "./exit.ts";
import { print, printJson } from "./output.ts";

export interface SendOptions {
  readonly site: string;
  readonly explain?: boolean;
  readonly apply?: boolean;
  readonly newKey?: string;
  /** File descriptor of a socket that was handed over. */
  readonly line?: number;
  readonly json?: boolean;
}

export async function send(options: SendOptions): Promise<number> {
  if (options.newKey !== undefined) return newKey(options.newKey);
  const site = readSite(options.site);
  const settings = sendOf(site);
  if (options.explain === true) return explain(settings, options.json === true);
  if (options.apply === true) return apply(settings);
  return options.line === undefined ? startSelf(settings, options.site) : sendBy(options.line, site.name, settings);
}

/** @throws UserProblems where the site says nothing of sending */
export function sendOf(site: Site): SendSite {
  const send = site.telemetry?.send ?? null;
  if (send === null) throw new UserProblems([`${site.file}:1:1: found no telemetry: send; expected the one-way line it is sent by`]);
  return send;
}

/** The program and its arguments that are the sender of this site, its socket in hand. */
export function senderCommand({ to, from, interface: device }: SendSite, site: string): ReturnType<typeof handOver> {
  const self = [process.execPath, ...process.execArgv, process.argv[1] as string];
  const command = [...self, "send", "--site", site, "--line", String(SOCKET_FD)];
  return handOver({ from, to: to.host, port: to.port, interface: device }, command);
}

/** Makes the socket and becomes the sender, as far as Node can: it waits for it and passes signals on. */
function startSelf(settings: SendSite, site: string): Promise<number> {
  const { file, args } = senderCommand(settings, site);
  const child = spawn(file, args, { stdio: "inherit" });
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => child.kill(signal));
  return new Promise((resolve) => child.once("exit", (code) => resolve(code ?? EXIT.internal)));
}

async function sendBy(line: number, gateway: string, settings: SendSite): Promise<number> {
  const { state, spoolOctets, keepMs, framesPerSecond, keys, signingKey, stream, sources, repairs, depth, content, carouselShare } =
    settings;
  mkdirSync(state, { recursive: true, mode: 0o700 });
  const spool = await Spool.open({ directory: path.join(state, "spool"), maxOctets: spoolOctets, maxAgeMs: keepMs }, Date.now());
  const sending = new SendProcess(
    { stream, gateway, sources, repairs, depth, content, carouselShare, rate: framesPerSecond, keys, signingKey, state },
    new SocketLine(line),
    new Kept(spool),
    Date.now(),
  );
  sending.start((status) => process.stdout.write(`${JSON.stringify(status)}\n`));
  process.stdin.on("data", (octets) => sending.feed(octets));
  return new Promise((resolve) => {
    const end = (): void => void sending.close().then(() => resolve(EXIT.ok));
    process.stdin.once("end", end);
    process.on("SIGTERM", end);
    process.on("SIGINT", end);
  });
}

/** Spool and carousel as the sender knows them. */
class Kept implements Keeping {
  readonly #spool: Spool;
  readonly #carousel: Carousel;

  constructor(spool: Spool) {
    this.#spool = spool;
    this.#carousel = new Carousel(spool);
  }

  append(sequence: number, nowMs: number, octets: Uint8Array): boolean {
    return this.#spool.append(sequence, nowMs, octets);
  }

  next(nowMs: number): Uint8Array | null {
    return this.#carousel.next(nowMs);
  }

  flush(nowMs: number): Promise<boolean> {
    return this.#spool.flush(nowMs);
  }

  close(nowMs: number): Promise<boolean> {
    return this.#spool.close(nowMs);
  }

  stats(): object {
    return this.#carousel.stats(Date.now());
  }
}

/** Of the rate, what live data may take. */
const LIVE_SHARES = [0.01, 0.02, 0.05, 0.1] as const;

function stepsOf({ interface: device, from, to, mac }: SendSite): ReturnType<typeof senderSteps> {
  if (device === null)
    throw new UserProblems(["telemetry: send says no interface; expected the one that leads to the receiver, and nowhere else"]);
  return senderSteps({ interface: device, from, to: to.host, mac });
}

/** Octets around a content: header and tag, then UDP and IP (v4; v6 has 20 more). */
const AROUND = 44 + 16 + 28;

/** What the line takes, and what it bears. */
export function wireOf({ framesPerSecond, content, repairs, depth }: SendSite): {
  readonly bitsPerSecond: number;
  readonly burstFrames: number;
  readonly burstMs: number;
} {
  const burstFrames = repairs * depth;
  return { bitsPerSecond: 8 * framesPerSecond * (content + AROUND), burstFrames, burstMs: (1_000 * burstFrames) / framesPerSecond };
}

function explain(settings: SendSite, json: boolean): number {
  const steps = stepsOf(settings);
  const { framesPerSecond, sources, repairs, depth, carouselShare } = settings;
  const { bitsPerSecond, burstFrames, burstMs } = wireOf(settings);
  const heals = LIVE_SHARES.map((live) => ({ live, withinMs: healMs(3_600_000, live, carouselShare) }));
  if (json) {
    printJson({ steps, bitsPerSecond, burstFrames, burstMs, hourAway: heals });
    return EXIT.ok;
  }
  for (const step of steps) print(sayStep(step));
  print(`# ${framesPerSecond} frames a second, ${(bitsPerSecond / 1e6).toFixed(1)} Mbit/s on the line, whatever there is to say`);
  print(`# ${sources}+${repairs} over ${depth}: ${burstFrames} frames in a row may be lost (${Math.round(burstMs)} ms)`);
  print("# an hour that the receiver is away is made good, by what live data takes of the rate:");
  for (const { live, withinMs } of heals)
    print(`#   ${100 * live} %: ${Number.isFinite(withinMs) ? `within ${(withinMs / 3_600_000).toFixed(1)} h` : "not for certain"}`);
  return EXIT.ok;
}

function apply(settings: SendSite): number {
  for (const { why, command, input } of stepsOf(settings)) {
    const [program = "", ...args] = command;
    try {
      execFileSync(program, args, { input: input ?? "", stdio: ["pipe", "ignore", "pipe"] });
    } catch (error) {
      const said = String((error as { stderr?: Buffer }).stderr ?? (error as Error).message)
        .trim()
        .split("\n")[0];
      throw new UserProblems([`${command.join(" ")}: ${said}; it is for this: ${why} (root, and the packages nftables and iproute2)`]);
    }
  }
  print(`told this host: nothing comes in at ${settings.interface}`);
  return EXIT.ok;
}

/** A stream key for the day that is named, for both ends. */
function newKey(file: string): number {
  const name = path.basename(file);
  if (!/^\d{4}-\d{2}-\d{2}\.key$/.test(name))
    throw new UserProblems([`${file}: found another name; expected the day it is used from, such as keys/2026-12-01.key`]);
  mkdirSync(path.dirname(path.resolve(file)), { recursive: true, mode: 0o700 });
  try {
    writeFileSync(file, `${randomBytes(32).toString("hex")}\n`, { mode: 0o600, flag: "wx" });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    throw new UserProblems([`${file}: found a key there already; expected none: a key that is in use is not made anew`]);
  }
  print(`${file}: a new key. Put the same file beside the receiver's keys before its day`);
  return EXIT.ok;
}
