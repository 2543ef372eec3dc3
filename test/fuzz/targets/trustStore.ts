/**
 * The CA files and revocation lists of a site in PEM, parted by a line of its own: refused with places, or a store that believes nobody
 * whom its CAs did not vouch for, and nobody whom its lists revoke.
 *
 *     Plant CA, a root
 *     -----BEGIN CERTIFICATE-----
 *     ...
 *     ===== lists
 *     -----BEGIN X509 CRL-----
 */
import { X509Certificate } from "node:crypto";
import { TrustStore } from "#identity/trust";
import { accepted, dictionaryOf, gist, must, octetsOf, refused, type Target, textOf } from "../target.ts";
import { ALICE, CA_COUNT, CERTIFICATES, LISTS, MALLORY, NOW } from "./papers.ts";

const PARTED = "\n===== lists\n";
const CA_FILE = "ca.pem";
const LIST_FILE = "lists.pem";
/** Lists of the four CAs; those behind them are refused. */
const SOUND_LISTS = CA_COUNT;
const CA_KEYS = CERTIFICATES.slice(0, CA_COUNT).map(({ der }) =>
  new X509Certificate(der).publicKey.export({ type: "spki", format: "der" }),
);
const LEAVES = CERTIFICATES.slice(CA_COUNT);
const pemOf = (papers: readonly { readonly pem: string }[]): string => papers.map(({ pem }, i) => `number ${i}\n${pem}`).join("");

export const trustStore: Target = {
  name: "trustStore",
  limitMs: 100,
  inputs: null,
  most: 12_000,
  text: true,
  dictionary: dictionaryOf([
    ...[
      "-----BEGIN CERTIFICATE-----",
      "-----END CERTIFICATE-----",
      "-----BEGIN X509 CRL-----",
      "-----END X509 CRL-----",
      "=",
      "==",
      "\n",
      "\r\n",
      " ",
    ],
    ...[
      "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n",
      "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
      PARTED,
      "MII",
    ],
  ]),
  corpus: () => {
    const authorities = CERTIFICATES.slice(0, CA_COUNT);
    return [
      pemOf(authorities),
      `${pemOf(authorities)}${PARTED}${pemOf(LISTS.slice(0, SOUND_LISTS))}`,
      `${pemOf(authorities.slice(0, 2))}${PARTED}${pemOf(LISTS.slice(0, 2))}`,
      `${pemOf(authorities.slice(0, 1))}${PARTED}${pemOf(LISTS.slice(0, 1))}`,
      pemOf(authorities.slice(2, 3)).replaceAll("\n", "\r\n"),
      `${pemOf(authorities)}${pemOf(CERTIFICATES.slice(ALICE, ALICE + 1))}`,
      `${pemOf(authorities)}${PARTED}${pemOf(LISTS)}`,
    ].map(octetsOf);
  },
  run(input) {
    const [ca = "", ...lists] = textOf(input).split(PARTED);
    const pem = lists.join(PARTED);
    const loaded = TrustStore.load(
      {
        ca: [{ name: "plant", file: CA_FILE, pem: ca, mayIdentify: ["spiffe://plant.example/operator/*", "cn:*"], mayAssertRoles: true }],
        crl: lists.length === 0 ? [] : [{ file: LIST_FILE, pem }],
      },
      NOW,
    );
    if (!loaded.ok) return refused(mustSay(loaded.error, ca, pem));
    const store = loaded.value;
    must(store.authorities.length > 0 && store.caPem.length === store.authorities.length, "a store of no CA");
    must(lists.length > 0 === store.lists.length > 0, "lists that were given and are not there");
    const believed = LEAVES.map(({ der }, i) => {
      const judged = store.judge([der], null, NOW);
      if (!judged.ok) return false;
      must(store.stillGood(judged.value, NOW) === null, "believed, and no longer good at once");
      must(CA_COUNT + i !== MALLORY || store.lists.length === 0, "believed, and revoked");
      return true;
    });
    const mine = store.authorities.length;
    const foreign = believed.includes(true) && !ourCas(ca);
    must(!foreign, "believed under a CA the site does not hold");
    return accepted(`${mine} CAs, ${store.lists.length} lists, ${believed.map((each) => (each ? "+" : "-")).join("")}`);
  },
};

/** Does the text hold the key of one of the CAs that issued the leaves? What else a root says of itself nobody vouches for. */
function ourCas(text: string): boolean {
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  return blocks.some((block) => {
    const der = Buffer.from(block.replace(/-----[A-Z ]+-----/g, ""), "base64");
    return CA_KEYS.some((key) => der.includes(key));
  });
}

/** `ca.pem:12:1: found ...; expected ...`, of a line that is there. */
function mustSay(problems: readonly string[], ca: string, lists: string): string {
  for (const problem of problems) {
    const [, file, line] = /^(ca\.pem|lists\.pem|tls\.ca):(\d+):1: found .+; expected .+$/.exec(problem) ?? [];
    must(file !== undefined, `no problem with a place: ${JSON.stringify(problem)}`);
    const lines = file === LIST_FILE ? lists.split("\n") : ca.split("\n");
    must(Number(line) >= 1 && Number(line) <= lines.length, `no such line: ${problem}`);
    must(!/[\p{C}\p{Zl}\p{Zp}]/u.test(problem), `a problem that is not safe to print: ${JSON.stringify(problem)}`);
  }
  return gist((problems[0] as string).replace(/^[^ ]+ /, ""));
}
