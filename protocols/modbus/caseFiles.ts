/** Cases about file records: file-read and file-write. The grammar stands in cases.ts. */
import { cellsOf, pduOf, wordsOf } from "./caseOctets.ts";
import { PDU_LIMIT } from "./pdu.ts";
import { FILE } from "./spaces.ts";

interface Records {
  readonly file: number;
  readonly record: number;
  readonly count: number;
}

function recordsOf(text: string): Records | string {
  const [, file, first, last] = /^(\d{1,5})\/(\d{1,4})(?:-(\d{1,4}))?$/.exec(text) ?? [];
  const count = Number(last ?? first) - Number(first) + 1;
  if (file === undefined || Number(file) > 0xffff || !(count >= 1))
    return `found "${text}"; expected FILE/RECORD or FILE/FIRST-LAST, such as 4/1-9`;
  return { file: Number(file), record: Number(first), count };
}

/** Groups of FC 20, seven octets each, that the byte count can state. */
const MOST_GROUPS = 35;

export function parseFileRead(tokens: readonly string[]): Uint8Array | string {
  const groups: Records[] = [];
  for (const token of tokens) {
    const group = recordsOf(token);
    if (typeof group === "string") return group;
    groups.push(group);
  }
  if (groups.length < 1 || groups.length > MOST_GROUPS) return `found ${groups.length} groups; expected 1 to ${MOST_GROUPS}`;
  return pduOf({ is: "readFiles", function: 20, groups });
}

export function parseFileWrite(tokens: readonly string[], value: string | null): Uint8Array | string {
  const group = tokens.length === 1 ? recordsOf(tokens[0] as string) : "found other words; expected file-write FILE/RECORD = WORD ...";
  if (typeof group === "string") return group;
  if (value === null) return `found no "="; expected file-write FILE/RECORD = WORD ...`;
  const values = wordsOf(value);
  const octets = cellsOf(FILE, values);
  if (typeof octets === "string") return octets;
  if (group.count > 1 && group.count !== values.length)
    return `found ${values.length} values for ${group.count} records; expected one each`;
  if (octets.length > PDU_LIMIT - 9) return `found ${values.length} values; expected as many as one request can carry`;
  return pduOf({
    is: "writeFiles",
    function: 21,
    octets,
    groups: [{ file: group.file, record: group.record, count: values.length, at: 0 }],
  });
}
