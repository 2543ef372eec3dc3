/** An honest line that leads nowhere: it keeps what was sent, and can be told to fail. */
import type { OneWayLine } from "./port.ts";

export class FakeLine implements OneWayLine {
  readonly sent: Uint8Array[] = [];
  fails = false;
  isClosed = false;

  send(frame: Uint8Array): boolean {
    if (this.fails || this.isClosed) return false;
    this.sent.push(frame.slice());
    return true;
  }

  close(): void {
    this.isClosed = true;
  }
}
