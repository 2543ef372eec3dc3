/** The bounded pipe to the sender: what is taken comes whole, what is not is counted, and a sender that is new is told all of it. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { decodeContent, type OneWayRecord } from "#oneway/records";
import { TextParts } from "#receiver/textParts";
import { idOf } from "#sealing/ids";
import { RecordIntake } from "#telemetry/intake";
import type { OfferedPoint, OfferedSample } from "#telemetry/offer";
import { type Pipe, PipeOffer } from "#telemetry/pipe";
import { opened, senderOf } from "#test/receiver/link";

const pipe = suite("telemetry/pipe");

class Heard implements Pipe {
  queued = 0;
  readonly raw: Uint8Array[] = [];
  readonly records: OneWayRecord[] = [];
  readonly #intake = new RecordIntake((record) => {
    this.raw.push(record.slice());
    const read = decodeContent(Buffer.concat([new Uint8Array(6), record]));
    if (typeof read === "string") throw new Error(read);
    this.records.push(...read.records);
  });

  write(octets: Uint8Array): void {
    this.#intake.feed(octets);
  }

  kinds(): string[] {
    return this.records.map(({ is }) => is);
  }
}

const pointOf = (id: number, point = `p${id}`, description = ""): OfferedPoint => ({
  id,
  asset: "boiler",
  point,
  type: "uint16",
  unit: "t/h",
  description,
});
const sampleOf = (value: OfferedSample["value"], pointId = 1, asker = "cn:alice"): OfferedSample => ({
  pointId,
  value,
  quality: "good",
  timeMs: 5,
  timeOf: "gateway",
  asker,
  isEvent: false,
});

function attached(content = 1_200, points: readonly OfferedPoint[] = [pointOf(1)]): { readonly offer: PipeOffer; readonly heard: Heard } {
  const offer = new PipeOffer(content);
  const heard = new Heard();
  offer.points(points);
  offer.attach(heard);
  return { offer, heard };
}

pipe("points are told whole, an asker before the first sample of it; a sample as it was", () => {
  const { offer, heard } = attached();
  assert.ok(offer.sample(sampleOf(7)));
  assert.ok(offer.sample({ ...sampleOf(1.5), quality: "stale", timeOf: "device", isEvent: true }));
  offer.flush();
  assert.equal(heard.kinds(), ["birth", "point", "asker", "sample", "sample"]);
  const [, point, asker, first, second] = heard.records;
  assert.equal(point, {
    is: "point",
    id: idOf("boiler", "p1"),
    asset: "boiler",
    point: "p1",
    type: "uint16",
    unit: "t/h",
    description: "",
  });
  assert.equal(asker, { is: "asker", id: idOf("cn:alice"), identity: "cn:alice" });
  const same = { is: "sample", point: idOf("boiler", "p1"), timeMs: 5, asker: idOf("cn:alice") };
  assert.equal(first, { ...same, quality: "good", timeOf: "gateway", isEvent: false, value: 7 });
  assert.equal(second, { ...same, quality: "stale", timeOf: "device", isEvent: true, value: 1.5 });
});

pipe("what is gathered leaves at the end of the turn", async () => {
  const { offer, heard } = attached();
  offer.sample(sampleOf(7));
  await new Promise((resolve) => setImmediate(resolve));
  assert.ok(heard.kinds().includes("sample"));
});

pipe("a pipe that is full takes nothing; how much that was, of each class, is told once, when there is room", () => {
  const { offer, heard } = attached();
  heard.queued = 1024 * 1024;
  for (let i = 0; i < 3; i++) assert.not(offer.sample(sampleOf(i)));
  assert.not(offer.event({ a: 1 }));
  assert.not(offer.event({ a: 2 }));
  assert.not(offer.checkpoint({ a: 1 }));
  assert.equal(offer.dropped, { samples: 3, events: 2, checkpoints: 1 });
  assert.equal(offer.offered, { samples: 3, events: 2, checkpoints: 1 });
  offer.flush();
  assert.equal(heard.kinds(), ["birth", "point"]);
  heard.queued = 1024 * 1024 - 1;
  assert.ok(offer.sample(sampleOf(9)));
  offer.flush();
  offer.flush();
  const told = heard.records.flatMap((record) => (record.is === "counts" ? [[record.of, record.dropped]] : []));
  assert.equal(told, [
    ["samples", 3],
    ["events", 2],
    ["checkpoints", 1],
  ]);
});

pipe("more drops than one record says are told in several; none is forgotten", () => {
  const { offer, heard } = attached();
  offer.dropped.samples = 40_000_000;
  for (let i = 0; i < 5; i++) offer.flush();
  const told = heard.records.reduce((sum, record) => sum + (record.is === "counts" ? record.dropped : 0), 0);
  assert.is(told, 40_000_000);
});

pipe("without a sender all of it is dropped; whoever comes then is told points, and how much that was", () => {
  const offer = new PipeOffer(1_200);
  offer.points([pointOf(1), pointOf(2)]);
  assert.not(offer.sample(sampleOf(1)));
  offer.flush();
  assert.is(offer.generation, 0);
  const heard = new Heard();
  offer.attach(heard);
  assert.is(offer.generation, 1);
  assert.equal(heard.kinds(), ["birth", "point", "point", "counts"]);
});

pipe("a sender that is attached anew has all points and askers, the generation goes up, the one before hears nothing more", () => {
  const { offer, heard } = attached();
  offer.sample(sampleOf(1));
  offer.sample(sampleOf(1, 1, "cn:bob"));
  offer.flush();
  const before = heard.records.length;
  offer.sample(sampleOf(2));
  offer.attach(null);
  assert.not(offer.sample(sampleOf(3)));
  const next = new Heard();
  offer.attach(next);
  assert.is(offer.generation, 2);
  assert.equal(next.kinds(), ["asker", "asker", "birth", "point", "counts"]);
  offer.points([pointOf(1), pointOf(2), pointOf(3)]);
  offer.sample(sampleOf(4, 3));
  offer.flush();
  assert.equal(next.kinds().slice(5), ["birth", "point", "point", "point", "sample"], "an asker is told once");
  assert.is(heard.records.length, before);
});

pipe("two points of one id have two; the ids of the others stay what their names say", () => {
  const twins = [pointOf(1), pointOf(2, "p1"), pointOf(3, "p1"), pointOf(4)];
  const { offer, heard } = attached(1_200, twins);
  for (const { id } of twins) offer.sample(sampleOf(id, id));
  offer.flush();
  const id = idOf("boiler", "p1");
  const expected = [id, (id + 1) % 2 ** 48, (id + 2) % 2 ** 48, idOf("boiler", "p4")];
  assert.equal(
    heard.records.flatMap((record) => (record.is === "point" ? [record.id] : [])),
    expected,
  );
  assert.equal(
    heard.records.flatMap((record) => (record.is === "sample" ? [record.point] : [])),
    expected,
  );
});

pipe("a sample of a point that nobody told of is dropped, and counted", () => {
  const { offer } = attached();
  assert.not(offer.sample(sampleOf(1, 2)));
  assert.is(offer.dropped.samples, 1);
});

for (const content of [256, 400, 1_200])
  pipe(`long words are cut to what a frame of ${content} octets holds, no character in two; nothing behind them is held up`, () => {
    const long = "ö🔥x".repeat(2_000);
    const { offer, heard } = attached(content, [pointOf(1, "p1", long), pointOf(2, long, long), pointOf(3)]);
    assert.ok(offer.sample(sampleOf(long, 1, long)));
    assert.ok(offer.sample(sampleOf(8, 3)));
    offer.flush();
    assert.equal(heard.kinds(), ["birth", "point", "point", "point", "asker", "sample", "asker", "sample"]);
    const texts = heard.records.flatMap((record) =>
      record.is === "point" ? [record.description, record.point] : record.is === "asker" ? [record.identity] : [],
    );
    for (const text of texts) assert.ok(long.startsWith(text) || /^(p[13]|cn:alice)$/.test(text), text);
    const sender = senderOf(
      { content, sources: 4, repairs: 1, depth: 2 },
      {
        send: (octets) => {
          const { header, content: sealed } = opened(octets);
          const read = header.kind === 1 ? decodeContent(sealed) : null;
          if (read !== null && typeof read !== "string") told.push(...read.records);
        },
      },
    );
    const told: OneWayRecord[] = [];
    for (const record of heard.raw) sender.take(record, 0);
    for (let i = 0; i < 40; i++) sender.step(0);
    for (const is of ["point", "asker", "sample"]) assert.is(told.filter((record) => record.is === is).length, is === "point" ? 3 : 2, is);
  });

pipe("a long event goes in parts that fit a frame, and is the same put together", () => {
  const { offer, heard } = attached(256);
  const event = { text: "ü".repeat(14_000), end: true };
  assert.ok(offer.event(event));
  assert.ok(offer.event({ short: true }));
  offer.flush();
  const parts = heard.records.flatMap((record) => (record.is === "text" ? [record] : []));
  assert.ok(parts.length > 100);
  assert.ok(heard.raw.every((record) => record.length <= 250));
  const texts = new TextParts();
  const whole = parts.flatMap((part) => texts.take(1, part) ?? []);
  assert.equal(whole, [JSON.stringify(event), '{"short":true}']);
});

pipe("one of more than 255 parts is dropped as one; one of 255 is not", () => {
  const { offer, heard } = attached(256);
  const most = 255 * 240 - '{"a":""}'.length;
  assert.ok(offer.event({ a: "x".repeat(most) }));
  assert.not(offer.event({ a: "x".repeat(most + 1) }));
  assert.equal(offer.dropped, { samples: 0, events: 1, checkpoints: 0 });
  offer.flush();
  assert.is(heard.records.filter(({ is }) => is === "text").length, 255);
  assert.equal(
    heard.records.flatMap((record) => (record.is === "counts" ? [record.dropped] : [])),
    [1],
  );
});

pipe("100,000 samples through a pipe that fills and empties: what came and what is told as dropped is what was offered", () => {
  const { offer, heard } = attached();
  for (let i = 0; i < 100_000; i++) {
    if (i % 1_000 === 0) heard.queued = i % 3_000 === 0 ? 2 * 1024 * 1024 : 0;
    offer.sample(sampleOf(i));
  }
  heard.queued = 0;
  offer.flush();
  const came = heard.records.filter(({ is }) => is === "sample").length;
  const told = heard.records.reduce((sum, record) => sum + (record.is === "counts" ? record.dropped : 0), 0);
  assert.is(came + told, 100_000);
  assert.is(told, offer.dropped.samples);
  assert.ok(told > 30_000);
});

pipe.run();
