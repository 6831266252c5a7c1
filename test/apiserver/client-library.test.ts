import {
  type ApiException,
  CoreV1Api,
  DiscoveryV1Api,
  KubeConfig,
  KubernetesObjectApi,
  ListWatch,
  PatchStrategy,
  setHeaderOptions,
  type V1ConfigMap,
  type V1Status,
  Watch,
} from '@kubernetes/client-node';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startServer, type TestServer } from './start-server.js';

type Verb = 'add' | 'update' | 'delete';

let server: TestServer;
let config: KubeConfig;
let core: CoreV1Api;
let namespace = '';
let serial = 0;

beforeAll(async () => {
  server = await startServer();
  config = new KubeConfig();
  config.loadFromFile(server.kubeconfig);
  core = config.makeApiClient(CoreV1Api);
});
afterAll(() => server?.close());
beforeEach(async () => {
  namespace = `library-${++serial}`;
  await core.createNamespace({ body: { metadata: { name: namespace } } });
});

const create = (name: string, data: Record<string, string> = {}) =>
  core.createNamespacedConfigMap({ namespace, body: { metadata: { name }, data } });
const read = (name: string) => core.readNamespacedConfigMap({ namespace, name });
const remove = (name: string) => core.deleteNamespacedConfigMap({ namespace, name });

/** The Status that a call is refused with. */
async function refusal(call: Promise<unknown>): Promise<V1Status> {
  try {
    await call;
  } catch (error) {
    const { body } = error as ApiException<string | V1Status>;
    return typeof body === 'string' ? (JSON.parse(body) as V1Status) : body;
  }
  throw new Error('the call was not refused');
}

/** An informer over the namespace's ConfigMaps, whose watches the server ends after `seconds`. */
function informer(seconds: number): {
  informer: ListWatch<V1ConfigMap>;
  until(verb: Verb, name: string): Promise<void>;
} {
  const watch = new Watch(config);
  const plain = watch.watch.bind(watch);
  watch.watch = (path, query, callback, done) =>
    plain(path, { ...query, timeoutSeconds: seconds }, callback, done);
  const made = new ListWatch<V1ConfigMap>(
    `/api/v1/namespaces/${namespace}/configmaps`,
    watch,
    () => core.listNamespacedConfigMap({ namespace }),
    false,
  );
  const seen = new Set<string>();
  const waiting = new Map<string, () => void>();
  for (const verb of ['add', 'update', 'delete'] as const) {
    made.on(verb, (object: V1ConfigMap) => {
      const event = `${verb}/${object.metadata?.name}`;
      seen.add(event);
      waiting.get(event)?.();
    });
  }
  const until = (verb: Verb, name: string) =>
    new Promise<void>((resolve) => {
      if (seen.has(`${verb}/${name}`)) resolve();
      else waiting.set(`${verb}/${name}`, resolve);
    });
  return { informer: made, until };
}

