/**
 * A receiver under frames in any order: lost, repeated, late, forged, and told by a sender that has the key and lies; restarts and crashes amid
 * them. No sample is told twice, none of a frame that was damaged, and the ledger adds up.
 *
 *     two octets each     what happens, and to which frame
 */
import { HEADER, KIND, TAG } from "#oneway/frame";
import type { Row } from "#receiver/ledger";
import { NameBook } from "#receiver/names";
import { type Outlet, Reception } from "#receiver/reception";
import { SeenStore } from "#receiver/seenStore";
import { Sealer } from "#sealing/frames";
import { millis, wallMillis } from "#wire";
import { MemoryFiles } from "../../receiver/memoryFiles.ts";
import { accepted, must, refused, type Target } from "../target.ts";
import { GROUP, KEY, STREAM, startOf, T0 } from "./oneway.ts";

const FIRST = startOf(1, 0, T0);
const FRAMES: readonly Uint8Array[] = [...FIRST, ...startOf(2, 1_000, T0 + 60_000)];
const NOW = wallMillis(T0 + 120_000);
/** Things that happen, of one input. */
const MOST = 200;

export const onewayReception: Target = {
  name: "onewayReception",
  limitMs: 100,
  inputs: 50_000,
  most: 2 * MOST,
  text: false,
  dictionary: [Uint8Array.of(6, 0), Uint8Array.of(7, 0), Uint8Array.of(5, 20), Uint8Array.of(4, 3)],
  corpus: () => [
    new Uint8Array(2 * FRAMES.length),
    Uint8Array.from({ length: 2 * FRAMES.length }, (_, i) => (i % 14 === 0 ? 5 : 0)),
    Uint8Array.from({ length: 200 }, (_, i) => (i % 2 === 0 ? 4 : (i * 37) % 160)),
    Uint8Array.from({ length: 160 }, (_, i) => (i % 20 === 10 ? 6 : i % 20 === 18 ? 7 : 0)),
    Uint8Array.from({ length: 160 }, (_, i) => (i % 6 === 0 ? 8 : i % 2 === 1 ? i : 9)),
    Uint8Array.from({ length: 300 }, (_, i) => (i % 2 === 0 ? [0, 4, 10, 0, 6, 11][(i / 2) % 6] : i % 80) as number),
  ],
  async run(input) {
    const far = await Far.open();
    let next = 0;
    let damaged = 0;
    let lies = 0;
    for (let at = 0; at + 1 < input.length; at += 2) {
      const [what, which] = [(input[at] as number) % 12, input[at + 1] as number];
      const frame = FRAMES[which % FRAMES.length] as Uint8Array;
      if (what <= 3 || what === 9) far.take(FRAMES[next++ % FRAMES.length] as Uint8Array);
      else if (what === 4) far.take(frame);
      else if (what === 5) next += which % GROUP;
      else if (what === 6) await far.restart(false);
      else if (what === 7) await far.restart(true);
      else if (what === 8) {
        const before = far.told;
        far.take(damagedOf(frame, which, input[at - 1] ?? 0));
        must(far.told === before, "a damaged frame is told");
        damaged += 1;
      } else if (what === 10) far.giveUp();
      else {
        far.take(lieOf(which, input[at - 1] ?? 0, ++lies));
      }
    }
    await far.flush();
    mustAddUp(far, lies > 0);
    const kept = far.told;
    const word = `${Math.min(8, kept >> 4)} told, ${far.codes()}, ${damaged > 0}, ${lies > 0}`;
    return kept > 0 ? accepted(word) : refused(word);
  },
};

function damagedOf(frame: Uint8Array, which: number, more: number): Uint8Array {
  const damaged = frame.slice();
  const at = (which * 7 + more * 31) % frame.length;
  damaged[at] = (damaged[at] as number) ^ (1 << (more % 8));
  return damaged;
}

