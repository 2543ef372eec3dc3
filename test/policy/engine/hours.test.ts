/** `hours` by the clock of the plant. Instants are written in UTC; what the clock in Berlin shows then is known: summer time ended on 2024-10-27 at 03:00 and began on 2024-03-31 at 02:00 (EU directive 2000/84/EC). */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { hoursOpen, parseHours } from "#policy/hours";
import type { Hours } from "#policy/model";

const hours = suite("policy/hours");

function parsed(text: string): Hours {
  const found = parseHours(text);
  if (typeof found === "string") throw new Error(found);
  return found;
}

function openAt(text: string, instant: string): boolean {
  return hoursOpen(parsed(text), Date.parse(instant));
}

hours("hours of the day, the end excluded", () => {
  const text = "Mon-Fri 07:00-17:00 Europe/Berlin";
  assert.not(openAt(text, "2024-06-03T04:59:59Z"), "Monday 06:59:59");
  assert.ok(openAt(text, "2024-06-03T05:00:00Z"), "Monday 07:00");
  assert.ok(openAt(text, "2024-06-07T14:59:59Z"), "Friday 16:59:59");
  assert.not(openAt(text, "2024-06-07T15:00:00Z"), "Friday 17:00");
  assert.not(openAt(text, "2024-06-08T10:00:00Z"), "Saturday noon");
  assert.not(openAt(text, "2024-06-09T10:00:00Z"), "Sunday noon");
});

hours("the zone's own day counts, not ours", () => {
  assert.ok(openAt("Mon 00:00-24:00 Pacific/Auckland", "2024-06-02T12:30:00Z"), "Sunday here, Monday 00:30 there");
  assert.not(openAt("Mon 00:00-24:00 Pacific/Auckland", "2024-06-03T12:30:00Z"), "Tuesday 00:30 there");
  assert.ok(openAt("Sun 00:00-24:00 America/Los_Angeles", "2024-06-03T06:30:00Z"));
  assert.ok(openAt("05:30-06:00 Asia/Kolkata", "2024-06-03T00:15:00Z"), "a zone of half hours: 05:45");
});

hours("past midnight belongs to the day it starts on", () => {
  const text = "Fri 22:00-06:00 Europe/Berlin";
  assert.not(openAt(text, "2024-06-07T03:59:00Z"), "Friday 05:59: that would be Thursday's night");
  assert.not(openAt(text, "2024-06-07T19:59:00Z"), "Friday 21:59");
  assert.ok(openAt(text, "2024-06-07T20:00:00Z"), "Friday 22:00");
  assert.ok(openAt(text, "2024-06-08T03:59:00Z"), "Saturday 05:59");
  assert.not(openAt(text, "2024-06-08T04:00:00Z"), "Saturday 06:00");
  assert.not(openAt(text, "2024-06-08T20:00:00Z"), "Saturday 22:00");
  assert.ok(openAt("Sun 22:00-06:00 UTC", "2024-06-03T05:00:00Z"), "Monday 05:00, the night of Sunday");
  assert.ok(openAt("Mon 12:00-12:00 UTC", "2024-06-04T11:59:00Z"), "a whole day from noon");
  assert.not(openAt("Mon 12:00-12:00 UTC", "2024-06-04T12:00:00Z"));
});

hours("when clocks go forward, the hour left out never comes and the rest keeps to the wall", () => {
  assert.ok(openAt("01:00-02:00 Europe/Berlin", "2024-03-31T00:59:59Z"), "01:59:59");
  assert.not(openAt("02:00-03:00 Europe/Berlin", "2024-03-31T01:00:00Z"), "it is 03:00 now");
  assert.not(openAt("02:00-03:00 Europe/Berlin", "2024-03-31T00:59:59Z"));
  assert.ok(openAt("03:00-04:00 Europe/Berlin", "2024-03-31T01:00:00Z"));
  assert.not(openAt("Sun 07:00-17:00 Europe/Berlin", "2024-03-31T04:59:00Z"), "06:59 in summer time");
  assert.ok(openAt("Sun 07:00-17:00 Europe/Berlin", "2024-03-31T05:00:00Z"), "07:00 in summer time");
  assert.ok(openAt("Sat 22:00-06:00 Europe/Berlin", "2024-03-31T03:59:00Z"), "05:59, an hour of the night is missing");
});

hours("when clocks go back, the hour that comes twice is open twice", () => {
  const text = "Sun 02:00-03:00 Europe/Berlin";
  assert.not(openAt(text, "2024-10-26T23:59:59Z"), "01:59:59");
  assert.ok(openAt(text, "2024-10-27T00:30:00Z"), "02:30 for the first time");
  assert.ok(openAt(text, "2024-10-27T01:30:00Z"), "02:30 for the second time");
  assert.not(openAt(text, "2024-10-27T02:00:00Z"), "03:00");
  assert.ok(openAt("Mon 07:00-08:00 Europe/Berlin", "2024-10-28T06:00:00Z"), "07:00 in winter time");
});

hours("what can be written", () => {
  assert.equal(parsed("Mon-Fri 07:00-17:00 Europe/Berlin"), {
    days: [true, true, true, true, true, false, false],
    from: 420,
    to: 1020,
    zone: "Europe/Berlin",
    text: "Mon-Fri 07:00-17:00 Europe/Berlin",
  });
  assert.equal(parsed("Fri-Mon 22:00-06:00 UTC").days, [true, false, false, false, true, true, true]);
  assert.equal(parsed("Sat,Sun 00:00-24:00 UTC").days, [false, false, false, false, false, true, true]);
  assert.equal(parsed("Mon,Wed-Thu 00:00-24:00 UTC").days, [true, false, true, true, false, false, false]);
  assert.ok(parsed("07:00-17:00 UTC").days.every((day) => day));
});

hours("what cannot, and why", () => {
  const wrong: readonly (readonly [string, RegExp])[] = [
    ["", /expected days, hours and time zone like "Mon-Fri 07:00-17:00 Europe\/Berlin"/],
    ["07:00-17:00", /time zone/],
    ["Mon-Fri 7:00-17:00 UTC", /expected days, hours/],
    ["Mon-Fri 07:00-17:00 UTC ", /expected days, hours/],
    ["Mo-Fr 07:00-17:00 UTC", /found days "Mo-Fr"; expected Mon, Tue/],
    ["mon 07:00-17:00 UTC", /found days "mon"/],
    ["Mon-Tue-Wed 07:00-17:00 UTC", /found days/],
    ["Mon, 07:00-17:00 UTC", /found days/],
    ["24:00-17:00 UTC", /found start 24:00; expected 00:00 to 23:59/],
    ["07:60-17:00 UTC", /found start 07:60/],
    ["07:00-24:01 UTC", /found end 24:01; expected 00:00 to 24:00/],
    ["07:00-17:99 UTC", /found end 17:99/],
    ["07:00-17:00 Europe/Nowhere", /found time zone "Europe\/Nowhere"; expected a name like/],
    ["07:00-17:00 +01:00", /found time zone/],
  ];
  for (const [text, why] of wrong) {
    const found = parseHours(text);
    assert.type(found, "string", text);
    assert.match(found as string, why);
    assert.match(found as string, /^found .*; expected /);
  }
});

hours.run();
