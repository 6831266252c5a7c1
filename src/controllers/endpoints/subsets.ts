import type { core } from '#api';
import { publishesHostname } from '../common/endpoint-pods.js';
import { getOrMake } from '../common/maps.js';
import { findPort, isPodReady, podIPs } from '../common/pods.js';

/** Most addresses one Endpoints object may hold. */
export const MAX_ADDRESSES = 1000;

interface Entry {
  address: core.EndpointAddress;
  ready: boolean;
}
/** Addresses that serve one port, by address key. */
interface PortEntries {
  port: core.EndpointPort | undefined;
  addresses: Map<string, Entry>;
}

/** The subsets of a Service: addresses that serve the same ports with the same readiness share one. Sorted. */
export function endpointSubsets(service: core.Service, pods: core.Pod[]): core.EndpointSubset[] {
  const byPort = new Map<string, PortEntries>();
  for (const pod of pods) {
    const address = endpointAddress(service, pod);
    if (address === undefined) continue;
    const ready = service.spec?.publishNotReadyAddresses === true || isPodReady(pod);
    for (const port of podPorts(service, pod)) record(byPort, port, address, ready);
  }
  return groupByAddresses(byPort);
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

/** Ports as the Pod serves them; one absent port stands for a headless Service without ports. */
function podPorts(service: core.Service, pod: core.Pod): (core.EndpointPort | undefined)[] {
  const ports = service.spec?.ports ?? [];
  if (ports.length === 0) return service.spec?.clusterIP === 'None' ? [undefined] : [];
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
  return found;
}

function record(
  byPort: Map<string, PortEntries>,
  port: core.EndpointPort | undefined,
  address: core.EndpointAddress,
  ready: boolean,
): void {
  const key = portKey(port);
  const entries = getOrMake(byPort, key, () => ({ port, addresses: new Map() }));
  const id = `${address.ip}|${address.targetRef?.uid ?? ''}`;
  const known = entries.addresses.get(id);
  // Not ready always trumps ready.
  entries.addresses.set(id, { address, ready: ready && (known?.ready ?? true) });
}

function portKey(port: core.EndpointPort | undefined): string {
  if (port === undefined) return '';
  return JSON.stringify([port.name ?? '', port.protocol, port.port, port.appProtocol ?? '']);
}

function groupByAddresses(byPort: Map<string, PortEntries>): core.EndpointSubset[] {
  const groups = new Map<string, { entries: Entry[]; ports: core.EndpointPort[] }>();
  for (const [, { port, addresses }] of [...byPort].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const sorted = [...addresses].sort(([a], [b]) => (a < b ? -1 : 1));
    const signature = sorted.map(([id, { ready }]) => `${id}${ready ? '+' : '-'}`).join();
    const group = groups.get(signature);
    if (group === undefined)
      groups.set(signature, {
        entries: sorted.map(([, entry]) => entry),
        ports: port === undefined ? [] : [port],
      });
    else if (port !== undefined) group.ports.push(port);
  }
  return [...groups.values()].map(({ entries, ports }) => toSubset(entries, ports));
}

function toSubset(entries: Entry[], ports: core.EndpointPort[]): core.EndpointSubset {
  const addresses = entries.filter((e) => e.ready).map((e) => e.address);
  const notReadyAddresses = entries.filter((e) => !e.ready).map((e) => e.address);
  return {
    ...(addresses.length > 0 ? { addresses } : {}),
    ...(notReadyAddresses.length > 0 ? { notReadyAddresses } : {}),
    ...(ports.length > 0 ? { ports } : {}),
  };
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
