/** What those who let people in need of the gateway. What stands here changes at a reload, so it is asked for each time. */
import type { Site } from "#config/site";
import type { Memory } from "./memory.ts";
import type { PolicyInForce } from "./policy.ts";
import type { Road } from "./road.ts";
import type { Trust } from "./trust.ts";

export interface House {
  readonly road: Road;
  readonly memory: Memory;
  readonly site: Site;
  readonly policy: PolicyInForce;
  readonly trust: Trust | null;
}
