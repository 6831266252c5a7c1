import { join } from 'node:path';
import { type Command, Option } from 'commander';
import type { LogLevel } from '#base';
import { stopSignal } from '../compose/stop-signal.js';
import type { Cluster } from '../up/cluster.js';
import {
  type ClusterPaths,
  type ClusterSettings,
  clusterPaths,
  clusterSettings,
  defaultDataDir,
  makeDirectories,
  type RawSettings,
} from '../up/settings.js';

/** The flags that `up` and `demo` share. */
export interface UpOptions extends RawSettings {
  logLevel: LogLevel;
}

/** `kubesvc up`: a cluster in the foreground until Ctrl-C or SIGTERM. */
export function register(program: Command): void {
  addClusterOptions(program.command('up'))
    .description(
      'Start a cluster on this machine, in network namespaces of its own, and keep it until Ctrl-C.',
    )
    .addOption(new Option('-o, --output <format>', 'print the summary as JSON').choices(['json']))
    .addHelpText(
      'after',
      `
Examples:
  $ kubesvc up
  $ kubesvc up --nodes 3 --data-dir ./.kubesvc --port 0
  $ kubesvc up --service-cidr 10.111.0.0/16 --pod-cidr 10.222.0.0/16 --proxy-mode nftables
  $ kubesvc up -o json | jq -r .kubeconfig      (in the background, for scripts)

Objects are kept in the data directory and are there again after a restart. Nothing of the host's links,
routes, rules or sysctls is touched; without root, everything runs in a user namespace.`,
    )
    .action(up);
}

/** The options that `up` and `demo` share. */
export function addClusterOptions(command: Command): Command {
  return command
    .option('--nodes <n>', 'number of nodes', '2')
    .option('--data-dir <dir>', 'where objects, certificates and logs are kept', defaultDataDir())
    .option('--service-cidr <cidr>', 'addresses of Services', '10.96.0.0/16')
    .option('--pod-cidr <cidr>', 'addresses of Pods, a /24 per node', '10.244.0.0/16')
    .option('--node-cidr <cidr>', 'addresses of nodes', '172.30.0.0/16')
    .option('--load-balancer-cidr <cidr>', 'addresses of Services of type LoadBalancer', '10.98.0.0/24')
    .addOption(
      new Option('--proxy-mode <mode>', "the service proxy's mode")
        .choices(['nftables', 'iptables', 'ipvs', 'userspace'])
        .default('nftables'),
    )
    .option('--port <port>', "the API server's port on 127.0.0.1; 0 picks a free one", '6443')
    .addOption(
      new Option('--log-level <level>', 'how much goes to the log files')
        .choices(['debug', 'info', 'warn', 'error'])
        .default('info'),
    );
}

async function up(options: UpOptions & { output?: string }): Promise<void> {
  const started = performance.now();
  const { settings, paths, cluster } = await openCluster(options);
  const stopped = stopSignal();
  const seconds = () => ((performance.now() - started) / 1000).toFixed(2);
  await cluster.start();
  // People get the address as soon as the API serves; scripts, when the nodes do.
  const json = options.output === 'json';
  if (!json) process.stdout.write(describe(settings, paths, cluster, seconds()));
  const ready = await Promise.race([cluster.nodesReady(), cluster.failure, stopped]);
  if (ready === undefined) {
    const line = json
      ? JSON.stringify(summary(settings, paths, cluster))
      : `nodes are ready after ${seconds()} s`;
    process.stdout.write(`${line}\n`);
  }
  const reason = await Promise.race([stopped, cluster.failure]);
  if (typeof reason === 'string') process.stderr.write(`\n${reason}: stopping\n`);
  await cluster.stop();
  if (reason instanceof Error) throw reason;
}

/** A cluster that has not been started; the directories exist. */
export async function openCluster(options: UpOptions, progress?: (part: string) => void) {
  const settings = clusterSettings(options);
  const paths = clusterPaths(settings.dataDir);
  makeDirectories(paths);
  const { createLogger } = await import('#base');
  const logger = createLogger({
    level: options.logLevel,
    component: 'control-plane',
    file: join(paths.logs, 'control-plane.log'),
  });
  // The helper is forked while this process is small, and comes up beside the loading of the rest.
  const { createPrograms } = await import('#host');
  const programs = createPrograms({ logger });
  await programs.start();
  const { Cluster } = await import('../up/cluster.js');
  const cluster = new Cluster(settings, paths, {
    logger,
    programs,
    logLevel: options.logLevel,
    progress: (part) => {
      logger.info('started', { part, ms: Math.round(performance.now()) });
      progress?.(part);
    },
  });
  return { settings, paths, cluster };
}

function summary(settings: ClusterSettings, paths: ClusterPaths, cluster: Cluster) {
  return {
    kubeconfig: paths.kubeconfig,
    server: cluster.server,
    dns: settings.dnsIp,
    serviceCIDR: settings.serviceCidr.text,
    podCIDR: settings.podCidr.text,
    nodes: settings.nodes,
    dataDir: settings.dataDir,
    pid: process.pid,
  };
}

function describe(settings: ClusterSettings, paths: ClusterPaths, cluster: Cluster, seconds: string): string {
  return `kubesvc is up after ${seconds} s
  API server   ${cluster.server}
  kubeconfig   ${paths.kubeconfig}
  Services     ${settings.serviceCidr.text}   cluster DNS ${settings.dnsIp}
  Pods         ${settings.podCidr.text}   on ${settings.nodes} node${settings.nodes === 1 ? '' : 's'}
  logs         ${paths.logs}

Next:
  export KUBECONFIG=${paths.kubeconfig}
  kubectl apply -f examples/hello.yaml && kubectl get pods,services -o wide
Ctrl-C stops everything; objects stay in ${settings.dataDir}.
`;
}
