import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { flowTables } from '../../src/proxy/testing/flow-tables.js';
import { BLOCKED_CLIENT, EXTERNAL_CLIENT, NODE_IP, SECOND_NODE_IP } from '../../src/proxy/testing/flows.js';
import { policyFlowTables } from '../../src/proxy/testing/policy-flow-tables.js';
import { type Bundle, bundle } from './bundle.js';
import { ask, Lab, type LabPod, Namespace, serveEcho } from './proxy-lab.js';
import type { Cluster } from './userspace-proxy-child.js';

const tables = [...flowTables, ...policyFlowTables];

/** Addresses that flows come from, and those of the endpoints. */
function addressesOf(): Set<string> {
  const found = new Set([NODE_IP, SECOND_NODE_IP, EXTERNAL_CLIENT, BLOCKED_CLIENT]);
  for (const { cluster, flows } of tables) {
    for (const { source } of flows) if (source !== '127.0.0.1' && source !== '5.6.7.8') found.add(source);
    for (const slice of cluster.slicesByName.values()) {
      for (const { addresses } of slice.endpoints ?? [])
        found.add(addresses[0]!.replace(/(^|\.)0+(?=\d)/g, '$1'));
    }
  }
  return found;
}

describe('the flow tables, sent through the userspace mode', () => {
  let ns: Namespace;
  let child: Bundle;
  let results: string[][];

  beforeAll(async () => {
    ns = await Namespace.create();
    child = await bundle('userspace-flows-child.ts');
    await ns.sh([...addressesOf()].map((address) => `ip addr add ${address}/32 dev lo`).join('; '));
    results = JSON.parse(await ns.sh(`${process.execPath} ${child.path}`)) as string[][];
  });

  afterAll(async () => {
    await child?.remove();
    await ns?.destroy();
  });

  describe.each(tables.map((table, index) => ({ ...table, index })))('$title', ({ flows, index }) => {
    it.each(flows.map((flow, at) => ({ ...flow, at })))('$name', ({ output, userspace, at }) => {
      expect(results[index]![at]).toBe(userspace ?? output);
    });
  });
});

const NODE_PORT = 30_080;
const families = ['IPv4', 'IPv6'] as const;
const VIPS = { IPv4: '10.96.0.10', IPv6: 'fd00:96::10' };

/** Starts the proxy in a namespace, as root or as nobody, and resolves when its sockets listen. */
async function startProxy(
  ns: Namespace,
  path: string,
  cluster: Cluster,
  user: string[],
): Promise<ChildProcess> {
  const args = ['-t', String(ns.pid), '-n', '--', ...user, process.execPath, path];
  const child = spawn('nsenter', args, { stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin!.write(`${JSON.stringify(cluster)}\n`);
  const failed = once(child, 'exit').then(() => Promise.reject(new Error('the proxy ended')));
  await Promise.race([once(child.stdout!, 'data'), failed]);
  failed.catch(() => {});
  return child;
}

describe('the userspace proxy between nodes and Pods', () => {
  let lab: Lab;
  let child: Bundle;
  let client: LabPod;
  let pods: LabPod[];
  const running: ChildProcess[] = [];

  function clusterOf(): Cluster {
    const ports = (nodePort: number) => [
      { name: 'tcp', port: 80, protocol: 'TCP', nodePort },
      { name: 'udp', port: 80, protocol: 'UDP', nodePort },
    ];
    const slicePorts = [
      { name: 'tcp', port: 8080, protocol: 'TCP' },
      { name: 'udp', port: 8080, protocol: 'UDP' },
    ];
    const node = lab.nodes[0]!;
    return {
      config: { mode: 'userspace', clusterCIDR: '10.244.0.0/16,fd00:244::/32' },
      node: {
        metadata: { name: 'node1' },
        status: {
          addresses: [node.ip, node.ip6].map((address) => ({ type: 'InternalIP', address })),
        },
      },
      serviceCIDRs: ['10.96.0.0/16', 'fd00:96::/112'],
      services: [
        {
          metadata: { name: 'web', namespace: 'default' },
          spec: {
            clusterIP: VIPS.IPv4,
            clusterIPs: [VIPS.IPv4, VIPS.IPv6],
            type: 'NodePort',
            ports: ports(NODE_PORT),
          },
        },
      ],
      slices: families.map((family) => ({
        metadata: {
          name: `web-${family}`,
          namespace: 'default',
          labels: { 'kubernetes.io/service-name': 'web' },
        },
        addressType: family,
        ports: slicePorts,
        endpoints: pods.map((pod) => ({
          addresses: [family === 'IPv4' ? pod.ip : pod.ip6],
          nodeName: pod.node.name,
        })),
      })),
    };
  }

  beforeAll(async () => {
    lab = await Lab.create();
    client = await lab.pod(0, 'client');
    pods = [await lab.pod(0, 'local'), await lab.pod(1, 'remote')];
    await Promise.all(pods.map((pod) => serveEcho(pod.ns, pod.name, 8080)));
    child = await bundle('userspace-proxy-child.ts');
  });

  afterAll(async () => {
    for (const one of running) one.kill('SIGKILL');
    await child?.remove();
    await lab?.destroy();
  });

  describe('with the right to set routes', () => {
    beforeAll(async () => {
      running.push(await startProxy(lab.nodes[0]!.ns, child.path, clusterOf(), []));
    });

    describe.each(families)('%s', (family) => {
      it.each(['tcp', 'udp'] as const)(
        'serves %s to Pods, the node and the outside; the node is the client',
        async (protocol) => {
          const node = lab.nodes[0]!;
          const nodeIP = family === 'IPv4' ? node.ip : node.ip6;
          const answers = [
            ...(await ask(client.ns, protocol, VIPS[family], 80, 20)),
            ...(await ask(node.ns, protocol, VIPS[family], 80, 5)),
            ...(await ask(lab.outside, protocol, nodeIP, NODE_PORT, 20)),
          ];
          expect(new Set(answers.map(({ server }) => server))).toEqual(new Set(['local', 'remote']));
          const clients = new Set(
            answers.filter(({ server }) => server === 'remote').map((answer) => answer.client),
          );
          expect([...clients]).toEqual([nodeIP]);
        },
      );
    });
  });

  it('maps cluster IPs to loopback as nobody, and says so where metrics are served', async () => {
    const nobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--inh-caps=-all'];
    const node = lab.nodes[1]!;
    running.push(await startProxy(node.ns, child.path, clusterOf(), nobody));
    const text = await node.ns.sh('curl -s http://127.0.0.1:10249/listeners');
    const { listeners } = JSON.parse(text) as { listeners: Record<string, unknown>[] };
    expect(listeners).toContainEqual({
      service: 'default/web',
      portName: 'tcp',
      protocol: 'TCP',
      address: VIPS.IPv4,
      port: 80,
      listenAddress: '127.96.0.10',
      listenPort: 10_080,
    });
    const answers = await ask(node.ns, 'tcp', '127.96.0.10', 10_080, 20);
    expect(new Set(answers.map(({ server }) => server))).toEqual(new Set(['local', 'remote']));
    const outside = await ask(lab.outside, 'tcp', node.ip, NODE_PORT, 20);
    expect(new Set(outside.map(({ server }) => server))).toEqual(new Set(['local', 'remote']));
  });
});
