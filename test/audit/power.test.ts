/**
 * Power loss: whatever disk the recorded calls may leave opens, is repaired, verifies and can be written on, and no record that was called
 * durable is missing from it. Writes are torn at every 61st octet and about each line's end; PENSTOCK_POWER=1 tears them at every octet, and
 * tries all the rest too.
 */
import { appendFileSync, existsSync, readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { hashLine, retiredName, segmentName } from "#audit/format";
import { isJson } from "#audit/lines";
import type { Log } from "#audit/log";
import { verify } from "#audit/verify";
import { Disk, type Event, type Image, putDown } from "./disk.ts";
import { InjectedFiles, SystemError } from "./injected.ts";
import {
  allLines,
  copyLog,
  DAY,
  eventually,
  linesOf,
  MEMORY,
  newKey,
  open,
  scratch,
  segmentFiles,
  settled,
  TestEntry,
  testClock,
  until,
} from "./logs.ts";

const power = suite("audit/power");
const key = newKey();
const STEP = Number(process.env.PENSTOCK_POWER ?? 61);
const ALL = STEP === 1;

function* torn(octets: Uint8Array): Generator<number> {
  for (let at = 1; at < octets.length; at++) {
    const nearEnd = octets[at - 1] === 10 || octets[at] === 10;
    if (at % STEP === 0 || nearEnd) yield at;
  }
}

/** What was given to the log, by the number it got. */
type Given = Map<number, unknown>;

class Recorder {
  readonly files = new InjectedFiles();
  readonly given: Given;

  constructor(given: Given = new Map()) {
    this.given = given;
    this.files.sync = false;
  }

  watch(log: Log): Log {
    const { files } = this;
    files.events.push({ is: "told", durable: log.durable });
    log.onProgress = () => files.events.push({ is: "told", durable: log.durable });
    return log;
  }

  add(log: Log, fields: Record<string, unknown>): void {
    this.given.set(log.append(new TestEntry(fields, true)), fields.n);
  }

  async written(log: Log): Promise<void> {
    await settled(log);
    this.watch(log);
  }
}

/** Images looked at side by side: most of the time one waits for file operations. */
const LANES = 4;

/** Every disk the events may leave, each different one once with the most that was promised of it. @returns how many */
async function everyDisk(
  events: readonly Event[],
  base: Image["files"],
  hold: (image: Image, told: number, nth: number, lane: number) => Promise<void>,
): Promise<number> {
  let count = 0;
  const images = disks(events, base);
  await Promise.all(
    Array.from({ length: LANES }, async (_, lane) => {
      for (let next = images.next(); next.done !== true; next = images.next()) {
        const { image, told, after } = next.value;
        try {
          await hold(image, told, count++, lane);
        } catch (error) {
          throw new Error(`after event ${after} of ${events.length}, ${image.words}: ${String(error)}`, { cause: error });
        }
      }
    }),
  );
  return count;
}

function* disks(events: readonly Event[], base: Image["files"]): Generator<{ image: Image; told: number; after: number }> {
  const disk = new Disk(base);
  const seen = new Map<string, number>();
  for (const [after, event] of [null, ...events].entries()) {
    if (event !== null) disk.see(event);
    const { told } = disk;
    for (const image of disk.images(torn)) {
      if ((seen.get(image.digest) ?? -1) >= told) continue;
      seen.set(image.digest, told);
      yield { image, told, after };
    }
  }
}

/** A log's life: batches, a document, sealed segments, a failed write, a pruning, a clean end and a second start. */
async function aLife(directory: string): Promise<Recorder> {
  const recorder = new Recorder();
  const { files } = recorder;
  const clock = testClock();
  const more = { files, clock, segmentOctets: 900, retainMs: DAY };
  let log = recorder.watch(await open(directory, key, more));
  for (let i = 1; i <= 6; i++) {
    recorder.add(log, { n: i, document: i === 3 ? log.keep(DOCUMENT) : null });
    if (i % 2 === 0) await recorder.written(log);
  }
  let broken = true;
  files.partial = 40;
  files.before = ({ op, file }) => {
    if (broken && op === "write" && file.endsWith(".jsonl")) throw new SystemError("EIO");
  };
  recorder.add(log, { n: 7 });
  await until(log, () => log.state === "failed");
  broken = false;
  clock.ahead += 1_100;
  log.tick();
  await recorder.written(log);
  clock.ahead += 2 * DAY;
  log.tick();
  assert.ok(await eventually(() => !existsSync(path.join(directory, segmentName(1)))));
  await recorder.written(log);
  await log.close();
  log = recorder.watch(await open(directory, key, more));
  recorder.add(log, { n: 8 });
  await log.close();
  files.events.push({ is: "told", durable: log.durable });
  return recorder;
}

const DOCUMENT = Buffer.from("a policy");

power(
  "RULINGS 30: every disk that the calls of a log's life may leave opens, verifies, goes on, and holds what was called durable",
  async () => {
    const root = scratch(MEMORY);
    const directory = path.join(root, "log");
    const { files, given } = await aLife(directory);
    const count = await everyDisk(files.events, new Map(), async (image, told, nth, lane) => {
      const place = path.join(root, `image ${lane}`);
      putDown(image.files, directory, place);
      await holds(place, told, given);
      if (ALL || nth % 2 === 0) await goesOn(place, told, given);
    });
    console.log(`${files.events.length} events, ${count} disks`);
    assert.ok(count > 400, `${count} disks`);
  },
);

power(
  "RULINGS 30: killed at any call and started anew, then power is lost: what the second process called durable is there too",
  async () => {
    const root = scratch(MEMORY);
    const directory = path.join(root, "log");
    const life = await aLife(directory);
    const seen = new Set<string>();
    let kills = 0;
    let count = 0;
    for (const killed of killings(life.files.events)) {
      const before = life.files.events.slice(0, killed);
      const state = seeAll(before).kill();
      const digest = JSON.stringify([...state].map(([file, octets]) => [file, octets?.toString("latin1")]));
      if (seen.has(digest)) continue;
      seen.add(digest);
      kills++;
      putDown(state, directory, directory);
      const second = new Recorder(new Map([...life.given].filter(([n]) => n <= seeAll(before).told)));
      const log = second.watch(await open(directory, key, { files: second.files, segmentOctets: 900 }));
      assert.equal(log.troubles, [], `killed after event ${killed}`);
      second.add(log, { n: "second", document: log.keep(DOCUMENT) });
      await second.written(log);
      await log.close();
      const disk = seeAll(before);
      disk.kill();
      for (const [after, event] of second.files.events.entries()) {
        disk.see(event);
        for (const image of disk.poorest()) {
          const known = `${disk.told} ${image.digest}`;
          if (seen.has(known)) continue;
          seen.add(known);
          count++;
          const place = path.join(root, "image");
          putDown(image.files, directory, place);
          const given = new Map([...second.given].filter(([n]) => n <= disk.told));
          await holds(place, disk.told, given).catch((error) => {
            throw new Error(`killed after event ${killed}, then after event ${after}, ${image.words}: ${String(error)}`, { cause: error });
          });
        }
      }
    }
    console.log(`${kills} kills, ${count} disks`);
    assert.ok(count > 200, `${count} disks`);
  },
);

/** After every event; without PENSTOCK_POWER, where most is done and not synced: as each sync begins. */
function killings(events: readonly Event[]): number[] {
  const syncs = ({ is, ...event }: Event): boolean =>
    is === "start" && "call" in event && ["sync", "syncDirectory"].includes(event.call.op);
  return events.flatMap((event, at) => (ALL || syncs(event) ? [at + 1] : []));
}

function seeAll(events: readonly Event[]): Disk {
  const disk = new Disk(new Map());
  for (const event of events) disk.see(event);
  return disk;
}

/** What an earlier power loss or failure left, made from a log of five records in one segment, the last two behind its newest checkpoint. */
const LEFT: readonly (readonly [string, (place: string) => void])[] = [
  [
    "an unfinished last line, checkpoint file and document",
    (place) => {
      truncateSync(only(place), readFileSync(only(place)).length - 9);
      for (const name of ["checkpoint.json.new", `documents/${"0".repeat(64)}.new`]) writeFileSync(path.join(place, name), "{");
    },
  ],
  ["an unfinished header", (place) => writeFileSync(path.join(place, segmentName(2)), '{"after":5,"time":"2026')],
  ["zeros behind the last line", (place) => appendFileSync(only(place), Buffer.alloc(50))],
  ["a segment whose last write failed", (place) => signRetired(place, 1)],
];

const only = (place: string): string => segmentFiles(place)[0] as string;

/** As if the last `lines` had been written and not synced. */
function signRetired(place: string, lines: number): void {
  const good = linesOf(only(place)).slice(0, -lines);
  const octets = Buffer.byteLength(`${good.join("\n")}\n`);
  writeFileSync(path.join(place, retiredName(1, octets, hashLine(good.at(-1) as string))), "");
}

for (const [left, leave] of LEFT) {
  power(`RULINGS 30: power lost again at every call of a repair, of going on and of pruning: ${left}`, async () => {
    const root = scratch(MEMORY);
    const [living, directory] = [path.join(root, "living"), path.join(root, "log")];
    const alive = await open(living, key);
    for (let n = 1; n <= 4; n++) alive.append(new TestEntry({ n }));
    await settled(alive);
    copyLog(living, directory);
    await alive.close();
    leave(directory);
    const base = contentOf(directory);
    const rest = Buffer.concat(segmentFiles(directory).map(restOf));
    const recorder = new Recorder();
    const clock = testClock();
    const log = recorder.watch(await open(directory, key, { files: recorder.files, clock, segmentOctets: 1_500, retainMs: DAY }));
    assert.equal(log.troubles, []);
    for (let n = 10; segmentFiles(directory).length < 3; n++) {
      recorder.add(log, { n });
      await recorder.written(log);
    }
    clock.ahead += 2 * DAY;
    log.tick();
    assert.ok(await eventually(() => readdirSync(directory).every((name) => !name.startsWith(segmentName(1)))));
    await log.close();
    recorder.files.events.push({ is: "told", durable: log.durable });
    const count = await everyDisk(recorder.files.events, base, async (image, told, nth, lane) => {
      const place = path.join(root, `image ${lane}`);
      putDown(image.files, directory, place);
      await holds(place, told, recorder.given);
      if (existsSync(path.join(place, segmentName(1)))) assert.ok(isKept(place, rest), "the octets that were cut are gone");
      if (ALL || nth % 3 === 0) await goesOn(place, told, recorder.given);
    });
    assert.ok(count > 50, `${count} disks`);
    console.log(`${left}: ${recorder.files.events.length} events, ${count} disks`);
  });
}

power(
  "RULINGS 30: a hole in what was not synced, behind it a whole end: nothing durable is missing, nothing is cut, and the alarm stands",
  async () => {
    const root = scratch(MEMORY);
    const [living, place] = [path.join(root, "living"), path.join(root, "log")];
    const log = await open(living, key);
    const given: Given = new Map([[log.append(new TestEntry({ n: 1 })), 1]]);
    await settled(log);
    const synced = readFileSync(only(living)).length;
    const { durable } = log;
    for (let n = 2; n <= 4; n++) log.append(new TestEntry({ n, text: "x".repeat(40) }));
    await settled(log);
    copyLog(living, path.join(root, "killed"));
    await log.close();
    const whole = readFileSync(only(path.join(root, "killed")));
    const hole = ALL ? 1 : 16;
    for (let from = synced; from < whole.length - 1; from += hole) {
      copyLog(path.join(root, "killed"), place);
      const octets = Buffer.from(whole).fill(0, from, Math.min(from + 64, whole.length - 1));
      writeFileSync(only(place), octets);
      const files = new InjectedFiles();
      files.sync = false;
      const again = await open(place, key, { files });
      assert.match(again.troubles.join(), /^segment 1 is broken/, `from ${from}`);
      assert.ok(again.durable >= durable);
      const number = again.append(new TestEntry({ n: "after" }));
      await again.close();
      assert.equal(readFileSync(only(place)), octets, `from ${from}`);
      const { findings } = await verify(place, key.publicPem);
      assert.ok(findings.length > 0, `from ${from}`);
      assert.ok(
        findings.every(({ seq, file }) => file === segmentName(1) && (seq === null || seq >= durable)),
        `from ${from}: ${JSON.stringify(findings)}`,
      );
      const lines = completeLines(place);
      for (const [n, value] of new Map(given).set(number, "after")) assert.is(lines.get(n)?.n, value, `from ${from}: record ${n}`);
    }
  },
);

/** What stands after the last line feed. */
function restOf(file: string): Buffer {
  const octets = readFileSync(file);
  return octets.subarray(octets.lastIndexOf(10) + 1);
}

/** Do these octets end a file in the log's directory? */
function isKept(place: string, octets: Buffer): boolean {
  const files = readdirSync(place).filter((name) => name.startsWith("audit-"));
  return files.some((name) => readFileSync(path.join(place, name)).subarray(-octets.length).equals(octets));
}

function contentOf(directory: string): Map<string, Buffer | null> {
  const content = new Map<string, Buffer | null>([[directory, null]]);
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    const file = path.join(entry.parentPath, entry.name);
    content.set(file, entry.isDirectory() ? null : readFileSync(file));
  }
  return content;
}

