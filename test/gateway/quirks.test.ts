/** Devices that answer in their own way (RULINGS 23): what the site declares passes in the standard's form, what it does not is dropped and named. */
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { askDaemon } from "#management/client";
import { penstock } from "#test/support/daemon";
import { type AuditRecord, type House, type HouseOptions, OPEN_POLICY, opened, until } from "#test/support/house";
import { adu, coil, read, write } from "#test/support/operator";

const quirks = suite<{ house: House }>("gateway/quirks");
quirks.after.each(async (context) => {
  await context.house?.close();
});

const ALL = "    quirks: [coil-padding, unit-echo, trailing-octets]\n";
const STEPS = OPEN_POLICY.replace("addresses: 0-99 }", "addresses: 0-99, values: { min: 0, max: 1000, max_step: 5 } }");
const coils = (first: number, count: number): Buffer => Buffer.from([1, first >> 8, first & 0xff, count >> 8, count & 0xff]);
const hex = async (answer: Promise<Buffer>): Promise<string> => (await answer).toString("hex");

type Bend = (answer: Buffer) => Buffer;
/** Every bit of the last octet that is not one of three coils. */
const padded: Bend = (answer) => {
  const bent = Buffer.from(answer);
  if (bent[7] === 1 || bent[7] === 2) bent[bent.length - 1] = (bent[bent.length - 1] as number) | 0xf8;
  return bent;
};
const asUnit =
  (unit: number): Bend =>
  (answer) => {
    const bent = Buffer.from(answer);
    bent[6] = unit;
    return bent;
  };
const trailed =
  (...octets: number[]): Bend =>
  (answer) => {
    const bent = Buffer.concat([answer, Buffer.from(octets)]);
    bent.writeUInt16BE(bent.readUInt16BE(4) + octets.length, 4);
    return bent;
  };
const both =
  (...bends: Bend[]): Bend =>
  (answer) =>
    bends.reduce((bent, bend) => bend(bent), answer);

/** A PLC whose coils 0 to 2 are on, off, on and whose register 4 is 0x64. */
async function bending(context: { house: House }, bend: Bend, options: HouseOptions = {}): Promise<House> {
  const house = await opened(context, options);
  house.plc.bits(1)[0] = 1;
  house.plc.bits(1)[2] = 1;
  house.plc.unit(1)[4] = 0x64;
  house.plc.faults = { rewrite: bend };
  return house;
}

const ofPlc = (house: House) => house.gateway.status().assets.find(({ name }) => name === "plc")?.quirks;
const hints = (house: House): string[] => house.gateway.status().warnings.filter((line) => line.includes("site.yaml"));
const outcomes = async (house: House): Promise<AuditRecord[]> => (await house.written("outcome")).filter(({ outcome }) => outcome);

/** [quirk, what the device does, what it is called while it is not declared] */
const HABITS: readonly (readonly [string, Bend, string, string])[] = [
  ["coil-padding", padded, "badPadding", "leaves padding bits in coil replies"],
  ["unit-echo", asUnit(0), "unitMismatch", "answers as unit 0 or 255 whatever unit is asked"],
  ["unit-echo", asUnit(255), "unitMismatch", "answers as unit 0 or 255 whatever unit is asked"],
  ["trailing-octets", trailed(0, 0xa7), "trailing", "sends octets after the end of its replies"],
];

