import { type apps, compileSelector, type core, type KubeObject, type meta, objectKey } from '#api';
import type { Startable } from '#base';
import { type EventRecorder, type Informer, Resources, type WorkQueue } from '#client';
import { claimObjects } from '../common/claim.js';
import { BY_CONTROLLER, byController, orphansOf } from '../common/controller-index.js';
import { sameStatus } from '../common/equal.js';
import { isNamespaceTerminating } from '../common/errors.js';
import { createLoop, type LoopRun } from '../common/loop.js';
import { controllerOf, controllerReference } from '../common/owners.js';
import { PodControl, slowStart } from '../common/pod-control.js';
import { availableIn, isPodActive } from '../common/pods.js';
import { RecentWrites } from '../common/recent-writes.js';
import { isEmptySelector } from '../common/selector.js';
import { timestamp } from '../common/time.js';
import { type ControllerDeps, trimmedInformer } from '../deps.js';
import { type ReplicaKind, replicaSetKind, replicationControllerKind } from './kinds.js';
import { podsToDelete } from './ranking.js';
import { replicaStatus } from './status.js';

export interface ReplicaSetOptions {
  /** Workloads synced at a time (upstream's --concurrent-replicaset-syncs). */
  concurrentSyncs?: number;
  /** Most Pods created or deleted in one sync. */
  burstReplicas?: number;
}

/** Keeps each ReplicaSet's number of Pods (upstream's replicaset-controller). */
export function createReplicaSetController(options: ReplicaSetOptions, deps: ControllerDeps): Startable {
  return createReplicaController(options, deps, replicaSetKind);
}

/** The same for ReplicationControllers (upstream's replicationcontroller-controller). */
export function createReplicationControllerController(
  options: ReplicaSetOptions,
  deps: ControllerDeps,
): Startable {
  return createReplicaController(options, deps, replicationControllerKind);
}

function createReplicaController<T extends KubeObject>(
  options: ReplicaSetOptions,
  deps: ControllerDeps,
  kind: ReplicaKind<T>,
): Startable {
  const owners = trimmedInformer(deps.informers, kind.resource);
  const pods = trimmedInformer(deps.informers, Resources.pods);
  pods.addIndex(BY_CONTROLLER, byController);
  owners.addIndex(BY_CONTROLLER, byController);
  const recorder = deps.recorder(kind.component);
  return createLoop(deps, kind.queue, () => new Run(options, deps, kind, owners, pods, recorder));
}

class Run<T extends KubeObject> implements LoopRun {
  readonly workers: number;
  readonly caches: LoopRun['caches'];
  readonly #burst: number;
  readonly #deps: ControllerDeps;
  readonly #kind: ReplicaKind<T>;
  readonly #owners: Informer<T>;
  readonly #pods: Informer<core.Pod>;
  readonly #control: PodControl;
  readonly #recent: RecentWrites<core.Pod>;
  readonly #recentOwners: RecentWrites<T>;
  #queue: WorkQueue | undefined;

  constructor(
    options: ReplicaSetOptions,
    deps: ControllerDeps,
    kind: ReplicaKind<T>,
    owners: Informer<T>,
    pods: Informer<core.Pod>,
    recorder: EventRecorder,
  ) {
    this.workers = options.concurrentSyncs ?? 5;
    this.#burst = options.burstReplicas ?? 500;
    this.#deps = deps;
    this.#kind = kind;
    this.#owners = owners;
    this.#pods = pods;
    this.caches = [owners, pods];
    this.#control = new PodControl(deps.client, recorder);
    this.#recent = new RecentWrites(pods);
    this.#recentOwners = new RecentWrites(owners);
  }