/** Of a log that has other lines too. */
function completeLines(place: string): Map<number, Record<string, unknown>> {
  const lines = segmentFiles(place)
    .flatMap(linesOf)
    .filter((line) => isJson(line));
  return new Map(lines.map((line) => JSON.parse(line) as Record<string, unknown>).map((line) => [Number(line.seq), line]));
}

async function holds(place: string, durable: number, given: Given): Promise<void> {
  if (durable === 0 && (!existsSync(place) || (segmentFiles(place).length === 0 && !existsSync(path.join(place, "checkpoint.json")))))
    return;
  const report = await verify(place, key.publicPem);
  assert.equal(report.findings, [], JSON.stringify(report.findings));
  assert.ok((report.lastSeq ?? 0) >= durable, `ends at ${report.lastSeq}, ${durable} was durable`);
  const lines = new Map(allLines(place).map((line) => [Number(line.seq), line]));
  for (let n = (report.prunedThrough ?? 0) + 1; n <= durable; n++) {
    assert.ok(lines.has(n), `record ${n} of ${durable} is gone`);
    if (given.has(n)) assert.is(lines.get(n)?.n, given.get(n), `record ${n} is another`);
  }
}

/** Repaired and written on. @returns the calls that took */
async function goesOn(place: string, durable: number, given: Given): Promise<readonly Event[]> {
  const files = new InjectedFiles();
  files.sync = false;
  const log = await open(place, key, { files });
  assert.equal(log.troubles, []);
  assert.ok(log.durable >= durable);
  const number = log.append(new TestEntry({ n: "after" }));
  await log.close();
  await holds(place, log.durable, new Map([...given].filter(([n]) => n <= durable)).set(number, "after"));
  return files.events;
}

power.run();
