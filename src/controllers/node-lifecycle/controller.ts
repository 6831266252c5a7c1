import { type coordination, type core, isConflict, isNotFound } from '#api';
import type { Startable } from '#base';
import { type EventRecorder, type Informer, Resources, type WorkQueue } from '#client';
import { semanticEqual } from '../common/equal.js';
import { createLoop, type LoopRun } from '../common/loop.js';
import { BY_NODE, byNode } from '../common/node-index.js';
import { isPodReady } from '../common/pods.js';
import { timestamp } from '../common/time.js';
import { type ControllerDeps, trimmedInformer } from '../deps.js';
import { NodeMetrics } from './metrics.js';
import { isEvicting, readyStatus, unknownConditions, wantedTaints } from './taints.js';

export interface NodeLifecycleOptions {
  /** Silence after which a Node counts as unreachable (upstream's --node-monitor-grace-period). */
  gracePeriodMs?: number;
  /** The same for a Node that has never reported (--node-startup-grace-period). */
  startupGracePeriodMs?: number;
  /** Time between two Nodes whose Pods are told to leave (the inverse of --node-eviction-rate). */
  evictionIntervalMs?: number;
}

/**
 * Watches over Nodes: those that fall silent become Unknown, conditions become taints, and Pods on unready
 * Nodes become unready and so leave the Services (upstream's node-lifecycle-controller, without zones: all
 * Nodes are one zone). While no Node at all is ready, nothing is evicted: the fault is then likely here.
 */
export function createNodeLifecycleController(
  options: NodeLifecycleOptions,
  deps: ControllerDeps,
): Startable {
  const caches = {
    nodes: trimmedInformer(deps.informers, Resources.nodes),
    pods: trimmedInformer(deps.informers, Resources.pods),
    leases: deps.informers.informer(Resources.leases, { namespace: 'kube-node-lease' }),
  };
  caches.pods.addIndex(BY_NODE, byNode);
  const recorder = deps.recorder('node-controller');
  return createLoop(deps, 'node_lifecycle_controller', () => new Run(options, deps, caches, recorder));
}

interface Caches {
  nodes: Informer<core.Node>;
  pods: Informer<core.Pod>;
  leases: Informer<coordination.Lease>;
}

class Run implements LoopRun {
  readonly workers = 8;
  readonly caches: LoopRun['caches'];
  readonly #options: Required<NodeLifecycleOptions>;
  readonly #deps: ControllerDeps;
  readonly #caches: Caches;
  readonly #recorder: EventRecorder;
  readonly #metrics: NodeMetrics;
  /** When a sign of life was last seen, by this process's clock: those of nodes are not trusted. */
  readonly #lastSeen = new Map<string, number>();
  #nextEviction = 0;
  #queue: WorkQueue | undefined;

