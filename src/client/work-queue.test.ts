import { describe, expect, it } from 'vitest';
import { createMetrics, FakeClock } from '#base';
import { createWorkQueue } from './work-queue.js';

/** Lets already resolved promises run. */
const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('a work queue', () => {
  it('hands out each key once however often it was added', async () => {
    const queue = createWorkQueue({ name: 'q' });
    for (const key of ['a', 'b', 'a', 'a']) queue.add(key);
    expect(queue.length).toBe(2);
    const seen: string[] = [];
    await new Promise<void>((resolve) => {
      queue.run(1, async (key) => {
        seen.push(key);
        if (queue.length === 0) resolve();
      });
    });
    expect(seen).toEqual(['a', 'b']);
    await queue.shutDown();
  });

  it('never runs one key twice at a time, and runs it again when it was added meanwhile', async () => {
    const queue = createWorkQueue({ name: 'q' });
    let running = 0;
    let most = 0;
    let times = 0;
    let release = () => {};
    queue.run(4, async () => {
      most = Math.max(most, ++running);
      times++;
      await new Promise<void>((resolve) => {
        release = resolve;
      });
      running--;
    });
    queue.add('a');
    await settle();
    queue.add('a');
    queue.add('a');
    await settle();
    expect(times).toBe(1);
    release();
    await settle();
    expect(times).toBe(2);
    release();
    await settle();
    expect({ most, times }).toEqual({ most: 1, times: 2 });
    await queue.shutDown();
  });

  it('backs off per item from 5 ms, doubling, and starts over after a success', async () => {
    const clock = new FakeClock();
    const delays: number[] = [];
    let last = clock.now();
    let fail = true;
    const queue = createWorkQueue({ name: 'q', clock });
    queue.run(1, async () => {
      delays.push(clock.now() - last);
      last = clock.now();
      if (fail) throw new Error('no');
    });
    queue.add('a');
    await settle();
    for (const ms of [5, 10, 20, 40]) {
      clock.advance(ms);
      await settle();
    }
    expect(delays).toEqual([0, 5, 10, 20, 40]);
    expect(queue.failures('a')).toBe(5);
    fail = false;
    clock.advance(80);
    await settle();
    expect(queue.failures('a')).toBe(0);
    await queue.shutDown();
  });

  it('keeps the earlier of two delayed adds and drops both at shutdown', async () => {
    const clock = new FakeClock();
    const queue = createWorkQueue({ name: 'q', clock });
    queue.addAfter('a', 100);
    queue.addAfter('a', 50);
    queue.addAfter('a', 500);
    expect(clock.pending).toBe(1);
    clock.advance(50);
    expect(queue.length).toBe(1);
    queue.addAfter('b', 50);
    await queue.shutDown();
    expect(clock.pending).toBe(0);
    queue.add('c');
    expect(queue.length).toBe(0);
  });

  it('reports upstream’s metrics', async () => {
    const metrics = createMetrics();
    const queue = createWorkQueue({ name: 'endpoints', metrics });
    queue.add('a');
    const { body } = await metrics.scrape();
    expect(body).toContain('workqueue_adds_total{name="endpoints"} 1');
    expect(body).toContain('workqueue_depth{name="endpoints"} 1');
    await queue.shutDown();
  });

  it('waits at shutdown for the handler that is running', async () => {
    const queue = createWorkQueue({ name: 'q' });
    let release = () => {};
    let done = false;
    queue.run(1, async () => {
      await new Promise<void>((resolve) => {
        release = resolve;
      });
      done = true;
    });
    queue.add('a');
    await settle();
    const stopped = queue.shutDown();
    release();
    await stopped;
    expect(done).toBe(true);
  });

  it('leaves turns to the event loop while a key is added again and again', async () => {
    const queue = createWorkQueue({ name: 'q' });
    let rounds = 0;
    queue.run(2, async () => {
      rounds++;
      queue.add('a');
    });
    queue.add('a');
    await new Promise<void>((resolve) => setTimeout(resolve, 1));
    expect(rounds).toBeGreaterThan(1);
    await queue.shutDown();
  });
});
