import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { clusterPaths, defaultDataDir, UsageError } from '../up/settings.js';
import { isRunning, readState, removeState } from '../up/state.js';

const STOP_TIMEOUT_MS = 15_000;

/** `kubesvc cleanup`: removes what a killed `kubesvc up` left; with `--all-data` also the stored cluster. */
export function register(program: Command): void {
  program
    .command('cleanup')
    .description(
      'Remove processes, namespaces and sockets that a killed cluster left. Stored objects are kept.',
    )
    .option('--data-dir <dir>', 'the data directory of the cluster', defaultDataDir())
    .option('--stop', 'stop the cluster first if it is running')
    .option('--all-data', 'also delete the data directory: objects, certificates, logs')
    .addHelpText(
      'after',
      `
Examples:
  $ kubesvc cleanup
  $ kubesvc cleanup --stop --all-data --data-dir ./.kubesvc`,
    )
    .action(cleanup);
}

interface Options {
  dataDir: string;
  stop?: boolean;
  allData?: boolean;
}

async function cleanup(options: Options): Promise<void> {
  const paths = clusterPaths(options.dataDir);
  const state = readState(paths.state);
  if (state !== undefined && isRunning(state.pid, state.startTime)) {
    if (options.stop !== true)
      throw new UsageError(`the cluster is running (pid ${state.pid}); add --stop to stop it first`);
    await end(state.pid, state.startTime, 'SIGTERM');
  }
  // The init takes everything inside the cluster's namespaces with it.
  if (state !== undefined && isRunning(state.initPid, state.initStartTime))
    await end(state.initPid, state.initStartTime, 'SIGKILL');
  removeState(paths.state);
  removeSockets(paths.run);
  if (options.allData === true) {
    refuseForeign(paths.dataDir);
    rmSync(paths.dataDir, { recursive: true, force: true });
  }
  process.stdout.write('nothing is left running\n');
}

function removeSockets(directory: string): void {
  if (!existsSync(directory)) return;
  for (const name of readdirSync(directory))
    if (name.endsWith('.sock')) rmSync(join(directory, name), { force: true });
}

/** Deletes only what looks like a data directory of ours. */
function refuseForeign(directory: string): void {
  const known = new Set([
    'pki',
    'store',
    'logs',
    'run',
    'nodes',
    'kubeconfig',
    'kubeconfig.cache',
    'kubectl-cache',
  ]);
  const foreign = existsSync(directory) ? readdirSync(directory).filter((name) => !known.has(name)) : [];
  if (foreign.length > 0)
    throw new UsageError(
      `${directory} holds files that are not kubesvc's: ${foreign.slice(0, 5).join(', ')}`,
    );
}

async function end(pid: number, startTime: string, signal: NodeJS.Signals): Promise<void> {
  process.kill(pid, signal);
  const deadline = Date.now() + STOP_TIMEOUT_MS;
  while (isRunning(pid, startTime)) {
    if (Date.now() > deadline) throw new Error(`process ${pid} does not end`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
