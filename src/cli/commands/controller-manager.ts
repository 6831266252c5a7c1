import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import type { Command } from 'commander';
import { createControllerManager } from '#controllers';
import {
  addClientFlags,
  type ClientFlags,
  clientFromFlags,
  closingClient,
  componentBase,
  createDebugServer,
  runUntilSignal,
} from '../compose/standalone.js';

interface Options extends ClientFlags {
  controllers: string;
  leaderElect: string;
  clusterCidr?: string;
  nodeCidrMaskSize?: string;
  rootCaFile?: string;
  maxEndpointsPerSlice?: string;
  debugAddress: string;
}

/** `kubesvc controller-manager`: the controllers alone, with kube-controller-manager's flag names. */
export function register(program: Command): void {
  addClientFlags(program.command('controller-manager'))
    .description(
      'Run the controllers against an API server (kube-controller-manager, and the scheduler as one of them).',
    )
    .option('--controllers <list>', "'*' for all, 'foo' to enable, '-foo' to disable; comma separated", '*')
    .option('--leader-elect <bool>', 'run only while holding the lease', 'true')
    .option('--cluster-cidr <cidrs>', 'CIDRs that Nodes get their podCIDRs from; comma separated')
    .option('--node-cidr-mask-size <n>', 'prefix length of a podCIDR (IPv4)')
    .option('--root-ca-file <file>', 'published to every namespace as kube-root-ca.crt')
    .option('--max-endpoints-per-slice <n>', 'endpoints in one EndpointSlice, at most 1000')
    .option(
      '--debug-address <host:port>',
      'plain HTTP for /healthz and /metrics; empty disables',
      '127.0.0.1:10257',
    )
    .addHelpText(
      'after',
      `
Examples:
  $ kubesvc controller-manager --kubeconfig admin.conf
  $ kubesvc controller-manager --kubeconfig cm.conf --controllers='*,-scheduler' --cluster-cidr 10.244.0.0/16`,
    )
    .action(run);
}

async function run(options: Options): Promise<void> {
  const { logger, metrics } = componentBase('controller-manager', options.v);
  const client = clientFromFlags(options, 'kubesvc-controller-manager');
  const manager = createControllerManager(
    {
      controllers: options.controllers.split(','),
      ...(options.clusterCidr === undefined ? {} : { clusterCidrs: options.clusterCidr.split(',') }),
      ...(options.nodeCidrMaskSize === undefined
        ? {}
        : { nodeCidrMaskSizeV4: Number(options.nodeCidrMaskSize) }),
      ...(options.rootCaFile === undefined ? {} : { rootCa: readFileSync(options.rootCaFile, 'utf8') }),
      ...(options.maxEndpointsPerSlice === undefined
        ? {}
        : { maxEndpointsPerSlice: Number(options.maxEndpointsPerSlice) }),
      ...(options.leaderElect === 'false'
        ? {}
        : { leaderElection: { identity: `${hostname()}_${randomUUID()}` } }),
    },
    { client, logger, metrics },
  );
  await runUntilSignal(
    [closingClient(client), createDebugServer(options.debugAddress, metrics), manager],
    logger,
  );
}
