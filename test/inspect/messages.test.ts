/** Captures made by hand through `inspect --json`: every function's line, direction, framing, loss. */
import * as fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  ACK,
  adu,
  answer,
  blocks,
  CLIENT,
  CLIENT6,
  ethernet,
  ipv4,
  ipv6,
  type Octets,
  pcap,
  readRequest,
  SERVER,
  SERVER6,
  SYN,
  segment,
  tcp,
} from "../capture/packets.ts";
import { decode, decodeText, type Line } from "./run.ts";

const syn = segment({ seq: 99, flags: SYN });
const synAck = answer({ seq: 499, ack: 100, flags: SYN | ACK });

/** A connection in which the client sends these octets and the server those, one segment each. */
function dialogue(...turns: readonly (readonly ["asks" | "answers", Octets])[]): number[][] {
  const frames = [syn, synAck];
  let client = 100;
  let server = 500;
  for (const [who, payload] of turns) {
    frames.push(who === "asks" ? segment({ seq: client, ack: server, payload }) : answer({ seq: server, ack: client, payload }));
    if (who === "asks") client += payload.length;
    else server += payload.length;
  }
  return frames;
}

/** Of a line, what the message itself says. */
function said({ frame, time, src, dst, protocol, direction, transaction, unit, ...rest }: Line): unknown {
  return rest;
}

const NOTHING = { sub: null, exception: null, first: null, count: null, values: null, malformed: null };
const ascii = (words: string): number[] => [...Buffer.from(words)];

