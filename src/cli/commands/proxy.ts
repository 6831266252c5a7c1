import type { Command } from 'commander';
import { Option } from 'commander';
import type { Options } from '../run/proxy.js';
import type { TraceOptions } from '../run/proxy-inspect.js';
import { addClientFlags } from './client-flags.js';

/** `kubesvc proxy`: the service proxy alone, with kube-proxy's flags and configuration file. */
export function register(program: Command): void {
  const proxy = addProxyFlags(program.command('proxy'))
    .description('Program the service rules of the network namespace this runs in (in kube-proxy’s place).')
    .option('--cleanup', 'remove every rule of ours and exit')
    .option('--dry-run', 'print the exact rules for the cluster’s present state and exit')
    .addHelpText(
      'after',
      `
Examples:
  $ kubesvc proxy --kubeconfig /etc/kubernetes/proxy.conf --hostname-override node-1
  $ kubesvc proxy --config /var/lib/kube-proxy/config.conf
  $ kubesvc proxy --dry-run --kubeconfig admin.conf --hostname-override node-1
  $ kubesvc proxy --cleanup`,
    )
    .action(async (options: Options) => {
      if (options.dryRun === true) return (await import('../run/proxy-inspect.js')).dryRun(options);
      return (await import('../run/proxy.js')).run(options);
    });
  registerTrace(proxy);
}

/** What says whose rules these are: for running, printing and tracing alike. */
function addProxyFlags(command: Command): Command {
  return addClientFlags(command)
    .option('--config <file>', 'a KubeProxyConfiguration file')
    .option('--hostname-override <name>', "this node's name")
    .option('--proxy-mode <mode>', 'nftables, iptables, ipvs or userspace; the file wins')
    .option('--cluster-cidr <cidrs>', "the Pods' addresses; the file wins");
}

/** `kubesvc proxy trace`: what the rules do with a connection. */
function registerTrace(proxy: Command): void {
  addProxyFlags(proxy.command('trace'))
    .description('Say which rules the first packet of a connection meets, and where it ends.')
    .requiredOption('--from <ip>', 'address of the client')
    .requiredOption('--to <ip:port>', 'address and port that it connects to')
    .addOption(new Option('--protocol <name>', 'transport').choices(['tcp', 'udp', 'sctp']).default('tcp'))
    .addOption(new Option('-o, --output <format>', 'print the answers as JSON').choices(['json']))
    .addHelpText(
      'after',
      `
Examples:
  $ kubesvc proxy trace --from 10.244.1.5 --to 10.96.0.10:53 --protocol udp --kubeconfig admin.conf --hostname-override node-1`,
    )
    .action(async (_own: unknown, command: Command) =>
      (await import('../run/proxy-inspect.js')).trace(command.optsWithGlobals<TraceOptions>()),
    );
}
