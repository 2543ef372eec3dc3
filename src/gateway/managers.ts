/**
 * Whoever is on the management port: who it is, whether it may still be there, and whether a rule of the policy in force lets it do what it asks
 * (RULINGS 27). Every command is a record, a denied one too; what only looks is counted, so that a screen that asks every second does not fill
 * the log.
 */
import { DenialFloods, type Flood } from "#audit/floods";
import { visible } from "#documents/escape";
import type { DenialCode, SessionEnd } from "#events";
import type { Answer, Ask } from "#management/protocol";
import { decideManage, type NoManager } from "#policy/manage";
import type { TlsHello } from "#transport/tls";
import { judgeNow, subjectOfPeer } from "./admit.ts";
import { ASKED, DEMANDS, type Demand } from "./commandRights.ts";
import type { Giver } from "./commands.ts";
import type { Gateway } from "./compose.ts";
import type { Peer } from "./trust.ts";

/** As this port is called in records of the refused. */
export const PORT_NAME = "management";

export interface Manager {
  readonly peer: Peer;
  readonly address: string;
}

interface View {
  readonly members: Record<string, unknown>;
  count: number;
  readonly fromMs: number;
  toMs: number;
}

export class Managers {
  readonly #gateway: Gateway;
  readonly #present = new Set<Manager>();
  readonly #floods = new DenialFloods();
  readonly #views = new Map<string, View>();

  constructor(gateway: Gateway) {
    this.#gateway = gateway;
  }

