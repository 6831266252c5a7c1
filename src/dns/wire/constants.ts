/** DNS numbers (RFC 1035, 3596, 2782, 6891). */
export const Type = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  HINFO: 13,
  MX: 15,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
  OPT: 41,
  IXFR: 251,
  AXFR: 252,
  ANY: 255,
} as const;

export const Class = { IN: 1, CH: 3, ANY: 255 } as const;

export const Rcode = {
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NXDOMAIN: 3,
  NOTIMP: 4,
  REFUSED: 5,
  BADVERS: 16,
} as const;

export const Opcode = { QUERY: 0, NOTIFY: 4 } as const;

export const Flag = {
  QR: 0x8000,
  AA: 0x0400,
  TC: 0x0200,
  RD: 0x0100,
  RA: 0x0080,
  AD: 0x0020,
  CD: 0x0010,
} as const;

/** EDNS option codes that are echoed (RFC 5001, 7314, 7873, 7828, 7830). */
export const EdnsOption = { NSID: 3, EXPIRE: 9, COOKIE: 10, KEEPALIVE: 11, PADDING: 12 } as const;

const typeNames = new Map<number, string>(Object.entries(Type).map(([name, value]) => [value, name]));
/** "A", "AAAA" ... or "TYPE65" (RFC 3597). */
export function typeName(type: number): string {
  return typeNames.get(type) ?? `TYPE${type}`;
}

const rcodeNames = new Map<number, string>(Object.entries(Rcode).map(([name, value]) => [value, name]));
export function rcodeName(rcode: number): string {
  return rcodeNames.get(rcode) ?? String(rcode);
}
