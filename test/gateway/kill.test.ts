/** kill -9 at random points: every write the device saw has its record on disk, and the log verifies, each time (DESIGN 5, 13). */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { verify } from "#audit/verify";
import { Daemon } from "#test/support/daemon";
import { recordsIn, writeDocuments } from "#test/support/house";
import { adu, Operator } from "#test/support/operator";
import { Plc } from "#test/support/plc";

const ROUNDS = Number(process.env.PENSTOCK_KILL_ROUNDS ?? 20);
const kill = suite("gateway/kill");

kill(`kill -9, ${ROUNDS} rounds: no write without its record, and the log verifies`, async () => {
  const dir = mkdtempSync(path.join(os.tmpdir(), "penstock-kill-"));
  const plc = new Plc();
  await plc.listen();
  const seen = new Set<number>();
  plc.keep = false;
  plc.seen = (frame) => {
    if (frame[7] === 6) seen.add(frame.readUInt16BE(8) * 65_536 + frame.readUInt16BE(10));
  };
  writeDocuments(dir, plc.port, { asset: "    sessions_per_identity: 8" });
  let value = 0;
  let daemon: Daemon | null = null;
  try {
    for (let round = 0; round < ROUNDS; round++) {
      daemon = await Daemon.start(dir);
      const port = await daemon.port();
      let going = true;
      const writers = Array.from({ length: 3 }, async (_, w) => {
        const operator = await Operator.plain(port);
        let transaction = 0;
        while (going && !operator.closed) {
          value += 1;
          transaction = (transaction % 0xffff) + 1;
          const pdu = Buffer.from([6, 0, w, (value >> 8) & 0xff, value & 0xff]);
          operator.socket.write(adu(pdu, 1, transaction));
          await operator.answerTo(transaction, 5_000).catch(() => null);
        }
        operator.close();
      });
      await new Promise((resolve) => setTimeout(resolve, 20 + Math.random() * 250));
      await daemon.stop("SIGKILL");
      going = false;
      await Promise.all(writers);
      // A write from before the kill may still stand in the device's socket.
      await new Promise((resolve) => setTimeout(resolve, 20));
      const report = await verify(path.join(dir, "audit"), readPublicKey(dir));
      assert.ok(report.ok, JSON.stringify(report));
      const recorded = new Set<number>();
      for (const r of recordsIn(path.join(dir, "audit"), "decision")) {
        if (r.decision === "allow" && r.function === 6) recorded.add(r.operations[0].first * 65_536 + r.operations[0].after[0]);
      }
      for (const write of seen) assert.ok(recorded.has(write), `round ${round}: the device saw ${write} and the log does not`);
    }
    assert.ok(seen.size > ROUNDS, `${seen.size} writes seen`);
    console.log(`${ROUNDS} kills, ${seen.size} writes at the device, each with its record`);
    // And the next start goes on with the same chain.
    daemon = await Daemon.start(dir);
    assert.is((await daemon.status()).audit.state, "ok");
    assert.is((await daemon.stop()).code, 0);
    assert.ok((await verify(path.join(dir, "audit"), readPublicKey(dir))).ok);
  } finally {
    await daemon?.stop("SIGKILL");
    await plc.close();
    rmSync(dir, { recursive: true, force: true });
  }
});

function readPublicKey(dir: string): string {
  return readFileSync(path.join(dir, "audit.key.pub"), "utf8");
}

kill.run();
