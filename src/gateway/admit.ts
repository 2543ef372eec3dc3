/**
 * From a connection to a session, or to a refusal with its own recorded reason. Nothing of the protocol is read before this has said yes.
 */
import type { SessionEnd, Subject } from "#events";
import type { TrustStore } from "#identity/trust";
import { type Bound, bind } from "#policy/bindings";
import { SELF } from "#policy/self";
import { parseIp } from "#transport/interfaces";
import type { ByteStream } from "#transport/stream";
import type { Asset } from "./asset.ts";
import { Device } from "./device.ts";
import type { House } from "./house.ts";
import { Rights } from "./rights.ts";
import { Session } from "./session.ts";
import type { Peer, Trust } from "./trust.ts";

/** What a mutual TLS handshake showed of the other side. */
export interface Hello {
  /** DER, leaf first, as presented. */
  readonly chain: readonly Uint8Array[];
  /** OpenSSL's verdict on the chain; null: authorized. */
  readonly verdict: string | null;
}

/** A peer that finished a mutual TLS handshake. */
export function admitPeer(house: House, asset: Asset, listener: string, stream: ByteStream, hello: Hello): void {
  const { trust } = house;
  if (trust === null) {
    turnAway(house, listener, stream, "handshakeFailed", "this site has no certificate authorities", null);
    return;
  }
  const judged = judgeNow(house, trust, hello);
  if (!judged.ok) {
    const lapsed = judged.error.reason === "certificateExpired" ? lapsedPeer(house, trust, hello) : null;
    if (lapsed !== null) open(house, asset, listener, stream, lapsed.subject, lapsed.peer, lapsed.untilMs);
    else turnAway(house, listener, stream, judged.error.reason, judged.error.words, hello.chain[0] ?? null);
    return;
  }
  const peer = judged.value;
  const subject = subjectOfPeer(house, peer);
  if (typeof subject === "string") {
    turnAway(house, listener, stream, subject, sayNoRole(peer.identity, peer.certificateRole), peer.leaf);
    return;
  }
  house.road.knows(stream.remoteAddress);
  open(house, asset, listener, stream, subject, peer, null);
}

/** Newcomers are judged by the later of what the clock says and what it has shown before (RULINGS 19). */
export function judgeNow({ road }: House, trust: Trust, hello: Hello): ReturnType<TrustStore["judge"]> {
  const wallMs = road.clock.strict();
  return trust.store.judge(hello.chain, hello.verdict, wallMs, { ownTime: road.clock.suspicion !== null });
}

/** A machine whose certificate has ended, and nothing else is wrong with it, where the policy lets it look for a while (RULINGS 18). */
function lapsedPeer(house: House, trust: Trust, hello: Hello): { peer: Peer; subject: Subject; untilMs: number } | null {
  const { clock } = house.road;
  const wallMs = clock.strict();
  const judged = trust.store.judge(hello.chain, hello.verdict, wallMs, { ownTime: clock.suspicion !== null, ended: true });
  if (!judged.ok) return null;
  const lapsed = subjectOfLapsed(house, judged.value, wallMs);
  return lapsed === null ? null : { peer: judged.value, ...lapsed };
}

/** Who this ended certificate still is under the policy in force, and until when. */
export function subjectOfLapsed(house: House, peer: Peer, wallMs: number): { subject: Subject; untilMs: number } | null {
  const { identity, certificateRole, notAfter, name } = peer;
  const bound = bind(house.policy.policy, { identity, certificateRole, source: null, endedMs: wallMs - notAfter });
  if (typeof bound === "string" || bound.lastsMs === undefined) return null;
  return { subject: subjectOf(identity, name, bound, "certificate"), untilMs: notAfter + bound.lastsMs };
}

/** A peer of a plain listener: known by its address alone. */
export function admitSource(house: House, asset: Asset, listener: string, stream: ByteStream): void {
  const subject = subjectOfSource(house, stream.remoteAddress);
  if (typeof subject === "string") {
    turnAway(house, listener, stream, subject, `no binding names the address ${stream.remoteAddress}`, null);
    return;
  }
  open(house, asset, listener, stream, subject, null, null);
}

