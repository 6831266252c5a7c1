import type { apps } from '#api';
import { scaledValue } from '../common/int-or-percent.js';
import { parseTime } from '../common/time.js';

type ReplicaSet = apps.ReplicaSet;
type Deployment = apps.Deployment;

/** A ReplicaSet and the size it is to have. */
export interface Resize {
  replicaSet: ReplicaSet;
  replicas: number;
}

export const DESIRED_REPLICAS = 'deployment.kubernetes.io/desired-replicas';
export const MAX_REPLICAS = 'deployment.kubernetes.io/max-replicas';

export function isRollingUpdate(deployment: Deployment): boolean {
  return (deployment.spec?.strategy?.type ?? 'RollingUpdate') === 'RollingUpdate';
}

export function wantedReplicas(deployment: Deployment): number {
  return deployment.spec?.replicas ?? 1;
}
export function sizeOf(replicaSet: ReplicaSet): number {
  return replicaSet.spec?.replicas ?? 1;
}
export function availableOf(replicaSet: ReplicaSet): number {
  return replicaSet.status?.availableReplicas ?? 0;
}
/**
 * Available Pods that will still be there once the ReplicaSet has its size. Upstream counts the reported
 * number, which is too high right after a resize and can cost more Pods than maxUnavailable allows.
 */
function lastingOf(replicaSet: ReplicaSet): number {
  return Math.min(sizeOf(replicaSet), availableOf(replicaSet));
}
export function sum(replicaSets: ReplicaSet[], of: (replicaSet: ReplicaSet) => number): number {
  return replicaSets.reduce((total, replicaSet) => total + of(replicaSet), 0);
}
export function isActive(replicaSet: ReplicaSet): boolean {
  return sizeOf(replicaSet) > 0;
}

/** Oldest first; names decide between equals so that every sync sees one order. */
export function byAge(a: ReplicaSet, b: ReplicaSet): number {
  return (
    parseTime(a.metadata.creationTimestamp) - parseTime(b.metadata.creationTimestamp) ||
    (a.metadata.name! < b.metadata.name! ? -1 : 1)
  );
}

/** maxSurge rounded up and maxUnavailable rounded down; never both zero, or nothing could move. */
function fenceposts(deployment: Deployment): { surge: number; unavailable: number } {
  const rolling = deployment.spec?.strategy?.rollingUpdate;
  const replicas = wantedReplicas(deployment);
  const surge = scaledValue(rolling?.maxSurge ?? '25%', replicas, true);
  const unavailable = scaledValue(rolling?.maxUnavailable ?? '25%', replicas, false);
  return { surge, unavailable: surge === 0 && unavailable === 0 ? 1 : unavailable };
}

/** Pods that may exist above the wanted number during a rolling update. */
export function maxSurge(deployment: Deployment): number {
  return isRollingUpdate(deployment) ? fenceposts(deployment).surge : 0;
}

/** Pods that may be unavailable during a rolling update. */
export function maxUnavailable(deployment: Deployment): number {
  const replicas = wantedReplicas(deployment);
  if (!isRollingUpdate(deployment) || replicas === 0) return 0;
  return Math.min(replicas, fenceposts(deployment).unavailable);
}

/** The size that the new ReplicaSet may grow (or must shrink) to now. `all` contains it. */
export function newReplicaSetSize(deployment: Deployment, all: ReplicaSet[], current: number): number {
  const wanted = wantedReplicas(deployment);
  if (!isRollingUpdate(deployment) || current >= wanted) return wanted;
  const room = wanted + maxSurge(deployment) - sum(all, sizeOf);
  return room <= 0 ? current : current + Math.min(room, wanted - current);
}

/**
 * How far old ReplicaSets can shrink without breaking the promised availability: Pods that do not work first,
 * then working ones as long as enough others are available.
 */
export function shrinkOld(deployment: Deployment, newSet: ReplicaSet, old: ReplicaSet[]): Resize[] {
  const active = old.filter(isActive).sort(byAge);
  const minimum = wantedReplicas(deployment) - maxUnavailable(deployment);
  const newUnavailable = sizeOf(newSet) - lastingOf(newSet);
  const removable = sum(active, sizeOf) + sizeOf(newSet) - minimum - newUnavailable;
  if (active.length === 0 || removable <= 0) return [];
  const sizes = new Map(active.map((replicaSet) => [replicaSet, sizeOf(replicaSet)]));
  take(sizes, removable, (replicaSet) => sizeOf(replicaSet) - lastingOf(replicaSet));
  const available = sum([...active, newSet], lastingOf);
  take(sizes, available - minimum, (replicaSet) => sizes.get(replicaSet)!);
  return active
    .map((replicaSet) => ({ replicaSet, replicas: sizes.get(replicaSet)! }))
    .filter(({ replicaSet, replicas }) => replicas !== sizeOf(replicaSet));
}

