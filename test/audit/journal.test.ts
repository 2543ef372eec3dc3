/** The journal of stops that passed without their record (RULINGS 15): its room, what it keeps over kill and power loss, a disk that fails. */
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  entriesWaiting,
  JOURNAL_SLOTS,
  Journal,
  journalOf,
  type Kept,
  openSlots,
  SLOT_OCTETS,
  type SlotFile,
  type Tail,
} from "#audit/journal";
import { loadSigningKey, type SigningKey } from "#audit/key";
import { until } from "#test/support/house";
import { SystemError } from "./injected.ts";

const journal = suite<{ dir: string; log: string; key: SigningKey }>("audit/journal");
journal.before.each((context) => {
  context.dir = mkdtempSync(path.join(os.tmpdir(), "penstock-journal-"));
  context.log = path.join(context.dir, "audit");
  context.key = loadSigningKey(path.join(context.dir, "audit.key"));
});
journal.after.each(({ dir }) => rmSync(dir, { recursive: true, force: true }));

const TAIL: Tail = { count: 1, last: "2026-11-26T10:00:00.000Z", outcome: null, exception: 0, reason: "", outcomes: {} };
const stop = (i: number) => ({
  passed: `2026-11-26T10:00:00.${String(i).padStart(3, "0")}Z`,
  who: "spiffe://plant.example/operator/alice",
  octets: `0600${i}`,
});
const entriesOf = ({ kept }: Journal): [string, Kept["entry"], Tail][] =>
  [...kept.values()].map(({ id, entry, tail }) => [id, entry, tail]);

/** The real file, seen through. */
class FailingSlots {
  fails: string | null = null;
  writes = 0;
  readonly open = async (file: string): Promise<SlotFile> => {
    this.#may();
    const inner = await openSlots(file);
    return {
      size: inner.size,
      read: () => inner.read(),
      write: async (octets, at) => {
        this.#may();
        this.writes += 1;
        await inner.write(octets, at);
      },
      sync: async () => {
        this.#may();
        await inner.sync();
      },
      close: () => inner.close(),
    };
  };

  #may(): void {
    if (this.fails !== null) throw new SystemError(this.fails);
  }
}

/** The real file, and what of it no power loss takes: as it stood when a sync that ended began. */
class SyncedSlots {
  durable: Buffer = Buffer.alloc(0);
  /** Slots in which something was written, in that order. */
  readonly written: number[] = [];
  #hang: Promise<void> | null = null;
  #resume = (): void => {};

  readonly open = async (file: string): Promise<SlotFile> => {
    const inner = await openSlots(file);
    return {
      size: inner.size,
      read: () => inner.read(),
      write: async (octets, at) => {
        await inner.write(octets, at);
        this.written.push(Math.floor(at / SLOT_OCTETS));
      },
      sync: async () => {
        const found = readFileSync(file);
        await this.#hang;
        await inner.sync();
        this.durable = found;
      },
      close: () => inner.close(),
    };
  };

  /** From now on no sync ends, until `resume`. */
  hang(): void {
    this.#hang = new Promise((resolve) => {
      this.#resume = resolve;
    });
  }

  resume(): void {
    this.#hang = null;
    this.#resume();
  }

  /** What the next run finds after a power loss now. */
  async afterPowerLoss(dir: string, key: SigningKey): Promise<Journal> {
    const log = path.join(dir, "after");
    writeFileSync(journalOf(log), this.durable);
    const next = await Journal.open(log, key);
    await next.close();
    return next;
  }
}

journal("its room is taken before it is needed: 1,000 slots of written octets, for nobody else to read", async ({ log, key }) => {
  const opened = await Journal.open(log, key);
  assert.not(existsSync(journalOf(log)), "where no rule is essential, none is needed");
  await opened.prepare();
  const { size, blocks, mode } = statSync(journalOf(log));
  assert.is(JOURNAL_SLOTS, 1000);
  assert.is(size, 1000 * SLOT_OCTETS);
  assert.ok(blocks * 512 >= size, `${blocks} blocks hold no hole`);
  assert.is(mode & 0o777, 0o600);
  assert.is(await entriesWaiting(log), 0);
  await opened.close();
});

journal("RULINGS 15: what it keeps outlives the process, whether that was closed or killed", async ({ log, key }) => {
  const first = await Journal.open(log, key);
  const kept = first.add(stop(1), TAIL);
  assert.ok(kept !== null);
  first.add(stop(2), TAIL);
  first.became(kept, { ...TAIL, count: 3, outcome: "answered" });
  await first.close();
  const second = await Journal.open(log, key);
  assert.equal(entriesOf(second), entriesOf(first));
  second.add(stop(3), TAIL);
  await until(() => readFileSync(journalOf(log), "latin1").includes('"060'.concat('03"')), "the third is on the disk");
  await until(() => readFileSync(journalOf(log), "latin1").includes("outcome"), "its tail too");
  // Not closed: as if killed.
  const third = await Journal.open(log, key);
  assert.equal(entriesOf(third), entriesOf(second));
  for (const each of [...third.kept.values()]) third.release(each);
  await third.close();
  assert.is(await entriesWaiting(log), 0);
  await second.close();
});

