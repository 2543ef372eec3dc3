/**
 * The one place that looks behind a Node socket. Its handle is no documented part of it, so everything here has a way round: where it is not
 * what it is today, sockets are read and written through Node's streams, slower and otherwise the same.
 */
import net from "node:net";

export interface Handle {
  /** Octets it was given and the kernel has not taken. */
  readonly writeQueueSize: number;
  /** 0, or an error's number (closed ones have one too). What the kernel does not take at once stays in `octets` until it does. */
  writeBuffer(request: WriteRequest, octets: Uint8Array): number;
}

interface WriteRequest {
  /** Octets that must not go meanwhile. */
  buffer?: Uint8Array;
}

/** One read of a connection: several replies of a device that answers in batches. */
const READ_OCTETS = 8 * 1024;
/**
 * Each read is handed over before the next begins, so one buffer serves every connection. No Buffer: its `slice` shares memory, and whoever
 * wants to keep octets should be able to say so the usual way.
 */
const shared = new Uint8Array(READ_OCTETS);

/** A socket made with this hands over what it reads when it reads it, past the stream. The octets are valid during the call. */
export function reading(take: (octets: Uint8Array) => void): net.OnReadOpts {
  let view: Uint8Array = new Uint8Array(0);
  return {
    buffer: shared,
    callback: (count, buffer) => {
      // Requests and replies of a poll have one length, so mostly the view of the last one serves again.
      if (view.length !== count) view = buffer.subarray(0, count);
      take(view);
      return true;
    },
  };
}

/** What a socket holds now; null once it is closed, and where Node shows nothing of the kind. */
export function handleOf(socket: net.Socket): Handle | null {
  const handle: unknown = (socket as { _handle?: unknown })._handle;
  return isHandle(handle) && !socket.destroyed ? handle : null;
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

/** What is written at once past the stream; what is longer goes through it. */
const WRITE_OCTETS = 4096;
/** What Node makes for each of its writes, learned from one; null: none was seen yet. */
let Request: (new () => WriteRequest) | null = null;
/** For the next write, whosever it is: one that the kernel takes at once leaves nothing in them. */
let request: WriteRequest | null = null;
let room = new Uint8Array(WRITE_OCTETS);
let views: (Uint8Array | undefined)[] = [];

/**
 * Write to a socket whose stream has nothing queued, past that stream.
 *
 * @returns false where that cannot be: the stream should. Else `handle.writeQueueSize` tells what is still on its way
 */
export function writePast(handle: Handle, octets: Uint8Array, length: number): boolean {
  if (length > WRITE_OCTETS) return false;
  if (Request === null) {
    learnRequest(handle);
    return false;
  }
  request ??= new Request();
  for (let i = 0; i < length; i++) room[i] = octets[i] as number;
  views[length] ??= room.subarray(0, length);
  const view = views[length] as Uint8Array;
  if (handle.writeBuffer(request, view) !== 0) return false;
  if (handle.writeQueueSize > 0) {
    request.buffer = view;
    request = null;
    room = new Uint8Array(WRITE_OCTETS);
    views = [];
  }
  return true;
}

/** The next write of its stream shows what Node makes for it. */
function learnRequest(handle: Handle): void {
  // Once a handle, or a Node that writes otherwise would be given one more to call with every write.
  if (Object.hasOwn(handle, "writeBuffer")) return;
  const { writeBuffer } = handle;
  handle.writeBuffer = (made, octets) => {
    Request = made.constructor as new () => WriteRequest;
    handle.writeBuffer = writeBuffer;
    return handle.writeBuffer(made, octets);
  };
}

/** Under which names a socket keeps what it was given as `onread`; null: it does not show them. */
const kept = placesOf();

function placesOf(): { readonly buffer: symbol; readonly callback: symbol } | null {
  const onread = reading(() => {});
  const probe = new net.Socket({ onread }) as unknown as Record<symbol, unknown>;
  const names = Object.getOwnPropertySymbols(probe);
  const buffer = names.find((name) => probe[name] === onread.buffer);
  const callback = names.find((name) => probe[name] === onread.callback);
  return buffer === undefined || callback === undefined ? null : { buffer, callback };
}

/**
 * From now on an open TLS socket is read as if it had been made with `onread`, which Node does not offer where a server made it. As a stream it
 * takes 64 KiB from the system for every read.
 *
 * @returns false where that cannot be: it goes on as a stream
 */
export function readPast(socket: net.Socket, onread: net.OnReadOpts): boolean {
  const handle: unknown = (socket as { _handle?: unknown })._handle;
  if (kept === null || !(kept.buffer in socket) || !(kept.callback in socket) || !takesBuffers(handle)) return false;
  Object.assign(socket, { [kept.buffer]: onread.buffer, [kept.callback]: onread.callback });
  handle.useUserBuffer(onread.buffer);
  return true;
}

function takesBuffers(value: unknown): value is { useUserBuffer(buffer: unknown): void } {
  return typeof value === "object" && value !== null && "useUserBuffer" in value && typeof value.useUserBuffer === "function";
}

function isHandle(value: unknown): value is Handle {
  return (
    typeof value === "object" &&
    value !== null &&
    "writeQueueSize" in value &&
    typeof value.writeQueueSize === "number" &&
    "writeBuffer" in value &&
    typeof value.writeBuffer === "function"
  );
}
