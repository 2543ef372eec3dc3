/** `penstock demo`: the whole story on one machine, told and checked step by step. What does not come out as told fails the demo. */
import { readFile } from "node:fs/promises";
import { readRecords } from "#audit/read";
import { verify } from "#audit/verify";
import { EXIT } from "../exit.ts";
import { feederScene } from "./feederScene.ts";
import { Narrator } from "./narrator.ts";
import { Stage } from "./stage.ts";
import { tamperScenes } from "./tamper.ts";

export interface DemoOptions {
  readonly keep?: string;
  readonly json?: boolean;
}

const FEED_SETPOINT = 40;
const BURNER = 8;
/** Registers hold tenths of a tonne per hour. */
const tenths = (tonnesPerHour: number): number => Math.round(tonnesPerHour * 10);
/** A certificate that ends while its holder works. */
const BRIEF_MS = 4_000;

/** The whole demo takes some fifteen seconds; one that hangs must not hang for ever. */
const DEADLINE_MS = 120_000;

export async function runDemo(options: DemoOptions): Promise<number> {
  const deadline = setTimeout(() => {
    process.stderr.write(`penstock: the demo did not end within ${DEADLINE_MS / 1000} s\n`);
    process.exit(EXIT.internal);
  }, DEADLINE_MS);
  try {
    return await play(options);
  } finally {
    clearTimeout(deadline);
  }
}

async function play(options: DemoOptions): Promise<number> {
  const tell = new Narrator(options.json === true);
  tell.scene("A boiler's PLC and a feeder's outstation, the gate before them, and a certificate authority");
  const stage = await Stage.set(options.keep);
  try {
    await setting(stage, tell);
    await viewer(stage, tell);
    await operator(stage, tell);
    await feederScene(stage, tell, () => lastDenial(stage));
    await engineers(stage, tell);
    await shutdown(stage, tell);
    await evidence(stage, tell);
    await farSide(stage, tell);
    tell.summary(options.keep === undefined ? null : stage.dir);
  } finally {
    await stage.clear();
  }
  return tell.failed === 0 ? EXIT.ok : EXIT.fails;
}

async function setting(stage: Stage, tell: Narrator): Promise<void> {
  const status = await stage.status();
  tell.check(
    `the gate enforces policy ${status.policy.name} version ${status.policy.version} (${status.policy.hash.slice(0, 12)})`,
    status.state === "enforcing",
  );
  tell.check(
    `mutual TLS on port ${status.listeners[0]?.port}; nothing is answered without a certificate`,
    status.listeners[0]?.tls === "mutual",
  );
  const points = await stage.points();
  const shown = points.map(({ name, value, unit }) => `${name} ${value}${unit === "" ? "" : ` ${unit}`}`).join(", ");
  tell.check(
    `the points file is right: the gate itself reads ${points.length} points`,
    points.some(({ name, value }) => name === "drum_pressure" && value === "8.12"),
    shown,
  );
}

async function viewer(stage: Stage, tell: Narrator): Promise<void> {
  tell.scene("vera is a viewer");
  const vera = await stage.person("vera", "viewer");
  const pressure = await vera.read("input", 0);
  tell.check(`reads drum_pressure: ${(pressure / 100).toFixed(2)} bar`, pressure === 812);
  tell.check("switches the burner on (function 05): refused", (await vera.switch(BURNER, true)) === 1, await lastDenial(stage));
  tell.check("and not one octet of it reached the PLC", stage.boiler.writes.length === 0);
}

