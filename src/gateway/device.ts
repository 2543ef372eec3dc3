/**
 * One device (address:port) and its connections: whose turn it is, our transaction ids, deadlines, reconnecting. Requests go out as they
 * were judged; a reply goes back only when it answers what was asked. Nothing is ever sent twice.
 */
import type { Framer, Part } from "#session/protocol";
import type { ByteStream, StreamHandler } from "#transport/stream";
import { FairQueue, type Rank } from "#upstream/fair";
import { Backoff, Pace } from "#upstream/pace";
import { Transactions } from "#upstream/transactions";
import { deliver, expire } from "./answering.ts";
import type { Asset } from "./asset.ts";
import { refuse } from "./denying.ts";
import { deliverPart, goneUnconfirmed } from "./parts.ts";
import { guardAnswered, keptSilent, mayGo, release } from "./path.ts";
import type { Road } from "./road.ts";
import type { Ticket } from "./ticket.ts";

export type DeviceState = "connecting" | "ready" | "down";

export class Device {
  readonly key: string;
  readonly host: string;
  readonly port: number;
  readonly queue = new FairQueue<Ticket>(mayGo, rankOf);
  /** Set while the device stands in the road's list of devices to look after. */
  dirty = false;
  /** Requests waiting for their turn. */
  waiting = 0;
  /** Those of them that are stops or other changes. */
  #changesWaiting = 0;
  readonly #road: Road;
  readonly #asset: Asset;
  readonly #lines: Line[] = [];
  readonly #pace: Pace | null;
  #retired = false;

  /** @param asset whose `upstream` settings the device follows; assets behind one address:port share them (checked at load) */
  constructor(road: Road, asset: Asset) {
    const { host, port, upstream } = asset.site;
    this.key = `${host}:${port}`;
    this.host = host;
    this.port = port;
    this.#road = road;
    this.#asset = asset;
    this.#pace = upstream.rate === null ? null : new Pace(upstream.rate.count, upstream.rate.windowMs);
    const lines = upstream.mode === "shared" ? upstream.connections : 1;
    for (let i = 0; i < lines; i++) this.#lines.push(new Line(this, road, asset));
  }

