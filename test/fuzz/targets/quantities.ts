/** A quantity as people write it, put to every reader of one: what is taken reads back as the same thing from its own canonical text. */
import net from "node:net";
import { isWithin, readDuration, readHostPort, readIp, readPort, readPrefix, readRate, readSize, sayIp } from "#documents/quantities";
import { covers, isPattern, spiffeName } from "#identity/names";
import { SPACES } from "#modbus/spaces";
import { modbusVocabulary } from "#modbus/vocabulary";
import { readTime } from "#policy/cases";
import { hoursOpen, parseHours } from "#policy/hours";
import { formatAddresses, parseAddresses } from "#process/addressing";
import { formatDecimal, parseDecimal } from "#process/decimal";
import type { Addressing } from "#process/points";
import { sameOctets } from "#wire";
import { accepted, dictionaryOf, must, octetsOf, refused, type Target, textOf } from "../target.ts";

const ADDRESSINGS: readonly Addressing[] = ["zero-based", "one-based", "modicon"];
/** No text of a document is longer (documents/shape). */
const MOST = 1_024;
const WALL_MS = Date.UTC(2026, 9, 25, 0, 30);

export const quantities: Target = {
  name: "quantities",
  limitMs: 10,
  inputs: null,
  most: MOST,
  text: true,
  dictionary: dictionaryOf([
    "0",
    "9",
    "-",
    "+",
    ".",
    ":",
    "::",
    "/",
    "e-400",
    "ms",
    "min",
    "GiB",
    "[",
    "]",
    "*",
    "@",
    "ffff",
    " ",
    "Mon",
    "UTC",
    "0x",
  ]),
  corpus: () =>
    [
      ...["250ms", "1s", "15m", "15min", "72h", "3653d", "0ms", "200/s", "6/min", "10/10s", "1000000/999999d", "500MB", "2GiB", "999TB"],
      ...["10.20.0.11:502", "[fd00::11]:502", "[::ffff:10.0.0.1]:1", "65535", "10.10.5.0/24", "fd00:5::/64", "::/0", "1:2:3:4:5:6:7:8"],
      ...[
        "1",
        "-0.05",
        ".5",
        "12.",
        "1e400",
        "-1.25E-400",
        "123456789012345678901234567890.5",
        "40",
        "40-43",
        "40001-49999",
        "465536",
        "49998",
        "410000",
        "00001",
      ],
      ...[
        "Mon-Fri 07:00-17:00 Europe/Berlin",
        "Sat,Sun 22:00-05:00 UTC",
        "00:00-24:00 Asia/Kathmandu",
        "Fri-Mon,Wed 01:30-02:30 America/New_York",
      ],
      ...["6", "0x06", "8/4", "43/14", "writeSingleRegister", "umas", "2026-11-24T10:00:00Z", "2026-02-29T11:00+01:00"],
      ...["spiffe://plant.example/operator/*", "spiffe://plant.example/scada/main", "cn:*", "cn:alice"],
    ].map(octetsOf),
  run(input) {
    const text = textOf(input);
    const taken = READERS.filter(({ reads }) => reads(text)).map(({ name }) => name);
    return taken.length > 0 ? accepted(taken.join(" ")) : refused("nothing");
  },
};

/** Each says whether it takes the text, and throws where what it took is not what it says. */
const READERS: readonly { readonly name: string; readonly reads: (text: string) => boolean }[] = [
  { name: "duration", reads: isDuration },
  { name: "rate", reads: isRate },
  { name: "size", reads: isSize },
  { name: "hostPort", reads: isHostPort },
  { name: "port", reads: isPort },
  { name: "prefix", reads: isPrefix },
  { name: "ip", reads: isIp },
  { name: "decimal", reads: isDecimal },
  { name: "hours", reads: isHours },
  { name: "addresses", reads: isAddresses },
  { name: "function", reads: isFunction },
  { name: "time", reads: isTime },
  { name: "pattern", reads: isIdentityPattern },
];

function isRefused(value: unknown): value is string {
  must(typeof value !== "string" || value.length > 0, "refused without a word");
  return typeof value === "string";
}

function isDuration(text: string): boolean {
  const ms = readDuration(text);
  if (isRefused(ms)) return false;
  must(Number.isSafeInteger(ms) && ms >= 0 && readDuration(`${ms}ms`) === ms, `a duration of ${ms} ms`);
  return true;
}

