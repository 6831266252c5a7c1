import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { core, discovery } from '#api';
import { createMetrics, type Startable, silentLogger, systemClock } from '#base';
import { createInformerFactory, Resources } from '#client';
import { createProxy, loadProxyConfig, type SyncedEvent } from '#proxy';
import { FakeClient } from '../../src/client/testing/fake-client.js';
import { type Answer, ask, Lab, type LabPod, serveEcho } from './proxy-lab.js';

const NODE_PORT = 30_080;

function service(name: string, clusterIP: string, spec: Partial<core.ServiceSpec> = {}): core.Service {
  return {
    metadata: { name, namespace: 'default' },
    spec: {
      clusterIP,
      clusterIPs: [clusterIP],
      ports: [
        { name: 'tcp', port: 80, protocol: 'TCP' },
        { name: 'udp', port: 80, protocol: 'UDP' },
      ],
      ...spec,
    },
  };
}

function slice(name: string, pods: LabPod[]): discovery.EndpointSlice {
  return {
    metadata: { name: `${name}-1`, namespace: 'default', labels: { 'kubernetes.io/service-name': name } },
    addressType: 'IPv4',
    ports: [
      { name: 'tcp', port: 8080, protocol: 'TCP' },
      { name: 'udp', port: 8080, protocol: 'UDP' },
    ],
    endpoints: pods.map((pod) => ({
      addresses: [pod.ip],
      nodeName: pod.node.name,
      conditions: { ready: true },
    })),
  };
}

const servers = (answers: Answer[]) => [...new Set(answers.map((answer) => answer.server))].sort();
const tally = (answers: Answer[]) => {
  const counts: Record<string, number> = {};
  for (const { server } of answers) counts[server] = (counts[server] ?? 0) + 1;
  return counts;
};

