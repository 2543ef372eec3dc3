/** What a person can put right (a key others can read, a directory in use): one clear line, never a stack trace. */
export class AuditProblem extends Error {
  override readonly name = "AuditProblem";
}
