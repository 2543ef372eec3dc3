/** A file or folder of the line's ends that a person has to put right. */
import { sayProblem, UserProblems } from "#documents/problems";

export function badFile(file: string, found: string, expected: string): UserProblems {
  return new UserProblems([sayProblem({ file, line: 1, column: 1, found, expected })]);
}
