import { describe, expect, it } from 'vitest';
import { createMetrics, FakeClock, silentLogger } from '#base';
import { type ConnectionCounting, ConnectionMetrics } from './connection-metrics.js';
import type { ConnectionCount, CountDetail, Proxier } from './contract.js';

const count = (ip: string | undefined, connections: number, service = 'ns/web'): ConnectionCount => ({
  service,
  portName: 'http',
  protocol: 'TCP',
  endpoint: ip === undefined ? undefined : { ip, port: 80 },
  connections,
});

function fixture(counting: ConnectionCounting = 'Endpoint') {
  const clock = new FakeClock();
  const metrics = createMetrics();
  const asked: CountDetail[] = [];
  const kernel = { counts: [] as ConnectionCount[], endpoints: 2, services: 1, read: async () => {} };
  const proxier = {
    family: 'IPv4',
    async connectionCounts(detail: CountDetail) {
      asked.push(detail);
      await kernel.read();
      return kernel.counts;
    },
  } as unknown as Proxier;
  new ConnectionMetrics({
    metrics,
    clock,
    logger: silentLogger,
    counting,
    proxiers: () => [proxier],
    endpoints: () => kernel.endpoints,
    services: () => kernel.services,
  });
  /** Series of connections, `kind endpoint` → value. */
  const scrape = async (counts?: ConnectionCount[]) => {
    if (counts !== undefined) kernel.counts = counts;
    clock.advance(5000);
    const { body } = await metrics.scrape();
    const found = [...body.matchAll(/^kubeproxy_(service|endpoint)_connections_total\{(.*)\} (\d+)$/gm)];
    return Object.fromEntries(
      found.map(([, kind, labels, value]) => [
        [kind, /service="([^"]*)"/.exec(labels!)![1], /endpoint="([^"]*)"/.exec(labels!)?.[1] ?? '']
          .join(' ')
          .trim(),
        Number(value),
      ]),
    );
  };
  return { clock, metrics, asked, kernel, scrape };
}

describe('ConnectionMetrics', () => {
  it('adds up what the kernel counts, per endpoint and per Service', async () => {
    const { scrape } = fixture();
    expect(await scrape([count('10.0.0.1', 3), count('fd00::1', 4)])).toEqual({
      'service web': 7,
      'endpoint web 10.0.0.1:80': 3,
      'endpoint web [fd00::1]:80': 4,
    });
  });

  it('goes on when the kernel starts over, and when an endpoint leaves', async () => {
    const { scrape } = fixture();
    await scrape([count('10.0.0.1', 100), count('10.0.0.2', 50)]);
    expect(await scrape([count('10.0.0.1', 2)])).toEqual({
      'service web': 152,
      'endpoint web 10.0.0.1:80': 102,
    });
    expect(await scrape([])).toEqual({});
  });

  it('tells of clients that affinity had no room to remember', async () => {
    const { scrape, metrics } = fixture();
    const unremembered = async () =>
      /affinity_unremembered_connections_total\{.*\} (\d+)/.exec((await metrics.scrape()).body)?.[1];
    await scrape([{ ...count('10.0.0.1', 10), unremembered: 0 }]);
    expect(await unremembered()).toBeUndefined();
    await scrape([{ ...count('10.0.0.1', 20), unremembered: 4 }]);
    await scrape([{ ...count('10.0.0.1', 3), unremembered: 1 }]);
    expect(await unremembered()).toBe('5');
  });

  it('reads at scrapes alone, and not at each when they come close together', async () => {
    const { clock, metrics, asked } = fixture();
    clock.advance(3_600_000);
    expect(asked).toEqual([]);
    await metrics.scrape();
    clock.advance(4999);
    await metrics.scrape();
    expect(asked).toEqual(['endpoint']);
    clock.advance(1);
    await metrics.scrape();
    expect(asked).toHaveLength(2);
  });

  it('counts per Service only when endpoints are too many, and nothing when Services are', async () => {
    const { scrape, kernel, asked } = fixture();
    kernel.endpoints = 10_001;
    expect(await scrape([count(undefined, 9)])).toEqual({ 'service web': 9 });
    expect(asked).toEqual(['service']);
    kernel.services = 10_001;
    await scrape();
    expect(asked).toEqual(['service']);
  });

  it('never reads when it is turned off', async () => {
    const { scrape, asked } = fixture('None');
    expect(await scrape([count('10.0.0.1', 3)])).toEqual({});
    expect(asked).toEqual([]);
  });

  it('does not let a scrape wait for a slow reading, nor read twice at once', async () => {
    const { clock, metrics, asked, kernel } = fixture();
    let finish = () => {};
    kernel.read = () => new Promise((resolve) => (finish = resolve));
    const first = metrics.scrape();
    const second = metrics.scrape();
    await new Promise((resolve) => setImmediate(resolve));
    clock.advance(2000);
    await Promise.all([first, second]);
    expect(asked).toHaveLength(1);
    finish();
  });
});