  /** The same proof as for a session, and any role; null: turned away, and recorded so. */
  admit(address: string, hello: TlsHello): Manager | null {
    const { road, trust, memory } = this.#gateway;
    const turnAway = (reason: SessionEnd, words: string): null => {
      road.turnedAway(PORT_NAME, address, reason, words, hello.chain[0] ?? null);
      return null;
    };
    if (trust === null) return turnAway("handshakeFailed", "this site has no certificate authorities");
    const judged = judgeNow(this.#gateway, trust, hello);
    if (!judged.ok) return turnAway(judged.error.reason, judged.error.words);
    const peer = judged.value;
    const subject = subjectOfPeer(this.#gateway, peer);
    if (typeof subject === "string") return turnAway(subject, `no binding gives ${peer.identity} a role`);
    const most = road.limits.webPerIdentity;
    if ([...this.#present].filter((other) => other.peer.identity === peer.identity).length >= most)
      return turnAway("tooManySessions", `${subject.name} already has ${most} connections to the management port`);
    road.knows(address);
    memory.saw(peer, address, road.clock.steady(), true);
    const manager = { peer, address };
    this.#present.add(manager);
    return manager;
  }

  left(manager: Manager): void {
    this.#present.delete(manager);
  }

  /** Its certificate and role are looked at again; where it may not stay the record says why. */
  mayStay(manager: Manager): boolean {
    const { road, trust } = this.#gateway;
    const { peer, address } = manager;
    const refusal = trust === null ? NO_TRUST : trust.store.stillGood(peer, road.clock.steady());
    const role = refusal === null ? subjectOfPeer(this.#gateway, peer) : null;
    if (refusal === null && typeof role !== "string") return true;
    const { reason, words } = refusal ?? ROLE_LOST;
    road.records.note("management", { event: "cut", ...this.#who(peer), source: address, reason, words });
    road.log.warn({ who: peer.identity, from: address, reason, words }, "cut from the management port");
    return false;
  }

  /** Looked up on the policy in force, at each command. */
  async ask(ask: Ask, manager: Manager): Promise<Answer> {
    const { commands } = this.#gateway;
    const demand = DEMANDS[ask.ask];
    if (demand === null) return this.#deny(ask, manager, null, null, "socketOnly");
    if (ask.ask === "sessions") return this.#listSessions(ask, manager, demand);
    const asset = demand.about === "gateway" ? null : commands.assetOf(ask);
    const isUnknown = demand.about === "asset" && asset === null;
    // Whoever may end some sessions hears that there is no such one.
    const order = (isUnknown ? this.#granted(manager, demand)[0]?.order : undefined) ?? this.#judge(manager, demand, asset);
    if (typeof order === "string") return this.#deny(ask, manager, demand, asset, order);
    const giver = this.#giver(manager, demand, order);
    if (ask.ask === "status") this.#countView(ask, giver);
    return commands.give(ask, giver);
  }

  /** Those of the assets it may view; nobody hears that there are others. */
  async #listSessions(ask: Ask, manager: Manager, demand: Demand): Promise<Answer> {
    const granted = this.#granted(manager, demand);
    const [first] = granted;
    if (first === undefined) {
      const why = this.#judge(manager, demand, null);
      return this.#deny(ask, manager, demand, null, typeof why === "string" ? why : "nothingAllows");
    }
    this.#countView(ask, this.#giver(manager, demand, first.order));
    const names = granted.map(({ asset }) => asset);
    return { ok: true, sessions: this.#gateway.status().sessions.filter(({ asset }) => names.includes(asset)) };
  }

  /** Where the right reaches, and by which rule. */
  #granted(manager: Manager, demand: Demand): readonly { readonly asset: string; readonly order: number }[] {
    return [...this.#gateway.assets.keys()].flatMap((asset) => {
      const order = this.#judge(manager, demand, asset);
      return typeof order === "string" ? [] : [{ asset, order }];
    });
  }

  /** The number of the rule that grants it, or why nothing does. */
  #judge({ peer }: Manager, { right }: Demand, asset: string | null): number | NoManager | "revocationStale" {
    const { policy, trust, road } = this.#gateway;
    const claim = { identity: peer.identity, certificateRole: peer.certificateRole, source: null };
    const order = decideManage(policy.policy, policy.compiled.manage, { claim }, right, asset);
    // Nobody knows who of its CA was revoked since: it looks and nothing else, as on the road (RULINGS 18).
    if (typeof order === "number" && right !== "view" && trust?.isStale(peer, road.clock.steady()) !== false) return "revocationStale";
    return order;
  }

  #giver(manager: Manager, { right }: Demand, order: number): Giver {
    const rule = this.#gateway.policy.ruleName(order);
    return {
      key: manager.peer.identity,
      words: manager.peer.name,
      members: { ...this.#who(manager.peer), right, rule, decision: "allow", source: manager.address },
    };
  }

  #deny(ask: Ask, manager: Manager, demand: Demand | null, asset: string | null, code: NoManager | DenialCode): Answer {
    const { road, policy } = this.#gateway;
    const { peer, address } = manager;
    const words = visible(sayDenial(ask, peer.name, demand, asset, code));
    // What was asked for may be any words; assets there are not many of.
    const known = asset !== null && this.#gateway.assets.has(asset) ? asset : "";
    const now = road.clock.monotonic();
    const kind = ASKS.indexOf(ask.ask);
    if (this.#floods.note(peer.identity, code, known, kind, ASKED[ask.ask], now, road.clock.wall(), road.records.hasRoom)) {
      const right = demand?.right ?? null;
      const members = { asked: ASKED[ask.ask], ...this.#who(peer), right, rule: "default", decision: "deny", code };
      road.records.note("management", { ...members, ...(known === "" ? {} : { asset }), source: address, words, policy: policy.hash });
    }
    return { ok: false, error: words };
  }

  #countView(ask: Ask, giver: Giver): void {
    const { road } = this.#gateway;
    const members = { asked: ASKED[ask.ask], ...giver.members };
    const key = JSON.stringify(members);
    const wallMs = road.clock.wall();
    const view = this.#views.get(key);
    if (view !== undefined) {
      view.count += 1;
      view.toMs = wallMs;
      return;
    }
    if (this.#views.size >= road.limits.viewCounters) this.writeViews();
    if (this.#views.size >= road.limits.viewCounters) {
      // No room on the disk for those either: whoever comes now is one of several.
      this.#viewOfSeveral(wallMs);
      return;
    }
    this.#views.set(key, { members, count: 1, fromMs: wallMs, toMs: wallMs });
  }

  #viewOfSeveral(wallMs: number): void {
    const view = this.#views.get("") ?? { members: { asked: "status", who: null }, count: 0, fromMs: wallMs, toMs: wallMs };
    view.count += 1;
    view.toMs = wallMs;
    this.#views.set("", view);
  }

  /** Write out who looked; while there is no room for that they go on being counted. */
  writeViews(): void {
    const { road, policy } = this.#gateway;
    if (!road.records.hasRoom) return;
    for (const [key, { members, count, fromMs, toMs }] of this.#views) {
      const span = { count, from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString() };
      if (road.records.note("management", { ...members, ...span, policy: policy.hash }) > 0) this.#views.delete(key);
    }
  }

  /** Write out the counted denials whose 10 s are over (RULINGS 29). @param now monotonic; infinity: all of them */
  floods(now: number): void {
    const { road } = this.#gateway;
    this.#floods.drain(now, (flood) => road.records.hasRoom && road.records.note("management", floodMembers(flood)) > 0);
  }

  #who({ identity, leaf }: Peer): { readonly who: string; readonly certificate: string } {
    return { who: identity, certificate: this.#gateway.road.audit.keep(leaf) };
  }
}

/** Their places tell kinds of denials apart. */
const ASKS: readonly string[] = Object.keys(DEMANDS);
const NO_TRUST = { reason: "siteChanged", words: "the site has no certificate authorities any more" } as const;
const ROLE_LOST = { reason: "roleLost", words: "the policy gives this identity no role any more" } as const;

function floodMembers({ identity, code, asset, name, count, fromWallMs, toWallMs }: Flood): Record<string, unknown> {
  return {
    asked: name,
    who: identity,
    decision: "deny",
    code,
    ...(asset === null || asset === "" ? {} : { asset }),
    count,
    from: new Date(fromWallMs).toISOString(),
    to: new Date(toWallMs).toISOString(),
  };
}

/** `denied: alice may not end sessions on boiler-1; a rule with manage: [end-session] and on: boiler-1 would allow it`. */
function sayDenial(ask: Ask, name: string, demand: Demand | null, asset: string | null, code: string): string {
  if (demand === null) return `denied: ${ask.ask} is taken over the local socket alone, on the box itself`;
  const may = `denied: ${name} may not ${demand.does.replace(" on ASSET", asset === null ? "" : " on ASSET").replace("ASSET", asset ?? "any asset")}`;
  switch (code) {
    case "notAPerson":
      return `${may}: no binding of kind: person names ${name}, and only persons manage`;
    case "revocationStale":
      return `${may}: the revocation list behind the certificate is overdue, and until there is a new one it only looks`;
    case "nothingAllows":
      return `${may}; a rule with manage: [${demand.right}] and on: ${demand.about === "gateway" || asset === null ? '"*"' : asset} would allow it`;
    default:
      return `${may}: the policy gives ${name} no role`;
  }
}
