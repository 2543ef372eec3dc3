/** The documents of a soak: two assets, one policy in ever newer versions, and the ones a reload must refuse. */
import { renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { PERMIT_LIMIT, STEP } from "./requests.ts";

export const TRUST_DOMAIN = "plant.example";
export const ASSETS = ["boiler", "feeder"] as const;
export type AssetName = (typeof ASSETS)[number];
/** In the order of the site file. */
export const LISTENERS = ["boiler-mutual", "boiler-plain", "feeder-mutual"] as const;
export type ListenerName = (typeof LISTENERS)[number];
/** Whom a plain listener knows by their address. */
export const PANEL = "127.0.2.2";
export const DISPLAY = "127.0.2.3";
export const DEVICE_HOST = "127.0.3.1";
export const GATEWAY = "gate";
const SET_POINTS = 64;

export function writeSite(dir: string, ports: Readonly<Record<AssetName, number>>): void {
  writeWhole(
    dir,
    "site.yaml",
    `site: soak
listeners:
  - { name: boiler-mutual, asset: boiler, interface: lo, port: 0, tls: mutual }
  - { name: boiler-plain, asset: boiler, interface: lo, port: 0, tls: none, from: [127.0.2.0/24] }
  - { name: feeder-mutual, asset: feeder, interface: lo, port: 0, tls: mutual }
tls:
  certificate: pki/${GATEWAY}.pem
  key: pki/${GATEWAY}.key
  ca:
    - { name: plant, file: pki/ca.pem, may_identify: ["spiffe://${TRUST_DOMAIN}/operator/*", "spiffe://${TRUST_DOMAIN}/scada/*"], may_assert_roles: true }
  crl: [pki/ca.crl]
assets:
  boiler:
    protocol: modbus-tcp
    address: ${DEVICE_HOST}:${ports.boiler}
    units: [1]
    addressing: zero-based
    points: points.csv
    sessions_per_identity: 32
    upstream: { outstanding: 8, timeout: 500ms }
  feeder:
    protocol: modbus-tcp
    address: ${DEVICE_HOST}:${ports.feeder}
    units: [1]
    addressing: zero-based
    points: points.csv
    sessions_per_identity: 32
    upstream: { timeout: 500ms, mode: per_session }
audit: { directory: audit, max_size: 8GB }
management: { socket: penstock.sock }
`,
  );
  writeWhole(
    dir,
    "points.csv",
    "name,unit_id,table,address,type,unit,access,description\npermit,1,input,0,uint16,,r,Writes are permitted below 2\n",
  );
}

export function writePolicy(dir: string, version: number): void {
  writeWhole(dir, "policy.yaml", policyOf(version));
}

function policyOf(version: number): string {
  const setPoints = Array.from({ length: SET_POINTS }, (_, i) => 10 * i);
  const tags = setPoints.map((at) => `${at + 1}-${at + 2}`);
  const byState = ASSETS.map(
    (asset) =>
      `    - { id: state-${asset}, allow: write, on: ${asset}, table: holding, addresses: 2400-2499, functions: [16], state: "${asset}.permit < ${PERMIT_LIMIT}" }`,
  );
  const sometimes = version % 2 === 0 ? [`    - { id: sometimes, allow: write, on: "*", table: holding, addresses: 2600-2699 }`] : [];
  return `policy: soak
version: ${version}
never:
  - { id: guarded, deny: write, on: "*", table: holding, addresses: 2900-2999 }
roles:
  viewer:
    - { id: holding, allow: read, on: "*", table: holding, addresses: 0-2999 }
    - { id: input, allow: read, on: "*", table: input, addresses: 0-99 }
    - { id: coils, allow: read, on: "*", table: coil, addresses: 0-499 }
  operator:
    - include: viewer
    - { id: single, allow: write, on: "*", table: holding, addresses: 1000-1999, values: { min: 0, max: 59999 } }
    - { id: several, allow: write, on: "*", table: holding, addresses: 2000-2099, functions: [16] }
    - { id: exchange, allow: write, on: "*", table: holding, addresses: 2200-2299, functions: [23] }
    - { id: never-in-force, allow: write, on: "*", table: holding, addresses: 2900-2999 }
    - { id: switches, allow: write, on: "*", table: coil, addresses: 0-31 }
    - { id: step, allow: write, on: "*", table: holding, addresses: [${setPoints.join(", ")}], values: { min: 0, max: 60000, max_step: ${STEP} } }
    - { id: tags, allow: write, on: "*", table: holding, addresses: [${tags.join(", ")}] }
${[...byState, ...sometimes].join("\n")}
bindings:
  - { role: operator, identity: "spiffe://${TRUST_DOMAIN}/operator/*", kind: person }
  - { role: operator, identity: "spiffe://${TRUST_DOMAIN}/scada/main", kind: machine }
  - { role: viewer, certificate_role: viewer, kind: person }
  - { role: operator, source: ${PANEL}/32, kind: machine, accept_unauthenticated: true }
  - { role: viewer, source: ${DISPLAY}/32 }
`;
}

const CASES = "soak.cases.yaml";

/** Documents that a reload must refuse; `right` puts back what is good. */
export const WRONG: readonly { readonly name: string; readonly write: (dir: string, version: number) => void }[] = [
  {
    name: "a case fails",
    write: (dir, version) => {
      writePolicy(dir, version + 1);
      writeWhole(dir, CASES, "- { as: operator, on: boiler, request: write holding 1000 = 1, expect: deny }\n");
    },
  },
  { name: "the version is lower", write: (dir, version) => writePolicy(dir, version - 1) },
  {
    name: "another text under the same version",
    write: (dir, version) => writeWhole(dir, "policy.yaml", policyOf(version).replace("0-499", "0-498")),
  },
  {
    name: "a word is wrong",
    write: (dir, version) => writeWhole(dir, "policy.yaml", policyOf(version + 1).replace("allow: write", "allow: wriet")),
  },
];

export function right(dir: string, version: number): void {
  rmSync(path.join(dir, CASES), { force: true });
  writePolicy(dir, version);
}

/** A gateway that starts at any moment finds the old text or the new. */
function writeWhole(dir: string, name: string, text: string): void {
  const file = path.join(dir, name);
  writeFileSync(`${file}.new`, text);
  renameSync(`${file}.new`, file);
}
