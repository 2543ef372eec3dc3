/** A process of its own: how much the heap grows over many frames. The young generation is larger than all that a leak of one object a frame would make. */
import { MbapFramer } from "#modbus/mbap";

const frame = Uint8Array.of(0, 1, 0, 0, 0, 6, 17, 3, 0, 107, 0, 3);
const two = Uint8Array.of(...frame, ...frame);
const head = frame.subarray(0, 5);
const tail = Uint8Array.of(...frame.subarray(5), ...frame);
const framer = new MbapFramer();

function run(rounds: number): number {
  let frames = 0;
  for (let round = 0; round < rounds; round++) {
    framer.feed(two);
    while (framer.next() === "frame") frames += 1;
    framer.feed(head);
    while (framer.next() === "frame") frames += 1;
    framer.feed(tail);
    while (framer.next() === "frame") frames += 1;
  }
  return frames;
}

run(50_000);
globalThis.gc?.();
const before = process.memoryUsage().heapUsed;
const frames = run(200_000);
console.log(JSON.stringify({ frames, grownBy: process.memoryUsage().heapUsed - before }));
