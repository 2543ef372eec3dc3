/** PEM blocks of a text, each with the line it starts at, so that a person is told where to look (RFC 7468, strict base64). */

export interface PemBlock {
  readonly label: string;
  /** From 1. */
  readonly line: number;
  readonly der: Uint8Array;
  /** The block alone, without what stands round it. */
  readonly pem: string;
}

/** Certificates and revocation lists are kilobytes; more than this is the wrong file. */
export const MOST_TEXT = 16 * 1024 * 1024;
const BLOCK = /^-----BEGIN ([A-Z0-9 ]+)-----[ \t]*\r?\n([A-Za-z0-9+/=\s]*?)-----END \1-----[ \t]*$/gm;

export function pemBlocks(text: string): PemBlock[] {
  if (text.length > MOST_TEXT) return [];
  const blocks: PemBlock[] = [];
  let line = 1;
  let counted = 0;
  for (const match of text.matchAll(BLOCK)) {
    for (let at = text.indexOf("\n", counted); at !== -1 && at < match.index; at = text.indexOf("\n", at + 1)) line += 1;
    counted = match.index;
    const [, label = "", body = ""] = match;
    const der = new Uint8Array(Buffer.from(body, "base64"));
    blocks.push({ label, line, der, pem: toPem(label, der) });
  }
  return blocks;
}

export function toPem(label: string, der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}
