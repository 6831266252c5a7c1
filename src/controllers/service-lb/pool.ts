import { type Cidr, cidrAddress, cidrContains, cidrSize, parseCidr, parseIp } from '#base';

/** Addresses that load balancers get; network and IPv4 broadcast addresses are nobody's. */
export class AddressPool {
  readonly #cidrs: Cidr[];

  /** Throws RangeError for what is no CIDR. */
  constructor(cidrs: string[]) {
    this.#cidrs = cidrs.map((text) => {
      const cidr = parseCidr(text);
      if (cidr === undefined)
        throw new RangeError(`--load-balancer-cidr: ${JSON.stringify(text)} is not a CIDR`);
      return cidr;
    });
  }

  /** The canonical form of an address that may be given away; undefined for any other. */
  usable(text: string): string | undefined {
    const ip = parseIp(text);
    if (ip === undefined) return undefined;
    const cidr = this.#cidrs.find((each) => cidrContains(each, ip));
    if (cidr === undefined) return undefined;
    const { first, last } = range(cidr);
    const offset = ip.value - cidr.base;
    return offset >= first && offset <= last ? ip.text : undefined;
  }

  /** The lowest free address of the family. */
  pick(family: 'IPv4' | 'IPv6', isTaken: (ip: string) => boolean): string | undefined {
    for (const cidr of this.#cidrs) {
      if (cidr.family !== (family === 'IPv4' ? 4 : 6)) continue;
      const { first, last } = range(cidr);
      for (let offset = first; offset <= last; offset++) {
        const ip = cidrAddress(cidr, offset);
        if (!isTaken(ip)) return ip;
      }
    }
    return undefined;
  }
}

/** Offsets of the first and last usable address. A single address is usable itself. */
function range(cidr: Cidr): { first: bigint; last: bigint } {
  const size = cidrSize(cidr);
  if (size <= 2n) return { first: 0n, last: size - 1n };
  return { first: 1n, last: cidr.family === 4 ? size - 2n : size - 1n };
}
