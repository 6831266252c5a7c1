import { readFileSync } from 'node:fs';
import { hostname, networkInterfaces } from 'node:os';
import { systemClock } from '#base';
import { createInformerFactory } from '#client';
import { createPrograms } from '#host';
import { createNodeAgent } from '#node';
import type { ClientFlags } from '../commands/client-flags.js';
import { clientFromFlags, componentBase, runUntilSignal } from '../compose/standalone.js';
import { closing } from '../compose/startables.js';
import { UsageError } from '../up/settings.js';

/** The flags of `kubesvc node`. */
export interface Options extends ClientFlags {
  networkKubeconfig?: string;
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

/** Runs the component until a signal. */
export async function run(options: Options): Promise<void> {
  const { logger, metrics } = componentBase('node', options.v);
  const client = clientFromFlags(options, 'kubesvc-node');
  // The node authorizer shows a kubelet's identity no other Node.
  const network =
    options.networkKubeconfig === undefined
      ? client
      : clientFromFlags({ ...options, kubeconfig: options.networkKubeconfig }, 'kubesvc-node-network');
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
      ...(network === client ? {} : { networkInformers: createInformerFactory(network, { logger }) }),
      programs,
      logger,
      metrics,
      clock: systemClock,
    },
  );
  await runUntilSignal([programs, closing([client]), agent], logger);
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
