/**
 * What DNP3 objects say besides numbers: the value of a device attribute, the name of a file, the challenge of an authentication. Whatever is
 * not filled by what its own lengths say is told as octets. A user and a password for files are told by their lengths alone (RULINGS 37).
 */
import { toHex, u16le } from "#wire";
import { ATTRIBUTE, attributeList, attributeNumber, attributeOf, partsOf } from "./layouts.ts";

interface Listed {
  readonly variation: number;
  readonly properties: number;
}
/** `octets`: how many there are of what is not shown. */
export type Said = number | string | null | { readonly octets: number } | readonly Listed[];
export type Body = Readonly<Record<string, Said>>;

const ATTRIBUTES = 0;
const FILES = 70;
const CREDENTIALS = 2;
/** Parts that are words; all others are shown in hex. */
const WORDS: readonly string[] = ["name", "text"];

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * What the object in `octets` says behind its numbers; null where there is nothing but octets. Words that are no UTF-8 stand as hex under their
 * name with `Octets` behind it.
 */
export function bodyOf(group: number, variation: number, octets: Uint8Array): Body | null {
  if (group === ATTRIBUTES) return attributeBody(octets);
  const parts = partsOf(group, variation, octets);
  if (parts === null) return null;
  if (isSecret(group, variation)) return { user: { octets: u16le(octets, 2) }, password: { octets: u16le(octets, 6) } };
  const body: Record<string, Said> = {};
  for (const [name, part] of Object.entries(parts))
    if (WORDS.includes(name)) addWords(body, name, part);
    else body[name] = toHex(part);
  return body;
}

/** Nobody's to read in a listing, whatever its lengths are. */
export function isSecret(group: number, variation: number): boolean {
  return group === FILES && variation === CREDENTIALS;
}

function attributeBody(octets: Uint8Array): Body | null {
  const attribute = attributeOf(octets);
  if (attribute === null) return null;
  const { type, length, value } = attribute;
  const body: Record<string, Said> = { type, length };
  const list = type === ATTRIBUTE.list || type === ATTRIBUTE.extendedList ? attributeList(value) : null;
  const number = attributeNumber(attribute);
  if (type === ATTRIBUTE.text) addWords(body, "value", value);
  else if (list !== null) body.list = list;
  else if (number !== null) body.value = Number.isFinite(number) ? number : null;
  else body.octets = toHex(value);
  return body;
}

function addWords(body: Record<string, Said>, name: string, octets: Uint8Array): void {
  try {
    body[name] = utf8.decode(octets);
  } catch {
    body[name] = null;
    body[`${name}Octets`] = toHex(octets);
  }
}
