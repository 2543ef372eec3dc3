/** A revocation list in DER: refused with a phrase, or read; and taken for a CA's only where that CA signed those very octets. */
import { isListOf, MOST_REVOKED, readRevocationList } from "#identity/crl";
import { accepted, must, refused, type Target } from "../target.ts";
import { CA_COUNT, CERTIFICATES, certificateOf, LISTS, signedPart, within } from "./papers.ts";

const ISSUERS = CERTIFICATES.slice(0, CA_COUNT).map(({ der }) => certificateOf(der));
const SIGNED: ReadonlySet<string> = new Set(LISTS.map(({ der }) => signedPart(der)));

export const revocationList: Target = {
  name: "revocationList",
  limitMs: 10,
  inputs: null,
  most: 2_000,
  text: false,
  dictionary: [
    Uint8Array.of(0x30, 0x80),
    Uint8Array.of(0x30, 0x00),
    Uint8Array.of(0x18, 0x0f),
    Uint8Array.of(0x02, 0x02, 0x00, 0x80),
    Uint8Array.of(0x06, 0x03, 0x55, 0x1d, 0x1b),
    Uint8Array.of(0x06, 0x03, 0x55, 0x1d, 0x1d),
    Uint8Array.of(0x01, 0x01, 0xff),
    Uint8Array.of(0xa0, 0x00),
  ],
  corpus: () => LISTS.map(({ der }) => der),
  run(input) {
    const read = readRevocationList(input);
    if (!read.ok) {
      must(read.error !== "", "refused without a word");
      return refused(read.error);
    }
    const list = read.value;
    must(within(input, list.signed) && within(input, list.signature), "octets from elsewhere");
    must(Number.isSafeInteger(list.thisUpdate) && (list.nextUpdate === null || Number.isSafeInteger(list.nextUpdate)), "no time");
    must(list.number === null || list.number >= 0n, `list number ${list.number}`);
    must(
      list.revoked.size <= MOST_REVOKED && list.revoked.size * 8 <= input.length,
      `${list.revoked.size} entries in ${input.length} octets`,
    );
    must(!/[^\x20-\x7e]/.test(list.issuerWords), "words that are not safe to print");
    for (const [serial, date] of list.revoked) must(/^[0-9a-f]+$/.test(serial) && Number.isSafeInteger(date), `serial ${serial}, ${date}`);
    const by = ISSUERS.findIndex((issuer) => isListOf(list, issuer));
    must(by < 0 || SIGNED.has(signedPart(input)), "taken for a CA's, and no CA signed it");
    return accepted(`${Math.min(3, list.revoked.size)} revoked, ${by < 0 ? "of nobody" : `of ${by}`}, ${list.algorithm.name}`);
  },
};
