/** A line that frames leave by, and that nothing comes in from. There is no function to receive with. */
export interface OneWayLine {
  /** One datagram. Never waits for anybody, never throws. @returns false: this host could not let it leave */
  send(frame: Uint8Array): boolean;
  close(): void;
}
