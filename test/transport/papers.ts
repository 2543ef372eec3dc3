/** Certificates for transport and tunnel tests, made with openssl so that nothing here rests on our own issuing. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";

export interface Paper {
  readonly certificateFile: string;
  readonly keyFile: string;
  readonly certificatePem: string;
  readonly keyPem: string;
}

export interface IssueOptions {
  readonly by?: string;
  readonly key?: "ec" | "rsa";
  readonly use?: "serverAuth" | "clientAuth";
  readonly names?: string;
  readonly ca?: boolean;
  /** Its validity ended yesterday. */
  readonly over?: boolean;
}

export class Papers {
  readonly directory = mkdtempSync(path.join(os.tmpdir(), "penstock-papers-"));

  issue(name: string, options: IssueOptions = {}): Paper {
    const at = (suffix: string): string => path.join(this.directory, `${name}.${suffix}`);
    const { by, key = "ec", use, names, ca = false, over = false } = options;
    if (key === "ec") this.#openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", at("key"));
    else this.#openssl("genrsa", "-out", at("key"), "2048");
    this.#openssl("req", "-new", "-key", at("key"), "-subj", `/CN=${name}`, "-out", at("csr"));
    const extensions = [
      `basicConstraints=critical,CA:${ca ? "TRUE" : "FALSE"}`,
      `keyUsage=critical,${ca ? "keyCertSign,cRLSign" : "digitalSignature"}`,
      ...(use === undefined ? [] : [`extendedKeyUsage=${use}`]),
      ...(names === undefined ? [] : [`subjectAltName=${names}`]),
    ];
    writeFileSync(at("ext"), extensions.join("\n"));
    const issuer =
      by === undefined ? ["-key", at("key")] : ["-CA", this.#file(`${by}.pem`), "-CAkey", this.#file(`${by}.key`), "-CAcreateserial"];
    this.#openssl("x509", "-req", "-in", at("csr"), ...issuer, "-extfile", at("ext"), "-out", at("pem"), "-days", over ? "-1" : "30");
    return {
      certificateFile: at("pem"),
      keyFile: at("key"),
      certificatePem: readFileSync(at("pem"), "utf8"),
      keyPem: readFileSync(at("key"), "utf8"),
    };
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }

  #file(name: string): string {
    return path.join(this.directory, name);
  }

  #openssl(...words: string[]): void {
    execFileSync("openssl", words, { stdio: ["ignore", "ignore", "pipe"] });
  }
}
