import type { core, discovery } from '#api';
import { milliValue } from '../common/quantity.js';
import type { AddressType } from './endpoint.js';
import type { SlicePlan } from './pack.js';
import { withHints } from './traffic-distribution.js';

/** Overload that a zone may be exposed to before topology-mode Auto gives up its hints. */
const OVERLOAD_THRESHOLD = 0.2;
const ZONE_LABEL = 'topology.kubernetes.io/zone';
const EXCLUDED_ROLES = ['node-role.kubernetes.io/control-plane', 'node-role.kubernetes.io/master'];

export interface TopologyEvent {
  type: 'Normal' | 'Warning';
  reason: 'TopologyAwareHintsEnabled' | 'TopologyAwareHintsDisabled';
  message: string;
}

/** The annotation service.kubernetes.io/topology-mode (or its predecessor) asks for Auto. */
export function topologyHintsEnabled(service: core.Service): boolean {
  const annotations = service.metadata.annotations ?? {};
  const mode =
    annotations['service.kubernetes.io/topology-aware-hints'] ??
    annotations['service.kubernetes.io/topology-mode'];
  return mode === 'Auto' || mode === 'auto';
}

interface Allocation {
  minimum: number;
  maximum: number;
  desired: number;
}
type Counts = Map<string, number>;

/**
 * Distribution of CPU over zones and of hints over Services (endpointslice/topologycache, KEP-2433). Zones
 * get endpoints in proportion to their CPU; hints are withheld when no fair split is possible.
 */
export class TopologyCache {
  /** Share of the cluster's CPU per zone; undefined when nodes lack a zone or CPU, or there is only one zone. */
  #ratios: Map<string, number> | undefined;
  readonly #hints = new Map<string, Map<AddressType, Counts>>();

  setNodes(nodes: core.Node[]): void {
    this.#ratios = cpuRatios(nodes);
  }

