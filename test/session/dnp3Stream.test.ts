/** DNP3 at either end of the gateway: fragments out of any split of a stream and into frames again, and what its link layer says by itself. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { encodeLink, LINK_LIMIT } from "#dnp3/link";
import { encodeSegment, SEGMENT_DATA, segmentsOf } from "#dnp3/transport";
import { Dnp3Conversation } from "#session/dnp3Conversation";
import { Dnp3Stream, FRAMED_LIMIT } from "#session/dnp3Stream";
import type { End } from "#session/protocol";
import { fromHex, toHex } from "#wire";

const stream = suite("session/dnp3Stream");

const LINK = { master: 1, outstation: 10 };
const ENDS: readonly End[] = ["session", "device"];
const NOTHING = new Uint8Array(0);

function hex(text: string): Uint8Array {
  return fromHex(text.replaceAll(" ", "")) as Uint8Array;
}

function join(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(parts));
}

/** A link frame from the far end of `end`. @param more  other addresses, or another direction */
function framed(
  end: End,
  control: number,
  data: Uint8Array = NOTHING,
  more: { readonly destination?: number; readonly source?: number; readonly dir?: number } = {},
): Uint8Array {
  const fromMaster = end === "session";
  const { destination = fromMaster ? 10 : 1, source = fromMaster ? 1 : 10, dir = fromMaster ? 0x80 : 0 } = more;
  const target = new Uint8Array(LINK_LIMIT);
  return target.slice(0, encodeLink(target, 0, control | dir, destination, source, data, 0, data.length));
}

/** A fragment of the far end, in as many frames as it takes. */
function sent(end: End, fragment: Uint8Array, sequence = 0, destination?: number): Uint8Array {
  const segment = new Uint8Array(SEGMENT_DATA + 1);
  const frames = Array.from({ length: segmentsOf(fragment.length) }, (_, i) => {
    const length = encodeSegment(segment, 0, fragment, 0, fragment.length, i, sequence);
    return framed(end, 0x44, segment.slice(0, length), destination === undefined ? {} : { destination });
  });
  return join(...frames);
}

/** Everything that comes of octets in these chunks: of a fragment its sequence, its unit and itself. */
function heard(at: Dnp3Stream, chunks: Iterable<Uint8Array>): string[] {
  const told: string[] = [];
  for (const chunk of chunks) {
    at.feed(chunk);
    for (let found = at.next(); found !== "more"; found = at.next()) {
      const said = at.answer.length === 0 ? "" : ` + ${toHex(at.answer)}`;
      if (found === "frame") told.push(`${at.transactionId} to ${at.unitId}: ${toHex(at.octets, at.pduAt, at.pduLength)}${said}`);
      else if (found === "answer") told.push(toHex(at.answer));
      else told.push(`${found} ${at.broken}${said}`);
      if (found === "broken") return told;
    }
  }
  return told;
}

const fresh = (end: End, ...chunks: readonly Uint8Array[]): string[] => heard(new Dnp3Stream(end, LINK), chunks);
const FRAGMENTS: Readonly<Record<End, readonly Uint8Array[]>> = {
  session: [hex("c5 01 3c0206"), join(hex("c6 05"), new Uint8Array(600).fill(7)), hex("c7 0d")],
  device: [hex("c5 81 0000"), join(hex("c6 81 0000"), new Uint8Array(600).fill(7)), hex("f7 82 8000")],
};
const TOLD: Readonly<Record<End, readonly string[]>> = {
  session: ["5 to 10: c0013c0206", `6 to 10: c005${"07".repeat(600)}`, "7 to 10: c00d"],
  device: ["5 to 10: c0810000", `6 to 10: c0810000${"07".repeat(600)}`, "7 to 10: f0828000"],
};

