/** One-way frames: nothing throws, nothing passes that was not sealed with the key; what is sealed anew opens to what it was. */
import { decodeHeader, encodeHeader, HEADER, SALT, SALT_AT, TAG } from "#oneway/frame";
import { Opener, Sealer } from "#sealing/frames";
import { toHex } from "#wire";
import { accepted, must, refused, type Target } from "../target.ts";
import { KEY, startOf, T0 } from "./oneway.ts";

const FRAMES = startOf(1, 0, T0).slice(0, 10);
const GOOD = new Set(FRAMES.map((frame) => toHex(frame, 0, frame.length)));

export const onewayFrame: Target = {
  name: "onewayFrame",
  limitMs: 10,
  inputs: 1_000_000,
  most: 1_460,
  text: false,
  dictionary: [Uint8Array.of(0x50, 0x73, 1, 1), Uint8Array.of(0x50, 0x73, 1, 2), Uint8Array.of(20, 4, 8, 0), Uint8Array.of(0, 1)],
  corpus: () => FRAMES,
  run(input) {
    const read = decodeHeader(input);
    if (!read.ok) return refused(read.error);
    const header = read.value;
    must(input.length === HEADER + header.length + TAG, "another length than it says");
    const salt = input.subarray(SALT_AT, SALT_AT + SALT);
    const again = new Uint8Array(HEADER);
    encodeHeader(again, header, salt);
    must(toHex(again, 0, HEADER) === toHex(input, 0, HEADER), "a header that is another one when it is written again");
    const opened = new Opener([KEY]).open(input, header);
    const isGood = GOOD.has(toHex(input, 0, input.length));
    must(isGood === (typeof opened !== "string"), isGood ? `a good frame is ${String(opened)}` : "what nobody sealed passes");
    mustSealAgain(input, salt);
    return typeof opened === "string" ? refused(opened) : accepted(`kind ${header.kind}`);
  },
};

/** With the key in hand, whatever header and content there are. */
function mustSealAgain(input: Uint8Array, salt: Uint8Array): void {
  const read = decodeHeader(input);
  if (!read.ok) return;
  const header = { ...read.value, keyId: KEY.id };
  const content = input.subarray(HEADER, HEADER + header.length);
  const sealed = new Uint8Array(input.length);
  new Sealer(KEY, header.stream, salt).seal(sealed, header, content);
  const back = decodeHeader(sealed);
  const opened = back.ok ? new Opener([KEY]).open(sealed, back.value) : back.error;
  must(typeof opened !== "string" && Buffer.compare(opened, content) === 0, `sealed anew it is ${String(opened)}`);
}
