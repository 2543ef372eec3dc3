/** How long to wait before something is tried again, and a wait that can be ended. */

export interface Retry {
  /** After the first failure. */
  readonly firstMs: number;
  readonly mostMs: number;
}

/** Doubles up to the most; of each wait the upper half is by chance, so that many who failed together do not come back together. */
export class Backoff {
  readonly #retry: Retry;
  readonly #random: () => number;
  #failures = 0;

  constructor(retry: Retry, random: () => number) {
    this.#retry = retry;
    this.#random = random;
  }

  next(): number {
    const whole = Math.min(this.#retry.mostMs, this.#retry.firstMs * 2 ** Math.min(this.#failures, 30));
    this.#failures += 1;
    return whole / 2 + (whole / 2) * this.#random();
  }

  reset(): void {
    this.#failures = 0;
  }
}

/** One waits, another wakes it. Woken before anybody waits, the next wait ends at once. */
export class Nap {
  #wake: (() => void) | null = null;
  #isWoken = false;

  /** @param ms null: until it is woken */
  async wait(ms: number | null): Promise<void> {
    if (this.#isWoken) {
      this.#isWoken = false;
      return;
    }
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      if (ms !== null) timer = setTimeout(resolve, ms);
    });
    clearTimeout(timer);
    this.#wake = null;
    this.#isWoken = false;
  }

  wake(): void {
    this.#isWoken = true;
    this.#wake?.();
  }
}

/** `promise`, or `late` when it has not come after so long. Never rejects. */
export async function within<T>(promise: Promise<T>, ms: number, late: T): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<T>((resolve) => {
    timer = setTimeout(() => resolve(late), ms);
  });
  try {
    return await Promise.race([promise, over]);
  } catch {
    return late;
  } finally {
    clearTimeout(timer);
  }
}