for (const end of ENDS) {
  const octets = join(...FRAGMENTS[end].map((fragment, i) => sent(end, fragment, 9 * i)));

  stream(`${end}: fragments, their sequence taken out, whatever the stream is split into`, () => {
    assert.equal(fresh(end, octets), TOLD[end]);
    for (let at = 1; at < octets.length; at++) assert.equal(fresh(end, octets.subarray(0, at), octets.subarray(at)), TOLD[end], `at ${at}`);
    for (const size of [1, 2, 3, 7, 16, 17, 292]) {
      const chunks = Array.from({ length: Math.ceil(octets.length / size) }, (_, i) => octets.subarray(i * size, (i + 1) * size));
      assert.equal(fresh(end, ...chunks), TOLD[end], `by ${size}`);
    }
  });

  stream(`${end}: of a stream that is cut off, the fragments before`, () => {
    let before = 0;
    const ends = FRAGMENTS[end].map((fragment, i) => {
      before += sent(end, fragment, 9 * i).length;
      return before;
    });
    for (let length = 0; length < octets.length; length++) {
      const whole = ends.filter((each) => each <= length).length;
      assert.equal(fresh(end, octets.subarray(0, length)), TOLD[end].slice(0, whole), `${length} octets`);
    }
  });

  stream(`${end}: a bit that flips anywhere ends the stream, and no other fragment comes of it`, () => {
    const one = sent(end, FRAGMENTS[end][0] as Uint8Array);
    for (let bit = 0; bit < 8 * one.length; bit++) {
      const flipped = one.slice();
      flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
      const [first, ...more] = fresh(end, flipped);
      assert.match(first ?? "", /^broken (badStart|badCrc)$/, `bit ${bit}`);
      assert.equal(more, []);
    }
  });

  stream(`${end}: frame() cuts what the far end puts together, of 1 to 2048 octets`, () => {
    const far = end === "session" ? "device" : "session";
    const [here, there] = [new Dnp3Stream(end, LINK), new Dnp3Stream(far, LINK)];
    const target = new Uint8Array(FRAMED_LIMIT + 8);
    // The second of each size goes on where the transport sequence stands.
    for (const size of [1, 2, 249, 250, 498, 499, 1_992, 1_993, 2_048, 1, 249, 250, 2_048]) {
      const pdu = Uint8Array.from({ length: size + 2 }, (_, i) => (i * 7) & 0xff).fill(0xc3, 1, 2);
      const before = toHex(pdu);
      const length = here.frame(target, 5, 9, 10, pdu, 1, size);
      assert.ok(length <= FRAMED_LIMIT);
      assert.is(toHex(pdu), before, "what is framed stays as it is");
      const wanted = `9 to 10: c0${toHex(pdu, 2, size - 1)}`;
      assert.equal(heard(there, [target.subarray(5, 5 + length)]), [wanted], `${size} octets`);
    }
  });
}

stream("frame(): link addresses, direction, transport and application sequence are ours, octet for octet", () => {
  const target = new Uint8Array(64);
  const session = new Dnp3Stream("session", LINK);
  const [first, second] = [hex("ff810000"), hex("c0810000")];
  assert.is(toHex(target, 0, session.frame(target, 0, 4, 10, first, 0, 4)).slice(0, 16), "05640a4401000a00");
  assert.is(toHex(target, 10, 5), "c0f4810000", "the first segment, and the sequence in place of another");
  session.frame(target, 0, 5, 10, second, 0, 4);
  assert.is(toHex(target, 10, 5), "c1c5810000", "the next segment");
  const device = new Dnp3Stream("device", LINK);
  assert.is(toHex(target, 0, device.frame(target, 0, 4, 10, hex("c00d"), 0, 2)).slice(0, 16), "056408c40a000100");
  device.frame(target, 0, 4, 0xfffe, hex("c00d"), 0, 2);
  assert.is(toHex(target, 4, 2), "feff", "a broadcast keeps its address towards the device");
  session.frame(target, 0, 4, 0xfffe, hex("c0810000"), 0, 4);
  assert.is(toHex(target, 4, 2), "0100", "and what is said to a master goes to the master");
});