  constructor(options: NodeLifecycleOptions, deps: ControllerDeps, caches: Caches, recorder: EventRecorder) {
    this.#options = {
      gracePeriodMs: options.gracePeriodMs ?? 40_000,
      startupGracePeriodMs: options.startupGracePeriodMs ?? 60_000,
      evictionIntervalMs: options.evictionIntervalMs ?? 10_000,
    };
    this.#deps = deps;
    this.#caches = caches;
    this.caches = Object.values(caches);
    this.#recorder = recorder;
    const isHealthy = (node: core.Node) => readyStatus(node) === 'True';
    this.#metrics = new NodeMetrics(deps.metrics, () => caches.nodes.list(), isHealthy);
  }

  subscribe(queue: WorkQueue): (() => void)[] {
    this.#queue = queue;
    const alive = (name: string) => this.#lastSeen.set(name, this.#deps.clock.now());
    return [
      this.#caches.nodes.on({
        add: ({ metadata }) => {
          alive(metadata.name!);
          queue.add(metadata.name!);
        },
        update: (node, old) => this.#nodeUpdated(node, old, queue),
        delete: (node) => this.#lastSeen.delete(node.metadata.name!),
      }),
      this.#caches.leases.on({
        add: (lease) => alive(lease.metadata.name!),
        update: (lease, old) => {
          if (lease.spec?.renewTime !== old.spec?.renewTime) alive(lease.metadata.name!);
        },
      }),
      this.#caches.pods.on({
        add: (pod) => this.#podSeen(pod, queue),
        update: (pod) => this.#podSeen(pod, queue),
      }),
    ];
  }

  #nodeUpdated(node: core.Node, old: core.Node, queue: WorkQueue): void {
    const name = node.metadata.name!;
    if (heartbeat(node) !== heartbeat(old)) this.#lastSeen.set(name, this.#deps.clock.now());
    queue.add(name);
    // Whether others may be evicted depends on how many are ready.
    if (readyStatus(node) !== readyStatus(old))
      for (const { metadata } of this.#caches.nodes.list()) queue.add(metadata.name!);
  }

  /** A Pod that claims to be ready on a Node that is not. */
  #podSeen(pod: core.Pod, queue: WorkQueue): void {
    const node = this.#caches.nodes.get(pod.spec?.nodeName ?? '');
    if (node !== undefined && isPodReady(pod) && readyStatus(node) !== 'True') queue.add(node.metadata.name!);
  }

  async sync(name: string): Promise<void> {
    const cached = this.#caches.nodes.get(name);
    if (cached === undefined) return;
    const silent = this.#checkHeartbeat(cached);
    const node = silent ? await this.#markUnknown(cached) : cached;
    await this.#taint(node);
    if (readyStatus(node) !== 'True') await this.#markPodsUnready(node);
  }

  /** True when the Node has been silent for too long; otherwise looks again when it would be. */
  #checkHeartbeat(node: core.Node): boolean {
    const name = node.metadata.name!;
    const reported = node.status?.conditions?.some(({ type }) => type === 'Ready') ?? false;
    const { gracePeriodMs, startupGracePeriodMs } = this.#options;
    const now = this.#deps.clock.now();
    const left = (this.#lastSeen.get(name) ?? now) + (reported ? gracePeriodMs : startupGracePeriodMs) - now;
    if (left <= 0) return true;
    this.#queue?.addAfter(name, left);
    return false;
  }

  async #markUnknown(node: core.Node): Promise<core.Node> {
    const conditions = unknownConditions(node, timestamp(this.#deps.clock));
    if (semanticEqual(conditions, node.status?.conditions)) return node;
    const changed = { ...node, status: { ...node.status, conditions } };
    const updated = await this.#deps.client.resource(Resources.nodes).updateSubresource('status', changed);
    const { name } = node.metadata;
    this.#recorder.event(node, 'Normal', 'NodeNotReady', `Node ${name} status is now: NodeNotReady`);
    return updated;
  }

  async #taint(node: core.Node): Promise<void> {
    const taints = wantedTaints(node, this.#mayEvict(node), timestamp(this.#deps.clock));
    if (semanticEqual(taints, node.spec?.taints)) return;
    const { name, uid, resourceVersion } = node.metadata;
    // The version guards against taints that somebody else is adding.
    const body = { metadata: { uid, resourceVersion }, spec: { taints } };
    await this.#deps.client.resource(Resources.nodes).patch(name!, undefined, 'merge', body);
  }

  /** Nodes are evicted one after the other, and none while all are unready. */
  #mayEvict(node: core.Node): boolean {
    if (readyStatus(node) === 'True') return false;
    if (!this.#caches.nodes.list().some((other) => readyStatus(other) === 'True')) return false;
    if (isEvicting(node)) return true;
    const now = this.#deps.clock.now();
    if (now < this.#nextEviction) {
      this.#queue?.addAfter(node.metadata.name!, this.#nextEviction - now);
      return false;
    }
    this.#nextEviction = now + this.#options.evictionIntervalMs;
    this.#metrics.evicted(node);
    return true;
  }

  async #markPodsUnready(node: core.Node): Promise<void> {
    const ready = this.#caches.pods.byIndex(BY_NODE, node.metadata.name!).filter(isPodReady);
    await Promise.all(ready.map((pod) => this.#markPodUnready(pod)));
  }

  async #markPodUnready(pod: core.Pod): Promise<void> {
    const { name, namespace, uid } = pod.metadata;
    const lastTransitionTime = timestamp(this.#deps.clock);
    const conditions = [{ type: 'Ready', status: 'False', lastTransitionTime }];
    try {
      await this.#deps.client
        .resource(Resources.pods)
        .patch(
          name!,
          namespace,
          'strategic',
          { metadata: { uid }, status: { conditions } },
          { subresource: 'status' },
        );
      this.#recorder.event(pod, 'Warning', 'NodeNotReady', 'Node is not ready');
    } catch (error) {
      if (!isNotFound(error) && !isConflict(error)) throw error;
    }
  }
}

function heartbeat(node: core.Node): string {
  const conditions = node.status?.conditions ?? [];
  return JSON.stringify(
    conditions.map(({ type, status, lastHeartbeatTime }) => [type, status, lastHeartbeatTime]),
  );
}
