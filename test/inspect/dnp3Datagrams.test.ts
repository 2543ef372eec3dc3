/** DNP3 over UDP: whole frames in one datagram, fragments over several, and everything a datagram can be besides. */
import * as fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  CLIENT,
  CLIENT6,
  datagram,
  ethernet,
  ipv4,
  ipv6,
  type Octets,
  SERVER,
  SERVER6,
  segment,
  type UdpFields,
  udp,
} from "../capture/packets.ts";
import { type Dnp3Line, decodeFrames, linkFrame, linkFrames, longRead, POLL } from "./dnp3Made.ts";

const datagrams = suite("inspect/dnp3Datagrams");

const [poll = []] = linkFrames(POLL);
const [other = []] = linkFrames([0xc1, 1, 60, 2, 6]);
/** 600 octets in three frames. */
const LONG = longRead(200);

/** Of each line its frame, the function of the fragment it completes, and what is wrong with it. */
const told = (lines: readonly Dnp3Line[]): unknown[] =>
  lines.map(({ frame, application, malformed }) => [frame, application?.function ?? null, malformed]);
const back: UdpFields = { from: [SERVER, 20_000], to: [CLIENT, 40_000] };

datagrams("a datagram is a line with its addresses, whatever its checksum says", async () => {
  for (const checksum of [0, 0xffff]) {
    const { lines, said } = await decodeFrames([datagram({ payload: poll, checksum })]);
    assert.equal(said, []);
    assert.equal(lines, [
      {
        frame: 1,
        time: 1700000000.000001,
        src: "10.0.0.1:40000",
        dst: "10.0.0.2:20000",
        protocol: "dnp3",
        link: { control: 0xc4, source: 1, destination: 10, function: 4, crcOk: true },
        transport: { fir: true, fin: true, seq: 0 },
        application: { function: 1, seq: 0, fir: true, fin: true, con: false, uns: false, iin: null },
        objects: [{ group: 60, variation: 1, qualifier: 6, first: null, last: null, count: null, values: null }],
        malformed: null,
      },
    ]);
  }
});

datagrams("IPv6, and from either end", async () => {
  const there = ethernet(ipv6(udp({ from: [CLIENT6, 40_000], to: [SERVER6, 20_000], payload: poll }), { next: 17 }), { type: 0x86dd });
  const { lines } = await decodeFrames([there, datagram({ ...back, payload: poll })]);
  assert.equal(
    lines.map(({ src, dst }) => [src, dst]),
    [
      ["[fd00::1]:40000", "[fd00::2]:20000"],
      ["10.0.0.2:20000", "10.0.0.1:40000"],
    ],
  );
});

datagrams("several frames in one datagram: a line each", async () => {
  const { lines, said } = await decodeFrames([datagram({ payload: [...poll, ...other, ...poll] })]);
  assert.equal([told(lines), said], [[1, 1, 1].map((frame) => [frame, 1, null]), []]);
});

datagrams("a frame never goes on in the next datagram: what is cut is malformed, and the next one is read", async () => {
  for (let cut = 1; cut < poll.length; cut++) {
    const { lines, said } = await decodeFrames([
      datagram({ payload: [...other, ...poll.slice(0, cut)] }),
      datagram({ payload: poll.slice(cut) }),
      datagram({ payload: poll }),
    ]);
    const [first, ...rest] = told(lines);
    assert.equal(first, [1, 1, null], `cut behind ${cut}`);
    // The header tells whose frame it is only once its CRC is there.
    assert.equal(
      rest,
      [
        [1, null, "truncated"],
        [3, 1, null],
      ].slice(cut < 10 ? 1 : 0),
      `cut behind ${cut}`,
    );
    const places = cut < 10 ? "2 places" : "1 place";
    assert.equal(said, [`FILE: ${lines.length} messages in 3 frames; ${places} with octets that are no DNP3`], `cut behind ${cut}`);
  }
});

datagrams("of a cut frame the line says whose it is", async () => {
  const { lines } = await decodeFrames([datagram({ payload: poll.slice(0, -1) })]);
  const [{ link, transport, objects } = assert.unreachable() as never] = lines;
  assert.equal([link, transport, objects], [{ control: 0xc4, source: 1, destination: 10, function: 4, crcOk: true }, null, null]);
});

datagrams("octets before, between and behind frames are passed over and counted", async () => {
  const junk = [1, 2, 3, 5];
  const { lines, said } = await decodeFrames([
    datagram({ payload: [...junk, ...poll, ...junk, ...other, ...junk] }),
    datagram({ payload: [9] }),
  ]);
  assert.equal(told(lines), [
    [1, 1, null],
    [1, 1, null],
  ]);
  assert.equal(said, ["FILE: 2 messages in 2 frames; 4 places with octets that are no DNP3"]);
});

datagrams("a block whose CRC is wrong: one line, and the frame behind it is read", async () => {
  const bad = poll.with(-1, (poll.at(-1) as number) ^ 1);
  const { lines } = await decodeFrames([datagram({ payload: [...bad, ...poll] })]);
  assert.equal(told(lines), [
    [1, null, "badCrc"],
    [1, 1, null],
  ]);
});

