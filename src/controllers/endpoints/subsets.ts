import type { core } from '#api';
import { publishesHostname } from '../common/endpoint-pods.js';
import { findPort, isPodReady, podIPs } from '../common/pods.js';
import { repackSubsets } from './repack.js';

/** Most addresses one Endpoints object may hold. */
export const MAX_ADDRESSES = 1000;

/** The subsets of a Service: addresses that serve the same ports with the same readiness share one. Sorted. */
export function endpointSubsets(service: core.Service, pods: core.Pod[]): core.EndpointSubset[] {
  const subsets: core.EndpointSubset[] = [];
  for (const pod of pods) {
    const address = endpointAddress(service, pod);
    const ports = podPorts(service, pod);
    if (address === undefined || ports === undefined) continue;
    const ready = service.spec?.publishNotReadyAddresses === true || isPodReady(pod);
    subsets.push(ready ? { addresses: [address], ports } : { notReadyAddresses: [address], ports });
  }
  return repackSubsets(subsets);
}

/** Endpoints carry one family only: the Service's first. */
function endpointAddress(service: core.Service, pod: core.Pod): core.EndpointAddress | undefined {
  const ips = podIPs(pod);
  const ip = ips.find((candidate) => candidate.includes(':') === wantsIPv6(service, ips));
  if (ip === undefined) return undefined;
  const { namespace, name, uid } = pod.metadata;
  return {
    ip,
    ...(publishesHostname(pod, service) ? { hostname: pod.spec!.hostname! } : {}),
    ...(pod.spec?.nodeName ? { nodeName: pod.spec.nodeName } : {}),
    targetRef: { kind: 'Pod', namespace, name, uid },
  };
}

function wantsIPv6(service: core.Service, ips: string[]): boolean {
  const family = service.spec?.ipFamilies?.[0];
  if (family !== undefined) return family === 'IPv6';
  const clusterIP = service.spec?.clusterIP ?? '';
  const decisive = clusterIP === '' || clusterIP === 'None' ? (ips[0] ?? '') : clusterIP;
  return decisive.includes(':');
}

/** Ports as the Pod serves them; none only for a headless Service without ports. Undefined: the Pod serves nothing. */
function podPorts(service: core.Service, pod: core.Pod): core.EndpointPort[] | undefined {
  const ports = service.spec?.ports ?? [];
  if (ports.length === 0) return service.spec?.clusterIP === 'None' ? [] : undefined;
  const found: core.EndpointPort[] = [];
  for (const port of ports) {
    const number = findPort(pod, port);
    if (number === undefined) continue;
    found.push({
      ...(port.name ? { name: port.name } : {}),
      port: number,
      protocol: port.protocol ?? 'TCP',
      ...(port.appProtocol === undefined ? {} : { appProtocol: port.appProtocol }),
    });
  }
  return found.length === 0 ? undefined : found;
}

/**
 * Cuts subsets to 1000 addresses, ready ones first and in proportion to each subset's size. `truncated` tells
 * whether anything was cut (annotation endpoints.kubernetes.io/over-capacity).
 */
export function truncateSubsets(subsets: core.EndpointSubset[]): {
  subsets: core.EndpointSubset[];
  truncated: boolean;
} {
  const count = (field: 'addresses' | 'notReadyAddresses') =>
    subsets.reduce((sum, subset) => sum + (subset[field]?.length ?? 0), 0);
  const ready = count('addresses');
  const notReady = count('notReadyAddresses');
  if (ready + notReady <= MAX_ADDRESSES) return { subsets, truncated: false };
  const cutReady = ready > MAX_ADDRESSES;
  const field = cutReady ? 'addresses' : 'notReadyAddresses';
  const room = cutReady ? MAX_ADDRESSES : MAX_ADDRESSES - ready;
  const total = cutReady ? ready : notReady;
  let left = room;
  const cut = subsets.map((subset) => {
    const size = subset[field]?.length ?? 0;
    const kept = (subset[field] ?? []).slice(0, Math.min(left, Math.ceil((size / total) * room)));
    left -= kept.length;
    return withoutEmpty({ ...subset, [field]: kept, ...(cutReady ? { notReadyAddresses: [] } : {}) });
  });
  return { subsets: cut, truncated: true };
}

function withoutEmpty(subset: core.EndpointSubset): core.EndpointSubset {
  const { addresses = [], notReadyAddresses = [], ...rest } = subset;
  return {
    ...(addresses.length > 0 ? { addresses } : {}),
    ...(notReadyAddresses.length > 0 ? { notReadyAddresses } : {}),
    ...rest,
  };
}
