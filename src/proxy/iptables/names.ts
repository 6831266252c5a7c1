import { createHash } from 'node:crypto';

/** Fixed chains. Upstream's begin with KUBE-; ours never collide with them. Names have at most 28 characters. */
export const CHAIN = {
  services: 'KSVC-SERVICES',
  nodePorts: 'KSVC-NODEPORTS',
  externalServices: 'KSVC-EXTERNAL-SERVICES',
  firewall: 'KSVC-PROXY-FIREWALL',
  forward: 'KSVC-FORWARD',
  localnet: 'KSVC-FIREWALL',
  localhost: 'KSVC-LOCALHOST',
  postrouting: 'KSVC-POSTROUTING',
  markMasquerade: 'KSVC-MARK-MASQ',
  probe: 'KSVC-PROBE',
} as const;

/** Every chain of ours, fixed or generated. */
export const OUR_CHAIN = /^KSVC-/;

/**
 * Chains of upstream's proxy, iptables mode. Those that it shares with the kubelet or others stay: KUBE-FIREWALL,
 * KUBE-MARK-MASQ, KUBE-MARK-DROP, KUBE-KUBELET-CANARY.
 */
export const UPSTREAM_CHAIN =
  /^KUBE-(SERVICES|EXTERNAL-SERVICES|NODEPORTS|FORWARD|POSTROUTING|PROXY-FIREWALL|PROXY-CANARY|(SVC|SVL|EXT|FW|XLB|SEP)-\w+)$/;

const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** SVC: policy Cluster, SVL: policy Local, EXT: external destinations, FW: load balancer ranges, SEP: one endpoint. */
export function generatedChain(kind: 'SVC' | 'SVL' | 'EXT' | 'FW' | 'SEP', seed: string): string {
  const digest = createHash('sha256').update(seed).digest();
  const hash = Array.from(digest.subarray(0, 16), (byte) => BASE32[byte & 31]).join('');
  return `KSVC-${kind}-${hash}`;
}
