/** The DNP3 test peers with each other over TCP: reads, events, series of fragments, unsolicited responses. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { all, classes, clearRestart, indexes, limited, range } from "#test/peers/dnp3/builders";
import type { Kind } from "#test/peers/dnp3/database";
import type { Master, Reply } from "#test/peers/dnp3/master";
import { closeAll, connect, hex, octets, type Pair, pair } from "#test/peers/dnp3/pair";
import { type Item, parseObjects } from "#test/peers/dnp3/parse";

const peers = suite("peers/dnp3");
peers.after.each(closeAll);

/** `g1v2 0:129` for every item. */
function told({ objects }: Reply): string[] {
  return parseObjects(objects, true).flatMap(({ group, variation, items }) =>
    items.map((item) => `g${group}v${variation} ${item.index}:${said(item)}`),
  );
}

function said({ flags, value, time }: Item): string {
  const what = value instanceof Uint8Array ? Buffer.from(value).toString() : String(value);
  return [what, ...(flags === undefined ? [] : [`f${flags}`]), ...(time === undefined ? [] : [`t${time}`])].join(" ");
}

function addOneOfEach({ outstation }: Pair): void {
  outstation.add("binary", 3, true);
  outstation.add("doubleBit", 3, 2);
  outstation.add("binaryOutput", 3, true);
  outstation.add("counter", 3, 70_000);
  outstation.add("frozenCounter", 3, 69_000);
  outstation.add("analog", 3, -70_000.5);
  outstation.add("analogOutput", 3, 12.25);
  outstation.add("octetString", 3, Buffer.from("hello"));
}

const STATICS: readonly (readonly [group: number, variation: number, told: string])[] = [
  [1, 0, "g1v2 3:true f129"],
  [1, 1, "g1v1 3:true"],
  [1, 2, "g1v2 3:true f129"],
  [3, 0, "g3v2 3:2 f129"],
  [3, 1, "g3v1 3:2"],
  [3, 2, "g3v2 3:2 f129"],
  [10, 0, "g10v2 3:true f129"],
  [10, 1, "g10v1 3:true"],
  [10, 2, "g10v2 3:true f129"],
  [20, 0, "g20v1 3:70000 f1"],
  [20, 1, "g20v1 3:70000 f1"],
  [20, 2, "g20v2 3:4464 f1"],
  [20, 5, "g20v5 3:70000"],
  [20, 6, "g20v6 3:4464"],
  [21, 0, "g21v1 3:69000 f1"],
  [21, 1, "g21v1 3:69000 f1"],
  [21, 2, "g21v2 3:3464 f1"],
  [21, 5, "g21v5 3:69000 f1 t0"],
  [21, 6, "g21v6 3:3464 f1 t0"],
  [21, 9, "g21v9 3:69000"],
  [21, 10, "g21v10 3:3464"],
  [30, 0, "g30v1 3:-70000 f1"],
  [30, 1, "g30v1 3:-70000 f1"],
  [30, 2, "g30v2 3:-32768 f33"],
  [30, 3, "g30v3 3:-70000"],
  [30, 4, "g30v4 3:-32768"],
  [30, 5, "g30v5 3:-70000.5 f1"],
  [30, 6, "g30v6 3:-70000.5 f1"],
  [40, 0, "g40v1 3:12 f1"],
  [40, 1, "g40v1 3:12 f1"],
  [40, 2, "g40v2 3:12 f1"],
  [40, 3, "g40v3 3:12.25 f1"],
  [40, 4, "g40v4 3:12.25 f1"],
  [110, 0, "g110v5 3:hello"],
];

peers("every static group is read in every variation", async () => {
  const both = await pair();
  addOneOfEach(both);
  for (const [group, variation, expected] of STATICS) {
    const reply = await both.master.read(range(group, variation, 3, 3));
    assert.equal(told(reply), [expected], `g${group}v${variation}`);
    assert.is(reply.iin2, 0);
  }
  const integrity = await both.master.read(classes(0));
  assert.equal(
    told(integrity),
    STATICS.filter(([, variation]) => variation === 0).map(([, , expected]) => expected),
  );
  assert.is(integrity.con, false);
});

