import type { Command } from 'commander';
import { defaultDataDir } from '../up/settings.js';
import { runningCluster } from './shell.js';

/** `kubesvc kubectl ...`: the kubectl on the PATH (or `$KUBECTL`) with the running cluster's kubeconfig. */
export function register(program: Command): void {
  program
    .command('kubectl')
    .description("Run kubectl against the running cluster, without touching the user's own kubeconfig.")
    .argument('[args...]', "kubectl's own arguments")
    .option('--data-dir <dir>', 'the data directory of the cluster', defaultDataDir())
    .passThroughOptions()
    .allowUnknownOption()
    .addHelpText(
      'after',
      `
Examples:
  $ kubesvc kubectl get services -A
  $ kubesvc kubectl apply -f examples/hello.yaml`,
    )
    .action(async (args: string[], options: { dataDir: string }) => {
      const { kubeconfig } = runningCluster(options.dataDir);
      const { runForeground } = await import('#host');
      const kubectl = process.env['KUBECTL'] ?? 'kubectl';
      process.exitCode = await runForeground(kubectl, args, { env: { KUBECONFIG: kubeconfig } });
    });
}
