/** New documents at the worst moment: while people come in, while requests wait, while the daemon stops, while a list is being written. */
import { utimesSync } from "node:fs";
import net from "node:net";
import path from "node:path";
import tls from "node:tls";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Entry } from "#audit/entry";
import { Listener } from "#gateway/listener";
import { authority, SERVER_AUTH } from "#test/support/certificates";
import { certificates, type GatewayPki } from "#test/support/gatewayCertificates";
import { type House, OPEN_POLICY, opened, POINTS, sleep, until } from "#test/support/house";
import { adu, Operator, read, write } from "#test/support/operator";
import { Plc } from "#test/support/plc";

const reload = suite<{ house: House }>("gateway/attackReload");
reload.after.each(async (context) => {
  await context.house?.close();
});

const version = (policy: string, number: number): string => policy.replace("version: 1\n", `version: ${number}\n`);
const hex = async (answer: Promise<Buffer>): Promise<string> => (await answer).toString("hex");

async function reloaded(house: House): Promise<void> {
  assert.equal((await house.gateway.reload()).problems, []);
}

async function freePort(): Promise<number> {
  const plc = new Plc();
  const port = await plc.listen();
  await plc.close();
  return port;
}

reload("a device and its listener change in one reload: requests go to the new device, and none to the old", async (context) => {
  const house = await opened(context);
  const before = await house.plain();
  await before.ask(read(0, 1));
  const second = new Plc();
  await second.listen();
  second.unit(1)[0] = 2;
  house.rewrite(
    "site.yaml",
    house
      .read("site.yaml")
      .replace(`:${house.plc.port}`, `:${second.port}`)
      .replace("port: 0", `port: ${await freePort()}`),
  );
  await reloaded(house);
  await before.gone();
  const operator = await house.plain();
  assert.is(await hex(operator.ask(read(0, 1))), "03020002");
  assert.is(await hex(operator.ask(write(1, 5))), "0600010005");
  assert.equal([second.unit(1)[1], house.plc.unit(1)[1]], [5, 0]);
  await second.close();
});

const INTERLOCKED = `name,unit_id,table,address,type,unit,access,description
feed,1,holding,4,uint16,t/h,rw,feed water
pressure,1,holding,200,uint16,bar,r,pressure
burner,1,holding,201,uint16,,r,burner
`;
const interlock = (number: number, state: string): string =>
  version(OPEN_POLICY, number).replace(
    "table: holding, addresses: 0-99 }",
    `points: [feed]${state === "" ? "" : `, state: "${state}"`}, values: { min: 0, max: 1000 } }`,
  );

for (const [now, answer, value, reads] of [
  ["plc.burner = 0", "8601", 0, [200, 201]],
  ["plc.burner = 9", "0600040007", 7, [200, 201]],
  ["plc.pressure < 1", "8601", 0, [200, 200]],
  ["", "0600040007", 7, [200]],
] as const)
  reload(`RULINGS 8, 9: new documents while an interlock is being read: it is judged by theirs (${now})`, async (context) => {
    const house = await opened(context, { policy: interlock(1, "plc.pressure < 5"), points: INTERLOCKED });
    house.plc.unit(1)[200] = 1;
    house.plc.unit(1)[201] = 9;
    const operator = await house.plain();
    house.plc.faults = { delayMs: 500 };
    const asked = hex(operator.ask(write(4, 7)));
    await until(() => house.plc.requests.length === 1, "the interlock is asked for");
    house.rewrite("policy.yaml", interlock(2, now));
    await reloaded(house);
    house.plc.faults = {};
    assert.is(await asked, answer);
    assert.is(house.plc.unit(1)[4], value);
    assert.equal(
      house.plc.requests.filter((adu) => adu[7] === 3).map((adu) => adu.readUInt16BE(8)),
      [...reads],
    );
  });

