/** `penstock pki` as a person meets it: its words, its JSON, its exit codes, its one-line errors; and the story of a CA from end to end. */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { Command, CommanderError } from "commander";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { EXIT, UsageError } from "#cli/exit";
import { addPkiCommands } from "#cli/pki";
import { TrustStore } from "#identity/trust";
import { hasTool, need } from "#test/support/need";

const cli = suite("cli/pki");
const root = path.resolve(import.meta.dirname, "../..");
const PASSPHRASE = "penstock gate of the boiler";

let base = "";
let secret = "";
cli.before(() => {
  base = mkdtempSync(path.join(os.tmpdir(), "penstock-cli-pki-"));
  secret = path.join(base, "passphrase");
  writeFileSync(secret, `${PASSPHRASE}\r\nnot this line\n`);
  delete process.env.PENSTOCK_CA_PASSPHRASE;
});
cli.after(() => rmSync(base, { recursive: true, force: true }));

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** One command in this process, ended as the command line ends it. */
async function run(...args: string[]): Promise<Ran> {
  let code: number = EXIT.ok;
  let out = "";
  let err = "";
  const program = new Command("penstock")
    .exitOverride()
    .configureOutput({ writeOut: (text) => (out += text), writeErr: (text) => (err += text) });
  addPkiCommands(program, (result) => {
    code = result ?? EXIT.ok;
  });
  const inherit = (command: Command): void => {
    for (const each of command.commands) inherit(each.exitOverride().configureOutput(program.configureOutput()));
  };
  inherit(program);
  const { write: toOut } = process.stdout;
  const { write: toErr } = process.stderr;
  const keep = (take: (text: string) => void) =>
    ((text: string) => {
      take(text);
      return true;
    }) as typeof toOut;
  process.stdout.write = keep((text) => {
    out += text;
  });
  process.stderr.write = keep((text) => {
    err += text;
  });
  try {
    await program.parseAsync(["node", "penstock", "pki", ...args]);
  } catch (error) {
    if (error instanceof CommanderError) code = error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    else if (error instanceof UsageError) {
      code = EXIT.usage;
      err += error.lines.map((line) => `penstock: ${line}\n`).join("");
    } else throw error;
  } finally {
    process.stdout.write = toOut;
    process.stderr.write = toErr;
  }
  return { code, out, err };
}

cli("RULINGS 26: from init to a stolen box, with a sealed key, in words and in JSON", async () => {
  const dir = path.join(base, "pki");
  const here = ["--dir", dir, "--passphrase-file", secret];
  const init = await run("init", ...here, "--name", "Boiler CA", "--trust-domain", "plant.example");
  assert.is(init.code, 0, init.err);
  assert.match(init.out, /^made Boiler CA \(good until 20\d\d-\d\d-\d\d\) in /);
  assert.match(readFileSync(path.join(dir, "ca.key"), "utf8"), /BEGIN ENCRYPTED PRIVATE KEY/);

  const issue = await run("issue", "operator", "alice", "bob", ...here, "--role", "operator", "--days", "20");
  assert.is(issue.code, 0, issue.err);
  assert.match(issue.out, /issued operator alice as spiffe:\/\/plant\.example\/operator\/alice, role operator, good until /);
  assert.match(issue.out, /certificate .*alice\.pem\n {2}key {9}.*alice\.key/);
  assert.not.match(issue.out + issue.err, /PRIVATE KEY|penstock gate/);

  const gateway = await run("issue", "gateway", "gate-1", ...here, "--dns", "gate-1.plant.example", "--ip", "10.10.5.2", "--json");
  const entry = JSON.parse(gateway.out);
  assert.is(entry.kind, "gateway");
  assert.equal(entry.dns, ["gate-1.plant.example"]);
  assert.is(entry.certificateFile, path.join(dir, "gate-1.pem"));

  const renew = await run("renew", "bob", ...here, "--same-key", "--json");
  assert.is(renew.code, 0, renew.err);
  const revoke = await run("revoke", "alice", ...here, "--reason", "keyCompromise");
  assert.match(revoke.out, /^revoked operator alice, serial [0-9a-f]{32}\n {2}wrote .*ca\.crl: bring it to every gateway/);
  const stolen = await run("stolen-box", "gate-1", ...here, "--json");
  assert.equal(
    JSON.parse(stolen.out).revoked.map((each: { name: string; revoked: { reason: string } }) => `${each.name} ${each.revoked.reason}`),
    ["gate-1 keyCompromise"],
  );
  const crl = await run("crl", ...here, "--days", "60");
  assert.match(crl.out, /^list 4 of CN=Boiler CA, good until /);

  const list = await run("list", "--dir", dir);
  assert.is(list.code, 0);
  assert.match(list.out, /^NAME +KIND +ROLE +DAYS LEFT +ENDS +STATE +BOX +SERIAL +IDENTITY\n/);
  assert.match(list.out, /\nbob +operator +operator +364 /);
  assert.not.match(list.out, /alice|gate-1/, "revoked ones only with --all");
  assert.is(list.err, "");
  const all = JSON.parse((await run("list", "--dir", dir, "--all", "--json")).out);
  assert.equal(
    all.rows.map((row: { name: string; state: string }) => `${row.name}: ${row.state}`),
    ["Boiler CA: good", "CN=Boiler CA: good", "alice: revoked", "bob: replaced", "gate-1: revoked", "bob: good"],
  );
  const store = TrustStore.load(
    {
      ca: [
        { name: "plant", file: "ca.pem", pem: readFileSync(path.join(dir, "ca.pem"), "utf8"), mayIdentify: ["cn:*"], mayAssertRoles: true },
      ],
      crl: [{ file: "ca.crl", pem: readFileSync(path.join(dir, "ca.crl"), "utf8") }],
    },
    Date.now(),
  );
  assert.is(store.ok ? store.value.lists[0]?.revoked : 0, 2);
});

