import { describe, expect, it } from 'vitest';
import { FakeClock } from '#base';
import { limitRate } from './rate-limit.js';
import type { Transport } from './transport.js';

function counting() {
  const paths: string[] = [];
  const transport: Transport = {
    async request({ path }) {
      paths.push(path);
      return { status: 200, headers: {}, body: (async function* () {})() };
    },
    close() {},
  };
  return { paths, transport };
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

describe('limitRate', () => {
  it('lets a burst through at once, then one request per interval, in order', async () => {
    const { paths, transport } = counting();
    const clock = new FakeClock();
    const limited = limitRate(transport, { qps: 5, burst: 3 }, clock);
    for (let i = 0; i < 6; i++) void limited.request({ method: 'GET', path: String(i), headers: {} });
    await settle();
    expect(paths).toEqual(['0', '1', '2']);
    clock.advance(200);
    await settle();
    expect(paths).toEqual(['0', '1', '2', '3']);
    clock.advance(400);
    await settle();
    expect(paths).toEqual(['0', '1', '2', '3', '4', '5']);
    clock.advance(10_000);
    for (let i = 6; i < 10; i++) void limited.request({ method: 'GET', path: String(i), headers: {} });
    await settle();
    expect(paths).toHaveLength(9);
  });

  it('forgets a request whose caller gave up while it waited', async () => {
    const { paths, transport } = counting();
    const clock = new FakeClock();
    const limited = limitRate(transport, { qps: 1, burst: 1 }, clock);
    await limited.request({ method: 'GET', path: 'a', headers: {} });
    const abort = new AbortController();
    const waiting = limited.request({ method: 'GET', path: 'b', headers: {}, signal: abort.signal });
    abort.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    clock.advance(5000);
    await settle();
    expect(paths).toEqual(['a']);
    expect(clock.pending).toBe(0);
  });

  it('is absent with a negative rate', () => {
    const { transport } = counting();
    expect(limitRate(transport, { qps: -1, burst: 0 })).toBe(transport);
  });
});
