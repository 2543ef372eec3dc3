/** Every command, its options and its examples. Each command's work stands in its own file and is loaded only when asked for, so that help is quick. */
import { Command, InvalidArgumentError, Option } from "commander";
import { VERSION } from "#version";
import { addAuditCommands } from "./audit.ts";
import { addConnectCommand } from "./connect.ts";
import { examples } from "./help.ts";
import { addPkiCommands } from "./pki.ts";

const SITE = "site.yaml";
const POLICY = "policy.yaml";
const LOG_LEVELS = ["trace", "debug", "info", "warn", "error"];

/** @param done called with a command's exit code */
export function commandLine(done: (code: number | undefined) => void): Command {
  const program = new Command("penstock")
    .description("The gate between operators and the machines that run water, power and steam.")
    .version(VERSION)
    .showHelpAfterError("(penstock COMMAND --help shows examples)")
    .configureOutput({ writeErr: (text) => process.stderr.write(text.replace(/^error: /, "penstock: ")) })
    .addHelpText(
      "after",
      examples("penstock init boiler-house --device 10.20.0.11:502", "penstock run --help", "penstock policy explain --help"),
    )
    .exitOverride();

  const documents = (command: Command): Command =>
    command.option("--site <file>", "what stands where", SITE).option("--policy <file>", "who may do what", POLICY);

  const local = (command: Command): Command =>
    command
      .option("--site <file>", "the daemon's site file", SITE)
      .option("--socket <path>", "its management socket (default: the one the site names)")
      .option("--json", "one JSON object on standard output");

  const asking = (command: Command): Command =>
    local(command)
      .option("--gateway <host:port>", "the management port of a gateway elsewhere, instead of a socket")
      .option("--certificate <file>", "with --gateway: your certificate (PEM)")
      .option("--key <file>", "with --gateway: its private key (PEM, mode 0600)")
      .option("--ca <file>", "with --gateway: the authority of the gateway's certificate (PEM)")
      .option("--gateway-name <name>", "name or address in the gateway's certificate (default: the one asked)");

  program
    .command("init")
    .argument("<dir>", "an empty or new directory")
    .description("write a working site, policy, cases, points and a local CA with certificates")
    .option("--device <ip:port>", "address of the PLC", "127.0.0.1:502")
    .option("--passphrase-file <file>", "passphrase that encrypts the CA key (else asked, or PENSTOCK_CA_PASSPHRASE)")
    .option("--json", "one JSON object on standard output")
    .addHelpText("after", examples("penstock init boiler-house --device 10.20.0.11:502"))
    .action(async (dir: string, o) => done(await (await import("./init.ts")).initSite(dir, o)));

  documents(program.command("check").description("validate site, policy, points and cases; lint"))
    .option("--json", "one JSON object on standard output")
    .addHelpText("after", examples("penstock check", "penstock check --site /etc/penstock/site.yaml --policy /etc/penstock/policy.yaml"))
    .action(async (o) => done(await (await import("./check.ts")).check(o)));

  documents(program.command("run").description("the gateway itself; prints `ready` when every listener is bound"))
    .addOption(new Option("--log-level <level>", "how much to log").choices(LOG_LEVELS).default("info"))
    .option("--json", "one JSON object a line on standard output, and log as JSON lines even on a terminal")
    .addHelpText(
      "after",
      examples("penstock run", "kill -HUP $PID     # read site, policy, certificates and CRL again", "kill -TERM $PID    # drain and stop"),
    )
    .action(async (o) => done(await (await import("./run.ts")).run(o)));

  asking(program.command("status").description("ask a running daemon: sessions, assets, policy, denials, latency"))
    .option("--metrics", "Prometheus text")
    .addHelpText(
      "after",
      examples(
        "penstock status",
        "penstock status --socket /run/penstock/penstock.sock --json",
        "penstock status --gateway 10.10.9.1:9443 --certificate alice.pem --key alice.key --ca ca.pem",
      ),
    )
    .action(async (o) => done(await (await import("./ask.ts")).status(o)));

  local(program.command("reload").description("make a running daemon read its documents again (as SIGHUP does) and say what came of it"))
    .addHelpText("after", examples("penstock check && penstock reload", "penstock reload --socket /run/penstock/penstock.sock --json"))
    .action(async (o) => done(await (await import("./ask.ts")).reload(o)));

  const clock = program
    .command("clock")
    .description("the machine's clock, as a running daemon takes it")
    .addHelpText("after", examples("penstock clock confirm"));
  asking(clock.command("confirm").description("vouch for what the clock says now, after it was suspect; recorded"))
    .addHelpText("after", examples("date -u && penstock clock confirm"))
    .action(async (o) => done(await (await import("./ask.ts")).confirmClock(o)));

  const session = program
    .command("session")
    .description("the sessions of a running daemon")
    .addHelpText("after", examples("penstock session list", "penstock session end t1abcd-17"));
  asking(session.command("list").description("who is connected, to what, since when"))
    .addHelpText("after", examples("penstock session list", "penstock session list --json"))
    .action(async (o) => done(await (await import("./ask.ts")).listSessions(o)));
  asking(session.command("end").description("cut one session now; recorded"))
    .argument("<id>", "as `session list` shows it")
    .addHelpText("after", examples("penstock session end t1abcd-17"))
    .action(async (id: string, o) => done(await (await import("./ask.ts")).endSession(id, o)));
  asking(program.command("block").description("let no write and no control through to an asset, now and after a restart; recorded"))
    .argument("<asset>", "name of the asset")
    .option("--reads", "no read either")
    .option("--lift", "open it again")
    .addHelpText("after", examples("penstock block boiler-1", "penstock block boiler-1 --reads", "penstock block boiler-1 --lift"))
    .action(async (asset: string, o) => done(await (await import("./ask.ts")).blockAsset(asset, o)));

  const points = program
    .command("points")
    .description("the points of an asset, as the device shows them")
    .addHelpText("after", examples("penstock points verify boiler-1"));
  asking(points.command("verify").description("live values in engineering units, read by the gateway itself, for sign-off; recorded"))
    .argument("<asset>", "name of the asset")
    .option("--points <names>", "only these, separated by commas")
    .option("--sign-off", "vouch for what is shown: asked for once it is; recorded with who")
    .addHelpText(
      "after",
      examples("penstock points verify boiler-1", "penstock points verify boiler-1 --points feed_setpoint,drum_pressure --sign-off"),
    )
    .action(async (asset: string, o) => done(await (await import("./points.ts")).verifyPoints(asset, o)));

  program
    .command("send")
    .description("the sender of the one-way line; the gateway starts it by itself")
    .option("--site <file>", "what stands where", SITE)
    .option("--explain", "print what this host has to be told so that nothing comes in by the line")
    .option("--apply", "tell it (root)")
    .option("--new-key <file>", "make a key of the stream, in a file named by the day it is used from")
    .addOption(new Option("--line <fd>", "the socket that was handed over").argParser(Number).hideHelp())
    .option("--json", "with --explain: one JSON object")
    .addHelpText("after", examples("penstock send --explain", "penstock send --new-key telemetry/keys/2026-12-01.key"))
    .action(async (o) => done(await (await import("./send.ts")).send(o)));

  const receiving = program
    .command("receive")
    .description("the far end of one-way lines: what comes, to historians; and what did not come")
    .addHelpText("after", examples("penstock receive --config receive.yaml", "penstock receive ledger --config receive.yaml"));
  const received = (command: Command): Command => command.option("--config <file>", "what is received, and where it goes", "receive.yaml");
  received(receiving.command("run", { isDefault: true }).description("receive, and deliver; prints `ready` when frames may come"))
    .addOption(new Option("--log-level <level>", "how much to log").choices(LOG_LEVELS).default("info"))
    .option("--explain", "print what this host has to be told so that nothing leaves by the line")
    .option("--page <address:port>", "serve a page to look at, such as 127.0.0.1:8090")
    .option("--json", "one JSON object on standard output, and log as JSON lines")
    .addHelpText("after", examples("penstock receive run", "penstock receive run --page 127.0.0.1:8090", "penstock receive run --explain"))
    .action(async (o) => done(await (await import("./receive.ts")).receive(o)));
  received(receiving.command("ledger").description("what was sent, received, repaired, late and lost, by minute"))
    .option("--stream <n>", "one stream alone", Number)
    .option("--json", "one JSON object a line")
    .option("--csv", "a table for spreadsheets")
    .option("--prometheus", "sums, as Prometheus reads them")
    .addHelpText("after", examples("penstock receive ledger", "penstock receive ledger --stream 7 --csv"))
    .action(async (o) => done(await (await import("./receive.ts")).receiveLedger(o)));

  program
    .command("inspect")
    .argument("<file>", "a pcap or pcapng capture")
    .description("decode a capture, one line a message")
    .option("--port <n>", "a further TCP port that carries Modbus (repeatable)", port, [])
    .option("--dnp3-port <n>", "a further TCP and UDP port that carries DNP3, besides 20000 and, for TCP, 19999 (repeatable)", port, [])
    .option("--json", "JSON lines")
    .addHelpText(
      "after",
      examples(
        "penstock inspect plant.pcap --json",
        "penstock inspect plant.pcapng --port 1502",
        "penstock inspect feeder.pcap --dnp3-port 20001",
      ),
    )
    .action(async (file: string, o) => done(await (await import("./inspect.ts")).inspectCommand(file, o)));

  const policy = program
    .command("policy")
    .description("test, explain and lint a policy")
    .addHelpText(
      "after",
      examples("penstock policy test", "penstock policy lint", "penstock policy explain --as operator read holding 40"),
    );
  documents(policy.command("test").description("run the cases beside the policy; coverage by rule"))
    .argument("[cases...]", "case files (default: every *.cases.yaml beside the policy)")
    .option("--json", "one JSON object on standard output")
    .addHelpText("after", examples("penstock policy test", "penstock policy test night-shift.cases.yaml"))
    .action(async (cases: string[], o) => done(await (await import("./policy.ts")).test(cases, o)));
  documents(policy.command("explain").description("judge one request in words: every rule considered and why"))
    .argument("[request...]", "the request in words: write holding 40 = 300")
    .option("--as <role>", "role, or several joined by +")
    .option("--on <asset>", "asset (default: the only one)")
    .option("--unit <id>", "unit id (default: the asset's first)")
    .option("--at <time>", "wall time (2026-11-24T10:00:00Z)")
    .option("--seen <point=value>", "a value that stands in the device (repeatable)", collect, [])
    .option("--manage <right>", "a right of management instead of a request: view, end-session, mode, confirm")
    .option("--words", "print the policy words and what they mean")
    .option("--json", "one JSON object on standard output")
    .addHelpText(
      "after",
      examples(
        "penstock policy explain --as operator write feed_setpoint = 41",
        "penstock policy explain --as viewer+operator --on boiler-1 read holding 40-49",
        "penstock policy explain --as spiffe://plant.example/operator/alice --manage end-session --on boiler-1",
      ),
    )
    .action(async (words: string[], o) => done(await (await import("./policy.ts")).explain(words.join(" "), o)));
  documents(policy.command("lint").description("warnings about a policy that loads"))
    .option("--json", "one JSON object on standard output")
    .addHelpText("after", examples("penstock policy lint", "penstock policy lint --policy night.yaml --json"))
    .action(async (o) => done(await (await import("./policy.ts")).lint(o)));

  addPkiCommands(program, done);
  addConnectCommand(program, done);
  addAuditCommands(program, done);

  program
    .command("demo")
    .description("the whole story on simulated devices, narrated and self-checking")
    .option("--keep <dir>", "keep what it made in this directory")
    .option("--json", "one JSON object a step")
    .addHelpText("after", examples("penstock demo", "penstock demo --keep /tmp/penstock-demo"))
    .action(async (o) => done(await (await import("./demo/demo.ts")).runDemo(o)));
  return program;
}

function port(text: string, earlier: number[]): number[] {
  const n = Number(text);
  if (!Number.isInteger(n) || n < 1 || n > 65_535) throw new InvalidArgumentError("a port is a number from 1 to 65535.");
  return [...earlier, n];
}

function collect(text: string, earlier: string[]): string[] {
  return [...earlier, text];
}
