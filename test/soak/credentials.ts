/** The plant's CA of a soak: short-lived certificates for everybody, renewed, revoked and issued again while the gateway runs. */
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import path from "node:path";
import { type Issued, Pki } from "#identity/pki";
import { GATEWAY, TRUST_DOMAIN } from "./documents.ts";
import type { Papers } from "./messages.ts";

const PASSPHRASE = "a passphrase of the soak";

export interface Holder {
  readonly name: string;
  readonly role?: string;
  readonly uri?: string;
}

export class Credentials {
  readonly #pki: Pki;
  readonly #lifetimeMs: number;

  private constructor(pki: Pki, lifetimeMs: number) {
    this.#pki = pki;
    this.#lifetimeMs = lifetimeMs;
  }

  /** A CA in `pki` of the folder, and the gateway's certificate. */
  static async create(dir: string, lifetimeMs: number): Promise<Credentials> {
    const pki = await Pki.create(path.join(dir, "pki"), { name: "Soak CA", trustDomain: TRUST_DOMAIN, passphrase: PASSPHRASE });
    await pki.issue({ kind: "gateway", name: GATEWAY, dns: ["localhost"], ips: ["127.0.0.1"] });
    return new Credentials(pki, lifetimeMs);
  }

  async issue({ name, role, uri }: Holder): Promise<Papers> {
    const asked = { ...(role === undefined ? {} : { role }), ...(uri === undefined ? {} : { uri }) };
    return this.#papersOf(await this.#pki.issue({ kind: "operator", name, lifetimeMs: this.#lifetimeMs, ...asked }));
  }

  async renew(name: string): Promise<Papers> {
    return this.#papersOf(await this.#pki.renew(name, { lifetimeMs: this.#lifetimeMs }));
  }

  async renewGateway(): Promise<void> {
    await this.#pki.renew(GATEWAY);
  }

  /** What the gateway has to show, from its next reload on. */
  get gatewaySerial(): string {
    return serialOf(readFileSync(path.join(this.#pki.directory, `${GATEWAY}.pem`), "utf8"));
  }

  /** The list is in the gateway's folder at once. */
  async revoke(name: string): Promise<void> {
    await this.#pki.revoke(name, "keyCompromise");
  }

  #papersOf({ entry, certificateFile, keyFile }: Issued): Papers {
    const certificatePem = readFileSync(certificateFile, "utf8");
    return {
      who: entry.name,
      certificatePem,
      keyPem: readFileSync(keyFile as string, "utf8"),
      caPem: readFileSync(this.#pki.caFile, "utf8"),
      endsMs: Date.parse(entry.notAfter),
      serial: serialOf(certificatePem),
    };
  }
}

function serialOf(pem: string): string {
  return new X509Certificate(pem).serialNumber.toLowerCase();
}
