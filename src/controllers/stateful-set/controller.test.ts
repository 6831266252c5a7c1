import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { apps, core } from '#api';
import { Resources } from '#client';
import { Harness } from '../testing/harness.js';
import { simulateKubelet } from '../testing/kubelet.js';
import { node } from '../testing/objects.js';
import { createStatefulSetController } from './index.js';

const template = (image: string): core.PodTemplateSpec => ({
  metadata: { labels: { app: 'db' } },
  spec: { containers: [{ name: 'c', image }] },
});
function statefulSet(spec: Partial<apps.StatefulSetSpec> = {}): apps.StatefulSet {
  return {
    metadata: { name: 'db', namespace: 'default', uid: 'sts', generation: 1 },
    spec: {
      replicas: 3,
      serviceName: 'db',
      selector: { matchLabels: { app: 'db' } },
      template: template('v1'),
      revisionHistoryLimit: 1,
      ...spec,
    },
  };
}

describe('stateful-set controller', () => {
  let harness: Harness;
  let stopKubelet: () => void;
  let order: string[];
  beforeEach(async () => {
    harness = new Harness();
    order = [];
    harness.client.listen(Resources.pods, ({ type, object }) => {
      if (type !== 'MODIFIED') order.push(`${type === 'ADDED' ? '+' : '-'}${object.metadata.name}`);
    });
    harness.client.seed(Resources.nodes, node('n1'));
  });
  afterEach(async () => {
    stopKubelet?.();
    await harness.stop();
  });

  /** `readyImages` limits which Pods become ready. */
  async function run(spec: Partial<apps.StatefulSetSpec> = {}, readyImages?: string[]): Promise<void> {
    stopKubelet = simulateKubelet(harness.client, readyImages === undefined ? {} : { readyImages });
    harness.client.seed(Resources.statefulSets, statefulSet(spec));
    await harness.start((deps) => createStatefulSetController({}, deps));
    await harness.settle();
  }
  const current = () => harness.client.all(Resources.statefulSets)[0]!;
  const pods = () =>
    harness.client
      .all(Resources.pods)
      .map((pod) => `${pod.metadata.name}:${pod.spec!.containers[0]!.image}`)
      .sort();
  async function change(spec: Partial<apps.StatefulSetSpec>): Promise<void> {
    const set = current();
    const metadata = { ...set.metadata, generation: set.metadata.generation! + 1 };
    order = [];
    harness.client.seed(Resources.statefulSets, { ...set, metadata, spec: { ...set.spec!, ...spec } });
    await harness.settle();
  }

  it('makes named Pods one after the other, each with its hostname, labels and owner', async () => {
    await run();
    expect(order).toEqual(['+db-0', '+db-1', '+db-2']);
    const [first] = harness.client.all(Resources.pods);
    expect(first).toMatchObject({
      metadata: {
        labels: {
          app: 'db',
          'statefulset.kubernetes.io/pod-name': 'db-0',
          'apps.kubernetes.io/pod-index': '0',
          'controller-revision-hash': current().status!.updateRevision,
        },
        ownerReferences: [{ kind: 'StatefulSet', name: 'db', uid: 'sts', controller: true }],
      },
      spec: { hostname: 'db-0', subdomain: 'db' },
    });
    expect(current().status).toMatchObject({
      replicas: 3,
      readyReplicas: 3,
      availableReplicas: 3,
      currentReplicas: 3,
      updatedReplicas: 3,
      observedGeneration: 1,
    });
    expect(harness.events[0]).toMatchObject({
      reason: 'SuccessfulCreate',
      message: 'create Pod db-0 in StatefulSet db successful',
    });
  });

  it('waits for a Pod that does not become ready, unless Pods are managed in parallel', async () => {
    await run({}, []);
    expect(pods()).toEqual(['db-0:v1']);
    await change({ podManagementPolicy: 'Parallel' });
    expect(pods()).toEqual(['db-0:v1', 'db-1:v1', 'db-2:v1']);
  });

  it('starts at the ordinal it is told, and scales from the highest down', async () => {
    await run({ ordinals: { start: 5 } });
    expect(pods()).toEqual(['db-5:v1', 'db-6:v1', 'db-7:v1']);
    await change({ replicas: 1 });
    expect(order).toEqual(['-db-7', '-db-6']);
  });

  it('updates from the highest ordinal down, one ready Pod after the other, and back by the old revision', async () => {
    await run();
    const before = current().status!.updateRevision;
    await change({ template: template('v2') });
    expect(order).toEqual(['-db-2', '+db-2', '-db-1', '+db-1', '-db-0', '+db-0']);
    expect(pods()).toEqual(['db-0:v2', 'db-1:v2', 'db-2:v2']);
    expect(current().status!.currentRevision).toBe(current().status!.updateRevision);
    await change({ template: template('v1') });
    expect(pods()).toEqual(['db-0:v1', 'db-1:v1', 'db-2:v1']);
    expect(current().status!.currentRevision).toBe(before);
    const revisions = harness.client.all(Resources.controllerRevisions);
    expect(revisions.map((each) => each.revision).sort()).toEqual([2, 3]);
  });

  it('updates down to the partition only, and makes Pods below it as they were', async () => {
    await run();
    await change({
      template: template('v2'),
      updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 2 } },
    });
    expect(pods()).toEqual(['db-0:v1', 'db-1:v1', 'db-2:v2']);
    expect(current().status).toMatchObject({ currentReplicas: 2, updatedReplicas: 1 });
    harness.client.remove(Resources.pods, 'db-0', 'default');
    await harness.settle();
    expect(pods()).toEqual(['db-0:v1', 'db-1:v1', 'db-2:v2']);
  });

  it('stops an update at a Pod that does not become ready', async () => {
    await run({}, ['v1']);
    await change({ template: template('v2') });
    expect(pods()).toEqual(['db-0:v1', 'db-1:v1', 'db-2:v2']);
  });

  it('leaves old Pods alone with OnDelete', async () => {
    await run({ updateStrategy: { type: 'OnDelete' } });
    await change({ template: template('v2') });
    expect(order).toEqual([]);
    harness.client.remove(Resources.pods, 'db-1', 'default');
    await harness.settle();
    expect(pods()).toEqual(['db-0:v1', 'db-1:v2', 'db-2:v1']);
  });

  it('replaces a failed Pod under its name', async () => {
    await run();
    const failed = harness.client.all(Resources.pods).find((pod) => pod.metadata.name === 'db-1')!;
    order = [];
    harness.client.seed(Resources.pods, { ...failed, status: { ...failed.status, phase: 'Failed' } });
    await harness.settle();
    expect(order).toEqual(['-db-1', '+db-1']);
    expect(current().status!.readyReplicas).toBe(3);
  });

  it('makes claims once for each ordinal, mounts them, and keeps them when Pods go', async () => {
    const claim: core.PersistentVolumeClaim = {
      metadata: { name: 'data' },
      spec: { accessModes: ['ReadWriteOnce'] },
    };
    await run({ volumeClaimTemplates: [claim] });
    const claims = () => harness.client.all(Resources.persistentVolumeClaims).map((c) => c.metadata.name);
    expect(claims()).toEqual(['data-db-0', 'data-db-1', 'data-db-2']);
    const [pod] = harness.client.all(Resources.pods);
    expect(pod!.spec!.volumes).toEqual([
      { name: 'data', persistentVolumeClaim: { claimName: 'data-db-0', readOnly: false } },
    ]);
    await change({ replicas: 0 });
    await change({ replicas: 1 });
    expect(claims()).toEqual(['data-db-0', 'data-db-1', 'data-db-2']);
    expect(pods()).toEqual(['db-0:v1']);
  });

  it('writes nothing when it starts again on finished work', async () => {
    await run();
    await harness.stop();
    const again = new Harness(undefined, harness.client);
    harness.client.clearActions();
    await again.start((deps) => createStatefulSetController({}, deps));
    await again.settle();
    expect(harness.client.actions).toEqual([]);
    await again.stop();
  });
});
