import { createHash } from 'node:crypto';
import type { Family } from '../state/addresses.js';
import type { Protocol } from '../state/service-port.js';

/** Our table, in `ip` and in `ip6`. Upstream's is `kube-proxy`; the two never share a name. */
export const TABLE = 'kubesvc-proxy';

/** Increased whenever base chains, maps or sets change shape; a table of another layout is replaced. */
export const LAYOUT = 'kubesvc proxy layout 3';

/**
 * The maps and sets that hold Services' data, and the chains that Services share, exist in two generations: a full
 * sync fills the one that is not in use, step by step, and a last transaction lets the rules refer to it.
 */
export type Generation = '' | '-b';

export function nftFamily(family: Family): 'ip' | 'ip6' {
  return family === 'IPv4' ? 'ip' : 'ip6';
}

/** The command that creates the table. */
export function createTable(family: Family): string {
  return `add table ${nftFamily(family)} ${TABLE} { comment "${LAYOUT}" ; }`;
}

export const l4 = (protocol: Protocol): 'tcp' | 'udp' | 'sctp' =>
  protocol === 'TCP' ? 'tcp' : protocol === 'UDP' ? 'udp' : 'sctp';

const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567';

/** Ten base32 characters of SHA-256: 50 bits keep a hundred thousand names apart. */
export function shortHash(text: string): string {
  const digest = createHash('sha256').update(text).digest();
  return Array.from(digest.subarray(0, 10), (byte) => BASE32[byte & 31]).join('');
}