describe('the JavaScript client library: informers', () => {
  it('hold what is listed and follow every change', async () => {
    await create('before');
    const { informer: maps, until } = informer(60);
    await maps.start();
    try {
      await until('add', 'before');
      await create('after');
      await until('add', 'after');
      await core.patchNamespacedConfigMap(
        { namespace, name: 'after', body: { data: { a: 'b' } } },
        setHeaderOptions('Content-Type', PatchStrategy.MergePatch),
      );
      await until('update', 'after');
      await remove('before');
      await until('delete', 'before');
      expect(maps.list().map((map) => [map.metadata?.name, map.data])).toEqual([['after', { a: 'b' }]]);
    } finally {
      await maps.stop();
    }
  });

  it('go on where they were when the server ends their watch', async () => {
    const { informer: maps, until } = informer(1);
    let connects = 0;
    const reconnected = new Promise<void>((resolve) => {
      maps.on('connect', () => {
        connects++;
        if (connects === 3) resolve();
      });
    });
    await maps.start();
    try {
      await create('early');
      await until('add', 'early');
      await reconnected;
      await create('late');
      await until('add', 'late');
      expect(maps.list().map((map) => map.metadata?.name)).toEqual(['early', 'late']);
    } finally {
      await maps.stop();
    }
  });

  it('list again when their version has been compacted away', async () => {
    const { informer: maps, until } = informer(60);
    await create('gone');
    await maps.start();
    await until('add', 'gone');
    const version = maps.latestResourceVersion();
    await maps.stop();
    await remove('gone');
    await create('new');
    // Another server on the same store, whose cache begins after what the informer saw last.
    await server.store.compact(await server.store.revision());
    const second = await startServer({}, { store: server.store, keepStore: true });
    try {
      config.loadFromFile(second.kubeconfig);
      core = config.makeApiClient(CoreV1Api);
      await maps.start();
      await until('delete', 'gone');
      await until('add', 'new');
      expect(maps.list().map((map) => map.metadata?.name)).toEqual(['new']);
      expect(Number(maps.latestResourceVersion())).toBeGreaterThan(Number(version));
    } finally {
      await maps.stop();
      await second.close();
      config.loadFromFile(server.kubeconfig);
      core = config.makeApiClient(CoreV1Api);
    }
  });

  it('can be fed by a watch-list instead of a list', async () => {
    await create('one');
    await create('two');
    const events: string[] = [];
    const query = {
      allowWatchBookmarks: true,
      sendInitialEvents: true,
      resourceVersionMatch: 'NotOlderThan',
      timeoutSeconds: 60,
    };
    await new Promise<void>((resolve, reject) => {
      const watching = new Watch(config).watch(
        `/api/v1/namespaces/${namespace}/configmaps`,
        query,
        (type: string, object: V1ConfigMap) => {
          events.push(`${type} ${object.metadata?.name ?? ''}`.trim());
          if (object.metadata?.annotations?.['k8s.io/initial-events-end'] !== 'true') return;
          void watching.then((abort) => abort.abort());
          resolve();
        },
        (error) => (error === null || error.name === 'AbortError' ? resolve() : reject(error)),
      );
    });
    expect(events).toEqual(['ADDED one', 'ADDED two', 'BOOKMARK']);
  });
});

