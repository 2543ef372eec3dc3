/** What became of a sink's samples, and what it tells of that, for status and metrics. */
import { visible } from "#documents/escape";
import type { Sample } from "./model.ts";
import { deliverParts, type Sent, SetAside } from "./setAside.ts";

export interface SinkStatus {
  /** Samples since the start. */
  readonly taken: number;
  /** Samples the other side refused for good, and of those what is kept nowhere. */
  readonly setAside: number;
  readonly unkept: number;
  /** Why the last one was set aside; null: none was. */
  readonly refusal: string | null;
  /** Why the last batch was not taken; null: it was. */
  readonly trouble: string | null;
}

export class SinkTally {
  readonly aside: SetAside;
  #taken = 0;
  #trouble: string | null = null;

  constructor(aside: SetAside | undefined) {
    this.aside = aside ?? new SetAside(null);
  }

  get status(): SinkStatus {
    const { count, unkept, reason } = this.aside;
    return { taken: this.#taken, setAside: count, unkept, refusal: reason, trouble: this.#trouble };
  }

  /** In parts where that is wanted. @returns whether it was dealt with; false: offer it again */
  async deliver(samples: readonly Sample[], send: (part: readonly Sample[]) => Promise<Sent>): Promise<boolean> {
    const before = this.aside.count;
    const sent = await deliverParts(samples, send, this.aside);
    if (sent.is === "later") this.failed(sent.reason);
    else this.took(samples.length - (this.aside.count - before));
    return sent.is !== "later";
  }

  took(count: number): void {
    this.#taken += count;
    this.#trouble = null;
  }

  failed(reason: string): void {
    this.#trouble = visible(reason);
  }
}