stream("the transport sequence wraps, and what is told twice is passed on once", () => {
  const long = join(hex("c1 81 0000"), new Uint8Array(500));
  for (const sequence of [0, 62, 63]) assert.equal(fresh("device", sent("device", long, sequence)).length, 1, `${sequence}`);
  const [a, b, c] = [0, 1, 2].map((i) => {
    const segment = new Uint8Array(SEGMENT_DATA + 1);
    return framed("device", 0x44, segment.slice(0, encodeSegment(segment, 0, long, 0, long.length, i, 5)));
  }) as [Uint8Array, Uint8Array, Uint8Array];
  assert.is(fresh("device", a, b, b, c).length, 1);
  assert.equal(fresh("device", a, c), ["passedOver badOrder"]);
  assert.equal(fresh("device", b), ["passedOver badOrder"]);
  assert.equal(fresh("device", sent("device", new Uint8Array(2_049))), ["passedOver tooLong"]);
});

stream("a broadcast is a series of its own, from a master alone", () => {
  const [first, second] = [hex("c1 0d"), hex("c2 0e")];
  assert.equal(fresh("session", sent("session", first, 0, 0xfffd), sent("session", second)), ["1 to 65533: c00d", "2 to 10: c00e"]);
  const long = new Uint8Array(300).fill(3);
  const [head = NOTHING, tail = NOTHING] = [sent("session", long).subarray(0, 292), sent("session", long).subarray(292)];
  assert.equal(fresh("session", head, sent("session", first, 9, 0xffff), tail), ["1 to 65535: c00d", `3 to 10: 00${"03".repeat(299)}`]);
  assert.equal(fresh("device", sent("device", hex("c1 81 0000"), 0, 0xfffd)), ["broken wrongDestination"]);
  assert.equal(fresh("session", framed("session", 0x49, NOTHING, { destination: 0xfffd })), ["passedOver badControl"]);
});

stream("who says to be another, or speaks to another, is heard no more", () => {
  for (const end of ENDS) {
    const good = sent(end, FRAGMENTS[end][0] as Uint8Array);
    for (const [more, why] of [
      [{ source: 2 }, "wrongSource"],
      [{ source: end === "session" ? 10 : 1 }, "wrongSource"],
      [{ destination: 11 }, "wrongDestination"],
      [{ destination: 0xfffc }, "wrongDestination"],
    ] as const) {
      assert.equal(fresh(end, framed(end, 0x49, NOTHING, more), good), [`broken ${why}`], `${end} ${JSON.stringify(more)}`);
    }
  }
});

stream("what its direction or its control octet does not allow is passed over, and shown", () => {
  for (const end of ENDS) {
    const good = sent(end, FRAGMENTS[end][0] as Uint8Array);
    const bad: readonly Uint8Array[] = [
      framed(end, 0x49, NOTHING, { dir: end === "session" ? 0 : 0x80 }),
      framed(end, 0x44, hex("c0 c0 01"), { dir: end === "session" ? 0 : 0x80 }),
      framed(end, 0x44),
      framed(end, 0x54, hex("c0 c0 01")),
      framed(end, 0x43, hex("c0 c0 01")),
      framed(end, 0x49, hex("c0")),
      framed(end, 0x59),
      framed(end, 0x45),
      framed(end, 0x01, hex("c0")),
      framed(end, 0x2b),
      framed(end, 0x02),
    ];
    for (const each of bad) {
      const at = new Dnp3Stream(end, LINK);
      at.feed(each);
      assert.is(at.next(), "passedOver", toHex(each));
      assert.is(toHex(at.brokenOctets), toHex(each, 0, Math.min(32, each.length)));
      assert.is(at.next(), "more");
      assert.equal(heard(at, [good]), [TOLD[end][0]]);
    }
  }
});

stream("what is heard stands to be shown, should it turn out to be no message", () => {
  const at = new Dnp3Stream("session", LINK);
  const octets = sent("session", hex("40 01 3c0206"));
  at.feed(join(framed("session", 0x45), octets));
  at.next();
  assert.is(at.next(), "frame");
  assert.equal([at.broken, toHex(at.brokenOctets)], [null, toHex(octets)]);
});

