import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createMemoryStore } from '#storage';
import { TestClient } from './api-client.js';
import { startServer, type TestServer } from './start-server.js';

const MAPS = '/api/v1/namespaces/default/configmaps';
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

const post = async (name: string, labels: Record<string, string> = {}) =>
  (await client.post(MAPS, { metadata: { name, labels } })).json;
const listVersion = async (): Promise<string> => (await client.get(MAPS)).json.metadata.resourceVersion;

describe('WATCH', () => {
  it('delivers changes after a list in order, and the deletion with its own resourceVersion', async () => {
    const watch = await client.watch(`${MAPS}?watch=true&resourceVersion=${await listVersion()}`);
    expect(watch.response.headers['content-type']).toBe('application/json');
    const created = await post('w1');
    const changed = (await client.patch(`${MAPS}/w1`, 'merge', { data: { a: 'b' } })).json;
    await client.delete(`${MAPS}/w1`);
    const events = await watch.take(3);
    expect(events.map((e) => e.type)).toEqual(['ADDED', 'MODIFIED', 'DELETED']);
    expect(events[0]!.object).toEqual(created);
    expect(events[1]!.object).toEqual(changed);
    expect(events[2]!.object.data).toEqual({ a: 'b' });
    const last = Number(events[2]!.object.metadata.resourceVersion);
    expect(last).toBeGreaterThan(Number(changed.metadata.resourceVersion));
    watch.close();
  });

  it('starts with the present state when no resourceVersion is given', async () => {
    await post('w2', { only: 'w2' });
    const watch = await client.watch(`${MAPS}?watch=true&labelSelector=only=w2`);
    const [event] = await watch.take(1);
    expect(event).toMatchObject({ type: 'ADDED', object: { metadata: { name: 'w2' } } });
    watch.close();
  });

  it('turns entering and leaving a selection into ADDED and DELETED', async () => {
    await post('w3');
    const query = `watch=true&resourceVersion=${await listVersion()}&labelSelector=in=yes`;
    const watch = await client.watch(`${MAPS}?${query}`);
    await client.patch(`${MAPS}/w3`, 'merge', { metadata: { labels: { in: 'yes' } } });
    await client.patch(`${MAPS}/w3`, 'merge', { data: { x: 'y' } });
    await client.patch(`${MAPS}/w3`, 'merge', { metadata: { labels: { in: 'no' } } });
    expect((await watch.take(3)).map((e) => e.type)).toEqual(['ADDED', 'MODIFIED', 'DELETED']);
    watch.close();
  });

  it('serves watch-lists: the state, a bookmark that ends it, then changes', async () => {
    await post('w4', { list: 'w4' });
    const query =
      'watch=true&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&labelSelector=list=w4';
    const watch = await client.watch(`${MAPS}?${query}`);
    const [added, bookmark] = await watch.take(2);
    expect(added).toMatchObject({ type: 'ADDED', object: { metadata: { name: 'w4' } } });
    expect(bookmark).toMatchObject({
      type: 'BOOKMARK',
      object: {
        kind: 'ConfigMap',
        apiVersion: 'v1',
        metadata: { annotations: { 'k8s.io/initial-events-end': 'true' } },
      },
    });
    expect(Number(bookmark!.object.metadata.resourceVersion)).toBeGreaterThan(0);
    await client.delete(`${MAPS}/w4`);
    expect((await watch.take(1))[0]!.type).toBe('DELETED');
    watch.close();
  });

  it('refuses initial events without resourceVersionMatch', async () => {
    const { status, json } = await client.get(`${MAPS}?watch=true&sendInitialEvents=true`);
    expect(status).toBe(422);
    expect(json.message).toContain('sendInitialEvents requires setting resourceVersionMatch to NotOlderThan');
  });

  it('answers a version that is too old with 200 and one ERROR event', async () => {
    const store = createMemoryStore();
    await store.start();
    const value = Buffer.from(
      '{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"a","namespace":"default"}}',
    );
    for (let i = 0; i < 5; i++)
      await store.txn([], [{ op: 'put', key: '/registry/configmaps/default/a', value }]);
    await store.compact(5);
    const old = await startServer({}, { store });
    const oldClient = new TestClient(old, old.admin);
    try {
      const watch = await oldClient.watch(`${MAPS}?watch=true&resourceVersion=1`);
      expect(watch.response.statusCode).toBe(200);
      const events = await watch.rest();
      expect(events).toHaveLength(1);
      expect(events[0]).toMatchObject({
        type: 'ERROR',
        object: { kind: 'Status', code: 410, reason: 'Expired' },
      });
      expect(events[0]!.object.message).toMatch(/^too old resource version: 1 \(\d+\)$/);
    } finally {
      oldClient.close();
      await old.close();
    }
  });

  it.each([
    ['x', 'invalid syntax'],
    ['-1', 'invalid syntax'],
    ['18446744073709551616', 'value out of range'],
  ])('answers 500 without a reason for the version %s, as upstream', async (text, why) => {
    const answer = await client.get(`${MAPS}?watch=true&resourceVersion=${text}`);
    expect(answer.json).toEqual({
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: `resourceVersion: Invalid value: "${text}": strconv.ParseUint: parsing "${text}": ${why}`,
      code: 500,
    });
  });

  it('ends after timeoutSeconds with a bookmark when bookmarks are allowed', async () => {
    const query = `watch=true&timeoutSeconds=3&allowWatchBookmarks=true&resourceVersion=${await listVersion()}`;
    const events = await (await client.watch(`${MAPS}?${query}`)).rest();
    expect(events.map((e) => e.type)).toEqual(['BOOKMARK']);
  });

  it('frames table rows, with columns in the first event only', async () => {
    const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json';
    const watch = await client.watch(`${MAPS}?watch=true&resourceVersion=${await listVersion()}`, { accept });
    await post('w6');
    await client.delete(`${MAPS}/w6`);
    const [first, second] = await watch.take(2);
    expect(first).toMatchObject({
      type: 'ADDED',
      object: { kind: 'Table', rows: [{ cells: ['w6', 0, expect.stringMatching(/^\d+s$/)] }] },
    });
    expect(first!.object.columnDefinitions).toHaveLength(3);
    expect(second!.object.columnDefinitions ?? null).toBeNull();
    watch.close();
  });

  it('cuts events and bookmarks down to metadata on request', async () => {
    const accept = 'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io,application/json';
    await post('w7', { cut: 'yes' });
    const query =
      'watch=true&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&labelSelector=cut=yes';
    const watch = await client.watch(`${MAPS}?${query}`, { accept });
    const events = await watch.take(2);
    expect(events.map((e) => e.object.kind)).toEqual(['PartialObjectMetadata', 'PartialObjectMetadata']);
    expect(events[0]!.object.data).toBeUndefined();
    watch.close();
  });

  it('follows one object through its own field selector', async () => {
    const version = await listVersion();
    const watch = await client.watch(
      `${MAPS}?watch=true&fieldSelector=metadata.name=w8&resourceVersion=${version}`,
    );
    await post('w8-other');
    await post('w8');
    expect((await watch.take(1))[0]!.object.metadata.name).toBe('w8');
    watch.close();
  });
});

