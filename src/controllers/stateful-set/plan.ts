import type { apps, core } from '#api';
import { isPodAvailable, isPodReady, isPodTerminal } from '../common/pods.js';
import { ordinalOf, ordinalsOf, revisionOf } from './identity.js';

type StatefulSet = apps.StatefulSet;

export interface PlanInput {
  set: StatefulSet;
  /** Pods that belong to the set. */
  pods: core.Pod[];
  /** Names of the revisions that the set comes from and goes to. */
  current: string;
  update: string;
  now: number;
}

export interface StatefulPlan {
  /** Ordinals whose Pod is missing, with the revision that it shall be of. */
  create: { ordinal: number; revision: string }[];
  remove: core.Pod[];
}

/**
 * What to do next (statefulset.updateStatefulSet): one Pod after the other in the order of ordinals, each only when
 * all before it are ready, or all at once with podManagementPolicy Parallel; surplus Pods from the highest down;
 * then the update, from the highest down to the partition.
 */
export function planStatefulSet(input: PlanInput): StatefulPlan {
  const plan: StatefulPlan = { create: [], remove: [] };
  if (!planReplicas(input, plan)) return plan;
  if (!planCondemned(input, plan)) return plan;
  planUpdate(input, plan);
  return plan;
}

/** False when nothing may happen after it in this pass. */
function planReplicas(input: PlanInput, plan: StatefulPlan): boolean {
  const { start, end } = ordinalsOf(input.set);
  const byOrdinal = podsByOrdinal(input);
  for (let ordinal = start; ordinal < end; ordinal++) {
    const pod = byOrdinal.get(ordinal);
    if (pod === undefined) {
      plan.create.push({ ordinal, revision: revisionFor(input, ordinal) });
      if (isMonotonic(input.set)) return false;
    } else if (isPodTerminal(pod)) {
      // A finished Pod keeps the name that its successor needs.
      if (!isTerminating(pod)) plan.remove.push(pod);
      if (isMonotonic(input.set)) return false;
    } else if (isMonotonic(input.set) && !isHealthy(pod, input)) return false;
  }
  return true;
}

function planCondemned(input: PlanInput, plan: StatefulPlan): boolean {
  const { start, end } = ordinalsOf(input.set);
  const within = (ordinal: number) => ordinal >= start && ordinal < end;
  const condemned = input.pods
    .map((pod) => ({ pod, ordinal: ordinalOf(input.set, pod)! }))
    .filter(({ ordinal }) => !within(ordinal))
    .sort((a, b) => b.ordinal - a.ordinal);
  const unhealthy = firstUnhealthy(input);
  for (const { pod } of condemned) {
    if (isTerminating(pod)) {
      if (isMonotonic(input.set)) return false;
      continue;
    }
    if (isMonotonic(input.set) && !isHealthy(pod, input) && pod !== unhealthy) return false;
    plan.remove.push(pod);
    if (isMonotonic(input.set)) return false;
  }
  return true;
}

/** The unhealthy Pod of the lowest ordinal: it alone may be taken away although others are not ready. */
function firstUnhealthy(input: PlanInput): core.Pod | undefined {
  const sorted = [...input.pods].sort((a, b) => ordinalOf(input.set, a)! - ordinalOf(input.set, b)!);
  return sorted.find((pod) => !isHealthy(pod, input));
}

function planUpdate(input: PlanInput, plan: StatefulPlan): void {
  const strategy = input.set.spec!.updateStrategy;
  if (strategy?.type === 'OnDelete') return;
  const { start, end } = ordinalsOf(input.set);
  const lowest = Math.max(start, start + (strategy?.rollingUpdate?.partition ?? 0));
  const byOrdinal = podsByOrdinal(input);
  for (let ordinal = end - 1; ordinal >= lowest; ordinal--) {
    const pod = byOrdinal.get(ordinal);
    if (pod === undefined) return;
    if (revisionOf(pod) !== input.update && !isTerminating(pod)) {
      plan.remove.push(pod);
      return;
    }
    if (!isHealthy(pod, input)) return;
  }
}

/** A Pod below the partition, or one that the update has not come to, is made as it was. */
function revisionFor({ set, current, update }: PlanInput, ordinal: number): string {
  const { type = 'RollingUpdate', rollingUpdate } = set.spec!.updateStrategy ?? {};
  if (type !== 'RollingUpdate' || current === update) return update;
  const start = set.spec!.ordinals?.start ?? 0;
  const old =
    rollingUpdate?.partition === undefined
      ? ordinal < start + (set.status?.currentReplicas ?? 0)
      : ordinal < start + rollingUpdate.partition;
  return old ? current : update;
}

export function podsByOrdinal({ set, pods }: PlanInput): Map<number, core.Pod> {
  return new Map(pods.map((pod) => [ordinalOf(set, pod)!, pod]));
}

function isMonotonic({ spec }: StatefulSet): boolean {
  return spec!.podManagementPolicy !== 'Parallel';
}
function isTerminating(pod: core.Pod): boolean {
  return pod.metadata.deletionTimestamp !== undefined;
}
function isHealthy(pod: core.Pod, { set, now }: PlanInput): boolean {
  return !isTerminating(pod) && isPodAvailable(pod, set.spec!.minReadySeconds ?? 0, now);
}

/** The status that the Pods amount to; a finished rolling update makes its revision the current one. */
export function statefulSetStatus(input: PlanInput): apps.StatefulSetStatus {
  const { set, pods, now } = input;
  const live = pods.filter((pod) => !isTerminating(pod));
  const ready = pods.filter((pod) => pod.status?.phase === 'Running' && isPodReady(pod));
  const of = (revision: string) => live.filter((pod) => revisionOf(pod) === revision).length;
  const status: apps.StatefulSetStatus = {
    ...set.status,
    observedGeneration: set.metadata.generation,
    replicas: pods.length,
    readyReplicas: ready.length,
    availableReplicas: ready.filter((pod) => isPodAvailable(pod, set.spec!.minReadySeconds ?? 0, now)).length,
    currentReplicas: of(input.current),
    updatedReplicas: of(input.update),
    currentRevision: input.current,
    updateRevision: input.update,
    collisionCount: set.status?.collisionCount ?? 0,
  };
  const rolling = (set.spec!.updateStrategy?.type ?? 'RollingUpdate') === 'RollingUpdate';
  const complete =
    status.updatedReplicas === status.replicas &&
    status.readyReplicas === status.replicas &&
    status.availableReplicas === status.replicas;
  if (rolling && complete) {
    status.currentReplicas = status.updatedReplicas!;
    status.currentRevision = status.updateRevision!;
  }
  return status;
}
