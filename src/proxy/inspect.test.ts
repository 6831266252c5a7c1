import { describe, expect, it } from 'vitest';
import { loadProxyConfig } from './config/load.js';
import { type InspectOptions, renderRules, traceConnection } from './inspect.js';
import { makeService, makeSlice, NODE_NAME } from './testing/objects.js';

function options(mode = 'nftables'): InspectOptions {
  return {
    config: loadProxyConfig('', { mode, clusterCIDR: '10.0.0.0/8', nodePortAddresses: ['primary'] }).config,
    nodeName: NODE_NAME,
    localAddresses: () => ['192.168.0.2'],
    snapshot: {
      services: [
        makeService('web', '172.30.0.1', {
          type: 'NodePort',
          ports: [{ name: 'p80', port: 80, nodePort: 30_000 }],
        }),
      ],
      slices: [makeSlice('web', [{ ip: '10.1.0.1', node: NODE_NAME }, { ip: '10.1.0.2' }])],
      node: {
        metadata: { name: NODE_NAME },
        status: { addresses: [{ type: 'InternalIP', address: '192.168.0.2' }] },
      },
      serviceCIDRs: ['172.30.0.0/16'],
    },
  };
}

describe('traceConnection', () => {
  it('answers with every endpoint and the rules on the way', async () => {
    const answers = await traceConnection(options(), { from: '10.9.9.9', to: '172.30.0.1', port: 80 });
    expect(answers.map(({ destination, port, masqueraded }) => ({ destination, port, masqueraded }))).toEqual(
      [
        { destination: '10.1.0.1', port: 80, masqueraded: false },
        { destination: '10.1.0.2', port: 80, masqueraded: false },
      ],
    );
    expect(answers[0]!.rules.join('\n')).toContain(
      'services: ip daddr . meta l4proto . th dport vmap @service-ips',
    );
  });

  it('masquerades NodePort traffic and rejects unknown ports', async () => {
    const [first] = await traceConnection(options(), {
      from: '203.0.113.9',
      to: '192.168.0.2',
      port: 30_000,
    });
    expect(first).toMatchObject({ verdict: 'ACCEPT', masqueraded: true });
    const [wrong] = await traceConnection(options(), { from: '10.9.9.9', to: '172.30.0.1', port: 81 });
    expect(wrong).toMatchObject({ verdict: 'REJECT' });
  });

  it('gives the same answers in every other mode', async () => {
    const question = { from: '203.0.113.9', to: '192.168.0.2', port: 30_000 };
    const ends = async (mode: string) =>
      (await traceConnection(options(mode), question)).map(({ rules: _, ...end }) => end);
    expect(await ends('iptables')).toEqual(await ends('nftables'));
    expect(await ends('ipvs')).toEqual(await ends('nftables'));
    expect(await ends('userspace')).toEqual(await ends('nftables'));
  });

  it('names sets and virtual servers on the way in ipvs mode', async () => {
    const [first] = await traceConnection(options('ipvs'), { from: '10.9.9.9', to: '172.30.0.1', port: 80 });
    expect(first!.rules).toContain('ipvs: tcp 172.30.0.1 80 → 10.1.0.1:80');
    expect(first!.rules.join('\n')).toContain('--match-set KUBE-CLUSTER-IP dst,dst');
  });

  it('refuses what is no address', async () => {
    await expect(traceConnection(options(), { from: 'x', to: '172.30.0.1', port: 80 })).rejects.toThrow(
      RangeError,
    );
  });
});

describe('renderRules', () => {
  it('renders the table of one family and nothing of the other', async () => {
    const v4 = [...(await renderRules(options(), 'IPv4'))].join('\n');
    const v6 = [...(await renderRules(options(), 'IPv6'))].join('\n');
    expect(v4).toContain('add element ip kubesvc-proxy endpoints-tcp { 172.30.0.1 . 80 . 0 : 10.1.0.1 . 80');
    expect(v6).not.toContain('172.30.0.1');
  });
});
