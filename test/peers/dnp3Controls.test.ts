/** The DNP3 test peers with each other over TCP: what changes the outstation. Controls, time, restarts, freezes, classes, files. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  all,
  analog,
  classes,
  clearRestart,
  crob,
  crobs,
  deadband,
  fileBlock,
  fileClose,
  fileCommand,
  fileInfo,
  join,
  range,
  time,
} from "#test/peers/dnp3/builders";
import type { Reply } from "#test/peers/dnp3/master";
import { readNumber } from "#test/peers/dnp3/numbers";
import type { OutstationOptions } from "#test/peers/dnp3/outstation";
import { closeAll, connect, hex, octets, type Pair, pair } from "#test/peers/dnp3/pair";
import { parseObjects } from "#test/peers/dnp3/parse";

const controls = suite("peers/dnp3 controls");
controls.after.each(closeAll);

const [SELECT, OPERATE, DIRECT, DIRECT_NO_REPLY] = [3, 4, 5, 6];
const LATCH_ON = crob(0, { code: 0x03 });

/** Statuses of the controls an answer echoes. */
function statuses({ objects }: Reply): (number | undefined)[] {
  return parseObjects(objects, true).flatMap(({ items }) => items.map(({ status }) => status));
}

async function station(options: OutstationOptions = {}): Promise<Pair> {
  const both = await pair(options);
  for (const index of [0, 1, 2]) {
    both.outstation.add("binaryOutput", index, false);
    both.outstation.add("analogOutput", index, 0);
  }
  return both;
}

controls("SELECT and OPERATE act once, and the point, its event and the list show it", async () => {
  const { outstation, master } = await station();
  const request = crob(0, { code: 0x03, count: 2, onTimeMs: 250, offTimeMs: 750 });
  const selected = await master.request(SELECT, request);
  assert.is(hex(selected.objects), hex(request));
  assert.equal(outstation.operated, []);
  const operated = await master.request(OPERATE, request);
  assert.is(hex(operated.objects), hex(request));
  assert.is(operated.iin2, 0);
  const [{ at, ...what } = { at: 0 }, more] = outstation.operated;
  assert.equal(what, { index: 0, code: 3, count: 2, onTimeMs: 250, offTimeMs: 750, function: 4 });
  assert.ok(at > 0 && at <= performance.now());
  assert.is(more, undefined);
  assert.is(outstation.point("binaryOutput", 0)?.value, true);
  const event = parseObjects((await master.read(all(11, 1))).objects, true)[0]?.items[0];
  assert.is(`${event?.index} ${event?.value}`, "0 true");
  // The selection is used up.
  assert.equal(statuses(await master.request(OPERATE, request)), [2]);
  assert.is(outstation.operated.length, 1);
});

controls("what each code makes of the point", async () => {
  const { outstation, master } = await station();
  for (const [code, status, value] of [
    [0x41, 0, true],
    [0x81, 0, false],
    [0x03, 0, true],
    [0x01, 0, true],
    [0x04, 0, false],
    [0x01, 0, false],
    [0x02, 4, false],
    [0x00, 4, false],
    [0x13, 4, false],
    [0xc1, 4, false],
  ] as const) {
    const before = outstation.operated.length;
    assert.equal(statuses(await master.request(DIRECT, crob(1, { code }))), [status], `code ${code}`);
    assert.is(outstation.point("binaryOutput", 1)?.value, value, `code ${code}`);
    assert.is(outstation.operated.length, before + (status === 0 ? 1 : 0));
  }
  outstation.add("binaryOutput", 1, false, { codes: [0x02] });
  assert.equal(statuses(await master.request(DIRECT, crob(1, { code: 0x02 }))), [0]);
  assert.equal(statuses(await master.request(DIRECT, crob(1, { code: 0x03 }))), [4]);
  assert.equal(
    outstation.operated.map(({ code }) => code),
    [0x41, 0x81, 3, 1, 4, 1, 2],
  );
});

