import type { core, discovery } from '#api';
import { parseIp } from '#base';
import { semanticEqual } from '../common/equal.js';
import { getOrMake } from '../common/maps.js';
import { controllerReference } from '../common/owners.js';
import { endpointIdentity, portSetKey, sameBeyondIdentity } from '../endpoint-slice/endpoint.js';
import { MANAGED_BY, SERVICE_NAME } from '../endpoint-slice/labels.js';
import type { SlicePlan } from '../endpoint-slice/pack.js';

/** Value of the managed-by label on mirrored slices. */
export const MIRRORING_NAME = 'endpointslicemirroring-controller.k8s.io';
const NOT_COPIED = new Set([
  'endpoints.kubernetes.io/last-change-trigger-time',
  'kubectl.kubernetes.io/last-applied-configuration',
]);

type Slice = discovery.EndpointSlice;

interface Group {
  addressType: string;
  ports: discovery.EndpointPort[];
  endpoints: Map<string, discovery.Endpoint>;
}

export interface MirrorPlan extends SlicePlan {
  /** Addresses that are no IP addresses. */
  invalid: number;
  /** Addresses beyond the limit per subset. */
  skipped: number;
  /** Endpoints that stay where they are and change. */
  updated: number;
}

/** One slice per subset and family, at most `max` addresses per subset (endpointslicemirroring/reconciler.go). */
export function planMirror(endpoints: core.Endpoints, existing: Slice[], max: number): MirrorPlan {
  const plan: MirrorPlan = {
    ...{ create: [], update: [], remove: [], unchanged: [], added: 0, removed: 0 },
    ...{ invalid: 0, skipped: 0, updated: 0 },
  };
  const groups = new Map<string, Group>();
  for (const subset of endpoints.subsets ?? []) addSubset(groups, subset, max, plan);
  const byGroup = new Map<string, Slice[]>();
  for (const slice of existing)
    getOrMake(byGroup, groupKey(slice.addressType, slice.ports), () => []).push(slice);
  for (const [key, group] of groups) {
    planGroup(endpoints, group, byGroup.get(key) ?? [], max, plan);
    byGroup.delete(key);
  }
  for (const obsolete of byGroup.values()) plan.remove.push(...obsolete);
  for (const { endpoints: lost } of plan.remove) plan.removed += (lost ?? []).length;
  return plan;
}

function groupKey(addressType: string, ports: discovery.EndpointPort[] | undefined): string {
  return `${addressType}|${portSetKey(ports)}`;
}

function addSubset(
  groups: Map<string, Group>,
  subset: core.EndpointSubset,
  max: number,
  plan: MirrorPlan,
): void {
  const ports = (subset.ports ?? []).map((port) => ({
    name: port.name ?? '',
    port: port.port,
    protocol: port.protocol ?? 'TCP',
    ...(port.appProtocol === undefined ? {} : { appProtocol: port.appProtocol }),
  }));
  const all = [
    ...(subset.addresses ?? []).map((address) => ({ address, ready: true })),
    ...(subset.notReadyAddresses ?? []).map((address) => ({ address, ready: false })),
  ];
  let added = 0;
  for (const { address, ready } of all) {
    const ip = parseIp(address.ip);
    if (ip === undefined) plan.invalid += 1;
    else if (added >= max) plan.skipped += 1;
    else {
      const addressType = ip.family === 4 ? 'IPv4' : 'IPv6';
      const make = () => ({ addressType, ports, endpoints: new Map() });
      const group = getOrMake(groups, groupKey(addressType, ports), make);
      const endpoint = mirrored(address, ready);
      group.endpoints.set(endpointIdentity(endpoint), endpoint);
      added += 1;
    }
  }
}

/** Endpoints know readiness only, so the other conditions stay open. */
function mirrored(address: core.EndpointAddress, ready: boolean): discovery.Endpoint {
  return {
    addresses: [address.ip],
    conditions: { ready },
    ...(address.hostname ? { hostname: address.hostname } : {}),
    ...(address.targetRef === undefined ? {} : { targetRef: address.targetRef }),
    ...(address.nodeName ? { nodeName: address.nodeName } : {}),
  };
}

function planGroup(
  endpoints: core.Endpoints,
  group: Group,
  existing: Slice[],
  max: number,
  plan: MirrorPlan,
): void {
  const [first, ...others] = existing;
  plan.remove.push(...others);
  const wanted = newSlice(endpoints, group, max);
  if (first === undefined) {
    plan.added += wanted.endpoints!.length;
    plan.create.push(wanted);
  } else if (isCurrent(first, wanted, group)) plan.unchanged.push(first);
  else {
    countChanges(first, wanted, plan);
    const { labels, annotations, ownerReferences } = wanted.metadata;
    plan.update.push({ ...wanted, metadata: { ...first.metadata, labels, annotations, ownerReferences } });
  }
}

function countChanges(before: Slice, after: Slice, plan: MirrorPlan): void {
  const known = new Map((before.endpoints ?? []).map((each) => [endpointIdentity(each), each]));
  for (const endpoint of after.endpoints ?? []) {
    const identity = endpointIdentity(endpoint);
    const old = known.get(identity);
    known.delete(identity);
    if (old === undefined) plan.added += 1;
    else if (!sameBeyondIdentity(old, endpoint)) plan.updated += 1;
  }
  plan.removed += known.size;
}

function isCurrent(slice: Slice, wanted: Slice, group: Group): boolean {
  const endpoints = slice.endpoints ?? [];
  return (
    endpoints.length === wanted.endpoints!.length &&
    endpoints.every((endpoint) => {
      const match = group.endpoints.get(endpointIdentity(endpoint));
      return match !== undefined && sameBeyondIdentity(match, endpoint);
    }) &&
    semanticEqual(slice.metadata.labels, wanted.metadata.labels) &&
    semanticEqual(slice.metadata.annotations, wanted.metadata.annotations)
  );
}

function newSlice(endpoints: core.Endpoints, group: Group, max: number): Slice {
  const { name, namespace, labels, annotations } = endpoints.metadata;
  const copied = Object.entries(annotations ?? {}).filter(([key]) => !NOT_COPIED.has(key));
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      generateName: `${name}-`,
      namespace,
      labels: { ...labels, [SERVICE_NAME]: name!, [MANAGED_BY]: MIRRORING_NAME },
      annotations: Object.fromEntries(copied),
      ownerReferences: [controllerReference(endpoints, { group: '', version: 'v1', kind: 'Endpoints' })],
    },
    addressType: group.addressType,
    endpoints: [...group.endpoints.values()].slice(0, max),
    ports: group.ports,
  };
}
