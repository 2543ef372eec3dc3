/** `penstock check`: is what the files say sound? Site, points, policy and cases as the gateway reads them; then what a person should look at. */
import { accessSync, constants, existsSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import type { DeviceTls, SendSite, Site, TlsSite } from "#config/site";
import { visible } from "#documents/escape";
import { UserProblems } from "#documents/problems";
import { deviceContext } from "#gateway/dial";
import { type Documents, readDocuments, whyUnreadable } from "#gateway/documents";
import { loadContext, loadStore, Trust } from "#gateway/trust";
import { endingsOf, listsOf, sayEnding, sayList } from "#gateway/upkeep";
import { openCaKeysBeside } from "#identity/caKey";
import { type Finding, sayFinding } from "#policy/lint";
import { readSigningKey } from "#sealing/signingKey";
import { keyInUse, readStreamKeys } from "#sealing/streamKeys";
import { addressesOf } from "#transport/interfaces";
import { EXIT } from "./exit.ts";
import { print, printJson } from "./output.ts";
import { isError, lintDocuments, type PolicyOptions, sayCounts } from "./policy.ts";
import { wireOf } from "./send.ts";

export async function check(options: PolicyOptions): Promise<number> {
  let read: Awaited<ReturnType<typeof readDocuments>>;
  try {
    read = await readDocuments(options.site, options.policy);
  } catch (error) {
    if (!(error instanceof UserProblems)) throw error;
    if (options.json === true) printJson({ ok: false, problems: error.lines, failedCases: [], findings: [] });
    else for (const line of error.lines) print(line);
    return EXIT.usage;
  }
  const { documents, failed } = read;
  const findings = lintDocuments(documents);
  const keys = checkKeys(documents.site);
  const sending = checkSending(documents.site);
  const refused = [...keys.refused, ...sending.refused];
  const notes = [...keys.notes, ...sending.notes, ...absentInterfaces(documents.site)];
  const ok = failed.length === 0 && refused.length === 0 && !findings.some(isError);
  if (options.json === true) {
    printJson({ ok, problems: refused, failedCases: failed, findings, notes, ...summaryOf(documents) });
    return ok ? EXIT.ok : EXIT.fails;
  }
  for (const line of [...refused, ...failed]) print(line);
  for (const finding of findings) print(sayFinding(finding));
  for (const note of notes) print(note);
  print(`${ok ? "ok" : "not ok"}: ${sayAll(documents, failed.length, findings)}`);
  return ok ? EXIT.ok : EXIT.fails;
}

function summaryOf({ site, policy, cases, hash }: Documents): Readonly<Record<string, unknown>> {
  return {
    site: site.name,
    policy: { name: policy.name, version: policy.version, hash },
    assets: site.assets.size,
    points: countPoints(site),
    roles: policy.roles.size,
    cases: countCases(cases),
  };
}

function sayAll({ site, policy, cases, hash }: Documents, failed: number, findings: readonly Finding[]): string {
  const counts = `${plural(site.assets.size, "asset")}, ${plural(countPoints(site), "point")}, ${plural(policy.roles.size, "role")}`;
  const tried = `${plural(countCases(cases), "case")}${failed === 0 ? " passed" : `, ${failed} failed`}`;
  return `site ${site.name}, policy ${policy.name} version ${policy.version} (${hash.slice(0, 12)}): ${counts}, ${tried}; ${sayCounts(findings)}`;
}

function countPoints(site: Site): number {
  return [...site.assets.values()].reduce((sum, { model }) => sum + model.points.length, 0);
}

function countCases(files: Documents["cases"]): number {
  return files.reduce((sum, { cases }) => sum + cases.length, 0);
}

function plural(n: number, word: string): string {
  return `${n} ${word}${n === 1 ? "" : "s"}`;
}

/** A site may be checked at a desk, far from the box it is for. */
function absentInterfaces({ file, listeners, management: { web } }: Site): string[] {
  const used = web === null ? listeners : [...listeners, web];
  return used
    .filter((each) => addressesOf(each.interface).length === 0)
    .map((each) => visible(`${file}:${each.line}:1: note: the interface "${each.interface}" has no address on this machine`));
}

export interface KeyFindings {
  /** One line each; any of them fails the check. */
  readonly refused: readonly string[];
  readonly notes: readonly string[];
}

/**
 * What keeps the gateway from starting with the certificates, keys and lists that the site names, as `run` would say it. And what must not be:
 * an authority's key that lies readable beside its certificate makes every identity of the site a copy of one file (RULINGS 26). Looks into
 * the folders of the authorities' certificates; keys are held against certificates, not file names.
 */
export function checkKeys(site: Site): KeyFindings {
  const { tls } = site;
  const devices = [...site.assets.values()].flatMap((asset) => (asset.tls === null ? [] : deviceProblems(asset.tls))).map(visible);
  if (tls === null) return { refused: devices, notes: [] };
  const { ca, certificate, key, crl } = tls;
  const absentOwn = [certificate, key].flatMap(unreadable);
  const absentOthers = [...new Set([...ca.map(({ file }) => file), ...crl])].flatMap(unreadable);
  const absent = [...absentOwn, ...absentOthers];
  const refused = absent.filter(({ closed }) => !closed).map(({ file, why }) => `${file}: ${why}; the gateway does not start without it`);
  const keyIsOpen = unreadable(key).length === 0 && (statSync(key).mode & 0o077) !== 0;
  if (keyIsOpen) refused.push(`${key}:1:1: found a private key that others may read; expected mode 0600`);
  const ending: string[] = [];
  if (absentOthers.length === 0) {
    const { problems, words } = lookAt(tls, absentOwn.length === 0 && !keyIsOpen);
    refused.push(...problems);
    ending.push(...words.map((each) => `${site.file}: note: ${each}`));
  }
  for (const { file } of ca) {
    for (const open of openCaKeysBeside(file)) {
      const found = `the plain private key of an authority in ${path.basename(file)}`;
      refused.push(`${open}:1:1: found ${found}; expected it encrypted with a passphrase, or kept elsewhere (pki init --ca-out)`);
    }
  }
  const notes = absent.filter(({ closed }) => closed).map(({ file, why }) => `${file}: note: ${why}; what it holds was not checked`);
  return { refused: [...refused.map(visible), ...devices], notes: [...notes, ...ending].map(visible) };
}

/** A rate in Mbit/s that a line of this speed carries with room for bursts; above it a person should look. */
const BUSY_MBIT = 80;
const DAY_MS = 86_400_000;

/**
 * The one-way line as far as a desk can tell: its keys, and what it will take. A folder or key that only another user may read is not looked into:
 * the gateway's own user may well read it.
 */
export function checkSending({ file, telemetry }: Pick<Site, "file" | "telemetry">, nowMs = Date.now()): KeyFindings {
  const send = telemetry?.send ?? null;
  if (send === null) return { refused: [], notes: [] };
  const refused: string[] = [];
  const notes: string[] = [];
  const look = (file: string, at: () => readonly string[]): void => {
    try {
      if (existsSync(file)) accessSync(file, constants.R_OK);
      notes.push(...at());
    } catch (error) {
      if (error instanceof UserProblems) refused.push(...error.lines);
      else notes.push(`${file}: note: ${whyUnreadable(error)}; what it holds was not checked`);
    }
  };
  look(send.keys, () => notesOfKeys(send, nowMs));
  const own = send.signingKey;
  if (own !== null)
    look(own, () => {
      readSigningKey(own);
      return [];
    });
  const { bitsPerSecond, burstMs, burstFrames } = wireOf(send);
  const mbit = bitsPerSecond / 1e6;
  notes.push(
    `${file}: note: the one-way line takes ${mbit.toFixed(1)} Mbit/s, always; ${burstFrames} frames in a row may be lost (${Math.round(burstMs)} ms)`,
  );
  if (mbit > BUSY_MBIT) notes.push(`${file}: note: that is more than a line of 100 Mbit/s carries with room to spare`);
  if (send.repairs === 0) notes.push(`${file}: note: telemetry.send has no repairs: what a frame lost held comes by the carousel alone`);
  if (send.interface !== null && addressesOf(send.interface).length === 0)
    notes.push(`${file}: note: the interface "${send.interface}" of telemetry.send has no address on this machine`);
  return { refused: refused.map(visible), notes: notes.map(visible) };
}

function notesOfKeys({ keys: folder }: SendSite, nowMs: number): string[] {
  const keys = readStreamKeys(folder);
  const inUse = keyInUse(keys, nowMs);
  if (inUse !== null) return [];
  const first = keys[0]?.fromMs ?? nowMs;
  return [`${folder}: note: the first key's day comes in ${Math.ceil((first - nowMs) / DAY_MS)} days; until then it is used all the same`];
}

/** What keeps a device from being reached over TLS; files that only another user may read are not looked into. */
function deviceProblems(tls: DeviceTls): readonly string[] {
  if ([tls.certificate, tls.key, ...tls.ca, ...tls.crl].flatMap(unreadable).some(({ closed }) => closed)) return [];
  try {
    deviceContext(tls);
    return [];
  } catch (error) {
    if (!(error instanceof UserProblems)) throw error;
    return error.lines;
  }
}

/** What does not load, and what has ended, or does so soon: that keeps no gateway from starting, and its users from working. */
function lookAt(tls: TlsSite, own: boolean): { readonly problems: readonly string[]; readonly words: readonly string[] } {
  const now = Date.now();
  try {
    const store = loadStore(tls, now, null);
    if (!own) return { problems: [], words: [] };
    const trust = new Trust(tls, store, loadContext(tls, store), []);
    const lists = listsOf(trust, now).filter(({ state }) => state !== "current");
    const endings = endingsOf(trust, [], now).filter(({ what, mark, tell }) => tell && !(what === "list" && mark === 0));
    return { problems: [], words: [...lists.map(sayList), ...endings.map(sayEnding)] };
  } catch (error) {
    if (!(error instanceof UserProblems)) throw error;
    return { problems: error.lines, words: [] };
  }
}

interface Unreadable {
  readonly file: string;
  readonly why: string;
  /** It is there, and not for who asks: the gateway's own user may well read it. */
  readonly closed: boolean;
}

function unreadable(file: string): Unreadable[] {
  try {
    readFileSync(file);
    return [];
  } catch (error) {
    return [{ file, why: whyUnreadable(error), closed: (error as NodeJS.ErrnoException).code === "EACCES" }];
  }
}
