/** `penstock points verify`: what stands at an asset's points now, for a person to hold against the plant, and to sign off (RULINGS 7). */
import { createInterface } from "node:readline";
import { visible } from "#documents/escape";
import { quoted } from "#documents/problems";
import type { Answer, Verification, VerifiedPoint } from "#management/protocol";
import { NAMES_LIMIT } from "#management/questions";
import { refused } from "./ask.ts";
import { EXIT, UsageError } from "./exit.ts";
import { complain, print, printJson, table } from "./output.ts";
import { askGateway, type WayOptions } from "./way.ts";

export interface VerifyOptions extends WayOptions {
  readonly points?: string;
  readonly signOff?: boolean;
}

/** A device that is busy with others answers each read within ten seconds, and there may be a hundred. */
const PATIENCE_MS = 180_000;

/** Exit 1 where a point could not be read or cannot be what it shows, or the sign-off did not come about. */
export async function verifyPoints(asset: string, options: VerifyOptions): Promise<number> {
  const shown = await look(asset, namesIn(options.points), options);
  if (!Array.isArray(shown)) return refused(shown, options);
  const points = shown.flatMap((each) => each.points);
  const bad = points.filter(({ verdict }) => verdict === "implausible" || verdict === "unread");
  if (options.json !== true) for (const line of forPeople(points)) print(line);
  const refusal = options.signOff !== true ? null : bad.length > 0 ? SIGN_NOTHING : await signOff(shown, points.length, options);
  const signedOff = options.signOff === true && refusal === null;
  if (options.json === true) printJson({ asset, pointsFile: shown[0]?.pointsFile ?? null, points, signedOff });
  else if (signedOff) print(`signed off: ${points.length} points of ${visible(asset)}`);
  if (refusal !== null) complain(visible(refusal));
  return bad.length === 0 && refusal === null ? EXIT.ok : EXIT.fails;
}

const SIGN_NOTHING = "nothing was signed off: correct the points file, or leave these points out (--points)";

/** One question after the other: names as many as a question holds, or all points as many as an answer holds. */
async function look(asset: string, names: readonly string[] | null, options: WayOptions): Promise<Verification[] | Answer> {
  const shown: Verification[] = [];
  for (const points of names === null ? [null] : partsOf(names)) {
    for (let from: number | null = 0; from !== null; ) {
      const answer = await askGateway(options, { ask: "pointsVerify", asset, points, from }, PATIENCE_MS);
      if (!answer.ok || answer.verification === undefined) return answer;
      shown.push(answer.verification);
      from = answer.verification.next;
    }
  }
  return shown;
}

function partsOf(names: readonly string[]): (readonly string[])[] {
  return Array.from({ length: Math.ceil(names.length / NAMES_LIMIT) }, (_, i) => names.slice(i * NAMES_LIMIT, (i + 1) * NAMES_LIMIT));
}

/** @throws UsageError */
function namesIn(words: string | undefined): readonly string[] | null {
  if (words === undefined) return null;
  const names = words.split(",").map((name) => name.trim());
  const wrong = names.find((name) => !/^[A-Za-z0-9_.-]{1,64}$/.test(name));
  if (wrong !== undefined)
    throw new UsageError([visible(`--points: found ${quoted(wrong)}; expected names of points, separated by commas`)]);
  return [...new Set(names)];
}

/** Why nothing was signed off; null: it was. */
async function signOff(shown: readonly Verification[], count: number, options: WayOptions): Promise<string | null> {
  if ((await answerTo(`Do all ${count} values match what stands at the plant? Type yes to sign them off: `)) !== "yes")
    return "not signed off";
  for (const { id } of shown) {
    const answer = await askGateway(options, { ask: "pointsSignOff", verification: id });
    if (!answer.ok) return answer.error ?? "the daemon refused";
  }
  return null;
}

/** The first line a person types, or a program writes; nothing where there is none. */
async function answerTo(question: string): Promise<string> {
  process.stderr.write(question);
  for await (const line of createInterface({ input: process.stdin })) return line.trim();
  return "";
}

function forPeople(points: readonly VerifiedPoint[]): string[] {
  const rows = points.map((point) => [
    point.name,
    `${point.table} ${point.address}, unit ${point.unitId}`,
    sayWords(point),
    point.value === null ? "" : `${point.value} ${point.unit}`.trim(),
    point.plausible === null ? "" : `${point.plausible.min} to ${point.plausible.max}`,
    point.ageMs === null ? "" : `${(point.ageMs / 1000).toFixed(1)} s`,
    point.verdict,
  ]);
  const lines = table([["POINT", "AT", "RAW", "VALUE", "CAN BE", "AGE", "VERDICT"], ...rows]).split("\n");
  for (const point of points) if (point.why !== null) lines.push(`! ${point.name}: ${sayWhy(point)}`);
  return lines.map(visible);
}

function sayWords({ words, table: name }: VerifiedPoint): string {
  if (words === null) return "";
  return name === "coil" || name === "discrete" ? words.join(" ") : words.map((word) => word.toString(16).padStart(4, "0")).join(" ");
}

/** `implausible: check word order; word_order: little would show 8.25 bar`. */
function sayWhy({ verdict, why, otherwise, unit }: VerifiedPoint): string {
  if (verdict === "unread") return why ?? "";
  const other = (each: VerifiedPoint["otherwise"][number]): string =>
    `word_order ${each.wordOrder}, byte_order ${each.byteOrder} would show ${`${each.value} ${unit}`.trim()}${each.fits ? "" : ", which cannot be either"}`;
  const fitting = otherwise.filter(({ fits }) => fits);
  return [verdict === "implausible" ? `implausible: ${why}` : why, ...(fitting.length > 0 ? fitting : otherwise).map(other)].join("; ");
}
