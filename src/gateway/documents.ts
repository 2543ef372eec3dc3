/**
 * The documents of a gateway, read as one: site, points, policy and its cases. Whatever is wrong with any of them is said in lines for a
 * person, and nothing of them comes into force (RULINGS 33).
 */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { loadSite } from "#config/load";
import type { Site } from "#config/site";
import { type Problem, sayProblem, UserProblems } from "#documents/problems";
import type { Space, Vocabulary } from "#operation";
import { type CaseFile, loadCases, runCases } from "#policy/cases";
import { type Compiled, compile } from "#policy/compile";
import { loadPolicy } from "#policy/load";
import type { Policy } from "#policy/model";
import { PROTOCOLS } from "#session/protocols";

export interface DocumentFile {
  readonly path: string;
  readonly octets: Buffer;
}

export interface Documents {
  readonly siteFile: string;
  readonly policyFile: string;
  readonly site: Site;
  readonly policy: Policy;
  readonly compiled: Compiled;
  readonly cases: readonly CaseFile[];
  /** SHA-256 over policy, points, addressing, units and modes: what a decision depends on. */
  readonly hash: string;
  /** Everything that was read, as it was read. */
  readonly files: readonly DocumentFile[];
}

/** Every protocol by every name a site may give it. */
export const VOCABULARIES: ReadonlyMap<string, Vocabulary> = new Map([...PROTOCOLS].map(([name, { vocabulary }]) => [name, vocabulary]));

export function spacesOf(protocol: string): readonly Space[] {
  return VOCABULARIES.get(protocol)?.spaces ?? [];
}

/** @throws UserProblems */
export function readSite(siteFile: string): Site {
  return new Reading().site(siteFile);
}

/**
 * Read, check, compile and try the cases. Compiling is done in slices, so that a running gateway goes on in between.
 *
 * @throws UserProblems with every problem that was found, one line each
 */
export async function loadDocuments(siteFile: string, policyFile: string): Promise<Documents> {
  const { documents, failed } = await readDocuments(siteFile, policyFile);
  if (failed.length > 0) throw new UserProblems(failed);
  return documents;
}

/** As `loadDocuments`, but cases that fail are told beside the documents: `check` and `policy test` show them among other findings. */
export async function readDocuments(siteFile: string, policyFile: string): Promise<{ documents: Documents; failed: readonly string[] }> {
  const reading = new Reading();
  const site = reading.site(siteFile);
  const models = new Map([...site.assets].map(([name, asset]) => [name, asset.model]));
  const policy = unwrap(loadPolicy({ file: policyFile, text: reading.text(policyFile) }, models, VOCABULARIES));
  const compiled = await inSlices(compile(policy, spacesOf));
  if (compiled.crowded.length > 0) throw new UserProblems(compiled.crowded.map((crowded) => sayCrowded(policy, crowded)));
  const cases = caseFilesBeside(policyFile).map((file) => unwrap(loadCases({ file, text: reading.text(file) }, policy, VOCABULARIES)));
  const { failures } = runCases(policy, compiled, VOCABULARIES, cases);
  reading.mustBeUnchanged();
  const documents = {
    siteFile,
    policyFile,
    site,
    policy,
    compiled,
    cases,
    hash: hashOf(site, policyFile, reading.files),
    files: reading.files,
  };
  return { documents, failed: failures };
}

/** `*.cases.yaml` in the policy's folder, sorted. */
export function caseFilesBeside(policyFile: string): string[] {
  const folder = path.dirname(policyFile);
  return readdirSync(folder)
    .filter((name) => name.endsWith(".cases.yaml"))
    .sort()
    .map((name) => path.join(folder, name));
}

function sayCrowded(policy: Policy, crowded: Compiled["crowded"][number]): string {
  const rule = crowded.rules.at(-1);
  const names = crowded.rules.map(({ id }) => id).join(", ");
  return `${rule?.file ?? policy.file}:${rule?.line ?? 1}:1: found ${crowded.rules.length} rules of one role set over one address (${names}); expected at most 16`;
}

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Files read once and remembered, so that what was judged can be stored and compared. */
class Reading {
  readonly files: DocumentFile[] = [];

  site(siteFile: string): Site {
    return unwrap(loadSite({ file: siteFile, text: this.text(siteFile) }, (file) => this.#read(file), VOCABULARIES)).site;
  }

  text(file: string): string {
    try {
      return this.#read(file);
    } catch (error) {
      throw new UserProblems([`${file}: ${whyUnreadable(error)}`]);
    }
  }

  /** A file that is being written while we read it could be half of what its owner means. */
  mustBeUnchanged(): void {
    for (const { path: file, octets } of this.files) {
      let now: Buffer;
      try {
        now = readFileSync(file);
      } catch (error) {
        throw new UserProblems([`${file}: ${whyUnreadable(error)}`]);
      }
      if (!now.equals(octets)) throw new UserProblems([`${file}: changed while it was being read; nothing was loaded, try again`]);
    }
  }

  #read(file: string): string {
    const octets = readFileSync(file);
    // Octets that are no UTF-8 would turn into other characters than their author sees.
    const text = UTF8.decode(octets);
    this.files.push({ path: file, octets });
    return text;
  }
}

function unwrap<T>(result: { ok: true; value: T } | { ok: false; error: readonly Problem[] }): T {
  if (result.ok) return result.value;
  throw new UserProblems(result.error.map(sayProblem));
}

export function whyUnreadable(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === "ENOENT") return "no such file";
  if (code === "EACCES") return "may not be read by this user";
  if (code === "EISDIR") return "is a folder";
  if (code === "ERR_ENCODING_INVALID_ENCODED_DATA") return "is not UTF-8 text";
  return code ?? "cannot be read";
}

/** A piece of work that gives way to others after each of its steps. */
export async function inSlices<T>(work: Generator<void, T>): Promise<T> {
  for (;;) {
    const step = work.next();
    if (step.done) return step.value;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function hashOf(site: Site, policyFile: string, files: readonly DocumentFile[]): string {
  const hash = createHash("sha256");
  const add = (name: string, octets: Uint8Array): void => {
    hash.update(`${name} ${octets.length}\n`).update(octets).update("\n");
  };
  for (const file of files) if (file.path === policyFile) add("policy", file.octets);
  for (const asset of [...site.assets.values()].sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const { model } = asset;
    const facts = {
      asset: asset.name,
      protocol: asset.protocol,
      mode: asset.mode,
      units: model.units,
      aliases: [...model.unitAliases],
      unitZero: model.unitZero,
      addressing: model.addressing,
    };
    add("asset", Buffer.from(JSON.stringify(facts)));
    for (const file of files) if (file.path === asset.pointsFile) add("points", file.octets);
  }
  return hash.digest("hex");
}
