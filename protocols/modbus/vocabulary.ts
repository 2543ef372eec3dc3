/** The words policy, points and cases use for Modbus. */
import type { Vocabulary } from "#operation";
import { parseCase } from "./cases.ts";
import { functionOf, NAMED, nameOf } from "./names.ts";
import { decodeRequest, operationsOf } from "./pdu.ts";
import { SPACES } from "./spaces.ts";

export const modbusVocabulary: Vocabulary = {
  protocol: "modbus",
  spaces: SPACES,
  controlCodes: {},
  spaceOfGroup: () => undefined,
  functions: NAMED,
  functionOf,
  nameOf,
  parseCase,
  operationsOf(request, unit, broadcast) {
    const decoded = decodeRequest(request, 0, request.length);
    return decoded.ok ? operationsOf(decoded.value, unit, broadcast) : decoded.error.kind;
  },
};
