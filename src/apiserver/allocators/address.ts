/** IPv4 or IPv6, as `spec.ipFamilies` names them. */
export type IPFamily = 'IPv4' | 'IPv6';

export interface Address {
  family: IPFamily;
  value: bigint;
}

const BITS = { IPv4: 32, IPv6: 128 } as const;

function parseV4(text: string): bigint | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  let value = 0n;
  for (const part of parts) {
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return undefined;
    value = (value << 8n) | BigInt(part);
  }
  return value;
}

function hextets(text: string): number[] | undefined {
  if (text === '') return [];
  const out: number[] = [];
  const parts = text.split(':');
  for (const [i, part] of parts.entries()) {
    if (part.includes('.')) {
      const v4 = i === parts.length - 1 ? parseV4(part) : undefined;
      if (v4 === undefined) return undefined;
      out.push(Number(v4 >> 16n), Number(v4 & 0xffffn));
    } else {
      if (!/^[0-9a-fA-F]{1,4}$/.test(part)) return undefined;
      out.push(Number.parseInt(part, 16));
    }
  }
  return out;
}

function parseV6(text: string): bigint | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const head = hextets(halves[0]!);
  const tail = halves.length === 2 ? hextets(halves[1]!) : [];
  if (head === undefined || tail === undefined) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const all = [...head, ...new Array<number>(missing).fill(0), ...tail];
  return all.reduce((value, hextet) => (value << 16n) | BigInt(hextet), 0n);
}

/** Parses an address without zone; IPv4 octets with leading zeros are refused (they read differently elsewhere). */
export function parseAddress(text: string): Address | undefined {
  const v6 = text.includes(':');
  const value = v6 ? parseV6(text) : parseV4(text);
  return value === undefined ? undefined : { family: v6 ? 'IPv6' : 'IPv4', value };
}

function longestZeroRun(hextets: number[]): { start: number; length: number } {
  let best = { start: -1, length: 1 };
  for (let i = 0; i < 8; i++) {
    let end = i;
    while (end < 8 && hextets[end] === 0) end++;
    if (end - i > best.length) best = { start: i, length: end - i };
    i = Math.max(i, end - 1);
  }
  return best;
}

/** The canonical text (RFC 5952): what IPAddress objects are named by. */
export function formatAddress(family: IPFamily, value: bigint): string {
  if (family === 'IPv4') return [24n, 16n, 8n, 0n].map((shift) => String((value >> shift) & 255n)).join('.');
  const parts = Array.from({ length: 8 }, (_, i) => Number((value >> BigInt(112 - 16 * i)) & 0xffffn));
  const run = longestZeroRun(parts);
  const hex = (list: number[]) => list.map((part) => part.toString(16)).join(':');
  if (run.start < 0) return hex(parts);
  return `${hex(parts.slice(0, run.start))}::${hex(parts.slice(run.start + run.length))}`;
}

/** A block of addresses; `first` is the network address. */
export interface Cidr {
  family: IPFamily;
  prefixLength: number;
  first: bigint;
  /** Number of addresses, including network and broadcast. */
  count: bigint;
  text: string;
}

/** Parses `address/length`; undefined unless well formed. Host bits are cleared. */
export function parseCidr(text: string): Cidr | undefined {
  const slash = text.lastIndexOf('/');
  const address = slash < 0 ? undefined : parseAddress(text.slice(0, slash));
  const lengthText = text.slice(slash + 1);
  if (address === undefined || !/^(0|[1-9]\d{0,2})$/.test(lengthText)) return undefined;
  const bits = BITS[address.family];
  const prefixLength = Number(lengthText);
  if (prefixLength > bits) return undefined;
  const count = 1n << BigInt(bits - prefixLength);
  const first = address.value & ~(count - 1n);
  const canonical = `${formatAddress(address.family, first)}/${prefixLength}`;
  return { family: address.family, prefixLength, first, count, text: canonical };
}

/** True when the address is inside the block, network and broadcast addresses included. */
export function cidrContains(cidr: Cidr, address: Address): boolean {
  return (
    address.family === cidr.family && address.value >= cidr.first && address.value < cidr.first + cidr.count
  );
}

export function familyOf(text: string): IPFamily {
  return text.includes(':') ? 'IPv6' : 'IPv4';
}
