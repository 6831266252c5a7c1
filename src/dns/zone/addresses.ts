import { parseIp } from '#base';
import type { Name } from '../wire/name.js';
import { type Addresses, noAddresses } from './node.js';

/** The 4 or 16 octets of an address in text, or undefined. */
export function addressBytes(text: string): Buffer | undefined {
  const ip = parseIp(text);
  if (ip === undefined) return undefined;
  const hex = ip.value.toString(16).padStart(ip.family === 4 ? 8 : 32, '0');
  return Buffer.from(hex, 'hex');
}

/** Sorts addresses into families, dropping repeats and what is not an address. */
export function toAddresses(texts: Iterable<string>): Addresses {
  const result = noAddresses();
  const seen = new Set<string>();
  for (const text of texts) {
    const bytes = addressBytes(text);
    const key = bytes?.toString('hex');
    if (bytes === undefined || key === undefined || seen.has(key)) continue;
    seen.add(key);
    (bytes.length === 4 ? result.A : result.AAAA).push(bytes);
  }
  return result;
}

/** CoreDNS's endpoint name for an address: separators become dashes; a name may not end with one. */
export function dashedIp(ip: string): string {
  const dashed = ip.replace(/[.:]/g, '-');
  return dashed.endsWith('-') ? `${dashed}0` : dashed;
}

/** The address that a dashed pod name stands for ("10-0-0-1", "fd00--1"), canonical, or undefined. */
export function undashedIp(label: string): string | undefined {
  const v4 = /^\d{1,3}(-\d{1,3}){3}$/.test(label);
  return parseIp(label.replaceAll('-', v4 ? '.' : ':'))?.text;
}

/** The address that a reverse name below in-addr.arpa or ip6.arpa stands for; undefined unless complete. */
export function reverseIp(labels: Name): string | undefined {
  const top = labels[labels.length - 1];
  const kind = labels[labels.length - 2];
  const rest = labels.slice(0, -2);
  if (top !== 'arpa') return undefined;
  if (kind === 'in-addr') return rest.length === 4 ? parseIp([...rest].reverse().join('.'))?.text : undefined;
  if (kind !== 'ip6' || rest.length !== 32 || !rest.every((nibble) => /^[0-9a-f]$/.test(nibble)))
    return undefined;
  const hex = [...rest].reverse().join('');
  return parseIp(hex.match(/.{4}/g)!.join(':'))?.text;
}