controls("an OPERATE that is late gets timeout", async () => {
  const { outstation, master } = await station({ selectTimeoutMs: 30 });
  await master.request(SELECT, LATCH_ON);
  await new Promise((resolve) => setTimeout(resolve, 40));
  assert.equal(statuses(await master.request(OPERATE, LATCH_ON)), [1]);
  assert.equal(outstation.operated, []);
});

controls("an OPERATE that differs in anything gets no select", async () => {
  const { outstation, master } = await station();
  for (const [what, select, operate] of [
    ["code", LATCH_ON, crob(0, { code: 0x04 })],
    ["index", LATCH_ON, crob(1, { code: 0x03 })],
    ["on time", LATCH_ON, crob(0, { code: 0x03, onTimeMs: 101 })],
    ["count", LATCH_ON, crob(0, { code: 0x03, count: 2 })],
    ["index width", LATCH_ON, crob(0, { code: 0x03 }, 2)],
    ["value", analog(2, 0, 10), analog(2, 0, 11)],
    ["variation", analog(2, 0, 10), analog(1, 0, 10)],
    ["one object less", join(LATCH_ON, analog(2, 0, 10)), LATCH_ON],
    ["one object more", LATCH_ON, join(LATCH_ON, analog(2, 0, 10))],
  ] as const) {
    assert.ok(statuses(await master.request(SELECT, select)).every((status) => status === 0));
    assert.ok(
      statuses(await master.request(OPERATE, operate)).every((status) => status === 2),
      what,
    );
  }
  assert.equal([...outstation.operated, ...outstation.setpoints], []);
});

controls("an OPERATE of the wrong sequence kills the selection; any other request does, a CONFIRM does not", async () => {
  const { outstation, master } = await station();
  await master.request(SELECT, LATCH_ON, { seq: 3 });
  assert.equal(statuses(await master.request(OPERATE, LATCH_ON, { seq: 5 })), [2]);
  assert.equal(statuses(await master.request(OPERATE, LATCH_ON, { seq: 4 })), [2]);
  for (const between of [1, 2, 5, 23]) {
    await master.request(SELECT, LATCH_ON, { seq: 3 });
    if (between === 1) await master.read(classes(0), { seq: 3 });
    else await master.request(between, between === 5 ? crob(1, { code: 3 }) : new Uint8Array(0), { seq: 3 });
    assert.equal(statuses(await master.request(OPERATE, LATCH_ON, { seq: 4 })), [2], `function ${between}`);
  }
  const before = outstation.operated.length;
  await master.request(SELECT, LATCH_ON, { seq: 3 });
  master.confirm(3);
  assert.equal(statuses(await master.request(OPERATE, LATCH_ON, { seq: 4 })), [0]);
  assert.is(outstation.operated.length, before + 1);
});

controls("the same SELECT once more keeps the selection, one with the next sequence replaces it", async () => {
  const { outstation, master } = await station();
  await master.request(SELECT, LATCH_ON, { seq: 3 });
  assert.equal(statuses(await master.request(SELECT, LATCH_ON, { seq: 3 })), [0]);
  assert.equal(statuses(await master.request(OPERATE, LATCH_ON, { seq: 4 })), [0]);
  await master.request(SELECT, LATCH_ON, { seq: 5 });
  await master.request(SELECT, LATCH_ON, { seq: 6 });
  assert.equal(statuses(await master.request(OPERATE, LATCH_ON, { seq: 7 })), [0]);
  assert.is(outstation.operated.length, 2);
});

controls("an OPERATE with the same octets is answered again and acts once", async () => {
  const { outstation, master } = await station();
  await master.request(SELECT, LATCH_ON, { seq: 3 });
  const first = await master.request(OPERATE, LATCH_ON, { seq: 4 });
  const again = await master.request(OPERATE, LATCH_ON, { seq: 4 });
  assert.equal(again, first);
  assert.is(outstation.operated.length, 1);
  await master.request(DIRECT, LATCH_ON, { seq: 5 });
  await master.request(DIRECT, LATCH_ON, { seq: 5 });
  assert.is(outstation.operated.length, 2);
  await master.request(DIRECT, LATCH_ON, { seq: 6 });
  assert.is(outstation.operated.length, 3);
});

