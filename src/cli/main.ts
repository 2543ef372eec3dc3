/** The command line: what is asked for is done, and how it went is the exit code (DESIGN 8). */
import { isMainThread } from "node:worker_threads";
import { CommanderError } from "commander";
import { UserProblems } from "#documents/problems";
import { EXIT, UsageError } from "./exit.ts";
import { slipIn } from "./help.ts";
import { complain, exitCodeOf, mindReaders, printJson } from "./output.ts";
import { commandLine } from "./program.ts";

async function main(argv: readonly string[]): Promise<number> {
  let code: number = EXIT.ok;
  const program = commandLine((result) => {
    code = result ?? EXIT.ok;
  });
  try {
    const slip = slipIn(program, argv.slice(2));
    if (slip !== null) throw new UsageError([slip]);
    await program.parseAsync(argv as string[]);
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    if (error instanceof UserProblems) {
      for (const line of error.lines) complain(line);
      // Whoever reads objects is told in one; of a capture every line is a message.
      if (argv.includes("--json") && argv[2] !== "inspect") printJson({ ok: false, problems: error.lines });
      return EXIT.usage;
    }
    complain(`internal fault: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    return EXIT.internal;
  }
}

// Where everything is one file, a thread of the gateway's starts here too.
if (isMainThread) {
  mindReaders();
  process.exitCode = exitCodeOf(await main(process.argv));
} else await import("#gateway/documentsThread");
