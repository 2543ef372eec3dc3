/** What `penstock pki` does. A mistake of the person ends as one clear line and exit code 2; the CA's own rules stand in #identity/pki. */
import { readFileSync } from "node:fs";
import {
  type Issued,
  type Kind,
  LIFETIMES,
  Pki,
  type PkiEntry,
  PkiProblem,
  type RevocationReason,
  type Row,
  WARN_DAYS,
} from "#identity/pki";
import { EXIT, UsageError } from "../exit.ts";
import { complain, print, printJson, table } from "../output.ts";
import { givenPassphrase, knownPassphrase, newPassphrase, type PassphraseOptions } from "./passphrase.ts";

const DAY_MS = 86_400_000;

interface Common {
  readonly dir: string;
  readonly json?: boolean;
}

interface Signing extends Common, PassphraseOptions {
  readonly caKey?: string;
  readonly days?: number;
}

export interface InitOptions extends Signing {
  readonly name: string;
  readonly trustDomain: string;
  readonly intermediate?: boolean;
  readonly caOut?: string;
}

export interface HolderOptions extends Signing {
  readonly role?: string;
  readonly uri?: string;
  readonly cnOnly?: boolean;
  readonly dns: readonly string[];
  readonly ip: readonly string[];
  readonly box?: string;
}

export function init(options: InitOptions): Promise<number> {
  return plainly(async () => {
    const passphrase = options.caOut === undefined ? await newPassphrase(options) : givenPassphrase(options);
    const pki = await Pki.create(options.dir, {
      name: options.name,
      trustDomain: options.trustDomain,
      passphrase,
      intermediate: options.intermediate === true,
      ...(options.caOut === undefined ? {} : { caOut: options.caOut }),
      ...(options.days === undefined ? {} : { lifetimeMs: options.days * DAY_MS }),
    });
    const [ca] = pki.rows();
    const files = { ca: pki.caFile, crl: pki.listFile };
    if (options.json === true)
      printJson({
        directory: pki.directory,
        ...files,
        ends: ca?.ends,
        keysIn: options.caOut ?? pki.directory,
        sealed: passphrase !== null,
      });
    else {
      print(`made ${ca?.name} (good until ${dayOf(ca?.ends ?? "")}) in ${pki.directory}`);
      print(`  site.yaml:  ca: ${files.ca}   crl: ${files.crl}`);
      if (passphrase === null) print(`  its key is not sealed and lies in ${options.caOut}; keep that away from the plant`);
      if (options.intermediate === true) print("  root.key is needed only for the root's yearly list; lock it away");
    }
    return EXIT.ok;
  });
}

export function issue(kind: string, names: readonly string[], options: HolderOptions): Promise<number> {
  return plainly(async () => {
    const pki = open(options);
    if (names.length > 1 && options.uri !== undefined) throw new PkiProblem("found --uri for several names; expected one name");
    for (const name of names) tellIssued(await pki.issue({ kind: kind as Kind, name, ...holderOf(options) }), options, "issued");
    return EXIT.ok;
  });
}

export function sign(request: string, kind: string, name: string, options: HolderOptions): Promise<number> {
  return plainly(async () => {
    const asked = { requestPem: read(request), requestFile: request };
    tellIssued(await open(options).issue({ kind: kind as Kind, name, ...holderOf(options), ...asked }), options, "signed");
    return EXIT.ok;
  });
}

export function renew(names: readonly string[], options: Signing & { readonly sameKey?: boolean; readonly csr?: string }): Promise<number> {
  return plainly(async () => {
    if (names.length > 1 && options.csr !== undefined) throw new PkiProblem("found --csr for several names; expected one name");
    if (options.sameKey === true && options.csr !== undefined) throw new PkiProblem("found --same-key and --csr; expected one of them");
    const pki = open(options);
    for (const name of names) {
      const renewed = await pki.renew(name, {
        sameKey: options.sameKey === true,
        ...(options.csr === undefined ? {} : { requestPem: read(options.csr), requestFile: options.csr }),
        ...lifetime(options),
      });
      tellIssued(renewed, options, "renewed");
    }
    return EXIT.ok;
  });
}

export function revoke(which: readonly string[], options: Signing & { readonly reason: string }): Promise<number> {
  return plainly(async () => {
    const pki = open(options);
    for (const each of which) tellRevoked(await pki.revoke(each, options.reason as RevocationReason), pki, options);
    return EXIT.ok;
  });
}

export function stolenBox(box: string, options: Signing): Promise<number> {
  return plainly(async () => {
    const pki = open(options);
    tellRevoked(await pki.stolenBox(box), pki, options);
    return EXIT.ok;
  });
}