controls("a SELECT of which one fails arms nothing", async () => {
  const { outstation, master } = await station();
  const two = crobs([
    [0, { code: 3 }],
    [9, { code: 3 }],
  ]);
  const selected = await master.request(SELECT, two);
  assert.equal(statuses(selected), [0, 4]);
  assert.is(selected.iin2, 4);
  assert.equal(statuses(await master.request(OPERATE, two)), [2, 2]);
  assert.equal(outstation.operated, []);
});

controls("several headers and objects are selected and operated together", async () => {
  const { outstation, master } = await station();
  const objects = join(
    crobs([
      [0, { code: 3 }],
      [1, { code: 0x41 }],
    ]),
    analog(4, 2, 1.5, 2),
  );
  assert.equal(statuses(await master.selectOperate(objects)), [0, 0, 0]);
  assert.is(outstation.operated.length, 2);
  assert.is(outstation.point("analogOutput", 2)?.value, 1.5);
});

controls("analog outputs take every variation, within their limits, finite values only", async () => {
  const { outstation, master } = await station();
  for (const [variation, value] of [
    [1, -70_000],
    [2, -7],
    [3, 0.5],
    [4, 1e300],
  ] as const) {
    assert.equal(statuses(await master.selectOperate(analog(variation, 0, value))), [0]);
    const last = outstation.setpoints.at(-1);
    assert.equal([last?.index, last?.value, last?.variation, last?.function], [0, value, variation, OPERATE]);
    assert.is(outstation.point("analogOutput", 0)?.value, value);
  }
  outstation.add("analogOutput", 1, 5, { least: 0, most: 10 });
  for (const value of [-1, 10.5, Number.NaN, Infinity]) assert.equal(statuses(await master.request(DIRECT, analog(4, 1, value))), [12]);
  assert.equal(statuses(await master.request(DIRECT, analog(3, 0, Number.NaN))), [12]);
  assert.is(outstation.setpoints.length, 4);
});

controls("statuses: a point that refuses, a status in the request, too many, not installed", async () => {
  const { outstation, master } = await station({ mostControls: 2 });
  outstation.add("binaryOutput", 0, false, { refusal: 7 });
  const reply = await master.request(DIRECT, LATCH_ON);
  assert.equal(statuses(reply), [7]);
  assert.is(reply.iin2, 0);
  assert.equal(statuses(await master.request(DIRECT, crob(1, { code: 3, status: 1 }))), [3]);
  assert.equal(statuses(await master.request(DIRECT, crob(1, { code: 3, status: 0x80 }))), [3]);
  const three = crobs([1, 2, 1].map((index) => [index, { code: 3 }] as const));
  assert.equal(statuses(await master.request(DIRECT, three)), [0, 0, 8]);
  const missing = await master.request(DIRECT, analog(1, 0xffff, 1, 2));
  assert.equal(statuses(missing), [4]);
  assert.is(missing.iin2, 4);
  assert.is(outstation.operated.length, 2);
});

controls("more controls than an answer could echo are refused whole, and a request of over 2048 octets is dropped", async () => {
  const { outstation, master } = await station({ fragmentSize: 100 });
  const several = (count: number): Uint8Array => crobs(Array.from({ length: count }, () => [0, { code: 3 }] as const));
  assert.is((await master.request(DIRECT, several(7))).objects.length, 4 + 7 * 12);
  const reply = await master.request(DIRECT, several(8));
  assert.equal([reply.iin2, reply.objects.length], [4, 0]);
  master.send(DIRECT, several(171));
  await master.linkStatus();
  assert.equal(outstation.faults, ["a fragment of 2058 octets"]);
  assert.is(outstation.operated.length, 7);
});

