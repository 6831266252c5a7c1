import { Command, CommanderError } from 'commander';
import { UsageError } from './up/settings.js';
import { version } from './version.js';

/** One command: its flags, and a handler that is loaded only when it runs, so that `--help` is instant. */
type Register = (program: Command) => void;

const commands: Record<string, () => Promise<{ register: Register }>> = {
  up: () => import('./commands/up.js'),
  cleanup: () => import('./commands/cleanup.js'),
  shell: () => import('./commands/shell.js'),
  kubectl: () => import('./commands/kubectl.js'),
  demo: () => import('./commands/demo.js'),
  apiserver: () => import('./commands/apiserver.js'),
  'controller-manager': () => import('./commands/controller-manager.js'),
  proxy: () => import('./commands/proxy.js'),
  dns: () => import('./commands/dns.js'),
  node: () => import('./commands/node.js'),
  agent: () => import('./commands/agent.js'),
};

/** Exit code 0 on success, 2 for usage errors, 1 for everything else. */
async function main(argv: string[]): Promise<void> {
  const program = new Command('kubesvc');
  program
    .description(
      'Kubernetes service registration, discovery and load balancing as software that runs on its own.',
    )
    .version(version, '--version')
    .enablePositionalOptions()
    .showHelpAfterError('(run with --help for flags and examples)')
    .exitOverride()
    .addHelpText(
      'after',
      `
Examples:
  $ kubesvc up                          a two-node cluster in network namespaces of its own
  $ kubesvc kubectl get services -A     kubectl against that cluster
  $ kubesvc shell node-1                a shell inside a node's network
  $ kubesvc cleanup                     remove what a killed cluster left

Each part also runs alone, against ours or upstream's API server:
  $ kubesvc apiserver --data-dir /var/lib/kubesvc/store --service-cluster-ip-range 10.96.0.0/16
  $ kubesvc proxy --kubeconfig /etc/kubernetes/proxy.conf`,
    );
  const asked = argv[2] ?? '';
  // Only the command that runs is loaded; help needs all of them.
  const names = asked in commands ? [asked] : Object.keys(commands);
  for (const name of names) (await commands[name]!()).register(program);
  await program.parseAsync(argv);
}

// A reader that has seen enough (`kubesvc --help | head`) is not an error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

main(process.argv).catch((error: unknown) => {
  if (error instanceof CommanderError) {
    // Help and version end this way too.
    process.exitCode = error.exitCode === 0 ? 0 : 2;
    return;
  }
  if (error instanceof UsageError) {
    process.stderr.write(`kubesvc: ${error.message}\n`);
    process.exitCode = 2;
    return;
  }
  process.stderr.write(`kubesvc: ${describe(error)}\n`);
  process.exitCode = 1;
});

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return process.env['KUBESVC_DEBUG'] === undefined ? error.message : (error.stack ?? error.message);
}
