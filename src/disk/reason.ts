/** Why a file operation failed, as short as the system says it: `ENOSPC`, else the message. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // Some libraries have numbers there, which say less than their message.
  const { code } = error as { readonly code?: unknown };
  return typeof code === "string" ? code : error.message;
}