export function crl(options: Signing): Promise<number> {
  return plainly(async () => {
    const pki = open(options);
    await pki.writeLists(lifetime(options).lifetimeMs);
    const lists = pki.rows().filter(({ what }) => what === "list");
    if (options.json === true) printJson({ crl: pki.listFile, lists });
    else for (const list of lists) print(`list ${list.serial} of ${list.name}, good until ${dayOf(list.ends)}, in ${pki.listFile}`);
    return EXIT.ok;
  });
}

export function list(options: Common & { readonly all?: boolean }): Promise<number> {
  return plainly(async () => {
    const rows = Pki.open(options.dir).rows();
    if (options.json === true) printJson({ directory: options.dir, warnDays: WARN_DAYS, rows });
    else {
      const shown =
        options.all === true ? rows : rows.filter(({ what, state }) => what !== "certificate" || !["revoked", "replaced"].includes(state));
      print(
        table([
          ["NAME", "KIND", "ROLE", "DAYS LEFT", "ENDS", "STATE", "BOX", "SERIAL", "IDENTITY"],
          ...shown.map((r) => [
            r.name,
            r.kind,
            r.role ?? "-",
            String(r.daysLeft),
            dayOf(r.ends),
            r.state,
            r.box ?? "-",
            r.serial,
            r.identity,
          ]),
        ]),
      );
    }
    for (const each of rows) warn(each);
    return EXIT.ok;
  });
}

/** On standard error, so that a person who asked for JSON, and cron, see it too. */
function warn(row: Row): void {
  if (row.state !== "ended" && row.state !== "ends soon") return;
  const what = row.what === "list" ? `the revocation list of ${row.name}` : row.name;
  const remedy = row.what === "ca" ? "make a new CA in time" : row.what === "list" ? "penstock pki crl" : `penstock pki renew ${row.name}`;
  complain(row.state === "ended" ? `${what} ended ${dayOf(row.ends)} (${remedy})` : `${what} ends in ${row.daysLeft} days (${remedy})`);
}

function open(options: Signing): Pki {
  return Pki.open(options.dir, () => knownPassphrase(options), options.caKey ?? null);
}

function holderOf(options: HolderOptions) {
  if (options.cnOnly === true && options.uri !== undefined) throw new PkiProblem("found --cn-only and --uri; expected one of them");
  return {
    role: options.role ?? null,
    dns: options.dns,
    ips: options.ip,
    box: options.box ?? null,
    ...(options.cnOnly === true ? { uri: null } : options.uri === undefined ? {} : { uri: options.uri }),
    ...lifetime(options),
  };
}

function lifetime(options: { readonly days?: number }): { readonly lifetimeMs?: number } {
  return options.days === undefined ? {} : { lifetimeMs: options.days * DAY_MS };
}

function tellIssued(issued: Issued, options: Common, verb: string): void {
  const { entry, certificateFile, keyFile, requested } = issued;
  if (options.json === true) {
    printJson({ ...entry, certificateFile, keyFile, requested });
    return;
  }
  const role = entry.role === null ? "" : `, role ${entry.role}`;
  print(`${verb} ${entry.kind} ${entry.name} as ${entry.uri ?? `cn:${entry.name}`}${role}, good until ${dayOf(entry.notAfter)}`);
  print(`  certificate ${certificateFile}`);
  if (keyFile !== null) print(`  key         ${keyFile}   (hand it over safely, then delete it here)`);
  if (requested !== null) print(`  the request called its holder ${requested}; that decided nothing`);
  if (Date.parse(entry.notAfter) < Date.now() + LIFETIMES.leafMs - 2 * DAY_MS && !("days" in options))
    complain(`${entry.name} ends early, with its CA`);
}

function tellRevoked(revoked: readonly PkiEntry[], pki: Pki, options: Common): void {
  if (options.json === true) printJson({ revoked, crl: pki.listFile });
  else {
    for (const each of revoked) print(`revoked ${each.kind} ${each.name}, serial ${each.serial}`);
    print(`  wrote ${pki.listFile}: bring it to every gateway; it is taken up, and live sessions end, within a second`);
  }
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new UsageError([`${file}: found ${code === "ENOENT" ? "no such file" : String(code)}; expected a certificate request in PEM`]);
  }
}

function dayOf(instant: string): string {
  return instant.slice(0, 10);
}

/** The CA's own words for a person's mistake are the command's. */
async function plainly(work: () => Promise<number>): Promise<number> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof PkiProblem ? new UsageError([error.message]) : error;
  }
}
