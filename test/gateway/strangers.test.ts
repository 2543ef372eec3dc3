/**
 * Whoever has not shown who it is against whoever has (RULINGS 24): half-open handshakes by the thousand and new ones all the time leave an
 * operator's answers where they were, and nobody who was here before stands outside for them. Measured against a daemon in its own process, in
 * rounds that are quiet and flooded in turn, so that a busy machine bears on both alike; what is held against what is printed.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import os from "node:os";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { selfSigned } from "#test/support/certificates";
import { certificates } from "#test/support/gatewayCertificates";
import { sleep } from "#test/support/house";
import { hasTool, need } from "#test/support/need";
import { type Operator, read } from "#test/support/operator";
import { Stage } from "#test/support/stage";
import { clientHello, type Flood, Strangers } from "#test/support/strangers";

interface Context {
  stage: Stage;
  strangers: Strangers | null;
}

const unproven = suite<Context>("gateway/strangers");
unproven.before.each((context) => {
  context.strangers = null;
});
unproven.after.each(async ({ stage, strangers }) => {
  strangers?.close();
  await stage?.clear();
});

/** What a PLC takes for one answer, milliseconds: the quicker ones in use. */
const PLC_MS = 10;
/** One step of somebody's handshake that an answer may have to wait for, milliseconds. */
const STEP_MS = 1.5;
/** Where the kernel tells what a process was at work. */
const SCHEDSTAT = "/proc/self/schedstat";
const ROUNDS = 4;
/** Until two rounds of a kind agree: what else the machine does only ever adds, so the least of them are the gateway's own. */
const MORE_ROUNDS = 8;
const AGREE = 1.05;
/** Whoever was here before is in within this time, milliseconds. */
const KNOWN_MS = 2_000;

/** @param daemon on the last processor, everybody else on the first, where the machine has two and lets us */
function pin(daemon: number, others: readonly number[]): string {
  const last = os.availableParallelism() - 1;
  if (last < 1 || !hasTool("taskset")) return "not pinned";
  try {
    for (const pid of [daemon, ...others])
      execFileSync("taskset", ["-a", "-p", "-c", String(pid === daemon ? last : 0), String(pid)], { stdio: "ignore" });
    return `daemon on processor ${last}, the others on 0`;
  } catch {
    return "not pinned";
  }
}

/** 99 of 100 reads that come one after the other are answered within this time, milliseconds. */
async function p99(operator: Operator, forMs: number): Promise<number> {
  const took: number[] = [];
  const until = performance.now() + forMs;
  for (let at = performance.now(); at < until || took.length < 10; at = performance.now()) {
    await operator.ask(read(7, 1));
    took.push(performance.now() - at);
  }
  return took.toSorted((a, b) => a - b)[Math.floor(took.length * 0.99)] as number;
}

const least = (figures: readonly number[]): number => Math.min(...figures);
/** The lower one, where there are two. */
const median = (figures: readonly number[]): number => figures.toSorted((a, b) => a - b)[(figures.length - 1) >> 1] as number;
/** Noise adds to both alike and never takes away: where the least, or the middle ones, are close, so are those without it. */
const isWithin = (flooded: readonly number[], quiet: readonly number[], more = 0): boolean =>
  [least, median].some((of) => of(flooded) <= 1.2 * of(quiet) + more);
/** Have they a floor that two of them stand on? */
const isSettled = (figures: readonly number[]): boolean =>
  (figures.toSorted((a, b) => a - b)[1] ?? Number.POSITIVE_INFINITY) <= AGREE * least(figures);
const said = (figures: readonly number[]): string => figures.map((ms) => ms.toFixed(2)).join(" ");

/** Milliseconds the daemon's own loop was at work, whatever else this machine does. */
function busyOf({ daemon }: Stage): () => number {
  const { pid } = daemon.child;
  return () => Number(readFileSync(`/proc/${pid}/task/${pid}/schedstat`, "utf8").split(" ")[0]) / 1e6;
}

/** Nothing of a flood is left to do: a quiet round is to be quiet. */
async function calm(busyMs: () => number): Promise<void> {
  for (let tries = 0; tries < 50; tries++) {
    const before = busyMs();
    await sleep(100);
    if (busyMs() - before < 20) return;
  }
  throw new Error("the gateway is still at work five seconds after the flood");
}

async function stranger(): Promise<Omit<Flood, "port" | "halfOpen" | "aSecond">> {
  const own = selfSigned({ uri: "spiffe://plant.example/operator/alice" });
  return { hello: (await clientHello()).toString("base64"), certificatePem: own.chainPem, keyPem: own.keyPem };
}