journal("RULINGS 15: a power loss takes nothing of it: room, entry, outcome and release are synced", async ({ dir, log, key }) => {
  const disk = new SyncedSlots();
  const opened = await Journal.open(log, key, disk.open);
  await opened.prepare();
  assert.is(disk.durable.length, JOURNAL_SLOTS * SLOT_OCTETS);
  const kept = opened.add(stop(1), TAIL);
  assert.ok(kept !== null);
  await until(() => disk.durable.includes('"06001"'), "the entry is on the disk");
  assert.equal(entriesOf(await disk.afterPowerLoss(dir, key)), entriesOf(opened));
  opened.became(kept, { ...TAIL, outcome: "answered" });
  await until(() => disk.durable.includes("answered"), "so is what became of it");
  assert.equal(entriesOf(await disk.afterPowerLoss(dir, key)), entriesOf(opened));
  opened.release(kept);
  await until(() => disk.durable.every((octet) => octet === 0), "and that it is released");
  await opened.close();
});

journal("RULINGS 15: a slot that is released is nobody's until the disk knows that it is empty", async ({ dir, log, key }) => {
  const disk = new SyncedSlots();
  const opened = await Journal.open(log, key, disk.open);
  await opened.prepare();
  const first = opened.add(stop(1), TAIL);
  assert.ok(first !== null);
  await until(() => disk.durable.includes('"06001"'), "it is on the disk");
  disk.hang();
  const writes = disk.written.length;
  opened.release(first);
  await until(() => disk.written.length > writes, "it is written over");
  assert.is.not(opened.add(stop(2), TAIL)?.slot, first.slot);
  disk.resume();
  await until(() => disk.durable.includes('"06002"'), "both are on the disk");
  assert.equal(entriesOf(await disk.afterPowerLoss(dir, key)), entriesOf(opened));
  assert.is(opened.add(stop(3), TAIL)?.slot, first.slot, "now it is free");
  await opened.close();
});

journal("RULINGS 15: an entry whose outcome comes before it was written is on the disk whole", async ({ dir, log, key }) => {
  const disk = new SyncedSlots();
  const opened = await Journal.open(log, key, disk.open);
  await opened.prepare();
  disk.hang();
  opened.add(stop(1), TAIL);
  const kept = opened.add(stop(2), TAIL);
  assert.ok(kept !== null);
  opened.became(kept, { ...TAIL, outcome: "answered" });
  disk.resume();
  await until(() => disk.durable.includes("answered"), "written");
  const after = await disk.afterPowerLoss(dir, key);
  assert.equal(
    entriesOf(after).map(([, entry, tail]) => [entry.octets, tail.outcome]),
    [
      ["06001", null],
      ["06002", "answered"],
    ],
  );
  assert.equal(after.damaged, []);
  await opened.close();
});

journal("RULINGS 15: after a failure nobody knows what the disk has: every entry of this run is written again", async ({ log, key }) => {
  const disk = new FailingSlots();
  const opened = await Journal.open(log, key, disk.open);
  await opened.prepare();
  const first = opened.add(stop(1), TAIL);
  assert.ok(first !== null);
  opened.became(first, { ...TAIL, outcome: "answered" });
  await until(() => readFileSync(journalOf(log), "latin1").includes("answered"), "the first is on the disk");
  disk.fails = "EIO";
  opened.add(stop(2), TAIL);
  await until(() => opened.trouble === "EIO", "told");
  writeFileSync(journalOf(log), new Uint8Array(JOURNAL_SLOTS * SLOT_OCTETS));
  disk.fails = null;
  opened.tick(10_000);
  await until(() => opened.trouble === null, "it is tried again");
  await opened.close();
  const again = await Journal.open(log, key);
  assert.equal(entriesOf(again), entriesOf(opened));
  assert.is(again.kept.size, 2);
  await again.close();
});

journal("what was torn, altered or not signed by us is told, kept by its hash, and never taken for an entry", async ({ log, key }) => {
  const first = await Journal.open(log, key);
  const kept = [1, 2, 3, 4].map((i) => first.add(stop(i), TAIL));
  assert.ok(kept.every((each) => each !== null));
  await first.close();
  const slots = kept.map((each) => each?.slot ?? 0);
  const octets = readFileSync(journalOf(log));
  const at = (i: number): number => (slots[i] as number) * SLOT_OCTETS;
  octets.fill(0, at(0) + 60, at(0) + SLOT_OCTETS);
  octets.write("mallory", octets.indexOf("alice", at(1)));
  octets.copy(octets, (JOURNAL_SLOTS - 1) * SLOT_OCTETS, at(2), at(2) + SLOT_OCTETS);
  octets.fill(0x7b, at(3) + 3072 + 100, at(3) + 3072 + 110);
  writeFileSync(journalOf(log), octets);
  const second = await Journal.open(log, key);
  assert.equal(
    second.damaged.map(({ slot }) => slot).sort((a, b) => a - b),
    [slots[0], slots[1], JOURNAL_SLOTS - 1],
    "torn; altered; a copy in another slot",
  );
  for (const { sha256, shown } of second.damaged) {
    assert.match(sha256, /^[0-9a-f]{64}$/);
    assert.ok(shown.length < 10_000);
  }
  assert.equal(
    [...second.kept.values()].map(({ entry, tail }) => [entry.octets, tail.outcome, tail.count]),
    [
      ["06003", null, 1],
      ["06004", null, 1],
    ],
    "a torn tail loses what became of it, not the entry",
  );
  for (const each of [...second.damaged]) second.forget(each);
  await second.close();
  assert.is(await entriesWaiting(log), 2);
  truncateSync(journalOf(log), at(3) + 100);
  const third = await Journal.open(log, key);
  assert.equal(
    [...third.kept.values()].map(({ entry }) => entry.octets),
    ["06003"],
  );
  assert.equal(
    third.damaged.map(({ slot }) => slot),
    [slots[3]],
    "cut off within its line",
  );
  assert.is(statSync(journalOf(log)).size, JOURNAL_SLOTS * SLOT_OCTETS, "what was cut off is taken again");
  await third.close();
});

