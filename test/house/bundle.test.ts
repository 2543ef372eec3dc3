/** The one file that ships runs where there is no node_modules: it starts, checks a site, and knows its commands. */
import { execFileSync } from "node:child_process";
import { copyFileSync, cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";

const root = path.resolve(import.meta.dirname, "../..");
const bundle = suite("house/bundle");

bundle("make build makes a file that needs nothing beside it", () => {
  const dir = mkdtempSync(path.join(os.tmpdir(), "penstock-bundle-"));
  try {
    execFileSync("make", ["build"], { cwd: root, stdio: "pipe" });
    const file = path.join(dir, "penstock.mjs");
    copyFileSync(path.join(root, "dist/penstock.mjs"), file);
    cpSync(path.join(root, "policies/boiler-house"), path.join(dir, "site"), { recursive: true });
    const run = (...args: string[]): string =>
      execFileSync(process.execPath, [file, ...args], { cwd: path.join(dir, "site"), encoding: "utf8" });
    const { version } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")) as { version: string };
    assert.is(run("--version").trim(), version);
    assert.match(run("--help"), /inspect \[options\] <file>/);
    assert.match(run("check"), /^ok: site/m);
    assert.match(run("policy", "test"), /passed/);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});

bundle.run();
