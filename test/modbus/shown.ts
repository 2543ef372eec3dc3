/** Messages as the vectors write them: what a view shows in place of the view. */
import type { Reply, Request } from "#modbus/pdu";
import type { Shown } from "#test/vectors/modbus/requests";
import { toHex } from "#wire";

export function shown(message: Request | Reply): Shown {
  switch (message.is) {
    case "writeOne":
    case "mask":
      return withData(message, message.octets, message.at, 2);
    case "writeMany":
      return withData(message, message.octets, message.at, message.function === 15 ? Math.ceil(message.count / 8) : 2 * message.count);
    case "readWrite":
      return withData(message, message.octets, message.at, 2 * message.count);
    case "fifo":
      return "count" in message ? withData(message, message.octets, message.at, 2 * message.count) : { ...message };
    case "cells":
      return withData(message, message.octets, message.at, Math.ceil((message.count * message.bits) / 8));
    case "diagnose":
    case "opaque":
    case "log":
    case "serverId": {
      const { length, ...rest } = withData(message, message.octets, message.at, message.length);
      return rest;
    }
    case "writeFiles":
    case "files": {
      const groups = message.groups.map((group) => withData(group, message.octets, group.at, 2 * group.count));
      return { is: message.is, function: message.function, groups };
    }
    case "identification": {
      const { octets, objects, ...rest } = message;
      return { ...rest, objects: objects.map((object) => withData(object, octets, object.at, object.length)) };
    }
    default:
      return { ...message };
  }
}

function withData(message: object, octets: Uint8Array, at: number, length: number): Shown {
  const { octets: _octets, at: _at, ...rest } = message as Shown;
  return { ...rest, data: toHex(octets, at, length) };
}
