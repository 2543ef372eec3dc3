/** `init` writes a site that works as it stands: check, policy test, run, an operator through `connect`. */
import { spawn } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Daemon, penstock } from "#test/support/daemon";
import { Operator, read, write } from "#test/support/operator";
import { Plc } from "#test/support/plc";

const init = suite<{ dir: string }>("cli/init");
const env = { PENSTOCK_CA_PASSPHRASE: "a long enough passphrase" };

init.before.each((context) => {
  context.dir = mkdtempSync(path.join(os.tmpdir(), "penstock-init-"));
});
init.after.each(({ dir }) => rmSync(dir, { recursive: true, force: true }));

init("the site it writes passes check and its own cases, and runs", async ({ dir }) => {
  const plc = new Plc();
  await plc.listen();
  const site = path.join(dir, "my plant");
  let daemon: Daemon | null = null;
  try {
    const made = await penstock(["init", site, "--device", `127.0.0.1:${plc.port}`], { env });
    assert.is(made.code, 0, made.stderr);
    assert.match(made.stdout, /penstock run/);
    for (const key of ["ca.key", "gateway.key", "otto.key"]) assert.is(statSync(path.join(site, "pki", key)).mode & 0o777, 0o600);
    assert.match(readFileSync(path.join(site, "pki/ca.key"), "utf8"), /ENCRYPTED PRIVATE KEY/, "RULINGS 26");
    const checked = await penstock(["check"], { cwd: site });
    assert.is(checked.code, 0, checked.stdout);
    const tested = await penstock(["policy", "test", "--json"], { cwd: site });
    assert.is(tested.code, 0, tested.stdout);
    writeFileSync(path.join(site, "site.yaml"), readFileSync(path.join(site, "site.yaml"), "utf8").replace("port: 8021", "port: 0"));
    daemon = await Daemon.start(site);
    const tunnel = spawn(
      process.execPath,
      [
        "--disable-warning=ExperimentalWarning",
        path.resolve(import.meta.dirname, "../../src/cli/main.ts"),
        "connect",
        `127.0.0.1:${await daemon.port()}`,
        ...["--certificate", "pki/otto.pem", "--key", "pki/otto.key", "--ca", "pki/ca.pem", "--listen", "127.0.0.1:0"],
      ],
      { cwd: site, stdio: ["ignore", "pipe", "inherit"] },
    );
    try {
      const port = await new Promise<number>((resolve, reject) => {
        tunnel.stdout.once("data", (line: Buffer) => resolve(Number(/ready .*:(\d+)/.exec(line.toString())?.[1])));
        tunnel.once("close", () => reject(new Error("connect ended")));
      });
      const hmi = await Operator.plain(port);
      assert.is((await hmi.ask(read(40, 1))).toString("hex"), "03020000");
      assert.is((await hmi.ask(write(40, 40))).toString("hex"), "0600280028");
      assert.is((await hmi.ask(write(40, 401))).toString("hex"), "8601");
      hmi.close();
    } finally {
      tunnel.kill();
      await new Promise((resolve) => tunnel.once("close", resolve));
    }
    assert.is((await daemon.stop()).code, 0);
    const verified = await penstock(["audit", "verify", "audit", "--key", "audit.key.pub"], { cwd: site });
    assert.is(verified.code, 0, verified.stdout);
  } finally {
    await daemon?.stop("SIGKILL");
    await plc.close();
  }
});

init("RULINGS 26: check refuses a plain CA key beside its certificate", async ({ dir }) => {
  const { Pki } = await import("#identity/pki");
  const site = path.join(dir, "plant");
  const made = await penstock(["init", site], { env });
  assert.is(made.code, 0, made.stderr);
  const pki = path.join(dir, "open");
  await Pki.create(pki, { name: "open CA", trustDomain: "plant.example", passphrase: null, plainKey: true });
  writeFileSync(path.join(site, "pki/ca.pem"), readFileSync(path.join(pki, "ca.pem")));
  writeFileSync(path.join(site, "pki/renamed.txt"), readFileSync(path.join(pki, "ca.key")));
  const checked = await penstock(["check"], { cwd: site });
  assert.is(checked.code, 1);
  assert.match(checked.stdout, /renamed\.txt:1:1: found the plain private key of an authority/);
});

init("check: what has ended or is missing on this machine is a note that names it, and keeps nobody from starting", async ({ dir }) => {
  const { Pki } = await import("#identity/pki");
  const site = path.join(dir, "plant");
  assert.is((await penstock(["init", site], { env })).code, 0);
  const long = (): number => Date.now() - 40 * 86_400_000;
  const old = await Pki.create(
    path.join(dir, "old"),
    { name: "old CA", trustDomain: "plant.example", passphrase: "a passphrase that is long" },
    long,
  );
  await old.issue({ kind: "gateway", name: "gateway", dns: ["localhost"], lifetimeMs: 20 * 86_400_000 });
  await old.writeLists(86_400_000);
  for (const file of ["ca.pem", "ca.crl", "gateway.pem", "gateway.key"])
    copyFileSync(path.join(dir, "old", file), path.join(site, "pki", file));
  const yaml = readFileSync(path.join(site, "site.yaml"), "utf8");
  writeFileSync(path.join(site, "site.yaml"), yaml.replace("interface: lo", "interface: scada9"));
  const checked = await penstock(["check"], { cwd: site });
  assert.is(checked.code, 0, checked.stdout);
  assert.match(checked.stdout, /site\.yaml: note: REVOCATION LIST STALE: the list of CN=old CA \(\S+pki\/ca\.crl\) was due/);
  assert.match(checked.stdout, /site\.yaml: note: the gateway's certificate CN=gateway ended on/);
  assert.match(checked.stdout, /site\.yaml:\d+:1: note: the interface "scada9" has no address on this machine/);
});

init("a directory that is not empty, a device that is none, a short passphrase: one line, exit 2, nothing written", async ({ dir }) => {
  mkdirSync(path.join(dir, "full/of"), { recursive: true });
  const full = await penstock(["init", path.join(dir, "full")], { env });
  assert.is(full.code, 2);
  assert.match(full.stderr, /is not empty/);
  const device = await penstock(["init", path.join(dir, "new"), "--device", "plc one"], { env });
  assert.is(device.code, 2);
  assert.match(device.stderr, /--device: found "plc one"/);
  const short = await penstock(["init", path.join(dir, "new")], { env: { PENSTOCK_CA_PASSPHRASE: "short" } });
  assert.is(short.code, 2);
  assert.is(short.stderr.trim().split("\n").length, 1, short.stderr);
  assert.throws(() => statSync(path.join(dir, "new/site.yaml")));
  assert.is((await penstock(["init", path.join(dir, "new")], { env })).code, 0, "and a second try works");
});

init.run();
