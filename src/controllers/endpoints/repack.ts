import type { core } from '#api';

type Entry = { address: core.EndpointAddress; ready: boolean };
/** Addresses that serve one port, by address key. */
interface PortEntries {
  /** Absent for addresses of a subset without ports. */
  port: core.EndpointPort | undefined;
  addresses: Map<string, Entry>;
}

/**
 * The canonical form of the same endpoints (k8s.io/kubernetes/pkg/api/v1/endpoints RepackSubsets): each port once for
 * each address, addresses that serve the same ports with the same readiness in one subset, not ready before ready.
 * Sorted, by names and numbers where upstream sorts by a hash of Go's memory.
 */
export function repackSubsets(subsets: core.EndpointSubset[]): core.EndpointSubset[] {
  const byPort = new Map<string, PortEntries>();
  for (const { ports = [], addresses = [], notReadyAddresses = [] } of subsets) {
    for (const port of ports.length === 0 ? [undefined] : ports) {
      for (const address of addresses) record(byPort, port, address, true);
      for (const address of notReadyAddresses) record(byPort, port, address, false);
    }
  }
  return groupByAddresses(byPort);
}

function record(
  byPort: Map<string, PortEntries>,
  port: core.EndpointPort | undefined,
  address: core.EndpointAddress,
  ready: boolean,
): void {
  const key = portKey(port);
  let entries = byPort.get(key);
  if (entries === undefined) {
    entries = { port, addresses: new Map() };
    byPort.set(key, entries);
  }
  const id = `${address.ip}|${address.targetRef?.uid ?? ''}`;
  const known = entries.addresses.get(id);
  // Not ready always trumps ready.
  entries.addresses.set(id, { address: known?.address ?? address, ready: ready && (known?.ready ?? true) });
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
