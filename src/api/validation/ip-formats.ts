import type { Check, Path } from './field-error.js';

const DOT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;

/** An address as bytes: 4 for IPv4 (also when written IPv4-mapped), 16 for IPv6. */
interface ParsedIp {
  bytes: number[];
  /** Written with zeros in front of a decimal number, which many parsers read as octal. */
  leadingZeros: boolean;
  /** Written as `::ffff:a.b.c.d`. */
  mapped: boolean;
}

function parseIPv4(text: string): ParsedIp | undefined {
  const bytes: number[] = [];
  let leadingZeros = false;
  let start = 0;
  for (let i = 0; i <= text.length; i++) {
    const code = i < text.length ? text.charCodeAt(i) : DOT;
    if (code >= ZERO && code <= NINE) continue;
    if (code !== DOT || i === start || bytes.length === 4) return undefined;
    const value = Number(text.slice(start, i));
    if (value > 255) return undefined;
    if (i - start > 1 && text.charCodeAt(start) === ZERO) leadingZeros = true;
    bytes.push(value);
    start = i + 1;
  }
  return bytes.length === 4 ? { bytes, leadingZeros, mapped: false } : undefined;
}

function parseGroups(text: string): number[] | undefined {
  if (text === '') return [];
  const bytes: number[] = [];
  for (const group of text.split(':')) {
    if (!/^[0-9a-fA-F]{1,4}$/.test(group)) return undefined;
    const value = Number.parseInt(group, 16);
    bytes.push(value >> 8, value & 0xff);
  }
  return bytes;
}

