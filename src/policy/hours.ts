/**
 * `hours: "Mon-Fri 07:00-17:00 Europe/Berlin"`: when a rule holds, by the clock on the wall of the plant.
 *
 * The clock of the zone counts, whatever daylight saving does to it: an hour that comes twice in autumn is open twice, one that is left
 * out in spring never comes. Hours that run past midnight belong to the day they start on.
 */
import type { Hours, Policy, Rule } from "./model.ts";

/** @param wallMs milliseconds since 1970, UTC */
export function hoursOpen(hours: Hours, wallMs: number): boolean {
  const { day, minute } = localTime(hours.zone, wallMs);
  const today = hours.days[day] === true;
  if (hours.to > hours.from) return today && minute >= hours.from && minute < hours.to;
  const yesterday = hours.days[(day + 6) % 7] === true;
  return (today && minute >= hours.from) || (yesterday && minute < hours.to);
}

/** Every hours expression of a policy once, by its first rule: the order of `Facts.hoursOpen`. */
export function hoursOf(policy: Policy): readonly Hours[] {
  const rules: Rule[] = [...policy.never];
  for (const role of policy.roles.values()) rules.push(...role.rules);
  rules.sort((a, b) => a.order - b.order);
  const byText = new Map<string, Hours>();
  for (const { hours } of rules) if (hours !== null && !byText.has(hours.text)) byText.set(hours.text, hours);
  return [...byText.values()];
}

/** @returns the hours, or what is wrong with the text and what would be right */
export function parseHours(text: string): Hours | string {
  const words = /^(?:(\S+) )?(\d\d):(\d\d)-(\d\d):(\d\d) (\S+)$/.exec(text);
  if (words === null) return `found "${text}"; expected days, hours and time zone like "Mon-Fri 07:00-17:00 Europe/Berlin"`;
  const days = words[1] === undefined ? EVERY_DAY : parseDays(words[1]);
  if (typeof days === "string") return days;
  const from = Number(words[2]) * 60 + Number(words[3]);
  const to = Number(words[4]) * 60 + Number(words[5]);
  if (Number(words[3]) > 59 || from >= DAY) return `found start ${words[2]}:${words[3]}; expected 00:00 to 23:59`;
  if (Number(words[5]) > 59 || to > DAY) return `found end ${words[4]}:${words[5]}; expected 00:00 to 24:00`;
  const zone = words[6] as string;
  if (!isZone(zone)) return `found time zone "${zone}"; expected a name like Europe/Berlin or UTC`;
  return { days, from, to, zone, text };
}

const NAMES = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const EVERY_DAY: readonly boolean[] = NAMES.map(() => true);
/** Minutes. */
const DAY = 24 * 60;

/** "Mon-Fri", "Sat,Sun", "Fri-Mon,Wed". */
function parseDays(text: string): readonly boolean[] | string {
  const days = NAMES.map(() => false);
  for (const part of text.split(",")) {
    const ends = part.split("-");
    const first = NAMES.indexOf(ends[0] as string);
    const last = ends.length === 1 ? first : NAMES.indexOf(ends[1] as string);
    if (first < 0 || last < 0 || ends.length > 2)
      return `found days "${text}"; expected ${NAMES.join(", ")}, a range like Mon-Fri or a list like Sat,Sun`;
    for (let day = first; ; day = (day + 1) % 7) {
      days[day] = true;
      if (day === last) break;
    }
  }
  return days;
}

function isZone(zone: string): boolean {
  if (!/^[A-Za-z][A-Za-z0-9_+/-]*$/.test(zone)) return false;
  try {
    clockOf(zone);
    return true;
  } catch {
    return false;
  }
}

/** Monday is 0; minutes since local midnight. */
function localTime(zone: string, wallMs: number): { readonly day: number; readonly minute: number } {
  let day = -1;
  let minute = 0;
  for (const { type, value } of clockOf(zone).formatToParts(wallMs)) {
    if (type === "weekday") day = NAMES.indexOf(value);
    else if (type === "hour") minute += Number(value) * 60;
    else if (type === "minute") minute += Number(value);
  }
  return { day, minute };
}

/** Making a formatter costs a hundred times as much as using it. There are as many as a policy names zones. */
const clocks = new Map<string, Intl.DateTimeFormat>();

function clockOf(zone: string): Intl.DateTimeFormat {
  const known = clocks.get(zone);
  if (known !== undefined) return known;
  const clock = new Intl.DateTimeFormat("en-US", {
    timeZone: zone,
    hourCycle: "h23",
    weekday: "short",
    hour: "2-digit",
    minute: "2-digit",
  });
  clocks.set(zone, clock);
  return clock;
}
