/**
 * What people tell a running gateway: look, cut a session, close an asset, vouch for something (RULINGS 27). Whether somebody may is settled
 * before: the socket by who can open it, the port by the policy (managers.ts). Here it is done, at once, and recorded with who gave it.
 */
import { metricsText } from "#management/metrics";
import type { Answer, Ask, Question } from "#management/protocol";
import { ASKED } from "./commandRights.ts";
import type { Gateway } from "./compose.ts";
import { Verifications } from "./verifications.ts";
import { UNRECORDED } from "./verificationWords.ts";

/** Who gives a command. */
export interface Giver {
  /** Identity, or `uid 1000` as a process at the local socket says of itself. */
  readonly key: string;
  /** What a person reads: `alice`. */
  readonly words: string;
  /** Of the record: who, and by which right. */
  readonly members: Readonly<Record<string, unknown>>;
}

export class Commands {
  readonly #gateway: Gateway;
  readonly #verifications: Verifications;

  constructor(gateway: Gateway) {
    this.#gateway = gateway;
    this.#verifications = new Verifications(gateway);
  }

  /** Whoever can open the local socket may do all of it (mode 0600). */
  fromSocket({ uid, ...ask }: Question): Promise<Answer> {
    const key = uid === undefined ? "local-root" : `uid ${uid}`;
    return this.give(ask as Ask, { key, words: key, members: { who: "local-root", ...(uid === undefined ? {} : { uid }) } });
  }

  /** The asset a command is about; null: none that is known. */
  assetOf(ask: Ask): string | null {
    switch (ask.ask) {
      case "endSession":
        return this.#session(ask.session)?.asset.name ?? null;
      case "pointsSignOff":
        return this.#verifications.assetOf(ask.verification);
      case "block":
      case "unblock":
      case "pointsVerify":
        return ask.asset;
      default:
        return null;
    }
  }

  async give(ask: Ask, giver: Giver): Promise<Answer> {
    const gateway = this.#gateway;
    switch (ask.ask) {
      case "status":
        return { ok: true, status: gateway.status() };
      case "sessions":
        return { ok: true, sessions: gateway.status().sessions };
      case "metrics":
        return { ok: true, metrics: await metricsText(gateway.status()) };
      case "reload":
        this.#note(ask, giver, {});
        return { ok: true, reload: await gateway.reload() };
      case "clockConfirm":
        return this.#confirmClock(giver);
      case "endSession":
        return this.#endSession(ask, giver);
      case "block":
        return this.#block(ask, giver);
      case "unblock":
        return this.#unblock(ask, giver);
      case "pointsVerify":
        return this.#verifications.verify(ask, giver);
      case "pointsSignOff":
        return this.#verifications.signOff(ask, giver);
    }
  }

  #note({ ask }: Ask, giver: Giver, members: Readonly<Record<string, unknown>>): void {
    this.#gateway.road.records.surely("management", { asked: ASKED[ask], ...giver.members, ...members });
  }

  #session(id: string): { readonly asset: { readonly name: string } } | undefined {
    return [...this.#gateway.road.sessions.open].find((each) => each.id === id);
  }

  #noAsset(name: string): Answer {
    return { ok: false, mistaken: true, error: `no asset ${name}; there are ${[...this.#gateway.assets.keys()].join(", ")}` };
  }

  #confirmClock(giver: Giver): Answer {
    const { clock, log, records, audit } = this.#gateway.road;
    if (audit.state !== "ok") return { ok: false, error: UNRECORDED };
    const was = clock.confirm()?.words ?? null;
    const says = new Date(clock.wall()).toISOString();
    records.note("clock", { event: "confirmed", ...giver.members, says, was });
    log.warn({ by: giver.key, says, was }, "the clock was confirmed");
    return { ok: true, clock: { says, was } };
  }

  #endSession(ask: Extract<Ask, { ask: "endSession" }>, giver: Giver): Answer {
    const { log, sessions, clock } = this.#gateway.road;
    const session = [...sessions.open].find((each) => each.id === ask.session);
    if (session === undefined) return { ok: false, mistaken: true, error: `no session ${ask.session} is open` };
    const ended = session.subject.identity;
    this.#note(ask, giver, { session: session.id, ended, asset: session.asset.name });
    log.warn({ by: giver.key, session: session.id, who: ended }, "a session is ended by command");
    sessions.end(session, "endedByOperator", `by ${giver.words}`);
    this.#gateway.road.turn(clock.monotonic());
    return { ok: true };
  }

  /** At once: what waits is judged again before it leaves. The answer comes when a restart would know it too. */
  async #block(ask: Extract<Ask, { ask: "block" }>, giver: Giver): Promise<Answer> {
    const { assets, blocks, road } = this.#gateway;
    const { asset: name, reads } = ask;
    const asset = assets.get(name);
    if (asset === undefined) return this.#noAsset(name);
    const block = { asset: name, reads, by: giver.key, sinceMs: road.clock.wall() };
    asset.block = block;
    for (const session of asset.sessions) session.judgeWaitingAgain();
    this.#note(ask, giver, { asset: name, reads });
    road.log.warn({ by: giver.key, asset: name, reads }, "an asset is blocked by command");
    try {
      await blocks.set(block);
      return { ok: true };
    } catch (error) {
      return { ok: false, error: `${name} is blocked, but a restart will not know it: ${sayFault(error)}` };
    }
  }

  /** What only restricts is done whether it can be recorded or not; what opens something is not. */
  async #unblock(ask: Extract<Ask, { ask: "unblock" }>, giver: Giver): Promise<Answer> {
    const { assets, blocks, road } = this.#gateway;
    const { asset: name } = ask;
    const asset = assets.get(name);
    if (asset === undefined) return this.#noAsset(name);
    if (asset.block === null) return { ok: false, error: `${name} is not blocked` };
    if (road.audit.state !== "ok") return { ok: false, error: UNRECORDED };
    try {
      await blocks.lift(name);
    } catch (error) {
      return { ok: false, error: `${name} stays blocked: ${sayFault(error)}` };
    }
    this.#note(ask, giver, { asset: name });
    road.log.warn({ by: giver.key, asset: name }, "an asset is no longer blocked");
    asset.block = blocks.of(name);
    return { ok: true };
  }
}

function sayFault(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error);
}