  open(): void {
    this.#road.devices.add(this);
    for (const line of this.#lines) line.connect();
  }

  /** Those that stand at this address, the one it was made for first; of a session's own connection that one alone. */
  get assets(): readonly Asset[] {
    return [this.#asset, ...[...this.#road.assets.values()].filter((asset) => asset !== this.#asset && asset.device === this)];
  }

  get state(): DeviceState {
    let state: DeviceState = "down";
    for (const line of this.#lines) {
      if (line.state === "ready") return "ready";
      if (line.state === "connecting") state = "connecting";
    }
    return state;
  }

  get atDevice(): number {
    return this.#lines.reduce((sum, line) => sum + line.transactions.open, 0);
  }

  /** Send what may go, one packet per connection; called once at the end of a turn. */
  pump(now: number): void {
    this.dirty = false;
    if (this.waiting === 0) return;
    if (this.state === "down") {
      this.refuseAll(now);
      return;
    }
    for (const line of this.#lines) {
      while (this.waiting > 0 && line.hasRoom(now)) {
        // The device's pace holds back everything but a stop; and a flood of stops, which leave it no rest, not everything for ever.
        const isHeld = this.#pace !== null && this.#pace.wait(now) > 0 && !this.queue.stopsYield;
        const last = isHeld ? STOP : IDLE;
        const ticket = this.queue.next(last, this.#changesWaiting > 0 ? STOP : READ);
        if (ticket === null) break;
        this.left(ticket);
        const turn = release(ticket, now);
        if (turn === "answered") continue;
        this.spend(now);
        if (turn === "guard") line.sendGuard(ticket, now);
        else line.send(ticket, now);
      }
      line.flush();
    }
  }

  /** The session said that the part came which this request waits with: the device may go on. */
  confirm(ticket: Ticket, now: number): void {
    for (const line of this.#lines) if (line.confirm(ticket, now)) return;
  }

  /** It waits for its session no more. */
  letGo(ticket: Ticket): void {
    for (const line of this.#lines) line.transactions.release(ticket);
  }

  /** One more request waits for its turn. */
  joined(ticket: Ticket): void {
    this.waiting += 1;
    if (ticket.change) this.#changesWaiting += 1;
  }

  /** One that waited does so no more: it has its turn, or was answered. */
  left(ticket: Ticket): void {
    this.waiting -= 1;
    if (ticket.change) this.#changesWaiting -= 1;
  }

  /** One more request is sent to the device. */
  spend(now: number): void {
    this.#pace?.spend(now);
  }

  /** Nobody answers at the address: everything that waits is told so. */
  refuseAll(now: number): void {
    for (let ticket = this.queue.drain(); ticket !== null; ticket = this.queue.drain()) {
      this.left(ticket);
      refuse(ticket, "deviceUnreachable", now);
    }
  }

  /** Deadlines, reconnects, and requests held back by `rate` or `connect_delay`; called by the road's tick. */
  tick(now: number): void {
    for (const line of this.#lines) line.tick(now);
    if (this.#asset.lease.isOver(now)) this.#asset.endLease(false, now);
    this.#asset.unsolicited.tick(now);
    if (this.#retired && this.atDevice === 0) this.close();
    else if (this.waiting > 0) this.#road.wants(this);
  }

  /** A fault of ours: whoever waits for a reply is told there is none, and the device is connected to anew. */
  reset(now: number): void {
    for (const line of this.#lines) line.reset(now);
  }

  close(): void {
    this.#road.devices.delete(this);
    for (const line of this.#lines) line.close();
  }

  get retired(): boolean {
    return this.#retired;
  }

  /** A session's own connection after the session: it stays until what it was asked is answered, so that the records are whole. */
  retire(): void {
    this.#retired = true;
    if (this.atDevice === 0) this.close();
  }

  /** The assets' own clock of patience, milliseconds. */
  get timeoutMs(): number {
    return this.#asset.site.upstream.timeoutMs;
  }
}

/**
 * A connection that lived this long, or as long as a reply may take, counts as a success: the next attempt after it is made at once. Otherwise
 * whoever asks what nobody answers would take the device away from all others.
 */
const SETTLED_MS = 1_000;

/** One connection to the device. */
class Line implements StreamHandler {
  state: DeviceState = "down";
  readonly transactions: Transactions<Ticket>;
  readonly #device: Device;
  readonly #road: Road;
  readonly #asset: Asset;
  readonly #backoff = new Backoff();
  readonly #out: Uint8Array;
  #outLength = 0;
  #framer: Framer;
  #stream: ByteStream | null = null;
  /** Monotonic milliseconds before which nothing is sent (`connect_delay`) or tried (backoff). */
  #notBefore = 0;
  #connectedMs = 0;
  /** Octets received since the last reply that answered something. */
  #unasked = 0;
  #trying = false;
  #failing = false;
  #closed = false;
  /** Monotonic milliseconds since when octets are stuck on their way to a device that does not read; 0: none are. */
  #stuckMs = 0;

  constructor(device: Device, road: Road, asset: Asset) {
    this.#device = device;
    this.#road = road;
    this.#asset = asset;
    const outstanding = asset.site.upstream.outstanding;
    this.transactions = new Transactions<Ticket>(outstanding, asset.protocol.transactions);
    this.#out = new Uint8Array(outstanding * asset.protocol.frameLimit);
    this.#framer = asset.protocol.framer("device", asset.site.link);
  }

  /** While attempt after attempt fails the device counts as down: what is asked meanwhile is refused at once, not held until it times out. */
  connect(): void {
    this.#trying = true;
    if (!this.#failing) this.state = "connecting";
    this.#framer = this.#asset.protocol.framer("device", this.#asset.site.link);
    this.#unasked = 0;
    this.#road.connect(
      this.#device.host,
      this.#device.port,
      this.#device.timeoutMs,
      this.#asset.site.tls,
      (stream) => this.#connected(stream),
      (reason) => this.#failed(reason),
    );
  }

  #connected(stream: ByteStream): void {
    this.#trying = false;
    if (this.#failing) for (const asset of this.#device.assets) asset.quarantine.clear();
    this.#failing = false;
    if (this.#closed) {
      stream.destroy();
      return;
    }
    const now = this.#road.clock.monotonic();
    this.#stream = stream;
    this.#connectedMs = now;
    this.state = "ready";
    this.#notBefore = now + this.#asset.site.upstream.connectDelayMs;
    stream.start(this);
    this.#road.deviceChanged(this.#device, "connected", "");
    this.#road.wants(this.#device);
    this.#road.turn(now);
  }

  #failed(reason: string): void {
    this.#trying = false;
    this.#failing = true;
    if (this.#closed) return;
    const now = this.#road.clock.monotonic();
    this.#away(now, reason);
    this.#road.turn(now);
  }

  /** What is answered is bounded by `outstanding`; a broadcast waits for no answer, so it may not leave while others are still stuck. */
  hasRoom(now: number): boolean {
    return this.state === "ready" && now >= this.#notBefore && !this.transactions.full && this.#stuckMs === 0;
  }

  send(ticket: Ticket, now: number): void {
    ticket.sentMs = now;
    // A proof covers the sequence, of what nobody answers too (RULINGS 38).
    const wanted = this.#asset.site.secureAuthentication ? ticket.transactionId : undefined;
    if (ticket.message?.reply === "none") {
      this.#append(ticket.unitId, ticket.pdu, ticket.pduLength, this.transactions.pass(wanted));
      expire(ticket, "unacknowledged", now);
      return;
    }
    ticket.atDevice = true;
    this.#append(ticket.unitId, ticket.pdu, ticket.pduLength, this.transactions.issue(ticket, wanted));
  }

  /** A read of our own that the request depends on; its reply comes back to the same ticket. */
  sendGuard(ticket: Ticket, now: number): void {
    const guard = ticket.guard as NonNullable<Ticket["guard"]>;
    ticket.sentMs = now;
    ticket.atDevice = true;
    this.#append(guard.at?.unitId ?? 0, guard.pdu, guard.pduLength, this.transactions.issue(ticket));
  }

  #append(unitId: number, pdu: Uint8Array, pduLength: number, transactionId: number): void {
    if (this.#outLength + this.#asset.protocol.frameLimit > this.#out.length) this.flush();
    this.#outLength += this.#framer.frame(this.#out, this.#outLength, transactionId, unitId, pdu, 0, pduLength);
  }

  /** @returns false where it waits on another line */
  confirm(ticket: Ticket, now: number): boolean {
    if (!this.transactions.has(ticket)) return false;
    this.transactions.release(ticket);
    this.#confirm(ticket.partId, false);
    if (!ticket.isLastPart) {
      ticket.sentMs = now;
      this.transactions.issue(ticket);
    }
    return true;
  }

  confirmUnsolicited(transactionId: number): void {
    this.#confirm(transactionId, true);
  }

  #confirm(transactionId: number, unsolicited: boolean): void {
    const { protocol } = this.#asset;
    // Whoever does not read is told no more; what it does not know of it tells again.
    if (this.#stream === null || this.#stream.queued >= this.#road.limits.sessionPauseOctets) return;
    const length = protocol.encodeConfirm(CONFIRM, 0, transactionId, unsolicited);
    this.#append(this.#asset.model.units[0] ?? 0, CONFIRM, length, transactionId);
    this.flush();
  }

  flush(): void {
    if (this.#outLength === 0) return;
    const stream = this.#stream;
    stream?.write(this.#out, this.#outLength);
    this.#outLength = 0;
    if (stream !== null && stream.queued > 0 && this.#stuckMs === 0) this.#stuckMs = this.#road.clock.monotonic();
  }

  received(octets: Uint8Array): void {
    const now = this.#road.clock.monotonic();
    try {
      this.#take(octets, now);
    } catch (fault) {
      this.#road.log.error({ fault, device: this.#device.key }, "fault while reading a device's replies; its connection is dropped");
      this.reset(now);
    }
    this.#road.turn(now);
  }

  #take(octets: Uint8Array, now: number): void {
    const framer = this.#framer;
    framer.feed(octets);
    this.#unasked += octets.length;
    let strays = 0;
    let strayUnit = 0;
    while (this.#stream !== null) {
      const found = framer.next();
      if (framer.answer.length > 0) this.#answerLink(this.#stream, framer.answer);
      if (found === "more") break;
      if (found === "broken") {
        this.#road.strayReply(this.#asset, "brokenFraming");
        this.#drop(now, "framing");
        break;
      }
      if (found === "answer") {
        // A link that is kept alive is no flood; what it is asked for costs it as much as us.
        this.#unasked = Math.max(0, this.#unasked - framer.answer.length);
        continue;
      }
      if (found === "passedOver") {
        this.#road.strayReply(this.#asset, "badSegment");
        continue;
      }
      const part = this.#asset.protocol.part(framer.octets, framer.pduAt, framer.pduLength);
      if (part?.unsolicited === true) {
        const isPaced = this.#asset.unsolicited.isPaced(now);
        if (!this.#asset.unsolicited.take(framer, this, now, this.#road.telemetry))
          this.#road.strayReply(this.#asset, "malformedUnsolicited");
        else if (isPaced) this.#unasked = 0;
        continue;
      }
      const ticket = this.transactions.take(framer.transactionId);
      if (ticket === null) {
        strays += 1;
        strayUnit = framer.unitId;
        continue;
      }
      this.#unasked = 0;
      if (ticket.guard?.isRead === false) {
        if (part?.wantsConfirm === true) this.#confirm(framer.transactionId, false);
        this.#goOn(ticket, now);
      } else if (part === null && ticket.parts === 0) deliver(ticket, framer, now);
      else this.#goOnWithPart(ticket, part ?? WHOLE, now);
      this.#road.wants(this.#device);
    }
    // Told of together: a device may send hundreds of them for each request, and that must cost the others little.
    if (strays > 0) this.#road.strayReply(this.#assetOf(strayUnit), "unsolicited", strays);
    if (this.#stream !== null && this.#unasked > this.#road.limits.unaskedOctets) {
      this.#road.strayReply(this.#asset, "flood");
      this.#drop(now, "flood");
    }
  }

  /** Who asks and does not read is not answered. */
  #answerLink(stream: ByteStream, octets: Uint8Array): void {
    if (stream.queued < this.#road.limits.sessionPauseOctets) stream.write(octets);
  }

  #goOnWithPart(ticket: Ticket, part: Part, now: number): void {
    const after = deliverPart(ticket, this.#framer, part, now);
    if (after === "done") return;
    ticket.sentMs = now;
    if (after === "awaits") this.transactions.hold(ticket);
    else this.transactions.issue(ticket);
  }

  /** Whose reply it would be; what tells nothing of that counts for the first. */
  #assetOf(unitId: number): Asset {
    return this.#device.assets.find(({ model }) => model.units.includes(unitId)) ?? this.#asset;
  }

  /** What a request depends on was read: read on, or send it in the same turn. */
  #goOn(ticket: Ticket, now: number): void {
    const turn = guardAnswered(ticket, this.#framer, now);
    if (turn === "answered") return;
    this.#device.spend(now);
    if (turn === "guard") this.sendGuard(ticket, now);
    else this.send(ticket, now);
    this.flush();
  }

  drained(): void {
    if (this.#stuckMs === 0) return;
    this.#stuckMs = 0;
    this.#road.wants(this.#device);
    this.#road.turn(this.#road.clock.monotonic());
  }

  closed(error: string | null): void {
    if (this.#stream === null) return;
    const now = this.#road.clock.monotonic();
    this.#drop(now, error ?? "closed by the device");
    this.#road.turn(now);
  }

  tick(now: number): void {
    if (this.state === "ready") {
      if (this.#stuckMs !== 0 && now - this.#stuckMs >= this.#device.timeoutMs) {
        this.#drop(now, "does not read");
        return;
      }
      for (let slot = 0; slot < this.transactions.capacity; slot++) {
        const ticket = this.transactions.at(slot);
        if (ticket !== null && now - ticket.sentMs >= this.#device.timeoutMs) {
          if (ticket.awaitsConfirm) {
            goneUnconfirmed(ticket, now);
            continue;
          }
          keptSilent(ticket, now);
          // The whole connection goes: a late reply must find nobody, and what the device still works on is not ours to guess.
          this.#drop(now, "no reply in time");
          break;
        }
      }
    } else if (this.state === "down" && !this.#trying && !this.#closed && !this.#device.retired && now >= this.#notBefore) {
      this.connect();
    }
  }

  reset(now: number): void {
    this.#drop(now, "fault");
  }

  close(): void {
    this.#closed = true;
    this.#drop(this.#road.clock.monotonic(), "shutdown");
  }

  /** The connection is over: whoever waits for a reply on it is told, and the device is tried again. */
  #drop(now: number, why: string): void {
    const stream = this.#stream;
    if (stream !== null && now - this.#connectedMs >= Math.min(SETTLED_MS, this.#device.timeoutMs)) this.#backoff.succeeded();
    this.#stream = null;
    this.#outLength = 0;
    this.#stuckMs = 0;
    stream?.destroy();
    this.#asset.unsolicited.forget();
    // What was selected there may be forgotten with the connection.
    this.#asset.endLease(true, now);
    // And it may give the handles of files to others.
    for (const asset of this.#device.assets) for (const session of asset.sessions) session.conversation?.lost(null);
    for (let ticket = this.transactions.takeAny(); ticket !== null; ticket = this.transactions.takeAny())
      if (ticket.awaitsConfirm) goneUnconfirmed(ticket, now);
      else expire(ticket, "silent", now);
    this.#away(now, why);
  }

  #away(now: number, why: string): void {
    for (const asset of this.#device.assets) {
      const holder = asset.turn;
      if (holder !== null && !holder.atDevice && holder.session?.device === this.#device) asset.endTurn(holder);
    }
    const wait = this.#backoff.next(Math.random());
    this.#notBefore = now + wait;
    this.state = "down";
    if (!this.#closed) this.#road.deviceChanged(this.#device, "away", why);
    if (wait === 0 && !this.#closed && !this.#device.retired) this.connect();
    else this.#road.wants(this.#device);
  }
}

const CONFIRM = new Uint8Array(4);
/** A reply that is whole: as a part of another it is none. */
const WHOLE: Part = { isFirst: true, isLast: true, wantsConfirm: false, unsolicited: false };
const STOP: Rank = 0;
const CHANGE: Rank = 1;
const READ: Rank = 2;
const IDLE: Rank = 3;

function rankOf({ change, essential, session }: Ticket): Rank {
  return essential ? STOP : change ? CHANGE : session?.yields === true ? IDLE : READ;
}
