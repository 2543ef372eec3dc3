/** Who the sixty-four sessions of a soak are. */
import type { Holder } from "./credentials.ts";
import { DISPLAY, PANEL } from "./documents.ts";
import type { SessionPlan } from "./messages.ts";
import type { Role } from "./requests.ts";

/** The one who loses its certificate now and then. */
export const GUEST = "guest";
export const HOLDERS: readonly (Holder & { readonly as: Role; readonly from: string; readonly parts: number })[] = [
  { name: "ada", as: "operator", from: "127.0.1.1", parts: 6 },
  { name: "ben", as: "operator", from: "127.0.1.2", parts: 6 },
  { name: "cyd", as: "operator", from: "127.0.1.3", parts: 6 },
  { name: "main", as: "operator", from: "127.0.1.4", parts: 6, uri: "spiffe://plant.example/scada/main" },
  { name: "vic", as: "viewer", from: "127.0.1.5", parts: 3, role: "viewer" },
  { name: GUEST, as: "operator", from: "127.0.1.6", parts: 1 },
];
/** On a plain listener. */
const PLAIN: readonly { readonly who: string; readonly as: Role; readonly parts: number }[] = [
  { who: PANEL, as: "operator", parts: 4 },
  { who: DISPLAY, as: "viewer", parts: 4 },
];

/** Every holder on both assets, and the plain ones: 64 of them. Of fewer, first one of each. */
export function crowd(count: number): SessionPlan[] {
  const kinds: { readonly session: SessionPlan; readonly parts: number }[] = [];
  for (const asset of ["boiler", "feeder"] as const) {
    for (const { name, as, from, parts } of HOLDERS)
      kinds.push({ session: { listener: `${asset}-mutual`, asset, who: name, role: as, from }, parts });
  }
  for (const { who, as, parts } of PLAIN)
    kinds.push({ session: { listener: "boiler-plain", asset: "boiler", who, role: as, from: who }, parts });
  const rounds = Math.max(...kinds.map(({ parts }) => parts));
  return Array.from({ length: rounds }, (_, i) => kinds.filter(({ parts }) => i < parts).map(({ session }) => session))
    .flat()
    .slice(0, count);
}
