import type { GroupResource, KindInfo, KubeObject } from '#api';
import type { Cacher } from '../cacher/cacher.js';
import type { Strategy } from '../contracts.js';

/** Everything the generic verbs need to know of one served resource. */
export interface Resource {
  /** The kind as clients see it. */
  kind: KindInfo;
  /** The kind whose bytes are stored; differs for events.k8s.io Events and autoscaling/v1. */
  stored: KindInfo;
  group: GroupResource;
  apiVersion: string;
  strategy: Strategy;
  /** Shared by all resources with the same stored kind. */
  cacher: Cacher;
  /** Present when `kind` and `stored` differ. The inputs are not changed. */
  convert?: { toStored(object: KubeObject): KubeObject; fromStored(object: KubeObject): KubeObject };
}

/** The parsed object in the resource's own kind. Shared: do not edit. */
export function viewOf(resource: Resource, stored: KubeObject): KubeObject {
  return resource.convert === undefined ? stored : resource.convert.fromStored(stored);
}

/** A private deep copy of what is JSON by construction; members that are undefined are left out. */
export function copyOf<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(copyOf) as T;
  // Spread, so that a member called __proto__ is a member like any other, now and when it is assigned to.
  const copy = { ...value } as Record<string, unknown>;
  for (const key of Object.keys(copy)) {
    const member = copy[key];
    if (typeof member === 'object') copy[key] = copyOf(member);
    else if (member === undefined) delete copy[key];
  }
  return copy as T;
}
