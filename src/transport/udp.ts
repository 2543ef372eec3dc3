/** Datagrams that come in, and none that go out: the receiving end of a one-way line. */
import dgram from "node:dgram";
import { readFileSync } from "node:fs";

export interface Datagrams {
  readonly port: number;
  /** Octets of the kernel's buffer, as it gave them: less than was asked where `net.core.rmem_max` is less. */
  readonly bufferOctets: number;
  /** Datagrams that the kernel dropped for want of room in it since the start; null: it does not say. */
  dropped(): number | null;
  close(): Promise<void>;
}

/**
 * @param address numeric; port 0: a free one
 * @param take    octets are good until it returns
 * @error         rejects where the address cannot be bound
 */
export async function listenUdp(
  address: string,
  port: number,
  bufferOctets: number,
  take: (octets: Uint8Array) => void,
): Promise<Datagrams> {
  const type = address.includes(":") ? "udp6" : "udp4";
  const socket = dgram.createSocket({ type, recvBufferSize: bufferOctets });
  socket.on("message", take);
  await new Promise<void>((resolve, reject) => {
    socket.once("error", reject);
    socket.bind(port, address, () => {
      socket.off("error", reject);
      resolve();
    });
  });
  // An error of one datagram (an interface that goes away) ends nothing: what is missing is in the ledger.
  socket.on("error", () => {});
  const bound = socket.address().port;
  // Linux tells twice what it keeps for the octets themselves.
  const got = socket.getRecvBufferSize();
  return {
    port: bound,
    bufferOctets: got,
    dropped: () => droppedAt(bound, type === "udp6"),
    close: () => new Promise((resolve) => socket.close(() => resolve())),
  };
}

/** The last column of /proc/net/udp: datagrams dropped at that socket. */
function droppedAt(port: number, six: boolean): number | null {
  try {
    const wanted = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
    for (const row of readFileSync(six ? "/proc/net/udp6" : "/proc/net/udp", "latin1").split("\n")) {
      const columns = row.trim().split(/\s+/);
      if (columns[1]?.endsWith(wanted) === true) return Number(columns.at(-1));
    }
  } catch {
    // Not on this system.
  }
  return null;
}