controls("DIRECT_OPERATE_NR acts and is not answered, not even when it is wrong", async () => {
  const { outstation, master } = await station();
  master.send(DIRECT_NO_REPLY, LATCH_ON);
  master.send(DIRECT_NO_REPLY, crob(9, { code: 3 }));
  master.send(DIRECT_NO_REPLY, octets("63 01 06"));
  await master.linkStatus();
  assert.equal(
    outstation.operated.map((each) => each.function),
    [DIRECT_NO_REPLY],
  );
  assert.equal(master.received, []);
});

controls("what is wrong with a request is a bit of IIN2, and nothing is done", async () => {
  const { outstation, master } = await station();
  outstation.add("counter", 0, 1);
  for (const [what, functionCode, objects, iin2] of [
    ["a function that is not known", 99, "", 1],
    ["another one", 16, "", 1],
    ["a group that is not known", 1, "63 01 06", 2],
    ["a variation that is not known", 1, "01 07 06", 2],
    ["events by range", 1, "02 01 00 00 01", 4],
    ["a count of class 0", 1, "3c 01 07 01", 4],
    ["a read of nothing", 1, "", 4],
    ["a header cut short", 1, "01 02", 4],
    ["a range the wrong way round", 1, "01 02 00 02 01", 4],
    ["a reserved qualifier", 1, "01 02 0a", 4],
    ["a write of an input", 2, "01 02 00 00 00 81", 2],
    ["a write of another indication", 2, "50 01 00 04 04 00", 4],
    ["the restart bit set", 2, "50 01 00 07 07 01", 4],
    ["half a time", 2, "32 01 07 01 00 00 00", 4],
    ["two times", 2, "32 01 07 02 000000000000 000000000000", 4],
    ["a time by range", 2, "32 01 00 00 00 000000000000", 4],
    ["a recorded time that was not recorded", 2, "32 03 07 01 000000000000", 4],
    ["a control cut short", 5, "0c 01 17 01 00 03 01 00", 4],
    ["a control without an index", 5, "0c 01 07 01 03 01 00000000 00000000 00", 4],
    ["a control of an input", 5, "01 02 17 01 00 81", 2],
    ["a good control before a bad one", 5, `${hex(LATCH_ON)} 63 01 17 01 00`, 2],
    ["a freeze of an input", 7, "1e 00 06", 2],
    ["a freeze of what is not there", 7, "14 00 00 00 05", 4],
    ["a restart with objects", 13, "3c 01 06", 4],
    ["a delay with objects", 23, "3c 01 06", 4],
    ["a class without points", 22, "3c 02 06", 4],
    ["two classes at once", 22, "3c 02 06 3c 03 06 01 00 06", 4],
    ["a class that is none", 22, "3c 05 06 01 00 06", 4],
    ["points without a class", 22, "01 00 06", 4],
    ["a file that is none", 25, "3c 01 06", 4],
    ["a file name in the wrong place", 25, `46 03 5b 01 1b 00 1b00 0100 ${"00".repeat(22)} 61`, 4],
  ] as const) {
    const reply = await master.request(functionCode, octets(objects));
    assert.is(reply.iin2, iin2, what);
    assert.is(hex(reply.objects), "", what);
  }
  assert.equal(outstation.operated, []);
  assert.is(outstation.isRestarted, true);
  assert.is(outstation.needsTime, true);
});

