/** The one file that ships runs where there is no node_modules: it starts, checks a site, and knows its commands. */
import { execFileSync, spawn } from "node:child_process";
import { copyFileSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";

const root = path.resolve(import.meta.dirname, "../..");
const bundle = suite("house/bundle");

bundle("make build makes a file that needs nothing beside it, and reads long documents in a thread of its own", async () => {
  const dir = mkdtempSync(path.join(os.tmpdir(), "penstock-bundle-"));
  try {
    execFileSync("make", ["build"], { cwd: root, stdio: "pipe" });
    const file = path.join(dir, "penstock.mjs");
    copyFileSync(path.join(root, "dist/penstock.mjs"), file);
    cpSync(path.join(root, "policies/boiler-house"), path.join(dir, "site"), { recursive: true });
    const run = (...args: string[]): string =>
      execFileSync(process.execPath, [file, ...args], {
        cwd: path.join(dir, "site"),
        encoding: "utf8",
        env: { ...process.env, PENSTOCK_CA_PASSPHRASE: "a long enough passphrase" },
      });
    const { version } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")) as { version: string };
    assert.is(run("--version").trim(), version);
    assert.match(run("--help"), /inspect \[options\] <file>/);
    assert.match(run("policy", "test"), /passed/);
    run("init", "made");
    assert.match(run("check", "--site", "made/site.yaml", "--policy", "made/policy.yaml"), /^ok: site/m);
    await reloads(file, dir);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});

/** The thread that reads long documents starts with this very file. */
async function reloads(file: string, dir: string): Promise<void> {
  const site = path.join(dir, "made");
  const passphrase = path.join(dir, "passphrase");
  writeFileSync(passphrase, "correct horse battery staple\n", { mode: 0o600 });
  execFileSync(process.execPath, [file, "init", site, "--passphrase-file", passphrase], { stdio: "pipe" });
  const document = path.join(site, "site.yaml");
  writeFileSync(document, readFileSync(document, "utf8").replace(/port: \d+/g, "port: 0"));
  const gateway = spawn(process.execPath, [file, "run"], { cwd: site, stdio: ["ignore", "pipe", "ignore"] });
  try {
    await new Promise<void>((resolve, reject) => {
      gateway.stdout.on("data", (said: Buffer) => said.includes("ready") && resolve());
      gateway.once("exit", (code) => reject(new Error(`run ended with ${code}`)));
    });
    const policy = path.join(site, "policy.yaml");
    const longer = readFileSync(policy, "utf8").replace(/version: 1\n/, `version: 2\n${"# so long\n".repeat(2_000)}`);
    writeFileSync(policy, longer);
    const said = execFileSync(process.execPath, [file, "reload"], { cwd: site, encoding: "utf8" });
    assert.match(said, /version 2|reloaded|changed/);
  } finally {
    gateway.kill("SIGTERM");
    await new Promise((resolve) => (gateway.exitCode === null && gateway.signalCode === null ? gateway.once("exit", resolve) : resolve(0)));
  }
}

bundle.run();
