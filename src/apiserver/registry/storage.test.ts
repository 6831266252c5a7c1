import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { KindRegistry, type KubeObject } from '#api';
import { createMemoryStore, type Store } from '#storage';
import type { CachedObject, Cacher } from '../cacher/cacher.js';
import type { Allocation, Claim } from '../contracts.js';
import type { Resource } from './resource.js';
import { ObjectStorage } from './storage.js';

const kinds = new KindRegistry();
const kind = kinds.byResource('', 'v1', 'configmaps')!;
const addressKind = kinds.byKind('networking.k8s.io', 'v1', 'IPAddress')!;
const addressKey = (ip: string) => `/registry/ipaddresses/${ip}`;

let store: Store;
let storage: ObjectStorage;
/** What the cache of the resource shows, which may be behind. */
let shown: CachedObject | undefined;
let resource: Resource;

beforeEach(async () => {
  store = createMemoryStore();
  await store.start();
  storage = new ObjectStorage(store);
  shown = undefined;
  const cacher = {
    key: (namespace: string, name: string) => `/registry/configmaps/${namespace}/${name}`,
    peek: () => shown,
    wrap: (key: string, stored: Buffer, modRevision: number) =>
      ({ key, stored, modRevision, object: () => JSON.parse(stored.toString()) }) as unknown as CachedObject,
  };
  resource = {
    kind,
    group: { group: '', resource: 'configmaps' },
    cacher: cacher as unknown as Cacher,
    strategy: {},
  } as Resource;
});
afterEach(() => store.stop());

const map = (data: string): KubeObject =>
  ({ metadata: { namespace: 'ns', name: 'a' }, data: { data } }) as unknown as KubeObject;
const dataOf = (cached: CachedObject) => (cached.object() as unknown as { data: { data: string } }).data.data;

describe('ObjectStorage.change', () => {
  it('believes a refusal, or that nothing is to do, only on the present state, and asks again only when that is another', async () => {
    shown = await storage.create(resource, map('1'));
    const asked: string[] = [];
    const keep = (cached: CachedObject) => {
      asked.push(dataOf(cached));
      return { action: 'keep' as const };
    };
    const refuse = (cached: CachedObject) => {
      asked.push(dataOf(cached));
      throw new Error(`refused ${dataOf(cached)}`);
    };
    expect(await storage.change(resource, 'ns', 'a', keep)).toMatchObject({ action: 'keep' });
    await expect(storage.change(resource, 'ns', 'a', refuse)).rejects.toThrow('refused 1');
    expect(asked).toEqual(['1', '1']);
    const other = new ObjectStorage(store);
    await other.change(resource, 'ns', 'a', () => ({ action: 'put', object: map('2') }));
    expect(dataOf((await storage.change(resource, 'ns', 'a', keep)).object)).toBe('2');
    await expect(storage.change(resource, 'ns', 'a', refuse)).rejects.toThrow('refused 2');
    expect(asked).toEqual(['1', '1', '1', '2', '1', '2']);
  });
});

const occupy = (ip: string) => store.txn([], [{ op: 'put', key: addressKey(ip), value: Buffer.from('{}') }]);

/** Claims addresses one after the other, and notes what becomes of it. */
function allocation(ips: string[]): Allocation & { log: string[] } {
  const log: string[] = [];
  const claims = (): Claim[] => [{ kind: addressKind, object: { metadata: { name: ips[0]! } } }];
  return {
    log,
    claims,
    lost: () => {
      log.push(`lost ${ips.shift()}`);
      if (ips.length === 0) throw new Error('range is full');
    },
    commit: () => void log.push('commit'),
    rollback: () => void log.push('rollback'),
  };
}

describe('claims', () => {
  it('are stored at the revision of the object that they belong to', async () => {
    const mine = allocation(['10.0.0.1']);
    const { modRevision } = await storage.create(resource, map('1'), { allocation: mine });
    expect((await store.get(addressKey('10.0.0.1'))).kv?.modRevision).toBe(modRevision);
    expect(mine.log).toEqual(['commit']);
  });

  it('that others were faster with are replaced, and nothing is stored in between', async () => {
    await occupy('10.0.0.1');
    const before = await occupy('10.0.0.2');
    const mine = allocation(['10.0.0.1', '10.0.0.2', '10.0.0.3']);
    const { modRevision } = await storage.create(resource, map('1'), { allocation: mine });
    expect(modRevision).toBe(before.revision + 1);
    expect(mine.log).toEqual(['lost 10.0.0.1', 'lost 10.0.0.2', 'commit']);
  });

  it('that cannot be replaced undo the write', async () => {
    await occupy('10.0.0.1');
    const mine = allocation(['10.0.0.1']);
    await expect(storage.create(resource, map('1'), { allocation: mine })).rejects.toThrow('range is full');
    expect(mine.log).toEqual(['lost 10.0.0.1', 'rollback']);
    expect(await storage.exists(resource, 'ns', 'a')).toBe(false);
  });

  it('of a name that exists are not made', async () => {
    await storage.create(resource, map('1'));
    const mine = allocation(['10.0.0.1']);
    await expect(storage.create(resource, map('2'), { allocation: mine })).rejects.toThrow('already exists');
    expect(mine.log).toEqual(['rollback']);
    expect((await store.get(addressKey('10.0.0.1'))).kv).toBeUndefined();
  });
});

describe('what leaves with an object', () => {
  it('goes at the same revision, unless somebody has changed it: then the object goes alone', async () => {
    const allocate = allocation(['10.0.0.1']);
    shown = await storage.create(resource, map('1'), { allocation: allocate });
    const release = (revision: number) => async () => [
      { kind: addressKind, object: { metadata: { name: '10.0.0.1', resourceVersion: String(revision) } } },
    ];
    resource.strategy = { leavesWith: release(shown.modRevision) };
    const gone = await storage.change(resource, 'ns', 'a', () => ({ action: 'delete' }));
    expect(gone.action).toBe('delete');
    expect((await store.get(addressKey('10.0.0.1'))).kv).toBeUndefined();
    shown = await storage.create(resource, map('2'), { allocation: allocation(['10.0.0.1']) });
    resource.strategy = { leavesWith: release(shown.modRevision) };
    await occupy('10.0.0.1');
    expect((await storage.change(resource, 'ns', 'a', () => ({ action: 'delete' }))).action).toBe('delete');
    expect((await store.get(addressKey('10.0.0.1'))).kv).toBeDefined();
    expect(await storage.exists(resource, 'ns', 'a')).toBe(false);
  });
});
