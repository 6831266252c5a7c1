import { describe, expect, it } from 'vitest';
import { formatProxyConfig } from './format.js';
import { loadProxyConfig } from './load.js';

describe('formatProxyConfig', () => {
  it.each([
    {},
    {
      mode: 'userspace',
      clusterCIDR: '10.244.0.0/16,fd00:244::/56',
      clientConnection: { kubeconfig: '/k', qps: 50, burst: 100, contentType: 'application/json' },
      conntrack: { maxPerCore: 0, udpTimeout: '1m30s' },
      featureGates: { AllowServiceExternalIPs: false },
      iptables: { localhostNodePorts: false, minSyncPeriod: '250ms', syncPeriod: '1h' },
      logging: { verbosity: 6, format: 'json' },
      nodePortAddresses: ['10.0.0.0/8'],
      oomScoreAdj: 0,
    },
  ])('is read back as the same configuration, without a warning (%#)', (fields) => {
    const { config } = loadProxyConfig('', fields);
    expect(loadProxyConfig(formatProxyConfig(config))).toEqual({ config, warnings: [] });
  });

  it('names fields and durations as upstream does', () => {
    const text = formatProxyConfig(loadProxyConfig('').config);
    expect(text).toMatch(/^apiVersion: kubeproxy.config.k8s.io\/v1alpha1\nbindAddress: 0.0.0.0\n/);
    expect(text).toContain('configSyncPeriod: 15m0s\n');
    expect(text).toContain('  tcpEstablishedTimeout: 24h0m0s\n');
    expect(text).toContain('oomScoreAdj: -999\n');
  });
});
