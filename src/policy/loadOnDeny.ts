/** `on_deny`: how a denied request is answered (RULINGS 13). It may stand at the document, an asset, a role or a rule. */
import type { Path } from "#documents/yaml";
import type { Desk } from "./loadDesk.ts";
import type { OnDeny } from "./model.ts";
import type { OnDenyDocument } from "./schema.ts";

export const NOTHING_STATED: OnDeny = { answer: null, exception: null, closeAfter: null };

export function resolveOnDeny(desk: Desk, onDeny: OnDenyDocument, path: Path): OnDeny {
  const { answer, exception, close_after: closeAfter } = onDeny;
  if (exception !== undefined && answer !== undefined && answer !== "exception")
    desk.refuse([...path, "exception"], `no exception code where the answer is ${answer}`);
  if (answer === undefined && exception === undefined && closeAfter === undefined)
    desk.refuse(path, "answer, exception or close_after", "an on_deny that says nothing");
  if (closeAfter?.within === 0) desk.refuse([...path, "close_after", "within"], "a time above zero");
  return {
    answer: answer ?? null,
    exception: exception ?? null,
    closeAfter: closeAfter === undefined ? null : { denials: closeAfter.denials, withinMs: closeAfter.within },
  };
}