stream("a conversation: the same octets under the same sequence are one request; to all of them and to one they are two", () => {
  const at = new Dnp3Stream("session", LINK);
  const conversation = new Dnp3Conversation(false);
  const shed = hex("c3 06 0c0117 01 08 03 01 00000000 00000000 00");
  const hear = (destination?: number): string => {
    at.feed(sent("session", shed, 0, destination));
    assert.is(at.next(), "frame");
    const said = conversation.hear(at, 0);
    conversation.answered(NOTHING, 0);
    assert.is(at.next(), "more");
    return said;
  };
  assert.equal([hear(0xfffd), hear(0xfffd), hear(), hear(), hear(0xfffe)], ["request", "repeated", "request", "repeated", "request"]);
});

/** By the far end, what it says and what it is told, octet for octet. */
const SAID: Readonly<Record<End, { readonly status: string; readonly ack: string; readonly nack: string; readonly notSupported: string }>> =
  {
    session: {
      status: "0564050b01000a00",
      ack: "0564050001000a00",
      nack: "0564050101000a00",
      notSupported: "0564050f01000a00",
    },
    device: {
      status: "0564058b0a000100",
      ack: "056405800a000100",
      nack: "056405810a000100",
      notSupported: "0564058f0a000100",
    },
  };

for (const end of ENDS) {
  const { status, ack, nack, notSupported } = SAID[end];
  /** Less the CRC, which the peers' own link checks on the road. */
  const said = (...frames: readonly Uint8Array[]): string[] =>
    fresh(end, ...frames).map((each) => each.replace(/([0-9a-f]{16})[0-9a-f]{4}$/, "$1"));
  const data = sent(end, FRAGMENTS[end][0] as Uint8Array);
  const segment = (fragment: Uint8Array): Uint8Array => join(hex("c0"), fragment);

  stream(`${end}: the link answers by itself`, () => {
    assert.equal(said(framed(end, 0x49)), [status], "REQUEST_LINK_STATUS");
    assert.equal(said(framed(end, 0x40)), [ack], "RESET_LINK_STATES");
    assert.equal(said(framed(end, 0x41)), [notSupported], "RESET_USER_PROCESS");
    assert.equal(said(framed(end, 0x72)), [nack], "TEST_LINK_STATES before a reset");
    assert.equal(said(framed(end, 0x40), framed(end, 0x72), framed(end, 0x52)), [ack, ack, ack], "and after it");
    assert.equal(said(framed(end, 0x00), framed(end, 0x0b), framed(end, 0x01), framed(end, 0x0f)), [], "nothing to what is an answer");
    assert.equal(said(framed(end, 0x49), data), [status, TOLD[end][0]]);
  });

  stream(`${end}: confirmed frames are acknowledged each time, and taken once`, () => {
    const [first, second] = [FRAGMENTS[end][0] as Uint8Array, FRAGMENTS[end][2] as Uint8Array];
    const [one, two] = [TOLD[end][0], TOLD[end][2]];
    assert.equal(said(framed(end, 0x73, segment(first))), [nack], "before a reset nothing is taken");
    const reset = framed(end, 0x40);
    assert.equal(said(reset, framed(end, 0x73, segment(first)), framed(end, 0x73, segment(first)), framed(end, 0x53, segment(second))), [
      ack,
      `${one} + ${ack}`,
      ack,
      `${two} + ${ack}`,
    ]);
    assert.equal(said(reset, framed(end, 0x53, segment(first))), [ack, ack], "the FCB after a reset is 1");
    assert.equal(said(reset, framed(end, 0x72), framed(end, 0x73, segment(first)), framed(end, 0x53, segment(first))), [
      ack,
      ack,
      ack,
      `${one} + ${ack}`,
    ]);
    assert.equal(
      said(reset, framed(end, 0x73, hex("40c5")), framed(end, 0x53, join(hex("81"), first.subarray(1)))),
      [ack, ack, `${one} + ${ack}`],
      "a series",
    );
    assert.equal(said(reset, framed(end, 0x73, hex("81c5"))), [ack, `passedOver badOrder + ${ack}`], "taken, and of no use");
  });
}

stream.run();
