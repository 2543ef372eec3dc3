/** Other people's Modbus on both sides of the gate: modbus-serial, libmodbus, pymodbus, mbpoll. */
import { execFile, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import modbusSerial from "modbus-serial";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { House, OPEN_POLICY } from "#test/support/house";
import { hasTool, need } from "#test/support/need";
import { read } from "#test/support/operator";
import { Plc } from "#test/support/plc";

const peers = suite<{ house: House; dir: string }>("gateway/peers");
const sources = path.resolve(import.meta.dirname, "../peers");

peers.before.each(async (context) => {
  context.house = await House.open();
  context.dir = mkdtempSync(path.join(os.tmpdir(), "penstock-peers-"));
});
peers.after.each(async ({ house, dir }) => {
  await house.close();
  rmSync(dir, { recursive: true, force: true });
});

function run(command: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(command, args, { timeout: 30_000 }, (error, stdout, stderr) =>
      error === null ? resolve(stdout) : reject(new Error(`${error.message}\n${stdout}${stderr}`)),
    );
  });
}

function compile(dir: string, name: string): string {
  const program = path.join(dir, name);
  execFileSync("gcc", ["-O1", "-Wall", "-Werror", "-o", program, path.join(sources, `${name}.c`), "-lmodbus"]);
  return program;
}

const hasLibmodbus = hasTool("gcc") && existsSync("/usr/include/modbus/modbus.h");
/** What any client is told of the two writes that the policy does not grant: nothing of them may be at the device. */
function noDeniedOctet(house: House): void {
  for (const request of house.plc.requests) if (request.length > 9) assert.not.equal(request.readUInt16BE(8), 500);
}

peers("libmodbus as the operator's client", async ({ house, dir }) => {
  if (!need("gcc and libmodbus-dev", hasLibmodbus)) return;
  const said = await run(compile(dir, "client"), [String(house.port())]);
  assert.equal(said.trim().split("\n"), [
    "write register: 1",
    "read registers: 2",
    "value: 1234",
    "write registers: 3",
    "write bits: 4",
    "read bits: 4",
    "bits: 1011",
    "mask write: 1",
    "write and read: 3",
    "denied register: Illegal function",
    "denied bit: Illegal function",
    "read again: 1",
    "value: 1242",
  ]);
  noDeniedOctet(house);
});

peers("libmodbus as the device", async ({ dir }) => {
  if (!need("gcc and libmodbus-dev", hasLibmodbus)) return;
  const server = spawn(compile(dir, "server"), [], { stdio: ["pipe", "pipe", "inherit"] });
  const port = await new Promise<number>((resolve) => server.stdout.once("data", (line: Buffer) => resolve(Number(line.toString()))));
  const stand = new Plc();
  Object.defineProperty(stand, "port", { get: () => port });
  const house = await House.open({ plc: stand });
  try {
    const operator = await house.plain();
    assert.is((await operator.ask("10 000a 0002 04 0001 0002")).toString("hex"), "10000a0002");
    assert.is((await operator.ask(read(10, 2))).toString("hex"), "030400010002");
    assert.is((await operator.ask("16 000a ff00 0034")).toString("hex"), "16000aff000034");
    assert.is((await operator.ask("17 000a 0001 0014 0001 02 0007")).toString("hex"), "17020034");
    assert.is((await operator.ask(read(5000, 2))).toString("hex"), "8302", "the device's own exception comes through");
    assert.is((await operator.ask("0f 0000 0003 01 05")).toString("hex"), "0f00000003");
    assert.is((await operator.ask("01 0000 0003")).toString("hex"), "010105");
  } finally {
    stand.close = async () => {};
    await house.close();
    server.stdin.end();
    await new Promise((resolve) => server.once("close", resolve));
  }
});

peers("pymodbus as the operator's client", async ({ house }) => {
  const present = await run("/usr/bin/python3", ["-c", "import pymodbus"]).then(
    () => true,
    () => false,
  );
  if (!need("python3-pymodbus", present)) return;
  house.plc.inputs.set(1, new Uint16Array(65_536).fill(5));
  const said = JSON.parse(await run("/usr/bin/python3", [path.join(sources, "client.py"), String(house.port())])) as Record<
    string,
    unknown
  >;
  assert.equal(said, {
    write: "ok",
    read: [321, 0, 0],
    input: [5, 5],
    coils: "ok",
    bits: [true, false, true],
    many: "ok",
    mask: "ok",
    both: [1, 2, 3],
    denied: { exception: 1 },
    "denied coil": { exception: 1 },
    "other unit": { exception: 1 },
    identify: "ok",
    "server id": "ok",
  });
  noDeniedOctet(house);
});

peers("mbpoll as the operator's client", async ({ house }) => {
  if (!need("mbpoll", hasTool("mbpoll"))) return;
  const port = String(house.port());
  // mbpoll counts from one: -r 11 is address 10.
  assert.match(
    await run("mbpoll", ["-1", "-q", "-m", "tcp", "-p", port, "-a", "1", "-r", "11", "127.0.0.1", "42"]),
    /Written 1 references/,
  );
  assert.match(await run("mbpoll", ["-1", "-q", "-m", "tcp", "-p", port, "-a", "1", "-r", "11", "-c", "2", "127.0.0.1"]), /\[11\]:\s+42/);
  const refused = await run("mbpoll", ["-1", "-q", "-m", "tcp", "-p", port, "-a", "1", "-r", "501", "127.0.0.1", "42"]).catch(
    (e: Error) => e.message,
  );
  assert.match(refused, /Illegal function/);
  noDeniedOctet(house);
});

peers("modbus-serial as client and as device", async () => {
  const holding = new Uint16Array(1000);
  const device = new modbusSerial.ServerTCP(
    {
      getHoldingRegister: (at: number) => holding[at] ?? 0,
      setRegister: (at: number, value: number) => {
        holding[at] = value;
      },
      getCoil: () => false,
      setCoil: () => {},
    },
    { host: "127.0.0.1", port: 0, unitID: 1 },
  );
  await new Promise<void>((resolve) => device.on("initialized", () => resolve()));
  const { port } = (device as unknown as { _server: { address(): { port: number } } })._server.address();
  const stand = new Plc();
  Object.defineProperty(stand, "port", { get: () => port });
  stand.close = async () => {};
  const house = await House.open({ plc: stand, policy: OPEN_POLICY });
  const client = new modbusSerial.default();
  try {
    await client.connectTCP("127.0.0.1", { port: house.port() });
    client.setID(1);
    await client.writeRegister(7, 99);
    await client.writeRegisters(8, [1, 2]);
    assert.equal((await client.readHoldingRegisters(7, 3)).data, [99, 1, 2]);
    const refused = await client.writeRegister(500, 1).catch((error: Error & { modbusCode?: number }) => error);
    assert.is((refused as { modbusCode?: number }).modbusCode, 1);
    assert.is(holding[500], 0);
  } finally {
    await new Promise<void>((resolve) => client.close(() => resolve()));
    await house.close();
    await new Promise<void>((resolve) => device.close(() => resolve()));
  }
});

peers.run();
