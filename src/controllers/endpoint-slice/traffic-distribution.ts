import type { discovery } from '#api';
import type { SlicePlan } from './pack.js';

const CLOSE = ['PreferClose', 'PreferSameZone', 'PreferSameNode'];

/**
 * Sets the hints that a Service's trafficDistribution asks for, or removes hints when it asks for none
 * (endpointslice/trafficdist, KEP-4444 and KEP-3015). Only slices whose hints are wrong join the updates.
 */
export function distributeTraffic(trafficDistribution: string | undefined, plan: SlicePlan): SlicePlan {
  const close = trafficDistribution !== undefined && CLOSE.includes(trafficDistribution);
  const wanted = close
    ? (endpoint: discovery.Endpoint) => closeHints(endpoint, trafficDistribution === 'PreferSameNode')
    : () => undefined;
  const apply = (endpoint: discovery.Endpoint): discovery.Endpoint =>
    close && endpoint.conditions?.ready !== true ? endpoint : withHints(endpoint, wanted(endpoint));
  const isRight = (endpoint: discovery.Endpoint) => apply(endpoint) === endpoint;
  const outdated = plan.unchanged.filter((slice) => !(slice.endpoints ?? []).every(isRight));
  const hinted = (slice: discovery.EndpointSlice) => ({
    ...slice,
    endpoints: (slice.endpoints ?? []).map(apply),
  });
  return {
    ...plan,
    create: plan.create.map(hinted),
    update: [...plan.update, ...outdated].map(hinted),
    unchanged: plan.unchanged.filter((slice) => !outdated.includes(slice)),
  };
}

function closeHints(endpoint: discovery.Endpoint, nodeHints: boolean): discovery.EndpointHints | undefined {
  const hints: discovery.EndpointHints = {};
  if (endpoint.zone !== undefined) hints.forZones = [{ name: endpoint.zone }];
  if (nodeHints && endpoint.nodeName !== undefined) hints.forNodes = [{ name: endpoint.nodeName }];
  return hints.forZones === undefined && hints.forNodes === undefined ? undefined : hints;
}

/** The endpoint with these hints; the same object when it has them already. */
export function withHints(
  endpoint: discovery.Endpoint,
  hints: discovery.EndpointHints | undefined,
): discovery.Endpoint {
  if (sameHints(endpoint.hints, hints)) return endpoint;
  const { hints: _old, ...rest } = endpoint;
  return hints === undefined ? rest : { ...rest, hints };
}

function sameHints(a: discovery.EndpointHints | undefined, b: discovery.EndpointHints | undefined): boolean {
  const names = (list: { name: string }[] | undefined) => (list ?? []).map((entry) => entry.name).join();
  return names(a?.forZones) === names(b?.forZones) && names(a?.forNodes) === names(b?.forNodes);
}