reload(
  "RULINGS 10: new documents that move a rule while something is read for it: the change has one place in its windows, not two",
  async (context) => {
    const counted = OPEN_POLICY.replace(
      "table: holding, addresses: 0-99 }",
      "table: holding, addresses: 0-99, rate: 2/min, values: { min: 0, max: 1000, max_step: 100 } }",
    );
    const house = await opened(context, { policy: counted });
    const operator = await house.plain();
    house.plc.faults = { delayMs: 300 };
    const held = hex(operator.ask(write(1, 1)));
    await until(() => house.plc.requests.length === 1, "what stands there is asked for");
    const moved = counted.replace("    - { id: read,", '    - { id: before, allow: identify, on: "*" }\n    - { id: read,');
    house.rewrite("policy.yaml", version(moved, 2));
    await reloaded(house);
    house.plc.faults = {};
    assert.is(await held, "0600010001");
    assert.is(await hex(operator.ask(write(1, 2))), "0600010002");
    assert.is(await hex(operator.ask(write(1, 3))), "8601");
  },
);

reload("RULINGS 8: a device connected to anew while a write is at it gets no other change before that is answered", async (context) => {
  const house = await opened(context, { asset: "    upstream: { timeout: 2s }" });
  const before = await house.plain();
  await before.ask(read(1, 1));
  const seen: string[] = [];
  house.plc.faults = { delayMs: 600 };
  const first = before.ask(write(4, 1)).catch(() => {});
  await until(() => house.plc.requests.some((adu) => adu[7] === 6), "it is at the device");
  const sentMs = performance.now();
  house.rewrite("site.yaml", house.read("site.yaml").replace("timeout: 2s", "timeout: 3s"));
  await reloaded(house);
  const after = await house.plain();
  house.plc.seen = (adu) => seen.push(`${adu[7]} ${performance.now() - sentMs > 500 ? "after" : "before"}`);
  const reading = after.ask(read(1, 1));
  assert.is(await hex(after.ask(write(4, 2))), "0600040002");
  await Promise.all([first, reading]);
  assert.equal(seen, ["3 before", "6 after"]);
});

reload(
  "requests that wait for a device that is replaced are not sent, and say so; one at it is completed in the records",
  async (context) => {
    const house = await opened(context, { asset: "    upstream: { timeout: 8s }" });
    const [a, b] = [await house.plain(), await house.plain()];
    house.plc.faults = { delayMs: 2_000 };
    a.send(write(1, 1));
    await until(() => house.plc.requests.length === 1, "at the device");
    b.send(write(2, 2));
    b.send(read(2, 1));
    await until(() => house.gateway.status().assets[0]?.waiting === 2, "waiting");
    house.rewrite("site.yaml", house.read("site.yaml").replace("timeout: 8s", "timeout: 9s"));
    await reloaded(house);
    await Promise.all([a.gone(), b.gone()]);
    await until(() => house.gateway.road.tickets.inUse === 0, "every ticket is back");
    await until(() => house.gateway.road.devices.size === 1, "the old device is closed");
    const outcomes = (await house.written("outcome")).map((r) => [r.outcome, r.reason]);
    assert.equal(
      outcomes.toSorted(),
      [
        ["answered", undefined],
        ["notSent", "sessionEnded"],
        ["notSent", "sessionEnded"],
      ].slice(0, outcomes.length),
    );
    assert.ok(outcomes.length >= 2);
    assert.is(house.plc.requests.length, 1);
  },
);

reload("RULINGS 10: `max_changes` counts on when the asset's connection settings change", async (context) => {
  const policy = OPEN_POLICY.replace("addresses: 0-99 }", "addresses: 0-99, values: { min: 0, max: 65535, max_changes: 2/min } }");
  const house = await opened(context, { policy, asset: "    upstream: { timeout: 400ms }" });
  const before = await house.plain();
  await before.ask(write(8, 1));
  await before.ask(write(8, 2));
  house.rewrite("site.yaml", house.read("site.yaml").replace("timeout: 400ms", "timeout: 500ms"));
  await reloaded(house);
  const operator = await house.plain();
  assert.is(await hex(operator.ask(write(8, 3))), "8601");
  assert.is(await hex(operator.ask(write(9, 3))), "0600090003");
});