controls("time: written, or recorded and then written; the delay is measured", async () => {
  const { outstation, master } = await station();
  const asked = await master.request(23);
  assert.is(hex(asked.objects), "340207010000");
  assert.is(asked.iin1, 0x90);
  await master.write(time(1_000_000_000_000));
  assert.is(outstation.needsTime, false);
  const since = outstation.clock() - 1_000_000_000_000;
  assert.ok(since >= 0 && since < 1_000, `${since} ms`);
  const told = parseObjects((await master.read(octets("32 01 07 01"))).objects, true)[0]?.items[0]?.value;
  assert.ok(Math.abs(Number(told) - outstation.clock()) < 1_000);
  assert.is((await master.request(24)).objects.length, 0);
  await new Promise((resolve) => setTimeout(resolve, 30));
  assert.is((await master.write(time(2_000_000_000_000, 3))).iin2, 0);
  const gone = outstation.clock() - 2_000_000_000_000;
  assert.ok(gone >= 29 && gone < 1_000, `${gone} ms`);
  outstation.add("binary", 0, false);
  outstation.update("binary", 0, true);
  const event = parseObjects((await master.read(all(2, 2))).objects, true)[0]?.items[0];
  assert.ok((event?.time ?? 0) >= 2_000_000_000_000);
  outstation.update("binary", 0, true, { time: 2_000_000_000_000 });
  assert.is(parseObjects((await master.read(all(2, 3))).objects, true)[0]?.variation, 1);
});

controls("restarts: the delay is told, the bit is set until it is cleared, and reporting begins anew", async () => {
  const { outstation, master } = await station({ unsolicited: true, restartDelayMs: 1_234 });
  await master.waitForUnsolicited();
  assert.is((await master.write(clearRestart())).iin1 & 0x80, 0);
  await master.request(20, classes(1));
  for (const functionCode of [13, 14]) {
    await master.request(SELECT, LATCH_ON);
    const { objects } = await master.request(functionCode);
    assert.equal(parseObjects(objects, true)[0]?.items[0]?.value, 1_234);
    assert.is(outstation.isRestarted, true);
    assert.is((await master.waitForUnsolicited()).iin1 & 0x80, 0x80);
    await master.write(clearRestart());
    assert.is((await master.read(classes(0))).iin1 & 0x80, 0);
  }
  outstation.add("binary", 0, false);
  outstation.update("binary", 0, true);
  await master.read(classes(0));
  assert.equal(master.unsolicited, []);
});

controls("a restart forgets what other connections selected, and which files are open", async () => {
  const { outstation, master, port } = await station();
  const other = await connect(port);
  outstation.files.set("a", Buffer.from("a"));
  const { handle } = fileObject(await master.request(OPEN, fileCommand("a", { mode: 1 })));
  await other.request(SELECT, LATCH_ON);
  await master.request(13);
  assert.equal(statuses(await other.request(OPERATE, LATCH_ON)), [2]);
  assert.is(fileObject(await master.read(fileBlock(handle, 0))).status, 6);
});

controls("freezes keep the counters' values, clear where they say so, and answer where they do", async () => {
  const { outstation, master } = await station();
  for (const index of [0, 1]) {
    outstation.add("counter", index, 10 + index);
    outstation.add("frozenCounter", index, 0, { eventClass: 3 });
  }
  const values = (): string =>
    (["counter", "frozenCounter"] as const).map((kind) => [0, 1].map((index) => outstation.point(kind, index)?.value).join(",")).join(" ");
  assert.is((await master.request(7, all(20, 0))).iin2, 0);
  assert.is(values(), "10,11 10,11");
  assert.is(parseObjects((await master.read(all(23, 1))).objects, true)[0]?.items.length, 2);
  outstation.update("counter", 1, 15);
  master.send(8, range(20, 0, 1, 1));
  await master.linkStatus();
  assert.is(values(), "10,15 10,15");
  assert.is((await master.request(9, range(20, 0, 0, 0))).iin2, 0);
  assert.is(values(), "0,15 10,15");
  const before = master.received.length;
  master.send(10, all(20, 0));
  await master.linkStatus();
  assert.is(values(), "0,0 0,15");
  assert.is(master.received.length, before);
});

controls("points are assigned to classes, also to none", async () => {
  const { outstation, master } = await station();
  for (const index of [0, 1, 2]) outstation.add("binary", index, false);
  outstation.add("analog", 0, 0);
  const reply = await master.request(22, octets("3c 04 06 01 00 00 01 02 1e 00 06 3c 01 06 01 00 00 00 00"));
  assert.is(reply.iin2, 0);
  assert.equal(
    [0, 1, 2].map((index) => outstation.point("binary", index)?.eventClass),
    [0, 3, 3],
  );
  assert.is(outstation.point("analog", 0)?.eventClass, 3);
  for (const index of [0, 1]) outstation.update("binary", index, true);
  assert.is((await master.read(classes(0))).iin1 & 0x0e, 0x08);
});

