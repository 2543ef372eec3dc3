/**
 * Zero bytes of a denied request reach a device: 200,000 mixed requests over many sessions and four devices. Every request is unique by its
 * octets, what may pass is worked out by the test from how it made the request, and each device keeps every octet it was sent.
 */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { House, until } from "#test/support/house";
import { adu } from "#test/support/operator";
import { Plc } from "#test/support/plc";

const TOTAL = 200_000;
const SESSIONS_PER_ASSET = 3;
const AT_ONCE = 12;
const ASSETS = ["plc", "two", "three", "four"];

const POLICY = `policy: zero
version: 1
never:
  - { id: guarded, deny: write, on: "*", table: holding, addresses: 50-59 }
roles:
  hmi:
    - { id: read, allow: read, on: "*" }
    - { id: write, allow: write, on: "*", table: holding, addresses: 0-99, values: { min: 0, max: 29999 } }
    - { id: coils, allow: write, on: "*", table: coil, addresses: 0-63 }
bindings:
  - { role: hmi, source: 127.0.0.0/8, kind: machine, accept_unauthenticated: true }
`;

interface Asked {
  readonly pdu: Buffer;
  readonly unit: number;
  readonly mayPass: boolean;
}

/** A small deterministic generator: the same run every time. */
function generator(seed: number): (n: number) => number {
  let state = seed >>> 0;
  return (n) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 0x1_0000_0000) * n);
  };
}

/** Request number `i` of an asset; `i` makes it unique: it stands in the address and the value. */
function make(i: number, random: (n: number) => number): Asked {
  const word = (n: number): number[] => [(n >> 8) & 0xff, n & 0xff];
  const value = i % 30_000;
  const far = 100 + (i % 60_000);
  const denied = (...octets: number[]): Asked => ({ pdu: Buffer.from(octets), unit: 1, mayPass: false });
  const kind = random(100);
  if (kind < 3) return { pdu: Buffer.from([6, ...word(random(50)), ...word(value)]), unit: 1, mayPass: true };
  if (kind < 4)
    return { pdu: Buffer.from([16, 0, 60, 0, 3, 6, ...word(value), ...word(i % 25_000), ...word(random(100))]), unit: 1, mayPass: true };
  if (kind < 30) return { pdu: Buffer.from([3, ...word(i % 65_000), 0, 1 + random(60)]), unit: 1, mayPass: true };
  if (kind < 45) return denied(6, ...word(far), ...word(value));
  if (kind < 55) return denied(6, ...word(random(50)), ...word(30_000 + (i % 35_000)));
  if (kind < 60) return denied(6, ...word(50 + random(10)), ...word(value));
  if (kind < 65) return denied(16, ...word(far), 0, 2, 4, ...word(value), ...word(i & 0xffff));
  if (kind < 68) return denied(16, 0, 45, 0, 10, 20, ...Array.from({ length: 10 }, (_, k) => word((value + k) % 29_999)).flat());
  if (kind < 71) return denied(5, ...word(64 + (i % 65_000)), 0xff, 0);
  if (kind < 74) return denied(15, ...word(60 + (i % 1000)), 0, 16, 2, i & 0xff, (i >> 8) & 0xff);
  if (kind < 78) return denied(22, ...word(random(50)), 0xff, i & 0xff, 0x00, (i >> 8) & 0xff);
  if (kind < 82) return denied(23, ...word(i % 60_000), 0, 2, ...word(far), 0, 1, 2, ...word(value));
  if (kind < 84) return denied(21, 9, 6, ...word(1 + (i % 60_000)), ...word(i % 9000), 0, 1, ...word(value));
  if (kind < 86) return denied(20, 7, 6, ...word(1 + (i % 60_000)), ...word(i % 9000), 0, 1);
  if (kind < 88) return denied(90, i & 0xff, 0x23, ...word(i & 0xffff));
  if (kind < 90) return denied(65 + random(8), ...word(i & 0xffff), ...word(value));
  if (kind < 91) return denied(8, 0, 4, ...word(i & 0xffff));
  if (kind < 92) return denied(43, 13, ...word(i & 0xffff));
  if (kind < 94) return denied(16, 0, 1, 0, 2, 4, ...word(value), ...word(i & 0xffff), 0);
  if (kind < 96) return denied(6, 0, 1, ...word(value), i & 0xff);
  if (kind < 97) return denied(15, 0, 0, 0, 3, 1, 0xf8 | (i & 7));
  if (kind < 98) return denied(3, ...word(i & 0xffff), 0, 0);
  return { pdu: Buffer.from([6, ...word(random(50)), ...word(value)]), unit: 2 + random(200), mayPass: false };
}

