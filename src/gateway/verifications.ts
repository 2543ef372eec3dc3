/**
 * `points verify` (RULINGS 7): what stands at an asset's points now, in engineering units, for a person who compares it with the plant and signs
 * it off. The gateway reads it itself, one read after the other, and the record holds what was shown.
 */
import { createHash } from "node:crypto";
import { quoted } from "#documents/problems";
import { expectedName } from "#documents/yaml";
import type { Answer, Ask, Verification } from "#management/protocol";
import type { Asset } from "./asset.ts";
import { ASKED } from "./commandRights.ts";
import type { Giver } from "./commands.ts";
import type { Gateway } from "./compose.ts";
import { joined, type OwnRead, OwnReads, type Range } from "./own.ts";
import { recorded, type Seen, sayWhyNot, TARGET_SILENT, tellPoint, UNRECORDED } from "./verificationWords.ts";

/** So long what was shown may be signed off, milliseconds: long enough to walk to the PLC. */
const SIGNABLE_MS = 30 * 60_000;
/** Reads that a device leaves unanswered in one verification: each costs its connection, and operators use that too. */
const MOST_SILENT = 2;

interface Kept {
  readonly verification: Verification;
  readonly by: string;
  readonly record: number;
  readonly policy: string;
  readonly atMs: number;
}

export class Verifications {
  readonly #gateway: Gateway;
  /** Assets whose points are being read: one verification each. */
  readonly #busy = new Set<string>();
  /** By id, the oldest first. */
  readonly #kept = new Map<string, Kept>();
  #serial = 0;

  constructor(gateway: Gateway) {
    this.#gateway = gateway;
  }

  assetOf(id: string): string | null {
    return this.#kept.get(id)?.verification.asset ?? null;
  }

  async verify(ask: Extract<Ask, { ask: "pointsVerify" }>, giver: Giver): Promise<Answer> {
    const { assets, road, draining } = this.#gateway;
    const asset = assets.get(ask.asset);
    if (asset === undefined) return mistaken(`no asset ${ask.asset}; there are ${[...assets.keys()].join(", ")}`);
    const { points } = asset.model;
    if (points.length === 0) return fail(`${asset.name} has no points file`);
    if (ask.points === null && ask.from >= points.length)
      return mistaken(`found ${ask.from} points to pass over; expected less than the ${points.length} of ${asset.name}`);
    const unknown = ask.points?.find((name) => !points.some((point) => point.name === name));
    if (unknown !== undefined)
      return mistaken(
        `found ${quoted(unknown)}; expected ${expectedName(
          unknown,
          `a point of ${asset.name}`,
          points.map(({ name }) => name),
        )}`,
      );
    if (road.audit.state !== "ok" || road.audit.onlyKept || draining)
      return fail("what is read now could not be recorded (see penstock status), so nothing was read");
    if (this.#busy.has(asset.name)) return fail(`somebody else verifies points of ${asset.name} just now; try again`);
    this.#busy.add(asset.name);
    try {
      const most = road.limits.verifiedPoints;
      const asked = ask.points === null ? points.slice(ask.from) : points.filter(({ name }) => ask.points?.includes(name));
      const seen = asked.slice(0, most).map((point): Seen => ({ point, cells: null, atMs: 0, why: null }));
      await this.#read(asset, seen);
      const next = asked.length > most ? ask.from + most : null;
      return this.#tell(asset, ask, giver, seen, next);
    } finally {
      this.#busy.delete(asset.name);
    }
  }

  /** Whoever was shown the values vouches for them: each was read, and can be. */
  async signOff({ ask, verification: id }: Extract<Ask, { ask: "pointsSignOff" }>, giver: Giver): Promise<Answer> {
    const { road, policy } = this.#gateway;
    const kept = this.#kept.get(id);
    if (kept === undefined || road.clock.monotonic() - kept.atMs > SIGNABLE_MS || kept.by !== giver.key)
      return fail(`nothing to sign off: you were shown no verification ${quoted(id)} in the last ${SIGNABLE_MS / 60_000} minutes`);
    if (kept.policy !== policy.hash) return fail("the documents were reloaded since; look again, then sign off");
    const { asset, pointsFile, points } = kept.verification;
    const bad = points.filter(({ verdict }) => verdict === "implausible" || verdict === "unread").map(({ name }) => name);
    if (bad.length > 0)
      return fail(`not signed off: ${bad.join(", ")} ${bad.length === 1 ? "is" : "are"} implausible or could not be read`);
    const values = points.map(recorded);
    const members = { asked: ASKED[ask], ...giver.members, asset, of: kept.record, pointsFile, policy: kept.policy, values };
    if (road.audit.state !== "ok" || road.records.note("management", members) < 0) return fail(UNRECORDED);
    this.#kept.delete(id);
    road.log.warn({ by: giver.key, asset, points: points.length }, "points are signed off");
    return { ok: true };
  }

  async #read(asset: Asset, seen: readonly Seen[]): Promise<void> {
    const own = new OwnReads(this.#gateway, asset);
    const ranges = rangesOf(own, seen);
    let silent = 0;
    let over: string | null = null;
    try {
      for (let range = ranges.shift(); range !== undefined; range = ranges.shift()) {
        if (over === null) {
          const read = await own.read(range);
          const isSilent =
            (read.is === "exception" && read.code === TARGET_SILENT) || (read.is === "denied" && read.code === "deviceSilent");
          silent += isSilent ? 1 : 0;
          // What cannot be had together may be had one by one: a rule, or the device, may mind only one of them.
          const isMinded = (read.is === "denied" && read.code === "never") || (read.is === "exception" && !isSilent);
          if (isMinded && range.seen.length > 1) {
            ranges.unshift(...range.seen.map(rangeOf));
            continue;
          }
          settle(range, read, asset.name);
          if (endsIt(read) || silent >= MOST_SILENT) over = sayWhyNot(read, asset.name);
        } else for (const each of range.seen) each.why = `not asked: ${over}`;
      }
    } finally {
      own.close();
    }
  }

  #tell(asset: Asset, { ask }: Ask, giver: Giver, seen: readonly Seen[], next: number | null): Answer {
    const { road, policy, site, documents } = this.#gateway;
    const now = road.clock.monotonic();
    const file = site.assets.get(asset.name)?.pointsFile ?? null;
    const octets = documents.files.find(({ path }) => path === file)?.octets ?? null;
    this.#serial += 1;
    const verification: Verification = {
      id: `v${this.#serial}`,
      asset: asset.name,
      pointsFile: octets === null ? null : createHash("sha256").update(octets).digest("hex"),
      points: seen.map((each) => tellPoint(asset, each, now)),
      next,
    };
    const { pointsFile, points } = verification;
    const members = {
      asked: ASKED[ask],
      ...giver.members,
      asset: asset.name,
      pointsFile,
      policy: policy.hash,
      values: points.map(recorded),
    };
    const record = road.records.note("management", members);
    if (record < 0) return fail(UNRECORDED);
    road.log.info({ by: giver.key, asset: asset.name, points: points.length }, "points are verified");
    this.#kept.set(verification.id, { verification, by: giver.key, record, policy: policy.hash, atMs: now });
    this.#forgetOne(giver.key);
    return { ok: true, verification };
  }

