// A proxy in the network namespace it is started in, which never rests until it is killed: endpoints of the Service that
// is asked change without pause, and now and then everything is written anew. Prints a line per sync.
import type { core, discovery } from '#api';
import { createMetrics, silentLogger, systemClock } from '#base';
import { createInformerFactory, Resources } from '#client';
import { createPrograms } from '#host';
import { createProxy, loadProxyConfig } from '#proxy';
import { FakeClient } from '../../src/client/testing/fake-client.js';

/** What the test says on the command line. */
export interface Orders {
  mode: string;
  service: core.Service;
  /** One after another, over and over. */
  slices: discovery.EndpointSlice[];
}

/** Enough that a full sync takes several transactions, and can be killed between them. */
const OTHERS = 500;
const FULL_SYNC_EVERY = 10;

const { mode, service, slices } = JSON.parse(process.argv[2]!) as Orders;
const node = (zone: string): core.Node => ({
  metadata: { name: 'node1', labels: { 'topology.kubernetes.io/zone': zone } },
  status: { addresses: [{ type: 'InternalIP', address: '172.30.0.11' }] },
});

const api = new FakeClient();
api.seed(Resources.nodes, node('0'));
api.seed(Resources.services, service);
api.seed(Resources.endpointSlices, slices[0]!);
for (let n = 0; n < OTHERS; n++) {
  const clusterIP = `10.97.${n >> 8}.${n & 255}`;
  const name = `other-${n}`;
  api.seed(Resources.services, {
    metadata: { name, namespace: 'default' },
    spec: { clusterIP, clusterIPs: [clusterIP], ports: [{ port: 80, protocol: 'TCP' }] },
  });
  api.seed(Resources.endpointSlices, {
    metadata: { name, namespace: 'default', labels: { 'kubernetes.io/service-name': name } },
    addressType: 'IPv4',
    ports: [{ port: 80, protocol: 'TCP' }],
    endpoints: Array.from({ length: 10 }, (_, i) => ({
      addresses: [`10.240.${n >> 4}.${(n & 15) * 10 + i + 1}`],
    })),
  });
}
const programs = createPrograms({ logger: silentLogger });
await programs.start();
const { config } = loadProxyConfig('', {
  mode,
  clusterCIDR: '10.244.0.0/16',
  healthzBindAddress: '',
  metricsBindAddress: '',
  iptables: { minSyncPeriod: '1ms' },
});
let syncs = 0;
const proxy = createProxy(
  {
    config,
    nodeName: 'node1',
    families: ['IPv4'],
    onSynced: () => {
      syncs++;
      process.stdout.write('synced\n');
      api.seed(Resources.endpointSlices, slices[syncs % slices.length]!);
      if (syncs % FULL_SYNC_EVERY === 0) api.seed(Resources.nodes, node(String(syncs)));
    },
  },
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
