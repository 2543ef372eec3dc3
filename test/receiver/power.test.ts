/** Power loss (RULINGS 41): whatever disk the recorded calls of a life may leave opens to a state that the store was in, none older than was called durable. */
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { SeenStore } from "#receiver/seenStore";
import { Disk, putDown } from "../audit/disk.ts";
import { InjectedFiles, SystemError } from "../audit/injected.ts";
import { MEMORY, scratch } from "../audit/logs.ts";
import { addsUp, admitted, at, stateOf, T0, take } from "./stores.ts";

const power = suite("receiver/power");
const STEP = Number(process.env.PENSTOCK_POWER ?? 37);

function* torn(octets: Uint8Array): Generator<number> {
  for (let i = 1; i < octets.length; i++) if (i % STEP === 0 || i < 3 || i > octets.length - 3) yield i;
}

power("every disk of a life with batches, a failed write, a journal written anew, a clean end and a second start", async () => {
  const root = scratch(MEMORY);
  const life = path.join(root, "life");
  const directory = path.join(life, "receiver");
  const files = new InjectedFiles();
  files.sync = false;
  files.partial = 30;
  const states: string[] = [""];
  const open = () => SeenStore.open({ directory, files, letBe: 700 }, at(0));
  /** `durable`: of the states the one that was called durable last. */
  const flush = async (of: SeenStore): Promise<void> => {
    states.push(stateOf(of));
    const state = states.length - 1;
    if (await of.flush()) files.events.push({ is: "told", durable: state });
  };
  let of = await open();
  let seq = 0;
  let epoch = 1;
  const some = (count: number): void => {
    for (let i = 0; i < count; i++, seq += i % 3 === 2 ? 2 : 1) take(of, admitted(of, `s${epoch}`, epoch), seq, { samples: 2 });
    of.tell(admitted(of, `s${epoch}`, epoch), 0, T0, { offered: seq, sent: seq, droppedAtSource: 0, closed: epoch > 1 }, at(0));
  };
  for (let batch = 0; batch < 3; batch++) {
    some(4);
    await flush(of);
  }
  let broken = true;
  files.before = ({ op, file }) => {
    if (broken && op === "write" && file.endsWith("journal")) throw new SystemError("EIO");
  };
  some(2);
  await flush(of);
  broken = false;
  await flush(of);
  epoch = 2;
  seq = 0;
  for (let batch = 0; batch < 5; batch++) {
    some(3);
    await flush(of);
  }
  await of.close();
  of = await open();
  some(3);
  await flush(of);
  await of.close();

  const place = path.join(root, "place");
  const disk = new Disk(new Map());
  const tried = new Map<string, number>();
  let count = 0;
  for (const [after, event] of files.events.entries()) {
    disk.see(event);
    for (const image of disk.images(torn)) {
      if ((tried.get(image.digest) ?? -1) >= disk.told) continue;
      tried.set(image.digest, disk.told);
      putDown(image.files, life, place);
      const quiet = new InjectedFiles();
      quiet.sync = false;
      const again = await SeenStore.open({ directory: path.join(place, "receiver"), files: quiet }, at(0));
      const words = `after event ${after} of ${files.events.length}, ${image.words}`;
      assert.is(again.loss, null, words);
      assert.ok(states.lastIndexOf(stateOf(again)) >= disk.told, words);
      addsUp(again);
      assert.ok(await again.flush(), words);
      await again.close();
      count += 1;
    }
  }
  assert.ok(count > 100, `${count} disks`);
  console.log(`${files.events.length} events, ${count} disks`);
});

power.run();
