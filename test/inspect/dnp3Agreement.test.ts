/**
 * `inspect --json` against tshark over every recording of DNP3 over TCP and UDP, frame by frame and fact by fact, both ways. Where they differ stands
 * here with a reason; a difference that no longer occurs fails. frames.expected.json holds what our lines are, for machines without tshark.
 *
 * To write that file anew after a change that is meant: PENSTOCK_WRITE_EXPECTED=1.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { hasTool, need, needCaptures, shared } from "../support/need.ts";
import { type Told, tsharkFrames } from "./dnp3Tshark.ts";
import { decodeFile } from "./run.ts";

const EXPECTED = path.join(import.meta.dirname, "frames.expected.json");
const FOLDERS = ["dnp3", "dnp3-conformance"];

/** Why, and "capture frame": the first fact that differs, ours | tshark's. */
const DIFFERENCES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "tshark does not put a fragment together whose transport sequence goes from 63 to 0, and reads the next for it": {
    "icsnpp-dnp3__dnp3_example.pcap 18": "application 129 seq 8 1100 | -",
    "icsnpp-dnp3__dnp3_example.pcap 114": "application 129 seq 8 1100 | -",
    "icsnpp-dnp3__dnp3_example.pcap 210": "application 129 seq 8 1100 | -",
    "icsnpp-dnp3__dnp3_example.pcap 311": "application 129 seq 8 1100 | application 0 seq 0 0000",
    "icsnpp-dnp3__dnp3_example.pcap 810": "application 130 seq 7 1111 | -",
  },
  "tshark 4.0 does not know g51v2, and reads nothing behind it": {
    "8.14.2.12.pcap 10": "object 2/3 | -",
    "8.14.2.13.pcap 10": "object 2/3 | -",
    "8.14.2.13.pcap 16": "object 2/3 | -",
    "8.14.2.15.pcap 10": "object 2/3 | -",
    "8.15.2.pcap 10": "object 2/3 | -",
    "8.22.2.12.pcap 10": "object 4/3 | -",
    "8.22.2.13.pcap 10": "object 4/3 | -",
    "8.22.2.13.pcap 16": "object 4/3 | -",
  },
  "tshark 4.0 does not know g50v4": {
    "own__opendnp3-loopback.pcap 18": "object 110/1 | -",
    "own__opendnp3-loopback.pcap 25": "object 110/1 | -",
    "own__opendnp3-loopback.pcap 39": "object 110/1 | -",
  },
  "tshark 4.0 shows no objects of functions 22, 32 and 131, nor the indications of 131": {
    "iti__assign_class.pcap 1": "object 60/3 | -",
    "iti__auth_change_session_keys.pcap 4": "object 120/4 | -",
    "iti__auth_change_session_keys.pcap 5": "iin 36864 | -",
    "iti__auth_change_session_keys.pcap 6": "object 120/6 | -",
    "iti__auth_change_session_keys.pcap 7": "iin 36864 | -",
  },
  "user data where the link function has none is not looked at: the frame is malformed": {
    "6.6.2.2.pcap 14": "- | transport 1 1 0",
    "6.6.2.2.pcap 16": "- | transport 1 1 0",
    "6.6.2.5.pcap 8": "- | transport 1 1 0",
  },
  "two controls, and octets for one and a half: none of them is told": {
    "iti__direct_operate_crob_malform_but_good_crc.pcap 1": "- | object 12/1",
  },
};

interface Value {
  readonly index?: number;
  readonly value?: number | null;
  readonly status?: number;
}

interface Line {
  readonly frame: number;
  readonly link: { readonly control: number; readonly source: number; readonly destination: number };
  readonly transport: { readonly fir: boolean; readonly fin: boolean; readonly seq: number } | null;
  readonly application: Readonly<Record<"function" | "seq" | "iin", number> & Record<"fir" | "fin" | "con" | "uns", boolean>> | null;
  readonly objects:
    | readonly {
        readonly group: number;
        readonly variation: number;
        readonly first: number | null;
        readonly last: number | null;
        readonly count: number | null;
        readonly values: readonly (number | Value)[] | null;
      }[]
    | null;
}

