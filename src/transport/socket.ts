/**
 * A Node socket, plain or TLS, as a ByteStream. What it adds: nothing is read before `start`, the caller's buffer is free when `write`
 * returns, `closed` comes exactly once and nothing comes after it, and a peer that never lets go is let go.
 */
import type { Socket } from "node:net";
import { type Handle, handleOf, reading, readPast, writePast } from "./handle.ts";
import type { ByteStream, StreamHandler } from "./stream.ts";

/** A quiet peer is asked whether it still lives after this long, milliseconds; ten unanswered questions a second apart end the stream. */
export const KEEP_ALIVE_MS = 10_000;
/** After `end`, a peer that neither reads nor closes is cut after this long, milliseconds. */
const LINGER_MS = 2_000;
/** Octets of writes under way that are copied to a buffer kept for it; more at once is copied to a fresh one. */
const OUT_OCTETS = 4_096;
const NOTHING = new Uint8Array(0);

export class SocketStream implements ByteStream {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly #socket: Socket;
  #handler: StreamHandler | null = null;
  #over = false;
  #ending = false;
  #fault: string | null = null;
  #linger: NodeJS.Timeout | undefined;
  /** Written octets live here until the kernel (or the TLS layer) has them; refilled from the start whenever nothing is under way. */
  #out: Buffer | null = null;
  #outAt = 0;
  /** Its first octets, as they were last sent alone: the answers to a poll have one length. */
  #outView: Uint8Array = NOTHING;
  #paused = false;
  /** What came in spite of `pause`, oldest first. */
  readonly #held: Uint8Array[] = [];
  readonly #handOver = (): void => {
    while (!this.#paused && this.#held.length > 0) this.take(this.#held.shift() as Uint8Array);
    if (!this.#paused) this.#socket.resume();
  };
  /** Octets are under way, so the handler is owed a `drained`. */
  #owes = false;
  readonly #late: boolean;
  /** What is written to without a detour; null: there is a layer between, or Node shows none. */
  readonly #handle: Handle | null;
  /** Octets written past the stream that the kernel has not taken. */
  #onItsWay = 0;
  readonly #written = (): void => this.#mindDrained();
  readonly #stay = (): void => {
    if (this.#paused && !this.#ending) this.#socket.pause();
  };

  /**
   * @param socket connected, paused; its octets come as `data` events, or to `take` where it was made with `onread`
   * @param late   TLS: no write is ever complete when it returns
   */
  constructor(socket: Socket, late = false) {
    this.#socket = socket;
    this.#late = late;
    this.#handle = late ? null : handleOf(socket);
    this.remoteAddress = plainAddress(socket.remoteAddress ?? "");
    this.remotePort = socket.remotePort ?? 0;
    socket.on("error", (error: NodeJS.ErrnoException) => this.#finish(error.code ?? error.message));
    socket.on("end", () => {
      this.#finish(null);
      this.#letGo();
    });
    socket.on("close", () => {
      clearTimeout(this.#linger);
      this.#finish(null);
    });
  }

  get queued(): number {
    return this.#socket.writableLength + this.#onItsWay;
  }

  start(handler: StreamHandler): void {
    if (this.#handler !== null) throw new Error("a stream has one handler");
    this.#handler = handler;
    if (this.#over) {
      process.nextTick(() => handler.closed(this.#fault));
      return;
    }
    this.#socket.on("data", (octets: Buffer) => this.take(octets));
    // What came with the handshake and waits in the stream is read from there, and so is all that follows.
    if (this.#late && this.#socket.readableLength === 0)
      readPast(
        this.#socket,
        reading((octets) => this.#takeOrHold(octets)),
      );
    if (!this.#paused) this.#socket.resume();
  }

  /** Octets from the socket, valid during the call. */
  take(octets: Uint8Array): void {
    if (!this.#over && !this.#ending) this.#handler?.received(octets);
  }

  /** A TLS layer hands over what it has deciphered of its last read (64 KiB at most), paused or not. */
  #takeOrHold(octets: Uint8Array): void {
    if (this.#paused && !this.#ending) this.#held.push(octets.slice());
    else this.take(octets);
  }

  write(octets: Uint8Array, length = octets.length): void {
    if (this.#over || this.#ending || length === 0) return;
    if (!this.#writeNow(octets, length)) this.#writeOn(octets.subarray(0, length));
  }

  /** To the kernel without Node's queue, which is empty: most of a write's cost is that queue's (docs/adr/0018). */
  #writeNow(octets: Uint8Array, length: number): boolean {
    const handle = this.#handle;
    if (handle === null || this.#owes || this.#socket.writableLength > 0 || !writePast(handle, octets, length)) return false;
    if (handle.writeQueueSize > 0) this.#awaitDrained(handle.writeQueueSize);
    return true;
  }

  #writeOn(octets: Uint8Array): void {
    const socket = this.#socket;
    if (this.#owes || this.#late) {
      this.#owes = true;
      socket.write(this.#copy(octets), this.#written);
      return;
    }
    socket.write(this.#copy(octets));
    if (socket.writableLength === 0) return;
    this.#awaitDrained(0);
  }

  /** The kernel did not take it at once. An empty write behind it tells when it has: cheaper than a callback on every write. */
  #awaitDrained(onItsWay: number): void {
    this.#owes = true;
    this.#onItsWay = onItsWay;
    this.#socket.write(NOTHING, this.#written);
  }

  /** The socket keeps the octets until they are sent, the caller does not: hence a copy, in a buffer used again and again. */
  #copy(octets: Uint8Array): Uint8Array {
    if (this.#socket.writableLength === 0) this.#outAt = 0;
    const start = this.#outAt;
    const end = start + octets.length;
    if (end > OUT_OCTETS) return Buffer.from(octets);
    this.#out ??= Buffer.allocUnsafeSlow(OUT_OCTETS);
    this.#out.set(octets, start);
    this.#outAt = end;
    if (start > 0) return this.#out.subarray(start, end);
    if (this.#outView.length !== end) this.#outView = this.#out.subarray(0, end);
    return this.#outView;
  }

  #mindDrained(): void {
    // What went past the stream went before anything that calls this.
    this.#onItsWay = 0;
    if (this.#socket.writableLength > 0) return;
    this.#owes = false;
    if (!this.#over && !this.#ending) this.#handler?.drained();
  }

  end(): void {
    if (this.#over || this.#ending) return;
    this.#ending = true;
    this.#socket.end();
    // Read on and forget: octets left unread would turn our close into a reset, and the last answers would be lost to the peer.
    this.#socket.resume();
    this.#letGo();
  }

  destroy(): void {
    this.#socket.destroy();
    this.#finish(null);
  }

  pause(): void {
    if (this.#ending) return;
    this.#paused = true;
    this.#socket.pause();
    // A resume earlier in this turn takes effect after it and would start reading again, whatever came since.
    process.nextTick(this.#stay);
  }

  resume(): void {
    this.#paused = false;
    if (this.#handler === null) return;
    if (this.#held.length > 0) process.nextTick(this.#handOver);
    else this.#socket.resume();
  }

  #letGo(): void {
    if (this.#linger !== undefined || this.#socket.destroyed) return;
    this.#linger = setTimeout(() => {
      this.#finish(this.queued > 0 ? "ETIMEDOUT" : null);
      this.#socket.destroy();
    }, LINGER_MS);
  }

  #finish(fault: string | null): void {
    if (this.#over) return;
    this.#over = true;
    this.#fault = fault;
    this.#handler?.closed(fault);
  }
}

/** `::ffff:10.0.0.1`, an IPv4 peer of a dual-stack socket, is written as what it is. */
export function plainAddress(text: string): string {
  return text.startsWith("::ffff:") && text.includes(".") ? text.slice(7) : text;
}
