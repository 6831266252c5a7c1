import { formatIp, parseIp } from '#base';
import type { Name } from '../wire/name.js';
import { type Addresses, noAddresses } from './node.js';

/** The 4 or 16 octets of an address in text, one character each; undefined when it is none. */
export function addressOctets(text: string): string | undefined {
  const v4 = dottedOctets(text);
  if (v4 !== undefined) return v4;
  const ip = parseIp(text);
  if (ip === undefined) return undefined;
  return Buffer.from(ip.value.toString(16).padStart(ip.family === 4 ? 8 : 32, '0'), 'hex').toString('latin1');
}

/** The usual case without big integers: lists have a hundred thousand of these. */
function dottedOctets(text: string): string | undefined {
  const parts = text.length > 15 ? [] : text.split('.');
  if (parts.length !== 4) return undefined;
  const numbers = parts.map((p) => (/^(0|[1-9]\d{0,2})$/.test(p) ? Number(p) : 256));
  return numbers.some((n) => n > 255) ? undefined : String.fromCharCode(...numbers);
}

/** The canonical text of octets. */
export function octetsText(octets: string): string {
  const bytes = Buffer.from(octets, 'latin1');
  return bytes.length === 4 ? bytes.join('.') : formatIp(6, BigInt(`0x${bytes.toString('hex')}`));
}

/** What an index finds an address under: an integer for IPv4, which costs nothing to keep. */
export function addressKey(octets: string): string | number {
  if (octets.length !== 4) return octets;
  const at = (i: number) => octets.charCodeAt(i);
  return (at(0) << 24) | (at(1) << 16) | (at(2) << 8) | at(3);
}

/** The octets of an address in text as a buffer, or undefined. */
export function addressBytes(text: string): Buffer | undefined {
  const octets = addressOctets(text);
  return octets === undefined ? undefined : Buffer.from(octets, 'latin1');
}

/** Sorts addresses in text into families, dropping repeats and what is not an address. */
export function toAddresses(texts: Iterable<string>): Addresses {
  return fromOctets([...texts].flatMap((text) => addressOctets(text) ?? []));
}

/** The same for octets. */
export function fromOctets(all: Iterable<string>): Addresses {
  const result = noAddresses();
  for (const octets of new Set(all))
    (octets.length === 4 ? result.A : result.AAAA).push(Buffer.from(octets, 'latin1'));
  return result;
}

/** CoreDNS's endpoint name for an address: separators become dashes; a name may not end with one. */
export function dashedIp(ip: string): string {
  const dashed = ip.replace(/[.:]/g, '-');
  return dashed.endsWith('-') ? `${dashed}0` : dashed;
}

/** The octets of the address that a dashed Pod name stands for ("10-0-0-1", "fd00--1"), or undefined. */
export function undashedOctets(label: string): string | undefined {
  const v4 = /^\d{1,3}(-\d{1,3}){3}$/.test(label);
  return addressOctets(label.replaceAll('-', v4 ? '.' : ':'));
}

/** The octets of the address that a reverse name below in-addr.arpa or ip6.arpa stands for; undefined unless complete. */
export function reverseOctets(labels: Name): string | undefined {
  const kind = labels[labels.length - 2];
  const rest = labels.slice(0, -2).reverse();
  if (labels[labels.length - 1] !== 'arpa') return undefined;
  if (kind === 'in-addr') return rest.length === 4 ? dottedOctets(rest.join('.')) : undefined;
  if (kind !== 'ip6' || rest.length !== 32 || !rest.every((nibble) => /^[0-9a-f]$/.test(nibble)))
    return undefined;
  return Buffer.from(rest.join(''), 'hex').toString('latin1');
}
