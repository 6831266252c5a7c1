import type { core } from '#api';
import type { Name } from '../wire/name.js';
import { octetsText, reverseOctets } from './addresses.js';
import type { ClusterState } from './cluster-state.js';
import { isReverse } from './cluster-zone.js';
import { endpointsOf } from './packed-slice.js';
import { isHeadless } from './services.js';

/** Which objects an answer for a name of the cluster is made of, or what is missing, as sentences. */
export function reasons(state: ClusterState, labels: Name, zone: Name): string[] {
  if (isReverse(zone)) return reverseReasons(state, labels);
  const rel = labels.slice(0, labels.length - zone.length);
  const kind = rel[rel.length - 1];
  if (kind === undefined) return ['the apex of the cluster domain: SOA and NS'];
  if (kind === 'pod') return ['a Pod name: the address in its first label, as the pods option says'];
  if (kind !== 'svc')
    return [`${kind} is neither svc nor pod: nothing in the cluster domain has such a name`];
  const namespace = rel[rel.length - 2];
  if (namespace === undefined) return ['svc itself: exists, has no records'];
  if (state.namespace(namespace) === undefined) return [`Namespace ${namespace} does not exist`];
  const name = rel[rel.length - 3];
  if (name === undefined) return [`Namespace ${namespace} exists; it has no records of its own`];
  const service = state.service(namespace, name);
  if (service === undefined) return [`there is no Service ${name} in namespace ${namespace}`];
  return serviceReasons(state, service, rel.slice(0, -3));
}

function serviceReasons(state: ClusterState, service: core.Service, below: Name): string[] {
  const { namespace, name } = service.metadata;
  const { type, clusterIPs = [], externalName, ports } = service.spec ?? {};
  const id = `Service ${namespace}/${name}`;
  if (type === 'ExternalName') return [`${id} is an ExternalName for ${externalName}`];
  const why = [
    isHeadless(service)
      ? `${id} is headless: its ready endpoints are its addresses`
      : `${id} has ${clusterIPs.join(' and ')}, whether endpoints are ready or not`,
  ];
  for (const slice of state.slices(namespace!, name!)) {
    const endpoints = endpointsOf(slice);
    const ready = endpoints.filter((e) => e.ready).length;
    why.push(`EndpointSlice ${slice.metadata.name}: ${ready} of ${endpoints.length} endpoints ready`);
  }
  if (why.length === 1) why.push('no EndpointSlice belongs to it');
  if (below[0]?.startsWith('_') === true) {
    const known = (ports ?? []).map((p) => `_${p.name ?? ''}._${(p.protocol ?? 'TCP').toLowerCase()}`);
    why.push(`ports of the Service: ${known.join(', ') || 'none'}`);
  } else if (below.length > 0)
    why.push(`${below.join('.')} would be an endpoint's hostname or dashed address`);
  return why;
}

function reverseReasons(state: ClusterState, labels: Name): string[] {
  const octets = reverseOctets(labels);
  if (octets === undefined) return ['not a complete reverse name'];
  const ip = octetsText(octets);
  const [service] = state.servicesByIp(octets);
  if (service !== undefined)
    return [`${ip} is a cluster address of Service ${service.metadata.namespace}/${service.metadata.name}`];
  const slices = state.slicesByIp(octets);
  if (slices.length === 0) return [`no Service and no endpoint has ${ip}`];
  return slices.map(
    (s) => `${ip} is an endpoint in EndpointSlice ${s.metadata.namespace}/${s.metadata.name}`,
  );
}
