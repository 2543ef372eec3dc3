/** The index of a local CA as it lies in its directory: said not to be as it was written, or read, and written again reads the same. */
import { type PkiIndex, parseIndex, writeIndex } from "#identity/pkiIndex";
import { PkiProblem } from "#identity/problem";
import { accepted, dictionaryOf, gist, must, octetsOf, refused, type Target, textOf } from "../target.ts";
import { mustPrint } from "./documents.ts";

const FILE = "index.json";
const YEAR = "2026-11-24T08:00:00.000Z";
const LATER = "2027-11-24T08:00:00.000Z";
const INDEX: PkiIndex = {
  version: 1,
  trustDomain: "plant.example",
  authorities: [
    { commonName: "Plant CA", serial: "4a01", notBefore: YEAR, notAfter: LATER, keyFile: "ca.key", listNumber: 3 },
    { commonName: "Plant root", serial: "4a00", notBefore: YEAR, notAfter: LATER, keyFile: "/media/key/root.key", listNumber: 1 },
  ],
  certificates: [
    {
      serial: "1001",
      kind: "operator",
      name: "alice",
      uri: "spiffe://plant.example/operator/alice",
      role: "operator",
      dns: [],
      ips: [],
      box: "desk-1",
      notBefore: YEAR,
      notAfter: LATER,
      fingerprint: "ab".repeat(32),
      certificateFile: "alice.pem",
      keyFile: null,
      replacedBy: "1002",
      revoked: { at: YEAR, reason: "superseded" },
    },
  ],
  pending: [{ from: `.${"0a".repeat(8)}.tmp`, to: "ca.crl" }],
};

export const pkiIndex: Target = {
  name: "pkiIndex",
  limitMs: 10,
  inputs: null,
  most: 3_000,
  text: true,
  dictionary: dictionaryOf([
    ...[
      "null",
      "true",
      "[]",
      "{}",
      "{",
      "}",
      "[",
      "]",
      ",",
      ":",
      '"',
      '""',
      "\\u0000",
      "\\u202e",
      "-1",
      "1e9",
      "1.5",
      "0",
      "2",
      "../",
      "/",
      ".",
    ],
    ...['"__proto__":{}', '"version":2', "historian", "gateway", "keyCompromise", "pending", "revoked", YEAR],
  ]),
  corpus: () => [
    octetsOf(writeIndex(INDEX)),
    octetsOf(writeIndex({ ...INDEX, authorities: INDEX.authorities.slice(0, 1), certificates: [], pending: [] })),
  ],
  run(input) {
    let index: PkiIndex;
    try {
      index = parseIndex(textOf(input), FILE);
    } catch (error) {
      if (!(error instanceof PkiProblem)) throw error;
      must(/^index\.json:1:1: found ./.test(error.message), `no problem with a place: ${error.message}`);
      mustPrint(error.message);
      return refused(gist(error.message));
    }
    must(writeIndex(parseIndex(writeIndex(index), FILE)) === writeIndex(index), "written again it reads as another index");
    // What is moved into place at the next start stays in the CA's own directory.
    for (const { from, to } of index.pending) must(!`${from}${to}`.includes("/") && to !== "..", `${from} goes to ${to}`);
    return accepted(
      `${index.authorities.length} CAs, ${Math.min(3, index.certificates.length)} certificates, ${Math.min(3, index.pending.length)} pending`,
    );
  },
};
