import { type Address, type Cidr, cidrContains, formatAddress, type IPFamily } from './address.js';
import { findFree, type Random } from './bands.js';

/** Offsets are numbers: dynamic picks use at most this many addresses of a (64-bit) IPv6 range. */
const MAX_DYNAMIC = 2 ** 40;

/**
 * Which addresses of one CIDR are taken, as far as this server has seen, and the two bands for dynamic picks
 * (KEP-3070): the lower band, min(max(16, size/16), 256) addresses, is kept for Services that ask for an address.
 * The truth is the IPAddress objects in the store; this only proposes.
 */
export class IPPool {
  readonly cidr: Cidr;
  /** Offset 0 is the first usable address: the one after the network address. */
  readonly #base: bigint;
  readonly #size: number;
  readonly #bandOffset: number;
  readonly #taken = new Set<number>();

  constructor(cidr: Cidr) {
    this.cidr = cidr;
    this.#base = cidr.first + 1n;
    const usable = cidr.count - (cidr.family === 'IPv4' ? 2n : 1n);
    this.#size = usable < 0n ? 0 : Number(usable > BigInt(MAX_DYNAMIC) ? BigInt(MAX_DYNAMIC) : usable);
    this.#bandOffset =
      cidr.count <= 16n ? 0 : Math.min(Math.max(16, Math.floor(Number(cidr.count) / 16)), 256);
  }

  get family(): IPFamily {
    return this.cidr.family;
  }
  get used(): number {
    return this.#taken.size;
  }
  get free(): number {
    return this.#size - this.#taken.size;
  }

  /** Usable, not only inside: network and (IPv4) broadcast addresses are excluded. */
  usable(address: Address): boolean {
    if (!cidrContains(this.cidr, address) || address.value === this.cidr.first) return false;
    return this.family === 'IPv6' || address.value !== this.cidr.first + this.cidr.count - 1n;
  }

  #offset(address: Address): number | undefined {
    const offset = address.value - this.#base;
    return offset >= 0n && offset < BigInt(this.#size) ? Number(offset) : undefined;
  }

  note(address: Address, taken: boolean): void {
    if (address.family !== this.family) return;
    const offset = this.#offset(address);
    if (offset === undefined) return;
    if (taken) this.#taken.add(offset);
    else this.#taken.delete(offset);
  }

  /** A free address, upper band first; undefined when the pool is full. The caller notes it as taken. */
  propose(random: Random): Address | undefined {
    if (this.free <= 0) return undefined;
    const taken = (offset: number) => this.#taken.has(offset);
    let offset = findFree(random, this.#bandOffset, this.#size, taken);
    if (offset < 0) offset = findFree(random, 0, this.#bandOffset, taken);
    return offset < 0 ? undefined : { family: this.family, value: this.#base + BigInt(offset) };
  }

  /** The value of dry runs: the network address, which no Service can have. */
  get impossible(): string {
    return formatAddress(this.family, this.cidr.first);
  }
}