cli("list warns under 30 days on standard error, and names the remedy", async () => {
  const dir = path.join(base, "warn");
  const here = ["--dir", dir, "--passphrase-file", secret];
  await run("init", ...here, "--days", "29");
  await run("issue", "operator", "alice", ...here);
  const list = await run("list", "--dir", dir, "--json");
  assert.is(list.code, 0);
  assert.match(list.err, /penstock: Penstock CA ends in 28 days \(make a new CA in time\)\n/);
  assert.match(list.err, /penstock: alice ends in 28 days \(penstock pki renew alice\)\n/);
  assert.is(JSON.parse(list.out).rows.length, 3, "and standard output is JSON alone");
});

cli("RULINGS 26: the passphrase comes from a file, from the environment, or from a terminal; a wrong one is one line", async () => {
  const dir = path.join(base, "secrets");
  const none = await run("init", "--dir", dir);
  assert.is(none.code, EXIT.usage);
  assert.is(
    none.err,
    "penstock: found no passphrase for the CA key and no terminal to ask on; expected --passphrase-file or PENSTOCK_CA_PASSPHRASE\n",
  );
  process.env.PENSTOCK_CA_PASSPHRASE = PASSPHRASE;
  assert.is((await run("init", "--dir", dir)).code, 0);
  process.env.PENSTOCK_CA_PASSPHRASE = "some other passphrase";
  const wrong = await run("issue", "operator", "alice", "--dir", dir);
  delete process.env.PENSTOCK_CA_PASSPHRASE;
  assert.is(wrong.code, EXIT.usage);
  assert.match(wrong.err, /^penstock: .*ca\.key: the passphrase does not open this key\n$/);
  writeFileSync(path.join(base, "empty"), "\n");
  for (const [file, words] of [
    ["empty", /empty:1:1: found an empty line; expected the passphrase\n$/],
    ["absent", /absent: found no such file; expected a file whose first line is the passphrase\n$/],
  ] as const) {
    assert.match((await run("issue", "operator", "alice", "--dir", dir, "--passphrase-file", path.join(base, file))).err, words);
  }
  assert.is((await run("list", "--dir", dir)).code, 0, "reading needs none");
});

cli("asked on a terminal, twice for a new key, without echo", async () => {
  if (!need("script (a terminal for a test)", hasTool("script"))) return;
  const dir = path.join(base, "terminal");
  const program = `
    import { Command } from "commander";
    import { addPkiCommands } from "#cli/pki";
    // A slow machine: whoever sees a question answers it before the next step is taken.
    const write = process.stderr.write.bind(process.stderr);
    process.stderr.write = (text) => write(text) && Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500) !== "";
    const program = new Command("penstock");
    addPkiCommands(program, (code) => { process.exitCode = code ?? 0; });
    await program.parseAsync(["node", "penstock", ...process.argv.slice(1)]);
  `;
  const file = path.join(base, "terminal.mjs");
  writeFileSync(file, program);
  const words = [
    process.execPath,
    "--disable-warning=ExperimentalWarning",
    "--input-type=module",
    "-e",
    `"$(cat ${file})"`,
    "pki",
    "init",
    "--dir",
    dir,
  ];
  const terminal = spawn("script", ["-qec", words.join(" "), "/dev/null"], { cwd: root, stdio: ["pipe", "pipe", "inherit"] });
  let shown = "";
  let answered = 0;
  terminal.stdout.on("data", (chunk: Buffer) => {
    shown += chunk.toString();
    if (answered === 0 && shown.includes("12 characters or more): ")) {
      answered = 1;
      terminal.stdin.write("penstock gate of the boilerX\u007f\r");
    } else if (answered === 1 && shown.includes("The same again: ")) {
      answered = 2;
      terminal.stdin.write(`${PASSPHRASE}\r`);
    }
  });
  const code = await new Promise((resolve) => terminal.on("close", resolve));
  assert.is(code, 0, shown);
  assert.match(shown, /made Penstock CA/);
  assert.not.match(shown, /penstock gate/);
  assert.is((await run("issue", "operator", "alice", "--dir", dir, "--passphrase-file", secret)).code, 0);
});

