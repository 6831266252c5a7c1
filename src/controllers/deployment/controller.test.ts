import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { apps, core } from '#api';
import { Resources } from '#client';
import { createReplicaSetController } from '../replica-set/index.js';
import { Harness } from '../testing/harness.js';
import { simulateKubelet } from '../testing/kubelet.js';
import { createDeploymentController } from './index.js';

function deployment(spec: Partial<apps.DeploymentSpec> = {}): apps.Deployment {
  return {
    metadata: { name: 'web', namespace: 'default', uid: 'd-uid', generation: 1 },
    spec: {
      replicas: 3,
      selector: { matchLabels: { app: 'web' } },
      template: template('v1'),
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
      progressDeadlineSeconds: 600,
      revisionHistoryLimit: 1,
      ...spec,
    },
  };
}
function template(version: string): core.PodTemplateSpec {
  return {
    metadata: { labels: { app: 'web' } },
    spec: { containers: [{ name: 'c', image: version }] },
  };
}

describe('deployment controller', () => {
  let harness: Harness;
  let stopKubelet: () => void;
  beforeEach(async () => {
    harness = new Harness();
    stopKubelet = simulateKubelet(harness.client);
    await harness.start((deps) => createDeploymentController({}, deps));
    await harness.start((deps) => createReplicaSetController({}, deps));
  });
  afterEach(async () => {
    stopKubelet();
    await harness.stop();
  });
  const current = () => harness.client.all(Resources.deployments)[0]!;
  const sets = () => harness.client.all(Resources.replicaSets);
  const pods = () => harness.client.all(Resources.pods);
  const images = () => pods().map((p) => p.spec!.containers[0]!.image);
  const progressing = () => current().status?.conditions?.find((c) => c.type === 'Progressing');
  function change(spec: Partial<apps.DeploymentSpec>): void {
    const d = current();
    harness.client.seed(Resources.deployments, {
      ...d,
      metadata: { ...d.metadata, generation: d.metadata.generation! + 1 },
      spec: { ...d.spec!, ...spec },
    });
  }
  const complete = (image: string, replicas: number) =>
    expect
      .poll(
        () => ({
          images: images(),
          updated: current().status?.availableReplicas,
          reason: progressing()?.reason,
        }),
        {
          timeout: 5000,
        },
      )
      .toEqual({ images: Array(replicas).fill(image), updated: replicas, reason: 'NewReplicaSetAvailable' });

  it('creates a ReplicaSet named by its template hash and reports completion', async () => {
    harness.client.seed(Resources.deployments, deployment());
    await complete('v1', 3);
    const [set] = sets();
    const hash = set!.metadata.labels!['pod-template-hash'];
    expect(hash).toMatch(/^[bcdfghjklmnpqrstvwxz2456789]+$/);
    expect(set!.metadata.name).toBe(`web-${hash}`);
    expect(set!.spec!.selector.matchLabels).toEqual({ app: 'web', 'pod-template-hash': hash });
    expect(set!.metadata.annotations).toMatchObject({
      'deployment.kubernetes.io/revision': '1',
      'deployment.kubernetes.io/desired-replicas': '3',
      'deployment.kubernetes.io/max-replicas': '4',
    });
    expect(current().metadata.annotations).toEqual({ 'deployment.kubernetes.io/revision': '1' });
    expect(current().status).toMatchObject({
      replicas: 3,
      updatedReplicas: 3,
      readyReplicas: 3,
      observedGeneration: 1,
    });
    expect(harness.events).toContainEqual({
      object: 'web',
      type: 'Normal',
      reason: 'ScalingReplicaSet',
      message: `Scaled up replica set web-${hash} from 0 to 3`,
    });
  });

  it('rolls to a new template without ever having fewer available Pods than promised, and back by revision', async () => {
    harness.client.seed(Resources.deployments, deployment());
    await complete('v1', 3);
    let fewest = 99;
    let most = 0;
    const stop = harness.client.listen(Resources.pods, () => {
      const all = pods();
      most = Math.max(most, all.length);
      fewest = Math.min(fewest, all.filter((p) => p.status?.conditions?.[0]?.status === 'True').length);
    });
    change({ template: template('v2') });
    await complete('v2', 3);
    stop();
    expect({ fewest, most }).toEqual({ fewest: 3, most: 4 });
    expect(current().metadata.annotations).toEqual({ 'deployment.kubernetes.io/revision': '2' });
    change({ template: template('v1') });
    await complete('v1', 3);
    expect(current().metadata.annotations).toEqual({ 'deployment.kubernetes.io/revision': '3' });
    const restored = sets().find((s) => s.spec!.replicas === 3)!;
    expect(restored.metadata.annotations!['deployment.kubernetes.io/revision-history']).toBe('1');
    expect(sets()).toHaveLength(2);
  });

  it('removes old ReplicaSets beyond the revision history limit', async () => {
    harness.client.seed(Resources.deployments, deployment());
    await complete('v1', 3);
    for (const version of ['v2', 'v3', 'v4']) {
      change({ template: template(version) });
      await complete(version, 3);
    }
    await expect.poll(() => sets().length).toBe(2);
    const kept = sets().map((s) => s.metadata.annotations!['deployment.kubernetes.io/revision']);
    expect(kept.sort()).toEqual(['3', '4']);
  });

  it('does not roll out while paused, scales nevertheless, and says so in the condition', async () => {
    harness.client.seed(Resources.deployments, deployment());
    await complete('v1', 3);
    change({ paused: true, template: template('v2'), replicas: 5 });
    await expect.poll(() => pods().length).toBe(5);
    await harness.settle();
    expect(new Set(images())).toEqual(new Set(['v1']));
    expect(progressing()).toMatchObject({ status: 'Unknown', reason: 'DeploymentPaused' });
    change({ paused: false });
    await complete('v2', 5);
  });

  it('lets all old Pods go before it creates new ones when the strategy is Recreate', async () => {
    harness.client.seed(Resources.deployments, deployment({ strategy: { type: 'Recreate' } }));
    await complete('v1', 3);
    let mixed = false;
    const stop = harness.client.listen(Resources.pods, () => {
      mixed ||= new Set(images()).size > 1;
    });
    change({ template: template('v2') });
    await complete('v2', 3);
    stop();
    expect(mixed).toBe(false);
  });

  it('writes nothing after completion, however often it looks', async () => {
    harness.client.seed(Resources.deployments, deployment());
    await complete('v1', 3);
    await harness.settle();
    harness.client.clearActions();
    const d = current();
    harness.client.seed(Resources.deployments, d);
    await harness.settle();
    expect(harness.client.actions).toEqual([]);
  });

  it('scales ReplicaSets in proportion when the size changes in the middle of a rollout', async () => {
    stopKubelet();
    stopKubelet = simulateKubelet(harness.client, { readyImages: ['v1'] });
    harness.client.seed(
      Resources.deployments,
      deployment({
        replicas: 10,
        strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 3, maxUnavailable: 2 } },
      }),
    );
    await complete('v1', 10);
    change({ template: template('bad') });
    await expect.poll(() => images().filter((i) => i === 'bad').length).toBe(5);
    await expect.poll(() => images().filter((i) => i === 'v1').length).toBe(8);
    change({ replicas: 15 });
    await expect.poll(() => images().filter((i) => i === 'v1').length).toBe(11);
    await expect.poll(() => images().filter((i) => i === 'bad').length).toBe(7);
  });
});
