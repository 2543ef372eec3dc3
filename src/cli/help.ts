/** What a person is shown who asks for help, or mistypes a command. */
import type { Command } from "commander";
import { quoted } from "#documents/problems";
import { expectedName } from "#documents/yaml";

/** The end of a help page. */
export function examples(...lines: string[]): string {
  return `\nExamples:\n${lines.map((line) => `  ${line}`).join("\n")}\n`;
}

/** Groups that are commands too. */
const BY_THEMSELVES: readonly string[] = ["receive"];

/**
 * One line about the first word that stands where a command should and is none; null: there is no such word. Asked before anything is parsed:
 * a `--help` behind the word would show the page above it, as if all were well.
 */
export function slipIn(program: Command, words: readonly string[]): string | null {
  let at = program;
  for (const word of words) {
    if (at.commands.length === 0) return null;
    // What follows is the group's own, where it does something by itself; commander reads it.
    if (word.startsWith("-") && BY_THEMSELVES.includes(at.name())) return null;
    if (word === "help" || word.startsWith("-")) continue;
    const next = at.commands.find((each) => each.name() === word);
    if (next === undefined) {
      const kind = at === program ? "a command" : `a command of ${at.name()}`;
      const known = at.commands.map((each) => each.name());
      return `unknown command ${quoted(word)}; expected ${expectedName(word, kind, known)}`;
    }
    at = next;
  }
  return null;
}
