/** What the targets of the one-way line share: two starts of a sender, frame by frame, and what they told. */

import { createPrivateKey, type KeyObject } from "node:crypto";
import { RecordWriter } from "#oneway/records";
import { CheckpointSigner } from "#sealing/checkpoints";
import { Sealer } from "#sealing/frames";
import { streamKeyOf } from "#sealing/streamKeys";
import { Sender } from "#telemetry/sender";

export const KEY = streamKeyOf("fuzz.key", 0, new Uint8Array(32).fill(7));
export const STREAM = 7;
export const T0 = Date.UTC(2026, 10, 27, 12);
export const CODE = { sources: 3, repairs: 2, depth: 2, content: 256 } as const;
export const GROUP = (CODE.sources + CODE.repairs) * CODE.depth;

/** The same every time: PKCS #8 around 32 octets. */
export function ownKey(): KeyObject {
  const der = Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), Buffer.alloc(32, 9)]);
  return createPrivateKey({ key: der, format: "der", type: "pkcs8" });
}

export function recordOf(write: (writer: RecordWriter) => boolean): Uint8Array {
  const writer = new RecordWriter(new Uint8Array(2_000));
  const from = writer.at;
  if (!write(writer)) throw new Error("no room");
  return writer.octets.slice(from, writer.at);
}

/** Four groups; values from `first` on, each once. */
export function startOf(epoch: number, first: number, fromMs: number): Uint8Array[] {
  const frames: Uint8Array[] = [];
  const salt = new Uint8Array(16).fill(epoch);
  const sender = new Sender(
    { stream: STREAM, gateway: "gate", epoch, ...CODE, carouselShare: 0 },
    new Sealer(KEY, STREAM, salt),
    new CheckpointSigner(ownKey(), STREAM, salt),
    { send: (frame) => void frames.push(frame.slice()), keep() {}, again: () => null },
    0,
  );
  sender.take(
    recordOf((writer) => writer.birth(0, 2, "")),
    fromMs,
  );
  for (const id of [1, 2])
    sender.take(
      recordOf((writer) => writer.point({ id, asset: "a", point: `p${id}`, type: "int32", unit: "", description: "" })),
      fromMs,
    );
  sender.take(
    recordOf((writer) => writer.asker(3, "cn:alice")),
    fromMs,
  );
  for (let i = 0; i < 60; i++) {
    const value = [first + i, first + i + 0.5, BigInt(first + i), `v${first + i}`][i % 4] as number | bigint | string;
    sender.take(
      recordOf((writer) =>
        writer.sample({ point: 1 + (i % 2), timeMs: fromMs + i, quality: "good", timeOf: "device", isEvent: i % 3 === 0, asker: 3, value }),
      ),
      fromMs,
    );
    if (i % 20 === 0)
      for (const part of [0, 1])
        sender.take(
          recordOf((writer) => writer.text({ of: "events", number: i, part, parts: 2, octets: Buffer.from(part === 0 ? "{" : "}") })),
          fromMs,
        );
  }
  for (let i = 0; i < 3 * GROUP; i++) sender.step(fromMs + i * 500, i * 500);
  sender.end();
  for (let i = 3 * GROUP; i < 4 * GROUP; i++) sender.step(fromMs + i * 500, i * 500);
  return frames;
}
