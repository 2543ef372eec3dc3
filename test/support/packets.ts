/** A recording's packets, as `inspect` reads them, for tests that look at the traffic by themselves. */
import { CaptureFile } from "#capture/file";
import { Segment } from "#capture/segment";
import type { Streams } from "#capture/streams";

/** @param datagram  of each UDP datagram; without it they are passed by */
export function readPackets<S>(
  octets: Uint8Array,
  streams: Streams<S>,
  datagram: ((segment: Segment, file: CaptureFile) => void) | null = null,
): void {
  const file = new CaptureFile();
  const segment = new Segment();
  for (let at = 0; ; ) {
    const found = file.next();
    if (found === "packet") {
      const is = segment.read(file.octets, file.at, file.captured, file.original, file.link);
      if (is === null) streams.take(segment, file.octets, file.stamp);
      else if (is === "datagram") datagram?.(segment, file);
    } else if (found === "more") {
      const space = file.space();
      const count = Math.min(space.length, octets.length - at);
      space.set(octets.subarray(at, at + count));
      at += count;
      file.filled(count);
    } else break;
  }
  streams.end();
}
