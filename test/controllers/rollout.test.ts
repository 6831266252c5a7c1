import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { apps, discovery } from '#api';
import { silentLogger } from '#base';
import { createInformerFactory, Resources } from '#client';
import { makeNamespace, startCluster, type TestCluster, until } from './cluster.js';

describe('a Deployment behind a Service', () => {
  let cluster: TestCluster;
  beforeAll(async () => {
    cluster = await startCluster({ podStartMs: () => Math.random() * 20 });
  });
  afterAll(() => cluster?.close());

  const template = (version: string) => ({
    metadata: { labels: { app: 'web' } },
    spec: { containers: [{ name: 'c', image: `host:${version}` }] },
  });
  const deployments = () => cluster.client.resource(Resources.deployments);
  const isComplete = ({ metadata, spec, status }: apps.Deployment) =>
    status?.observedGeneration === metadata.generation &&
    status?.updatedReplicas === spec!.replicas &&
    status?.replicas === spec!.replicas &&
    status?.availableReplicas === spec!.replicas;
  const complete = (namespace: string) =>
    until(async () => isComplete(await deployments().get('web', namespace)));
  const endpoints = async (namespace: string) => {
    const { items } = await cluster.client
      .resource(Resources.endpointSlices)
      .list({ namespace, labelSelector: 'kubernetes.io/service-name=web' });
    return items.flatMap((slice) => slice.endpoints ?? []);
  };

  /** A namespace with a Service and a Deployment of four Pods that is rolled out and published. */
  async function rolledOut(namespace: string): Promise<void> {
    await makeNamespace(cluster.client, namespace);
    await deployments().create({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'web', namespace },
      spec: {
        replicas: 4,
        selector: { matchLabels: { app: 'web' } },
        template: template('1'),
        strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 1 } },
      },
    });
    await cluster.client.resource(Resources.services).create({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'web', namespace },
      spec: { selector: { app: 'web' }, ports: [{ port: 80, targetPort: 8080 }] },
    });
    await complete(namespace);
    await until(async () => (await endpoints(namespace)).filter((e) => e.conditions?.ready).length === 4);
  }

  it('becomes a ReplicaSet, scheduled Pods, Endpoints and an EndpointSlice', async () => {
    await rolledOut('becomes');
    await until(async () => {
      const { subsets } = await cluster.client.resource(Resources.endpoints).get('web', 'becomes');
      return subsets?.[0]?.addresses?.length === 4;
    });
    const placed = (await endpoints('becomes')).map((e) => e.nodeName).sort();
    expect(placed).toEqual(['node-1', 'node-1', 'node-2', 'node-2']);
  });

  it('shows no moment without enough ready endpoints during rolling updates, also when controllers die', async () => {
    await rolledOut('rolls');
    const watched = watchReady(cluster, 'rolls');
    await watched.synced;
    for (const version of ['2', '3', '4']) {
      await deployments().patch('web', 'rolls', 'merge', { spec: { template: template(version) } });
      for (let crash = 0; crash < 3; crash++) {
        await watched.changes(1 + crash);
        await cluster.stopControllers();
        await cluster.startControllers();
      }
      await complete('rolls');
    }
    watched.stop();
    expect(watched.states).toBeGreaterThan(12);
    // maxUnavailable is 1 of 4; a Pod that is being deleted leaves the ready endpoints at once.
    expect(watched.fewest).toBeGreaterThanOrEqual(3);
    const sets = await cluster.client.resource(Resources.replicaSets).list({ namespace: 'rolls' });
    expect(sets.items.map((set) => set.spec!.replicas).sort()).toEqual([0, 0, 0, 4]);
  });

  it('goes with everything it made when its namespace is deleted', async () => {
    await rolledOut('goes');
    await cluster.client.resource(Resources.namespaces).delete('goes');
    await until(async () => {
      const { items } = await cluster.client.resource(Resources.namespaces).list();
      return !items.some((n) => n.metadata.name === 'goes');
    });
    const { pods, replicaSets, endpointSlices, services } = Resources;
    for (const resource of [pods, replicaSets, endpointSlices, services]) {
      const client = cluster.client.resource(resource as typeof pods);
      expect((await client.list({ namespace: 'goes' })).items).toEqual([]);
    }
  });
});

/** The ready endpoints of a namespace after each event of a watch: no state between two polls goes unseen. */
function watchReady(cluster: TestCluster, namespace: string) {
  const informers = createInformerFactory(cluster.client, { logger: silentLogger });
  const slices = informers.informer(Resources.endpointSlices, { namespace });
  const waiting = new Set<{ at: number; resolve: () => void }>();
  const watched = {
    synced: informers.synced(),
    states: 0,
    fewest: Number.POSITIVE_INFINITY,
    /** Resolves after so many more events. */
    changes: (count: number) =>
      new Promise<void>((resolve) => waiting.add({ at: watched.states + count, resolve })),
    stop: () => informers.stop(),
  };
  const changed = () => {
    const all = slices.list().flatMap((slice: discovery.EndpointSlice) => slice.endpoints ?? []);
    watched.states += 1;
    watched.fewest = Math.min(watched.fewest, all.filter((e) => e.conditions?.ready === true).length);
    for (const each of waiting)
      if (watched.states >= each.at) {
        waiting.delete(each);
        each.resolve();
      }
  };
  slices.on({ add: changed, update: changed, delete: changed });
  informers.start();
  return watched;
}
