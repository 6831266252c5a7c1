// A whole proxy in userspace mode, in the network namespace it is started in, over the cluster that the first line of its
// standard input describes. Prints `started`; ends with its standard input.
import { createInterface } from 'node:readline';
import type { core, discovery } from '#api';
import { createMetrics, silentLogger, systemClock } from '#base';
import { createInformerFactory, Resources } from '#client';
import { createPrograms } from '#host';
import { createProxy, loadProxyConfig } from '#proxy';
import { FakeClient } from '../../src/client/testing/fake-client.js';

/** What the test sends. */
export interface Cluster {
  config: Record<string, unknown>;
  node: core.Node;
  services: core.Service[];
  slices: discovery.EndpointSlice[];
  serviceCIDRs: string[];
}

const api = new FakeClient();
const programs = createPrograms({ logger: silentLogger });
await programs.start();
for await (const line of createInterface({ input: process.stdin })) {
  const cluster = JSON.parse(line) as Cluster;
  api.seed(Resources.nodes, cluster.node);
  api.seed(Resources.serviceCIDRs, {
    metadata: { name: 'kubernetes' },
    spec: { cidrs: cluster.serviceCIDRs },
  });
  api.seed(Resources.services, ...cluster.services);
  api.seed(Resources.endpointSlices, ...cluster.slices);
  const { config } = loadProxyConfig('', { healthzBindAddress: '', ...cluster.config });
  const proxy = createProxy(
    { config, nodeName: cluster.node.metadata.name! },
    {
      client: api,
      informers: createInformerFactory(api, { logger: silentLogger }),
      programs,
      logger: silentLogger,
      metrics: createMetrics(),
      clock: systemClock,
    },
  );
  await proxy.start();
  process.stdout.write('started\n');
}
