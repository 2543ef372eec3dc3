/** How late a process comes to what it wanted to do: what a busy machine takes is not the gateway's, and limits of time are that much wider. */

const LOOK_MS = 100;
const RECENT_MS = 60_000;

export class Lateness {
  /** Since the start. */
  mostMs = 0;
  #seen: { readonly atMs: number; readonly lateMs: number }[] = [];

  constructor() {
    let due = performance.now() + LOOK_MS;
    setInterval(() => {
      const now = performance.now();
      const lateMs = Math.max(0, now - due);
      due = now + LOOK_MS;
      this.mostMs = Math.max(this.mostMs, lateMs);
      if (lateMs > LOOK_MS) this.#seen.push({ atMs: now, lateMs });
      this.#seen = this.#seen.filter(({ atMs }) => now - atMs < RECENT_MS);
    }, LOOK_MS).unref();
  }

  /** The most of the last minute. */
  get recentMs(): number {
    return this.#seen.reduce((most, { lateMs }) => Math.max(most, lateMs), 0);
  }
}