for (const [quirk, bend, reason, words] of HABITS) {
  quirks(
    `RULINGS 23: ${quirk} (${reason}) declared: the operator gets the standard's form, under its own unit; counted, not recorded`,
    async (context) => {
      const house = await bending(context, bend, { asset: `    quirks: [${quirk}]` });
      const operator = await house.plain();
      for (let i = 0; i < 3; i++) assert.is(await hex(operator.ask(coils(0, 3))), "010105");
      assert.equal(
        operator.answers.map(({ unit }) => unit),
        [1, 1, 1],
      );
      const asset = house.gateway.assets.get("plc");
      assert.equal(
        [0, 1, 2, 3].map((at) => asset?.lastSeen.cell(1, 0, at)),
        [1, 0, 1, -1],
        "what is known is what was asked for",
      );
      assert.equal(ofPlc(house), { declared: [quirk], rewritten: { [quirk]: 3 }, needed: {}, dropped: 0 });
      assert.equal(hints(house), []);
      assert.equal(await outcomes(house), []);
      assert.is(house.gateway.road.stats.strays.size, 0);
    },
  );

  quirks(`RULINGS 23: ${quirk} (${reason}) not declared: dropped, and status says which line would let it pass`, async (context) => {
    const house = await bending(context, bend);
    const operator = await house.plain();
    assert.is(await hex(operator.ask(coils(0, 3))), "810b");
    assert.equal(ofPlc(house), { declared: [], rewritten: {}, needed: { [quirk]: 1 }, dropped: 1 });
    assert.is(await hex(operator.ask(coils(0, 3))), "810b");
    assert.equal(hints(house), [`plc: 2 replies dropped: the device ${words}; if that is how it is, add to site.yaml: quirks: [${quirk}]`]);
    assert.equal(
      (await outcomes(house)).map(({ outcome, reason: why, needsQuirks, quirks: took }) => [outcome, why, needsQuirks, took]),
      [
        ["malformedReply", reason, [quirk], undefined],
        ["malformedReply", reason, [quirk], undefined],
      ],
    );
    assert.is(house.gateway.assets.get("plc")?.lastSeen.cell(1, 0, 0), -1, "and nothing is learned from it");
    house.rewrite(
      "site.yaml",
      house.read("site.yaml").replace("    points: points.csv\n", `    points: points.csv\n    quirks: [${quirk}]\n`),
    );
    assert.equal((await house.gateway.reload()).problems, []);
    assert.is(await hex(operator.ask(coils(0, 3))), "010105", "that line does it, in the session that is open");
    assert.equal(hints(house), []);
    assert.equal(ofPlc(house), { declared: [quirk], rewritten: { [quirk]: 1 }, needed: {}, dropped: 0 });
  });
}

quirks(
  "RULINGS 23: a reply that takes several passes when each is declared; with one declared it is dropped and both are named",
  async (context) => {
    const bend = both(padded, asUnit(255), trailed(1));
    const house = await bending(context, bend, { asset: "    quirks: [coil-padding, trailing-octets]" });
    const operator = await house.plain();
    assert.is(await hex(operator.ask(coils(0, 3))), "810b");
    assert.is(await hex(operator.ask(read(4, 1))), "830b", "of registers it takes two");
    assert.equal(ofPlc(house), {
      declared: ["coil-padding", "trailing-octets"],
      rewritten: {},
      needed: { "coil-padding": 1, "unit-echo": 2, "trailing-octets": 2 },
      dropped: 2,
    });
    assert.equal(hints(house), [
      "plc: 2 replies dropped: the device leaves padding bits in coil replies and answers as unit 0 or 255 whatever unit is asked and sends octets after the end of its replies; " +
        "if that is how it is, set in site.yaml: quirks: [coil-padding, unit-echo, trailing-octets]",
    ]);
    assert.equal(
      (await outcomes(house)).map(({ reason, needsQuirks }) => [reason, needsQuirks]),
      [
        ["unitMismatch", ["coil-padding", "unit-echo", "trailing-octets"]],
        ["unitMismatch", ["unit-echo", "trailing-octets"]],
      ],
    );
    house.rewrite("site.yaml", house.read("site.yaml").replace("[coil-padding, ", "[coil-padding, unit-echo, "));
    assert.equal((await house.gateway.reload()).problems, []);
    assert.is(await hex(operator.ask(coils(0, 3))), "010105");
    assert.is(await hex(operator.ask(read(4, 1))), "03020064");
    assert.equal(ofPlc(house)?.rewritten, { "coil-padding": 1, "unit-echo": 2, "trailing-octets": 2 });
  },
);

