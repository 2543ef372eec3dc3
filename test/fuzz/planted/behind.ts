/** Readers with a fault that only a guide finds the way to; they are instrumented as the rooms are. */
import { accepted, octetsOf, refused, type Target } from "../target.ts";

function planted(name: string, run: Target["run"]): Target {
  const corpus = [octetsOf("sound, and long enough"), octetsOf("sound as well")];
  return { name, limitMs: 10, inputs: null, most: 64, text: false, dictionary: [], corpus: () => corpus, run };
}

/** Octet after octet, and no comparison to be heard: each right one goes a way further. */
export const behindSteps = planted("behindSteps", ([a, b, c]) => {
  const all = is(a, 0x50) && is(b, 0x45) && is(c, 0x4e);
  if (all) throw new RangeError("all the way");
  return is(a, 0x73) ? accepted("as it was") : refused("otherwise");
});

function is(octet = 0, wanted: number): boolean {
  return !(octet ^ wanted);
}

/** Four octets at once, and then two that depend on the length: nothing tells how near a guess is. */
export const behindNumbers = planted("behindNumbers", (input) => {
  if (input.length < 6) return refused("short");
  const view = new DataView(input.buffer, input.byteOffset, input.length);
  if (view.getUint32(0) !== 0x9e37_79b9) return accepted("another kind");
  if (view.getUint16(4) !== 257 * input.length) return accepted("another length");
  throw new RangeError("just these numbers");
});

const VERBS = new Map([["discombobulate", 1]]);

/** A word that stands in no dictionary. */
export const behindWords = planted("behindWords", (input) => {
  const [verb = "", noun = ""] = String.fromCharCode(...input).split(" ");
  if (!VERBS.has(verb)) return refused("no verb");
  switch (noun) {
    case "valve":
      return accepted("valve");
    case "quarterdeck":
      throw new RangeError("just these words");
    default:
      return accepted("no noun");
  }
});
