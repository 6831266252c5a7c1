import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestClient } from './api-client.js';
import { startServer, type TestServer } from './start-server.js';

const MAPS = '/api/v1/namespaces/default/configmaps';
const SERVICES = '/api/v1/namespaces/default/services';
let server: TestServer;
let client: TestClient;

beforeAll(async () => {
  server = await startServer();
  client = new TestClient(server, server.admin);
});
afterAll(async () => {
  client?.close();
  await server?.close();
});

const map = (name: string, data: Record<string, string> = { a: '1' }) => ({ metadata: { name }, data });
const service = (name: string) => ({
  metadata: { name },
  spec: { ports: [{ port: 80 }], selector: { app: name } },
});

describe('create', () => {
  it('answers 201 with the system fields filled in', async () => {
    const { status, json } = await client.post(MAPS, map('created'));
    expect(status).toBe(201);
    expect(json).toMatchObject({ kind: 'ConfigMap', apiVersion: 'v1', data: { a: '1' } });
    expect(json.metadata).toMatchObject({ name: 'created', namespace: 'default' });
    expect(json.metadata.uid).toMatch(/^[0-9a-f-]{36}$/);
    expect(json.metadata.creationTimestamp).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    expect(json.metadata.resourceVersion).toMatch(/^[1-9]\d*$/);
    expect(json.metadata.generation).toBeUndefined();
  });

  it('refuses a name that exists', async () => {
    await client.post(MAPS, map('twice'));
    const { status, json } = await client.post(MAPS, map('twice'));
    expect(status).toBe(409);
    expect(json).toMatchObject({
      kind: 'Status',
      reason: 'AlreadyExists',
      message: 'configmaps "twice" already exists',
      details: { name: 'twice', kind: 'configmaps' },
    });
  });

  it('answers 500 without a reason when the body has a resourceVersion, as upstream', async () => {
    const { json } = await client.post(MAPS, { metadata: { name: 'versioned', resourceVersion: '1' } });
    expect(json).toMatchObject({
      code: 500,
      message: 'resourceVersion should not be set on objects to be created',
    });
    expect(json.reason).toBeUndefined();
  });

  it('makes a name from generateName', async () => {
    const { json } = await client.post(MAPS, { metadata: { generateName: 'pre-' } });
    expect(json.metadata.name).toMatch(/^pre-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
  });

  it('ignores what a client says of system fields', async () => {
    const { json } = await client.post(MAPS, {
      metadata: {
        name: 'forged',
        uid: 'mine',
        generation: 7,
        creationTimestamp: '2001-01-01T00:00:00Z',
        deletionTimestamp: '2001-01-01T00:00:00Z',
        selfLink: '/x',
      },
    });
    expect(json.metadata.uid).not.toBe('mine');
    expect(json.metadata).not.toHaveProperty('deletionTimestamp');
    expect(json.metadata).not.toHaveProperty('generation');
    expect(json.metadata).not.toHaveProperty('selfLink');
    expect(json.metadata.creationTimestamp.startsWith('2001')).toBe(false);
  });

  it.each([
    [
      'another namespace',
      { metadata: { name: 'x', namespace: 'other' } },
      /namespace of the provided object/,
    ],
    [
      'another kind',
      { kind: 'Secret', apiVersion: 'v1', metadata: { name: 'x' } },
      /cannot be handled as a ConfigMap/,
    ],
    ['a syntax error', '{"metadata":', /unexpected end|json parse error/i],
  ])('answers 400 for %s', async (_what, body, message) => {
    const answer = await client.post(MAPS, body);
    expect(answer.json).toMatchObject({ code: 400, reason: 'BadRequest' });
    expect(answer.json.message).toMatch(message);
  });

  it('warns of unknown fields by default and refuses them when strict', async () => {
    const body = { metadata: { name: 'typo' }, dta: {} };
    const strict = await client.post(`${MAPS}?fieldValidation=Strict`, body);
    expect(strict.status).toBe(400);
    expect(strict.json.message).toContain('strict decoding error: unknown field "dta"');
    const lax = await client.post(MAPS, body);
    expect(lax.status).toBe(201);
    expect(lax.headers['warning']).toBe('299 - "unknown field \\"dta\\""');
    expect(lax.json).not.toHaveProperty('dta');
  });

  it('stores nothing in a dry run but answers as if it had', async () => {
    const { status, json } = await client.post(`${MAPS}?dryRun=All`, map('dry'));
    expect(status).toBe(201);
    expect(json.metadata.name).toBe('dry');
    expect((await client.get(`${MAPS}/dry`)).status).toBe(404);
    expect((await client.post(`${MAPS}?dryRun=Some`, map('dry'))).status).toBe(422);
  });

  it('refuses objects in namespaces that do not exist', async () => {
    const { status, json } = await client.post('/api/v1/namespaces/nowhere/configmaps', map('x'));
    expect(status).toBe(404);
    expect(json.message).toBe('namespaces "nowhere" not found');
  });

  it.each([SERVICES, MAPS])('asks for a name in %s', async (path) => {
    const { status, json } = await client.post(path, { metadata: {}, spec: undefined });
    expect(status).toBe(422);
    expect(json.details.causes).toContainEqual({
      reason: 'FieldValueRequired',
      field: 'metadata.name',
      message: 'Required value: name or generateName is required',
    });
  });

  it('takes YAML bodies', async () => {
    const answer = await client.call('POST', MAPS, {
      body: 'metadata: {name: from-yaml}\ndata: {a: "1"}\n',
      headers: { 'content-type': 'application/yaml' },
    });
    expect(answer.status).toBe(201);
    expect(answer.json.data).toEqual({ a: '1' });
  });
});

describe('update', () => {
  it('replaces the object, keeps uid and creation time, and advances the resourceVersion', async () => {
    const created = (await client.post(MAPS, map('put'))).json;
    const { status, json } = await client.put(`${MAPS}/put`, { ...created, data: { b: '2' } });
    expect(status).toBe(200);
    expect(json.data).toEqual({ b: '2' });
    expect(json.metadata.uid).toBe(created.metadata.uid);
    expect(Number(json.metadata.resourceVersion)).toBeGreaterThan(Number(created.metadata.resourceVersion));
  });

  it('conflicts when the resourceVersion is not the present one', async () => {
    const created = (await client.post(MAPS, map('stale'))).json;
    await client.put(`${MAPS}/stale`, { ...created, data: { b: '2' } });
    const { status, json } = await client.put(`${MAPS}/stale`, { ...created, data: { c: '3' } });
    expect(status).toBe(409);
    expect(json.reason).toBe('Conflict');
    expect(json.message).toContain('the object has been modified; please apply your changes');
  });

  it('conflicts when the uid is another one', async () => {
    await client.post(MAPS, map('uid'));
    const { status, json } = await client.put(`${MAPS}/uid`, { metadata: { name: 'uid', uid: 'other' } });
    expect(status).toBe(409);
    expect(json.message).toContain('Precondition failed: UID in precondition: other');
  });

  it('overwrites without a resourceVersion where the kind allows it, and asks for one where it does not', async () => {
    await client.post(SERVICES, service('uncond'));
    expect((await client.put(`${SERVICES}/uncond`, service('uncond'))).status).toBe(200);
    const leases = '/apis/coordination.k8s.io/v1/namespaces/default/leases';
    await client.post(leases, { metadata: { name: 'l' }, spec: {} });
    const { status, json } = await client.put(`${leases}/l`, { metadata: { name: 'l' }, spec: {} });
    expect(status).toBe(422);
    expect(json.details.causes[0].field).toBe('metadata.resourceVersion');
  });

  it('answers 400 when the body names another object than the URL', async () => {
    await client.post(MAPS, map('named'));
    const { status, json } = await client.put(`${MAPS}/named`, map('other'));
    expect(status).toBe(400);
    expect(json.message).toBe('the name of the object (other) does not match the name on the URL (named)');
  });

  it('writes nothing when nothing changes', async () => {
    const created = (await client.post(MAPS, map('same'))).json;
    const again = (await client.put(`${MAPS}/same`, created)).json;
    expect(again.metadata.resourceVersion).toBe(created.metadata.resourceVersion);
    const patched = (await client.patch(`${MAPS}/same`, 'merge', { data: { a: '1' } })).json;
    expect(patched.metadata.resourceVersion).toBe(created.metadata.resourceVersion);
  });

  it('answers 404 to a PUT of what does not exist where the kind does not allow that', async () => {
    const slices = '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices';
    const body = { metadata: { name: 'absent' }, addressType: 'IPv4', endpoints: [] };
    const answer = await client.put(`${slices}/absent`, body);
    expect([answer.status, answer.json.message]).toEqual([
      404,
      'endpointslices.discovery.k8s.io "absent" not found',
    ]);
  });

  it('creates by PUT where the kind allows it', async () => {
    const leases = '/apis/coordination.k8s.io/v1/namespaces/default/leases';
    const made = await client.put(`${leases}/by-put`, { metadata: { name: 'by-put' }, spec: {} });
    expect(made.status).toBe(201);
    expect((await client.put(`${MAPS}/absent`, map('absent'))).status).toBe(404);
  });
});

describe('generation', () => {
  const deployments = '/apis/apps/v1/namespaces/default/deployments';
  const deployment = {
    metadata: { name: 'gen', generation: 99 },
    spec: {
      replicas: 1,
      selector: { matchLabels: { a: 'b' } },
      template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'host' }] } },
    },
  };

  it('starts at 1, grows with the spec, and not with metadata or status', async () => {
    const path = `${deployments}/gen`;
    expect((await client.post(deployments, deployment)).json.metadata.generation).toBe(1);
    const labelled = await client.patch(path, 'merge', { metadata: { labels: { x: 'y' } } });
    expect(labelled.json.metadata.generation).toBe(1);
    const scaled = await client.patch(path, 'merge', { spec: { replicas: 2 } });
    expect(scaled.json.metadata.generation).toBe(2);
    const status = await client.patch(`${path}/status`, 'merge', { status: { replicas: 2 } });
    expect(status.json.metadata.generation).toBe(2);
  });

  it('scales through /scale, which has the replica count and the selector', async () => {
    const path = `${deployments}/gen/scale`;
    const { json } = await client.patch(path, 'merge', { spec: { replicas: 5 } });
    expect(json).toMatchObject({ kind: 'Scale', apiVersion: 'autoscaling/v1', spec: { replicas: 5 } });
    expect((await client.get(path)).json.status).toMatchObject({ selector: 'a=b' });
    expect((await client.get(`${deployments}/gen`)).json.spec.replicas).toBe(5);
    const negative = await client.patch(path, 'merge', { spec: { replicas: -1 } });
    expect(negative.status).toBe(422);
  });
});