quirks("RULINGS 23: a write's echo through unit-echo and trailing octets is an answer; its outcome names what it took", async (context) => {
  const house = await bending(context, both(asUnit(0), trailed(0, 0, 0)), { asset: ALL });
  const operator = await house.plain();
  assert.is(await hex(operator.ask(write(5, 0x77))), "0600050077");
  assert.is(await hex(operator.ask(coil(3, true))), "050003ff00");
  // Some devices send the whole request back where the standard has its first five octets.
  house.plc.faults = { rewrite: (answer, request) => both(trailed(...request.subarray(12)))(answer) };
  assert.is(await hex(operator.ask(Buffer.from("1000060002040a0b0c0d", "hex"))), "1000060002");
  assert.is(house.gateway.assets.get("plc")?.lastSeen.cell(1, 3, 5), 0x77);
  assert.equal(
    (await outcomes(house)).map(({ outcome, reason, quirks: took }) => [outcome, reason, took]),
    [
      ["answered", undefined, ["unit-echo", "trailing-octets"]],
      ["answered", undefined, ["unit-echo", "trailing-octets"]],
      ["answered", undefined, ["trailing-octets"]],
    ],
  );
});

quirks("RULINGS 23: a write whose echo would need a quirk nobody declared is indeterminate, and says which", async (context) => {
  const house = await bending(context, asUnit(255), { asset: "    quirks: [trailing-octets]" });
  const operator = await house.plain();
  assert.is(await hex(operator.ask(write(5, 7))), "860b");
  const [outcome] = await outcomes(house);
  assert.equal([outcome?.outcome, outcome?.reason, outcome?.needsQuirks], ["indeterminate", "unitMismatch", ["unit-echo"]]);
  assert.is(house.gateway.assets.get("plc")?.lastSeen.cell(1, 3, 5), -1);
});

quirks("RULINGS 23: exceptions may trail too: the code is the device's, and what it leaves in doubt stays in doubt", async (context) => {
  const house = await bending(context, both(trailed(0xff, 0xff), asUnit(0)), { asset: ALL });
  const operator = await house.plain();
  house.plc.faults.exception = 4;
  assert.is(await hex(operator.ask(write(5, 7))), "8604");
  house.plc.faults.exception = 2;
  assert.is(await hex(operator.ask(read(5, 1))), "8302");
  house.plc.faults.exception = 0;
  assert.is(await hex(operator.ask(read(5, 1))), "830b", "code 0 is no exception, with or without octets behind it");
  assert.equal(
    (await outcomes(house)).map(({ outcome, exception, quirks: took, needsQuirks }) => [outcome, exception, took, needsQuirks]),
    [
      ["indeterminate", 4, ["unit-echo", "trailing-octets"], undefined],
      ["malformedReply", undefined, undefined, undefined],
    ],
  );
});

const lies: [string, Buffer, Bend, string][] = [
  ["another unit", read(4, 1), asUnit(2), "unitMismatch"],
  ["another value in a write's echo", write(5, 7), both(trailed(0), (a) => patched(a, 11, 9)), "trailing"],
  ["another address in a write's echo", write(5, 7), both(asUnit(255), (a) => patched(a, 9, 6)), "unitMismatch"],
  ["more registers than asked for", read(4, 1), (a) => patched(trailed(1, 2)(a), 8, 4), "badByteCount"],
  ["fewer registers than asked for", read(4, 2), (a) => patched(a, 8, 2), "trailing"],
  ["more octets of coils than asked for", coils(0, 3), (a) => patched(trailed(0)(a), 8, 2), "badByteCount"],
  ["another function", read(4, 1), both(trailed(0), (a) => patched(a, 7, 4)), "functionMismatch"],
  ["a reply cut short", read(4, 2), (a) => shortened(a), "truncated"],
];

