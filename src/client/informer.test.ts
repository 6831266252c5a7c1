import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type core, Errors, type KubeList } from '#api';
import { silentLogger } from '#base';
import type { Client, InformerFactory, WatchEvent, WatchOptions } from './client.js';
import { createInformerFactory } from './informer.js';
import { reflect } from './reflector.js';
import { Resources } from './resources.js';
import { FakeClient } from './testing/fake-client.js';

const pod = (name: string, labels: Record<string, string> = {}): core.Pod => ({
  metadata: { name, namespace: 'default', labels },
});

describe('an informer', () => {
  let client: FakeClient;
  let factory: InformerFactory;
  beforeEach(() => {
    client = new FakeClient();
    factory = createInformerFactory(client, { logger: silentLogger });
  });
  afterEach(() => factory.stop());

  it('delivers what exists, then every change in order, with the old object', async () => {
    client.seed(Resources.pods, pod('a'), pod('b'));
    const events: string[] = [];
    const informer = factory.informer(Resources.pods);
    informer.on({
      add: (o) => events.push(`add ${o.metadata.name}`),
      update: (o, old) =>
        events.push(
          `update ${o.metadata.name} ${Number(o.metadata.resourceVersion) > Number(old.metadata.resourceVersion)}`,
        ),
      delete: (o) => events.push(`delete ${o.metadata.name}`),
    });
    factory.start();
    await factory.synced();
    client.seed(Resources.pods, { ...pod('a'), spec: { containers: [] } });
    client.remove(Resources.pods, 'b', 'default');
    await expect.poll(() => events).toEqual(['add a', 'add b', 'update a true', 'delete b']);
    expect(informer.list().map((p) => p.metadata.name)).toEqual(['a']);
    expect(informer.resourceVersion).toBe(client.revision);
  });

  it('replays the cache to handlers that come later, and stops calling removed ones', async () => {
    client.seed(Resources.pods, pod('a'));
    const informer = factory.informer(Resources.pods);
    factory.start();
    await informer.synced();
    const seen: string[] = [];
    const remove = informer.on({ add: (o) => seen.push(o.metadata.name!) });
    expect(seen).toEqual(['a']);
    remove();
    client.seed(Resources.pods, pod('b'));
    await expect.poll(() => informer.get('default/b')).toBeDefined();
    expect(seen).toEqual(['a']);
  });

  it('keeps its indexes true through changes', async () => {
    const informer = factory.informer(Resources.pods);
    informer.addIndex('app', (p) =>
      p.metadata.labels?.['app'] === undefined ? [] : [p.metadata.labels['app']],
    );
    client.seed(Resources.pods, pod('a', { app: 'x' }), pod('b', { app: 'x' }));
    factory.start();
    await informer.synced();
    client.seed(Resources.pods, pod('a', { app: 'y' }));
    await expect.poll(() => informer.byIndex('app', 'y').length).toBe(1);
    expect(informer.byIndex('app', 'x').map((p) => p.metadata.name)).toEqual(['b']);
    expect(informer.inNamespace('default')).toHaveLength(2);
    expect(() => informer.addIndex('late', () => [])).toThrow(/before/);
  });

  it('shares one watch between equal requests and goes on when a handler throws', async () => {
    const informer = factory.informer(Resources.pods);
    expect(factory.informer(Resources.pods)).toBe(informer);
    expect(factory.informer(Resources.pods, { labelSelector: 'a=b' })).not.toBe(informer);
    const seen: string[] = [];
    informer.on({
      add() {
        throw new Error('bad handler');
      },
    });
    informer.on({ add: (o) => seen.push(o.metadata.name!) });
    factory.start();
    await informer.synced();
    client.seed(Resources.pods, pod('a'));
    await expect.poll(() => seen).toEqual(['a']);
  });

  it('shrinks objects before they are cached', async () => {
    client.seed(Resources.pods, pod('a', { big: 'label' }));
    const informer = factory.informer(Resources.pods, {
      transform: (p) => ({ ...p, metadata: { ...p.metadata, labels: {} } }),
    });
    factory.start();
    await informer.synced();
    expect(informer.get('default/a')!.metadata.labels).toEqual({});
  });

  it('keeps the objects it has when a new list brings them at the same revision', async () => {
    const bookmark = { resourceVersion: '9', annotations: { 'k8s.io/initial-events-end': 'true' } };
    const listed = (name: string, resourceVersion: string): WatchEvent<core.Pod> => ({
      type: 'ADDED',
      object: { metadata: { name, namespace: 'default', resourceVersion } },
    });
    const scripts = [
      [listed('a', '5'), listed('b', '6')],
      [listed('a', '5'), listed('b', '8')],
    ];
    const resource = Object.assign(Object.create(client.resource(Resources.pods)), {
      async *watch({ signal }: WatchOptions): AsyncGenerator<WatchEvent<core.Pod>> {
        const script = scripts.shift();
        if (script === undefined) return void (await once(signal, 'abort'));
        yield* script;
        yield { type: 'BOOKMARK', object: { metadata: bookmark } };
        throw Errors.expired('too old');
      },
    });
    const scripted = createInformerFactory({ resource: () => resource, close() {} } as unknown as Client, {
      logger: silentLogger,
    });
    const informer = scripted.informer(Resources.pods, { transform: (p) => ({ ...p }) });
    scripted.start();
    await informer.synced();
    const [a, b] = [informer.get('default/a'), informer.get('default/b')];
    await expect.poll(() => informer.get('default/b')).not.toBe(b);
    expect(informer.get('default/a')).toBe(a);
    scripted.stop();
  });

  it('has nothing of an optional resource that the server does not know', async () => {
    const resource = Object.assign(Object.create(client.resource(Resources.pods)), {
      // biome-ignore lint/correctness/useYield: the request itself is refused
      async *watch(): AsyncGenerator<WatchEvent<core.Pod>> {
        throw Errors.notFound({ group: '', resource: 'pods' }, '');
      },
    });
    const scripted = createInformerFactory({ resource: () => resource, close() {} } as unknown as Client, {
      logger: silentLogger,
    });
    const informer = scripted.informer(Resources.pods, { optional: true });
    scripted.start();
    await informer.synced();
    expect([informer.hasSynced, informer.list()]).toEqual([true, []]);
    scripted.stop();
  });

  it('rejects the wait for a sync when the signal aborts', async () => {
    const informer = factory.informer(Resources.pods);
    await expect(informer.synced(AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough');
  });
});

describe('a reflector', () => {
  const bookmark = (resourceVersion: string): WatchEvent<core.Pod> => ({
    type: 'BOOKMARK',
    object: { metadata: { resourceVersion, annotations: { 'k8s.io/initial-events-end': 'true' } } },
  });
  const added = (name: string, resourceVersion: string): WatchEvent<core.Pod> => ({
    type: 'ADDED',
    object: { metadata: { name, namespace: 'default', resourceVersion } },
  });

  /** Plays one script per request and records what was asked. */
  async function play(
    scripts: ((options: WatchOptions) => AsyncGenerator<WatchEvent<core.Pod>>)[],
    list?: () => KubeList<core.Pod>,
  ) {
    const abort = new AbortController();
    const asked: { rv: string | undefined; initial: boolean }[] = [];
    const log: string[] = [];
    let lists = 0;
    const client = new FakeClient().resource(Resources.pods);
    const fake = Object.assign(Object.create(client), {
      watch(options: WatchOptions) {
        asked.push({ rv: options.resourceVersion, initial: options.sendInitialEvents === true });
        const script = scripts.shift();
        if (script !== undefined) return script(options);
        abort.abort();
        return (async function* () {})();
      },
      async list() {
        lists++;
        return list!();
      },
    });
    const sink = {
      replace: async (objects: core.Pod[], rv: string) => {
        log.push(`replace ${objects.map((o) => o.metadata.name)} ${rv}`);
      },
      apply: (event: WatchEvent<core.Pod>) =>
        log.push(`${event.type} ${event.object.metadata.name ?? ''}`.trim()),
      current: () => undefined,
      contact() {},
    };
    await reflect(fake, {}, sink, { logger: silentLogger, name: 'pods', signal: abort.signal });
    return { asked, log, lists };
  }

  it('starts with a watch-list and resumes at the last revision', async () => {
    const { asked, log } = await play([
      async function* () {
        yield added('a', '5');
        yield bookmark('7');
        yield added('b', '9');
      },
      async function* () {
        yield added('c', '11');
      },
    ]);
    expect(log).toEqual(['replace a 7', 'BOOKMARK', 'ADDED b', 'ADDED c']);
    expect(asked).toEqual([
      { rv: undefined, initial: true },
      { rv: '9', initial: false },
      { rv: '11', initial: false },
    ]);
  });

  it('falls back to list and watch when the server does not know watch-lists', async () => {
    const { asked, log, lists } = await play(
      [
        // biome-ignore lint/correctness/useYield: the request itself is refused
        async function* () {
          throw Errors.invalid({ group: '', kind: 'ListOptions' }, '', []);
        },
        async function* () {
          yield added('b', '21');
        },
      ],
      () => ({
        metadata: { resourceVersion: '20' },
        items: [{ metadata: { name: 'a', namespace: 'default' } }],
      }),
    );
    expect(lists).toBe(1);
    expect(log).toEqual(['replace a 20', 'ADDED b']);
    expect(asked[1]).toEqual({ rv: '20', initial: false });
  });

  it('starts over when its revision is gone', async () => {
    const { asked, log } = await play([
      async function* () {
        yield bookmark('7');
      },
      // biome-ignore lint/correctness/useYield: the request itself is refused
      async function* () {
        throw Errors.expired('too old resource version: 7 (100)');
      },
      async function* () {
        yield added('z', '101');
        yield bookmark('102');
      },
    ]);
    expect(log).toEqual(['replace  7', 'BOOKMARK', 'replace z 102', 'BOOKMARK']);
    expect(asked.map((a) => a.initial)).toEqual([true, false, true, false]);
  });

  it('does not take a cut-off watch-list for a complete one', async () => {
    const { log } = await play([
      async function* () {
        yield added('a', '5');
      },
      async function* () {
        yield added('a', '5');
        yield added('b', '6');
        yield bookmark('7');
      },
    ]);
    expect(log).toEqual(['replace a,b 7', 'BOOKMARK']);
  });
});
