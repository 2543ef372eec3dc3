/** An application fragment: refused with a code, or told header by header, each within its octets, and encoded back to the very same. */
import { decodeFragment, type Fragment } from "#dnp3/application";
import { eachItem, encodeFragment, namedIndex } from "#dnp3/items";
import { sameOctets } from "#wire";
import { accepted, must, refused, type Target } from "../target.ts";
import { FRAGMENTS } from "./dnp3.ts";
import { Amid } from "./modbus.ts";

const FAULTS = new Set([
  "badFunction",
  "badControl",
  "truncated",
  "trailing",
  "badQualifier",
  "unknownObject",
  "badVariation",
  "badRange",
  "badSize",
  "badPadding",
  "badOrder",
]);
const amid = new Amid();
const encoded = new Uint8Array(1_024);
/** Of a header with more, as many are looked at. */
const MOST_ITEMS = 1_000;

export const dnp3Fragment: Target = {
  name: "dnp3Fragment",
  limitMs: 10,
  inputs: 10_000_000,
  most: 300,
  text: false,
  dictionary: [],
  corpus: () => FRAGMENTS,
  run(input) {
    amid.place(input);
    const decoded = decodeFragment(amid.all, amid.at, input.length);
    if (!decoded.ok) {
      must(decoded.error.kind === "truncated", `an unknown code: ${decoded.error.kind}`);
      return refused(decoded.error.kind);
    }
    const fragment = decoded.value;
    inBounds(fragment, amid.at + input.length);
    if (fragment.fault !== null) {
      must(FAULTS.has(fragment.fault), `an unknown code: ${fragment.fault}`);
      must(fragment.faultAt >= amid.at && fragment.faultAt < amid.at + input.length, "a fault outside the fragment");
      return refused(`${fragment.row.code} ${fragment.fault}`);
    }
    const length = encodeFragment(encoded, 3, fragment);
    must(
      length === input.length && (sameOctets(encoded, 3, input, 0, length) || hasOddFloat(fragment)),
      "it is not encoded back to its own octets",
    );
    return accepted(`${fragment.row.code} ${fragment.headers.map(({ group }) => group).join(" ")}`);
  },
};

function inBounds(fragment: Fragment, end: number): void {
  let at = -1;
  for (const header of fragment.headers) {
    must(header.at > at && header.end <= end, "a header outside the fragment, or before the one before it");
    at = header.at;
    if (header.hasData) {
      let count = 0;
      eachItem(fragment, header, (item) => {
        count += 1;
        must(item.at >= header.itemsAt && item.at + item.length <= header.end, "an object outside its header");
      });
      must(count === header.count, `${count} objects of ${header.count}`);
    } else if (header.qualifier.prefix === "index") {
      for (let i = 0; i < Math.min(header.count, MOST_ITEMS); i++) must(namedIndex(fragment, header, i) >= 0, "an index");
    }
  }
}

/** A float that is no number comes back as the one this machine makes. */
function hasOddFloat({ headers }: Fragment): boolean {
  return headers.some(
    ({ entry, hasData }) =>
      hasData && entry.layout.is === "fields" && entry.layout.fields.some(([, type]) => type === "f32" || type === "f64"),
  );
}
