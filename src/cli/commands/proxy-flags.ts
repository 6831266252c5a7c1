import type { FieldFlag, FlagKind } from '#proxy';

/** A flag of kube-proxy that stands for fields of its configuration file. */
export interface ProxyFlag extends FieldFlag {
  /** What stands for the value in the help; empty for switches. */
  value: string;
  help: string;
  /** Upstream's notice for flags that will go. */
  deprecated?: string;
}

function flag(name: string, value: string, fields: string, kind: FlagKind, help: string): ProxyFlag {
  return { name, value, help, kind, fields: fields.split(' ') };
}

const replacedBy = (name: string) =>
  `This flag is deprecated and will be removed in a future release. Please use --${name} instead.`;

/** The flags of kube-proxy 1.36 that stand for fields of its configuration file. They are ignored beside `--config`. */
export const configFlags: readonly ProxyFlag[] = [
  flag('bind-address', 'ip', 'bindAddress', 'ip', "this node's primary IP; binds nothing"),
  flag('bind-address-hard-fail', '', 'bindAddressHardFail', 'bool', 'failing to bind a port is fatal'),
  flag('cluster-cidr', 'cidrs', 'clusterCIDR', 'text', "the Pods' addresses, one range per family"),
  flag(
    'config-sync-period',
    'duration',
    'configSyncPeriod',
    'duration',
    'how often configuration from the API server is refreshed (15m0s)',
  ),
  flag(
    'conntrack-max-per-core',
    'int',
    'conntrack.maxPerCore',
    'int',
    'tracked connections per core; 0 leaves the limit as it is (32768)',
  ),
  flag('conntrack-min', 'int', 'conntrack.min', 'int', 'tracked connections at least (131072)'),
  flag('conntrack-tcp-be-liberal', '', 'conntrack.tcpBeLiberal', 'bool', 'set nf_conntrack_tcp_be_liberal'),
  flag(
    'conntrack-tcp-timeout-close-wait',
    'duration',
    'conntrack.tcpCloseWaitTimeout',
    'duration',
    'for connections in CLOSE_WAIT (1h0m0s)',
  ),
  flag(
    'conntrack-tcp-timeout-established',
    'duration',
    'conntrack.tcpEstablishedTimeout',
    'duration',
    'for idle established connections; 0 leaves it as it is (24h0m0s)',
  ),
  flag(
    'conntrack-udp-timeout',
    'duration',
    'conntrack.udpTimeout',
    'duration',
    'for unreplied UDP flows; 0 leaves it as it is',
  ),
  flag(
    'conntrack-udp-timeout-stream',
    'duration',
    'conntrack.udpStreamTimeout',
    'duration',
    'for assured UDP flows; 0 leaves it as it is',
  ),
  flag(
    'detect-local-mode',
    'mode',
    'detectLocalMode',
    'text',
    'ClusterCIDR, NodeCIDR, BridgeInterface or InterfaceNamePrefix',
  ),
  flag('feature-gates', 'gates', 'featureGates', 'gates', 'Name=true,Other=false'),
  flag(
    'healthz-bind-address',
    'ip:port',
    'healthzBindAddress',
    'healthzAddress',
    'the health server; empty disables it (0.0.0.0:10256)',
  ),
  {
    ...flag(
      'healthz-port',
      'port',
      'healthzBindAddress',
      'healthzPort',
      'the health server’s port; 0 disables it',
    ),
    deprecated: replacedBy('healthz-bind-address'),
  },
  flag(
    'iptables-localhost-nodeports',
    '',
    'iptables.localhostNodePorts',
    'bool',
    'NodePorts on localhost in iptables mode (true)',
  ),
  flag('iptables-masquerade-bit', 'int', 'iptables.masqueradeBit', 'int', 'the mark’s bit, 0 to 31 (14)'),
  flag(
    'iptables-min-sync-period',
    'duration',
    'iptables.minSyncPeriod nftables.minSyncPeriod',
    'duration',
    'the least time between syncs',
  ),
  flag(
    'iptables-sync-period',
    'duration',
    'iptables.syncPeriod nftables.syncPeriod',
    'duration',
    'how often clean-ups are done (30s)',
  ),
  flag('ipvs-exclude-cidrs', 'cidrs', 'ipvs.excludeCIDRs', 'list', 'what ipvs mode does not clean up'),
  flag(
    'ipvs-min-sync-period',
    'duration',
    'ipvs.minSyncPeriod',
    'duration',
    'the least time between syncs in ipvs mode',
  ),
  flag('ipvs-scheduler', 'name', 'ipvs.scheduler', 'text', 'the scheduler of ipvs mode (rr)'),
  flag('ipvs-strict-arp', '', 'ipvs.strictARP', 'bool', 'set arp_ignore to 1 and arp_announce to 2'),
  flag(
    'ipvs-sync-period',
    'duration',
    'ipvs.syncPeriod',
    'duration',
    'how often clean-ups are done in ipvs mode (30s)',
  ),
  flag(
    'ipvs-tcp-timeout',
    'duration',
    'ipvs.tcpTimeout',
    'duration',
    'for idle connections of ipvs; 0 leaves it as it is',
  ),
  flag(
    'ipvs-tcpfin-timeout',
    'duration',
    'ipvs.tcpFinTimeout',
    'duration',
    'for connections of ipvs after a FIN; 0 leaves it as it is',
  ),
  flag(
    'ipvs-udp-timeout',
    'duration',
    'ipvs.udpTimeout',
    'duration',
    'for UDP packets of ipvs; 0 leaves it as it is',
  ),
  flag('kube-api-burst', 'int', 'clientConnection.burst', 'int', 'requests to the API server at once (10)'),
  flag(
    'kube-api-content-type',
    'type',
    'clientConnection.contentType',
    'text',
    'accepted; objects travel as JSON',
  ),
  flag('kube-api-qps', 'float', 'clientConnection.qps', 'float', 'requests to the API server per second (5)'),
  flag(
    'kubeconfig',
    'file',
    'clientConnection.kubeconfig',
    'text',
    'how to reach the API server (default: in-cluster configuration)',
  ),
  flag(
    'masquerade-all',
    '',
    'iptables.masqueradeAll nftables.masqueradeAll',
    'bool',
    'masquerade all traffic to cluster IPs',
  ),
  flag(
    'metrics-bind-address',
    'ip:port',
    'metricsBindAddress',
    'metricsAddress',
    'the metrics server; empty disables it (127.0.0.1:10249)',
  ),
  {
    ...flag(
      'metrics-port',
      'port',
      'metricsBindAddress',
      'metricsPort',
      'the metrics server’s port; 0 disables it',
    ),
    deprecated: replacedBy('metrics-bind-address'),
  },
  flag(
    'nodeport-addresses',
    'cidrs',
    'nodePortAddresses',
    'list',
    'ranges of the addresses that answer NodePorts, or `primary`',
  ),
  flag('oom-score-adj', 'int', 'oomScoreAdj', 'int', 'of this process, -1000 to 1000 (-999)'),
  flag(
    'pod-bridge-interface',
    'name',
    'detectLocal.bridgeInterface',
    'text',
    'where local Pods come from (BridgeInterface)',
  ),
  flag(
    'pod-interface-name-prefix',
    'prefix',
    'detectLocal.interfaceNamePrefix',
    'text',
    'where local Pods come from (InterfaceNamePrefix)',
  ),
  flag('profiling', '', 'enableProfiling', 'bool', 'serve /debug/pprof'),
  flag('proxy-mode', 'mode', 'mode', 'text', 'nftables (default), iptables, ipvs or userspace'),
  flag(
    'show-hidden-metrics-for-version',
    'version',
    'showHiddenMetricsForVersion',
    'text',
    'only the previous minor version is allowed',
  ),
];

/** Upstream's logging flags. They hold also beside `--config`. */
export const loggingFlags: readonly ProxyFlag[] = [
  flag(
    'log-flush-frequency',
    'duration',
    'logging.flushFrequency',
    'duration',
    'accepted; every line is written at once',
  ),
  flag('logging-format', 'format', 'logging.format', 'text', 'text or json; lines are JSON either way'),
  flag('v', 'level', 'logging.verbosity', 'int', 'log verbosity: 0-3 informational, 4 and more debug'),
];
