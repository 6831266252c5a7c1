import type { core } from '#api';
import type { ContainerView } from './container-state.js';
import { isInitialized } from './pod-phase.js';

/** Conditions that the node agent owns; all others are somebody else's and stay. */
export const OWNED_CONDITIONS = [
  'PodReadyToStartContainers',
  'Initialized',
  'Ready',
  'ContainersReady',
  'PodScheduled',
];

type Verdict = Pick<core.PodCondition, 'status' | 'reason' | 'message'>;

const TRUE: Verdict = { status: 'True' };

function initialized(views: ContainerView[], phase: string): Verdict {
  const init = views.filter((view) => view.role === 'init' || view.role === 'sidecar');
  const incomplete = init.filter((view) => !isInitialized(view)).map((view) => view.name);
  if (phase === 'Succeeded') return { status: 'True', reason: 'PodCompleted' };
  const begun = views.some(
    (view) => view.role === 'main' && (view.state.kind !== 'waiting' || view.last !== undefined),
  );
  if (incomplete.length === 0 || begun) return TRUE;
  return {
    status: 'False',
    reason: 'ContainersNotInitialized',
    message: `containers with incomplete status: [${incomplete.join(' ')}]`,
  };
}

function containersReady(views: ContainerView[], phase: string): Verdict {
  if (phase === 'Succeeded') return { status: 'False', reason: 'PodCompleted' };
  if (phase === 'Failed') return { status: 'False', reason: 'PodFailed' };
  const counted = views.filter((view) => view.role === 'main' || view.role === 'sidecar');
  const unready = counted.filter((view) => !view.ready).map((view) => view.name);
  if (unready.length === 0) return TRUE;
  return {
    status: 'False',
    reason: 'ContainersNotReady',
    message: `containers with unready status: [${unready.join(' ')}]`,
  };
}

function ready(pod: core.Pod, containers: Verdict, conditions: core.PodCondition[]): Verdict {
  if (containers.status !== 'True') return containers;
  const missing = (pod.spec?.readinessGates ?? []).flatMap(({ conditionType }) => {
    const gate = conditions.find((condition) => condition.type === conditionType);
    if (gate === undefined)
      return [`corresponding condition of pod readiness gate "${conditionType}" does not exist.`];
    if (gate.status !== 'True')
      return [`the status of pod readiness gate "${conditionType}" is not "True", but ${gate.status}`];
    return [];
  });
  return missing.length === 0
    ? TRUE
    : { status: 'False', reason: 'ReadinessGatesNotReady', message: missing.join(', ') };
}

/**
 * All conditions of the pod: ours as they are now, others as they are stored. The time of the last transition
 * changes only with the status.
 */
export function podConditions(
  pod: core.Pod,
  views: ContainerView[],
  facts: { phase: string; sandboxReady: boolean; now: string },
): core.PodCondition[] {
  const stored = pod.status?.conditions ?? [];
  const containers = containersReady(views, facts.phase);
  const verdicts: Record<string, Verdict> = {
    PodReadyToStartContainers: { status: facts.sandboxReady ? 'True' : 'False' },
    Initialized: initialized(views, facts.phase),
    Ready: ready(pod, containers, stored),
    ContainersReady: containers,
    PodScheduled: TRUE,
  };
  const generation = pod.metadata.generation;
  const own = OWNED_CONDITIONS.map((type): core.PodCondition => {
    const old = stored.find((condition) => condition.type === type);
    const verdict = verdicts[type]!;
    return {
      type,
      ...(generation === undefined ? {} : { observedGeneration: generation }),
      ...verdict,
      lastProbeTime: null as unknown as string,
      lastTransitionTime:
        old?.status === verdict.status && old.lastTransitionTime ? old.lastTransitionTime : facts.now,
    };
  });
  return [...own, ...stored.filter((condition) => !OWNED_CONDITIONS.includes(condition.type))];
}