datagrams("a fragment over several datagrams, with others of other addresses, ports and directions between", async () => {
  const parts = linkFrames(LONG);
  const stranger = linkFrames(LONG, { source: 2 }, 7);
  const { lines, said } = await decodeFrames([
    datagram({ payload: parts[0] as Octets }),
    datagram({ payload: stranger[0] as Octets }),
    datagram({ from: [CLIENT, 40_001], payload: parts[1] as Octets }),
    datagram({ ...back, payload: parts[1] as Octets }),
    datagram({ payload: parts[1] as Octets }),
    datagram({ payload: [...(stranger[1] as Octets), ...(parts[2] as Octets)] }),
    datagram({ payload: stranger[2] as Octets }),
  ]);
  assert.equal(said, []);
  assert.equal(told(lines), [
    [1, null, null],
    [2, null, null],
    [3, null, "notStarted"],
    [4, null, "notStarted"],
    [5, null, null],
    [6, null, null],
    [6, 1, null],
    [7, 1, null],
  ]);
  assert.is(lines[6]?.objects?.length, 200);
});

datagrams("a datagram that is missing, or comes before its turn: the series is given up, the next is read", async () => {
  const [first = [], second = [], third = []] = linkFrames(LONG);
  assert.equal(told((await decodeFrames([first, third, second, poll].map((payload) => datagram({ payload })))).lines), [
    [1, null, null],
    [2, null, "outOfSequence"],
    [3, null, "notStarted"],
    [4, 1, null],
  ]);
});

datagrams("a capture that cuts datagrams: whole frames are read, what it lacks is no fault of the sender", async () => {
  const frame = datagram({ payload: [...poll, ...other] });
  for (let lacks = 1; lacks <= other.length + poll.length; lacks++) {
    const { lines, said } = await decodeFrames([frame], { snaplen: frame.length - lacks });
    const whole = lacks <= other.length ? 1 : 0;
    assert.equal(told(lines), [[1, 1, null]].slice(0, whole));
    assert.equal(said, [`FILE: ${whole} messages in 1 frames; 1 datagram cut by the snapshot length`]);
  }
});

datagrams("IP fragments are passed over, the first one too, and said", async () => {
  const { lines, said } = await decodeFrames([
    datagram({ payload: poll }, 0x2000),
    datagram({ payload: poll }, 0x0003),
    datagram({ payload: poll }),
  ]);
  assert.equal(told(lines), [[3, 1, null]]);
  assert.equal(said, ["FILE: 1 messages in 3 frames; frames passed over: 2 IP fragments"]);
});

datagrams("ports: 20000 and those stated, at either end; 19999 and Modbus' own carry none", async () => {
  const to = (port: number): UdpFields => ({ to: [SERVER, port], payload: poll });
  const frames = [
    datagram(to(20_000)),
    datagram(to(20_001)),
    datagram(to(502)),
    datagram(to(19_999)),
    datagram({ ...to(53), from: [CLIENT, 20_001] }),
  ];
  const stated = await decodeFrames(frames, { dnp3Ports: [20_001] });
  assert.equal(told(stated.lines), [
    [1, 1, null],
    [2, 1, null],
    [5, 1, null],
  ]);
  assert.equal(stated.said, ["FILE: 3 messages in 5 frames; frames passed over: 2 other IP"]);
  assert.equal(told((await decodeFrames(frames)).lines), [[1, 1, null]]);
});

datagrams("UDP and TCP between the same ports are two connections", async () => {
  const [first = [], second = [], third = []] = linkFrames(LONG);
  const to = [SERVER, 20_000] as const;
  const { lines } = await decodeFrames([
    datagram({ payload: first }),
    segment({ to, seq: 1, payload: first }),
    segment({ to, seq: 1 + first.length, payload: second }),
    datagram({ payload: second }),
    datagram({ payload: third }),
  ]);
  assert.equal(told(lines), [...[1, 2, 3, 4].map((frame) => [frame, null, null]), [5, 1, null]]);
});

datagrams("of more series than are kept the oldest begins anew", async () => {
  const [first = [], second = [], third = []] = linkFrames(LONG);
  const from = (n: number): Pick<UdpFields, "from"> => ({ from: [[10, 1, n >> 8, n & 255], 40_000] });
  const frames = Array.from({ length: 4_097 }, (_, n) => datagram({ ...from(n), payload: first }));
  const { lines } = await decodeFrames([
    ...frames,
    ...[4_096, 0].flatMap((n) => [second, third].map((payload) => datagram({ ...from(n), payload }))),
  ]);
  assert.equal(told(lines.slice(4_097)), [
    [4_098, null, null],
    [4_099, 1, null],
    [4_100, null, "notStarted"],
    [4_101, null, "notStarted"],
  ]);
});

datagrams("whatever stands in datagrams: no throw, and each whole frame at their beginning is a line", async () => {
  const piece = fc.oneof(
    fc.constantFrom<Octets[]>(poll, other, poll.slice(0, 12), linkFrame([])),
    fc.array(fc.nat(255), { maxLength: 40 }),
  );
  const payload = fc.array(piece, { maxLength: 4 }).map((parts) => parts.flat());
  await fc.assert(
    fc.asyncProperty(fc.array(payload, { maxLength: 8 }), async (payloads) => {
      const { lines } = await decodeFrames(payloads.map((rest) => ethernet(ipv4(udp({ payload: [...poll, ...rest] }), { protocol: 17 }))));
      const firsts = payloads.map((_, i) => lines.find(({ frame }) => frame === i + 1));
      assert.ok(firsts.every((line) => line?.application?.function === 1));
    }),
    { numRuns: 200 },
  );
});

datagrams.run();
