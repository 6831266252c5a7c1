import { describe, expect, it } from 'vitest';
import { createMetrics } from '#base';
import type { ProxyMode } from './contract.js';
import { createProxyMetrics } from './metrics.js';

const values = async (metrics: ReturnType<typeof createMetrics>) =>
  (await metrics.scrape()).body
    .split('\n')
    .filter((line) => /^kubeproxy_sync_proxy_rules_(ip|nf)tables_/.test(line))
    .map((line) => line.replace('kubeproxy_sync_proxy_rules_', ''));

describe('createProxyMetrics', () => {
  it.each<[ProxyMode, boolean, string[]]>([
    ['nftables', true, ['nftables_sync_failures_total{ip_family="IPv4"} 1']],
    ['iptables', true, ['iptables_restore_failures_total{ip_family="IPv4"} 1']],
    [
      'iptables',
      false,
      [
        'iptables_restore_failures_total{ip_family="IPv4"} 1',
        'iptables_partial_restore_failures_total{ip_family="IPv4"} 1',
      ],
    ],
    ['userspace', true, []],
  ])('counts a failed sync of mode %s (full: %s) under upstream’s names', async (mode, full, expected) => {
    const metrics = createMetrics();
    createProxyMetrics(metrics).syncFailed(mode, 'IPv4', full);
    expect(await values(metrics)).toEqual(expected);
  });

  it('asks for numbers of rules when it is scraped', async () => {
    const metrics = createMetrics();
    createProxyMetrics(metrics).rules.push(() => ({
      family: 'IPv6',
      counts: [{ table: 'nat', total: 12, last: 3 }],
    }));
    expect(await values(metrics)).toEqual([
      'iptables_total{table="nat",ip_family="IPv6"} 12',
      'iptables_last{table="nat",ip_family="IPv6"} 3',
    ]);
  });
});
