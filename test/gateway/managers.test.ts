/** Commands on the management port (RULINGS 27): by certificate, by right, recorded, and nothing for anybody else. */
import { createHash, X509Certificate } from "node:crypto";
import { existsSync } from "node:fs";
import net from "node:net";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { sayRecord } from "#audit/words";
import { DEMANDS } from "#gateway/commandRights";
import { askDaemon } from "#management/client";
import type { Answer, Ask, Question } from "#management/protocol";
import { selfSigned } from "#test/support/certificates";
import { certificates, type GatewayPki } from "#test/support/gatewayCertificates";
import { type AuditRecord, type House, type HouseOptions, opened, sleep, until } from "#test/support/house";
import { ask, line, portOf, post } from "#test/support/manager";
import { type OperatorTls, read, write } from "#test/support/operator";
import { Plc } from "#test/support/plc";

const POLICY = `policy: test
version: 1
roles:
  operator:
    - { id: read, allow: read, on: "*" }
    - { id: write, allow: write, on: plc, table: holding, addresses: 0-99 }
  looker:
    - { id: look, manage: view, on: "*" }
  cutter:
    - { id: cut, manage: end-session, on: plc }
  closer:
    - { id: close, manage: [mode], on: plc }
  voucher:
    - { id: vouch, manage: [confirm, view], on: "*" }
  everything:
    - include: [operator, looker, cutter, closer, voucher]
bindings:
  - { role: looker, identity: "spiffe://plant.example/operator/lou", kind: person }
  - { role: cutter, identity: "spiffe://plant.example/operator/cat", kind: person }
  - { role: closer, identity: "spiffe://plant.example/operator/moe", kind: person }
  - { role: voucher, identity: "spiffe://plant.example/operator/vic", kind: person }
  - { role: operator, identity: "spiffe://plant.example/operator/alice", kind: person }
  - { role: everything, identity: "spiffe://plant.example/scada/main", kind: machine }
  - { role: everything, source: 127.0.0.0/8 }
`;

interface Context {
  house: House;
  pki: GatewayPki;
}

const managers = suite<Context>("gateway/managers");
managers.before.each(async (context) => {
  context.pki = await certificates();
});
managers.after.each(async (context) => {
  await context.house?.close();
});

function opening(context: Context, more: Partial<HouseOptions> = {}): Promise<House> {
  return opened(context, { ...context.pki.house, policy: POLICY, management: "interface: lo, port: 0", ...more });
}

const people = (pki: GatewayPki): Readonly<Record<"lou" | "cat" | "moe" | "vic" | "alice" | "scada", OperatorTls>> => ({
  lou: pki.operatorNamed("lou"),
  cat: pki.operatorNamed("cat"),
  moe: pki.operatorNamed("moe"),
  vic: pki.operatorNamed("vic"),
  alice: pki.operator,
  scada: pki.credentials(pki.ca.issue({ uri: "spiffe://plant.example/scada/main" })),
});

const commandsIn = (records: readonly AuditRecord[]): AuditRecord[] => records.filter(({ asked }) => asked !== undefined);
const said = ({ ok, error = "", failed }: Answer & { failed?: string }): string => (ok ? "ok" : (failed ?? error));

managers("RULINGS 27: every right opens its own commands, and no other's", async (context) => {
  const house = await opening(context);
  const who = people(context.pki);
  const worker = await house.mutual(who.alice);
  await worker.ask(read(1, 1));
  const session = (): string => [...house.gateway.road.sessions.open][0]?.id ?? "";
  const asks: readonly (readonly [ask: Ask["ask"], make: () => Ask, allowed: readonly (keyof typeof who)[]])[] = [
    ["status", () => ({ ask: "status" }), ["lou", "vic"]],
    ["sessions", () => ({ ask: "sessions" }), ["lou", "vic"]],
    ["block", () => ({ ask: "block", asset: "plc", reads: false }), ["moe"]],
    ["unblock", () => ({ ask: "unblock", asset: "plc" }), ["moe"]],
    ["clockConfirm", () => ({ ask: "clockConfirm" }), ["vic"]],
    ["reload", () => ({ ask: "reload" }), []],
    ["metrics", () => ({ ask: "metrics" }), []],
    ["endSession", () => ({ ask: "endSession", session: session() }), ["cat"]],
  ];
  for (const [name, make, allowed] of asks)
    for (const person of ["alice", "scada", "lou", "vic", "moe", "cat"] as const) {
      const answer = await ask(house, who[person], make());
      assert.is(answer.ok, allowed.includes(person), `${person} asks ${name}: ${said(answer)}`);
      if (!allowed.includes(person)) assert.match(said(answer), /^denied: /);
    }
  await worker.gone(1_000);
  assert.is(
    said(await ask(house, who.alice, { ask: "endSession", session: "x" })),
    'denied: alice may not end sessions; a rule with manage: [end-session] and on: "*" would allow it',
  );
  assert.is(
    said(await ask(house, who.alice, { ask: "block", asset: "plc", reads: true })),
    "denied: alice may not block plc; a rule with manage: [mode] and on: plc would allow it",
  );
  assert.is(
    said(await ask(house, who.scada, { ask: "block", asset: "plc", reads: true })),
    "denied: main may not block plc: no binding of kind: person names main, and only persons manage",
  );
  assert.is(said(await ask(house, who.lou, { ask: "reload" })), "denied: reload is taken over the local socket alone, on the box itself");
  assert.is(said(await ask(house, who.cat, { ask: "endSession", session: "x" })), "no session x is open");
});

