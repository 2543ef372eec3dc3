/** A PostgreSQL server of the test's own: an unprivileged user, a directory that is removed, a free port; killed and started at will. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { chmodSync, chownSync, globSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import net from "node:net";
import path from "node:path";
import pg from "pg";
import { need } from "#test/support/need";

export const PASSWORD = "a password of the test";

const binaries = globSync("/usr/lib/postgresql/*/bin/initdb").sort().at(-1);

export function needPostgres(): boolean {
  return need("postgresql", binaries !== undefined);
}

/** Whom the server runs as; empty: as whoever runs the test. */
interface Owner {
  readonly uid?: number;
  readonly gid?: number;
}

export class Postgres {
  readonly directory: string;
  readonly port: number;
  readonly #data: string;
  readonly #owner: Owner;
  #server: ChildProcess | null = null;

  private constructor(directory: string, port: number, owner: Owner) {
    this.directory = directory;
    this.port = port;
    this.#data = path.join(directory, "data");
    this.#owner = owner;
  }

  /** @param directory is made; the user that runs the server must be able to come there */
  static async make(directory: string): Promise<Postgres> {
    const owner: Owner = process.getuid?.() === 0 ? unprivileged() : {};
    mkdirSync(directory, { recursive: true });
    chmodSync(path.dirname(directory), 0o755);
    if (owner.uid !== undefined) chownSync(directory, owner.uid, owner.gid ?? owner.uid);
    const postgres = new Postgres(directory, await freePort(), owner);
    const passwords = postgres.own("password", PASSWORD);
    const args = [
      "-D",
      postgres.#data,
      "-U",
      "penstock",
      "-A",
      "scram-sha-256",
      `--pwfile=${passwords}`,
      "--no-sync",
      "-E",
      "UTF8",
      "--locale=C",
    ];
    execFileSync(binaries as string, args, { ...owner, cwd: directory, stdio: "pipe" });
    return postgres;
  }

  /** A file of the server's, 0600. */
  own(name: string, text: string): string {
    const file = path.join(this.directory, name);
    writeFileSync(file, text, { mode: 0o600 });
    chmodSync(file, 0o600);
    if (this.#owner.uid !== undefined) chownSync(file, this.#owner.uid, this.#owner.gid ?? this.#owner.uid);
    return file;
  }

  /** Who may come how; before a start. */
  access(lines: readonly string[]): void {
    this.own("data/pg_hba.conf", `${lines.join("\n")}\n`);
  }

  /** @param settings besides those that keep it to itself */
  async start(settings: Readonly<Record<string, string>> = {}): Promise<void> {
    const all = {
      listen_addresses: "127.0.0.1",
      port: String(this.port),
      unix_socket_directories: this.directory,
      fsync: "off",
      ...settings,
    };
    const args = Object.entries(all).flatMap(([key, value]) => ["-c", `${key}=${value}`]);
    for (const until = performance.now() + 20_000; ; ) {
      const server = spawn(path.join(path.dirname(binaries as string), "postgres"), ["-D", this.#data, ...args], {
        ...this.#owner,
        cwd: this.directory,
        stdio: ["ignore", "ignore", "pipe"],
      });
      this.#server = server;
      let said = "";
      server.stderr?.on("data", (text) => {
        said += text;
      });
      while (server.exitCode === null && !said.includes("ready to accept connections")) {
        if (performance.now() > until) throw new Error(`PostgreSQL does not start: ${said}`);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      if (server.exitCode === null) return;
      // Killed a moment ago: what is left of it lets go of its memory soon.
      if (performance.now() > until) throw new Error(`PostgreSQL does not start: ${said}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  /** @param signal SIGQUIT ends it at once with its children; SIGKILL leaves them to find out */
  async stop(signal: "SIGQUIT" | "SIGKILL" = "SIGQUIT"): Promise<void> {
    const server = this.#server;
    this.#server = null;
    if (server === null || server.exitCode !== null || server.signalCode !== null) return;
    const ended = new Promise((resolve) => server.once("exit", resolve));
    server.kill(signal);
    await ended;
  }

  /** A connection that may do everything. */
  async ask(text: string): Promise<Record<string, unknown>[]> {
    const client = await this.connect();
    try {
      return (await client.query(text)).rows as Record<string, unknown>[];
    } finally {
      await client.end();
    }
  }

  async connect(): Promise<pg.Client> {
    const client = new pg.Client({ host: this.directory, port: this.port, user: "penstock", database: "postgres", password: PASSWORD });
    client.on("error", () => {});
    await client.connect();
    return client;
  }
}

function unprivileged(): Owner {
  const lines = readFileSync("/etc/passwd", "utf8").split("\n");
  const [, , uid, gid] = (
    lines.find((line) => line.startsWith("postgres:")) ??
    lines.find((line) => line.startsWith("nobody:")) ??
    ""
  ).split(":");
  if (uid === undefined) throw new Error("no user to run PostgreSQL as");
  return { uid: Number(uid), gid: Number(gid) };
}

async function freePort(): Promise<number> {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as net.AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