/** Who this certificate is under the policy in force. */
export function subjectOfPeer(house: House, peer: Peer): Subject | "noRole" | "unknownRole" {
  const bound = bind(house.policy.policy, { identity: peer.identity, certificateRole: peer.certificateRole, source: null });
  return typeof bound === "string" ? bound : subjectOf(peer.identity, peer.name, bound, "certificate");
}

/** Who this address is under the policy in force. */
export function subjectOfSource(house: House, address: string): Subject | "noRole" | "unknownRole" {
  const bound = bind(house.policy.policy, { identity: null, certificateRole: null, source: parseIp(address) });
  return typeof bound === "string" ? bound : subjectOf(`source:${address}`, `source:${address}`, bound, "none");
}

function subjectOf(identity: string, name: string, bound: Bound, assurance: Subject["assurance"]): Subject {
  return { identity, name, roles: bound.roles, kind: bound.kind, assurance, mayWriteUnauthenticated: bound.mayWriteUnauthenticated };
}

/** @param lapsesMs when the session of an ended certificate ends; null: it has not ended */
function open(
  house: House,
  asset: Asset,
  listener: string,
  stream: ByteStream,
  subject: Subject,
  peer: Peer | null,
  lapsesMs: number | null,
): void {
  const { road } = house;
  const leaf = peer?.leaf ?? null;
  if (road.sessions.open.size >= road.limits.sessions) {
    turnAway(house, listener, stream, "tooManySessions", `${road.limits.sessions} sessions are open`, leaf);
    return;
  }
  const other = asset.site.secureAuthentication ? [...asset.sessions].find(({ identity }) => identity !== SELF) : undefined;
  if (other !== undefined) {
    turnAway(house, listener, stream, "tooManySessions", `${asset.name} asks for proofs, which one session at a time can give`, leaf);
    return;
  }
  const allowed = asset.site.sessionsPerIdentity;
  if (road.sessions.countOf(subject.identity, asset.name) >= allowed) {
    turnAway(house, listener, stream, "tooManySessions", `${subject.name} already has ${allowed} sessions on ${asset.name}`, leaf);
    return;
  }
  const rights = new Rights(subject, house.policy, asset, road.clock, road.ratesFor(subject.identity, asset.name, house.policy));
  const device = asset.device ?? new Device(road, asset);
  if (asset.device === null) device.open();
  const now = road.clock.monotonic();
  const session = new Session(road, road.sessions.nextId(), asset, device, stream, listener, rights, peer, now);
  if (peer !== null) settle(house, session, peer, lapsesMs);
  road.sessions.begin(session, leaf === null ? null : road.audit.keep(leaf));
  const { id } = session;
  road.log.info(
    { session: id, who: subject.identity, roles: subject.roles, asset: asset.name, from: stream.remoteAddress },
    "session opened",
  );
}

/** What its certificate bars from the first request on; and it is remembered that it was here. */
function settle({ road, trust, memory }: House, session: Session, peer: Peer, lapsesMs: number | null): void {
  const nowMs = road.clock.steady();
  session.lapsesMs = lapsesMs;
  session.listsStale = trust?.isStale(peer, nowMs) === true;
  memory.saw(peer, session.stream.remoteAddress, nowMs, true);
  if (lapsesMs === null) return;
  const [ended, until] = [peer.notAfter, lapsesMs].map((ms) => new Date(ms).toISOString());
  road.log.warn({ session: session.id, who: peer.identity, ended, until }, "its certificate has ended; it may look and nothing else");
}

/** The other side is told nothing: a handshake that proved nothing earns no protocol octet. */
function turnAway(house: House, listener: string, stream: ByteStream, reason: SessionEnd, words: string, leaf: Uint8Array | null): void {
  house.road.turnedAway(listener, stream.remoteAddress, reason, words, leaf);
  stream.destroy();
}

function sayNoRole(identity: string, certificateRole: string | null): string {
  return certificateRole === null
    ? `no binding gives ${identity} a role`
    : `the certificate names the role ${certificateRole}, which no binding knows`;
}
