/** A master and an outstation that talk to each other over TCP, closed after the test. */
import { Master, type MasterOptions } from "./master.ts";
import { Outstation, type OutstationOptions } from "./outstation.ts";

const open: { close(): Promise<void> }[] = [];

export interface Pair {
  readonly outstation: Outstation;
  readonly master: Master;
  readonly port: number;
}

/** Silent until asked, unless `outstationOptions` say otherwise. */
export async function pair(outstationOptions: OutstationOptions = {}, masterOptions: MasterOptions = {}): Promise<Pair> {
  const outstation = new Outstation({ unsolicited: false, ...outstationOptions });
  open.push(outstation);
  const port = await outstation.listen();
  return { outstation, master: await connect(port, masterOptions), port };
}

/** One more master at an outstation. */
export async function connect(port: number, options: MasterOptions = {}): Promise<Master> {
  const master = await Master.connect(port, { timeoutMs: 2_000, ...options });
  open.push(master);
  return master;
}

export async function closeAll(): Promise<void> {
  for (const each of open.splice(0).reverse()) await each.close();
}

/** Octets of words of hex. */
export function octets(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex.replaceAll(" ", ""), "hex"));
}

export function hex(octets: Uint8Array): string {
  return Buffer.from(octets).toString("hex");
}
