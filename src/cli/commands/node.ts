import { readFileSync } from 'node:fs';
import { hostname, networkInterfaces } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { systemClock } from '#base';
import { createInformerFactory } from '#client';
import { createPrograms } from '#host';
import { createNodeAgent } from '#node';
import {
  addClientFlags,
  type ClientFlags,
  clientFromFlags,
  closingClient,
  componentBase,
  runUntilSignal,
} from '../compose/standalone.js';
import { defaultDataDir, UsageError } from '../up/settings.js';

interface Options extends ClientFlags {
  hostnameOverride?: string;
  nodeIp?: string;
  nodeLabels?: string;
  rootDir: string;
  clusterDns: string;
  clusterDomain: string;
  maxPods: string;
  port: string;
  clientCaFile?: string;
  tlsCertFile?: string;
  tlsPrivateKeyFile?: string;
}

/** `kubesvc node`: the node agent alone, with the kubelet's flag names. */
export function register(program: Command): void {
  addClientFlags(program.command('node'))
    .description(
      'Register this network namespace as a Node and run its Pods as processes (the kubelet’s role).',
    )
    .option('--hostname-override <name>', "the Node's name (default: the host name)")
    .option(
      '--node-ip <ips>',
      'addresses of the Node, comma separated (default: the first that is not loopback)',
    )
    .option('--node-labels <labels>', 'key=value pairs, comma separated')
    .option('--root-dir <dir>', 'logs and volumes of Pods', join(defaultDataDir(), 'node'))
    .option('--cluster-dns <ips>', 'nameservers of Pods, comma separated', '10.96.0.10')
    .option('--cluster-domain <domain>', 'search domain of Pods', 'cluster.local')
    .option('--max-pods <n>', 'number of Pods that fit', '110')
    .option('--port <port>', "port of the agent's API", '10250')
    .option('--client-ca-file <file>', "authority of the callers of the agent's API")
    .option('--tls-cert-file <file>', "serving certificate of the agent's API")
    .option('--tls-private-key-file <file>', 'its key')
    .addHelpText(
      'after',
      `
Examples:
  $ kubesvc node --kubeconfig node.conf --hostname-override node-1 --node-ip 172.30.0.11
  $ kubesvc node --kubeconfig node.conf --client-ca-file ca.crt --tls-cert-file node.crt --tls-private-key-file node.key`,
    )
    .action(run);
}

async function run(options: Options): Promise<void> {
  const { logger, metrics } = componentBase('node', options.v);
  const client = clientFromFlags(options, 'kubesvc-node');
  const programs = createPrograms({ logger });
  const agent = createNodeAgent(
    {
      name: (options.hostnameOverride ?? hostname()).toLowerCase(),
      nodeIPs: options.nodeIp?.split(',') ?? [firstAddress()],
      dataDir: options.rootDir,
      clusterDNS: options.clusterDns.split(','),
      clusterDomain: options.clusterDomain,
      maxPods: Number(options.maxPods),
      labels: parseLabels(options.nodeLabels ?? ''),
      ...serverOptions(options),
    },
    {
      client,
      informers: createInformerFactory(client, { logger }),
      programs,
      logger,
      metrics,
      clock: systemClock,
    },
  );
  await runUntilSignal([programs, closingClient(client), agent], logger);
}

function serverOptions(options: Options) {
  const { clientCaFile, tlsCertFile, tlsPrivateKeyFile } = options;
  if (clientCaFile === undefined && tlsCertFile === undefined && tlsPrivateKeyFile === undefined) return {};
  if (clientCaFile === undefined || tlsCertFile === undefined || tlsPrivateKeyFile === undefined) {
    throw new UsageError('--client-ca-file, --tls-cert-file and --tls-private-key-file belong together');
  }
  const text = (file: string) => readFileSync(file, 'utf8');
  return {
    server: {
      port: Number(options.port),
      certificate: text(tlsCertFile),
      key: text(tlsPrivateKeyFile),
      clientCa: text(clientCaFile),
    },
  };
}

function parseLabels(text: string): Record<string, string> {
  const pairs = text.split(',').filter((p) => p !== '');
  return Object.fromEntries(pairs.map((p) => [p.split('=')[0]!, p.slice(p.indexOf('=') + 1)]));
}

function firstAddress(): string {
  const all = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  const found = all.find((a) => !a.internal && a.family === 'IPv4') ?? all.find((a) => !a.internal);
  if (found === undefined) throw new UsageError('this network namespace has no address; give --node-ip');
  return found.address;
}
