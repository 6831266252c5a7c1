import type { batch, core } from '#api';
import { isPodActive, isPodReady } from '../common/pods.js';
import { parseTime } from '../common/time.js';
import { formatIndexes, parseIndexes } from './indexes.js';
import { failurePolicy, indexOf, isFailed, isIndexed, isTerminating, isTracked } from './pods.js';

type Job = batch.Job;

/** The condition by which a Job has ended. */
export function finishedCondition({ status }: Job): batch.JobCondition | undefined {
  return status?.conditions?.find(
    (each) => (each.type === 'Complete' || each.type === 'Failed') && each.status === 'True',
  );
}

/** A Job's numbers, those that its status has and those that its Pods add. */
export interface Tally {
  succeeded: number;
  failed: number;
  /** Indexes that are done, of an indexed Job. */
  completed: Set<number>;
  active: core.Pod[];
  terminating: number;
  ready: number;
  /** Pods that have ended and whose finalizer has to go once the status lists them. */
  ended: core.Pod[];
  uncounted: { succeeded: string[]; failed: string[] };
  hasNewFailure: boolean;
  /** The failure policy wants the Job to end: why. */
  policyFailure: string | undefined;
}

/**
 * Counts exactly once, whenever the controller dies (job_controller.go, trackJobStatusAndRemoveFinalizers): a Pod that
 * has ended is listed by UID in the status, then loses its finalizer, and only then becomes a number.
 */
export function tally(job: Job, pods: core.Pod[]): Tally {
  const { status = {}, spec } = job;
  const tracked = new Map(pods.filter(isTracked).map((pod) => [pod.metadata.uid!, pod]));
  const listed = status.uncountedTerminatedPods ?? {};
  const still = (uids: string[] = []) => uids.filter((uid) => tracked.has(uid));
  const gone = (uids: string[] = []) => uids.length - still(uids).length;
  const result: Tally = {
    succeeded: (status.succeeded ?? 0) + gone(listed.succeeded),
    failed: (status.failed ?? 0) + gone(listed.failed),
    completed: isIndexed(job) ? parseIndexes(status.completedIndexes, spec!.completions ?? 0) : new Set(),
    active: pods.filter((pod) => isPodActive(pod)),
    terminating: pods.filter(isTerminating).length,
    ready: pods.filter((pod) => isPodActive(pod) && isPodReady(pod)).length,
    ended: [...still(listed.succeeded), ...still(listed.failed)].map((uid) => tracked.get(uid)!),
    uncounted: { succeeded: still(listed.succeeded), failed: still(listed.failed) },
    hasNewFailure: false,
    policyFailure: undefined,
  };
  for (const pod of tracked.values()) addEnded(job, pod, result);
  result.succeeded += result.uncounted.succeeded.length;
  result.failed += result.uncounted.failed.length;
  if (isIndexed(job)) result.succeeded = result.completed.size;
  return result;
}

function addEnded(job: Job, pod: core.Pod, result: Tally): void {
  const uid = pod.metadata.uid!;
  const { succeeded, failed } = result.uncounted;
  if (succeeded.includes(uid) || failed.includes(uid)) return;
  if (pod.status?.phase === 'Succeeded') {
    result.ended.push(pod);
    if (isIndexed(job)) {
      const index = indexOf(pod);
      if (index !== undefined && index < (job.spec!.completions ?? 0)) result.completed.add(index);
    } else succeeded.push(uid);
    return;
  }
  if (!isFailed(pod, job)) return;
  result.ended.push(pod);
  const verdict = failurePolicy(pod, job.spec!.podFailurePolicy);
  if (verdict?.action === 'Ignore') return;
  if (verdict?.action === 'FailJob') result.policyFailure ??= verdict.message;
  result.hasNewFailure = true;
  failed.push(uid);
}

/** How a Job ends, or undefined while it goes on. */
export interface Verdict {
  type: 'Complete' | 'Failed';
  reason: string;
  message: string;
}

