import { afterEach, describe, expect, it } from 'vitest';
import { createMetrics, FakeClock, silentLogger } from '#base';
import { loadProxyConfig } from '../config/load.js';
import { createProxyMetrics } from '../metrics.js';
import type { DesiredService } from '../state/desired.js';
import { listen, parseHostPort } from './http.js';
import { ProxyServers } from './servers.js';
import { ServiceHealth } from './service-health.js';
import { SyncHealth } from './sync-health.js';

const TIMEOUT = 60_000;

describe('SyncHealth', () => {
  function fixture() {
    const clock = new FakeClock();
    const health = new SyncHealth(clock, TIMEOUT);
    health.setNodeEligible(true);
    return { clock, health };
  }

  it('is healthy while no sync is overdue', () => {
    const { clock, health } = fixture();
    health.queued('IPv4');
    clock.advance(TIMEOUT);
    expect(health.healthz().code).toBe(200);
    clock.advance(1);
    expect(health.healthz().code).toBe(503);
    expect(health.livez().code).toBe(503);
  });

  it('recovers with the sync, and counts from the oldest change that waits', () => {
    const { clock, health } = fixture();
    health.queued('IPv4');
    clock.advance(TIMEOUT - 1);
    health.queued('IPv4');
    clock.advance(2);
    expect(health.isHealthy).toBe(false);
    health.updated('IPv4');
    expect(health.isHealthy).toBe(true);
  });

  it('is late when any family is', () => {
    const { clock, health } = fixture();
    health.queued('IPv4');
    health.queued('IPv6');
    health.updated('IPv4');
    clock.advance(TIMEOUT + 1);
    expect(health.isHealthy).toBe(false);
  });

  it('tells load balancers, but not the kubelet, when the node goes away', () => {
    const { health } = fixture();
    health.setNodeEligible(false);
    expect(health.healthz().code).toBe(503);
    expect(health.livez().code).toBe(200);
  });
});

describe('ServiceHealth', () => {
  const stops: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const stop of stops.splice(0)) await stop();
  });

  async function freePort(): Promise<number> {
    const probe = await listen(() => {}, '127.0.0.1', 0);
    const { port } = probe;
    await probe.close();
    return port;
  }
  const desired = (port: number, localReady: number): DesiredService => ({
    key: 'ns/lb',
    ports: [],
    localReady,
    healthCheckNodePort: port,
  });

  it('answers 200 with local endpoints, 503 without, and closes with the Service', async () => {
    let healthy = true;
    const health = new ServiceHealth({
      logger: silentLogger,
      addresses: () => ['127.0.0.1'],
      isProxyHealthy: () => healthy,
    });
    stops.push(() => health.stop());
    const port = await freePort();
    const url = `http://127.0.0.1:${port}/`;
    const one = desired(port, 1);
    health.update(undefined, one);
    await health.settled();
    const answer = await fetch(url);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('x-load-balancing-endpoint-weight')).toBe('1');
    expect(await answer.json()).toEqual({
      service: { namespace: 'ns', name: 'lb' },
      localEndpoints: 1,
      serviceProxyHealthy: true,
    });
    healthy = false;
    expect((await fetch(url)).status).toBe(503);
    healthy = true;
    const none = desired(port, 0);
    health.update(one, none);
    expect((await fetch(url)).status).toBe(503);
    health.update(none, undefined);
    await health.settled();
    await expect(fetch(url)).rejects.toThrow();
  });

  it('moves to another port', async () => {
    const health = new ServiceHealth({
      logger: silentLogger,
      addresses: () => ['127.0.0.1'],
      isProxyHealthy: () => true,
    });
    stops.push(() => health.stop());
    const [from, to] = [await freePort(), await freePort()];
    health.update(undefined, desired(from, 1));
    health.update(desired(from, 1), desired(to, 1));
    await health.settled();
    expect((await fetch(`http://127.0.0.1:${to}/`)).status).toBe(200);
    await expect(fetch(`http://127.0.0.1:${from}/`)).rejects.toThrow();
  });
});

