import type { ConnectionCounting } from '../connection-metrics.js';
import type { ProxyMode } from '../contract.js';
import type { Algorithm } from '../state/service-port.js';

export type DetectLocalMode = 'ClusterCIDR' | 'NodeCIDR' | 'BridgeInterface' | 'InterfaceNamePrefix';

/** Per rule language: how connections are masqueraded and how often rules are synced. Times in milliseconds. */
export interface RuleConfig {
  masqueradeBit: number;
  masqueradeAll: boolean;
  syncPeriodMs: number;
  minSyncPeriodMs: number;
}

export interface ConntrackConfig {
  maxPerCore: number;
  min: number;
  tcpEstablishedTimeoutMs: number;
  tcpCloseWaitTimeoutMs: number;
  tcpBeLiberal: boolean;
  udpTimeoutMs: number;
  udpStreamTimeoutMs: number;
}

/**
 * `KubeProxyConfiguration` (kubeproxy.config.k8s.io/v1alpha1), defaulted, with durations in milliseconds.
 * `loadBalancing` is ours; upstream's decoder would refuse it, ours takes both files.
 */
export interface ProxyConfig {
  featureGates: Record<string, boolean>;
  /** Objects travel as JSON whatever the content types say. */
  clientConnection: {
    kubeconfig: string;
    acceptContentTypes: string;
    contentType: string;
    /** Requests per second on average, and at once. */
    qps: number;
    burst: number;
  };
  logging: { format: 'text' | 'json'; flushFrequencyMs: number; verbosity: number };
  hostnameOverride: string;
  /** Overrides the node's address per family; binds nothing. */
  bindAddress: string;
  /** `address:port`; an empty string disables the server. */
  healthzBindAddress: string;
  metricsBindAddress: string;
  bindAddressHardFail: boolean;
  enableProfiling: boolean;
  /** `major.minor` of the previous release, or empty. Nothing is hidden here. */
  showHiddenMetricsForVersion: string;
  mode: ProxyMode;
  iptables: RuleConfig & { localhostNodePorts: boolean };
  nftables: RuleConfig;
  ipvs: RuleConfig & {
    scheduler: string;
    excludeCIDRs: string[];
    strictARP: boolean;
    tcpTimeoutMs: number;
    tcpFinTimeoutMs: number;
    udpTimeoutMs: number;
  };
  detectLocalMode: DetectLocalMode;
  detectLocal: { bridgeInterface: string; interfaceNamePrefix: string };
  /** Comma separated, one per family. */
  clusterCIDR: string;
  /** CIDRs, or the single word `primary`; empty means the mode's default. */
  nodePortAddresses: string[];
  oomScoreAdj: number;
  conntrack: ConntrackConfig;
  configSyncPeriodMs: number;
  /** Ours: how connections are spread, and how finely they are counted in metrics. */
  loadBalancing: { algorithm: Algorithm; connectionMetrics: ConnectionCounting };
}

/** A configuration with what was odd about it: unknown fields are reported, not refused. */
export interface LoadedConfig {
  config: ProxyConfig;
  warnings: string[];
}
