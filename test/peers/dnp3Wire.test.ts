/** The DNP3 test peers' link, transport and parser; their faults; and what recorded traffic says of both. */
import { type Duplex, duplexPair } from "node:stream";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { classes, clearRestart, crob, range } from "#test/peers/dnp3/builders";
import { Master } from "#test/peers/dnp3/master";
import { Outstation } from "#test/peers/dnp3/outstation";
import { closeAll, hex, octets, pair } from "#test/peers/dnp3/pair";
import { parseObjects } from "#test/peers/dnp3/parse";
import { recording, recordings } from "#test/peers/dnp3/recordings";
import { BROADCAST, crc, encodeFrame, FrameReader, LINK, Reassembly } from "#test/peers/dnp3/wire";
import { needCaptures } from "#test/support/need";

const wire = suite("peers/dnp3 wire");
wire.after.each(closeAll);

wire("the CRC has its check value", () => {
  assert.is(crc(Buffer.from("123456789")), 0xea82);
});

wire("recorded frames are encoded to the octets they came from, and recorded objects are read whole", () => {
  if (!needCaptures()) return;
  const total = { frames: 0, fragments: 0 };
  const unread: string[] = [];
  for (const name of recordings()) {
    const { frames, streams, fragments, faults } = recording(name);
    total.frames += frames.length;
    total.fragments += fragments.length;
    if (faults.length === 0) {
      const encoded = frames.map((each) => hex(encodeFrame(each.control, each.destination, each.source, each.data))).sort();
      const read = streams.flatMap((stream) => split(stream));
      assert.equal(encoded, read.map(hex).sort(), name);
    }
    for (const { octets: fragment } of fragments) {
      const functionCode = fragment[1]!;
      const isResponse = functionCode >= 129;
      try {
        parseObjects(fragment.subarray(isResponse ? 4 : 2), isResponse, functionCode);
      } catch (error) {
        unread.push(`function ${functionCode}, ${(error as Error).message}`);
      }
    }
  }
  assert.equal(total, { frames: 1_795, fragments: 1_539 });
  assert.equal(unread, [
    "function 32, g120v4 is not known",
    "function 131, g120v5 with qualifier 5b is not known",
    "function 32, g120v6 with qualifier 5b is not known",
    "function 131, g120v5 with qualifier 5b is not known",
    "function 5, g12v1 with qualifier 28: 2 items in 13 octets",
    "function 129, g50v4 is not known",
    "function 129, g50v4 is not known",
    "function 129, g50v4 is not known",
    "function 112, g60v1 with qualifier 06 cannot carry objects",
  ]);
});

/** A stream of whole frames, cut by their length octets alone. */
function split(stream: Uint8Array): Uint8Array[] {
  const frames: Uint8Array[] = [];
  for (let at = 0; at < stream.length; ) {
    const size = stream[at + 2]! - 5;
    const end = at + 10 + size + 2 * Math.ceil(size / 16);
    frames.push(stream.subarray(at, end));
    at = end;
  }
  return frames;
}

wire("recorded controls are answered octet for octet as the recorded outstation answered", async () => {
  if (!needCaptures()) return;
  let compared = 0;
  for (const name of recordings().filter((each) => /conformance\/8\.[24]\./.test(each))) {
    const { fragments } = recording(name);
    // The recorded outstation takes four controls at once; in one recording its operator waits too long, in two its point is not there.
    const isLate = name.endsWith("/8.2.1.2.4.pcap");
    const { outstation, master } = await pair({ mostControls: 4, ...(isLate ? { selectTimeoutMs: -1 } : {}) });
    const installed = /\/8\.(2\.1\.2\.10|4\.1\.2\.7)\./.test(name) ? [] : Array.from({ length: 20 }, (_, index) => index);
    for (const index of installed) {
      outstation.add("binaryOutput", index, false);
      outstation.add("analogOutput", index, 0);
    }
    for (const [i, { isFromMaster, octets: asked }] of fragments.entries()) {
      const told = fragments[i + 1];
      if (!isFromMaster || asked[1]! < 3 || asked[1]! > 5 || told === undefined || told.isFromMaster) continue;
      const { objects, iin2, seq } = await master.request(asked[1]!, asked.subarray(2), { seq: asked[0]! & 0x0f });
      assert.is(
        `${seq} ${iin2} ${hex(objects)}`,
        `${told.octets[0]! & 0x0f} ${told.octets[3]} ${hex(told.octets.subarray(4))}`,
        `${name} ${i}`,
      );
      compared += 1;
    }
    await closeAll();
  }
  assert.is(compared, 55);
});

