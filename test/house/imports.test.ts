/** Who imports whom (STYLE): downward only. Prints the map, fails on an upward import. */
import { globSync, readFileSync } from "node:fs";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";

const root = path.resolve(import.meta.dirname, "../..");

/** Room -> rooms it may import. A room is a folder of protocols/ or src/, or one of the single files beside them. */
const MAY: Readonly<Record<string, readonly string[]>> = {
  wire: [],
  operation: [],
  modbus: ["wire", "operation"],
  dnp3: ["wire", "operation"],
  capture: ["wire"],
  oneway: ["wire"],
  events: [],
  version: [],
  log: [],
  documents: ["wire"],
  disk: [],
  process: ["wire", "operation", "documents"],
  policy: ["wire", "operation", "process", "documents", "events"],
  session: ["wire", "operation", "modbus", "dnp3", "events"],
  upstream: ["wire", "operation", "events"],
  config: ["wire", "operation", "documents", "process"],
  identity: ["wire", "process", "events"],
  transport: ["wire", "process", "events"],
  audit: ["wire", "process", "events", "documents", "disk"],
  sealing: ["wire", "oneway", "documents"],
  telemetry: ["wire", "operation", "process", "events", "oneway", "sealing", "disk"],
  receiver: ["wire", "events", "oneway", "sealing", "transport", "audit", "disk", "documents"],
  management: ["wire", "events", "config", "transport", "identity", "documents"],
  tunnel: ["wire", "events", "config", "transport", "identity", "documents"],
  gateway: [
    "wire",
    "operation",
    "modbus",
    "dnp3",
    "events",
    "version",
    "log",
    "documents",
    "disk",
    "process",
    "policy",
    "session",
    "upstream",
    "config",
    "identity",
    "transport",
    "audit",
    "telemetry",
    "management",
  ],
  cli: [
    "wire",
    "operation",
    "modbus",
    "dnp3",
    "capture",
    "oneway",
    "events",
    "version",
    "log",
    "documents",
    "disk",
    "process",
    "policy",
    "session",
    "upstream",
    "config",
    "identity",
    "transport",
    "audit",
    "telemetry",
    "management",
    "gateway",
    "tunnel",
    "sealing",
    "receiver",
  ],
};
/** Only these rooms open sockets. */
const SOCKETS = ["transport", "management", "tunnel", "receiver", "cli"];

function roomOf(file: string): string {
  const parts = file.split("/");
  return parts[1] === undefined ? "" : (parts[1] as string).replace(/\.ts$/, "");
}

/** The demo plays with the tests' DNP3 peers: there is no kept library of such, and they know nothing of the gateway. */
function isDemoPeer(file: string, of: string): boolean {
  return file.startsWith("src/cli/demo/") && of.startsWith("#test/peers/dnp3/");
}

/** Where the sender's parts are plugged together is its own start, as `gateway/compose.ts` is the gateway's. */
function isSendersLine(file: string, of: string): boolean {
  return file === "src/cli/send.ts" && of.startsWith("#hardware/oneway/");
}

interface Import {
  readonly file: string;
  readonly room: string;
  readonly of: string;
}

const found: Import[] = [];
for (const file of globSync("{protocols,src}/**/*.ts", { cwd: root }).sort()) {
  const text = readFileSync(path.join(root, file), "utf8");
  for (const match of text.matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g)) found.push({ file, room: roomOf(file), of: match[1] as string });
}

const imports = suite("house/imports");

imports("every import goes downward", () => {
  const map = new Map<string, Set<string>>();
  const wrong: string[] = [];
  for (const { file, room, of } of found) {
    const allowed = MAY[room];
    if (allowed === undefined) {
      wrong.push(`${file}: room ${room} has no row in the import table`);
      continue;
    }
    if (isDemoPeer(file, of) || isSendersLine(file, of)) continue;
    if (of.startsWith("#")) {
      const target = of.slice(1).split("/")[0] as string;
      if (!map.has(room)) map.set(room, new Set());
      map.get(room)?.add(target);
      if (target !== room && !allowed.includes(target)) wrong.push(`${file} imports ${of}: ${room} may not know ${target}`);
    } else if (of.startsWith(".")) {
      const target = path.relative(root, path.resolve(root, path.dirname(file), of));
      if (roomOf(target) !== room) wrong.push(`${file} imports ${of}: another room is imported by its # name`);
    }
  }
  for (const [room, targets] of map) console.log(`${room.padEnd(12)} -> ${[...targets].sort().join(" ")}`);
  assert.equal(wrong, []);
});

imports("of the evidence the receiver knows what verifies it, and nothing that writes it", () => {
  const known = found.filter(({ room, of }) => room === "receiver" && of.startsWith("#audit/") && of !== "#audit/verify");
  assert.equal(known, []);
});

imports("protocols know no Node; only endpoint rooms open sockets; nobody imports a test but the demo its peers", () => {
  const wrong = found.filter(({ file, room, of }) => {
    if (file.startsWith("protocols/") && of.startsWith("node:")) return true;
    if (/^node:(net|tls|http|https|dgram)$/.test(of)) return !SOCKETS.includes(room);
    return of.startsWith("#test") && !isDemoPeer(file, of);
  });
  assert.equal(
    wrong.map(({ file, of }) => `${file} imports ${of}`),
    [],
  );
});

imports.run();
