import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { type Logger, systemClock } from '#base';
import { createEventRecorder, createInformerFactory } from '#client';
import { createPrograms } from '#host';
import { cleanupProxy, createProxy, loadProxyConfig } from '#proxy';
import type { ClientFlags } from '../commands/client-flags.js';
import { clientFromFlags, componentBase, runUntilSignal } from '../compose/standalone.js';
import { closing } from '../compose/startables.js';

/** The flags of `kubesvc proxy`. */
export interface Options extends ClientFlags {
  config?: string;
  hostnameOverride?: string;
  proxyMode?: string;
  clusterCidr?: string;
  cleanup?: boolean;
  dryRun?: boolean;
}

/** Configuration and client as flags and file say; flags lose against the file, as upstream. */
export function openProxy(options: Options, logger: Logger) {
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
  const named = options.hostnameOverride ?? config.hostnameOverride;
  return { config, client, nodeName: (named === '' ? hostname() : named).toLowerCase() };
}

/** Runs the component until a signal. */
export async function run(options: Options): Promise<void> {
  const { logger, metrics } = componentBase('proxy', options.v);
  const programs = createPrograms({ logger });
  if (options.cleanup === true) {
    await programs.start();
    await cleanupProxy(programs);
    await programs.stop();
    return;
  }
  const { config, client, nodeName } = openProxy(options, logger);
  const proxy = createProxy(
    { config, nodeName },
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
  await runUntilSignal([programs, closing([client]), proxy], logger);
}

function flagsAsConfig(options: Options): string {
  return JSON.stringify({
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    ...(options.proxyMode === undefined ? {} : { mode: options.proxyMode }),
    ...(options.clusterCidr === undefined ? {} : { clusterCIDR: options.clusterCidr }),
  });
}
