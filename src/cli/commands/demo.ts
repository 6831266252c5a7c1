import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { clusterPaths, defaultDataDir, UsageError } from '../up/settings.js';
import { isRunning, readState } from '../up/state.js';
import { addClusterOptions, openCluster, type UpOptions } from './up.js';

interface Options extends UpOptions {
  keep?: boolean;
}

/** `kubesvc demo`: starts a cluster and shows what it is for, step by step. */
export function register(program: Command): void {
  addClusterOptions(program.command('demo'))
    .description('Start a cluster and show registration, discovery and load balancing step by step.')
    .option('--keep', 'leave the cluster up afterwards, until Ctrl-C')
    .addHelpText(
      'after',
      `
Examples:
  $ kubesvc demo
  $ kubesvc demo --keep --proxy-mode nftables`,
    )
    .action(demo);
  const command = program.commands.find((c) => c.name() === 'demo');
  command?.setOptionValue('dataDir', join(defaultDataDir(), 'demo')).setOptionValue('port', '0');
}

async function demo(options: Options): Promise<void> {
  const started = performance.now();
  const { styled, print, StepError } = await import('../demo/console.js');
  const { stopSignal } = await import('../compose/stop-signal.js');
  const { runDemo } = await import('../demo/demo.js');
  print(
    styled(
      'bold',
      'kubesvc: from `kubectl apply -f service.yaml` to a packet that reaches a healthy process',
    ),
  );
  refuseRunning(options.dataDir!);
  // The demo starts from nothing every time; certificates are kept.
  rmSync(join(options.dataDir!, 'store'), { recursive: true, force: true });
  const { settings, paths, cluster } = await openCluster(options);
  const stopped = stopSignal();
  await cluster.start();
  try {
    const up = await Promise.race([cluster.nodesReady(), failing(cluster.failure), stopped]);
    if (up !== undefined) throw new Error(`stopped by ${up}`);
    print(
      `A cluster of ${settings.nodes} nodes is up after ${((performance.now() - started) / 1000).toFixed(2)} s, in network namespaces of its own.`,
    );
    const shown = runDemo(cluster, paths.kubeconfig, settings.dnsIp);
    const how = await Promise.race([shown.then(() => 'shown'), stopped, failing(cluster.failure)]);
    if (how !== 'shown') throw new Error(`stopped by ${how}`);
    print();
    print(styled('green', `Every step held. (${((performance.now() - started) / 1000).toFixed(1)} s)`));
    if (options.keep === true) await keep(settings.dataDir, paths.kubeconfig, stopped, print);
  } catch (error) {
    if (!(error instanceof StepError)) throw error;
    process.stderr.write(`kubesvc: ${error.message}\nlogs: ${paths.logs}\n`);
    process.exitCode = 1;
  } finally {
    await cluster.stop();
    process.exitCode ??= 0;
  }
  process.exit();
}

/** Objects of a demo that somebody keeps up are not to be deleted under it. */
function refuseRunning(dataDir: string): void {
  const state = readState(clusterPaths(dataDir).state);
  if (state !== undefined && isRunning(state.pid, state.startTime)) {
    throw new UsageError(
      `a cluster is already running on ${dataDir} (pid ${state.pid}): stop it, or give another --data-dir`,
    );
  }
}

async function failing(failure: Promise<Error>): Promise<never> {
  throw await failure;
}

async function keep(
  dataDir: string,
  kubeconfig: string,
  stopped: Promise<string>,
  print: (text: string) => void,
): Promise<void> {
  print(`
The cluster stays up. In another terminal, try:
  export KUBECONFIG=${kubeconfig}
  kubectl get pods,services,endpointslices -o wide
  kubectl scale deployment hello --replicas=6 && kubectl get endpointslices -w
  kubectl port-forward service/hello 8080:80 &  curl http://127.0.0.1:8080/
  kubectl expose deployment hello --name=hello-np --type=NodePort --port=80 --target-port=http
  bin/kubesvc shell node-1 --data-dir ${dataDir} -- nft list table ip kubesvc-proxy
Ctrl-C stops it.`);
  await stopped;
}
