/**
 * What stands between client and device in the bench, each a process of its own on one core: haproxy, nginx, and gateways. All have a plain
 * port and one with mutual TLS, the same certificates, and one thread.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { askDaemon } from "#management/client";
import type { Status } from "#management/protocol";
import { ENVIRONMENT, NODE_FLAGS } from "#test/soak/gateway";
import { authority, SERVER_AUTH } from "#test/support/certificates";

export interface Gate {
  readonly plain: number;
  readonly tls: number;
  /** Its processes, for whoever measures them. */
  readonly pids: readonly number[];
}

export interface GatewayProxy extends Gate {
  status(): Promise<Status | undefined>;
}

export const CLIENT_CORE = "0";
export const PROXY_CORE = os.availableParallelism() > 1 ? "1" : "0";
const NGINX = "/usr/sbin/nginx";
const NGINX_STREAM = "/usr/lib/nginx/modules/ngx_stream_module.so";
/** No certificate ends soon: the gateways under test would have to say so. */
const LONG_MS = 60 * 86_400_000;
const root = path.resolve(import.meta.dirname, "..");

export class Proxies {
  readonly dir: string;
  readonly #program: string;
  readonly #ends: (() => Promise<void>)[] = [];

  /** @param dir for documents and certificates; @param program what runs as the gateway */
  constructor(dir: string, program: string) {
    this.dir = dir;
    this.#program = path.resolve(root, program);
    this.#writePki();
  }

