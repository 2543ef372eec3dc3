/** The one file that ships runs where there is no node_modules: it starts, checks a site, and knows its commands. */
import { execFileSync, spawn } from "node:child_process";
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import net from "node:net";
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
    await shows(file, dir);
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

/** What the receiver's page is made of is in the file. */
async function shows(file: string, dir: string): Promise<void> {
  const far = path.join(dir, "far");
  mkdirSync(path.join(far, "keys"), { recursive: true });
  execFileSync(process.execPath, [file, "send", "--new-key", path.join(far, "keys", "2026-01-01.key")], { stdio: "pipe" });
  const [line, web] = [await freePort(), await freePort()];
  writeFileSync(
    path.join(far, "receive.yaml"),
    `receiver: far\nlisten: 127.0.0.1:${line}\nstate: state\nstreams: [{ stream: 7, keys: keys }]\n`,
  );
  const receiver = spawn(process.execPath, [file, "receive", "run", "--page", `127.0.0.1:${web}`], {
    cwd: far,
    stdio: ["ignore", "pipe", "ignore"],
  });
  try {
    await new Promise<void>((resolve, reject) => {
      receiver.stdout.on("data", (said: Buffer) => said.includes("ready") && resolve());
      receiver.once("exit", (code) => reject(new Error(`receive run ended with ${code}`)));
    });
    for (const [target, words] of [
      ["", "No points yet"],
      ["page.js", "EventSource"],
      ["page.css", "prefers-color-scheme"],
      ["uplot.js", "uPlot"],
      ["uplot.css", ".u-legend"],
    ] as const)
      assert.match(await (await fetch(`http://127.0.0.1:${web}/${target}`)).text(), words, target);
  } finally {
    receiver.kill("SIGTERM");
    await new Promise((resolve) =>
      receiver.exitCode === null && receiver.signalCode === null ? receiver.once("exit", resolve) : resolve(0),
    );
  }
  assert.is(receiver.exitCode, 0);
}

async function freePort(): Promise<number> {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as net.AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

bundle.run();
