/** `points verify` (RULINGS 7): the gateway reads what stands there, by the road everybody takes, and a person signs it off. */
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { sayRecord } from "#audit/words";
import { askDaemon } from "#management/client";
import type { Answer, Question, Verification, VerifiedPoint } from "#management/protocol";
import { MovedClock } from "#test/support/clock";
import { penstock } from "#test/support/daemon";
import { certificates } from "#test/support/gatewayCertificates";
import { type AuditRecord, type House, type HouseOptions, OPEN_POLICY, opened, until } from "#test/support/house";
import { ask as askAtPort, portOf } from "#test/support/manager";
import { read } from "#test/support/operator";

/** Drum pressure 8.25 bar: 0x41040000. The PLC has it with the low word first. */
const POINTS = `name,unit_id,table,address,type,unit,access,description,scale,word_order,byte_order,plausible_min,plausible_max,bit,bit_of
setpoint,1,holding,40,uint16,t/h,rw,Feed water,0.1,,,0,60,,
pressure,1,holding,41,float32,bar,r,Drum,,big,,0,16,,
total,1,holding,43,uint32,m3,r,Meter,,,,,,,
modes,1,holding,60,uint16,,rw,Modes,,,,,,,
auto,1,holding,60,bit,,rw,Automatic,,,,,,3,modes
level,1,input,7,int16,mm,r,Level,,,,-500,500,,
pump,1,coil,2,bool,,rw,Pump,,,,,,,
`;

const MINUTE = 60_000;

const verify = suite<{ house: House }>("gateway/verify");
verify.after.each(async (context) => {
  await context.house?.close();
});

async function opening(context: { house: House }, more: Partial<HouseOptions> = {}): Promise<House> {
  const house = await opened(context, { points: POINTS, ...more });
  const registers = house.plc.unit(1);
  registers[40] = 305;
  registers[41] = 0x0000;
  registers[42] = 0x4104;
  registers[43] = 1;
  registers[44] = 2;
  registers[60] = 0x0008;
  house.plc.inputs.set(1, new Uint16Array(65_536));
  (house.plc.inputs.get(1) as Uint16Array)[7] = 0xff9c;
  house.plc.bits(1)[2] = 1;
  return house;
}

const ask = (house: House, question: Question): Promise<Answer> => askDaemon(path.join(house.dir, "penstock.sock"), question, 60_000);

async function look(house: House, points: readonly string[] | null = null, uid = 4711): Promise<Verification> {
  const { verification, error } = await ask(house, { ask: "pointsVerify", asset: "plc", points, from: 0, uid });
  if (verification === undefined) throw new Error(error);
  return verification;
}

async function refuses(looking: Promise<Verification>, words: RegExp): Promise<void> {
  const refusal = await looking.then(
    () => "shown",
    (error: Error) => error.message,
  );
  assert.match(refusal, words);
}

const named = ({ points }: Verification, name: string): VerifiedPoint => points.find((point) => point.name === name) as VerifiedPoint;
const of = (records: readonly AuditRecord[], asked: string): AuditRecord[] => records.filter((record) => record.asked === asked);
/** Function, first address and quantity of what came to the PLC. */
const asked = (house: House): string[] => house.plc.requests.map((adu) => `${adu[7]} ${adu.readUInt16BE(8)} ${adu.readUInt16BE(10)}`);