  /**
   * Start a program on one core; it ends with `close`.
   *
   * @param end how: nginx takes its worker with it on SIGTERM alone
   */
  pinned(core: string, command: readonly string[], cwd = this.dir, end: NodeJS.Signals = "SIGKILL"): ChildProcess {
    const child = spawn("taskset", ["-c", core, ...command], {
      cwd,
      env: { ...process.env, ...ENVIRONMENT },
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.#ends.push(() => new Promise((resolve) => (child.kill(end) ? child.once("close", () => resolve()) : resolve())));
    return child;
  }

  /** Those started last first: nobody is to miss what is behind it. */
  async close(): Promise<void> {
    for (const end of this.#ends.reverse()) await end();
  }

  /** Arguments of a client that shows its certificate. */
  get credentials(): string[] {
    return ["client.pem", "client.key", "ca.pem"].map((name) => path.join(this.dir, name));
  }

  #writePki(): void {
    const ca = authority("Bench CA", { endsIn: LONG_MS });
    const server = ca.issue({ name: "gateway", dns: ["localhost"], ips: ["127.0.0.1"], extendedKeyUsage: [SERVER_AUTH], endsIn: LONG_MS });
    const client = ca.issue({ uri: "spiffe://plant.example/operator/alice", endsIn: LONG_MS });
    const write = (name: string, text: string): void => writeFileSync(path.join(this.dir, name), text, { mode: 0o600 });
    write("ca.pem", ca.pem);
    write("ca.crl", ca.list({ number: 1, endsIn: LONG_MS }));
    write("server.pem", server.chainPem);
    write("server.key", server.keyPem);
    write("both.pem", server.chainPem + server.keyPem);
    write("client.pem", client.chainPem);
    write("client.key", client.keyPem);
  }

  async haproxy(device: number): Promise<Gate> {
    const [plain, tls] = [await freePort(), await freePort()];
    const { dir } = this;
    writeFileSync(
      path.join(dir, "haproxy.cfg"),
      `global
  nbthread 1
  maxconn 1000
defaults
  mode tcp
  timeout connect 5s
  timeout client 60s
  timeout server 60s
listen plain
  bind 127.0.0.1:${plain}
  server plc 127.0.0.1:${device}
listen mutual
  bind 127.0.0.1:${tls} ssl crt ${dir}/both.pem ca-file ${dir}/ca.pem crl-file ${dir}/ca.crl verify required
  server plc 127.0.0.1:${device}
`,
    );
    const child = this.pinned(PROXY_CORE, ["/usr/sbin/haproxy", "-db", "-f", path.join(dir, "haproxy.cfg")]);
    await listening(tls);
    return { plain, tls, pids: family(child) };
  }

  /** Null: it is not installed. */
  async nginx(device: number): Promise<Gate | null> {
    if (!existsSync(NGINX) || !existsSync(NGINX_STREAM)) return null;
    const [plain, tls] = [await freePort(), await freePort()];
    const { dir } = this;
    writeFileSync(
      path.join(dir, "nginx.conf"),
      `load_module ${NGINX_STREAM};
daemon off;
worker_processes 1;
pid ${dir}/nginx.pid;
error_log stderr error;
events { worker_connections 1024; }
stream {
  server { listen 127.0.0.1:${plain}; proxy_pass 127.0.0.1:${device}; }
  server {
    listen 127.0.0.1:${tls} ssl;
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_certificate ${dir}/server.pem;
    ssl_certificate_key ${dir}/server.key;
    ssl_client_certificate ${dir}/ca.pem;
    ssl_crl ${dir}/ca.crl;
    ssl_verify_client on;
    proxy_pass 127.0.0.1:${device};
  }
}
`,
    );
    const child = this.pinned(PROXY_CORE, [NGINX, "-p", dir, "-e", "stderr", "-c", path.join(dir, "nginx.conf")], dir, "SIGTERM");
    await listening(tls);
    return { plain, tls, pids: family(child) };
  }

  /** A gateway of its own for each way of reaching the device, so that neither shares a loop with the other. */
  async gateway(device: number, mode: "shared" | "per_session"): Promise<GatewayProxy> {
    const home = path.join(this.dir, mode);
    writeHome(home, device, mode);
    const child = this.pinned(PROXY_CORE, commandOf(this.#program), home);
    if ((await firstLine(child)) !== "ready") throw new Error("penstock did not start");
    const status = async (): Promise<Status | undefined> => (await askDaemon(path.join(home, "penstock.sock"), { ask: "status" })).status;
    const listeners = (await status())?.listeners ?? [];
    const port = (name: string): number => listeners.find((listener) => listener.name === name)?.port ?? 0;
    return { plain: port("plain"), tls: port("tls"), pids: family(child), status };
  }
}

/** How the gateway is started in the folder of its documents: as the service is (docs/operating.md). */
export function commandOf(program: string, level = "warn"): string[] {
  return [process.execPath, "--disable-warning=ExperimentalWarning", ...NODE_FLAGS, program, "run", "--log-level", level];
}

/** The documents of a gateway whose certificates lie in the folder above. */
export function writeHome(home: string, device: number, mode: "shared" | "per_session"): void {
  mkdirSync(home);
  writeFileSync(
    path.join(home, "site.yaml"),
    `site: bench
listeners:
  - { name: plain, asset: plc, interface: lo, port: 0, tls: none, from: [127.0.0.0/8] }
  - { name: tls, asset: plc, interface: lo, port: 0, tls: mutual }
tls:
  certificate: ../server.pem
  key: ../server.key
  ca: [ { name: plant, file: ../ca.pem, may_identify: ["spiffe://plant.example/operator/*"], may_assert_roles: false } ]
  crl: [../ca.crl]
assets:
  plc:
    protocol: modbus-tcp
    address: 127.0.0.1:${device}
    units: [1]
    addressing: zero-based
    points: points.csv
    sessions_per_identity: 64
    upstream: { outstanding: 16, mode: ${mode} }
audit: { directory: audit }
management: { socket: penstock.sock }
`,
  );
  writeFileSync(path.join(home, "points.csv"), "name,unit_id,table,address,type,unit,access,description\n");
  writeFileSync(
    path.join(home, "policy.yaml"),
    `policy: bench
version: 1
roles:
  reader:
    - { id: read, allow: read, on: "*" }
bindings:
  - { role: reader, source: 127.0.0.0/8, kind: machine }
  - { role: reader, identity: "spiffe://plant.example/operator/*", kind: machine }
`,
  );
}

export function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = "";
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      said += text;
      if (said.includes("\n")) resolve(said.slice(0, said.indexOf("\n")));
    });
    child.once("close", () => reject(new Error(`ended before it was ready: ${said}`)));
  });
}

/** A process and what it started. */
function family({ pid = 0 }: ChildProcess): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
  return [pid, ...(children === "" ? [] : children.split(" ").map(Number))];
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as net.AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

async function listening(port: number): Promise<void> {
  for (let tries = 0; tries < 400; tries++) {
    const up = await new Promise<boolean>((resolve) => {
      const socket = net.connect(port, "127.0.0.1");
      socket.once("connect", () => {
        socket.destroy();
        resolve(true);
      });
      socket.once("error", () => resolve(false));
    });
    if (up) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`nobody listens on ${port}`);
}
