import { isIP } from 'node:net';
import type { core } from '#api';
import { lower, type Name, NameError, parseName } from '../wire/name.js';
import { fromOctets, toAddresses } from './addresses.js';
import type { ClusterState } from './cluster-state.js';
import type { NameNode, SrvTarget } from './node.js';
import { endpointsOf, type SlicePort } from './packed-slice.js';

export interface ServiceOptions {
  zone: Name;
  /** Name endpoints after their Pods instead of their addresses. */
  endpointPodNames: boolean;
  /** ClusterIP Services without a ready endpoint do not exist (`ignore empty_service`). */
  ignoreEmptyService: boolean;
  /** The Service is a ServiceImport: its endpoints are named after their clusters too. */
  imported?: boolean;
}

/** One ready address of a Service with the ports of its slice. */
interface ReadyEndpoint {
  /** What it is called below its Service: a label, and the cluster's where it is imported. */
  labels: Name;
  zone: string;
  octets: string;
  ports: readonly SlicePort[];
}

/** Where the slices of a Service are found. */
type Slices = Pick<ClusterState, 'slices'>;

type PortFilter = { port: string; protocol: string } | undefined;

/**
 * The node of `<service>` or `_port._proto.<service>` (DNS specification 1.1.0, 2.3 and 2.4), or undefined
 * when the name does not exist.
 */
export function serviceNode(
  state: Slices,
  service: core.Service,
  filter: PortFilter,
  options: ServiceOptions,
): NameNode | undefined {
  if (service.spec?.type === 'ExternalName')
    return filter === undefined ? externalName(service.spec.externalName ?? '') : undefined;
  return isHeadless(service)
    ? headlessNode(state, service, filter, options)
    : clusterIpNode(state, service, filter, options);
}

/** An external name that is an address is no name at all. */
function externalName(target: string): NameNode | undefined {
  if (isIP(target) !== 0) return undefined;
  try {
    const name = parseName(lower(target));
    return name.length === 0 ? undefined : { cname: name };
  } catch (error) {
    if (error instanceof NameError) return undefined;
    throw error;
  }
}

function clusterIpNode(
  state: Slices,
  service: core.Service,
  filter: PortFilter,
  options: ServiceOptions,
): NameNode | undefined {
  const { namespace, name } = service.metadata;
  if (options.ignoreEmptyService && readyEndpoints(state, service, options).length === 0) return undefined;
  const ports = (service.spec?.ports ?? []).filter((p) => matches(filter, p.name ?? '', p.protocol ?? 'TCP'));
  if (filter !== undefined && ports.length === 0) return undefined;
  const ips = service.spec?.clusterIPs ?? [];
  const addresses = toAddresses(ips);
  const weight = srvWeight(ips.length * ports.length);
  const target = [name!, namespace!, 'svc', ...options.zone];
  return { addresses, srv: ports.map((p) => ({ target, port: p.port, weight, addresses })) };
}

export function isHeadless(service: core.Service): boolean {
  return service.spec?.clusterIPs?.[0] === 'None';
}

function headlessNode(
  state: Slices,
  service: core.Service,
  filter: PortFilter,
  options: ServiceOptions,
): NameNode | undefined {
  return nodeOf(service, readyEndpoints(state, service, options), filter, options);
}

/**
 * The node of `<zone>.<directive>._zone.<service>` of a headless Service: its endpoints in a topology zone; where there
 * are none, nothing (`pin`), or all of them (`prefer`).
 */
export function zonalNode(
  state: Slices,
  service: core.Service,
  [zone = '', directive = '']: Name,
  options: ServiceOptions,
): NameNode | undefined {
  const all = readyEndpoints(state, service, options);
  const near = all.filter((e) => lower(e.zone) === zone);
  if (all.length === 0) return undefined;
  if (near.length === 0 && directive === 'pin') return {};
  return nodeOf(service, near.length === 0 ? all : near, undefined, options);
}

