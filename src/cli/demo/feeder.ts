/**
 * A feeder's outstation for the demo, and the documents that stand for it. The outstation and the masters are the peers of the tests, written
 * apart from the gateway's codec: what passes here passes between strangers.
 */
import { Master } from "#test/peers/dnp3/master";
import { Outstation } from "#test/peers/dnp3/outstation";
import { openTunnel, type Tunnel } from "#tunnel/connect";
import type { HmiOptions } from "./hmi.ts";

export const BREAKER = 0;
export const SETPOINT = 0;
/** A voltage in tenths of a kilovolt, as the set-point has it. */
const VOLTS_NOW = 20;

/** @param port where it listens */
export async function startFeeder(port: number): Promise<Outstation> {
  const feeder = new Outstation({ unsolicited: true, needsTime: false });
  feeder.add("binary", 0, true);
  feeder.add("binaryOutput", BREAKER, true);
  feeder.add("binaryOutput", 1, true);
  feeder.add("analog", 0, 412);
  feeder.add("analogOutput", SETPOINT, VOLTS_NOW);
  await feeder.listen(port);
  return feeder;
}

export const feederPoints = `name,unit_id,table,address,type,unit,access,description,scale
breaker_52,,binary-output,0,bool,,rw,Feeder breaker,
disconnector_89,,binary-output,1,bool,,rw,Disconnector,
breaker_52_closed,,binary-input,0,bool,,r,Position of breaker 52,
feeder_current,,analog-input,0,number,A,r,Feeder current,
voltage_setpoint,,analog-output,0,number,kV,rw,Voltage set-point,
`;

/** Of the rules of `withFeederRules`. */
export const feederCases = `# What the feeder's rules must allow and what they must not.
- { on: feeder-7, as: operator, request: operate breaker_52 trip on 500ms sbo, expect: allow, rule: operator/trip }
- { on: feeder-7, as: operator, request: operate breaker_52 trip on 500ms direct, expect: deny, code: viaNotListed, rule: operator/trip }
- { on: feeder-7, as: operator, request: operate breaker_52 close on 500ms select, expect: deny, code: codeNotListed, rule: operator/trip }
- { on: feeder-7, as: operator, request: operate breaker_52 trip on 5s select, expect: deny, code: onTimeOutside, rule: operator/trip }
- { on: feeder-7, as: operator, request: operate disconnector_89 trip on 500ms sbo, expect: deny, code: nothingAllows }
- { on: feeder-7, as: operator, request: operate voltage_setpoint = 21.5 as f32 direct, seen: { voltage_setpoint: 20 }, expect: allow, rule: operator/voltage }
- { on: feeder-7, as: operator, request: operate voltage_setpoint = 26 as f32 direct, seen: { voltage_setpoint: 24 }, expect: deny, code: aboveMaximum, rule: operator/voltage }
- { on: feeder-7, as: operator, request: read class 1, expect: deny, code: nothingAllows }
- { on: feeder-7, as: scada, request: read class 1-3, expect: allow, rule: scada/classes }
- { on: feeder-7, as: viewer, request: read class 0, expect: allow, rule: viewer/read-all }
`;

/** @param address `address:port` of the outstation */
export function withFeeder(site: string, address: string): string {
  const listener = "  - { asset: feeder-7, interface: lo, port: 0, tls: mutual }      # DNP3, 19999 in a plant\n";
  const asset = `  feeder-7:
    protocol: dnp3-tcp
    address: "${address}"
    link: { master: 1, outstation: 10 }
    event_owner: "spiffe://plant.example/operator/scada"
    points: points/feeder-7.csv
`;
  return site.replace("tls:\n", `${listener}tls:\n`).replace("audit: {", `${asset}audit: {`);
}

export function withFeederRules(policy: string): string {
  const operator = `    - id: trip
      allow: operate
      on: feeder-7
      points: [breaker_52]
      via: select-before-operate
      control: { codes: [trip], count: 1, on_time: 100-1000ms }
    - { id: voltage, allow: operate, on: feeder-7, points: [voltage_setpoint], via: [select-before-operate, direct], values: { min: 18, max: 24, max_step: 2 } }
`;
  const scada = `  scada:
    - include: viewer
    - { id: events, allow: events, on: feeder-7, points: [breaker_52_closed, feeder_current, breaker_52, disconnector_89, voltage_setpoint] }
    - { id: classes, allow: events, on: feeder-7, table: class }
    - { id: told, allow: unsolicited, on: feeder-7 }
    - { id: restart-bit, allow: write, on: feeder-7, table: indication, addresses: 7 }
`;
  return policy
    .replace("  engineer:\n", `${operator}  engineer:\n`)
    .replace("bindings:\n", `${scada}bindings:\n  - { role: scada, certificate_role: scada, kind: machine }\n`);
}

/** A master's desk before its own `penstock connect` tunnel. */
export class Desk {
  readonly master: Master;
  readonly #tunnel: Tunnel;

  constructor(master: Master, tunnel: Tunnel) {
    this.master = master;
    this.#tunnel = tunnel;
  }

  static async open({ gatewayPort, certificate, key, ca }: HmiOptions): Promise<Desk> {
    const tunnel = await openTunnel(
      {
        gatewayHost: "127.0.0.1",
        gatewayPort,
        gatewayName: "127.0.0.1",
        papers: { certificate, key, ca },
        listenHost: "127.0.0.1",
        listenPort: 0,
        anyLocalUser: false,
        uid: process.getuid?.() ?? 0,
      },
      () => {},
    );
    return new Desk(await Master.connect(tunnel.port), tunnel);
  }

  async close(): Promise<void> {
    await this.master.close();
    await this.#tunnel.close();
  }
}
