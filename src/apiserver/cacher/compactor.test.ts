import { expect, it } from 'vitest';
import { FakeClock, silentLogger } from '#base';
import { createMemoryStore } from '#storage';
import { createCompactor } from './compactor.js';

const settled = () => new Promise((resolve) => setImmediate(resolve));

it('forgets what is older than one interval, once per round among several servers', async () => {
  const clock = new FakeClock();
  const store = createMemoryStore({ clock });
  await store.start();
  const put = async () => (await store.txn([], [{ op: 'put', key: '/a', value: Buffer.from('x') }])).revision;
  const servers = [1, 2].map(() =>
    createCompactor({ store, clock, logger: silentLogger, intervalMs: 1_000 }),
  );
  const first = await put();
  for (const server of servers) await server.start();
  const second = await put();
  clock.advance(1_000);
  await settled();
  expect((await store.get('/a', { revision: first })).kv?.modRevision).toBe(first);
  await expect(store.get('/a', { revision: first - 1 })).rejects.toMatchObject({ code: 'Compacted' });
  const written = await store.revision();
  expect(written).toBe(second + 1);
  clock.advance(1_000);
  await settled();
  await expect(store.get('/a', { revision: second })).rejects.toMatchObject({ code: 'Compacted' });
  expect(await store.revision()).toBe(written + 1);
  for (const server of servers) await server.stop();
  expect(clock.pending).toBe(0);
  await store.stop();
});

it('goes on after a round that failed', async () => {
  const clock = new FakeClock();
  const store = createMemoryStore({ clock });
  await store.start();
  const server = createCompactor({ store, clock, logger: silentLogger, intervalMs: 1_000 });
  await server.start();
  const { compact } = store;
  store.compact = () => Promise.reject(new Error('not now'));
  const { revision } = await store.txn([], [{ op: 'put', key: '/a', value: Buffer.from('x') }]);
  clock.advance(1_000);
  await settled();
  store.compact = compact;
  clock.advance(1_000);
  await settled();
  await expect(store.get('/a', { revision })).rejects.toMatchObject({ code: 'Compacted' });
  await server.stop();
  await store.stop();
});
