import { isDeepStrictEqual } from 'node:util';
import { type core, isAlreadyExists, isConflict, isNotFound } from '#api';
import type { Clock, Logger } from '#base';
import { type Client, Resources } from '#client';
import type { NodeOptions } from '../options.js';
import { timeText } from '../pods/container-state.js';
import type { PodRuntime } from '../runtime.js';
import { nodeCapacity, nodeConditions, nodeInfo, nodeLabels } from './node-object.js';

const UPDATE_MS = 10_000;
const RETRY_MS = 500;
const MAX_CONFLICTS = 5;

/** Keeps this node's Node object: creates or adopts it, and reports its status (kubelet_node_status.go). */
export class NodeRegistration {
  readonly #client: Client;
  readonly #options: NodeOptions;
  readonly #runtime: PodRuntime;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #networkReady = false;
  #stopping = false;
  #reportedAt = 0;
  #cancel: () => void = () => {};
  #writing: Promise<void> = Promise.resolve();

  constructor(options: {
    client: Client;
    node: NodeOptions;
    runtime: PodRuntime;
    clock: Clock;
    logger: Logger;
  }) {
    this.#client = options.client;
    this.#options = options.node;
    this.#runtime = options.runtime;
    this.#clock = options.clock;
    this.#logger = options.logger;
  }

  /** Resolves with the registered Node; tries until the API answers or the signal aborts. */
  async register(signal: AbortSignal): Promise<core.Node> {
    for (;;) {
      try {
        return await this.#register();
      } catch (error) {
        if (signal.aborted) throw error;
        this.#logger.warn('cannot register the node yet', { err: error });
        await new Promise<void>((resolve) => void this.#clock.after(RETRY_MS, resolve));
      }
    }
  }

  /** The pod network works: the node is Ready from now on. Resolves when the API knows. */
  async networkReady(): Promise<void> {
    this.#networkReady = true;
    await this.#report();
    this.#schedule();
  }

  /**
   * Ends the reports. The Node stays as it is, as with the kubelet: its Lease runs out, and an agent that comes
   * back before that finds its pods where they were.
   */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#cancel();
    await this.#writing;
  }

  allocatable(): Record<string, string> {
    return nodeCapacity(this.#options);
  }

  async #register(): Promise<core.Node> {
    const nodes = this.#client.resource(Resources.nodes);
    const { name, taints } = this.#options;
    const labels = nodeLabels(this.#options);
    try {
      return await nodes.create({
        apiVersion: 'v1',
        kind: 'Node',
        metadata: {
          name,
          labels,
          annotations: { 'volumes.kubernetes.io/controller-managed-attach-detach': 'true' },
        },
        spec: { ...(taints === undefined ? {} : { taints }) },
        status: this.#status({}),
      });
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
    }
    const node = await nodes.get(name);
    const wanted = { ...node.metadata.labels, ...labels };
    if (isDeepStrictEqual(wanted, node.metadata.labels)) return node;
    return nodes.patch(name, undefined, 'merge', { metadata: { labels } });
  }

  #status(old: core.NodeStatus): core.NodeStatus {
    const capacity = nodeCapacity(this.#options);
    const { nodeIPs, hostname, name, server } = this.#options;
    return {
      ...old,
      capacity,
      allocatable: capacity,
      conditions: nodeConditions(old.conditions ?? [], {
        networkReady: this.#networkReady,
        now: timeText(this.#clock.now()),
      }),
      addresses: [
        ...nodeIPs.map((address) => ({ type: 'InternalIP', address })),
        { type: 'Hostname', address: hostname ?? name },
      ],
      daemonEndpoints: { kubeletEndpoint: { Port: server === undefined ? 0 : (server.port ?? 10250) } },
      nodeInfo: nodeInfo(this.#runtime),
      images: this.#runtime.images(),
    };
  }

  #schedule(): void {
    this.#cancel = this.#clock.after(UPDATE_MS, () => {
      void this.#report().finally(() => {
        if (!this.#stopping) this.#schedule();
      });
    });
  }

  #report(): Promise<void> {
    this.#writing = this.#writing.then(async () => {
      try {
        await this.#write();
      } catch (error) {
        this.#logger.warn('cannot write the node status', { err: error });
      }
    });
    return this.#writing;
  }

  async #write(): Promise<void> {
    const nodes = this.#client.resource(Resources.nodes);
    for (let attempt = 0; ; attempt++) {
      try {
        const node = await nodes.get(this.#options.name);
        const status = this.#status(node.status ?? {});
        const overdue =
          this.#clock.now() - this.#reportedAt >= (this.#options.statusReportSeconds ?? 300) * 1000;
        if (!overdue && isDeepStrictEqual(withoutHeartbeats(status), withoutHeartbeats(node.status ?? {})))
          return;
        await nodes.updateSubresource('status', { ...node, apiVersion: 'v1', kind: 'Node', status });
        this.#reportedAt = this.#clock.now();
        return;
      } catch (error) {
        if (isNotFound(error) && !this.#stopping) await this.#register();
        else if (!isConflict(error)) throw error;
        if (attempt >= MAX_CONFLICTS) throw error;
      }
    }
  }
}

function withoutHeartbeats(status: core.NodeStatus): core.NodeStatus {
  const conditions = (status.conditions ?? []).map(({ lastHeartbeatTime: _, ...rest }) => rest);
  return JSON.parse(JSON.stringify({ ...status, conditions }));
}
