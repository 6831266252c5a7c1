import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { core, discovery } from '#api';
import type { Startable } from '#base';
import { Resources } from '#client';
import type { IptablesBackend } from '#host';
import { cleanupProxy, type ProxyMode, type SyncedEvent } from '#proxy';
import { FakeClient } from '../../src/client/testing/fake-client.js';
import { proxyOf } from './lab-proxy.js';
import { type Answer, ask, Lab, type LabNode, type LabPod, serveEcho } from './proxy-lab.js';

const NODE_PORT = 30_080;

interface Variant {
  mode: ProxyMode;
  family: 'IPv4' | 'IPv6';
  backend?: IptablesBackend;
}
/** The ipvs mode has a kernel of its own, in which the same tests run: `npm run test:ipvs`. */
const inGuest = process.env.KUBESVC_TEST_GUEST !== undefined;
const guestVariants: Variant[] = [
  { mode: 'ipvs', family: 'IPv4', backend: 'nft' },
  { mode: 'ipvs', family: 'IPv6', backend: 'legacy' },
];
const ownVariants: Variant[] = [
  { mode: 'nftables', family: 'IPv4' },
  { mode: 'nftables', family: 'IPv6' },
  { mode: 'iptables', family: 'IPv4', backend: 'nft' },
  { mode: 'iptables', family: 'IPv4', backend: 'legacy' },
  { mode: 'iptables', family: 'IPv6', backend: 'nft' },
];

/** Addresses of one family, the same digits in both. */
function addressing(family: 'IPv4' | 'IPv6') {
  const v4 = family === 'IPv4';
  return {
    vip: (n: number) => (v4 ? `10.96.0.${n}` : `fd00:96::${n}`),
    serviceCIDR: v4 ? '10.96.0.0/16' : 'fd00:96::/112',
    podCIDR: v4 ? '10.244.0.0/16' : 'fd00:244::/32',
    externalIP: v4 ? '198.51.100.7' : 'fd00:198::7',
    outside: v4 ? '172.30.0.100' : 'fd00:30::100',
    node: (node: LabNode) => (v4 ? node.ip : node.ip6),
    pod: (pod: LabPod) => (v4 ? pod.ip : pod.ip6),
  };
}

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

const servers = (answers: Answer[]) => [...new Set(answers.map((answer) => answer.server))].sort();
const tally = (answers: Answer[]) => {
  const counts: Record<string, number> = {};
  for (const { server } of answers) counts[server] = (counts[server] ?? 0) + 1;
  return counts;
};