  /** Services whose hints would overload a zone since the nodes changed. */
  overloadedServices(): string[] {
    const overloaded = [...this.#hints].filter(([, byType]) =>
      [...byType.values()].some((counts) => isOverloaded(counts, this.#ratios)),
    );
    return overloaded.map(([service]) => service);
  }

  hasHints(service: string): boolean {
    return this.#hints.has(service);
  }

  removeHints(service: string, addressType: AddressType): void {
    const byType = this.#hints.get(service);
    byType?.delete(addressType);
    if (byType?.size === 0) this.#hints.delete(service);
  }

  forget(service: string): void {
    this.#hints.delete(service);
  }

  /** Adds hints to a plan, or removes them and says why. */
  addHints(
    service: string,
    addressType: AddressType,
    plan: SlicePlan,
  ): { plan: SlicePlan; event: TopologyEvent | undefined } {
    const result = assignHints(plan, this.#ratios);
    if (typeof result === 'string') {
      this.removeHints(service, addressType);
      const message = `${result}, addressType: ${addressType}`;
      return {
        plan: removeHints(plan),
        event: { type: 'Warning', reason: 'TopologyAwareHintsDisabled', message },
      };
    }
    const known = this.#hints.has(service);
    const byType = this.#hints.get(service) ?? new Map<AddressType, Counts>();
    this.#hints.set(service, byType.set(addressType, result.counts));
    const message = `Topology Aware Hints has been enabled, addressType: ${addressType}`;
    return {
      plan: result.plan,
      event: known ? undefined : { type: 'Normal', reason: 'TopologyAwareHintsEnabled', message },
    };
  }
}

/** Strips hints; unchanged slices that carried some become updates. */
export function removeHints(plan: SlicePlan): SlicePlan {
  const strip = (slice: discovery.EndpointSlice) => ({
    ...slice,
    endpoints: (slice.endpoints ?? []).map((endpoint) => withHints(endpoint, undefined)),
  });
  const hinted = plan.unchanged.filter((slice) => (slice.endpoints ?? []).some((e) => e.hints !== undefined));
  return {
    ...plan,
    create: plan.create.map(strip),
    update: [...plan.update, ...hinted].map(strip),
    unchanged: plan.unchanged.filter((slice) => !hinted.includes(slice)),
  };
}

function cpuRatios(nodes: core.Node[]): Map<string, number> | undefined {
  const byZone: Counts = new Map();
  let total = 0;
  for (const node of nodes) {
    const labels = node.metadata.labels ?? {};
    if (EXCLUDED_ROLES.some((role) => role in labels) || !isNodeReady(node)) continue;
    const cpu = milliValue(node.status?.allocatable?.['cpu']);
    const zone = labels[ZONE_LABEL] ?? '';
    if (zone === '' || cpu === 0) return undefined;
    total += cpu;
    byZone.set(zone, (byZone.get(zone) ?? 0) + cpu);
  }
  if (total === 0 || byZone.size < 2) return undefined;
  return new Map([...byZone].map(([zone, cpu]) => [zone, cpu / total]));
}

function isNodeReady(node: core.Node): boolean {
  return node.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True') ?? false;
}

function isOverloaded(counts: Counts, ratios: Map<string, number> | undefined): boolean {
  if (counts.size === 0) return false;
  if (ratios === undefined) return true;
  const total = [...counts.values()].reduce((sum, n) => sum + n, 0);
  return [...ratios].some(([zone, ratio]) => {
    const have = counts.get(zone);
    return have === undefined || have < Math.ceil((total * ratio) / (1 + OVERLOAD_THRESHOLD));
  });
}

/** The plan with hints and the hints per zone, or the reason why there cannot be any. */
function assignHints(
  plan: SlicePlan,
  ratios: Map<string, number> | undefined,
): { plan: SlicePlan; counts: Counts } | string {
  const all = [...plan.create, ...plan.update, ...plan.unchanged];
  const ready = all.reduce((sum, slice) => sum + readyEndpoints(slice).length, 0);
  const allocations = allocate(ready, ratios);
  if (typeof allocations === 'string') return allocations;
  const { counts, kept, outdated } = countKeptHints(plan.unchanged, allocations);
  // Allocatable slices are copied: their endpoints are replaced below, step by step.
  const copy = (slice: discovery.EndpointSlice) => ({ ...slice, endpoints: [...(slice.endpoints ?? [])] });
  const create = plan.create.map(copy);
  const update = [...plan.update, ...outdated].map(copy);
  const open = [...create, ...update];
  for (const slice of open) if (!hintOwnZone(slice, counts)) return NO_ZONE;
  moveHints(open, counts, transfers(allocations, counts));
  if (counts.size === 0) return 'No hints allocated for zones';
  return { plan: { ...plan, create, update, unchanged: kept }, counts };
}

const NO_ZONE = 'One or more endpoints do not have a zone specified';

function allocate(
  endpoints: number,
  ratios: Map<string, number> | undefined,
): Map<string, Allocation> | string {
  if (ratios === undefined)
    return 'Insufficient Node information: allocatable CPU or zone not specified on one or more nodes';
  const sizes = `(${endpoints} endpoints, ${ratios.size} zones)`;
  if (ratios.size > endpoints) return `Insufficient number of endpoints ${sizes}`;
  const allocations = new Map<string, Allocation>();
  let minimums = 0;
  for (const [zone, ratio] of ratios) {
    const share = ratio * endpoints;
    const minimum = Math.ceil(share / (1 + OVERLOAD_THRESHOLD));
    allocations.set(zone, { minimum, maximum: 0, desired: Math.max(share, minimum) });
    minimums += minimum;
  }
  if (minimums > endpoints)
    return `Unable to allocate minimum required endpoints to each zone without exceeding overload threshold ${sizes}`;
  for (const allocation of allocations.values())
    allocation.maximum = allocation.minimum + endpoints - minimums;
  return allocations;
}

/** Splits unchanged slices into those whose hints may stay and those that must be assigned again. */
function countKeptHints(slices: discovery.EndpointSlice[], allocations: Map<string, Allocation>) {
  const counts: Counts = new Map();
  const kept: discovery.EndpointSlice[] = [];
  const outdated: discovery.EndpointSlice[] = [];
  for (const slice of slices) {
    const hints = validHints(slice, counts, allocations);
    if (hints === undefined) {
      outdated.push(slice);
      continue;
    }
    kept.push(slice);
    for (const [zone, n] of hints) counts.set(zone, (counts.get(zone) ?? 0) + n);
  }
  return { counts, kept, outdated };
}

function validHints(
  slice: discovery.EndpointSlice,
  counts: Counts,
  allocations: Map<string, Allocation>,
): Counts | undefined {
  const hints: Counts = new Map();
  for (const endpoint of readyEndpoints(slice)) {
    const zones = endpoint.hints?.forZones ?? [];
    if (zones.length === 0 || zones.some(({ name }) => !allocations.has(name))) return undefined;
    for (const { name } of zones) hints.set(name, (hints.get(name) ?? 0) + 1);
  }
  const fits = [...hints].every(([zone, n]) => n + (counts.get(zone) ?? 0) <= allocations.get(zone)!.maximum);
  return fits ? hints : undefined;
}

function readyEndpoints(slice: discovery.EndpointSlice): discovery.Endpoint[] {
  return (slice.endpoints ?? []).filter((endpoint) => endpoint.conditions?.ready === true);
}

/** Step 1: every ready endpoint serves its own zone. False when one has no zone. */
function hintOwnZone(slice: discovery.EndpointSlice, counts: Counts): boolean {
  const endpoints = slice.endpoints!;
  for (const [i, endpoint] of endpoints.entries()) {
    if (endpoint.conditions?.ready !== true) {
      endpoints[i] = withHints(endpoint, undefined);
      continue;
    }
    if (!endpoint.zone) return false;
    counts.set(endpoint.zone, (counts.get(endpoint.zone) ?? 0) + 1);
    endpoints[i] = withHints(endpoint, { forZones: [{ name: endpoint.zone }] });
  }
  return true;
}

/** Step 2: how many endpoints each zone gives to and receives from others. */
function transfers(
  allocations: Map<string, Allocation>,
  counts: Counts,
): { giving: Counts; receiving: Counts } {
  const surplus: Counts = new Map();
  const lack: Counts = new Map();
  for (const [zone, { desired }] of allocations) {
    const have = counts.get(zone) ?? 0;
    if (have > desired) surplus.set(zone, have - desired);
    else if (have < desired) lack.set(zone, desired - have);
  }
  const giving: Counts = new Map();
  const receiving: Counts = new Map();
  for (;;) {
    const from = most(surplus);
    const to = most(lack);
    if (from === undefined || to === undefined) break;
    if ((from.n < 1 && to.n < 1) || from.n < 0.5 || to.n < 0.5) break;
    giving.set(from.zone, (giving.get(from.zone) ?? 0) + 1);
    surplus.set(from.zone, from.n - 1);
    receiving.set(to.zone, (receiving.get(to.zone) ?? 0) + 1);
    lack.set(to.zone, to.n - 1);
  }
  return { giving, receiving };
}

function most(zones: Counts): { zone: string; n: number } | undefined {
  let best: { zone: string; n: number } | undefined;
  for (const [zone, n] of zones) if (n > (best?.n ?? 0)) best = { zone, n };
  return best;
}

/** Step 3: hands endpoints of giving zones to receiving zones. */
function moveHints(
  slices: discovery.EndpointSlice[],
  counts: Counts,
  { giving, receiving }: { giving: Counts; receiving: Counts },
): void {
  for (const slice of slices) {
    for (const [i, endpoint] of slice.endpoints!.entries()) {
      if (endpoint.conditions?.ready !== true || (giving.get(endpoint.zone!) ?? 0) <= 0) continue;
      const to = [...receiving].find(([, n]) => n > 0)?.[0];
      if (to === undefined) return;
      slice.endpoints![i] = withHints(endpoint, { forZones: [{ name: to }] });
      giving.set(endpoint.zone!, giving.get(endpoint.zone!)! - 1);
      receiving.set(to, receiving.get(to)! - 1);
      counts.set(to, (counts.get(to) ?? 0) + 1);
      counts.set(endpoint.zone!, counts.get(endpoint.zone!)! - 1);
    }
  }
}
