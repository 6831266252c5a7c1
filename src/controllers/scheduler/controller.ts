import { type core, isConflict, isNotFound, objectKey } from '#api';
import type { Startable } from '#base';
import { type EventRecorder, type Informer, Resources, type WorkQueue } from '#client';
import { createLoop, type LoopRun } from '../common/loop.js';
import { isPodTerminal, podCondition } from '../common/pods.js';
import { timestamp } from '../common/time.js';
import { type LoopDeps, trimmedInformer } from '../deps.js';
import { ClusterState, type PodInfo, podInfo } from './cluster-state.js';
import { decide } from './decide.js';
import { PendingPods } from './pending-pods.js';

export interface SchedulerOptions {
  /** Pods whose spec.schedulerName is this are scheduled here. */
  schedulerName?: string;
  /** Bindings under way at the same time; decisions are made one after the other. */
  parallelBindings?: number;
}

/** Gives Pods without a node one (kube-scheduler's default profile, without preemption and volumes). */
export function createScheduler(options: SchedulerOptions, deps: LoopDeps): Startable {
  const caches = {
    pods: trimmedInformer(deps.informers, Resources.pods),
    nodes: trimmedInformer(deps.informers, Resources.nodes),
    namespaces: trimmedInformer(deps.informers, Resources.namespaces),
  };
  const recorder = deps.recorder(options.schedulerName ?? 'default-scheduler');
  return createLoop(deps, 'scheduler', () => new Run(options, deps, caches, recorder));
}

interface Caches {
  pods: Informer<core.Pod>;
  nodes: Informer<core.Node>;
  namespaces: Informer<core.Namespace>;
}

/** Changes that come together are answered by one round of retries. */
const RETRY_DELAY_MS = 10;

class Run implements LoopRun {
  readonly workers: number;
  readonly caches: LoopRun['caches'];
  readonly #name: string;
  readonly #deps: LoopDeps;
  readonly #caches: Caches;
  readonly #recorder: EventRecorder;
  readonly #state = new ClusterState();
  readonly #waiting = new Set<string>();
  readonly #pending = new PendingPods();
  #retryPlanned = false;
  #queue: WorkQueue | undefined;

  constructor(options: SchedulerOptions, deps: LoopDeps, caches: Caches, recorder: EventRecorder) {
    this.workers = options.parallelBindings ?? 16;
    this.#name = options.schedulerName ?? 'default-scheduler';
    this.caches = Object.values(caches);
    this.#deps = deps;
    this.#caches = caches;
    this.#recorder = recorder;
  }

  subscribe(queue: WorkQueue): (() => void)[] {
    this.#queue = queue;
    const { nodes, pods } = this.#caches;
    const nodeChanged = (node: core.Node) => {
      this.#state.setNode(node);
      this.#retryWaiting(queue);
    };
    return [
      nodes.on({
        add: nodeChanged,
        update: (node, old) => {
          if (schedulingInputs(node) === schedulingInputs(old)) this.#state.setNode(node);
          else nodeChanged(node);
        },
        delete: (node) => {
          this.#state.removeNode(node.metadata.name!);
          this.#retryWaiting(queue);
        },
      }),
      pods.on({
        add: (pod) => this.#podChanged(pod, queue),
        update: (pod, old) => this.#podChanged(pod, queue, old),
        delete: (pod) => {
          this.#waiting.delete(objectKey(pod));
          this.#state.removePod(pod);
          if (pod.spec?.nodeName) this.#retryWaiting(queue);
        },
      }),
    ];
  }

  #podChanged(pod: core.Pod, queue: WorkQueue, old?: core.Pod): void {
    this.#state.setPod(pod);
    const key = objectKey(pod);
    if (this.#isOurs(pod)) {
      // Its own condition is no news for a Pod that waits for the cluster to change.
      if (!this.#waiting.has(key) || old === undefined || specChanged(pod, old)) this.#enqueue(key, queue);
      return;
    }
    this.#waiting.delete(key);
    const freed = isPodTerminal(pod) && (old === undefined || !isPodTerminal(old));
    const placed = pod.spec?.nodeName !== old?.spec?.nodeName;
    if (freed || placed) this.#retryWaiting(queue);
  }

