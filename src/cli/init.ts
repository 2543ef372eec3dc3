/** `penstock init DIR`: a working site to start from, with its own CA, a gateway, three people and a PLC to point it at. */
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { visible } from "#documents/escape";
import { parseIp } from "#transport/interfaces";
import { UsageError } from "./exit.ts";
import { casesText, pointsText, policyText, siteText, TRUST_DOMAIN } from "./initTexts.ts";
import { print, printJson } from "./output.ts";
import { newPassphrase } from "./pki/passphrase.ts";

export interface InitOptions {
  readonly device: string;
  readonly passphraseFile?: string;
  readonly json?: boolean;
}

/** Who gets a certificate at first; the policy's bindings know their roles by it. */
const PEOPLE = [
  { name: "vera", role: "viewer" },
  { name: "otto", role: "operator" },
  { name: "erik", role: "engineer" },
] as const;

export async function initSite(target: string, options: InitOptions): Promise<number> {
  const dir = path.resolve(target);
  if (existsSync(dir) && readdirSync(dir).length > 0) throw new UsageError([`${target}: is not empty; expected a new or empty directory`]);
  const device = deviceOf(options.device);
  const passphrase = await newPassphrase(options);
  const { Pki, PkiProblem } = await import("#identity/pki");
  try {
    const pki = await Pki.create(path.join(dir, "pki"), { name: `${nameOf(dir)} CA`, trustDomain: TRUST_DOMAIN, passphrase });
    await pki.issue({ kind: "gateway", name: "gateway", dns: ["localhost"], ips: ["127.0.0.1"] });
    for (const { name, role } of PEOPLE) await pki.issue({ kind: "operator", name, role });
  } catch (error) {
    // The directory was new or empty, so this is ours; half a CA would stand in the way of the next try.
    rmSync(path.join(dir, "pki"), { recursive: true, force: true });
    if (error instanceof PkiProblem) throw new UsageError([error.message]);
    throw error;
  }
  mkdirSync(path.join(dir, "points"), { recursive: true });
  const texts = {
    "site.yaml": siteText(nameOf(dir), device),
    "policy.yaml": policyText(nameOf(dir)),
    "policy.cases.yaml": casesText,
    "points/plc-1.csv": pointsText,
  };
  for (const [name, text] of Object.entries(texts)) writeFileSync(path.join(dir, name), text);
  const files = [...Object.keys(texts), "pki/ca.pem", "pki/ca.crl", "pki/gateway.pem", ...PEOPLE.map(({ name }) => `pki/${name}.pem`)];
  if (options.json === true) printJson({ directory: dir, device, files });
  else print(nextSteps(target, device));
  return 0;
}

/** `10.20.0.11:502`, or an address alone: 502 is Modbus. */
function deviceOf(words: string): string {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+))(?::(\d{1,5}))?$/.exec(words);
  const port = Number(match?.[3] ?? 502);
  if (match === null || parseIp(match[1] ?? match[2] ?? "") === null || port < 1 || port > 65_535)
    throw new UsageError([`--device: found "${visible(words)}"; expected an address and a port, such as 10.20.0.11:502`]);
  return `${match[1] === undefined ? match[2] : `[${match[1]}]`}:${port}`;
}

/** A document's name from a folder's, as names may be written (RULINGS 16). */
function nameOf(dir: string): string {
  const name = path
    .basename(dir)
    .replace(/[^A-Za-z0-9_.-]/g, "-")
    .slice(0, 64);
  return name === "" ? "site" : name;
}

function nextSteps(target: string, device: string): string {
  return `${target} holds a site with one PLC (${device}), a policy with three roles, its cases, and a local CA.

  cd ${target}
  penstock check                    what the files say is sound
  penstock policy test              the policy does what its cases ask
  penstock run                      the gateway; prints "ready"
  penstock connect 127.0.0.1:8021 --certificate pki/otto.pem --key pki/otto.key --ca pki/ca.pem
                                    a local port for an HMI that speaks no TLS, as otto, an operator
  penstock status                   who is connected, what was denied
  penstock audit verify audit --key audit.key.pub

vera only reads; otto sets set-points within their limits and may switch the burner off; erik may also switch it on in working hours.
Then put your own points into points/plc-1.csv, your own limits into policy.yaml, and take pki/ca.key off this machine.`;
}