describe('an ordered replay of a watch', () => {
  it('equals the list at every point, over reconnects at any revision', async () => {
    const start = await listVersion();
    const state = new Map<string, unknown>();
    for (const item of (await client.get(MAPS)).json.items) state.set(item.metadata.name, item);
    for (let i = 0; i < 60; i++) {
      const name = `r${i % 7}`;
      if (i % 5 === 4) await client.delete(`${MAPS}/${name}`);
      else if ((await client.post(MAPS, { metadata: { name }, data: { i: String(i) } })).status === 409) {
        await client.patch(`${MAPS}/${name}`, 'merge', { data: { i: String(i) } });
      }
    }
    const final = (await client.get(MAPS)).json;
    const end = Number(final.metadata.resourceVersion);
    let version = Number(start);
    let last = version;
    while (version < end) {
      const watch = await client.watch(`${MAPS}?watch=true&resourceVersion=${version}`);
      // Two events per connection, so that every other revision is one to resume from.
      for (let n = 0; n < 2 && version < end; n++) {
        const [event] = await watch.take(1);
        version = Number(event!.object.metadata.resourceVersion);
        expect(version).toBeGreaterThan(last);
        last = version;
        if (event!.type === 'DELETED') state.delete(event!.object.metadata.name);
        else state.set(event!.object.metadata.name, event!.object);
      }
      watch.close();
    }
    // Items of a list come without their type.
    type Named = { kind?: string; apiVersion?: string; metadata: { name: string } };
    const byName = (objects: Iterable<unknown>) =>
      new Map(
        [...objects].map((object) => {
          const { kind: _kind, apiVersion: _apiVersion, ...rest } = object as Named;
          return [rest.metadata.name, rest];
        }),
      );
    expect(byName(state.values())).toEqual(byName(final.items));
  });
});
