import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { KubeObject } from '#api';
import { FakeClock, silentLogger } from '#base';
import { createMemoryStore, type Store } from '#storage';
import {
  type Cacher,
  type CacheWatch,
  createCacher,
  listBody,
  storedBytes,
  type WatchItem,
  type WatchOptions,
} from './cacher.js';

const PREFIX = '/registry/pods/';

let store: Store;
let clock: FakeClock;
let cacher: Cacher;
let abort: AbortController;

function makeCacher(over: Partial<Parameters<typeof createCacher>[0]> = {}): Cacher {
  return createCacher({
    store,
    prefix: PREFIX,
    namespaced: true,
    apiVersion: 'v1',
    kind: 'Pod',
    fields: (o) => ({ 'spec.nodeName': (o as { spec?: { nodeName?: string } }).spec?.nodeName ?? '' }),
    indexField: 'spec.nodeName',
    logger: silentLogger,
    clock,
    ...over,
  });
}

beforeEach(async () => {
  clock = new FakeClock();
  store = createMemoryStore({ clock });
  await store.start();
  cacher = makeCacher();
  await cacher.start();
  abort = new AbortController();
});

afterEach(async () => {
  abort.abort();
  await cacher.stop();
  await store.stop();
});

interface PodSpec {
  labels?: Record<string, string>;
  node?: string;
  note?: string;
}

function pod(namespace: string, name: string, spec: PodSpec = {}) {
  const metadata = { name, namespace, ...(spec.labels === undefined ? {} : { labels: spec.labels }) };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata,
    spec: { nodeName: spec.node ?? '', note: spec.note ?? '' },
  };
}

async function put(namespace: string, name: string, spec: PodSpec = {}): Promise<number> {
  const key = cacher.key(namespace, name);
  const value = storedBytes(pod(namespace, name, spec));
  return (await store.txn([], [{ op: 'put', key, value }])).revision;
}

async function del(namespace: string, name: string): Promise<number> {
  return (await store.txn([], [{ op: 'delete', key: cacher.key(namespace, name) }])).revision;
}

function open(options: Partial<WatchOptions> = {}): Promise<CacheWatch> {
  return cacher.watch({ signal: abort.signal, ...options });
}

/** Reads until `count` items have come. */
async function take(watch: CacheWatch, count: number): Promise<WatchItem[]> {
  const items: WatchItem[] = [];
  const iterator = watch[Symbol.asyncIterator]();
  while (items.length < count) {
    const { value, done } = await iterator.next();
    if (done === true) break;
    items.push(...(value as WatchItem[]));
  }
  return items;
}

const brief = (items: WatchItem[]) => items.map((i) => `${i.type} ${i.object?.name ?? ''} ${i.revision}`);