/** Request, reply, and what stands in the two lines besides `NOTHING`. PDU layouts: MODBUS Application Protocol V1.1b3, section 6. */
const FUNCTIONS: readonly (readonly [name: string, request: Octets, asked: object, reply: Octets, answered: object])[] = [
  [
    "1 readCoils",
    [1, 0, 19, 0, 19],
    { function: 1, first: 19, count: 19 },
    [1, 3, 0xcd, 0x6b, 5],
    { function: 1, count: 19, values: [1, 0, 1, 1, 0, 0, 1, 1, 1, 1, 0, 1, 0, 1, 1, 0, 1, 0, 1] },
  ],
  ["2 readDiscreteInputs", [2, 0, 0, 0, 2], { function: 2, first: 0, count: 2 }, [2, 1, 2], { function: 2, count: 2, values: [0, 1] }],
  [
    "3 readHoldingRegisters",
    [3, 0, 107, 0, 3],
    { function: 3, first: 107, count: 3 },
    [3, 6, 2, 0x2b, 0, 0, 0, 0x64],
    { function: 3, count: 3, values: [555, 0, 100] },
  ],
  ["4 readInputRegisters", [4, 0, 8, 0, 1], { function: 4, first: 8, count: 1 }, [4, 2, 0, 10], { function: 4, count: 1, values: [10] }],
  [
    "5 writeSingleCoil on",
    [5, 0, 0xac, 0xff, 0],
    { function: 5, first: 172, values: [1] },
    [5, 0, 0xac, 0xff, 0],
    { function: 5, first: 172, values: [1] },
  ],
  [
    "5 writeSingleCoil off",
    [5, 0, 0xac, 0, 0],
    { function: 5, first: 172, values: [0] },
    [5, 0, 0xac, 0, 0],
    { function: 5, first: 172, values: [0] },
  ],
  [
    "6 writeSingleRegister",
    [6, 0, 1, 0xff, 3],
    { function: 6, first: 1, values: [65_283] },
    [6, 0, 1, 0xff, 3],
    { function: 6, first: 1, values: [65_283] },
  ],
  ["7 readExceptionStatus", [7], { function: 7 }, [7, 0x6d], { function: 7, values: [0x6d] }],
  [
    "8/0 returnQueryData",
    [8, 0, 0, 0xa5, 0x37],
    { function: 8, sub: 0, values: [0xa537] },
    [8, 0, 0, 0xa5, 0x37],
    { function: 8, sub: 0, values: [0xa537] },
  ],
  [
    "8/14 returnServerMessageCount",
    [8, 0, 14, 0, 0],
    { function: 8, sub: 14, values: [0] },
    [8, 0, 14, 1, 2],
    { function: 8, sub: 14, values: [258] },
  ],
  ["11 getCommEventCounter", [11], { function: 11 }, [11, 0xff, 0xff, 1, 8], { function: 11, values: [65_535, 264] }],
  ["12 getCommEventLog", [12], { function: 12 }, [12, 8, 0, 0, 1, 8, 1, 0x21, 0x20, 0], { function: 12, values: [0, 264, 289, 32, 0] }],
  [
    "15 writeMultipleCoils",
    [15, 0, 19, 0, 10, 2, 0xcd, 1],
    { function: 15, first: 19, count: 10, values: [1, 0, 1, 1, 0, 0, 1, 1, 1, 0] },
    [15, 0, 19, 0, 10],
    { function: 15, first: 19, count: 10 },
  ],
  [
    "16 writeMultipleRegisters",
    [16, 0, 1, 0, 2, 4, 0, 10, 1, 2],
    { function: 16, first: 1, count: 2, values: [10, 258] },
    [16, 0, 1, 0, 2],
    { function: 16, first: 1, count: 2 },
  ],
  ["17 reportServerId", [17], { function: 17 }, [17, 3, ...ascii("ab"), 255], { function: 17, values: [97, 98, 255] }],
  [
    "20 readFileRecord",
    [20, 14, 6, 0, 4, 0, 1, 0, 2, 6, 0, 3, 0, 9, 0, 2],
    {
      function: 20,
      groups: [
        { file: 4, record: 1, count: 2, values: null },
        { file: 3, record: 9, count: 2, values: null },
      ],
    },
    [20, 12, 5, 6, 0x0d, 0xfe, 0, 0x20, 5, 6, 0x33, 0xcd, 0, 0x40],
    {
      function: 20,
      groups: [
        { file: null, record: null, count: 2, values: [3582, 32] },
        { file: null, record: null, count: 2, values: [13_261, 64] },
      ],
    },
  ],
  [
    "21 writeFileRecord",
    [21, 13, 6, 0, 4, 0, 7, 0, 3, 6, 0xaf, 4, 0xbe, 0x10, 0x0d],
    { function: 21, groups: [{ file: 4, record: 7, count: 3, values: [1711, 1214, 4109] }] },
    [21, 13, 6, 0, 4, 0, 7, 0, 3, 6, 0xaf, 4, 0xbe, 0x10, 0x0d],
    { function: 21, groups: [{ file: 4, record: 7, count: 3, values: [1711, 1214, 4109] }] },
  ],
  [
    "22 maskWriteRegister",
    [22, 0, 4, 0, 0xf2, 0, 0x25],
    { function: 22, first: 4, values: [242, 37] },
    [22, 0, 4, 0, 0xf2, 0, 0x25],
    { function: 22, first: 4, values: [242, 37] },
  ],
  [
    "23 readWriteMultipleRegisters",
    [23, 0, 3, 0, 6, 0, 14, 0, 2, 4, 0, 255, 1, 1],
    { function: 23, first: 14, count: 2, values: [255, 257], read: { first: 3, count: 6 } },
    [23, 12, 0, 254, 10, 205, 0, 1, 0, 3, 0, 13, 0, 255],
    { function: 23, count: 6, values: [254, 2765, 1, 3, 13, 255] },
  ],
  [
    "24 readFifoQueue",
    [24, 4, 0xde],
    { function: 24, first: 1246 },
    [24, 0, 6, 0, 2, 1, 0xb8, 0x12, 0x84],
    { function: 24, count: 2, values: [440, 4740] },
  ],
  [
    "43/14 readDeviceIdentification",
    [43, 14, 1, 0],
    { function: 43, sub: 14, values: [1, 0] },
    [43, 14, 1, 1, 0, 0, 1, 0, 2, 65, 66],
    { function: 43, sub: 14 },
  ],
  ["43/13 CANopen", [43, 13, 1, 2, 3], { function: 43, sub: 13 }, [43, 13, 9], { function: 43, sub: 13 }],
  ["90 UMAS", [90, 0, 2], { function: 90 }, [90, 0, 254, 1], { function: 90 }],
  ["an exception", [3, 0, 1, 0, 1], { function: 3, first: 1, count: 1 }, [0x83, 2], { function: 3, exception: 2 }],
  [
    "an exception to a function with sub-functions",
    [8, 0, 1, 0, 0],
    { function: 8, sub: 1, values: [0] },
    [0x88, 11],
    { function: 8, exception: 11 },
  ],
];

