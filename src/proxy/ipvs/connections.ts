import { type IpvsLoad, ipvsService } from '#host';
import type { ConnectionCount, CountDetail } from '../contract.js';
import type { VirtualServer } from './service-facts.js';

/** Sums what the virtual servers of each service port have got; servers of nobody are left out. */
export function connectionsOf(
  totals: Iterable<IpvsLoad>,
  serverOf: (service: string) => VirtualServer | undefined,
  detail: CountDetail,
): ConnectionCount[] {
  const counts = new Map<string, ConnectionCount>();
  for (const total of totals) {
    if ((total.target === undefined) !== (detail === 'service')) continue;
    const server = serverOf(ipvsService(total));
    // One that drains is not the Service's any more.
    if (server === undefined || (total.target !== undefined && !server.targets.has(total.target))) continue;
    const { id, service, portName, protocol } = server.owner;
    const key = `${id} ${total.target ?? ''}`;
    const connections = (counts.get(key)?.connections ?? 0) + total.connections;
    counts.set(key, { service, portName, protocol, endpoint: endpointOf(total.target), connections });
  }
  return [...counts.values()];
}

function endpointOf(target: string | undefined): ConnectionCount['endpoint'] {
  if (target === undefined) return undefined;
  const colon = target.lastIndexOf(':');
  return { ip: target.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(target.slice(colon + 1)) };
}