describe('reading', () => {
  it('serves the stored bytes with the resourceVersion spliced in', async () => {
    const revision = await put('default', 'a', { labels: { app: 'x' } });
    const object = await cacher.get('default', 'a');
    expect(JSON.parse(object!.bytes().toString())).toEqual({
      ...pod('default', 'a', { labels: { app: 'x' } }),
      metadata: { name: 'a', namespace: 'default', labels: { app: 'x' }, resourceVersion: String(revision) },
    });
    expect(object!.bytes().length).toBe(object!.byteLength);
    expect(await cacher.get('default', 'b')).toBeUndefined();
  });

  it('lists what was written before the list began', async () => {
    const revision = await put('default', 'a');
    const listed = await cacher.list({});
    expect(listed.revision).toBe(revision);
    expect(listed.items.map((i) => i.name)).toEqual(['a']);
  });

  it('answers a revision from the future with Timeout after 3 s', async () => {
    const failing = cacher.list({ resourceVersion: 1000 });
    const caught = failing.catch((e: unknown) => e);
    await new Promise((resolve) => setImmediate(resolve));
    clock.advance(3_000);
    expect(await caught).toMatchObject({
      status: { code: 504, reason: 'Timeout', details: { retryAfterSeconds: 1 } },
    });
  });

  it('pages through one revision while objects change', async () => {
    for (const name of ['a', 'b', 'c', 'd', 'e']) await put('default', name);
    const first = await cacher.list({ limit: 2 });
    expect(first.remainingItemCount).toBe(3);
    await del('default', 'c');
    await put('default', 'aa');
    const second = await cacher.list({ limit: 2, continue: first.continue! });
    expect(second.revision).toBe(first.revision);
    expect(second.items.map((i) => i.name)).toEqual(['c', 'd']);
    const third = await cacher.list({ limit: 2, continue: second.continue! });
    expect(third.items.map((i) => i.name)).toEqual(['e']);
    expect(third.continue).toBeUndefined();
  });

  it('pages under a selector without losing or repeating objects and without a remaining count', async () => {
    for (let i = 0; i < 20; i++)
      await put('default', `p${10 + i}`, { labels: { even: String(i % 2 === 0) } });
    const selection = { labels: (l: Readonly<Record<string, string>>) => l.even === 'true' };
    const names: string[] = [];
    let token: string | undefined;
    do {
      const page = await cacher.list({
        selection,
        limit: 3,
        ...(token === undefined ? {} : { continue: token }),
      });
      if (token === undefined) await put('default', 'p11', { labels: { even: 'true' } });
      expect(page.remainingItemCount).toBeUndefined();
      names.push(...page.items.map((i) => i.name));
      token = page.continue;
    } while (token !== undefined);
    expect(names).toEqual(['p10', 'p12', 'p14', 'p16', 'p18', 'p20', 'p22', 'p24', 'p26', 'p28']);
  });

  it('answers an expired continue token with 410 and a token that goes on', async () => {
    for (const name of ['a', 'b', 'c']) await put('default', name);
    const first = await cacher.list({ limit: 1 });
    const later = await put('default', 'd');
    await store.compact(later);
    const error = await cacher.list({ limit: 1, continue: first.continue! }).catch((e: unknown) => e);
    expect(error).toMatchObject({ status: { code: 410, reason: 'Expired' } });
    const again = (error as { status: { metadata: { continue: string } } }).status.metadata.continue;
    const rest = await cacher.list({ continue: again });
    expect(rest.items.map((i) => i.name)).toEqual(['b', 'c', 'd']);
    expect(rest.revision).toBe(later);
  });

  it.each([
    '',
    '!',
    'e30',
    Buffer.from('{"v":"meta.k8s.io/v1","rv":1,"start":"../x"}').toString('base64url'),
  ])('refuses the continue token %j or ignores it when empty', async (token) => {
    const answer = cacher.list({ continue: token });
    if (token === '') expect((await answer).items).toEqual([]);
    else await expect(answer).rejects.toMatchObject({ status: { code: 400 } });
  });

  it('reads an exact revision from the store', async () => {
    const before = await put('default', 'a');
    await put('default', 'b');
    const listed = await cacher.list({ resourceVersion: before, match: 'Exact' });
    expect(listed.items.map((i) => i.name)).toEqual(['a']);
  });

  it('writes a list body that parses to the listed objects, in one piece and in chunks', async () => {
    for (let i = 0; i < 40; i++)
      await put('default', `p${i}`, { note: 'ü'.repeat(i % 2 === 0 ? 10 : 20_000) });
    const listed = await cacher.list({});
    const body = listBody(listed, { apiVersion: 'v1', listKind: 'PodList' });
    const chunks: Buffer[] = [];
    for await (const chunk of body as AsyncIterable<Buffer>) chunks.push(chunk);
    expect(chunks.length).toBeGreaterThan(2);
    const parsed = JSON.parse(Buffer.concat(chunks).toString());
    expect(parsed.kind).toBe('PodList');
    // Items leave their type to the list.
    const untyped = ({ kind: _kind, apiVersion: _apiVersion, ...rest }: KubeObject) => rest;
    expect(parsed.items).toEqual(listed.items.map((i) => untyped(i.object())));
    const empty = listBody({ revision: 7, items: [] }, { apiVersion: 'v1', listKind: 'PodList' });
    expect(JSON.parse((empty as Buffer).toString())).toEqual({
      kind: 'PodList',
      apiVersion: 'v1',
      metadata: { resourceVersion: '7' },
      items: [],
    });
  });
});