verify("RULINGS 7: shows every point in its unit, read once for all that touch, and records what it showed", async (context) => {
  const house = await opening(context);
  const shown = await look(house);
  assert.equal(
    shown.points.map(({ name, table, address, words, value, unit, verdict }) => [name, table, address, words, value, unit, verdict]),
    [
      ["setpoint", "holding", "40", [305], "30.5", "t/h", "plausible"],
      ["pressure", "holding", "41-42", [0x0000, 0x4104], "2.33232e-41", "bar", "implausible"],
      ["total", "holding", "43-44", [1, 2], "65538", "m3", "unranged"],
      ["modes", "holding", "60", [8], "8", "", "unranged"],
      ["auto", "holding", "60.3", [8], "1", "", "unranged"],
      ["level", "input", "7", [0xff9c], "-100", "mm", "plausible"],
      ["pump", "coil", "2", [1], "1", "", "unranged"],
    ],
  );
  assert.equal(shown.points[0]?.plausible, { min: "0", max: "60" });
  assert.ok(shown.points.every(({ ageMs }) => ageMs !== null && ageMs >= 0 && ageMs < 5_000));
  assert.is(shown.pointsFile, createHash("sha256").update(POINTS).digest("hex"));
  assert.equal(asked(house).sort(), ["1 2 1", "3 40 5", "3 60 1", "4 7 1"]);
  const records = await house.written();
  const [record] = of(records, "points verify");
  assert.equal(
    [record?.kind, record?.who, record?.uid, record?.asset, record?.pointsFile],
    ["management", "local-root", 4711, "plc", shown.pointsFile],
  );
  assert.equal(record?.values[0], {
    name: "setpoint",
    unit: "t/h",
    at: "unit 1 holding 40",
    words: [305],
    value: "30.5",
    verdict: "plausible",
  });
  const sentence = sayRecord({ seq: 1, time: record?.time, kind: "management", members: record ?? {}, line: "" });
  assert.match(
    sentence,
    /local-root@plc \(uid 4711\): points verify \(setpoint = 30\.5 t\/h, pressure = \S+ bar implausible, total = 65538 m3, /,
  );
  const reads = records.filter(({ kind, who }) => kind === "decision" && who === "self");
  assert.equal(
    reads.map(({ rule, decision, count }) => [rule, decision, count]),
    Array.from({ length: 4 }, () => ["self/read", "allow", 1]),
    "no hidden reads",
  );
  assert.is(house.gateway.road.sessions.open.size, 0);
});

verify("RULINGS 7: a register between two points that nobody named is never read", async (context) => {
  const rows = ["a,1,holding,10,uint16,,r,", "b,1,holding,12,uint16,,r,", "c,1,holding,13,uint16,,r,", "d,1,input,14,uint16,,r,"];
  const house = await opening(context, { points: `name,unit_id,table,address,type,unit,access,description\n${rows.join("\n")}\n` });
  await look(house);
  assert.equal(asked(house).sort(), ["3 10 1", "3 12 2", "4 14 1"]);
});

verify("RULINGS 7: what was shown is signed off within thirty minutes, or looked at again", async (context) => {
  const clock = new MovedClock();
  const house = await opening(context, { clock });
  const [late, first] = [await look(house, ["setpoint"]), await look(house, ["setpoint"])];
  clock.passed = 29 * MINUTE;
  assert.equal(await ask(house, { ask: "pointsSignOff", verification: first.id, uid: 4711 }), { ok: true });
  clock.passed = 30 * MINUTE + 1;
  assert.match(
    (await ask(house, { ask: "pointsSignOff", verification: late.id, uid: 4711 })).error ?? "ok",
    /nothing to sign off: you were shown no verification "v1" in the last 30 minutes/,
  );
  assert.is(of(await house.written(), "points sign-off").length, 1);
});

verify("RULINGS 7: a float in the wrong word order is told, with what the other orders say; nobody signs that off", async (context) => {
  const house = await opening(context);
  const wrong = await look(house, ["pressure", "setpoint"]);
  const pressure = named(wrong, "pressure");
  assert.equal([pressure.verdict, pressure.why], ["implausible", "check word order"]);
  assert.equal(
    pressure.otherwise.filter(({ fits }) => fits),
    [{ wordOrder: "little", byteOrder: "big", value: "8.25", fits: true }],
  );
  assert.is(pressure.otherwise.length, 3);
  assert.match(
    (await ask(house, { ask: "pointsSignOff", verification: wrong.id, uid: 4711 })).error ?? "",
    /^not signed off: pressure is implausible/,
  );
  writeFileSync(path.join(house.dir, "points.csv"), POINTS.replace("Drum,,big", "Drum,,little"));
  house.rewrite("policy.yaml", OPEN_POLICY.replace("version: 1", "version: 2"));
  assert.equal((await house.gateway.reload()).problems, []);
  const right = await look(house, ["pressure", "setpoint"]);
  assert.equal(
    [named(right, "pressure").verdict, named(right, "pressure").value, named(right, "pressure").otherwise],
    ["plausible", "8.25", []],
  );
  assert.not.equal(right.pointsFile, wrong.pointsFile);
  assert.match(
    (await ask(house, { ask: "pointsSignOff", verification: right.id, uid: 12 })).error ?? "",
    /nothing to sign off/,
    "who was shown it signs it",
  );
  assert.equal(await ask(house, { ask: "pointsSignOff", verification: right.id, uid: 4711 }), { ok: true });
  assert.match((await ask(house, { ask: "pointsSignOff", verification: right.id, uid: 4711 })).error ?? "", /nothing to sign off/, "once");
  const records = await house.written();
  const [signed] = of(records, "points sign-off");
  assert.equal(
    [signed?.kind, signed?.who, signed?.uid, signed?.asset, signed?.pointsFile],
    ["management", "local-root", 4711, "plc", right.pointsFile],
  );
  assert.is(signed?.of, of(records, "points verify").at(-1)?.seq);
  assert.equal(
    signed?.values.map(({ name, value }: AuditRecord) => [name, value]),
    [
      ["setpoint", "30.5"],
      ["pressure", "8.25"],
    ],
  );
});

verify("RULINGS 7: octets swapped within the words, NaN and a subnormal are told too", async (context) => {
  const house = await opening(context);
  const registers = house.plc.unit(1);
  const seen = async (high: number, low: number): Promise<VerifiedPoint> => {
    [registers[41], registers[42]] = [high, low];
    return named(await look(house, ["pressure"]), "pressure");
  };
  const swapped = await seen(0x0441, 0x0000);
  assert.is(swapped.value, "2.2687041e-36");
  assert.equal(
    [swapped.verdict, swapped.otherwise.find(({ fits }) => fits)],
    ["plausible", { wordOrder: "big", byteOrder: "little", value: "8.25", fits: true }],
    "within its range, and so near zero that it is told",
  );
  const nan = await seen(0x7fc0, 0x0000);
  assert.equal([nan.verdict, nan.value], ["implausible", "NaN"]);
  assert.is((await seen(0x0000, 0x0001)).verdict, "implausible", "a subnormal: zero with its words in another order");
  const wide = named(await look(house, ["setpoint"]), "setpoint");
  assert.is(wide.verdict, "plausible");
  registers[40] = 7_000;
  const beyond = named(await look(house, ["setpoint"]), "setpoint");
  assert.equal([beyond.verdict, beyond.value, beyond.why], ["implausible", "700", "check type, scale and byte order"]);
});

verify(
  "RULINGS 4, 7: the gateway obeys `never`: no octet of a forbidden point leaves, and its neighbours are read without it",
  async (context) => {
    const policy = OPEN_POLICY.replace(
      "roles:",
      "never:\n  - { id: quiet, deny: read, on: plc, points: [total], on_deny: { answer: close } }\nroles:",
    );
    const house = await opening(context, { policy });
    const shown = await look(house, ["setpoint", "pressure", "total"]);
    assert.equal(named(shown, "total"), {
      ...named(shown, "total"),
      verdict: "unread",
      value: null,
      words: null,
      why: "the policy forbids everybody to read it (never/quiet)",
    });
    assert.is(named(shown, "setpoint").value, "30.5");
    assert.equal(asked(house), ["3 40 1", "3 41 2"]);
    const denied = (await house.written("decision")).filter(({ code }) => code === "never");
    assert.ok(denied.length >= 1 && denied.every(({ who, rule }) => who === "self" && rule === "never/quiet"));
  },
);

verify(
  "RULINGS 7: an exception of the device, silence, absence and a block each have plain words, and end the asking in time",
  async (context) => {
    const house = await opening(context, { asset: "    upstream: { timeout: 150ms }" });
    house.plc.faults = {
      rewrite: (answer, request) =>
        request[7] === 3 && request.readUInt16BE(8) <= 43 && request.readUInt16BE(8) + request.readUInt16BE(10) > 43
          ? Buffer.from([...request.subarray(0, 4), 0, 3, 1, 0x83, 2])
          : answer,
    };
    const holes = await look(house, ["setpoint", "pressure", "total"]);
    assert.is(named(holes, "total").why, "the device answers exception 2: it has nothing at this address");
    assert.is(named(holes, "setpoint").value, "30.5", "what lies beside it is read by itself");
    house.plc.faults = { silent: true };
    const connections = house.plc.connections;
    const silent = await look(house);
    assert.ok(silent.points.every(({ verdict }) => verdict === "unread"));
    assert.match(named(silent, "pump").why ?? "", /^(not asked: )?the device does not answer there/);
    assert.ok(
      house.plc.connections - connections <= 2,
      "a silent device is not asked on and on: each silence costs everybody the connection",
    );
    house.plc.faults = {};
    await until(() => house.gateway.status().assets[0]?.deviceState === "ready", "the device is back");
    await ask(house, { ask: "block", asset: "plc", reads: true, uid: 0 });
    const blocked = await look(house, ["setpoint", "pump"]);
    assert.is(named(blocked, "pump").why, "the asset is blocked by command, reads too (penstock block plc --lift)");
    await ask(house, { ask: "unblock", asset: "plc", uid: 0 });
    await house.plc.goAway();
    await until(() => house.gateway.status().assets[0]?.deviceState === "down", "it is gone");
    const away = await look(house, ["setpoint", "level"]);
    assert.match(named(away, "level").why ?? "", /^the device cannot be reached: is it on/);
    assert.match(named(away, "setpoint").why ?? "", /^not asked: the device cannot be reached/);
  },
);

verify("RULINGS 22: one read at a time, in its turn: operators who wait are served between two of them", async (context) => {
  const scattered = `name,unit_id,table,address,type,unit,access,description\n${Array.from({ length: 8 }, (_, i) => `p${i},1,holding,${1000 + 10 * i},uint16,,r,\n`).join("")}`;
  const house = await opening(context, { points: scattered });
  house.plc.faults = { delayMs: 15 };
  const operator = await house.plain();
  let going = true;
  const polls = (async (): Promise<number> => {
    let count = 0;
    while (going) {
      await Promise.all([operator.ask(read(1, 1)), operator.ask(read(2, 1))]);
      count += 2;
    }
    return count;
  })();
  await until(() => house.plc.requests.length > 2, "the operator polls");
  const from = house.plc.requests.length;
  const shown = await look(house);
  const order = asked(house).slice(from);
  going = false;
  await polls;
  assert.is(shown.points.filter(({ verdict }) => verdict === "unranged").length, 8);
  const own = order.flatMap((each, i) => (Number(each.split(" ")[1]) >= 1000 ? [i] : []));
  assert.is(own.length, 8);
  for (let i = 1; i < own.length; i++)
    assert.ok((own[i] as number) - (own[i - 1] as number) >= 2, `two of ours in a row: ${order.join(", ")}`);
});

verify(
  "RULINGS 7: documents that are reloaded meanwhile end the reading, and what was shown before them is signed off no more",
  async (context) => {
    const house = await opening(context);
    const before = await look(house, ["setpoint"]);
    house.plc.faults = { delayMs: 100 };
    const during = look(house, ["setpoint", "modes", "level", "pump"]);
    await until(() => house.plc.requests.length === 2, "reading");
    house.rewrite("policy.yaml", OPEN_POLICY.replace("version: 1", "version: 2"));
    assert.equal((await house.gateway.reload()).problems, []);
    const cut = await during;
    assert.ok(
      cut.points.some(({ why }) => why?.includes("the documents were reloaded meanwhile; ask again") === true),
      JSON.stringify(cut.points),
    );
    assert.match((await ask(house, { ask: "pointsSignOff", verification: before.id, uid: 4711 })).error ?? "", /reloaded since/);
  },
);

verify(
  "RULINGS 7: one verification of an asset at a time; what is asked wrongly is told; nothing is read that cannot be recorded",
  async (context) => {
    const house = await opening(context);
    house.plc.faults = { delayMs: 50 };
    const first = look(house);
    await until(() => house.plc.requests.length === 1, "reading");
    await refuses(look(house), /somebody else verifies points of plc/);
    await first;
    await refuses(look(house, ["presure"]), /found "presure"; expected a point of plc.*pressure/);
    assert.match(
      (await ask(house, { ask: "pointsVerify", asset: "nothing", points: null, from: 0, uid: 0 })).error ?? "",
      /no asset nothing; there are plc/,
    );
    const requests = house.plc.requests.length;
    Object.defineProperty(house.gateway.road.audit, "onlyKept", { get: () => true, configurable: true });
    await refuses(look(house), /could not be recorded/);
    assert.is(house.plc.requests.length, requests);
  },
);

verify("RULINGS 7: where a denial closes sessions, one point that nobody may read hides none of the others", async (context) => {
  const never = "version: 1\nnever:\n  - { id: meter, deny: read, on: plc, points: [total] }\n";
  const policy = `${OPEN_POLICY.replace("version: 1\n", never)}on_deny: { answer: close }\n`;
  const house = await opening(context, { policy });
  for (const operator of [await house.plain(), await house.plain()]) await operator.ask(read(60, 1));
  const { verification } = await house.gateway.commands.fromSocket({ ask: "pointsVerify", asset: "plc", points: null, from: 0, uid: 1 });
  assert.equal(
    verification?.points.filter(({ verdict }) => verdict === "unread").map(({ name }) => name),
    ["total"],
  );
});

verify("RULINGS 7: beyond the last point there is nothing to show, and nothing to sign off", async (context) => {
  const house = await opening(context);
  const answer = await house.gateway.commands.fromSocket({ ask: "pointsVerify", asset: "plc", points: null, from: 7, uid: 1 });
  assert.equal(answer, { ok: false, mistaken: true, error: "found 7 points to pass over; expected less than the 7 of plc" });
});

verify("RULINGS 7: per_session: the gateway has a connection of its own for it, and lets it go", async (context) => {
  const house = await opening(context, { asset: "    upstream: { mode: per_session }" });
  const shown = await look(house, ["setpoint", "pump"]);
  assert.equal(
    shown.points.map(({ value }) => value),
    ["30.5", "1"],
  );
  await until(() => house.plc.sockets.size === 0, "the connection is closed");
});

verify("RULINGS 27: over the port `view` looks and `confirm` signs off, each for those who were shown it", async (context) => {
  const pki = await certificates();
  const policy = `policy: test
version: 1
roles:
  looker: [{ id: look, manage: view, on: plc }]
  voucher: [{ include: looker }, { id: vouch, manage: confirm, on: plc }]
bindings:
  - { role: looker, identity: "spiffe://plant.example/operator/lou", kind: person }
  - { role: voucher, identity: "spiffe://plant.example/operator/vic", kind: person }
  - { role: voucher, identity: "spiffe://plant.example/operator/val", kind: person }
  - { role: voucher, identity: "spiffe://plant.example/scada/main", kind: machine }
`;
  const house = await opening(context, { ...pki.house, policy, management: "interface: lo, port: 0" });
  const [lou, vic, val] = [pki.operatorNamed("lou"), pki.operatorNamed("vic"), pki.operatorNamed("val")];
  const question = { ask: "pointsVerify", asset: "plc", points: ["setpoint"], from: 0 } as const;
  const seen = await askAtPort(house, lou, question);
  assert.is(seen.verification?.points[0]?.value, "30.5");
  const sign = (who: typeof lou, verification = ""): Promise<Answer> => askAtPort(house, who, { ask: "pointsSignOff", verification });
  assert.match(
    (await sign(lou, seen.verification?.id)).error ?? "",
    /^denied: lou may not sign off the points of plc; a rule with manage: \[confirm\] and on: plc/,
  );
  assert.match((await sign(vic, seen.verification?.id)).error ?? "", /nothing to sign off: you were shown/);
  const mine = (await askAtPort(house, vic, question)).verification?.id;
  assert.match((await sign(val, mine)).error ?? "", /nothing to sign off/);
  assert.ok((await sign(vic, mine)).ok);
  const main = pki.credentials(pki.ca.issue({ uri: "spiffe://plant.example/scada/main" }));
  assert.match((await askAtPort(house, main, question)).error ?? "", /only persons manage/);
  const [signed] = of(await house.written(), "points sign-off").filter(({ decision }) => decision === "allow");
  assert.equal(
    [signed?.who, signed?.right, signed?.rule, signed?.values[0].value],
    ["spiffe:spiffe://plant.example/operator/vic", "confirm", "voucher/vouch", "30.5"],
  );
});

verify("RULINGS 7: on the command line: a table with hints, and a sign-off that asks first", async (context) => {
  const house = await opening(context);
  const run = (args: string, input = ""): ReturnType<typeof penstock> => penstock(args.split(" "), { cwd: house.dir, input });
  const shown = await run("points verify plc --points setpoint,pressure,pump --sign-off", "yes\n");
  assert.is(shown.code, 1, shown.stderr);
  assert.match(
    shown.stdout,
    /^POINT +AT +RAW +VALUE +CAN BE +AGE +VERDICT\nsetpoint +holding 40, unit 1 +0131 +30\.5 t\/h +0 to 60 +\d\.\d s +plausible$/m,
  );
  assert.match(shown.stdout, /^pressure +holding 41-42, unit 1 +0000 4104 .* implausible$/m);
  assert.match(shown.stdout, /^! pressure: implausible: check word order; word_order little, byte_order big would show 8\.25 bar$/m);
  assert.match(shown.stderr, /^penstock: nothing was signed off: correct the points file/m);
  const no = await run("points verify plc --points setpoint --sign-off", "no\n");
  assert.equal([no.code, /penstock: not signed off/.test(no.stderr)], [1, true]);
  const yes = await run("points verify plc --points setpoint,pump --sign-off --json", "yes\n");
  const json = JSON.parse(yes.stdout);
  assert.equal([yes.code, json.signedOff, json.points.length, json.points[0].value], [0, true, 2, "30.5"], yes.stderr);
  assert.is(of(await house.written(), "points sign-off")[0]?.uid, process.getuid?.());
});

verify("RULINGS 27: on the command line, over the port: as the person whose certificate it is", async (context) => {
  const pki = await certificates();
  const policy = `policy: test
version: 1
roles:
  voucher: [{ id: vouch, manage: [confirm, view, mode], on: "*" }]
bindings:
  - { role: voucher, identity: "spiffe://plant.example/operator/vic", kind: person }
  - { role: voucher, identity: "spiffe://plant.example/operator/alice", kind: machine }
`;
  const vic = pki.operatorNamed("vic");
  const papers = {
    "vic.pem": vic.certificatePem,
    "vic.key": vic.keyPem,
    "al.pem": pki.operator.certificatePem,
    "al.key": pki.operator.keyPem,
  };
  const house = await opening(context, {
    ...pki.house,
    policy,
    files: { ...pki.house.files, ...papers },
    management: "interface: lo, port: 0",
  });
  const at = `--gateway 127.0.0.1:${portOf(house)} --certificate vic.pem --key vic.key --ca ca.pem`;
  const run = (args: string, input = ""): ReturnType<typeof penstock> => penstock(args.split(" "), { cwd: house.dir, input });
  const signed = await run(`points verify plc --points setpoint,pump --sign-off ${at}`, "yes\n");
  assert.equal([signed.code, /signed off: 2 points of plc/.test(signed.stdout)], [0, true], signed.stderr);
  const said = await Promise.all([`status ${at}`, `session list ${at}`, `clock confirm ${at}`].map((each) => run(each)));
  assert.match(
    said.map(({ stdout }) => stdout).join(""),
    /policy test version 1[\s\S]*nobody is connected[\s\S]*the clock was not suspect/,
  );
  assert.match((await run(`block plc --reads ${at}`)).stdout, /plc is blocked: nothing passes/);
  const machine = await run(`block plc ${at.replaceAll("vic.", "al.")}`);
  const words = "penstock: denied: alice may not block plc: no binding of kind: person names alice, and only persons manage\n";
  assert.equal([machine.code, machine.stderr], [1, words]);
});

verify("more registers that touch than one request holds are read all the same", async (context) => {
  const points = Array.from({ length: 70 }, (_, i) => `p${i},1,holding,${2 * i},uint32,,r,`);
  const house = await opened(context, { points: `name,unit_id,table,address,type,unit,access,description\n${points.join("\n")}\n` });
  house.plc.unit(1)[139] = 7;
  const seen = (await look(house)).points;
  assert.equal([seen.length, seen.at(-1)?.value, seen.some(({ verdict }) => verdict === "unread")], [70, "7", false]);
  assert.is(house.plc.requests.length, 2);
});

verify.run();
