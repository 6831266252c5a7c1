import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestClient } from './api-client.js';
import { startServer, type TestServer } from './start-server.js';

let server: TestServer;
let client: TestClient;

beforeAll(async () => {
  server = await startServer();
  client = new TestClient(server, server.admin);
});
afterAll(async () => {
  client.close();
  await server.close();
});

interface Case {
  group: string;
  resource: string;
  namespaced: boolean;
  /** What the specs write to `/status`; absent for kinds without. */
  status?: object;
  /** The n-th object without its metadata; `name` where it matters. */
  body(n: number): object;
  name?(n: number): string;
}

const VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];

const condition = {
  type: 'StatusUpdate',
  status: 'True',
  reason: 'E2E',
  message: 'Set by a test',
  lastTransitionTime: '2026-01-02T03:04:05Z',
};

/** The kinds whose whole API upstream's [sig-network] specs go through, with the objects that those specs use. */
const CASES: Record<string, Case> = {
  Endpoints: {
    group: '/api/v1',
    resource: 'endpoints',
    namespaced: true,
    body: () => ({ subsets: [{ addresses: [{ ip: '10.0.0.24' }], ports: [{ name: 'http', port: 80 }] }] }),
  },
  EndpointSlice: {
    group: '/apis/discovery.k8s.io/v1',
    resource: 'endpointslices',
    namespaced: true,
    body: () => ({
      addressType: 'IPv4',
      endpoints: [{ addresses: ['1.2.3.4', '5.6.7.8'], conditions: { ready: true } }],
      ports: [{ name: 'http', port: 80, protocol: 'TCP' }],
    }),
  },
  Ingress: {
    group: '/apis/networking.k8s.io/v1',
    resource: 'ingresses',
    namespaced: true,
    status: { loadBalancer: { ingress: [{ ip: '169.1.1.1' }] } },
    body: (n) => ({
      spec: { defaultBackend: { service: { name: `default-backend-${n}`, port: { number: 80 } } } },
    }),
  },
  IngressClass: {
    group: '/apis/networking.k8s.io/v1',
    resource: 'ingressclasses',
    namespaced: false,
    body: () => ({ spec: { controller: 'example.com/controller' } }),
  },
  NetworkPolicy: {
    group: '/apis/networking.k8s.io/v1',
    resource: 'networkpolicies',
    namespaced: true,
    body: (n) => ({
      spec: {
        podSelector: { matchLabels: { app: 'x' } },
        ingress: [{ ports: [{ port: 32_000 + n, endPort: 32_100 + n, protocol: 'TCP' }] }],
      },
    }),
  },
  ServiceCIDR: {
    group: '/apis/networking.k8s.io/v1',
    resource: 'servicecidrs',
    namespaced: false,
    status: { conditions: [condition] },
    body: (n) => ({ spec: { cidrs: [`10.${200 + n}.0.0/24`] } }),
  },
  IPAddress: {
    group: '/apis/networking.k8s.io/v1',
    resource: 'ipaddresses',
    namespaced: false,
    name: (n) => `192.168.7.${n}`,
    body: () => ({ spec: { parentRef: { resource: 'services', namespace: 'default', name: 'a' } } }),
  },
  Service: {
    group: '/api/v1',
    resource: 'services',
    namespaced: true,
    status: { loadBalancer: { ingress: [{ ip: '203.0.113.1', ipMode: 'VIP' }] }, conditions: [condition] },
    body: () => ({
      spec: { type: 'LoadBalancer', loadBalancerClass: 'example.com/e2e', ports: [{ port: 80 }] },
    }),
  },
};

