import { type Cidr, cidrContains, cidrSize, formatIp, type IpAddress } from '#base';
import { familyName, type IPFamily, lastOf } from './address.js';
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
    this.#base = cidr.base + 1n;
    const total = cidrSize(cidr);
    const usable = total - (cidr.family === 4 ? 2n : 1n);
    this.#size = usable < 0n ? 0 : Number(usable > BigInt(MAX_DYNAMIC) ? BigInt(MAX_DYNAMIC) : usable);
    this.#bandOffset = total <= 16n ? 0 : Math.min(Math.max(16, Math.floor(Number(total) / 16)), 256);
  }

  get family(): IPFamily {
    return familyName(this.cidr);
  }
  get used(): number {
    return this.#taken.size;
  }
  get free(): number {
    return this.#size - this.#taken.size;
  }

  /** Usable, not only inside: network and (IPv4) broadcast addresses are excluded. */
  usable(address: IpAddress): boolean {
    if (!cidrContains(this.cidr, address) || address.value === this.cidr.base) return false;
    return address.family === 6 || address.value !== lastOf(this.cidr);
  }

  #offset(address: IpAddress): number | undefined {
    const offset = address.value - this.#base;
    return offset >= 0n && offset < BigInt(this.#size) ? Number(offset) : undefined;
  }

  note(address: IpAddress, taken: boolean): void {
    if (address.family !== this.cidr.family) return;
    const offset = this.#offset(address);
    if (offset === undefined) return;
    if (taken) this.#taken.add(offset);
    else this.#taken.delete(offset);
  }

  /** A free address, upper band first; undefined when the pool is full. The caller notes it as taken. */
  propose(random: Random): IpAddress | undefined {
    if (this.free <= 0) return undefined;
    const taken = (offset: number) => this.#taken.has(offset);
    let offset = findFree(random, this.#bandOffset, this.#size, taken);
    if (offset < 0) offset = findFree(random, 0, this.#bandOffset, taken);
    if (offset < 0) return undefined;
    const value = this.#base + BigInt(offset);
    return { family: this.cidr.family, value, text: formatIp(this.cidr.family, value) };
  }

  /** The value of dry runs: the network address, which no Service can have. */
  get impossible(): string {
    return formatIp(this.cidr.family, this.cidr.base);
  }
}