controls("deadbands of analog inputs are written in every variation", async () => {
  const { outstation, master } = await station();
  outstation.add("analog", 0, 0);
  for (const [variation, value] of [
    [1, 5],
    [2, 70_000],
    [3, 2.5],
  ] as const) {
    assert.is((await master.write(deadband(variation, 0, value))).iin2, 0);
    assert.is(outstation.point("analog", 0)?.deadband, value);
  }
  assert.is((await master.write(deadband(1, 9, 5))).iin2, 4);
});

/** The fields of the file object that an answer carries. */
function fileObject({ objects }: Reply): {
  variation: number;
  handle: number;
  size: number;
  block: number;
  status: number;
  data: Uint8Array;
} {
  const [header] = parseObjects(objects, true);
  const data = header!.items[0]!.value as Uint8Array;
  const status = header?.variation === 4 ? data[12]! : header?.variation === 6 ? data[8]! : 0;
  return {
    variation: header!.variation,
    handle: readNumber(data, 0, "u32"),
    size: readNumber(data, 4, "u32"),
    block: readNumber(data, 4, "u32"),
    status,
    data,
  };
}

const [OPEN, CLOSE, DELETE, INFO] = [25, 26, 27, 28];
const LAST = 0x8000_0000;

controls("a file is written, appended to, read block by block, told of, and deleted", async () => {
  const { outstation, master } = await station({ blockSize: 4 });
  const opened = fileObject(await master.request(OPEN, fileCommand("log/a.txt", { mode: 2, size: 6, requestId: 9 })));
  assert.equal([opened.variation, opened.status, readNumber(opened.data, 8, "u16"), readNumber(opened.data, 10, "u16")], [4, 0, 4, 9]);
  const { handle } = opened;
  assert.equal(fileObject(await master.write(fileBlock(handle, 0, Buffer.from("abcde")))).status, 7);
  assert.equal(fileObject(await master.write(fileBlock(handle, 1, Buffer.from("abcd")))).status, 20);
  assert.equal(fileObject(await master.write(fileBlock(handle, 0, Buffer.from("abcd")))).status, 0);
  const last = fileObject(await master.write(fileBlock(handle, 1, Buffer.from("ef"), true)));
  assert.equal([last.variation, last.status, last.block], [6, 0, LAST + 1]);
  assert.equal(fileObject(await master.request(CLOSE, fileClose(handle))).status, 0);
  assert.is(Buffer.from(outstation.files.get("log/a.txt")!).toString(), "abcdef");

  const more = fileObject(await master.request(OPEN, fileCommand("log/a.txt", { mode: 3 })));
  await master.write(fileBlock(more.handle, 0, Buffer.from("ghi"), true));
  await master.request(CLOSE, fileClose(more.handle));

  const info = fileObject(await master.request(INFO, fileInfo("log/a.txt")));
  assert.equal([info.variation, readNumber(info.data, 4, "u16"), readNumber(info.data, 6, "u32")], [7, 1, 9]);

  const read = fileObject(await master.request(OPEN, fileCommand("log/a.txt", { mode: 1 })));
  assert.is(read.size, 9);
  assert.equal(fileObject(await master.read(fileBlock(read.handle, 1))).status, 20);
  const parts: string[] = [];
  for (let block = 0; parts.length < 10; block += 1) {
    const part = fileObject(await master.read(fileBlock(read.handle, block)));
    assert.is(part.variation, 5);
    parts.push(Buffer.from(part.data.subarray(8)).toString());
    assert.is(part.block % LAST, block);
    if (part.block >= LAST) break;
  }
  assert.equal(parts, ["abcd", "efgh", "i"]);
  // The block before may be asked for again.
  assert.is(fileObject(await master.read(fileBlock(read.handle, 1))).variation, 5);
  assert.equal(fileObject(await master.request(DELETE, fileCommand("log/a.txt", { mode: 0 }))).status, 4);
  await master.request(CLOSE, fileClose(read.handle));
  assert.equal(fileObject(await master.request(DELETE, fileCommand("log/a.txt", { mode: 0 }))).status, 0);
  assert.is(outstation.files.size, 0);
});

