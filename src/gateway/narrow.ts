/** What a reply may carry where its rule says less than all of it (`reply`): points its receiver may read, and no other. */
import { decide } from "#policy/decide";
import type { Decision } from "#policy/decision";
import type { Rule } from "#policy/model";
import type { Reply } from "#session/protocol";
import { answerDenial, firstPlace, NO_RULES, refusal } from "./denying.ts";
import type { Session } from "./session.ts";
import type { Ticket } from "./ticket.ts";

/**
 * Some rules let only such points through as their sender may read by others (`reply`).
 *
 * @returns the length of what is left, which stands in `NARROWED`; null: all of it; `refused`: the answer is the denial, recorded
 */
export function narrow(ticket: Ticket, reply: Reply, now: number): number | null | "refused" {
  const session = ticket.session as Session;
  const { asset, rights, road } = session;
  if (session.conversation === null) return null;
  const how = howToReply(ticket);
  if (how === "whole") return null;
  // What is proven is proven whole.
  const mayTrim = how === "trim" && !asset.site.secureAuthentication;
  const facts = rights.factsAt(now, null);
  const keeps = (verb: "read" | "events", object: number, space: number, first: number, last: number): boolean =>
    decide(rights.table, [{ ...TOLD, verb, object, unit: ticket.unitId, target: { at: "range", space, first, last } }], facts).allowed;
  const trimmed = asset.protocol.trim(reply, keeps, NARROWED, 0, asset.protocol.pduLimit);
  if (trimmed === null || trimmed.dropped === 0) return null;
  road.stats.stray("trimmed", trimmed.dropped);
  if (mayTrim && trimmed.length >= 0) return trimmed.length;
  const { operation, unit, space, address, point } = { ...refusal("replyRefused"), ...firstPlace(ticket) };
  const decision: Decision = {
    allowed: false,
    code: "replyRefused",
    rules: ticket.decision?.rules ?? NO_RULES,
    operation,
    unit,
    space,
    address,
    point,
  };
  road.records.denied(ticket, decision, "exception", now);
  road.stats.denied("replyRefused");
  ticket.denied = "replyRefused";
  session.denied += 1;
  answerDenial(ticket, "replyRefused", 0);
  return "refused";
}

/** The narrowest of the rules that allowed it. */
function howToReply({ session, decision }: Ticket): Rule["reply"] {
  const { policy } = (session as Session).rights;
  let how: Rule["reply"] = "whole";
  for (const order of decision?.rules ?? NO_RULES) {
    const reply = policy.rule(order)?.reply ?? "whole";
    if (reply === "refuse" || (reply === "trim" && how === "whole")) how = reply;
  }
  return how;
}

/** A point that a reply tells, as if it had been asked for. */
const TOLD = {
  effect: "observe",
  via: 0,
  function: 1,
  broadcast: false,
  actor: 0,
  values: { is: "none" },
  control: null,
} as const;

/** A reply without what its receiver may not read. */
export const NARROWED = new Uint8Array(4096);
