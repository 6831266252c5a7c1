import { createHash } from 'node:crypto';
import { networkInterfaces } from 'node:os';
import type { Logger, Metrics, Startable } from '#base';
import { createClientFromConfig, createInformerFactory, type InformerFactory } from '#client';
import { type ConfigMapKey, watchConfigMap } from './corefile/config-map.js';
import { CorefileError } from './corefile/tokens.js';
import { restClientMetrics } from './metrics/rest-client.js';
import { ServerStats } from './metrics/server-stats.js';
import { type ClusterAddress, clusterConfig } from './plugins/cluster-address.js';
import type { Placement, ServerContext } from './plugins/setup-context.js';
import { buildRuntime, type Runtime, type RuntimeListener } from './runtime.js';
import { waitUntilUnlisted } from './server/drain.js';
import { createHttpEndpoint } from './server/http-endpoint.js';
import { createTcpServer } from './server/tcp.js';
import { createHttpsServer, createTlsServer } from './server/tls.js';
import { createUdpServer } from './server/udp.js';
import { InformerSources } from './zone/informer-sources.js';

export interface DnsServerOptions {
  /** Text of the Corefile and the name to show in its errors. */
  corefile: string;
  corefileName?: string;
  /** Reads the Corefile again, for the reload plugin; without it there is nothing to reload. */
  readCorefile?: () => Promise<string>;
  /** The Corefile is this key of a ConfigMap, followed as it changes; `corefile` while there is none. */
  configMap?: ConfigMapKey;
  /** Addresses that this host gives the server. */
  placement?: Placement;
  /** What `coredns_build_info` shows. */
  version?: string;
  /** Called once when the first lists of all clusters have been read. */
  onSynced?: () => void;
}

export interface DnsServerDeps {
  /**
   * Informers of a factory of the server's own: its indexes and transforms are its own. Read when a Corefile first needs them: one
   * that names another API server does not.
   */
  readonly informers: InformerFactory;
  logger: Logger;
  metrics: Metrics;
}

/** A DNS server with the means to change its configuration. */
export interface DnsServer extends Startable {
  /**
   * Serves another configuration from now on without losing a query. Rejects and goes on with the old one when the new
   * one is wrong or cannot be served.
   */
  reload(corefile: string): Promise<void>;
}

/**
 * A DNS server as its Corefile says (CoreDNS's role); throws CorefileError for one that cannot be used. `start` resolves
 * when every address is bound; it waits for the first sync as the kubernetes plugin's startup_timeout says, and after
 * that serves absent names as SERVFAIL. `stop` keeps answering for the lameduck period.
 */
export function createDnsServer(options: DnsServerOptions, deps: DnsServerDeps): DnsServer {
  return new CorefileServer(options, deps);
}

class CorefileServer implements DnsServer {
  readonly #name: string;
  readonly #logger: Logger;
  readonly #context: ServerContext;
  readonly #sources = new Map<string, InformerSources>();
  readonly #closers: (() => void)[] = [];
  readonly #running = new Map<string, Startable>();
  readonly #reloads: { failed: () => void };
  readonly #options: DnsServerOptions;
  readonly #deps: DnsServerDeps;
  /** Changes of configuration, one after the other. */
  #changes: Promise<void> = Promise.resolve();
  #runtime: Runtime;
  #hash: string;
  #timer: NodeJS.Timeout | undefined;
  #stopping = false;

  constructor(options: DnsServerOptions, deps: DnsServerDeps) {
    this.#name = options.corefileName ?? 'Corefile';
    this.#options = options;
    this.#deps = deps;
    this.#logger = deps.logger;
    const failures = deps.metrics.counter(
      'coredns_reload_failed_total',
      'Counter of the number of failed reload attempts.',
    );
    this.#reloads = { failed: () => failures.inc() };
    deps.metrics.gauge(
      'kubesvc_dns_staleness_seconds',
      'Seconds since the API server was last heard of.',
      [],
      (gauge) => gauge.set(this.#staleness()),
    );
    this.#context = {
      logger: deps.logger,
      metrics: deps.metrics,
      stats: new ServerStats(options.version),
      sources: (cluster) => this.#sourcesOf(cluster),
      localIps,
      stopping: () => this.#stopping,
      ...(options.readCorefile === undefined ? {} : { readCorefile: options.readCorefile }),
      ...(options.placement === undefined ? {} : { placement: options.placement }),
    };
    this.#runtime = buildRuntime(options.corefile, this.#name, this.#context);
    this.#hash = digest(options.corefile);
  }

  #staleness(): number {
    const contact = Math.min(...[...this.#sources.values()].map((s) => s.lastContact));
    return contact === 0 || !Number.isFinite(contact) ? 0 : (Date.now() - contact) / 1000;
  }

  #sourcesOf(cluster?: ClusterAddress): InformerSources {
    const key = cluster === undefined ? '' : JSON.stringify(cluster);
    const have = this.#sources.get(key);
    if (have !== undefined) return have;
    const made = new InformerSources(
      cluster === undefined ? this.#deps.informers : this.#informersOf(cluster),
    );
    this.#sources.set(key, made);
    return made;
  }

