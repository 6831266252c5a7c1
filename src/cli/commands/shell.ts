import type { Command } from 'commander';
import { clusterPaths, defaultDataDir, UsageError } from '../up/settings.js';
import { type ClusterState, isRunning, readState } from '../up/state.js';

/** `kubesvc shell [node] [-- command]`: a shell, or one command, inside a node's namespaces. */
export function register(program: Command): void {
  program
    .command('shell')
    .description("Run a shell, or one command, inside a node's network: its links, routes and rules.")
    .argument('[node]', 'name of the node', 'node-1')
    .argument('[command...]', 'program and arguments; a shell when left out')
    .option('--data-dir <dir>', 'the data directory of the cluster', defaultDataDir())
    .addHelpText(
      'after',
      `
Examples:
  $ kubesvc shell node-1
  $ kubesvc shell node-2 -- nft list table ip kubesvc-proxy
  $ kubesvc shell node-1 -- curl http://10.96.0.20/`,
    )
    .action(shell);
}

async function shell(node: string, command: string[], options: { dataDir: string }): Promise<void> {
  const state = runningCluster(options.dataDir);
  const found = state.nodes.find((n) => n.name === node);
  if (found === undefined) {
    throw new UsageError(
      `there is no node ${node}; this cluster has ${state.nodes.map((n) => n.name).join(', ')}`,
    );
  }
  const { enterNamespaces, runForeground } = await import('#host');
  const inner = enterNamespaces(
    found.pid,
    false,
    command.length === 0 ? [process.env['SHELL'] ?? 'sh'] : command,
  );
  // Process ids of nodes count inside the cluster's PID namespace, so that one is entered first.
  const { file, args } = enterNamespaces(state.initPid, state.rootless, [inner.file, ...inner.args]);
  process.exitCode = await runForeground(file, args);
}

/** The state of the running cluster of a data directory; throws UsageError when there is none. */
export function runningCluster(dataDir: string): ClusterState {
  const state = readState(clusterPaths(dataDir).state);
  if (state === undefined || !isRunning(state.pid, state.startTime)) {
    throw new UsageError(`no cluster is running with --data-dir ${dataDir}; start one with \`kubesvc up\``);
  }
  return state;
}
