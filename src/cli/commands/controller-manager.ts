import type { Command } from 'commander';
import type { Options } from '../run/controller-manager.js';
import { addClientFlags } from './client-flags.js';

/** `kubesvc controller-manager`: the controllers alone, with kube-controller-manager's flag names. */
export function register(program: Command): void {
  addClientFlags(program.command('controller-manager'))
    .description(
      'Run the controllers against an API server (kube-controller-manager, and the scheduler as one of them).',
    )
    .option('--controllers <list>', "'*' for all, 'foo' to enable, '-foo' to disable; comma separated", '*')
    .option('--leader-elect <bool>', 'run only while holding the lease', 'true')
    .option('--cluster-cidr <cidrs>', 'CIDRs that Nodes get their podCIDRs from; comma separated')
    .option('--node-cidr-mask-size <n>', 'prefix length of a podCIDR (IPv4)')
    .option('--load-balancer-cidr <cidrs>', 'addresses for Services of type LoadBalancer; comma separated')
    .option('--root-ca-file <file>', 'published to every namespace as kube-root-ca.crt')
    .option('--cluster-signing-cert-file <file>', 'certificate of the authority that signs approved requests')
    .option('--cluster-signing-key-file <file>', 'its key')
    .option('--cluster-signing-duration <duration>', 'the longest that signed certificates live', '8760h')
    .option('--max-endpoints-per-slice <n>', 'endpoints in one EndpointSlice, at most 1000')
    .option('--endpointslice-updates-batch-period <duration>', 'Pod changes are joined for so long', '0s')
    .option('--endpoint-updates-batch-period <duration>', 'the same for Endpoints', '0s')
    .option(
      '--mirroring-endpointslice-updates-batch-period <duration>',
      'the same for mirrored Endpoints',
      '0s',
    )
    .option('--mirroring-max-endpoints-per-subset <n>', 'addresses mirrored of one subset', '1000')
    .option('--node-monitor-grace-period <duration>', 'silence after which a Node is unhealthy', '40s')
    .option('--terminated-pod-gc-threshold <n>', 'finished Pods that may exist; 0 for any number', '12500')
    .option(
      '--use-service-account-credentials [bool]',
      'each controller writes as its own service account, by tokens requested for it',
      'false',
    )
    .option(
      '--debug-address <host:port>',
      'plain HTTP for /healthz and /metrics; empty disables',
      '127.0.0.1:10257',
    )
    .addHelpText(
      'after',
      `
Examples:
  $ kubesvc controller-manager --kubeconfig admin.conf
  $ kubesvc controller-manager --kubeconfig cm.conf --use-service-account-credentials \\
      --controllers='*,-scheduler' --cluster-cidr 10.244.0.0/16
  $ kubesvc controller-manager --kubeconfig scheduler.conf --controllers=scheduler --debug-address=`,
    )
    .action(async (options: Options) => (await import('../run/controller-manager.js')).run(options));
}
