import type { core, meta, policy } from '#api';
import { scaledValue } from '../common/int-or-percent.js';
import { isPodReady } from '../common/pods.js';
import { parseTime } from '../common/time.js';

/** How long an eviction may take until its Pod counts again (DeletionTimeout). */
const DELETION_TIMEOUT_MS = 120_000;

export interface Expectation {
  expected: number;
  desiredHealthy: number;
}

/** True when the budget counts by its Pods alone; else the size of their controllers has to be known. */
export function countsPodsAlone({ minAvailable, maxUnavailable }: policy.PodDisruptionBudgetSpec): boolean {
  return maxUnavailable === undefined && !isPercentage(minAvailable);
}

/** How many of the Pods have to be healthy (disruption.getExpectedPodCount); `scale` is the controllers' size. */
export function expectation(spec: policy.PodDisruptionBudgetSpec, pods: number, scale: number): Expectation {
  const { minAvailable, maxUnavailable } = spec;
  if (maxUnavailable !== undefined) {
    const unavailable = scaledValue(maxUnavailable, scale, true);
    return { expected: scale, desiredHealthy: Math.max(0, scale - unavailable) };
  }
  if (minAvailable === undefined) return { expected: 0, desiredHealthy: 0 };
  if (!isPercentage(minAvailable)) return { expected: pods, desiredHealthy: Number(minAvailable) };
  return { expected: scale, desiredHealthy: scaledValue(minAvailable, scale, true) };
}

function isPercentage(value: number | string | undefined): value is string {
  return typeof value === 'string';
}

export interface Disrupted {
  /** Evicted Pods that are still there and may yet go. */
  pods: Record<string, string>;
  /** Evicted Pods that did not go in time. */
  overdue: string[];
  /** Milliseconds until the first of `pods` is overdue. */
  recheckMs: number | undefined;
}

/** What is left of the evictions that the API server booked (disruption.buildDisruptedPodMap). */
export function disruptedPods(
  booked: Record<string, meta.Time> | undefined,
  pods: core.Pod[],
  now: number,
): Disrupted {
  const result: Disrupted = { pods: {}, overdue: [], recheckMs: undefined };
  for (const { metadata } of pods) {
    const name = metadata.name!;
    const time = booked?.[name];
    if (time === undefined || metadata.deletionTimestamp !== undefined) continue;
    const left = parseTime(time) + DELETION_TIMEOUT_MS - now;
    if (left < 0) {
      result.overdue.push(name);
      continue;
    }
    result.pods[name] = time;
    result.recheckMs = Math.min(result.recheckMs ?? left, left);
  }
  return result;
}

/** Ready Pods that nobody is about to take away. */
export function countHealthy(pods: core.Pod[], disrupted: Record<string, string>): number {
  return pods.filter(
    (pod) =>
      pod.metadata.deletionTimestamp === undefined && !(pod.metadata.name! in disrupted) && isPodReady(pod),
  ).length;
}

export interface StatusInput extends Expectation {
  current: policy.PodDisruptionBudgetStatus | undefined;
  generation: number | undefined;
  healthy: number;
  disrupted: Record<string, string>;
  timestamp: string;
}

export function budgetStatus(input: StatusInput): policy.PodDisruptionBudgetStatus {
  const { expected, desiredHealthy, healthy, generation } = input;
  const disruptionsAllowed = expected <= 0 ? 0 : Math.max(0, healthy - desiredHealthy);
  return {
    currentHealthy: healthy,
    desiredHealthy,
    expectedPods: expected,
    disruptionsAllowed,
    ...(Object.keys(input.disrupted).length === 0 ? {} : { disruptedPods: input.disrupted }),
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    conditions: withCondition(input.current, {
      status: disruptionsAllowed > 0 ? 'True' : 'False',
      reason: disruptionsAllowed > 0 ? 'SufficientPods' : 'InsufficientPods',
      message: '',
      observedGeneration: generation,
      lastTransitionTime: input.timestamp,
    }),
  };
}

/** The status when the Pods cannot be counted: nothing may be evicted (disruption.failSafe). */
export function failedStatus(
  { status, metadata }: policy.PodDisruptionBudget,
  message: string,
  timestamp: string,
): policy.PodDisruptionBudgetStatus {
  return {
    ...status,
    disruptionsAllowed: 0,
    conditions: withCondition(status, {
      status: 'False',
      reason: 'SyncFailed',
      message,
      observedGeneration: metadata.generation,
      lastTransitionTime: timestamp,
    }),
  };
}

function withCondition(
  status: policy.PodDisruptionBudgetStatus | undefined,
  condition: Omit<meta.Condition, 'type'>,
): meta.Condition[] {
  const type = 'DisruptionAllowed';
  const conditions = status?.conditions ?? [];
  const known = conditions.find((each) => each.type === type);
  const since = known?.status === condition.status ? known.lastTransitionTime : condition.lastTransitionTime;
  const changed = { type, ...condition, lastTransitionTime: since };
  if (known === undefined) return [...conditions, changed];
  return conditions.map((each) => (each === known ? changed : each));
}
