/** `penstock` as a person runs it: a process of its own. */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import path from "node:path";
import { askDaemon } from "#management/client";
import type { Status } from "#management/protocol";

const root = path.resolve(import.meta.dirname, "../..");
const main = path.join(root, "src/cli/main.ts");
const living = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of living) child.kill("SIGKILL");
});

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Run one command to its end. */
export function penstock(
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv; input?: string; timeout?: number } = {},
): Promise<CommandResult> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      ["--disable-warning=ExperimentalWarning", main, ...args],
      {
        cwd: options.cwd ?? root,
        env: { ...process.env, ...options.env },
        timeout: options.timeout ?? 60_000,
        maxBuffer: 64 * 1024 * 1024,
      },
      (error, stdout, stderr) => {
        living.delete(child);
        resolve({ code: error === null ? 0 : typeof error.code === "number" ? error.code : -1, stdout, stderr });
      },
    );
    living.add(child);
    child.stdin?.end(options.input ?? "");
  });
}

export interface Start {
  readonly program?: string;
  readonly nodeFlags?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** It may take so long until it is ready. */
  readonly patienceMs?: number;
}

export class Daemon {
  readonly child: ChildProcess;
  readonly dir: string;
  stderr = "";
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;

  constructor(child: ChildProcess, dir: string) {
    this.child = child;
    this.dir = dir;
    this.ended = new Promise((resolve) => child.once("close", (code, signal) => resolve({ code, signal })));
  }

  /**
   * Start `penstock run` in a folder with site.yaml and policy.yaml; resolves at `ready`.
   *
   * @param how this checkout's sources as they are, unless another program is stated: the one file that ships, and how it is started
   */
  static async start(dir: string, args: readonly string[] = [], how: Start = {}): Promise<Daemon> {
    const { program = main, nodeFlags = [], env = {}, patienceMs = 20_000 } = how;
    const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", ...nodeFlags, program, "run", ...args], {
      cwd: dir,
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    living.add(child);
    const daemon = new Daemon(child, dir);
    child.once("close", () => living.delete(child));
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      daemon.stderr += text;
    });
    await new Promise<void>((resolve, reject) => {
      let said = "";
      child.stdout?.setEncoding("utf8").on("data", (text: string) => {
        said += text;
        if (said.includes("ready\n")) resolve();
      });
      child.once("close", (code) => reject(new Error(`penstock run ended with ${code}: ${daemon.stderr}`)));
      setTimeout(() => reject(new Error(`not ready in ${patienceMs} ms: ${daemon.stderr}`)), patienceMs).unref();
    });
    return daemon;
  }

  async status(): Promise<Status> {
    const answer = await askDaemon(path.join(this.dir, "penstock.sock"), { ask: "status" });
    if (answer.status === undefined) throw new Error(answer.error ?? "no status");
    return answer.status;
  }

  async port(listener = 0): Promise<number> {
    return (await this.status()).listeners[listener]?.port ?? 0;
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
    this.child.kill(signal);
    return this.ended;
  }
}
