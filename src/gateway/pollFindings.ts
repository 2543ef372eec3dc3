/** Polls that the policy denies the gateway itself, for `penstock check`: what `never` says binds `self` too (RULINGS 4). */
import type { AssetSite } from "#config/site";
import type { Compiled } from "#policy/compile";
import { decide } from "#policy/decide";
import type { Facts } from "#policy/decision";
import type { Finding } from "#policy/lint";
import type { Policy } from "#policy/model";
import { SELF } from "#policy/self";
import { formatAddresses } from "#process/addressing";
import { protocolOf } from "#session/protocols";
import type { Documents } from "./documents.ts";

export function deniedPolls({ site, policy, compiled }: Pick<Documents, "site" | "policy" | "compiled">): Finding[] {
  return [...site.assets.values()].flatMap((asset) => findingsOf(site.file, asset, policy, compiled));
}

function findingsOf(file: string, asset: AssetSite, policy: Policy, compiled: Compiled): Finding[] {
  const protocol = protocolOf(asset.protocol);
  const table = compiled.tableFor(asset.name, [SELF], "none");
  const facts = factsFor(asset, compiled);
  const pdu = new Uint8Array(16);
  return asset.poll.flatMap(({ ranges, line }) => {
    const denied = ranges.flatMap(({ unitId, space, first, last }) => {
      const length = protocol.encodeRead(pdu, 0, space, first, last);
      const request = protocol.decode(pdu, 0, length);
      if (length === 0 || !request.ok) return [];
      const { operations } = protocol.message(request.value, unitId, false, null);
      const decision = decide(table, operations, facts);
      if (decision.allowed) return [];
      const { name = "" } = asset.model.points.find((point) => point.space === space && point.first === first && point.last === last) ?? {};
      const known = protocol.vocabulary.spaces[space];
      const place = known === undefined ? "" : `${known.name} ${formatAddresses(asset.model.addressing, known, first, last)}`;
      return [{ what: name === "" ? place : name, rule: ruleName(policy, decision.rules[0] ?? -1) }];
    });
    if (denied.length === 0) return [];
    const what = denied.slice(0, SHOWN).map((each) => each.what);
    const more = denied.length > SHOWN ? ` and ${denied.length - SHOWN} more` : "";
    const rules = [...new Set(denied.map(({ rule }) => rule))].join(", ");
    const words = `${asset.name}: ${what.join(", ")}${more} cannot be polled: ${rules} denies it to the gateway too`;
    return [{ code: "poll-denied", level: "warning", file, line, column: 1, words }];
  });
}

/** Of what one finding names. */
const SHOWN = 8;

function ruleName({ never }: Policy, order: number): string {
  return never.find((rule) => rule.order === order)?.id ?? "default";
}

/** A rule that denies at times denies. */
function factsFor({ model }: AssetSite, { hours, states }: Compiled): Facts {
  return {
    now: 0,
    hoursOpen: new Uint8Array(hours.length).fill(1),
    states: new Uint8Array(states.length),
    implausible: new Uint8Array(model.points.length),
    present: null,
    changes: { count: () => 0 },
    rates: { count: () => 0 },
  };
}
