import { createMetrics, type Metrics, type Startable, silentLogger, systemClock } from '#base';
import { createInformerFactory } from '#client';
import { createProxy, loadProxyConfig, type ProxyOptions } from '#proxy';
import type { FakeClient } from '../../src/client/testing/fake-client.js';
import { NO_SYSCTLS } from '../../src/proxy/testing/proxy-fixture.js';
import type { LabNode } from './proxy-lab.js';

/**
 * A proxy of this process that writes a lab node's rules. `settings` are fields of the configuration file; its
 * sysctls are left alone, since they would be set where this process is: in the root namespace.
 */
export function proxyOf(
  node: LabNode,
  api: FakeClient,
  settings: Record<string, unknown>,
  {
    metrics = createMetrics(),
    ...options
  }: Partial<Omit<ProxyOptions, 'config'>> & { metrics?: Metrics } = {},
): Startable {
  const { config } = loadProxyConfig('', {
    clusterCIDR: '10.244.0.0/16',
    healthzBindAddress: '',
    metricsBindAddress: '',
    ...settings,
    conntrack: NO_SYSCTLS,
  });
  return createProxy(
    {
      config,
      nodeName: 'node1',
      families: ['IPv4'],
      localAddresses: () => ['127.0.0.1', node.ip],
      ...options,
    },
    {
      client: api,
      informers: createInformerFactory(api, { logger: silentLogger }),
      programs: node.ns.programs,
      logger: silentLogger,
      metrics,
      clock: systemClock,
    },
  );
}