const test = suite("inspect/messages");

for (const [name, request, asked, reply, answered] of FUNCTIONS) {
  test(name, async () => {
    const lines = await decode(pcap(dialogue(["asks", adu(7, request)], ["answers", adu(7, reply)])));
    assert.is(lines.length, 2);
    assert.equal(said(lines[0] as Line), { ...NOTHING, ...asked });
    assert.equal(said(lines[1] as Line), { ...NOTHING, ...answered });
    assert.equal([lines[0]?.direction, lines[1]?.direction, lines[0]?.transaction, lines[1]?.unit], ["request", "response", 7, 1]);
  });
}

test("a line as DESIGN 9 writes it: keys, order, endpoints, time with every digit", async () => {
  const { text } = await decodeText(pcap(dialogue(["asks", readRequest(1, 2)]), { nano: true }));
  assert.is(
    text,
    '{"frame":3,"time":1700000002.000000003,"src":"10.0.0.1:40000","dst":"10.0.0.2:502","protocol":"modbus","direction":"request",' +
      '"transaction":1,"unit":1,"function":3,"sub":null,"exception":null,"first":2,"count":1,"values":null,"malformed":null}\n',
  );
});

const MALFORMED: readonly (readonly [name: string, pdu: Octets, said: object])[] = [
  ["quantity 0", [3, 0, 5, 0, 0], { function: 3, first: 5, count: 0, malformed: "badQuantity" }],
  ["a coil that is neither on nor off", [5, 0, 5, 1, 0], { function: 5, first: 5, malformed: "badCoilValue" }],
  ["cut short", [6, 0, 5], { function: 6, first: 5, malformed: "truncated" }],
  ["octets behind the end", [6, 0, 5, 0, 1, 9], { function: 6, first: 5, malformed: "trailing" }],
  [
    "FC 23 beyond its quantities",
    [23, 0, 1, 1, 0, 0, 9, 0, 1, 2, 0, 0],
    { function: 23, first: 9, count: 1, read: { first: 1, count: 256 }, malformed: "badQuantity" },
  ],
  ["function 0", [0, 1], { function: 0, malformed: "badFunction" }],
  ["an exception from the client", [0x83, 2], { function: 3, exception: 2, malformed: "badFunction" }],
  ["a PDU of 254 octets", [90, ...new Array(253).fill(0)], { function: 90, malformed: "tooLong" }],
];

for (const [name, pdu, want] of MALFORMED) {
  test(`malformed: ${name}; the message behind it is read`, async () => {
    const lines = await decode(pcap(dialogue(["asks", [...adu(1, pdu), ...readRequest(2, 3)]])));
    assert.is(lines.length, 2);
    assert.equal(said(lines[0] as Line), { ...NOTHING, ...want });
    assert.is(lines[1]?.first, 3);
  });
}

test("coil count: from the request with the same transaction, unit and function; unknown without it", async () => {
  const reply = adu(9, [1, 1, 5]);
  const [known] = (await decode(pcap(dialogue(["asks", adu(9, [1, 0, 0, 0, 3])], ["answers", reply])))).slice(1);
  assert.equal([known?.count, known?.values], [3, [1, 0, 1]]);
  for (const asked of [adu(8, [1, 0, 0, 0, 3]), adu(9, [2, 0, 0, 0, 3])]) {
    const [unknown] = (await decode(pcap(dialogue(["asks", asked], ["answers", reply])))).slice(1);
    assert.equal([unknown?.count, unknown?.values], [null, [1, 0, 1, 0, 0, 0, 0, 0]]);
  }
  const twice = await decode(
    pcap(dialogue(["asks", adu(9, [1, 0, 0, 0, 3])], ["asks", adu(9, [1, 0, 0, 0, 5])], ["answers", reply], ["answers", reply])),
  );
  assert.equal(
    twice.slice(2).map((line) => line.count),
    [5, 3],
  );
});

const request = readRequest(1, 10);
const reply = adu(1, [3, 2, 0, 7]);
const directions = async (frames: readonly Octets[], ports: readonly number[] = []) =>
  (await decode(pcap(frames), ports)).map((line) => line.direction);
