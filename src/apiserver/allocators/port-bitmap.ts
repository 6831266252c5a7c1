import { AllocationError, findFree, type Random } from './bands.js';

export interface PortRange {
  base: number;
  size: number;
}

/** Parses `30000-32767` (kube-apiserver --service-node-port-range; `base+size` is accepted too). */
export function parsePortRange(text: string): PortRange {
  const match = /^(\d{1,5})([-+])(\d{1,5})$/.exec(text.trim());
  if (match === null) throw new RangeError(`invalid port range ${JSON.stringify(text)}`);
  const base = Number(match[1]);
  const size = match[2] === '-' ? Number(match[3]) - base + 1 : Number(match[3]) + 1;
  if (size < 1 || base < 1 || base + size - 1 > 65535) {
    throw new RangeError(`invalid port range ${JSON.stringify(text)}`);
  }
  return { base, size };
}

export function formatPortRange(range: PortRange): string {
  return `${range.base}-${range.base + range.size - 1}`;
}

/**
 * The bitmap that kube-apiserver stores at /registry/ranges/servicenodeports: bit n of a big-endian integer is
 * port base+n. Dynamic picks leave the lower min(max(16, size/32), 128) ports to Services that ask for a port
 * (KEP-3668) until the upper band is full.
 */
export class PortBitmap {
  readonly range: PortRange;
  readonly #bits: Uint8Array;
  readonly #bandOffset: number;

  constructor(range: PortRange, data: Buffer = Buffer.alloc(0)) {
    this.range = range;
    this.#bits = new Uint8Array(Math.ceil(range.size / 8));
    for (let i = 0; i < this.#bits.length && i < data.length; i++) {
      this.#bits[i] = data[data.length - 1 - i]!;
    }
    this.#bandOffset = range.size <= 16 ? 0 : Math.min(Math.max(16, Math.floor(range.size / 32)), 128);
  }

  /** Big-endian without leading zeros, as Go's big.Int.Bytes writes it. */
  snapshot(): Buffer {
    let length = this.#bits.length;
    while (length > 0 && this.#bits[length - 1] === 0) length--;
    return Buffer.from(this.#bits.subarray(0, length)).reverse();
  }

  #taken(offset: number): boolean {
    return (this.#bits[offset >> 3]! & (1 << (offset & 7))) !== 0;
  }

  inRange(port: number): boolean {
    return port >= this.range.base && port < this.range.base + this.range.size;
  }

  has(port: number): boolean {
    return this.inRange(port) && this.#taken(port - this.range.base);
  }

  allocate(port: number): void {
    if (!this.inRange(port)) {
      const valid = formatPortRange(this.range);
      throw new AllocationError(
        'outOfRange',
        `provided port is not in the valid range. The range of valid ports is ${valid}`,
      );
    }
    if (this.has(port)) throw new AllocationError('allocated', 'provided port is already allocated');
    this.#bits[(port - this.range.base) >> 3]! |= 1 << ((port - this.range.base) & 7);
  }

  allocateNext(random: Random): number {
    const taken = (offset: number) => this.#taken(offset);
    let offset = findFree(random, this.#bandOffset, this.range.size, taken);
    if (offset < 0) offset = findFree(random, 0, this.#bandOffset, taken);
    if (offset < 0) throw new AllocationError('full', 'range is full');
    this.allocate(this.range.base + offset);
    return this.range.base + offset;
  }

  release(port: number): void {
    if (!this.inRange(port)) return;
    this.#bits[(port - this.range.base) >> 3]! &= ~(1 << ((port - this.range.base) & 7));
  }

  /** Number of taken ports. */
  get count(): number {
    let count = 0;
    for (let bits of this.#bits) for (; bits !== 0; bits &= bits - 1) count++;
    return count;
  }

  *ports(): IterableIterator<number> {
    for (let offset = 0; offset < this.range.size; offset++) {
      if (this.#taken(offset)) yield this.range.base + offset;
    }
  }
}
