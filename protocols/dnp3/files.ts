/**
 * What a request says about files: which, by name or by the handle of one that is open, and what it wants of it.
 *
 * @source IEEE 1815-2012 clauses 4.4.16 to 4.4.21 and Annex A group 70; RULINGS 37
 */
import { u16le, u32le } from "#wire";
import type { Fragment, ObjectHeader } from "./application.ts";
import { FUNCTION } from "./functions.ts";
import { eachItem } from "./items.ts";

/** What a request wants of a file. */
export type FileAct = "open" | "openForWriting" | "read" | "write" | "delete" | "list" | "close";

export interface FileRequest {
  readonly act: FileAct;
  /** null: `handle` says which. */
  readonly name: string | null;
  /** -1: `name` says which. */
  readonly handle: number;
}

/** Not a name that is granted to anybody, or sizes that do not fit. */
export const BAD_NAME = "badName";

const COMMAND = 3;
const COMMAND_STATUS = 4;
const TRANSPORT = 5;
const DESCRIPTOR = 7;
const SPECIFICATION = 8;
/** Octets before the name, which is where its offset must point. */
const NAME_AT: Readonly<Record<number, number>> = { [COMMAND]: 26, [DESCRIPTOR]: 20 };
const MODE_AT = 20;
const MODE_READ = 1;

/** Of one header of group 70; null: it is none of the requests that name a file. */
export function fileRequestOf(fragment: Fragment, header: ObjectHeader): FileRequest | typeof BAD_NAME | null {
  const { octets } = fragment;
  const { variation } = header;
  // Nor several headers with a file each: what stands for one would stand for all.
  if (fragment.headers.some((other) => other !== header && other.entry.kind === "file" && other.hasData)) return null;
  let at = -1;
  let length = 0;
  let count = 0;
  eachItem(fragment, header, (item) => {
    at = item.at;
    length = item.length;
    count += 1;
  });
  // Several files in one header are nothing a device is asked.
  if (count !== 1) return null;
  switch (fragment.row.code) {
    case FUNCTION.openFile:
    case FUNCTION.deleteFile: {
      if (variation !== COMMAND) return null;
      const name = nameIn(octets, at, length, variation);
      if (name === null) return BAD_NAME;
      if (fragment.row.code === FUNCTION.deleteFile) return { act: "delete", name, handle: -1 };
      return { act: u16le(octets, at + MODE_AT) === MODE_READ ? "open" : "openForWriting", name, handle: -1 };
    }
    case FUNCTION.getFileInfo: {
      if (variation !== DESCRIPTOR) return null;
      const name = nameIn(octets, at, length, variation);
      return name === null ? BAD_NAME : { act: "list", name, handle: -1 };
    }
    case FUNCTION.closeFile:
    case FUNCTION.abortFile:
      return variation === COMMAND_STATUS ? { act: "close", name: null, handle: u32le(octets, at) } : null;
    case FUNCTION.read:
      return variation === TRANSPORT ? { act: "read", name: null, handle: u32le(octets, at) } : null;
    case FUNCTION.write:
      return variation === TRANSPORT ? { act: "write", name: null, handle: u32le(octets, at) } : null;
    case FUNCTION.activateConfiguration:
      return variation === SPECIFICATION && nameFrom(octets, at, at + length) === null ? BAD_NAME : null;
    default:
      return null;
  }
}

/** The handle an OPEN was answered with; -1: it was refused, or this is no such answer. */
export function openedHandle(reply: Fragment): number {
  let handle = -1;
  for (const header of reply.headers) {
    if (header.group !== FILE_GROUP || header.variation !== COMMAND_STATUS) continue;
    eachItem(reply, header, ({ at }) => {
      if (reply.octets[at + STATUS_AT] === 0) handle = u32le(reply.octets, at);
    });
  }
  return handle;
}

const FILE_GROUP = 70;
const STATUS_AT = 12;

/** null: not where it must stand, not as long as it says, or with something in it that devices read differently. */
function nameIn(octets: Uint8Array, at: number, length: number, variation: number): string | null {
  const offset = NAME_AT[variation] as number;
  if (length < offset || u16le(octets, at) !== offset || u16le(octets, at + 2) !== length - offset || length === offset) return null;
  return nameFrom(octets, at + offset, at + length);
}

function nameFrom(octets: Uint8Array, from: number, to: number): string | null {
  let name = "";
  for (let i = from; i < to; i++) {
    const octet = octets[i] as number;
    if (octet < 0x20 || octet > 0x7e || octet === BACKSLASH) return null;
    name += String.fromCharCode(octet);
  }
  return name.split("/").includes("..") ? null : name;
}

const BACKSLASH = 0x5c;
