/** New documents for a running gateway: all or nothing, and whoever keeps their rights stays connected (RULINGS 33). */
import { existsSync, statSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { JOURNAL_SLOTS, journalOf, SLOT_OCTETS } from "#audit/journal";
import { House, OPEN_POLICY, POINTS, until } from "#test/support/house";
import { adu, read, write } from "#test/support/operator";
import { Plc } from "#test/support/plc";

const reload = suite<{ house: House }>("gateway/reload");
reload.before.each(async (context) => {
  context.house = await House.open();
});
reload.after.each(async ({ house }) => house.close());

const next = (policy: string, version: number): string => policy.replace("version: 1", `version: ${version}`);

reload("RULINGS 33: a bad policy keeps the old one, says so with line and column, and is recorded", async ({ house }) => {
  const operator = await house.plain();
  house.rewrite("policy.yaml", next(OPEN_POLICY, 2).replace("allow: write", "allow: wriet"));
  const { problems } = await house.gateway.reload();
  assert.match(problems[0] ?? "", /policy\.yaml:\d+:\d+: found "wriet"/);
  assert.is((await operator.ask(write(1, 1))).toString("hex"), "0600010001");
  assert.is((await house.written("config")).at(-1)?.event, "refused");
});

reload("RULINGS 33: a lower version, and a changed policy under the same version, are refused", async ({ house }) => {
  house.rewrite("policy.yaml", next(OPEN_POLICY, 5));
  assert.equal((await house.gateway.reload()).problems, []);
  house.rewrite("policy.yaml", next(OPEN_POLICY, 4));
  assert.match((await house.gateway.reload()).problems[0] ?? "", /policy\.yaml:2:10: found version 4 while version 5/);
  house.rewrite("policy.yaml", next(OPEN_POLICY, 5).replace("0-99", "0-98"));
  assert.match((await house.gateway.reload()).problems[0] ?? "", /policy\.yaml:2:10: .*still 5/);
});

reload("RULINGS 33: failing cases refuse it", async ({ house }) => {
  house.rewrite("policy.yaml", next(OPEN_POLICY, 2));
  house.rewrite("night.cases.yaml", "- { as: hmi, on: plc, request: write holding 5 = 1, expect: deny }\n");
  const { problems } = await house.gateway.reload();
  assert.match(problems[0] ?? "", /night\.cases\.yaml:1/);
  assert.is(house.gateway.policy.policy.version, 1);
});

reload("between decision and send: a write that waits is judged under the new policy as it leaves", async ({ house }) => {
  const [slow, quick] = [await house.plain(), await house.plain()];
  house.plc.faults = { delayMs: 300 };
  const held = slow.ask(write(1, 1));
  await until(() => house.plc.requests.length === 1, "the first write is at the device");
  const waiting = quick.ask(write(60, 2));
  house.rewrite(
    "policy.yaml",
    next(OPEN_POLICY, 2).replace("addresses: 0-99 }\n    - { id: switch", "addresses: 0-9 }\n    - { id: switch"),
  );
  assert.equal((await house.gateway.reload()).problems, []);
  await held;
  assert.is((await waiting).toString("hex"), "8601");
  assert.is(house.plc.requests.length, 1);
  const denial = (await house.written("decision")).find((r) => r.decision === "deny");
  assert.ok(denial?.of > 0, "the new verdict names the record of the old");
});

reload(
  "RULINGS 10: a write that waits gives its place in a window back when the documents change, and takes one anew",
  async ({ house }) => {
    const policy = OPEN_POLICY.replace("table: holding, addresses: 0-99 }", "table: holding, addresses: 0-99, rate: 2/min }");
    house.rewrite("policy.yaml", next(policy, 2));
    assert.equal((await house.gateway.reload()).problems, []);
    const [slow, quick] = [await house.plain(), await house.plain()];
    house.plc.faults = { delayMs: 600 };
    const held = slow.ask(write(1, 1));
    await until(() => house.plc.requests.length === 1, "the first write is at the device");
    const waiting = quick.ask(write(60, 2));
    await until(() => house.gateway.status().assets[0]?.waiting === 1, "the second waits");
    // Rules before it move it: places are known by their rules, not by where these stand.
    const moved = policy.replace("    - { id: read,", '    - { id: before, allow: identify, on: "*" }\n    - { id: read,');
    house.rewrite("policy.yaml", next(moved, 3));
    assert.equal((await house.gateway.reload()).problems, []);
    house.plc.faults = {};
    assert.is((await held).toString("hex"), "0600010001");
    assert.is((await waiting).toString("hex"), "06003c0002");
    assert.is((await quick.ask(write(60, 3))).toString("hex"), "8601", "both are counted, each once");
  },
);

reload(
  "RULINGS 15: the first essential rule comes by a reload: the room of the journal is taken then, not when it is needed",
  async ({ house }) => {
    const file = journalOf(house.auditDirectory);
    assert.not(existsSync(file), "where no rule is essential, none is needed");
    const stop = "    - { id: stop, allow: write, on: plc, table: coil, addresses: 7, values: { set: [0] }, essential: true }\nbindings:";
    house.rewrite("policy.yaml", next(OPEN_POLICY, 2).replace("bindings:", stop));
    assert.equal((await house.gateway.reload()).problems, []);
    await until(() => existsSync(file) && statSync(file).size === JOURNAL_SLOTS * SLOT_OCTETS, "its room is taken");
  },
);

reload("a new listener and a new asset come, an old listener goes, the others never notice", async ({ house }) => {
  const operator = await house.plain();
  const second = new Plc();
  await second.listen();
  const site = house.read("site.yaml");
  house.rewrite(
    "site.yaml",
    site
      .replace(
        "assets:\n",
        `  - { asset: two, interface: lo, port: 0, tls: none, from: [127.0.0.0/8] }\nassets:\n  two:\n    protocol: modbus-tcp\n    address: 127.0.0.1:${second.port}\n    units: [1]\n    addressing: zero-based\n    points: points.csv\n`,
      )
      .replace("\n\n", "\n"),
  );
  house.rewrite("policy.yaml", next(OPEN_POLICY, 2));
  assert.equal((await house.gateway.reload()).problems, []);
  const other = await house.plain(1);
  second.unit(1)[0] = 2;
  assert.is((await other.ask(read(0, 1))).toString("hex"), "03020002");
  assert.is((await operator.ask(read(0, 1))).toString("hex"), "03020000");
  house.rewrite("site.yaml", site);
  house.rewrite("policy.yaml", next(OPEN_POLICY, 3));
  assert.equal((await house.gateway.reload()).problems, []);
  await other.gone();
  assert.is((await operator.ask(read(0, 1))).toString("hex"), "03020000");
  await second.close();
});

reload("what a running gateway cannot take over is refused in words", async ({ house }) => {
  house.rewrite("site.yaml", house.read("site.yaml").replace("directory: audit", "directory: elsewhere"));
  house.rewrite("policy.yaml", next(OPEN_POLICY, 2));
  assert.match((await house.gateway.reload()).problems[0] ?? "", /site\.yaml:13:21: audit\.directory changed; that takes a restart/);
});

reload("retention, log size and idle time are the running gateway's own: a change is refused in words", async ({ house }) => {
  const site = house.read("site.yaml");
  house.rewrite("policy.yaml", next(OPEN_POLICY, 2));
  for (const [from, to, word] of [
    ["directory: audit }", "directory: audit, retain: 30d }", "site.yaml:13:36: audit.retain"],
    ["directory: audit }", "directory: audit, max_size: 3GB }", "site.yaml:13:38: audit.max_size"],
    ["management:", "limits: { idle: 30s }\nmanagement:", "site.yaml:14:17: limits.idle"],
  ] as const) {
    house.rewrite("site.yaml", site.replace(from, to));
    const { problems } = await house.gateway.reload();
    assert.is(problems[0]?.replace(/^.*\//, ""), `${word} changed; that takes a restart`);
  }
});

reload("the management socket stays where it is, whatever is written above it", async ({ house }) => {
  const site = house.read("site.yaml");
  house.rewrite("site.yaml", site.replace("socket: penstock.sock", "socket: other.sock"));
  assert.match(
    (await house.gateway.reload()).problems[0] ?? "",
    /site\.yaml:14:13: found management at \S+other\.sock; expected \S+penstock\.sock, as it is: to change it takes a restart/,
  );
  house.rewrite("site.yaml", site.replace("audit:", "# a note\naudit:"));
  assert.equal((await house.gateway.reload()).problems, []);
});

reload("RULINGS 33: a document that changes while it is read is not loaded", async ({ house }) => {
  house.rewrite("policy.yaml", next(OPEN_POLICY, 2));
  const loading = house.gateway.reload();
  // The documents are read in one go; what compiling them takes is time in which somebody saves the file again.
  await Promise.resolve();
  await Promise.resolve();
  house.rewrite("policy.yaml", next(OPEN_POLICY, 3));
  const { problems } = await loading;
  assert.match(problems[0] ?? "", /changed while it was being read/);
  assert.is(house.gateway.policy.policy.version, 1);
});

reload("a port that cannot be bound refuses the whole reload", async ({ house }) => {
  const taken = new Plc();
  await taken.listen();
  house.rewrite("site.yaml", house.read("site.yaml").replace("port: 0", `port: ${taken.port}`));
  house.rewrite("policy.yaml", next(OPEN_POLICY, 2));
  const { problems } = await house.gateway.reload();
  assert.match(problems[0] ?? "", /cannot be bound on port \d+: another program listens there/);
  assert.is(house.gateway.policy.policy.version, 1);
  assert.is((await (await house.plain()).ask(read(0, 1))).toString("hex"), "03020000");
  await taken.close();
});

reload("RULINGS 10: `max_changes` counts on over a reload, also where points changed places", async ({ house }) => {
  const policy = OPEN_POLICY.replace("addresses: 0-99 }", "addresses: 0-99, values: { min: 0, max: 65535, max_changes: 2/min } }");
  house.rewrite("policy.yaml", next(policy, 2));
  house.rewrite("points.csv", `${POINTS}b,1,holding,8,uint16,,rw,\n`);
  assert.equal((await house.gateway.reload()).problems, []);
  const operator = await house.plain();
  await operator.ask(write(8, 1));
  await operator.ask(write(8, 2));
  assert.is((await operator.ask(write(8, 3))).toString("hex"), "8601");
  house.rewrite("policy.yaml", next(policy, 3));
  house.rewrite("points.csv", `${POINTS}a,1,holding,2,uint16,,rw,\nb,1,holding,8,uint16,,rw,\n`);
  assert.equal((await house.gateway.reload()).problems, []);
  assert.is((await operator.ask(write(8, 3))).toString("hex"), "8601");
  assert.is((await operator.ask(write(2, 3))).toString("hex"), "0600020003");
  assert.is((await house.written("decision")).filter((r) => r.code === "tooManyChanges").length, 2);
});

reload("a request in the middle of arriving when the documents change is judged whole", async ({ house }) => {
  const operator = await house.plain();
  const frame = adu(write(5, 5), 1, 77);
  operator.socket.write(frame.subarray(0, 9));
  house.rewrite("policy.yaml", next(OPEN_POLICY, 2));
  assert.equal((await house.gateway.reload()).problems, []);
  operator.socket.write(frame.subarray(9));
  assert.is((await operator.answerTo(77)).toString("hex"), "0600050005");
});

reload.run();
