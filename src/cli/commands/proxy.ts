import type { Command } from 'commander';
import { Option } from 'commander';
import type { TraceOptions } from '../run/proxy-inspect.js';
import type { Options } from '../run/proxy-options.js';
import { configFlags, loggingFlags, type ProxyFlag } from './proxy-flags.js';

/** `kubesvc proxy`: the service proxy alone, with kube-proxy's flags and configuration file. */
export function register(program: Command): void {
  const proxy = program
    .command('proxy')
    .description('Program the service rules of the network namespace this runs in (in kube-proxy’s place).');
  addCommonFlags(proxy)
    .option('--cleanup [bool]', 'remove every rule of ours and exit')
    .option('--init-only [bool]', 'do what needs full root privileges and exit')
    .option('--write-config-to <file>', 'write the configuration to this file and exit')
    .option('--dry-run', 'print the exact rules for the cluster’s present state and exit')
    .addHelpText(
      'after',
      `
Flags for fields of the configuration file are ignored when --config names one.

Examples:
  $ kubesvc proxy --kubeconfig /etc/kubernetes/proxy.conf --hostname-override node-1
  $ kubesvc proxy --config /var/lib/kube-proxy/config.conf
  $ kubesvc proxy --proxy-mode userspace --write-config-to config.conf
  $ kubesvc proxy --dry-run --kubeconfig admin.conf --hostname-override node-1
  $ kubesvc proxy --cleanup`,
    )
    .action(async (options: Options) => {
      if (options.dryRun === true) return (await import('../run/proxy-inspect.js')).dryRun(options);
      return (await import('../run/proxy.js')).run(options);
    });
  addFlags(
    proxy,
    configFlags.filter((flag) => !isCommon(flag)),
  );
  registerTrace(proxy);
}

/** What says whose rules these are: for running, printing and tracing alike. */
const COMMON = ['kubeconfig', 'proxy-mode', 'cluster-cidr'];
const isCommon = ({ name }: ProxyFlag) => COMMON.includes(name);

function addFlags(command: Command, flags: readonly ProxyFlag[]): Command {
  for (const { name, value, help, deprecated } of flags) {
    const long = `--${name} ${value === '' ? '[bool]' : `<${value}>`}`;
    const option = new Option(name === 'v' ? `-v, ${long}` : long, help);
    command.addOption(deprecated === undefined ? option : option.hideHelp());
  }
  return command;
}

function addCommonFlags(command: Command): Command {
  command
    .option('--config <file>', 'a KubeProxyConfiguration file')
    .option('--master <url>', "overrides the kubeconfig's server")
    .option('--hostname-override <name>', "this node's name; wins over the file");
  addFlags(command, configFlags.filter(isCommon));
  addFlags(command, loggingFlags);
  return command.option('--vmodule <patterns>', 'accepted; the level holds for every file');
}

/** `kubesvc proxy trace`: what the rules do with a connection. */
function registerTrace(proxy: Command): void {
  addCommonFlags(proxy.command('trace'))
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
