import type { discovery } from '#api';
import { endpointIdentity, sameBeyondIdentity } from './endpoint.js';

type Slice = discovery.EndpointSlice;

/** What has to be written so that the slices hold the desired endpoints. */
export interface SlicePlan {
  create: Slice[];
  update: Slice[];
  remove: Slice[];
  unchanged: Slice[];
  added: number;
  removed: number;
}

export interface PackInput {
  /** Slices of one Service, family and port set. Never modified. */
  existing: Slice[];
  /** By identity. Emptied as endpoints find their slice. */
  desired: Map<string, discovery.Endpoint>;
  /** An empty slice of this port set. */
  newSlice(): Slice;
  /** The labels that a slice should have, or undefined when those it has are right. */
  relabel(slice: Slice): Record<string, string> | undefined;
  maxEndpoints: number;
}

/**
 * Upstream's packing (endpointslice/reconciler.go, reconcileByPortMapping), which keeps the number of written
 * slices low rather than the number of slices: changed slices are filled first, fullest first; what remains
 * goes into one unchanged slice that fits best, else into new ones. Slices are never rebalanced. In two steps,
 * as a slice that one port set gives up serves another: first what every port set keeps where it is.
 */
export function keepWanted(input: PackInput): SlicePlan {
  const plan: SlicePlan = { create: [], update: [], remove: [], unchanged: [], added: 0, removed: 0 };
  for (const slice of input.existing) keepDesired(input, slice, plan);
  plan.added = input.desired.size;
  return plan;
}

/**
 * Then what has no place yet. `reusable` slices of the family are given up and written in any case: creates that
 * take their place cost nothing, where an unchanged slice would cost a write (upstream takes that one).
 */
export function placeRest(input: PackInput, plan: SlicePlan, reusable: number): void {
  const fullestFirst = [...plan.update].sort((a, b) => b.endpoints!.length - a.endpoints!.length);
  for (const slice of fullestFirst) fill(slice, input);
  while (input.desired.size > 0) placeRemaining(input, plan, plan.create.length < reusable);
}

/** Drops what is no longer wanted from one slice, refreshes what changed in place. */
function keepDesired(input: PackInput, slice: Slice, plan: SlicePlan): void {
  const kept: discovery.Endpoint[] = [];
  let changed = false;
  const before = slice.endpoints ?? [];
  for (const endpoint of before) {
    const identity = endpointIdentity(endpoint);
    const wanted = input.desired.get(identity);
    if (wanted === undefined) continue;
    input.desired.delete(identity);
    const same = sameBeyondIdentity(wanted, endpoint);
    changed ||= !same;
    kept.push(same ? endpoint : wanted);
  }
  plan.removed += before.length - kept.length;
  const labels = input.relabel(slice);
  if (before.length > 0 && kept.length === 0) plan.remove.push(slice);
  else if (changed || kept.length !== before.length || labels !== undefined)
    plan.update.push(withEndpoints(slice, kept, labels));
  else plan.unchanged.push(slice);
}

/** The best-fitting unchanged slice if it takes all that is left, else a new slice. */
function placeRemaining(input: PackInput, plan: SlicePlan, createIsFree: boolean): void {
  const { desired, maxEndpoints } = input;
  const mayJoin = !createIsFree && desired.size < maxEndpoints;
  const fit = mayJoin ? bestFit(plan.unchanged, desired.size, maxEndpoints) : undefined;
  if (fit === undefined) {
    const slice = input.newSlice();
    fill(slice, input);
    plan.create.push(slice);
    return;
  }
  plan.unchanged.splice(plan.unchanged.indexOf(fit), 1);
  const slice = withEndpoints(fit, [...(fit.endpoints ?? [])], undefined);
  fill(slice, input);
  plan.update.push(slice);
}

function bestFit(slices: Slice[], size: number, maxEndpoints: number): Slice | undefined {
  let best: Slice | undefined;
  let least = maxEndpoints;
  for (const slice of slices) {
    const left = maxEndpoints - (slice.endpoints ?? []).length - size;
    if (left < 0 || left >= least) continue;
    best = slice;
    least = left;
  }
  return best;
}

/** Moves desired endpoints into a slice that belongs to the plan until one of the two is exhausted. */
function fill(slice: Slice, input: PackInput): void {
  for (const [identity, endpoint] of input.desired) {
    if (slice.endpoints!.length >= input.maxEndpoints) return;
    slice.endpoints!.push(endpoint);
    input.desired.delete(identity);
  }
}

/** A copy whose endpoints the plan may change; the rest is shared with the cached slice. */
function withEndpoints(
  slice: Slice,
  endpoints: discovery.Endpoint[],
  labels: Record<string, string> | undefined,
): Slice {
  const metadata = labels === undefined ? slice.metadata : { ...slice.metadata, labels };
  return { ...slice, metadata, endpoints };
}
