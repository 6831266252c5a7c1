import { createHash } from 'node:crypto';

/** Fixed chains. Upstream's begin with KUBE-; ours never collide with them. Names have at most 28 characters. */
export const CHAIN = {
  services: 'KSVC-SERVICES',
  nodePorts: 'KSVC-NODEPORTS',
  externalServices: 'KSVC-EXTERNAL-SERVICES',
  firewall: 'KSVC-PROXY-FIREWALL',
  forward: 'KSVC-FORWARD',
  postrouting: 'KSVC-POSTROUTING',
  markMasquerade: 'KSVC-MARK-MASQ',
} as const;

/** Every chain of ours, fixed or generated. */
export const OUR_CHAIN = /^KSVC-/;

const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** SVC: policy Cluster, SVL: policy Local, EXT: external destinations, FW: load balancer ranges, SEP: one endpoint. */
export function generatedChain(kind: 'SVC' | 'SVL' | 'EXT' | 'FW' | 'SEP', seed: string): string {
  const digest = createHash('sha256').update(seed).digest();
  const hash = Array.from(digest.subarray(0, 16), (byte) => BASE32[byte & 31]).join('');
  return `KSVC-${kind}-${hash}`;
}