describe('every API operation', () => {
  it.each(Object.keys(CASES))('of %s, as upstream’s e2e goes through them', async (kind) => {
    const { group, resource, namespaced, status, body, name } = CASES[kind]!;
    const all = `${group}/${resource}`;
    const base = namespaced ? `${group}/namespaces/default/${resource}` : all;
    const nameOf = (n: number) => name?.(n) ?? `op-${n}`;
    const labels = { special: `op-${resource}` };
    const selector = `labelSelector=special=op-${resource}`;

    const discovered = (await client.get(group)).json.resources as { name: string; verbs: string[] }[];
    expect(discovered.find((r) => r.name === resource)?.verbs.toSorted()).toEqual(VERBS);
    expect(discovered.some((r) => r.name === `${resource}/status`)).toBe(status !== undefined);

    const watch = await client.watch(`${base}?watch=true&${selector}`);
    for (const n of [1, 2, 3]) {
      const made = await client.post(base, { metadata: { name: nameOf(n), labels }, ...body(n) });
      expect([made.status, made.json.kind]).toEqual([201, kind]);
    }
    const first = `${base}/${nameOf(1)}`;
    expect((await client.get(first)).json).toMatchObject(body(1));
    for (const path of [base, all]) {
      expect((await client.get(`${path}?${selector}`)).json.items).toHaveLength(3);
    }

    const patched = await client.patch(first, 'merge', { metadata: { annotations: { patched: 'true' } } });
    expect(patched.json.metadata.annotations).toEqual({ patched: 'true' });
    const updated = await client.put(first, {
      ...patched.json,
      metadata: { ...patched.json.metadata, annotations: { patched: 'true', updated: 'true' } },
    });
    expect([updated.status, updated.json.metadata.annotations['updated']]).toEqual([200, 'true']);
    if (status !== undefined) {
      const annotations = { status: 'patched' };
      const marked = await client.patch(`${first}/status`, 'merge', { metadata: { annotations }, status });
      expect([marked.status, marked.json.metadata.annotations['status']]).toEqual([200, 'patched']);
      expect(marked.json.status).toEqual(status);
      const again = await client.put(`${first}/status`, {
        ...marked.json,
        metadata: { ...marked.json.metadata, annotations: { status: 'updated' } },
      });
      expect([again.status, again.json.metadata.annotations]).toEqual([200, { status: 'updated' }]);
      expect((await client.get(`${first}/status`)).json.status).toEqual(status);
    }

    expect((await client.delete(first)).status).toBe(200);
    expect((await client.get(first)).status).toBe(404);
    expect((await client.delete(`${base}?${selector}`)).status).toBe(200);
    expect((await client.get(`${all}?${selector}`)).json.items).toEqual([]);

    const changes = status === undefined ? 2 : 4;
    const types = (await watch.take(3 + changes + 3)).map((event) => event.type);
    expect(types).toEqual([
      ...Array<string>(3).fill('ADDED'),
      ...Array<string>(changes).fill('MODIFIED'),
      ...Array<string>(3).fill('DELETED'),
    ]);
    watch.close();
  });
});

describe('the default IngressClass', () => {
  const classes = '/apis/networking.k8s.io/v1/ingressclasses';
  const ingresses = '/apis/networking.k8s.io/v1/namespaces/default/ingresses';
  const spec = { defaultBackend: { service: { name: 's', port: { number: 80 } } } };
  const annotations = { 'ingressclass.kubernetes.io/is-default-class': 'true' };

  it('is set on no Ingress while no class is the default', async () => {
    await client.post(classes, { metadata: { name: 'plain' }, spec: { controller: 'example.com/c' } });
    const made = await client.post(ingresses, { metadata: { name: 'none' }, spec });
    expect([made.status, made.json.spec.ingressClassName]).toEqual([201, undefined]);
  });

  it('is the newest of several, and the first by name of those made in the same second', async () => {
    const made = [];
    for (const name of ['zz-first', 'aa-second']) {
      const { json } = await client.post(classes, {
        metadata: { name, annotations },
        spec: { controller: 'example.com/c' },
      });
      made.push([json.metadata.creationTimestamp as string, name] as const);
    }
    const [[newest]] = made.toSorted(([a], [b]) => (a < b ? 1 : -1)) as [[string, string]];
    const [expected] = made
      .filter(([time]) => time === newest)
      .map(([, name]) => name)
      .sort();
    const ingress = await client.post(ingresses, { metadata: { name: 'several' }, spec });
    expect(ingress.json.spec.ingressClassName).toBe(expected);
  });

  it('may have parameters of one namespace', async () => {
    const parameters = { kind: 'Fake', name: 'p', scope: 'Namespace', namespace: 'default' };
    const made = await client.post(classes, {
      metadata: { name: 'with-parameters' },
      spec: { controller: 'example.com/c', parameters },
    });
    expect([made.status, made.json.spec.parameters]).toEqual([201, parameters]);
  });
});
