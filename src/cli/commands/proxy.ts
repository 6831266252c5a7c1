import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import type { Command } from 'commander';
import { systemClock } from '#base';
import { createEventRecorder, createInformerFactory } from '#client';
import { createPrograms } from '#host';
import { cleanupProxy, createProxy, loadProxyConfig } from '#proxy';
import {
  addClientFlags,
  type ClientFlags,
  clientFromFlags,
  closingClient,
  componentBase,
  runUntilSignal,
} from '../compose/standalone.js';

interface Options extends ClientFlags {
  config?: string;
  hostnameOverride?: string;
  proxyMode?: string;
  clusterCidr?: string;
  cleanup?: boolean;
}

/** `kubesvc proxy`: the service proxy alone, with kube-proxy's flags and configuration file. */
export function register(program: Command): void {
  addClientFlags(program.command('proxy'))
    .description('Program the service rules of the network namespace this runs in (in kube-proxy’s place).')
    .option('--config <file>', 'a KubeProxyConfiguration file')
    .option('--hostname-override <name>', "this node's name")
    .option('--proxy-mode <mode>', 'nftables, iptables, ipvs or userspace; the file wins')
    .option('--cluster-cidr <cidrs>', "the Pods' addresses; the file wins")
    .option('--cleanup', 'remove every rule of ours and exit')
    .addHelpText(
      'after',
      `
Examples:
  $ kubesvc proxy --kubeconfig /etc/kubernetes/proxy.conf --hostname-override node-1
  $ kubesvc proxy --config /var/lib/kube-proxy/config.conf
  $ kubesvc proxy --cleanup`,
    )
    .action(run);
}

async function run(options: Options): Promise<void> {
  const { logger, metrics } = componentBase('proxy', options.v);
  const programs = createPrograms({ logger });
  if (options.cleanup === true) {
    await programs.start();
    await cleanupProxy(programs);
    await programs.stop();
    return;
  }
  const { config, warnings } = loadProxyConfig(
    options.config === undefined ? flagsAsConfig(options) : readFileSync(options.config, 'utf8'),
  );
  for (const warning of warnings) logger.warn(warning);
  const fromFile = config.clientConnection.kubeconfig;
  const kubeconfig = options.kubeconfig ?? (fromFile === '' ? undefined : fromFile);
  const client = clientFromFlags(
    { ...options, ...(kubeconfig === undefined ? {} : { kubeconfig }) },
    'kubesvc-proxy',
  );
  const nodeName =
    options.hostnameOverride ?? (config.hostnameOverride === '' ? hostname() : config.hostnameOverride);
  const proxy = createProxy(
    { config, nodeName: nodeName.toLowerCase() },
    {
      client,
      informers: createInformerFactory(client, { logger }),
      programs,
      logger,
      metrics,
      clock: systemClock,
      events: createEventRecorder(client, { component: 'kube-proxy', host: nodeName, logger }),
    },
  );
  await runUntilSignal([programs, closingClient(client), proxy], logger);
}

function flagsAsConfig(options: Options): string {
  return JSON.stringify({
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    ...(options.proxyMode === undefined ? {} : { mode: options.proxyMode }),
    ...(options.clusterCidr === undefined ? {} : { clusterCIDR: options.clusterCidr }),
  });
}