describe('watching', () => {
  it('sends state as ADDED when no version is asked, then changes', async () => {
    const a = await put('default', 'a');
    const watch = await open();
    const b = await put('default', 'b');
    const gone = await del('default', 'a');
    expect(brief(await take(watch, 3))).toEqual([`ADDED a ${a}`, `ADDED b ${b}`, `DELETED a ${gone}`]);
  });

  it('ends initial events with an annotated bookmark when asked to', async () => {
    await put('default', 'a');
    const watch = await open({ sendInitialEvents: true, allowBookmarks: true });
    const [added, mark] = await take(watch, 2);
    expect(added!.type).toBe('ADDED');
    expect(JSON.parse(mark!.line().toString())).toEqual({
      type: 'BOOKMARK',
      object: {
        kind: 'Pod',
        apiVersion: 'v1',
        metadata: { resourceVersion: '2', annotations: { 'k8s.io/initial-events-end': 'true' } },
      },
    });
  });

  it('turns selector transitions into ADDED and DELETED with the last state at the new revision', async () => {
    const start = await put('default', 'a', { labels: { app: 'x' }, note: 'old' });
    const selection = { labels: (l: Readonly<Record<string, string>>) => l.app === 'x' };
    const watch = await open({ resourceVersion: start, selection });
    const left = await put('default', 'a', { labels: { app: 'y' } });
    await put('default', 'a', { labels: { app: 'z' } });
    const back = await put('default', 'a', { labels: { app: 'x' } });
    const items = await take(watch, 2);
    expect(brief(items)).toEqual([`DELETED a ${left}`, `ADDED a ${back}`]);
    const deleted = JSON.parse(items[0]!.line().toString());
    expect(deleted.object.spec.note).toBe('old');
    expect(deleted.object.metadata.resourceVersion).toBe(String(left));
  });

  it('shares one line between watchers', async () => {
    const one = await open({ resourceVersion: 1 });
    const two = await open({ resourceVersion: 1, selection: { namespace: 'default' } });
    await put('default', 'a');
    const [first] = await take(one, 1);
    const [second] = await take(two, 1);
    expect(first!.line()).toBe(second!.line());
    expect(first!.line().toString().endsWith('}\n')).toBe(true);
  });

  it('follows an object from node to node by index', async () => {
    const onA = {
      fields: (f: Readonly<Record<string, string>>) => f['spec.nodeName'] === 'A',
      indexValue: 'A',
    };
    const watch = await open({ resourceVersion: 1, selection: onA });
    await put('default', 'a', { node: '' });
    const bound = await put('default', 'a', { node: 'A' });
    const moved = await put('default', 'a', { node: 'B' });
    expect(brief(await take(watch, 2))).toEqual([`ADDED a ${bound}`, `DELETED a ${moved}`]);
  });

  it('keeps to its namespace and name', async () => {
    const byName = await open({ resourceVersion: 1, selection: { namespace: 'x', name: 'a' } });
    const anywhere = await open({ resourceVersion: 1, selection: { name: 'a' } });
    await put('x', 'b');
    await put('y', 'a');
    const wanted = await put('x', 'a');
    expect(brief(await take(byName, 1))).toEqual([`ADDED a ${wanted}`]);
    expect((await take(anywhere, 2)).map((i) => i.object!.namespace)).toEqual(['y', 'x']);
  });

  it('waits silently when the asked version is ahead', async () => {
    const watch = await open({ resourceVersion: 3 });
    await put('default', 'a');
    await put('default', 'b');
    const c = await put('default', 'c');
    expect(brief(await take(watch, 1))).toEqual([`ADDED c ${c}`]);
  });

  it('rejects a compacted version with Expired and upstream text', async () => {
    for (let i = 0; i < 5; i++) await put('default', `p${i}`);
    await cacher.stop();
    await store.compact(5);
    cacher = makeCacher();
    await cacher.start();
    await expect(open({ resourceVersion: 2 })).rejects.toMatchObject({
      status: { code: 410, reason: 'Expired', message: 'too old resource version: 2 (6)' },
    });
  });

  it('resumes from before its own start out of the history of the store', async () => {
    const a = await put('default', 'a');
    const b = await put('default', 'b');
    const gone = await del('default', 'a');
    await cacher.stop();
    cacher = makeCacher();
    await cacher.start();
    const watch = await open({ resourceVersion: a });
    expect(brief(await take(watch, 2))).toEqual([`ADDED b ${b}`, `DELETED a ${gone}`]);
  });

  it('sends bookmarks at the interval, also when only other resources changed', async () => {
    const watch = await open({ resourceVersion: 1, allowBookmarks: true });
    const plain = await open({ resourceVersion: 1 });
    const reading = take(watch, 1);
    const silent = take(plain, 1);
    await new Promise((resolve) => setImmediate(resolve));
    const { revision } = await store.txn(
      [],
      [{ op: 'put', key: '/registry/other/x', value: Buffer.from('{}') }],
    );
    clock.advance(60_000);
    expect(brief(await reading)).toEqual([`BOOKMARK  ${revision}`]);
    abort.abort();
    expect(await silent).toEqual([]);
  });

  it('ends at the timeout with a bookmark before', async () => {
    const watch = await open({ resourceVersion: 1, allowBookmarks: true, timeoutMs: 10_000 });
    const reading = take(watch, 2);
    await new Promise((resolve) => setImmediate(resolve));
    clock.advance(8_000);
    await new Promise((resolve) => setImmediate(resolve));
    clock.advance(2_000);
    expect((await reading).map((i) => i.type)).toEqual(['BOOKMARK']);
    expect(watch.endReason).toBe('timeout');
  });

  it('lets a slow watcher catch up from history, and cuts it off when that has moved on', async () => {
    await cacher.stop();
    cacher = makeCacher({ maxWatcherLag: 10, maxHistoryEvents: 100 });
    await cacher.start();
    const lagging = await open({ resourceVersion: 1 });
    const lost = await open({ resourceVersion: 1 });
    const first = (await put('default', 'p0')) as number;
    expect(await take(lagging, 1)).toHaveLength(1);
    expect(await take(lost, 1)).toHaveLength(1);
    for (let i = 1; i <= 80; i++) await put('default', `p${i}`);
    expect((await take(lagging, 80)).map((i) => i.revision)).toEqual(
      Array.from({ length: 80 }, (_, i) => first + 1 + i),
    );
    for (let i = 0; i < 80; i++) await put('default', `q${i}`);
    await cacher.waitFor(await store.revision());
    expect(await take(lost, 1)).toEqual([]);
    expect(lost.endReason).toBe('slow');
  });

  it('ends watches when the cacher stops', async () => {
    const watch = await open({ resourceVersion: 1 });
    const reading = take(watch, 1);
    await cacher.stop();
    expect(await reading).toEqual([]);
    expect(watch.endReason).toBe('stopped');
  });
});

