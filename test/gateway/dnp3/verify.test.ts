/** RULINGS 7: `points verify` before an outstation: values by name, and in plain words why there is none. */
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { askDaemon } from "#management/client";
import { FEEDER_POINTS, Substation } from "#test/support/substation";

const verify = suite<{ station: Substation | null }>("gateway/dnp3/verify");
verify.after.each(async (context) => {
  await context.station?.close();
  context.station = null;
});

async function shown(station: Substation): Promise<Record<string, string | null | undefined>> {
  const socket = path.join(station.house.dir, "penstock.sock");
  const { verification, error } = await askDaemon(socket, { ask: "pointsVerify", asset: "plc", points: null, from: 0, uid: 0 }, 20_000);
  if (verification === undefined) throw new Error(error);
  return Object.fromEntries(verification.points.map(({ name, value, why }) => [name, value ?? why]));
}

verify("values in engineering units, outputs and inputs; a point the outstation does not have, one that is not online", async (context) => {
  const station = await Substation.open({ points: `${FEEDER_POINTS}nowhere,,analog-input,900,number,,r,,,,\n` });
  context.station = station;
  station.outstation.update("analog", 0, 412);
  station.outstation.update("binaryOutput", 1, true, { flags: 0x04 });
  const seen = await shown(station);
  assert.equal([seen.breaker_52, seen.setpoint, seen.current], ["1", "20", "41.2"]);
  assert.match(seen.nowhere ?? "", /no such point \(IIN2\.2\): is the index right/);
  assert.not.match(seen.breaker_89 ?? "", /^[01]$/, "a value whose flags say that it cannot be counted on is none");
});

verify("an outstation that keeps silent is told as such", async (context) => {
  const station = await Substation.open({ asset: "    upstream: { timeout: 100ms }" });
  context.station = station;
  station.outstation.onRequest = () => "silent";
  const seen = await shown(station);
  assert.match(seen.breaker_52 ?? "", /does not answer/);
});

verify.run();
