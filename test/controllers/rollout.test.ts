import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { apps, discovery } from '#api';
import { silentLogger } from '#base';
import { createInformerFactory, Resources } from '#client';
import { makeNamespace, startCluster, type TestCluster, until } from './cluster.js';

describe('a Deployment behind a Service', () => {
  let cluster: TestCluster;
  beforeAll(async () => {
    cluster = await startCluster({ podStartMs: () => Math.random() * 20 });
    await makeNamespace(cluster.client, 'shop');
  });
  afterAll(() => cluster?.close());

  const template = (version: string) => ({
    metadata: { labels: { app: 'web' } },
    spec: { containers: [{ name: 'c', image: `host:${version}` }] },
  });
  const deployments = () => cluster.client.resource(Resources.deployments);
  const get = () => deployments().get('web', 'shop');
  const isComplete = ({ metadata, spec, status }: apps.Deployment) =>
    status?.observedGeneration === metadata.generation &&
    status?.updatedReplicas === spec!.replicas &&
    status?.replicas === spec!.replicas &&
    status?.availableReplicas === spec!.replicas;
  const complete = () => until(async () => isComplete(await get()));
  const endpoints = async () => {
    const { items } = await cluster.client
      .resource(Resources.endpointSlices)
      .list({ namespace: 'shop', labelSelector: 'kubernetes.io/service-name=web' });
    return items.flatMap((slice) => slice.endpoints ?? []);
  };

  it('becomes a ReplicaSet, scheduled Pods, Endpoints and an EndpointSlice', async () => {
    await deployments().create({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'web', namespace: 'shop' },
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
      metadata: { name: 'web', namespace: 'shop' },
      spec: { selector: { app: 'web' }, ports: [{ port: 80, targetPort: 8080 }] },
    });
    await complete();
    await until(async () => (await endpoints()).filter((e) => e.conditions?.ready === true).length === 4);
    await until(async () => {
      const { subsets } = await cluster.client.resource(Resources.endpoints).get('web', 'shop');
      return subsets?.[0]?.addresses?.length === 4;
    });
    const placed = (await endpoints()).map((e) => e.nodeName).sort();
    expect(placed).toEqual(['node-1', 'node-1', 'node-2', 'node-2']);
  });

  it('shows no moment without enough ready endpoints during rolling updates, also when controllers die', async () => {
    const informers = createInformerFactory(cluster.client, { logger: silentLogger });
    const slices = informers.informer(Resources.endpointSlices, { namespace: 'shop' });
    let fewest = Number.POSITIVE_INFINITY;
    const measure = () => {
      const ready = slices
        .list()
        .flatMap((slice: discovery.EndpointSlice) => slice.endpoints ?? [])
        .filter((endpoint) => endpoint.conditions?.ready === true);
      fewest = Math.min(fewest, ready.length);
    };
    informers.start();
    await informers.synced();
    slices.on({ update: measure, delete: measure });
    for (const version of ['2', '3', '4']) {
      await deployments().patch('web', 'shop', 'merge', { spec: { template: template(version) } });
      for (let crash = 0; crash < 3; crash++) {
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 60));
        await cluster.stopControllers();
        await cluster.startControllers();
      }
      await complete();
    }
    informers.stop();
    // maxUnavailable is 1 of 4; a Pod that is being deleted leaves the ready endpoints at once.
    expect(fewest).toBeGreaterThanOrEqual(3);
    const sets = await cluster.client.resource(Resources.replicaSets).list({ namespace: 'shop' });
    expect(sets.items.map((set) => set.spec!.replicas).sort()).toEqual([0, 0, 0, 4]);
  });

  it('goes with everything it made when its namespace is deleted', async () => {
    await cluster.client.resource(Resources.namespaces).delete('shop');
    await until(async () => {
      const { items } = await cluster.client.resource(Resources.namespaces).list();
      return !items.some((n) => n.metadata.name === 'shop');
    });
    for (const resource of [
      Resources.pods,
      Resources.replicaSets,
      Resources.endpointSlices,
      Resources.services,
    ]) {
      const { items } = await cluster.client
        .resource(resource as typeof Resources.pods)
        .list({ namespace: 'shop' });
      expect(items).toEqual([]);
    }
  });
});
