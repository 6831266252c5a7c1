import type { Command } from 'commander';
import type { Options } from '../run/proxy.js';
import { addClientFlags } from './client-flags.js';

/** `kubesvc proxy`: the service proxy alone, with kube-proxy's flags and configuration file. */
export function register(program: Command): void {
  addClientFlags(program.command('proxy'))
    .description('Program the service rules of the network namespace this runs in (in kube-proxy’s place).')
    .option('--config <file>', 'a KubeProxyConfiguration file')
    .option('--hostname-override <name>', "this node's name")
    .option('--proxy-mode <mode>', 'nftables, iptables, ipvs or userspace; the file wins')
    .option('--cluster-cidr <cidrs>', "the Pods' addresses; the file wins")
    .option('--cleanup', 'remove every rule of ours and exit')
    .addHelpText(
      'after',
      `
Examples:
  $ kubesvc proxy --kubeconfig /etc/kubernetes/proxy.conf --hostname-override node-1
  $ kubesvc proxy --config /var/lib/kube-proxy/config.conf
  $ kubesvc proxy --cleanup`,
    )
    .action(async (options: Options) => (await import('../run/proxy.js')).run(options));
}
