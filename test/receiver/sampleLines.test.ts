/** Samples as lines: every value comes back as it was, and what was damaged is known. */
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Sample } from "#receiver/model";
import { decodeSamples, encodeSamples, LINE_SAMPLES, LONGEST_LINE } from "#receiver/sampleLines";
import { anySample, sampleOf, samplesFrom } from "./stage.ts";

const lines = suite("receiver/sampleLines");

function read(octets: Buffer): (Sample[] | null)[] {
  const found: (Sample[] | null)[] = [];
  for (let at = 0; at < octets.length; ) {
    const feed = octets.indexOf(10, at);
    found.push(decodeSamples(octets.subarray(at, feed)));
    at = feed + 1;
  }
  return found;
}

lines("the form that is documented", () => {
  const { octets } = encodeSamples([
    sampleOf(3, { value: 2n ** 64n - 1n, timeOf: "device", historical: true }),
    sampleOf(4, { value: Number.NaN }),
  ]);
  assert.match(
    octets.toString(),
    /^[0-9a-f]{8} \[\["run\.3","plant-1","boiler-0","pressure-3",\{"i":"18446744073709551615"\},"good",1760000000003,3\],\["run\.4","plant-1","boiler-1","pressure-4",\{"f":"NaN"\},"good",1760000000004,0\]\]\n$/,
  );
});

lines("whatever a sample holds comes back the same: bigint exact, NaN, infinities, minus zero, any text", () => {
  fc.assert(
    fc.property(fc.array(anySample, { maxLength: 150 }), (samples) => {
      const { octets, count, unfit } = encodeSamples(samples);
      assert.is(count, samples.length);
      assert.is(unfit, 0);
      const back = read(octets).flatMap((each) => each ?? []);
      assert.is(back.length, samples.length);
      back.forEach((sample, i) => {
        assert.ok(Object.is(sample.value, samples[i]?.value), `${String(sample.value)} for ${String(samples[i]?.value)}`);
        assert.ok(sample.timeMs === samples[i]?.timeMs);
        assert.equal({ ...sample, value: 0, timeMs: 0 }, { ...samples[i], value: 0, timeMs: 0 });
      });
    }),
    { numRuns: 300 },
  );
});

lines("no damage of one octet passes: each line reads as it was or not at all", () => {
  const samples = samplesFrom(0, 3);
  const { octets } = encodeSamples(samples);
  for (let at = 0; at < octets.length; at++) {
    for (const by of [1, 0x20, 0x80]) {
      const hurt = Buffer.from(octets);
      hurt[at] = (hurt[at] as number) ^ by;
      for (const line of hurt.toString("latin1").split("\n")) {
        const found = decodeSamples(Buffer.from(line, "latin1"));
        if (found !== null) assert.equal(found, samples, `octet ${at}`);
      }
    }
  }
  for (let cut = 0; cut < octets.length - 1; cut++) assert.is(decodeSamples(octets.subarray(0, cut)), null);
});

lines("a line has a bounded number of samples and octets; what fits no line, or has no time, is unfit", () => {
  const long = sampleOf(1, { value: "\u20ac".repeat(100_000) });
  const { octets, count, unfit } = encodeSamples([
    ...samplesFrom(0, 3 * LINE_SAMPLES + 1),
    ...Array.from({ length: 10 }, () => long),
    sampleOf(1, { value: "x".repeat(200_000) }),
    sampleOf(1, { timeMs: Number.NaN }),
  ]);
  assert.is(unfit, 2);
  const found = read(octets);
  assert.is(
    found.reduce((sum, each) => sum + (each?.length ?? 0), 0),
    count,
  );
  assert.is(count, 3 * LINE_SAMPLES + 11);
  assert.ok(found.every((each) => each !== null && each.length <= LINE_SAMPLES));
  for (const line of octets.toString("latin1").split("\n")) assert.ok(line.length < LONGEST_LINE);
});

lines("a sum that fits what is no sample is no sample", () => {
  for (const text of ["[[1]]", "{}", "null", '[["a","b","c","d",{"i":"1.5"},"good",1,0]]', '[["a","b","c","d",1,"fine",1,0]]', "[["]) {
    const whole = `${crcOf(text)} ${text}`;
    assert.is(decodeSamples(Buffer.from(whole)), null, text);
  }
});

function crcOf(text: string): string {
  let crc = 0xffffffff;
  for (const octet of Buffer.from(text)) {
    crc ^= octet;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ ((crc & 1) * 0xedb88320);
  }
  return ((crc ^ 0xffffffff) >>> 0).toString(16).padStart(8, "0");
}

lines.run();