function isRate(text: string): boolean {
  const rate = readRate(text);
  if (isRefused(rate)) return false;
  const { count, windowMs } = rate;
  must(Number.isSafeInteger(windowMs) && windowMs >= 1 && Number.isSafeInteger(count) && count >= 1, `${count} in ${windowMs} ms`);
  return true;
}

function isSize(text: string): boolean {
  const octets = readSize(text);
  if (isRefused(octets)) return false;
  must(Number.isSafeInteger(octets) && octets >= 1, `${octets} octets`);
  return true;
}

function isHostPort(text: string): boolean {
  const read = readHostPort(text);
  if (isRefused(read)) return false;
  const { host, port } = read;
  must(net.isIP(host) !== 0 && port >= 1 && port <= 65_535, `host ${host}, port ${port}`);
  const again = readHostPort(host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`);
  must(!isRefused(again) && again.host === host && again.port === port, `${host} and ${port} do not read back`);
  return true;
}

function isPort(text: string): boolean {
  const port = readPort(text);
  if (isRefused(port)) return false;
  must(String(port) === text, `port ${port}`);
  return true;
}

function isPrefix(text: string): boolean {
  const prefix = readPrefix(text);
  if (isRefused(prefix)) return false;
  const again = readPrefix(prefix.text);
  must(!isRefused(again) && again.text === prefix.text && again.prefix === prefix.prefix, `${prefix.text} does not read back`);
  must(isWithin(prefix, prefix.address), `${prefix.text} is not within itself`);
  return true;
}

/** Node's own reader of addresses is the other opinion; it takes zones (`%eth0`), which we do not. */
function isIp(text: string): boolean {
  const address = readIp(text);
  must((address !== null) === (net.isIP(text) !== 0 && !text.includes("%")), `an address: ${address !== null}`);
  if (address === null) return false;
  const again = readIp(sayIp(address));
  must(
    again !== null && again.length === address.length && sameOctets(again, 0, address, 0, address.length),
    `${sayIp(address)} does not read back`,
  );
  return true;
}

function isDecimal(text: string): boolean {
  const decimal = parseDecimal(text);
  if (isRefused(decimal)) return false;
  const again = parseDecimal(formatDecimal(decimal));
  must(
    !isRefused(again) && again.units === decimal.units && again.places === decimal.places,
    `${formatDecimal(decimal)} does not read back`,
  );
  return true;
}

function isHours(text: string): boolean {
  const hours = parseHours(text);
  if (isRefused(hours)) return false;
  must(hours.days.length === 7 && hours.days.includes(true), "hours on no day");
  must(hours.from >= 0 && hours.from < 1_440 && hours.to >= 0 && hours.to <= 1_440, `hours from ${hours.from} to ${hours.to}`);
  hoursOpen(hours, WALL_MS);
  return true;
}

function isAddresses(text: string): boolean {
  let taken = false;
  for (const addressing of ADDRESSINGS) {
    for (const space of SPACES) {
      const range = parseAddresses(addressing, space, text);
      if (isRefused(range)) continue;
      taken = true;
      const [first, last] = range;
      must(first >= 0 && first <= last && last <= space.last, `${space.name} ${first} to ${last}`);
      const said = formatAddresses(addressing, space, first, last);
      const again = parseAddresses(addressing, space, said);
      must(!isRefused(again) && again[0] === first && again[1] === last, `${addressing} ${space.name} ${said} does not read back`);
    }
  }
  return taken;
}

function isFunction(text: string): boolean {
  const number = modbusVocabulary.functionOf(text);
  if (number === null) return false;
  const code = number & 0xff;
  must(code >= 1 && code <= 127 && number <= 0xff_ffff, `function ${number}`);
  must(modbusVocabulary.nameOf(number) !== "", `function ${number} has no name`);
  return true;
}

function isTime(text: string): boolean {
  const ms = readTime(text);
  if (ms === null) return false;
  must(readTime(new Date(ms).toISOString().replace(/\.\d+Z$/, "Z")) === ms, `${ms} does not read back`);
  return true;
}

function isIdentityPattern(text: string): boolean {
  if (!isPattern(text)) return spiffeName(text) !== null;
  const claim = text.endsWith("*") ? `${text.slice(0, -1)}somebody` : text;
  must(covers(text, claim), "a pattern that does not cover what it was made for");
  must(!covers(text, `${claim}/more`), "a pattern that covers what lies below");
  return true;
}
