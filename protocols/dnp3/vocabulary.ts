/** The words policy, points and cases use for DNP3. */
import type { Vocabulary } from "#operation";
import { decodeFragment } from "./application.ts";
import { parseCase } from "./cases.ts";
import { CONTROL_CODES, functionOf, NAMED, nameOf } from "./names.ts";
import { objectionOf } from "./objections.ts";
import { operationsOf } from "./operations.ts";
import { SPACES, spaceOfGroup } from "./spaces.ts";

export const dnp3Vocabulary: Vocabulary = {
  protocol: "dnp3",
  spaces: SPACES,
  controlCodes: CONTROL_CODES,
  spaceOfGroup,
  functions: NAMED,
  functionOf,
  nameOf,
  parseCase,
  operationsOf(request, unit, broadcast) {
    const decoded = decodeFragment(request, 0, request.length);
    if (!decoded.ok) return decoded.error.kind;
    return decoded.value.fault ?? objectionOf(decoded.value) ?? operationsOf(decoded.value, unit, broadcast);
  },
};
