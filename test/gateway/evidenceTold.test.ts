/** What a record tells of a request beyond its decision: content that cells do not hold, the asset's own words, and what became of reads. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type Filter, readRecords, type StoredRecord } from "#audit/read";
import { CSV_HEADER, csvOf, sayRecord } from "#audit/words";
import { certificates, TLS_POLICY } from "#test/support/gatewayCertificates";
import { type House, OPEN_POLICY, opened, sleep, until } from "#test/support/house";
import { coil, read, write } from "#test/support/operator";

const told = suite<{ house: House }>("gateway/evidenceTold");
told.after.each(async (context) => {
  await context.house?.close();
});

async function stored(house: House, filter: Filter): Promise<StoredRecord[]> {
  const found: StoredRecord[] = [];
  for await (const record of readRecords(house.auditDirectory, filter, { count: 0 })) found.push(record);
  return found;
}

/** As `penstock audit show` has it, without time and number. */
async function shown(house: House, filter: Filter): Promise<string[]> {
  return (await stored(house, filter)).map((record) => sayRecord(record).replace(/^\S+ \S+ #\d+ /, ""));
}

told("a change that cells do not tell, and a request nobody can read, stand in their records to the octet", async (context) => {
  const pki = await certificates();
  const rules = `    - include: viewer
    - { id: files, allow: file-write, on: plc, table: file, addresses: 4/0-99 }
    - { id: vendor, allow: raw, on: plc, functions: [65, 90], opaque: true }
    - { id: again, allow: control, on: plc, functions: ["8/1"] }
    - { id: switch, allow: write, on: plc, table: coil, addresses: 0-999 }
`;
  const house = await opened(context, { ...pki.house, policy: TLS_POLICY.replace("    - include: viewer\n", rules) });
  const alice = await house.mutual(pki.operator);
  const coils = `0f 0000 00c8 19 ${"a5".repeat(25)}`;
  const longest = `41 ${"07".repeat(252)}`;
  const allowed = ["15 0d 06 0004 0007 0003 06af 04be 100d", "5a 07 41 00 01", "5a 07 40", longest, "08 0001 ff00", coils];
  const denied = ["15 09 06 0005 0007 0001 06af", "42 01 02", "08 0004 0000", "03 0000 0000", "10 0000 0002 04 0001"];
  for (const pdu of [...allowed, ...denied]) await alice.ask(pdu);
  await alice.ask(write(7, 1));
  await alice.ask(write(700, 1));
  await alice.ask(coil(7, true));
  const records = await house.written("decision");
  const hex = (pdus: readonly string[]): string[] => pdus.map((pdu) => pdu.replaceAll(" ", ""));
  const octetsOf = (decision: string): (string | undefined)[] => records.filter((r) => r.decision === decision).map((r) => r.octets);
  assert.equal(octetsOf("allow"), [...hex(allowed), undefined, undefined], "plain writes are told by their cells");
  assert.equal(octetsOf("deny"), [...hex(denied), undefined]);
  const umas = records.filter((r) => r.function === 90);
  assert.equal(
    umas.map((r) => r.inside),
    ["UMAS stop PLC", "UMAS start PLC"],
  );
  const said = await shown(house, { kind: "decision" });
  for (const words of [
    "alice@plc: file-write file 4/7-9 [15 0d 06 00 04 00 07 00 03 06 af 04 be 10 0d]: allowed, rule operator/files",
    "alice@plc: raw by function 90 (umas) [UMAS stop PLC: 5a 07 41 00 01]: allowed, rule operator/vendor",
    `alice@plc: raw by function 65 [41${" 07".repeat(31)} and 221 more]: allowed, rule operator/vendor`,
    "alice@plc: control by function 8/1 (restartCommunicationsOption) [08 00 01 ff 00]: allowed, rule operator/again",
  ])
    assert.ok(said.includes(words), `${words}\n${said.join("\n")}`);
  assert.ok(said.some((line) => line.startsWith("denied alice@plc: file-write file 5/7 is allowed by no rule")));
  assert.ok(said.some((line) => /^denied alice@plc: raw by function 66 .* \[42 01 02\]$/.test(line)));
  assert.ok(said.includes("denied alice@plc: the request is malformed (badQuantity); default [03 00 00 00 00]"));
  const file = records.find((r) => r.function === 21 && r.decision === "allow");
  assert.equal(file?.operations, [{ verb: "file-write", unit: 1, table: "file", file: 4, first: 7, last: 9, place: "4/7-9" }]);
});

told("a stream that is no frame any more: rule, words and the first octets of what broke, however they arrived", async (context) => {
  const house = await opened(context);
  const broken = Buffer.concat([Buffer.from("000100010006010300000001", "hex"), Buffer.alloc(60, 0xee)]);
  for (const cut of [0, 3, 12]) {
    const operator = await house.plain();
    await operator.ask(read(0, 1));
    operator.socket.write(broken.subarray(0, cut));
    await sleep(30);
    operator.socket.write(broken.subarray(cut));
    await operator.gone();
  }
  const denied = (await house.written("decision")).filter((r) => r.decision === "deny");
  assert.is(denied.length, 3);
  for (const [i, { code, rule, words, octets, action }] of denied.entries()) {
    assert.equal([code, rule, action], ["badProtocolId", "default", "close"]);
    assert.is(
      words,
      "denied source:127.0.0.1@plc: what came is no modbus frame (badProtocolId), and nothing after it can be read; default",
    );
    // In two pieces the second was never read: the first was enough.
    assert.is(octets, broken.subarray(0, i === 2 ? 12 : 32).toString("hex"));
  }
  const said = await shown(house, { decision: "deny" });
  assert.ok(said[2]?.endsWith("; default [00 01 00 01 00 06 01 03 00 00 00 01]"));
  for (const who of ["127.0.0.1", "source:127.0.0.1"]) assert.equal(await shown(house, { who, decision: "deny" }), said);
  assert.equal(await shown(house, { who: "127.0.0" }), []);
});

const DEAD = "    upstream: { timeout: 200ms }";

told("counted reads say how many were never sent, not answered or answered with an exception", async (context) => {
  const house = await opened(context, { asset: DEAD, limits: { readWindowMs: 60_000 } });
  const operator = await house.plain();
  await operator.ask(read(0, 2));
  house.plc.faults = { exception: 2 };
  for (let i = 0; i < 3; i++) assert.is((await operator.ask(read(0, 2))).toString("hex"), "8302");
  house.plc.faults = { silent: true };
  assert.is((await operator.ask(read(0, 2))).toString("hex"), "830b");
  house.plc.faults = {};
  await until(() => house.gateway.status().assets[0]?.deviceState === "ready", "reconnected");
  const port = await house.plc.goAway();
  await until(() => house.gateway.status().assets[0]?.deviceState === "down", "the device is away");
  for (let i = 0; i < 2; i++) assert.is((await operator.ask(read(0, 2))).toString("hex"), "830a");
  await operator.ask(read(50, 1));
  await house.plc.listen(port);
  operator.close();
  await until(() => house.gateway.status().sessions.length === 0, "the session has ended");
  const counts = (await house.written("decision")).map(({ count, exceptions, silent, notSent }) => [count, exceptions, silent, notSent]);
  assert.equal(counts, [
    [7, 3, 1, 2],
    [1, undefined, undefined, 1],
  ]);
  const outcomes = house.records("outcome");
  assert.equal(
    outcomes.map((r) => [r.of, r.outcome, r.operations[0].place]),
    [[null, "silent", "0-1"]],
  );
  assert.ok(outcomes[0]?.latencyMs >= 200 && outcomes[0]?.latencyMs < 5_000, `${outcomes[0]?.latencyMs} ms`);
  const who = "source:127.0.0.1@plc";
  const [first, second] = await shown(house, { kind: "decision" });
  assert.is(
    first,
    `${who}: 7 times read holding 0-1: allowed, rule hmi/read, 2 not sent, 1 without an answer, 3 answered with an exception`,
  );
  assert.is(second, `${who}: read holding 50: allowed, rule hmi/read, 1 not sent`);
  assert.match((await shown(house, { kind: "outcome" }))[0] ?? "", /^source:127\.0\.0\.1@plc: read holding 0-1: silent in \d+(\.\d+)? ms$/);
  const columns = CSV_HEADER.trimEnd().split(",");
  const [row] = (await stored(house, { kind: "decision" })).map((record) => csvOf(record).split(","));
  assert.equal(
    ["operations", "count", "exceptions", "notSent", "silent"].map((column) => row?.[columns.indexOf(column)]),
    ["read holding 0-1", "7", "3", "2", "1"],
  );
});

told(
  "what becomes of a read after its count is written is an outcome of its own, and no count holds more fates than reads",
  async (context) => {
    const house = await opened(context, { limits: { readWindowMs: 50 } });
    const operator = await house.plain();
    house.plc.faults = { exception: 2, delayMs: 400 };
    await operator.ask(read(3, 2));
    const counts = (await house.written("decision")).map((r) => [r.count, r.exceptions]);
    assert.equal(counts, [[1, undefined]]);
    assert.equal(
      house.records("outcome").map((r) => [r.of, r.outcome, r.exception, r.operations]),
      [[null, "exception", 2, [{ verb: "read", unit: 1, table: "holding", first: 3, last: 4, place: "3-4" }]]],
    );
  },
);

told("a read that waits and is denied as it would leave was not sent, and its count says so", async (context) => {
  const house = await opened(context, { asset: "    upstream: { timeout: 5s, outstanding: 1 }", limits: { readWindowMs: 60_000 } });
  const operator = await house.plain();
  house.plc.faults = { delayMs: 500 };
  const answers = [operator.ask(read(0, 1)), operator.ask(read(50, 1))];
  await until(() => house.plc.requests.length === 1, "the first is at the device");
  house.rewrite(
    "policy.yaml",
    OPEN_POLICY.replace("version: 1", "version: 2").replace(
      '{ id: read, allow: read, on: "*" }',
      "{ id: read, allow: read, on: plc, table: holding, addresses: 0-9 }",
    ),
  );
  assert.equal((await house.gateway.reload()).problems, []);
  assert.equal(
    (await Promise.all(answers)).map((answer) => answer.toString("hex")),
    ["03020000", "8301"],
  );
  const records = await house.written();
  const counted = records.filter((r) => r.kind === "decision" && r.decision === "allow").map((r) => [r.operations[0].first, r.count]);
  assert.equal(counted, [
    [0, 1],
    [50, 1],
  ]);
  assert.equal(
    records.filter((r) => r.kind === "outcome").map((r) => [r.outcome, r.reason, r.operations[0].first]),
    [["notSent", "nothingAllows", 50]],
  );
});

told("durable_before: all: a read of its own record that is never sent, or refused by the device, has its outcome", async (context) => {
  const house = await opened(context, { asset: DEAD, audit: "durable_before: all" });
  const operator = await house.plain();
  house.plc.faults = { exception: 2 };
  await operator.ask(read(0, 1));
  await house.plc.goAway();
  await until(() => house.gateway.status().assets[0]?.deviceState === "down", "the device is away");
  await operator.ask(read(0, 1));
  const [refused, unsent] = await house.written("decision");
  assert.equal(
    house.records("outcome").map((r) => [r.of, r.outcome, r.exception ?? r.reason]),
    [
      [refused?.seq, "exception", 2],
      [unsent?.seq, "notSent", "deviceUnreachable"],
    ],
  );
  await house.plc.listen();
});

for (const [style, points, address, places] of [
  ["one-based", "41", "1-100", ["41", "51-52", "4", "101"]],
  ["modicon", "40041", "40001-40100", ["40041", "40051-40052", "00004", "40101"]],
] as const) {
  told(`records of a ${style} asset are zero-based and hold its own word beside, which is what is shown`, async (context) => {
    const house = await opened(context);
    house.rewrite("site.yaml", house.read("site.yaml").replace("addressing: zero-based", `addressing: ${style}`));
    house.rewrite(
      "points.csv",
      `name,unit_id,table,address,type,unit,access,description,scale\nlevel,1,holding,${points},int16,m,rw,,0.1\n`,
    );
    const coils = style === "modicon" ? "00001-00010" : "1-10";
    house.rewrite("policy.yaml", OPEN_POLICY.replace("coil, addresses: 0-99", `coil, addresses: ${coils}`).replace("0-99", address));
    await house.restart();
    const operator = await house.plain();
    await operator.ask(write(40, 30));
    await operator.ask(Buffer.from("1000320002040001000a", "hex"));
    await operator.ask(coil(3, true));
    await operator.ask(write(100, 1));
    const decisions = await house.written("decision");
    assert.equal(
      decisions.map((r) => [r.operations[0].first, r.operations[0].last, r.operations[0].place]),
      [
        [40, 40, places[0]],
        [50, 51, places[1]],
        [3, 3, places[2]],
        [100, 100, places[3]],
      ],
    );
    const who = "source:127.0.0.1@plc";
    assert.equal(await shown(house, { kind: "decision" }), [
      `${who}: write holding ${places[0]} (level = 3 m): allowed, rule hmi/write`,
      `${who}: write holding ${places[1]} = 1 10: allowed, rule hmi/write`,
      `${who}: write coil ${places[2]} = 1: allowed, rule hmi/switch`,
      `denied ${who}: write holding ${places[3]} = 1 is allowed by no rule; default`,
    ]);
    const columns = CSV_HEADER.trimEnd().split(",");
    const rows = (await stored(house, { kind: "decision" })).map((record) => csvOf(record).split(",")[columns.indexOf("operations")]);
    assert.is(rows[1], `write holding ${places[1]}`);
  });
}

told.run();
