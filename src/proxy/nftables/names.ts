import { createHash } from 'node:crypto';
import type { Family } from '../state/addresses.js';
import type { Protocol } from '../state/service-port.js';

/** Our table, in `ip` and in `ip6`. Upstream's is `kube-proxy`; the two never share a name. */
export const TABLE = 'kubesvc-proxy';

/** Increased whenever base chains, maps or sets change shape; a table of another layout is replaced. */
export const LAYOUT = 'kubesvc proxy layout 1';

export function nftFamily(family: Family): 'ip' | 'ip6' {
  return family === 'IPv4' ? 'ip' : 'ip6';
}

export const l4 = (protocol: Protocol): 'tcp' | 'udp' | 'sctp' =>
  protocol === 'TCP' ? 'tcp' : protocol === 'UDP' ? 'udp' : 'sctp';

const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567';

/** Ten base32 characters of SHA-256: 50 bits keep a hundred thousand names apart. */
export function shortHash(text: string): string {
  const digest = createHash('sha256').update(text).digest();
  return Array.from(digest.subarray(0, 10), (byte) => BASE32[byte & 31]).join('');
}
