/** Capture times without loss: whole seconds and a decimal fraction of a stated number of digits. */

/** When a packet was captured: `seconds` since 1970, then `fraction` of `digits` decimal digits. `digits` -1: the file gives no time. */
export interface Stamp {
  frame: number;
  seconds: number;
  fraction: number;
  digits: number;
}

export function newStamp(): Stamp {
  return { frame: 0, seconds: 0, fraction: 0, digits: 0 };
}

export function copyStamp(from: Stamp, to: Stamp): void {
  to.frame = from.frame;
  to.seconds = from.seconds;
  to.fraction = from.fraction;
  to.digits = from.digits;
}

/** More digits than a 64-bit count of the present day can fill, or than a number holds exactly, are cut off. */
export const MOST_DIGITS = 15;

/** A clock of a pcapng interface. */
export interface Clock {
  /** Ticks per second are 10^exponent, or 2^exponent. */
  readonly binary: boolean;
  readonly exponent: number;
  /** Seconds to add (if_tsoffset). */
  readonly offset: number;
}

export const MICROSECONDS: Clock = { binary: false, exponent: 6, offset: 0 };

const SAFE_HIGH = 0x20_0000;

/** Ticks since 1970, in two 32-bit halves, to seconds and fraction. */
export function readClock(clock: Clock, high: number, low: number, into: Stamp): void {
  if (!clock.binary && clock.exponent <= 9 && high < SAFE_HIGH) {
    const per = 10 ** clock.exponent;
    const ticks = high * 0x1_0000_0000 + low;
    const seconds = Math.floor(ticks / per);
    into.seconds = seconds + clock.offset;
    into.fraction = ticks - seconds * per;
    into.digits = clock.exponent;
    return;
  }
  const ticks = (BigInt(high) << 32n) | BigInt(low);
  const digits = Math.min(clock.exponent, MOST_DIGITS);
  const per = clock.binary ? 1n << BigInt(clock.exponent) : 10n ** BigInt(clock.exponent);
  const rest = ticks % per;
  into.seconds = Number(ticks / per) + clock.offset;
  into.fraction = Number((rest * 10n ** BigInt(digits)) / per);
  into.digits = digits;
}
