import type { NodeSettings } from '../contract.js';
import type { DesiredService } from '../state/desired.js';
import { targetKey } from '../state/desired.js';
import type { Outcome, Packet } from '../trace/packet.js';
import { describeFront, type Front, frontsOf, virtualAddresses } from './fronts.js';
import { routeFor, Sources } from './policy.js';

/**
 * Says what becomes of connections in this mode, as the tracers of rules do: it asks the code that decides about real
 * ones. DROP means a reset for TCP. Every relayed connection counts as masqueraded.
 *
 * @param own canonical addresses of the node's interfaces
 */
export function createUserspaceTrace(
  services: Iterable<DesiredService>,
  settings: NodeSettings,
  own: readonly string[],
): (packet: Packet) => Outcome[] {
  const fronts = new Map<string, Front>();
  const virtual = new Set<string>();
  /** Addresses and ports that are not listened on, since nobody serves them. */
  const silent = new Set<string>();
  for (const service of services) {
    for (const front of frontsOf(service, settings)) fronts.set(front.key, front);
    const unserved = service.ports.map((port) => ({ ...port, hasAny: !port.hasAny }));
    for (const { key } of frontsOf({ ...service, ports: unserved }, settings)) silent.add(key);
    for (const address of virtualAddresses(service)) virtual.add(address);
  }
  const sources = new Sources(settings, own);
  return (packet) => {
    const { destination, destinationPort, protocol } = packet;
    const key = `${protocol.toUpperCase()} ${destination} ${destinationPort}`;
    const front = fronts.get(key);
    if (front === undefined) {
      // Where nobody listens, the kernel refuses by itself.
      const isOurs = silent.has(key) || (virtual.has(destination) && protocol !== 'sctp');
      return [{ verdict: isOurs ? 'REJECT' : 'ACCEPT', packet, path: [] }];
    }
    const { shares } = routeFor(front.desired, front.kind, destination, packet.source, sources);
    const path = [describeFront(front)];
    if (shares.length === 0) return [{ verdict: 'DROP', packet, path }];
    const targets = new Map(shares.map((target) => [targetKey(target), target]));
    return [...targets.values()].map(({ ip, port }) => ({
      verdict: 'ACCEPT',
      packet: { ...packet, destination: ip, destinationPort: port, masqueraded: true },
      path,
    }));
  };
}