describe('managed fields of /scale', () => {
  const path = '/apis/apps/v1/namespaces/default/deployments/scaled';
  const managers = async (of: string) =>
    (await client.get(of)).json.metadata.managedFields.map(
      (entry: { manager: string; operation: string; apiVersion: string; fieldsV1: Record<string, object> }) =>
        `${entry.manager} ${entry.operation} ${entry.apiVersion} ${JSON.stringify(entry.fieldsV1['f:spec'] ?? {}).includes('f:replicas')}`,
    );

  it('are those of the workload that concern the count, and go back there', async () => {
    const body = {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'scaled' },
      spec: {
        replicas: 1,
        selector: { matchLabels: { a: 'b' } },
        template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'host' }] } },
      },
    };
    await client.patch(`${path}?fieldManager=owner`, 'apply', body);
    expect(await managers(`${path}/scale`)).toEqual(['owner Apply autoscaling/v1 true']);
    const scale = {
      apiVersion: 'autoscaling/v1',
      kind: 'Scale',
      metadata: { name: 'scaled' },
      spec: { replicas: 2 },
    };
    const refused = await client.patch(`${path}/scale?fieldManager=scaler`, 'apply', scale);
    expect([refused.status, refused.json.message]).toEqual([
      409,
      'Apply failed with 1 conflict: conflict with "owner": .spec.replicas',
    ]);
    const forced = await client.patch(`${path}/scale?fieldManager=scaler&force=true`, 'apply', scale);
    expect([forced.status, forced.json.spec.replicas]).toEqual([200, 2]);
    expect(await managers(path)).toEqual(['owner Apply apps/v1 false', 'scaler Apply apps/v1 true']);
    expect(await managers(`${path}/scale`)).toEqual(['scaler Apply autoscaling/v1 true']);
    await client.patch(`${path}/scale?fieldManager=third`, 'merge', { spec: { replicas: 3 } });
    expect(await managers(path)).toEqual(['owner Apply apps/v1 false', 'third Update apps/v1 true']);
  });
});