journal("RULINGS 15: a thousand wait and no more; what is released makes room once the disk knows", async ({ log, key }) => {
  const opened = await Journal.open(log, key);
  for (let i = 0; i < JOURNAL_SLOTS; i++) assert.ok(opened.add(stop(i), TAIL) !== null, `${i}`);
  assert.is(opened.add(stop(0), TAIL), null);
  const [oldest] = opened.kept.values();
  if (oldest !== undefined) opened.release(oldest);
  await until(() => !opened.full, "the slot is free");
  assert.ok(opened.add(stop(1), TAIL) !== null);
  await opened.close();
  const again = await Journal.open(log, key);
  assert.is(again.kept.size, JOURNAL_SLOTS);
  assert.equal(again.damaged, []);
  await again.close();
});

journal(
  "RULINGS 15: a disk that fails keeps nothing from being kept in memory; it is written once the disk works",
  async ({ log, key }) => {
    const disk = new FailingSlots();
    disk.fails = "ENOSPC";
    const opened = await Journal.open(log, key, disk.open);
    await opened.prepare();
    assert.is(opened.trouble, "ENOSPC");
    const early = opened.add(stop(1), TAIL);
    assert.ok(early !== null);
    // What is still under way when time is looked at is not begun again: as the gateway does, on and on.
    let now = 10_000;
    const triedAgain = (what: string): Promise<void> =>
      until(() => {
        now += 1_000;
        opened.tick(now);
        return opened.trouble === null;
      }, what);
    disk.fails = null;
    await triedAgain("it is tried again");
    assert.is(await entriesWaiting(log), 1);
    disk.fails = "EIO";
    opened.add(stop(2), TAIL);
    opened.became(early, { ...TAIL, outcome: "answered" });
    await until(() => opened.trouble === "EIO", "told");
    opened.add(stop(3), TAIL);
    disk.fails = null;
    await triedAgain("and again");
    await opened.close();
    const again = await Journal.open(log, key);
    assert.equal(entriesOf(again), entriesOf(opened));
    await again.close();
  },
);

journal("what an earlier run left and could not be read at first is not written over", async ({ log, key }) => {
  const first = await Journal.open(log, key);
  first.add(stop(1), TAIL);
  first.add(stop(2), TAIL);
  await first.close();
  const disk = new FailingSlots();
  disk.fails = "EIO";
  const second = await Journal.open(log, key, disk.open);
  second.add(stop(3), TAIL);
  assert.is(second.kept.size, 1);
  disk.fails = null;
  second.tick(10_000);
  await until(() => second.trouble === null, "the disk is back");
  assert.is(second.kept.size, 3);
  await second.close();
  const third = await Journal.open(log, key);
  assert.equal(new Set([...third.kept.values()].map(({ entry }) => entry.octets)), new Set(["06001", "06002", "06003"]));
  await third.close();
});

journal("an entry that is too long for its slot keeps the request and says that it was cut", async ({ log, key }) => {
  const opened = await Journal.open(log, key);
  opened.add({ ...stop(1), session: "s-1", operations: Array.from({ length: 400 }, () => ({ verb: "write" })) }, TAIL);
  opened.add({ ...stop(2), session: "s-2", who: `spiffe://plant.example/${"a".repeat(4_000)}`, unit: 1 }, TAIL);
  await opened.close();
  const again = await Journal.open(log, key);
  const [first, second] = [...again.kept.values()].map(({ entry }) => entry);
  assert.equal(first, { ...stop(1), session: "s-1", cut: true });
  assert.equal(second, { passed: stop(2).passed, octets: "06002", session: "s-2", unit: 1, cut: true });
  await again.close();
});

journal("signed by another key: told, not believed", async ({ log, key, dir }) => {
  const first = await Journal.open(log, key);
  first.add(stop(1), TAIL);
  await first.close();
  const again = await Journal.open(log, loadSigningKey(path.join(dir, "other.key")));
  assert.is(again.kept.size, 0);
  assert.is(again.damaged.length, 1);
  await again.close();
});

journal.run();
