import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { discovery } from '#api';
import { createMetrics, type Startable, silentLogger, systemClock } from '#base';
import { createInformerFactory, Resources } from '#client';
import { createProxy, loadProxyConfig, type ProxyMode, type SyncedEvent } from '#proxy';
import { FakeClient } from '../../src/client/testing/fake-client.js';
import { constantLoad, Lab, type LabPod, serveEcho } from './proxy-lab.js';

const VIP = '10.96.0.10';
const CHANGES = 100;

/** No packet lost by us: constant TCP and UDP load through everything that happens to a proxy. */
describe('constant load through the proxy', () => {
  const api = new FakeClient();
  let lab: Lab;
  let client: LabPod;
  let first: LabPod;
  let second: LabPod;
  let running: Startable | undefined;
  let onSynced: (event: SyncedEvent) => void = () => {};

  function slice(pods: LabPod[]): discovery.EndpointSlice {
    return {
      metadata: { name: 'web-1', namespace: 'default', labels: { 'kubernetes.io/service-name': 'web' } },
      addressType: 'IPv4',
      ports: [
        { name: 'tcp', port: 8080, protocol: 'TCP' },
        { name: 'udp', port: 8080, protocol: 'UDP' },
      ],
      endpoints: pods.map((pod) => ({ addresses: [pod.ip], nodeName: pod.node.name })),
    };
  }

  function makeProxy(mode: ProxyMode): Startable {
    const { config } = loadProxyConfig('', {
      mode,
      clusterCIDR: '10.244.0.0/16',
      healthzBindAddress: '',
      metricsBindAddress: '',
    });
    return createProxy(
      {
        config,
        nodeName: 'node1',
        families: ['IPv4'],
        localAddresses: () => ['172.30.0.11'],
        onSynced: (event) => onSynced(event),
      },
      {
        client: api,
        informers: createInformerFactory(api, { logger: silentLogger }),
        programs: lab.nodes[0]!.ns.programs,
        logger: silentLogger,
        metrics: createMetrics(),
        clock: systemClock,
      },
    );
  }

  async function replaceProxy(mode: ProxyMode): Promise<void> {
    await running?.stop();
    running = makeProxy(mode);
    await running.start();
  }

  /** Runs `work` under load and returns every answer that was none. */
  async function failuresDuring(work: () => Promise<void>): Promise<Record<string, number>> {
    const loads = [
      await constantLoad(client.ns, 'tcp', VIP, 80),
      await constantLoad(client.ns, 'udp', VIP, 80),
    ];
    await work();
    const failures: Record<string, number> = {};
    for (const load of loads) {
      const counts = await load.stop();
      const answered = (counts.first ?? 0) + (counts.second ?? 0);
      expect(answered).toBeGreaterThan(0);
      for (const [server, count] of Object.entries(counts)) {
        if (server !== 'first' && server !== 'second') failures[server] = (failures[server] ?? 0) + count;
      }
    }
    return failures;
  }

  beforeAll(async () => {
    lab = await Lab.create();
    client = await lab.pod(0, 'client');
    first = await lab.pod(0, 'first');
    second = await lab.pod(1, 'second');
    await Promise.all([serveEcho(first.ns, 'first', 8080), serveEcho(second.ns, 'second', 8080)]);
    api.seed(Resources.nodes, {
      metadata: { name: 'node1' },
      status: { addresses: [{ type: 'InternalIP', address: '172.30.0.11' }] },
    });
    api.seed(Resources.serviceCIDRs, { metadata: { name: 'kubernetes' }, spec: { cidrs: ['10.96.0.0/16'] } });
    api.seed(Resources.services, {
      metadata: { name: 'web', namespace: 'default' },
      spec: {
        clusterIP: VIP,
        clusterIPs: [VIP],
        ports: [
          { name: 'tcp', port: 80, protocol: 'TCP' },
          { name: 'udp', port: 80, protocol: 'UDP' },
        ],
      },
    });
    api.seed(Resources.endpointSlices, slice([first, second]));
    await replaceProxy('nftables');
  });

  afterAll(async () => {
    await running?.stop();
    await lab?.destroy();
  });

  it('loses nothing while endpoints change a hundred times', async () => {
    const variants = [[first], [first, second], [second], [second, first]];
    const failures = await failuresDuring(async () => {
      for (let i = 0; i < CHANGES; i++) {
        const synced = new Promise<void>((resolve) => {
          onSynced = () => resolve();
        });
        api.seed(Resources.endpointSlices, slice(variants[i % variants.length]!));
        await synced;
      }
    });
    expect(failures).toEqual({});
  });

  it('loses nothing when the proxy is restarted', async () => {
    const failures = await failuresDuring(async () => {
      for (let i = 0; i < 3; i++) await replaceProxy('nftables');
    });
    expect(failures).toEqual({});
  });

  it('loses nothing when the mode changes there and back', async () => {
    const failures = await failuresDuring(async () => {
      await replaceProxy('iptables');
      await replaceProxy('nftables');
    });
    expect(failures).toEqual({});
  });

  it('loses nothing when the whole table is written anew', async () => {
    const failures = await failuresDuring(async () => {
      const repaired = new Promise<void>((resolve) => {
        onSynced = (event) => event.full && resolve();
      });
      await lab.nodes[0]!.ns.sh('nft add chain ip kubesvc-proxy foreign');
      await repaired;
    });
    expect(failures).toEqual({});
  });
});