controls("a directory reads as the descriptors of what is in it", async () => {
  const { outstation, master } = await station();
  outstation.files.set("config.xml", Buffer.from("<x/>"));
  outstation.files.set("log/a.txt", Buffer.from("a"));
  outstation.files.set("log/b.txt", Buffer.from("bb"));
  const list = async (name: string): Promise<string[]> => {
    const { handle, size } = fileObject(await master.request(OPEN, fileCommand(name, { mode: 1 })));
    const { data } = fileObject(await master.read(fileBlock(handle, 0)));
    await master.request(CLOSE, fileClose(handle));
    const entries: string[] = [];
    for (let at = 8; at < data.length; ) {
      const [name0, length, type] = [0, 2, 4].map((offset) => readNumber(data, at + offset, "u16")) as [number, number, number];
      entries.push(`${type} ${readNumber(data, at + 6, "u32")} ${Buffer.from(data.subarray(at + name0, at + name0 + length)).toString()}`);
      at += name0 + length;
    }
    assert.is(size, entries.length);
    return entries;
  };
  assert.equal(await list("."), ["1 4 config.xml", "0 0 log"]);
  assert.equal(await list("log"), ["1 1 a.txt", "1 2 b.txt"]);
  const info = fileObject(await master.request(INFO, fileInfo("log")));
  assert.equal([readNumber(info.data, 4, "u16"), readNumber(info.data, 6, "u32")], [0, 2]);
});

controls("files that are not there, modes that are none, handles that are not open", async () => {
  const { outstation, master } = await station();
  outstation.files.set("a", Buffer.from("a"));
  const status = async (functionCode: number, objects: Uint8Array): Promise<number> =>
    fileObject(await master.request(functionCode, objects)).status;
  assert.is(await status(OPEN, fileCommand("b", { mode: 1 })), 3);
  assert.is(await status(OPEN, fileCommand("a", { mode: 4 })), 2);
  assert.is(await status(OPEN, fileCommand(".", { mode: 2 })), 2);
  assert.is(await status(DELETE, fileCommand("b", { mode: 0 })), 3);
  assert.is(await status(INFO, fileInfo("b")), 3);
  assert.is(await status(CLOSE, fileClose(77)), 6);
  assert.is(await status(1, fileBlock(77, 0)), 6);
  assert.is(await status(2, fileBlock(77, 0, Buffer.from("x"))), 6);
  const { handle } = fileObject(await master.request(OPEN, fileCommand("a", { mode: 1 })));
  assert.is(await status(2, fileBlock(handle, 0, Buffer.from("x"))), 2);
  assert.is(await status(OPEN, fileCommand("a", { mode: 2 })), 4);
  outstation.files.set("full", new Uint8Array(1024 * 1024));
  const full = fileObject(await master.request(OPEN, fileCommand("full", { mode: 3 })));
  assert.is(await status(2, fileBlock(full.handle, 0, Buffer.from("x"))), 18);
  await master.request(CLOSE, fileClose(full.handle));
  for (let i = 0; i < 254; i += 1) outstation.files.set(`more ${i}`, Buffer.from("x"));
  assert.is(await status(OPEN, fileCommand("one more", { mode: 2 })), 18);
  for (let i = 0; i < 7; i += 1) assert.is(await status(OPEN, fileCommand("a", { mode: 1 })), 0);
  assert.is(await status(OPEN, fileCommand("a", { mode: 1 })), 5);
});

controls.run();
