import type { apps, core } from '#api';
import { scaledValue } from '../common/int-or-percent.js';
import { isPodActive, isPodAvailable, isPodReady, isPodTerminal } from '../common/pods.js';
import { nodeOf } from './nodes.js';

export const REVISION_HASH = 'controller-revision-hash';

export interface DaemonPlan {
  /** Nodes that need a Pod. */
  create: string[];
  remove: core.Pod[];
  /** Pods that have ended where one should run: they go, failed ones not too often. */
  ended: core.Pod[];
}

export interface PlanInput {
  daemonSet: apps.DaemonSet;
  /** Pods that belong to the DaemonSet. */
  pods: core.Pod[];
  nodes: { name: string; shouldRun: boolean; mayStay: boolean }[];
  /** Hash of the current template. */
  hash: string;
  now: number;
}

/** Pods by the node they are on or meant for. */
export function podsByNode(pods: core.Pod[]): Map<string, core.Pod[]> {
  const byNode = new Map<string, core.Pod[]>();
  for (const pod of pods) {
    const node = nodeOf(pod);
    const list = byNode.get(node);
    if (list === undefined) byNode.set(node, [pod]);
    else list.push(pod);
  }
  return byNode;
}

/** Missing, superfluous, failed and misplaced Pods (daemon.podsShouldBeOnNode). */
export function planPlacement(input: PlanInput): DaemonPlan {
  const plan: DaemonPlan = { create: [], remove: [], ended: [] };
  const byNode = podsByNode(input.pods);
  const known = new Set(input.nodes.map(({ name }) => name));
  for (const node of input.nodes) placeOn(node, byNode.get(node.name) ?? [], input, plan);
  for (const [name, pods] of byNode) if (!known.has(name)) plan.remove.push(...pods.filter(notDeleting));
  return plan;
}

function placeOn(
  node: PlanInput['nodes'][number],
  pods: core.Pod[],
  input: PlanInput,
  plan: DaemonPlan,
): void {
  if (!node.mayStay) {
    plan.remove.push(...pods.filter(notDeleting));
    return;
  }
  if (pods.length === 0) {
    if (node.shouldRun) plan.create.push(node.name);
    return;
  }
  plan.ended.push(...pods.filter((pod) => isPodTerminal(pod) && notDeleting(pod)));
  const running = pods.filter((pod) => isPodActive(pod));
  // One is enough: the oldest ready one stays. While surging, an old and a new one may overlap.
  const surplus = keepOrder(running).slice(1);
  if (maxSurge(input.daemonSet) === 0) plan.remove.push(...surplus);
  else plan.remove.push(...surplus.filter((pod) => sameGeneration(running, pod)));
}

function sameGeneration(running: core.Pod[], pod: core.Pod): boolean {
  const hash = pod.metadata.labels?.[REVISION_HASH];
  return running.filter((other) => other.metadata.labels?.[REVISION_HASH] === hash).length > 1;
}

function keepOrder(pods: core.Pod[]): core.Pod[] {
  return [...pods].sort(
    (a, b) =>
      Number(isPodReady(b)) - Number(isPodReady(a)) ||
      (a.metadata.creationTimestamp ?? '').localeCompare(b.metadata.creationTimestamp ?? ''),
  );
}

function notDeleting(pod: core.Pod): boolean {
  return pod.metadata.deletionTimestamp === undefined;
}

export function isUpdated(pod: core.Pod, hash: string): boolean {
  return pod.metadata.labels?.[REVISION_HASH] === hash;
}

function desired(input: PlanInput): number {
  return input.nodes.filter((node) => node.shouldRun).length;
}

function rolling(daemonSet: apps.DaemonSet): apps.RollingUpdateDaemonSet {
  return daemonSet.spec?.updateStrategy?.rollingUpdate ?? {};
}
function maxSurge(daemonSet: apps.DaemonSet, count = 1000): number {
  return scaledValue(rolling(daemonSet).maxSurge ?? 0, count, true);
}

