import { describe, expect, it } from 'vitest';
import { createMetrics } from './metrics.js';

async function lines(metrics: ReturnType<typeof createMetrics>): Promise<string[]> {
  return (await metrics.scrape()).body.trimEnd().split('\n');
}

describe('metrics', () => {
  it('exposes a counter per combination of labels, with values escaped', async () => {
    const metrics = createMetrics();
    const counter = metrics.counter('a_total', 'Counts\nthings \\ more.', ['verb', 'who']);
    counter.inc({ verb: 'GET', who: 'a "b"\\\n' });
    counter.inc({ who: 'x', verb: 'GET' }, 2);
    counter.with({ verb: 'GET', who: 'x' }).inc();
    expect(await lines(metrics)).toEqual([
      '# HELP a_total Counts\\nthings \\\\ more.',
      '# TYPE a_total counter',
      'a_total{verb="GET",who="a \\"b\\"\\\\\\n"} 1',
      'a_total{verb="GET",who="x"} 3',
    ]);
  });

  it('exposes what has no labels before anything happened', async () => {
    const metrics = createMetrics();
    metrics.counter('a_total', 'A.');
    metrics.gauge('b', 'B.', [], (gauge) => gauge.set(Number.POSITIVE_INFINITY));
    expect(await lines(metrics)).toEqual([
      '# HELP a_total A.',
      '# TYPE a_total counter',
      'a_total 0',
      '# HELP b B.',
      '# TYPE b gauge',
      'b +Inf',
    ]);
  });

  it('counts observations into cumulative buckets whose bounds are inclusive', async () => {
    const metrics = createMetrics();
    const histogram = metrics.histogram('t_seconds', 'T.', ['op'], [1, 2]);
    for (const value of [0.5, 1, 1.5, 7]) histogram.observe(value, { op: 'x' });
    histogram.with({ op: 'x' }).observe(2);
    expect((await lines(metrics)).slice(2)).toEqual([
      't_seconds_bucket{op="x",le="1"} 2',
      't_seconds_bucket{op="x",le="2"} 4',
      't_seconds_bucket{op="x",le="+Inf"} 5',
      't_seconds_sum{op="x"} 12',
      't_seconds_count{op="x"} 5',
    ]);
  });

  it('forgets a removed series', async () => {
    const metrics = createMetrics();
    const gauge = metrics.gauge('g', 'G.', ['a']);
    gauge.set(1, { a: 'x' });
    gauge.set(2, { a: 'y' });
    gauge.remove({ a: 'x' });
    expect((await lines(metrics)).slice(2)).toEqual(['g{a="y"} 2']);
  });

  it('gives the same instrument for the same name', async () => {
    const metrics = createMetrics();
    metrics.counter('a_total', 'A.').inc();
    metrics.counter('a_total', 'A.').inc();
    expect((await lines(metrics)).at(-1)).toBe('a_total 2');
  });

  it('refuses labels that an instrument does not have, and counters that go down', () => {
    const metrics = createMetrics();
    const counter = metrics.counter('a_total', 'A.', ['verb']);
    expect(() => counter.inc({ other: 'x' })).toThrow(RangeError);
    expect(() => counter.inc({ verb: 'x' }, -1)).toThrow(RangeError);
  });
});
