/** The road end to end: what is allowed passes as it was asked, what is denied is answered and never leaves. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { certificates, TLS_POLICY } from "#test/support/gatewayCertificates";
import { House, OPEN_POLICY, opened, until } from "#test/support/house";
import { adu, coil, type Operator, read, write } from "#test/support/operator";
import { Plc } from "#test/support/plc";

const road = suite<{ house: House; operator: Operator }>("gateway/road");

road.before.each(async (context) => {
  context.house = await House.open();
  context.operator = await context.house.plain();
});
road.after.each(async ({ house }) => house.close());

road("an allowed read passes with our transaction id and comes back under the operator's", async ({ house, operator }) => {
  house.plc.unit(1)[40] = 777;
  assert.is((await operator.ask(read(40, 1), 1, 0x4242)).toString("hex"), "03020309");
  assert.is(operator.answers[0]?.transaction, 0x4242);
  assert.is(house.plc.requests[0]?.subarray(2).toString("hex"), "0000000601030028" + "0001");
});

road("an allowed write reaches the device with its record on disk first", async ({ house, operator }) => {
  let durableThen = -1;
  house.plc.seen = () => {
    durableThen = house.gateway.road.audit.durable;
  };
  assert.is((await operator.ask(write(40, 300))).toString("hex"), "060028012c");
  assert.is(house.plc.unit(1)[40], 300);
  const record = (await house.written("decision")).find((r) => r.decision === "allow" && r.name === "writeSingleRegister");
  assert.ok(record);
  assert.ok(durableThen >= record?.seq, `the device saw it at durable ${durableThen}, its record is ${record?.seq}`);
});

road("a denied write is answered exception 01 and not one octet of it reaches the device", async ({ house, operator }) => {
  assert.is((await operator.ask(write(100, 1))).toString("hex"), "8601");
  assert.is((await operator.ask(coil(100, true))).toString("hex"), "8501");
  await operator.ask(read(0, 1));
  assert.is(house.plc.octets, 12, "only the read");
  const [record] = (await house.written("decision")).filter((r) => r.decision === "deny");
  assert.is(record?.code, "nothingAllows");
  assert.is(record?.rule, "default");
  assert.match(record?.words, /denied source:127\.0\.0\.1@plc: write holding 100/);
});

road("a malformed request with a legal function is answered exception 03", async ({ operator }) => {
  assert.is((await operator.ask("03 0000 0000")).toString("hex"), "8303");
  assert.is((await operator.ask("03 0000 007e")).toString("hex"), "8303");
  assert.is((await operator.ask("10 0000 0002 04 0001")).toString("hex"), "9003");
  assert.is((await operator.ask("05 0000 0001")).toString("hex"), "8503");
});

road("function 0, function 128 and broken framing end the connection without an answer", async ({ house }) => {
  for (const octets of [
    adu("00", 1, 1),
    adu("80", 1, 1),
    Buffer.from("0001 0001 0006 01 03 0000 0001".replaceAll(" ", ""), "hex"),
    Buffer.from("0001000000ff01", "hex"),
  ]) {
    const operator = await house.plain();
    operator.socket.write(octets);
    await operator.gone();
    assert.is(operator.answers.length, 0);
  }
  assert.is(house.plc.octets, 0);
  const ends = (await house.written("session")).filter((r) => r.event === "end");
  assert.equal(
    ends.map((r) => r.reason),
    ["malformedFraming", "malformedFraming", "malformedFraming", "malformedFraming"],
  );
});

const OPAQUE = ["5a 00 02", "41 01", "2b 0d 00", "7d 00"];

road("RULINGS 5: an opaque function is denied `opaque` unless a rule names its number; forwarded, it voids what was known", async () => {
  const pki = await certificates();
  const policy = TLS_POLICY.replace(
    "    - include: viewer",
    "    - include: viewer\n    - { id: vendor, allow: raw, on: plc, functions: [65], opaque: true }",
  );
  const house = await House.open({ ...pki.house, policy });
  try {
    const alice = await house.mutual(pki.operator);
    await alice.ask(read(0, 1));
    const asset = house.gateway.assets.get("plc");
    const holding = asset?.protocol.vocabulary.spaces.findIndex((s) => s.name === "holding") ?? -1;
    assert.is(asset?.lastSeen.cell(1, holding, 0), 0);
    for (const pdu of OPAQUE)
      assert.is(
        (await alice.ask(pdu)).toString("hex"),
        pdu === "41 01" ? "c101" : `${(Number.parseInt(pdu.slice(0, 2), 16) | 0x80).toString(16)}01`,
      );
    assert.equal(
      house.plc.requests.slice(1).map((r) => r.subarray(7).toString("hex")),
      ["4101"],
      "only the one a rule names",
    );
    assert.is(asset?.lastSeen.cell(1, holding, 0), -1);
    const decisions = await house.written("decision");
    assert.equal(
      decisions.filter((r) => r.function !== 3).map((r) => r.code ?? "allowed"),
      ["opaque", "allowed", "opaque", "opaque"],
    );
  } finally {
    await house.close();
  }
});

road("RULINGS 14: without a certificate an opaque function is `unauthenticated`, whatever a rule says", async ({ house, operator }) => {
  for (const pdu of OPAQUE) assert.is((await operator.ask(pdu)).length, 2, pdu);
  assert.is(house.plc.octets, 0);
  const codes = (await house.written("decision")).map((r) => r.code);
  assert.equal(codes, ["unauthenticated", "unauthenticated", "unauthenticated", "unauthenticated"]);
});

road("RULINGS 3: other unit ids than the device's are denied", async ({ house, operator }) => {
  assert.is((await operator.ask(read(0, 1), 2)).toString("hex"), "8301");
  assert.is(house.plc.octets, 0);
  assert.is((await house.written("decision"))[0]?.code, "unknownUnit");
});

road("requests split octet by octet and several in one segment are the same requests", async ({ house, operator }) => {
  const frames = Buffer.concat([adu(read(1, 1), 1, 10), adu(write(1, 5), 1, 11), adu(write(200, 5), 1, 12), adu(read(1, 1), 1, 13)]);
  for (const octet of frames) operator.socket.write(Buffer.from([octet]));
  const last = await operator.answerTo(13);
  assert.is(last.toString("hex"), "03020005");
  assert.equal(
    operator.answers.map((a) => a.pdu.toString("hex")),
    ["03020000", "0600010005", "8601", "03020005"],
  );
  operator.socket.write(
    Buffer.concat([adu(read(1, 1), 1, 20), adu(write(2, 6), 1, 21), adu(write(200, 6), 1, 22), adu(read(2, 1), 1, 23)]),
  );
  await operator.answerTo(23);
  assert.equal(
    operator.answers.slice(4).map((a) => a.transaction),
    [20, 21, 22, 23],
  );
  assert.is(house.plc.requests.length, 6);
});

road("RULINGS 21: a denial does not overtake an earlier reply", async ({ house, operator }) => {
  house.plc.faults = { delayMs: 80 };
  operator.socket.write(Buffer.concat([adu(read(0, 1), 1, 1), adu(write(100, 1), 1, 2), adu(read(0, 2), 1, 3)]));
  await operator.answerTo(3);
  assert.equal(
    operator.answers.map((a) => a.transaction),
    [1, 2, 3],
  );
});

road(
  "RULINGS 21: a transaction id reused while open closes the session `misbehaved`; once answered it may be used again",
  async ({ house, operator }) => {
    await operator.ask(read(0, 1), 1, 7);
    await operator.ask(read(0, 1), 1, 7);
    house.plc.faults = { delayMs: 50 };
    operator.socket.write(Buffer.concat([adu(read(0, 1), 1, 9), adu(read(1, 1), 1, 9)]));
    await operator.gone();
    assert.equal(
      operator.answers.map((a) => a.transaction),
      [7, 7, 9],
      "the first of the two is still answered",
    );
    const end = (await house.written("session")).find((r) => r.event === "end");
    assert.is(end?.reason, "misbehaved");
    assert.is((await house.written("decision")).find((r) => r.decision === "deny")?.code, "transactionReused");
  },
);

road("RULINGS 21: across sessions reads flow while a write waits for the disk", async ({ house, operator }) => {
  const reader = await house.plain();
  const { audit } = house.gateway.road;
  Object.defineProperty(audit, "durable", { get: () => 0, configurable: true });
  const written = operator.ask(write(5, 5));
  await reader.ask(read(0, 1));
  await reader.ask(read(0, 1));
  assert.is(house.plc.requests.length, 2, "the write has not left");
  delete (audit as { durable?: number }).durable;
  audit.onProgress?.();
  assert.is((await written).toString("hex"), "0600050005");
});

road("an operator gone while its write is at the device: the reply still completes the record", async ({ house, operator }) => {
  house.plc.faults = { delayMs: 150 };
  operator.send(write(7, 7));
  await until(() => house.plc.requests.length === 1, "the write is at the device");
  operator.close();
  await until(() => house.gateway.road.sessions.open.size === 0, "the session has ended");
  await until(() => house.records("outcome").length === 1, "the outcome is recorded");
  const [outcome] = house.records("outcome");
  const decision = house.records("decision").find((r) => r.seq === outcome?.of);
  assert.is(outcome?.outcome, "answered");
  assert.is(decision?.name, "writeSingleRegister");
});

road("RULINGS 10: `rate` counts per identity and asset: what one has used up on one asset it still has on another", async (context) => {
  await context.house.close();
  const listener = (asset: string): string => `  - { asset: ${asset}, interface: lo, port: 0, tls: none, from: [127.0.0.0/8] }`;
  const plc = new Plc();
  const other = `  other:\n    protocol: modbus-tcp\n    address: 127.0.0.1:${await plc.listen()}\n    units: [2]\n    addressing: zero-based`;
  const policy = OPEN_POLICY.replace('allow: read, on: "*" }', 'allow: read, on: "*", rate: 2/min }');
  const house = await opened(context, { plc, policy, listeners: `${listener("plc")}\n${listener("other")}`, asset: other });
  const [here, there] = [await house.plain(0), await house.plain(1)];
  const asked = async (operator: Operator, unit: number): Promise<string> => (await operator.ask(read(1, 1), unit)).toString("hex");
  for (const answer of ["03020000", "03020000", "8301"]) assert.is(await asked(here, 1), answer);
  for (const answer of ["03020000", "03020000", "8301"]) assert.is(await asked(there, 2), answer);
  assert.is(await asked(await house.plain(0), 1), "8301", "another session of the same identity has nothing more");
});

road.run();
