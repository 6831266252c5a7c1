import type { Flow } from '#host';
import type { Family } from '../state/addresses.js';
import { parseAddress } from '../state/addresses.js';
import { destinationKey } from '../state/claims.js';
import type { DesiredPort, DesiredService } from '../state/desired.js';
import { targetKey } from '../state/desired.js';
import type { Computed } from '../state/desired-state.js';

/** A UDP destination whose flows need a look, and who may answer them. */
export interface UdpDestination {
  /** Undefined: any local address (a NodePort). */
  address: string | undefined;
  port: number;
  /** Endpoints (`ip port`) that flows may stay with; undefined: the destination is no Service any more. */
  answerers: ReadonlySet<string> | undefined;
  /** Endpoints that answered before; only these are ours to clear once the destination is gone. */
  former: ReadonlySet<string>;
}

interface Entry {
  address: string | undefined;
  port: number;
  targets: Set<string>;
}

function hasUdp(service: DesiredService | undefined): boolean {
  return service?.ports.some(({ port }) => port.protocol === 'UDP') === true;
}

function udpEntries(service: DesiredService | undefined): Map<string, Entry> {
  const entries = new Map<string, Entry>();
  for (const desired of service?.ports ?? []) {
    if (desired.port.protocol !== 'UDP') continue;
    for (const [address, port] of destinationsOf(desired)) {
      const targets = new Set(desired.keepFlows.map(targetKey));
      entries.set(destinationKey(address ?? '*', 'UDP', port), { address, port, targets });
    }
  }
  return entries;
}

function destinationsOf({ port }: DesiredPort): [string | undefined, number][] {
  const addresses = new Set([port.clusterIP, ...port.externalIPs, ...port.loadBalancerVIPs]);
  addresses.delete('');
  const found: [string | undefined, number][] = [...addresses].map((address) => [address, port.port]);
  if (port.nodePort !== 0) found.push([undefined, port.nodePort]);
  return found;
}

function isSubset(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  for (const item of a) if (!b.has(item)) return false;
  return true;
}

/**
 * UDP destinations whose flows may have become stale by these changes: an endpoint left, the destination is new
 * (flows that went past it undirected), became usable again, or is gone. Upstream looks only at endpoint changes.
 */
export function affectedDestinations(computed: readonly Computed[]): UdpDestination[] {
  const found: UdpDestination[] = [];
  for (const { before, after } of computed) {
    if (!hasUdp(before) && !hasUdp(after)) continue;
    const old = udpEntries(before);
    const now = udpEntries(after);
    for (const [key, entry] of now) {
      const was = old.get(key);
      const former = was?.targets ?? new Set<string>();
      const isUnchanged = was !== undefined && former.size > 0 && isSubset(former, entry.targets);
      if (!isUnchanged)
        found.push({ address: entry.address, port: entry.port, answerers: entry.targets, former });
    }
    for (const [key, entry] of old) {
      if (now.has(key)) continue;
      found.push({ address: entry.address, port: entry.port, answerers: undefined, former: entry.targets });
    }
  }
  return found;
}

/** Every UDP destination, for the reconciliation after a full sync. */
export function allDestinations(services: Iterable<DesiredService>): UdpDestination[] {
  const found: UdpDestination[] = [];
  for (const service of services) {
    if (!hasUdp(service)) continue;
    for (const { address, port, targets } of udpEntries(service).values()) {
      found.push({ address, port, answerers: targets, former: new Set() });
    }
  }
  return found;
}

/** Picks the flows that nobody answers any more. `isLocal` tells whether an address is one of this node's. */
export function staleFlows(
  flows: readonly Flow[],
  destinations: readonly UdpDestination[],
  isLocal: (address: string) => boolean,
): Flow[] {
  const byKey = new Map(destinations.map((d) => [destinationKey(d.address ?? '*', 'UDP', d.port), d]));
  return flows.filter((flow) => {
    const address = canonical(flow.destination);
    const exact = byKey.get(destinationKey(address, 'UDP', flow.destinationPort));
    const destination =
      exact ?? (isLocal(address) ? byKey.get(destinationKey('*', 'UDP', flow.destinationPort)) : undefined);
    return destination !== undefined && isStale(flow, destination);
  });
}

function canonical(address: string): string {
  return parseAddress(address)?.text ?? address;
}

function isStale(flow: Flow, destination: UdpDestination): boolean {
  const answerer = `${canonical(flow.replySource)} ${flow.replySourcePort}`;
  if (destination.answerers === undefined) return destination.former.has(answerer);
  return !destination.answerers.has(answerer);
}

export function conntrackFamily(family: Family): 'ipv4' | 'ipv6' {
  return family === 'IPv4' ? 'ipv4' : 'ipv6';
}
