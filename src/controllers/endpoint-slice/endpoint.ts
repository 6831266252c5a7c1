import { type core, type discovery, objectKey } from '#api';
import { publishesHostname } from '../common/endpoint-pods.js';
import { getOrMake } from '../common/maps.js';
import { findPort, isPodReady, podIPs } from '../common/pods.js';

export type AddressType = 'IPv4' | 'IPv6';
const ZONE_LABEL = 'topology.kubernetes.io/zone';

/** Address types of a Service's slices: its ipFamilies, or what its ClusterIP implies on old objects. */
export function addressTypesOf(service: core.Service): AddressType[] {
  const families = (service.spec?.ipFamilies ?? []).filter((f) => f === 'IPv4' || f === 'IPv6');
  if (families.length > 0) return families;
  const ip = service.spec?.clusterIP ?? '';
  if (ip !== '' && ip !== 'None') return [ip.includes(':') ? 'IPv6' : 'IPv4'];
  return ['IPv4', 'IPv6'];
}

/** The Service's ports as this Pod serves them; named target ports that the Pod lacks are left out. */
export function endpointPorts(service: core.Service, pod: core.Pod): discovery.EndpointPort[] {
  const ports: discovery.EndpointPort[] = [];
  for (const port of service.spec?.ports ?? []) {
    const number = findPort(pod, port);
    if (number === undefined) continue;
    ports.push({
      name: port.name ?? '',
      port: number,
      protocol: port.protocol ?? 'TCP',
      ...(port.appProtocol === undefined ? {} : { appProtocol: port.appProtocol }),
    });
  }
  return ports;
}

/** Identifies a set of ports, in any order: slices are grouped by it. */
export function portSetKey(ports: discovery.EndpointPort[] | undefined): string {
  return (ports ?? [])
    .map((p) => JSON.stringify([p.name ?? '', p.protocol ?? 'TCP', p.port ?? 0, p.appProtocol ?? '']))
    .sort()
    .join();
}

/** The endpoint of a Pod in one family, or undefined when the Pod has no address in it. */
export function podEndpoint(
  service: core.Service,
  pod: core.Pod,
  node: core.Node | undefined,
  addressType: AddressType,
): discovery.Endpoint | undefined {
  const addresses = podIPs(pod).filter((ip) => ip.includes(':') === (addressType === 'IPv6'));
  if (addresses.length === 0) return undefined;
  const serving = isPodReady(pod);
  const terminating = pod.metadata.deletionTimestamp !== undefined;
  const ready = service.spec?.publishNotReadyAddresses === true || (serving && !terminating);
  const { namespace, name, uid } = pod.metadata;
  const zone = node?.metadata.labels?.[ZONE_LABEL];
  return {
    addresses,
    conditions: { ready, serving, terminating },
    ...(publishesHostname(pod, service) ? { hostname: pod.spec!.hostname! } : {}),
    targetRef: { kind: 'Pod', namespace, name, uid },
    ...(pod.spec?.nodeName ? { nodeName: pod.spec.nodeName } : {}),
    ...(zone ? { zone } : {}),
  };
}

/** What makes two endpoints the same endpoint, whatever its conditions (endpointset.hashEndpoint). */
export function endpointIdentity(endpoint: discovery.Endpoint): string {
  const ref = endpoint.targetRef;
  const target = ref === undefined ? '' : `${ref.namespace ?? ''}/${ref.name ?? ''}`;
  const addresses = endpoint.addresses.length > 1 ? [...endpoint.addresses].sort() : endpoint.addresses;
  return `${addresses.join()}|${endpoint.hostname ?? ''}|${target}`;
}

/** Equality of the rest of two endpoints of one identity; hints are decided later (EndpointsEqualBeyondHash). */
export function sameBeyondIdentity(a: discovery.Endpoint, b: discovery.Endpoint): boolean {
  return (
    a.nodeName === b.nodeName &&
    a.zone === b.zone &&
    a.conditions?.ready === b.conditions?.ready &&
    a.conditions?.serving === b.conditions?.serving &&
    a.conditions?.terminating === b.conditions?.terminating &&
    a.targetRef?.uid === b.targetRef?.uid &&
    a.targetRef?.kind === b.targetRef?.kind
  );
}

/** Endpoints that one port set of a Service shall have. */
export interface PortGroup {
  ports: discovery.EndpointPort[];
  endpoints: Map<string, discovery.Endpoint>;
}

export interface DesiredEndpoints {
  groups: Map<string, PortGroup>;
  /** Names of missing nodes and the Pods left out because of them: the caller retries. */
  skipped: { pod: string; node: string }[];
}

/**
 * Groups a Service's Pods by the ports they serve. A Pod whose Node is unknown is left out, so that an
 * endpoint never outlives its node unnoticed, unless the Service publishes not-ready addresses.
 */
export function desiredEndpoints(
  service: core.Service,
  pods: core.Pod[],
  nodeOf: (name: string) => core.Node | undefined,
  addressType: AddressType,
): DesiredEndpoints {
  const desired: DesiredEndpoints = { groups: new Map(), skipped: [] };
  for (const pod of pods) {
    const ports = endpointPorts(service, pod);
    const key = portSetKey(ports);
    const group = getOrMake(desired.groups, key, () => ({ ports, endpoints: new Map() }));
    const nodeName = pod.spec?.nodeName ?? '';
    const node = nodeOf(nodeName);
    if (node === undefined && service.spec?.publishNotReadyAddresses !== true) {
      desired.skipped.push({ pod: objectKey(pod), node: nodeName });
      continue;
    }
    const endpoint = podEndpoint(service, pod, node, addressType);
    if (endpoint !== undefined) group.endpoints.set(endpointIdentity(endpoint), endpoint);
  }
  return desired;
}
