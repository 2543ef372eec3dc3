/** Why a file operation failed, as short as the system says it: `ENOSPC`, else the message. */
export function reasonOf(error: unknown): string {
  if (error instanceof Error) return (error as NodeJS.ErrnoException).code ?? error.message;
  return String(error);
}