peers("points are asked for by all qualifiers; those that are not there are a parameter error", async () => {
  const { outstation, master } = await pair();
  for (const index of [0, 1, 2, 299, 300]) outstation.add("binary", index, index === 1);
  const read = async (objects: Uint8Array): Promise<string> => {
    const reply = await master.read(objects);
    const points = parseObjects(reply.objects, true).flatMap(({ items }) => items.map(({ index }) => index));
    return `${points.join(" ")} / ${reply.iin2}`;
  };
  assert.is(await read(all(1, 2)), "0 1 2 299 300 / 0");
  assert.is(await read(range(1, 2, 1, 2)), "1 2 / 0");
  assert.is(await read(range(1, 0, 299, 300)), "299 300 / 0");
  assert.is(await read(limited(1, 0, 2)), "0 1 / 0");
  assert.is(await read(limited(1, 0, 300)), "0 1 2 299 300 / 0");
  assert.is(await read(indexes(1, 2, [2, 0])), "2 0 / 0");
  assert.is(await read(indexes(1, 2, [300, 1], 2)), "300 1 / 0");
  assert.is(await read(range(1, 2, 2, 4)), "2 / 4");
  assert.is(await read(indexes(1, 2, [7])), " / 4");
  assert.is(await read(octets("01 02 02 00 00 00 00 ff ff ff ff")), "0 1 2 299 300 / 4");
  const packed = await master.read(range(1, 1, 0, 2));
  assert.is(hex(packed.objects), "010100000202");
});

peers("packed bits tell only points that are simply online", async () => {
  const { outstation, master } = await pair();
  for (let index = 0; index < 20; index += 1) outstation.add("binary", index, index % 3 === 0, index === 10 ? { flags: 0x05 } : {});
  for (let index = 0; index < 6; index += 1) outstation.add("doubleBit", index, index % 4);
  const reply = await master.read(all(1, 1));
  const headers = parseObjects(reply.objects, true);
  assert.equal(
    headers.map(({ variation, items }) => `v${variation} ${items.length}`),
    ["v1 10", "v2 1", "v1 9"],
  );
  const items = headers.flatMap((header) => header.items);
  assert.equal(
    items.map(({ value }) => value),
    items.map(({ index }) => index % 3 === 0),
  );
  assert.is(items[10]?.flags, 0x05);
  assert.is(hex((await master.read(all(3, 1))).objects), "0301000005e404");
});

const EVENTS: readonly (readonly [kind: Kind, value: number | boolean, group: number, variations: Readonly<Record<number, string>>])[] = [
  ["binary", true, 2, { 0: "g2v2 0:true f129 t5", 1: "g2v1 0:true f129", 2: "g2v2 0:true f129 t5", 3: "g2v3 0:true f129 t5" }],
  ["doubleBit", 1, 4, { 0: "g4v2 0:1 f65 t5", 1: "g4v1 0:1 f65", 2: "g4v2 0:1 f65 t5", 3: "g4v3 0:1 f65 t5" }],
  ["binaryOutput", true, 11, { 0: "g11v2 0:true f129 t5", 1: "g11v1 0:true f129", 2: "g11v2 0:true f129 t5" }],
  ["counter", 9, 22, { 0: "g22v1 0:9 f1", 1: "g22v1 0:9 f1", 2: "g22v2 0:9 f1", 5: "g22v5 0:9 f1 t5", 6: "g22v6 0:9 f1 t5" }],
  ["frozenCounter", 9, 23, { 0: "g23v1 0:9 f1", 1: "g23v1 0:9 f1", 5: "g23v5 0:9 f1 t5" }],
  ...([["analog", 32] as const, ["analogOutput", 42] as const].map(([kind, group]) => [
    kind,
    1.5,
    group,
    {
      0: `g${group}v1 0:1 f1`,
      1: `g${group}v1 0:1 f1`,
      2: `g${group}v2 0:1 f1`,
      3: `g${group}v3 0:1 f1 t5`,
      4: `g${group}v4 0:1 f1 t5`,
      5: `g${group}v5 0:1.5 f1`,
      6: `g${group}v6 0:1.5 f1`,
      7: `g${group}v7 0:1.5 f1 t5`,
      8: `g${group}v8 0:1.5 f1 t5`,
    },
  ]) as (readonly [Kind, number, number, Readonly<Record<number, string>>])[]),
];

