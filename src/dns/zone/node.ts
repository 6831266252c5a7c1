import type { Name } from '../wire/name.js';

/** Addresses of a name, 4 and 16 octets. */
export interface Addresses {
  A: Buffer[];
  AAAA: Buffer[];
}

export interface SrvTarget {
  target: Name;
  port: number;
  weight: number;
  addresses: Addresses;
}

/**
 * Everything the cluster knows of one existing name. A name exists for all types or for none: a type that is
 * not here is NODATA, an undefined node is NXDOMAIN (RFC 8020).
 */
export interface NameNode {
  addresses?: Addresses;
  srv?: SrvTarget[];
  /** ExternalName: answers every type. */
  cname?: Name;
  txt?: { strings: string[]; ttl: number };
  ptr?: Name[];
  /** The zone's apex: SOA and NS live here. */
  apex?: boolean;
}

export function noAddresses(): Addresses {
  return { A: [], AAAA: [] };
}
