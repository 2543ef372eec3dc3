/** A receiver with a page, fed by a sender of its own: hostile names among the points. */
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import type { SampleRecord } from "#oneway/records";
import { Looking, type PageServer, servePage, Watched } from "#receiver/page/page";
import { PAGE_LIMITS, type PageLimits } from "#receiver/page/server";
import { Receiver } from "#receiver/receiver";
import type { Sender } from "#telemetry/sender";
import { KEY, recordOf, senderOf } from "./link.ts";

export interface RigPoint {
  readonly asset: string;
  readonly point: string;
  readonly unit?: string;
  readonly description?: string;
}

export class PageRig {
  readonly looking: Looking;
  readonly receiver: Receiver;
  readonly watched: Watched;
  readonly sender: Sender;
  server: PageServer;
  readonly #folder: string;

  private constructor(folder: string, looking: Looking, receiver: Receiver, watched: Watched, server: PageServer) {
    this.#folder = folder;
    this.looking = looking;
    this.receiver = receiver;
    this.watched = watched;
    this.server = server;
    this.sender = senderOf(
      { sources: 8, repairs: 2, depth: 1, gateway: "boiler-house" },
      { send: (frame) => receiver.take(frame.slice()) },
      crypto.getRandomValues(new Uint8Array(16)),
    );
  }

  static async open(limits: Partial<PageLimits> = {}, mostPoints?: number): Promise<PageRig> {
    const folder = mkdtempSync(path.join(os.tmpdir(), "penstock-page-"));
    const looking = new Looking(mostPoints);
    const streams = [
      { stream: 7, keys: [KEY], checkpointKey: null },
      { stream: 8, keys: [KEY], checkpointKey: null },
    ];
    const receiver = await Receiver.open({ state: folder, streams, silentMs: 3_000, onlooker: looking }, [], () => {});
    receiver.start();
    const watched = new Watched("hall-2", [7, 8], receiver, looking);
    const server = await servePage("127.0.0.1", 0, watched, { ...PAGE_LIMITS, ...limits });
    return new PageRig(folder, looking, receiver, watched, server);
  }

  get origin(): string {
    return `http://127.0.0.1:${this.server.port}`;
  }

  /** Ids are places in the list. */
  introduce(points: readonly RigPoint[]): void {
    const now = Date.now();
    this.sender.take(
      recordOf((writer) => writer.birth(0, points.length, "boiler-house")),
      now,
    );
    points.forEach(({ asset, point, unit = "", description = "" }, id) => {
      this.sender.take(
        recordOf((writer) => writer.point({ id, asset, point, type: "number", unit, description })),
        now,
      );
    });
    this.flush();
  }

  value(point: number, value: SampleRecord["value"], quality: SampleRecord["quality"] = "good", timeMs: number = Date.now()): void {
    this.sender.take(
      recordOf((writer) => writer.sample({ point, timeMs, quality, timeOf: "gateway", isEvent: false, asker: 0, value })),
      Date.now(),
    );
    this.flush();
  }

  /** Whole groups, so that nothing waits for its block. */
  flush(groups = 1): void {
    do for (let i = 0; i < 10 * groups; i++) this.sender.step(Date.now(), performance.now());
    while (this.sender.waiting > 0);
  }

  async close(): Promise<void> {
    await this.server.close();
    await this.receiver.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
