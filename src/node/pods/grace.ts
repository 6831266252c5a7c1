import type { core } from '#api';

/** Seconds that a pod has to end: what the API server decided, else the pod's wish; at least one (pod_workers.go). */
export function effectiveGraceSeconds(pod: core.Pod): number {
  const asked = pod.metadata.deletionGracePeriodSeconds ?? 0;
  const seconds = asked > 0 ? asked : (pod.spec?.terminationGracePeriodSeconds ?? 30);
  const isZero =
    pod.metadata.deletionGracePeriodSeconds === 0 && pod.metadata.deletionTimestamp !== undefined;
  return Math.max(1, isZero ? 1 : seconds);
}