function nodeOf(
  service: core.Service,
  all: ReadyEndpoint[],
  filter: PortFilter,
  options: ServiceOptions,
): NameNode | undefined {
  const { namespace, name } = service.metadata;
  const targets: SrvTarget[] = [];
  const matching = new Set<string>();
  for (const endpoint of all) {
    const ports = endpoint.ports.filter((p) => matches(filter, p.name, p.protocol));
    if (filter === undefined || ports.length > 0) matching.add(endpoint.octets);
    const target = [...endpoint.labels, name!, namespace!, 'svc', ...options.zone];
    for (const p of ports)
      targets.push({ target, port: p.port, weight: 0, addresses: fromOctets([endpoint.octets]) });
  }
  if (matching.size === 0) return undefined;
  const weight = srvWeight(targets.length);
  return { addresses: fromOctets(matching), srv: mergeTargets(targets, weight) };
}

/** Endpoints that share a hostname share one SRV record per port, with all their addresses. */
function mergeTargets(targets: SrvTarget[], weight: number): SrvTarget[] {
  const merged = new Map<string, SrvTarget>();
  for (const t of targets) {
    const key = `${t.target.join('.')}:${t.port}`;
    const have = merged.get(key);
    if (have === undefined) merged.set(key, { ...t, weight });
    else
      have.addresses = {
        A: unique([...have.addresses.A, ...t.addresses.A]),
        AAAA: unique([...have.addresses.AAAA, ...t.addresses.AAAA]),
      };
  }
  return [...merged.values()];
}

function unique(buffers: Buffer[]): Buffer[] {
  return [...new Map(buffers.map((b) => [b.toString('hex'), b])).values()];
}

/** The node of `<endpoint>.<service>`, `labels` being the endpoint's: all ready addresses under that endpoint name; also for ClusterIP Services. */
export function endpointNode(
  state: Slices,
  service: core.Service,
  labels: Name,
  options: ServiceOptions,
): NameNode | undefined {
  if (service.spec?.type === 'ExternalName') return undefined;
  const found = readyEndpoints(state, service, options).filter(
    (e) => e.labels.length === labels.length && e.labels.every((label, i) => label === labels[i]),
  );
  if (found.length === 0) return undefined;
  const addresses = fromOctets(found.map((e) => e.octets));
  const target = [...labels, service.metadata.name!, service.metadata.namespace!, 'svc', ...options.zone];
  const ports = new Map(found.flatMap((e) => e.ports).map((p) => [p.port, p]));
  const weight = srvWeight(found.reduce((sum, e) => sum + e.ports.length, 0));
  return { addresses, srv: [...ports.keys()].map((port) => ({ target, port, weight, addresses })) };
}

/** CoreDNS's weight: 100 shared by the records before repeats are dropped, at least 1. */
function srvWeight(count: number): number {
  return Math.max(1, Math.floor(100 / Math.max(1, count)));
}

function matches(filter: PortFilter, name: string, protocol: string): boolean {
  return filter === undefined || (lower(name) === filter.port && lower(protocol) === filter.protocol);
}

function readyEndpoints(state: Slices, service: core.Service, options: ServiceOptions): ReadyEndpoint[] {
  const seen = new Set<string>();
  const result: ReadyEndpoint[] = [];
  for (const slice of state.slices(service.metadata.namespace!, service.metadata.name!)) {
    // What a cluster exported has a name only with that cluster's (multi-cluster DNS specification).
    const imported = options.imported === true;
    if (imported && slice.cluster === '') continue;
    for (const { name, octets, ready, zone } of endpointsOf(slice, options.endpointPodNames)) {
      const labels = imported ? [name, slice.cluster] : [name];
      const key = `${labels.join('.')}|${octets}|${slice.ports.map((p) => `${p.name}/${p.port}`).join()}`;
      if (!ready || seen.has(key)) continue;
      seen.add(key);
      result.push({ labels, zone, octets, ports: slice.ports });
    }
  }
  return result;
}
