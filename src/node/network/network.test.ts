import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import type { core } from '#api';
import { silentLogger } from '#base';
import { createInformerFactory, Resources } from '#client';
import { FakeClient } from '#client/testing';
import { FakePrograms } from '#host/testing';
import { hostPortsOf, renderHostPorts } from './host-ports.js';
import { desiredRoutes, NodeRoutes } from './node-routes.js';
import { AddressesExhaustedError, PodAddresses } from './pod-addresses.js';
import { hostInterfaceName } from './pod-network.js';

describe('pod addresses', () => {
  it('keeps the network, gateway and broadcast addresses free', () => {
    const addresses = new PodAddresses(['10.0.0.0/29']);
    expect(addresses.gateways).toEqual([{ address: '10.0.0.1', prefixLength: 29 }]);
    const ips = ['a', 'b', 'c', 'd', 'e'].map((uid) => addresses.take(uid)[0]!.ip);
    expect(ips).toEqual(['10.0.0.2', '10.0.0.3', '10.0.0.4', '10.0.0.5', '10.0.0.6']);
    expect(() => addresses.take('f')).toThrow(AddressesExhaustedError);
  });

  it('lets a freed address rest before it is used again', () => {
    const addresses = new PodAddresses(['10.0.0.0/24']);
    addresses.take('a');
    addresses.release('a');
    expect(addresses.take('b')[0]!.ip).toBe('10.0.0.3');
  });

  it('gives both families, in the order of the networks', () => {
    const addresses = new PodAddresses(['10.0.0.0/24', 'fd00::/64']);
    expect(addresses.take('a')).toEqual([
      { ip: '10.0.0.2', prefixLength: 24, gateway: '10.0.0.1' },
      { ip: 'fd00::2', prefixLength: 64, gateway: 'fd00::1' },
    ]);
  });

  it('keeps a stored address for its pod, and ignores one that is of another network or taken', () => {
    const addresses = new PodAddresses(['10.0.0.0/24']);
    addresses.reserve('a', ['10.0.0.9']);
    addresses.reserve('b', ['10.0.0.9']);
    addresses.reserve('c', ['10.1.0.9']);
    addresses.reserve('d', ['10.0.0.1']);
    expect(addresses.take('a')[0]!.ip).toBe('10.0.0.9');
    expect(['b', 'c', 'd'].map((uid) => addresses.take(uid)[0]!.ip)).toEqual([
      '10.0.0.2',
      '10.0.0.3',
      '10.0.0.4',
    ]);
  });

  it('never gives one address to two pods', () => {
    const step = fc.record({ uid: fc.integer({ min: 0, max: 9 }), take: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
        const addresses = new PodAddresses(['10.0.0.0/28']);
        const held = new Map<number, string>();
        for (const { uid, take } of steps) {
          if (take) held.set(uid, addresses.take(String(uid))[0]!.ip);
          else {
            addresses.release(String(uid));
            held.delete(uid);
          }
          expect(new Set(held.values()).size).toBe(held.size);
        }
      }),
    );
  });

  it('refuses networks that are malformed or too small', () => {
    expect(() => new PodAddresses(['nonsense'])).toThrow(RangeError);
    expect(() => new PodAddresses(['10.0.0.0/31'])).toThrow(RangeError);
  });
});

it('names of pod links fit into 15 characters', () => {
  fc.assert(
    fc.property(fc.uuid(), (uid) => {
      expect(hostInterfaceName(uid)).toMatch(/^veth[0-9a-f]{11}$/);
    }),
  );
});

function node(name: string, ip: string, cidr: string | undefined): core.Node {
  return {
    metadata: { name },
    spec: cidr === undefined ? {} : { podCIDR: cidr, podCIDRs: [cidr] },
    status: { addresses: [{ type: 'InternalIP', address: ip }] },
  };
}

describe('routes to other nodes', () => {
  it('go to the address of the same family, and none to this node', () => {
    const dual = node('b', '172.30.0.12', '10.244.2.0/24');
    dual.spec!.podCIDRs!.push('fd00:2::/64');
    dual.status!.addresses!.push({ type: 'InternalIP', address: 'fd01::12' });
    const routes = desiredRoutes(
      [node('a', '172.30.0.11', '10.244.1.0/24'), dual, node('c', '172.30.0.13', undefined)],
      'a',
    );
    expect([...routes]).toEqual([
      ['10.244.2.0/24', '172.30.0.12'],
      ['fd00:2::/64', 'fd01::12'],
    ]);
  });

  it('follow the Nodes, writing only what changes', async () => {
    const client = new FakeClient();
    const informers = createInformerFactory(client, { logger: silentLogger });
    const informer = informers.informer(Resources.nodes);
    client.seed(
      Resources.nodes,
      node('a', '172.30.0.11', '10.244.1.0/24'),
      node('b', '172.30.0.12', '10.244.2.0/24'),
    );
    informers.start();
    await informers.synced();
    const programs = new FakePrograms();
    const routes = new NodeRoutes({ informer, programs, logger: silentLogger, self: 'a' });
    routes.start();
    await vi.waitFor(() =>
      expect(programs.calls.map((c) => c.input)).toEqual(['route replace 10.244.2.0/24 via 172.30.0.12\n']),
    );
    client.seed(Resources.nodes, node('c', '172.30.0.13', '10.244.3.0/24'));
    client.remove(Resources.nodes, 'b');
    await vi.waitFor(() => {
      const text = programs.calls
        .slice(1)
        .map((c) => c.input)
        .join('');
      expect(text).toContain('route replace 10.244.3.0/24 via 172.30.0.13\n');
      expect(text).toContain('route del 10.244.2.0/24\n');
      expect(text).not.toContain('route replace 10.244.2.0/24');
    });
    await routes.stop();
    informers.stop();
  });
});

describe('host ports', () => {
  const pod: core.Pod = {
    metadata: { name: 'p' },
    spec: {
      containers: [
        {
          name: 'c',
          ports: [
            { containerPort: 80, hostPort: 8080, protocol: 'TCP' },
            { containerPort: 53, hostPort: 53, protocol: 'UDP', hostIP: '172.30.0.11' },
            { containerPort: 9 },
          ],
        },
      ],
    },
  };
  it('are those with a hostPort, per family, and none on the host network', () => {
    expect(
      hostPortsOf(pod, ['10.0.0.2', 'fd00::2']).map((p) => `${p.hostIP}:${p.hostPort} ${p.podIP}`),
    ).toEqual([':8080 10.0.0.2', ':8080 fd00::2', '172.30.0.11:53 10.0.0.2']);
    expect(hostPortsOf({ ...pod, spec: { ...pod.spec!, hostNetwork: true } }, ['10.0.0.2'])).toEqual([]);
  });
  it('replace their own table in one transaction and leave none behind', () => {
    expect(renderHostPorts([])).toBe('table inet kubesvc-hostport {}\ndelete table inet kubesvc-hostport\n');
    const text = renderHostPorts(hostPortsOf(pod, ['10.0.0.2']));
    expect(text).toContain('fib daddr type local tcp dport 8080 dnat ip to 10.0.0.2:80');
    expect(text).toContain('ip daddr 172.30.0.11 udp dport 53 dnat ip to 10.0.0.2:53');
  });
});
