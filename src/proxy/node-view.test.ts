import { describe, expect, it } from 'vitest';
import type { core } from '#api';
import { loadProxyConfig } from './config/load.js';
import { NodeView } from './node-view.js';

const OWN = ['127.0.0.1', '192.168.0.2', '192.168.1.2', '10.9.9.9', '::1', 'fe80::1', 'fd00::2'];

function view(fields: Record<string, unknown>, node: Partial<core.Node> = {}, own = OWN): NodeView {
  const { config } = loadProxyConfig('', fields);
  const made = new NodeView('n1', config, () => own);
  made.setNode({
    metadata: { name: 'n1' },
    status: { addresses: [{ type: 'InternalIP', address: '192.168.0.2' }] },
    ...node,
  });
  return made;
}

const texts = (made: NodeView) => {
  const { localDetector } = made.settings('IPv4');
  return localDetector?.kind === 'cidr' ? localDetector.cidrs.map(({ text }) => text) : localDetector;
};

describe('NodeView', () => {
  it.each([
    [
      'the ranges of the configuration',
      { clusterCIDR: '10.0.0.0/8,fd00::/8' },
      {},
      ['10.0.0.0/8', 'fd00::/8'],
    ],
    ['nothing without ranges', {}, {}, undefined],
    [
      'the node’s own ranges',
      { detectLocalMode: 'NodeCIDR', clusterCIDR: '10.0.0.0/8' },
      { spec: { podCIDR: '10.244.1.0/24', podCIDRs: ['10.244.1.0/24', 'fd00:1::/64'] } },
      ['10.244.1.0/24', 'fd00:1::/64'],
    ],
    [
      'a single range of the node',
      { detectLocalMode: 'NodeCIDR' },
      { spec: { podCIDR: '10.244.1.0/24' } },
      ['10.244.1.0/24'],
    ],
    ['nothing while the node has no range', { detectLocalMode: 'NodeCIDR' }, {}, undefined],
    [
      'a bridge',
      { detectLocalMode: 'BridgeInterface', detectLocal: { bridgeInterface: 'cbr0' } },
      {},
      { kind: 'bridge', name: 'cbr0' },
    ],
    [
      'interfaces by prefix',
      { detectLocalMode: 'InterfaceNamePrefix', detectLocal: { interfaceNamePrefix: 'veth' } },
      {},
      { kind: 'prefix', prefix: 'veth' },
    ],
  ])('tells local Pods by %s', (_, fields, node, expected) => {
    expect(texts(view(fields, node))).toEqual(expected);
  });

  it.each([
    ['the node’s address in nftables mode', { mode: 'nftables' }, ['192.168.0.2'], []],
    ['all addresses in iptables mode', { mode: 'iptables' }, 'all', 'all'],
    [
      'every single address in userspace mode, link-local ones not',
      { mode: 'userspace' },
      ['10.9.9.9', '127.0.0.1', '192.168.0.2', '192.168.1.2'],
      ['::1', 'fd00::2'],
    ],
    [
      'addresses within ranges',
      { nodePortAddresses: ['192.168.0.0/16'] },
      ['192.168.0.2', '192.168.1.2'],
      'all',
    ],
    ['all addresses by a /0', { nodePortAddresses: ['0.0.0.0/0'] }, 'all', 'all'],
    [
      'the primary address, and none in a family that has none (upstream: all)',
      { mode: 'iptables', nodePortAddresses: ['primary'] },
      ['192.168.0.2'],
      [],
    ],
  ])('answers NodePorts on %s', (_, fields, v4, v6) => {
    const made = view(fields);
    expect([made.nodePortAddresses('IPv4'), made.nodePortAddresses('IPv6')]).toEqual([v4, v6]);
  });

  it('takes the node’s address from bindAddress, InternalIP, then ExternalIP', () => {
    const status = {
      addresses: [
        { type: 'ExternalIP', address: '203.0.113.9' },
        { type: 'InternalIP', address: '192.168.0.2' },
      ],
    };
    expect(view({}, { status }).nodeIP('IPv4')).toBe('192.168.0.2');
    expect(view({}, { status: { addresses: status.addresses.slice(0, 1) } }).nodeIP('IPv4')).toBe(
      '203.0.113.9',
    );
    expect(view({ bindAddress: '192.168.1.2' }, { status }).nodeIP('IPv4')).toBe('192.168.1.2');
    expect(view({ bindAddress: '::' }, { status }).nodeIP('IPv6')).toBeUndefined();
  });

  it('is no target for load balancers while the autoscaler removes it', () => {
    expect(view({}).isEligible).toBe(true);
    const taints = [{ key: 'ToBeDeletedByClusterAutoscaler', effect: 'NoSchedule' }];
    expect(view({}, { spec: { taints } }).isEligible).toBe(false);
    expect(view({}, { metadata: { name: 'n1', deletionTimestamp: '2026-01-01T00:00:00Z' } }).isEligible).toBe(
      false,
    );
  });
});
