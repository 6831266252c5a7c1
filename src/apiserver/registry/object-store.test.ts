import { describe, expect, it, vi } from 'vitest';
import { Errors, KindRegistry, type KubeObject } from '#api';
import { FakeClock, silentLogger } from '#base';
import { createMemoryStore } from '#storage';
import { AdmissionChain } from '../admission/index.js';
import type { CachedObject, Cacher, CacheWatch, WatchItem, WatchOptions } from '../cacher/cacher.js';
import { FieldManagement } from './field-management.js';
import { RegistryObjectStore } from './object-store.js';
import type { Resource } from './resource.js';
import { ObjectStorage } from './storage.js';

const kind = new KindRegistry().byResource('', 'v1', 'configmaps')!;

function cached(name: string): CachedObject {
  const object: KubeObject = { metadata: { namespace: 'ns', name } };
  return { key: `/ns/${name}`, namespace: 'ns', name, object: () => object } as unknown as CachedObject;
}

function put(name: string, revision: number): WatchItem {
  return { type: 'ADDED', revision, object: cached(name) } as unknown as WatchItem;
}

/** A cache whose watches deliver what they are told and then end, or hang when nothing is left. */
function fakeCacher(watches: (WatchItem[] | Error)[]): { cacher: Cacher; asked: WatchOptions[] } {
  const asked: WatchOptions[] = [];
  const cacher = {
    revision: 5,
    list: async () => ({ revision: 5, items: [cached('a'), cached('b')] }),
    watch: async (options: WatchOptions): Promise<CacheWatch> => {
      asked.push(options);
      const told = watches.shift();
      if (told instanceof Error) throw told;
      const next: WatchItem[] | undefined = told;
      const hang = new Promise<void>((resolve) => options.signal.addEventListener('abort', () => resolve()));
      async function* items(): AsyncGenerator<WatchItem[]> {
        if (next === undefined) await hang;
        else yield next;
      }
      return Object.assign(items(), { endReason: undefined }) as unknown as CacheWatch;
    },
  };
  return { cacher: cacher as unknown as Cacher, asked };
}

describe('RegistryObjectStore.watch', () => {
  it('resumes where a watch ended, and after a gap reports what has vanished', async () => {
    const end: WatchItem = { type: 'BOOKMARK', revision: 9, initialEventsEnd: true } as unknown as WatchItem;
    const { cacher, asked } = fakeCacher([
      [put('c', 6)],
      Errors.expired('too old'),
      [put('b', 4), put('d', 8), end],
    ]);
    const resource = { kind, stored: kind, cacher, strategy: {} } as unknown as Resource;
    const clock = new FakeClock();
    const storage = new ObjectStorage(createMemoryStore());
    const env = { storage, admission: new AdmissionChain(), fields: new FieldManagement(clock), clock };
    const store = new RegistryObjectStore(env, async () => resource, silentLogger);
    const seen: string[] = [];
    const abort = new AbortController();
    store.watch(kind, ({ type, object }) => seen.push(`${type} ${object.metadata.name}`), abort.signal);
    await vi.waitFor(() => expect(asked).toHaveLength(4));
    abort.abort();
    expect(seen).toEqual(['put c', 'put b', 'put d', 'delete a', 'delete c']);
    expect(asked.map((o) => [o.resourceVersion, o.sendInitialEvents])).toEqual([
      [5, undefined],
      [6, undefined],
      [undefined, true],
      [9, undefined],
    ]);
  });
});
