/** Every protocol this build speaks, by its word in site.yaml. */
import { dnp3Tcp } from "./dnp3.ts";
import { modbusTcp } from "./modbus.ts";
import type { Protocol } from "./protocol.ts";

export const PROTOCOLS: ReadonlyMap<string, Protocol> = new Map([
  ["modbus-tcp", modbusTcp],
  ["dnp3-tcp", dnp3Tcp],
]);

/** INVARIANT: the site was loaded, so its words are known. */
export function protocolOf(word: string): Protocol {
  return PROTOCOLS.get(word) as Protocol;
}
