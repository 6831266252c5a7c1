import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { core } from '#api';
import { FakeClock } from '#base';
import { builtInKind, FakeObjectStore, fakeDeps } from '../testing/fake-object-store.js';
import { BoundedCache } from './bounded-cache.js';
import { createServiceAccountTokens } from './index.js';

describe('BoundedCache', () => {
  it('forgets entries after their time and the oldest ones above its limit', () => {
    const clock = new FakeClock();
    const cache = new BoundedCache<number>(2, clock);
    cache.set('a', 1, 1000);
    clock.advance(999);
    expect(cache.get('a')).toBe(1);
    clock.advance(1);
    expect(cache.get('a')).toBeUndefined();
    for (const [key, value] of [
      ['b', 2],
      ['c', 3],
      ['b', 4],
      ['d', 5],
    ] as const)
      cache.set(key, value, 1000);
    expect([cache.get('b'), cache.get('c'), cache.get('d'), cache.size]).toEqual([4, undefined, 5, 2]);
  });
});

describe('verdicts on tokens', () => {
  it('are believed for ten seconds, then asked again; expiry and deletion end them', async () => {
    const store = new FakeObjectStore();
    const deps = fakeDeps(store);
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const signingKey = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const tokens = createServiceAccountTokens({ issuers: ['https://issuer'], signingKey }, deps);
    const kind = builtInKind('core.v1.ServiceAccount');
    const metadata = { name: 'app', namespace: 'default' };
    const account = await store.create<core.ServiceAccount>(kind, { metadata });
    const { token } = tokens.issue({ account, audiences: ['https://issuer'], expirationSeconds: 600 });
    const verdict = async () => (await tokens.verify(token)).kind;
    expect(await verdict()).toBe('accepted');
    await store.delete(kind, 'default', 'app');
    expect(await verdict()).toBe('accepted');
    deps.clock.advance(10_000);
    expect(await verdict()).toBe('refused');
    await store.create<core.ServiceAccount>(kind, { metadata: { ...metadata, uid: account.metadata.uid! } });
    expect(await verdict()).toBe('accepted');
    deps.clock.advance(600_000);
    expect(await verdict()).toBe('refused');
    expect((await tokens.verify('a.b.c')).kind).toBe('foreign');
  });
});