const ends = (from: number, to: number) => ({ from: [CLIENT, from], to: [SERVER, to] }) as const;

test("direction: the SYN before the port", async () => {
  const back = { from: [SERVER, 502], to: [CLIENT, 40_000] } as const;
  const frames = [
    segment({ ...back, seq: 9, flags: SYN }),
    segment({ ...back, seq: 10, payload: request }),
    segment({ seq: 5, payload: reply }),
  ];
  assert.equal(await directions(frames), ["request", "response"]);
});

test("direction: the port where there is no SYN; --port names more", async () => {
  assert.equal(await directions([segment({ seq: 10, payload: request }), answer({ seq: 5, payload: reply })]), ["request", "response"]);
  const frames = [segment({ ...ends(40_000, 1502), seq: 10, payload: request })];
  assert.equal(await directions(frames), []);
  assert.equal(await directions(frames, [1502]), ["request"]);
  assert.equal(await directions([segment({ ...ends(1502, 40_000), seq: 10, payload: reply })], [1502]), ["response"]);
});

test("direction: the shape where the ports do not tell; unknown before it is settled", async () => {
  const there = ends(1502, 502);
  const back = { from: there.to, to: there.from };
  const echo = adu(1, [6, 0, 1, 0, 2]);
  const frames = [
    segment({ ...there, seq: 10, payload: echo }),
    segment({ ...back, seq: 90, payload: echo }),
    segment({ ...back, seq: 90 + echo.length, payload: reply }),
    segment({ ...there, seq: 10 + echo.length, payload: echo }),
  ];
  assert.equal(await directions(frames, [1502]), ["unknown", "unknown", "response", "request"]);
  const unknown = await decode(pcap(frames), [1502]);
  assert.equal([unknown[0]?.first, unknown[0]?.values], [1, [2]]);
});

test("messages split over segments and several in one segment; the frame is the one that completes", async () => {
  const all = [...readRequest(1, 1), ...readRequest(2, 2), ...readRequest(3, 3)];
  for (let cut = 1; cut < all.length; cut++) {
    const lines = await decode(pcap(dialogue(["asks", all.slice(0, cut)], ["asks", all.slice(cut)])));
    assert.equal(
      lines.map(({ transaction, frame }) => [transaction, frame]),
      [1, 2, 3].map((n) => [n, 12 * n <= cut ? 3 : 4]),
    );
  }
  const single = await decode(pcap(dialogue(...all.map((octet) => ["asks", [octet]] as const))));
  assert.equal(
    single.map((line) => line.frame),
    [14, 26, 38],
  );
});

test("loss: the side goes on at the next segment that begins with a message", async () => {
  const [first, second, third, fourth] = [1, 2, 3, 4].map((n) => readRequest(n, n)) as [number[], number[], number[], number[]];
  const frames = [
    syn,
    segment({ seq: 100, payload: [...first, ...second.slice(0, 5)] }),
    segment({ seq: 117 + 3, payload: [...second.slice(8), ...third] }), // 3 octets lost
    segment({ seq: 136, payload: fourth }),
  ];
  const transactions = (await decode(pcap(frames))).map((line) => line.transaction);
  assert.equal(transactions, [1, 4]);
});

test("loss on the asking side: its earlier coil counts are not trusted", async () => {
  const asked = adu(9, [1, 0, 0, 0, 3]);
  const frames = [
    syn,
    synAck,
    segment({ seq: 100, payload: asked }),
    segment({ seq: 124, payload: readRequest(2, 2) }), // 12 octets before it are lost
    answer({ seq: 500, ack: 136, payload: adu(9, [1, 1, 5]) }),
  ];
  const lines = await decode(pcap(frames));
  assert.equal(
    lines.map(({ direction, count }) => [direction, count]),
    [
      ["request", 3],
      ["request", 1],
      ["response", null],
    ],
  );
});

test("a start in the middle: a header with something else behind its message is none", async () => {
  const header = [0, 0, 0, 0, 0, 2, 1, 3];
  assert.equal(await decode(pcap([segment({ seq: 1, payload: [...header, 9, 9, 9, 9, 9, 9, 9, 9] })])), []);
  assert.is((await decode(pcap([segment({ seq: 1, payload: [...header, ...readRequest(1, 1)] })]))).length, 2);
});

