import type { Command } from 'commander';

/** Flags of every component that is a client of an API server. */
export interface ClientFlags {
  kubeconfig?: string;
  master?: string;
  v: string;
}

/** Adds --kubeconfig, --master and -v, as upstream's components have them. */
export function addClientFlags(command: Command): Command {
  return command
    .option(
      '--kubeconfig <file>',
      'how to reach and authenticate to the API server (default: in-cluster configuration)',
    )
    .option('--master <url>', "overrides the kubeconfig's server")
    .option('-v, --v <level>', 'log verbosity: 0-3 informational, 4 and more debug', '2');
}
