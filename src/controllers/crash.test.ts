import { describe, expect, it } from 'vitest';
import type { apps } from '#api';
import { systemClock } from '#base';
import { Resources } from '#client';
import { FakeClient } from '#client/testing';
import { createDeploymentController } from './deployment/index.js';
import { createEndpointSliceController } from './endpoint-slice/index.js';
import { createEndpointsController } from './endpoints/index.js';
import { createReplicaSetController } from './replica-set/index.js';
import { CrashingClient, type Death } from './testing/crashing-client.js';
import { Harness } from './testing/harness.js';
import { simulateKubelet } from './testing/kubelet.js';
import { node, service } from './testing/objects.js';

const deployment: apps.Deployment = {
  metadata: { name: 'web', namespace: 'default', uid: 'd', generation: 1 },
  spec: {
    replicas: 2,
    selector: { matchLabels: { app: 'web' } },
    template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image: 'v1' }] } },
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
    progressDeadlineSeconds: 600,
  },
};

async function startAll(harness: Harness): Promise<void> {
  await harness.start(
    (deps) => createDeploymentController({}, deps),
    (deps) => createReplicaSetController({}, deps),
    (deps) => createEndpointSliceController({}, deps),
    (deps) => createEndpointsController({}, deps),
  );
}

/** The finished work, without names that differ from run to run. */
function outcome(client: FakeClient) {
  const pods = client.all(Resources.pods);
  const ips = pods.map((pod) => pod.status?.podIP).sort();
  const slices = client.all(Resources.endpointSlices);
  const endpoints = client.all(Resources.endpoints)[0];
  const status = client.all(Resources.deployments)[0]?.status;
  return {
    images: pods.map((pod) => pod.spec!.containers[0]!.image),
    slices: slices.length,
    inSlices:
      slices
        .flatMap((slice) => (slice.endpoints ?? []).flatMap((e) => e.addresses))
        .sort()
        .join() === ips.join(),
    inEndpoints:
      (endpoints?.subsets?.[0]?.addresses ?? [])
        .map((a) => a.ip)
        .sort()
        .join() === ips.join(),
    available: status?.availableReplicas,
    updated: status?.updatedReplicas,
    replicas: status?.replicas,
  };
}
const finished = (image: string) => ({
  images: [image, image],
  slices: 1,
  inSlices: true,
  inEndpoints: true,
  available: 2,
  updated: 2,
  replicas: 2,
});

/** Runs to the end of a rollout with controllers that die at their n-th write and are replaced. */
async function rolloutWithDeath(at: number, death: Death): Promise<{ died: boolean; created: number }> {
  const client = new FakeClient();
  client.seed(Resources.nodes, node('n1'));
  client.seed(Resources.services, service('web'));
  client.seed(Resources.deployments, deployment);
  const stopKubelet = simulateKubelet(client);
  const crashing = new CrashingClient(client, at, death);
  const first = new Harness(systemClock, client, crashing);
  const created = () => client.actions.filter((a) => a.verb === 'create' && a.resource === 'pods').length;
  await startAll(first);
  const done = expect.poll(() => outcome(client), { timeout: 4000, interval: 5 }).toEqual(finished('v1'));
  const died = await Promise.race([
    crashing.died.then(() => true),
    done.then(
      () => false,
      () => true,
    ),
  ]);
  await first.stop();
  const second = new Harness(systemClock, client);
  await startAll(second);
  await expect.poll(() => outcome(client), { timeout: 4000, interval: 5 }).toEqual(finished('v1'));
  await second.settle();
  await second.stop();
  stopKubelet();
  return { died, created: created() };
}

describe('controllers that die at any of their writes', () => {
  it.each<Death>(['before the write', 'after the write'])(
    'leave work that their successors finish without a Pod too many (%s)',
    async (death) => {
      let at = 1;
      for (; at < 60; at++) {
        const { died, created } = await rolloutWithDeath(at, death);
        expect(created, `Pods created with a death at write ${at}`).toBe(2);
        if (!died) break;
      }
      expect(at).toBeGreaterThan(8);
    },
    60_000,
  );
});