  #informersOf(cluster: ClusterAddress): InformerFactory {
    const observe = restClientMetrics(this.#deps.metrics);
    const client = createClientFromConfig(clusterConfig(cluster), 'kubesvc-dns', cluster.limit, observe);
    this.#closers.push(() => client.close());
    return createInformerFactory(client, { logger: this.#logger });
  }

  async start(): Promise<void> {
    try {
      await startAll(this.#runtime.members);
      for (const [key, listener] of this.#wanted(this.#runtime)) {
        await listener.start();
        this.#running.set(key, listener);
      }
    } catch (error) {
      await this.#halt();
      throw error;
    }
    this.#context.stats.enabled(this.#runtime.enabled);
    this.#watchFile();
    this.#watchConfigMap();
    void Promise.all([...this.#sources.values()].map((s) => s.synced())).then(this.#options.onSynced);
  }

  /** Every socket of a configuration; what they serve is looked up per message. */
  #wanted(runtime: Runtime): Map<string, Startable> {
    const wanted = new Map<string, Startable>();
    for (const [key, listener] of runtime.listeners)
      for (const [kind, made] of this.#listeners(key, listener)) wanted.set(`${key}|${kind}`, made);
    for (const address of runtime.context.http.keys())
      wanted.set(
        `http|${address}`,
        createHttpEndpoint(address, () => this.#runtime.context.http.get(address)),
      );
    return wanted;
  }

  #listeners(key: string, listener: RuntimeListener): [string, Startable][] {
    const { address, port, transport, tls, handler } = listener;
    // During a change of configuration a socket may be there before its configuration is current, or after.
    const options = {
      address,
      port,
      handler: () => this.#runtime.listeners.get(key)?.handler ?? handler,
      logger: this.#logger,
    };
    if (transport === 'tls') return [['tls', createTlsServer(options, tls!)]];
    if (transport === 'https') return [['https', createHttpsServer(options, tls!)]];
    return [
      ['udp', createUdpServer(options)],
      ['tcp', createTcpServer(options)],
    ];
  }

  reload(corefile: string): Promise<void> {
    const done = this.#changes.then(() => this.#replace(corefile));
    this.#changes = done.catch(() => {});
    return done;
  }

  async #replace(corefile: string): Promise<void> {
    if (this.#stopping) return;
    const next = buildRuntime(corefile, this.#name, this.#context);
    const added: [string, Startable][] = [];
    const wanted = this.#wanted(next);
    try {
      await startAll(next.members);
      for (const [key, listener] of wanted) {
        if (this.#running.has(key)) continue;
        await listener.start();
        added.push([key, listener]);
      }
    } catch (error) {
      await stopAll([...added.map(([, l]) => l), ...next.members]);
      throw error;
    }
    const old = this.#runtime;
    this.#runtime = next;
    this.#hash = digest(corefile);
    this.#context.stats.enabled(next.enabled);
    for (const [key, listener] of added) this.#running.set(key, listener);
    const gone = [...this.#running].filter(([key]) => !wanted.has(key));
    for (const [key] of gone) this.#running.delete(key);
    await stopAll([...gone.map(([, l]) => l), ...old.members]);
    this.#logger.info('serving a new configuration', { corefile: this.#name });
  }

  #watchFile(): void {
    const plan = this.#runtime.context.reload;
    const read = this.#context.readCorefile;
    if (plan === undefined || read === undefined || this.#stopping) return;
    const delay = plan.intervalMs + (Math.random() * 2 - 1) * plan.jitterMs;
    this.#timer = setTimeout(() => void this.#check(read).finally(() => this.#watchFile()), delay).unref();
  }

  async #check(read: () => Promise<string>): Promise<void> {
    try {
      await this.#follow(await read());
    } catch (error) {
      this.#refused(error);
    }
  }

  #watchConfigMap(): void {
    const { configMap, corefile } = this.#options;
    if (configMap === undefined) return;
    this.#closers.push(
      watchConfigMap(this.#deps.informers, configMap, (text = corefile) => {
        this.#follow(text).catch((error) => this.#refused(error));
      }),
    );
    this.#deps.informers.start();
  }

  async #follow(corefile: string): Promise<void> {
    if (digest(corefile) !== this.#hash) await this.reload(corefile);
  }

  #refused(error: unknown): void {
    this.#reloads.failed();
    const reason = error instanceof CorefileError ? { reason: error.message } : { err: error };
    this.#logger.error('the configuration stays as it was: the new one cannot be used', reason);
  }

  async stop(): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    clearTimeout(this.#timer);
    await this.#changes;
    const { lameduckMs } = this.#runtime.context;
    if (lameduckMs > 0) await waitUntilUnlisted([...this.#sources.values()], localIps(), lameduckMs);
    await this.#halt();
  }

  async #halt(): Promise<void> {
    const listeners = [...this.#running.values()].reverse();
    this.#running.clear();
    await stopAll([...listeners, ...this.#runtime.members]);
    for (const sources of this.#sources.values()) sources.stop();
    for (const close of this.#closers.splice(0)) close();
  }
}

async function startAll(members: Startable[]): Promise<void> {
  for (const member of members) await member.start();
}

async function stopAll(members: Startable[]): Promise<void> {
  await Promise.all(members.map((m) => m.stop()));
}

function digest(text: string): string {
  return createHash('sha512').update(text).digest('hex');
}

/** This machine's addresses, loopback left out. */
function localIps(): string[] {
  return Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter((a) => !a.internal && !a.address.startsWith('fe80'))
    .map((a) => a.address);
}