/** Replaces a dotted tail by two groups, so that the rest of the parser sees groups only. */
function withoutDottedTail(text: string): { text: string; leadingZeros: boolean } | undefined {
  const colon = text.lastIndexOf(':');
  const tail = text.slice(colon + 1);
  if (!tail.includes('.')) return { text, leadingZeros: false };
  const v4 = parseIPv4(tail);
  if (v4 === undefined) return undefined;
  const [a, b, c, d] = v4.bytes as [number, number, number, number];
  const groups = `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  return { text: text.slice(0, colon + 1) + groups, leadingZeros: v4.leadingZeros };
}

function parseIPv6(input: string): ParsedIp | undefined {
  const plain = withoutDottedTail(input);
  if (plain === undefined) return undefined;
  const halves = plain.text.split('::');
  if (halves.length > 2) return undefined;
  const head = parseGroups(halves[0]!);
  const tail = halves.length === 2 ? parseGroups(halves[1]!) : [];
  if (head === undefined || tail === undefined) return undefined;
  const missing = 16 - head.length - tail.length;
  if (halves.length === 2 ? missing < 2 : missing !== 0) return undefined;
  const bytes = [...head, ...new Array<number>(missing).fill(0), ...tail];
  const mapped = bytes.slice(0, 10).every((b) => b === 0) && bytes[10] === 255 && bytes[11] === 255;
  return { bytes: mapped ? bytes.slice(12) : bytes, leadingZeros: plain.leadingZeros, mapped };
}

function parseIp(text: string): ParsedIp | undefined {
  if (text.length > 64) return undefined;
  return text.includes(':') ? parseIPv6(text) : parseIPv4(text);
}

/** Go's net.IP.String: dotted for IPv4 and IPv4-mapped, RFC 5952 for IPv6. */
function formatIp(bytes: readonly number[]): string {
  if (bytes.length === 4) return bytes.join('.');
  const groups = Array.from({ length: 8 }, (_, i) => (bytes[2 * i]! << 8) | bytes[2 * i + 1]!);
  let start = -1;
  let length = 1;
  for (let i = 0; i < 8; i++) {
    let end = i;
    while (end < 8 && groups[end] === 0) end++;
    if (end - i > length) {
      start = i;
      length = end - i;
    }
    if (end > i) i = end;
  }
  const hex = groups.map((group) => group.toString(16));
  if (start < 0) return hex.join(':');
  return `${hex.slice(0, start).join(':')}::${hex.slice(start + length).join(':')}`;
}

/** `v4`, `v6`, or undefined for text that is no address. IPv4-mapped counts as v4, as in Go. */
export function ipFamilyOf(text: string): 'v4' | 'v6' | undefined {
  const ip = parseIp(text);
  return ip === undefined ? undefined : ip.bytes.length === 4 ? 'v4' : 'v6';
}

const OCTET = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)';
const PLAIN_V4 = new RegExp(`^${OCTET}(?:\\.${OCTET}){3}$`);

/** The address as Go prints it, or undefined for text that is no address. */
export function canonicalIp(text: string): string | undefined {
  if (PLAIN_V4.test(text)) return text;
  const ip = parseIp(text);
  return ip === undefined ? undefined : formatIp(ip.bytes);
}

const NOT_AN_IP = 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)';

function reportForm(check: Check, path: Path, value: string, ip: ParsedIp | undefined): void {
  if (ip === undefined) check.invalid(path, value, NOT_AN_IP);
  else if (ip.leadingZeros) check.invalid(path, value, 'must not have leading 0s');
  else if (ip.mapped) check.invalid(path, value, 'must not be an IPv4-mapped IPv6 address');
}

/**
 * An address in a field older than strict parsing (upstream's IsValidIPForLegacyField with
 * StrictIPCIDRValidation): leading zeros and IPv4-mapped forms are refused, RFC 5952 form is not demanded, and
 * values that the stored object already has pass.
 */
export function checkLegacyIp(
  check: Check,
  path: Path,
  value: string,
  storedValues: readonly string[] = [],
): boolean {
  if (storedValues.includes(value)) return true;
  const before = check.errors.length;
  reportForm(check, path, value, parseIp(value));
  return check.errors.length === before;
}

/**
 * An endpoint's address: of the slice's family, and one that an endpoint can have. Slices hold thousands of
 * them, so it is parsed once for all checks. `stored` values pass whatever their form.
 */
export function checkEndpointIp(
  check: Check,
  path: Path,
  value: string,
  options: { family: 'IPv4' | 'IPv6'; stored: boolean },
): void {
  const ip = parseIp(value);
  if (!options.stored) reportForm(check, path, value, ip);
  if (ip !== undefined && (ip.bytes.length === 4) !== (options.family === 'IPv4')) {
    check.invalid(path, value, `must be an ${options.family} address`);
  }
  reportSpecial(check, path, value, ip);
}

/** An address in a newer field: strict and in canonical form. */
export function checkCanonicalIp(check: Check, path: Path, value: string): boolean {
  if (!checkLegacyIp(check, path, value)) return false;
  const canonical = canonicalIp(value);
  if (canonical === value) return true;
  check.invalid(path, value, `must be in canonical form (${JSON.stringify(canonical)})`);
  return false;
}

/** Refuses addresses that no endpoint can have: unspecified, loopback, link-local. */
export function checkNonSpecialIp(check: Check, path: Path, value: string): void {
  reportSpecial(check, path, value, parseIp(value));
}

function reportSpecial(check: Check, path: Path, value: string, ip: ParsedIp | undefined): void {
  if (ip === undefined) return check.invalid(path, value, 'must be a valid IP address');
  const [a, b] = ip.bytes as [number, number];
  const v4 = ip.bytes.length === 4;
  const zero = ip.bytes.every((byte) => byte === 0);
  const one = ip.bytes.at(-1) === 1 && ip.bytes.slice(0, -1).every((byte) => byte === 0);
  if (zero) check.invalid(path, value, `may not be unspecified (${value})`);
  if (v4 ? a === 127 : one) {
    check.invalid(path, value, 'may not be in the loopback range (127.0.0.0/8, ::1/128)');
  }
  if (v4 ? a === 169 && b === 254 : a === 0xfe && (b & 0xc0) === 0x80) {
    check.invalid(path, value, 'may not be in the link-local range (169.254.0.0/16, fe80::/10)');
  }
  if (v4 ? a === 224 && b === 0 && ip.bytes[2] === 0 : a === 0xff && (b & 0x0f) === 2) {
    check.invalid(path, value, 'may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)');
  }
}

interface ParsedCidr {
  ip: ParsedIp;
  bits: number;
  leadingZeros: boolean;
}

function parseCidr(text: string): ParsedCidr | undefined {
  const slash = text.indexOf('/');
  const ip = slash < 0 ? undefined : parseIp(text.slice(0, slash));
  const bitsText = text.slice(slash + 1);
  if (ip === undefined || !/^\d{1,10}$/.test(bitsText)) return undefined;
  const bits = Number(bitsText);
  const limit = ip.mapped ? 128 : ip.bytes.length * 8;
  if (bits > limit) return undefined;
  const leadingZeros = ip.leadingZeros || (bitsText.length > 1 && bitsText.startsWith('0'));
  return { ip, bits: ip.mapped ? Math.max(0, bits - 96) : bits, leadingZeros };
}

function masked(bytes: readonly number[], bits: number): number[] {
  return bytes.map((byte, i) => {
    const keep = Math.min(8, Math.max(0, bits - 8 * i));
    return byte & (0xff << (8 - keep)) & 0xff;
  });
}

/** `v4`, `v6`, or undefined for text that is no CIDR. */
export function cidrFamilyOf(text: string): 'v4' | 'v6' | undefined {
  const cidr = parseCidr(text);
  return cidr === undefined ? undefined : cidr.ip.bytes.length === 4 ? 'v4' : 'v6';
}

/** The network as Go prints it ("10.0.0.0/8" for "10.1.2.3/8"), or undefined. */
export function canonicalCidr(text: string): string | undefined {
  const cidr = parseCidr(text);
  return cidr === undefined ? undefined : `${formatIp(masked(cidr.ip.bytes, cidr.bits))}/${cidr.bits}`;
}

/** For a CIDR with bits beyond its prefix length: the CIDR of its one address. Undefined for all others. */
export function ambiguousCidr(text: string): string | undefined {
  const cidr = parseCidr(text);
  if (cidr === undefined) return undefined;
  const ip = formatIp(cidr.ip.bytes);
  return formatIp(masked(cidr.ip.bytes, cidr.bits)) === ip ? undefined : `${ip}/${cidr.ip.bytes.length * 8}`;
}

/** True when the first CIDR holds the second one whole. Both must be valid and of one family. */
export function cidrContains(outer: string, inner: string): boolean {
  const a = parseCidr(outer);
  const b = parseCidr(inner);
  if (a === undefined || b === undefined || a.ip.bytes.length !== b.ip.bytes.length) return false;
  return b.bits >= a.bits && formatIp(masked(b.ip.bytes, a.bits)) === formatIp(masked(a.ip.bytes, a.bits));
}

/** Upstream's IsValidCIDRForLegacyField with strict validation; see `checkLegacyIp`. */
export function checkLegacyCidr(
  check: Check,
  path: Path,
  value: string,
  storedValues: string[] = [],
): boolean {
  if (storedValues.includes(value)) return true;
  const cidr = parseCidr(value);
  const before = check.errors.length;
  if (cidr === undefined) {
    check.invalid(path, value, 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)');
  } else if (cidr.leadingZeros) {
    check.invalid(path, value, 'must not have leading 0s in IP or prefix length');
  } else if (cidr.ip.mapped) {
    check.invalid(path, value, 'must not have an IPv4-mapped IPv6 address');
  } else if (formatIp(masked(cidr.ip.bytes, cidr.bits)) !== formatIp(cidr.ip.bytes)) {
    check.invalid(path, value, 'must not have bits set beyond the prefix length');
  }
  return check.errors.length === before;
}

/** A CIDR in a newer field: strict and in canonical form. */
export function checkCanonicalCidr(check: Check, path: Path, value: string): boolean {
  if (!checkLegacyCidr(check, path, value)) return false;
  const canonical = canonicalCidr(value);
  if (canonical === value) return true;
  check.invalid(path, value, `must be in canonical form (${JSON.stringify(canonical)})`);
  return false;
}
