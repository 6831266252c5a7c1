import type { core, discovery } from '#api';
import { objectKey } from '#api';
import type { Family } from './addresses.js';
import { categorizeEndpoints, type Topology } from './categorize.js';
import { type Endpoint, mergeSlices, portKey, type Target } from './endpoints.js';
import { type Algorithm, type ServicePort, servicePorts } from './service-port.js';

export type { Target };

export function targetKey(target: Target): string {
  return `${target.ip} ${target.port}`;
}

/** What one service port leads to, apart from any rule language. */
export interface DesiredPort {
  readonly port: ServicePort;
  /** Shares of traffic policy Cluster: an endpoint appears once per weight. */
  readonly cluster: readonly Target[];
  /** Shares of traffic policy Local. */
  readonly local: readonly Target[];
  /** False: nothing in the cluster can serve, so connections are rejected; true with an empty list: dropped. */
  readonly hasAny: boolean;
  /** Endpoints on this node that may meet themselves through the Service. */
  readonly hairpin: readonly Target[];
  /** Endpoints that UDP flows may stay with: those in use and those that still serve. */
  readonly keepFlows: readonly Target[];
}

/** Everything about one Service in one family. A Service that leads nowhere in the family has no DesiredService. */
export interface DesiredService {
  readonly key: string;
  readonly ports: readonly DesiredPort[];
  /** Ready endpoints on this node, for the health check node port. */
  readonly localReady: number;
  readonly healthCheckNodePort: number;
}

export interface DesiredOptions {
  family: Family;
  topology: Topology;
  algorithm: Algorithm;
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}

/** One entry per share, interleaved (smooth), so that round robin spreads heavy endpoints over the round. */
function shares(endpoints: readonly Endpoint[]): readonly Target[] {
  if (endpoints.length === 0) return NONE;
  const divisor = endpoints.reduce((sum, endpoint) => gcd(sum, endpoint.weight), 0) || 1;
  const weights = endpoints.map((endpoint) => endpoint.weight / divisor);
  const targets = endpoints.map(({ target }) => target);
  if (weights.every((weight) => weight === 1)) return targets;
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const credit = weights.map(() => 0);
  return Array.from({ length: total }, () => {
    for (const [i, weight] of weights.entries()) credit[i]! += weight;
    const best = credit.indexOf(Math.max(...credit));
    credit[best]! -= total;
    return targets[best]!;
  });
}

const NONE: readonly Target[] = [];

function targetsOf(
  endpoints: readonly Endpoint[],
  isWanted: (endpoint: Endpoint) => boolean,
): readonly Target[] {
  const wanted = endpoints.filter(isWanted);
  return wanted.length === 0 ? NONE : wanted.map(({ target }) => target);
}

function desiredPort(port: ServicePort, endpoints: readonly Endpoint[], topology: Topology): DesiredPort {
  const found = categorizeEndpoints(endpoints, port, topology);
  const cluster = shares(found.cluster);
  const serving = targetsOf(endpoints, (endpoint) => endpoint.ready || endpoint.serving);
  return {
    port,
    cluster,
    local: shares(found.local),
    hasAny: found.hasAny,
    hairpin: targetsOf(found.reachable, (endpoint) => endpoint.isLocal),
    // Mostly the same list: kept once.
    keepFlows:
      serving.length === cluster.length && serving.every((t, i) => t === cluster[i]) ? cluster : serving,
  };
}

function countLocalReady(byPort: Map<string, Endpoint[]>): number {
  const ips = new Set<string>();
  for (const endpoints of byPort.values()) {
    for (const endpoint of endpoints) if (endpoint.isLocal && endpoint.ready) ips.add(endpoint.target.ip);
  }
  return ips.size;
}

/** Computes one Service's desired state; cost depends only on this Service. */
export function desiredService(
  service: core.Service,
  slices: Iterable<discovery.EndpointSlice>,
  options: DesiredOptions,
): DesiredService | undefined {
  const ports = servicePorts(service, options.family, options.algorithm);
  if (ports.length === 0) return undefined;
  const byPort = mergeSlices(slices, options.family, options.topology.nodeName);
  return {
    key: objectKey(service),
    ports: ports.map((port) => {
      const endpoints = byPort.get(portKey(port.portName, port.protocol)) ?? [];
      return desiredPort(port, endpoints, options.topology);
    }),
    localReady: countLocalReady(byPort),
    healthCheckNodePort: ports[0]!.healthCheckNodePort,
  };
}
