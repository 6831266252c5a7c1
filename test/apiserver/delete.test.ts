import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestClient } from './api-client.js';
import { startServer, type TestServer } from './start-server.js';

const MAPS = '/api/v1/namespaces/default/configmaps';
const PODS = '/api/v1/namespaces/default/pods';
let server: TestServer;
let client: TestClient;

beforeAll(async () => {
  server = await startServer();
  client = new TestClient(server, server.admin);
  await client.post('/api/v1/namespaces/default/serviceaccounts', { metadata: { name: 'default' } });
});
afterAll(async () => {
  client?.close();
  await server?.close();
});

async function create(
  name: string,
  finalizers: string[] = [],
): Promise<{ metadata: Record<string, string> }> {
  return (await client.post(MAPS, { metadata: { name, finalizers } })).json;
}

describe('DELETE', () => {
  it('answers a Status that names the object and its uid', async () => {
    const { metadata } = await create('plain');
    const { status, json } = await client.delete(`${MAPS}/plain`);
    expect(status).toBe(200);
    expect(json).toMatchObject({
      kind: 'Status',
      status: 'Success',
      details: { name: 'plain', kind: 'configmaps', uid: metadata['uid'] },
    });
    expect((await client.get(`${MAPS}/plain`)).status).toBe(404);
  });

  it('answers services with the object itself', async () => {
    const services = '/api/v1/namespaces/default/services';
    await client.post(services, { metadata: { name: 's' }, spec: { ports: [{ port: 80 }] } });
    expect((await client.delete(`${services}/s`)).json).toMatchObject({
      kind: 'Service',
      metadata: { name: 's' },
    });
  });

  it('says what was not found', async () => {
    const { status, json } = await client.delete(`${MAPS}/ghost`);
    expect(status).toBe(404);
    expect(json.message).toBe('configmaps "ghost" not found');
  });

  it('marks an object that finalizers hold and removes it with the last of them', async () => {
    await create('held', ['example.com/a', 'example.com/b']);
    const marked = (await client.delete(`${MAPS}/held`)).json;
    expect(marked.metadata).toMatchObject({
      deletionGracePeriodSeconds: 0,
      finalizers: ['example.com/a', 'example.com/b'],
    });
    expect(marked.metadata.deletionTimestamp).toMatch(/Z$/);
    const again = (await client.delete(`${MAPS}/held`)).json;
    expect(again.metadata.resourceVersion).toBe(marked.metadata.resourceVersion);
    await client.patch(`${MAPS}/held`, 'json', [{ op: 'remove', path: '/metadata/finalizers/0' }]);
    expect((await client.get(`${MAPS}/held`)).json.metadata.finalizers).toEqual(['example.com/b']);
    await client.patch(`${MAPS}/held`, 'merge', { metadata: { finalizers: null } });
    expect((await client.get(`${MAPS}/held`)).status).toBe(404);
  });

  it('respects uid and resourceVersion preconditions', async () => {
    const { metadata } = await create('pre');
    const other = await client.delete(`${MAPS}/pre`, { preconditions: { uid: 'other' } });
    expect(other.status).toBe(409);
    expect(other.json.message).toContain('the UID in the precondition (other) does not match');
    expect((await client.delete(`${MAPS}/pre`, { preconditions: { resourceVersion: '1' } })).status).toBe(
      409,
    );
    const { uid, resourceVersion } = metadata;
    expect((await client.delete(`${MAPS}/pre`, { preconditions: { uid, resourceVersion } })).status).toBe(
      200,
    );
  });

  it.each([
    ['Foreground', 'foregroundDeletion'],
    ['Orphan', 'orphan'],
  ])('adds the garbage collector finalizer for the policy %s', async (propagationPolicy, finalizer) => {
    const name = `gc-${propagationPolicy.toLowerCase()}`;
    await create(name);
    const { json } = await client.delete(`${MAPS}/${name}`, { propagationPolicy });
    expect(json.metadata.finalizers).toEqual([finalizer]);
    expect(json.metadata.deletionTimestamp).toBeDefined();
  });

  it('refuses options that contradict each other or do not exist', async () => {
    await create('opts');
    const both = { propagationPolicy: 'Orphan', orphanDependents: true };
    expect((await client.delete(`${MAPS}/opts`, both)).status).toBe(422);
    expect((await client.delete(`${MAPS}/opts`, { propagationPolicy: 'Sideways' })).status).toBe(422);
    expect((await client.delete(`${MAPS}/opts?gracePeriodSeconds=soon`)).status).toBe(400);
  });

  it('deletes nothing in a dry run', async () => {
    await create('dry');
    expect((await client.delete(`${MAPS}/dry?dryRun=All`)).status).toBe(200);
    expect((await client.delete(`${MAPS}/dry`, { dryRun: ['All'] })).status).toBe(200);
    expect((await client.get(`${MAPS}/dry`)).status).toBe(200);
  });
});