reload("`from` of a listener on a stated port can change; whoever is no longer in it is cut, with nobody else", async (context) => {
  const port = await freePort();
  const pki = await certificates();
  const policy = `${pki.house.policy}  - { role: viewer, source: 127.0.0.0/8, kind: machine }\n`;
  const house = await opened(context, {
    ...pki.house,
    policy,
    listeners: `  - { asset: plc, interface: lo, port: ${port}, tls: none, from: [127.0.0.0/8] }\n  - { asset: plc, interface: lo, port: 0, tls: mutual }`,
  });
  const [plain, proven] = [await house.plain(), await house.mutual(pki.operator, 1)];
  await plain.ask(read(0, 1));
  const site = house.read("site.yaml");
  house.rewrite("site.yaml", site.replace("from: [127.0.0.0/8]", "from: [127.0.0.0/8, 10.0.0.0/8]"));
  await reloaded(house);
  assert.is(await hex(plain.ask(read(0, 1))), "03020000", "still in it");
  house.rewrite("site.yaml", site.replace("from: [127.0.0.0/8]", "from: [10.0.0.0/8]"));
  await reloaded(house);
  await plain.gone();
  await (await house.plain()).gone();
  assert.is(await hex(proven.ask(write(0, 1))), "0600000001");
  house.rewrite("site.yaml", site);
  await reloaded(house);
  const again = await house.plain();
  await again.ask(read(0, 1));
  house.rewrite("site.yaml", site.replace(/ {2}- .*tls: none.*\n/, ""));
  await reloaded(house);
  await again.gone();
  assert.is(await hex(proven.ask(write(0, 2))), "0600000002");
  assert.equal(
    (await house.written("session")).filter((r) => r.event === "end").map((r) => r.reason),
    ["siteChanged", "siteChanged"],
  );
});

reload("a listener that is bound and not in force yet lets nobody in; one closed while it is bound stays closed", async (context) => {
  const house = await opened(context);
  const site = house.gateway.site.listeners[0];
  assert.ok(site !== undefined);
  const early = new Listener(house.gateway, { ...site, port: await freePort() }, null);
  await early.open();
  const socket = net.connect(early.status().port, "127.0.0.1");
  socket.on("error", () => {});
  await until(() => socket.closed, "turned away");
  assert.is(house.gateway.road.sessions.open.size, 0);
  assert.is((await house.written("handshake-refused"))[0]?.reason, "siteChanged");
  early.close();
  const port = await freePort();
  const late = new Listener(house.gateway, { ...site, port }, null);
  const opening = late.open();
  late.close();
  await opening;
  const probe = net.connect(port, "127.0.0.1");
  const error = await new Promise((resolve) => probe.once("error", resolve).once("connect", () => resolve(null)));
  probe.destroy();
  assert.is((error as NodeJS.ErrnoException | null)?.code, "ECONNREFUSED");
});

reload("a reload under way when the daemon stops changes nothing and leaves nothing listening", async (context) => {
  const house = await opened(context);
  const operator = await house.plain();
  await operator.ask(read(0, 1));
  const port = await freePort();
  house.rewrite(
    "site.yaml",
    house
      .read("site.yaml")
      .replace("assets:\n", `  - { name: more, asset: plc, interface: lo, port: ${port}, tls: none, from: [127.0.0.0/8] }\nassets:\n`)
      .replace("\n\n", "\n"),
  );
  const reloading = house.gateway.reload();
  const closing = house.gateway.close();
  assert.match((await reloading).problems[0] ?? "", /stopping/);
  await closing;
  const probe = net.connect(port, "127.0.0.1");
  const error = await new Promise((resolve) => probe.once("error", resolve).once("connect", () => resolve(null)));
  probe.destroy();
  assert.is((error as NodeJS.ErrnoException | null)?.code, "ECONNREFUSED");
  assert.is(house.gateway.listeners.length, 1);
  assert.is(house.gateway.road.devices.size, 0);
});

