/** Ids of points and askers in frames: from their names, so that they mean the same whenever and in whichever order frames come in. */
import { createHash } from "node:crypto";
import { u48le } from "#wire";

/** 48 bits: of 20,000 points two meet once in a million sites. Whoever offers them makes sure that none do. */
export function idOf(...names: readonly string[]): number {
  return u48le(createHash("sha256").update(names.join("\0")).digest(), 0);
}
