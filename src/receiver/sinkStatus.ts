/** What a sink tells of itself, for status and metrics. */
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
