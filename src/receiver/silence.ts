/** Streams from which nothing authenticated comes any more. Time is an argument; what is due is told by `tick`, once each. */
import type { Millis } from "#wire";

/** Ten heartbeats. People are told by then, so it is noticed a margin before. */
export const SILENT_MS = 10_000;
export const MARGIN_MS = 500;

export type SilenceEvent =
  | { readonly is: "silent"; readonly stream: number; readonly since: Millis }
  | { readonly is: "alive"; readonly stream: number; readonly silentMs: number };

interface Voice {
  lastMs: Millis;
  isSilent: boolean;
}

export class Silence {
  readonly #afterMs: number;
  readonly #voices = new Map<number, Voice>();
  readonly #due: SilenceEvent[] = [];

  constructor(silentMs: number = SILENT_MS, marginMs: number = MARGIN_MS) {
    this.#afterMs = silentMs - marginMs;
  }

  /** It counts from now, unless it is watched already. */
  watch(stream: number, now: Millis): void {
    if (!this.#voices.has(stream)) this.#voices.set(stream, { lastMs: now, isSilent: false });
  }

  heard(stream: number, now: Millis): void {
    const voice = this.#voices.get(stream);
    if (voice === undefined) {
      this.watch(stream, now);
      return;
    }
    // Also where nobody looked in between.
    this.#look(stream, voice, now);
    if (voice.isSilent) this.#due.push({ is: "alive", stream, silentMs: now - voice.lastMs });
    voice.isSilent = false;
    voice.lastMs = now;
  }

  since(stream: number, now: Millis): Millis | null {
    const voice = this.#voices.get(stream);
    return voice !== undefined && now - voice.lastMs >= this.#afterMs ? voice.lastMs : null;
  }

  tick(now: Millis): SilenceEvent[] {
    for (const [stream, voice] of this.#voices) this.#look(stream, voice, now);
    return this.#due.splice(0);
  }

  #look(stream: number, voice: Voice, now: Millis): void {
    if (voice.isSilent || now - voice.lastMs < this.#afterMs) return;
    voice.isSilent = true;
    this.#due.push({ is: "silent", stream, since: voice.lastMs });
  }
}
