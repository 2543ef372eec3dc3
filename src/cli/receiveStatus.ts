/** What a receiver at work says of itself: every ten seconds in one line, and at once where a sink does not take what is offered. */
import type { Log } from "#log";
import type { DeliveryQueue, QueueStatus } from "#receiver/deliveryQueue";
import type { Receiver } from "#receiver/receiver";
import type { OpenSink } from "./receiveSinks.ts";

export interface OpenOutgoing {
  readonly sink: OpenSink["sink"];
  readonly queue: Pick<DeliveryQueue, "status" | "push" | "close">;
}

/** Offers in a row that were not taken: as many as a restart of the other side may cost without anybody being told. */
const MANY = 3;

export class SinkWatch {
  readonly #outgoing: readonly OpenOutgoing[];
  readonly #log: Log;
  readonly #said = new Map<string, string>();

  constructor(outgoing: readonly OpenOutgoing[], log: Log) {
    this.#outgoing = outgoing;
    this.#log = log;
  }

  /** Told once for each reason, and once when it is over. */
  look(): void {
    for (const { sink, queue } of this.#outgoing) {
      const trouble = troubleOf(sink, queue.status);
      const before = this.#said.get(sink.name) ?? "";
      if (trouble === before) continue;
      this.#said.set(sink.name, trouble);
      const { waiting } = queue.status;
      if (trouble === "") this.#log.info({ sink: sink.name }, "the sink takes what is offered again");
      else this.#log.warn({ sink: sink.name, trouble, waiting }, "the sink does not take what is offered: it waits on the disk");
    }
  }

  /** By sink: what waits, what was delivered, what went wrong. Zeros are left out. */
  get status(): Readonly<Record<string, object>> {
    return Object.fromEntries(
      this.#outgoing.map(({ sink, queue }) => {
        const { waiting, delivered, dropped, damaged, refused, unfit, again, foreign, trouble: disk } = queue.status;
        const { setAside = 0, unkept = 0, refusal = null, trouble = null } = sink.status ?? {};
        const lost = Object.keys(dropped).length === 0 ? null : dropped;
        const strange = foreign.length === 0 ? null : foreign;
        const told = { dropped: lost, damaged, refused, unfit, setAside, unkept, refusal, again, foreign: strange, trouble, disk };
        return [sink.name, { waiting, delivered, ...Object.fromEntries(Object.entries(told).filter(([, value]) => Boolean(value))) }];
      }),
    );
  }
}

/** "": none. A sink that tells nothing of itself has its own notes in the log; here only that its queue stands still. */
function troubleOf(sink: OpenOutgoing["sink"], { failuresInRow, trouble }: QueueStatus): string {
  if (trouble !== null) return trouble;
  return failuresInRow < MANY ? "" : (sink.status?.trouble ?? "the sink has no connection");
}

export function statusOf(receiver: Receiver, dropped: number | null, sinks: SinkWatch): object {
  const { frames, rejected, proven, unnamed } = receiver.reception;
  const { samples, pending, turnedAway, trouble } = receiver;
  const refused = Object.fromEntries(rejected);
  return { frames, samples, rejected: refused, checkpoints: proven, unnamed, pending, turnedAway, dropped, trouble, sinks: sinks.status };
}
