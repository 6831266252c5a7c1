import type { apps } from '#api';
import { parseTime } from '../common/time.js';
import { findCondition, replaceCondition, withCondition, withoutCondition } from './conditions.js';
import { availableOf, maxUnavailable, sizeOf, sum, wantedReplicas } from './rollout.js';

type Status = apps.DeploymentStatus;
const NO_DEADLINE = 0x7fffffff;

export interface StatusInput {
  deployment: apps.Deployment;
  newSet: apps.ReplicaSet | undefined;
  /** Old and new. */
  all: apps.ReplicaSet[];
  now: number;
  timestamp: string;
}

/** progressDeadlineSeconds is set and not "never". */
export function hasDeadline(deployment: apps.Deployment): boolean {
  const seconds = deployment.spec?.progressDeadlineSeconds;
  return seconds !== undefined && seconds !== NO_DEADLINE;
}

/** Counts and the Available condition (deployment.calculateStatus). */
export function deploymentStatus(input: StatusInput): Status {
  const { deployment, all, newSet } = input;
  const available = sum(all, availableOf);
  const status: Status = {
    ...deployment.status,
    ...(deployment.metadata.generation === undefined
      ? {}
      : { observedGeneration: deployment.metadata.generation }),
    replicas: sum(all, (set) => set.status?.replicas ?? 0),
    updatedReplicas: newSet?.status?.replicas ?? 0,
    readyReplicas: sum(all, (set) => set.status?.readyReplicas ?? 0),
    availableReplicas: available,
    unavailableReplicas: Math.max(0, sum(all, sizeOf) - available),
    terminatingReplicas: sum(all, (set) => set.status?.terminatingReplicas ?? 0),
  };
  const enough = available >= wantedReplicas(deployment) - maxUnavailable(deployment);
  return withCondition(
    status,
    {
      type: 'Available',
      status: enough ? 'True' : 'False',
      reason: enough ? 'MinimumReplicasAvailable' : 'MinimumReplicasUnavailable',
      message: `Deployment ${enough ? 'has' : 'does not have'} minimum availability.`,
    },
    input.timestamp,
  );
}

/** The status during a rollout: progress, completion or a missed deadline, and failures of the ReplicaSets. */
export function rolloutStatus(input: StatusInput): Status {
  let status = deploymentStatus(input);
  if (!hasDeadline(input.deployment)) status = withoutCondition(status, 'Progressing');
  const progressing = findCondition(input.deployment.status, 'Progressing');
  const settled =
    status.replicas === status.updatedReplicas && progressing?.reason === 'NewReplicaSetAvailable';
  if (hasDeadline(input.deployment) && !settled) status = withProgress(input, status);
  return withReplicaFailure(input, status);
}

function withProgress(input: StatusInput, status: Status): Status {
  const { deployment, newSet, timestamp } = input;
  const who =
    newSet === undefined
      ? `Deployment "${deployment.metadata.name}"`
      : `ReplicaSet "${newSet.metadata.name}"`;
  const condition = (value: string, reason: string, what: string) => ({
    type: 'Progressing',
    status: value,
    reason,
    message: `${who} ${what}.`,
  });
  if (isComplete(deployment, status)) {
    const done = condition('True', 'NewReplicaSetAvailable', 'has successfully progressed');
    return withCondition(status, done, timestamp);
  }
  if (madeProgress(deployment.status, status))
    return replaceCondition(status, condition('True', 'ReplicaSetUpdated', 'is progressing'), timestamp);
  if (timedOut(deployment, status, input.now)) {
    const late = condition('False', 'ProgressDeadlineExceeded', 'has timed out progressing');
    return withCondition(status, late, timestamp);
  }
  return status;
}

/** All wanted Pods are of the new version and available, and no others are left. */
export function isComplete(deployment: apps.Deployment, status: Status): boolean {
  const wanted = wantedReplicas(deployment);
  return (
    (status.updatedReplicas ?? 0) === wanted &&
    (status.replicas ?? 0) === wanted &&
    (status.availableReplicas ?? 0) === wanted &&
    (status.observedGeneration ?? 0) >= (deployment.metadata.generation ?? 0)
  );
}

function madeProgress(before: Status | undefined, after: Status): boolean {
  const old = (status: Status | undefined) => (status?.replicas ?? 0) - (status?.updatedReplicas ?? 0);
  return (
    (after.updatedReplicas ?? 0) > (before?.updatedReplicas ?? 0) ||
    old(after) < old(before) ||
    (after.readyReplicas ?? 0) > (before?.readyReplicas ?? 0) ||
    (after.availableReplicas ?? 0) > (before?.availableReplicas ?? 0)
  );
}

function timedOut(deployment: apps.Deployment, status: Status, now: number): boolean {
  const progressing = findCondition(status, 'Progressing');
  if (progressing === undefined || progressing.reason === 'NewReplicaSetAvailable') return false;
  if (progressing.reason === 'ProgressDeadlineExceeded') return true;
  return parseTime(progressing.lastUpdateTime) + deployment.spec!.progressDeadlineSeconds! * 1000 < now;
}

/** Milliseconds until a rollout that makes no progress may have to be called stuck; undefined if it cannot be. */
export function deadlineIn(deployment: apps.Deployment, status: Status, now: number): number | undefined {
  const progressing = findCondition(status, 'Progressing');
  if (!hasDeadline(deployment) || progressing === undefined) return undefined;
  if (isComplete(deployment, status) || progressing.reason === 'ProgressDeadlineExceeded') return undefined;
  const end = parseTime(progressing.lastUpdateTime) + deployment.spec!.progressDeadlineSeconds! * 1000;
  // A second more: the condition's time has no fraction.
  return Math.max(0, end - now) + 1000;
}

function withReplicaFailure(input: StatusInput, status: Status): Status {
  const failing = [input.newSet, ...input.all].find((set) => failureOf(set) !== undefined);
  const failure = failureOf(failing);
  if (failure === undefined) return withoutCondition(status, 'ReplicaFailure');
  const { reason, message } = failure;
  return withCondition(
    status,
    { type: 'ReplicaFailure', status: failure.status, reason, message },
    input.timestamp,
  );
}

function failureOf(set: apps.ReplicaSet | undefined): apps.ReplicaSetCondition | undefined {
  return set?.status?.conditions?.find((condition) => condition.type === 'ReplicaFailure');
}
