/** Standard output for many lines: written in blocks, never faster than the reader, and quiet when the reader has left (`| head`). */

const BLOCK = 64 * 1024;

export class Output {
  readonly #stream: NodeJS.WritableStream;
  #waiting = "";
  #closed = false;

  constructor(stream: NodeJS.WritableStream) {
    this.#stream = stream;
    stream.on("error", () => {
      this.#closed = true;
    });
  }

  /** Nobody reads any more. */
  get closed(): boolean {
    return this.#closed;
  }

  async write(text: string): Promise<void> {
    this.#waiting += text;
    if (this.#waiting.length >= BLOCK) await this.end();
  }

  /** Hand over what waits. */
  async end(): Promise<void> {
    const block = this.#waiting;
    this.#waiting = "";
    if (block === "" || this.#closed) return;
    await new Promise<void>((resolve) => {
      this.#stream.write(block, () => resolve());
    });
  }
}