peers("every event group is read in every variation, asks for a CONFIRM and is gone after it", async () => {
  const { outstation, master } = await pair();
  for (const [kind, value, group, variations] of EVENTS) {
    outstation.add(kind, 0, typeof value === "boolean" ? false : 0, { eventClass: 1 });
    for (const [variation, expected] of Object.entries(variations)) {
      outstation.update(kind, 0, value, { time: 5 });
      const reply = await master.read(all(group, Number(variation)));
      assert.equal(
        told(reply).filter((each) => !each.startsWith("g51")),
        [expected],
      );
      assert.is(reply.con, true);
      assert.is(reply.iin1 & 0x0e, 0);
      await master.linkStatus();
      assert.equal(outstation.database.events, []);
    }
  }
  outstation.add("octetString", 0, Buffer.from("a"));
  outstation.update("octetString", 0, Buffer.from("bcd"));
  assert.equal(told(await master.read(all(111, 0))), ["g111v3 0:bcd"]);
});

peers("classes: defaults, none, indications, the oldest first, limits", async () => {
  const both = await pair({ needsTime: false });
  const { outstation, master } = both;
  await master.write(clearRestart());
  addOneOfEach(both);
  outstation.add("binary", 4, false, { eventClass: 0 });
  outstation.update("binary", 4, true);
  assert.is((await master.read(classes(0))).iin1, 0);
  outstation.update("counter", 3, 1);
  outstation.update("analog", 3, 1);
  outstation.update("binary", 3, false, { time: 1 });
  outstation.update("doubleBit", 3, 1, { time: 2 });
  assert.is((await master.read(classes(0))).iin1, 0x0e);
  assert.equal(told(await master.read(limited(60, 2, 1))), ["g2v2 3:false f1 t1"]);
  const two = await master.read(octets("3c 02 06 3c 03 06"));
  assert.equal(told(two), ["g4v2 3:1 f65 t2", "g32v1 3:1 f1"]);
  assert.is(two.iin1, 0x08);
  outstation.update("binary", 3, true, { time: 9 });
  assert.equal(told(await master.read(classes(1, 3))), ["g2v2 3:true f129 t9", "g22v1 3:1 f1"]);
  assert.is((await master.read(classes(1, 2, 3))).objects.length, 0);
  assert.is((await master.read(classes(0))).iin1, 0);
});

peers("indexes of one octet and of two stand under headers of their own, and a header has at most 255 of one octet", async () => {
  const { outstation, master } = await pair();
  for (let index = 250; index < 260; index += 1) outstation.add("analog", index, index);
  const shape = ({ objects }: Reply): string[] =>
    parseObjects(objects, true).map(({ qualifier, items }) => `${qualifier.toString(16)} ${items.length} from ${items[0]?.index}`);
  assert.equal(shape(await master.read(all(30, 2))), ["0 6 from 250", "1 4 from 256"]);
  for (const index of [250, 259, 251]) outstation.update("analog", index, 0);
  assert.equal(shape(await master.read(classes(2))), ["17 1 from 250", "28 1 from 259", "17 1 from 251"]);
  outstation.add("binary", 0, false);
  for (let count = 0; count < 300; count += 1) outstation.update("binary", 0, true);
  assert.equal(shape(await master.read(all(2, 1))), ["17 255 from 0", "17 45 from 0"]);
});

peers("an event that two headers of a request ask for is told once", async () => {
  const { outstation, master } = await pair();
  outstation.add("binary", 0, false);
  outstation.update("binary", 0, true, { time: 1 });
  assert.equal(told(await master.read(octets("3c 02 06 02 01 06"))), ["g2v2 0:true f129 t1"]);
});

