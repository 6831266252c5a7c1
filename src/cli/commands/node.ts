import { join } from 'node:path';
import type { Command } from 'commander';
import type { Options } from '../run/node.js';
import { defaultDataDir } from '../up/settings.js';
import { addClientFlags } from './client-flags.js';

/** `kubesvc node`: the node agent alone, with the kubelet's flag names. */
export function register(program: Command): void {
  addClientFlags(program.command('node'))
    .description(
      'Register this network namespace as a Node and run its Pods as processes (the kubelet’s role).',
    )
    .option(
      '--network-kubeconfig <file>',
      'identity that may read all Nodes, for the routes to their Pods, as a CNI daemon has one (default: --kubeconfig)',
    )
    .option('--hostname-override <name>', "the Node's name (default: the host name)")
    .option(
      '--node-ip <ips>',
      'addresses of the Node, comma separated (default: the first that is not loopback)',
    )
    .option('--node-labels <labels>', 'key=value pairs, comma separated')
    .option('--root-dir <dir>', 'logs and volumes of Pods', join(defaultDataDir(), 'node'))
    .option('--cluster-dns <ips>', 'nameservers of Pods, comma separated', '10.96.0.10')
    .option('--cluster-domain <domain>', 'search domain of Pods', 'cluster.local')
    .option('--max-pods <n>', 'number of Pods that fit', '110')
    .option('--port <port>', "port of the agent's API", '10250')
    .option('--client-ca-file <file>', "authority of the callers of the agent's API")
    .option('--tls-cert-file <file>', "serving certificate of the agent's API")
    .option('--tls-private-key-file <file>', 'its key')
    .addHelpText(
      'after',
      `
Examples:
  $ kubesvc node --kubeconfig node.conf --hostname-override node-1 --node-ip 172.30.0.11
  $ kubesvc node --kubeconfig node.conf --client-ca-file ca.crt --tls-cert-file node.crt --tls-private-key-file node.key`,
    )
    .action(async (options: Options) => (await import('../run/node.js')).run(options));
}
