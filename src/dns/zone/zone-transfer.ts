import type { core } from '#api';
import { Type } from '../wire/constants.js';
import type { Name } from '../wire/name.js';
import type { ResourceRecord } from '../wire/record.js';
import type { ClusterState } from './cluster-state.js';
import type { ClusterZone } from './cluster-zone.js';
import { type ResolveOptions, resolve, soa } from './resolve.js';

/** Every record of a forward zone between two SOAs: NS and glue, Services with their SRV, aliases; no Pods (as upstream). */
export function zoneRecords(
  zones: ClusterZone,
  state: ClusterState,
  zone: Name,
  options: ResolveOptions,
): ResourceRecord[] {
  const start = soa(zone, zone, options);
  const seen = new Set<string>();
  const records: ResourceRecord[] = [];
  const ask = (name: Name, type: number) => {
    const answer = resolve(zones, name, name, type, zone, options);
    for (const record of [...answer.answers, ...answer.additional]) {
      const key = JSON.stringify([record.name, record.data]);
      if (seen.has(key)) continue;
      seen.add(key);
      records.push(record);
    }
  };
  ask(zone, Type.NS);
  for (const service of state.services()) {
    for (const name of serviceNames(service, zone)) ask(name, Type.SRV);
    const name = [service.metadata.name!, service.metadata.namespace!, 'svc', ...zone];
    if (service.spec?.type === 'ExternalName') ask(name, Type.CNAME);
    else for (const type of [Type.A, Type.AAAA]) ask(name, type);
  }
  return [start, ...records, start];
}

/** The Service's name, and one per named port. */
function serviceNames(service: core.Service, zone: Name): Name[] {
  if (service.spec?.type === 'ExternalName') return [];
  const base = [service.metadata.name!, service.metadata.namespace!, 'svc', ...zone];
  const ports = (service.spec?.ports ?? []).filter((p) => (p.name ?? '') !== '');
  return [base, ...ports.map((p) => [`_${p.name}`, `_${(p.protocol ?? 'TCP').toLowerCase()}`, ...base])];
}
