/**
 * `close_after: { denials: 3, within: 60s }`: how many denied writes and controls a session has had lately. Reads never count, so an HMI
 * that polls one unlisted register is not locked out (RULINGS 13). Rules may state their own, so each denial brings the count that ends the
 * session with it; denials under every rule are counted together. Time is an argument.
 */
export class DenialWindow {
  /** As many as any denial so far asked about, newest last. */
  #times: number[] = [];
  #most = 0;

  /** Note a denial; true when it was one too many. */
  note(now: number, denials: number, withinMs: number): boolean {
    this.#most = Math.max(this.#most, denials);
    this.#times.push(now);
    if (this.#times.length > this.#most) this.#times.shift();
    const first = this.#times.at(-denials);
    return first !== undefined && now - first <= withinMs;
  }
}