async function operator(stage: Stage, tell: Narrator): Promise<void> {
  tell.scene("otto is an operator: feed water set-point 0 to 40 t/h, steps of at most 5, three changes a minute");
  const otto = await stage.person("otto", "operator");
  const now = await otto.read("holding", FEED_SETPOINT);
  tell.check(`reads feed_setpoint: ${(now / 10).toFixed(1)} t/h`, now === tenths(20));
  tell.check("sets 24.0 t/h: done", (await otto.write(FEED_SETPOINT, tenths(24))) === 0);
  tell.check("sets 41.5 t/h: refused, above the envelope", (await otto.write(FEED_SETPOINT, tenths(41.5))) === 1, await lastDenial(stage));
  tell.check(
    "sets 38.0 t/h: refused, too large a step from 24.0",
    (await otto.write(FEED_SETPOINT, tenths(38))) === 1,
    await lastDenial(stage),
  );
  tell.check(
    "sets 28.0 and 32.0 t/h: done",
    (await otto.write(FEED_SETPOINT, tenths(28))) === 0 && (await otto.write(FEED_SETPOINT, tenths(32))) === 0,
  );
  tell.check(
    "sets 34.0 t/h: refused, the fourth change in a minute",
    (await otto.write(FEED_SETPOINT, tenths(34))) === 1,
    await lastDenial(stage),
  );
  const reached = stage.boiler.writes.map(({ value }) => value);
  tell.check(`the PLC saw 24.0, 28.0 and 32.0 and nothing else`, reached.join() === [24, 28, 32].map(tenths).join());
}

async function engineers(stage: Stage, tell: Narrator): Promise<void> {
  tell.scene("erik and ella are engineers; neither stays one");
  const asked = performance.now();
  const erik = await stage.person("erik", "engineer", BRIEF_MS);
  await erik.read("holding", FEED_SETPOINT);
  const ella = await stage.person("ella", "engineer");
  await ella.read("holding", FEED_SETPOINT);
  const revoked = performance.now();
  await stage.pki.revoke("ella", "keyCompromise");
  const cut = await within(ella.cut, 5_000);
  tell.check(
    `ella's certificate is revoked: her live session is cut ${cut === null ? "never" : `${Math.round(cut - revoked)} ms later`}`,
    cut !== null && cut - revoked < 1_000,
    await lastEnd(stage, "ella"),
  );
  const ended = await within(erik.cut, BRIEF_MS + 5_000);
  tell.check(
    `erik's certificate ends while he works: his live session is cut ${ended === null ? "never" : `${((ended - asked) / 1000).toFixed(1)} s after it was issued`}`,
    ended !== null && ended - asked < BRIEF_MS + 2_000,
    await lastEnd(stage, "erik"),
  );
}

async function shutdown(stage: Stage, tell: Narrator): Promise<void> {
  tell.scene("The log's disk is full: no record can be written, so nothing is written to the boiler. But for a shutdown");
  const { denials, requests, inspection } = await stage.status();
  tell.note(
    `until now: ${requests} requests, ${Object.values(denials).reduce((sum, n) => sum + n, 0)} denied; inspection p50 ${inspection.p50.toFixed(0)} µs, p99 ${inspection.p99.toFixed(0)} µs`,
  );
  await stage.fillLog();
  const otto = await stage.again("otto");
  const before = stage.boiler.writes.length;
  tell.check("otto sets 30.0 t/h: refused, there is no room for its record", (await otto.write(FEED_SETPOINT, tenths(30))) === BUSY);
  tell.check("switches the burner off, which his policy calls essential: done", (await otto.switch(BURNER, false)) === 0);
  const reached = stage.boiler.writes.slice(before).map(({ what, address, value }) => `${what} ${address} ${value}`);
  tell.check("the PLC saw that and nothing else", reached.join() === `coil ${BURNER} 0`);
  const alarm = (await stage.status()).warnings.find((words) => words.startsWith("STOPS WITHOUT RECORD"));
  tell.check("the gate shouts about it", alarm !== undefined, alarm);
  await stage.freeLog();
  const late = await lastWords(stage, { kind: "decision" }, (members) =>
    typeof members.journal === "object" && members.journal !== null
      ? `rule ${members.rule}, journal ${JSON.stringify(members.journal)}`
      : undefined,
  );
  tell.check("there is room again: the record is made up", late !== undefined, late);
}

/** Modbus exception 06. */
const BUSY = 6;

async function evidence(stage: Stage, tell: Narrator): Promise<void> {
  tell.scene("The evidence");
  await stage.stopGateway();
  const key = await readFile(stage.auditKeyFile, "utf8");
  const report = await verify(stage.auditDirectory, key);
  tell.check(`the log verifies: ${report.records} records, ${report.checkpoints} signed checkpoints, head to tail`, report.ok);
  for (const { what, caught, words } of await tamperScenes(stage.auditDirectory, key)) tell.check(`${what}: caught`, caught, words);
}

