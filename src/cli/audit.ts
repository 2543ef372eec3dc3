/** `penstock audit`: the command line of the evidence. The work stands in audit/commands.ts and is loaded when asked for. */
import { type Command, Option } from "commander";
import { RECORD_KINDS } from "#audit/entry";
import { examples } from "./help.ts";

export function addAuditCommands(program: Command, done: (code: number | undefined) => void): void {
  const audit = program
    .command("audit")
    .description("verify, read and export the evidence")
    .addHelpText("after", examples("penstock audit verify audit --key audit.key.pub", "penstock audit show audit --since 2h"));
  const commands = () => import("./audit/commands.ts");

  const filtered = (command: Command): Command =>
    command
      .argument("<dir>", "the log's directory")
      .option("--who <identity>", "identity, with its type before it or without, or the name in it: alice, spiffe://.../alice, 10.0.0.7")
      .option("--asset <name>", "asset")
      .option("--point <name>", "named point the operation touches")
      .addOption(new Option("--decision <decision>", "what was decided").choices(["allow", "deny"]))
      .addOption(new Option("--kind <kind>", "kind of record").choices(RECORD_KINDS))
      .option("--since <time>", "from then on: 2026-11-24T10:00:00Z, 2026-11-24 (UTC where no zone is given), or 2h, 7d ago")
      .option("--until <time>", "up to then");

  audit
    .command("verify")
    .argument("<dir>", "the log's directory")
    .description("prove that nothing was deleted, edited, reordered, truncated, spliced in or rolled back; say what could not be checked")
    .requiredOption("--key <file>", "the gateway's public audit key (PEM; several where it was changed)")
    .option("--expect <file>", "a checkpoint kept elsewhere: finds a rollback")
    .option("--json", "one JSON object on standard output")
    .addHelpText(
      "after",
      examples(
        "penstock audit verify /var/lib/penstock/audit --key audit.key.pub",
        "penstock audit verify /var/lib/penstock/audit --key audit.key.pub --expect /media/stick/checkpoint.json",
      ),
    )
    .action(async (directory: string, o) => done(await (await commands()).verifyCommand(directory, o)));

  filtered(audit.command("show").description("read the log, one line a record in plant language"))
    .option("--json", "JSON lines")
    .addHelpText(
      "after",
      examples(
        "penstock audit show /var/lib/penstock/audit --since 2h --decision deny",
        "penstock audit show /var/lib/penstock/audit --who alice --point feed_setpoint",
      ),
    )
    .action(async (directory: string, o) => done(await (await commands()).show(directory, o)));

  filtered(audit.command("export").description("write the log out for other programs"))
    .addOption(
      new Option("--format <format>", "jsonl: the lines as they stand; csv: a table").choices(["jsonl", "csv"]).makeOptionMandatory(),
    )
    .addHelpText(
      "after",
      examples(
        "penstock audit export /var/lib/penstock/audit --format csv --since 7d > week.csv",
        "penstock audit export /var/lib/penstock/audit --format jsonl --kind decision | jq .who",
      ),
    )
    .action(async (directory: string, o) => done(await (await commands()).exportCommand(directory, o)));

  audit
    .command("checkpoint")
    .argument("<dir>", "the log's directory")
    .description("print the newest checkpoint; keep it where the gateway cannot reach it, for verify --expect")
    .option("--json", "as it is: the line is a JSON object")
    .addHelpText("after", examples("penstock audit checkpoint /var/lib/penstock/audit > /media/stick/checkpoint.json"))
    .action(async (directory: string) => done(await (await commands()).checkpoint(directory)));
}
