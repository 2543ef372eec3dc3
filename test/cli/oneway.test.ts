/**
 * The whole way, in processes of their own: a PLC, `penstock run` with its sender, a line, `penstock receive`, a file of samples. Processes are
 * killed on the way: what came is there once by its id, what did not is in the ledger, and it adds up.
 */
import { type ChildProcess, spawn } from "node:child_process";
import dgram from "node:dgram";
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { randomOf } from "#test/receiver/link";
import { penstock } from "#test/support/daemon";
import { sleep } from "#test/support/house";
import { Stage } from "#test/support/stage";

const root = path.resolve(import.meta.dirname, "../..");
const POINTS = `name,unit_id,table,address,type,unit,access,description,scale
setpoint,1,holding,40,uint16,t/h,rw,Feed water,0.1
level,1,holding,41,uint16,%,r,Drum,
`;

/** Kills, one after the other, in each of two runs. */
const ROUNDS = 10;

const oneway = suite<{ folder: string; stage: Stage | null; far: Far | null; relay: Relay | null }>("cli/oneway");
oneway.before.each((context) => {
  context.folder = mkdtempSync(path.join(os.tmpdir(), "penstock-oneway-"));
  context.stage = context.far = context.relay = null;
});
oneway.after.each(async ({ folder, stage, far, relay }) => {
  await stage?.clear();
  far?.child.kill("SIGKILL");
  relay?.socket.close();
  rmSync(folder, { recursive: true });
});

/** `penstock receive run` in a folder with receive.yaml. */
class Far {
  readonly folder: string;
  child: ChildProcess;
  stderr = "";
  port = 0;

  constructor(folder: string) {
    this.folder = folder;
    this.child = this.#spawn();
  }

  #spawn(): ChildProcess {
    const main = path.join(root, "src/cli/main.ts");
    const child = spawn(
      process.execPath,
      ["--disable-warning=ExperimentalWarning", main, "receive", "run", "--json", "--config", path.join(this.folder, "receive.yaml")],
      { stdio: ["ignore", "pipe", "pipe"] },
    );
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.stderr += text;
    });
    return child;
  }

  async ready(): Promise<void> {
    let said = "";
    this.child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      said += text;
    });
    await until(() => said.includes("ready") || this.child.exitCode !== null, "the receiver is ready");
    if (!said.includes("ready")) throw new Error(this.stderr);
    this.port = (JSON.parse(said.split("\n")[0] as string) as { port: number }).port;
  }

  async killed(): Promise<void> {
    const gone = new Promise((resolve) => this.child.once("close", resolve));
    this.child.kill("SIGKILL");
    await gone;
    this.child = this.#spawn();
    await this.ready();
  }

  /** Lines that the sink has: what identifies one in a store is its tags and its time. */
  samples(): { readonly point: string; readonly value: string; readonly key: string }[] {
    const file = path.join(this.folder, "lines");
    if (!existsSync(file)) return [];
    return readFileSync(file, "utf8")
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => ({
        point: /point=([^,\s]+)/.exec(line)?.[1] ?? "",
        value: /(?:value|[a-z]+)=([^,\s]+)/.exec(line.split(" ")[1] ?? "")?.[1] ?? "",
        key: `${line.split(" ")[0]} ${line.split(" ").at(-1)}`,
      }));
  }

  async ledger(): Promise<Record<string, unknown>[]> {
    const { stdout, code, stderr } = await penstock(["receive", "ledger", "--json", "--config", path.join(this.folder, "receive.yaml")]);
    if (code !== 0) throw new Error(stderr);
    return stdout
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  }
}

/** A line that loses frames. */
interface Relay {
  readonly socket: dgram.Socket;
  readonly port: number;
  passed: number;
  lost: number;
}

async function relayOf(to: () => number, loses: () => boolean): Promise<Relay> {
  const socket = dgram.createSocket({ type: "udp4", recvBufferSize: 4 * 1024 * 1024 });
  const relay = { socket, port: 0, passed: 0, lost: 0 };
  socket.on("message", (octets) => {
    if (loses()) relay.lost += 1;
    else {
      relay.passed += 1;
      socket.send(octets, to(), "127.0.0.1");
    }
  });
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  return Object.assign(relay, { port: socket.address().port });
}

async function until(condition: () => boolean, what: string, ms = 30_000): Promise<void> {
  for (const end = performance.now() + ms; !condition(); await sleep(20))
    if (performance.now() > end) throw new Error(`not within ${ms} ms: ${what}`);
}

async function opening(
  context: { folder: string; stage: Stage | null; far: Far | null; relay: Relay | null },
  loss: number,
): Promise<{ readonly stage: Stage; readonly far: Far; readonly relay: Relay }> {
  const { folder } = context;
  mkdirSync(path.join(folder, "keys"));
  assert.is((await penstock(["send", "--new-key", path.join(folder, "keys", "2026-01-01.key")])).code, 0);
  writeFileSync(
    path.join(folder, "receive.yaml"),
    `receiver: far\nlisten: 127.0.0.1:20700\nstate: state\nsilent: 2s\nstreams: [{ stream: 7, keys: keys }]\nsinks:\n  line_file: [{ name: lines, file: lines }]\n`.replace(
      ":20700",
      `:${await freePort()}`,
    ),
  );
  const far = new Far(folder);
  context.far = far;
  await far.ready();
  const random = randomOf(5);
  const relay = await relayOf(
    () => far.port,
    () => random() < loss,
  );
  context.relay = relay;
  const stage = await Stage.open({ points: POINTS, asset: "    poll: [{ every: 100ms, points: [setpoint, level] }]\n" }, (dir) => {
    const send = `  send:\n    stream: 7\n    to: 127.0.0.1:${relay.port}\n    from: 127.0.0.1\n    keys: ${folder}/keys\n    state: telemetry\n    rate: 400/s\n    redundancy: { sources: 8, repairs: 2, depth: 4 }\n    content: 400\n`;
    appendFileSync(path.join(dir, "site.yaml"), `telemetry:\n${send}`);
  });
  context.stage = stage;
  return { stage, far, relay };
}