for (const [what, request, bend, reason] of lies) {
  quirks(`RULINGS 23: no quirk makes an answer of ${what}`, async (context) => {
    const house = await bending(context, bend, { asset: ALL });
    const operator = await house.plain();
    assert.is(await hex(operator.ask(request)), `${((request[0] as number) | 0x80).toString(16)}0b`);
    const [outcome] = await outcomes(house);
    assert.equal([outcome?.reason, outcome?.needsQuirks, outcome?.quirks], [reason, undefined, undefined]);
    assert.equal(ofPlc(house)?.dropped, 0, "and no line of site.yaml is offered for it");
    assert.equal(hints(house), []);
    assert.is(operator.answers.length, 1);
  });
}

quirks("RULINGS 23: an id with a meaning of its own at the address is never taken for the unit that was asked", async (context) => {
  const shared = (house: House): string =>
    house
      .read("site.yaml")
      .replace("    units: [1]\n", "    units: [1, 2]\n    unit_aliases: [{ unit: 2, aliases: [255] }]\n")
      .replace(
        "audit:",
        `  panel: { protocol: modbus-tcp, address: "127.0.0.1:${house.plc.port}", units: [0], unit_zero: device, addressing: zero-based, quirks: [unit-echo] }\naudit:`,
      );
  const house = await bending(context, (answer) => answer, { asset: ALL });
  house.rewrite("site.yaml", shared(house));
  assert.equal((await house.gateway.reload()).problems, []);
  const operator = await house.plain();
  await until(() => house.gateway.status().assets.every(({ deviceState }) => deviceState === "ready"), "connected");
  house.plc.unit(2)[4] = 0x22;
  house.plc.faults = { rewrite: asUnit(255) };
  assert.is(await hex(operator.ask(read(4, 1), 1)), "830b", "255 is unit 2 here");
  assert.is(await hex(operator.ask(read(4, 1), 2)), "03020022", "which may say so of itself");
  house.plc.faults = { rewrite: asUnit(0) };
  assert.is(await hex(operator.ask(read(4, 1), 1)), "830b", "0 is the panel");
  assert.is(await hex(operator.ask(read(4, 1), 2)), "830b");
  assert.equal(ofPlc(house)?.rewritten, { "unit-echo": 1 });
  assert.equal(hints(house), []);
});

for (const [quirk, bend] of HABITS) {
  quirks(
    `RULINGS 8, 23: a guard read through ${quirk} is judged on the standard's form; without the quirk the write is denied`,
    async (context) => {
      const policy =
        quirk === "coil-padding"
          ? OPEN_POLICY.replace("table: coil, addresses: 0-99 }", 'table: coil, addresses: 0-99, state: "plc.ready = 1" }')
          : STEPS;
      const points = "name,unit_id,table,address,type,unit,access,description\nready,1,coil,2,bool,,r,ready\n";
      const request = quirk === "coil-padding" ? coil(7, true) : write(4, 0x66);
      const house = await bending(context, bend, { policy, points, asset: `    quirks: [${quirk}]` });
      const operator = await house.plain();
      assert.is(await hex(operator.ask(request)), request.toString("hex"));
      assert.is(ofPlc(house)?.rewritten[quirk], quirk === "coil-padding" ? 1 : 2, "the gateway's own read, and the echo where it is bent");
      const [answered] = await outcomes(house);
      assert.equal(answered?.guard[0].value, quirk === "coil-padding" ? [1] : [0x64]);
      const wrote = house.plc.requests.filter((each) => each[7] === request[0]).length;
      house.rewrite("site.yaml", house.read("site.yaml").replace(`    quirks: [${quirk}]\n`, ""));
      assert.equal((await house.gateway.reload()).problems, []);
      assert.is(await hex(operator.ask(request)), `${((request[0] as number) | 0x80).toString(16)}01`);
      assert.is(house.plc.requests.filter((each) => each[7] === request[0]).length, wrote, "nothing was written");
      assert.is((await house.written("decision")).at(-1)?.code, "factUnavailable");
      assert.match(hints(house)[0] ?? "", new RegExp(`^plc: 1 reply dropped: .* add to site.yaml: quirks: \\[${quirk}\\]$`));
    },
  );
}

