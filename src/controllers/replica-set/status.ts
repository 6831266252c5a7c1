import type { apps, core } from '#api';
import { matchesLabels } from '../common/label-index.js';
import { isPodActive, isPodAvailable, isPodReady, isPodTerminal } from '../common/pods.js';

export interface StatusInput {
  /** The status as stored. */
  current: apps.ReplicaSetStatus | undefined;
  generation: number | undefined;
  replicas: number;
  minReadySeconds: number;
  templateLabels: Record<string, string>;
  /** Pods that belong to the workload, terminating ones included. */
  pods: core.Pod[];
  /** Why Pods could not be created or deleted in this sync. */
  failure: string | undefined;
  now: number;
  timestamp: string;
}

/** The status that the Pods amount to (replicaset.calculateStatus). */
export function replicaStatus(input: StatusInput): apps.ReplicaSetStatus {
  const active = input.pods.filter(isPodActive);
  const ready = active.filter(isPodReady);
  const terminating = input.pods.filter(
    (pod) => pod.metadata.deletionTimestamp !== undefined && !isPodTerminal(pod),
  );
  return {
    ...input.current,
    replicas: active.length,
    fullyLabeledReplicas: active.filter((pod) => matchesLabels(input.templateLabels, pod.metadata.labels))
      .length,
    readyReplicas: ready.length,
    availableReplicas: ready.filter((pod) => isPodAvailable(pod, input.minReadySeconds, input.now)).length,
    terminatingReplicas: terminating.length,
    conditions: conditions(input, active.length),
    ...(input.generation === undefined ? {} : { observedGeneration: input.generation }),
  };
}

function conditions(input: StatusInput, active: number): apps.ReplicaSetCondition[] {
  const current = input.current?.conditions ?? [];
  const others = current.filter((condition) => condition.type !== 'ReplicaFailure');
  if (input.failure === undefined) return others;
  if (others.length < current.length) return current;
  const failure = {
    type: 'ReplicaFailure',
    status: 'True',
    reason: active < input.replicas ? 'FailedCreate' : 'FailedDelete',
    message: input.failure,
    lastTransitionTime: input.timestamp,
  };
  return [...others, failure];
}
