/** DNP3 over mutual TLS at both ends: masters to the gateway, and the gateway to the outstation (IEC 62351-3 practice). */
import { rmSync, writeFileSync } from "node:fs";
import type net from "node:net";
import path from "node:path";
import tls from "node:tls";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { range } from "#test/peers/dnp3/builders";
import { Outstation } from "#test/peers/dnp3/outstation";
import { type Authority, authority, CLIENT_AUTH, type Made, SERVER_AUTH } from "#test/support/certificates";
import { House, until } from "#test/support/house";
import { FEEDER_POINTS, FEEDER_POLICY, plantPki, Substation } from "#test/support/substation";

interface Context {
  station: Substation | null;
  server: tls.Server | null;
}

const secure = suite<Context>("gateway/dnp3/secure");
secure.after.each(async (context) => {
  await context.station?.close();
  context.server?.close();
  context.station = null;
  context.server = null;
});

const devices: Authority = authority("Device CA");

/** An outstation that speaks only to who shows a certificate of the device authority. */
async function opening(
  context: Context,
  device: Made,
  gateway: Made,
  name = "feeder-7",
  list: string | null = null,
): Promise<{ station: Substation; outstation: Outstation; shown: string[] }> {
  const pki = await plantPki();
  const outstation = new Outstation({ unsolicited: false, needsTime: false });
  outstation.add("binaryOutput", 0, true);
  const shown: string[] = [];
  const server = tls.createServer({
    cert: device.chainPem,
    key: device.keyPem,
    ca: devices.pem,
    requestCert: true,
    rejectUnauthorized: true,
  });
  server.on("secureConnection", (socket) => {
    shown.push(String(socket.getPeerCertificate().subject?.CN));
    outstation.attach(socket);
  });
  server.on("tlsClientError", () => {});
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  context.server = server;
  const house = await House.open({
    ...pki.house,
    points: FEEDER_POINTS,
    policy: FEEDER_POLICY,
    outstation: { port: (server.address() as net.AddressInfo).port, owner: null },
    asset: `    tls: { certificate: towards.pem, key: towards.key, ca: devices.pem, name: ${name}${list === null ? "" : ", crl: devices.crl"} }`,
    files: {
      ...pki.house.files,
      "devices.crl": list ?? "",
      "towards.pem": gateway.chainPem,
      "towards.key": gateway.keyPem,
      "devices.pem": devices.pem,
    },
  });
  context.station = new Substation(house, outstation, pki);
  return { station: context.station, outstation, shown };
}

const device = (name = "feeder-7"): Made => devices.issue({ name, dns: [name], extendedKeyUsage: [SERVER_AUTH] });
const towards = (): Made => devices.issue({ name: "gateway-7", extendedKeyUsage: [CLIENT_AUTH] });

secure("the gateway shows its certificate, the outstation its own; requests pass", async (context) => {
  const { station, outstation, shown } = await opening(context, device(), towards());
  const master = await station.operator();
  const reply = await master.read(range(10, 2, 0, 0));
  assert.is(reply.objects.length, 6);
  assert.equal(shown, ["gateway-7"]);
  assert.is(outstation.received.length, 1);
});

secure("an outstation whose certificate has another name, or is another authority's, is asked nothing", async (context) => {
  const { station, outstation } = await opening(context, device("feeder-8"), towards());
  const master = await station.operator("alice", { timeoutMs: 400 });
  await master.read(range(10, 2, 0, 0)).then(
    () => assert.unreachable(),
    (error: Error) => assert.match(error.message, /no answer|timeout|within/i),
  );
  assert.is(outstation.octetsIn, 0);
  const denied = (await station.house.written("decision")).at(-1);
  assert.equal(station.house.gateway.assets.get("plc")?.device?.state === "ready", false, JSON.stringify(denied));
});

secure(
  "an outstation whose certificate was revoked is asked nothing; one that was not is, though the list is past its date",
  async (context) => {
    const [mine, other] = [device(), device()];
    const { station } = await opening(context, mine, towards(), "feeder-7", devices.list({ revoked: [other.serial], endsIn: -1_000 }));
    const master = await station.operator();
    assert.is((await master.read(range(10, 2, 0, 0))).iin2, 0);
    const { road } = station.house.gateway;
    const { deviceChanged } = road;
    const away: string[] = [];
    road.deviceChanged = (line, what, why) => {
      if (what === "away") away.push(why);
      deviceChanged.call(road, line, what, why);
    };
    writeFileSync(path.join(station.house.dir, "devices.crl"), devices.list({ revoked: [mine.serial] }));
    await station.outstation.close();
    await until(() => away.some((why) => /certificateRevoked: .*was revoked/.test(why)), "and it says why not");
    assert.is(station.house.gateway.assets.get("plc")?.device?.state, "down");
    assert.is(station.outstation.received.length, 1);
    writeFileSync(path.join(station.house.dir, "devices.crl"), authority("Another CA").list());
    assert.match(
      JSON.stringify(await station.house.gateway.reload()),
      /devices\.crl:1:1: found a revocation list of .*expected one signed by a CA/,
    );
  },
);

secure(
  "certificates towards the device that do not load keep a gateway from starting; renewed ones serve the next connection",
  async (context) => {
    const { station, shown } = await opening(context, device(), towards());
    await until(() => shown.length === 1, "connected");
    const renewed = devices.issue({ name: "gateway-7-renewed", extendedKeyUsage: [CLIENT_AUTH] });
    writeFileSync(path.join(station.house.dir, "towards.pem"), renewed.chainPem);
    writeFileSync(path.join(station.house.dir, "towards.key"), renewed.keyPem, { mode: 0o600 });
    await station.outstation.close();
    await until(() => shown.length === 2, "connected anew");
    assert.is(shown[1], "gateway-7-renewed");
    rmSync(path.join(station.house.dir, "towards.key"));
    const said = await station.house.gateway.reload();
    assert.match(JSON.stringify(said), /towards\.key/);
  },
);

secure.run();