quirks("RULINGS 23: pipelined replies, each bent in its own way: every request gets its own answer, in its order", async (context) => {
  const house = await bending(context, (answer) => answer, {
    asset: `${ALL}    upstream: { outstanding: 8, connections: 2 }`,
  });
  // Seven, so that every kind of request meets every one of them.
  const all = both(padded, trailed(1, 2, 3), asUnit(0));
  const bends: Bend[] = [padded, asUnit(0), trailed(9), both(padded, asUnit(255)), all, both(asUnit(255), trailed(0)), (answer) => answer];
  let turn = 0;
  house.plc.faults = { rewrite: (answer) => (bends[turn++ % bends.length] as Bend)(answer) };
  for (let at = 0; at < 100; at++) {
    house.plc.unit(1)[at] = 0x100 + at;
    house.plc.bits(1)[at] = at % 3 === 0 ? 1 : 0;
  }
  const bits = (first: number): string => `0${[0, 1, 2].reduce((sum, i) => sum | ((first + i) % 3 === 0 ? 1 << i : 0), 0)}`;
  const word = (value: number): string => value.toString(16).padStart(4, "0");
  const operators = await Promise.all([house.plain(), house.plain(), house.plain()]);
  const work = operators.map(async (operator, who) => {
    for (let wave = 0; wave < 8; wave++) {
      const wanted = Array.from({ length: 12 }, (_, i): [Buffer, string] => {
        const at = 20 * who + ((7 * wave + i) % 17);
        if (i % 3 === 0) return [coils(at, 3), `0101${bits(at)}`];
        return i % 3 === 1 ? [read(at, 1), `0302${word(0x100 + at)}`] : [write(at + 60 - 20 * who, 7), `06${word(at + 60 - 20 * who)}0007`];
      });
      const answers = await Promise.all(wanted.map(([request]) => hex(operator.ask(request))));
      assert.equal(
        answers,
        wanted.map(([, answer]) => answer),
      );
    }
    const order = operator.answers.map(({ transaction }) => transaction);
    assert.equal(
      order,
      order.toSorted((x, y) => x - y),
    );
    assert.ok(operator.answers.every(({ unit }) => unit === 1));
  });
  await Promise.all(work);
  const { rewritten, dropped } = ofPlc(house) ?? {};
  assert.is(dropped, 0);
  assert.ok(
    Object.values(rewritten ?? {}).every((count) => count > 20),
    JSON.stringify(rewritten),
  );
  const told = (await outcomes(house)).map(({ outcome }) => outcome);
  assert.equal([...new Set(told)], ["answered"]);
});

quirks(
  "RULINGS 23: requests have none: at a device with every quirk each is malformed as at any other, and not an octet leaves",
  async (context) => {
    const house = await bending(context, (answer) => answer, { asset: ALL });
    const operator = await house.plain();
    const bad: [string, string, string][] = [
      ["0f0013000a02cdff", "8f03", "badPadding"],
      ["03000400010000", "8303", "trailing"],
      ["060004000700", "8603", "trailing"],
      ["010000000300", "8103", "trailing"],
      ["1000060001020a0b00", "9003", "trailing"],
    ];
    for (const [request, answer] of bad) assert.is(await hex(operator.ask(request)), answer, request);
    assert.is(await hex(operator.ask(read(4, 1), 255)), "8301", "nor is another unit the one that is meant");
    operator.send(write(4, 1), 0);
    await operator.ask(read(4, 1), 254);
    assert.is(house.plc.octets, 0);
    const told = (await house.written("decision")).map(({ code }) => code);
    assert.equal(told, [...bad.map(([, , code]) => code), "unknownUnit", "broadcastNotAllowed", "unknownUnit"]);
  },
);

