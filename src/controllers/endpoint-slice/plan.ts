import type { core, discovery } from '#api';
import { semanticEqual } from '../common/equal.js';
import { controllerReference, isControlledBy } from '../common/owners.js';
import { type AddressType, desiredEndpoints, type PortGroup, portSetKey } from './endpoint.js';
import { CONTROLLER_NAME, labelsChanged, sliceLabels } from './labels.js';
import { keepWanted, type PackInput, placeRest, type SlicePlan } from './pack.js';

type Slice = discovery.EndpointSlice;

export interface FamilyInput {
  service: core.Service;
  /** Pods that match the Service and belong in endpoints. */
  pods: core.Pod[];
  nodeOf: (name: string) => core.Node | undefined;
  /** Slices of this family that carry the Service's name and this controller's managed-by label. */
  existing: Slice[];
  addressType: AddressType;
  maxEndpoints: number;
}

export interface FamilyPlan extends SlicePlan {
  skipped: { pod: string; node: string }[];
  /** Endpoints wanted and slices that a perfect packing would need: for metrics. */
  desiredEndpoints: number;
  desiredSlices: number;
}

/** Everything that must change so that the slices of one family tell the truth; hints come afterwards. */
export function planFamily(input: FamilyInput): FamilyPlan {
  const { service, maxEndpoints } = input;
  const { groups, skipped } = desiredEndpoints(service, input.pods, input.nodeOf, input.addressType);
  const plan: FamilyPlan = { ...emptyPlan(), skipped, desiredEndpoints: 0, desiredSlices: 0 };
  const owned = groupOwned(input, plan);
  const packs: { input: PackInput; plan: SlicePlan }[] = [];
  for (const [key, group] of groups) {
    plan.desiredEndpoints += group.endpoints.size;
    plan.desiredSlices += Math.ceil(group.endpoints.size / maxEndpoints);
    const pack = packInput(input, group, owned.get(key) ?? []);
    packs.push({ input: pack, plan: keepWanted(pack) });
    owned.delete(key);
  }
  const obsolete = [...owned.values()].flat();
  let reusable = packs.reduce((sum, pack) => sum + pack.plan.remove.length, obsolete.length);
  for (const pack of packs) {
    placeRest(pack.input, pack.plan, reusable);
    reusable -= pack.plan.create.length;
    append(plan, pack.plan);
  }
  plan.remove.push(...obsolete);
  keepPlaceholder(plan, input);
  plan.desiredSlices = Math.max(1, plan.desiredSlices);
  return plan;
}

function packInput(
  { service, addressType, maxEndpoints }: FamilyInput,
  group: PortGroup,
  existing: Slice[],
): PackInput {
  return {
    existing,
    desired: group.endpoints,
    newSlice: () => newSlice(service, addressType, group.ports),
    relabel: (slice) => (labelsChanged(slice, service) ? sliceLabels(service, CONTROLLER_NAME) : undefined),
    maxEndpoints,
  };
}

function emptyPlan(): SlicePlan {
  return { create: [], update: [], remove: [], unchanged: [], added: 0, removed: 0 };
}

function append(plan: SlicePlan, part: SlicePlan): void {
  plan.create.push(...part.create);
  plan.update.push(...part.update);
  plan.remove.push(...part.remove);
  plan.unchanged.push(...part.unchanged);
  plan.added += part.added;
  plan.removed += part.removed;
}

/** Own slices by port set; slices left by a former Service of the same name are removed. */
function groupOwned(input: FamilyInput, plan: FamilyPlan): Map<string, Slice[]> {
  const owned = new Map<string, Slice[]>();
  for (const slice of input.existing) {
    if (!isControlledBy(slice, input.service)) {
      plan.remove.push(slice);
      continue;
    }
    const key = portSetKey(slice.ports);
    const group = owned.get(key);
    if (group === undefined) owned.set(key, [slice]);
    else group.push(slice);
  }
  return owned;
}

/** A Service without endpoints keeps one empty slice, so that consumers can tell "none" from "not yet". */
function keepPlaceholder(plan: SlicePlan, input: FamilyInput): void {
  if (plan.create.length > 0 || input.existing.length !== plan.remove.length) return;
  const placeholder = newSlice(input.service, input.addressType, []);
  const only = plan.remove.length === 1 ? plan.remove[0]! : undefined;
  if (only !== undefined && isSamePlaceholder(only, placeholder)) {
    plan.unchanged.push(only);
    plan.remove = [];
  } else plan.create.push(placeholder);
}

function isSamePlaceholder(slice: Slice, placeholder: Slice): boolean {
  return (
    (slice.endpoints ?? []).length === 0 &&
    (slice.ports ?? []).length === 0 &&
    slice.addressType === placeholder.addressType &&
    semanticEqual(slice.metadata.labels, placeholder.metadata.labels) &&
    slice.metadata.ownerReferences?.[0]?.uid === placeholder.metadata.ownerReferences![0]!.uid
  );
}

/** An empty slice of a Service; the server completes its name. */
export function newSlice(
  service: core.Service,
  addressType: AddressType,
  ports: discovery.EndpointPort[],
): Slice {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      generateName: `${service.metadata.name}-`,
      namespace: service.metadata.namespace,
      labels: sliceLabels(service, CONTROLLER_NAME),
      ownerReferences: [controllerReference(service, { group: '', version: 'v1', kind: 'Service' })],
    },
    addressType,
    endpoints: [],
    ports,
  };
}

/**
 * Turns each create that meets a delete of the same owner and family into one update: a write less, and
 * watchers never see the endpoints in no slice or in two.
 */
export function pairCreatesWithDeletes(service: core.Service, plan: SlicePlan): SlicePlan {
  const create = [...plan.create];
  const update = [...plan.update];
  const remove: Slice[] = [];
  for (const slice of plan.remove) {
    const last = create.at(-1);
    if (last === undefined || last.addressType !== slice.addressType || !isControlledBy(slice, service)) {
      remove.push(slice);
      continue;
    }
    create.pop();
    const { labels, ownerReferences } = last.metadata;
    update.push({ ...last, metadata: { ...slice.metadata, labels, ownerReferences } });
  }
  return { ...plan, create, update, remove };
}
