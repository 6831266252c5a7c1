import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestClient } from './api-client.js';
import { startServer, type TestServer } from './start-server.js';

let server: TestServer;
const clients: Record<string, TestClient> = {};

beforeAll(async () => {
  server = await startServer();
  const admin = new TestClient(server, server.admin);
  await admin.post('/api/v1/namespaces/default/serviceaccounts', { metadata: { name: 'plain' } });
  await admin.post('/api/v1/namespaces/default/serviceaccounts', { metadata: { name: 'default' } });
  await admin.post('/api/v1/namespaces/default/configmaps', { metadata: { name: 'm' } });
  await admin.post('/api/v1/namespaces/default/secrets', { metadata: { name: 's' } });
  await admin.post('/api/v1/nodes', { metadata: { name: 'n1' } });
  await admin.post('/api/v1/nodes', { metadata: { name: 'n2' } });
  for (const node of ['n1', 'n2']) {
    await admin.post('/api/v1/namespaces/default/pods', {
      metadata: { name: `on-${node}` },
      spec: { nodeName: node, containers: [{ name: 'c', image: 'host' }] },
    });
  }
  const request = await admin.post('/api/v1/namespaces/default/serviceaccounts/plain/token', {
    spec: { audiences: ['https://kubernetes.default.svc'] },
  });
  clients['admin'] = admin;
  clients['anonymous'] = new TestClient(server);
  clients['account'] = new TestClient(server, undefined, {
    authorization: `Bearer ${request.json.status.token}`,
  });
  clients['node'] = new TestClient(server, await server.client('system:node:n1', ['system:nodes']));
});
afterAll(async () => {
  for (const client of Object.values(clients)) client.close();
  await server?.close();
});

const MAPS = '/api/v1/namespaces/default/configmaps';
const PODS = '/api/v1/namespaces/default/pods';
const refused: Record<string, number> = { anonymous: 401, account: 403, node: 403 };

/** Each verb as a request that has no effect: what is forbidden says so before anything is read or written. */
const verbs: [verb: string, method: string, path: string, body?: unknown][] = [
  ['get', 'GET', `${MAPS}/m`],
  ['list', 'GET', MAPS],
  ['watch', 'GET', `${MAPS}?watch=true&timeoutSeconds=1`],
  ['create', 'POST', `${MAPS}?dryRun=All`, { metadata: { name: 'x' } }],
  ['update', 'PUT', `${MAPS}/m?dryRun=All`, { metadata: { name: 'm' } }],
  ['patch', 'PATCH', `${MAPS}/m?dryRun=All`, {}],
  ['delete', 'DELETE', `${MAPS}/m?dryRun=All`],
  ['deletecollection', 'DELETE', `${MAPS}?dryRun=All`],
];

describe.each(verbs)('%s', (_verb, method, path, body) => {
  const headers: Record<string, string> =
    method === 'PATCH' ? { 'content-type': 'application/merge-patch+json' } : {};

  it('is allowed for an administrator', async () => {
    const { status } = await clients['admin']!.call(method, path, { body, headers });
    expect([200, 201]).toContain(status);
  });

  it.each(Object.keys(refused))('is refused for %s', async (who) => {
    const { status, json } = await clients[who]!.call(method, path, { body, headers });
    expect([status, json.kind]).toEqual([refused[who], 'Status']);
  });
});

describe('a plain service account', () => {
  it('may discover the API and review its own access', async () => {
    const account = clients['account']!;
    for (const path of ['/api', '/apis', '/openapi/v3', '/version']) {
      expect((await account.get(path)).status).toBe(200);
    }
    const review = await account.post('/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', {
      spec: { resourceAttributes: { verb: 'get', resource: 'secrets', namespace: 'default' } },
    });
    expect(review.json.status.allowed).toBe(false);
    const who = await account.post('/apis/authentication.k8s.io/v1/selfsubjectreviews', {});
    expect(who.json.status.userInfo.username).toBe('system:serviceaccount:default:plain');
  });

  it('loses access with its token', async () => {
    const forged = new TestClient(server, undefined, { authorization: 'Bearer eyJhbGciOiJub25lIn0.e30.' });
    try {
      expect((await forged.get('/version/')).status).toBe(401);
      expect((await forged.get(MAPS)).status).toBe(401);
    } finally {
      forged.close();
    }
  });
});

describe('a node', () => {
  it('reads and reports itself and its Pods, and no others', async () => {
    const node = clients['node']!;
    expect((await node.get('/api/v1/nodes/n1')).status).toBe(200);
    const status = { status: { conditions: [{ type: 'Ready', status: 'True' }] } };
    expect((await node.patch('/api/v1/nodes/n1/status', 'merge', status)).status).toBe(200);
    expect((await node.patch('/api/v1/nodes/n2/status', 'merge', status)).status).toBe(403);
    expect((await node.get(`${PODS}?fieldSelector=spec.nodeName%3Dn1`)).status).toBe(200);
    const pod = { status: { phase: 'Running' } };
    expect((await node.patch(`${PODS}/on-n1/status`, 'merge', pod)).status).toBe(200);
    expect((await node.patch(`${PODS}/on-n2/status`, 'merge', pod)).status).toBe(403);
  });

  it('cannot read secrets that none of its Pods use, nor create Pods of its own making', async () => {
    const node = clients['node']!;
    expect((await node.get('/api/v1/namespaces/default/secrets/s')).status).toBe(403);
    expect((await node.get('/api/v1/namespaces/default/secrets')).status).toBe(403);
    const pod = {
      metadata: { name: 'own' },
      spec: { nodeName: 'n1', containers: [{ name: 'c', image: 'host' }] },
    };
    expect((await node.post(PODS, pod)).status).toBe(403);
  });
});
