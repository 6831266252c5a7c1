import { isIPv4, isIPv6 } from 'node:net';
import { NameError, parseName } from '../wire/name.js';
import type { RecordData, ResourceRecord } from '../wire/record.js';
import { addressBytes } from '../zone/addresses.js';

const DEFAULT_TTL = 3600;

/**
 * A resource record in the form of zone files (RFC 1035, 5.1): `NAME [TTL] [IN] TYPE DATA`, one line, names absolute with or
 * without their last dot. Undefined when it is none, or of a type whose data is not known here.
 */
export function parseRecord(text: string): ResourceRecord | undefined {
  // Parentheses only let records go over several lines.
  const fields = (text.match(/"(?:[^"\\]|\\.)*"|[^\s"()]+/g) ?? []).map((f) => f);
  const [owner, ...rest] = fields;
  let ttl = DEFAULT_TTL;
  while (rest[0] !== undefined && /^(\d+|IN|CH|ANY)$/i.test(rest[0])) {
    const word = rest.shift()!;
    if (/^\d+$/.test(word)) ttl = Number(word);
  }
  const [type, ...data] = rest;
  if (owner === undefined || type === undefined || ttl > 0x7fffffff) return undefined;
  try {
    const parsed = parseData(type.toUpperCase(), data);
    return parsed === undefined ? undefined : { name: parseName(owner), ttl, data: parsed };
  } catch (error) {
    if (error instanceof NameError) return undefined;
    throw error;
  }
}

function parseData(type: string, fields: string[]): RecordData | undefined {
  const [first = '', second = '', third = '', fourth = ''] = fields;
  switch (type) {
    case 'A':
      return isIPv4(first) ? { type, address: addressBytes(first)! } : undefined;
    case 'AAAA':
      return isIPv6(first) ? { type, address: addressBytes(first)! } : undefined;
    case 'CNAME':
    case 'NS':
    case 'PTR':
      return first === '' ? undefined : { type, target: parseName(first) };
    case 'MX':
      return numbers([first]) && second !== ''
        ? { type, preference: Number(first), target: parseName(second) }
        : undefined;
    case 'SRV':
      return numbers([first, second, third]) && fourth !== ''
        ? {
            type,
            priority: Number(first),
            weight: Number(second),
            port: Number(third),
            target: parseName(fourth),
          }
        : undefined;
    case 'TXT':
      return fields.length === 0 ? undefined : { type, strings: fields.map(unquote) };
    case 'HINFO':
      return second === '' ? undefined : { type, cpu: unquote(first), os: unquote(second) };
    case 'SOA':
      return parseSoa(fields);
    default:
      return undefined;
  }
}

function parseSoa([mname, rname, ...rest]: string[]): RecordData | undefined {
  if (mname === undefined || rname === undefined || rest.length !== 5 || !numbers(rest, 0xffffffff))
    return undefined;
  const [serial, refresh, retry, expire, minimum] = rest.map(Number) as [
    number,
    number,
    number,
    number,
    number,
  ];
  const names = { mname: parseName(mname), rname: parseName(rname) };
  return { type: 'SOA', ...names, serial, refresh, retry, expire, minimum };
}

function numbers(texts: string[], max = 65_535): boolean {
  return texts.every((t) => /^\d{1,10}$/.test(t) && Number(t) <= max);
}

function unquote(text: string): string {
  return text.startsWith('"') ? text.slice(1, -1).replace(/\\(.)/g, '$1') : text;
}
