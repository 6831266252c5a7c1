import { expect, it } from 'vitest';
import { loadProxyConfig } from './load.js';
import { syncPeriods } from './sync-periods.js';

it.each([
  ['nftables', 3000],
  ['iptables', 1000],
  ['ipvs', 2000],
  ['userspace', 3000],
])('of mode %s are those of its section', (mode, syncPeriodMs) => {
  const sections = {
    iptables: { minSyncPeriod: '100ms', syncPeriod: '1s' },
    ipvs: { minSyncPeriod: '200ms', syncPeriod: '2s' },
    nftables: { minSyncPeriod: '300ms', syncPeriod: '3s' },
  };
  const { config } = loadProxyConfig('', { mode, ...sections });
  expect(syncPeriods(config)).toEqual({ minSyncPeriodMs: syncPeriodMs / 10, syncPeriodMs });
});
