/**
 * From a connection to a session, or to a refusal with its own recorded reason. Nothing of the protocol is read before this has said yes.
 */
import type { SessionEnd, Subject } from "#events";
import { type Bound, bind } from "#policy/bindings";
import { parseIp } from "#transport/interfaces";
import type { ByteStream } from "#transport/stream";
import type { Asset } from "./asset.ts";
import { Device } from "./device.ts";
import type { House } from "./house.ts";
import { Rights } from "./rights.ts";
import { Session } from "./session.ts";
import type { Peer } from "./trust.ts";

/** What a mutual TLS handshake showed of the other side. */
export interface Hello {
  /** DER, leaf first, as presented. */
  readonly chain: readonly Uint8Array[];
  /** OpenSSL's verdict on the chain; null: authorized. */
  readonly verdict: string | null;
}

/** A peer that finished a mutual TLS handshake. */
export function admitPeer(house: House, asset: Asset, listener: string, stream: ByteStream, hello: Hello): void {
  const { trust, road } = house;
  if (trust === null) {
    turnAway(house, listener, stream, "handshakeFailed", "this site has no certificate authorities", null);
    return;
  }
  const judged = trust.judge(hello.chain, hello.verdict, road.clock.wall());
  const leaf = hello.chain[0];
  if (!judged.ok) {
    turnAway(house, listener, stream, judged.error.reason, judged.error.words, leaf ?? null);
    return;
  }
  const peer = judged.value;
  const subject = subjectOfPeer(house, peer);
  if (typeof subject === "string") {
    turnAway(house, listener, stream, subject, sayNoRole(peer.identity, peer.certificateRole), peer.leaf);
    return;
  }
  open(house, asset, listener, stream, subject, peer);
}

/** A peer of a plain listener: known by its address alone. */
export function admitSource(house: House, asset: Asset, listener: string, stream: ByteStream): void {
  const subject = subjectOfSource(house, stream.remoteAddress);
  if (typeof subject === "string") {
    turnAway(house, listener, stream, subject, `no binding names the address ${stream.remoteAddress}`, null);
    return;
  }
  open(house, asset, listener, stream, subject, null);
}

/** Who this certificate is under the policy in force. */
export function subjectOfPeer(house: House, peer: Peer): Subject | "noRole" | "unknownRole" {
  const bound = bind(house.policy.policy, { identity: peer.identity, certificateRole: peer.certificateRole, source: null });
  return typeof bound === "string" ? bound : subjectOf(peer.identity, peer.name, bound, "certificate");
}

/** Who this address is under the policy in force. */
export function subjectOfSource(house: House, address: string): Subject | "noRole" | "unknownRole" {
  const bound = bind(house.policy.policy, { identity: null, certificateRole: null, source: parseIp(address) });
  return typeof bound === "string" ? bound : subjectOf(`source:${address}`, address, bound, "none");
}

function subjectOf(identity: string, name: string, bound: Bound, assurance: Subject["assurance"]): Subject {
  return { identity, name, roles: bound.roles, kind: bound.kind, assurance, mayWriteUnauthenticated: bound.mayWriteUnauthenticated };
}

function open(house: House, asset: Asset, listener: string, stream: ByteStream, subject: Subject, peer: Peer | null): void {
  const { road } = house;
  const leaf = peer?.leaf ?? null;
  if (road.sessions.open.size >= road.limits.sessions) {
    turnAway(house, listener, stream, "tooManySessions", `${road.limits.sessions} sessions are open`, leaf);
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
  road.sessions.begin(session, leaf === null ? null : road.audit.keep(leaf));
  const { id } = session;
  road.log.info(
    { session: id, who: subject.identity, roles: subject.roles, asset: asset.name, from: stream.remoteAddress },
    "session opened",
  );
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