reload(
  "a reload that fails half-way ends the sessions that are still under the old rules, rather than leave them there",
  async (context) => {
    const house = await opened(context);
    const [a, b] = [await house.plain(), await house.plain()];
    await Promise.all([a.ask(read(0, 1)), b.ask(read(0, 1))]);
    house.rewrite("policy.yaml", version(OPEN_POLICY, 2));
    const { road } = house.gateway;
    const { ratesFor } = road;
    let calls = 0;
    road.ratesFor = function (this: typeof road, ...args: Parameters<typeof ratesFor>) {
      calls += 1;
      if (calls === 2) throw new Error("a fault of our own");
      return ratesFor.apply(this, args);
    };
    assert.match((await house.gateway.reload()).problems[0] ?? "", /internal fault/);
    await until(() => road.sessions.open.size === 1, "one is cut");
    for (const session of road.sessions.open) assert.is(session.rights.policy, house.gateway.policy);
    assert.is((await house.written("session")).find((r) => r.event === "end")?.reason, "internalFault");
    assert.is(await hex((await house.plain()).ask(read(0, 1))), "03020000");
  },
);

reload("RULINGS 33: a record tells its points and rules as they were when it was decided, though told after a reload", async (context) => {
  const old = `${POINTS}feed,1,holding,500,uint16,,rw,\n`;
  const house = await opened(context, { points: old, limits: { readWindowMs: 600_000 } });
  const operator = await house.plain();
  await operator.ask(read(7, 1));
  const { audit } = house.gateway.road;
  const { append } = audit;
  const held: Entry[] = [];
  audit.append = (entry: Entry): number => {
    if (entry.kind !== "decision") return append.call(audit, entry);
    held.push(entry);
    return 1;
  };
  assert.is(await hex(operator.ask(write(500, 1))), "8601");
  house.rewrite("points.csv", `${POINTS}burner,1,holding,2,uint16,,rw,\nother,1,holding,500,uint16,,rw,\n`);
  house.rewrite(
    "policy.yaml",
    version(OPEN_POLICY, 2).replace("    - { id: read", "    - { id: first, allow: write, on: plc, points: [burner] }\n    - { id: read"),
  );
  await reloaded(house);
  audit.append = append;
  const told = held.map((entry) => entry.members());
  const denial = told.find((r) => r.decision === "deny");
  assert.match(denial?.words as string, /\(feed\)/);
  const operations = denial?.operations as { points: { name: string }[] }[] | undefined;
  assert.equal(
    operations?.[0]?.points.map(({ name }) => name),
    ["feed"],
  );
  const counted = told.find((r) => r.count === 1);
  assert.is(counted?.rule, "hmi/read", "counted under the old rules, told by their names");
  assert.is(counted?.policy, denial?.policy);
});

reload("a bad revocation list is told once, not with every look at it; a good one that follows is believed", async (context) => {
  const pki = await certificates();
  const house = await opened(context, pki.house);
  const mallory = pki.operatorNamed("mallory");
  const live = await house.mutual(mallory);
  house.rewrite("ca.crl", "not a list");
  await sleep(1_500);
  assert.is((await house.written("config")).filter((r) => r.event === "revocationRefused").length, 1);
  assert.is(await hex(live.ask(read(0, 1))), "03020000");
  house.rewrite("ca.crl", pki.ca.list({ number: 3, revoked: [mallory.made.serial] }));
  await live.gone(2_000);
});

reload("a list that comes while a reload is under way is not undone by it", async (context) => {
  const pki = await certificates();
  const house = await opened(context, pki.house);
  const mallory = pki.operatorNamed("mallory");
  const live = await house.mutual(mallory);
  await live.ask(read(0, 1));
  house.rewrite("policy.yaml", version(house.read("policy.yaml"), 2));
  house.rewrite(
    "site.yaml",
    house
      .read("site.yaml")
      .replace("assets:\n", "  - { name: more, asset: plc, interface: lo, port: 0, tls: mutual }\nassets:\n")
      .replace(/(tls: mutual }\n)(tls:[\s\S]*?)( {2}- \{ name: more.*\n)/, "$1$3$2"),
  );
  // The moment between reading the certificates and the swap: listeners are being bound.
  const { open } = Listener.prototype;
  Listener.prototype.open = async function (this: Listener) {
    await open.call(this);
    house.rewrite("ca.crl", pki.ca.list({ number: 2, revoked: [mallory.made.serial] }));
  };
  try {
    await reloaded(house);
  } finally {
    Listener.prototype.open = open;
  }
  assert.is(house.gateway.road.sessions.open.size, 0, "cut with the swap, not at some later look");
  await live.gone();
});