peers("a deadband holds back what changes less, and a full buffer loses the oldest and says so", async () => {
  const { outstation, master } = await pair({ eventCapacity: 3 });
  outstation.add("analog", 0, 10, { deadband: 2 });
  for (const value of [11, 12, 12.5, 14, 9]) outstation.update("analog", 0, value);
  assert.equal(
    outstation.database.events.map(({ value }) => value),
    [12.5, 9],
  );
  outstation.update("analog", 0, 9, { flags: 0x05 });
  assert.is((await master.read(classes(0))).iin2, 0);
  outstation.update("analog", 0, 90);
  const reply = await master.read(classes(2));
  assert.is(reply.iin2, 0x08);
  assert.equal(told(reply), ["g32v1 0:9 f1", "g32v1 0:9 f5", "g32v1 0:90 f5"]);
  assert.is((await master.read(classes(0))).iin2, 0);
});

peers("relative times stand behind a common time, and begin anew where they would not fit", async () => {
  const { outstation, master } = await pair();
  outstation.add("binary", 0, false);
  for (const time of [1_000_000, 1_065_535, 1_065_536, 1_065_000]) outstation.update("binary", 0, true, { time });
  const { objects } = await master.read(all(2, 3));
  const headers = parseObjects(objects, true);
  assert.equal(
    headers.map(({ group, variation }) => `g${group}v${variation}`),
    ["g51v2", "g2v3", "g51v2", "g2v3", "g51v2", "g2v3"],
  );
  assert.equal(
    headers.flatMap(({ group, items }) => (group === 2 ? items.map(({ time }) => time) : [])),
    [1_000_000, 1_065_535, 1_065_536, 1_065_000],
  );
});

/** So many fragments, each behind the answer to another question. */
async function arrived(master: Master, count: number): Promise<void> {
  while (master.received.length < count) await master.linkStatus();
}

/** Why a request failed. */
function failed(reply: Promise<Reply>): Promise<string> {
  return reply.then(
    () => "not at all",
    (error: Error) => error.message,
  );
}

/** A class 0 answer of four fragments. */
async function longPair(confirmTimeoutMs = 5_000): Promise<Pair> {
  const both = await pair({ fragmentSize: 100, confirmTimeoutMs }, { autoConfirm: false });
  for (let index = 0; index < 60; index += 1) both.outstation.add("analog", index, index);
  return both;
}

peers("an answer over one fragment is a series: FIR, FIN, sequence and CON; each waits for its own CONFIRM", async () => {
  const { outstation, master } = await longPair();
  const answer = master.read(classes(0), { seq: 14 });
  for (const [i, control] of [0xae, 0x2f, 0x20].entries()) {
    await arrived(master, i + 1);
    assert.is(master.received.length, i + 1);
    assert.is(master.received[i]![0], control);
    assert.ok(master.received[i]!.length <= 100);
    const seq = control & 0x0f;
    for (const [wrong, uns] of [
      [(seq + 1) & 15, false],
      [(seq + 15) & 15, false],
      [seq, true],
    ] as const)
      master.confirm(wrong, uns);
    await master.linkStatus();
    assert.is(master.received.length, i + 1);
    master.confirm(seq);
  }
  const { objects, fragments, con } = await answer;
  assert.is(fragments, 4);
  assert.is(master.received[3]![0], 0x41);
  assert.is(con, false);
  assert.equal(
    parseObjects(objects, true).flatMap(({ items }) => items.map(({ index }) => index)),
    Array.from({ length: 60 }, (_, index) => index),
  );
  assert.is(master.seq, 2);
  assert.equal(outstation.faults, []);
});

peers("a master that confirms by itself gathers the whole series", async () => {
  const { master } = await longPair();
  master.autoConfirm = true;
  const { objects, fragments } = await master.read(classes(0));
  assert.is(fragments, 4);
  assert.is(parseObjects(objects, true).flatMap(({ items }) => items).length, 60);
});