const zero = suite("gateway/zero bytes");

zero("of 200,000 mixed requests not one octet of a denied one reaches a device", async () => {
  const plcs = await Promise.all(
    ASSETS.map(async () => {
      const plc = new Plc();
      plc.keep = false;
      await plc.listen();
      return plc;
    }),
  );
  const extra = ASSETS.slice(1)
    .map(
      (name, i) =>
        `  ${name}:\n    protocol: modbus-tcp\n    address: 127.0.0.1:${plcs[i + 1]?.port}\n    units: [1]\n    addressing: zero-based\n    points: points.csv\n    sessions_per_identity: 16\n    upstream: { outstanding: 4 }\n`,
    )
    .join("");
  const house = await House.open({
    plc: plcs[0] as Plc,
    policy: POLICY,
    listeners: ASSETS.map((asset) => `  - { asset: ${asset}, interface: lo, port: 0, tls: none, from: [127.0.0.0/8] }`).join("\n"),
    asset: `    sessions_per_identity: 16\n    upstream: { outstanding: 4 }\n${extra}`,
  });
  try {
    const passed: { arrived: Map<string, number>; allowed: Map<string, number>; octets: number }[] = plcs.map((plc) => {
      const account = { arrived: new Map<string, number>(), allowed: new Map<string, number>(), octets: 0 };
      plc.seen = (frame) => {
        count(account.arrived, frame.subarray(6).toString("latin1"));
        account.octets += frame.length;
      };
      return account;
    });
    let answeredAsDenied = 0;
    let denied = 0;
    await Promise.all(
      ASSETS.flatMap((_, a) =>
        Array.from({ length: SESSIONS_PER_ASSET }, async (_unused, s) => {
          const operator = await house.plain(a);
          const random = generator(1000 * a + s);
          const account = passed[a] as (typeof passed)[number];
          const share = Math.ceil(TOTAL / ASSETS.length / SESSIONS_PER_ASSET);
          for (let done = 0; done < share; done += AT_ONCE) {
            const batch: Asked[] = [];
            for (let k = 0; k < Math.min(AT_ONCE, share - done); k++) batch.push(make((done + k) * SESSIONS_PER_ASSET + s, random));
            const first = done & 0xffff;
            operator.socket.write(Buffer.concat(batch.map((asked, k) => adu(asked.pdu, asked.unit, (first + k) & 0xffff))));
            for (const asked of batch) {
              if (asked.mayPass) count(account.allowed, String.fromCharCode(asked.unit) + asked.pdu.toString("latin1"));
              else denied += 1;
            }
            const answers = await Promise.all(batch.map((_asked, k) => operator.answerTo((first + k) & 0xffff, 30_000)));
            answers.forEach((answer, k) => {
              const refused = ((answer[0] as number) & 0x80) !== 0 && (answer[1] === 1 || answer[1] === 3);
              if (refused && !batch[k]?.mayPass) answeredAsDenied += 1;
            });
            operator.answers.length = 0;
          }
        }),
      ),
    );
    await until(() => house.gateway.road.tickets.inUse === 0, "everything is answered");
    let requests = 0;
    plcs.forEach((plc, a) => {
      const { arrived, allowed, octets } = passed[a] as (typeof passed)[number];
      assert.is(plc.octets, octets, "every octet at the device belongs to a whole request");
      for (const [request, times] of arrived) {
        assert.is(times, allowed.get(request) ?? 0, `at ${ASSETS[a]}: ${Buffer.from(request, "latin1").toString("hex")}`);
        requests += times;
      }
      for (const [request, times] of allowed) assert.is(arrived.get(request) ?? 0, times, "every allowed request arrived, once");
    });
    assert.is(answeredAsDenied, denied, "every denied request was answered as denied");
    assert.ok(requests > TOTAL / 5 && denied > TOTAL / 2, `${requests} allowed, ${denied} denied`);
    console.log(`${requests + denied} requests: ${requests} reached a device, ${denied} denied, 0 octets of them at a device`);
  } finally {
    await house.close();
    for (const plc of plcs.slice(1)) await plc.close();
  }
});

function count(map: Map<string, number>, key: string): void {
  map.set(key, (map.get(key) ?? 0) + 1);
}

zero.run();
