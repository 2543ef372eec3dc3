/** Runs `inspect` as a person does, in a process of its own, and reads what it printed. */
import { spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { inspectCommand } from "#cli/inspect";

const root = path.resolve(import.meta.dirname, "../..");
const MODULE = pathToFileURL(path.join(root, "src/cli/inspect.ts")).href;
/** The command's own function, as main.ts calls it: other commands' modules stay out of these tests. */
const CALL = `const [file, json, ...port] = process.argv.slice(1);
process.exitCode = await (await import(${JSON.stringify(MODULE)})).inspectCommand(file, { port: port.map(Number), json: json === "json" });`;

/** One line of JSON, as DESIGN 9 has it. */
export interface Line {
  readonly frame: number;
  readonly time: number | null;
  readonly src: string;
  readonly dst: string;
  readonly protocol: "modbus";
  readonly direction: "request" | "response" | "unknown";
  readonly transaction: number;
  readonly unit: number;
  readonly function: number;
  readonly sub: number | null;
  readonly exception: number | null;
  readonly first: number | null;
  readonly count: number | null;
  readonly values: readonly number[] | null;
  readonly read?: { readonly first: number; readonly count: number };
  readonly groups?: readonly {
    readonly file: number | null;
    readonly record: number | null;
    readonly count: number;
    readonly values: readonly number[] | null;
  }[];
  readonly malformed: string | null;
}

export interface Ran {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

export function inspectArguments(file: string, json: boolean, ports: readonly number[] = []): string[] {
  return ["--disable-warning=ExperimentalWarning", "--input-type=module", "-e", CALL, file, json ? "json" : "text", ...ports.map(String)];
}

export function inspect(file: string, json: boolean, ports: readonly number[] = []): Ran {
  const { status, stdout, stderr } = spawnSync(process.execPath, inspectArguments(file, json, ports), {
    cwd: root,
    encoding: "utf8",
    maxBuffer: 1 << 30,
    timeout: 60_000,
  });
  return { status, out: stdout, err: stderr };
}

export function linesOf(out: string): Line[] {
  return out
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Line);
}

/** A capture in a folder of its own, gone after `use`. */
export async function withFile<T>(octets: Uint8Array, use: (file: string) => T | Promise<T>): Promise<T> {
  const folder = mkdtempSync(path.join(tmpdir(), "penstock-inspect-"));
  try {
    const file = path.join(folder, "capture.pcap");
    writeFileSync(file, octets);
    return await use(file);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export interface Decoded {
  readonly status: number;
  /** As printed. */
  readonly text: string;
  /** Remarks. */
  readonly said: readonly string[];
}

/** A capture file, without a process. The file's name in remarks is FILE. */
export async function decodeFile(
  file: string,
  { json = true, ports = [] as readonly number[], dnp3Ports = [] as readonly number[] } = {},
): Promise<Decoded> {
  const folder = mkdtempSync(path.join(tmpdir(), "penstock-inspect-"));
  const output = openSync(path.join(folder, "out"), "w");
  try {
    const said: string[] = [];
    const status = await inspectCommand(
      file,
      { port: ports, dnp3Port: dnp3Ports, json },
      { output, say: (line) => said.push(line.replace(file, "FILE")) },
    );
    return { status, said, text: readFileSync(path.join(folder, "out"), "utf8") };
  } finally {
    closeSync(output);
    rmSync(folder, { recursive: true });
  }
}

/** The same of a capture made by hand. */
export function decodeText(
  octets: Uint8Array,
  options: { readonly json?: boolean; readonly ports?: readonly number[]; readonly dnp3Ports?: readonly number[] } = {},
): Promise<Decoded> {
  return withFile(octets, (file) => decodeFile(file, options));
}

export async function decode(octets: Uint8Array, ports: readonly number[] = []): Promise<Line[]> {
  return linesOf((await decodeText(octets, { ports })).text);
}