test("other octets than Modbus on its port give no line, and what follows them is read", async () => {
  const hello = [0x16, 3, 1, 0, 50, 1, 0, 0, 46, 3, 3, ...new Array(44).fill(7)];
  const lines = await decode(
    pcap(dialogue(["asks", hello], ["asks", readRequest(1, 1)], ["asks", ascii("GET / HTTP/1.1\r\n")], ["asks", readRequest(2, 2)])),
  );
  assert.equal(
    lines.map((line) => line.transaction),
    [1, 2],
  );
});

test("another protocol id: a malformed message where messages came before, other octets where not", async () => {
  const other = readRequest(2, 2).with(3, 1);
  assert.equal(await decode(pcap(dialogue(["asks", other]))), []);
  const lines = await decode(pcap(dialogue(["asks", readRequest(1, 1)], ["asks", other], ["asks", readRequest(3, 3)])));
  assert.equal(
    lines.map((line) => line.malformed),
    [null, "badProtocolId", null],
  );
});

test("lines come in capture order though octets do not", async () => {
  const far = ends(40_001, 502);
  const frames = [
    syn,
    segment({ ...far, seq: 199, flags: SYN }),
    segment({ seq: 112, payload: readRequest(2, 2) }), // held
    segment({ ...far, seq: 200, payload: readRequest(1, 100) }),
    segment({ seq: 100, payload: readRequest(1, 1) }), // both complete here
    segment({ ...far, seq: 212, payload: readRequest(2, 200) }),
    segment({ seq: 136, payload: readRequest(4, 4) }), // held; 124..135 are lost
    segment({ ...far, seq: 224, payload: readRequest(3, 300) }),
    answer({ seq: 1, ack: 148, flags: ACK }),
  ];
  const lines = await decode(pcap(frames));
  assert.equal(
    lines.map(({ frame, first }) => [frame, first]),
    [
      [4, 100],
      [5, 1],
      [5, 2],
      [6, 200],
      [7, 4],
      [8, 300],
    ],
  );
});

test("IPv6, VLAN, and a pcapng of several links in one capture; a simple packet block has no time", async () => {
  const v6 = { from: [CLIENT6, 40_000], to: [SERVER6, 502] } as const;
  const six = ipv6(tcp({ ...v6, seq: 1, payload: readRequest(1, 1) }));
  const four = ipv4(tcp({ seq: 1, payload: readRequest(2, 2) }));
  const { section, face, enhanced, simple } = blocks(true);
  const file = [
    ...section(),
    ...face(1),
    ...face(101),
    ...enhanced(1, 1_500_000n, six),
    ...simple(ethernet(four, { tags: [[0x8100, 7]] })),
  ];
  const lines = await decode(Uint8Array.from(file));
  assert.equal(
    lines.map(({ src, dst, time }) => [src, dst, time]),
    [
      ["[fd00::1]:40000", "[fd00::2]:502", 1.5],
      ["10.0.0.1:40000", "10.0.0.2:502", null],
    ],
  );
});

test("whatever stands in the stream, split as it may: no throw, and each line is JSON", async () => {
  const piece = fc.oneof(
    fc.constantFrom(readRequest(1, 1), adu(2, [1, 0, 0, 0, 9]), adu(3, [15, 0, 0, 0, 9, 2, 255, 1])),
    fc.array(fc.nat(255), { maxLength: 30 }),
    fc.tuple(fc.nat(255), fc.array(fc.nat(255), { maxLength: 252 })).map(([code, data]) => adu(4, [code, ...data])),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(fc.constantFrom("asks" as const, "answers" as const), piece), { maxLength: 12 }), async (turns) => {
      const lines = await decode(pcap(dialogue(...turns)));
      for (const line of lines) assert.ok(line.function <= 127 && (line.values ?? []).every(Number.isInteger));
    }),
    { numRuns: 300 },
  );
});

test("the longest lines fit", async () => {
  const bits = [1, 250, ...new Array(250).fill(255)];
  const files = [20, 248, ...new Array(62).fill([3, 6, 255, 255]).flat()];
  const lines = await decode(pcap(dialogue(["answers", [...adu(1, bits), ...adu(2, files)]])));
  assert.equal([lines[0]?.values?.length, lines[1]?.groups?.length], [2000, 62]);
});

test.run();
