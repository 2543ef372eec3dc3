/**
 * The one place that looks behind a Node socket. Its handle is no documented part of it, so everything here has a way round: where the handle
 * is not what it is today, sockets are read and written through Node's streams, slower and otherwise the same.
 */
import net from "node:net";

export interface Handle {
  /** -1 once it is closed. */
  readonly fd: number;
}

/** What a socket holds now; null once it is closed, and where Node shows nothing of the kind. */
export function handleOf(socket: net.Socket): Handle | null {
  const handle: unknown = (socket as { _handle?: unknown })._handle;
  return isHandle(handle) && !socket.destroyed ? handle : null;
}

/** Does the socket still hold it? Then its descriptor is this connection's, and no other's. */
export function holds(socket: net.Socket, handle: Handle): boolean {
  return (socket as { _handle?: unknown })._handle === handle && !socket.destroyed;
}

/**
 * The same connection in a socket that is read into a buffer of ours, which Node offers for outgoing ones alone. It is paused. The old socket
 * is an empty shell.
 *
 * @returns null where that cannot be; the old socket is then as it was
 */
export function rewrapped(socket: net.Socket, onread: net.OnReadOpts): net.Socket | null {
  const handle = handleOf(socket);
  if (handle === null) return null;
  const options = { handle, pauseOnCreate: true, onread } as unknown as net.SocketConstructorOpts;
  const shell = socket as { _handle?: Handle | null };
  shell._handle = null;
  const own = new net.Socket(options);
  if (handleOf(own) !== handle) {
    shell._handle = handle;
    return null;
  }
  socket.destroy();
  return own;
}

function isHandle(value: unknown): value is Handle {
  return typeof value === "object" && value !== null && "fd" in value && typeof value.fd === "number" && value.fd >= 0;
}
