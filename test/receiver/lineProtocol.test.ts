/** Line protocol, held against a reader of its own that knows only what stores do with escapes. */
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { encodeLine } from "#receiver/lineProtocol";
import type { Sample } from "#receiver/model";
import { anySample, sampleOf } from "./stage.ts";

const line = suite("receiver/lineProtocol");
const base = sampleOf(0, { gateway: "plant-1", asset: "boiler-1", point: "steam_pressure", timeMs: 1_760_000_000_000 });
const HEAD = "penstock,asset=boiler-1,gateway=plant-1,point=steam_pressure,quality=good ";
const TAIL = "historical=false,device_time=false 1760000000000000000\n";

for (const [what, value, field] of [
  ["a float", 41.5, "value=41.5,"],
  ["a whole number is a float like its neighbours", 5, "value=5,"],
  ["large and small ones, in a form the protocol has", 1e21, "value=1e+21,"],
  ["minus zero", -0, "value=-0,"],
  ["a bigint is an integer, exact", 9_007_199_254_740_993n, "value_int=9007199254740993i,"],
  ["the least there is", -(2n ** 63n), "value_int=-9223372036854775808i,"],
  ["beyond 63 bits it is text", 2n ** 63n, 'value_text="9223372036854775808",'],
  ["true", true, "value_bool=true,"],
  ["text", 'say "no\\yes"', 'value_text="say \\"no\\\\yes\\"",'],
  ["text of two lines stays in one", "a\nb", 'value_text="a\\\\u{000a}b",'],
  ["NaN, which the protocol lacks", Number.NaN, 'value_text="NaN",'],
  ["an infinity", Number.NEGATIVE_INFINITY, 'value_text="-Infinity",'],
  ["no value: the quality tells", null, ""],
] as const) {
  line(`${what}: ${field}`, () => {
    assert.is(encodeLine({ ...base, value }), `${HEAD}${field}${TAIL}`);
  });
}

line("unsigned where the store knows it, up to 64 bits", () => {
  assert.is(encodeLine({ ...base, value: 2n ** 64n - 1n }, { unsigned: true }), `${HEAD}value_uint=18446744073709551615u,${TAIL}`);
  assert.is(encodeLine({ ...base, value: 2n ** 64n }, { unsigned: true }), `${HEAD}value_text="18446744073709551616",${TAIL}`);
  assert.is(encodeLine({ ...base, value: 7n }, { unsigned: true }), `${HEAD}value_int=7i,${TAIL}`);
});

line("names with separators, backslashes and controls; empty ones", () => {
  const odd = {
    ...base,
    gateway: "",
    asset: "a, b=c\\",
    point: "x\\,y\nz",
    value: true,
    quality: "comm-lost",
    historical: true,
    timeOf: "device",
  } as const;
  assert.is(
    encodeLine(odd, { measurement: "#odd, one=1" }),
    "_odd\\,\\ one=1,asset=a\\,\\ b\\=c\\\\,point=x\\\\\\,y\\u{000a}z,quality=comm-lost value_bool=true,historical=true,device_time=true 1760000000000000000\n",
  );
});

line("times: parts of a millisecond, before 1970, and beyond what 64 bits of nanoseconds hold", () => {
  const timed = (timeMs: number): string | undefined =>
    encodeLine({ ...base, timeMs })
      ?.split(" ")
      .at(-1)
      ?.trim();
  assert.is(timed(1_760_000_000_000.25), "1760000000000250000");
  assert.is(timed(0), "0");
  assert.is(timed(-1.5), "-1500000");
  assert.is(timed(9_223_372_036_854), "9223372036854000000");
  assert.is(timed(9_223_372_036_855), undefined);
  assert.is(timed(Number.NaN), undefined);
});

line("whatever a name or text holds: one line, with these tags and fields and no other", () => {
  fc.assert(
    fc.property(anySample, fc.boolean(), (sample, unsigned) => {
      const encoded = encodeLine(sample, { unsigned });
      if (encoded === null) return;
      assert.is(encoded.indexOf("\n"), encoded.length - 1);
      const { measurement, tags, fields } = parse(encoded);
      assert.is(measurement, "penstock");
      const named = (["asset", "gateway", "point"] as const).filter((key) => sample[key] !== "");
      assert.equal([...tags.keys()], [...named, "quality"]);
      assert.is(tags.get("quality"), sample.quality);
      // What stores leave of a doubled backslash differs; without them it is what it was.
      for (const key of named) if (/^[^\\\p{C}\p{Zl}\p{Zp}]*$/u.test(sample[key])) assert.is(tags.get(key), sample[key]);
      const values = [...fields.keys()].filter((key) => key.startsWith("value"));
      assert.is(values.length, sample.value === null ? 0 : 1);
      assert.is(fields.size, values.length + 2);
      if (typeof sample.value === "number" && Number.isFinite(sample.value))
        assert.ok(Object.is(Number(fields.get("value")), sample.value));
    }),
    { numRuns: 1_000 },
  );
});

/** As stores read: a backslash takes the meaning of whatever follows; in quotes only of `"` and itself. */
function parse(text: string): { measurement: string; tags: Map<string, string>; fields: Map<string, string> } {
  const parts: string[] = [];
  let part = "";
  let isQuoted = false;
  for (let at = 0; at < text.length; at++) {
    const c = text[at] as string;
    if (c === "\\") {
      part += c + (text[at + 1] ?? "");
      at += 1;
    } else if (c === '"' && parts.length === 1) {
      isQuoted = !isQuoted;
      part += c;
    } else if (c === " " && !isQuoted) {
      parts.push(part);
      part = "";
    } else part += c;
  }
  parts.push(part);
  assert.is(parts.length, 3, text);
  const [measurement = "", ...tags] = split(parts[0] as string, ",");
  const pairs = (list: readonly string[], hasQuotes: boolean): Map<string, string> =>
    new Map(
      list.map((each) => {
        const [key = "", value = "", ...more] = split(each, "=", hasQuotes);
        assert.is(more.length, 0, text);
        return [key, value.replace(/\\([,= ])/g, "$1")];
      }),
    );
  return { measurement, tags: pairs(tags, false), fields: pairs(split(parts[1] as string, ",", true), true) };
}

function split(text: string, by: string, hasQuotes = false): string[] {
  const parts = [""];
  let isQuoted = false;
  for (let at = 0; at < text.length; at++) {
    const c = text[at] as string;
    if (c === "\\") {
      parts[parts.length - 1] += c + (text[at + 1] ?? "");
      at += 1;
      continue;
    }
    if (c === '"' && hasQuotes) isQuoted = !isQuoted;
    if (c === by && !isQuoted) parts.push("");
    else parts[parts.length - 1] += c;
  }
  return parts;
}

line("a time beyond the protocol is told by null, not by a line", () => {
  const late: Sample = { ...base, timeMs: 1e300 };
  assert.is(encodeLine(late), null);
});

line.run();
