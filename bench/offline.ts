/**
 * Decode and decide over a capture, with no output: packets a second of one core (user and system CPU), reading and reassembly included.
 * The capture is made by the shared generator; the policy lets every master read and write what the capture holds, and one point is limited.
 *
 *     node bench/offline.ts [requests, default 500000]
 *
 * Must (DESIGN section 11): 0.5 M packets/s; aim 1 M.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { eachRequest } from "#cli/inspect/read";
import { loadSite } from "#config/load";
import { operationsOf } from "#modbus/pdu";
import { modbusVocabulary } from "#modbus/vocabulary";
import { compile, finish } from "#policy/compile";
import { decide } from "#policy/decide";
import type { Facts } from "#policy/decision";
import { loadPolicy } from "#policy/load";
import { machine, median } from "./machine.ts";
import { closing, hold } from "./musts.ts";

const ROUNDS = 5;
const shared = path.resolve(import.meta.dirname, "..", process.env.PENSTOCK_SHARED ?? "../shared");
const requests = Number(process.argv[2] ?? 500_000);
const folder = mkdtempSync(path.join(os.tmpdir(), "penstock-bench-"));
try {
  const file = path.join(folder, "big.pcap");
  writeFileSync(path.join(folder, "gen.cjs"), readFileSync(path.join(shared, "tools/gen-modbus-pcap.js")));
  const { frames } = JSON.parse(
    execFileSync(process.execPath, [path.join(folder, "gen.cjs"), file, String(requests)], { encoding: "utf8" }),
  ) as {
    frames: number;
  };
  const table = tableOf();
  const facts: Facts = {
    now: 0,
    hoursOpen: new Uint8Array(0),
    states: new Uint8Array(8).fill(1),
    implausible: new Uint8Array(8),
    present: { cell: () => 0 },
    changes: { count: () => 0 },
    rates: { count: () => 0 },
  };
  const seconds: number[] = [];
  let allowed = 0;
  let denied = 0;
  for (let round = 0; round < ROUNDS; round++) {
    allowed = 0;
    denied = 0;
    const before = process.cpuUsage();
    eachRequest(file, [], (request, unit) => {
      if (decide(table, operationsOf(request, unit, false).operations, facts).allowed) allowed += 1;
      else denied += 1;
    });
    const { user, system } = process.cpuUsage(before);
    seconds.push((user + system) / 1e6);
  }
  const cpu = median(seconds);
  console.log(machine());
  console.log(`${frames} packets, ${allowed + denied} requests: ${allowed} allowed, ${denied} denied`);
  console.log(
    `decode and decide: ${(frames / cpu / 1e6).toFixed(2)} M packets/s of one core (median of ${ROUNDS}, ${cpu.toFixed(2)} s CPU)`,
  );
  hold("decode and decide offline over the same file, no output, one core", frames / cpu / 1e6, "M packets/s", [">=", 0.5], [">=", 1]);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
closing();

function tableOf(): ReturnType<ReturnType<typeof compiledOf>["tableFor"]> {
  return compiledOf().tableFor("plc", ["hmi"], "certificate");
}

function compiledOf() {
  const vocabularies = new Map([["modbus-tcp", modbusVocabulary]]);
  const units = Array.from({ length: 247 }, (_, i) => i + 1).join(", ");
  const site = loadSite(
    {
      file: "site.yaml",
      text: `site: bench
listeners:
  - { asset: plc, interface: lo, port: 0, tls: none, from: [127.0.0.0/8] }
assets:
  plc: { protocol: modbus-tcp, address: "127.0.0.1:502", units: [${units}], addressing: zero-based, points: points.csv }
audit: { directory: audit }
`,
    },
    () => "name,unit_id,table,address,type,unit,access,description\nlimited,1,holding,40,uint16,bar,rw,\n",
    vocabularies,
  );
  if (!site.ok) throw new Error(JSON.stringify(site.error));
  const models = new Map([...site.value.site.assets].map(([name, asset]) => [name, asset.model]));
  const text = `policy: bench
version: 1
roles:
  hmi:
    - { id: read, allow: read, on: plc }
    - { id: write, allow: write, on: plc, table: holding, addresses: 0-65535 }
    - { id: coils, allow: write, on: plc, table: coil, addresses: 0-65535 }
    - { id: limited, allow: write, on: plc, points: [limited], values: { min: 0, max: 1000 } }
bindings:
  - { role: hmi, identity: "cn:*", kind: machine }
`;
  const policy = loadPolicy({ file: "policy.yaml", text }, models, vocabularies);
  if (!policy.ok) throw new Error(JSON.stringify(policy.error));
  return finish(compile(policy.value, () => modbusVocabulary.spaces));
}
