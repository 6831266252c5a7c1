import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { posix } from 'node:path';
import { type core, objectKey } from '#api';
import type { Startable } from '#base';
import { createEventRecorder, type EventRecorder, type Informer, Resources } from '#client';
import { createConfigSource } from './env/config-source.js';
import { parseResolvConf, type ResolvConf } from './env/resolv-conf.js';
import { LogStore } from './logs/log-store.js';
import { HostPorts } from './network/host-ports.js';
import { NodeRoutes } from './network/node-routes.js';
import { PodNetwork } from './network/pod-network.js';
import type { NodeDeps, NodeOptions } from './options.js';
import { PodManager } from './pods/pod-manager.js';
import { isTerminal } from './pods/pod-status.js';
import { StatusWriter } from './pods/status-writer.js';
import { ProcessRuntime } from './process-runtime/index.js';
import { NodeLease } from './registration/node-lease.js';
import { NodeRegistration } from './registration/node-registration.js';
import type { PodRuntime } from './runtime.js';
import { createNodeServer } from './server/node-server.js';
import { createTokenSource } from './volumes/tokens.js';

const LOG_MAX_BYTES = 10 * 1024 * 1024;
const LOG_MAX_FILES = 5;

/**
 * The node agent: registers this node, runs the pods that are bound to it, and serves the kubelet API. It must
 * run as root (or as root of a user namespace) inside the node's network namespace, with a /proc of its own PID
 * namespace. `start` resolves when the node is Ready; pods are running or starting then. `stop` ends every
 * pod's processes at once and leaves the objects in the API, so that the next agent starts the pods again.
 */
export function createNodeAgent(options: NodeOptions, deps: NodeDeps): Startable {
  return new NodeAgent(options, deps);
}

class NodeAgent implements Startable {
  readonly #options: NodeOptions;
  readonly #deps: NodeDeps;
  readonly #runtime: PodRuntime;
  readonly #events: EventRecorder & { stop?(): void };
  readonly #registration: NodeRegistration;
  readonly #abort = new AbortController();
  /** What has been started, to be stopped in reverse. */
  readonly #started: (() => Promise<void> | void)[] = [];
  #node: core.Node | undefined;

  constructor(options: NodeOptions, deps: NodeDeps) {
    this.#options = { ...options, dataDir: posix.resolve(options.dataDir) };
    this.#deps = deps;
    const { client, clock, logger, programs } = deps;
    this.#runtime =
      deps.runtime ??
      new ProcessRuntime({
        programs,
        logger,
        directory: posix.join(this.#options.dataDir, 'run'),
        hidden: [this.#options.dataDir, ...(options.hiddenPaths ?? [])],
      });
    this.#events =
      deps.events ?? createEventRecorder(client, { component: 'kubelet', host: options.name, logger, clock });
    this.#registration = new NodeRegistration({
      client,
      node: options,
      runtime: this.#runtime,
      clock,
      logger,
    });
  }

