/** What TLS to a sink's server is made with. Read anew for each connection, so that a renewed certificate needs no restart. */
import * as fs from "node:fs";
import { reasonOf } from "#disk/reason";
import { readPrivateKey } from "./secret.ts";

export interface TlsFiles {
  /** PEM: authorities of the server; no other is believed. Without it: those Node knows. */
  readonly caFile?: string;
  /** PEM: ours, with its key (mode 0600), where the server asks for one. */
  readonly certificateFile?: string;
  readonly keyFile?: string;
}

/** As `node:tls` takes them. */
export interface TlsPapers {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** @throws Error in one line that says which file is wrong and what would be right */
export function readTls({ caFile, certificateFile, keyFile }: TlsFiles): TlsPapers {
  return {
    ...(caFile === undefined ? {} : { ca: readCertificates(caFile) }),
    ...(certificateFile === undefined ? {} : { cert: readCertificates(certificateFile) }),
    ...(keyFile === undefined ? {} : { key: readPrivateKey(keyFile) }),
  };
}

/** Node takes a text without certificates for a list of none. */
function readCertificates(file: string): string {
  let pem: string;
  try {
    pem = fs.readFileSync(file, "utf8");
  } catch (error) {
    throw new Error(`${file}: cannot be read (${reasonOf(error)})`);
  }
  if (!/-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----/.test(pem)) throw new Error(`${file}: found no certificate; expected PEM`);
  return pem;
}
