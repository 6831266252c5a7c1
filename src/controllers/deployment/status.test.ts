import { describe, expect, it } from 'vitest';
import type { apps } from '#api';
import { deadlineIn, rolloutStatus } from './status.js';

const START = Date.parse('2026-01-01T00:00:00Z');
const at = (seconds: number) => new Date(START + seconds * 1000).toISOString().replace('.000', '');

function deployment(status: apps.DeploymentStatus = {}, deadline: number | undefined = 60): apps.Deployment {
  return {
    metadata: { name: 'web', generation: 2 },
    spec: {
      replicas: 2,
      selector: {},
      template: { metadata: {} },
      ...(deadline === undefined ? {} : { progressDeadlineSeconds: deadline }),
    },
    status,
  };
}
function replicaSet(name: string, replicas: number, available: number): apps.ReplicaSet {
  const counts = { replicas, readyReplicas: available, availableReplicas: available };
  return { metadata: { name }, spec: { replicas, selector: {} }, status: counts };
}
const progress = (reason: string, lastUpdateTime: string, status = 'True') => ({
  conditions: [{ type: 'Progressing', status, reason, lastUpdateTime, lastTransitionTime: lastUpdateTime }],
});
function progressing(current: apps.Deployment, newSet: apps.ReplicaSet, seconds: number) {
  const status = rolloutStatus({
    deployment: current,
    newSet,
    all: [newSet],
    now: START + seconds * 1000,
    timestamp: at(seconds),
  });
  return status.conditions?.find((condition) => condition.type === 'Progressing');
}

describe('the Progressing condition', () => {
  it('says that the rollout is complete', () => {
    expect(progressing(deployment(), replicaSet('web-1', 2, 2), 5)).toMatchObject({
      status: 'True',
      reason: 'NewReplicaSetAvailable',
      message: 'ReplicaSet "web-1" has successfully progressed.',
    });
  });

  it('renews its update time, not its transition time, with every progress', () => {
    const before = deployment({ ...progress('ReplicaSetUpdated', at(0)), replicas: 2, updatedReplicas: 2 });
    expect(progressing(before, replicaSet('web-1', 2, 1), 30)).toMatchObject({
      reason: 'ReplicaSetUpdated',
      lastUpdateTime: at(30),
      lastTransitionTime: at(0),
    });
  });

  it('becomes False when nothing has moved until the deadline, and not before', () => {
    const stuck = deployment({ ...progress('ReplicaSetUpdated', at(0)), replicas: 2, updatedReplicas: 2 });
    expect(progressing(stuck, replicaSet('web-1', 2, 0), 59)).toMatchObject({ status: 'True' });
    expect(progressing(stuck, replicaSet('web-1', 2, 0), 61)).toMatchObject({
      status: 'False',
      reason: 'ProgressDeadlineExceeded',
      message: 'ReplicaSet "web-1" has timed out progressing.',
    });
  });

  it('never times out a rollout that was complete once', () => {
    const done = deployment({
      ...progress('NewReplicaSetAvailable', at(0)),
      replicas: 2,
      updatedReplicas: 2,
    });
    expect(progressing(done, replicaSet('web-1', 2, 0), 1000)).toMatchObject({
      reason: 'NewReplicaSetAvailable',
    });
  });

  it('is absent without a deadline', () => {
    expect(
      progressing(deployment(progress('ReplicaSetUpdated', at(0)), 0x7fffffff), replicaSet('web-1', 2, 0), 5),
    ).toBeUndefined();
  });
});

describe('the look at a rollout that may be stuck', () => {
  it.each<[string, apps.Deployment, number | undefined]>([
    ['is due a second after the deadline', deployment(progress('ReplicaSetUpdated', at(0))), 51_000],
    [
      'is not due once the deadline was missed',
      deployment(progress('ProgressDeadlineExceeded', at(0), 'False')),
      undefined,
    ],
    [
      'is not due without a deadline',
      deployment(progress('ReplicaSetUpdated', at(0)), 0x7fffffff),
      undefined,
    ],
    ['is not due before the first condition', deployment(), undefined],
  ])('%s', (_, current, expected) => {
    expect(deadlineIn(current, current.status!, START + 10_000)).toBe(expected);
  });
});
