import { join } from 'node:path';
import { type ApiServer, createApiServer } from '#apiserver';
import {
  cidrAddress,
  createMetrics,
  Group,
  type Logger,
  type LogLevel,
  packageRoot,
  type Startable,
} from '#base';
import { type Client, createInformerFactory } from '#client';
import { createControllerManager, createSchedulerManager } from '#controllers';
import { createSandbox, enterNamespaces, type Programs, type Sandbox } from '#host';
import { createLmdbStore, type Store } from '#storage';
import type { AgentConfig } from '../compose/agent.js';
import { inlineLess } from '../compose/compiler.js';
import { identities, inProcessClient } from '../compose/in-process.js';
import { alreadyStarted, closing } from '../compose/startables.js';
import { createConnectDialer } from '../net/connect-dialer.js';
import { type ClusterCredentials, nodeCredentials, openClusterCredentials } from './cluster-credentials.js';
import { createDnsAddon } from './dns-addon.js';
import { createHostPorts } from './host-ports.js';
import { writeKubeconfig } from './kubeconfig-file.js';
import { NodeProcess } from './node-process.js';
import { type ClusterPaths, type ClusterSettings, type NodeSettings, nodeSettings } from './settings.js';
import { isRunning, processStartTime, readState, removeState, writeState } from './state.js';

/** The port on which Pods find the API server, in every node's network. */
const API_PORT = 6443;
const AGENT_STOP_MS = 15_000;

export interface ClusterDeps {
  logger: Logger;
  /** Running; the cluster stops it. */
  programs: Programs & Startable;
  logLevel: LogLevel;
  /** Called as parts come up, for progress and for measuring. */
  progress?: (part: string) => void;
}

interface RunningNode {
  settings: NodeSettings;
  process: NodeProcess;
}

/** A cluster that is already running on the same data directory. */
export class AlreadyRunningError extends Error {
  constructor(pid: number, dataDir: string) {
    super(`a cluster is already running on ${dataDir} (pid ${pid})`);
    this.name = 'AlreadyRunningError';
  }
}

/**
 * One cluster on this machine: the control plane in this process, one agent process per node in namespaces of
 * its own. Nothing of the host is changed; everything ends with this process.
 */
export class Cluster implements Startable {
  readonly #settings: ClusterSettings;
  readonly #paths: ClusterPaths;
  readonly #deps: ClusterDeps;
  readonly #programs: Programs & Startable;
  readonly #group = new Group();
  readonly #nodes: RunningNode[] = [];
  /** All nodes have served: the state file is kept up to date from now on. */
  #complete = false;
  #server: ApiServer | undefined;
  #sandbox: Sandbox | undefined;
  #admin: Client | undefined;
  #failed: (error: Error) => void = () => {};
  /** Resolves with the reason when a part ends that should not have. */
  readonly failure = new Promise<Error>((resolve) => {
    this.#failed = resolve;
  });

  constructor(settings: ClusterSettings, paths: ClusterPaths, deps: ClusterDeps) {
    this.#settings = settings;
    this.#paths = paths;
    this.#deps = deps;
    this.#programs = deps.programs;
  }

  get server(): string {
    return `https://127.0.0.1:${this.#server?.address?.port}`;
  }

  /** A client with all rights, in process. */
  get admin(): Client {
    return this.#admin!;
  }