  async start(): Promise<void> {
    try {
      await this.#start();
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    for (let stop = this.#started.pop(); stop !== undefined; stop = this.#started.pop()) await stop();
  }

  async #start(): Promise<void> {
    const { clock, logger, informers, programs } = this.#deps;
    mkdirSync(this.#options.dataDir, { recursive: true, mode: 0o700 });
    const own = informers.informer(Resources.nodes, { fieldSelector: `metadata.name=${this.#options.name}` });
    // A node identity may read only its own Node; routes to the others are the network's business.
    const networkInformers = this.#deps.networkInformers ?? informers;
    const nodes = networkInformers.informer(Resources.nodes);
    const services = informers.informer(Resources.services);
    const pods = informers.informer(Resources.pods, {
      fieldSelector: `spec.nodeName=${this.#options.name}`,
    });
    informers.start();
    networkInformers.start();
    this.#started.push(() => this.#events.stop?.());
    const network = new PodNetwork({
      programs,
      logger,
      ...(this.#options.bridge === undefined ? {} : { bridge: this.#options.bridge }),
      ...(this.#options.mtu === undefined ? {} : { mtu: this.#options.mtu }),
    });
    await Promise.all([this.#startRuntime(), this.#register(own, network)]);
    const routes = new NodeRoutes({ informer: nodes, programs, logger, self: this.#options.name });
    routes.start();
    this.#started.push(() => routes.stop());
    this.#startLease(clock);
    await Promise.all([services.synced(this.#abort.signal), pods.synced(this.#abort.signal)]);
    await this.#startServer(await this.#startPods(pods, services, network));
    await this.#registration.networkReady();
    this.#started.push(() => this.#registration.stop());
  }

  async #startRuntime(): Promise<void> {
    await this.#runtime.start();
    this.#started.push(() => this.#runtime.stop());
  }

  /** Registers the node and sets its pod network up as soon as it has been given one. */
  async #register(nodes: Informer<core.Node>, network: PodNetwork): Promise<void> {
    this.#node = await this.#registration.register(this.#abort.signal);
    const cidrs = this.#options.podCIDRs ?? (await this.#waitForCIDRs(nodes, this.#node));
    await network.start(cidrs);
  }

  #waitForCIDRs(nodes: Informer<core.Node>, registered: core.Node): Promise<string[]> {
    const { name } = this.#options;
    const cidrsOf = ({ spec, metadata }: core.Node): string[] | undefined => {
      if (metadata.name !== name) return undefined;
      const cidrs = spec?.podCIDRs ?? (spec?.podCIDR ? [spec.podCIDR] : []);
      return cidrs.length > 0 ? cidrs : undefined;
    };
    const have = cidrsOf(registered);
    if (have !== undefined) return Promise.resolve(have);
    return new Promise((resolve, reject) => {
      const look = (node: core.Node) => {
        const cidrs = cidrsOf(node);
        if (cidrs === undefined) return;
        queueMicrotask(() => off());
        resolve(cidrs);
      };
      const off = nodes.on({ add: look, update: look });
      this.#abort.signal.addEventListener('abort', () => {
        off();
        reject(new Error('the node agent was stopped'));
      });
    });
  }

  #startLease(clock: NodeDeps['clock']): void {
    const lease = new NodeLease({
      client: this.#deps.client,
      clock,
      logger: this.#deps.logger,
      intervalSeconds: this.#options.leaseIntervalSeconds ?? 10,
      node: () => this.#node!,
    });
    lease.start();
    this.#started.push(() => lease.stop());
  }

  async #startPods(
    pods: Informer<core.Pod>,
    services: Informer<core.Service>,
    network: PodNetwork,
  ): Promise<{ manager: PodManager; logs: LogStore }> {
    const { client, clock, logger, programs } = this.#deps;
    const { dataDir, nodeIPs, name, hostname } = this.#options;
    const logs = new LogStore({
      directory: posix.join(dataDir, 'pods'),
      maxBytes: this.#options.containerLogMaxBytes ?? LOG_MAX_BYTES,
      maxFiles: this.#options.containerLogMaxFiles ?? LOG_MAX_FILES,
      now: () => clock.now(),
      logger,
    });
    const cached = (namespace: string, pod: string) => pods.get(`${namespace}/${pod}`);
    const statuses = new StatusWriter({ client, clock, logger, cached });
    await this.#sweep(pods, logs);
    for (const { metadata, status, spec } of pods.list())
      if (!isTerminal(status) && spec?.hostNetwork !== true)
        network.reserve(
          metadata.uid!,
          (status?.podIPs ?? []).map(({ ip }) => ip),
        );
    const manager = new PodManager(pods, {
      client,
      runtime: this.#runtime,
      network,
      hostPorts: new HostPorts({ programs, logger }),
      logs,
      statuses,
      source: createConfigSource(client, () => clock.now()),
      tokens: createTokenSource(client, () => clock.now()),
      clock,
      logger,
      events: this.#events,
      hostIPs: nodeIPs,
      hostname: hostname ?? name,
      dns: {
        clusterDNS: this.#options.clusterDNS,
        clusterDomain: this.#options.clusterDomain ?? 'cluster.local',
        node: nodeResolvConf(this.#options.resolvConf ?? '/etc/resolv.conf'),
      },
      allocatable: () => this.#registration.allocatable(),
      services: () => services.list(),
      volumePaths: (uid) => ({
        disk: posix.join(dataDir, 'volumes', uid),
        memory: posix.join(this.#runtime.volatileDir, 'volumes', uid),
      }),
    });
    this.#started.push(() => statuses.stop());
    manager.start();
    this.#started.push(() => manager.stop());
    return { manager, logs };
  }

  /** Removes what pods left behind that were deleted while no agent ran. */
  async #sweep(pods: Informer<core.Pod>, logs: LogStore): Promise<void> {
    const known = new Set(pods.list().map((pod) => pod.metadata.uid!));
    await logs.removeOthers(known);
    const volumes = posix.join(this.#options.dataDir, 'volumes');
    mkdirSync(volumes, { recursive: true, mode: 0o700 });
    for (const uid of readdirSync(volumes))
      if (!known.has(uid)) rmSync(posix.join(volumes, uid), { recursive: true, force: true });
    this.#deps.logger.debug('pods found', { pods: pods.list().map(objectKey) });
  }

  async #startServer({ manager, logs }: { manager: PodManager; logs: LogStore }): Promise<void> {
    if (this.#options.server === undefined) return;
    const server = createNodeServer({
      options: this.#options.server,
      nodeName: this.#options.name,
      manager,
      logs,
      runtime: this.#runtime,
      logger: this.#deps.logger,
      metrics: this.#deps.metrics,
      clock: this.#deps.clock,
      logDirectory: '/var/log',
    });
    await server.start();
    this.#started.push(() => server.stop());
  }
}

function nodeResolvConf(path: string): ResolvConf {
  try {
    return parseResolvConf(readFileSync(path, 'utf8'));
  } catch {
    return { nameservers: [], searches: [], options: [] };
  }
}