managers("RULINGS 27: a command acts at once, and its record names who, certificate, right and rule; so does a denial", async (context) => {
  const house = await opening(context);
  const who = people(context.pki);
  const worker = await house.mutual(who.alice);
  await worker.ask(write(1, 7));
  assert.ok((await ask(house, who.moe, { ask: "block", asset: "plc", reads: false })).ok);
  assert.is((await worker.ask(write(1, 8))).toString("hex"), "8601");
  assert.match(
    house.gateway.status().warnings.join("\n"),
    /plc: BLOCKED to every change since \S+ by spiffe:spiffe:\/\/plant.example\/operator\/moe/,
  );
  assert.not.ok((await ask(house, who.cat, { ask: "unblock", asset: "plc" })).ok);
  assert.ok((await ask(house, who.moe, { ask: "unblock", asset: "plc" })).ok);
  const [session] = house.gateway.road.sessions.open;
  assert.ok((await ask(house, who.cat, { ask: "endSession", session: session?.id ?? "" })).ok);
  await worker.gone(1_000);
  const records = commandsIn(await house.written("management"));
  assert.equal(
    records.map(({ asked, who: by, right, rule, decision, code = "", asset = "" }) => [
      asked,
      by.split("/").at(-1),
      right,
      rule,
      decision,
      code,
      asset,
    ]),
    [
      ["block", "moe", "mode", "closer/close", "allow", "", "plc"],
      ["unblock", "cat", "mode", "default", "deny", "nothingAllows", "plc"],
      ["unblock", "moe", "mode", "closer/close", "allow", "", "plc"],
      ["session end", "cat", "end-session", "cutter/cut", "allow", "", "plc"],
    ],
  );
  const hashes = [who.moe, who.cat].map(({ certificatePem }) =>
    createHash("sha256").update(new X509Certificate(certificatePem).raw).digest("hex"),
  );
  assert.equal(
    records.map(({ certificate }) => certificate),
    [hashes[0], hashes[1], hashes[0], hashes[1]],
  );
  assert.ok(
    hashes.every((hash) => existsSync(path.join(house.auditDirectory, "documents", hash))),
    "and the certificates are kept beside the log",
  );
  assert.ok(records.every(({ source }) => source === "127.0.0.1"));
  const sentences = records.map((record) =>
    sayRecord({ seq: record.seq, time: record.time, kind: record.kind, members: record, line: "" }),
  );
  assert.match(sentences[0] ?? "", /#\d+ moe@plc: block: allowed, rule closer\/close$/);
  assert.match(sentences[1] ?? "", /#\d+ denied: cat may not open plc again; a rule with manage: \[mode\] and on: plc would allow it$/);
  assert.match(sentences[3] ?? "", /#\d+ cat@plc: session end \S+ of spiffe:.*alice: allowed, rule cutter\/cut$/);
  const end = (await house.written("session")).find(({ event }) => event === "end");
  assert.equal([end?.reason, end?.words], ["endedByOperator", "by cat"]);
});

managers(
  "RULINGS 27: whoever opens the socket is local-root, recorded with the uid its process states, for every command",
  async (context) => {
    const house = await opening(context);
    const worker = await house.mutual(context.pki.operator);
    await worker.ask(read(1, 1));
    const [session] = house.gateway.road.sessions.open;
    const questions: readonly Question[] = [
      { ask: "reload", uid: 7 },
      { ask: "block", asset: "plc", reads: true, uid: 7 },
      { ask: "unblock", asset: "plc", uid: 7 },
      { ask: "endSession", session: session?.id ?? "", uid: 7 },
    ];
    for (const question of questions) assert.ok((await askDaemon(path.join(house.dir, "penstock.sock"), question)).ok);
    await askDaemon(path.join(house.dir, "penstock.sock"), { ask: "clockConfirm", uid: 7 });
    const records = await house.written();
    const told = [...commandsIn(records), ...records.filter(({ kind, event }) => kind === "clock" && event === "confirmed")];
    assert.equal(
      told.map(({ asked = "clock confirm", who, uid, right }) => [asked, who, uid, right]),
      ["reload", "block", "unblock", "session end", "clock confirm"].map((asked) => [asked, "local-root", 7, undefined]),
    );
  },
);

managers("RULINGS 27: a block by a person stands over a restart, and says by whom", async (context) => {
  const house = await opening(context);
  const who = people(context.pki);
  assert.ok((await ask(house, who.moe, { ask: "block", asset: "plc", reads: false })).ok);
  await house.restart();
  const worker = await house.mutual(who.alice);
  assert.is((await worker.ask(write(1, 8))).toString("hex"), "8601");
  assert.match(house.gateway.status().warnings.join("\n"), /plc: BLOCKED .* by spiffe:spiffe:\/\/plant.example\/operator\/moe/);
  assert.ok((await ask(house, who.moe, { ask: "unblock", asset: "plc" })).ok);
  assert.is((await worker.ask(write(1, 8))).toString("hex"), "0600010008");
});

managers("RULINGS 27: without a good certificate no octet of management is answered, and the reason is recorded", async (context) => {
  const house = await opening(context);
  const { pki } = context;
  const revoked = pki.operatorNamed("moe");
  house.rewrite("ca.crl", pki.ca.list({ number: 2, revoked: [revoked.made.serial] }));
  await until(() => house.gateway.trust?.store.lists[0]?.number === 2n, "the list is taken up");
  const strangers: readonly (readonly [who: OperatorTls | null, reason: string])[] = [
    [null, "noClientCertificate"],
    [pki.credentials(selfSigned({ uri: "spiffe://plant.example/operator/moe" })), "selfSigned"],
    [pki.operatorNamed("moe", { startsIn: -2 * 86_400_000, endsIn: -86_400_000 }), "certificateExpired"],
    [revoked, "certificateRevoked"],
    [pki.credentials(pki.ca.issue({ uri: "spiffe://plant.example/scada/stranger" })), "noRole"],
  ];
  for (const [who, reason] of strangers) {
    const told = await line(house, who, post('{"ask":"status"}'));
    await told.gone;
    assert.is(told.text(), "");
    house.gateway.road.writeTurned();
    assert.is((await house.written("handshake-refused")).at(-1)?.reason, reason);
  }
  const plain = net.connect(portOf(house), "127.0.0.1", () => plain.write(post('{"ask":"status"}')));
  let octets = "";
  plain.on("data", (chunk) => {
    octets += chunk.toString("latin1");
  });
  plain.on("error", () => {});
  await new Promise((resolve) => plain.once("close", resolve));
  assert.not.match(octets, /HTTP|status/);
  assert.equal(commandsIn(await house.written("management")), []);
});

managers("RULINGS 27: revoked, an open connection is cut within a second, and its record says why", async (context) => {
  const house = await opening(context);
  const moe = context.pki.operatorNamed("moe");
  const open = await line(house, moe);
  const body = '{"ask":"block","asset":"plc","reads":true}';
  open.socket.write(post(body).slice(0, -5));
  await sleep(300);
  assert.not.ok(open.socket.destroyed);
  house.rewrite("ca.crl", context.pki.ca.list({ number: 2, revoked: [moe.made.serial] }));
  const started = performance.now();
  await open.gone;
  assert.ok(performance.now() - started < 1_000, `${performance.now() - started} ms`);
  assert.is(open.text(), "");
  const cut = (await house.written("management")).find(({ event }) => event === "cut");
  assert.equal([cut?.who, cut?.reason], ["spiffe:spiffe://plant.example/operator/moe", "certificateRevoked"]);
  assert.is(house.gateway.assets.get("plc")?.block, null);
});

managers("RULINGS 27: a reload that takes the right away acts at the next command; one that takes every role cuts", async (context) => {
  const house = await opening(context);
  const moe = context.pki.operatorNamed("moe");
  const open = await line(house, moe);
  house.rewrite("policy.yaml", POLICY.replace("version: 1", "version: 2").replace("manage: [mode]", "manage: [view]"));
  assert.equal((await house.gateway.reload()).problems, []);
  open.socket.write(post('{"ask":"block","asset":"plc","reads":true}'));
  await open.gone;
  assert.match(open.text(), /denied: moe may not block plc; a rule with manage: \[mode\] and on: plc would allow it/);
  const idle = await line(house, moe);
  const asking = await line(house, moe);
  house.rewrite("policy.yaml", POLICY.replace("version: 1", "version: 3").replace(/.*operator\/moe.*\n/, ""));
  assert.equal((await house.gateway.reload()).problems, []);
  asking.socket.write(post('{"ask":"status"}'));
  await asking.gone;
  assert.is(asking.text(), "", "whoever has no role any more is not answered");
  const started = performance.now();
  await idle.gone;
  assert.ok(performance.now() - started < 1_000);
  assert.is((await house.written("management")).find(({ event }) => event === "cut")?.reason, "roleLost");
});

managers("RULINGS 18, 27: under an overdue revocation list people look, and change nothing", async (context) => {
  const { pki } = context;
  const list = pki.ca.list({ number: 1, startsIn: -30 * 86_400_000, endsIn: -4 * 86_400_000 });
  const house = await opening(context, { files: { ...pki.house.files, "ca.crl": list } });
  const who = people(pki);
  assert.ok((await ask(house, who.vic, { ask: "status" })).ok);
  assert.match(
    said(await ask(house, who.vic, { ask: "clockConfirm" })),
    /denied: vic may not confirm the clock: the revocation list behind/,
  );
  assert.match(said(await ask(house, who.moe, { ask: "block", asset: "plc", reads: false })), /revocation list/);
  assert.equal(
    commandsIn(await house.written("management"))
      .filter(({ decision }) => decision === "deny")
      .map(({ code }) => code),
    ["revocationStale", "revocationStale"],
  );
  assert.is(house.gateway.assets.get("plc")?.block, null);
});

managers("RULINGS 27: a person whose rule names one asset sees its sessions alone, and no status of the whole", async (context) => {
  const { pki } = context;
  const plc = new Plc();
  const other = `  other:\n    protocol: modbus-tcp\n    address: 127.0.0.1:${await plc.listen()}\n    units: [2]\n    addressing: zero-based`;
  const listeners = `${pki.house.listeners}\n  - { asset: other, interface: lo, port: 0, tls: mutual }`;
  const policy = POLICY.replace('manage: view, on: "*" }', "manage: view, on: plc }");
  const house = await opening(context, { plc, policy, listeners, asset: other });
  const lou = pki.operatorNamed("lou");
  await (await house.mutual(pki.operator, 0)).ask(read(1, 1));
  await (await house.mutual(pki.operator, 1)).ask(read(1, 1), 2);
  assert.is(house.gateway.status().sessions.length, 2);
  assert.equal(
    (await ask(house, lou, { ask: "sessions" })).sessions?.map(({ asset }) => asset),
    ["plc"],
  );
  assert.is(
    said(await ask(house, lou, { ask: "status" })),
    'denied: lou may not see the status of the gateway; a rule with manage: [view] and on: "*" would allow it',
  );
  assert.match(
    said(await ask(house, lou, { ask: "pointsVerify", asset: "other", points: null, from: 0 })),
    /may not see the values of other/,
  );
});

managers("RULINGS 29: floods of denials are counted, looks are counted, and neither takes the kept fifth", async (context) => {
  const house = await opening(context, { limits: { readWindowMs: 400 } });
  const who = people(context.pki);
  for (let i = 0; i < 30; i++) await ask(house, who.alice, { ask: "block", asset: "plc", reads: false });
  for (let i = 0; i < 10; i++) await ask(house, who.lou, { ask: "status" });
  const looked = (): number => house.records("management").reduce((sum, { asked, count }) => sum + (asked === "status" ? count : 0), 0);
  await until(() => looked() === 10, "the windows end");
  house.gateway.managers.floods(Number.POSITIVE_INFINITY);
  const records = commandsIn(await house.written("management"));
  const denied = records.filter(({ decision }) => decision === "deny");
  assert.is(denied.length, 21);
  assert.equal([denied.at(-1)?.count, denied.at(-1)?.who.split("/").at(-1), denied.at(-1)?.asked], [10, "alice", "block"]);
  const looks = records.filter(({ asked }) => asked === "status");
  assert.ok(looks.length <= 3, `${looks.length} records`);
  assert.is(looks[0]?.rule, "looker/look");
  Object.defineProperty(house.gateway.road.audit, "onlyKept", { get: () => true, configurable: true });
  await ask(house, who.cat, { ask: "block", asset: "plc", reads: false });
  await ask(house, who.lou, { ask: "status" });
  assert.match(said(await ask(house, who.lou, { ask: "pointsVerify", asset: "plc", points: null, from: 0 })), /plc has no points file/);
  await sleep(600);
  assert.is(commandsIn(await house.written("management")).length, records.length, "neither the denial nor the look");
  assert.ok((await ask(house, who.moe, { ask: "block", asset: "plc", reads: false })).ok);
  assert.equal(
    commandsIn(await house.written("management"))
      .slice(records.length)
      .map(({ asked, who: by }) => [asked, by.split("/").at(-1)]),
    [["block", "moe"]],
    "what somebody did is recorded all the same",
  );
});

managers(
  "RULINGS 29: forty assets that somebody invents are one kind of denial: twenty are told, the others are counted",
  async (context) => {
    const house = await opening(context);
    const { alice } = people(context.pki);
    for (let i = 0; i < 40; i++)
      assert.match(
        said(await ask(house, alice, { ask: "block", asset: `invented-${i}`, reads: false })),
        /^denied: alice may not block invented-/,
      );
    house.gateway.managers.floods(Number.POSITIVE_INFINITY);
    const denied = commandsIn(await house.written("management")).filter(({ decision }) => decision === "deny");
    assert.equal(
      denied.map(({ count = 1, asset = null }) => [count, asset]),
      [...Array.from({ length: 20 }, () => [1, null]), [20, null]],
    );
  },
);

managers(
  "RULINGS 18: a person at the management port is a client: the end of its certificate is told, over a restart too",
  async (context) => {
    const house = await opening(context);
    const lou = context.pki.operatorNamed("lou", { endsIn: 6.5 * 86_400_000 });
    const clients = () => house.gateway.status().endings.filter(({ what }) => what === "client");
    assert.equal(clients(), []);
    assert.ok((await ask(house, lou, { ask: "status" })).ok);
    for (const restart of [false, true]) {
      if (restart) await house.restart();
      assert.equal(
        clients().map(({ name, daysLeft, mark }) => [name, daysLeft, mark]),
        [["spiffe:spiffe://plant.example/operator/lou", 6, 7]],
      );
      assert.match(house.gateway.status().warnings.join("\n"), /the certificate of spiffe:\S+\/operator\/lou ends in 6 days/);
    }
  },
);

managers("RULINGS 27: what is no question is answered so, or not at all; nothing of it acts", async (context) => {
  const house = await opening(context, { limits: { webPatienceMs: 1_000 } });
  const { moe } = people(context.pki);
  const block = '{"ask":"block","asset":"plc","reads":false}';
  const long = `{"ask":"block","asset":"${"x".repeat(5_000)}","reads":false}`;
  const tries: readonly (readonly [words: string, answer: RegExp])[] = [
    [post("{"), /^HTTP\/1.1 400 .*not a question/s],
    [post('{"ask":"open the gate"}'), /^HTTP\/1.1 400 /],
    [post('["block"]'), /^HTTP\/1.1 400 /],
    [post('{"ask":"block","asset":"plc"}'), /^HTTP\/1.1 400 /],
    [post('{"ask":"pointsVerify","asset":"plc","points":[],"from":0}'), /^HTTP\/1.1 400 /],
    [post('{"ask":"__proto__"}'), /^HTTP\/1.1 400 /],
    [post(long), /^HTTP\/1.1 413 .*question too long/s],
    [post(block, "content-type: text/plain\r\n"), /^HTTP\/1.1 415 /],
    [post(block, ""), /^HTTP\/1.1 415 /],
    [post(block, "content-type: application/json\r\norigin: https://evil.example\r\n"), /^HTTP\/1.1 415 /],
    [post(block).replace("POST", "PUT"), /^HTTP\/1.1 404 /],
    [post(block).replace("/command", "/command/"), /^HTTP\/1.1 404 /],
    [post(block).replace("host: gate\r\n", ""), /^HTTP\/1.1 400 /],
    [`${block}\n`, /^HTTP\/1.1 400 /],
    ["\u0016\u0003\u0001 junk\r\n\r\n", /^HTTP\/1.1 400 /],
    [post(block).replace("content-length: 43", "content-length: 60"), /^$/],
    [post(block).replace("content-length: 43", "content-length: 43\r\ntransfer-encoding: chunked"), /^HTTP\/1.1 400 /],
  ];
  for (const [words, answer] of tries) {
    const told = await line(house, moe, words);
    await told.gone;
    assert.match(told.text(), answer, words);
    assert.is(house.gateway.assets.get("plc")?.block, null, words);
  }
  const drip = await line(house, moe);
  const octets = Buffer.from(post(block));
  let sent = 0;
  const timer = setInterval(() => drip.socket.writable && sent < octets.length && drip.socket.write(octets.subarray(sent, ++sent)), 50);
  const started = performance.now();
  await drip.gone;
  clearInterval(timer);
  assert.ok(performance.now() - started < 2_500, "patience is for the whole request, not for each octet");
  assert.is(house.gateway.assets.get("plc")?.block, null);
  assert.is((await askDaemon(path.join(house.dir, "penstock.sock"), { ask: "status" })).ok, true);
});

managers("RULINGS 27: of commands sent one behind the other the first acts, and no other; nobody waits in a line", async (context) => {
  const { moe } = people(context.pki);
  const commands = ["block", "unblock", "block", "unblock", "block"].map((each) => post(`{"ask":"${each}","asset":"plc","reads":false}`));
  for (const words of [commands.join(""), `${commands[0]}GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n`, commands.join("").repeat(200)]) {
    const house = await opening(context);
    const told = await line(house, moe, words);
    await told.gone;
    assert.equal(
      commandsIn(await house.written("management")).map(({ asked }) => asked),
      ["block"],
    );
    assert.ok(house.gateway.assets.get("plc")?.block !== null);
    assert.not.match(told.text(), /penstock_info/);
    await house.close();
  }
});

managers(
  "RULINGS 24, 27: a flood of half-open connections leaves the socket, and whoever has shown who it is, their places",
  async (context) => {
    const house = await opening(context, { limits: { webPatienceMs: 2_000 } });
    const { lou } = people(context.pki);
    assert.ok((await ask(house, lou, { ask: "status" })).ok, "its address is known from now on");
    const flood: net.Socket[] = [];
    const more = setInterval(() => {
      for (let i = 0; i < 10; i++) {
        const socket = net.connect({ port: portOf(house), host: "127.0.0.1", localAddress: `127.0.0.${20 + (flood.length % 200)}` });
        socket.on("error", () => {});
        flood.push(socket);
      }
    }, 20);
    try {
      await sleep(300);
      for (let i = 0; i < 10; i++) {
        assert.ok((await askDaemon(path.join(house.dir, "penstock.sock"), { ask: "status" })).ok);
        assert.is(said(await ask(house, lou, { ask: "status" })), "ok");
      }
      assert.ok(flood.length > 100, `${flood.length} of the flood`);
    } finally {
      clearInterval(more);
      for (const socket of flood) socket.destroy();
    }
  },
);

managers("ADR 0008: metrics are for machines too; the port tells no plant value by them", async (context) => {
  const house = await opening(context);
  const { scada } = people(context.pki);
  const told = await line(house, scada, "GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n");
  await told.gone;
  assert.match(told.text(), /^HTTP\/1.1 200 [\s\S]*penstock_info\{/);
  assert.equal(commandsIn(await house.written("management")), []);
});

managers("a line above the management port moves it in the file and nowhere else: the documents are taken", async (context) => {
  const house = await opening(context);
  house.rewrite("site.yaml", `# a note\n${house.read("site.yaml")}`);
  assert.equal((await house.gateway.reload()).problems, []);
});

managers("RULINGS 27: every command has its right in the one table", () => {
  const rights = Object.entries(DEMANDS).map(([name, demand]) => `${name} ${demand?.right ?? "socket"} ${demand?.about ?? ""}`.trim());
  assert.equal(rights, [
    "status view gateway",
    "sessions view asset",
    "pointsVerify view asset",
    "endSession end-session asset",
    "block mode asset",
    "unblock mode asset",
    "clockConfirm confirm gateway",
    "pointsSignOff confirm asset",
    "metrics socket",
    "reload socket",
  ]);
});

managers.run();
