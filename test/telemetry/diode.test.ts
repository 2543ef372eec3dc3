/**
 * Two hosts and a cable between them, told what `penstock send` and `penstock receive` say they are to be told: frames go one way, and of all that
 * the far host tries nothing comes back, on the cable already.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { handOver } from "#hardware/oneway/handOver";
import { receiverSteps, type Step, senderSteps } from "#telemetry/isolation";
import { hasTool, need } from "#test/support/need";

const diode = suite<{ ends: (() => void)[] }>("telemetry/diode");
diode.before.each((context) => {
  context.ends = [];
});
diode.after.each(({ ends }) => {
  for (const end of ends.reverse()) end();
});

const FRAMES = 10_000;
const PORT = 20_700;
const [OT_ADDRESS, IT_ADDRESS] = ["10.99.0.1", "10.99.0.2"] as const;
const [OT_MAC, IT_MAC] = ["02:00:00:00:99:01", "02:00:00:00:99:02"] as const;
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Namespaces of this process, so that tests that run beside this one have their own. */
function hosts(context: { ends: (() => void)[] }): {
  readonly ot: string;
  readonly it: string;
  run(space: string, ...command: string[]): string;
} {
  const [ot, it] = [`psot${process.pid}`, `psit${process.pid}`];
  const run = (space: string, ...command: string[]): string =>
    execFileSync("ip", ["netns", "exec", space, ...command], { encoding: "latin1", stdio: ["ignore", "pipe", "pipe"] });
  for (const space of [ot, it]) {
    execFileSync("ip", ["netns", "add", space]);
    context.ends.push(() => execFileSync("ip", ["netns", "del", space]));
  }
  execFileSync("ip", [
    "link",
    "add",
    "diode0",
    "netns",
    ot,
    "address",
    OT_MAC,
    "type",
    "veth",
    "peer",
    "name",
    "diode0",
    "netns",
    it,
    "address",
    IT_MAC,
  ]);
  for (const [space, address] of [
    [ot, OT_ADDRESS],
    [it, IT_ADDRESS],
  ] as const) {
    run(space, "ip", "address", "add", `${address}/24`, "dev", "diode0");
    run(space, "ip", "link", "set", "diode0", "up");
    run(space, "ip", "link", "set", "lo", "up");
  }
  return { ot, it, run };
}

function apply(space: string, steps: readonly Step[]): void {
  for (const { command, input } of steps)
    execFileSync("ip", ["netns", "exec", space, ...command], { input: input ?? "", stdio: ["pipe", "ignore", "pipe"] });
}

/** Lines that a child says. */
function linesOf(child: ChildProcess): string[] {
  const lines: string[] = [];
  let rest = "";
  child.stdout?.on("data", (octets) => {
    const parts = (rest + String(octets)).split("\n");
    rest = parts.pop() ?? "";
    lines.push(...parts);
  });
  return lines;
}

async function until(condition: () => boolean, what: string, ms = 20_000): Promise<void> {
  for (const end = performance.now() + ms; !condition(); await pause(10))
    if (performance.now() > end) throw new Error(`not within ${ms} ms: ${what}`);
}

function keysIn(folder: string): string {
  const keys = path.join(folder, "keys");
  mkdirSync(keys);
  writeFileSync(path.join(keys, "2026-01-01.key"), "07".repeat(32), { mode: 0o600 });
  return keys;
}

const isRoot = process.getuid?.() === 0;
const node = (script: string, ...args: string[]): string[] => [
  process.execPath,
  "--disable-warning=ExperimentalWarning",
  path.join(import.meta.dirname, script),
  ...args,
];

