import {
  addQuantities,
  canonicalQuantity,
  compareQuantities,
  type core,
  type Quantity,
  quantityMilliValue,
} from '#api';
import type { AdmissionAttributes, AdmissionPlugin } from '../contracts.js';
import type { ServerDeps } from '../deps.js';
import { isKind, refuse } from './refuse.js';

const ANNOTATION = 'kubernetes.io/limit-ranger';

type Resources = Record<string, Quantity>;

/** Fills in and enforces the LimitRanges of a namespace (upstream plugin/pkg/admission/limitranger). */
export class LimitRanger implements AdmissionPlugin {
  readonly name = 'LimitRanger';
  readonly kinds = ['core.v1.Pod', 'core.v1.PersistentVolumeClaim'];
  readonly #deps: ServerDeps;
  constructor(deps: ServerDeps) {
    this.#deps = deps;
  }

  async #items(attributes: AdmissionAttributes): Promise<core.LimitRangeItem[]> {
    const kind = this.#deps.kind('core.v1.LimitRange');
    const ranges = await this.#deps.store.list<core.LimitRange>(kind, attributes.namespace);
    return ranges.flatMap((range) => range.spec?.limits ?? []);
  }

  async admit(attributes: AdmissionAttributes): Promise<void> {
    if (attributes.operation !== 'CREATE' || !isKind(attributes, 'core.v1.Pod')) return;
    const pod = attributes.object as core.Pod;
    const notes: string[] = [];
    for (const item of await this.#items(attributes)) {
      if (item.type === 'Container') fillPod(pod, item, notes);
    }
    if (notes.length === 0) return;
    const annotations = {
      ...pod.metadata.annotations,
      [ANNOTATION]: `LimitRanger plugin set: ${notes.join('; ')}`,
    };
    pod.metadata.annotations = annotations;
  }

  async validate(attributes: AdmissionAttributes): Promise<void> {
    const resized = attributes.kind.message === 'core.v1.Pod' && attributes.subresource === 'resize';
    const isPod = resized || (attributes.operation === 'CREATE' && isKind(attributes, 'core.v1.Pod'));
    const isClaim = attributes.operation !== 'DELETE' && isKind(attributes, 'core.v1.PersistentVolumeClaim');
    if (!isPod && !isClaim) return;
    const errors = (await this.#items(attributes)).flatMap((item) =>
      isPod
        ? podErrors(attributes.object as core.Pod, item)
        : claimErrors(attributes.object as core.PersistentVolumeClaim, item),
    );
    if (errors.length === 0) return;
    throw refuse(attributes, errors.length === 1 ? errors[0]! : `[${errors.join(', ')}]`);
  }
}

function fillPod({ spec }: core.Pod, item: core.LimitRangeItem, notes: string[]): void {
  for (const [what, list] of [
    ['container', spec?.containers],
    ['init container', spec?.initContainers],
  ] as const) {
    for (const container of list ?? []) {
      const requests = fill(container, 'requests', item.defaultRequest);
      const limits = fill(container, 'limits', item.default);
      if (requests.length > 0) notes.push(`${requests.join(', ')} request for ${what} ${container.name}`);
      if (limits.length > 0) notes.push(`${limits.join(', ')} limit for ${what} ${container.name}`);
    }
  }
}

/** Names of the resources that were set. */
function fill(
  container: core.Container,
  kind: 'requests' | 'limits',
  defaults: Resources | undefined,
): string[] {
  const present = container.resources?.[kind] ?? {};
  const missing = Object.keys(defaults ?? {}).filter((name) => present[name] === undefined);
  if (missing.length === 0) return [];
  const added = Object.fromEntries(missing.map((name) => [name, defaults![name]!]));
  container.resources = { ...container.resources, [kind]: { ...present, ...added } };
  return missing.sort();
}

function podErrors({ spec }: core.Pod, item: core.LimitRangeItem): string[] {
  const containers = spec?.containers ?? [];
  if (item.type === 'Container') {
    return [...containers, ...(spec?.initContainers ?? [])].flatMap(({ resources }) =>
      check(item, resources?.requests ?? {}, resources?.limits ?? {}),
    );
  }
  if (item.type !== 'Pod') return [];
  const total = (kind: 'requests' | 'limits') => podTotal(spec, kind);
  return check(item, total('requests'), total('limits'));
}

