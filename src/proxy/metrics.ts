import { type Counter, durationBuckets, type Gauge, type Histogram, type Metrics } from '#base';
import type { ProxyMode, RuleCount } from './contract.js';

/** Upstream's buckets for programming latency: 1 ms to 60 s and beyond. */
const programmingBuckets = [...durationBuckets, 30, 60, 120, 300];

/** The proxy's instruments, under kube-proxy's names. `ip_family` is `IPv4` or `IPv6`. */
export interface ProxyMetrics {
  syncDuration: Histogram;
  fullSyncDuration: Histogram;
  partialSyncDuration: Histogram;
  networkProgramming: Histogram;
  lastTimestamp: Gauge;
  lastQueuedTimestamp: Gauge;
  endpointChangesTotal: Counter;
  serviceChangesTotal: Counter;
  /** Families report here what waits; read at scrape time, since changes come by the ten thousand. */
  pending: PendingReporter[];
  /** Counts a failed sync under the names that upstream's mode has for it. */
  syncFailed(mode: ProxyMode, ipFamily: string, full: boolean): void;
  cleanupFailures: Counter;
  /** Families report their rules here; read at scrape time. */
  rules: RuleReporter[];
  conntrackDuration: Histogram;
  conntrackDeleted: Counter;
  healthz: Counter;
  livez: Counter;
  /** Services whose traffic policy Local finds endpoints elsewhere but none on this node. */
  noLocalEndpoints: Gauge;
  foreignChanges: Counter;
  invalidDropped: Counter;
  localhostAccepted: Counter;
}

export type RuleReporter = () => { family: string; counts: RuleCount[] };
export type PendingReporter = () => { family: string; service: number; endpoints: number };

const family = ['ip_family'];

export function createProxyMetrics(metrics: Metrics): ProxyMetrics {
  const histogram = (name: string, help: string, buckets: number[] = durationBuckets) =>
    metrics.histogram(`kubeproxy_${name}`, help, family, buckets);
  const counter = (name: string, help: string, labels = family) =>
    metrics.counter(`kubeproxy_${name}`, help, labels);
  const gauge = (name: string, help: string, labels = family) =>
    metrics.gauge(`kubeproxy_${name}`, help, labels);
  const pending: PendingReporter[] = [];
  const pendingGauge = (kind: 'service' | 'endpoints', name: string, help: string) =>
    metrics.gauge(`kubeproxy_${name}`, help, family, (into) => {
      for (const report of pending) {
        const now = report();
        into.set(now[kind], { ip_family: now.family });
      }
    });
  pendingGauge(
    'endpoints',
    'sync_proxy_rules_endpoint_changes_pending',
    'Pending proxy rules Endpoint changes',
  );
  pendingGauge('service', 'sync_proxy_rules_service_changes_pending', 'Pending proxy rules Service changes');
  return {
    pending,
    syncDuration: histogram('sync_proxy_rules_duration_seconds', 'SyncProxyRules latency in seconds'),
    fullSyncDuration: histogram(
      'sync_full_proxy_rules_duration_seconds',
      'SyncProxyRules latency for full resyncs',
    ),
    partialSyncDuration: histogram(
      'sync_partial_proxy_rules_duration_seconds',
      'SyncProxyRules latency for partial resyncs',
    ),
    networkProgramming: histogram(
      'network_programming_duration_seconds',
      'In Cluster Network Programming Latency in seconds',
      programmingBuckets,
    ),
    lastTimestamp: gauge(
      'sync_proxy_rules_last_timestamp_seconds',
      'The last time proxy rules were successfully synced',
    ),
    lastQueuedTimestamp: gauge(
      'sync_proxy_rules_last_queued_timestamp_seconds',
      'The last time a sync of proxy rules was queued',
    ),
    endpointChangesTotal: counter(
      'sync_proxy_rules_endpoint_changes_total',
      'Cumulative proxy rules Endpoint changes',
    ),
    serviceChangesTotal: counter(
      'sync_proxy_rules_service_changes_total',
      'Cumulative proxy rules Service changes',
    ),
    syncFailed: createFailureCounters(metrics),
    cleanupFailures: counter(
      'sync_proxy_rules_nftables_cleanup_failures_total',
      'Cumulative proxy nftables cleanup failures',
    ),
    rules: createRuleGauges(metrics),
    conntrackDuration: histogram(
      'conntrack_reconciler_sync_duration_seconds',
      'ReconcileConntrackFlowsLatency latency in seconds',
    ),
    conntrackDeleted: counter(
      'conntrack_reconciler_deleted_entries_total',
      'Cumulative conntrack flows deleted by conntrack reconciler',
    ),
    healthz: counter('proxy_healthz_total', 'Cumulative proxy healthz HTTP status', ['code']),
    livez: counter('proxy_livez_total', 'Cumulative proxy livez HTTP status', ['code']),
    noLocalEndpoints: gauge(
      'sync_proxy_rules_no_local_endpoints_total',
      'Number of services with a Local traffic policy and no endpoints',
      ['ip_family', 'traffic_policy'],
    ),
    invalidDropped: counter(
      'iptables_ct_state_invalid_dropped_packets_total',
      'packets dropped by iptables to work around conntrack problems',
      [],
    ),
    localhostAccepted: counter(
      'iptables_localhost_nodeports_accepted_packets_total',
      'Number of packets accepted on nodeports of loopback interface',
      [],
    ),
    foreignChanges: counter(
      'foreign_changes_total',
      'Changes to the proxy rules made by somebody else and repaired (kubesvc only)',
    ),
  };
}

function createFailureCounters(metrics: Metrics): ProxyMetrics['syncFailed'] {
  const counter = (name: string, what: string) =>
    metrics.counter(`kubeproxy_sync_proxy_rules_${name}_total`, `Cumulative proxy ${what} failures`, family);
  const nftables = counter('nftables_sync_failures', 'nftables sync');
  const restore = counter('iptables_restore_failures', 'iptables restore');
  const partial = counter('iptables_partial_restore_failures', 'iptables partial restore');
  return (mode, ipFamily, full) => {
    const labels = { ip_family: ipFamily };
    if (mode === 'nftables') nftables.inc(labels);
    if (mode !== 'iptables' && mode !== 'ipvs') return;
    restore.inc(labels);
    if (!full) partial.inc(labels);
  };
}

/** Gauges of rules per table, and the list of those who know. */
function createRuleGauges(metrics: Metrics): RuleReporter[] {
  const reporters: RuleReporter[] = [];
  const gauge = (name: 'total' | 'last', help: string) =>
    metrics.gauge(`kubeproxy_sync_proxy_rules_iptables_${name}`, help, ['table', 'ip_family'], (into) => {
      for (const report of reporters) {
        const { family: ipFamily, counts } = report();
        for (const count of counts) into.set(count[name], { table: count.table, ip_family: ipFamily });
      }
    });
  gauge('total', 'Total number of iptables rules owned by kube-proxy');
  gauge('last', 'Number of iptables rules written by kube-proxy in last sync');
  return reporters;
}
