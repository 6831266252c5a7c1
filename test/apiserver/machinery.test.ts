import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestClient } from './api-client.js';
import { startServer, type TestServer } from './start-server.js';

let server: TestServer;
let admin: TestClient;

beforeAll(async () => {
  server = await startServer();
  admin = new TestClient(server, server.admin);
});
afterAll(async () => {
  admin?.close();
  await server?.close();
});

async function as<T>(name: string, groups: string[], use: (client: TestClient) => Promise<T>): Promise<T> {
  const client = new TestClient(server, await server.client(name, groups));
  try {
    return await use(client);
  } finally {
    client.close();
  }
}

const STORAGE = '/apis/storage.k8s.io/v1';
const RESOURCE = '/apis/resource.k8s.io/v1';
const TABLE = { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' };

/** Everything that kube-scheduler 1.36 watches with its default plugins, and waits for before it schedules. */
const SCHEDULER_WATCHES = [
  '/api/v1/nodes',
  '/api/v1/pods?fieldSelector=status.phase!=Succeeded,status.phase!=Failed',
  '/api/v1/namespaces',
  '/api/v1/services',
  '/api/v1/persistentvolumes',
  '/api/v1/persistentvolumeclaims',
  '/api/v1/replicationcontrollers',
  '/apis/apps/v1/replicasets',
  '/apis/apps/v1/statefulsets',
  '/apis/policy/v1/poddisruptionbudgets',
  `${STORAGE}/storageclasses`,
  `${STORAGE}/csinodes`,
  `${STORAGE}/csidrivers`,
  `${STORAGE}/csistoragecapacities`,
  `${STORAGE}/volumeattachments`,
  `${RESOURCE}/deviceclasses`,
  `${RESOURCE}/resourceclaims`,
  `${RESOURCE}/resourceslices`,
];

describe('what upstream’s scheduler waits for', () => {
  it.each(SCHEDULER_WATCHES)('is there for its identity: %s', async (path) => {
    const { status, body } = await as('system:kube-scheduler', [], async (client) => {
      const query =
        'watch=true&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan';
      const watch = await client.watch(`${path}${path.includes('?') ? '&' : '?'}${query}`);
      const bookmark = async () => {
        for (;;) {
          const [event] = await watch.take(1);
          if (event!.type === 'BOOKMARK') return event!.object;
        }
      };
      const found = { status: watch.response.statusCode, body: await bookmark() };
      watch.close();
      return found;
    });
    expect([status, body.metadata.annotations]).toEqual([200, { 'k8s.io/initial-events-end': 'true' }]);
  });
});

describe('objects of storage and devices', () => {
  it('get upstream’s defaults and columns', async () => {
    const made = await admin.post(`${STORAGE}/storageclasses`, {
      metadata: { name: 'fast', annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
      provisioner: 'example.com/disk',
    });
    expect(made.json).toMatchObject({ reclaimPolicy: 'Delete', volumeBindingMode: 'Immediate' });
    const driver = await admin.post(`${STORAGE}/csidrivers`, { metadata: { name: 'd' }, spec: {} });
    expect(driver.json.spec).toEqual({
      attachRequired: true,
      podInfoOnMount: false,
      volumeLifecycleModes: ['Persistent'],
      storageCapacity: false,
      fsGroupPolicy: 'ReadWriteOnceWithFSType',
      requiresRepublish: false,
    });
    const { json } = await admin.get(`${STORAGE}/storageclasses`, TABLE);
    expect(json.rows[0].cells.slice(0, 5)).toEqual([
      'fast (default)',
      'example.com/disk',
      'Delete',
      'Immediate',
      false,
    ]);
  });

  it('keep devices and claims, and select slices by their node', async () => {
    for (const nodeName of ['n1', 'n2']) {
      const spec = { nodeName, driver: 'd.example', pool: { name: 'p', resourceSliceCount: 1 } };
      const devices = [{ name: 'gpu', attributes: { model: { string: 'x' }, count: { int: 0 } } }];
      const body = { metadata: { name: `slice-${nodeName}` }, spec: { ...spec, devices } };
      const slice = await admin.post(`${RESOURCE}/resourceslices`, body);
      expect(slice.json.spec.devices).toEqual(devices);
    }
    const listed = await admin.get(`${RESOURCE}/resourceslices?fieldSelector=spec.nodeName=n2`);
    expect(listed.json.items.map((item: { metadata: { name: string } }) => item.metadata.name)).toEqual([
      'slice-n2',
    ]);
    const claims = `${RESOURCE}/namespaces/default/resourceclaims`;
    const requests = [{ name: 'r', exactly: { deviceClassName: 'c' } }];
    const claim = await admin.post(claims, { metadata: { name: 'claim' }, spec: { devices: { requests } } });
    expect(claim.json.spec.devices.requests[0].exactly).toMatchObject({
      allocationMode: 'ExactCount',
      count: 1,
    });
    const status = { reservedFor: [{ resource: 'pods', name: 'p', uid: 'u' }] };
    const reserved = await admin.patch(`${claims}/claim/status`, 'merge', { status });
    expect(reserved.json.status).toEqual(status);
  });

  it('say how a workload is scaled, with upstream’s defaults', async () => {
    const autoscalers = '/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers';
    const scaleTargetRef = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' };
    const body = {
      metadata: { name: 'h' },
      spec: { scaleTargetRef, maxReplicas: 3, behavior: { scaleDown: {} } },
    };
    const { status, json } = await admin.post(autoscalers, body);
    expect([status, json.status]).toEqual([201, { desiredReplicas: 0, currentMetrics: null }]);
    expect(json.spec).toEqual({
      scaleTargetRef,
      minReplicas: 1,
      maxReplicas: 3,
      metrics: [
        {
          type: 'Resource',
          resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } },
        },
      ],
      behavior: {
        scaleUp: {
          stabilizationWindowSeconds: 0,
          selectPolicy: 'Max',
          policies: [
            { type: 'Pods', value: 4, periodSeconds: 15 },
            { type: 'Percent', value: 100, periodSeconds: 15 },
          ],
        },
        scaleDown: { selectPolicy: 'Max', policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }] },
      },
    });
    const measured = [{ type: 'Resource', resource: { name: 'cpu', current: { averageUtilization: 42 } } }];
    await admin.patch(`${autoscalers}/h/status`, 'merge', { status: { currentMetrics: measured } });
    const table = await admin.get(`${autoscalers}/h`, TABLE);
    expect(table.json.rows[0].cells.slice(0, 6)).toEqual(['h', 'Deployment/web', 'cpu: 42%/80%', '1', 3, 0]);
  });

  it('are scaled by autoscaling/v1 as by v2: one object, whose rest v1 keeps in annotations', async () => {
    const path = (version: string) =>
      `/apis/autoscaling/${version}/namespaces/default/horizontalpodautoscalers`;
    const metrics = 'autoscaling.alpha.kubernetes.io/metrics';
    const scaleTargetRef = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' };
    const body = { metadata: { name: 'old' }, spec: { scaleTargetRef, maxReplicas: 3 } };
    const made = await admin.post(path('v1'), body);
    expect([made.status, made.json.spec]).toEqual([
      201,
      { scaleTargetRef, minReplicas: 1, maxReplicas: 3, targetCPUUtilizationPercentage: 80 },
    ]);
    expect(made.json.status).toEqual({ currentReplicas: 0, desiredReplicas: 0 });
    const watch = await admin.watch(
      `${path('v1')}?watch=true&resourceVersion=${made.json.metadata.resourceVersion}`,
    );
    const external = { metric: { name: 'q' }, target: { type: 'Value', value: '5' } };
    const change = { spec: { metrics: [{ type: 'External', external }], behavior: { scaleDown: {} } } };
    const changed = await admin.patch(`${path('v2')}/old`, 'merge', change);
    expect(changed.json.spec.metrics).toEqual(change.spec.metrics);
    const [event] = await watch.take(1);
    expect(event!.object.apiVersion).toBe('autoscaling/v1');
    expect(event!.object.spec).toEqual({ scaleTargetRef, minReplicas: 1, maxReplicas: 3 });
    expect(JSON.parse(event!.object.metadata.annotations[metrics])).toEqual([
      { type: 'External', external: { metricName: 'q', targetValue: '5' } },
    ]);
    watch.close();
    // A writer of v1 that changes something else keeps all of it.
    const put = await admin.put(`${path('v1')}/old`, {
      ...event!.object,
      spec: { ...event!.object.spec, maxReplicas: 9 },
    });
    expect(put.status).toBe(200);
    const { json } = await admin.get(`${path('v2')}/old`);
    expect(json.spec).toEqual({ ...changed.json.spec, maxReplicas: 9 });
    expect(json.metadata.annotations).toBeUndefined();
    // Annotations are no way into the other half.
    await admin.patch(`${path('v1')}/old/status`, 'merge', {
      metadata: { annotations: { [metrics]: null } },
      status: { currentReplicas: 2 },
    });
    const after = (await admin.get(`${path('v2')}/old`)).json;
    expect([after.spec, after.status.currentReplicas]).toEqual([json.spec, 2]);
    const table = await admin.get(`${path('v1')}/old`, TABLE);
    expect(table.json.rows[0].cells.slice(0, 6)).toEqual(['old', 'Deployment/web', '<unknown>/5', '1', 9, 2]);
    const group = (await admin.get('/apis/autoscaling')).json;
    expect(group.versions.map(({ version }: { version: string }) => version)).toEqual(['v2', 'v1']);
    expect(group.preferredVersion.version).toBe('v2');
  });

  it('let a node write its own CSINode and no other', async () => {
    const codes = await as('system:node:n1', ['system:nodes'], async (client) => {
      const post = (name: string) =>
        client.post(`${STORAGE}/csinodes`, { metadata: { name }, spec: { drivers: [] } });
      return [
        (await post('n1')).status,
        (await client.get(`${STORAGE}/csinodes/n1`)).status,
        (await client.get(`${STORAGE}/csinodes/n2`)).status,
        (await client.get('/apis/node.k8s.io/v1/runtimeclasses')).status,
      ];
    });
    expect(codes).toEqual([201, 200, 403, 200]);
  });
});
