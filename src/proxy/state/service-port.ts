import { type core, objectKey } from '#api';
import {
  type Address,
  type Cidr,
  canonicalAddress,
  cidrContains,
  type Family,
  parseCidr,
} from './addresses.js';

export type Protocol = 'TCP' | 'UDP' | 'SCTP';

/** How a new connection picks its endpoint. */
export type Algorithm = 'random' | 'round-robin' | 'source-hash';
export const algorithms: readonly Algorithm[] = ['random', 'round-robin', 'source-hash'];

/** Chooses the algorithm of one Service; overrides `loadBalancing.algorithm` of the configuration file. */
const ALGORITHM_ANNOTATION = 'kubesvc.dev/load-balancing';
/** On an EndpointSlice: how many shares of new connections each of its endpoints gets (1..100, default 1). */
export const WEIGHT_ANNOTATION = 'kubesvc.dev/weight';
/** Services with this label belong to another proxy (well-known label; both proxies skip the other's). */
export const PROXY_NAME_LABEL = 'service.kubernetes.io/service-proxy-name';

/** One port of one Service in one family: what upstream's ServicePort holds. */
export interface ServicePort {
  /** `namespace/name:portName/protocol`: unique, and the seed of generated names. */
  readonly id: string;
  /** `namespace/name` of the Service. */
  readonly service: string;
  readonly portName: string;
  readonly protocol: Protocol;
  readonly port: number;
  /** 0 when the Service has none. */
  readonly nodePort: number;
  readonly clusterIP: string;
  readonly externalIPs: readonly string[];
  /** Load balancer ingress addresses that the proxy captures (ipMode VIP or unset). */
  readonly loadBalancerVIPs: readonly string[];
  /** Undefined means open. Only load balancer addresses are restricted. */
  readonly sourceRanges: readonly Cidr[] | undefined;
  readonly internalLocal: boolean;
  readonly externalLocal: boolean;
  /** Seconds of sessionAffinity ClientIP, undefined without affinity. */
  readonly affinitySeconds: number | undefined;
  /** 0 unless the Service is a LoadBalancer with externalTrafficPolicy Local. */
  readonly healthCheckNodePort: number;
  readonly algorithm: Algorithm;
}

const DEFAULT_AFFINITY_SECONDS = 10_800;

/** True for Services that any node proxy may handle: they have a cluster IP and are nobody else's. */
function isProxied(service: core.Service): boolean {
  const spec = service.spec ?? {};
  if (spec.type === 'ExternalName') return false;
  if (service.metadata.labels?.[PROXY_NAME_LABEL] !== undefined) return false;
  return spec.clusterIP !== undefined && spec.clusterIP !== '' && spec.clusterIP !== 'None';
}

function inFamily(texts: readonly (string | undefined)[] | undefined, family: Family): string[] {
  const found = new Set<string>();
  for (const text of texts ?? []) {
    const address = text === undefined ? undefined : canonicalAddress(text, family);
    if (address !== undefined) found.add(address);
  }
  return [...found];
}

/** Source ranges of the family, or undefined when the Service is open in it. */
function sourceRanges(service: core.Service, family: Family): Cidr[] | undefined {
  const cidrs = (service.spec?.loadBalancerSourceRanges ?? [])
    .map(parseCidr)
    .filter((cidr) => cidr !== undefined);
  const mine = cidrs.filter((cidr) => cidr.family === family);
  // Ranges of only the other family say nothing about this one, as upstream.
  if (mine.length === 0 || mine.some((cidr) => cidr.bits === 0)) return undefined;
  return mine;
}

function chooseAlgorithm(service: core.Service, fallback: Algorithm): Algorithm {
  const asked = service.metadata.annotations?.[ALGORITHM_ANNOTATION];
  return algorithms.find((algorithm) => algorithm === asked) ?? fallback;
}

function affinitySeconds(spec: core.ServiceSpec): number | undefined {
  if (spec.sessionAffinity !== 'ClientIP') return undefined;
  return spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? DEFAULT_AFFINITY_SECONDS;
}

/** Load balancer addresses to capture: `ipMode: Proxy` and hostname-only entries are reached from outside. */
function loadBalancerVIPs(service: core.Service, family: Family): string[] {
  const ingress = service.status?.loadBalancer?.ingress ?? [];
  return inFamily(
    ingress.filter((entry) => entry.ipMode === undefined || entry.ipMode === 'VIP').map((entry) => entry.ip),
    family,
  );
}

function isProtocol(text: string): text is Protocol {
  return text === 'TCP' || text === 'UDP' || text === 'SCTP';
}

/** The Service's ports in one family; empty when the Service has no cluster IP of that family. */
export function servicePorts(service: core.Service, family: Family, fallback: Algorithm): ServicePort[] {
  const spec = service.spec ?? {};
  const clusterIP = inFamily(spec.clusterIPs?.length ? spec.clusterIPs : [spec.clusterIP], family)[0];
  if (!isProxied(service) || clusterIP === undefined) return [];
  const key = objectKey(service);
  const needsHealthCheck = spec.type === 'LoadBalancer' && spec.externalTrafficPolicy === 'Local';
  const shared = {
    service: key,
    clusterIP,
    externalIPs: inFamily(spec.externalIPs, family),
    loadBalancerVIPs: loadBalancerVIPs(service, family),
    sourceRanges: sourceRanges(service, family),
    internalLocal: spec.internalTrafficPolicy === 'Local',
    externalLocal: spec.externalTrafficPolicy === 'Local',
    affinitySeconds: affinitySeconds(spec),
    healthCheckNodePort: needsHealthCheck ? (spec.healthCheckNodePort ?? 0) : 0,
    algorithm: chooseAlgorithm(service, fallback),
  };
  const ports: ServicePort[] = [];
  for (const port of spec.ports ?? []) {
    const protocol = port.protocol ?? 'TCP';
    if (!isProtocol(protocol)) continue;
    const portName = port.name ?? '';
    const id = `${key}:${portName}/${protocol.toLowerCase()}`;
    // Own fields first: V8 gives each object that begins with a spread a hidden class of its own.
    ports.push({ id, portName, protocol, port: port.port, nodePort: port.nodePort ?? 0, ...shared });
  }
  return ports;
}

/** True when anything but the cluster IP leads to this port. */
export function isExternallyAccessible(port: ServicePort): boolean {
  return port.nodePort !== 0 || port.externalIPs.length > 0 || port.loadBalancerVIPs.length > 0;
}

/** Cluster endpoints are needed also for externalTrafficPolicy Local: pods and the node short-circuit to them. */
export function usesClusterEndpoints(port: ServicePort): boolean {
  return !port.internalLocal || isExternallyAccessible(port);
}

export function usesLocalEndpoints(port: ServicePort): boolean {
  return port.internalLocal || (port.externalLocal && isExternallyAccessible(port));
}

/** True when the load balancer admits this source address. */
export function admits(ranges: readonly Cidr[], source: Address): boolean {
  return ranges.some((range) => cidrContains(range, source));
}
