/**
 * What changes, told to those who have a page open (server-sent events): each second, in one message, what of their page is not what they were
 * told last. There are at most 16 of them, and whoever does not take what it is sent is cut; its browser asks again.
 */
import type { ServerResponse } from "node:http";
import type { Sample } from "../model.ts";
import type { Html } from "./html.ts";
import { summary } from "./layout.ts";
import { type LedgerAsked, ledgerPart } from "./ledgerView.ts";
import { linesPart } from "./linesView.ts";
import type { Listed } from "./pointList.ts";
import { type LiveRow, liveRow } from "./pointsView.ts";
import type { TrendSample } from "./trends.ts";
import { nowPart, samplesPart } from "./trendView.ts";
import type { Watched } from "./watched.ts";

/** What somebody looks at. */
export type View =
  | { readonly is: "points"; readonly search: string; readonly page: number }
  | { readonly is: "trend"; readonly listed: Listed }
  | { readonly is: "ledger"; readonly asked: LedgerAsked }
  | { readonly is: "lines" };

export interface LiveLimits {
  readonly clients: number;
  /** Octets that may wait for one client before more is written. */
  readonly waiting: number;
  readonly everyMs: number;
}

export const LIVE_LIMITS: LiveLimits = { clients: 16, waiting: 64 * 1024, everyMs: 1_000 };

interface Message {
  readonly now: number;
  /** Parts of the document by id. */
  readonly parts: Readonly<Record<string, string>>;
  /** Streams that are silent. */
  readonly silent: readonly number[];
  readonly rows?: readonly LiveRow[];
  readonly trend?: readonly TrendSample[];
  /** There are other points than the page shows. */
  readonly changed?: boolean;
}

class Client {
  readonly response: ServerResponse;
  readonly view: View;
  readonly #watched: Watched;
  readonly #parts = new Map<string, string>();
  readonly #told = new Map<number, Sample>();
  #rows: readonly Listed[] = [];
  #version: number;
  #seen = 0;

  constructor(response: ServerResponse, view: View, watched: Watched) {
    this.response = response;
    this.view = view;
    this.#watched = watched;
    this.#version = watched.looking.points.version;
    if (view.is === "points") this.#rows = watched.looking.points.select(view.search, view.page).rows;
  }

  message(): Message {
    const watched = this.#watched;
    const { view } = this;
    const { points, trends } = watched.looking;
    const parts: Record<string, string> = {};
    const part = (id: string, { text }: Html): void => {
      if (this.#parts.get(id) === text) return;
      this.#parts.set(id, text);
      parts[id] = text;
    };
    part("summary", summary(watched));
    const silent = watched.lines().flatMap(({ stream, silentSince }) => (silentSince === null ? [] : [stream]));
    const base = { now: watched.now(), parts, silent };
    switch (view.is) {
      case "points":
        return { ...base, rows: this.#news(), changed: this.#isChanged() };
      case "trend": {
        const trend = trends.of(view.listed.key);
        const samples = trend?.since(this.#seen) ?? [];
        if (samples.length > 0 || this.#version !== points.version) {
          this.#version = points.version;
          part("samples", samplesPart(watched, view.listed));
        }
        this.#seen = trend?.total ?? 0;
        part("now", nowPart(watched, view.listed));
        return { ...base, trend: samples };
      }
      case "ledger":
        part("ledger", ledgerPart(watched, view.asked));
        return base;
      case "lines":
        part("lines", linesPart(watched));
        return base;
    }
  }

  #news(): LiveRow[] {
    const news: LiveRow[] = [];
    for (const row of this.#rows) {
      const sample = this.#watched.value(row.info);
      if (sample === null || this.#told.get(row.number) === sample) continue;
      this.#told.set(row.number, sample);
      news.push(liveRow(row, sample));
    }
    return news;
  }

  /** It is looked at only when births came. What the page shows stays until it is loaded again. */
  #isChanged(): boolean {
    const { points } = this.#watched.looking;
    if (this.view.is !== "points" || this.#version === points.version) return false;
    this.#version = points.version;
    const { rows } = points.select(this.view.search, this.view.page);
    return (
      rows.length !== this.#rows.length ||
      rows.some(({ number, info }, i) => number !== this.#rows[i]?.number || info.unit !== this.#rows[i]?.info.unit)
    );
  }
}

export class Live {
  readonly #watched: Watched;
  readonly #limits: LiveLimits;
  readonly #clients = new Set<Client>();
  #timer: NodeJS.Timeout | null = null;

  constructor(watched: Watched, limits: LiveLimits) {
    this.#watched = watched;
    this.#limits = limits;
  }

  get clients(): number {
    return this.#clients.size;
  }

  get isFull(): boolean {
    return this.#clients.size >= this.#limits.clients;
  }

  /** Its head is written, and it is not full. */
  add(response: ServerResponse, view: View): void {
    const client = new Client(response, view, this.#watched);
    this.#clients.add(client);
    response.on("error", () => {});
    response.once("close", () => {
      this.#clients.delete(client);
      if (this.#clients.size > 0 || this.#timer === null) return;
      clearInterval(this.#timer);
      this.#timer = null;
    });
    this.#tell(client);
    this.#timer ??= setInterval(() => {
      for (const each of [...this.#clients]) this.#tell(each);
    }, this.#limits.everyMs);
  }

  close(): void {
    for (const { response } of this.#clients) response.destroy();
  }

  #tell(client: Client): void {
    const { response } = client;
    try {
      if (response.writableLength > this.#limits.waiting) response.destroy();
      else response.write(`data: ${JSON.stringify(client.message())}\n\n`);
    } catch {
      // A fault of the page is never one of the receiver.
      response.destroy();
    }
  }
}
