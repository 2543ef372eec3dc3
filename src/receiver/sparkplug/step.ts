/** What an edge node answers to an event: messages in order, whether the session is to end, and what people are told. */
import type { Payload } from "./payload.ts";

/** Milliseconds: monotonic, and since 1970. */
export interface Now {
  readonly ms: number;
  readonly wallMs: number;
}

/** Never retained (Sparkplug 3.0 chapter 4). */
export interface Outgoing {
  readonly topic: string;
  readonly payload: Payload;
  /** 1 for an NDEATH, as the will has it. */
  readonly qos: 0 | 1;
}

/**
 * How a session ends that the node ends itself. `farewell`: an NDEATH was the last message, a DISCONNECT follows. `drop`: no birth was sent,
 * so no death may be; the connection is closed without a DISCONNECT, and the broker sends the will.
 */
export type Leave = "farewell" | "drop";

export type Note =
  | { readonly is: "born"; readonly devices: number; readonly points: number; readonly rebirth: boolean }
  | { readonly is: "rebirthAsked" }
  /** Commands do not cross the link. `count`: of this name, in all. */
  | { readonly is: "commandIgnored"; readonly command: string; readonly count: number }
  | { readonly is: "hostOnline" }
  | { readonly is: "hostOffline" }
  | { readonly is: "stateIgnored"; readonly why: "older" | "malformed"; readonly count: number }
  /** Points or their samples that have no place: `points.ts` has the caps. */
  | { readonly is: "refused"; readonly what: "points" | "samples"; readonly count: number }
  /** A value its point's type does not hold went as null, of bad quality. */
  | { readonly is: "misfit"; readonly point: string; readonly count: number }
  | { readonly is: "alike"; readonly names: readonly string[] }
  /** Doubtful samples that do not go again: there was no room to keep them. */
  | { readonly is: "doubtLeftOut"; readonly count: number };

export interface Step {
  readonly publish: readonly Outgoing[];
  readonly leave: Leave | null;
  readonly notes: readonly Note[];
}

/** A step as it is made. */
export class Making implements Step {
  readonly publish: Outgoing[] = [];
  readonly notes: Note[] = [];
  leave: Leave | null = null;
}
