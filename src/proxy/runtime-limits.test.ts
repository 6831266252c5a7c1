import { afterEach, describe, expect, it, vi } from 'vitest';
import { createMetrics, FakeClock, silentLogger } from '#base';
import { FakePrograms } from '#host/testing';
import { loadProxyConfig } from './config/load.js';
import { listen } from './healthz/http.js';
import { triggerTime } from './informers.js';
import { createProxier } from './modes.js';
import { DesiredState } from './state/desired-state.js';
import { TestCluster } from './testing/cluster.js';
import { testSettings } from './testing/flows.js';
import { IptablesPrograms } from './testing/iptables-programs.js';
import { IpvsPrograms } from './testing/ipvs-programs.js';
import { NftPrograms } from './testing/nft-programs.js';
import { makeService, makeSlice, NODE_NAME } from './testing/objects.js';

const options = {
  family: 'IPv4' as const,
  topology: { nodeName: NODE_NAME, zone: undefined },
  algorithm: 'random' as const,
};

function manyServices(): TestCluster {
  const cluster = new TestCluster();
  for (let n = 0; n < 1000; n++) {
    const name = `s${n}`;
    cluster.add(
      makeService(name, `172.30.${n >> 8}.${n & 255}`),
      makeSlice(name, [{ ip: `10.1.${n >> 8}.${n & 255}` }]),
    );
  }
  // The test's own view looks through all slices for each Service, which would measure only itself.
  cluster.slices = (key) => [cluster.slicesByName.get(`${key}-1`)!];
  return cluster;
}

/** What a program in Node.js has to mind where one in Go has not. */
describe('the limits of the runtime', () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  it.each([
    ['nftables', () => new NftPrograms()],
    ['iptables', () => new IptablesPrograms()],
    ['ipvs', () => new IpvsPrograms()],
    ['userspace', () => new FakePrograms()],
  ] as const)(
    'let watches and health checks have their turn while everything is computed (%s)',
    async (mode, programs) => {
      const proxier = createProxier(mode, {
        family: 'IPv4',
        programs: programs(),
        logger: silentLogger,
        clock: new FakeClock(),
        config: loadProxyConfig('', { mode }).config,
        metrics: createMetrics(),
        backend: undefined,
        localAddresses: () => [],
      });
      // However fast the machine is.
      let time = 0;
      vi.spyOn(Date, 'now').mockImplementation(() => time++);
      let turns = 0;
      let first: number | undefined;
      let last = 0;
      const turn = () => {
        turns++;
        if (isRunning) setImmediate(turn);
      };
      let isRunning = true;
      function* services() {
        for (const service of new DesiredState('IPv4', manyServices()).recomputeAll(options)) {
          // Only while they are taken: programs and files that are waited for give turns, too.
          first ??= turns;
          last = turns;
          yield service;
        }
      }
      setImmediate(turn);
      await proxier.resync(services(), testSettings()).finally(() => {
        isRunning = false;
      });
      await proxier.stop?.();
      expect(last).toBeGreaterThan(first!);
    },
  );

  it('let a listener for all IPv6 addresses leave IPv4 to another one', async () => {
    const v6 = await listen((_, response) => void response.end('v6'), '::', 0);
    const v4 = await listen((_, response) => void response.end('v4'), '0.0.0.0', v6.port);
    try {
      expect(await (await fetch(`http://127.0.0.1:${v6.port}/`)).text()).toBe('v4');
      expect(await (await fetch(`http://[::1]:${v6.port}/`)).text()).toBe('v6');
    } finally {
      await v4.close();
      await v6.close();
    }
  });

  it.each([
    ['2026-11-23T10:00:00.123456789Z', Date.UTC(2026, 10, 23, 10, 0, 0, 123)],
    ['2026-11-23T10:00:00Z', Date.UTC(2026, 10, 23, 10)],
    ['2026-11-23T12:00:00.5+02:00', Date.UTC(2026, 10, 23, 10, 0, 0, 500)],
    ['yesterday', undefined],
  ])('read %s as Go writes times', (text, expected) => {
    const slice = makeSlice('web', []);
    slice.metadata.annotations = { 'endpoints.kubernetes.io/last-change-trigger-time': text };
    expect(triggerTime(slice)).toBe(expected);
  });
});
