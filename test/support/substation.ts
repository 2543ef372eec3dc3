/** A gateway before a DNP3 outstation, in this process: the house of the other tests with a feeder behind it. */
import net from "node:net";
import tls from "node:tls";
import { Master, type MasterOptions } from "#test/peers/dnp3/master";
import { Outstation, type OutstationOptions } from "#test/peers/dnp3/outstation";
import { certificates, type GatewayPki } from "#test/support/gatewayCertificates";
import { House, type HouseOptions } from "#test/support/house";
import type { OperatorTls } from "#test/support/operator";

export const FEEDER_POINTS = `name,unit_id,table,address,type,unit,access,description,scale,write_min,write_max
breaker_52,,binary-output,0,bool,,rw,feeder breaker,,,
breaker_89,,binary-output,1,bool,,rw,disconnector,,,
lockout,,binary-output,2,bool,,r,lockout relay,,,
setpoint,,analog-output,0,number,kV,rw,voltage set-point,,0,40
current,,analog-input,0,number,A,r,feeder current,0.1,,
`;

export const FEEDER_POLICY = `policy: feeder
version: 1
roles:
  operator:
    - { id: look, allow: read, on: "*" }
    - { id: trip, allow: operate, on: plc, points: [breaker_52], control: { codes: [trip], count: 1, on_time: 100-1000ms } }
    - { id: volts, allow: operate, on: plc, points: [setpoint], via: [select-before-operate, direct], values: { min: 0, max: 30, max_step: 5 } }
  scada:
    - { id: look, allow: read, on: "*" }
    - { id: events, allow: events, on: plc, table: class }
    - { id: told, allow: events, on: plc, table: binary-input }
    - { id: told-analog, allow: events, on: plc, table: analog-input }
    - { id: told-counter, allow: events, on: plc, table: counter }
    - { id: told-output, allow: events, on: plc, table: binary-output }
    - { id: unsolicited, allow: unsolicited, on: plc }
    - { id: restart-bit, allow: write, on: plc, table: indication, addresses: 7 }
    - { id: clock, allow: time, on: plc }
bindings:
  - { role: operator, identity: "spiffe://plant.example/operator/*", kind: person }
  - { role: scada, identity: "spiffe://plant.example/scada/*", kind: machine }
`;

export const OWNER = "spiffe://plant.example/scada/main";

export interface SubstationOptions extends Omit<HouseOptions, "plc" | "outstation"> {
  readonly device?: OutstationOptions;
  readonly eventOwner?: string | null;
}

/** Made once: a CA takes longer than a test. */
let made: Promise<GatewayPki> | null = null;

export function plantPki(): Promise<GatewayPki> {
  made ??= certificates();
  return made;
}

export class Substation {
  readonly house: House;
  readonly outstation: Outstation;
  readonly pki: GatewayPki;
  readonly #masters: Master[] = [];

  constructor(house: House, outstation: Outstation, pki: GatewayPki) {
    this.house = house;
    this.outstation = outstation;
    this.pki = pki;
  }

  static async open(options: SubstationOptions = {}): Promise<Substation> {
    const { device, eventOwner = OWNER, ...more } = options;
    const pki = await plantPki();
    const outstation = new Outstation({ unsolicited: false, needsTime: false, ...device });
    for (let index = 0; index < 3; index++) outstation.add("binaryOutput", index, index === 0);
    for (let index = 0; index < 4; index++) outstation.add("binary", index, index % 2 === 0);
    for (let index = 0; index < 4; index++) outstation.add("analog", index, 100 + index);
    outstation.add("counter", 0, 7);
    for (let index = 0; index < 2; index++) outstation.add("analogOutput", index, 20);
    const port = await outstation.listen();
    try {
      const documents = { ...pki.house, points: FEEDER_POINTS, policy: FEEDER_POLICY };
      const house = await House.open({ ...documents, ...more, outstation: { port, owner: eventOwner } });
      return new Substation(house, outstation, pki);
    } catch (error) {
      await outstation.close();
      throw error;
    }
  }

  /** A master over mutual TLS: an operator of this name. */
  operator(name = "alice", options: MasterOptions = {}): Promise<Master> {
    return this.master(this.pki.operatorNamed(name), options);
  }

  /** The one whose events they are. */
  scada(options: MasterOptions = {}): Promise<Master> {
    return this.master(this.pki.credentials(this.pki.ca.issue({ uri: OWNER })), options);
  }

  async master(credentials: OperatorTls, options: MasterOptions = {}): Promise<Master> {
    const socket = tls.connect({
      port: this.house.port(),
      host: "127.0.0.1",
      cert: credentials.certificatePem,
      key: credentials.keyPem,
      ca: credentials.caPem,
      checkServerIdentity: () => undefined,
    });
    await new Promise<void>((resolve, reject) => socket.once("secureConnect", resolve).once("error", reject));
    return this.#kept(socket, options);
  }

  /** A master over plain TCP, who is its address. */
  async plain(from = "127.0.0.1", options: MasterOptions = {}, listener = 0): Promise<Master> {
    const socket = net.connect({ port: this.house.port(listener), host: "127.0.0.1", localAddress: from });
    await new Promise<void>((resolve, reject) => socket.once("connect", resolve).once("error", reject));
    return this.#kept(socket, options);
  }

  #kept(socket: net.Socket, options: MasterOptions): Master {
    socket.setNoDelay(true);
    const master = new Master(socket, { timeoutMs: 3_000, ...options });
    this.#masters.push(master);
    return master;
  }

  /** Requests the outstation got, confirms apart: function code, then objects, in hexadecimal. */
  get asked(): string[] {
    return this.outstation.received
      .filter(({ octets }) => octets[1] !== 0)
      .map(({ octets }) => Buffer.from(octets.subarray(1)).toString("hex"));
  }

  async close(): Promise<void> {
    for (const master of this.#masters) await master.close();
    await this.house.close();
    await this.outstation.close();
  }
}
