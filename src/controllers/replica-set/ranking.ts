import type { core } from '#api';
import { isPodReady, podCondition } from '../common/pods.js';
import { parseTime } from '../common/time.js';

const DELETION_COST = 'controller.kubernetes.io/pod-deletion-cost';
const PHASES = ['Pending', 'Unknown', 'Running'];

/**
 * The Pods to delete when scaling down by `count` (controller.ActivePodsWithRanks, KEP-2255, KEP-2185):
 * unassigned, pending, not ready, cheap, on crowded nodes, recently ready, often restarted, young.
 * `related` are the Pods of all ReplicaSets of the same Deployment: they decide what is crowded.
 */
export function podsToDelete(pods: core.Pod[], related: core.Pod[], count: number, now: number): core.Pod[] {
  if (count >= pods.length) return pods;
  const onNode = new Map<string, number>();
  for (const pod of related) {
    const node = pod.spec?.nodeName ?? '';
    if (node !== '') onNode.set(node, (onNode.get(node) ?? 0) + 1);
  }
  const crowd = (pod: core.Pod) => onNode.get(pod.spec?.nodeName ?? '') ?? 0;
  return [...pods].sort((a, b) => compareForDeletion(a, b, crowd, now)).slice(0, count);
}

function compareForDeletion(a: core.Pod, b: core.Pod, crowd: (pod: core.Pod) => number, now: number): number {
  return (
    Number(isAssigned(a)) - Number(isAssigned(b)) ||
    PHASES.indexOf(a.status?.phase ?? '') - PHASES.indexOf(b.status?.phase ?? '') ||
    Number(isPodReady(a)) - Number(isPodReady(b)) ||
    deletionCost(a) - deletionCost(b) ||
    crowd(b) - crowd(a) ||
    (isPodReady(a) && isPodReady(b) ? compareAge(readySince(a), readySince(b), a, b, now) : 0) ||
    restarts(b) - restarts(a) ||
    compareAge(parseTime(a.metadata.creationTimestamp), parseTime(b.metadata.creationTimestamp), a, b, now)
  );
}

function isAssigned(pod: core.Pod): boolean {
  return (pod.spec?.nodeName ?? '') !== '';
}

function deletionCost(pod: core.Pod): number {
  const cost = pod.metadata.annotations?.[DELETION_COST] ?? '0';
  return /^(0|-?[1-9][0-9]*)$/.test(cost) ? Number(cost) : 0;
}

function readySince(pod: core.Pod): number {
  return parseTime(podCondition(pod, 'Ready')?.lastTransitionTime);
}

function restarts(pod: core.Pod): number {
  return Math.max(0, ...(pod.status?.containerStatuses ?? []).map((status) => status.restartCount ?? 0));
}

/** Younger first, by powers of two of the age; within one power the UID decides, so that no age is preferred. */
function compareAge(timeA: number, timeB: number, a: core.Pod, b: core.Pod, now: number): number {
  if (timeA === timeB) return 0;
  if (timeA === 0 || timeB === 0) return timeA === 0 ? -1 : 1;
  const rank = (time: number) => (now > time ? Math.floor(Math.log2((now - time) * 1e6)) : -1);
  const difference = rank(timeA) - rank(timeB);
  if (difference !== 0) return difference;
  return a.metadata.uid! < b.metadata.uid! ? -1 : 1;
}
