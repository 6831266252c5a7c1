import { isIP } from 'node:net';

const DOT = 0x2e;
const ZERO = 0x30;

/** An IP address as its family and number. `text` is canonical (RFC 5952 for IPv6). */
export interface IpAddress {
  family: 4 | 6;
  value: bigint;
  text: string;
}

/** A network: masked base address and prefix length. */
export interface Cidr {
  family: 4 | 6;
  base: bigint;
  prefix: number;
  text: string;
}

/**
 * Parses an address strictly: no leading zeros, no zone, no IPv4 shorthand. IPv4-mapped IPv6 addresses stay
 * IPv6. Undefined when it is not an address.
 */
export function parseIp(text: string): IpAddress | undefined {
  const family = isIP(text);
  if (family === 4) {
    // There is one way to write it.
    return { family: 4, value: parseV4(text), text };
  }
  if (family !== 6 || text.includes('%')) return undefined;
  const value = parseV6(text);
  return { family: 6, value, text: formatIp(6, value) };
}

function parseV4(text: string): bigint {
  let value = 0;
  let octet = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === DOT) {
      value = value * 256 + octet;
      octet = 0;
    } else octet = octet * 10 + code - ZERO;
  }
  return BigInt(value * 256 + octet);
}

function parseV6(input: string): bigint {
  let text = input;
  const dotted = text.lastIndexOf('.') >= 0 ? text.slice(text.lastIndexOf(':') + 1) : undefined;
  if (dotted !== undefined) {
    const v4 = parseV4(dotted);
    text = `${text.slice(0, -dotted.length)}${(v4 >> 16n).toString(16)}:${(v4 & 0xffffn).toString(16)}`;
  }
  const [head = '', tail] = text.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const groups = [...left, ...Array(8 - left.length - right.length).fill('0'), ...right];
  return groups.reduce((value, group) => (value << 16n) | BigInt(`0x${group}`), 0n);
}

/** Canonical text of an address. */
export function formatIp(family: 4 | 6, value: bigint): string {
  if (family === 4) {
    const n = Number(value);
    return `${(n >>> 24) & 255}.${(n >>> 16) & 255}.${(n >>> 8) & 255}.${n & 255}`;
  }
  const groups = Array.from({ length: 8 }, (_, i) => Number((value >> BigInt(112 - 16 * i)) & 0xffffn));
  // Go and the kernel print mapped addresses in mixed notation.
  if (value >> 32n === 0xffffn) return `::ffff:${formatIp(4, value & 0xffffffffn)}`;
  const { start, length } = longestZeroRun(groups);
  const hex = groups.map((g) => g.toString(16));
  if (length < 2) return hex.join(':');
  return `${hex.slice(0, start).join(':')}::${hex.slice(start + length).join(':')}`;
}

function longestZeroRun(groups: number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  for (let i = 0; i < groups.length; i++) {
    let n = 0;
    while (groups[i + n] === 0) n++;
    if (n > best.length) best = { start: i, length: n };
    i += n;
  }
  return best;
}

/** Parses `address/prefix`; host bits are cleared in `base` and `text`. Undefined when malformed. */
export function parseCidr(text: string): Cidr | undefined {
  const slash = text.indexOf('/');
  const ip = slash < 0 ? undefined : parseIp(text.slice(0, slash));
  const length = text.slice(slash + 1);
  if (ip === undefined || !/^(0|[1-9]\d{0,2})$/.test(length)) return undefined;
  const bits = ip.family === 4 ? 32 : 128;
  const prefix = Number(length);
  if (prefix > bits) return undefined;
  const shift = BigInt(bits - prefix);
  const base = (ip.value >> shift) << shift;
  return { family: ip.family, base, prefix, text: `${formatIp(ip.family, base)}/${prefix}` };
}

/** Number of addresses in the network. */
export function cidrSize(cidr: Cidr): bigint {
  return 1n << BigInt((cidr.family === 4 ? 32 : 128) - cidr.prefix);
}

export function cidrContains(cidr: Cidr, ip: IpAddress): boolean {
  return ip.family === cidr.family && ip.value >= cidr.base && ip.value < cidr.base + cidrSize(cidr);
}

export function cidrsOverlap(a: Cidr, b: Cidr): boolean {
  return a.family === b.family && a.base < b.base + cidrSize(b) && b.base < a.base + cidrSize(a);
}

/** The address at an offset in the network; throws RangeError beyond its end. */
export function cidrAddress(cidr: Cidr, offset: bigint | number): string {
  const n = BigInt(offset);
  if (n < 0n || n >= cidrSize(cidr)) throw new RangeError(`${cidr.text} has no address ${n}`);
  return formatIp(cidr.family, cidr.base + n);
}

/** The n-th subnetwork of a given prefix length; throws RangeError beyond the end. */
export function cidrSubnet(cidr: Cidr, prefix: number, index: number): Cidr {
  const step = 1n << BigInt((cidr.family === 4 ? 32 : 128) - prefix);
  const text = `${cidrAddress(cidr, step * BigInt(index))}/${prefix}`;
  return parseCidr(text)!;
}
