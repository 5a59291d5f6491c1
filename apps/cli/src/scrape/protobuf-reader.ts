/** What makes a page in protobuf unreadable, with the byte where it was seen. */
export class ProtobufError extends Error {
  override readonly name = "ProtobufError";
  /** Of the page. */
  readonly offset: number;

  constructor(offset: number, reason: string) {
    super(`byte ${offset}: ${reason}`);
    this.offset = offset;
  }
}

const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Reads protobuf's wire format, front to back. No length is believed: a message ends inside the one around it.
 *
 * Field numbers and wire types are the caller's affair; a field that is not read is to be skipped.
 */
export class ProtobufReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  /** Of the message at hand. */
  #end: number;
  #pos = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#end = bytes.length;
  }

  get pos(): number {
    return this.#pos;
  }

  /** Whether something is left of the message at hand. */
  get more(): boolean {
    return this.#pos < this.#end;
  }

  /** @throws {ProtobufError} */
  fail(reason: string): never {
    throw new ProtobufError(this.#pos, reason);
  }

  /** Calls `read` for each field of a message whose length stands before it; what it returns false for is skipped. */
  message(read: (tag: number) => boolean): void {
    this.#inside(() => {
      while (this.more) {
        const tag = this.varint();
        if (tag > 0xffffffff || tag >>> 3 === 0) this.fail(`there is no field with the tag ${tag}`);
        if (!read(tag)) this.#skip(tag & 7);
      }
    });
  }

  /** A repeated number: packed, or one at a time. */
  numbers(wireType: number, read: () => void): void {
    if (wireType !== 2) read();
    else
      this.#inside(() => {
        while (this.more) read();
      });
  }

  #inside(read: () => void): void {
    const length = this.varint();
    if (length > this.#end - this.#pos)
      this.fail(`${length} bytes should follow, and ${this.#end - this.#pos} do`);
    const outer = this.#end;
    this.#end = this.#pos + length;
    read();
    this.#end = outer;
  }

  /** Unsigned; beyond 2^53 the nearest double. */
  varint(): number {
    const [low, high] = this.#halves();
    return high * 2 ** 32 + low;
  }

  /** An `int64`, `int32` or enum. */
  int(): number {
    const [low, high] = this.#halves();
    return (high | 0) * 2 ** 32 + low;
  }

  /** A `sint64` or `sint32`. */
  sint(): number {
    const [low, high] = this.#halves();
    const half = ((low >>> 1) | (high << 31)) >>> 0;
    const value = (high >>> 1) * 2 ** 32 + half;
    return (low & 1) === 1 ? -value - 1 : value;
  }

  #halves(): [low: number, high: number] {
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (!this.more) this.fail("a number is cut off");
      const byte = this.#bytes[this.#pos++]!;
      const bits = byte & 127;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high = bits >>> 4;
      } else high |= bits << (shift - 32);
      if (byte < 128) return [low >>> 0, high >>> 0];
    }
    return this.fail("a number is longer than ten bytes");
  }

  double(): number {
    if (this.#end - this.#pos < 8) this.fail("a double is cut off");
    this.#pos += 8;
    return this.#view.getFloat64(this.#pos - 8, true);
  }

  string(maxBytes: number): string {
    const length = this.varint();
    if (length > this.#end - this.#pos) this.fail(`a string of ${length} bytes is cut off`);
    if (length > maxBytes) this.fail(`a string of ${length} bytes; ${maxBytes} are the most`);
    const bytes = this.#bytes.subarray(this.#pos, this.#pos + length);
    try {
      const value = text.decode(bytes);
      this.#pos += length;
      return value;
    } catch {
      return this.fail("a string is no UTF-8");
    }
  }

  #skip(wireType: number): void {
    if (wireType === 0) this.#halves();
    else if (wireType === 1) this.double();
    else if (wireType === 2) {
      this.#inside(() => {
        this.#pos = this.#end;
      });
    } else if (wireType === 5) {
      if (this.#end - this.#pos < 4) this.fail("a number of four bytes is cut off");
      this.#pos += 4;
    } else this.fail(`there is no wire type ${wireType} here`);
  }
}
