import type { GroupVersionKind, GroupVersionResource } from '../object.js';
import { apiVersionOf } from '../object.js';
import type { KindInfo } from './kind-info.js';
import { allVerbs, kinds as builtInKinds, subresourceKinds } from './kinds.js';

/** One API group with its versions, preferred version first. */
export interface GroupVersions {
  group: string;
  versions: string[];
}

/** Upstream's group priorities (aggregator's apiVersionPriorities); higher comes first. */
const GROUP_PRIORITY: Readonly<Record<string, number>> = {
  '': 18000,
  apps: 17800,
  'events.k8s.io': 17750,
  'authentication.k8s.io': 17700,
  'authorization.k8s.io': 17600,
  autoscaling: 17500,
  batch: 17400,
  'networking.k8s.io': 17200,
  policy: 17100,
  'rbac.authorization.k8s.io': 17000,
  'storage.k8s.io': 16800,
  'apiextensions.k8s.io': 16700,
  'scheduling.k8s.io': 16600,
  'coordination.k8s.io': 16500,
  'node.k8s.io': 16300,
  'discovery.k8s.io': 16200,
  'resource.k8s.io': 15900,
};
/** Priority that the CRD registration controller gives to groups made at run time. */
const ADDED_GROUP_PRIORITY = 1000;

/**
 * The kinds a server knows. Starts with the built-in ones and is open for kinds added at run time; everything
 * derived from it (discovery, OpenAPI) watches `generation` to know when to rebuild.
 */
export class KindRegistry {
  readonly #byResource = new Map<string, KindInfo>();
  readonly #byKind = new Map<string, KindInfo>();
  readonly #bodies = new Map<string, KindInfo>();
  #generation = 0;

  constructor(kinds: Iterable<KindInfo> = builtInKinds) {
    for (const kind of kinds) this.add(kind);
    for (const kind of subresourceKinds) this.#bodies.set(key(kind.group, kind.version, kind.kind), kind);
  }

  /** Grows by one with every change. */
  get generation(): number {
    return this.#generation;
  }

  /** Adds a kind, or replaces the one with the same group, version and resource. */
  add(kind: KindInfo): void {
    this.remove(kind);
    this.#byResource.set(key(kind.group, kind.version, kind.resource), kind);
    this.#byKind.set(key(kind.group, kind.version, kind.kind), kind);
    this.#generation++;
  }

  /** Forgets a kind; false when it was not there. */
  remove(resource: GroupVersionResource): boolean {
    const at = key(resource.group, resource.version, resource.resource);
    const known = this.#byResource.get(at);
    if (known === undefined) return false;
    this.#byResource.delete(at);
    this.#byKind.delete(key(known.group, known.version, known.kind));
    this.#generation++;
    return true;
  }

  byResource(group: string, version: string, resource: string): KindInfo | undefined {
    return this.#byResource.get(key(group, version, resource));
  }

  /** Finds kinds with a resource first, then those that are only bodies of subresources (Scale, Eviction, TokenRequest). */
  byKind(group: string, version: string, kind: string): KindInfo | undefined {
    const at = key(group, version, kind);
    return this.#byKind.get(at) ?? this.#bodies.get(at);
  }

  /** The kind that this kind's stored bytes carry: itself, except for events.k8s.io Events and autoscaling/v1. */
  stored(kind: KindInfo): KindInfo {
    const as: GroupVersionKind | undefined = kind.storedAs;
    return as === undefined ? kind : (this.byKind(as.group, as.version, as.kind) ?? kind);
  }

  /** Kinds of one group and version, by resource name, as discovery lists them. */
  inGroupVersion(group: string, version: string): KindInfo[] {
    return [...this]
      .filter((kind) => kind.group === group && kind.version === version)
      .sort((a, b) => (a.resource < b.resource ? -1 : 1));
  }

  /** Groups with a resource, most preferred first; the core group is first. */
  groups(): GroupVersions[] {
    const versions = new Map<string, Set<string>>();
    for (const kind of this) {
      const known = versions.get(kind.group);
      if (known === undefined) versions.set(kind.group, new Set([kind.version]));
      else known.add(kind.version);
    }
    return [...versions]
      .map(([group, set]) => ({ group, versions: [...set].sort(compareVersions) }))
      .sort((a, b) => priority(b.group) - priority(a.group) || (a.group < b.group ? -1 : 1));
  }

  /** `v1`, `apps/v1` ... in the order of `groups`. */
  groupVersions(): string[] {
    return this.groups().flatMap(({ group, versions }) => versions.map((v) => apiVersionOf(group, v)));
  }

  [Symbol.iterator](): IterableIterator<KindInfo> {
    return this.#byResource.values();
  }
}

/** The verbs of a kind's resource, sorted. */
export function verbsOf(kind: KindInfo): string[] {
  return kind.verbs ?? allVerbs;
}

function key(group: string, version: string, name: string): string {
  return `${group}/${version}/${name}`;
}

function priority(group: string): number {
  return Object.hasOwn(GROUP_PRIORITY, group) ? GROUP_PRIORITY[group]! : ADDED_GROUP_PRIORITY;
}

/** Kubernetes version order, best first: GA before beta before alpha, higher numbers first, other names last by text. */
export function compareVersions(a: string, b: string): number {
  const left = versionRank(a);
  const right = versionRank(b);
  for (let i = 0; i < 3; i++) {
    if (left[i] !== right[i]) return right[i]! - left[i]!;
  }
  return a < b ? -1 : a > b ? 1 : 0;
}

function versionRank(version: string): [number, number, number] {
  const match = /^v([1-9]\d*)(?:(alpha|beta)([1-9]\d*))?$/.exec(version);
  if (match === null) return [0, 0, 0];
  const stage = match[2] === undefined ? 3 : match[2] === 'beta' ? 2 : 1;
  return [stage, Number(match[1]), Number(match[3] ?? 0)];
}
