/** Tells the demo to a person, or to a program line by line, and keeps count of what did not come out as told. */
import { visible } from "#documents/escape";
import { print, printJson } from "../output.ts";

interface Step {
  readonly scene: string;
  readonly step: string;
  readonly ok: boolean;
  readonly words?: string;
}

export class Narrator {
  readonly #json: boolean;
  readonly #steps: Step[] = [];
  readonly #started = performance.now();
  #scene = "";

  constructor(json: boolean) {
    this.#json = json;
  }

  get failed(): number {
    return this.#steps.filter(({ ok }) => !ok).length;
  }

  scene(title: string): void {
    this.#scene = title;
    if (!this.#json) print(`${this.#steps.length === 0 ? "" : "\n"}${title}`);
  }

  /** One thing that must be so. @param words what the gateway itself says of it */
  check(step: string, ok: boolean, words?: string): void {
    this.#steps.push({ scene: this.#scene, step, ok, ...(words === undefined ? {} : { words }) });
    if (this.#json) printJson(this.#steps.at(-1));
    else {
      print(`  ${ok ? "✔" : "✘"} ${step}`);
      if (words !== undefined) print(`      ${visible(words)}`);
    }
  }

  note(words: string): void {
    if (!this.#json) print(`    ${words}`);
  }

  /** @param kept the directory to look into afterwards; null: it is removed */
  summary(kept: string | null): void {
    const seconds = (performance.now() - this.#started) / 1000;
    if (this.#json) {
      printJson({ steps: this.#steps.length, failed: this.failed, seconds: Math.round(seconds * 10) / 10 });
      return;
    }
    const scenes = Map.groupBy(this.#steps, ({ scene }) => scene);
    print("\nWhat was shown");
    for (const [scene, steps] of scenes) {
      const bad = steps.filter(({ ok }) => !ok).length;
      print(`  ${bad === 0 ? "✔" : "✘"} ${scene}: ${steps.length - bad} of ${steps.length}`);
    }
    print(`${this.#steps.length} steps, ${this.failed} failed, ${seconds.toFixed(1)} s`);
    print(kept === null ? "Keep it to look around: penstock demo --keep DIR" : `Look around in ${kept}: penstock audit show ${kept}/audit`);
  }
}
