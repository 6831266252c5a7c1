import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { core, discovery } from '#api';
import { isNotFound } from '#api';
import { Resources } from '#client';
import { makeNamespace, startCluster, type TestCluster, until } from './cluster.js';

const NAMESPACE = 'endpoints';

describe('endpoints', () => {
  let cluster: TestCluster;
  beforeAll(async () => {
    cluster = await startCluster();
    await makeNamespace(cluster.client, NAMESPACE);
  });
  afterAll(() => cluster?.close());

  const services = () => cluster.client.resource(Resources.services);
  const endpoints = () => cluster.client.resource(Resources.endpoints);
  const make = (name: string, spec: core.ServiceSpec) =>
    services().create({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, namespace: NAMESPACE },
      spec: { ports: [{ name: 'example', port: 80, protocol: 'TCP' }], ...spec },
    });
  const slicesOf = async (service: string): Promise<discovery.EndpointSlice[]> => {
    const labelSelector = `kubernetes.io/service-name=${service}`;
    const { items } = await cluster.client
      .resource(Resources.endpointSlices)
      .list({ namespace: NAMESPACE, labelSelector });
    return items;
  };
  const stored = async (name: string): Promise<core.Endpoints | undefined> =>
    endpoints()
      .get(name, NAMESPACE)
      .catch((error: unknown) => {
        if (isNotFound(error)) return undefined;
        throw error;
      });
  const mirrored = async (service: string) =>
    (await slicesOf(service)).map(({ endpoints: list, ports }) => [
      list?.map((e) => e.addresses),
      ports?.map((p) => p.port),
    ]);

  it('of a Service whose selector matches no Pods come and go with it', async () => {
    await make('nobody', { selector: { app: 'nobody' } });
    await until(async () => (await stored('nobody')) !== undefined && (await slicesOf('nobody')).length > 0);
    const slices = await slicesOf('nobody');
    expect(slices.map((slice) => slice.endpoints ?? [])).toEqual([[]]);
    expect(slices[0]!.metadata.labels!['endpointslice.kubernetes.io/managed-by']).toBe(
      'endpointslice-controller.k8s.io',
    );
    expect((await stored('nobody'))!.subsets ?? []).toEqual([]);
    await services().delete('nobody', NAMESPACE);
    await until(
      async () => (await stored('nobody')) === undefined && (await slicesOf('nobody')).length === 0,
    );
  });

  it('that a user writes are mirrored through create, update and delete', async () => {
    await make('custom', {});
    const made = await endpoints().create({
      apiVersion: 'v1',
      kind: 'Endpoints',
      metadata: { name: 'custom', namespace: NAMESPACE },
      subsets: [{ ports: [{ port: 80 }], addresses: [{ ip: '10.1.2.3' }] }],
    });
    await until(async () => JSON.stringify(await mirrored('custom')) === '[[[["10.1.2.3"]],[80]]]');
    expect((await slicesOf('custom'))[0]!.metadata.labels).toMatchObject({
      'endpointslice.kubernetes.io/managed-by': 'endpointslicemirroring-controller.k8s.io',
    });
    await endpoints().update({
      ...made,
      subsets: [{ ports: [{ port: 8080 }], addresses: [{ ip: '10.2.3.4' }] }],
    });
    await until(async () => JSON.stringify(await mirrored('custom')) === '[[[["10.2.3.4"]],[8080]]]');
    await endpoints().delete('custom', NAMESPACE);
    await until(async () => (await slicesOf('custom')).length === 0);
  });

  it('of several subsets with one address are mirrored one slice each', async () => {
    await make('subsets', {});
    await endpoints().create({
      apiVersion: 'v1',
      kind: 'Endpoints',
      metadata: { name: 'subsets', namespace: NAMESPACE },
      subsets: [
        { ports: [{ name: 'port80', port: 80 }], addresses: [{ ip: '10.1.2.3' }] },
        { ports: [{ name: 'port81', port: 81 }], addresses: [{ ip: '10.1.2.3' }] },
      ],
    });
    await until(async () => (await slicesOf('subsets')).length === 2);
    expect((await mirrored('subsets')).sort()).toEqual([
      [[['10.1.2.3']], [80]],
      [[['10.1.2.3']], [81]],
    ]);
  });
});
