import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { discovery } from '#api';
import { createMetrics, type Startable } from '#base';
import { Resources } from '#client';
import type { SyncedEvent } from '#proxy';
import { FakeClient } from '../../src/client/testing/fake-client.js';
import { proxyOf } from './lab-proxy.js';
import { ask, Lab, type LabNode, type LabPod, serveEcho } from './proxy-lab.js';

const VIP = '10.96.0.10';
const NODE_PORT = 30_080;

/** Accepts one connection, answers every byte with a dot, and never closes. */
const DOTS = `require('node:net').createServer((s) => s.on('data', () => s.write('.'))).listen(9090, () => console.log('up'))`;
/** Keeps one connection and sends a byte ten times a second; prints what it hears. */
const TALK = (ip: string) =>
  `const s = require('node:net').connect(9090, '${ip}'); setInterval(() => s.write('?'), 100); s.on('data', () => console.log('heard'))`;

/** What only the iptables mode has: rules beside those of others, in tables that others write, too. */
describe.each(['nft', 'legacy'] as const)('the iptables proxy beside others (%s)', (backend) => {
  const api = new FakeClient();
  const metrics = createMetrics();
  const synced: SyncedEvent[] = [];
  let wake: () => void = () => {};
  let lab: Lab;
  let node: LabNode;
  let client: LabPod;
  let remote: LabPod;
  let proxy: Startable | undefined;

  const iptables = (args: string) => node.ns.sh(`iptables-${backend} -w ${args}`);
  const counted = async (name: string) => {
    const { body } = await metrics.scrape();
    return Number(new RegExp(`^kubeproxy_iptables_${name} (\\d+)$`, 'm').exec(body)?.[1] ?? Number.NaN);
  };
  /** Counters of rules are read once a period. */
  const counts = async (name: string, above: number): Promise<void> => {
    while ((await counted(name)) <= above) await new Promise((resolve) => setTimeout(resolve, 50));
  };

  beforeAll(async () => {
    lab = await Lab.create();
    node = lab.nodes[0]!;
    client = await lab.pod(0, 'client');
    remote = await lab.pod(1, 'remote');
    await serveEcho(remote.ns, 'remote', 8080);
    api.seed(Resources.nodes, {
      metadata: { name: 'node1' },
      status: { addresses: [{ type: 'InternalIP', address: node.ip }] },
    });
    api.seed(Resources.services, {
      metadata: { name: 'web', namespace: 'default' },
      spec: {
        type: 'NodePort',
        clusterIP: VIP,
        clusterIPs: [VIP],
        ports: [{ name: 'tcp', port: 80, protocol: 'TCP', nodePort: NODE_PORT }],
      },
    });
    const slice: discovery.EndpointSlice = {
      metadata: { name: 'web-1', namespace: 'default', labels: { 'kubernetes.io/service-name': 'web' } },
      addressType: 'IPv4',
      ports: [{ name: 'tcp', port: 8080, protocol: 'TCP' }],
      endpoints: [{ addresses: [remote.ip], nodeName: 'node2' }],
    };
    api.seed(Resources.endpointSlices, slice);
    const settings = { mode: 'iptables', iptables: { minSyncPeriod: '1ms', syncPeriod: '500ms' } };
    proxy = proxyOf(node, api, settings, {
      iptablesBackend: backend,
      metrics,
      onSynced: (event) => {
        synced.push(event);
        wake();
      },
    });
    await proxy.start();
  });

  afterAll(async () => {
    await proxy?.stop();
    await lab?.destroy();
  });

  it('forwards what it masquerades where the policy of FORWARD is DROP', async () => {
    await iptables('-P FORWARD DROP');
    expect((await ask(lab.outside, 'tcp', node.ip, NODE_PORT))[0]!.server).toBe('remote');
    expect((await ask(client.ns, 'tcp', remote.ip, 8080))[0]!.server).toBe('timeout');
    await iptables('-P FORWARD ACCEPT');
  });

  it('answers NodePorts on 127.0.0.1 from the node itself, and counts them as upstream', async () => {
    const before = await counted('localhost_nodeports_accepted_packets_total');
    expect((await ask(node.ns, 'tcp', '127.0.0.1', NODE_PORT))[0]!.server).toBe('remote');
    expect((await ask(node.ns, 'tcp', '127.0.0.1', NODE_PORT + 1))[0]!.server).toBe('ECONNREFUSED');
    await counts('localhost_nodeports_accepted_packets_total', before);
    expect(await counted('localhost_nodeports_accepted_packets_total')).toBe(before + 1);
  });

  it('drops what conntrack calls invalid, and counts it as upstream', async () => {
    const server = await remote.ns.programs.spawn(process.execPath, ['-e', DOTS]);
    await new Promise((resolve) => server.stdout.once('data', resolve));
    const talk = await client.ns.programs.spawn(process.execPath, ['-e', TALK(remote.ip)]);
    const heard = createInterface({ input: talk.stdout })[Symbol.asyncIterator]();
    await heard.next();
    // Connections that the table does not know are not picked up half-way: their packets are invalid.
    await node.ns.sh('sysctl -qw net.netfilter.nf_conntrack_tcp_loose=0 && conntrack -F 2>/dev/null');
    await counts('ct_state_invalid_dropped_packets_total', 0);
    talk.kill('SIGKILL');
    server.kill('SIGKILL');
  });

  it('repairs its rules when somebody flushes the tables', async () => {
    const from = synced.length;
    await iptables('-t nat -F');
    await iptables('-F');
    while (!synced.slice(from).some((event) => event.full)) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    expect((await ask(client.ns, 'tcp', VIP, 80))[0]!.server).toBe('remote');
  });
});