/** Sealed with the key, under a salt of its own: what it says of its code, its place and its content is anything. */
function lieOf(which: number, more: number, lies: number): Uint8Array {
  const content = new Uint8Array(256 + 16 * (more % 4)).map((_, i) => (i < 6 ? (T0 / 256 ** i) & 0xff : 0));
  if (which % 3 === 0) content.set([2, 20, 0, which % 3, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, more % 8, 0, 0, 0, 0, 0, 0, 0], 6);
  if (which % 3 === 1) content.set([6, 18, 0, more % 4, 1, 2, 3, 4, which, 0, 0, 0, which, 0, 0, 0, 0, 0, 0, 0, more % 2], 6);
  if (which % 7 === 6) content[20] = 255;
  const header = {
    kind: which % 5 === 4 && more % 3 > 0 ? KIND.repair : KIND.source,
    stream: STREAM,
    keyId: KEY.id,
    epoch: 1 + (which % 4),
    sequence: which % 2 === 0 ? lies : (which * 2 ** (more % 40)) % 2 ** 47,
    sources: 1 + (more % 5),
    repairs: more % 3,
    depth: 1 + (which % 3),
    length: content.length,
  };
  const frame = new Uint8Array(HEADER + content.length + TAG);
  const isCode = header.kind === KIND.source || header.repairs > 0;
  new Sealer(KEY, STREAM, new Uint8Array(16).fill(200 + (which % 2))).seal(
    frame,
    isCode ? header : { ...header, kind: KIND.source },
    content,
  );
  return frame;
}

class Far {
  readonly #files = new MemoryFiles();
  #store: SeenStore;
  #names: NameBook;
  #reception: Reception;
  /** On the disk, and since then. */
  #kept: string[] = [];
  #fresh: string[] = [];
  #ms = 0;

  static async open(): Promise<Far> {
    const files = new MemoryFiles();
    const names = await namesOf(files);
    return new Far(files, await storeOf(files), names);
  }

  private constructor(files: MemoryFiles, store: SeenStore, names: NameBook) {
    this.#files = files;
    this.#store = store;
    this.#names = names;
    this.#reception = this.#begin();
  }

  #begin(): Reception {
    const outlet: Outlet = {
      samples: (samples) => {
        for (const { id, value } of samples) this.#fresh.push(`${id} ${String(value)}`);
      },
      text() {},
      births() {},
      raise() {},
    };
    return new Reception([{ stream: STREAM, keys: [KEY], checkpointKey: null }], this.#names, this.#store, outlet);
  }

  get told(): number {
    return this.#kept.length + this.#fresh.length;
  }

  get lines(): readonly string[] {
    return this.#kept;
  }

  get rows(): readonly Row[] {
    return this.#store.ledger.rows(STREAM);
  }

  codes(): string {
    return [...this.#reception.rejected.keys()].sort().join(" ");
  }

  take(frame: Uint8Array): void {
    this.#reception.take(frame, millis(this.#ms++), NOW);
  }

  giveUp(): void {
    this.#ms += 10_000;
    this.#reception.tick(millis(this.#ms), NOW);
    this.#store.tick(millis(this.#ms), NOW);
  }

  async flush(): Promise<void> {
    must(await this.#store.flush(), "the disk took nothing");
    this.#kept.push(...this.#fresh);
    this.#fresh = [];
  }

  /** After a crash what was not on the disk was not told either. */
  async restart(crashes: boolean): Promise<void> {
    if (!crashes) await this.flush();
    this.#fresh = [];
    if (!crashes) await this.#store.close();
    this.#store = await storeOf(this.#files);
    this.#reception = this.#begin();
  }
}

function storeOf(files: MemoryFiles): Promise<SeenStore> {
  return SeenStore.open({ directory: "/seen", files }, NOW);
}

/** Points are known from the start: a sample then is told when it is booked. */
async function namesOf(files: MemoryFiles): Promise<NameBook> {
  const names = await NameBook.open("/names", files);
  const of = names.of(STREAM);
  of.setGateway("gate");
  for (const id of [1, 2]) of.setPoint({ id, asset: "a", point: `p${id}`, type: "int32", unit: "", description: "" });
  return names;
}

function mustAddUp(far: Far, isLied: boolean): void {
  const ids = far.lines.map((line) => line.split(" ")[0]);
  must(new Set(ids).size === ids.length, "a sample id is told twice");
  const values = far.lines.filter((line) => !/^7-c[89]/.test(line)).map((line) => line.split(" ")[1]);
  must(new Set(values).size === values.length, "a sample is told under two ids");
  let booked = 0;
  for (const { class: of, state, sent, offered, droppedAtSource, received, repaired, late, lost, disputed } of far.rows) {
    if (of === "samples") booked += received + repaired + late;
    if (sent !== null) must(offered === sent + (droppedAtSource ?? 0), "offered is not what was sent and dropped");
    if (state === "closed")
      must(sent !== null && sent + disputed === received + repaired + late + (lost ?? 0), "a closed minute that does not add up");
    if (state === "closed" && !isLied) must(disputed === 0, "disputed, and nobody lied");
  }
  must(isLied ? booked >= ids.length : booked === ids.length, `${booked} booked, ${ids.length} told`);
}