  #isOurs(pod: core.Pod): boolean {
    return (
      (pod.spec?.nodeName ?? '') === '' &&
      (pod.spec?.schedulerName ?? 'default-scheduler') === this.#name &&
      (pod.spec?.schedulingGates ?? []).length === 0 &&
      pod.metadata.deletionTimestamp === undefined &&
      !isPodTerminal(pod)
    );
  }

  /** Pods that fit nowhere are tried again when something has changed that may help them. */
  #retryWaiting(queue: WorkQueue): void {
    if (this.#retryPlanned || this.#waiting.size === 0) return;
    this.#retryPlanned = true;
    this.#deps.clock.after(RETRY_DELAY_MS, () => {
      this.#retryPlanned = false;
      for (const key of this.#waiting) this.#enqueue(key, queue);
      this.#waiting.clear();
    });
  }

  #enqueue(key: string, queue: WorkQueue): void {
    const pod = this.#caches.pods.get(key);
    if (pod !== undefined) this.#pending.add(key, pod.spec?.priority ?? 0);
    queue.add(key);
  }

  /**
   * A turn, which goes to the most important Pod that waits for one, whoever's it is. One that fails waits for a turn
   * of its own, so that it does not take those of others.
   */
  async sync(turn: string): Promise<void> {
    const own = this.#caches.pods.get(turn);
    if (own !== undefined && this.#isOurs(own) && !this.#waiting.has(turn) && !this.#state.isAssumed(turn))
      this.#pending.add(turn, own.spec?.priority ?? 0);
    const key = this.#pending.take();
    if (key === undefined) return;
    try {
      await this.#schedule(key);
    } catch (error) {
      if (key === turn) throw error;
      this.#deps.logger.warn('scheduling failed, will be retried', { pod: key, err: error });
      this.#queue?.addRateLimited(key);
    }
  }

  async #schedule(key: string): Promise<void> {
    const pod = this.#caches.pods.get(key);
    if (pod === undefined || !this.#isOurs(pod) || this.#state.isAssumed(key)) return;
    const info = podInfo(pod);
    const namespaces = (name: string) => this.#caches.namespaces.get(name)?.metadata.labels;
    const decision = decide(info, this.#state.nodes(), namespaces);
    if (decision.node !== undefined) return this.#bind(info, decision.node);
    this.#waiting.add(key);
    await this.#reportUnschedulable(pod, decision.message);
  }

  async #bind(info: PodInfo, node: string): Promise<void> {
    const { name, namespace, uid } = info.pod.metadata;
    this.#state.assume(info, node);
    try {
      const binding: core.Binding = {
        apiVersion: 'v1',
        kind: 'Binding',
        metadata: { name, namespace, uid },
        target: { kind: 'Node', name: node },
      };
      await this.#deps.client
        .resource(Resources.pods)
        .createSubresource(name!, namespace, 'binding', binding);
    } catch (error) {
      this.#state.forget(info.key);
      // Gone or already placed by somebody else: its next event says which.
      if (isNotFound(error) || isConflict(error)) return;
      throw error;
    }
    this.#recorder.event(
      info.pod,
      'Normal',
      'Scheduled',
      `Successfully assigned ${namespace}/${name} to ${node}`,
    );
  }

  async #reportUnschedulable(pod: core.Pod, message: string): Promise<void> {
    this.#recorder.event(pod, 'Warning', 'FailedScheduling', message);
    const known = podCondition(pod, 'PodScheduled');
    if (known?.status === 'False' && known.reason === 'Unschedulable' && known.message === message) return;
    const condition = {
      type: 'PodScheduled',
      status: 'False',
      reason: 'Unschedulable',
      message,
      lastProbeTime: null,
      lastTransitionTime: known?.status === 'False' ? known.lastTransitionTime : timestamp(this.#deps.clock),
    };
    const { name, namespace, uid } = pod.metadata;
    const body = { metadata: { uid }, status: { conditions: [condition] } };
    try {
      await this.#deps.client
        .resource(Resources.pods)
        .patch(name!, namespace, 'strategic', body, { subresource: 'status' });
    } catch (error) {
      if (!isNotFound(error) && !isConflict(error)) throw error;
    }
  }
}

/** What decides about a node; heartbeats change none of it. */
function schedulingInputs({ metadata, spec, status }: core.Node): string {
  return JSON.stringify([metadata.labels, spec?.unschedulable, spec?.taints, status?.allocatable]);
}

function specChanged(pod: core.Pod, old: core.Pod): boolean {
  return JSON.stringify([pod.spec, pod.metadata.labels]) !== JSON.stringify([old.spec, old.metadata.labels]);
}
