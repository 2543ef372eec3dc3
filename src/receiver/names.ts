/** What ids mean: points and askers of each stream, as its births told. They outlast a restart: a copy of last week's may come before a birth. */
import path from "node:path";
import { type Files, makeDirectories, realFiles, writeWhole } from "#disk/files";
import type { PointRecord } from "#oneway/records";
import type { PointInfo } from "./model.ts";

/** Of one stream. */
const MOST_POINTS = 200_000;
const MOST_ASKERS = 65_536;
const FILE = "names.json";

export class Names {
  gateway = "";
  readonly #points = new Map<number, PointInfo>();
  readonly #askers = new Map<number, string>();
  /** Something is not on the disk yet. */
  isChanged = false;
  /** Points changed since the sinks were told. */
  isNews = false;

  get points(): readonly PointInfo[] {
    return [...this.#points.values()];
  }

  point(id: number): PointInfo | undefined {
    return this.#points.get(id);
  }

  asker(id: number): string | undefined {
    return this.#askers.get(id);
  }

  setGateway(gateway: string): void {
    if (gateway === this.gateway) return;
    this.gateway = gateway;
    for (const [id, point] of this.#points) this.#points.set(id, { ...point, gateway });
    this.isChanged = this.isNews = true;
  }

  setPoint({ id, asset, point, type, unit, description }: PointRecord): void {
    const known = this.#points.get(id);
    if (known === undefined && this.#points.size >= MOST_POINTS) return;
    const isSame =
      known?.asset === asset && known.point === point && known.type === type && known.unit === unit && known.description === description;
    if (isSame) return;
    this.#points.set(id, { gateway: this.gateway, asset, point, type, unit, description });
    this.isChanged = this.isNews = true;
  }

  setAsker(id: number, identity: string): void {
    if (this.#askers.get(id) === identity || this.#askers.size >= MOST_ASKERS) return;
    this.#askers.set(id, identity);
    this.isChanged = true;
  }

  toJson(): object {
    return { gateway: this.gateway, points: [...this.#points], askers: [...this.#askers] };
  }

  static from(json: unknown): Names {
    const names = new Names();
    const { gateway, points, askers } = json as { gateway: string; points: [number, PointInfo][]; askers: [number, string][] };
    names.gateway = gateway;
    for (const [id, point] of points) names.#points.set(id, point);
    for (const [id, identity] of askers) names.#askers.set(id, identity);
    return names;
  }
}

/** All streams' names, in one file. */
export class NameBook {
  readonly #files: Files;
  readonly #directory: string;
  readonly #names = new Map<number, Names>();
  #writing = false;

  private constructor(directory: string, files: Files) {
    this.#directory = directory;
    this.#files = files;
  }

  /** A file that is damaged is none: the next births write it anew. */
  static async open(directory: string, files: Files = realFiles): Promise<NameBook> {
    const book = new NameBook(directory, files);
    await makeDirectories(files, directory);
    try {
      const text = Buffer.from(await files.read(path.join(directory, FILE), 0)).toString("utf8");
      for (const [stream, names] of JSON.parse(text) as [number, unknown][]) book.#names.set(stream, Names.from(names));
    } catch {
      book.#names.clear();
    }
    return book;
  }

  of(stream: number): Names {
    let names = this.#names.get(stream);
    if (names === undefined) {
      names = new Names();
      this.#names.set(stream, names);
    }
    return names;
  }

  /** Writes what changed; never rejects, tries again the next time. */
  async keep(): Promise<void> {
    const changed = [...this.#names.values()].filter(({ isChanged }) => isChanged);
    if (changed.length === 0 || this.#writing) return;
    this.#writing = true;
    for (const names of changed) names.isChanged = false;
    const text = JSON.stringify([...this.#names].map(([stream, names]) => [stream, names.toJson()]));
    try {
      await writeWhole(this.#files, this.#directory, FILE, Buffer.from(text));
    } catch {
      for (const names of changed) names.isChanged = true;
    }
    this.#writing = false;
  }
}
