/** Evidence that was tampered with while the gate stood still, and how soon a write is signed, seen at a real daemon. */
import { appendFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { until } from "#test/support/house";
import { write } from "#test/support/operator";
import { Stage } from "#test/support/stage";

const alarm = suite<{ stage: Stage }>("gateway/evidenceAlarm");
alarm.after.each(async (context) => {
  await context.stage?.clear();
});

alarm(
  "RULINGS 30: a broken segment is alarmed in status and in the operational log, each trouble of it, and writes go on",
  async (context) => {
    context.stage = await Stage.open();
    const { stage } = context;
    await (await stage.plain()).ask(write(7, 1));
    await stage.settled();
    await stage.daemon.stop("SIGKILL");
    const audit = path.join(stage.dir, "audit");
    appendFileSync(path.join(audit, "audit-00000001.jsonl"), "nothing happened here\n");
    writeFileSync(path.join(audit, "checkpoint.json"), "{}\n");
    await stage.again();
    const troubles = [/segment 1 is broken: line \d+ is no line of this log/, /the checkpoint file is damaged/];
    await until(() => troubles.every((words) => words.test(stage.daemon.stderr)), "the operational log tells");
    const { warnings } = await stage.status();
    for (const words of troubles)
      assert.ok(
        warnings.some((warning) => words.test(warning)),
        `${words}: ${warnings.join("\n")}`,
      );
    assert.is((await (await stage.plain()).ask(write(7, 2))).toString("hex"), "0600070002");
    await stage.daemon.stop();
    const { findings, unanchored } = await stage.verify();
    assert.ok(findings.length > 0 && findings.every(({ file }) => file === "audit-00000001.jsonl"), JSON.stringify(findings));
    assert.is(unanchored.records, 0);
  },
);

alarm("RULINGS 31: a write through the gate is under a signed checkpoint within 1 s", async (context) => {
  context.stage = await Stage.open();
  const { stage } = context;
  const operator = await stage.plain();
  const took: number[] = [];
  for (let value = 1; value <= 4; value++) {
    const asked = performance.now();
    await operator.ask(write(7, value));
    const { seq } = stage.records("decision").findLast((r) => r.function === 6) as { seq: number };
    await until(() => stage.records("audit").some((r) => r.event === "checkpoint" && r.seq > seq), "it is signed");
    took.push(performance.now() - asked);
  }
  console.log(`signed after ${took.map((ms) => ms.toFixed(0)).join(", ")} ms`);
  // One that a busy machine held up says nothing about the gate.
  assert.ok(took.filter((ms) => ms < 1_000).length >= 3, took.join());
  await stage.endsWell();
});

alarm.run();
