/** TLS on DNP3's ports: records and octets counted in the summary, each direction for itself; not a line, nothing malformed. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ACK, answer, type Octets, SERVER, SYN, segment, u16 } from "../capture/packets.ts";
import { decodeFrames, linkFrames, POLL } from "./dnp3Made.ts";

const tls = suite("inspect/dnp3Tls");

const CONTENT = { changeCipherSpec: 20, alert: 21, handshake: 22, applicationData: 23 } as const;
const record = (type: number, length: number, minor = 3): number[] => [
  type,
  3,
  minor,
  ...u16(length),
  ...Array.from({ length }, (_, i) => (i * 37 + 11) & 255),
];
const hello = record(CONTENT.handshake, 200, 1);
const data = record(CONTENT.applicationData, 50);
const [poll = []] = linkFrames(POLL);

type Turn = readonly ["asks" | "answers", Octets];

/** A connection from the SYN on, one segment for each turn. */
function dialogue(turns: readonly Turn[], port = 20_000, opens = true): number[][] {
  const to = [SERVER, port] as const;
  const back = { from: to };
  const frames = opens ? [segment({ to, seq: 99, flags: SYN }), answer({ ...back, seq: 499, ack: 100, flags: SYN | ACK })] : [];
  let client = 100;
  let server = 500;
  for (const [who, payload] of turns) {
    frames.push(
      who === "asks" ? segment({ to, seq: client, ack: server, payload }) : answer({ ...back, seq: server, ack: client, payload }),
    );
    if (who === "asks") client += payload.length;
    else server += payload.length;
  }
  return frames;
}

const SESSION: readonly Turn[] = [
  ["asks", hello],
  ["answers", [...record(CONTENT.handshake, 900), ...record(CONTENT.changeCipherSpec, 1), ...data]],
  ["asks", [...record(CONTENT.changeCipherSpec, 1), ...data]],
  ["answers", data],
  ["asks", record(CONTENT.alert, 26)],
];
const SAID = "1 TLS connection on DNP3 ports, not decoded: 4 records (297 octets) to the server, 4 records (1021 octets) from it";

for (const [name, port, dnp3Ports] of [
  ["20000", 20_000, []],
  ["19999", 19_999, []],
  ["a stated port", 20_001, [20_001]],
] as const) {
  for (const opens of [true, false])
    tls(`a session on ${name}, ${opens ? "from its SYN on" : "begun before the capture"}: counts, and no line`, async () => {
      const frames = dialogue(SESSION, port, opens);
      assert.equal(await decodeFrames(frames, { dnp3Ports }), {
        lines: [],
        said: [`FILE: 0 messages in ${frames.length} frames; ${SAID}`],
      });
    });
}

tls("however it is split, the counts are the same", async () => {
  for (const size of [1, 2, 3, 4, 5, 7, 64]) {
    const turns = SESSION.flatMap(([who, octets]) =>
      Array.from({ length: Math.ceil(octets.length / size) }, (_, i): Turn => [who, octets.slice(i * size, (i + 1) * size)]),
    );
    const { lines, said } = await decodeFrames(dialogue(turns));
    assert.equal([lines, said], [[], [`FILE: 0 messages in ${turns.length + 2} frames; ${SAID}`]], `pieces of ${size}`);
  }
});

tls("every version from 3.0 to 3.4 and every content type from 20 to 23, and no other", async () => {
  const counted = async (type: number, minor: number, length = 40): Promise<boolean> => {
    const octets = [type, 3, minor, ...u16(length), ...new Array(40).fill(0)];
    return (await decodeFrames(dialogue([["asks", octets]]))).said.some((words) => words.includes("1 TLS connection "));
  };
  for (const type of [19, 20, 21, 22, 23, 24])
    for (const minor of [0, 1, 2, 3, 4, 5])
      assert.is(await counted(type, minor), type > 19 && type < 24 && minor < 5, `${type} 3.${minor}`);
  assert.equal([await counted(23, 3, 18_432), await counted(23, 3, 18_433)], [true, false]);
});