reload(
  "twenty reloads in a row while everybody asks and others come and go: every answer is right and nothing is left over",
  async (context) => {
    const house = await opened(context, { asset: "    sessions_per_identity: 16\n    upstream: { outstanding: 4, timeout: 10s }" });
    let going = true;
    const asked = { count: 0 };
    const work = async (operator: Operator, at: number): Promise<void> => {
      for (let i = 0; going; i++) {
        assert.is(await hex(operator.ask(write(at, i & 0xff))), `0600${two(at)}00${two(i & 0xff)}`);
        assert.is(await hex(operator.ask(read(at, 1))), `030200${two(i & 0xff)}`);
        assert.is(await hex(operator.ask(write(200, i))), "8601");
        asked.count += 3;
      }
    };
    const operators = [await house.plain(), await house.plain(), await house.plain()];
    const works = operators.map((operator, i) => work(operator, i + 1));
    const changing = (async (): Promise<void> => {
      for (let i = 2; i < 22; i++) {
        house.rewrite("policy.yaml", version(OPEN_POLICY, i));
        await Promise.all([reloaded(house), house.gateway.reload()]);
        const guest = await house.plain();
        await guest.ask(read(0, 1));
        guest.close();
        await until(() => asked.count > 3 * (i - 1), "everybody goes on asking");
      }
      going = false;
    })();
    await Promise.all([...works, changing]);
    await until(() => house.gateway.road.sessions.open.size === 3, "the guests are gone");
    assert.is(house.gateway.road.tickets.inUse, 0);
    assert.is(house.plc.requests.filter((adu) => adu.readUInt16BE(8) === 200).length, 0);
  },
);

/** A wire that carries the first thing a client says and keeps back the rest, its certificate with it, until `go`. */
class HeldWire {
  port = 0;
  keptBack = 0;
  readonly #server: net.Server;
  readonly #pairs: { readonly gate: net.Socket; readonly kept: Buffer[] }[] = [];
  #open = false;

  constructor(to: number) {
    this.#server = net.createServer((client) => {
      const gate = net.connect(to, "127.0.0.1");
      const pair = { gate, kept: [] as Buffer[] };
      this.#pairs.push(pair);
      let first = true;
      client.on("data", (octets) => {
        if (first || this.#open) gate.write(octets);
        else {
          pair.kept.push(octets);
          this.keptBack += octets.length;
        }
        first = false;
      });
      gate.on("data", (octets) => client.write(octets));
      for (const [one, other] of [
        [client, gate],
        [gate, client],
      ] as const)
        one.on("error", () => {}).on("close", () => other.destroy());
    });
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", () => resolve()));
    this.port = (this.#server.address() as net.AddressInfo).port;
  }

