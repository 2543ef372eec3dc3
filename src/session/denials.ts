/**
 * `close_after: { denials: 3, within: 60s }`: how many denied writes and controls a session has had lately. Reads never count, so an HMI
 * that polls one unlisted register is not locked out (RULINGS 13). Time is an argument.
 */
export class DenialWindow {
  #times: number[] = [];

  /** Note a denial; true when it was one too many. */
  note(now: number, denials: number, withinMs: number): boolean {
    this.#times.push(now);
    while (this.#times.length > denials) this.#times.shift();
    return this.#times.length >= denials && now - (this.#times[0] as number) <= withinMs;
  }
}