describe('the nftables proxy on a real kernel', () => {
  let lab: Lab;
  let proxy: Startable;
  let client: LabPod;
  let local: LabPod;
  let remote: LabPod;
  const api = new FakeClient();
  const synced: SyncedEvent[] = [];
  const waiters: (() => void)[] = [];

  /** Resolves when a sync that began after now has named the Service. */
  async function syncOf(key: string, change: () => void): Promise<void> {
    const from = synced.length;
    change();
    while (!synced.slice(from).some((event) => event.full || event.services.includes(key))) {
      await new Promise<void>((resolve) => waiters.push(resolve));
    }
  }

  beforeAll(async () => {
    lab = await Lab.create();
    client = await lab.pod(0, 'client');
    local = await lab.pod(0, 'local');
    remote = await lab.pod(1, 'remote');
    await Promise.all([serveEcho(local.ns, 'local', 8080), serveEcho(remote.ns, 'remote', 8080)]);
    api.seed(Resources.nodes, {
      metadata: { name: 'node1' },
      status: { addresses: [{ type: 'InternalIP', address: '172.30.0.11' }] },
    });
    api.seed(Resources.serviceCIDRs, { metadata: { name: 'kubernetes' }, spec: { cidrs: ['10.96.0.0/16'] } });
    api.seed(
      Resources.services,
      service('plain', '10.96.0.10', {
        type: 'NodePort',
        ports: [
          { name: 'tcp', port: 80, protocol: 'TCP', nodePort: NODE_PORT },
          { name: 'udp', port: 80, protocol: 'UDP', nodePort: NODE_PORT },
        ],
      }),
    );
    api.seed(Resources.endpointSlices, slice('plain', [local, remote]));
    api.seed(Resources.services, {
      ...service('even', '10.96.0.11'),
      metadata: {
        name: 'even',
        namespace: 'default',
        annotations: { 'kubesvc.dev/load-balancing': 'round-robin' },
      },
    });
    api.seed(Resources.endpointSlices, slice('even', [local, remote]));
    api.seed(Resources.services, service('sticky', '10.96.0.12', { sessionAffinity: 'ClientIP' }));
    api.seed(Resources.endpointSlices, slice('sticky', [local, remote]));
    api.seed(Resources.services, service('empty', '10.96.0.13'));
    api.seed(Resources.services, service('home', '10.96.0.14', { internalTrafficPolicy: 'Local' }));
    api.seed(Resources.endpointSlices, slice('home', [remote]));
    api.seed(
      Resources.services,
      service('gate', '10.96.0.15', {
        type: 'LoadBalancer',
        externalTrafficPolicy: 'Local',
        externalIPs: ['198.51.100.7'],
      }),
    );
    api.seed(Resources.endpointSlices, slice('gate', [local, remote]));
    const { config } = loadProxyConfig('', {
      clusterCIDR: '10.244.0.0/16',
      healthzBindAddress: '',
      metricsBindAddress: '',
    });
    proxy = createProxy(
      {
        config,
        nodeName: 'node1',
        localAddresses: () => ['127.0.0.1', '172.30.0.11'],
        onSynced: (event) => {
          synced.push(event);
          for (const wake of waiters.splice(0)) wake();
        },
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
    await proxy.start();
  });

  afterAll(async () => {
    await proxy?.stop();
    await lab?.destroy();
  });

  it.each(['tcp', 'udp'] as const)(
    'spreads %s connections to a cluster IP over all endpoints',
    async (protocol) => {
      const answers = await ask(client.ns, protocol, '10.96.0.10', 80, 40);
      expect(servers(answers)).toEqual(['local', 'remote']);
      expect(new Set(answers.map((answer) => answer.client))).toEqual(new Set([client.ip]));
    },
  );

  it('spreads exactly evenly with round robin', async () => {
    expect(tally(await ask(client.ns, 'tcp', '10.96.0.11', 80, 60))).toEqual({ local: 30, remote: 30 });
  });

  it('keeps a client with its endpoint under ClientIP affinity', async () => {
    expect(servers(await ask(client.ns, 'tcp', '10.96.0.12', 80, 30))).toHaveLength(1);
  });

  it('masquerades a pod that meets itself', async () => {
    const answers = await ask(local.ns, 'tcp', '10.96.0.10', 80, 30);
    expect(servers(answers)).toEqual(['local', 'remote']);
    for (const answer of answers) {
      if (answer.server === 'local') expect(answer.client).not.toBe(local.ip);
      else expect(answer.client).toBe(local.ip);
    }
  });

  it('refuses a Service without endpoints at once', async () => {
    expect(servers(await ask(client.ns, 'tcp', '10.96.0.13', 80))).toEqual(['ECONNREFUSED']);
    expect(servers(await ask(client.ns, 'udp', '10.96.0.13', 80))).toEqual(['ECONNREFUSED']);
    expect(servers(await ask(lab.nodes[0]!.ns, 'tcp', '10.96.0.13', 80))).toEqual(['ECONNREFUSED']);
  });

  it('refuses an unknown port of a cluster IP and drops an unallocated address', async () => {
    expect(servers(await ask(client.ns, 'tcp', '10.96.0.10', 81))).toEqual(['ECONNREFUSED']);
    expect(servers(await ask(client.ns, 'tcp', '10.96.0.200', 80))).toEqual(['timeout']);
  });

  it('drops internal traffic with policy Local when endpoints exist only elsewhere', async () => {
    expect(servers(await ask(client.ns, 'tcp', '10.96.0.14', 80))).toEqual(['timeout']);
  });

  it('answers NodePorts from outside, masqueraded', async () => {
    const answers = await ask(lab.outside, 'tcp', '172.30.0.11', NODE_PORT, 30);
    expect(servers(answers)).toEqual(['local', 'remote']);
    expect(new Set(answers.map((answer) => answer.client))).not.toContain('172.30.0.100');
  });

  it('keeps the source and stays local with external policy Local, but short-circuits pods and the node', async () => {
    const outside = await ask(lab.outside, 'tcp', '198.51.100.7', 80, 10);
    expect(outside).toEqual(Array(10).fill({ server: 'local', client: '172.30.0.100' }));
    expect(servers(await ask(client.ns, 'tcp', '198.51.100.7', 80, 30))).toEqual(['local', 'remote']);
    expect(servers(await ask(lab.nodes[0]!.ns, 'tcp', '198.51.100.7', 80, 30))).toEqual(['local', 'remote']);
  });

  it('follows an endpoint change within one sync and frees UDP clients of the old endpoint', async () => {
    await syncOf('default/plain', () => void api.seed(Resources.endpointSlices, slice('plain', [remote])));
    expect(servers(await ask(client.ns, 'udp', '10.96.0.10', 80, 10))).toEqual(['remote']);
    await syncOf('default/plain', () => void api.seed(Resources.endpointSlices, slice('plain', [local])));
    expect(servers(await ask(client.ns, 'tcp', '10.96.0.10', 80, 10))).toEqual(['local']);
    await syncOf(
      'default/plain',
      () => void api.seed(Resources.endpointSlices, slice('plain', [local, remote])),
    );
    expect(servers(await ask(client.ns, 'tcp', '10.96.0.10', 80, 30))).toEqual(['local', 'remote']);
  });

  it('repairs the table when somebody flushes the ruleset', async () => {
    const from = synced.length;
    await lab.nodes[0]!.ns.sh('nft flush ruleset');
    while (!synced.slice(from).some((event) => event.full && event.family === 'IPv4')) {
      await new Promise<void>((resolve) => waiters.push(resolve));
    }
    expect(servers(await ask(client.ns, 'tcp', '10.96.0.10', 80, 30))).toEqual(['local', 'remote']);
  });
});
