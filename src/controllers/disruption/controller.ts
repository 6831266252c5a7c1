import { type apps, type core, objectKey, type policy, selectorMatches } from '#api';
import type { Startable } from '#base';
import { type EventRecorder, type Informer, Resources, type WorkQueue } from '#client';
import { sameStatus, semanticEqual } from '../common/equal.js';
import { isRoutineError } from '../common/errors.js';
import { createLoop, type LoopRun } from '../common/loop.js';
import { controllerOf } from '../common/owners.js';
import { timestamp } from '../common/time.js';
import { type ControllerDeps, trimmedInformer } from '../deps.js';
import {
  budgetStatus,
  countHealthy,
  countsPodsAlone,
  disruptedPods,
  expectation,
  failedStatus,
} from './budget.js';

type Budget = policy.PodDisruptionBudget;

/** Keeps the status of PodDisruptionBudgets, which evictions are decided by (upstream's disruption-controller). */
export function createDisruptionController(deps: ControllerDeps): Startable {
  const caches = {
    budgets: trimmedInformer(deps.informers, Resources.podDisruptionBudgets),
    pods: trimmedInformer(deps.informers, Resources.pods),
    deployments: trimmedInformer(deps.informers, Resources.deployments),
    replicaSets: trimmedInformer(deps.informers, Resources.replicaSets),
    replicationControllers: trimmedInformer(deps.informers, Resources.replicationControllers),
    statefulSets: trimmedInformer(deps.informers, Resources.statefulSets),
  };
  const recorder = deps.recorder('controllermanager');
  return createLoop(deps, 'disruption', () => new Run(deps, caches, recorder));
}

interface Caches {
  budgets: Informer<Budget>;
  pods: Informer<core.Pod>;
  deployments: Informer<apps.Deployment>;
  replicaSets: Informer<apps.ReplicaSet>;
  replicationControllers: Informer<core.ReplicationController>;
  statefulSets: Informer<apps.StatefulSet>;
}

class Run implements LoopRun {
  readonly workers = 1;
  readonly caches: LoopRun['caches'];
  readonly #deps: ControllerDeps;
  readonly #caches: Caches;
  readonly #recorder: EventRecorder;
  #queue: WorkQueue | undefined;

  constructor(deps: ControllerDeps, caches: Caches, recorder: EventRecorder) {
    this.#deps = deps;
    this.#caches = caches;
    this.caches = Object.values(caches);
    this.#recorder = recorder;
  }

