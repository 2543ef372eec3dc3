/** A revocation list brought back over a restart (RULINGS 18): what was revoked by a newer one does not come back to write. */
import { existsSync, readFileSync, rmSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { certificates, type GatewayPki } from "#test/support/gatewayCertificates";
import { type House, opened, sleep, until } from "#test/support/house";
import { read, write } from "#test/support/operator";

const rollback = suite<{ house: House; pki: GatewayPki }>("gateway/rolledBack");
rollback.before.each(async (context) => {
  context.pki = await certificates();
});
rollback.after.each(async (context) => {
  await context.house?.close();
});

const DAY = 86_400_000;

async function restarted(context: { house: House; pki: GatewayPki }, first: string, second: string): Promise<House> {
  const { house } = context.pki;
  const running = await opened(context, { ...house, files: { ...house.files, "ca.crl": first } });
  running.rewrite("ca.crl", second);
  await running.restart();
  return running;
}

const rolled = (house: House): string[] =>
  house.gateway.status().warnings.filter((words) => words.startsWith("REVOCATION LIST ROLLED BACK"));

rollback("RULINGS 18: an older list after a restart: reads go on, writes are denied until one comes that is not older", async (context) => {
  const { ca, operator: alice } = context.pki;
  const newer = ca.list({ number: 7, endsIn: DAY });
  const house = await restarted(context, newer, ca.list({ number: 5, endsIn: DAY }));
  assert.is(rolled(house).length, 1, house.gateway.status().warnings.join("\n"));
  assert.is(house.gateway.status().revocationLists[0]?.state, "rolledBack");
  const operator = await house.mutual(alice);
  assert.match((await operator.ask(read(1, 1))).toString("hex"), /^0302/);
  await sleep(300);
  assert.is((await operator.ask(write(1, 1))).toString("hex"), "8601");
  assert.is((await house.written("decision")).at(-1)?.code, "revocationStale");
  assert.ok((await house.written("config")).some(({ event }) => event === "revocationRolledBack"));
  await house.restart();
  assert.is(rolled(house).length, 1, "another restart believes it no more");
  assert.equal((await house.gateway.reload()).problems, []);
  assert.is(rolled(house).length, 1, "nor does a reload of the documents");
  house.rewrite("ca.crl", newer);
  await until(() => rolled(house).length === 0, "the newer one is taken up");
  const again = await house.mutual(alice);
  await sleep(300);
  assert.is((await again.ask(write(1, 1))).toString("hex"), "0600010001");
});

rollback("the same list, a newer one, and one of another CA of the same name are no rollback", async (context) => {
  const { ca } = context.pki;
  const list = ca.list({ number: 5, endsIn: DAY });
  const house = await restarted(context, list, list);
  assert.equal(rolled(house), []);
  house.rewrite("ca.crl", ca.list({ number: 6, endsIn: DAY }));
  await house.restart();
  assert.equal(rolled(house), []);
  await house.gateway.memory.save();
  const kept = JSON.parse(readFileSync(`${house.auditDirectory}.seen.json`, "utf8"));
  assert.equal(
    kept.lists.map(({ number }: { number: string }) => number),
    ["6"],
  );
  const other = await certificates();
  for (const [name, text] of Object.entries(other.house.files ?? {})) house.rewrite(name, text);
  house.rewrite("ca.crl", other.ca.list({ number: 1, endsIn: DAY }));
  await house.restart();
  assert.equal(rolled(house), []);
});

rollback("where nobody remembers, the list is believed: what is remembered is no evidence", async (context) => {
  const { ca } = context.pki;
  const house = await restarted(context, ca.list({ number: 7, endsIn: DAY }), ca.list({ number: 5, endsIn: DAY }));
  assert.is(rolled(house).length, 1);
  await house.gateway.close();
  assert.ok(existsSync(`${house.auditDirectory}.seen.json`));
  rmSync(`${house.auditDirectory}.seen.json`);
  await house.restart();
  assert.equal(rolled(house), []);
});

rollback.run();
