/**
 * Sparkplug's topics.
 *
 *     spBv1.0 / group / NBIRTH NDATA NDEATH NCMD / node
 *     spBv1.0 / group / DBIRTH DDATA DDEATH DCMD / node / device
 *     spBv1.0 / STATE / host
 *
 * @source Sparkplug 3.0 chapter 4
 */

const NAMESPACE = "spBv1.0";

export type NodeVerb = "NBIRTH" | "NDATA" | "NDEATH" | "NCMD";
export type DeviceVerb = "DBIRTH" | "DDATA" | "DDEATH" | "DCMD";

export interface NodeName {
  readonly group: string;
  readonly node: string;
}

export function nodeTopic({ group, node }: NodeName, verb: NodeVerb): string {
  return `${NAMESPACE}/${group}/${verb}/${node}`;
}

export function deviceTopic({ group, node }: NodeName, verb: DeviceVerb, device: string): string {
  return `${NAMESPACE}/${group}/${verb}/${node}/${device}`;
}

export function stateTopic(host: string): string {
  return `${NAMESPACE}/STATE/${host}`;
}

/** What an edge node listens to. Commands to devices too: all are refused, and who sends one is told of. */
export function subscriptions(name: NodeName, primaryHost: string | null): string[] {
  const filters = [nodeTopic(name, "NCMD"), deviceTopic(name, "DCMD", "+")];
  return primaryHost === null ? filters : [...filters, stateTopic(primaryHost)];
}

export type Heard =
  | { readonly is: "NCMD" }
  | { readonly is: "DCMD"; readonly device: string }
  | { readonly is: "STATE"; readonly host: string }
  | { readonly is: "other" };

/** What a message on this topic is to this node. */
export function heardOn(topic: string, name: NodeName): Heard {
  if (topic === nodeTopic(name, "NCMD")) return { is: "NCMD" };
  const device = deviceTopic(name, "DCMD", "");
  if (topic.startsWith(device)) return { is: "DCMD", device: topic.slice(device.length) };
  const state = stateTopic("");
  if (topic.startsWith(state) && topic.indexOf("/", state.length) < 0) return { is: "STATE", host: topic.slice(state.length) };
  return { is: "other" };
}

const LONGEST_ID = 256;

/** May this be the id of a group, node, device or host? */
export function isId(text: string): boolean {
  return text.length > 0 && text.length <= LONGEST_ID && text.isWellFormed() && !/[+/#\p{Cc}\u{fffe}\u{ffff}]/u.test(text);
}
