import {
  type Cidr as BaseCidr,
  cidrContains as baseContains,
  formatIp,
  type IpAddress,
  parseIp,
  parseCidr as strictCidr,
} from '#base';

/** IP families, named as in the API. Every rule set exists once per family. */
export type Family = 'IPv4' | 'IPv6';

export interface Address {
  family: Family;
  /** Canonical text, comparable as a string. */
  text: string;
  ip: IpAddress;
}

export interface Cidr {
  family: Family;
  /** Canonical text with the host bits cleared. */
  text: string;
  bits: number;
  range: BaseCidr;
}

const V4_MAPPED = 0xffffn << 32n;
const familyOf = (number: 4 | 6): Family => (number === 4 ? 'IPv4' : 'IPv6');

/** Leading zeros are decimal, as in Go's "sloppy" parser: stored objects may still carry them. */
function withoutLeadingZeros(text: string): string {
  return /^[\d.]+(\/\d+)?$/.test(text) ? text.replace(/(^|[./])0+(?=\d)/g, '$1') : text;
}

/** Parses an address as Kubernetes does; undefined when it is none. IPv4-mapped IPv6 is IPv4. */
export function parseAddress(text: string): Address | undefined {
  const ip = parseIp(withoutLeadingZeros(text.trim()));
  if (ip === undefined) return undefined;
  if (ip.family === 6 && ip.value >> 32n === 0xffffn) {
    const v4 = formatIp(4, ip.value - V4_MAPPED);
    return { family: 'IPv4', text: v4, ip: parseIp(v4)! };
  }
  return { family: familyOf(ip.family), text: ip.text, ip };
}

/** Whether the text is a dotted quad exactly as `formatIp` would write it. */
function isCanonicalV4(text: string): boolean {
  let octet = -1;
  let dots = 0;
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (digit === -2) {
      if (octet < 0) return false;
      octet = -1;
      dots++;
    } else {
      if (digit < 0 || digit > 9 || octet === 0) return false;
      octet = octet < 0 ? digit : octet * 10 + digit;
      if (octet > 255) return false;
    }
  }
  return dots === 3 && octet >= 0;
}

/**
 * Canonical text of an address of the family; undefined when it is none. Endpoints come by the hundred thousand
 * and nearly all are canonical IPv4 already, hence the shortcut.
 */
export function canonicalAddress(text: string, family: Family): string | undefined {
  if (isCanonicalV4(text)) return family === 'IPv4' ? text : undefined;
  const address = parseAddress(text);
  return address?.family === family ? address.text : undefined;
}

/** Parses `address/bits`, surrounding blanks ignored; undefined when malformed. */
export function parseCidr(text: string): Cidr | undefined {
  const range = strictCidr(withoutLeadingZeros(text.trim()));
  if (range === undefined) return undefined;
  return { family: familyOf(range.family), text: range.text, bits: range.prefix, range };
}

export function cidrContains(cidr: Cidr, address: Address): boolean {
  return baseContains(cidr.range, address.ip);
}
