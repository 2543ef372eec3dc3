/** A process that writes evidence until it is killed, and tells what it was promised: `durable N` after each sync. */
import { writeSync } from "node:fs";
import { loadSigningKey } from "#audit/key";
import { openLog } from "#audit/log";

const [directory, keyFile] = process.argv.slice(2) as [string, string];
const log = await openLog({
  directory,
  key: loadSigningKey(keyFile),
  retainMs: 1e12,
  maxOctets: 1024 ** 3,
  segmentOctets: 40_000,
  clock: { monotonic: () => performance.now(), wall: () => Date.now() },
});
log.onProgress = () => writeSync(1, `durable ${log.durable}\n`);
for (let round = 0; ; round++) {
  const burst = 1 + Math.floor(Math.random() * 40);
  for (let i = 0; i < burst; i++) {
    const number = log.append({
      kind: "decision",
      wallMs: Date.now(),
      change: i % 7 === 0,
      members: () => ({ own: number, text: "x".repeat(Math.floor(Math.random() * 400)) }),
      rendered() {},
    });
  }
  if (round % 10 === 0) log.keep(Buffer.from(`document of ${process.pid}, ${round}`));
  await new Promise((resolve) => setTimeout(resolve, Math.random() * 4));
}
