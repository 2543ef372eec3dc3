/**
 * What `max_changes` and `rate` had counted before the gateway stopped, told by its own evidence (RULINGS 10): a restart gives nobody new
 * changes. Only as much of the log is read as the longest window reaches back.
 */
import { readRecords, type StoredRecord } from "#audit/read";
import type { Operation, Space, Vocabulary } from "#operation";
import type { Present } from "#policy/decision";
import { placesOf } from "#policy/places";
import { putF64be } from "#wire";
import type { Asset } from "./asset.ts";
import type { PolicyInForce } from "./policy.ts";
import type { Road } from "./road.ts";

type Members = Readonly<Record<string, unknown>>;

/** A message that was allowed, and as far as the log knows was sent. */
interface Passed {
  readonly wallMs: number;
  readonly members: Members;
  /** Of its outcome: what the gateway had read just before. */
  guard: readonly Members[] | null;
}

/** @returns messages counted again */
export async function rebuildWindows(
  road: Road,
  assets: ReadonlyMap<string, Asset>,
  policy: PolicyInForce,
  directory: string,
): Promise<number> {
  if (policy.longestWindowMs === 0) return 0;
  const wall = road.clock.wall();
  const passed = await passedSince(directory, wall - policy.longestWindowMs);
  const now = road.clock.monotonic();
  const orders = new Map(policy.ruleIds.map((id, order) => [id ?? "", order] as const));
  let lastMs = Number.NEGATIVE_INFINITY;
  for (const each of passed) {
    const asset = assets.get(String(each.members.asset));
    if (asset === undefined) continue;
    // Windows take their events in order, whatever the clock did between them.
    lastMs = Math.max(lastMs, now - Math.max(0, wall - each.wallMs));
    countRates(road, policy, orders, each.members, lastMs);
    countChanges(asset, policy, each, lastMs);
  }
  return passed.length;
}

async function passedSince(directory: string, sinceMs: number): Promise<readonly Passed[]> {
  const passed = new Map<number, Passed>();
  for await (const record of readRecords(directory, { sinceMs }, { count: 0 })) {
    const { of, decision, outcome, guard } = record.members;
    if (record.kind === "decision" && decision === "allow" && record.members.action === "forward") passed.set(record.seq, begun(record));
    // What was denied after all, or never left, was given back.
    else if (typeof of === "number" && (decision === "deny" || outcome === "notSent")) passed.delete(of);
    else if (typeof of === "number" && Array.isArray(guard)) {
      const begins = passed.get(of);
      if (begins !== undefined) begins.guard = guard.filter(isMembers);
    }
  }
  return [...passed.values()];
}

function begun({ time, members }: StoredRecord): Passed {
  const to = typeof members.to === "string" ? Date.parse(members.to) : Number.NaN;
  return { wallMs: Number.isNaN(to) ? Date.parse(time) : to, members, guard: null };
}

function countRates(road: Road, policy: PolicyInForce, orders: ReadonlyMap<string, number>, members: Members, at: number): void {
  const { who, asset, rule, count } = members;
  if (typeof who !== "string" || typeof asset !== "string") return;
  for (const id of Array.isArray(rule) ? rule : [rule]) {
    const order = orders.get(String(id));
    if (order === undefined || (policy.rule(order)?.rate ?? null) === null) continue;
    const times = Math.min(typeof count === "number" ? count : 1, policy.rateDepth);
    for (let i = 0; i < times; i++) road.ratesFor(who, asset, policy).reserve(order, at);
  }
}

function countChanges(asset: Asset, policy: PolicyInForce, { members, guard }: Passed, at: number): void {
  if (policy.changeDepth === 0 || !Array.isArray(members.operations)) return;
  const { ground } = policy.compiled.tableFor(asset.name, [], "certificate");
  const { vocabulary } = asset.protocol;
  for (const told of members.operations.filter(isMembers)) {
    const written = writeOf(told, vocabulary);
    if (written === null) continue;
    const present = written.isWhole && guard !== null ? presentOf(guard, vocabulary) : null;
    const { count, units, places } = placesOf(ground, [written.operation], present);
    for (let i = 0; i < count; i++) asset.changes.reserve(units[i] as number, places[i] as number, at);
  }
}

/** The write or command a record tells. `isWhole`: with every value it wrote, not only with its place. */
export function writeOf(told: Members, { spaces }: Vocabulary): { readonly operation: Operation; readonly isWhole: boolean } | null {
  const { verb, unit, table, first: from, last: to, mask, after } = told;
  const space = spaces.findIndex(({ name }) => name === table);
  if ((verb !== "write" && verb !== "operate") || space < 0) return null;
  if (typeof from !== "number" || typeof to !== "number" || typeof unit !== "number") return null;
  const { bits, stride } = spaces[space] as Space;
  const [first, last] = [from * stride, (to + 1) * stride - 1];
  const count = last - first + 1;
  const cells = cellsOf(after, stride);
  const octets = new Uint8Array(bits === 1 ? Math.ceil(count / 8) : 2 * count);
  cells.forEach((cell, i) => {
    if (typeof cell !== "number") return;
    if (bits === 1) octets[i >> 3] = (octets[i >> 3] as number) | (cell << (i & 7));
    else octets.set([cell >> 8, cell & 0xff], 2 * i);
  });
  const keep = isMembers(mask) && typeof mask.and === "number" ? mask.and : 0;
  const operation: Operation = {
    verb,
    effect: "change",
    via: 0,
    function: 0,
    object: 0,
    unit,
    broadcast: false,
    actor: 0,
    target: { at: "range", space, first, last },
    values: { is: "cells", octets, at: 0, bits, keep },
    control: null,
  };
  return { operation, isWhole: cells.length === count && cells.every((cell) => typeof cell === "number") };
}

/** A record tells a number that takes several cells as what it is. */
function cellsOf(told: unknown, stride: number): readonly unknown[] {
  if (!Array.isArray(told)) return [];
  if (stride === 1) return told;
  const octets = new Uint8Array(2 * stride);
  return told.flatMap((number: unknown) => {
    if (typeof number !== "number") return new Array<null>(stride).fill(null);
    putF64be(octets, 0, number);
    return Array.from({ length: stride }, (_, i) => ((octets[2 * i] as number) << 8) | (octets[2 * i + 1] as number));
  });
}

function presentOf(guard: readonly Members[], { spaces }: Vocabulary): Present {
  return {
    cell(unit, space, address) {
      for (const { unit: of, table, first, value } of guard) {
        if (of !== unit || table !== spaces[space]?.name || typeof first !== "number" || !Array.isArray(value)) continue;
        const { stride } = spaces[space] as Space;
        const cell = cellsOf(value, stride)[address - first * stride];
        if (typeof cell === "number") return cell;
      }
      return -1;
    },
  };
}

function isMembers(value: unknown): value is Members {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