/** Takes up to `budget` from the sizes, oldest first, at most `limit` from each. */
function take(
  sizes: Map<ReplicaSet, number>,
  budget: number,
  limit: (replicaSet: ReplicaSet) => number,
): void {
  let left = budget;
  for (const [replicaSet, size] of sizes) {
    const count = Math.min(left, size, Math.max(0, limit(replicaSet)));
    if (count <= 0) continue;
    sizes.set(replicaSet, size - count);
    left -= count;
  }
}

/** The wanted size changed since the ReplicaSets were last sized. */
export function isScalingEvent(deployment: Deployment, all: ReplicaSet[]): boolean {
  return all.filter(isActive).some((replicaSet) => {
    const desired = intAnnotation(replicaSet, DESIRED_REPLICAS);
    return desired !== undefined && desired !== wantedReplicas(deployment);
  });
}

export function intAnnotation(replicaSet: ReplicaSet, name: string): number | undefined {
  const value = replicaSet.metadata.annotations?.[name];
  return value !== undefined && /^-?[0-9]+$/.test(value) ? Number(value) : undefined;
}

/**
 * Sizes after a change of spec.replicas: the one active ReplicaSet takes it all; in the middle of a rolling
 * update all share it in proportion, so that a bad new version never grows beyond its share.
 */
export function scaleAll(
  deployment: Deployment,
  newSet: ReplicaSet | undefined,
  old: ReplicaSet[],
): Resize[] {
  const wanted = wantedReplicas(deployment);
  const all = newSet === undefined ? old : [...old, newSet];
  const active = all.filter(isActive);
  if (active.length <= 1) {
    const only = active[0] ?? newSet ?? [...old].sort(byAge).at(-1);
    return only === undefined ? [] : [{ replicaSet: only, replicas: wanted }];
  }
  if (newSet !== undefined && isSaturated(deployment, newSet))
    return old.filter(isActive).map((replicaSet) => ({ replicaSet, replicas: 0 }));
  return isRollingUpdate(deployment) ? scaleProportionally(deployment, active) : [];
}

function isSaturated(deployment: Deployment, newSet: ReplicaSet): boolean {
  const wanted = wantedReplicas(deployment);
  return (
    sizeOf(newSet) === wanted &&
    intAnnotation(newSet, DESIRED_REPLICAS) === wanted &&
    availableOf(newSet) === wanted
  );
}

function scaleProportionally(deployment: Deployment, active: ReplicaSet[]): Resize[] {
  const wanted = wantedReplicas(deployment);
  const allowed = wanted > 0 ? wanted + maxSurge(deployment) : 0;
  const toAdd = allowed - sum(active, sizeOf);
  // The largest changes most; among equals the newest grows and the oldest shrinks.
  const order = [...active].sort((a, b) => sizeOf(b) - sizeOf(a) || (toAdd > 0 ? byAge(b, a) : byAge(a, b)));
  let added = 0;
  const resized = order.map((replicaSet) => {
    const share = proportion(deployment, replicaSet, toAdd, added);
    added += share;
    return { replicaSet, replicas: sizeOf(replicaSet) + share };
  });
  resized[0]!.replicas = Math.max(0, resized[0]!.replicas + toAdd - added);
  return resized;
}

function proportion(deployment: Deployment, replicaSet: ReplicaSet, toAdd: number, added: number): number {
  if (toAdd === 0 || toAdd === added) return 0;
  const share = fraction(deployment, replicaSet);
  const allowed = toAdd - added;
  return toAdd > 0 ? Math.min(share, allowed) : Math.max(share, allowed);
}

function fraction(deployment: Deployment, replicaSet: ReplicaSet): number {
  const size = sizeOf(replicaSet);
  if (wantedReplicas(deployment) === 0) return -size;
  const before = intAnnotation(replicaSet, MAX_REPLICAS) || deployment.status?.replicas || size;
  return Math.round((size * (wantedReplicas(deployment) + maxSurge(deployment))) / before) - size;
}
