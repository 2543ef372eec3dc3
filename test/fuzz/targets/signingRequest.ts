/** A signing request in DER: refused with a phrase, or its key signed those very octets. */
import { readRequest } from "#identity/request";
import { accepted, must, refused, type Target } from "../target.ts";
import { REQUESTS, signedPart } from "./papers.ts";

const SIGNED: ReadonlySet<string> = new Set(REQUESTS.map(({ der }) => signedPart(der)));

export const signingRequest: Target = {
  name: "signingRequest",
  limitMs: 10,
  inputs: null,
  most: 1_600,
  text: false,
  dictionary: [
    Uint8Array.of(0x30, 0x80),
    Uint8Array.of(0x30, 0x00),
    Uint8Array.of(0x02, 0x01, 0x00),
    Uint8Array.of(0xa0, 0x00),
    Uint8Array.of(0x05, 0x00),
    Uint8Array.of(0x03, 0x01, 0x00),
  ],
  corpus: () => REQUESTS.map(({ der }) => der),
  run(input) {
    const read = readRequest(input);
    if (!read.ok) {
      must(read.error !== "", "refused without a word");
      return refused(read.error);
    }
    must(SIGNED.has(signedPart(input)), "taken, and its key did not sign it");
    must(!/[^\x20-\x7e]/.test(read.value.subjectWords), "words that are not safe to print");
    return accepted(read.value.key.asymmetricKeyType ?? "a key of no kind");
  },
};