wire("a recorded session is answered octet for octet as the recorded outstation answered", async () => {
  if (!needCaptures()) return;
  const { fragments } = recording("dnp3/own__opendnp3-loopback.pcap");
  const { outstation, master } = await pair({ unsolicited: true }, { confirmUnsolicited: false });
  const restarted = { flags: 0x02, eventClass: 0 } as const;
  for (let index = 0; index < 10; index += 1) {
    outstation.add("binary", index, false, restarted);
    outstation.add("doubleBit", index, 0, restarted);
    outstation.add("binaryOutput", index, false, restarted);
    outstation.add("counter", index, 0, restarted);
    outstation.add("frozenCounter", index, 0, restarted);
    outstation.add("analog", index, 0, { ...restarted, ...(index === 0 ? { staticVariation: 5 } : {}) });
    outstation.add("analogOutput", index, 0, restarted);
    outstation.add("octetString", index, Uint8Array.of(0));
  }
  const null0 = await master.waitForUnsolicited();
  assert.is(`${null0.iin1} ${null0.iin2} ${null0.objects.length}`, "144 0 0");
  assert.is(hex(master.received[0]!), hex(fragments[1]!.octets));
  master.confirm(null0.seq, true);
  const compared: number[] = [];
  for (const [i, { isFromMaster, octets: asked }] of fragments.entries()) {
    const [control = 0, functionCode = 0] = asked;
    // The first is answered before the restart bit is cleared as here; a restart that one refuses, and the events of points, are its own.
    if (!isFromMaster || functionCode === 0 || functionCode === 13 || i > 30) continue;
    const told = fragments
      .slice(i)
      .find((each) => !each.isFromMaster && each.octets[1] === 129 && (each.octets[0]! & 15) === (control & 15));
    const reply = await master.request(functionCode, asked.subarray(2), { seq: control & 0x0f });
    const isIntegrity = hex(asked).endsWith("3c0106");
    const recorded = told!.octets;
    // The recorded outstation's outputs do not show what its controls did.
    if (functionCode === 4) outstation.add("binaryOutput", 0, false, restarted);
    if (isIntegrity) assert.equal(sorted(reply.objects), sorted(withoutTimes(recorded.subarray(4))), `fragment ${i}`);
    else assert.is(hex(master.received.at(-1)!), hex(recorded), `fragment ${i}`);
    compared.push(functionCode);
  }
  assert.equal(compared, [21, 2, 1, 20, 1, 1, 3, 4, 1, 1, 1]);
});

/** Headers with their objects, in the order of their groups. */
function sorted(objects: Uint8Array): string[] {
  return parseObjects(objects, true)
    .map((header) => JSON.stringify(header))
    .sort();
}

/** The recorded outstation has ten g50v4 besides, of 11 octets behind a header of 5. */
function withoutTimes(objects: Uint8Array): Uint8Array {
  const at = hex(objects).indexOf("320400") / 2;
  return Uint8Array.from(Buffer.concat([objects.subarray(0, at), objects.subarray(at + 5 + 110)]));
}