describe('ProxyServers', () => {
  /** Both servers on free ports; `work` gets their addresses. */
  async function serving(
    fields: Record<string, unknown>,
    work: (health: string, metrics: string, clock: FakeClock) => Promise<void>,
  ): Promise<void> {
    const clock = new FakeClock();
    const [health, metrics] = [new SyncHealth(clock, TIMEOUT), createMetrics()];
    health.setNodeEligible(true);
    const probes = await Promise.all([listen(() => {}, '127.0.0.1', 0), listen(() => {}, '127.0.0.1', 0)]);
    const [first, second] = probes.map(({ port }) => `127.0.0.1:${port}`);
    for (const probe of probes) await probe.close();
    const bind = { healthzBindAddress: first, metricsBindAddress: second };
    const { config } = loadProxyConfig('', { ...bind, ...fields });
    const servers = new ProxyServers({
      config,
      health,
      metrics,
      instruments: createProxyMetrics(metrics),
      logger: silentLogger,
      clock,
      listeners: () => [],
      flags: { v: '2', config: '/etc/c' },
    });
    await servers.start();
    try {
      await work(`http://${first}`, `http://${second}`, clock);
    } finally {
      await servers.stop();
    }
  }
  const textOf = async (url: string) => (await fetch(url)).text();

  it('serves upstream’s paths', () =>
    serving({}, async (health, metrics) => {
      expect((await fetch(`${health}/healthz`)).status).toBe(200);
      expect((await fetch(`${health}/livez`)).status).toBe(200);
      expect((await fetch(`${health}/nothing`)).status).toBe(404);
      expect(await textOf(`${metrics}/proxyMode`)).toBe('nftables');
      expect(await textOf(`${metrics}/metrics`)).toContain('kubeproxy_proxy_healthz_total{code="200"} 1');
      expect(await (await fetch(`${metrics}/configz`)).json()).toHaveProperty(
        ['kubeproxy.config.k8s.io', 'conntrack', 'tcpCloseWaitTimeout'],
        '1h0m0s',
      );
      expect((await fetch(`${metrics}/metrics`, { method: 'POST' })).status).toBe(405);
      expect((await fetch(`${metrics}/debug/pprof/`)).status).toBe(404);
    }));

  it('counts health checks under /metrics/slis, until they are reset', () =>
    serving({}, async (_health, metrics) => {
      for (let i = 0; i < 3; i++) await textOf(`${metrics}/healthz`);
      const text = await textOf(`${metrics}/metrics/slis`);
      expect(text).toContain('kubernetes_healthcheck{name="ping",type="healthz"} 1');
      expect(text).toContain('kubernetes_healthchecks_total{name="ping",type="healthz",status="success"} 3');
      await fetch(`${metrics}/metrics/slis`, { method: 'DELETE' });
      expect(await textOf(`${metrics}/metrics/slis`)).not.toContain('ping');
    }));

  it('shows flags, age and paths to people, unless the gates say no', async () => {
    await serving({}, async (_health, metrics, clock) => {
      expect(await textOf(`${metrics}/flagz`)).toMatch(
        /^\nkube-proxy flagz\nWarning: .*\n\nconfig=\/etc\/c\nv=2\n$/,
      );
      clock.advance(3_661_000);
      const status = await textOf(`${metrics}/statusz`);
      expect(status).toMatch(/^\nkube-proxy statusz\nWarning: /);
      expect(status).toContain('Up: 1 hr 01 min 01 sec\n');
      expect(status).toMatch(/\nPaths: \/configz \/flagz \/healthz .*\/proxyMode \/statusz\n$/);
    });
    await serving(
      { featureGates: { ComponentFlagz: false, ComponentStatusz: false } },
      async (_, metrics) => {
        for (const page of ['flagz', 'statusz']) expect((await fetch(`${metrics}/${page}`)).status).toBe(404);
      },
    );
  });

  it('profiles itself when the configuration allows it', () =>
    serving({ enableProfiling: true }, async (_health, metrics) => {
      expect(await textOf(`${metrics}/debug/pprof/`)).toContain('href="profile');
      expect(await textOf(`${metrics}/debug/pprof/cmdline`)).toContain(process.argv[0]!);
      const cpu = await fetch(`${metrics}/debug/pprof/profile?seconds=0.1`);
      expect(await cpu.json()).toHaveProperty('samples');
      const heap = await fetch(`${metrics}/debug/pprof/heap?seconds=0.1`);
      expect(heap.headers.get('content-disposition')).toContain('heap.heapprofile');
      expect(await heap.json()).toHaveProperty('head');
    }));

  it('ends the process with bindAddressHardFail, and goes on without, when an address is taken', () =>
    serving({}, async (health) => {
      const taken = { healthzBindAddress: health.slice(7), metricsBindAddress: '' };
      const second = (fields: Record<string, unknown>) => {
        const metrics = createMetrics();
        const { config } = loadProxyConfig('', { ...taken, ...fields });
        return new ProxyServers({
          config,
          health: new SyncHealth(new FakeClock(), TIMEOUT),
          metrics,
          instruments: createProxyMetrics(metrics),
          logger: silentLogger,
          clock: new FakeClock(),
          listeners: () => [],
        });
      };
      await expect(second({ bindAddressHardFail: true }).start()).rejects.toThrow('EADDRINUSE');
      const lenient = second({});
      await lenient.start();
      await lenient.stop();
    }));

  it.each([
    ['0.0.0.0:10256', '0.0.0.0', 10_256],
    ['[::]:10249', '::', 10_249],
    [':80', '', 80],
  ])('reads %s', (text, host, port) => expect(parseHostPort(text)).toEqual({ host, port }));

  it.each(['10256', 'a:b', '1.2.3.4:70000', '::1:80'])('refuses "%s"', (text) => {
    expect(parseHostPort(text)).toBeUndefined();
  });
});