describe('status subresource', () => {
  it('changes nothing but metadata and status', async () => {
    await client.post(SERVICES, { ...service('st'), spec: { ...service('st').spec, type: 'LoadBalancer' } });
    const path = `${SERVICES}/st`;
    const before = (await client.get(path)).json;
    const ingress = [{ ip: '192.0.2.1', ipMode: 'VIP' }];
    const { status, json } = await client.put(`${path}/status`, {
      ...before,
      metadata: { ...before.metadata, annotations: { note: 'kept' } },
      spec: { ...before.spec, selector: { app: 'changed' } },
      status: { loadBalancer: { ingress } },
    });
    expect(status).toBe(200);
    expect(json.status.loadBalancer.ingress).toEqual(ingress);
    expect(json.spec.selector).toEqual({ app: 'st' });
    expect(json.metadata.annotations).toEqual({ note: 'kept' });
    const main = await client.put(path, { ...json, status: { loadBalancer: {} } });
    expect(main.json.status.loadBalancer.ingress).toEqual(ingress);
  });
});

describe('patch', () => {
  it('applies JSON patches, merge patches and strategic merge patches', async () => {
    await client.post(SERVICES, service('patched'));
    const path = `${SERVICES}/patched`;
    const json = await client.patch(path, 'json', [
      { op: 'add', path: '/metadata/labels', value: { a: 'b' } },
    ]);
    expect(json.json.metadata.labels).toEqual({ a: 'b' });
    const merge = await client.patch(path, 'merge', { metadata: { labels: { a: null, c: 'd' } } });
    expect(merge.json.metadata.labels).toEqual({ c: 'd' });
    const ports = [
      { port: 80, name: 'a' },
      { port: 81, name: 'b' },
    ];
    const strategic = await client.patch(path, 'strategic', { spec: { ports } });
    expect(strategic.json.spec.ports.map((p: { port: number }) => p.port).sort()).toEqual([80, 81]);
  });

  it('refuses patches of a type that it does not know', async () => {
    await client.post(MAPS, map('types'));
    const { status } = await client.call('PATCH', `${MAPS}/types`, { body: '{}' });
    expect(status).toBe(415);
  });

  it('keeps every one of many concurrent patches', async () => {
    await client.post(MAPS, map('race', {}));
    const names = Array.from({ length: 40 }, (_, i) => `k${i}`);
    const answers = await Promise.all(
      names.map((name) => client.patch(`${MAPS}/race`, 'merge', { data: { [name]: 'v' } })),
    );
    expect(answers.map((a) => a.status)).toEqual(names.map(() => 200));
    const { data } = (await client.get(`${MAPS}/race`)).json;
    expect(Object.keys(data).sort()).toEqual([...names].sort());
  });

  it('conflicts when the patch names an old resourceVersion', async () => {
    const created = (await client.post(MAPS, map('patch-rv'))).json;
    await client.patch(`${MAPS}/patch-rv`, 'merge', { data: { x: 'y' } });
    const { resourceVersion } = created.metadata;
    const late = await client.patch(`${MAPS}/patch-rv`, 'merge', {
      metadata: { resourceVersion },
      data: { z: 'z' },
    });
    expect(late.status).toBe(409);
  });
});

describe('events', () => {
  it('are one set of objects under both groups', async () => {
    const old = await client.post('/api/v1/namespaces/default/events', {
      metadata: { name: 'e1' },
      involvedObject: { kind: 'Pod', name: 'p', namespace: 'default' },
      reason: 'Because',
      message: 'text',
      type: 'Normal',
    });
    expect(old.status).toBe(201);
    const group = '/apis/events.k8s.io/v1/namespaces/default/events';
    const seen = (await client.get(`${group}/e1`)).json;
    expect(seen).toMatchObject({ apiVersion: 'events.k8s.io/v1', note: 'text', regarding: { name: 'p' } });
    const list = (await client.get(`${group}?fieldSelector=regarding.name=p`)).json;
    expect(list).toMatchObject({ kind: 'EventList', apiVersion: 'events.k8s.io/v1' });
    expect(list.items).toHaveLength(1);
  });
});