wire("recorded file commands are answered octet for octet but for the handle", async () => {
  if (!needCaptures()) return;
  const compared: number[] = [];
  const { outstation, master } = await pair({ needsTime: false });
  await master.write(clearRestart());
  // In the order in which one file is written and then deleted.
  for (const name of ["iti__file_write", "iti__file_delete"])
    for (const [i, { isFromMaster, octets: asked }] of recording(`dnp3/${name}.pcap`).fragments.entries()) {
      if (!isFromMaster) continue;
      const told = recording(`dnp3/${name}.pcap`).fragments[i + 1]!;
      // The recorded handle, and the first that is given here.
      const objects = hex(asked.subarray(2)).replace("78563412", "01000000");
      await master.request(asked[1]!, octets(objects), { seq: asked[0]! & 0x0f });
      // A deletion has no handle; the recorded outstation tells one none the less.
      const recorded = hex(told.octets).replace("78563412", asked[1] === 27 ? "00000000" : "01000000");
      assert.is(hex(master.received.at(-1)!), recorded, `${name} ${i}`);
      compared.push(asked[1]!);
    }
  assert.equal(compared, [25, 2, 26, 27]);
  assert.equal([...outstation.files], []);
});

wire("streams written octet by octet carry the same", async () => {
  for (const over of ["a pair of streams", "TCP"] as const) {
    let [near, far]: (Duplex | null)[] = [null, null];
    let outstation: Outstation;
    let master: Master;
    if (over === "TCP") ({ outstation, master } = await pair({ drip: true }, { drip: true }));
    else {
      [near, far] = duplexPair();
      outstation = new Outstation({ unsolicited: false, drip: true });
      outstation.attach(near);
      master = new Master(far, { drip: true });
    }
    for (let index = 0; index < 200; index += 1) outstation.add("analog", index, index);
    let chunks = 0;
    far?.on("data", (chunk: Buffer) => {
      chunks += 1;
      assert.is(chunk.length, 1);
    });
    const { objects } = await master.read(classes(0));
    assert.is(parseObjects(objects, true)[0]?.items.length, 200);
    if (over !== "TCP") assert.is(chunks, master.octetsIn);
    assert.ok(master.octetsIn > 1_000, `${master.octetsIn} octets`);
    assert.equal([...master.faults, ...outstation.faults], []);
    await master.close();
    await outstation.close();
  }
});

wire("what is no frame is passed over up to the next one, and told", () => {
  const faults: string[] = [];
  const reader = new FrameReader((what) => faults.push(what));
  const good = encodeFrame(0xc4, 10, 1, octets("c0 c0 01 3c 02 06"));
  const badHeader = good.slice();
  badHeader[8]! ^= 1;
  const badBlock = good.slice();
  badBlock[12]! ^= 1;
  const found = [good, octets("00 05 11"), badHeader, badBlock, good].flatMap((each) => [...reader.feed(each)]);
  assert.is(found.length, 2);
  assert.is(hex(found[1]!.data), "c0c0013c0206");
  assert.ok(faults.includes("a header with a wrong CRC"));
  assert.ok(faults.includes("a block with a wrong CRC"));
});

wire("segments: a repeated one is dropped, one out of sequence ends the series, one of no series is dropped", () => {
  const series = new Reassembly();
  const take = (segment: string): string => {
    const taken = series.take(octets(segment));
    return taken instanceof Uint8Array ? hex(taken) : String(taken);
  };
  assert.equal(["45 01", "45 01", "06 02", "06 02", "87 03"].map(take), ["null", "null", "null", "null", "010203"]);
  assert.equal(["45 01", "07 02", "88 03"].map(take), ["null", "a segment out of sequence", "a segment of no series"]);
  assert.equal(["7f 01", "80 02"].map(take), ["null", "0102"]);
  assert.equal(["c0"].map(take), ["an empty fragment"]);
});

