/** What the tunnel shows the gateway: read anew for each connection, so that a renewed certificate is used from the next one on. */
import crypto from "node:crypto";
import fs from "node:fs";
import { type ClientContext, clientContext } from "#transport/tls";

export interface PaperFiles {
  readonly certificate: string;
  readonly key: string;
  readonly ca: string;
}

export interface Papers {
  readonly context: ClientContext;
  /** Whom the certificate names, for messages: `CN=alice`. */
  readonly subject: string;
  readonly notAfterMs: number;
}

/** What is wrong with a file, in one line that names it. Never a word of what stands in a key. */
export class PapersProblem extends Error {}

/** An ended certificate is no problem here: the gateway may still let it look (RULINGS 18), and says so if it does not. @throws PapersProblem */
export function readPapers(files: PaperFiles, nowMs: number): Papers {
  const certificatePem = read(files.certificate, "certificate");
  const keyPem = readKey(files.key);
  const caPem = read(files.ca, "CA certificate");
  const certificate = certificateIn(certificatePem, files.certificate);
  certificateIn(caPem, files.ca);
  const notAfterMs = certificate.validToDate.getTime();
  const notBeforeMs = certificate.validFromDate.getTime();
  if (nowMs < notBeforeMs)
    throw new PapersProblem(
      `${files.certificate}: the certificate is not valid before ${day(notBeforeMs)}; is the clock of this computer right?`,
    );
  if (!certificate.checkPrivateKey(privateKeyIn(keyPem, files.key)))
    throw new PapersProblem(`${files.key}: the key does not belong to the certificate ${files.certificate}`);
  try {
    const context = clientContext({ certificatePem, keyPem, caPem: [caPem] });
    return { context, subject: nameIn(certificate), notAfterMs };
  } catch (error) {
    throw new PapersProblem(`${files.certificate}: cannot be used for TLS (${codeOf(error)})`);
  }
}

/** Certificates of SPIFFE names may have no subject, and Node then says undefined where its types say text. */
function nameIn(certificate: crypto.X509Certificate): string {
  const { subject, subjectAltName = "" } = certificate as { readonly subject?: string; readonly subjectAltName?: string };
  return (subject ?? subjectAltName).replaceAll("\n", ", ");
}

/** The key is a secret of its owner: a file that others may read is refused, as the copy they made is as good as the key. */
function readKey(file: string): string {
  let descriptor: number;
  try {
    descriptor = fs.openSync(file, "r");
  } catch (error) {
    throw new PapersProblem(`${file}: the key cannot be read (${codeOf(error)})`);
  }
  try {
    const { mode } = fs.fstatSync(descriptor);
    if ((mode & 0o077) !== 0) {
      const found = (mode & 0o777).toString(8).padStart(4, "0");
      throw new PapersProblem(`${file}: the key may be used by others (mode ${found}); expected 0600: chmod 600 ${file}`);
    }
    return fs.readFileSync(descriptor, "utf8");
  } finally {
    fs.closeSync(descriptor);
  }
}

function read(file: string, what: string): string {
  try {
    return fs.readFileSync(file, "utf8");
  } catch (error) {
    throw new PapersProblem(`${file}: the ${what} cannot be read (${codeOf(error)})`);
  }
}

function certificateIn(pem: string, file: string): crypto.X509Certificate {
  try {
    return new crypto.X509Certificate(pem);
  } catch {
    throw new PapersProblem(`${file}: found no certificate; expected PEM (-----BEGIN CERTIFICATE-----)`);
  }
}

function privateKeyIn(pem: string, file: string): crypto.KeyObject {
  try {
    return crypto.createPrivateKey(pem);
  } catch {
    const encrypted = pem.includes("ENCRYPTED");
    throw new PapersProblem(
      encrypted
        ? `${file}: the key is encrypted; expected one without passphrase, mode 0600`
        : `${file}: found no private key; expected PEM (-----BEGIN PRIVATE KEY-----)`,
    );
  }
}

function day(millis: number): string {
  return new Date(millis).toISOString().slice(0, 10);
}

function codeOf(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === "ENOENT") return "there is no such file";
  if (code === "EACCES") return "permission denied";
  return code ?? "unreadable";
}
