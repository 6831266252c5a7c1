import { expect, it } from 'vitest';
import { Pace } from './pace.js';

/** What some watchers do that always have something to write: how many wrote in each turn of the event loop. */
async function writesPerTurn(pace: Pace, watchers: number): Promise<number[]> {
  const turns: number[] = [];
  let written = 0;
  let done = false;
  const count = (): void => {
    turns.push(written);
    written = 0;
    if (!done) setImmediate(count);
  };
  setImmediate(count);
  await Promise.all(
    Array.from({ length: watchers }, async () => {
      for (let round = 0; round < 2; round++) {
        await pace.turn();
        written++;
        await pace.rest();
      }
    }),
  );
  done = true;
  await new Promise((resolve) => setImmediate(resolve));
  return turns;
}

it('lets a thousand watchers write some at a time, with the event loop free in between', async () => {
  const turns = await writesPerTurn(new Pace(), 1_000);
  expect(turns.reduce((sum, written) => sum + written, 0)).toBe(2_000);
  expect(Math.max(...turns)).toBeLessThanOrEqual(128);
  expect(turns.filter((written) => written > 0).length).toBeGreaterThanOrEqual(16);
});

it('lets a watcher write at once after a quiet moment', () => {
  expect(new Pace().turn()).toBeUndefined();
});

it('wakes all watchers that rest in the same round', async () => {
  const pace = new Pace();
  expect(pace.rest()).toBe(pace.rest());
  await pace.rest();
});
