import { type Cidr, cidrSize, cidrSubnet, parseCidr } from '#base';

/** Hands out equal subnetworks of one cluster CIDR, lowest first. Pure bookkeeping: the truth is in the Nodes. */
export class SubnetAllocator {
  readonly cluster: Cidr;
  readonly #prefix: number;
  readonly #size: number;
  readonly #used = new Set<number>();
  #next = 0;

  /** Throws RangeError when the mask is not longer than the cluster's, or would give more than 2^16 subnets. */
  constructor(clusterCidr: string, maskSize: number) {
    const cluster = parseCidr(clusterCidr);
    if (cluster === undefined) throw new RangeError(`invalid cluster CIDR ${clusterCidr}`);
    const bits = maskSize - cluster.prefix;
    if (bits < 0 || bits > 16)
      throw new RangeError(`node mask /${maskSize} does not fit cluster CIDR ${clusterCidr}`);
    this.cluster = cluster;
    this.#prefix = maskSize;
    this.#size = 2 ** bits;
  }

  /** The lowest free subnetwork, now taken; undefined when all are. */
  allocate(): string | undefined {
    for (let i = this.#next; i < this.#size; i++) {
      if (this.#used.has(i)) continue;
      this.#used.add(i);
      this.#next = i + 1;
      return cidrSubnet(this.cluster, this.#prefix, i).text;
    }
    return undefined;
  }

  /** Marks what a Node already has; networks outside the cluster CIDR are none of ours. */
  occupy(cidr: string): void {
    for (const i of this.#indexes(cidr)) this.#used.add(i);
  }

  release(cidr: string): void {
    for (const i of this.#indexes(cidr)) {
      this.#used.delete(i);
      this.#next = Math.min(this.#next, i);
    }
  }

  #indexes(text: string): number[] {
    const cidr = parseCidr(text);
    if (cidr === undefined || cidr.family !== this.cluster.family) return [];
    const step = cidrSize(this.cluster) / BigInt(this.#size);
    const first = (cidr.base - this.cluster.base) / step;
    const last = (cidr.base + cidrSize(cidr) - 1n - this.cluster.base) / step;
    const indexes: number[] = [];
    for (let i = first; i <= last; i++) if (i >= 0n && i < BigInt(this.#size)) indexes.push(Number(i));
    return indexes;
  }
}