  subscribe(queue: WorkQueue): (() => void)[] {
    this.#queue = queue;
    const enqueue = (budget: Budget) => queue.add(objectKey(budget));
    const podChanged = (pod: core.Pod) => {
      for (const budget of this.#caches.budgets.inNamespace(pod.metadata.namespace!))
        if (selects(budget, pod)) enqueue(budget);
    };
    const resized = (namespace: string) => this.#caches.budgets.inNamespace(namespace).forEach(enqueue);
    const workloads = {
      update: (object: Sized, old: Sized) => {
        if (object.spec?.replicas !== old.spec?.replicas) resized(object.metadata.namespace!);
      },
    };
    return [
      this.#caches.budgets.on({ add: enqueue, update: enqueue }),
      this.#caches.pods.on({
        add: podChanged,
        delete: podChanged,
        update: (pod, old) => {
          podChanged(pod);
          if (!semanticEqual(pod.metadata.labels, old.metadata.labels)) podChanged(old);
        },
      }),
      this.#caches.deployments.on(workloads),
      this.#caches.replicaSets.on(workloads),
      this.#caches.replicationControllers.on(workloads),
      this.#caches.statefulSets.on(workloads),
    ];
  }

  async sync(key: string): Promise<void> {
    const budget = this.#caches.budgets.get(key);
    if (budget === undefined) return;
    try {
      await this.#reconcile(key, budget);
    } catch (error) {
      if (isRoutineError(error)) throw error;
      const failed = failedStatus(budget, (error as Error).message, timestamp(this.#deps.clock));
      if (!sameStatus(failed, budget.status)) await this.#write(budget, failed);
      throw error;
    }
  }

  async #reconcile(key: string, budget: Budget): Promise<void> {
    const { spec = {}, status, metadata } = budget;
    const pods = this.#caches.pods.inNamespace(metadata.namespace!).filter((pod) => selects(budget, pod));
    if (pods.length === 0) this.#recorder.event(budget, 'Normal', 'NoPods', 'No matching pods found');
    const scale = countsPodsAlone(spec) ? 0 : this.#scaleOf(budget, pods);
    const disrupted = disruptedPods(status?.disruptedPods, pods, this.#deps.clock.now());
    for (const name of disrupted.overdue) this.#reportOverdue(budget, pods, name);
    const wanted = budgetStatus({
      ...expectation(spec, pods.length, scale),
      current: status,
      generation: metadata.generation,
      healthy: countHealthy(pods, disrupted.pods),
      disrupted: disrupted.pods,
      timestamp: timestamp(this.#deps.clock),
    });
    if (status === undefined || !sameStatus(wanted, status)) await this.#write(budget, wanted);
    if (disrupted.recheckMs !== undefined) this.#queue?.addAfter(key, disrupted.recheckMs + 1);
  }

  #reportOverdue({ metadata }: Budget, pods: core.Pod[], name: string): void {
    const message = `Pod was expected by PDB ${metadata.namespace}/${metadata.name} to be deleted but it wasn't`;
    this.#recorder.event(pods.find((pod) => pod.metadata.name === name)!, 'Warning', 'NotDeleted', message);
  }

  /** The wanted size of all controllers of the Pods; throws when one cannot be found. */
  #scaleOf(budget: Budget, pods: core.Pod[]): number {
    const sizes = new Map<string, number>();
    const unmanaged: string[] = [];
    for (const pod of pods) {
      const reference = controllerOf(pod);
      if (reference === undefined) unmanaged.push(pod.metadata.name!);
      else if (!sizes.has(reference.uid)) {
        const found = this.#controllerSize(pod);
        sizes.set(found.uid, found.size);
        sizes.set(reference.uid, found.uid === reference.uid ? found.size : 0);
      }
    }
    if (unmanaged.length > 0) {
      const message = `Pods selected by this PodDisruptionBudget (selector: ${JSON.stringify(budget.spec?.selector)}) were found to be unmanaged. As a result, the status of the PDB cannot be calculated correctly, which may result in undefined behavior. To account for these pods please set ".spec.minAvailable" field of the PDB to an integer value.`;
      this.#recorder.event(budget, 'Warning', 'UnmanagedPods', message);
    }
    return [...sizes.values()].reduce((sum, size) => sum + size, 0);
  }

  /** The Pod's controller, or the Deployment above it, and the number of Pods that it wants. */
  #controllerSize(pod: core.Pod): { uid: string; size: number } {
    const namespace = pod.metadata.namespace!;
    const { kind, name, uid } = controllerOf(pod)!;
    const owner = this.#workload(kind, `${namespace}/${name}`);
    if (owner?.metadata.uid === uid) {
      const above = kind === 'ReplicaSet' ? controllerOf(owner) : undefined;
      const deployment =
        above?.kind === 'Deployment' ? this.#caches.deployments.get(`${namespace}/${above.name}`) : undefined;
      const top = deployment?.metadata.uid === above?.uid ? (deployment ?? owner) : owner;
      return { uid: top.metadata.uid!, size: top.spec?.replicas ?? 1 };
    }
    if (owner === undefined && !(kind in WORKLOADS)) {
      const plural = `${kind.toLowerCase()}s`;
      throw new Error(
        `found no controllers for pod "${pod.metadata.name}": ${plural} does not implement the scale subresource`,
      );
    }
    throw new Error(`found no controllers for pod "${pod.metadata.name}"`);
  }

  #workload(kind: string, key: string): Sized | undefined {
    const cache = WORKLOADS[kind];
    return cache === undefined ? undefined : this.#caches[cache].get(key);
  }

  async #write(budget: Budget, status: policy.PodDisruptionBudgetStatus): Promise<void> {
    await this.#deps.client
      .resource(Resources.podDisruptionBudgets)
      .updateSubresource('status', { ...budget, status });
  }
}

/** An empty selector selects every Pod of the namespace, an absent one none. */
function selects({ spec }: Budget, pod: core.Pod): boolean {
  return selectorMatches(spec?.selector, pod.metadata.labels);
}

type Sized = apps.Deployment | apps.ReplicaSet | apps.StatefulSet | core.ReplicationController;

const WORKLOADS: Record<string, 'deployments' | 'replicaSets' | 'replicationControllers' | 'statefulSets'> = {
  Deployment: 'deployments',
  ReplicaSet: 'replicaSets',
  ReplicationController: 'replicationControllers',
  StatefulSet: 'statefulSets',
};
