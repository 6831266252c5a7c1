/** The bytes are not the protobuf message they should be. */
export class ProtobufError extends Error {
  constructor(text: string) {
    super(`proto: ${text}`);
    this.name = 'ProtobufError';
  }
}

export const WIRE_VARINT = 0;
export const WIRE_FIXED64 = 1;
export const WIRE_BYTES = 2;
const WIRE_FIXED32 = 5;

/** Reads one message's bytes field by field; every read is bounded by its end. */
export class WireReader {
  readonly #bytes: Buffer;
  readonly #end: number;
  #at: number;

  constructor(bytes: Buffer, start = 0, end = bytes.length) {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
  }

  get done(): boolean {
    return this.#at >= this.#end;
  }

  /** The next field's number and wire type. */
  tag(): { number: number; wire: number } {
    const { low, high } = this.#varint();
    const number = (low >>> 3) | (high << 29);
    const wire = low & 7;
    if (number <= 0 || high > 7) throw new ProtobufError(`illegal tag ${number} (wire type ${wire})`);
    return { number, wire };
  }

  bool(): boolean {
    const { low, high } = this.#varint();
    return low !== 0 || high !== 0;
  }

  int32(): number {
    return this.#varint().low | 0;
  }

  /** A signed 64-bit integer; throws when a JavaScript number cannot hold it exactly. */
  int64(): number {
    const { low, high } = this.#varint();
    const value = (high | 0) * 0x100000000 + low;
    if (!Number.isSafeInteger(value)) throw new ProtobufError('integer beyond 2^53 is not supported');
    return value;
  }

  double(): number {
    if (this.#at + 8 > this.#end) throw new ProtobufError('unexpected EOF');
    const value = this.#bytes.readDoubleLE(this.#at);
    this.#at += 8;
    return value;
  }

  string(): string {
    const { start, end } = this.#block();
    return this.#bytes.toString('utf8', start, end);
  }

  bytes(): Buffer {
    const { start, end } = this.#block();
    return this.#bytes.subarray(start, end);
  }

  /** A reader over an embedded message. */
  message(): WireReader {
    const { start, end } = this.#block();
    return new WireReader(this.#bytes, start, end);
  }

  skip(wire: number): void {
    if (wire === WIRE_VARINT) this.#varint();
    else if (wire === WIRE_BYTES) this.#block();
    else if (wire === WIRE_FIXED64) this.#advance(8);
    else if (wire === WIRE_FIXED32) this.#advance(4);
    else throw new ProtobufError(`illegal wireType ${wire}`);
  }

  #advance(count: number): void {
    if (this.#at + count > this.#end) throw new ProtobufError('unexpected EOF');
    this.#at += count;
  }

  #block(): { start: number; end: number } {
    const { low, high } = this.#varint();
    const start = this.#at;
    if (high !== 0 || start + low > this.#end) throw new ProtobufError('unexpected EOF');
    this.#at = start + low;
    return { start, end: this.#at };
  }

  /** Low and high 32 bits. */
  #varint(): { low: number; high: number } {
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (this.#at >= this.#end) throw new ProtobufError('unexpected EOF');
      const byte = this.#bytes[this.#at++]!;
      const bits = byte & 0x7f;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high = bits >>> 4;
      } else high |= bits << (shift - 32);
      if (byte < 0x80) return { low: low >>> 0, high: high >>> 0 };
    }
    throw new ProtobufError('integer overflow');
  }
}

/** Builds one message's bytes in one growing buffer. */
export class WireWriter {
  #bytes = Buffer.allocUnsafe(512);
  #at = 0;

  /** The bytes written so far; the writer is not to be used afterwards. */
  finish(): Buffer {
    return this.#bytes.subarray(0, this.#at);
  }

  varint(number: number, value: number): void {
    this.#tag(number, WIRE_VARINT);
    this.#varint(value);
  }

  double(number: number, value: number): void {
    this.#tag(number, WIRE_FIXED64);
    this.#reserve(8);
    this.#at = this.#bytes.writeDoubleLE(value, this.#at);
  }

  string(number: number, value: string): void {
    const length = Buffer.byteLength(value);
    this.#tag(number, WIRE_BYTES);
    this.#varint(length);
    this.#reserve(length);
    this.#at += this.#bytes.write(value, this.#at, length, 'utf8');
  }

  bytes(number: number, value: Buffer): void {
    this.#tag(number, WIRE_BYTES);
    this.#varint(value.length);
    this.#reserve(value.length);
    this.#at += value.copy(this.#bytes, this.#at);
  }

  /** What stands before bytes that are not written here. */
  bytesHead(number: number, length: number): void {
    this.#tag(number, WIRE_BYTES);
    this.#varint(length);
  }

  /** An embedded message whose fields `fill` writes to this writer. */
  message(number: number, fill: () => void): void {
    this.#tag(number, WIRE_BYTES);
    this.#reserve(1);
    const start = ++this.#at;
    fill();
    const length = this.#at - start;
    if (length < 0x80) {
      this.#bytes[start - 1] = length;
      return;
    }
    const extra = varintSize(length) - 1;
    this.#reserve(extra);
    this.#bytes.copyWithin(start + extra, start, this.#at);
    this.#at = start - 1;
    this.#varint(length);
    this.#at += length;
  }

  #tag(number: number, wire: number): void {
    this.#varint(number * 8 + wire);
  }

  #varint(value: number): void {
    this.#reserve(10);
    if (value < 0 || value > 0x7fffffff) {
      this.#longVarint(BigInt.asUintN(64, BigInt(value)));
      return;
    }
    let rest = value;
    while (rest >= 0x80) {
      this.#bytes[this.#at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.#bytes[this.#at++] = rest;
  }

  #longVarint(value: bigint): void {
    let rest = value;
    while (rest >= 0x80n) {
      this.#bytes[this.#at++] = Number(rest & 0x7fn) | 0x80;
      rest >>= 7n;
    }
    this.#bytes[this.#at++] = Number(rest);
  }

  #reserve(count: number): void {
    if (this.#at + count <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#at + count));
    this.#bytes.copy(grown, 0, 0, this.#at);
    this.#bytes = grown;
  }
}

function varintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) size++;
  return size;
}