  /** Where there are too many: of this person, or of all. */
  #forgetOne(by: string): void {
    const { verificationsOfOne, verifications } = this.#gateway.road.limits;
    const byPerson = Map.groupBy(this.#kept, ([, kept]) => kept.by);
    const own = byPerson.get(by) ?? [];
    const most = [...byPerson.values()].reduce((a, b) => (b.length > a.length ? b : a));
    const line = own.length > verificationsOfOne ? own : this.#kept.size > verifications ? most : [];
    const [oldest] = line;
    if (oldest !== undefined) this.#kept.delete(oldest[0]);
  }
}

interface Asked extends Range {
  readonly seen: readonly Seen[];
}

function rangeOf(seen: Seen): Asked {
  const { unitId, space, first, last } = seen.point;
  return { unitId, space, first, last, seen: [seen] };
}

/** Points that touch are read together; a cell between two is nobody's to ask for. */
function rangesOf(own: OwnReads, seen: readonly Seen[]): Asked[] {
  const all = seen.map(rangeOf);
  return joined(own, all).map(({ range, parts }) => ({ ...range, seen: parts.flatMap((part) => (part as Asked).seen) }));
}

function settle({ first, seen }: Asked, read: OwnRead, asset: string): void {
  for (const each of seen) {
    if (read.is === "read") {
      each.cells = read.cells.slice(each.point.first - first, each.point.last - first + 1);
      each.atMs = read.atMs;
    } else each.why = sayWhyNot(read, asset);
  }
}

/** Is there any use in asking for the next? */
function endsIt(read: OwnRead): boolean {
  return read.is === "ended" || (read.is === "denied" && read.code !== "never" && read.code !== "deviceSilent");
}

function fail(error: string): Answer {
  return { ok: false, error };
}

function mistaken(error: string): Answer {
  return { ok: false, error, mistaken: true };
}
