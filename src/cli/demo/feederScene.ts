/** The feeder's scene: what an operator may do to a breaker, what nobody may, and whose the events are. */
import { analog, type CrobRequest, classes, clearRestart, crob } from "#test/peers/dnp3/builders";
import type { Reply } from "#test/peers/dnp3/master";
import { parseObjects } from "#test/peers/dnp3/parse";
import { BREAKER, type Desk, SETPOINT } from "./feeder.ts";
import type { Narrator } from "./narrator.ts";
import type { Stage } from "./stage.ts";

const [SELECT, DIRECT_OPERATE, ENABLE_UNSOLICITED] = [3, 5, 20] as const;
/** IEEE 1815-2012 table 11-7. */
const [SUCCESS, NOT_AUTHORIZED] = [0, 9] as const;
const TRIP: CrobRequest = { code: 0x81, count: 1, onTimeMs: 500, offTimeMs: 0 };
const CLOSE = 0x41;

/** @param lastDenial what the log says of it, in its own words */
export async function feederScene(stage: Stage, tell: Narrator, lastDenial: () => Promise<string | undefined>): Promise<void> {
  tell.scene(
    "A feeder's outstation speaks DNP3: otto may trip breaker 52 by select before operate, 100 to 1000 ms, and move the voltage a little",
  );
  const otto = await stage.desk("otto");
  const scada = await stage.desk("scada", "scada");
  const before = stage.feeder.received.length;
  await refusals(otto, tell, lastDenial);
  const leaked = stage.feeder.received.slice(before).filter(({ octets }) => (octets[1] as number) !== 1);
  tell.check("and not one octet of all that reached the outstation", leaked.length === 0);
  const tripped = await otto.master.selectOperate(crob(BREAKER, TRIP));
  const acted = stage.feeder.operated.map(({ index, code }) => `${index} ${code}`).join();
  tell.check(
    "trips breaker 52, 500 ms, by select before operate: done, once",
    statusOf(tripped) === SUCCESS && acted === `${BREAKER} ${0x81}`,
  );
  const raised = await otto.master.request(DIRECT_OPERATE, analog(3, SETPOINT, 21.5));
  tell.check("sets 21.5 kV: done, after the gate has read that 20 kV stand there", statusOf(raised) === SUCCESS);
  await events(stage, scada, tell);
}

async function refusals(otto: Desk, tell: Narrator, lastDenial: () => Promise<string | undefined>): Promise<void> {
  const refused: readonly (readonly [string, number, Uint8Array])[] = [
    ["trips it directly", DIRECT_OPERATE, crob(BREAKER, TRIP)],
    ["selects a close", SELECT, crob(BREAKER, { ...TRIP, code: CLOSE })],
    ["selects the disconnector", SELECT, crob(BREAKER + 1, TRIP)],
    ["selects a pulse of 5 s", SELECT, crob(BREAKER, { ...TRIP, onTimeMs: 5_000 })],
    ["sets 26 kV", DIRECT_OPERATE, analog(3, SETPOINT, 26)],
  ];
  for (const [what, code, objects] of refused) {
    const reply = await otto.master.request(code, objects);
    tell.check(`${what}: refused with status 9, not authorized`, statusOf(reply) === NOT_AUTHORIZED, await lastDenial());
  }
}

async function events(stage: Stage, scada: Desk, tell: Narrator): Promise<void> {
  await scada.master.write(clearRestart());
  await scada.master.request(ENABLE_UNSOLICITED, classes(1, 2, 3));
  stage.feeder.update("binary", 0, false);
  tell.check(
    "breaker 52 opens: the outstation tells it unasked, and SCADA, whose events they are, has it and confirms it",
    await isTold(scada),
  );
}

/** What the trip itself made happen may be told before. */
async function isTold({ master }: Desk): Promise<boolean> {
  for (let i = 0; i < 4; i++) {
    const { objects } = await master.waitForUnsolicited(5_000);
    if (parseObjects(objects, true).some(({ group, items }) => group === 2 && items[0]?.index === 0)) return true;
  }
  return false;
}

function statusOf(reply: Reply): number | undefined {
  return parseObjects(reply.objects, true)[0]?.items[0]?.status;
}
