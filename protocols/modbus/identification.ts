/** What the device is (FC 43/14): objects of text, streamed in parts or asked for one by one. */
import { copyOctets, ok, type Result } from "#wire";
import { type Layout, noReadings } from "./entry.ts";
import { BAD_BYTE_COUNT, BAD_DATA, type Malformed, type MismatchKind, TRAILING, TRUNCATED, wrongLength } from "./errors.ts";
import type { Identify, IdentifyReply } from "./messages.ts";
import { onDevice } from "./serial.ts";

const MEI = 14;
const NUMBER = 43 | (MEI << 8);
/** Read device id codes: basic, regular, extended, one object. */
const ONE_OBJECT = 4;
const CONFORMITY: ReadonlySet<number> = new Set([0x01, 0x02, 0x03, 0x81, 0x82, 0x83]);

/**
 *     0          1          2                3            4
 *     function   MEI type   device id code   conformity   more follows: 0x00 or 0xFF
 *
 *     5                6         7..            per object
 *     next object id   objects   objects        0: id   1: length   2..: text
 *
 * @error  `truncated`, `trailing`, `badData` (a field outside its values), `badByteCount` (an object runs past the end)
 * @source MODBUS Application Protocol V1.1b3 section 6.21
 */
function decodeReply(octets: Uint8Array, at: number, length: number): Result<IdentifyReply, Malformed> {
  if (length < 7) return TRUNCATED;
  const access = octets[at + 2] as number;
  const conformity = octets[at + 3] as number;
  const more = octets[at + 4] as number;
  const nextObjectId = octets[at + 5] as number;
  const count = octets[at + 6] as number;
  if (access < 1 || access > ONE_OBJECT || !CONFORMITY.has(conformity)) return BAD_DATA;
  if (more !== 0 && more !== 0xff) return BAD_DATA;
  if (more === 0 && nextObjectId !== 0) return BAD_DATA;
  const end = at + length;
  const objects: { id: number; at: number; length: number }[] = [];
  let object = at + 7;
  for (let i = 0; i < count; i++) {
    if (object + 2 > end) return TRUNCATED;
    const size = octets[object + 1] as number;
    if (object + 2 + size > end) return BAD_BYTE_COUNT;
    objects.push({ id: octets[object] as number, at: object + 2, length: size });
    object += 2 + size;
  }
  if (object !== end) return TRAILING;
  return ok({ is: "identification", function: NUMBER, access, conformity, more: more !== 0, nextObjectId, octets, objects });
}

function encodeReply(reply: IdentifyReply, target: Uint8Array, at: number): number {
  let object = at + 7;
  for (const { id, at: from, length } of reply.objects) {
    copyOctets(reply.octets, from, target, object + 2, length);
    target[object] = id;
    target[object + 1] = length;
    object += 2 + length;
  }
  target[at] = 43;
  target[at + 1] = MEI;
  target[at + 2] = reply.access;
  target[at + 3] = reply.conformity;
  target[at + 4] = reply.more ? 0xff : 0;
  target[at + 5] = reply.nextObjectId;
  target[at + 6] = reply.objects.length;
  return object - at;
}

/**
 * The device id code is echoed. One object asked for is one object answered, and the one asked for; a stream may start over at object 0
 * where the device does not know the object it was asked to start at, so its ids are not compared.
 */
function match(request: Identify, reply: IdentifyReply): MismatchKind | null {
  if (reply.access !== request.access) return "accessMismatch";
  if (request.access !== ONE_OBJECT) return null;
  return reply.objects.length === 1 && reply.objects[0]?.id === request.objectId && !reply.more ? null : "objectMismatch";
}

/**
 *     0          1          2                3
 *     function   MEI type   device id code   object id
 *
 * @error  `truncated`, `trailing`, `badData` (device id code outside 1..4)
 */
export const identify: Layout<Identify, IdentifyReply> = {
  decode(octets, at, length) {
    if (length !== 4) return wrongLength(length, 4);
    const access = octets[at + 2] as number;
    if (access < 1 || access > ONE_OBJECT) return BAD_DATA;
    return ok({ is: "identify", function: NUMBER, access, objectId: octets[at + 3] as number });
  },
  encode(request, target, at) {
    target[at] = 43;
    target[at + 1] = MEI;
    target[at + 2] = request.access;
    target[at + 3] = request.objectId;
    return 4;
  },
  operations: (request, unit, broadcast) => onDevice("identify", "observe", request.function, unit, broadcast),
  decodeReply,
  encodeReply,
  match,
  readings: noReadings,
};