/** In the words of dnp3Tshark.ts. */
function factsOf({ link, transport, application, objects }: Line): string[] {
  const facts = [`link ${link.control} ${link.source}>${link.destination}`];
  if (transport !== null) facts.push(`transport ${Number(transport.fir)} ${Number(transport.fin)} ${transport.seq}`);
  if (application === null) return facts;
  const { function: code, seq, iin, fir, fin, con, uns } = application;
  facts.push(`application ${code} seq ${seq} ${[fir, fin, con, uns].map(Number).join("")}`);
  // tshark shows the first octet in the high half.
  if (iin !== null) facts.push(`iin ${((iin & 0xff) << 8) | (iin >> 8)}`);
  for (const { group, variation, first, last, count, values } of objects ?? []) {
    facts.push(`object ${group}/${variation}`);
    if (first !== null) facts.push(`range ${first}-${last}`);
    else if (count !== null) facts.push(`quantity ${count}`);
    for (const each of values ?? []) {
      if (typeof each === "number") continue;
      if (each.index !== undefined && first === null) facts.push(`index ${each.index}`);
      if (typeof each.value === "number") facts.push(`value ${sixDigits(each.value)}`);
      if (each.status !== undefined && (group === 12 || group === 41)) facts.push(`status ${each.status}`);
    }
  }
  return facts;
}

/** tshark prints floats with fewer digits than they have. */
const sixDigits = (value: number): string => String(Number(value.toPrecision(5)));

interface Capture {
  readonly name: string;
  readonly file: string;
  readonly port: number;
}

const captures: readonly Capture[] = needCaptures()
  ? FOLDERS.flatMap((folder) =>
      readdirSync(path.join(shared, "captures", folder))
        .filter((name) => name.endsWith(".pcap"))
        .sort()
        .map((name) => ({ name, file: path.join(shared, "captures", folder, name), port: name.includes("p20001") ? 20_001 : 20_000 })),
    )
  : [];
/** What is said of tshark above was seen of 4.0. */
const isKnownTshark =
  hasTool("tshark") && execFileSync("tshark", ["--version"], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).includes(" 4.0.");
const withTshark = captures.length > 0 && need("tshark", hasTool("tshark"));

async function linesOf({ file, port }: Capture): Promise<{ text: string; lines: Line[] }> {
  const { text } = await decodeFile(file, { dnp3Ports: [port] });
  return {
    text,
    lines:
      text === ""
        ? []
        : text
            .trimEnd()
            .split("\n")
            .map((line) => JSON.parse(line)),
  };
}

function differences(name: string, ours: readonly Told[], theirs: readonly Told[]): [string, string][] {
  const found: [string, string][] = [];
  const left = [...ours];
  for (const { frame, facts } of theirs) {
    const at = left.findIndex((each) => each.frame === frame);
    const [mine] = at < 0 ? [] : left.splice(at, 1);
    const other = mine?.facts ?? [];
    const first = Math.max(
      0,
      [...Array(Math.max(other.length, facts.length) + 1).keys()].findIndex((i) => other[i] !== facts[i]),
    );
    if (other.length !== facts.length || other.some((fact, i) => fact !== facts[i]))
      found.push([`${name} ${frame}`, `${other[first] ?? "-"} | ${facts[first] ?? "-"}`]);
  }
  return [...found, ...left.map(({ frame, facts }): [string, string] => [`${name} ${frame}`, `${facts[0]} | -`])];
}

const agreement = suite("inspect/dnp3Agreement");

agreement("every recording gives the lines it gave", async () => {
  if (!needCaptures()) return;
  const hashes: Record<string, string> = {};
  for (const capture of captures)
    hashes[capture.name] = createHash("sha256")
      .update((await linesOf(capture)).text)
      .digest("hex")
      .slice(0, 16);
  if (process.env.PENSTOCK_WRITE_EXPECTED === "1") writeFileSync(EXPECTED, `${JSON.stringify(hashes, null, 1)}\n`);
  assert.equal(hashes, JSON.parse(readFileSync(EXPECTED, "utf8")));
});

for (let part = 0; part < 4; part++)
  agreement(`tshark agrees, frame by frame (${part + 1} of 4)`, async () => {
    if (!withTshark) return;
    const queue = captures.filter((_, i) => i % 4 === part);
    const found: [string, string][] = [];
    let frames = 0;
    const worker = async (): Promise<void> => {
      for (let capture = queue.shift(); capture !== undefined; capture = queue.shift()) {
        const [{ lines }, theirs] = await Promise.all([linesOf(capture), tsharkFrames(capture.file, capture.port)]);
        const ours = lines.map((line) => ({ frame: line.frame, facts: factsOf(line) }));
        frames += ours.length;
        found.push(...differences(capture.name, ours, theirs));
      }
    };
    const names = new Set(queue.map(({ name }) => name));
    await Promise.all(Array.from({ length: Math.min(2, os.availableParallelism()) }, worker));
    assert.ok(frames > 100, `${frames} frames`);
    const known = Object.values(DIFFERENCES)
      .flatMap((of) => Object.entries(of))
      .filter(([at]) => names.has(at.split(" ")[0] as string));
    // Another tshark may know more; it may not see anything else.
    const expected = isKnownTshark ? known : known.filter(([at]) => found.some(([other]) => other === at));
    assert.equal(Object.fromEntries(found.sort()), Object.fromEntries(expected.sort()));
  });

agreement.run();
