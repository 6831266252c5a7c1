import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { type Client, createInformerFactory, Resources } from '#client';
import { CLUSTER_COREFILE, createDnsServer, type DnsServerOptions } from '#dns';
import type { ClientFlags } from '../commands/client-flags.js';
import { clientFromFlags, componentBase, runUntilSignal } from '../compose/standalone.js';
import { closing } from '../compose/startables.js';
import { UsageError } from '../up/settings.js';
import { version } from '../version.js';

/** The flags of `kubesvc dns`. */
export interface Options extends ClientFlags {
  conf: string;
  configmap?: string;
}

/** Runs the component until a signal. */
export async function run(options: Options): Promise<void> {
  const { logger, metrics } = componentBase('dns', options.v);
  const client = clientFromFlags(options, 'kubesvc-dns');
  const informers = createInformerFactory(client, { logger });
  const configuration =
    options.configmap === undefined ? fromFile(options.conf) : await fromConfigMap(client, options.configmap);
  const server = createDnsServer({ ...configuration, version }, { informers, logger, metrics });
  // The lists leave as much garbage as they leave state; there where the launcher gives the means (bin/kubesvc).
  void informers.synced().then(() => globalThis.gc?.());
  await runUntilSignal([closing([client]), server], logger);
}

function fromFile(path: string): DnsServerOptions {
  return {
    corefile: readFileSync(path, 'utf8'),
    corefileName: path,
    readCorefile: () => readFile(path, 'utf8'),
  };
}

async function fromConfigMap(client: Client, text: string): Promise<DnsServerOptions> {
  const [namespace, name, ...rest] = text.split('/');
  if (!namespace || !name || rest.length > 0)
    throw new UsageError(`--configmap: ${JSON.stringify(text)} is not namespace/name`);
  const configMap = { ...CLUSTER_COREFILE, namespace, name };
  const { data } = await client.resource(Resources.configMaps).get(name, namespace);
  const corefile = data?.[configMap.key];
  if (corefile === undefined) throw new UsageError(`ConfigMap ${text} has no key ${configMap.key}`);
  return { corefile, corefileName: `${text}/${configMap.key}`, configMap };
}
