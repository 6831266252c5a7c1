import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { core, discovery } from '#api';
import type { Startable } from '#base';
import { Resources } from '#client';
import { FakeClient } from '../../src/client/testing/fake-client.js';
import { proxyOf } from './lab-proxy.js';
import { Lab, type LabNode, type LabPod, type Namespace, serveEcho } from './proxy-lab.js';

const VIP = '10.96.0.10';
const NODE_PORT = 30_053;
const STICK = new URL('./proxy-stick.mjs', import.meta.url).pathname;

/** A client with one UDP socket: what it hears follows the Service, not the flow that the kernel remembers. */
describe.each(['nftables', 'iptables'])('a UDP client that keeps its socket (%s)', (mode) => {
  const api = new FakeClient();
  let lab: Lab;
  let node: LabNode;
  let client: LabPod;
  let first: LabPod;
  let second: LabPod;
  let proxy: Startable | undefined;

  const service: core.Service = {
    metadata: { name: 'dns', namespace: 'default' },
    spec: {
      type: 'NodePort',
      clusterIP: VIP,
      clusterIPs: [VIP],
      ports: [{ name: 'udp', port: 53, protocol: 'UDP', nodePort: NODE_PORT }],
    },
  };

  function endpoints(pods: LabPod[], leaving: LabPod[] = []): void {
    const slice: discovery.EndpointSlice = {
      metadata: { name: 'dns-1', namespace: 'default', labels: { 'kubernetes.io/service-name': 'dns' } },
      addressType: 'IPv4',
      ports: [{ name: 'udp', port: 8080, protocol: 'UDP' }],
      endpoints: [
        ...pods.map((pod) => ({ addresses: [pod.ip] })),
        ...leaving.map((pod) => ({
          addresses: [pod.ip],
          conditions: { ready: false, serving: true, terminating: true },
        })),
      ],
    };
    api.seed(Resources.endpointSlices, slice);
  }

  /** Starts a client; `hears` resolves when it is answered by this server next. */
  async function stick(ns: Namespace, address: string, port: number) {
    const program = await ns.programs.spawn(process.execPath, [STICK, address, String(port)]);
    const answers = createInterface({ input: program.stdout })[Symbol.asyncIterator]();
    return {
      async hears(server: string): Promise<void> {
        for (;;) {
          const { value, done } = await answers.next();
          if (done === true) throw new Error('the client ended');
          if (value === server) return;
        }
      },
      stop: () => program.kill('SIGKILL'),
    };
  }

  beforeAll(async () => {
    lab = await Lab.create();
    node = lab.nodes[0]!;
    client = await lab.pod(0, 'client');
    first = await lab.pod(0, 'first');
    second = await lab.pod(1, 'second');
    await Promise.all([serveEcho(first.ns, 'first', 8080), serveEcho(second.ns, 'second', 8080)]);
    api.seed(Resources.nodes, {
      metadata: { name: 'node1' },
      status: { addresses: [{ type: 'InternalIP', address: node.ip }] },
    });
    api.seed(Resources.services, service);
    endpoints([first]);
    proxy = proxyOf(node, api, { mode, iptables: { minSyncPeriod: '1ms' } });
    await proxy.start();
  });

  afterAll(async () => {
    await proxy?.stop();
    await lab?.destroy();
  });

  it('is moved when its endpoint leaves, and back', async () => {
    const pod = await stick(client.ns, VIP, 53);
    await pod.hears('first');
    endpoints([second]);
    await pod.hears('second');
    endpoints([first]);
    await pod.hears('first');
    pod.stop();
  });

  it('is refused while there are no endpoints, and served again when there are', async () => {
    const pod = await stick(client.ns, VIP, 53);
    await pod.hears('first');
    endpoints([]);
    await pod.hears('refused');
    endpoints([second]);
    await pod.hears('second');
    pod.stop();
    endpoints([first]);
  });

  it('of a Service that did not exist is served when it does, and after it was deleted and made anew', async () => {
    api.remove(Resources.services, 'dns', 'default');
    const pod = await stick(client.ns, VIP, 53);
    api.seed(Resources.services, service);
    await pod.hears('first');
    api.remove(Resources.services, 'dns', 'default');
    endpoints([second]);
    api.seed(Resources.services, service);
    await pod.hears('second');
    pod.stop();
    endpoints([first]);
  });

  it('is moved by NodePort too, and flows past the node with the same port are left alone', async () => {
    const outside = await stick(lab.outside, node.ip, NODE_PORT);
    await outside.hears('first');
    await serveEcho(second.ns, 'stranger', NODE_PORT);
    const stranger = await stick(client.ns, second.ip, NODE_PORT);
    await stranger.hears('stranger');
    const flow = () =>
      node.ns.sh(
        `conntrack -L -p udp --orig-dst ${second.ip} --orig-port-dst ${NODE_PORT} -o id 2>/dev/null`,
      );
    const id = async () => /id=(\d+)/.exec(await flow())?.[1];
    const before = await id();
    endpoints([second]);
    await outside.hears('second');
    expect(before).toBeDefined();
    expect(await id()).toBe(before);
    outside.stop();
    stranger.stop();
    endpoints([first]);
  });

  it('stays with an endpoint that serves while it terminates', async () => {
    const pod = await stick(client.ns, VIP, 53);
    await pod.hears('first');
    const other = await stick(lab.outside, node.ip, NODE_PORT);
    await other.hears('first');
    const flows = async () => {
      const text = await node.ns.sh(`conntrack -L -p udp --orig-dst ${VIP} -o id 2>/dev/null`);
      return [...text.matchAll(new RegExp(`src=${first.ip} .*id=(\\d+)`, 'g'))].map(([, id]) => id);
    };
    const before = await flows();
    endpoints([second], [first]);
    // New flows are the sign that the change is in the kernel.
    const fresh = await stick(client.ns, VIP, 53);
    await fresh.hears('second');
    expect(before.length).toBeGreaterThan(0);
    expect(await flows()).toEqual(expect.arrayContaining(before));
    for (const one of [pod, other, fresh]) one.stop();
  });
});
