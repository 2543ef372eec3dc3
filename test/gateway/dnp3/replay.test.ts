/**
 * Recorded DNP3 traffic through a gateway that allows all of it: every exchange comes out with the application fragments it went in with, but
 * for the sequence (RULINGS 38). What no policy can grant is listed, capture by capture, and the list is held to what happens.
 */
import tls from "node:tls";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type RecordedFragment, recording, recordings } from "#test/peers/dnp3/recordings";
import { type Account, Puppet, Replay, type Replayed } from "#test/peers/dnp3/replay";
import { authority, type Made, SERVER_AUTH } from "#test/support/certificates";
import { MovedClock, YEAR } from "#test/support/clock";
import { House, until } from "#test/support/house";
import { needCaptures } from "#test/support/need";

const OWNER = "spiffe://plant.example/scada/main";
/** All there are: a rule takes 32 of them. */
const RELAYS = Array.from({ length: 8 }, (_, part) => {
  const codes = Array.from({ length: 32 }, (_each, i) => `"0x${(32 * part + i).toString(16).padStart(2, "0")}"`).join(", ");
  return `    - { id: relays-${part}, allow: operate, on: plc, table: binary-output, broadcast: true, via: [select-before-operate, direct, direct-no-ack], control: { codes: [${codes}] } }`;
}).join("\n");
const POLICY = `policy: everything
version: 1
roles:
  all:
    - { id: look, allow: [read, time, restart, control, configure, authenticate], on: plc }
    - { id: attributes, allow: read, on: plc, table: attribute }
    - { id: indications, allow: [read, write], on: plc, table: indication, broadcast: true }
    - { id: class, allow: [read, events, unsolicited], on: plc, table: class }
    - { id: bi, allow: [read, events, assignClass], on: plc, table: binary-input }
    - { id: di, allow: [read, events, assignClass], on: plc, table: double-bit-input }
    - { id: bo, allow: [read, events, assignClass], on: plc, table: binary-output }
    - { id: co, allow: [read, events, assignClass, freeze], on: plc, table: counter }
    - { id: fc, allow: [read, events, assignClass], on: plc, table: frozen-counter }
    - { id: ai, allow: [read, events, assignClass], on: plc, table: analog-input }
    - { id: fa, allow: [read, events, assignClass], on: plc, table: frozen-analog-input }
    - { id: ao, allow: [read, events, assignClass], on: plc, table: analog-output }
    - { id: os, allow: [read, events], on: plc, table: octet-string }
${RELAYS}
    - { id: volts, allow: operate, on: plc, table: analog-output, broadcast: true, via: [select-before-operate, direct, direct-no-ack] }
    - { id: cleared, allow: freeze, on: plc, table: counter, functions: [9, 10] }
    - { id: files, allow: file, actions: [open, read, write, delete, list], on: plc, files: ["*", "*/*", "*/*/*", "*/*/*/*", "/*", "/*/*"] }
    - { id: states, allow: raw, on: plc, functions: [2/10], opaque: true }
bindings:
  - { role: all, identity: "${OWNER}", kind: machine }
`;

/** Valid when the oldest recording was made, and now. */
const VALID = { startsIn: -25 * YEAR };
let made: { readonly ca: ReturnType<typeof authority>; readonly gateway: Made; readonly scada: Made } | null = null;

function certificates(): NonNullable<typeof made> {
  if (made === null) {
    const ca = authority("Plant CA", VALID);
    const gateway = ca.issue({ name: "gateway", ips: ["127.0.0.1"], extendedKeyUsage: [SERVER_AUTH], ...VALID });
    made = { ca, gateway, scada: ca.issue({ uri: OWNER, ...VALID }) };
  }
  return made;
}

async function replayed(fragments: readonly RecordedFragment[], policy = POLICY): Promise<Replayed> {
  const { ca, gateway, scada } = certificates();
  const puppet = new Puppet();
  const port = await puppet.listen();
  const clock = new MovedClock();
  clock.set = (fragments[0] as RecordedFragment).wallMs - Date.now();
  const house = await House.open({
    policy,
    clock,
    limits: { drainMs: 1 },
    audit: "durable_before: none",
    outstation: { port, owner: OWNER },
    listeners: "  - { asset: plc, interface: lo, port: 0, tls: mutual }",
    site: `tls: { certificate: gateway.pem, key: gateway.key, ca: [ { name: plant, file: ca.pem, may_identify: ["spiffe://plant.example/scada/*"] } ] }`,
    files: { "gateway.pem": gateway.chainPem, "gateway.key": gateway.keyPem, "ca.pem": ca.pem },
  });
  const socket = tls.connect({
    port: house.port(),
    host: "127.0.0.1",
    cert: scada.chainPem,
    key: scada.keyPem,
    ca: ca.pem,
    checkServerIdentity: () => undefined,
  });
  try {
    await new Promise<void>((resolve, reject) => socket.once("secureConnect", resolve).once("error", reject));
    socket.setNoDelay(true);
    const { road } = house.gateway;
    const outstation = await puppet.side;
    await until(() => road.sessions.open.size === 1, "the session is open");
    const [session] = road.sessions.open;
    const account: Account = {
      requests: () => session?.requests ?? 0,
      denials: () => road.stats.denials,
      strays: () => road.stats.strays,
    };
    return await new Replay(socket, outstation, account).run(fragments);
  } finally {
    socket.destroy();
    await house.close();
    await puppet.close();
  }
}

