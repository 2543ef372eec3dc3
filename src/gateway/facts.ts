/** What the road learns from what passes: last seen values, and what makes them worthless. */
import type { Operation, Reading } from "#operation";
import type { Source } from "#process/lastSeen";
import type { Reply } from "#session/protocol";
import type { Asset } from "./asset.ts";
import type { Guard } from "./guard.ts";
import type { Ticket } from "./ticket.ts";

const READ = 1;
const WRITTEN = 2;
const GUARD = 3;

/** A change leaves for the device: from now until its reply nobody knows what stands there (RULINGS 5, 12). */
export function voidTargets(asset: Asset, ticket: Ticket, now: number): void {
  asset.lastChangeMs = now;
  const operations = ticket.message?.operations ?? [];
  for (let i = 0; i < operations.length; i++) {
    const operation = operations[i] as Operation;
    if (operation.effect !== "change") continue;
    const { target } = operation;
    if (target.at !== "range") {
      if (operation.broadcast) for (const unit of asset.model.units) asset.lastSeen.voidUnit(unit);
      else asset.lastSeen.voidUnit(asset.canonicalUnit(operation.unit));
    } else if (operation.broadcast) {
      for (const unit of asset.model.units) asset.lastSeen.void(unit, target.space, target.first, target.last);
    } else {
      asset.lastSeen.void(asset.canonicalUnit(operation.unit), target.space, target.first, target.last);
    }
  }
}

/** A reply that answers its request: what it read, and what it acknowledged as written, is now known. */
export function learn(asset: Asset, ticket: Ticket, reply: Reply, exception: number, nowMs: number): void {
  if (exception !== 0) return;
  const operations = ticket.message?.operations ?? [];
  for (let i = 0; i < operations.length; i++) {
    const operation = operations[i] as Operation;
    if (operation.verb === "write") learnWritten(asset, operation, nowMs);
  }
  // A read that was on its way while a change was may carry the value from before it, whichever of the two is answered first.
  if (!ticket.change && (asset.changesAtDevice > 0 || ticket.sentMs <= asset.lastChangeMs)) return;
  const readings = asset.protocol.readings(ticket.request as object, reply);
  for (let i = 0; i < readings.length; i++) learnRead(asset, ticket.unitId, readings[i] as Reading, nowMs);
}

/** What a guard read showed. */
export function learnGuard(asset: Asset, { reads }: Guard, nowMs: number): void {
  for (const { unit, space, first, last, cells } of reads) {
    for (let i = 0; i < cells.length; i++) asset.lastSeen.set(unit, space, first + i, cells[i] as number, nowMs, GUARD);
    const octets = Uint8Array.from({ length: 2 * cells.length }, (_, i) => (cells[i >> 1] as number) >> (i % 2 === 0 ? 8 : 0));
    asset.layout.plausible.mark(unit, space, first, last, { is: "cells", octets, at: 0, bits: 16, keep: 0 }, asset.implausible);
  }
}

function learnWritten(asset: Asset, operation: Operation, nowMs: number): void {
  const { target, values } = operation;
  if (target.at !== "range" || values.is !== "cells" || values.keep !== 0 || operation.broadcast) return;
  store(asset, operation.unit, target.space, target.first, target.last, values.octets, values.at, values.bits, nowMs, WRITTEN);
}

function learnRead(asset: Asset, unitId: number, reading: Reading, nowMs: number): void {
  const { target, values } = reading;
  if (target.at !== "range") return;
  if (values.is !== "cells") {
    // The device says itself that it does not know.
    asset.lastSeen.void(asset.canonicalUnit(unitId), target.space, target.first, target.last);
    return;
  }
  store(asset, unitId, target.space, target.first, target.last, values.octets, values.at, values.bits, nowMs, READ);
  if (values.bits === 16)
    asset.layout.plausible.mark(asset.canonicalUnit(unitId), target.space, target.first, target.last, values, asset.implausible);
}

function store(
  asset: Asset,
  unitId: number,
  space: number,
  first: number,
  last: number,
  octets: Uint8Array,
  at: number,
  bits: 1 | 16,
  nowMs: number,
  source: Source,
): void {
  const unit = asset.canonicalUnit(unitId);
  for (let address = first, i = 0; address <= last; address++, i++) {
    const cell =
      bits === 1
        ? ((octets[at + (i >> 3)] as number) >> (i & 7)) & 1
        : ((octets[at + 2 * i] as number) << 8) | (octets[at + 2 * i + 1] as number);
    asset.lastSeen.set(unit, space, address, cell, nowMs, source);
  }
}
