import { type core, isConflict, isNotFound } from '#api';
import type { Counter, Startable } from '#base';
import { type Informer, Resources } from '#client';
import { markDisrupted } from '../common/disruption.js';
import { createLoop, type LoopRun } from '../common/loop.js';
import { isPodTerminal } from '../common/pods.js';
import { parseTime, timestamp } from '../common/time.js';
import { type ControllerDeps, trimmedInformer } from '../deps.js';

export interface PodGcOptions {
  /** Finished Pods that may stay (upstream's --terminated-pod-gc-threshold). */
  terminatedThreshold?: number;
  /** Time between two rounds. */
  periodMs?: number;
  /** How long a node must be missing before its Pods are given up. */
  quarantineMs?: number;
}

/** Deletes Pods that nobody else will: of vanished nodes, never scheduled ones, too many finished ones (podgc). */
export function createPodGcController(options: PodGcOptions, deps: ControllerDeps): Startable {
  const nodes = trimmedInformer(deps.informers, Resources.nodes);
  const pods = trimmedInformer(deps.informers, Resources.pods);
  return createLoop(deps, 'orphaned_pods_nodes', () => new Run(options, deps, nodes, pods));
}

const ROUND = 'round';

class Run implements LoopRun {
  readonly workers = 1;
  readonly caches: LoopRun['caches'];
  readonly #options: Required<PodGcOptions>;
  readonly #deps: ControllerDeps;
  readonly #nodes: Informer<core.Node>;
  readonly #pods: Informer<core.Pod>;
  /** Since when nodes that Pods name are missing. */
  readonly #missing = new Map<string, number>();
  readonly #deleted: Counter;
  readonly #failed: Counter;
  #again = () => {};

  constructor(
    options: PodGcOptions,
    deps: ControllerDeps,
    nodes: Informer<core.Node>,
    pods: Informer<core.Pod>,
  ) {
    this.#options = {
      terminatedThreshold: options.terminatedThreshold ?? 12_500,
      periodMs: options.periodMs ?? 20_000,
      quarantineMs: options.quarantineMs ?? 40_000,
    };
    this.#deps = deps;
    this.#nodes = nodes;
    this.#pods = pods;
    this.caches = [nodes, pods];
    this.#deleted = deps.metrics.counter(
      'pod_gc_collector_force_delete_pods_total',
      'Number of pods that are being forcefully deleted since the Pod GC Controller started.',
      ['namespace', 'reason'],
    );
    this.#failed = deps.metrics.counter(
      'pod_gc_collector_force_delete_pod_errors_total',
      'Number of errors encountered when forcefully deleting the pods since the Pod GC Controller started.',
      ['namespace', 'reason'],
    );
  }

  subscribe(queue: Parameters<LoopRun['subscribe']>[0]): (() => void)[] {
    this.#again = () => queue.addAfter(ROUND, this.#options.periodMs);
    queue.add(ROUND);
    return [];
  }

  async sync(): Promise<void> {
    this.#again();
    const pods = this.#pods.list();
    for (const pod of surplusTerminated(pods, this.#options.terminatedThreshold))
      await this.#delete(pod, 'terminated', undefined);
    await this.#collectOrphans(pods);
    for (const pod of pods.filter(isUnscheduledTerminating))
      await this.#delete(pod, 'unscheduled', undefined);
  }

  async #collectOrphans(pods: core.Pod[]): Promise<void> {
    const gone = await this.#goneNodes(pods);
    for (const pod of pods) {
      if (!gone.has(pod.spec?.nodeName ?? '')) continue;
      const message = 'PodGC: node no longer exists';
      await this.#delete(pod, 'orphaned', isPodTerminal(pod) ? undefined : message);
    }
  }

  /** Nodes that have been missing for the whole quarantine, according to the API too. */
  async #goneNodes(pods: core.Pod[]): Promise<Set<string>> {
    const now = this.#deps.clock.now();
    const named = new Set(pods.map((pod) => pod.spec?.nodeName ?? '').filter((name) => name !== ''));
    for (const name of this.#missing.keys()) if (!named.has(name)) this.#missing.delete(name);
    const gone = new Set<string>();
    for (const name of named) {
      if (this.#nodes.get(name) !== undefined) this.#missing.delete(name);
      else if (!this.#missing.has(name)) this.#missing.set(name, now);
      else if (now - this.#missing.get(name)! >= this.#options.quarantineMs && !(await this.#exists(name)))
        gone.add(name);
    }
    return gone;
  }

  async #exists(name: string): Promise<boolean> {
    try {
      await this.#deps.client.resource(Resources.nodes).get(name);
      return true;
    } catch (error) {
      if (isNotFound(error)) return false;
      throw error;
    }
  }

  async #delete(
    pod: core.Pod,
    reason: 'terminated' | 'orphaned' | 'unscheduled',
    disruption: string | undefined,
  ): Promise<void> {
    const { name, namespace, uid } = pod.metadata;
    const { client, clock } = this.#deps;
    this.#deleted.inc({ namespace: namespace!, reason });
    try {
      if (disruption !== undefined) {
        const condition = {
          reason: 'DeletionByPodGC',
          message: disruption,
          lastTransitionTime: timestamp(clock),
        };
        await markDisrupted(client, pod, condition, 'Failed');
      }
      await client
        .resource(Resources.pods)
        .delete(name!, namespace, { gracePeriodSeconds: 0, preconditions: { uid: uid! } });
    } catch (error) {
      if (isNotFound(error) || isConflict(error)) return;
      this.#failed.inc({ namespace: namespace!, reason });
      throw error;
    }
  }
}

/** The oldest finished Pods beyond the threshold. */
export function surplusTerminated(pods: core.Pod[], threshold: number): core.Pod[] {
  const finished = pods.filter((pod) => isPodTerminal(pod) && pod.metadata.deletionTimestamp === undefined);
  if (threshold <= 0 || finished.length <= threshold) return [];
  const age = (pod: core.Pod) => parseTime(pod.metadata.creationTimestamp);
  return finished.sort((a, b) => age(a) - age(b)).slice(0, finished.length - threshold);
}

function isUnscheduledTerminating(pod: core.Pod): boolean {
  return pod.metadata.deletionTimestamp !== undefined && (pod.spec?.nodeName ?? '') === '';
}
