import type { ConnectionCount, CountDetail } from '../contract.js';
import type { Target } from '../state/desired.js';
import type { ServicePort } from '../state/service-port.js';

/** Whose connections an endpoint's chain counts: it belongs to one service port. */
export interface CountedEndpoint {
  readonly port: ServicePort;
  readonly target: Target;
}

const DNAT_RULE = /^\[(\d+):\d+\] -A (\S+) .*-j DNAT /gm;

/**
 * Sums what the DNAT rules of endpoints have counted, from `iptables-save -c` of the nat table, where rules see only the
 * first packets of connections. Chains that are no endpoint's of ours are left out.
 */
export function parseCounts(
  saved: string,
  ownerOf: (chain: string) => CountedEndpoint | undefined,
  detail: CountDetail,
): ConnectionCount[] {
  const totals = new Map<string, ConnectionCount>();
  for (const [, packets, chain] of saved.matchAll(DNAT_RULE)) {
    const owner = ownerOf(chain!);
    if (owner === undefined) continue;
    const { service, portName, protocol, id } = owner.port;
    const endpoint = detail === 'endpoint' ? owner.target : undefined;
    const key = detail === 'endpoint' ? chain! : id;
    const connections = (totals.get(key)?.connections ?? 0) + Number(packets);
    totals.set(key, { service, portName, protocol, endpoint, connections });
  }
  return [...totals.values()];
}
