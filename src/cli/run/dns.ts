import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { setFlagsFromString } from 'node:v8';
import type { Logger, Startable } from '#base';
import {
  type Client,
  createClientFromConfig,
  createInformerFactory,
  type InformerFactory,
  Resources,
} from '#client';
import { CLUSTER_COREFILE, createDnsServer, type DnsServerOptions, restClientMetrics } from '#dns';
import type { ClientFlags } from '../commands/client-flags.js';
import { componentBase, configFromFlags, runUntilSignal } from '../compose/standalone.js';
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
  const own = new OwnCluster(
    () =>
      createClientFromConfig(configFromFlags(options), 'kubesvc-dns', undefined, restClientMetrics(metrics)),
    logger,
  );
  const configuration =
    options.configmap === undefined
      ? fromFile(options.conf)
      : await fromConfigMap(own.client, options.configmap);
  const deps = {
    get informers() {
      return own.informers;
    },
    logger,
    metrics,
  };
  const server = createDnsServer({ ...configuration, version, onSynced: collect }, deps);
  await runUntilSignal([own, server], logger);
}

/** The cluster of the flags, reached for when a Corefile needs it. */
class OwnCluster implements Startable {
  readonly #make: () => Client;
  readonly #logger: Logger;
  #client: Client | undefined;
  #informers: InformerFactory | undefined;

  constructor(make: () => Client, logger: Logger) {
    this.#make = make;
    this.#logger = logger;
  }

  get client(): Client {
    this.#client ??= this.#make();
    return this.#client;
  }

  get informers(): InformerFactory {
    this.#informers ??= createInformerFactory(this.client, { logger: this.#logger });
    return this.#informers;
  }

  async start(): Promise<void> {}

  async stop(): Promise<void> {
    this.#client?.close();
  }
}

/** The first lists leave as much garbage as they leave state; bin/kubesvc gives the means. */
function collect(): void {
  setFlagsFromString('--compact-on-every-full-gc');
  globalThis.gc?.();
  setFlagsFromString('--no-compact-on-every-full-gc');
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
