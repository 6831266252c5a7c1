import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { apps, policy } from '#api';
import { FakeClock } from '#base';
import { Resources } from '#client';
import { Harness } from '../testing/harness.js';
import { type PodOptions, pod } from '../testing/objects.js';
import { createDisruptionController } from './index.js';

const NAMESPACE = 'default';

function budget(spec: policy.PodDisruptionBudgetSpec, status?: object): policy.PodDisruptionBudget {
  return {
    metadata: { name: 'b', namespace: NAMESPACE, generation: 3 },
    spec: { selector: { matchLabels: { app: 'web' } }, ...spec },
    ...(status === undefined ? {} : { status }),
  };
}
const owner = (kind: string, name: string) => ({
  ownerReferences: [{ apiVersion: 'apps/v1', kind, name, uid: `uid-${name}`, controller: true }],
});
function replicaSet(name: string, replicas: number, deployment?: string): apps.ReplicaSet {
  const metadata = { name, namespace: NAMESPACE, uid: `uid-${name}` };
  return {
    metadata: { ...metadata, ...(deployment === undefined ? {} : owner('Deployment', deployment)) },
    spec: { replicas, selector: {} },
  } as apps.ReplicaSet;
}

describe('disruption controller', () => {
  let clock: FakeClock;
  let harness: Harness;
  beforeEach(() => {
    clock = new FakeClock();
    harness = new Harness(clock);
  });
  afterEach(() => harness.stop());

  const run = async () => {
    await harness.start(createDisruptionController);
    await harness.settle();
  };
  const status = () => harness.client.all(Resources.podDisruptionBudgets)[0]!.status;
  const ofSet = (name: string, set: string, options: PodOptions = {}) => {
    const made = pod(name, options);
    harness.client.seed(Resources.pods, {
      ...made,
      metadata: { ...made.metadata, ...owner('ReplicaSet', set) },
    });
  };

  it.each<
    [policy.PodDisruptionBudgetSpec, [expected: number, desired: number, healthy: number, allowed: number]]
  >([
    [{ minAvailable: 1 }, [3, 1, 2, 1]],
    [{ minAvailable: 2 }, [3, 2, 2, 0]],
    [{ minAvailable: 5 }, [3, 5, 2, 0]],
    [{ minAvailable: '50%' }, [4, 2, 2, 0]],
    [{ minAvailable: '25%' }, [4, 1, 2, 1]],
    [{ maxUnavailable: 1 }, [4, 3, 2, 0]],
    [{ maxUnavailable: 3 }, [4, 1, 2, 1]],
    // Percentages are rounded up: 30 % of 4 are 2.
    [{ maxUnavailable: '30%' }, [4, 2, 2, 0]],
    [{ maxUnavailable: '75%' }, [4, 1, 2, 1]],
  ])('of %j counts three Pods of a ReplicaSet of four, two of them ready', async (spec, expected) => {
    harness.client.seed(Resources.podDisruptionBudgets, budget(spec));
    harness.client.seed(Resources.replicaSets, replicaSet('rs', 4));
    ofSet('p1', 'rs');
    ofSet('p2', 'rs');
    ofSet('p3', 'rs', { ready: false });
    await run();
    const { expectedPods, desiredHealthy, currentHealthy, disruptionsAllowed } = status()!;
    expect([expectedPods, desiredHealthy, currentHealthy, disruptionsAllowed]).toEqual(expected);
    expect(status()).toMatchObject({
      observedGeneration: 3,
      conditions: [
        {
          type: 'DisruptionAllowed',
          status: expected[3] > 0 ? 'True' : 'False',
          reason: expected[3] > 0 ? 'SufficientPods' : 'InsufficientPods',
          observedGeneration: 3,
        },
      ],
    });
  });

  it('takes the size of the Deployment above, once for all its ReplicaSets', async () => {
    harness.client.seed(Resources.podDisruptionBudgets, budget({ maxUnavailable: '50%' }));
    const deployment = { metadata: { name: 'd', namespace: NAMESPACE, uid: 'uid-d' }, spec: { replicas: 6 } };
    harness.client.seed(Resources.deployments, deployment as apps.Deployment);
    harness.client.seed(Resources.replicaSets, replicaSet('old', 2, 'd'), replicaSet('new', 5, 'd'));
    ofSet('p1', 'old');
    ofSet('p2', 'new');
    await run();
    expect(status()).toMatchObject({ expectedPods: 6, desiredHealthy: 3, currentHealthy: 2 });
  });

  it('follows Pods and sizes, and writes nothing when nothing has changed', async () => {
    harness.client.seed(Resources.podDisruptionBudgets, budget({ maxUnavailable: 1 }));
    harness.client.seed(Resources.replicaSets, replicaSet('rs', 2));
    ofSet('p1', 'rs');
    ofSet('p2', 'rs');
    await run();
    expect(status()!.disruptionsAllowed).toBe(1);
    ofSet('p2', 'rs', { ready: false });
    await harness.settle();
    expect(status()!.disruptionsAllowed).toBe(0);
    harness.client.seed(Resources.replicaSets, replicaSet('rs', 1));
    await harness.settle();
    expect(status()).toMatchObject({ expectedPods: 1, disruptionsAllowed: 1 });
    harness.client.clearActions();
    ofSet('p1', 'rs');
    await harness.settle();
    expect(harness.client.actions).toEqual([]);
  });

  it('counts an evicted Pod as gone until it goes, for two minutes', async () => {
    const evicted = new Date(clock.now()).toISOString();
    const disruptedPods = { p1: evicted, gone: evicted };
    harness.client.seed(Resources.podDisruptionBudgets, budget({ minAvailable: 1 }, { disruptedPods }));
    for (const name of ['p1', 'p2', 'p3']) harness.client.seed(Resources.pods, pod(name));
    await run();
    expect(status()).toMatchObject({
      currentHealthy: 2,
      disruptionsAllowed: 1,
      disruptedPods: { p1: evicted },
    });
    expect(Object.keys(status()!.disruptedPods!)).toEqual(['p1']);
    clock.advance(120_001);
    await harness.settle();
    expect(status()).toMatchObject({ currentHealthy: 3, disruptionsAllowed: 2 });
    expect(status()!.disruptedPods).toBeUndefined();
    expect(harness.events).toContainEqual(
      expect.objectContaining({
        object: 'p1',
        reason: 'NotDeleted',
        message: "Pod was expected by PDB default/b to be deleted but it wasn't",
      }),
    );
  });

  it('allows nothing, and says why, while the controllers of the Pods cannot be found', async () => {
    const before = { disruptionsAllowed: 2, currentHealthy: 2 };
    harness.client.seed(Resources.podDisruptionBudgets, budget({ maxUnavailable: 1 }, before));
    ofSet('p1', 'missing');
    await run();
    expect(status()).toMatchObject({
      disruptionsAllowed: 0,
      currentHealthy: 2,
      conditions: [{ status: 'False', reason: 'SyncFailed', message: 'found no controllers for pod "p1"' }],
    });
  });

  it('selects every Pod with an empty selector and none with an absent one', async () => {
    harness.client.seed(Resources.pods, pod('p1'), pod('p2', { labels: { other: 'x' } }));
    harness.client.seed(Resources.podDisruptionBudgets, budget({ minAvailable: 1, selector: {} }));
    await run();
    expect(status()!.expectedPods).toBe(2);
    const { selector: _none, ...spec } = budget({ minAvailable: 1 }).spec!;
    harness.client.seed(Resources.podDisruptionBudgets, { ...budget({}), spec });
    await harness.settle();
    expect(status()).toMatchObject({ expectedPods: 0, disruptionsAllowed: 0 });
    expect(harness.events.map((event) => event.reason)).toContain('NoPods');
  });
});