quirks(
  "RULINGS 23: octets outside any frame's length are no quirk: the framing is broken, and the connection is replaced",
  async (context) => {
    const house = await bending(context, (answer) => answer, { asset: `${ALL}    upstream: { timeout: 300ms }` });
    const operator = await house.plain();
    assert.is(await hex(operator.ask(read(4, 1))), "03020064");
    house.plc.faults = { rewrite: (answer) => Buffer.concat([answer, Buffer.from([0xff, 0xff, 0xff, 0xff])]) };
    assert.is(await hex(operator.ask(read(4, 1))), "03020064", "the frame before them is whole");
    await until(() => house.plc.connections === 2, "reconnected");
    assert.is(house.gateway.road.stats.strays.get("brokenFraming"), 1);
    house.plc.faults = {};
    await until(() => house.gateway.status().assets[0]?.deviceState === "ready", "ready again");
    assert.is(await hex(operator.ask(read(4, 1))), "03020064");
    assert.equal(ofPlc(house)?.rewritten, {});
  },
);

quirks("RULINGS 23: status for people, for programs and metrics count them by asset and quirk", async (context) => {
  const house = await bending(context, both(padded, trailed(0)), {
    asset: "    quirks: [trailing-octets, unit-echo]",
  });
  const operator = await house.plain();
  await operator.ask(read(4, 1));
  await operator.ask(read(4, 1));
  await operator.ask(coils(0, 3));
  const { stdout } = await penstock(["status", "--site", path.join(house.dir, "site.yaml")]);
  assert.match(stdout, /^ASSET +QUIRK +REPLIES REWRITTEN$/m);
  assert.match(stdout, /^plc +trailing-octets +2$/m);
  assert.match(stdout, /^plc +unit-echo +0$/m);
  assert.match(
    stdout,
    /^! plc: 1 reply dropped: the device leaves padding bits .* set in site.yaml: quirks: \[coil-padding, unit-echo, trailing-octets\]$/m,
  );
  const json = JSON.parse((await penstock(["status", "--json", "--site", path.join(house.dir, "site.yaml")])).stdout);
  assert.equal(json.assets[0].quirks, {
    declared: ["unit-echo", "trailing-octets"],
    rewritten: { "trailing-octets": 2 },
    needed: { "coil-padding": 1, "trailing-octets": 1 },
    dropped: 1,
  });
  const { metrics = "" } = await askDaemon(path.join(house.dir, "penstock.sock"), { ask: "metrics" });
  assert.match(metrics, /^penstock_replies_rewritten_total\{asset="plc",quirk="trailing-octets"\} 2$/m);
  assert.match(metrics, /^penstock_replies_rewritten_total\{asset="plc",quirk="unit-echo"\} 0$/m);
  assert.match(metrics, /^penstock_replies_dropped_for_quirk_total\{asset="plc",quirk="coil-padding"\} 1$/m);
});

quirks("RULINGS 23: sessions with connections of their own are served alike", async (context) => {
  const house = await bending(context, both(padded, asUnit(255)), { asset: `${ALL}    upstream: { mode: per_session }` });
  const [a, b] = [await house.plain(), await house.plain()];
  assert.equal(await Promise.all([hex(a.ask(coils(0, 3))), hex(b.ask(coils(0, 3)))]), ["010105", "010105"]);
  assert.equal(ofPlc(house)?.rewritten, { "coil-padding": 2, "unit-echo": 2 });
});

function patched(octets: Buffer, at: number, value: number): Buffer {
  const copy = Buffer.from(octets);
  copy[at] = value;
  return copy;
}

function shortened(octets: Buffer): Buffer {
  const copy = Buffer.from(octets.subarray(0, octets.length - 1));
  copy.writeUInt16BE(copy.readUInt16BE(4) - 1, 4);
  return copy;
}

quirks("RULINGS 23: a late reply finds nobody, whatever it takes", async (context) => {
  const house = await bending(context, asUnit(0), { asset: ALL });
  const operator = await house.plain();
  assert.is(await hex(operator.ask(read(4, 1))), "03020064");
  house.plc.shout(both(trailed(0), asUnit(255))(adu("0302beef", 1, 0)));
  assert.is(await hex(operator.ask(read(4, 1))), "03020064");
  assert.is(house.gateway.road.stats.strays.get("unsolicited"), 1);
  assert.equal(ofPlc(house)?.rewritten, { "unit-echo": 2 });
});

quirks.run();