cli("RULINGS 26: --ca-out needs no passphrase, and says where the key lies", async () => {
  const dir = path.join(base, "out");
  const stick = mkdtempSync(path.join(base, "stick-"));
  const init = await run("init", "--dir", dir, "--ca-out", stick);
  assert.is(init.code, 0, init.err);
  assert.match(init.out, new RegExp(`its key is not sealed and lies in ${stick}; keep that away from the plant`));
  assert.is((await run("issue", "operator", "alice", "--dir", dir, "--ca-key", path.join(stick, "ca.key"))).code, 0);
  const inside = await run("init", "--dir", path.join(base, "in"), "--ca-out", path.join(base, "in", "keys"));
  assert.is(inside.code, EXIT.usage);
  assert.match(inside.err, /expected a directory outside/);
});

cli("a request is signed under the name the CA's owner gives", async () => {
  if (!need("openssl", hasTool("openssl"))) return;
  const dir = path.join(base, "sign");
  const here = ["--dir", dir, "--passphrase-file", secret];
  await run("init", ...here);
  const request = path.join(base, "carol.csr");
  const made = spawn(
    "openssl",
    [
      "req",
      "-new",
      "-nodes",
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:P-256",
      "-subj",
      "/CN=Mallory",
      "-keyout",
      path.join(base, "carol.key"),
      "-out",
      request,
    ],
    { stdio: "ignore" },
  );
  await new Promise((resolve) => made.on("close", resolve));
  const sign = await run("sign", request, "operator", "carol", ...here, "--role", "viewer", "--cn-only");
  assert.is(sign.code, 0, sign.err);
  assert.match(sign.out, /^signed operator carol as cn:carol, role viewer, good until /);
  assert.match(sign.out, /the request called its holder CN=Mallory; that decided nothing/);
  assert.not.match(sign.out, /key {9}/);
  assert.is((await run("renew", "carol", "--csr", request, ...here)).code, 0);
  const absent = await run("sign", path.join(base, "absent.csr"), "operator", "dave", ...here);
  assert.match(absent.err, /absent\.csr: found no such file; expected a certificate request in PEM/);
  const wrong = path.join(base, "wrong.csr");
  const csr = readFileSync(request, "utf8");
  for (const [text, found] of [
    ["site: boiler-house\n", "wrong.csr:1:1: found no PEM block; expected one certificate request (PKCS#10 in PEM)\n"],
    [`\n\n${csr.replaceAll(" REQUEST", "")}`, "wrong.csr:3:1: found certificate; expected one certificate request (PKCS#10 in PEM)\n"],
    [csr + csr, "wrong.csr:1:1: found 2 PEM blocks; expected one certificate request (PKCS#10 in PEM)\n"],
    [
      csr.replace(/\n.*\n-----END/, "\n-----END"),
      "wrong.csr:1:1: found a certificate request, and it is malformed; expected one signed by",
    ],
  ] as const) {
    writeFileSync(wrong, text);
    for (const command of [
      ["sign", wrong, "operator", "dave"],
      ["renew", "carol", "--csr", wrong],
    ]) {
      const { code, err } = await run(...command, ...here);
      assert.is(code, 2);
      assert.ok(err.includes(`/${found}`), err);
    }
  }
});

cli("usage errors end with 2 and one line", async () => {
  const dir = path.join(base, "usage");
  await run("init", "--dir", dir, "--passphrase-file", secret);
  const here = ["--dir", dir, "--passphrase-file", secret];
  for (const [args, words] of [
    [["issue", "janitor", "alice", ...here], /Allowed choices are operator, gateway, historian/],
    [["issue", "operator", ...here], /missing required argument/],
    [["issue", "operator", "alice", "--days", "0", ...here], /expected 1 to 36500 days/],
    [["issue", "operator", "a b", ...here], /^penstock: found the name "a b"; expected 1 to 64/],
    [["issue", "operator", "a", "b", "--uri", "spiffe://plant.example/a", ...here], /found --uri for several names/],
    [["issue", "operator", "a", "--cn-only", "--uri", "spiffe://plant.example/a", ...here], /found --cn-only and --uri/],
    [["revoke", "nobody", ...here], /found no certificate in force of nobody/],
    [["revoke", "alice", "--reason", "boredom", ...here], /Allowed choices are unspecified, keyCompromise/],
    [["renew", "nobody", ...here], /found no certificate of nobody/],
    [["stolen-box", "gate-9", ...here], /expected a box, of which there is none/],
    [["list", "--dir", path.join(base, "nowhere")], /nowhere: no such file or directory; expected a local CA here/],
    [["init", "--dir", dir, "--passphrase-file", secret], /found a local CA; expected an empty or new directory/],
    [["list", "--frobnicate"], /unknown option '--frobnicate'/],
  ] as const) {
    const ran = await run(...args);
    assert.is(ran.code, EXIT.usage, args.join(" "));
    assert.match(ran.err, words);
    assert.not.match(ran.err, /\n {4}at /);
    assert.is(ran.out, "");
  }
});

cli("every command's help has examples", async () => {
  for (const name of ["init", "issue", "sign", "renew", "revoke", "stolen-box", "crl", "list"]) {
    const help = await run(name, "--help");
    assert.is(help.code, 0);
    assert.match(help.out, new RegExp(`Examples:\\n {2}penstock pki ${name} `.replace(/ $/, "")), name);
  }
});

cli.run();
