import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { apps, core } from '#api';
import { FakeClock } from '#base';
import { Resources } from '#client';
import { Harness } from '../testing/harness.js';
import { simulateKubelet } from '../testing/kubelet.js';
import { node } from '../testing/objects.js';
import { createDaemonSetController } from './index.js';

const template = (image: string): core.PodTemplateSpec => ({
  metadata: { labels: { app: 'agent' } },
  spec: { containers: [{ name: 'c', image }] },
});
function daemonSet(spec: Partial<apps.DaemonSetSpec> = {}): apps.DaemonSet {
  return {
    metadata: { name: 'agent', namespace: 'default', uid: 'ds', generation: 1 },
    spec: {
      selector: { matchLabels: { app: 'agent' } },
      template: template('v1'),
      revisionHistoryLimit: 1,
      ...spec,
    },
  };
}

describe('daemon-set controller', () => {
  let harness: Harness;
  let stopKubelet: () => void;
  beforeEach(async () => {
    harness = new Harness();
    stopKubelet = simulateKubelet(harness.client);
    harness.client.seed(Resources.nodes, node('n1'), node('n2'), node('n3'));
    await harness.start((deps) => createDaemonSetController({}, deps));
  });
  afterEach(async () => {
    stopKubelet();
    await harness.stop();
  });
  const current = () => harness.client.all(Resources.daemonSets)[0]!;
  const pods = () => harness.client.all(Resources.pods);
  const placed = () =>
    pods()
      .map((p) => `${p.spec!.nodeName}:${p.spec!.containers[0]!.image}`)
      .sort();
  function change(spec: Partial<apps.DaemonSetSpec>): void {
    const set = current();
    const metadata = { ...set.metadata, generation: set.metadata.generation! + 1 };
    harness.client.seed(Resources.daemonSets, { ...set, metadata, spec: { ...set.spec!, ...spec } });
  }

  it('runs one Pod on every node, pinned there, and reports them', async () => {
    harness.client.seed(Resources.daemonSets, daemonSet());
    await expect.poll(placed).toEqual(['n1:v1', 'n2:v1', 'n3:v1']);
    await expect
      .poll(() => current().status)
      .toMatchObject({
        desiredNumberScheduled: 3,
        currentNumberScheduled: 3,
        numberReady: 3,
        numberAvailable: 3,
        updatedNumberScheduled: 3,
        numberMisscheduled: 0,
        observedGeneration: 1,
      });
    const [first] = pods();
    expect(first!.spec!.tolerations).toContainEqual({
      key: 'node.kubernetes.io/unschedulable',
      operator: 'Exists',
      effect: 'NoSchedule',
    });
    expect(
      first!.spec!.affinity!.nodeAffinity!.requiredDuringSchedulingIgnoredDuringExecution!
        .nodeSelectorTerms[0]!.matchFields,
    ).toMatchObject([{ key: 'metadata.name', operator: 'In' }]);
    const [revision] = harness.client.all(Resources.controllerRevisions);
    expect(revision).toMatchObject({ revision: 1, data: { spec: { template: { $patch: 'replace' } } } });
    expect(first!.metadata.labels!['controller-revision-hash']).toBe(
      revision!.metadata.labels!['controller-revision-hash'],
    );
  });

  it('follows nodes that come, go, are tainted or do not match', async () => {
    harness.client.seed(
      Resources.daemonSets,
      daemonSet({
        template: { ...template('v1'), spec: { ...template('v1').spec!, nodeSelector: { role: 'worker' } } },
      }),
    );
    await harness.settle();
    expect(placed()).toEqual([]);
    harness.client.seed(
      Resources.nodes,
      node('n2', { labels: { role: 'worker' } }),
      node('n4', { labels: { role: 'worker' } }),
    );
    await expect.poll(placed).toEqual(['n2:v1', 'n4:v1']);
    const tainted = node('n2', { labels: { role: 'worker' } });
    tainted.spec!.taints = [{ key: 'x', effect: 'NoExecute' }];
    harness.client.seed(Resources.nodes, tainted);
    await expect.poll(placed).toEqual(['n4:v1']);
    harness.client.remove(Resources.nodes, 'n4');
    await expect.poll(placed).toEqual([]);
  });

  it('replaces Pods one after the other on a new template, and back by the old revision', async () => {
    harness.client.seed(Resources.daemonSets, daemonSet());
    await expect.poll(placed).toEqual(['n1:v1', 'n2:v1', 'n3:v1']);
    await harness.settle();
    let fewest = 3;
    const stop = harness.client.listen(Resources.pods, () => {
      fewest = Math.min(fewest, pods().filter((p) => p.status?.phase === 'Running').length);
    });
    change({ template: template('v2') });
    await expect.poll(placed).toEqual(['n1:v2', 'n2:v2', 'n3:v2']);
    stop();
    expect(fewest).toBe(2);
    change({ template: template('v1') });
    await expect.poll(placed).toEqual(['n1:v1', 'n2:v1', 'n3:v1']);
    await harness.settle();
    expect(
      harness.client
        .all(Resources.controllerRevisions)
        .map((r) => r.revision)
        .sort(),
    ).toEqual([2, 3]);
  });

  it('makes the new Pod before the old one goes when it may surge', async () => {
    const rollingUpdate = { maxSurge: 1, maxUnavailable: 0 };
    harness.client.seed(
      Resources.daemonSets,
      daemonSet({ updateStrategy: { type: 'RollingUpdate', rollingUpdate } }),
    );
    await expect.poll(placed).toEqual(['n1:v1', 'n2:v1', 'n3:v1']);
    await harness.settle();
    let fewest = 3;
    const stop = harness.client.listen(Resources.pods, () => {
      fewest = Math.min(fewest, pods().filter((p) => p.status?.phase === 'Running').length);
    });
    change({ template: template('v2') });
    await expect.poll(placed, { timeout: 3000 }).toEqual(['n1:v2', 'n2:v2', 'n3:v2']);
    stop();
    expect(fewest).toBe(3);
  });

  it('leaves old Pods alone with OnDelete, and replaces them by the new version when they go', async () => {
    harness.client.seed(Resources.daemonSets, daemonSet({ updateStrategy: { type: 'OnDelete' } }));
    await expect.poll(placed).toEqual(['n1:v1', 'n2:v1', 'n3:v1']);
    change({ template: template('v2') });
    await harness.settle();
    expect(placed()).toEqual(['n1:v1', 'n2:v1', 'n3:v1']);
    const victim = pods().find((p) => p.spec!.nodeName === 'n2')!;
    harness.client.remove(Resources.pods, victim.metadata.name!, 'default');
    await expect.poll(placed).toEqual(['n1:v1', 'n2:v2', 'n3:v1']);
  });
});

