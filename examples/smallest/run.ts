/**
 * The smallest gateway that runs: two fake devices (modbus-serial), the daemon as a child process, the documents beside this file.
 *
 *     npm run -s node -- examples/smallest/run.ts            stays up until Ctrl-C and prints what to try
 *     npm run -s node -- examples/smallest/run.ts --check    on free ports; asks four things, says what came of them, ends
 *
 * The documents are copied to a folder of their own, so that log, keys and socket of a run are gone with it.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import modbusSerial, { type ServerTCP } from "modbus-serial";

const here = import.meta.dirname;
const main = path.resolve(here, "../../src/cli/main.ts");
const checks = process.argv.includes("--check");
const dir = mkdtempSync(path.join(os.tmpdir(), "penstock-smallest-"));
const site = path.join(dir, "site.yaml");

let devices: readonly ServerTCP[] = [];
let daemon: ChildProcess | null = null;
try {
  for (const name of ["site.yaml", "policy.yaml", "smallest.cases.yaml", "points"])
    cpSync(path.join(here, name), path.join(dir, name), { recursive: true });
  const [tankPort, fanPort] = checks ? [await freePort(), await freePort()] : [15021, 15022];
  if (checks) onFreePorts(tankPort, fanPort);
  devices = [await fakeDevice(tankPort, { inputs: [187], registers: [200] }), await fakeDevice(fanPort, { registers: [35] })];
  daemon = await startDaemon();
  const [tank, fan] = portsOf();
  if (checks) process.exitCode = await tryOut(tank, fan);
  else {
    console.log(whatToTry(tank, fan));
    await new Promise<void>((resolve) => {
      process.once("SIGINT", resolve);
      process.once("SIGTERM", resolve);
    });
  }
} finally {
  if (daemon !== null) await ended(daemon);
  for (const device of devices) await new Promise<void>((resolve) => device.close(() => resolve()));
  rmSync(dir, { recursive: true, force: true });
}

/** A device with one unit that keeps what is written to it. */
async function fakeDevice(port: number, from: { inputs?: number[]; registers?: number[] }): Promise<ServerTCP> {
  const inputs = Uint16Array.from(from.inputs ?? []);
  const registers = new Uint16Array(16);
  registers.set(from.registers ?? []);
  const coils: boolean[] = [];
  const server = new modbusSerial.ServerTCP(
    {
      getInputRegister: (address: number) => inputs[address] ?? 0,
      getHoldingRegister: (address: number) => registers[address] ?? 0,
      getCoil: (address: number) => coils[address] === true,
      setRegister: (address: number, value: number) => {
        registers[address] = value;
      },
      setCoil: (address: number, value: boolean) => {
        coils[address] = value;
      },
    },
    { host: "127.0.0.1", port, unitID: 1 },
  );
  await new Promise<void>((resolve, reject) => {
    server.on("initialized", () => resolve());
    server.on("serverError", (error) => reject(error ?? new Error(`the fake device on port ${port} did not start`)));
  });
  return server;
}

/** Resolves when every listener is bound. Its own log goes where ours goes. */
async function startDaemon(): Promise<ChildProcess> {
  const args = ["--disable-warning=ExperimentalWarning", main, "run", "--log-level", "warn"];
  // A group of its own: Ctrl-C reaches us alone, and we stop it in order.
  const child = spawn(process.execPath, args, { cwd: dir, stdio: ["ignore", "pipe", "inherit"], detached: true });
  await new Promise<void>((resolve, reject) => {
    let said = "";
    child.stdout?.on("data", (chunk: Buffer) => {
      said += chunk.toString();
      if (said.includes("ready\n")) resolve();
    });
    child.once("close", (code) => reject(new Error(`the gateway ended with ${code}`)));
  });
  return child;
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.once("close", () => resolve());
    child.kill("SIGTERM");
  });
}

/** Where the gateway listens, as it says itself. */
function portsOf(): readonly [number, number] {
  const text = execFileSync(process.execPath, ["--disable-warning=ExperimentalWarning", main, "status", "--site", site, "--json"], {
    encoding: "utf8",
  });
  const { listeners } = JSON.parse(text) as { readonly listeners: readonly { readonly asset: string; readonly port: number }[] };
  const portOf = (asset: string): number => listeners.find((listener) => listener.asset === asset)?.port ?? 0;
  return [portOf("tank"), portOf("fan")];
}

/** Read, write inside the limits, write outside of them. */
async function tryOut(tank: number, fan: number): Promise<number> {
  const level = await ask(tank, async (client) => (await client.readInputRegisters(0, 1)).data[0] ?? -1);
  const inside = await ask(tank, async (client) => (await client.writeRegister(0, 250)).value);
  const outside = await ask(tank, async (client) => (await client.writeRegister(0, 310)).value);
  const unnamed = await ask(fan, async (client) => (await client.writeRegister(0, 40)).value);
  console.log(`read level: ${level}; write 2.5 m: ${inside}; write 3.1 m: ${outside}; write the fan's speed: ${unnamed}`);
  return level === 187 && inside === 250 && outside === "exception 1" && unnamed === "exception 1" ? 0 : 1;
}

type Client = InstanceType<(typeof modbusSerial)["default"]>;

async function ask(port: number, question: (client: Client) => Promise<number>): Promise<number | string> {
  const client = new modbusSerial.default();
  await client.connectTCP("127.0.0.1", { port });
  client.setID(1);
  client.setTimeout(5_000);
  try {
    return await question(client);
  } catch (error) {
    const { modbusCode } = error as { readonly modbusCode?: number };
    return modbusCode === undefined ? String(error) : `exception ${modbusCode}`;
  } finally {
    await new Promise<void>((resolve) => client.close(() => resolve()));
  }
}

function onFreePorts(tankPort: number, fanPort: number): void {
  const text = readFileSync(site, "utf8")
    .replace("15021", String(tankPort))
    .replace("15022", String(fanPort))
    .replaceAll(/port: 502\d/g, "port: 0");
  writeFileSync(site, text);
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as net.AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

function whatToTry(tank: number, fan: number): string {
  return `The gateway stands before two fake devices. Its documents, log and socket of this run: ${dir}

  mbpoll -0 -p ${tank} -t 3 -r 0 -1 127.0.0.1          the tank's level, in centimetres
  mbpoll -0 -p ${tank} -t 4 -r 0 127.0.0.1 250         keep 2.5 m: allowed
  mbpoll -0 -p ${tank} -t 4 -r 0 127.0.0.1 310         3.1 m: refused, above max
  mbpoll -0 -p ${fan} -t 0 -r 0 127.0.0.1 1            start the fan: allowed, four times a minute
  mbpoll -0 -p ${fan} -t 4 -r 0 127.0.0.1 40           set its speed: refused, no rule allows it

  npm run -s penstock -- status --site ${site}
  npm run -s penstock -- audit show ${path.join(dir, "audit")} --decision deny
  npm run -s penstock -- audit verify ${path.join(dir, "audit")} --key ${path.join(dir, "audit.key.pub")}

Ctrl-C ends it and removes the folder.`;
}