unproven(
  "RULINGS 24: 1,000 half-open handshakes and 50 unproven connections a second: an operator's p99 stays within 20 %, whoever was here gets in",
  async (context) => {
    if (!need(SCHEDSTAT, existsSync(SCHEDSTAT))) return;
    const pki = await certificates();
    const { stage } = Object.assign(context, { stage: await Stage.open(pki.house), strangers: new Strangers() });
    const strangers = context.strangers as Strangers;
    const where = pin(stage.daemon.child.pid as number, [process.pid, strangers.pid]);
    stage.plc.keep = false;
    const busyMs = busyOf(stage);
    const alice = await stage.mutual(pki.operator);
    const flood = { ...(await stranger()), port: stage.port(), halfOpen: 1_000, aSecond: 50 };
    const figures = { quiet: [] as number[], flooded: [] as number[], quietAtOnce: [] as number[], floodedAtOnce: [] as number[] };
    const round = async (slow: number[], atOnce: number[]): Promise<void> => {
      stage.plc.faults = {};
      atOnce.push(await p99(alice, 200));
      stage.plc.faults = { delayMs: PLC_MS };
      slow.push(await p99(alice, 500));
    };
    await p99(alice, 500);
    const entered: number[] = [];
    let held = 0;
    for (let i = 0; i < ROUNDS || (i < MORE_ROUNDS && !(isSettled(figures.quiet) && isSettled(figures.flooded))); i++) {
      await round(figures.quiet, figures.quietAtOnce);
      await strangers.flood(flood);
      await round(figures.flooded, figures.floodedAtOnce);
      held = Math.max(held, (await stage.status()).listeners[0]?.connections ?? 0);
      const started = performance.now();
      const bob = await stage.mutual(pki.operatorNamed(`bob-${i}`));
      await bob.ask(read(7, 1));
      entered.push(performance.now() - started);
      bob.close();
      await strangers.quiet();
      await calm(busyMs);
    }
    const { refusedHandshakes } = await stage.status();
    console.log(
      [
        `p99 in ms, ${where}; PLC of ${PLC_MS} ms: quiet ${said(figures.quiet)}, flooded ${said(figures.flooded)}`,
        `PLC that answers at once: quiet ${said(figures.quietAtOnce)}, flooded ${said(figures.floodedAtOnce)}`,
        `from a known address in after ${said(entered)}; at most ${held} connections held; refused ${JSON.stringify(refusedHandshakes)}`,
      ].join("\n"),
    );
    assert.ok(isWithin(figures.flooded, figures.quiet), "within 20 %");
    assert.ok(isWithin(figures.floodedAtOnce, figures.quietAtOnce, STEP_MS), "within 20 % and a step of a handshake");
    assert.ok(Math.max(...entered) < KNOWN_MS, `in after ${said(entered)} ms`);
    const refused = Object.values(refusedHandshakes).reduce((sum, n) => sum + n, 0);
    assert.ok(refused > ROUNDS * 900, `${refused} turned away`);
    assert.ok(held < 60, "strangers hold half of the half-open places, and no more");
    await stage.endsWell();
  },
);

unproven(
  "RULINGS 24: 500 strangers a second, each with a whole handshake: they cost the gateway a fifth of its processor at most",
  async (context) => {
    if (!need(SCHEDSTAT, existsSync(SCHEDSTAT))) return;
    const pki = await certificates();
    const { stage } = Object.assign(context, { stage: await Stage.open(pki.house), strangers: new Strangers() });
    const strangers = context.strangers as Strangers;
    const alice = await stage.mutual(pki.operator);
    await alice.ask(read(7, 1));
    // What its own loop was at work, whatever else this machine does.
    const { pid } = stage.daemon.child;
    const busyMs = (): number => Number(readFileSync(`/proc/${pid}/task/${pid}/schedstat`, "utf8").split(" ")[0]) / 1e6;
    const share = async (forMs: number): Promise<number> => {
      const [before, started] = [busyMs(), performance.now()];
      await sleep(forMs);
      return (busyMs() - before) / (performance.now() - started);
    };
    const quiet = await share(1_000);
    await strangers.flood({ ...(await stranger()), port: stage.port(), halfOpen: 0, aSecond: 500 });
    await sleep(300);
    const flooded = await share(2_500);
    const { begun } = await strangers.quiet();
    const { refusedHandshakes } = await stage.status();
    console.log(
      `busy ${(100 * flooded).toFixed(1)} % flooded by ${begun} in 2.8 s, ${(100 * quiet).toFixed(1)} % quiet; ${JSON.stringify(refusedHandshakes)}`,
    );
    assert.ok(flooded - quiet < 0.2, `${(100 * (flooded - quiet)).toFixed(1)} %`);
    await stage.endsWell();
  },
);

unproven.run();
