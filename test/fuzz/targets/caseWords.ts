/**
 * Words of a case or of `policy explain`, one kind a line:
 *
 *     a request        write feed_setpoint = 31.5
 *     a place          holding 40                    last seen, and counted
 *     a value there    0x0200
 *     who asks         operator viewer
 */
import { modbusVocabulary } from "#modbus/vocabulary";
import type { Operation } from "#operation";
import { readWho } from "#policy/cases";
import { countedPlace, seenCells } from "#policy/casesFacts";
import { askInWords, isMisread, type Misread } from "#policy/casesQuestion";
import type { AssetModel, Point } from "#process/points";
import { decodePoint, encodePoint, isNumber } from "#process/values";
import { toHex, u16 } from "#wire";
import { accepted, dictionaryOf, gist, must, octetsOf, refused, type Target, textOf } from "../target.ts";
import { EXAMPLES, type Example } from "./documents.ts";
import { MALFORMED } from "./modbus.ts";

const { policy, assets, cases } = EXAMPLES[0] as Example;
const asset = [...assets.values()][0] as AssetModel;

export const caseWords: Target = {
  name: "caseWords",
  limitMs: 10,
  inputs: null,
  most: 1_100,
  text: true,
  dictionary: dictionaryOf([
    ...[
      "read ",
      "write ",
      "mask ",
      "readwrite ",
      "file-read ",
      "file-write ",
      "diagnose ",
      "control ",
      "identify ",
      "raw ",
      " by 16",
      " = ",
    ],
    ...["coil ", "discrete ", "input ", "holding ", "0x7FC0", "65535", "65536", "and 0 or 0", "4/1-9", "8/4", "43/14", "on", "off", "\n"],
    ...asset.points.map(({ name }) => name),
  ]),
  corpus: () => [
    ...requestsOf(cases.join("\n")).map((words) => octetsOf(`${words}\nfeed_setpoint\n20\noperator`)),
    octetsOf("readwrite holding 0-3 write 40-41 = 1 2\nholding 40\n0x0200\nspiffe://plant.example/operator/alice"),
    octetsOf("file-read 4/1-9 3/1\nlevel_auto\non\n10.10.5.17"),
    octetsOf("write boiler_tag = BOILER 1\nboiler_tag\nBOILER 2\ncn:bob@plant"),
    octetsOf("write steam_pressure_setpoint = -1.5e-3\nsteam_pressure_setpoint\n1e38\nviewer operator"),
  ],
  run(input) {
    const [request = "", place = "", value = "", who = ""] = textOf(input).split("\n");
    const seen = seenCells(policy.assets, asset, modbusVocabulary, place, value, null);
    if ("found" in seen) mustSay(seen);
    else must(seen.length > 0 && seen.every(({ cell, mask }) => (cell & ~mask) === 0 && (mask & ~0xffff) === 0), "a cell beyond its bits");
    const counted = countedPlace(asset, modbusVocabulary, place, 3, null);
    if (isMisread(counted)) mustSay(counted);
    const subject = readWho(policy, who.split(" "));
    if ("expected" in subject) must(subject.expected !== "", "refused without a word");
    const asked = askInWords(asset, modbusVocabulary, request, null);
    if (isMisread(asked)) return refused(mustSay(asked));
    const { message } = asked;
    if (typeof message === "string") {
      must(request.trimStart().startsWith("raw") && MALFORMED.has(message), `malformed by words: ${message}`);
      return accepted(`raw ${message}`);
    }
    must(message.operations.length > 0, "a request that does nothing");
    for (const operation of message.operations) {
      mustKeepItsValue(operation);
      mustWriteTheWords(request, operation);
    }
    return accepted(message.operations.map(({ verb, function: number }) => `${verb} ${number}`).join(", "));
  },
};

function requestsOf(text: string): readonly string[] {
  return [...text.matchAll(/request: "?([^",\n}]+)/g)].map(([, words = ""]) => words.trim());
}

function mustSay({ found, expected }: Misread): string {
  must(found !== "" && expected !== "", "refused without a word");
  return gist(expected);
}

/** What was written into a whole numeric point shows as a value that is written as the same cells. */
function mustKeepItsValue({ target, values, verb }: Operation): void {
  if (target.at !== "range" || values.is !== "cells" || verb !== "write" || values.keep !== 0) return;
  const point = asset.points.find((each) => isWhole(each, target));
  if (point === undefined) return;
  const shown = decodePoint(point, values.octets, values.at);
  // No word stands for what is no number, and one for both zeros (RULINGS 7).
  if (/NaN|Inf/.test(shown.text) || Number(shown.text) === 0) return;
  const again = encodePoint(point, shown.text);
  must(typeof again !== "string", `${point.name} shows ${shown.text}, which cannot be written: ${again}`);
  const wanted = toHex(values.octets, values.at, again.length);
  must(
    toHex(again, 0, again.length) === wanted,
    `${point.name} holds ${wanted}, shows ${shown.text}, is written as ${toHex(again, 0, again.length)}`,
  );
}

/** Raw words stand in the request as they were said. */
function mustWriteTheWords(request: string, { values, verb }: Operation): void {
  const [, words] = /^write holding \S+ = ((?:0x[0-9a-fA-F]+|[0-9]+)(?: (?:0x[0-9a-fA-F]+|[0-9]+))*)$/.exec(request) ?? [];
  if (words === undefined || verb !== "write" || values.is !== "cells") return;
  for (const [i, word] of words.split(" ").entries()) {
    const written = u16(values.octets, values.at + 2 * i);
    must(Number(word) === written, `${word} is written as ${written}`);
  }
}

function isWhole(point: Point, target: { readonly space: number; readonly first: number; readonly last: number }): boolean {
  return isNumber(point.type) && point.space === target.space && point.first === target.first && point.last === target.last;
}