  subscribe(queue: WorkQueue): (() => void)[] {
    this.#queue = queue;
    const enqueue = (owner: T) => queue.add(objectKey(owner));
    return [
      this.#owners.on({ add: enqueue, update: enqueue, delete: enqueue }),
      this.#pods.on({
        add: (pod) => this.#podChanged(pod, queue),
        update: (pod, old) => {
          const moved = controllerOf(old)?.uid !== controllerOf(pod)?.uid;
          if (moved) this.#podChanged(old, queue);
          this.#podChanged(pod, queue);
        },
        delete: (pod) => {
          const owner = this.#ownerOf(pod);
          if (owner !== undefined) queue.add(objectKey(owner));
        },
      }),
    ];
  }

  /** Concerns the Pod's owner, or every workload that might adopt it. */
  #podChanged(pod: core.Pod, queue: WorkQueue): void {
    if (controllerOf(pod) !== undefined) {
      const owner = this.#ownerOf(pod);
      if (owner !== undefined) queue.add(objectKey(owner));
      return;
    }
    if (pod.metadata.deletionTimestamp !== undefined) return;
    for (const owner of this.#owners.inNamespace(pod.metadata.namespace!)) {
      const { selector } = this.#kind.spec(owner);
      if (!isEmptySelector(selector) && compileSelector(selector)(pod.metadata.labels))
        queue.add(objectKey(owner));
    }
  }

  #ownerOf(pod: core.Pod): T | undefined {
    const reference = controllerOf(pod);
    if (reference === undefined || reference.kind !== this.#kind.resource.kind) return undefined;
    const owner = this.#owners.get(`${pod.metadata.namespace}/${reference.name}`);
    return owner?.metadata.uid === reference.uid ? owner : undefined;
  }

  async sync(key: string): Promise<void> {
    const cached = this.#owners.get(key);
    if (cached === undefined) return this.#forget(key);
    const owner = this.#recentOwners.merge(key, [cached])[0] ?? cached;
    const spec = this.#kind.spec(owner);
    if (isEmptySelector(spec.selector)) return;
    const pods = await this.#claim(key, owner);
    const failure =
      owner.metadata.deletionTimestamp === undefined ? await this.#scale(key, owner, pods) : undefined;
    await this.#writeStatus(key, owner, failure);
    if (failure !== undefined && !isNamespaceTerminating(failure)) throw failure;
  }

  #forget(key: string): void {
    this.#recent.forget(key);
    this.#recentOwners.forget(key);
  }

  async #claim(key: string, owner: T): Promise<core.Pod[]> {
    const { selector } = this.#kind.spec(owner);
    const client = this.#deps.client;
    return claimObjects({
      owner,
      reference: this.#reference(owner),
      matches: compileSelector(selector),
      objects: this.#candidates(key, owner).filter(isPodActive),
      client: client.resource(Resources.pods),
      readOwner: () =>
        client.resource(this.#kind.resource).get(owner.metadata.name!, owner.metadata.namespace),
      wrote: (pod) => this.#recent.wrote(key, pod),
    });
  }

  /** Pods that are owned or free to be adopted, own writes included. */
  #candidates(key: string, owner: T): core.Pod[] {
    const owned = this.#pods.byIndex(BY_CONTROLLER, owner.metadata.uid!);
    const orphans = this.#pods.byIndex(BY_CONTROLLER, orphansOf(owner.metadata.namespace));
    return this.#recent.merge(key, [...owned, ...orphans]);
  }

  #reference(owner: T): meta.OwnerReference {
    return controllerReference(owner, this.#kind.resource);
  }

  /** Creates or deletes towards the wanted number; returns the first error. */
  async #scale(key: string, owner: T, pods: core.Pod[]): Promise<unknown> {
    const { replicas, template } = this.#kind.spec(owner);
    const missing = replicas - pods.length;
    if (missing > 0) {
      const { error } = await slowStart(Math.min(missing, this.#burst), async () => {
        const pod = await this.#control.create(owner, this.#reference(owner), template);
        this.#recent.wrote(key, pod);
      });
      return error;
    }
    if (missing === 0) return undefined;
    const surplus = Math.min(-missing, this.#burst);
    const doomed = podsToDelete(pods, this.#relatedPods(owner), surplus, this.#deps.clock.now());
    const results = await Promise.allSettled(doomed.map((pod) => this.#delete(key, owner, pod)));
    const failed = results.find((result) => result.status === 'rejected');
    return failed?.reason;
  }

  async #delete(key: string, owner: T, pod: core.Pod): Promise<void> {
    await this.#control.delete(owner, pod);
    this.#recent.deleted(key, pod);
  }

  /** Active Pods of all workloads with the same controller: their spread decides which node is crowded. */
  #relatedPods(owner: T): core.Pod[] {
    const controller = controllerOf(owner);
    const siblings = controller === undefined ? [owner] : this.#owners.byIndex(BY_CONTROLLER, controller.uid);
    return siblings
      .flatMap((sibling) => this.#pods.byIndex(BY_CONTROLLER, sibling.metadata.uid!))
      .filter(isPodActive);
  }

  async #writeStatus(key: string, owner: T, failure: unknown): Promise<void> {
    const { replicas, minReadySeconds, selector, template } = this.#kind.spec(owner);
    const matches = compileSelector(selector);
    const uid = owner.metadata.uid;
    const pods = this.#candidates(key, owner).filter(
      (pod) => controllerOf(pod)?.uid === uid && matches(pod.metadata.labels),
    );
    const current = (owner as { status?: apps.ReplicaSetStatus }).status;
    const now = this.#deps.clock.now();
    const status = replicaStatus({
      current,
      generation: owner.metadata.generation,
      replicas,
      minReadySeconds,
      templateLabels: template.metadata?.labels ?? {},
      pods,
      failure: failure === undefined ? undefined : (failure as Error).message,
      now,
      timestamp: timestamp(this.#deps.clock),
    });
    const changed = this.#kind.withStatus(owner, status);
    if (!sameStatus(current, (changed as { status?: apps.ReplicaSetStatus }).status))
      await this.#putStatus(key, changed);
    const waits = pods.map((pod) => availableIn(pod, minReadySeconds, now)).filter((ms) => ms !== undefined);
    if (waits.length > 0) this.#queue?.addAfter(key, Math.min(...waits));
  }

  async #putStatus(key: string, owner: T): Promise<void> {
    try {
      const written = await this.#deps.client
        .resource(this.#kind.resource)
        .updateSubresource('status', owner);
      this.#recentOwners.wrote(key, written);
    } catch (error) {
      this.#recentOwners.forget(key);
      throw error;
    }
  }
}
