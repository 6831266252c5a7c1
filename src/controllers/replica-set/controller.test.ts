import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { apps } from '#api';
import { FakeClock } from '#base';
import { Resources } from '#client';
import { Harness } from '../testing/harness.js';
import { pod } from '../testing/objects.js';
import { createReplicaSetController, createReplicationControllerController } from './index.js';

function replicaSet(replicas: number): apps.ReplicaSet {
  return {
    metadata: { name: 'web', namespace: 'default', uid: 'rs-uid', generation: 1 },
    spec: {
      replicas,
      selector: { matchLabels: { app: 'web' } },
      template: {
        metadata: { labels: { app: 'web' } },
        spec: { containers: [{ name: 'c', image: 'host' }] },
      },
    },
    status: { replicas: 0 },
  };
}

describe('replica-set controller', () => {
  let harness: Harness;
  beforeEach(() => {
    harness = new Harness();
  });
  afterEach(() => harness.stop());
  const run = () => harness.start((deps) => createReplicaSetController({}, deps));
  const pods = () => harness.client.all(Resources.pods);
  const current = () => harness.client.all(Resources.replicaSets)[0]!;

  it('creates exactly the wanted number of Pods, owned and labelled, and reports them', async () => {
    harness.client.seed(Resources.replicaSets, replicaSet(5));
    await run();
    await harness.settle();
    expect(pods()).toHaveLength(5);
    for (const { metadata } of pods()) {
      expect(metadata.labels).toEqual({ app: 'web' });
      expect(metadata.ownerReferences).toMatchObject([
        { kind: 'ReplicaSet', uid: 'rs-uid', controller: true },
      ]);
    }
    expect(current().status).toMatchObject({ replicas: 5, fullyLabeledReplicas: 5, observedGeneration: 1 });
    expect(harness.events.filter((e) => e.reason === 'SuccessfulCreate')).toHaveLength(5);
  });

  it('deletes the least useful Pods when scaled down', async () => {
    const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web', uid: 'rs-uid', controller: true };
    const owned = [
      pod('ready-1', { ip: '10.0.0.1' }),
      pod('unready', { ip: '10.0.0.2', ready: false }),
      pod('pending', { phase: 'Pending', ready: false, nodeName: '' }),
      pod('ready-2', { ip: '10.0.0.3' }),
    ];
    for (const each of owned) each.metadata.ownerReferences = [owner];
    harness.client.seed(Resources.pods, ...owned);
    harness.client.seed(Resources.replicaSets, replicaSet(2));
    await run();
    await harness.settle();
    expect(
      pods()
        .map((p) => p.metadata.name)
        .sort(),
    ).toEqual(['ready-1', 'ready-2']);
  });

  it('adopts matching orphans and releases Pods whose labels no longer match', async () => {
    const foreign = pod('other', { labels: { app: 'db' } });
    foreign.metadata.ownerReferences = [
      { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web', uid: 'rs-uid', controller: true },
    ];
    harness.client.seed(Resources.pods, pod('orphan', { ip: '10.0.0.1' }), foreign);
    harness.client.seed(Resources.replicaSets, replicaSet(1));
    await run();
    await harness.settle();
    const byName = Object.fromEntries(pods().map((p) => [p.metadata.name, p]));
    expect(Object.keys(byName).sort()).toEqual(['orphan', 'other']);
    expect(byName['orphan']!.metadata.ownerReferences).toMatchObject([{ uid: 'rs-uid', controller: true }]);
    expect(byName['other']!.metadata.ownerReferences).toEqual([]);
  });

  it('stops after one refused create and reports ReplicaFailure', async () => {
    harness.client.fail = ({ verb, resource }) =>
      verb === 'create' && resource === 'pods' ? new Error('quota') : undefined;
    harness.client.seed(Resources.replicaSets, replicaSet(50));
    const controller = await run();
    await expect
      .poll(() => current().status?.conditions)
      .toMatchObject([{ type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message: 'quota' }]);
    await controller.stop();
    expect(pods()).toEqual([]);
  });

  it('leaves Pods of a ReplicaSet that is being deleted alone', async () => {
    const doomed = replicaSet(3);
    doomed.metadata.deletionTimestamp = '2026-01-01T00:00:00Z';
    doomed.metadata.finalizers = ['foregroundDeletion'];
    harness.client.seed(Resources.replicaSets, doomed);
    await run();
    await harness.settle();
    expect(pods()).toEqual([]);
  });

  it('counts a Pod as available when it has been ready for minReadySeconds, without being told', async () => {
    await harness.stop();
    const clock = new FakeClock();
    harness = new Harness(clock);
    const patient = replicaSet(1);
    patient.spec!.minReadySeconds = 10;
    harness.client.seed(Resources.replicaSets, patient);
    await run();
    await harness.settle();
    const [made] = pods();
    const lastTransitionTime = new Date(clock.now()).toISOString();
    harness.client.seed(Resources.pods, {
      ...made!,
      status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True', lastTransitionTime }] },
    });
    await harness.settle();
    expect(current().status).toMatchObject({ readyReplicas: 1, availableReplicas: 0 });
    clock.advance(10_000);
    await harness.settle();
    expect(current().status).toMatchObject({ readyReplicas: 1, availableReplicas: 1 });
  });

  it('keeps the Pods of a ReplicationController by its equality selector', async () => {
    harness.client.seed(Resources.replicationControllers, {
      metadata: { name: 'old', namespace: 'default', uid: 'rc-uid' },
      spec: {
        replicas: 2,
        selector: { app: 'old' },
        template: { metadata: { labels: { app: 'old' } }, spec: { containers: [{ name: 'c' }] } },
      },
    });
    await harness.start((deps) => createReplicationControllerController({}, deps));
    await harness.settle();
    expect(pods().map((p) => p.metadata.ownerReferences?.[0]?.kind)).toEqual([
      'ReplicationController',
      'ReplicationController',
    ]);
    expect(harness.client.all(Resources.replicationControllers)[0]!.status).toMatchObject({ replicas: 2 });
  });
});
