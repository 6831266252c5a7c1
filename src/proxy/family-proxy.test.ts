import { describe, expect, it } from 'vitest';
import { createMetrics, FakeClock, silentLogger } from '#base';
import type { Proxier, ServiceChange, SyncReport } from './contract.js';
import { FamilyProxy, type SyncedEvent } from './family-proxy.js';
import { createProxyMetrics } from './metrics.js';
import type { DesiredService } from './state/desired.js';
import { TestCluster } from './testing/cluster.js';
import { testSettings } from './testing/flows.js';
import { makeService, makeSlice, NODE_NAME } from './testing/objects.js';

/** Records what it is asked for; each call waits until the test lets it go on. */
class ManualProxier implements Proxier {
  readonly mode = 'nftables';
  readonly family = 'IPv4';
  readonly calls: { kind: 'resync' | 'apply'; keys: string[]; finish: (error?: Error) => void }[] = [];
  #arrived: (() => void) | undefined;

  async preflight(): Promise<void> {}
  /** Resolves with the nth call (0-based) once it was made. */
  async call(n: number) {
    while (this.calls.length <= n) await new Promise<void>((resolve) => (this.#arrived = resolve));
    return this.calls[n]!;
  }
  resync(services: Iterable<DesiredService>): Promise<SyncReport> {
    return this.#record(
      'resync',
      [...services].map(({ key }) => key),
    );
  }
  apply(changes: Iterable<ServiceChange>): Promise<SyncReport> {
    return this.#record(
      'apply',
      [...changes].map(({ key }) => key),
    );
  }
  #record(kind: 'resync' | 'apply', keys: string[]): Promise<SyncReport> {
    return new Promise((resolve, reject) => {
      const finish = (error?: Error) =>
        error === undefined ? resolve({ full: kind === 'resync', operations: 1 }) : reject(error);
      this.calls.push({ kind, keys, finish });
      this.#arrived?.();
    });
  }
}

function fixture(options: { minSyncPeriodMs?: number } = {}) {
  const cluster = new TestCluster().add(makeService('a', '172.30.0.1'), makeSlice('a', [{ ip: '10.0.0.1' }]));
  const proxier = new ManualProxier();
  const clock = new FakeClock();
  const events: SyncedEvent[] = [];
  const log: string[] = [];
  let wake: (() => void) | undefined;
  const proxy = new FamilyProxy({
    family: 'IPv4',
    view: cluster,
    proxier,
    settings: () => testSettings(),
    desiredOptions: () => ({
      family: 'IPv4',
      topology: { nodeName: NODE_NAME, zone: undefined },
      algorithm: 'random',
    }),
    minSyncPeriodMs: options.minSyncPeriodMs ?? 0,
    syncPeriodMs: 30_000,
    clock,
    logger: silentLogger,
    metrics: createProxyMetrics(createMetrics()),
    onQueued: () => log.push('queued'),
    onSynced: (event) => {
      log.push('synced');
      events.push(event);
      wake?.();
    },
  });
  const synced = async (count: number) => {
    while (events.length < count) await new Promise<void>((resolve) => (wake = resolve));
  };
  return { cluster, proxier, clock, proxy, events, log, synced };
}

const turns = async (count = 5) => {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
};

describe('FamilyProxy', () => {
  it('writes nothing before the start-up gate opens, then everything', async () => {
    const { proxy, proxier } = fixture();
    proxy.mark('ns/a', 'service', undefined);
    await turns();
    expect(proxier.calls).toEqual([]);
    proxy.begin();
    expect(await proxier.call(0)).toMatchObject({ kind: 'resync', keys: ['ns/a'] });
  });

  it('merges changes that arrive during a commit into one next commit', async () => {
    const { proxy, proxier, cluster, synced } = fixture();
    proxy.begin();
    const first = await proxier.call(0);
    cluster.add(makeService('b', '172.30.0.2'), makeService('c', '172.30.0.3'));
    proxy.mark('ns/b', 'service', undefined);
    proxy.mark('ns/c', 'service', undefined);
    proxy.mark('ns/b', 'endpoints', undefined);
    await turns();
    expect(proxier.calls).toHaveLength(1);
    first.finish();
    const second = await proxier.call(1);
    expect(second).toMatchObject({ kind: 'apply', keys: ['ns/b', 'ns/c'] });
    second.finish();
    await synced(2);
    await turns();
    expect(proxier.calls).toHaveLength(2);
  });

  it('syncs everything after a failure, with growing delays, until it works', async () => {
    const { proxy, proxier, clock, synced } = fixture();
    proxy.begin();
    (await proxier.call(0)).finish();
    await synced(1);
    proxy.mark('ns/a', 'endpoints', undefined);
    (await proxier.call(1)).finish(new Error('nft says no'));
    await turns();
    expect(proxier.calls).toHaveLength(2);
    clock.advance(200);
    const retry = await proxier.call(2);
    expect(retry.kind).toBe('resync');
    retry.finish(new Error('still no'));
    await turns();
    clock.advance(50);
    await turns();
    expect(proxier.calls).toHaveLength(3);
    clock.advance(30_000);
    (await proxier.call(3)).finish();
    await synced(2);
  });

  it('waits minSyncPeriod from the end of a sync to the next', async () => {
    const { proxy, proxier, clock, synced } = fixture({ minSyncPeriodMs: 1000 });
    proxy.begin();
    (await proxier.call(0)).finish();
    await synced(1);
    proxy.mark('ns/a', 'endpoints', undefined);
    clock.advance(999);
    await turns();
    expect(proxier.calls).toHaveLength(1);
    clock.advance(1);
    expect((await proxier.call(1)).kind).toBe('apply');
  });

  it('reports how long a change took from its event to the kernel', async () => {
    const { proxy, proxier, clock, events, synced } = fixture();
    proxy.begin();
    (await proxier.call(0)).finish();
    await synced(1);
    proxy.mark('ns/a', 'endpoints', clock.now());
    clock.advance(7);
    const call = await proxier.call(1);
    clock.advance(5);
    call.finish();
    await synced(2);
    expect(events[1]).toMatchObject({ full: false, services: ['ns/a'], durationMs: 12 });
  });

  it('says after a sync that changes from meanwhile still wait', async () => {
    const { proxy, proxier, log, synced } = fixture();
    proxy.begin();
    const call = await proxier.call(0);
    proxy.mark('ns/a', 'endpoints', undefined);
    call.finish();
    await synced(1);
    (await proxier.call(1)).finish();
    await synced(2);
    expect(log).toEqual(['queued', 'queued', 'synced', 'queued', 'synced']);
  });

  it('starts no further sync after stop', async () => {
    const { proxy, proxier } = fixture();
    proxy.begin();
    const call = await proxier.call(0);
    proxy.mark('ns/a', 'service', undefined);
    const stopped = proxy.stop();
    call.finish();
    await stopped;
    await turns();
    expect(proxier.calls).toHaveLength(1);
  });
});
