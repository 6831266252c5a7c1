import { stringify } from 'yaml';
import { formatDuration } from '#base';
import { API_VERSION, KIND } from './load.js';
import type { ProxyConfig, RuleConfig } from './types.js';

function rules(config: RuleConfig) {
  return {
    masqueradeAll: config.masqueradeAll,
    masqueradeBit: config.masqueradeBit,
    minSyncPeriod: formatDuration(config.minSyncPeriodMs),
    syncPeriod: formatDuration(config.syncPeriodMs),
  };
}

function ipvs(config: ProxyConfig['ipvs']) {
  return {
    excludeCIDRs: config.excludeCIDRs,
    minSyncPeriod: formatDuration(config.minSyncPeriodMs),
    scheduler: config.scheduler,
    strictARP: config.strictARP,
    syncPeriod: formatDuration(config.syncPeriodMs),
    tcpFinTimeout: formatDuration(config.tcpFinTimeoutMs),
    tcpTimeout: formatDuration(config.tcpTimeoutMs),
    udpTimeout: formatDuration(config.udpTimeoutMs),
  };
}

function conntrack(config: ProxyConfig['conntrack']) {
  return {
    maxPerCore: config.maxPerCore,
    min: config.min,
    tcpBeLiberal: config.tcpBeLiberal,
    tcpCloseWaitTimeout: formatDuration(config.tcpCloseWaitTimeoutMs),
    tcpEstablishedTimeout: formatDuration(config.tcpEstablishedTimeoutMs),
    udpStreamTimeout: formatDuration(config.udpStreamTimeoutMs),
    udpTimeout: formatDuration(config.udpTimeoutMs),
  };
}

/** The configuration as the file has it (`/configz`, `--write-config-to`): reading it gives the same configuration. */
export function toConfigFile(config: ProxyConfig): Record<string, unknown> {
  return {
    apiVersion: API_VERSION,
    bindAddress: config.bindAddress,
    bindAddressHardFail: config.bindAddressHardFail,
    clientConnection: config.clientConnection,
    clusterCIDR: config.clusterCIDR,
    configSyncPeriod: formatDuration(config.configSyncPeriodMs),
    conntrack: conntrack(config.conntrack),
    detectLocal: config.detectLocal,
    detectLocalMode: config.detectLocalMode,
    enableProfiling: config.enableProfiling,
    featureGates: config.featureGates,
    healthzBindAddress: config.healthzBindAddress,
    hostnameOverride: config.hostnameOverride,
    iptables: { ...rules(config.iptables), localhostNodePorts: config.iptables.localhostNodePorts },
    ipvs: ipvs(config.ipvs),
    kind: KIND,
    loadBalancing: config.loadBalancing,
    logging: {
      flushFrequency: formatDuration(config.logging.flushFrequencyMs),
      format: config.logging.format,
      verbosity: config.logging.verbosity,
    },
    metricsBindAddress: config.metricsBindAddress,
    mode: config.mode,
    nftables: rules(config.nftables),
    nodePortAddresses: config.nodePortAddresses,
    oomScoreAdj: config.oomScoreAdj,
    showHiddenMetricsForVersion: config.showHiddenMetricsForVersion,
  };
}

/** A KubeProxyConfiguration file, keys in order, as YAML. */
export function formatProxyConfig(config: ProxyConfig): string {
  return stringify(toConfigFile(config), { sortMapEntries: true });
}
