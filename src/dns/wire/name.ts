/**
 * Domain names. In memory a name is an array of labels, each a latin1 string with one character per octet
 * (labels may hold dots, NUL and 0xff), root last and not included. Comparison is on ASCII lower case only,
 * never `toLowerCase()`, which would change other code points.
 */
export type Name = readonly string[];

export const MAX_NAME = 255;
export const MAX_LABEL = 63;

/** Lower-cases A-Z and nothing else. */
export function lower(text: string): string {
  return /[A-Z]/.test(text) ? text.replace(/[A-Z]+/g, (s) => s.toLowerCase()) : text;
}

export class NameError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'NameError';
  }
}

/** Parses presentation format without escapes ("a.b.c." or "a.b.c"); throws NameError for illegal lengths. */
export function parseName(text: string): Name {
  const trimmed = text.endsWith('.') ? text.slice(0, -1) : text;
  if (trimmed === '') return [];
  const labels = trimmed.split('.');
  let size = 1;
  for (const label of labels) {
    if (label === '' || label.length > MAX_LABEL) throw new NameError(`bad label in ${JSON.stringify(text)}`);
    size += label.length + 1;
  }
  if (size > MAX_NAME) throw new NameError(`name too long: ${JSON.stringify(text)}`);
  return labels;
}

/** Presentation format with a trailing dot; special octets are escaped as \DDD (RFC 4343). */
export function formatName(name: Name): string {
  if (name.length === 0) return '.';
  return name.map((label) => `${label.replace(/[^!-~]|[.\\"();@$]/g, escapeOctet)}.`).join('');
}

function escapeOctet(char: string): string {
  const code = char.charCodeAt(0);
  return code > 0x20 && code < 0x7f ? `\\${char}` : `\\${String(code).padStart(3, '0')}`;
}

/** True when `name` is `zone` or below it. Both lower-case. */
export function isBelow(name: Name, zone: Name): boolean {
  if (name.length < zone.length) return false;
  const offset = name.length - zone.length;
  for (let i = 0; i < zone.length; i++) if (name[offset + i] !== zone[i]) return false;
  return true;
}

/**
 * Reads a possibly compressed name at `offset`. Pointers must point strictly backwards, and the name must keep to 255 octets.
 * Returns undefined for anything malformed; `end` is the offset after the name in place.
 */
export function readName(message: Buffer, offset: number): { labels: string[]; end: number } | undefined {
  const labels: string[] = [];
  let at = offset;
  let end = -1;
  let size = 1;
  let limit = offset;
  for (;;) {
    const length = message[at];
    if (length === undefined) return undefined;
    if (length === 0) return { labels, end: end < 0 ? at + 1 : end };
    if (length >= 0xc0) {
      const low = message[at + 1];
      if (low === undefined) return undefined;
      const target = ((length & 0x3f) << 8) | low;
      if (target >= limit) return undefined;
      if (end < 0) end = at + 2;
      limit = target;
      at = target;
      continue;
    }
    size += length + 1;
    if (length > MAX_LABEL || size > MAX_NAME || at + 1 + length > message.length) return undefined;
    labels.push(message.toString('latin1', at + 1, at + 1 + length));
    at += length + 1;
  }
}

/** A question section: the name uncompressed, type and class. */
export function encodeQuestion(name: Name, type: number, queryClass: number): Buffer {
  const parts = name.map((label) => Buffer.from(`${String.fromCharCode(label.length)}${label}`, 'latin1'));
  const tail = Buffer.alloc(5);
  tail.writeUInt16BE(type, 1);
  tail.writeUInt16BE(queryClass, 3);
  return Buffer.concat([...parts, tail]);
}
