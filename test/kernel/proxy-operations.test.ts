import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { core, discovery } from '#api';
import { createMetrics, type Startable } from '#base';
import { Resources } from '#client';
import { cleanupProxy, type ProxyMode } from '#proxy';
import { FakeClient } from '../../src/client/testing/fake-client.js';
import { proxyOf } from './lab-proxy.js';
import { ask, Lab, type LabNode, type LabPod, serveEcho } from './proxy-lab.js';

const NODE_PORT = 30_080;
const AFFINITY_SECONDS = 2;
const vip = (n: number) => `10.96.0.${n}`;

/** What operators see and set: connection counters, timeouts of affinity, rules of others that are in the way. */
describe.each(['nftables', 'iptables'] as ProxyMode[])('the %s proxy in operation', (mode) => {
  /** xt_recent keeps its clients by the second, and the host’s, not the namespace’s: not looked into here. */
  const itNftables = (title: string, run: () => Promise<void>) => {
    if (mode === 'nftables') it(title, run);
  };
  const api = new FakeClient();
  const metrics = createMetrics();
  let lab: Lab;
  let node: LabNode;
  let client: LabPod;
  let pods: LabPod[];
  let proxy: Startable | undefined;

  function seed(name: string, n: number, spec: Partial<core.ServiceSpec> = {}, algorithm?: string): void {
    const service: core.Service = {
      metadata: {
        name,
        namespace: 'default',
        ...(algorithm === undefined ? {} : { annotations: { 'kubesvc.dev/load-balancing': algorithm } }),
      },
      spec: {
        clusterIP: vip(n),
        clusterIPs: [vip(n)],
        ports: [{ name: 'tcp', port: 80, protocol: 'TCP' }],
        ...spec,
      },
    };
    const slice: discovery.EndpointSlice = {
      metadata: { name: `${name}-1`, namespace: 'default', labels: { 'kubernetes.io/service-name': name } },
      addressType: 'IPv4',
      ports: ['TCP', 'UDP'].map((protocol) => ({ name: protocol.toLowerCase(), port: 8080, protocol })),
      endpoints: pods.map((pod) => ({ addresses: [pod.ip], nodeName: pod.node.name })),
    };
    api.seed(Resources.services, service);
    api.seed(Resources.endpointSlices, slice);
  }

  /** Connections by `service endpoint`, and by `service` for all of them. */
  async function counted(): Promise<Record<string, number>> {
    const { body } = await metrics.scrape();
    const found = [...body.matchAll(/^kubeproxy_(?:service|endpoint)_connections_total\{(.*)\} (\d+)$/gm)];
    const label = (labels: string, name: string) => new RegExp(`${name}="([^"]*)"`).exec(labels)?.[1];
    return Object.fromEntries(
      found.map(([, labels, value]) => {
        const names = [label(labels!, 'service'), label(labels!, 'port_name'), label(labels!, 'endpoint')];
        return [names.filter((name) => name !== undefined).join(' '), Number(value)];
      }),
    );
  }

  beforeAll(async () => {
    lab = await Lab.create();
    node = lab.nodes[0]!;
    client = await lab.pod(0, 'client');
    pods = [await lab.pod(0, 'local'), await lab.pod(1, 'remote')];
    await Promise.all(pods.map((pod) => serveEcho(pod.ns, pod.name, 8080)));
    api.seed(Resources.nodes, {
      metadata: { name: 'node1' },
      status: { addresses: [{ type: 'InternalIP', address: node.ip }] },
    });
    const ports = ['TCP', 'UDP'].map((protocol) => ({
      name: protocol.toLowerCase(),
      port: 80,
      nodePort: NODE_PORT,
      protocol,
    }));
    seed('plain', 10, { type: 'NodePort', ports });
    seed('even', 11, {}, 'round-robin');
    seed('hashed', 13, {}, 'source-hash');
    const timeout = { clientIP: { timeoutSeconds: AFFINITY_SECONDS } };
    seed('sticky', 12, { sessionAffinity: 'ClientIP', sessionAffinityConfig: timeout }, 'round-robin');
    await node.ns.sh('nft add table ip kube-proxy; nft add table ip6 kube-proxy');
    for (const iptables of ['iptables-nft', 'iptables-legacy']) {
      await node.ns.sh(
        `${iptables} -t nat -N KUBE-SERVICES && ${iptables} -t nat -A PREROUTING -j KUBE-SERVICES && ${iptables} -t nat -N KUBE-MARK-MASQ`,
      );
    }
    proxy = proxyOf(node, api, { mode, nodePortAddresses: ['primary'] }, { metrics });
    await proxy.start();
  });

  afterAll(async () => {
    await proxy?.stop();
    await cleanupProxy(node.ns.programs);
    await lab?.destroy();
  });

  it('removes what an upstream kube-proxy left, but for what the kubelet shares with it', async () => {
    const left = () => node.ns.sh('nft list tables; iptables-nft-save; iptables-legacy-save');
    await expect.poll(left, { timeout: 10_000 }).not.toMatch(/ kube-proxy$|KUBE-SERVICES/m);
    expect((await left()).match(/^:KUBE-MARK-MASQ/gm)).toHaveLength(2);
  });

  itNftables('goes on when the nft that it keeps is killed', async () => {
    const rules = () => node.ns.sh('nft list table ip kubesvc-proxy');
    const mine = '$(readlink /proc/$p/ns/net) = $(readlink /proc/self/ns/net)';
    const kill = `for p in $(pgrep -x nft); do [ ${mine} ] && kill -9 $p && echo killed; done; true`;
    seed('before', 20);
    await expect.poll(rules, { timeout: 10_000 }).toContain(vip(20));
    expect(await node.ns.sh(kill)).toBe('killed\n');
    seed('after', 21);
    await expect.poll(rules, { timeout: 10_000 }).toContain(vip(21));
  });

  itNftables('moves a client once its affinity has expired, and not before', async () => {
    const next = async (count: number) =>
      (await ask(client.ns, 'tcp', vip(12), 80, count)).map(({ server }) => server);
    const [first, ...more] = await next(4);
    expect(more).toEqual([first, first, first]);
    // The kernel has forgotten the client; the next one in the round is the other endpoint.
    const remembered = () => node.ns.sh('nft list table ip kubesvc-proxy | grep -c expires || true');
    await expect.poll(async () => Number(await remembered()), { timeout: 10_000 }).toBe(0);
    expect(await next(1)).not.toEqual([first]);
  });

  itNftables('takes a changed timeout without forgetting clients', async () => {
    const [pinned] = await ask(client.ns, 'tcp', vip(12), 80);
    const remembered = async () =>
      (await node.ns.sh('nft list table ip kubesvc-proxy')).match(/timeout \d+\w*.*?\}/gs);
    const timeout = { clientIP: { timeoutSeconds: 600 } };
    seed('sticky', 12, { sessionAffinity: 'ClientIP', sessionAffinityConfig: timeout }, 'round-robin');
    await expect.poll(async () => String(await remembered()), { timeout: 10_000 }).toMatch(/timeout 10m/);
    const again = await ask(client.ns, 'tcp', vip(12), 80, 5);
    expect(again.map(({ server }) => server)).toEqual(Array(5).fill(pinned!.server));
  });

  it('sends a source to the same endpoint always, and not all sources to one, by source hash', async () => {
    const link = (await node.ns.sh(`ip -o route get ${client.ip}`)).split(' ')[2];
    const seen = new Set<string>();
    for (let n = 1; n <= 12; n++) {
      const source = `10.244.1.${100 + n}`;
      await node.ns.sh(`ip route add ${source}/32 dev ${link}`);
      await client.ns.sh(`ip addr add ${source}/32 dev eth0`);
      await client.ns.sh(`ip route replace 10.96.0.0/16 via 169.254.1.1 src ${source}`);
      const servers = new Set((await ask(client.ns, 'tcp', vip(13), 80, 4)).map(({ server }) => server));
      expect(servers.size).toBe(1);
      for (const server of servers) seen.add(server);
    }
    await client.ns.sh('ip route del 10.96.0.0/16');
    expect([...seen].sort()).toEqual(['local', 'remote']);
  });

  it('counts connections per Service and endpoint, through cluster IPs and NodePorts alike', async () => {
    await ask(client.ns, 'tcp', vip(10), 80, 12);
    await ask(lab.outside, 'tcp', node.ip, NODE_PORT, 8);
    await ask(client.ns, 'udp', vip(10), 80, 3);
    await ask(client.ns, 'tcp', vip(11), 80, 10);
    const counts = await counted();
    expect(counts['plain tcp']).toBe(20);
    expect(counts['plain udp']).toBe(3);
    const [local, remote] = pods.map((pod) => `${pod.ip}:8080`);
    expect(counts[`plain tcp ${local}`]! + counts[`plain tcp ${remote}`]!).toBe(20);
    expect([counts[`even tcp ${local}`], counts[`even tcp ${remote}`]]).toEqual([5, 5]);
    if (mode === 'nftables') expect(counts['sticky tcp']).toBeGreaterThanOrEqual(5);
  });
});
