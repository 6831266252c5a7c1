import type { ProxyConfig } from './types.js';

/**
 * How often rules may be written and how late they may be, as configured for the mode; userspace, which has no section
 * of its own, goes by that of the default mode.
 */
export function syncPeriods(config: ProxyConfig): { minSyncPeriodMs: number; syncPeriodMs: number } {
  const { mode, iptables, ipvs, nftables } = config;
  const { minSyncPeriodMs, syncPeriodMs } =
    mode === 'iptables' ? iptables : mode === 'ipvs' ? ipvs : nftables;
  return { minSyncPeriodMs, syncPeriodMs };
}