describe.each(inGuest ? guestVariants : ownVariants)(
  'the $mode proxy ($family, $backend) on a real kernel',
  ({ mode, family, backend }) => {
    const ips = addressing(family);
    /** Defines a test only where upstream's modes behave so: nothing is skipped. */
    const itNftables = (title: string, run: () => Promise<void>) => {
      if (mode === 'nftables') it(title, run);
    };
    const isIpvs = mode === 'ipvs';
    const api = new FakeClient();
    const synced: SyncedEvent[] = [];
    let waiters: (() => void)[] = [];
    let lab: Lab;
    let proxy: Startable | undefined;
    let client: LabPod;
    let local: LabPod;
    let remote: LabPod;
    let node: LabNode;

    function slice(name: string, pods: LabPod[]): discovery.EndpointSlice {
      return {
        metadata: { name: `${name}-1`, namespace: 'default', labels: { 'kubernetes.io/service-name': name } },
        addressType: family,
        ports: [
          { name: 'tcp', port: 8080, protocol: 'TCP' },
          { name: 'udp', port: 8080, protocol: 'UDP' },
        ],
        endpoints: pods.map((pod) => ({
          addresses: [ips.pod(pod)],
          nodeName: pod.node.name,
          conditions: { ready: true },
        })),
      };
    }

    function seedService(
      name: string,
      n: number,
      pods: LabPod[],
      spec: Partial<core.ServiceSpec> = {},
    ): core.Service {
      const made = service(name, ips.vip(n), spec);
      api.seed(Resources.services, made);
      if (pods.length > 0) api.seed(Resources.endpointSlices, slice(name, pods));
      return made;
    }

    /** Resolves when a sync that began after now has named the Service. */
    async function syncOf(key: string, change: () => void): Promise<void> {
      const from = synced.length;
      change();
      while (!synced.slice(from).some((event) => event.full || event.services.includes(key))) {
        await new Promise<void>((resolve) => waiters.push(resolve));
      }
    }

    function seedCluster(): void {
      api.seed(Resources.nodes, {
        metadata: { name: 'node1' },
        status: { addresses: [{ type: 'InternalIP', address: ips.node(node) }] },
      });
      api.seed(Resources.serviceCIDRs, {
        metadata: { name: 'kubernetes' },
        spec: { cidrs: [ips.serviceCIDR] },
      });
      seedService('plain', 10, [local, remote], {
        type: 'NodePort',
        ports: [
          { name: 'tcp', port: 80, protocol: 'TCP', nodePort: NODE_PORT },
          { name: 'udp', port: 80, protocol: 'UDP', nodePort: NODE_PORT },
        ],
      });
      const even = seedService('even', 11, [local, remote]);
      even.metadata.annotations = { 'kubesvc.dev/load-balancing': 'round-robin' };
      api.seed(Resources.services, even);
      seedService('sticky', 12, [local, remote], { sessionAffinity: 'ClientIP' });
      seedService('empty', 13, []);
      seedService('home', 14, [remote], { internalTrafficPolicy: 'Local' });
      seedService('gate', 15, [local, remote], {
        type: 'LoadBalancer',
        externalTrafficPolicy: 'Local',
        externalIPs: [ips.externalIP],
      });
    }

    function makeProxy(): Startable {
      const settings = {
        mode,
        clusterCIDR: ips.podCIDR,
        iptables: { minSyncPeriod: '1ms' },
        nodePortAddresses: ['primary'],
      };
      return proxyOf(node, api, settings, {
        families: [family],
        localAddresses: () => ['127.0.0.1', ips.node(node)],
        ...(backend === undefined ? {} : { iptablesBackend: backend }),
        onSynced: (event) => {
          synced.push(event);
          const woken = waiters;
          waiters = [];
          for (const wake of woken) wake();
        },
      });
    }

    beforeAll(async () => {
      lab = await Lab.create();
      node = lab.nodes[0]!;
      client = await lab.pod(0, 'client');
      local = await lab.pod(0, 'local');
      remote = await lab.pod(1, 'remote');
      await Promise.all([serveEcho(local.ns, 'local', 8080), serveEcho(remote.ns, 'remote', 8080)]);
      seedCluster();
      proxy = makeProxy();
      await proxy.start();
    });

    afterAll(async () => {
      await proxy?.stop();
      await lab?.destroy();
    });

    it.each(['tcp', 'udp'] as const)(
      'spreads %s connections to a cluster IP over all endpoints',
      async (protocol) => {
        const answers = await ask(client.ns, protocol, ips.vip(10), 80, 40);
        expect(servers(answers)).toEqual(['local', 'remote']);
        expect(new Set(answers.map((answer) => answer.client))).toEqual(new Set([ips.pod(client)]));
      },
    );

    it('spreads exactly evenly with round robin', async () => {
      expect(tally(await ask(client.ns, 'tcp', ips.vip(11), 80, 60))).toEqual({ local: 30, remote: 30 });
    });

    it('keeps a client with its endpoint under ClientIP affinity', async () => {
      expect(servers(await ask(client.ns, 'tcp', ips.vip(12), 80, 30))).toHaveLength(1);
    });

    it('moves an affine client only when its endpoint is gone, and keeps it there', async () => {
      const [pinned] = servers(await ask(client.ns, 'tcp', ips.vip(12), 80, 3));
      const mine = pinned === 'local' ? local : remote;
      const other = mine === local ? remote : local;
      const change = (pods: LabPod[]) =>
        syncOf('default/sticky', () => void api.seed(Resources.endpointSlices, slice('sticky', pods)));
      await change([mine]);
      await change([other, mine]);
      expect(servers(await ask(client.ns, 'tcp', ips.vip(12), 80, 20))).toEqual([mine.name]);
      await change([other]);
      expect(servers(await ask(client.ns, 'tcp', ips.vip(12), 80, 3))).toEqual([other.name]);
      await change([mine, other]);
      expect(servers(await ask(client.ns, 'tcp', ips.vip(12), 80, 20))).toEqual([other.name]);
    });

    it('masquerades a pod that meets itself', async () => {
      const answers = await ask(local.ns, 'tcp', ips.vip(10), 80, 30);
      expect(servers(answers)).toEqual(['local', 'remote']);
      for (const answer of answers) {
        if (answer.server === 'local') expect(answer.client).not.toBe(ips.pod(local));
        else expect(answer.client).toBe(ips.pod(local));
      }
    });

    it('refuses a Service without endpoints at once', async () => {
      expect(servers(await ask(client.ns, 'tcp', ips.vip(13), 80))).toEqual(['ECONNREFUSED']);
      expect(servers(await ask(client.ns, 'udp', ips.vip(13), 80))).toEqual(['ECONNREFUSED']);
      expect(servers(await ask(node.ns, 'tcp', ips.vip(13), 80))).toEqual(['ECONNREFUSED']);
    });

    if (mode !== 'iptables') {
      it('refuses an unknown port of a cluster IP', async () => {
        expect(servers(await ask(client.ns, 'tcp', ips.vip(10), 81))).toEqual(['ECONNREFUSED']);
        expect(servers(await ask(node.ns, 'tcp', ips.vip(10), 81))).toEqual(['ECONNREFUSED']);
      });
    }

    itNftables('drops an unallocated address', async () => {
      expect(servers(await ask(client.ns, 'tcp', ips.vip(200), 80))).toEqual(['timeout']);
    });

    it('drops internal traffic with policy Local when endpoints exist only elsewhere', async () => {
      // A virtual server without real ones refuses, whatever the reason.
      const refusal = isIpvs ? 'ECONNREFUSED' : 'timeout';
      expect(servers(await ask(client.ns, 'tcp', ips.vip(14), 80))).toEqual([refusal]);
    });

    it('answers NodePorts from outside, masqueraded', async () => {
      const answers = await ask(lab.outside, 'tcp', ips.node(node), NODE_PORT, 30);
      expect(servers(answers)).toEqual(['local', 'remote']);
      expect(new Set(answers.map((answer) => answer.client))).not.toContain(ips.outside);
    });

    it('keeps the source and stays local with external policy Local, but short-circuits pods and the node', async () => {
      const outside = await ask(lab.outside, 'tcp', ips.externalIP, 80, 10);
      expect(outside).toEqual(Array(10).fill({ server: 'local', client: ips.outside }));
      // The kernel's balancer does not tell who asks: no short cut.
      const inside = isIpvs ? ['local'] : ['local', 'remote'];
      expect(servers(await ask(client.ns, 'tcp', ips.externalIP, 80, 30))).toEqual(inside);
      expect(servers(await ask(node.ns, 'tcp', ips.externalIP, 80, 30))).toEqual(inside);
    });

    it('follows an endpoint change within one sync and frees UDP clients of the old endpoint', async () => {
      const move = (pods: LabPod[]) =>
        syncOf('default/plain', () => void api.seed(Resources.endpointSlices, slice('plain', pods)));
      await move([remote]);
      expect(servers(await ask(client.ns, 'udp', ips.vip(10), 80, 10))).toEqual(['remote']);
      await move([local]);
      expect(servers(await ask(client.ns, 'tcp', ips.vip(10), 80, 10))).toEqual(['local']);
      await move([local, remote]);
      expect(servers(await ask(client.ns, 'tcp', ips.vip(10), 80, 30))).toEqual(['local', 'remote']);
    });

    itNftables('repairs the table when somebody flushes the ruleset', async () => {
      const from = synced.length;
      await node.ns.sh('nft flush ruleset');
      while (!synced.slice(from).some((event) => event.full)) {
        await new Promise<void>((resolve) => waiters.push(resolve));
      }
      expect(servers(await ask(client.ns, 'tcp', ips.vip(10), 80, 30))).toEqual(['local', 'remote']);
    });

    it('keeps rules over a stop, adopts them at the next start, and leaves nothing after cleanup', async () => {
      await proxy!.stop();
      expect(servers(await ask(client.ns, 'tcp', ips.vip(10), 80, 30))).toEqual(['local', 'remote']);
      proxy = makeProxy();
      await proxy.start();
      expect(servers(await ask(client.ns, 'tcp', ips.vip(10), 80, 30))).toEqual(['local', 'remote']);
      await proxy.stop();
      await cleanupProxy(node.ns.programs);
      const left = await node.ns.sh(
        'nft list ruleset; iptables-legacy-save 2>/dev/null; ip6tables-legacy-save 2>/dev/null',
      );
      expect(left).not.toMatch(/kubesvc|KSVC|KUBE-/);
      const devices = await node.ns.sh(
        'ip -o link show; ipset save 2>/dev/null; ipvsadm --save --numeric 2>/dev/null || true',
      );
      expect(devices).not.toMatch(/kube-ipvs0|KUBE-|^-A /m);
    });
  },
);