type Op = { ns: number; name: number; app: number; kind: 'put' | 'del' };
const op: fc.Arbitrary<Op> = fc.record({
  ns: fc.nat(1),
  name: fc.nat(5),
  app: fc.nat(2),
  kind: fc.constantFrom('put', 'put', 'del'),
});

describe('replay', () => {
  it('of a watch over reconnects at any revision equals the list at every revision', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(op, { minLength: 1, maxLength: 60 }),
        fc.nat(2),
        fc.infiniteStream(fc.nat(9)),
        (ops, app, cuts) => replay(ops, app, cuts[Symbol.iterator]()),
      ),
      { numRuns: 60 },
    );
  });
});

async function replay(ops: Op[], app: number, cuts: Iterator<number>): Promise<void> {
  const selection = {
    namespace: 'n0',
    labels: (l: Readonly<Record<string, string>>) => l.app === String(app),
  };
  let seen = await store.revision();
  const state = new Map<string, string>();
  for (const item of (await cacher.list({ selection })).items) state.set(item.name, item.bytes().toString());
  let controller = new AbortController();
  let watch = await cacher.watch({ selection, resourceVersion: seen, signal: controller.signal });
  for (const { ns, name, app: value, kind } of ops) {
    if (kind === 'put') await put(`n${ns}`, `p${name}`, { labels: { app: String(value) } });
    else await del(`n${ns}`, `p${name}`);
    const cut = cuts.next().value as number;
    if (cut > 5) continue;
    const expected = await cacher.list({ selection });
    // The only way to know that all has come is that the state is right: collect what is there.
    for (const item of await drain(watch, controller)) {
      expect(item.revision).toBeGreaterThan(seen);
      seen = item.revision;
      if (item.type === 'DELETED') expect(state.delete(item.object!.name)).toBe(true);
      else {
        expect(state.has(item.object!.name)).toBe(item.type === 'MODIFIED');
        state.set(item.object!.name, JSON.stringify(JSON.parse(item.line().toString()).object));
      }
    }
    expect(Object.fromEntries(state)).toEqual(
      Object.fromEntries(expected.items.map((i) => [i.name, i.bytes().toString()])),
    );
    controller = new AbortController();
    watch = await cacher.watch({ selection, resourceVersion: seen, signal: controller.signal });
  }
  controller.abort();
  for (const item of (await cacher.list({})).items) await del(item.namespace, item.name);
}

/** All items of the watch so far, and its end. */
async function drain(watch: CacheWatch, controller: AbortController): Promise<WatchItem[]> {
  const items: WatchItem[] = [];
  const iterator = watch[Symbol.asyncIterator]();
  for (;;) {
    const pending = iterator.next();
    const idle = new Promise<'idle'>((resolve) => setImmediate(() => setImmediate(() => resolve('idle'))));
    const next = await Promise.race([pending, idle]);
    if (next === 'idle') {
      controller.abort();
      const last = await pending;
      if (last.done !== true) items.push(...last.value);
      return items;
    }
    if (next.done === true) return items;
    items.push(...next.value);
  }
}