peers("a series ends with another request, or without a CONFIRM in time", async () => {
  const { master } = await longPair(60);
  const abandoned = failed(master.read(classes(0), { timeoutMs: 150 }));
  await arrived(master, 1);
  const { seq } = await master.read(range(30, 1, 0, 0));
  master.confirm(0);
  await master.linkStatus();
  assert.is(master.received.length, 2);
  assert.is(seq, 1);
  assert.match(await abandoned, /^only 1 fragments to function 1, request 0, within 150 ms/);
  const late = failed(master.read(classes(0), { timeoutMs: 150 }));
  assert.match(await late, /^only 1 fragments/);
  master.confirm(2);
  await master.linkStatus();
  assert.is(master.received.length, 3);
});

peers("events leave the buffer with the CONFIRM of the fragment that told them, and only with it", async () => {
  const { outstation, master } = await pair({ fragmentSize: 100, confirmTimeoutMs: 300 }, { autoConfirm: false });
  for (let index = 0; index < 15; index += 1) outstation.add("binary", index, false);
  for (let index = 0; index < 15; index += 1) outstation.update("binary", index, true);
  const lost = failed(master.read(classes(1), { timeoutMs: 400 }));
  await arrived(master, 1);
  const first = parseObjects(master.received[0]!.subarray(4), true)[0]!.items.length;
  assert.ok(first < 15, `${first} events`);
  assert.is(outstation.database.events.length, 15);
  // There are more of the class than this fragment tells.
  assert.is(master.received[0]![2]! & 0x02, 0x02);
  assert.match(await lost, /^only 1 fragments/);
  master.confirm(0);
  await master.linkStatus();
  assert.is(outstation.database.events.length, 15);
  const again = master.read(classes(1));
  await arrived(master, 2);
  // Neither a broadcast nor what carries more confirms anything.
  const { seq } = master;
  master.sendFragment(Uint8Array.of(0xc0 | (seq - 1), 0), 0xffff);
  master.sendFragment(Uint8Array.of(0xc0 | (seq - 1), 0, 60, 2, 6));
  await master.linkStatus();
  assert.equal(outstation.faults, ["a CONFIRM that is none", "a CONFIRM that is none"]);
  for (const [i, left] of [15 - first, 0].entries()) {
    await arrived(master, 2 + i);
    assert.is(outstation.database.events.length, i === 0 ? 15 : 15 - first);
    master.confirm(master.received.at(-1)![0]! & 0x0f);
    await master.linkStatus();
    assert.is(outstation.database.events.length, left);
  }
  const { fragments, con, iin1 } = await again;
  assert.is(fragments, 2);
  assert.is(con, true);
  assert.is(iin1 & 0x02, 0);
});

peers("the same request once more gets the stored answer, from its first fragment", async () => {
  const { outstation, master } = await longPair();
  const first = master.read(classes(0), { seq: 5, timeoutMs: 200 }).catch(() => null);
  await arrived(master, 1);
  master.confirm(5);
  await arrived(master, 2);
  outstation.update("analog", 0, 77);
  master.autoConfirm = true;
  master.sendFragment(octets("c5 01 3c 01 06"));
  const reply = await first;
  assert.is(reply?.fragments, 4);
  assert.is(hex(master.received[2]!), hex(master.received[0]!));
  // With the next sequence it is a new request.
  assert.equal(told(await master.read(range(30, 1, 0, 0), { seq: 6 })), ["g30v1 0:77 f1"]);
});