tls("octets that were lost: inside a record it goes on, elsewhere where a segment begins with one", async () => {
  const to = [SERVER, 20_000] as const;
  const at = (seq: number, payload: Octets): number[] => segment({ to, seq, payload });
  const syn = segment({ to, seq: 99, flags: SYN });
  const inside = await decodeFrames([syn, at(100, hello.slice(0, 50)), at(160, hello.slice(60)), at(305, data)]);
  assert.equal(inside, {
    lines: [],
    said: [
      "FILE: 0 messages in 4 frames; 1 gap (10 octets lost); 1 TLS connection on DNP3 ports, not decoded: 2 records (250 octets) to the server, 0 records (0 octets) from it",
    ],
  });
  const across = await decodeFrames([syn, at(100, hello), at(400, data.slice(20)), at(435, data)]);
  assert.equal(across, {
    lines: [],
    said: [
      "FILE: 0 messages in 4 frames; 1 gap (95 octets lost); 1 TLS connection on DNP3 ports, not decoded: 2 records (295 octets) to the server, 0 records (0 octets) from it",
    ],
  });
});

tls("a capture that begins inside a record: counted from the first segment that begins with one", async () => {
  const frames = dialogue(
    [
      ["asks", data.slice(20)],
      ["asks", data],
    ],
    20_000,
    false,
  );
  assert.equal(await decodeFrames(frames), {
    lines: [],
    said: [
      "FILE: 0 messages in 2 frames; 1 place with octets that are no DNP3; 1 TLS connection on DNP3 ports, not decoded: 1 record (55 octets) to the server, 0 records (0 octets) from it",
    ],
  });
});

tls("what only begins like a record is no TLS, and is told as octets that are no DNP3", async () => {
  const { lines, said } = await decodeFrames(
    dialogue([
      ["asks", [22, 3]],
      ["asks", [3, 0xff, 0xff, 1, 1, 1]],
    ]),
  );
  assert.equal([lines, said], [[], ["FILE: 0 messages in 4 frames; 1 place with octets that are no DNP3"]]);
});

tls("no frame hides behind a header or inside a record that was put before it: it is a line, and what follows is DNP3", async () => {
  const { lines } = await decodeFrames(
    dialogue([
      ["asks", [23, 3, 3, ...u16(16_000), ...poll]],
      ["asks", data],
      ["asks", [...data, ...poll]],
    ]),
  );
  assert.equal(
    lines.map(({ frame, application, malformed }) => [frame, application?.function, malformed]),
    [
      [3, 1, null],
      [5, 1, null],
    ],
  );
});

tls("plain DNP3 on 19999 is read, and a frame whose octets look like a record is a frame", async () => {
  const looks = linkFrames([0xc0, 2, 110, 55, 0x17, 1, 0, ...data]);
  const [frame = []] = looks;
  const at = frame.findIndex((octet, i) => octet === 23 && frame[i + 1] === 3);
  const { lines, said } = await decodeFrames(
    dialogue(
      [
        ["asks", frame.slice(0, at)],
        ["asks", frame.slice(at)],
        ["answers", poll],
      ],
      19_999,
    ),
  );
  assert.ok(at > 0);
  assert.equal([lines.map(({ frame }) => frame), said], [[4, 5], []]);
});

tls("a thousand connections are one sentence; records of no known direction are told as such", async () => {
  const one = (n: number, port: number): number[] =>
    segment({ from: [[10, 2, n >> 8, n & 255], port], to: [SERVER, 20_000], seq: 1, payload: data });
  const many = await decodeFrames(Array.from({ length: 1_000 }, (_, n) => one(n, 40_000)));
  assert.equal(many.said, [
    "FILE: 0 messages in 1000 frames; 1000 TLS connections on DNP3 ports, not decoded: 1000 records (55000 octets) to the server, 0 records (0 octets) from it",
  ]);
  assert.equal((await decodeFrames([one(0, 20_000)])).said, [
    "FILE: 0 messages in 1 frames; 1 TLS connection on DNP3 ports, not decoded: 0 records (0 octets) to the server, 0 records (0 octets) from it, 1 record (55 octets) of unknown direction",
  ]);
});

tls.run();
