/** Every help page has an example and ends well; a mistyped command is told, with the nearest one, whatever stands behind it. */
import { type Command, CommanderError } from "commander";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { slipIn } from "#cli/help";
import { commandLine } from "#cli/program";
import { penstock } from "#test/support/daemon";

const help = suite("cli/help");

/** Every command as a person types it: "", "policy", "policy lint", ... */
function pathsOf(command: Command, path: readonly string[] = []): string[][] {
  return [[...path], ...command.commands.flatMap((each) => pathsOf(each, [...path, each.name()]))];
}

/** What `--help` writes, and how it ends. */
async function page(path: readonly string[]): Promise<{ said: string; code: number | null }> {
  let said = "";
  const program = commandLine(() => {});
  const listen = (command: Command): void => {
    command.configureOutput({ writeOut: (text) => (said += text) });
    command.commands.forEach(listen);
  };
  listen(program);
  try {
    await program.parseAsync(["node", "penstock", ...path, "--help"]);
    return { said, code: null };
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return { said, code: error.exitCode };
  }
}

help("DESIGN 8: --help of every command and sub-command exits 0 and shows an example of that command, with options it has", async () => {
  const all = pathsOf(commandLine(() => {}));
  assert.ok(all.length > 25, `${all.length} commands`);
  const wrong: string[] = [];
  for (const path of all) {
    const name = ["penstock", ...path].join(" ");
    const { said, code } = await page(path);
    const [options = "", examples = ""] = said.split("\nExamples:\n");
    if (code !== 0) wrong.push(`${name}: ends with ${code}`);
    if (!examples.includes(name)) wrong.push(`${name}: no example`);
    if (options.includes("\nCommands:\n")) continue;
    for (const [option] of examples.matchAll(/--[a-z-]+/g)) if (!options.includes(option)) wrong.push(`${name}: an example with ${option}`);
  }
  assert.equal(wrong, []);
});

const SLIPS: readonly [string, string][] = [
  ["polcy", 'unknown command "polcy"; expected a command "policy" (did you mean that?)'],
  ["polcy --help", 'unknown command "polcy"; expected a command "policy" (did you mean that?)'],
  ["--help polcy", 'unknown command "polcy"; expected a command "policy" (did you mean that?)'],
  ["help polcy", 'unknown command "polcy"; expected a command "policy" (did you mean that?)'],
  ["policy lnit -h", 'unknown command "lnit"; expected a command of policy "lint" (did you mean that?)'],
  ["policy help lnit", 'unknown command "lnit"; expected a command of policy "lint" (did you mean that?)'],
  ["clock now", 'unknown command "now"; expected a command of clock, one of: confirm'],
  ["\u001b[2J --help", 'unknown command "\\u{001b}[2J"; expected a command, one of: init, check'],
];
for (const [words, line] of SLIPS) {
  help(`a mistyped command: penstock ${JSON.stringify(words)}`, () => {
    const said = slipIn(
      commandLine(() => {}),
      words.split(" "),
    );
    assert.is(said?.slice(0, line.length), line);
  });
}

help("what is a command, or belongs to one, is no slip", () => {
  for (const words of [
    "",
    "--help",
    "--version",
    "help",
    "help policy lint",
    "policy",
    "run bogus",
    "policy test bogus.cases.yaml",
    "inspect help",
  ])
    assert.is(
      slipIn(
        commandLine(() => {}),
        words.split(" ").filter(Boolean),
      ),
      null,
      words,
    );
});

help("DESIGN 8: `receive` is a command, and the ledger is one of its own", async () => {
  assert.is(
    slipIn(
      commandLine(() => {}),
      ["receive", "--config", "some.yaml"],
    ),
    null,
  );
  assert.match(
    slipIn(
      commandLine(() => {}),
      ["receive", "legder"],
    ) ?? "",
    /unknown command "legder"/,
  );
  const { code, stderr } = await penstock(["receive", "--config", "/none/receive.yaml"]);
  assert.equal([code, stderr], [2, "penstock: /none/receive.yaml: no such file\n"]);
});

help("through the front door: exit 2 and one line for a slip before --help, exit 0 and the page for a command", async () => {
  const slip = await penstock(["demmo", "--help"]);
  assert.equal(slip, {
    code: 2,
    stdout: "",
    stderr: 'penstock: unknown command "demmo"; expected a command "demo" (did you mean that?)\n',
  });
  const demo = await penstock(["demo", "--help"]);
  assert.equal([demo.code, demo.stderr], [0, ""]);
  assert.match(demo.stdout, /Examples:\n {2}penstock demo\n/);
});

help.run();
