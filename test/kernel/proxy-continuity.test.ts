import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { core, discovery } from '#api';
import type { Startable } from '#base';
import { Resources } from '#client';
import type { ProxyMode } from '#proxy';
import { FakeClient } from '../../src/client/testing/fake-client.js';
import { LAYOUT } from '../../src/proxy/nftables/names.js';
import { renderNftables } from '../../src/proxy/nftables/render.js';
import { TestCluster } from '../../src/proxy/testing/cluster.js';
import { desiredOf, testSettings } from '../../src/proxy/testing/flows.js';
import { bundle } from './bundle.js';
import { proxyOf } from './lab-proxy.js';
import type { Orders } from './proxy-kill-child.js';
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

  const service: core.Service = {
    metadata: { name: 'web', namespace: 'default' },
    spec: {
      clusterIP: VIP,
      clusterIPs: [VIP],
      ports: [
        { name: 'tcp', port: 80, protocol: 'TCP' },
        { name: 'udp', port: 80, protocol: 'UDP' },
      ],
    },
  };

  function slice(pods: LabPod[], leaving: LabPod[] = []): discovery.EndpointSlice {
    return {
      metadata: { name: 'web-1', namespace: 'default', labels: { 'kubernetes.io/service-name': 'web' } },
      addressType: 'IPv4',
      ports: [
        { name: 'tcp', port: 8080, protocol: 'TCP' },
        { name: 'udp', port: 8080, protocol: 'UDP' },
      ],
      endpoints: [
        ...pods.map((pod) => ({ addresses: [pod.ip], nodeName: pod.node.name })),
        ...leaving.map((pod) => ({
          addresses: [pod.ip],
          nodeName: pod.node.name,
          conditions: { ready: false, serving: true, terminating: true },
        })),
      ],
    };
  }

  /**
   * Endpoints come and go. They leave as Pods do, serving to the end: flows of one that is gone at once are cut, and
   * with them, by upstream's semantics, an answer that is under way.
   */
  function variants(): discovery.EndpointSlice[] {
    return [
      slice([first], [second]),
      slice([first, second]),
      slice([second], [first]),
      slice([second, first]),
    ];
  }

  function makeProxy(mode: ProxyMode): Startable {
    const settings = { mode, iptables: { minSyncPeriod: '1ms' } };
    return proxyOf(lab.nodes[0]!, api, settings, { localAddresses: () => ['172.30.0.11'] });
  }

  async function replaceProxy(mode: ProxyMode): Promise<void> {
    await running?.stop();
    running = makeProxy(mode);
    await running.start();
  }

  /** Runs `work` under load and returns every answer that was none. `turn` waits until what is under way has ended. */
  async function failuresDuring(
    work: (turn: () => Promise<void>) => Promise<void>,
  ): Promise<Record<string, number>> {
    const loads = {
      tcp: await constantLoad(client.ns, 'tcp', VIP, 80),
      udp: await constantLoad(client.ns, 'udp', VIP, 80),
    };
    await work(async () => {
      for (const load of Object.values(loads)) await load.turn();
    });
    const failures: Record<string, number> = {};
    for (const [protocol, load] of Object.entries(loads)) {
      const counts = await load.stop();
      const isAnswer = (server: string) => lab.pods.some((pod) => pod.name === server);
      expect(Object.keys(counts).some(isAnswer)).toBe(true);
      for (const [server, count] of Object.entries(counts)) {
        if (!isAnswer(server)) failures[`${protocol} ${server}`] = count;
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
    api.seed(Resources.services, service);
    api.seed(Resources.endpointSlices, slice([first, second]));
    await replaceProxy('nftables');
  });

  afterAll(async () => {
    await running?.stop();
    await lab?.destroy();
  });

  /** Changes the slice and resolves when the node's rules lead to these Pods and to no others. */
  async function served(pods: LabPod[], leaving: LabPod[] = []): Promise<void> {
    api.seed(Resources.endpointSlices, slice(pods, leaving));
    await vi.waitFor(
      async () => {
        const rules = await lab.nodes[0]!.ns.sh('nft list ruleset; iptables-legacy-save 2>/dev/null || true');
        const found = lab.pods.filter(({ ip }) => rules.split(/[^0-9.]+/).includes(ip));
        expect(new Set(found)).toEqual(new Set(pods));
      },
      { timeout: 60_000, interval: 20 },
    );
  }

  it.each(['nftables', 'iptables'] as const)(
    'loses nothing while endpoints change a hundred times a second (%s)',
    async (mode) => {
      await replaceProxy(mode);
      const slices = variants();
      const failures = await failuresDuring(async () => {
        const started = performance.now();
        for (let i = 0; i < CHANGES; i++) {
          api.seed(Resources.endpointSlices, slices[i % slices.length]!);
          // The rate is what is tested.
          const wait = started + (i + 1) * 10 - performance.now();
          if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
        }
        await served([first, second]);
      });
      expect(failures).toEqual({});
    },
  );

  it('loses nothing in a rolling update', async () => {
    await replaceProxy('nftables');
    const [third, fourth] = [await lab.pod(0, 'third'), await lab.pod(1, 'fourth')];
    const failures = await failuresDuring(async (turn) => {
      let serving = [first, second];
      for (const [old, fresh] of [
        [first, third],
        [second, fourth],
      ] as const) {
        await serveEcho(fresh.ns, fresh.name, 8080);
        await served([...serving, fresh]);
        serving = [...serving.filter((pod) => pod !== old), fresh];
        await served(serving, [old]);
        await served(serving);
        await turn();
        old.ns.programs.killAll();
      }
    });
    await Promise.all([serveEcho(first.ns, 'first', 8080), serveEcho(second.ns, 'second', 8080)]);
    await served([first, second]);
    expect(failures).toEqual({});
  });

  it.each(['nftables', 'iptables'])(
    'loses nothing when the proxy is killed at any moment (%s)',
    async (mode) => {
      await running?.stop();
      const orders: Orders = { mode, service, slices: variants() };
      const child = await bundle('proxy-kill-child.ts');
      const node = String(lab.nodes[0]!.ns.pid);
      try {
        const failures = await failuresDuring(async () => {
          for (const syncs of [1, 4, 9, 11]) {
            const args = ['-t', node, '-n', '--', process.execPath, child.path, JSON.stringify(orders)];
            const proxy = spawn('nsenter', args, { stdio: ['ignore', 'pipe', 'inherit'] });
            const ended = once(proxy, 'close');
            let seen = 0;
            for await (const _ of createInterface({ input: proxy.stdout })) if (++seen === syncs) break;
            proxy.kill('SIGKILL');
            await ended;
          }
        });
        expect(failures).toEqual({});
      } finally {
        await child.remove();
      }
    },
  );

  it('loses nothing in an upgrade from another layout of the table', async () => {
    await replaceProxy('nftables');
    await running!.stop();
    const { ns } = lab.nodes[0]!;
    const cluster = new TestCluster().add(service, slice([first, second]));
    const rules = [...renderNftables((await desiredOf(cluster)).owned(), testSettings())].join('\n');
    await ns.sh('nft -f -', `delete table ip kubesvc-proxy\n${rules.replace(LAYOUT, 'layout of old')}\n`);
    const failures = await failuresDuring(() => replaceProxy('nftables'));
    expect(failures).toEqual({});
    expect(await ns.sh('nft -t list table ip kubesvc-proxy')).toContain(LAYOUT);
  });

  it('loses nothing when it takes over from an upstream kube-proxy, whose rules go', async () => {
    await running!.stop();
    const { ns } = lab.nodes[0]!;
    const to = `${first.ip}:8080`;
    const nat = (protocol: string) =>
      `-A KUBE-SERVICES -d ${VIP}/32 -p ${protocol} -m ${protocol} --dport 80 -j DNAT --to-destination ${to}`;
    const rules = `*nat\n:KUBE-SERVICES - [0:0]\n-I PREROUTING 1 -j KUBE-SERVICES\n${nat('tcp')}\n${nat('udp')}\nCOMMIT\n`;
    await ns.sh('iptables-nft-restore --noflush', rules);
    await ns.sh('nft delete table ip kubesvc-proxy');
    const failures = await failuresDuring(async () => {
      await replaceProxy('nftables');
      await running!.stop();
    });
    expect(failures).toEqual({});
    expect(await ns.sh('iptables-nft-save')).not.toContain('KUBE-');
    await replaceProxy('nftables');
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
      const { ns } = lab.nodes[0]!;
      await ns.sh('nft add chain ip kubesvc-proxy foreign');
      await vi.waitFor(
        async () => expect(await ns.sh('nft -t list table ip kubesvc-proxy')).not.toContain('foreign'),
        { timeout: 60_000, interval: 20 },
      );
    });
    expect(failures).toEqual({});
  });
});
