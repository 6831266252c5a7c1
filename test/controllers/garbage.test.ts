import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { apps, discovery } from '#api';
import { Resources } from '#client';
import { makeNamespace, startCluster, type TestCluster, until } from './cluster.js';

describe('deleting an owner', () => {
  let cluster: TestCluster;
  beforeAll(async () => {
    cluster = await startCluster();
    await makeNamespace(cluster.client, 'gc');
  });
  afterAll(() => cluster?.close());

  const list = async <T>(resource: unknown, label: string): Promise<T[]> => {
    const options = { namespace: 'gc', labelSelector: `app=${label}` };
    return (await cluster.client.resource(resource as typeof Resources.pods).list(options)).items as T[];
  };
  async function deploy(app: string): Promise<void> {
    const labels = { app };
    const deployment: apps.Deployment = {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: app, namespace: 'gc', labels },
      spec: {
        replicas: 2,
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'host' }] } },
      },
    };
    await cluster.client.resource(Resources.deployments).create(deployment);
    await until(async () => {
      const { status } = await cluster.client.resource(Resources.deployments).get(app, 'gc');
      return status?.availableReplicas === 2;
    });
  }
  const counts = async (app: string) => [
    (await list(Resources.deployments, app)).length,
    (await list(Resources.replicaSets, app)).length,
    (await list(Resources.pods, app)).length,
  ];

  it('in the background removes it at once and everything below it soon', async () => {
    await deploy('background');
    await cluster.client
      .resource(Resources.deployments)
      .delete('background', 'gc', { propagationPolicy: 'Background' });
    expect((await counts('background'))[0]).toBe(0);
    await until(async () => (await counts('background')).every((n) => n === 0));
  });

  it('in the foreground removes it only after everything below it', async () => {
    await deploy('foreground');
    await cluster.client
      .resource(Resources.deployments)
      .delete('foreground', 'gc', { propagationPolicy: 'Foreground' });
    let sawOwnerWithoutReplicaSet = false;
    await until(async () => {
      const [deployments, replicaSets, pods] = await counts('foreground');
      // A later read may be newer, never older: an owner must not be gone while a dependent is still there.
      if (deployments === 0 && (replicaSets! > 0 || pods! > 0)) sawOwnerWithoutReplicaSet = true;
      return deployments === 0;
    });
    expect(sawOwnerWithoutReplicaSet).toBe(false);
    expect(await counts('foreground')).toEqual([0, 0, 0]);
  });

  it('as orphan leaves what it owned, without the reference', async () => {
    await deploy('orphan');
    await cluster.client
      .resource(Resources.deployments)
      .delete('orphan', 'gc', { propagationPolicy: 'Orphan' });
    await until(async () => (await counts('orphan'))[0] === 0);
    const [set] = await list<apps.ReplicaSet>(Resources.replicaSets, 'orphan');
    expect(set!.metadata.ownerReferences ?? []).toEqual([]);
    expect(await counts('orphan')).toEqual([0, 1, 2]);
  });

  it('that is a Service takes its slices and Endpoints with it', async () => {
    const metadata = { name: 'svc', namespace: 'gc', labels: { app: 'svc' } };
    await cluster.client.resource(Resources.services).create({
      apiVersion: 'v1',
      kind: 'Service',
      metadata,
      spec: { selector: { app: 'orphan' }, ports: [{ port: 80 }] },
    });
    await until(async () => {
      const [slice] = await list<discovery.EndpointSlice>(Resources.endpointSlices, 'svc');
      return (slice?.endpoints ?? []).length === 2;
    });
    await cluster.client.resource(Resources.services).delete('svc', 'gc');
    await until(async () => (await list(Resources.endpointSlices, 'svc')).length === 0);
    await until(async () => (await list(Resources.endpoints, 'svc')).length === 0);
  });

  it('in a circle of owners that block each other still ends', async () => {
    const maps = cluster.client.resource(Resources.configMaps);
    const metadata = (name: string) => ({ name, namespace: 'gc', labels: { app: 'circle' } });
    const made = [];
    for (const name of ['a', 'b'])
      made.push(await maps.create({ apiVersion: 'v1', kind: 'ConfigMap', metadata: metadata(name) }));
    for (const [i, { metadata: own }] of made.entries()) {
      const owner = made[1 - i]!.metadata;
      const reference = { apiVersion: 'v1', kind: 'ConfigMap', name: owner.name, uid: owner.uid };
      const ownerReferences = [{ ...reference, blockOwnerDeletion: true }];
      await maps.patch(own.name!, 'gc', 'merge', { metadata: { ownerReferences } });
    }
    await maps.delete('a', 'gc', { propagationPolicy: 'Foreground' });
    await until(async () => (await list(Resources.configMaps, 'circle')).length === 0);
  });

  it('that ran unwatched is made up for after a restart of the controllers', async () => {
    await deploy('unwatched');
    await cluster.stopControllers();
    await cluster.client
      .resource(Resources.deployments)
      .delete('unwatched', 'gc', { propagationPolicy: 'Background' });
    await cluster.startControllers();
    await until(async () => (await counts('unwatched')).every((n) => n === 0));
  });
});