diode(
  "10,000 frames one way; nothing that the far host tries is on the cable, and nothing of the sender changes for it",
  async (context) => {
    if (!need("root, ip, nft and tshark", isRoot && hasTool("ip") && hasTool("nft") && hasTool("tshark"))) return;
    const folder = mkdtempSync(path.join(os.tmpdir(), "penstock-diode-"));
    context.ends.push(() => rmSync(folder, { recursive: true }));
    const { ot, it, run } = hosts(context);
    const steps = senderSteps({ interface: "diode0", from: OT_ADDRESS, to: IT_ADDRESS, mac: IT_MAC });
    // Twice: what is there already stays as it is.
    for (let i = 0; i < 2; i++) {
      apply(ot, steps);
      apply(it, receiverSteps({ interface: "diode0", address: IT_ADDRESS, port: PORT, bufferOctets: 8 * 1024 * 1024 }).slice(0, 2));
    }
    assert.match(run(ot, "nft", "list", "ruleset"), /hook ingress device "?diode0"? priority -500; policy drop/);

    const tshark = spawn("ip", ["netns", "exec", ot, "tshark", "-n", "-q", "-i", "diode0", "-w", path.join(folder, "cable.pcap")], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    context.ends.push(() => tshark.kill("SIGKILL"));
    let said = "";
    tshark.stderr.on("data", (octets) => {
      said += String(octets);
    });
    await until(() => said.includes("Capturing on"), "it captures");
    await pause(500);

    const far = spawn("ip", ["netns", "exec", it, ...node("farChild.ts", String(PORT))], { stdio: ["pipe", "pipe", "inherit"] });
    context.ends.push(() => far.kill("SIGKILL"));
    const heard = linesOf(far);
    await until(() => heard.includes("listening"), "the far host listens");
    // It tries all the while.
    const noise = spawn(
      "ip",
      [
        "netns",
        "exec",
        it,
        "bash",
        "-c",
        `while true; do ping -c 1 -W 0.1 ${OT_ADDRESS} >/dev/null; echo x >/dev/udp/${OT_ADDRESS}/20700; ip neigh flush dev diode0; sleep 0.01; done`,
      ],
      { stdio: "ignore" },
    );
    context.ends.push(() => noise.kill("SIGKILL"));

    const settings = {
      stream: 7,
      gateway: "gate",
      sources: 20,
      repairs: 4,
      depth: 8,
      content: 1200,
      carouselShare: 0,
      rate: 2_500,
      keys: keysIn(folder),
      signingKey: null,
      state: path.join(folder, "state"),
    };
    const { file, args } = handOver(
      { from: OT_ADDRESS, to: IT_ADDRESS, port: PORT, interface: "diode0" },
      node("sendChild.ts", JSON.stringify(settings)),
    );
    const near = spawn("ip", ["netns", "exec", ot, file, ...args], { stdio: ["pipe", "pipe", "inherit"] });
    context.ends.push(() => near.kill("SIGKILL"));
    const status = linesOf(near);
    const last = (): { frames: number; notSent: number } => JSON.parse(status.at(-1) ?? '{"frames":0}');
    await until(() => last().frames >= FRAMES, "frames are sent", 60_000);
    near.stdin.end();
    await pause(300);
    far.stdin.write("\n");
    await until(() => heard.length > 1, "the far host says what came");
    const { frames, answers } = JSON.parse(heard[1] as string) as { frames: number; answers: number };
    tshark.kill("SIGINT");
    await new Promise((resolve) => tshark.once("exit", resolve));
    const from = (mac: string): number =>
      execFileSync(
        "tshark",
        ["-n", "-r", path.join(folder, "cable.pcap"), "-Y", `eth.src == ${mac}`, "-T", "fields", "-e", "frame.number"],
        { encoding: "latin1", stdio: ["ignore", "pipe", "ignore"] },
      )
        .split("\n")
        .filter((line) => line !== "").length;
    assert.is(last().notSent, 0);
    assert.ok(frames >= FRAMES * 0.99, `${frames} came of ${last().frames}`);
    assert.ok(answers >= frames * 0.9, `${answers} answers were tried`);
    assert.ok(from(OT_MAC) >= FRAMES * 0.99, "the cable was watched");
    assert.is(from(IT_MAC), 0, "of all that the far host tried nothing is on the cable");
  },
);

diode.run();
