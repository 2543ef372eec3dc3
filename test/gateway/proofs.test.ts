/** Clauses that are easily lost: what the policy's hash covers, in which order requests act, who is served, and who backs off. */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import net from "node:net";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type House, OPEN_POLICY, opened, POINTS, sleep, until } from "#test/support/house";
import { need } from "#test/support/need";
import { Operator, read, write } from "#test/support/operator";

const proofs = suite<{ house: House }>("gateway/proofs");
proofs.after.each(async (context) => {
  await context.house?.close();
});

const hex = async (answer: Promise<Buffer>): Promise<string> => (await answer).toString("hex");

proofs(
  "RULINGS 33: the hash covers policy, points, addressing, units and aliases, and nothing that no decision depends on",
  async (context) => {
    const house = await opened(context, { policy: OPEN_POLICY.replaceAll("0-99", "1-99"), asset: "    unit_aliases: [11]" });
    const seen = [house.gateway.policy.hash];
    const changed = async (file: string, from: string | RegExp, to: string): Promise<boolean> => {
      house.rewrite(file, house.read(file).replace(from, to));
      assert.equal((await house.gateway.reload()).problems, []);
      const isNew = !seen.includes(house.gateway.policy.hash);
      seen.push(house.gateway.policy.hash);
      return isNew;
    };
    assert.ok(await changed("points.csv", POINTS, `${POINTS}feed,1,holding,4,uint16,,rw,feed\n`), "points");
    assert.ok(await changed("site.yaml", "unit_aliases: [11]", "unit_aliases: [12]"), "aliases");
    assert.ok(await changed("site.yaml", "    unit_aliases: [12]", ""), "no alias");
    assert.ok(await changed("site.yaml", "units: [1]", "units: [1, 2]"), "units");
    assert.ok(await changed("site.yaml", "zero-based", "one-based"), "addressing");
    assert.ok(await changed("site.yaml", "    units: [1, 2]", "    unit_zero: device\n    units: [0, 1, 2]"), "unit zero");
    assert.ok(await changed("policy.yaml", "version: 1\n", "version: 2\n"), "policy");
    assert.not(await changed("site.yaml", "site: test", "site: other"), "the site's name");
  },
);

proofs("RULINGS 32: at start, as at every reload, the log says which texts the policy's hash stands for", async (context) => {
  const house = await opened(context);
  const [loaded] = await house.written("config");
  assert.is(loaded?.event, "loaded");
  assert.is(loaded?.policy, house.gateway.policy.hash);
  assert.equal(loaded?.files.map(({ file }: { file: string }) => file.split("/").at(-1)).toSorted(), [
    "points.csv",
    "policy.yaml",
    "site.yaml",
  ]);
});

/** Functions in the order they came, with the most that were at the device at once. */
function watch(house: House): { readonly order: string[]; readonly most: () => number } {
  const order: string[] = [];
  let open = 0;
  let most = 0;
  house.plc.seen = (adu) => {
    order.push(`${adu[7] === 6 ? "w" : "r"}${adu.readUInt16BE(8)}`);
    open += 1;
    most = Math.max(most, open);
    setTimeout(() => {
      open -= 1;
    }, 14);
  };
  house.plc.faults = { delayMs: 15 };
  return { order, most: () => most };
}

proofs("RULINGS 21: a session's requests act in their order: nothing passes its write, and its write passes nothing", async (context) => {
  const house = await opened(context, { asset: "    upstream: { connections: 2, outstanding: 4 }" });
  const operator = await house.plain();
  const { order, most } = watch(house);
  const asked = [write(1, 1), read(2, 1), read(3, 1), write(4, 1), read(5, 1), write(6, 1)].map((pdu) => operator.ask(pdu));
  await Promise.all(asked);
  assert.equal([...order.slice(0, 1), ...order.slice(1, 3).toSorted(), ...order.slice(3)], ["w1", "r2", "r3", "w4", "r5", "w6"]);
  assert.is(most(), 2, "its two reads go together");
});

proofs("RULINGS 8: writes of all sessions of an asset go one at a time", async (context) => {
  const house = await opened(context, { asset: "    upstream: { connections: 2, outstanding: 4 }" });
  const operators = await Promise.all([house.plain(), house.plain(), house.plain()]);
  const { order, most } = watch(house);
  await Promise.all(operators.flatMap((operator, i) => [operator.ask(write(10 + i, 1)), operator.ask(write(20 + i, 1))]));
  assert.is(order.length, 6);
  assert.is(most(), 1);
});

proofs("a plain listener closes whoever does not come from its prefixes, unanswered, and records it", async (context) => {
  const house = await opened(context, {
    listeners: "  - { asset: plc, interface: lo, port: 0, tls: none, from: [127.0.0.2/32] }",
    policy: OPEN_POLICY,
  });
  const socket = net.connect({ port: house.port(), host: "127.0.0.1" });
  let octets = 0;
  socket.on("data", (chunk) => {
    octets += chunk.length;
  });
  socket.on("error", () => {});
  const gone = new Promise((resolve) => socket.once("close", resolve));
  socket.write(Buffer.from("000100000006010300000001", "hex"));
  await gone;
  assert.is(octets, 0);
  assert.is(house.plc.octets, 0);
  assert.is((await house.written("handshake-refused"))[0]?.reason, "sourceNotAllowed");
  const served = net.connect({ port: house.port(), host: "127.0.0.1", localAddress: "127.0.0.2" });
  served.write(Buffer.from("000100000006010300000001", "hex"));
  assert.is(await new Promise((resolve) => served.once("data", (chunk) => resolve(chunk.toString("hex")))), "0001000000050103020000");
  served.destroy();
});

proofs("a device that accepts and closes, again and again, is tried less and less often", async (context) => {
  const house = await opened(context);
  const port = await house.plc.goAway();
  let connections = 0;
  const flapping = net.createServer((socket) => {
    connections += 1;
    socket.destroy();
  });
  await new Promise<void>((resolve) => flapping.listen(port, "127.0.0.1", resolve));
  await until(() => connections >= 1, "it is tried");
  await sleep(1_500);
  assert.ok(connections <= 8, `${connections} attempts in a second and a half`);
  await new Promise((resolve) => flapping.close(resolve));
  await house.plc.listen(port);
  await until(() => house.gateway.status().assets[0]?.deviceState === "ready", "it is back");
  assert.is(await hex((await house.plain()).ask(read(0, 1))), "03020000");
});

/** An address of the loopback net that the interface does not list by itself. */
const EXTRA = "127.0.0.77";
const hasIp = (): boolean => process.getuid?.() === 0 && existsSync("/usr/sbin/ip");

proofs("the interface a listener names is watched: an address that comes is served, one that goes is let go", async (context) => {
  if (!need("ip, as root", hasIp())) return;
  const ip = (verb: "add" | "del"): void => void execFileSync("/usr/sbin/ip", ["address", verb, `${EXTRA}/32`, "dev", "lo"]);
  const house = await opened(context);
  const served = (): boolean => house.gateway.status().listeners[0]?.addresses.includes(EXTRA) === true;
  assert.not(served());
  ip("add");
  try {
    await until(served, "the new address is bound", 8_000);
    const operator = await Operator.plain(house.port(), EXTRA);
    assert.is(await hex(operator.ask(read(0, 1))), "03020000");
    operator.close();
  } finally {
    ip("del");
  }
  await until(() => !served(), "the lost address is let go", 8_000);
  assert.is(await hex((await house.plain()).ask(read(0, 1))), "03020000", "the others are as they were");
});

proofs.run();