peers("unsolicited: null at the start, then events of enabled classes, confirmed or told again", async () => {
  const { outstation, master } = await pair({ unsolicited: true, confirmTimeoutMs: 200 }, { confirmUnsolicited: false });
  outstation.add("binary", 0, false);
  outstation.add("analog", 0, 0);
  outstation.update("binary", 0, true, { time: 1 });
  const first = await master.waitForUnsolicited();
  assert.is(`${first.seq} ${first.con} ${first.objects.length}`, "0 true 0");
  const again = await master.waitForUnsolicited();
  assert.is(again.seq, 0);
  assert.is(hex(master.received[0]!), hex(master.received[1]!));
  for (const [seq, uns] of [
    [1, true],
    [0, false],
  ] as const)
    master.confirm(seq, uns);
  assert.is((await master.waitForUnsolicited()).seq, 0);
  master.confirm(0, true);
  // Nothing is enabled: the event waits.
  await master.request(20, classes(2));
  master.unsolicited.length = 0;
  outstation.update("analog", 0, 5);
  const analog = await master.waitForUnsolicited();
  assert.equal(told(analog), ["g32v1 0:5 f1"]);
  assert.is(`${analog.seq} ${analog.iin1 & 0x0e}`, "1 2");
  assert.is(outstation.database.events.length, 2);
  master.confirm(1, true);
  await master.linkStatus();
  assert.is(outstation.database.events.length, 1);
  master.confirmUnsolicited = true;
  await master.request(20, classes(1));
  assert.equal(told(await master.waitForUnsolicited()), ["g2v2 0:true f129 t1"]);
  await master.request(21, classes(1, 2, 3));
  outstation.update("binary", 0, false, { time: 2 });
  const { iin1 } = await master.read(classes(0));
  assert.is(iin1 & 0x02, 0x02);
  assert.equal(master.unsolicited, []);
});

peers("enabling works though its answer is lost", async () => {
  const { outstation, master } = await pair({ unsolicited: true });
  outstation.add("binary", 0, false);
  outstation.update("binary", 0, true, { time: 1 });
  await master.waitForUnsolicited();
  await master.linkStatus();
  outstation.onRequest = () => "mute";
  master.send(20, classes(1));
  assert.equal(told(await master.waitForUnsolicited()), ["g2v2 0:true f129 t1"]);
});

peers("a READ waits while an unsolicited response does; any other request does not", async () => {
  const { outstation, master } = await pair({ unsolicited: true, confirmTimeoutMs: 300 }, { confirmUnsolicited: false });
  outstation.add("binary", 0, false);
  await master.waitForUnsolicited();
  const read = master.read(classes(0));
  await master.linkStatus();
  assert.is(master.received.length, 1);
  master.confirm(0, true);
  assert.is((await read).seq, 0);
  await master.request(20, classes(1));
  outstation.update("binary", 0, true);
  await master.waitForUnsolicited();
  assert.is((await master.write(clearRestart())).iin2, 0);
  // The CONFIRM never comes: the READ is answered when it is given up, and the event told by it.
  const late = await master.read(classes(1));
  assert.is(late.con, true);
  assert.is(parseObjects(late.objects, true)[0]?.group, 2);
});

peers("an unsolicited response waits for the series that is being confirmed", async () => {
  const { outstation, master } = await pair({ unsolicited: true, fragmentSize: 100 });
  for (let index = 0; index < 30; index += 1) outstation.add("analog", index, index);
  await master.waitForUnsolicited();
  await master.request(20, classes(2));
  master.autoConfirm = false;
  const read = master.read(classes(0), { seq: 8 });
  await arrived(master, 3);
  outstation.update("analog", 0, 5);
  await master.linkStatus();
  assert.equal(master.unsolicited, []);
  master.confirm(8);
  assert.is((await read).fragments, 2);
  assert.equal(told(await master.waitForUnsolicited()), ["g32v1 0:5 f1"]);
});

peers("unsolicited responses go to the newest connection, and begin again on the next when it ends", async () => {
  const { outstation, master, port } = await pair({ unsolicited: true });
  outstation.add("binary", 0, false);
  await master.waitForUnsolicited();
  await master.request(20, classes(1));
  const second = await connect(port, { confirmUnsolicited: false });
  // Its answer shows that it is known.
  await second.read(classes(0));
  outstation.update("binary", 0, true);
  assert.is((await second.waitForUnsolicited()).objects.length > 0, true);
  assert.equal(master.unsolicited, []);
  await second.close();
  assert.is((await master.waitForUnsolicited()).objects.length > 0, true);
  await master.linkStatus();
  assert.equal(outstation.database.events, []);
  assert.is(outstation.connections, 1);
});

peers("without unsolicited responses there is none, and enabling is an unknown function", async () => {
  const { master } = await pair();
  assert.is((await master.request(20, classes(1))).iin2, 1);
  assert.equal(master.unsolicited, []);
});

peers.run();
