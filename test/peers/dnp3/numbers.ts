/** Little-endian numbers in octets. @source IEEE 1815-2012 11.3 */
export type NumberType = "u8" | "u16" | "i16" | "u32" | "i32" | "u48" | "f32" | "f64";

export function readNumber(octets: Uint8Array, at: number, type: NumberType): number {
  const view = new DataView(octets.buffer, octets.byteOffset, octets.length);
  switch (type) {
    case "u8":
      return view.getUint8(at);
    case "u16":
      return view.getUint16(at, true);
    case "i16":
      return view.getInt16(at, true);
    case "u32":
      return view.getUint32(at, true);
    case "i32":
      return view.getInt32(at, true);
    case "u48":
      return view.getUint32(at, true) + view.getUint16(at + 4, true) * 0x1_0000_0000;
    case "f32":
      return view.getFloat32(at, true);
    case "f64":
      return view.getFloat64(at, true);
  }
}

/** Octets one after the other. */
export class Writer {
  #octets = new Uint8Array(64);
  #view = new DataView(this.#octets.buffer);
  length = 0;

  number(type: NumberType, value: number): this {
    const at = this.#room(8);
    switch (type) {
      case "u8":
        this.#view.setUint8(at, value);
        this.length += 1;
        break;
      case "u16":
        this.#view.setUint16(at, value, true);
        this.length += 2;
        break;
      case "i16":
        this.#view.setInt16(at, value, true);
        this.length += 2;
        break;
      case "u32":
        this.#view.setUint32(at, value, true);
        this.length += 4;
        break;
      case "i32":
        this.#view.setInt32(at, value, true);
        this.length += 4;
        break;
      case "u48":
        this.#view.setUint32(at, value % 0x1_0000_0000, true);
        this.#view.setUint16(at + 4, Math.floor(value / 0x1_0000_0000), true);
        this.length += 6;
        break;
      case "f32":
        this.#view.setFloat32(at, value, true);
        this.length += 4;
        break;
      case "f64":
        this.#view.setFloat64(at, value, true);
        this.length += 8;
        break;
    }
    return this;
  }

  /** As many u8 as given. */
  u8(...octets: readonly number[]): this {
    return this.raw(Uint8Array.from(octets));
  }

  raw(octets: Uint8Array): this {
    const at = this.#room(octets.length);
    this.#octets.set(octets, at);
    this.length += octets.length;
    return this;
  }

  take(): Uint8Array {
    return this.#octets.slice(0, this.length);
  }

  #room(count: number): number {
    if (this.length + count > this.#octets.length) {
      const wider = new Uint8Array(2 * (this.length + count));
      wider.set(this.#octets.subarray(0, this.length));
      this.#octets = wider;
      this.#view = new DataView(wider.buffer);
    }
    return this.length;
  }
}