wire("the link: status, reset, test, confirmed data by its FCB, NACK without reset, unknown functions", async () => {
  const { outstation, master } = await pair();
  const data = octets("c0 c0 02 50 01 00 07 07 00");
  assert.is(await master.linkStatus(), LINK.status);
  assert.is(await master.link(LINK.test), LINK.nack);
  assert.is(await master.link(LINK.confirmedData, data), LINK.nack);
  assert.is(outstation.received.length, 0);
  assert.is(await master.link(LINK.reset), LINK.ack);
  assert.is(await master.link(LINK.test), LINK.ack);
  assert.is(await master.link(LINK.confirmedData, data), LINK.ack);
  assert.is(outstation.received.length, 1);
  assert.is(await master.link(LINK.confirmedData, data, { isRepeat: true }), LINK.ack);
  assert.is(outstation.received.length, 1);
  assert.is(await master.link(LINK.confirmedData, data), LINK.ack);
  assert.is(outstation.received.length, 2);
  assert.is(await master.link(1), LINK.notSupported);
  assert.is(outstation.isRestarted, false);
});

wire("frames to others, of others, with the wrong DIR or FCV, and data without octets are dropped", async () => {
  const { outstation, master } = await pair();
  const read = octets("c0 c0 01 3c 02 06");
  const wrong: readonly [string, Uint8Array][] = [
    ["a frame to 11", encodeFrame(0xc4, 11, 1, read)],
    ["a frame from 2", encodeFrame(0xc4, 10, 2, read)],
    ["a frame with DIR 0", encodeFrame(0x44, 10, 1, read)],
    ["a frame of function 4 with FCV 1", encodeFrame(0xd4, 10, 1, read)],
    ["a frame of function 3 with FCV 0", encodeFrame(0xc3, 10, 1, read)],
    ["a frame of function 4 with 0 octets", encodeFrame(0xc4, 10, 1)],
    ["a frame of function 9 with 6 octets", encodeFrame(0xc9, 10, 1, read)],
    ["a broadcast that is none", encodeFrame(0xf3, BROADCAST.mayConfirm, 1, read)],
  ];
  for (const [, frame] of wrong) master.sendRaw(frame);
  await master.linkStatus();
  assert.equal(
    outstation.faults,
    wrong.map(([fault]) => fault),
  );
  assert.is(outstation.received.length, 0);
});

wire("a broadcast is done, never answered, and told in the next response as its address asks", async () => {
  const { outstation, master } = await pair();
  outstation.add("binaryOutput", 0, false);
  const close = crob(0, { code: 0x41 });
  for (const [destination, told, again] of [
    [BROADCAST.dontConfirm, false, 0],
    [BROADCAST.mayConfirm, false, 0],
    [BROADCAST.mustConfirm, true, 1],
  ] as const) {
    const before = outstation.operated.length;
    master.autoConfirm = false;
    master.send(5, close, 3, destination);
    const first = await master.read(range(10, 2, 0, 0));
    assert.is(outstation.operated.length, before + 1);
    assert.is(first.iin1 & 1, 1);
    assert.is(first.con, told);
    assert.is((await master.read(range(10, 2, 0, 0))).iin1 & 1, again);
    master.autoConfirm = true;
    await master.read(range(10, 2, 0, 0));
    assert.is((await master.read(range(10, 2, 0, 0))).iin1 & 1, 0);
    assert.equal(master.strays, []);
  }
});

wire("requests in parts, unsolicited ones and responses are dropped without an answer", async () => {
  const { outstation, master } = await pair();
  for (const fragment of ["80 01 3c 02 06", "40 01 3c 02 06", "d0 01 3c 02 06", "c0 81 00 00", "c0"]) master.sendFragment(octets(fragment));
  await master.linkStatus();
  assert.is(outstation.received.length, 5);
  assert.is(outstation.faults.length, 5);
  assert.equal(master.received, []);
});

wire("the log holds every fragment and counts every octet", async () => {
  const { outstation, master } = await pair();
  await master.read(classes(1));
  master.sendRaw(octets("ff ff ff"));
  await master.read(classes(2));
  assert.equal(
    outstation.received.map((each) => hex(each.octets)),
    ["c0013c0206", "c1013c0306"],
  );
  assert.is(outstation.octetsIn, 2 * 18 + 3);
  assert.ok(outstation.received[0]!.at <= outstation.received[1]!.at);
  const short = await pair({ keep: 1 }, { keep: 1 });
  await short.master.read(classes(1));
  await short.master.read(classes(2));
  assert.equal(
    short.outstation.received.map((each) => hex(each.octets)),
    ["c1013c0306"],
  );
  assert.equal(short.master.received.map(hex), ["c1819000"]);
});

