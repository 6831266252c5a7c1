import { type Cidr, cidrAddress, cidrContains, cidrSize, parseCidr, parseIp } from '#base';
import type { SandboxAddress } from '../runtime.js';

/** Every address of a pod network is in use. */
export class AddressesExhaustedError extends Error {
  constructor(cidr: string) {
    super(`no free address in pod network ${cidr}`);
    this.name = 'AddressesExhaustedError';
  }
}

/** Large IPv6 networks are used only this far. */
const MAX_HOSTS = 65_534n;

/** Hands out the addresses of one pod network, oldest-freed last, so that an address rests before it is reused. */
class Pool {
  readonly #cidr: Cidr;
  readonly #last: number;
  readonly #used = new Set<number>();
  #next = 2;

  constructor(cidr: Cidr) {
    this.#cidr = cidr;
    const hosts = cidrSize(cidr) - (cidr.family === 4 ? 1n : 0n);
    this.#last = Number((hosts < MAX_HOSTS ? hosts : MAX_HOSTS) - 1n);
  }

  get cidr(): Cidr {
    return this.#cidr;
  }
  /** The bridge's address: the first of the network. */
  get gateway(): string {
    return cidrAddress(this.#cidr, 1);
  }

  take(): number {
    const count = this.#last - 1;
    for (let i = 0; i < count; i++) {
      const offset = 2 + ((this.#next - 2 + i) % count);
      if (this.#used.has(offset)) continue;
      this.#used.add(offset);
      this.#next = offset + 1;
      return offset;
    }
    throw new AddressesExhaustedError(this.#cidr.text);
  }

  /** Takes a certain address; undefined when it is not of this network or not free. */
  claim(ip: string): number | undefined {
    const parsed = parseIp(ip);
    if (parsed === undefined || !cidrContains(this.#cidr, parsed)) return undefined;
    const offset = Number(parsed.value - this.#cidr.base);
    if (offset < 2 || offset > this.#last || this.#used.has(offset)) return undefined;
    this.#used.add(offset);
    return offset;
  }

  release(offset: number): void {
    this.#used.delete(offset);
  }
}

/**
 * The pod addresses of one node, kept in memory: pods are started anew when the agent starts, so there is
 * nothing to remember. One address per family, in the order of the node's podCIDRs.
 */
export class PodAddresses {
  readonly #pools: Pool[];
  readonly #held = new Map<string, number[]>();

  /** Throws RangeError for a malformed or too small network. */
  constructor(podCIDRs: string[]) {
    this.#pools = podCIDRs.map((text) => {
      const cidr = parseCidr(text);
      if (cidr === undefined || cidrSize(cidr) < 4n)
        throw new RangeError(`pod network ${text} is malformed or too small`);
      return new Pool(cidr);
    });
  }

  get gateways(): { address: string; prefixLength: number }[] {
    return this.#pools.map((pool) => ({ address: pool.gateway, prefixLength: pool.cidr.prefix }));
  }

  /**
   * Keeps the addresses that a pod had before the agent started, so that its endpoints stay true. Without effect
   * when one of them is taken or of another network.
   */
  reserve(podUid: string, ips: string[]): void {
    const offsets = this.#pools.map((pool, i) => pool.claim(ips[i] ?? ''));
    if (offsets.every((offset) => offset !== undefined)) this.#held.set(podUid, offsets);
    else
      offsets.forEach((offset, i) => {
        if (offset !== undefined) this.#pools[i]!.release(offset);
      });
  }

  /** A pod's addresses, the same until they are released. Throws AddressesExhaustedError. */
  take(podUid: string): SandboxAddress[] {
    const held = this.#held.get(podUid) ?? this.#takeNew();
    this.#held.set(podUid, held);
    return held.map((offset, i) => {
      const pool = this.#pools[i]!;
      return { ip: cidrAddress(pool.cidr, offset), prefixLength: pool.cidr.prefix, gateway: pool.gateway };
    });
  }

  #takeNew(): number[] {
    const taken: number[] = [];
    try {
      for (const pool of this.#pools) taken.push(pool.take());
      return taken;
    } catch (error) {
      taken.forEach((offset, i) => {
        this.#pools[i]!.release(offset);
      });
      throw error;
    }
  }

  release(podUid: string): void {
    this.#held.get(podUid)?.forEach((offset, i) => {
      this.#pools[i]!.release(offset);
    });
    this.#held.delete(podUid);
  }
}
