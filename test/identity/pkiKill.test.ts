/** RULINGS 26's store under kill -9: whatever the moment, certificate, key, index and list agree afterwards. */
import { type ChildProcess, spawn } from "node:child_process";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { readRevocationList } from "#identity/crl";
import { pemBlocks } from "#identity/pem";
import { Pki } from "#identity/pki";

const killed = suite("identity/pkiKill");
let base = "";
killed.before(() => {
  base = mkdtempSync(path.join(os.tmpdir(), "penstock-pki-kill-"));
});
killed.after(() => rmSync(base, { recursive: true, force: true }));

const KILLER = `
import { Pki } from "#identity/pki";
const [directory, round] = process.argv.slice(1);
const ca = Pki.open(directory);
for (let i = 0; ; i++) {
  const name = "op-" + round + "-" + i;
  await ca.issue({ kind: "operator", name });
  if (i === 0) process.stdout.write("go");
  await ca.renew(name);
  if (i % 2 === 0) await ca.revoke(name);
}
`;

killed("kill -9 at random moments: certificate, key, index and list agree every time", async () => {
  const ca = await Pki.create(path.join(base, "pki"), {
    name: "Boiler CA",
    trustDomain: "plant.example",
    passphrase: null,
    plainKey: true,
  });
  const root = path.resolve(import.meta.dirname, "../..");
  let busiest = 0;
  for (let round = 0; round < 6; round++) {
    const child = spawn(
      process.execPath,
      ["--disable-warning=ExperimentalWarning", "--input-type=module", "-e", KILLER, ca.directory, String(round)],
      { cwd: root, stdio: ["ignore", "pipe", "ignore"] },
    );
    await killLater(child, Math.random() * 80);
    await Pki.open(ca.directory).writeLists();
    const entries = ca.entries();
    busiest = Math.max(busiest, entries.length);
    assert.is(new Set(entries.map(({ serial }) => serial)).size, entries.length);
    assert.equal(
      readdirSync(ca.directory).filter((name) => name.startsWith(".")),
      [],
    );
    for (const entry of entries.filter(({ replacedBy }) => replacedBy === null)) {
      const certificate = new X509Certificate(readFileSync(path.join(ca.directory, entry.certificateFile)));
      assert.is(certificate.serialNumber.toLowerCase(), entry.serial);
      assert.ok(certificate.checkPrivateKey(createPrivateKey(readFileSync(path.join(ca.directory, entry.keyFile as string)))));
    }
    const revoked = entries.filter((each) => each.revoked !== null).length;
    const list = pemBlocks(readFileSync(ca.listFile, "utf8")).map(({ der }) => readRevocationList(der))[0];
    assert.is(list?.ok === true ? list.value.revoked.size : -1, revoked);
  }
  assert.ok(busiest >= 6, `the child did something between the kills: ${busiest} certificates`);
});

/** Kill it some time after its first word; resolves when it is gone. */
function killLater(child: ChildProcess, ms: number): Promise<void> {
  return new Promise((resolve) => {
    child.stdout?.once("data", () => setTimeout(() => child.kill("SIGKILL"), ms));
    child.once("close", () => resolve());
  });
}

killed.run();
