/** Twenty seconds of the soak: the real gateway, everything that happens in the hour at least once, every check. `make soak` is the hour. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { planOf } from "./plan.ts";
import { show } from "./result.ts";
import { soak } from "./soak.ts";

const SECONDS = 20;
/** As many as get through their handshakes on a machine that is busy with other tests; the hour has sixty-four. */
const SESSIONS = 20;
const RATE = 100;
/** What a busy machine may take longer: it ends when everything has happened. */
const PATIENCE_MS = 25_000;
const START_MS = 30_000;
/** The sources as they run in a checkout take more than the one file that ships, and seconds show no trend; `make soak` judges memory. */
const FLATNESS = { growthMb: 60, mostMb: 220, descriptors: 60 };

const short = suite("soak/short");

short(`${SECONDS} s of faults, reloads, renewals, revocations, kill -9: no promise is broken`, async () => {
  const plan = planOf(SECONDS, 20_261_126, SESSIONS, RATE);
  const result = await soak({ ...plan, patienceMs: PATIENCE_MS, startMs: START_MS, certificateMs: 12_000, flatness: FLATNESS });
  assert.ok(result.ok, show(result));
  console.log(show(result));
});

short.run();