/** The gate is stopped: what it saw has left by a line that lost one frame of twenty and brought nothing back. */
async function farSide(stage: Stage, tell: Narrator): Promise<void> {
  tell.scene("The historian, on the other side of a line that only leads out, and that lost one frame of twenty");
  const { historian } = stage;
  const { frames, lost } = historian;
  tell.check(`${lost} of ${frames} frames never came`, lost > 20, `nothing was asked for again: there is no way back`);
  const samples = await historian.ledger("samples");
  const { sent, received, repaired, late } = samples;
  tell.check(
    `the ledger: ${sent} samples sent, ${received} received, ${repaired} repaired, ${late} late, ${samples.lost} lost`,
    sent > 0 && samples.lost === 0 && samples.open === 0 && samples.addsUp,
  );
  const events = await historian.ledger("events");
  tell.check(
    `decisions, denials and sessions too: ${events.sent} sent, ${events.lost} lost`,
    events.sent > 0 && events.lost === 0 && events.addsUp,
  );
  const checkpoints = await historian.ledger("checkpoints");
  tell.check(
    `and ${checkpoints.sent} signed checkpoints of the log, so that it can be proven from there`,
    checkpoints.sent > 0 && checkpoints.lost === 0,
  );
  const [setpoint, pressure] = [historian.seen.get("boiler-1/feed_setpoint"), historian.seen.get("boiler-1/drum_pressure")];
  const stands = stage.boiler.writes.filter(({ address }) => address === FEED_SETPOINT).at(-1)?.value ?? 0;
  tell.check(
    `a Sparkplug host sees the boiler: feed_setpoint ${String(setpoint?.value)} ${setpoint?.unit}, drum_pressure ${String(pressure?.value)} ${pressure?.unit}`,
    Number(setpoint?.value) === stands / 10 && setpoint?.unit === "t/h" && Number(pressure?.value) === 8.12,
    [...historian.seen].map(([name, { value, unit }]) => `${name} ${String(value)}${unit === "" ? "" : ` ${unit}`}`).join(", "),
  );
  const breaker = [...historian.seen.keys()].filter((name) => name.startsWith("feeder-7/"));
  tell.check(`and the feeder: ${breaker.length} points of it`, breaker.length > 0);
  for (let tries = 0; tries < 100 && !historian.dead.has("boiler-1"); tries++) await new Promise((resolve) => setTimeout(resolve, 50));
  tell.check("it was told that they are heard no more", historian.dead.has("boiler-1") && historian.dead.has("feeder-7"));
}

/** What the log says of the last denial, in its own words. */
function lastDenial(stage: Stage): Promise<string | undefined> {
  return lastWords(stage, { kind: "decision", decision: "deny" }, (members) => String(members.words));
}

function lastEnd(stage: Stage, who: string): Promise<string | undefined> {
  return lastWords(stage, { kind: "session", who }, (members) =>
    members.event === "end" ? `session of ${who} ended: ${members.reason} (${members.words})` : undefined,
  );
}

let told = 0;

/** The newest record that passes and was not told before; it is on disk some milliseconds after the answer. */
async function lastWords(
  stage: Stage,
  filter: { kind: string; decision?: "deny"; who?: string },
  say: (members: Readonly<Record<string, unknown>>) => string | undefined,
): Promise<string | undefined> {
  for (let tries = 0; tries < 100; tries++) {
    let words: string | undefined;
    for await (const { seq, members } of readRecords(stage.auditDirectory, filter, { count: 0 })) {
      const said = seq > told ? say(members) : undefined;
      if (said === undefined) continue;
      words = said;
      told = seq;
    }
    if (words !== undefined) return words;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return undefined;
}

function within(moment: Promise<number>, ms: number): Promise<number | null> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), ms);
  });
  return Promise.race([moment, late]).finally(() => clearTimeout(timer));
}
