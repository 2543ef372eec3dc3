/** What a local CA knows of what it issued: one JSON document beside the certificates, checked when it is read. */
import * as z from "zod";
import { REVOCATION_REASONS, type RevocationReason } from "./issuer.ts";
import { PkiProblem } from "./problem.ts";

export const KINDS = ["operator", "gateway", "historian"] as const;
export type Kind = (typeof KINDS)[number];

const instant = z.iso.datetime();

const authority = z.strictObject({
  commonName: z.string(),
  serial: z.string(),
  notBefore: instant,
  notAfter: instant,
  /** Beside the index, or absolute where the key was written elsewhere. */
  keyFile: z.string(),
  /** Number of its latest revocation list. */
  listNumber: z.number().int().min(0),
});

const entry = z.strictObject({
  serial: z.string(),
  kind: z.enum(KINDS),
  name: z.string(),
  /** SPIFFE id; null: the common name is the identity. */
  uri: z.string().nullable(),
  role: z.string().nullable(),
  dns: z.array(z.string()),
  ips: z.array(z.string()),
  /** The machine its key lives on, for `stolen-box`. */
  box: z.string().nullable(),
  notBefore: instant,
  notAfter: instant,
  fingerprint: z.string(),
  certificateFile: z.string(),
  /** Null: made from a request; its holder has the key. */
  keyFile: z.string().nullable(),
  /** Serial of the one that took its place. */
  replacedBy: z.string().nullable(),
  revoked: z.strictObject({ at: instant, reason: z.enum(Object.keys(REVOCATION_REASONS) as [RevocationReason]) }).nullable(),
});

const index = z.strictObject({
  version: z.literal(1),
  trustDomain: z.string(),
  /** The issuing CA first, its root last; one where the root issues itself. */
  authorities: z.array(authority).min(1).max(2),
  certificates: z.array(entry),
  /** Files written and not yet in their place; whoever opens the directory next finishes this. */
  pending: z.array(
    z.strictObject({ from: z.string().regex(/^\.[0-9a-f]{16}\.tmp$/), to: z.string().regex(/^[A-Za-z0-9_-][A-Za-z0-9_.-]*$/) }),
  ),
});

export type PkiIndex = z.infer<typeof index>;
export type PkiAuthority = z.infer<typeof authority>;
export type PkiEntry = z.infer<typeof entry>;

/** @throws PkiProblem that says what in the file is not as we wrote it */
export function parseIndex(text: string, file: string): PkiIndex {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new PkiProblem(`${file}:1:1: found no JSON; expected the index of a local CA`);
  }
  const read = index.safeParse(json);
  if (read.success) return read.data;
  const issue = read.error.issues[0];
  throw new PkiProblem(
    `${file}:1:1: found ${issue?.path.join(".") || "a document"} that is not as penstock wrote it (${issue?.message ?? "unknown"})`,
  );
}

export function writeIndex(value: PkiIndex): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