export function verdictOf(job: Job, count: Tally, now: number): Verdict | undefined {
  const spec = job.spec!;
  const target = job.status?.conditions?.find(
    (each) => each.type === 'FailureTarget' && each.status === 'True',
  );
  const failed = (reason: string, message: string): Verdict => ({ type: 'Failed', reason, message });
  if (target !== undefined) return failed(target.reason!, target.message!);
  if (count.policyFailure !== undefined) return failed('PodFailurePolicy', count.policyFailure);
  const limit = spec.backoffLimit ?? 6;
  if (count.failed > limit || restartsExceed(spec, count.active, limit))
    return failed('BackoffLimitExceeded', 'Job has reached the specified backoff limit');
  if (deadlineIn(job, now) === 0)
    return failed('DeadlineExceeded', 'Job was active longer than specified deadline');
  const done =
    spec.completions === undefined
      ? count.succeeded > 0 && count.active.length === 0
      : count.succeeded >= spec.completions;
  if (!done) return undefined;
  return {
    type: 'Complete',
    reason: 'CompletionsReached',
    message: 'Reached expected number of succeeded pods',
  };
}

/** With restartPolicy OnFailure containers start again in their Pod; their restarts are what is limited. */
function restartsExceed(spec: batch.JobSpec, active: core.Pod[], limit: number): boolean {
  if (spec.template.spec?.restartPolicy !== 'OnFailure') return false;
  const restarts = active
    .flatMap((pod) => [
      ...(pod.status?.containerStatuses ?? []),
      ...(pod.status?.initContainerStatuses ?? []),
    ])
    .reduce((sum, each) => sum + (each.restartCount ?? 0), 0);
  return limit === 0 ? restarts > 0 : restarts >= limit;
}

/** Milliseconds that the Job may still run; undefined without a deadline or while it is suspended. */
export function deadlineIn({ spec, status }: Job, now: number): number | undefined {
  if (spec!.activeDeadlineSeconds === undefined || status?.startTime === undefined || spec!.suspend)
    return undefined;
  return Math.max(0, parseTime(status.startTime) + spec!.activeDeadlineSeconds * 1000 - now);
}

/** Sets conditions; the time of those that do not change stays. */
export function withConditions(
  conditions: batch.JobCondition[] | undefined,
  changes: Omit<batch.JobCondition, 'lastProbeTime' | 'lastTransitionTime'>[],
  time: string,
): batch.JobCondition[] {
  const result = [...(conditions ?? [])];
  for (const change of changes) {
    const at = result.findIndex((each) => each.type === change.type);
    const made = { ...change, lastProbeTime: time, lastTransitionTime: time };
    if (at < 0) result.push(made);
    else if (result[at]!.status !== change.status || result[at]!.reason !== change.reason) result[at] = made;
  }
  return result;
}

export function statusOf(job: Job, count: Tally): batch.JobStatus {
  const { succeeded, failed } = count.uncounted;
  return {
    ...job.status,
    active: count.active.length,
    ready: count.ready,
    terminating: count.terminating,
    succeeded: isIndexed(job) ? count.succeeded : count.succeeded - succeeded.length,
    failed: count.failed - failed.length,
    ...(isIndexed(job) ? { completedIndexes: formatIndexes(count.completed) } : {}),
    uncountedTerminatedPods: {
      ...(succeeded.length === 0 ? {} : { succeeded }),
      ...(failed.length === 0 ? {} : { failed }),
    },
  };
}

/** The lowest indexes that neither are done nor have a Pod. */
export function openIndexes(job: Job, count: Tally, missing: number): number[] {
  const taken = new Set([...count.completed, ...count.active.map(indexOf)]);
  const open: number[] = [];
  for (let i = 0; i < (job.spec!.completions ?? 0) && open.length < missing; i++)
    if (!taken.has(i)) open.push(i);
  return open;
}
