import type { core } from '#api';
import { type ContainerView, containerStatus, timeText } from './container-state.js';
import { podConditions } from './pod-conditions.js';
import { podPhase } from './pod-phase.js';

/** What the agent knows of a pod at one moment. */
export interface PodView {
  containers: ContainerView[];
  podIPs: string[];
  hostIPs: string[];
  sandboxReady: boolean;
  startTime: number;
  /** Set when the agent itself ended the pod (DeadlineExceeded, a rejected pod); decides the phase. */
  failure: { reason: string; message: string } | undefined;
  /** The pod will not run again. */
  ending: boolean;
}

function statusesOf(view: PodView, roles: ContainerView['role'][]): core.ContainerStatus[] {
  return view.containers.filter(({ role }) => roles.includes(role)).map(containerStatus);
}

/** The status to store, given the pod as stored now. Pure. */
export function podStatus(pod: core.Pod, view: PodView, now: number): core.PodStatus {
  const old = pod.status ?? {};
  const phase = view.failure === undefined ? podPhase(pod, view.containers, view.ending) : 'Failed';
  const init = statusesOf(view, ['init', 'sidecar']);
  const ephemeral = statusesOf(view, ['ephemeral']);
  const { generation } = pod.metadata;
  return {
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    phase,
    conditions: podConditions(pod, view.containers, {
      phase,
      sandboxReady: view.sandboxReady,
      now: timeText(now),
    }),
    ...(view.failure ?? {}),
    ...(view.hostIPs.length === 0
      ? {}
      : { hostIP: view.hostIPs[0]!, hostIPs: view.hostIPs.map((ip) => ({ ip })) }),
    ...(view.podIPs.length === 0
      ? {}
      : { podIP: view.podIPs[0]!, podIPs: view.podIPs.map((ip) => ({ ip })) }),
    startTime: old.startTime ?? timeText(view.startTime),
    ...(init.length === 0 ? {} : { initContainerStatuses: init }),
    containerStatuses: statusesOf(view, ['main']),
    ...(old.qosClass === undefined ? {} : { qosClass: old.qosClass }),
    ...(ephemeral.length === 0 ? {} : { ephemeralContainerStatuses: ephemeral }),
  };
}

/** Whether the pod has ended for good. */
export function isTerminal(status: core.PodStatus | undefined): boolean {
  return status?.phase === 'Succeeded' || status?.phase === 'Failed';
}
