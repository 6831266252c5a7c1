import { describe, expect, it, vi } from 'vitest';
import { FakeClock, silentLogger } from '#base';
import { createMemoryStore } from '#storage';
import { Compactor } from './compactor.js';

const value = Buffer.from('{}');

async function storeWithWrites(count: number) {
  const store = createMemoryStore();
  await store.start();
  for (let i = 0; i < count; i++) await store.txn([], [{ op: 'put', key: '/a', value }]);
  return store;
}

describe('Compactor', () => {
  it('forgets at each tick what was superseded before the tick before', async () => {
    const store = await storeWithWrites(3);
    const clock = new FakeClock();
    const compact = vi.spyOn(store, 'compact');
    const compactor = new Compactor(store, clock, silentLogger, 1000);
    await compactor.start();
    const first = await store.revision();
    clock.advance(1000);
    await vi.waitFor(() => expect(clock.pending).toBe(1));
    expect(compact).not.toHaveBeenCalled();
    await store.txn([], [{ op: 'put', key: '/a', value }]);
    clock.advance(1000);
    await vi.waitFor(() => expect(compact).toHaveBeenCalledWith(first));
    await compactor.stop();
    await store.stop();
  });

  it('goes on after a failure and leaves no timer behind', async () => {
    const store = await storeWithWrites(1);
    const clock = new FakeClock();
    const revision = vi.spyOn(store, 'revision').mockRejectedValueOnce(new Error('away'));
    const compactor = new Compactor(store, clock, silentLogger, 1000);
    await compactor.start();
    clock.advance(1000);
    await vi.waitFor(() => expect(clock.pending).toBe(1));
    clock.advance(1000);
    await vi.waitFor(() => expect(revision).toHaveBeenCalledTimes(2));
    await compactor.stop();
    expect(clock.pending).toBe(0);
    await store.stop();
  });
});
