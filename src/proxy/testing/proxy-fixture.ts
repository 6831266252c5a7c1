import type { KubeObject } from '#api';
import { type Clock, createMetrics, silentLogger, systemClock } from '#base';
import { createInformerFactory, Resources } from '#client';
import { FakeClient } from '#client/testing';
import { loadProxyConfig } from '../config/load.js';
import { createProxy } from '../create-proxy.js';
import type { SyncedEvent } from '../family-proxy.js';
import { NftPrograms } from './nft-programs.js';
import { NODE_NAME } from './objects.js';

export interface ProxyFixtureOptions {
  programs?: NftPrograms;
  /** Fields of the configuration file. */
  config?: Record<string, unknown>;
  clock?: Clock;
  /** Addresses of the node's interfaces, read again and again. */
  localAddresses?: () => string[];
}

/** For proxies in a test's own process: they would set conntrack where that is, in the root namespace. */
export const NO_SYSCTLS = { maxPerCore: 0, tcpEstablishedTimeout: '0s', tcpCloseWaitTimeout: '0s' };

/** A whole proxy of the nftables mode between an API and a kernel that are simulated. */
export function proxyFixture({ programs = new NftPrograms(), ...options }: ProxyFixtureOptions = {}) {
  const api = new FakeClient();
  api.seed(Resources.nodes, {
    metadata: { name: NODE_NAME },
    status: { addresses: [{ type: 'InternalIP', address: '192.168.0.2' }] },
  });
  const events: SyncedEvent[] = [];
  const recorded: { object: KubeObject; type: string; reason: string; message: string }[] = [];
  let wake: () => void = () => {};
  const { config } = loadProxyConfig('', {
    healthzBindAddress: '',
    metricsBindAddress: '',
    conntrack: NO_SYSCTLS,
    ...options.config,
  });
  const metrics = createMetrics();
  const { localAddresses } = options;
  const proxy = createProxy(
    {
      config,
      nodeName: NODE_NAME,
      families: ['IPv4'],
      ...(localAddresses === undefined ? {} : { localAddresses }),
      onSynced: (event) => {
        events.push(event);
        wake();
      },
    },
    {
      client: api,
      informers: createInformerFactory(api, { logger: silentLogger }),
      programs,
      logger: silentLogger,
      metrics,
      clock: options.clock ?? systemClock,
      events: { event: (object, type, reason, message) => recorded.push({ object, type, reason, message }) },
    },
  );
  /** Makes a change and resolves when the kernel holds it. */
  const synced = async (change: () => unknown, isIt: (event: SyncedEvent) => boolean = () => true) => {
    const from = events.length;
    change();
    while (!events.slice(from).some(isIt)) await new Promise<void>((resolve) => (wake = resolve));
  };
  /** Elements of a set or map, in the generation that is in force. */
  const elements = (name: string) => {
    const { chains, sets } = programs.tables.ip;
    const isSecond = chains.get('services')?.rules.some((rule) => rule.includes('@service-ips-b'));
    return [...(sets.get(isSecond === true ? `${name}-b` : name)?.elements ?? [])];
  };
  return { api, proxy, programs, metrics, recorded, synced, elements };
}
