/** The gateway of a soak: its process, killed and started again, watched every second. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Status } from "#management/protocol";
import { Daemon, type Start } from "#test/support/daemon";
import { LISTENERS, type ListenerName } from "./documents.ts";
import { Generation } from "./generation.ts";

const SAMPLE_MS = 1_000;
/** A start that takes longer than it may is a finding at the end; one that does not end is the end. */
const PATIENCE_MS = 120_000;
const RETRY_MS = 50;
/** As the service of docs/operating.md starts it. */
export const NODE_FLAGS = ["--optimize-for-size"] as const;
export const ENVIRONMENT = { MALLOC_ARENA_MAX: "2", MALLOC_MMAP_THRESHOLD_: "131072" } as const;

export class Gateway {
  readonly dir: string;
  readonly generations: Generation[] = [];
  daemon: Daemon | null = null;
  readonly #how: Start;
  readonly #sampling: NodeJS.Timeout;

  constructor(dir: string, program: string | undefined) {
    this.dir = dir;
    this.#how = { nodeFlags: NODE_FLAGS, env: ENVIRONMENT, patienceMs: PATIENCE_MS, ...(program === undefined ? {} : { program }) };
    this.#sampling = setInterval(() => this.generations.at(-1)?.sample(Date.now()), SAMPLE_MS);
  }

  get generation(): Generation {
    return this.generations.at(-1) as Generation;
  }

  /** @returns where it listens */
  async start(): Promise<Readonly<Record<ListenerName, number>>> {
    const began = performance.now();
    const daemon = await Daemon.start(this.dir, ["--log-level", "error"], this.#how);
    const readyMs = performance.now() - began;
    this.daemon = daemon;
    this.generations.push(new Generation(daemon.child.pid ?? 0, Date.now(), readyMs));
    const { listeners } = await this.#answered(daemon);
    return Object.fromEntries(LISTENERS.map((name) => [name, listeners.find((listener) => listener.name === name)?.port ?? 0])) as Readonly<
      Record<ListenerName, number>
    >;
  }

  /** On a machine that is busy with others an answer may take its time. */
  async #answered(daemon: Daemon): Promise<Status> {
    const deadline = performance.now() + PATIENCE_MS;
    for (;;) {
      try {
        return await daemon.status();
      } catch (error) {
        if (performance.now() > deadline) throw error;
        await sleep(RETRY_MS);
      }
    }
  }

  /** kill -9 */
  async kill(): Promise<void> {
    const { generation, daemon } = this;
    // From here on nobody may wonder that it does not answer.
    this.daemon = null;
    await daemon?.stop("SIGKILL");
    generation.killedMs = Date.now();
  }

  async status(): Promise<Status> {
    if (this.daemon === null) throw new Error("no gateway runs");
    return this.#answered(this.daemon);
  }

  /** As an operator of the machine ends it. @returns its exit code, and what it said on its standard error over its life */
  async stop(): Promise<{ code: number | null; said: string }> {
    clearInterval(this.#sampling);
    const { daemon } = this;
    if (daemon === null) return { code: null, said: "" };
    const { code } = await daemon.stop("SIGTERM");
    return { code, said: daemon.stderr };
  }

  /** However the run went. */
  async clear(): Promise<void> {
    clearInterval(this.#sampling);
    await this.daemon?.stop("SIGKILL");
  }
}
