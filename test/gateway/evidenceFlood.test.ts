/** RULINGS 29 at the gate: denials that come as a flood, and an evidence area they fill. */

import { readFileSync } from "node:fs";
import net from "node:net";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { verify } from "#audit/verify";
import { type House, opened, sleep, until } from "#test/support/house";
import { Operator, read, write } from "#test/support/operator";

const flood = suite<{ house: House }>("gateway/evidenceFlood");
flood.after.each(async (context) => {
  await context.house?.close();
});

/** Another identity to a plain listener. */
async function from(house: House, address: string): Promise<Operator> {
  const socket = net.connect({ port: house.port(), host: "127.0.0.1", localAddress: address });
  await new Promise<void>((resolve, reject) => socket.once("connect", resolve).once("error", reject));
  return new Operator(socket);
}

/** Functions nobody knows, so that each is a kind of its own. */
const kinds = Array.from({ length: 60 }, (_, n) => Buffer.from([65 + (n % 35), n]));

async function floods(operator: Operator, going: () => boolean): Promise<number> {
  let asked = 0;
  for (let at = 0; going(); at += 12) {
    const answers = Array.from({ length: 12 }, (_, n) => operator.ask(kinds[(at + n) % kinds.length] as Buffer));
    await Promise.all(answers);
    asked += answers.length;
  }
  return asked;
}

flood("RULINGS 29: one denied request a thousand times over: 20 records and a count, and the count adds up", async (context) => {
  const house = await opened(context);
  const operator = await house.plain();
  const asked = 1_000;
  for (let done = 0; done < asked; done += 10) await Promise.all(Array.from({ length: 10 }, () => operator.ask(write(500, 1))));
  await operator.ask(write(7, 1));
  const own = (await house.written("decision")).filter((r) => r.decision === "deny");
  assert.is(own.length, 20);
  await house.gateway.close();
  const denied = house.records("decision").filter((r) => r.decision === "deny");
  const [count] = denied.filter((r) => r.count !== undefined);
  assert.is(denied.length, 21);
  assert.equal(
    [count?.who, count?.asset, count?.function, count?.name, count?.code, count?.count],
    ["source:127.0.0.1", "plc", 6, "writeSingleRegister", own[0]?.code, asked - 20],
  );
  assert.match(count?.words, /^denied 980 more of source:127.0.0.1@plc: writeSingleRegister: /);
  assert.is(house.records("decision").filter((r) => r.decision === "allow").length, 1);
});

flood("RULINGS 29: a denial that takes back an allowed write is always a record of its own", async (context) => {
  const house = await opened(context, { asset: "    sessions_per_identity: 8\n    upstream: { timeout: 5s }" });
  const operators = await Promise.all(Array.from({ length: 4 }, () => house.plain()));
  house.plc.faults = { delayMs: 1_000 };
  const answers = operators.flatMap((operator) => Array.from({ length: 10 }, (_, n) => operator.ask(write(n, 9))));
  await until(() => house.plc.requests.length > 0, "the first is at the device");
  await until(() => house.records("decision").length === 40, "all are allowed and wait");
  house.rewrite(
    "policy.yaml",
    house.read("policy.yaml").replace("version: 1", "version: 2").replace("addresses: 0-99 }", "addresses: 50-99 }"),
  );
  assert.equal((await house.gateway.reload()).problems, []);
  await Promise.all(answers);
  const decisions = await house.written("decision");
  const taken = decisions.filter((r) => r.decision === "deny");
  assert.ok(taken.length > 30, `${taken.length}`);
  assert.ok(taken.every((r) => typeof r.of === "number" && r.count === undefined));
  assert.is(new Set(taken.map((r) => r.of)).size, taken.length);
});

flood("RULINGS 29: denials fill the evidence area, and another operator's writes go on, each with its record", async (context) => {
  const house = await opened(context, { audit: "max_size: 1MB" });
  const { audit } = house.gateway.road;
  const honest = await house.plain();
  const eves = await Promise.all(["127.0.0.2", "127.0.0.3", "127.0.0.4"].map((address) => from(house, address)));
  let going = true;
  const attack = Promise.all(eves.map((eve) => floods(eve, () => going)));
  let written = 0;
  const works = async (): Promise<void> => {
    const value = ++written & 0xff;
    assert.is((await honest.ask(write(7, value))).toString("hex"), `060007${value.toString(16).padStart(4, "0")}`);
    await sleep(5);
  };
  const started = performance.now();
  while (!audit.onlyKept && performance.now() - started < 60_000) await works();
  assert.ok(audit.onlyKept, "the flood took what there is for all");
  const full = written;
  while (written < full + 50) await works();
  going = false;
  const asked = (await attack).reduce((sum, n) => sum + n, 0);
  assert.is((await honest.ask(read(7, 1))).toString("hex"), `0302${(written & 0xff).toString(16).padStart(4, "0")}`);
  assert.is(audit.state, "ok");
  assert.ok(house.gateway.status().warnings.some((words) => words.includes("four fifths of the log's space are taken")));
  for (const eve of eves) eve.close();

  assert.is(house.plc.requests.filter((request) => request[7] === 6).length, written);
  assert.ok(
    house.plc.requests.every((request) => [3, 6].includes(request[7] as number)),
    "nothing of the flood is at the PLC",
  );
  const writes = (await house.written()).filter((r) => r.function === 6 && (r.decision === "allow" || r.kind === "outcome"));
  assert.is(writes.length, 2 * written, "decision and outcome of each");
  const denied = house.records("decision").filter((r) => r.decision === "deny").length;
  console.log(`${asked} denied in ${denied} records, then ${written - full} writes in the kept fifth`);
  const report = await verify(house.auditDirectory, readFileSync(path.join(house.dir, "audit.key.pub"), "utf8"));
  assert.equal(report.findings, []);
});

flood.run();