wire("an outstation can be silent, mute, wrong, closing, late and loud", async () => {
  const { outstation, master } = await pair();
  outstation.add("binaryOutput", 0, false);
  const close = crob(0, { code: 0x41 });
  const rejected = async (wanted: RegExp, act: () => Promise<unknown>): Promise<void> => {
    const said = await act().then(
      () => "no error",
      (error: Error) => error.message,
    );
    assert.match(said, wanted);
  };
  outstation.onRequest = () => "silent";
  await rejected(/^no answer to function 5, request 0, within 30 ms/, () => master.request(5, close, { timeoutMs: 30 }));
  assert.is(outstation.operated.length, 0);
  outstation.onRequest = () => "mute";
  await rejected(/^no answer to function 5/, () => master.request(5, close, { timeoutMs: 30 }));
  assert.is(outstation.operated.length, 1);
  outstation.onRequest = ([control = 0]) => Uint8Array.of(((control + 1) & 0x0f) | 0xc0, 0x81, 0, 0);
  await rejected(/^no answer/, () => master.request(1, classes(1), { timeoutMs: 30 }));
  assert.is(master.strays.length, 1);
  outstation.onRequest = ([control = 0]) => Uint8Array.of(control, 0x81, 0, 0, 1, 2, 0);
  const { objects } = await master.read(classes(1));
  assert.throws(() => parseObjects(objects, true), /1 octets wanted, 0 left/);
  outstation.onRequest = null;
  outstation.sendRaw(octets("05 64 ff"));
  outstation.delayMs = 30;
  const before = performance.now();
  await master.read(classes(1));
  assert.ok(performance.now() - before >= 29);
  assert.ok(master.faults.length > 0);
  outstation.delayMs = 0;
  outstation.sendFragment(octets("c9 81 00 00"));
  await master.linkStatus();
  assert.is(hex(master.strays.at(-1)!), "c9810000");
  outstation.onRequest = () => "close";
  await rejected(/^the connection ended before the answer to request/, () => master.read(classes(1)));
  await master.closed;
  await rejected(/^the connection ended before an unsolicited response/, () => master.waitForUnsolicited(10));
});

wire("a master drops what is no response, and what has UNS where it does not belong", async () => {
  const { outstation, master } = await pair();
  await master.linkStatus();
  for (const fragment of ["c0 01 3c 02 06", "c0 81 00", "d0 81 00 00", "c0 82 00 00", "90 82 00 00"])
    outstation.sendFragment(octets(fragment));
  await master.linkStatus();
  assert.equal(master.faults, [
    "no response: c0013c0206",
    "no response: c08100",
    "UNS is wrong: d0810000",
    "UNS is wrong: c0820000",
    "an unsolicited response in parts: 90820000",
  ]);
  assert.equal([...master.strays, ...master.unsolicited], []);
});

wire("the parser takes nothing that is not whole and known", () => {
  for (const [objects, why] of [
    ["01", /octets wanted/],
    ["01 02 00 03 00", /3 is above 0/],
    ["01 02 00 00 01 81", /2 octets wanted, 1 left/],
    ["01 02 06", /cannot carry objects/],
    ["01 00 00 00 00", /cannot carry objects/],
    ["01 03 00 00 00 01", /g1v3 is not known/],
    ["63 01 00 00 00 01", /g99v1 is not known/],
    ["01 02 0b 01", /is not supported/],
    ["20 01 02 00 00 00 00 ff ff ff ff", /octets wanted/],
    ["20 01 39 ff ff ff ff", /items in/],
    ["02 03 17 01 00 81 00 00", /without a common time/],
    ["6f 00 17 01 00", /cannot carry objects/],
    ["46 05 5b 02 00 00", /2 objects/],
  ] as const)
    assert.throws(() => parseObjects(octets(objects), true), why, objects);
});

wire.run();