describe('daemon Pods that fail', () => {
  it('are replaced at once, then after one second, two, and so on, per node', async () => {
    const clock = new FakeClock();
    const harness = new Harness(clock);
    harness.client.seed(Resources.nodes, node('n1'));
    harness.client.seed(Resources.daemonSets, daemonSet());
    const pods = () => harness.client.all(Resources.pods);
    const names = () => pods().map((pod) => pod.metadata.name);
    const fail = () => {
      const [pod] = pods();
      harness.client.seed(Resources.pods, { ...pod!, status: { ...pod!.status, phase: 'Failed' } });
      return pod!.metadata.name;
    };
    try {
      await harness.start((deps) => createDaemonSetController({}, deps));
      await harness.settle();
      const first = fail();
      await harness.settle();
      expect(names()).not.toContain(first);
      expect(harness.events.map((event) => event.reason)).toContain('FailedDaemonPod');
      for (const wait of [1000, 2000, 4000]) {
        const failed = fail();
        await harness.settle();
        clock.advance(wait - 1);
        await harness.settle();
        expect(names(), `after ${wait - 1} ms`).toEqual([failed]);
        clock.advance(1);
        await harness.settle();
        expect(names(), `after ${wait} ms`).not.toContain(failed);
        expect(names()).toHaveLength(1);
      }
    } finally {
      await harness.stop();
    }
  });
});