/** Why something does not come out as it went in. */
const REASONS: Readonly<Record<string, string>> = {
  timeNotOurs: "RULINGS 36: a time that is not within two seconds of the clock, which stands where the recording begins",
  retransmission: "RULINGS 35: the same request again is answered with the answer that was stored, or held while it is open",
  notSelected: "RULINGS 35: an OPERATE that does not follow its SELECT; what the certification procedure wants refused",
  badStatus: "RULINGS 35: a command that says of itself what became of it",
  nothingAllows: "index 65535 of a table of numbers, which ends at 16383: no rule reaches it",
  "confirm for nobody": "a CONFIRM under another sequence than what was told, or of what was not passed on",
  truncated: "objects that go on behind the end of the fragment",
  badFunction: "a function the standard does not have",
  "has no answer": "the recorded outstation did not answer, and the master asked on: nothing else is sent to a device meanwhile",
  "answers nothing": "a response before there was a request",
};

/** What does not: why, and which fragments of the recording, counted from 1. */
const EXCEPTIONS: Readonly<Record<string, string>> = {
  "dnp3/iti__direct_operate_crob_malform_but_good_crc.pcap": "truncated 1",
  "dnp3/sv__dnp3-file-read.pcap": "timeNotOurs 6 8",
  "dnp3/sv__dnp3-flood.pcap": "has no answer 2-16 18-32, retransmission 17 33",
  "dnp3/sv__dnp3-toclient-start.pcap": "answers nothing 2",
  "dnp3/sv__dnp3-write.pcap": "timeNotOurs 1",
  "dnp3-conformance/6.6.2.2.pcap": "retransmission 3-4",
  "dnp3-conformance/6.6.2.5.pcap": "retransmission 2-5",
  "dnp3-conformance/8.11.2.3.pcap": "confirm for nobody 9",
  "dnp3-conformance/8.11.2.4.pcap": "confirm for nobody 9",
  "dnp3-conformance/8.11.2.5.pcap": "has no answer 22 26",
  "dnp3-conformance/8.15.2.pcap": "timeNotOurs 8 17",
  "dnp3-conformance/8.2.1.2.11.pcap": "retransmission 3",
  "dnp3-conformance/8.2.1.2.15.pcap": "notSelected 3 5",
  "dnp3-conformance/8.2.1.2.6.pcap": "notSelected 3",
  "dnp3-conformance/8.2.1.2.8.pcap": "notSelected 3",
  "dnp3-conformance/8.4.1.2.12.pcap": "notSelected 3 5",
  "dnp3-conformance/8.4.1.2.5.pcap": "notSelected 3",
  "dnp3-conformance/8.4.1.2.6.pcap": "notSelected 3",
  "dnp3-conformance/8.4.1.2.8.pcap": "retransmission 3",
  "dnp3-conformance/8.4.2.2.2.pcap": "nothingAllows 1",
  "dnp3-conformance/8.4.3.2.2.pcap": "nothingAllows 1",
  "dnp3-conformance/8.4.4.2.pcap": "badStatus 7, nothingAllows 9",
  "dnp3-conformance/8.5.3.2.4.pcap": "confirm for nobody 8",
  "dnp3-conformance/8.5.4.2.4.pcap": "confirm for nobody 8",
  "dnp3-conformance/8.6.2.2.pcap": "badFunction 1",
  "dnp3-conformance/8.7.2.2.pcap": "timeNotOurs 3",
};

const replay = suite("gateway/dnp3/replay");

const total = { recordings: 0, fragments: 0, passed: 0, excepted: 0, answeredHere: 0 };

for (const name of needCaptures() ? recordings() : []) {
  const { fragments } = recording(name);
  // Datagrams, and what is no fragment at all.
  if (fragments.length === 0) continue;
  replay(`${name}: ${fragments.length} fragments, but for ${EXCEPTIONS[name] ?? "nothing"}`, async () => {
    const exceptions: string[] = [];
    for (let connection = 0; connection <= Math.max(...fragments.map((each) => each.connection)); connection++) {
      const own = fragments.filter((each) => each.connection === connection);
      if (own.length === 0) continue;
      const { passed, excepted, answeredHere, exceptions: words } = await replayed(own);
      assert.is(passed + excepted + answeredHere, own.length, `connection ${connection}: every fragment is accounted for`);
      if (words !== "") exceptions.push(words);
      total.passed += passed;
      total.excepted += excepted;
      total.answeredHere += answeredHere;
    }
    total.recordings += 1;
    total.fragments += fragments.length;
    assert.is(exceptions.join(", "), EXCEPTIONS[name] ?? "");
  });
}

replay("RULINGS 36: files, output states and secure authentication pass by rules of their own, and by no others", async () => {
  if (!needCaptures()) return;
  const without = POLICY.replace(/.*id: (files|states),.*\n/g, "").replace(", authenticate]", "]");
  for (const [name, exceptions] of [
    ["iti__auth_change_session_keys", "nothingAllows 1 3"],
    ["iti__file_delete", "nothingAllows 1"],
    ["iti__file_write", "nothingAllows 1, notYourFile 3 5"],
    ["iti__write_binary_output", "opaque 1"],
  ] as const)
    assert.is((await replayed(recording(`dnp3/${name}.pcap`).fragments, without)).exceptions, exceptions, name);
});

replay("every exception has its reason, and every reason an exception; what passed is counted", () => {
  const used = new Set(Object.values(EXCEPTIONS).flatMap((words) => words.split(", ").map((each) => each.replace(/( [0-9-]+)+$/, ""))));
  assert.equal([...used].sort(), Object.keys(REASONS).sort());
  if (total.recordings > 0) assert.equal(total, { recordings: 121, fragments: 1_539, passed: 1_452, excepted: 67, answeredHere: 20 });
});

replay.run();