describe('the JavaScript client library: writes', () => {
  it('learn of conflicts, and lose nothing when they retry', async () => {
    const old = await create('counter', { n: '0' });
    await core.replaceNamespacedConfigMap({ namespace, name: 'counter', body: { ...old, data: { n: '1' } } });
    const status = await refusal(
      core.replaceNamespacedConfigMap({ namespace, name: 'counter', body: { ...old, data: { n: '9' } } }),
    );
    expect(status).toMatchObject({ code: 409, reason: 'Conflict', details: { name: 'counter' } });
    const increment = async (): Promise<void> => {
      const now = await read('counter');
      const body = { ...now, data: { n: String(Number(now.data?.['n']) + 1) } };
      try {
        await core.replaceNamespacedConfigMap({ namespace, name: 'counter', body });
      } catch (error) {
        if ((error as ApiException<unknown>).code !== 409) throw error;
        await increment();
      }
    };
    await Promise.all(Array.from({ length: 8 }, increment));
    expect((await read('counter')).data).toEqual({ n: '9' });
  });

  it('patch in all four ways', async () => {
    const name = 'patched';
    await create(name, { a: '1', b: '2' });
    const patch = (strategy: PatchStrategy, body: unknown) =>
      core.patchNamespacedConfigMap(
        { namespace, name, body, fieldManager: 'library' },
        setHeaderOptions('Content-Type', strategy),
      );
    await patch(PatchStrategy.JsonPatch, [{ op: 'replace', path: '/data/a', value: '3' }]);
    await patch(PatchStrategy.MergePatch, { data: { b: null } });
    await patch(PatchStrategy.StrategicMergePatch, { metadata: { finalizers: ['example.com/x'] } });
    const applied = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { c: '4' } };
    const after = await patch(PatchStrategy.ServerSideApply, applied);
    expect(after.data).toEqual({ a: '3', c: '4' });
    expect(after.metadata?.finalizers).toEqual(['example.com/x']);
    const managers = after.metadata?.managedFields?.map((entry) => `${entry.manager} ${entry.operation}`);
    expect(managers).toContain('library Apply');
  });

  it('manage objects of any kind by discovery', async () => {
    const objects = KubernetesObjectApi.makeApiClient(config);
    const metadata = { name: 'any', namespace };
    const spec = { ports: [{ port: 80 }], selector: { app: 'any' } };
    const service = { apiVersion: 'v1', kind: 'Service', metadata, spec };
    await objects.create(service);
    const applied = await objects.patch(
      { ...service, spec: { ...spec, sessionAffinity: 'ClientIP' } },
      undefined,
      undefined,
      'library',
      true,
      PatchStrategy.ServerSideApply,
    );
    expect(applied).toMatchObject({ spec: { sessionAffinity: 'ClientIP', type: 'ClusterIP' } });
    expect((await objects.list('v1', 'Service', namespace)).items).toHaveLength(1);
    await objects.delete(service);
    expect(await refusal(objects.read(service))).toMatchObject({ code: 404, reason: 'NotFound' });
  });

  it('read typed answers: dates, sub-objects, Status', async () => {
    const slices = config.makeApiClient(DiscoveryV1Api);
    const made = await slices.createNamespacedEndpointSlice({
      namespace,
      body: { metadata: { name: 's' }, addressType: 'IPv4', endpoints: [{ addresses: ['192.0.2.1'] }] },
    });
    expect(made.metadata?.creationTimestamp).toBeInstanceOf(Date);
    const deleted = await slices.deleteNamespacedEndpointSlice({ namespace, name: 's' });
    expect(deleted).toMatchObject({ status: 'Success', details: { uid: made.metadata?.uid } });
    const invalid = await refusal(
      core.createNamespacedService({ namespace, body: { metadata: { name: 'Bad' }, spec: {} } }),
    );
    expect(invalid).toMatchObject({ code: 422, reason: 'Invalid', details: { kind: 'Service' } });
    expect(invalid.details?.causes?.map((cause) => cause.field)).toEqual(['metadata.name', 'spec.ports']);
  });
});

describe('the JavaScript client library: lists', () => {
  const page = (limit: number, token?: string) =>
    core.listNamespacedConfigMap({ namespace, limit, ...(token === undefined ? {} : { _continue: token }) });

  it('come in pages of one state while it changes', async () => {
    for (const name of ['a', 'b', 'c', 'd', 'e']) await create(name);
    const names: (string | undefined)[] = [];
    let list = await page(2);
    const version = list.metadata?.resourceVersion;
    expect(list.metadata?.remainingItemCount).toBe(3);
    for (;;) {
      names.push(...list.items.map((map) => map.metadata?.name));
      expect(list.metadata?.resourceVersion).toBe(version);
      const token = list.metadata?._continue;
      if (token === undefined || token === '') break;
      await create(`a-${names.length}`);
      await core.deleteNamespacedConfigMap({ namespace, name: names.at(-1) ?? '' });
      list = await page(2, token);
    }
    expect(names).toEqual(['a', 'b', 'c', 'd', 'e']);
  });

  it('can be finished inconsistently when their token has expired', async () => {
    for (const name of ['a', 'b', 'c']) await create(name);
    const first = await page(1);
    await remove('b');
    await server.store.compact(await server.store.revision());
    const expired = await refusal(page(1, first.metadata?._continue));
    expect(expired).toMatchObject({ code: 410, reason: 'Expired' });
    const token = (expired.metadata as { continue?: string }).continue;
    expect((await page(1, token)).items.map((map) => map.metadata?.name)).toEqual(['c']);
  });
});