/** What the whole Pod asks for: its containers together, or its largest init container. */
export function podTotal(spec: core.PodSpec | undefined, kind: 'requests' | 'limits'): Resources {
  const sum: Resources = {};
  for (const { resources } of spec?.containers ?? []) {
    for (const [name, value] of Object.entries(resources?.[kind] ?? {})) {
      sum[name] = sum[name] === undefined ? value : addQuantities(sum[name], value);
    }
  }
  for (const { resources, restartPolicy } of spec?.initContainers ?? []) {
    for (const [name, value] of Object.entries(resources?.[kind] ?? {})) {
      const have = sum[name];
      if (restartPolicy === 'Always') sum[name] = have === undefined ? value : addQuantities(have, value);
      else if (have === undefined || compareQuantities(value, have) > 0) sum[name] = value;
    }
  }
  return sum;
}

function claimErrors(claim: core.PersistentVolumeClaim, item: core.LimitRangeItem): string[] {
  if (item.type !== 'PersistentVolumeClaim') return [];
  const requests = claim.spec?.resources?.requests ?? {};
  return [
    ...Object.entries(item.min ?? {}).flatMap(([name, min]) =>
      minimum(item.type, name, min, requests[name], undefined),
    ),
    // A claim has no limit; its request is what it gets.
    ...Object.entries(item.max ?? {}).flatMap(([name, max]) =>
      requests[name] !== undefined && compareQuantities(requests[name], max) > 0
        ? [`maximum ${name} usage per ${item.type} is ${text(max)}, but request is ${text(requests[name])}`]
        : [],
    ),
  ];
}

function check(item: core.LimitRangeItem, requests: Resources, limits: Resources): string[] {
  const { type } = item;
  const each = (bounds: Resources | undefined, test: (name: string, bound: Quantity) => string[]) =>
    Object.entries(bounds ?? {}).flatMap(([name, bound]) => test(name, bound));
  return [
    ...each(item.min, (name, min) => minimum(type, name, min, requests[name], limits[name])),
    ...each(item.max, (name, max) => maximum(type, name, max, requests[name], limits[name])),
    ...each(item.maxLimitRequestRatio, (name, ratio) =>
      ratioError(type, name, ratio, requests[name], limits[name]),
    ),
  ];
}

const text = (quantity: Quantity): string => canonicalQuantity(quantity);

function minimum(type: string, name: string, min: Quantity, request?: Quantity, limit?: Quantity): string[] {
  const lead = `minimum ${name} usage per ${type} is ${text(min)}`;
  if (request === undefined) return [`${lead}.  No request is specified`];
  if (compareQuantities(request, min) < 0) return [`${lead}, but request is ${text(request)}`];
  if (limit !== undefined && compareQuantities(limit, min) < 0)
    return [`${lead}, but limit is ${text(limit)}`];
  return [];
}

function maximum(type: string, name: string, max: Quantity, request?: Quantity, limit?: Quantity): string[] {
  const lead = `maximum ${name} usage per ${type} is ${text(max)}`;
  if (limit === undefined) return [`${lead}.  No limit is specified`];
  if (compareQuantities(limit, max) > 0) return [`${lead}, but limit is ${text(limit)}`];
  if (request !== undefined && compareQuantities(request, max) > 0)
    return [`${lead}, but request is ${text(request)}`];
  return [];
}

function ratioError(
  type: string,
  name: string,
  ratio: Quantity,
  request?: Quantity,
  limit?: Quantity,
): string[] {
  const lead = `${name} max limit to request ratio per ${type} is ${text(ratio)}`;
  const asked = request === undefined ? 0 : quantityMilliValue(request);
  const allowed = limit === undefined ? 0 : quantityMilliValue(limit);
  if (asked === 0) return [`${lead}, but no request is specified or request is 0`];
  if (allowed === 0) return [`${lead}, but no limit is specified or limit is 0`];
  const observed = allowed / asked;
  return observed * 1000 > quantityMilliValue(ratio)
    ? [`${lead}, but provided ratio is ${observed.toFixed(6)}`]
    : [];
}
