/**
 * What a sample costs on the far side: through the disk queue to a sink that does nothing, and the forms a sample can take on the disk and on
 * the wire. Processor time, since the disk and the neighbours have their own.
 *
 *     node bench/delivery.ts [directory on the disk to measure]
 */
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { crc32 } from "node:zlib";
import { CurrentValues } from "#receiver/current";
import { DeliveryQueue } from "#receiver/deliveryQueue";
import { encodeLine } from "#receiver/lineProtocol";
import type { Sample } from "#receiver/model";
import { decodeSamples, encodeSamples } from "#receiver/sampleLines";
import { machine, median, warning } from "./machine.ts";

const COUNT = 200_000;
const ROUNDS = 5;
const samples: readonly Sample[] = Array.from({ length: COUNT }, (_, i) => ({
  gateway: "plant-gw-1",
  asset: `boiler-${i % 8}`,
  point: `steam_pressure_${i % 100}`,
  id: `8f3a91c2d4e5.${1_000_000 + i}.${i % 50}`,
  value: i % 5 === 0 ? i : i * 0.37,
  quality: "good",
  timeMs: 1_760_000_000_000 + i,
  timeOf: "gateway",
  historical: false,
}));

const root = fs.mkdtempSync(path.join(process.argv[2] ?? os.tmpdir(), "penstock-bench-"));
try {
  console.log(`${machine()}\n${warning()}on ${root}; ${COUNT} samples, medians of ${ROUNDS}`);
  forms();
  for (const size of [1_000, 64, 1]) await through(size);
} finally {
  fs.rmSync(root, { recursive: true, force: true });
}

/** Pushes of so many samples, each waited for, while the pump delivers; the sink takes everything at once. */
async function through(size: number): Promise<void> {
  const count = size === 1 ? 2_000 : COUNT;
  const wall: number[] = [];
  const processor: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    let taken = 0;
    let done: () => void = () => {};
    const all = new Promise<void>((resolve) => {
      done = resolve;
    });
    const queue = await DeliveryQueue.open({
      directory: path.join(root, `${size}-${round}`),
      sink: {
        name: "null",
        async deliver(batch) {
          taken += batch.length;
          if (taken === count) done();
          return true;
        },
      },
    });
    const started = performance.now();
    const before = process.cpuUsage();
    for (let at = 0; at < count; at += size) if (!(await queue.push(samples.slice(at, at + size)))) throw new Error("not kept");
    await all;
    const { user, system } = process.cpuUsage(before);
    wall.push(count / (performance.now() - started));
    processor.push((user + system) / count);
    await queue.close();
  }
  console.log(
    `queue, pushes of ${String(size).padEnd(5)} ${median(wall).toFixed(1).padStart(8)}k samples/s, ${median(processor).toFixed(2)} µs of processor a sample`,
  );
}

function forms(): void {
  const lines = each("lines of 64 (what the queue writes)", () => encodeSamples(samples).octets);
  each("  read again", () => {
    for (let at = 0; at < lines.length; ) {
      const feed = lines.indexOf(10, at);
      decodeSamples(lines.subarray(at, feed));
      at = feed + 1;
    }
  });
  const single = each("a line for each sample", () => Buffer.concat(samples.map((sample) => encodeSamples([sample]).octets)));
  each("  read again", () => {
    for (let at = 0; at < single.length; ) {
      const feed = single.indexOf(10, at);
      decodeSamples(single.subarray(at, feed));
      at = feed + 1;
    }
  });
  const binary = each("a binary form, for comparison", encodeBinary);
  each("  read again", () => decodeBinary(binary));
  console.log(
    `octets a sample                      ${[lines, single, binary].map(({ length }) => (length / COUNT).toFixed(1)).join(", ")} in these three forms`,
  );
  each("line protocol", () => samples.map((sample) => encodeLine(sample)).join(""));
  const current = new CurrentValues(10_000);
  each("current value", () => {
    for (const sample of samples) current.offer(sample);
  });
}

function each<T>(what: string, work: () => T): T {
  const processor: number[] = [];
  let result = work();
  for (let round = 0; round < ROUNDS; round++) {
    const before = process.cpuUsage();
    result = work();
    const { user, system } = process.cpuUsage(before);
    processor.push((user + system) / COUNT);
  }
  console.log(`${what.padEnd(36)} ${median(processor).toFixed(2)} µs of processor a sample`);
  return result;
}

/** Length, CRC, time, value, four texts: the least a binary form would do. */
function encodeBinary(): Buffer {
  const octets = Buffer.allocUnsafe(200 * COUNT);
  let at = 0;
  for (const { timeMs, value, id, gateway, asset, point } of samples) {
    const from = at;
    at = octets.writeDoubleLE(timeMs, at + 8);
    at = octets.writeDoubleLE(Number(value), at);
    for (const text of [id, gateway, asset, point]) {
      const length = octets.write(text, at + 2);
      octets.writeUInt16LE(length, at);
      at += 2 + length;
    }
    octets.writeUInt32LE(at - from, from);
    octets.writeUInt32LE(crc32(octets.subarray(from + 8, at)), from + 4);
  }
  return octets.subarray(0, at);
}

function decodeBinary(octets: Buffer): void {
  for (let at = 0; at < octets.length; ) {
    const length = octets.readUInt32LE(at);
    if (crc32(octets.subarray(at + 8, at + length)) !== octets.readUInt32LE(at + 4)) throw new Error("damaged");
    const timeMs = octets.readDoubleLE(at + 8);
    const value = octets.readDoubleLE(at + 16);
    const texts: string[] = [];
    for (let text = at + 24; text < at + length; ) {
      const end = text + 2 + octets.readUInt16LE(text);
      texts.push(octets.toString("utf8", text + 2, end));
      text = end;
    }
    const [id = "", gateway = "", asset = "", point = ""] = texts;
    if (sampleLike({ gateway, asset, point, id, value, quality: "good", timeMs, timeOf: "gateway", historical: false })) at += length;
  }
}

function sampleLike(sample: Sample): boolean {
  return sample.id !== "";
}
