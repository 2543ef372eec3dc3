/** A sender's start that spools frames until it is killed, and tells what it was promised: `flushed N` after each flush. */
import { writeSync } from "node:fs";
import { Carousel } from "#telemetry/carousel";
import { Spool } from "#telemetry/spool";
import { frame } from "./spools.ts";

const [directory, start] = process.argv.slice(2) as [string, string];
const spool = await Spool.open({ directory, segmentOctets: 64 * 1024, bufferOctets: 256 * 1024 }, Date.now());
const carousel = new Carousel(spool, { delayMs: 0 });
let n = 0;
for (;;) {
  const burst = 1 + Math.floor(Math.random() * 60);
  for (let i = 0; i < burst; i++) if (spool.append(n + 1, Date.now(), frame(Number(start), n + 1))) n += 1;
  const appended = n;
  if (await spool.flush(Date.now())) writeSync(1, `flushed ${appended}\n`);
  for (let i = 0; i < 20; i++) carousel.next(Date.now());
}