async function freePort(): Promise<number> {
  const socket = dgram.createSocket("udp4");
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  const { port } = socket.address();
  await new Promise<void>((resolve) => socket.close(() => resolve()));
  return port;
}

/** The sender that this gateway started. */
function senderOf(gateway: number): number {
  for (const name of readdirSync("/proc").filter((each) => /^\d+$/.test(each))) {
    try {
      const parent = Number(readFileSync(`/proc/${name}/stat`, "latin1").split(") ")[1]?.split(" ")[1]);
      if (parent === gateway && readFileSync(`/proc/${name}/cmdline`, "latin1").includes("\0send\0")) return Number(name);
    } catch {
      // It has ended meanwhile.
    }
  }
  throw new Error(`${gateway} has no sender`);
}

oneway("what the gateway sees is with the historian, through a line that loses 5 %; the ledger adds up", async (context) => {
  const { stage, far, relay } = await opening(context, 0.05);
  const written: number[] = [];
  for (let value = 300; value < 340; value++) {
    stage.plc.unit(1)[40] = value;
    written.push(value / 10);
    await sleep(150);
  }
  await until(() => far.samples().some(({ point, value }) => point === "setpoint" && Number(value) === 33.9), "the last value is there");
  const values = far
    .samples()
    .filter(({ point }) => point === "setpoint")
    .map(({ value }) => Number(value));
  assert.ok(
    written.filter((value) => values.includes(value)).length >= 38,
    `${values.length} values of ${written.length}: ${values.join(" ")}`,
  );
  assert.ok(
    values.every((value, i) => i === 0 || value >= (values[i - 1] as number)),
    "in order",
  );
  assert.ok(relay.lost > 20, `${relay.lost} frames were lost`);
  const { telemetry, warnings } = await stage.status();
  assert.ok(telemetry?.sender?.alive === true && (telemetry.sender.frames ?? 0) > 400, JSON.stringify(telemetry?.sender));
  assert.is(telemetry.sender.restarts, 0);
  assert.not.match(warnings.join("\n"), /TELEMETRY/);
  const rows = await far.ledger();
  assert.ok(rows.some((row) => row.class === "samples" && (row.received as number) > 0));
  assert.ok(
    rows.some((row) => row.class === "events" && (row.received as number) > 0),
    "decisions and health too",
  );
  assert.ok(existsSync(path.join(far.folder, "state", `events-${new Date().toISOString().slice(0, 10)}.jsonl`)));
});

for (const seed of [11, 12])
  oneway(
    `kill -9 of receiver, sender and gateway, run ${seed - 10} of 20 rounds in two: what the historian had stays, what comes twice is the same, the ledger adds up`,
    async (context) => {
      const { stage, far } = await opening(context, 0.02);
      const random = randomOf(seed);
      let value = 100;
      const turning = setInterval(() => {
        value += 1;
        stage.plc.unit(1)[40] = value;
      }, 150);
      const had = new Map<string, string>();
      const look = (): void => {
        for (const { key, value: each } of far.samples()) {
          assert.is(had.get(key) ?? each, each, `${key} is told as two values`);
          had.set(key, each);
        }
      };
      try {
        for (let round = 0; round < ROUNDS; round++) {
          const before = value;
          await until(
            () => far.samples().some(({ point, value: told }) => point === "setpoint" && Number(told) > before / 10),
            `round ${round}: samples flow`,
          );
          await sleep(200 * random());
          look();
          if (round % 3 === 0) await far.killed();
          else if (round % 3 === 1) process.kill(senderOf(stage.daemon.child.pid ?? 0), "SIGKILL");
          else {
            await stage.daemon.stop("SIGKILL");
            await stage.again();
          }
        }
        const last = value;
        await until(
          () => far.samples().some(({ point, value: told }) => point === "setpoint" && Number(told) > last / 10),
          "and at the end",
        );
      } finally {
        clearInterval(turning);
      }
      const now = new Set(far.samples().map(({ key }) => key));
      for (const key of had.keys()) assert.ok(now.has(key), `${key} is there no more`);
      look();
      for (const row of await far.ledger())
        if (row.state === "closed")
          assert.is(
            (row.sent as number) + (row.disputed as number),
            (row.received as number) + (row.repaired as number) + (row.late as number) + (row.lost as number),
          );
    },
  );

oneway("a sender that is gone for good is told of within its time; nothing of the gateway waits for it", async (context) => {
  const { stage, far, relay } = await opening(context, 0);
  await until(() => far.samples().length > 0, "samples flow");
  relay.socket.removeAllListeners("message");
  await until(() => far.stderr.includes("nothing comes by this stream any more"), "it is told", 10_000);
  const operator = await stage.plain();
  assert.ok((await operator.ask(Buffer.from([3, 0, 40, 0, 1]))).length > 0);
});

oneway.run();
