/**
 * The real line: a UDP socket that was handed over open, connected, and deaf (handOver.ts). Frames are written to it like to a file: the code
 * that could receive is not loaded, and the kernel throws away whatever comes before it reaches the socket.
 */
import { closeSync, writeSync } from "node:fs";
import type { OneWayLine } from "./port.ts";

/** An error that somebody else's ICMP left on the socket is told once, with the next write; the one after goes. */
const TRIES = 3;

export class SocketLine implements OneWayLine {
  readonly #fd: number;

  /** @param fd the socket, as handOver leaves it */
  constructor(fd: number) {
    this.#fd = fd;
  }

  send(frame: Uint8Array): boolean {
    for (let i = 0; i < TRIES; i++) {
      try {
        writeSync(this.#fd, frame);
        return true;
      } catch {
        // Nobody there, no room, no link: the frame is lost like one that was lost on its way, and the code mends it.
      }
    }
    return false;
  }

  close(): void {
    closeSync(this.#fd);
  }
}