describe('DELETE of a Pod', () => {
  const pod = (name: string, nodeName?: string) => ({
    metadata: { name },
    spec: { nodeName, containers: [{ name: 'c', image: 'host' }] },
  });

  it('removes at once what no node runs', async () => {
    expect((await client.post(PODS, pod('pending'))).status).toBe(201);
    expect((await client.delete(`${PODS}/pending`)).json.kind).toBe('Pod');
    expect((await client.get(`${PODS}/pending`)).status).toBe(404);
  });

  it('gives a running Pod its grace period, which may only shrink, and ends with grace 0', async () => {
    const created = (await client.post(PODS, pod('running', 'n1'))).json;
    const path = `${PODS}/running`;
    const first = (await client.delete(path)).json;
    expect(first.metadata.deletionGracePeriodSeconds).toBe(30);
    expect(first.metadata.generation).toBe(created.metadata.generation + 1);
    const longer = (await client.delete(path, { gracePeriodSeconds: 60 })).json;
    expect(longer.metadata.resourceVersion).toBe(first.metadata.resourceVersion);
    const shorter = (await client.delete(path, { gracePeriodSeconds: 10 })).json;
    expect(shorter.metadata.deletionGracePeriodSeconds).toBe(10);
    const moved =
      Date.parse(first.metadata.deletionTimestamp) - Date.parse(shorter.metadata.deletionTimestamp);
    expect(moved).toBe(20_000);
    const { uid } = created.metadata;
    await client.delete(path, { gracePeriodSeconds: 0, preconditions: { uid } });
    expect((await client.get(path)).status).toBe(404);
  });
});

describe('DELETE of a collection', () => {
  it('deletes what the selector selects and answers with it', async () => {
    for (const name of ['c1', 'c2', 'c3']) {
      const labels = { set: name === 'c3' ? 'b' : 'a' };
      await client.post(MAPS, { metadata: { name, labels } });
    }
    const { json } = await client.delete(`${MAPS}?labelSelector=set=a`);
    expect(json.kind).toBe('ConfigMapList');
    expect(json.items.map((i: { metadata: { name: string } }) => i.metadata.name)).toEqual(['c1', 'c2']);
    expect((await client.get(`${MAPS}/c3`)).status).toBe(200);
    expect((await client.get(`${MAPS}/c1`)).status).toBe(404);
  });
});

describe('DELETE of a namespace', () => {
  it('waits for /finalize and refuses new objects meanwhile', async () => {
    await client.post('/api/v1/namespaces', { metadata: { name: 'going' } });
    const marked = (await client.delete('/api/v1/namespaces/going')).json;
    expect(marked).toMatchObject({ status: { phase: 'Terminating' }, spec: { finalizers: ['kubernetes'] } });
    const late = await client.post('/api/v1/namespaces/going/configmaps', { metadata: { name: 'late' } });
    expect(late.status).toBe(403);
    expect(late.json.details.causes).toContainEqual(
      expect.objectContaining({ reason: 'NamespaceTerminating' }),
    );
    const answer = await client.put('/api/v1/namespaces/going/finalize', {
      ...marked,
      spec: { finalizers: [] },
    });
    expect(answer.status).toBe(200);
    expect((await client.get('/api/v1/namespaces/going')).status).toBe(404);
  });
});
