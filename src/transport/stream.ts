/**
 * A byte stream with a peer at the other end: plain TCP, TLS or a serial line look the same from here.
 * One handler object per stream, set once; no promise and no closure per chunk.
 */
export interface StreamHandler {
  /** Octets arrived. The view is valid only during the call: copy what must outlive it. */
  received(octets: Uint8Array): void;
  /** Everything written has left for the kernel. */
  drained(): void;
  /** The stream is over; called exactly once. `error` is a Node error code ("ECONNRESET") or null for an orderly end. */
  closed(error: string | null): void;
}

export interface ByteStream {
  readonly remoteAddress: string;
  readonly remotePort: number;
  /** Octets written and not yet with the kernel. */
  readonly queued: number;
  start(handler: StreamHandler): void;
  /**
   * Takes ownership of nothing: octets are copied or sent before return. One call is one packet where it fits.
   *
   * @param length  so many from the start of `octets`; all of them unless stated
   */
  write(octets: Uint8Array, length?: number): void;
  /** Send what is queued, then close. */
  end(): void;
  /** Close now. */
  destroy(): void;
  pause(): void;
  resume(): void;
}
