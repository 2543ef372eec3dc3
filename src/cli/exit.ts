/** How a command ends (DESIGN 8): 0 ok, 1 the thing asked about fails, 2 usage or bad input, 3 internal. */
import { UserProblems } from "#documents/problems";

export const EXIT = { ok: 0, fails: 1, usage: 2, internal: 3 } as const;

/** A wrong argument or option, in lines ready to print. */
export class UsageError extends UserProblems {}
