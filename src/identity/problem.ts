/** What a person asked of the local CA and cannot have: one clear line, ready to print. */
export class PkiProblem extends Error {
  override readonly name = "PkiProblem";
}
