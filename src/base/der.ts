/** The little of DER (X.690) that certificates are made of: values are whole encodings, tag and length included. */

export function tlv(tag: number, ...contents: Uint8Array[]): Buffer {
  const length = contents.reduce((sum, part) => sum + part.length, 0);
  return Buffer.concat([Buffer.from([tag, ...lengthBytes(length)]), ...contents]);
}

function lengthBytes(length: number): number[] {
  if (length < 0x80) return [length];
  const bytes: number[] = [];
  for (let rest = length; rest > 0; rest >>>= 8) bytes.unshift(rest & 0xff);
  return [0x80 | bytes.length, ...bytes];
}

export const sequence = (...members: Uint8Array[]): Buffer => tlv(0x30, ...members);
export const set = (...members: Uint8Array[]): Buffer => tlv(0x31, ...members);
export const octets = (bytes: Uint8Array): Buffer => tlv(0x04, bytes);
export const utf8 = (text: string): Buffer => tlv(0x0c, Buffer.from(text, 'utf8'));
export const TRUE = tlv(0x01, Buffer.from([0xff]));
export const NULL = tlv(0x05);

/** Context-specific tag `[n]` around whole values, or in place of the tag of a simple one. */
export const explicit = (n: number, ...members: Uint8Array[]): Buffer => tlv(0xa0 | n, ...members);
export const implicit = (n: number, bytes: Uint8Array): Buffer => tlv(0x80 | n, bytes);

/** `unused` bits at the end of the last byte do not count. */
export const bits = (bytes: Uint8Array, unused = 0): Buffer => tlv(0x03, Buffer.from([unused]), bytes);

/** A non-negative integer from its big-endian bytes. */
export function integer(bytes: Uint8Array): Buffer {
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0) start++;
  const digits = bytes.subarray(start);
  return digits[0]! >= 0x80 ? tlv(0x02, Buffer.from([0]), digits) : tlv(0x02, digits);
}

/** An object identifier from its dotted form. */
export function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  return tlv(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
}

function base128(number: number): number[] {
  const bytes = [number & 0x7f];
  for (let rest = number >>> 7; rest > 0; rest >>>= 7) bytes.unshift(0x80 | (rest & 0x7f));
  return bytes;
}

/** UTCTime up to 2049, GeneralizedTime after, in whole seconds (RFC 5280 4.1.2.5). */
export function time(date: Date): Buffer {
  const digits = `${date
    .toISOString()
    .replace(/\.\d+Z$/, '')
    .replace(/\D/g, '')}Z`;
  const short = date.getUTCFullYear() < 2050;
  return tlv(short ? 0x17 : 0x18, Buffer.from(short ? digits.slice(2) : digits, 'latin1'));
}

/** What is inside a value. Throws RangeError for anything that is not one whole value. */
export function content(value: Buffer): Buffer {
  const { start, end } = bounds(value, 0);
  if (end !== value.length) throw new RangeError('DER: trailing bytes');
  return value.subarray(start, end);
}

/** The values inside a sequence, set or explicit tag. */
export function members(value: Buffer): Buffer[] {
  const inside = content(value);
  const found: Buffer[] = [];
  for (let at = 0; at < inside.length; ) {
    const { end } = bounds(inside, at);
    found.push(inside.subarray(at, end));
    at = end;
  }
  return found;
}

function bounds(bytes: Buffer, at: number): { start: number; end: number } {
  const first = bytes[at + 1];
  if (first === undefined) throw new RangeError('DER: cut off');
  const count = first < 0x80 ? 0 : first & 0x7f;
  if (first === 0x80 || count > 4) throw new RangeError('DER: bad length');
  const start = at + 2 + count;
  const length = count === 0 ? first : start <= bytes.length ? bytes.readUIntBE(at + 2, count) : Number.NaN;
  if (!(start + length <= bytes.length)) throw new RangeError('DER: cut off');
  return { start, end: start + length };
}