  /** Resolves when the API answers and every node's agent has been started; `nodesReady` waits for the agents. */
  async start(): Promise<void> {
    const running = readState(this.#paths.state);
    if (running !== undefined && isRunning(running.pid, running.startTime)) {
      throw new AlreadyRunningError(running.pid, this.#paths.dataDir);
    }
    try {
      await this.#startParts();
    } catch (error) {
      await this.stop().catch(() => {});
      throw error;
    }
  }

  async #startParts(): Promise<void> {
    const { progress = () => {} } = this.#deps;
    // First in, so that everything else stops before it.
    await this.#group.startMember(alreadyStarted(this.#programs));
    const credentials = openClusterCredentials(this.#paths.pki, this.#settings);
    // The nodes' processes come up while the store is read; they wait for the API server's socket.
    // Both are awaited to their end, also when one fails: nothing may start behind a stop.
    const halves = await Promise.allSettled([
      this.#startNodes(credentials),
      this.#startControlPlane(credentials),
    ]);
    for (const half of halves) if (half.status === 'rejected') throw half.reason;
    this.#writeState();
    progress('nodes started');
  }

  async #startNodes(loading: Promise<ClusterCredentials>): Promise<void> {
    const [credentials, sandbox] = await Promise.all([loading, this.#openSandbox()]);
    this.#deps.progress?.('namespaces');
    await Promise.all(
      nodeSettings(this.#settings).map((node) => this.#startNode(sandbox, node, credentials)),
    );
  }

  async #startControlPlane(loading: Promise<ClusterCredentials>): Promise<void> {
    const { progress = () => {} } = this.#deps;
    const [credentials, store] = await Promise.all([loading, this.#openStore()]);
    progress('store');
    await this.#startApi(store, credentials);
    progress('API server');
    writeKubeconfig(this.#paths.kubeconfig, {
      server: this.server,
      ca: credentials.ca,
      user: 'kubernetes-admin',
      pair: credentials.admin,
    });
    await this.#startControllers(credentials);
    progress('controllers');
  }

  /** Resolves when every node's agent serves: networks, rules and DNS are in place. */
  async nodesReady(): Promise<void> {
    await Promise.all(this.#nodes.map((n) => n.process.ready));
    this.#complete = true;
    this.#writeState();
  }

  /** Program and arguments that run a command in a node's namespaces. */
  inNode(name: string, command: string[]): { file: string; args: string[] } {
    const node = this.#nodes.find((n) => n.settings.name === name);
    if (node === undefined || node.process.pid === 0) throw new Error(`${name} does not run`);
    // Process ids of nodes count inside the cluster's PID namespace, so that one is entered first.
    const { file, args } = enterNamespaces(node.process.pid, false, command);
    return this.#sandbox!.enter([file, ...args]);
  }

  get programs(): Programs {
    return this.#programs;
  }

  async stop(): Promise<void> {
    this.#complete = false;
    await this.#stopNodes();
    await this.#sandbox?.stop();
    await this.#group.stop();
    removeState(this.#paths.state);
  }

  async #openSandbox(): Promise<Sandbox> {
    const { nodeCidr } = this.#settings;
    const sandbox = await createSandbox(this.#programs, {
      bridge: 'kubesvc0',
      addresses: [`${cidrAddress(nodeCidr, 1)}/${nodeCidr.prefix}`],
      rootless: process.getuid?.() !== 0,
    });
    this.#sandbox = sandbox;
    void sandbox.exited.then(() => this.#failed(new Error('the cluster namespaces ended')));
    return sandbox;
  }

  async #openStore(): Promise<Store> {
    const store = await createLmdbStore({ directory: this.#paths.store, logger: this.#deps.logger });
    await this.#group.startMember(store);
    return store;
  }

  async #startApi(store: Store, credentials: ClusterCredentials) {
    const { serviceCidr, port, apiAddress } = this.#settings;
    const { logger } = this.#deps;
    inlineLess();
    const server = createApiServer(
      {
        bindAddress: '127.0.0.1',
        securePort: port,
        unixSocket: this.#paths.apiSocket,
        tlsCert: credentials.serving.certificate,
        tlsPrivateKey: credentials.serving.key,
        clientCA: credentials.ca,
        advertiseAddress: apiAddress,
        advertisePort: API_PORT,
        serviceClusterIPRange: [serviceCidr.text],
        serviceAccountIssuers: ['https://kubernetes.default.svc'],
        serviceAccountSigningKey: credentials.serviceAccountKey,
        kubeletCertificateAuthority: credentials.ca,
        kubeletClientCertificate: credentials.kubelet.certificate,
        kubeletClientKey: credentials.kubelet.key,
      },
      { store, logger, metrics: createMetrics(), egress: this.#dialer() },
    );
    this.#server = server;
    await this.#group.startMember(server);
    this.#admin = inProcessClient(server, identities.admin);
  }

  /** Reaches nodes and Pods through the agents. */
  #dialer() {
    return createConnectDialer(() => nodeSettings(this.#settings).map((n) => this.#paths.nodeSocket(n.name)));
  }

  async #startControllers(credentials: ClusterCredentials): Promise<void> {
    const { logger } = this.#deps;
    const { podCidr, loadBalancerCidr, dnsIp } = this.#settings;
    const client = inProcessClient(this.#server!, identities.controllerManager);
    const scheduler = inProcessClient(this.#server!, identities.scheduler);
    const informers = createInformerFactory(this.admin, { logger });
    // One cache for controllers and scheduler: the process would hold and parse every Pod twice.
    const caches = createInformerFactory(client, { logger });
    // Stopped last: everything below still talks to the API while it stops.
    await this.#group.startMember(closing([client, scheduler, this.admin]));
    await this.#group.startMember({ start: async () => {}, stop: async () => caches.stop() });
    await this.#group.startMember(
      createControllerManager(
        {
          clusterCidrs: [podCidr.text],
          loadBalancerCidrs: [loadBalancerCidr.text],
          rootCa: credentials.ca,
          clusterSigning: credentials.pki.authority,
        },
        {
          client,
          clientFor: (user) => inProcessClient(this.#server!, user),
          informers: caches,
          logger: logger.child({ part: 'controllers' }),
          metrics: createMetrics(),
        },
      ),
    );
    await this.#group.startMember(
      createSchedulerManager(
        {},
        {
          client: scheduler,
          informers: caches,
          logger: logger.child({ part: 'scheduler' }),
          metrics: createMetrics(),
        },
      ),
    );
    const nodeIp = nodeSettings(this.#settings)[0]!.ip;
    await this.#group.startMember(
      createDnsAddon({
        client: this.admin,
        informers,
        clusterIp: dnsIp,
        clusterDomain: this.#settings.clusterDomain,
        logger,
      }),
    );
    await this.#group.startMember(createHostPorts({ informers, dialer: this.#dialer(), nodeIp, logger }));
    await this.#group.startMember({
      start: async () => informers.start(),
      stop: async () => informers.stop(),
    });
  }

  async #startNode(sandbox: Sandbox, node: NodeSettings, credentials: ClusterCredentials): Promise<void> {
    const config = await this.#agentConfig(node, credentials);
    const { nodeCidr } = this.#settings;
    const launch = () =>
      sandbox.startNode({
        name: node.name,
        index: node.index,
        addresses: [`${node.ip}/${nodeCidr.prefix}`],
        gateways: [cidrAddress(nodeCidr, 1)],
        loopback: [`${this.#settings.apiAddress}/32`],
        command: [process.execPath, join(packageRoot(), 'bin/kubesvc'), 'agent'],
        env: agentEnvironment(config),
      });
    const running = new NodeProcess({
      name: node.name,
      launch,
      onReady: () => this.#served(node.name),
      logger: this.#deps.logger,
    });
    this.#nodes.push({ settings: node, process: running });
    await running.start();
    running.ready.catch((error: Error) =>
      this.#failed(new Error(`${error.message}; see ${config.logFile}`, { cause: error })),
    );
  }

  /** The other commands find a restarted agent under its new process id. */
  #served(name: string): void {
    this.#deps.progress?.(name);
    if (this.#complete) this.#writeState();
  }

  async #agentConfig(node: NodeSettings, { pki, caFile }: ClusterCredentials): Promise<AgentConfig> {
    const s = this.#settings;
    return {
      name: node.name,
      ip: node.ip,
      dataDir: this.#paths.nodeDir(node.name),
      logFile: `${this.#paths.logs}/${node.name}.log`,
      logLevel: this.#deps.logLevel,
      apiSocket: this.#paths.apiSocket,
      connectSocket: this.#paths.nodeSocket(node.name),
      apiAddress: s.apiAddress,
      apiPort: API_PORT,
      caFile,
      credentials: await nodeCredentials(pki, node),
      hiddenPaths: [this.#paths.dataDir],
      dnsIp: s.dnsIp,
      clusterDomain: s.clusterDomain,
      podCidr: s.podCidr.text,
      serviceCidr: s.serviceCidr.text,
      proxyMode: s.proxyMode,
      loadBalancing: 'random',
    };
  }

  #writeState(): void {
    const { initPid } = this.#sandbox!;
    writeState(this.#paths.state, {
      pid: process.pid,
      startTime: processStartTime(process.pid) ?? '',
      initPid,
      initStartTime: processStartTime(initPid) ?? '',
      rootless: process.getuid?.() !== 0,
      kubeconfig: this.#paths.kubeconfig,
      server: this.server,
      dnsIp: this.#settings.dnsIp,
      nodes: this.#nodes.map(({ settings, process: { pid } }) => ({
        pid,
        name: settings.name,
        ip: settings.ip,
        socket: this.#paths.nodeSocket(settings.name),
      })),
    });
  }

  /** Agents stop when their input closes; one that hangs is killed with its namespaces right after. */
  async #stopNodes(): Promise<void> {
    const timeout = new Promise<void>((resolve) => setTimeout(resolve, AGENT_STOP_MS).unref());
    await Promise.race([Promise.all(this.#nodes.map((n) => n.process.stop())), timeout]);
  }
}

/** Only what a program needs: nothing of the caller's environment leaks into the cluster. */
function agentEnvironment(config: AgentConfig): Record<string, string> {
  const path = process.env['PATH'] ?? '';
  return {
    PATH: `${path}:/usr/sbin:/sbin`,
    HOME: process.env['HOME'] ?? '/',
    LANG: process.env['LANG'] ?? 'C.UTF-8',
    KUBESVC_AGENT: JSON.stringify(config),
  };
}
