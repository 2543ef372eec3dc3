/**
 * Every cap of the gateway, in one table, each with its reason. A test reaches every one of them (test/gateway/limits.test.ts).
 * Nothing a peer sends can make a buffer, queue or table grow past what stands here.
 */
export interface Limits {
  /** Open sessions over all listeners. A plant cell has tens of masters; a thousand is an attack or a mistake. */
  readonly sessions: number;
  /** Connections one listener holds, authenticated or not: one flooded listener leaves the others theirs. */
  readonly connectionsPerListener: number;
  /** Handshakes on one listener, waiting ones too: each costs memory and a signature before we know who it is. Half is kept for known addresses. */
  readonly halfOpen: number;
  /** Milliseconds a peer may take to prove who it is. */
  readonly handshakeMs: number;
  /** Handshakes of one address on one listener: one under way, the others behind it. */
  readonly halfOpenPerSource: number;
  /** Addresses remembered from which somebody proved itself in the last day. */
  readonly knownSources: number;
  /** Requests of one session not yet answered. The Modbus messaging guide (4.4.2) suggests 1..16 transactions a connection. */
  readonly pendingPerSession: number;
  /** Requests waiting for one device over all sessions; beyond it exception 06. */
  readonly queuePerDevice: number;
  /** Places of that queue that only a stop takes, so that a flood of anything else does not keep it out (RULINGS 15). */
  readonly queueForStops: number;
  /** Milliseconds a stop waits for a disk that does not answer before it goes by the journal. */
  readonly stopWaitMs: number;
  /** Octets queued towards a session that does not read, above which we stop reading its requests. */
  readonly sessionPauseOctets: number;
  /** Octets queued towards a session that does not read, above which it is cut. */
  readonly sessionBacklogOctets: number;
  /** Milliseconds a session may stay paused because it does not read. */
  readonly slowReaderMs: number;
  /** Milliseconds without a complete request after which a session is cut. */
  readonly idleMs: number;
  /** Milliseconds a read may wait in the queue before it is answered "busy" (a write may wait `upstream.timeout`). */
  readonly readWaitMs: number;
  /** Octets of replies a device may send beyond what was asked before its connection is cut. */
  readonly unaskedOctets: number;
  /** Reads the gateway may make before one write: one, but for a broadcast that is judged on what every unit holds. */
  readonly guardReads: number;
  /** Distinct (unit, function, range) a session's reads are counted under before the counts are written out early. */
  readonly readCounters: number;
  /** Milliseconds between written counts of reads. */
  readonly readWindowMs: number;
  /** Records kept in memory while none can be written: what became of changes that were on their way, commands, sessions that were cut. */
  readonly owedRecords: number;
  /** Identities, each at its listener, whose sessions are watched for a storm of reconnects; those beyond are watched together. */
  readonly storms: number;
  /** Sources refused before a session that are counted apart, before the counts are written out early. */
  readonly turnedSources: number;
  /** Identities and assets whose `rate` windows are remembered before idle ones are forgotten. */
  readonly ratedIdentities: number;
  /** Connections to the management port: a scraper asks one thing every few seconds, a person one thing now and then. */
  readonly webConnections: number;
  /** Handshakes with it: fewer than connections, so that strangers leave places to those who have shown who they are. */
  readonly webHalfOpen: number;
  /** Of one address: one machine, whoever it is, leaves places to all others. */
  readonly webHalfOpenPerSource: number;
  /** Connections of one identity to it: the tools of one leave places to others. */
  readonly webPerIdentity: number;
  /** Octets of a request to it before its body; a question is at most 4096 octets more. */
  readonly webHeaderOctets: number;
  /** Milliseconds somebody there may take for the handshake, again for a request, and again for reading the answer. */
  readonly webPatienceMs: number;
  /** Distinct (identity, question, rule) that looks at the gateway are counted under before the counts are written out early. */
  readonly viewCounters: number;
  /** Points that one verification reads and one answer tells: its record must fit in a line of the log. */
  readonly verifiedPoints: number;
  /** Verifications of one person remembered until signed off, each of `verifiedPoints`: the one from longest ago is forgotten. */
  readonly verificationsOfOne: number;
  /** Of all together: whoever has most loses the oldest. */
  readonly verifications: number;
  /** Parts of one reply: 128 KiB of DNP3, more than any outstation holds. A device that never ends one would be busy with it for ever. */
  readonly replyParts: number;
  /** Unsolicited responses kept for an event owner that is away; beyond it the device keeps its events (RULINGS 34). */
  readonly storedEvents: number;
  /** Milliseconds after which an event owner is told again what it has not confirmed. */
  readonly eventRetryMs: number;
  /** Milliseconds SIGTERM waits for requests already at a device. */
  readonly drainMs: number;
}

export const LIMITS: Limits = {
  sessions: 1024,
  connectionsPerListener: 256,
  halfOpen: 64,
  handshakeMs: 5_000,
  halfOpenPerSource: 16,
  knownSources: 4096,
  pendingPerSession: 16,
  queuePerDevice: 1024,
  queueForStops: 64,
  stopWaitMs: 250,
  sessionPauseOctets: 16 * 1024,
  sessionBacklogOctets: 64 * 1024,
  slowReaderMs: 10_000,
  idleMs: 15 * 60_000,
  readWaitMs: 10_000,
  unaskedOctets: 4 * 1024,
  guardReads: 16,
  readCounters: 64,
  readWindowMs: 10_000,
  owedRecords: 2048,
  storms: 1024,
  turnedSources: 1024,
  ratedIdentities: 4096,
  webConnections: 16,
  webHalfOpen: 8,
  webHalfOpenPerSource: 2,
  webPerIdentity: 4,
  webHeaderOctets: 4096,
  webPatienceMs: 5_000,
  viewCounters: 64,
  verifiedPoints: 100,
  verificationsOfOne: 32,
  verifications: 128,
  replyParts: 64,
  storedEvents: 1024,
  eventRetryMs: 5_000,
  drainMs: 5_000,
};
