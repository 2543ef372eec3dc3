/**
 * Which user of this machine holds the other end of a connection: the kernel's own table says (Documentation/networking/proc_net_tcp).
 *
 *     sl  local_address rem_address   st tx_queue:rx_queue tr:tm->when retrnsmt   uid  timeout inode
 *      0: 0100007F:C350 0100007F:05DE 01 00000000:00000000 00:00000000 00000000  1000        0 91532 ...
 */
import fs from "node:fs";
import os from "node:os";
import { parseIp } from "#transport/interfaces";
import type { Endpoint } from "#transport/tcp";

/** Only a connected socket still has its owner; one that is closing is shown as root's. */
const ESTABLISHED = "01";

/**
 * @param peer where the connection comes from, as our end sees it
 * @param own  where it arrived
 * @returns null when the table does not say: the peer is not on this machine, or is already gone
 */
export function ownerOf(peer: Endpoint, own: Endpoint, tables: readonly string[] = readTables()): number | null {
  const theirs = [named(peer, 4), named(peer, 16)];
  const ours = [named(own, 4), named(own, 16)];
  for (const table of tables) {
    for (const line of table.split("\n")) {
      const [, local, remote, state, , , , uid] = line.trim().split(/\s+/);
      if (state !== ESTABLISHED || uid === undefined || local === undefined || remote === undefined) continue;
      if (theirs.includes(local) && ours.includes(remote)) return /^\d+$/.test(uid) ? Number(uid) : null;
    }
  }
  return null;
}

function readTables(): string[] {
  return ["/proc/self/net/tcp", "/proc/self/net/tcp6"].map((file) => {
    try {
      return fs.readFileSync(file, "utf8");
    } catch {
      return ""; // no IPv6, or no /proc: nobody is found in it
    }
  });
}

/** As the table writes it: 32-bit words in the machine's own order. An IPv4 end of an IPv6 socket is written as a mapped address. */
function named({ address, port }: Endpoint, length: 4 | 16): string {
  const octets = parseIp(address);
  if (octets === null || octets.length > length) return "";
  const whole = octets.length === length ? octets : Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, ...octets);
  let words = "";
  for (let at = 0; at < length; at += 4) {
    const word = Buffer.from(whole.subarray(at, at + 4));
    words += (os.endianness() === "LE" ? word.reverse() : word).toString("hex");
  }
  return `${words}:${port.toString(16).padStart(4, "0")}`.toUpperCase();
}
