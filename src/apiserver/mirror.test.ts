import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { core, KindInfo, KubeObject } from '#api';
import { Mirror } from './mirror.js';
import { builtInKind, FakeObjectStore } from './testing/fake-object-store.js';

/** A store whose lists arrive late: what happens between the snapshot and the answer comes by the watch first. */
class SlowListStore extends FakeObjectStore {
  release: () => void = () => {};
  override async list<T extends KubeObject>(kind: KindInfo, namespace?: string): Promise<T[]> {
    const snapshot = await super.list<T>(kind, namespace);
    await new Promise<void>((resolve) => {
      this.release = resolve;
    });
    return snapshot;
  }
}

const kind = builtInKind('core.v1.ConfigMap');
const write = fc.record({ action: fc.constantFrom('put', 'delete'), name: fc.nat(3), value: fc.nat(9) });
type Write = { action: string; name: number; value: number };

async function apply(store: FakeObjectStore, { action, name, value }: Write): Promise<void> {
  const key = `m${name}`;
  if (action === 'delete') return store.delete(kind, 'ns', key);
  const data = { value: String(value) };
  if ((await store.get(kind, 'ns', key)) === undefined) {
    await store.create<core.ConfigMap>(kind, { metadata: { name: key, namespace: 'ns' }, data });
  } else await store.update<core.ConfigMap>(kind, 'ns', key, (object) => ({ ...object, data }));
}

describe('Mirror', () => {
  it('holds just what the store holds, whatever happens before, during and after the first list', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(write), fc.array(write), fc.array(write), async (before, during, after) => {
        const store = new SlowListStore();
        const seen = new Map<string, string>();
        const mirror = new Mirror<core.ConfigMap, string>({
          store,
          kind,
          project: (object) => object.data?.['value'],
          onChange: (key, value, old) => {
            expect(old).toBe(seen.get(key));
            if (value === undefined) seen.delete(key);
            else seen.set(key, value);
          },
        });
        for (const one of before) await apply(store, one);
        const started = mirror.start();
        await Promise.resolve();
        await Promise.resolve();
        for (const one of during) await apply(store, one);
        store.release();
        await started;
        for (const one of after) await apply(store, one);
        const stored = new Map<string, string>();
        for (let name = 0; name < 4; name++) {
          const object = await store.get<core.ConfigMap>(kind, 'ns', `m${name}`);
          if (object !== undefined) stored.set(`ns/m${name}`, object.data!['value']!);
        }
        expect(new Map(mirror.entries())).toEqual(stored);
        expect(seen).toEqual(stored);
        await mirror.stop();
      }),
    );
  });

  it('forgets nothing and learns nothing after it was stopped', async () => {
    const store = new FakeObjectStore();
    await apply(store, { action: 'put', name: 0, value: 1 });
    const mirror = new Mirror<core.ConfigMap, string>({
      store,
      kind,
      project: (object) => object.data?.['value'],
    });
    await mirror.start();
    await mirror.stop();
    await apply(store, { action: 'put', name: 1, value: 2 });
    expect([mirror.get('ns/m0'), mirror.get('ns/m1')]).toEqual(['1', undefined]);
  });
});