/**
 * One step of a rolling update: old Pods that may be replaced now, within maxUnavailable; with maxSurge, new
 * Pods are made next to the old ones first (daemon.rollingUpdate).
 */
export function planRollingUpdate(input: PlanInput): DaemonPlan {
  const total = desired(input);
  const surge = maxSurge(input.daemonSet, total);
  return surge > 0 ? surgeStep(input, surge) : replaceStep(input, total);
}

function replaceStep(input: PlanInput, total: number): DaemonPlan {
  const limit = scaledValue(rolling(input.daemonSet).maxUnavailable ?? 1, total, true);
  const byNode = podsByNode(input.pods);
  const minReady = input.daemonSet.spec?.minReadySeconds ?? 0;
  const isAvailable = (pod: core.Pod) => isPodActive(pod) && isPodAvailable(pod, minReady, input.now);
  let unavailable = 0;
  const candidates: core.Pod[] = [];
  const remove: core.Pod[] = [];
  for (const node of input.nodes.filter(({ shouldRun }) => shouldRun)) {
    const pods = byNode.get(node.name) ?? [];
    if (!pods.some(isAvailable)) unavailable += 1;
    const old = pods.filter((pod) => isPodActive(pod) && !isUpdated(pod, input.hash));
    // Replacing what does not work costs no availability.
    for (const pod of old) (isAvailable(pod) ? candidates : remove).push(pod);
  }
  const more = candidates.slice(0, Math.max(0, limit - unavailable));
  return { create: [], remove: [...remove, ...more], ended: [] };
}

function surgeStep(input: PlanInput, limit: number): DaemonPlan {
  const byNode = podsByNode(input.pods);
  const minReady = input.daemonSet.spec?.minReadySeconds ?? 0;
  const plan: DaemonPlan = { create: [], remove: [], ended: [] };
  const waiting: string[] = [];
  let surging = 0;
  for (const { name, shouldRun } of input.nodes) {
    const active = (byNode.get(name) ?? []).filter(isPodActive);
    const old = active.filter((pod) => !isUpdated(pod, input.hash));
    const fresh = active.find((pod) => isUpdated(pod, input.hash));
    if (!shouldRun || old.length === 0) continue;
    if (fresh === undefined) waiting.push(name);
    else if (isPodAvailable(fresh, minReady, input.now)) plan.remove.push(...old);
    else surging += 1;
  }
  plan.create = waiting.slice(0, Math.max(0, limit - surging));
  return plan;
}

/** The status that nodes and Pods amount to (daemon.updateDaemonSetStatus). */
export function daemonStatus(input: PlanInput): apps.DaemonSetStatus {
  const byNode = podsByNode(input.pods);
  const minReady = input.daemonSet.spec?.minReadySeconds ?? 0;
  const status = {
    currentNumberScheduled: 0,
    numberMisscheduled: 0,
    desiredNumberScheduled: desired(input),
    numberReady: 0,
    updatedNumberScheduled: 0,
    numberAvailable: 0,
  };
  for (const { name, shouldRun } of input.nodes) {
    const pods = keepOrder((byNode.get(name) ?? []).filter(notDeleting));
    if (pods.length === 0) continue;
    if (!shouldRun) {
      status.numberMisscheduled += 1;
      continue;
    }
    status.currentNumberScheduled += 1;
    if (pods.some(isPodReady)) status.numberReady += 1;
    if (pods.some((pod) => isPodAvailable(pod, minReady, input.now))) status.numberAvailable += 1;
    if (pods.some((pod) => isUpdated(pod, input.hash))) status.updatedNumberScheduled += 1;
  }
  const { generation } = input.daemonSet.metadata;
  return {
    ...input.daemonSet.status,
    ...status,
    numberUnavailable: status.desiredNumberScheduled - status.numberAvailable,
    ...(generation === undefined ? {} : { observedGeneration: generation }),
  };
}