  go(): void {
    this.#open = true;
    for (const { gate, kept } of this.#pairs) for (const octets of kept) if (gate.writable) gate.write(octets);
  }

  close(): void {
    this.#server.close();
    for (const { gate } of this.#pairs) gate.destroy();
  }
}

const TWO_PLCS = "  - { asset: plc, interface: lo, port: 0, tls: mutual }\n  - { asset: two, interface: lo, port: 0, tls: mutual }";

for (const [what, change, reason] of [
  [
    "its certificate is revoked",
    (house: House, pki: GatewayPki, serial: string) => house.rewrite("ca.crl", pki.ca.list({ number: 2, revoked: [serial] })),
    "certificateRevoked",
  ],
  [
    "the authority behind it is believed no more",
    (house: House) => {
      const other = authority("Another CA");
      house.rewrite("ca.pem", other.pem);
      house.rewrite("ca.crl", other.list({ number: 1 }));
    },
    "unknownCa",
  ],
  [
    "the policy takes its role away",
    (house: House) => house.rewrite("policy.yaml", version(house.read("policy.yaml"), 2).replace(/.*operator\/\*.*\n/, "")),
    "noRole",
  ],
  [
    "its listener and asset are removed",
    (house: House) => {
      house.rewrite(
        "site.yaml",
        house
          .read("site.yaml")
          .replace(/ {2}- \{ asset: two.*\n/, "")
          .replace(/ {2}two:\n( {4}.*\n)+/, ""),
      );
    },
    null,
  ],
] as const) {
  reload(`a handshake under way while ${what} lets nobody in`, async (context) => {
    const pki = await certificates();
    const plc = new Plc();
    await plc.listen();
    const house = await opened(context, {
      ...pki.house,
      plc,
      listeners: TWO_PLCS,
      asset: `  two:
    protocol: modbus-tcp
    address: 127.0.0.1:${plc.port}
    units: [2]
    addressing: zero-based
    points: points.csv`,
    });
    const mallory = pki.operatorNamed("mallory");
    const wire = new HeldWire(house.port(1));
    await wire.listen();
    try {
      const socket = tls.connect({
        host: "127.0.0.1",
        port: wire.port,
        cert: mallory.certificatePem,
        key: mallory.keyPem,
        rejectUnauthorized: false,
      });
      let octets = 0;
      socket
        .on("error", () => {})
        .on("data", (chunk) => {
          octets += chunk.length;
        });
      socket.on("secureConnect", () => socket.write(adu(write(1, 1), 2, 1)));
      await until(() => wire.keptBack > 100, "the certificate is on its way");
      change(house, pki, mallory.made.serial);
      await reloaded(house);
      wire.go();
      await until(() => socket.closed, "turned away");
      assert.equal([octets, house.plc.octets, house.gateway.road.sessions.open.size], [0, 0, 0]);
      const refused = await house.written("handshake-refused");
      if (reason !== null) assert.is(refused[0]?.reason, reason);
    } finally {
      wire.close();
    }
  });
}

reload(
  "a certificate that is written in halves is refused in words and changes nothing; whole, the next peer meets it",
  async (context) => {
    const pki = await certificates();
    const house = await opened(context, pki.house);
    const live = await house.mutual(pki.operator);
    const shown = async (): Promise<string> => {
      const operator = await house.mutual(pki.operator);
      const { fingerprint256 } = (operator.socket as tls.TLSSocket).getPeerCertificate();
      assert.is(await hex(operator.ask(read(0, 1))), "03020000");
      operator.close();
      await until(() => house.gateway.road.sessions.open.size === 1, "gone again");
      return fingerprint256.replaceAll(":", "").toLowerCase();
    };
    const next = pki.ca.issue({ name: "gateway", ips: ["127.0.0.1"], extendedKeyUsage: [SERVER_AUTH] });
    const old = house.read("gateway.pem");
    for (const [file, text] of [
      ["gateway.pem", next.chainPem.slice(0, 300)],
      ["gateway.pem", ""],
      ["gateway.pem", next.chainPem],
      ["gateway.pem", old],
      ["gateway.key", next.keyPem.slice(0, 80)],
      ["gateway.key", next.keyPem],
    ] as const) {
      house.rewrite(file, text);
      const { problems } = await house.gateway.reload();
      assert.is(problems.length, text === old ? 0 : 1, problems.join("\n"));
      if (text !== old) assert.match(problems[0] ?? "", /gateway\.pem: does not load with/);
      assert.is(await shown(), pki.gateway.fingerprint);
    }
    house.rewrite("gateway.pem", next.chainPem);
    await reloaded(house);
    assert.is(await shown(), next.fingerprint);
    assert.is(await hex(live.ask(write(0, 1))), "0600000001", "who was in stays in");
  },
);

reload("a revocation list in the place of one of the same length and date is noticed all the same", async (context) => {
  const pki = await certificates();
  const house = await opened(context, pki.house);
  const [mallory, other] = [pki.operatorNamed("mallory"), pki.operatorNamed("other")];
  const at = path.join(house.dir, "ca.crl");
  const first = pki.ca.list({ number: 2, revoked: [other.made.serial] });
  let second = "";
  do second = pki.ca.list({ number: 3, revoked: [mallory.made.serial] });
  while (second.length !== first.length);
  const live = await house.mutual(mallory);
  const day = new Date("2026-01-01T00:00:00Z");
  const dated = (text: string): void => {
    house.rewrite("ca.crl", text);
    utimesSync(at, day, day);
  };
  dated(first);
  await until(() => house.records("config").some((r) => r.event === "revocationLoaded"), "the first list is in force");
  await sleep(600);
  assert.is(await hex(live.ask(read(0, 1))), "03020000");
  dated(second);
  await live.gone(2_000);
});

reload("the right is taken away while the record of a write is on its way to the disk: it does not leave", async (context) => {
  const house = await opened(context);
  const operator = await house.plain();
  await operator.ask(write(60, 1));
  const { audit } = house.gateway.road;
  const { durable } = audit;
  Object.defineProperty(audit, "durable", { get: () => durable, configurable: true });
  const answer = operator.ask(write(60, 2));
  await until(() => house.gateway.status().assets[0]?.waiting === 1, "it waits for the disk");
  house.rewrite(
    "policy.yaml",
    version(OPEN_POLICY, 2).replace("addresses: 0-99 }\n    - { id: switch", "addresses: 0-9 }\n    - { id: switch"),
  );
  await reloaded(house);
  Reflect.deleteProperty(audit, "durable");
  audit.onProgress?.();
  assert.is(await hex(answer), "8601");
  assert.is(house.plc.unit(1)[60], 1);
  assert.ok((await house.written("decision")).find((r) => r.decision === "deny")?.of > 0);
});

reload("a listener that turns from plain to mutual on its own port is refused in words that say what it takes", async (context) => {
  const port = await freePort();
  const pki = await certificates();
  const house = await opened(context, {
    ...pki.house,
    policy: `${pki.house.policy}  - { role: viewer, source: 127.0.0.0/8, kind: machine }\n`,
    listeners: `  - { asset: plc, interface: lo, port: ${port}, tls: none, from: [127.0.0.0/8] }`,
  });
  const operator = await house.plain();
  house.rewrite("site.yaml", house.read("site.yaml").replace("tls: none, from: [127.0.0.0/8]", "tls: mutual"));
  const { problems } = await house.gateway.reload();
  assert.equal(problems.length, 1);
  assert.match(problems[0] ?? "", new RegExp(`site\\.yaml:\\d+:1: .*port ${port}.*that takes a restart`));
  assert.is(await hex(operator.ask(read(0, 1))), "03020000");
});

reload(
  "two listeners change ports with each other: each serves what its line says now, and nobody is let in to the other's",
  async (context) => {
    const [left, right] = [await freePort(), await freePort()];
    const plc = new Plc();
    await plc.listen();
    const second = new Plc();
    await second.listen();
    const line = (asset: string, port: number): string =>
      `  - { asset: ${asset}, interface: lo, port: ${port}, tls: none, from: [127.0.0.0/8] }`;
    const house = await opened(context, {
      plc,
      listeners: `${line("plc", left)}\n${line("two", right)}`,
      asset: `  two:
    protocol: modbus-tcp
    address: 127.0.0.1:${second.port}
    units: [1]
    addressing: zero-based
    points: points.csv`,
    });
    plc.unit(1)[0] = 1;
    second.unit(1)[0] = 2;
    const before = await house.plain(0);
    assert.is(await hex(before.ask(read(0, 1))), "03020001");
    house.rewrite(
      "site.yaml",
      house.read("site.yaml").replace(line("plc", left), line("plc", right)).replace(line("two", right), line("two", left)),
    );
    await reloaded(house);
    assert.is(await hex(before.ask(read(0, 1))), "03020001", "who was in stays where they were");
    const at = async (port: number): Promise<string> => {
      const operator = await Operator.plain(port);
      const told = await hex(operator.ask(read(0, 1)));
      operator.close();
      return told;
    };
    assert.equal([await at(left), await at(right)], ["03020002", "03020001"]);
    await second.close();
  },
);

function two(value: number): string {
  return value.toString(16).padStart(2, "0");
}

reload.run();
